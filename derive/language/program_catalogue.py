"""The programs that have a name: their texts, as one writes them.

The names of operands are those of papers: x and y, w a weight, g and b the scale and the shift of a
normalization, q, k and v the queries, keys and values of an attention, t a target.
"""

from __future__ import annotations

from rot180.derive.language.layer_catalogue import NamedLayer

_SOFTMAX = "e[n,j] = exp(x[n,j] - m[n]); y[n,j] = e[n,j] / sum[i] e[n,i]"
_SCORES = "z[n,i,j] = scale * sum[d] q[n,i,d] * k[n,j,d]"
_LARGEST = "m[n,i] = max[j] z[n,i,j]; e[n,i,j] = exp(z[n,i,j] - m[n,i])"
_WEIGHTED = "p[n,i,j] = e[n,i,j] / sum[l] e[n,i,l]; y[n,i,f] = sum[j] p[n,i,j] * v[n,j,f]"


def _normalized(over: str, rows: str, index: str, scaled: str) -> str:
    """Return the text of a normalization: minus the mean, over the root of the variance.

    Args:
        over: the indices that share a mean.
        rows: the indices of a mean.
        index: the indices of the input.
        scaled: the indices of scale and shift.

    """
    count = "".join(f" / {v.upper()}" for v in over.split(","))
    return (
        f"mu[{rows}] = sum[{over}] x[{index}]{count}; u[{index}] = x[{index}] - mu[{rows}]; "
        f"r[{rows}] = rsqrt(sum[{over}] u[{index}]^2{count} + eps); "
        f"y[{index}] = u[{index}] * r[{rows}] * g[{scaled}] + b[{scaled}]"
    )


def _shared(window: str, place: str, windows: str, places: str) -> str:
    """Return a bracket: whether a place is in the window of an adaptive pooling.

    The window of p has the places from ``p * H // P`` to ``((p + 1) * H - 1) // P``.

    Args:
        window: the index of a window.
        place: the index of a place.
        windows: the number of windows.
        places: the number of places.

    """
    return (
        f"[{window}*{places} <= ({place} + 1)*{windows} - 1]"
        f" * [{place}*{windows} <= ({window} + 1)*{places} - 1]"
    )


def _near(window: str, place: str, windows: str, places: str) -> str:
    """Return the weight of a place in an interpolation between the two nearest places.

    The place of an output is ``(p + 1/2) * H / P - 1/2``, moved into the input; the weight is one
    less the distance, or 0. Both are written with `abs`.

    Args:
        window: the index of an output.
        place: the index of an input.
        windows: the number of outputs.
        places: the number of inputs.

    """
    at, last = f"(({window} + 1/2)*{places}/{windows} - 1/2)", f"({places} - 1)"
    distance = f"abs((abs{at} - abs({at} - {last}) + {last})/2 - {place})"
    return f"abs((1 - {distance} + abs(1 - {distance}))/2)"


_TURN = "(t*base^(-d/D))"

NAMED_PROGRAMS: dict[str, NamedLayer] = {
    # a row of inputs
    "softmax": NamedLayer(
        f"m[n] = max[j] x[n,j]; {_SOFTMAX}",
        "exponentials over their sum, with the largest entry subtracted first",
        "Bridle, 1990; torch.nn.Softmax",
    ),
    "log_softmax": NamedLayer(
        "m[n] = max[j] x[n,j]; u[n,j] = x[n,j] - m[n]; s[n] = sum[i] exp(u[n,i]); "
        "y[n,j] = u[n,j] - log(s[n])",
        "the logarithm of softmax",
        "torch.nn.LogSoftmax",
    ),
    "cross_entropy": NamedLayer(
        "m[n] = max[o] z[n,o]; u[n,o] = z[n,o] - m[n]; s[n] = sum[o] exp(u[n,o]); "
        "C[] = sum[n,o] t[n,o] * (log(s[n]) - u[n,o])",
        "the cross-entropy of softmax and of targets that sum to one",
        "torch.nn.CrossEntropyLoss, reduction='sum'",
    ),
    # normalization
    "layer_norm": NamedLayer(
        _normalized("c", "n", "n,c", "c"),
        "a row less its mean, over the root of its variance; then a scale and a shift",
        "Ba, Kiros and Hinton, Layer Normalization, 2016, arXiv:1607.06450",
    ),
    "rms_norm": NamedLayer(
        "r[n] = rsqrt(sum[c] x[n,c]^2 / C + eps); y[n,c] = x[n,c] * r[n] * g[c]",
        "a row over the root of its mean square; then a scale",
        "Zhang and Sennrich, 2019, arXiv:1910.07467",
    ),
    "group_norm": NamedLayer(
        _normalized("c,p", "n,a", "n,a,c,p", "a,c"),
        "a group of channels less its mean, over the root of its variance",
        "Wu and He, Group Normalization, 2018, arXiv:1803.08494",
    ),
    "batch_norm": NamedLayer(
        _normalized("n,p", "c", "n,c,p", "c"),
        "a channel less its mean over the batch, over the root of its variance: training",
        "Ioffe and Szegedy, Batch Normalization, 2015, arXiv:1502.03167",
    ),
    # attention
    "attention": NamedLayer(
        f"{_SCORES}; {_LARGEST}; {_WEIGHTED}",
        "the values, weighted by the softmax of queries times keys",
        "Vaswani et al., 2017, arXiv:1706.03762",
    ),
    "causal_attention": NamedLayer(
        f"{_SCORES}; e[n,i,j] = [j <= i] * exp(z[n,i,j]); {_WEIGHTED}",
        "attention in which no query sees a later key",
        "Vaswani et al., 2017, arXiv:1706.03762",
    ),
    "relative_attention": NamedLayer(
        f"b[T]; {_SCORES} + b[j-i+lo]; {_LARGEST}; {_WEIGHTED}",
        "attention with a bias for each distance of key and query; lo is that of distance 0",
        "Shaw et al., 2018, arXiv:1803.02155; Raffel et al., T5, 2019, arXiv:1910.10683",
    ),
    "linear_attention": NamedLayer(
        "a[n,d,f] = sum[j] k[n,j,d] * v[n,j,f]; b[n,d] = sum[j] k[n,j,d]; "
        "s[n,i] = sum[d] q[n,i,d] * b[n,d]; y[n,i,f] = sum[d] q[n,i,d] * a[n,d,f] / s[n,i]",
        "attention without exponentials; q and k are positive features",
        "Katharopoulos et al., Transformers are RNNs, 2020, arXiv:2006.16236",
    ),
    "causal_linear_attention": NamedLayer(
        "s[n,i] = sum[d,j] [j <= i] * q[n,i,d] * k[n,j,d]; "
        "y[n,i,f] = sum[d,j] [j <= i] * q[n,i,d] * k[n,j,d] * v[n,j,f] / s[n,i]",
        "linear attention in which no query sees a later key",
        "Katharopoulos et al., Transformers are RNNs, 2020, arXiv:2006.16236",
    ),
    "rotary_embedding": NamedLayer(
        f"x[N,T,2,D]; y[N,T,2,D]; y[n,t,a,d] = x[n,t,a,d] * cos{_TURN}"
        f" + x[n,t,a-1,d] * sin{_TURN} - x[n,t,a+1,d] * sin{_TURN}",
        "each pair of features turned by an angle that grows with the place; base is 10000",
        "Su et al., RoFormer, 2021, arXiv:2104.09864",
    ),
    "embedding": NamedLayer(
        "y[n,t,c] = w[idx[n,t],c]",
        "the rows of a table that an array of integers names",
        "torch.nn.Embedding",
    ),
    # pooling and resizing
    "max_pool1d": NamedLayer(
        "u[N,C,P,K]; u[n,c,p,k] = x[n,c,s*p+d*k]; y[n,c,p] = max[k] u[n,c,p,k]",
        "the largest entry of each window",
        "torch.nn.MaxPool1d",
    ),
    "max_pool2d": NamedLayer(
        "u[N,C,P,Q,K,L]; u[n,c,p,q,k,l] = x[n,c,s*p+d*k,t*q+e*l]; "
        "y[n,c,p,q] = max[k,l] u[n,c,p,q,k,l]",
        "the largest entry of each window",
        "torch.nn.MaxPool2d",
    ),
    "max_pool3d": NamedLayer(
        "z[N,C,P,Q,R,K,L,M]; z[n,c,p,q,r,k,l,m] = x[n,c,s*p+d*k,t*q+e*l,u*r+f*m]; "
        "y[n,c,p,q,r] = max[k,l,m] z[n,c,p,q,r,k,l,m]",
        "the largest entry of each window",
        "torch.nn.MaxPool3d",
    ),
    "lp_pool1d": NamedLayer(
        "u[N,C,P,K]; u[n,c,p,k] = x[n,c,s*p+k]; y[n,c,p] = (sum[k] u[n,c,p,k]^a[])^(1/a[])",
        "the root of order a of the sum of powers, for positive entries",
        "Bruna et al., 2014, arXiv:1311.4025; torch.nn.LPPool1d",
    ),
    "lp_pool2d": NamedLayer(
        "u[N,C,P,Q,K,L]; u[n,c,p,q,k,l] = x[n,c,s*p+k,t*q+l]; "
        "y[n,c,p,q] = (sum[k,l] u[n,c,p,q,k,l]^a[])^(1/a[])",
        "the root of order a of the sum of powers, for positive entries",
        "Bruna et al., 2014, arXiv:1311.4025; torch.nn.LPPool2d",
    ),
    "adaptive_avg_pool1d": NamedLayer(
        f"b[p,h] = {_shared('p', 'h', 'P', 'H')}; a[p] = sum[h] b[p,h]; "
        "y[n,c,p] = sum[h] x[n,c,h] * b[p,h] / a[p]",
        "the mean of each of P windows that cover the input",
        "torch.nn.AdaptiveAvgPool1d",
    ),
    "adaptive_avg_pool2d": NamedLayer(
        f"b[p,h] = {_shared('p', 'h', 'P', 'H')}; e[q,v] = {_shared('q', 'v', 'Q', 'V')}; "
        "a[p] = sum[h] b[p,h]; d[q] = sum[v] e[q,v]; "
        "y[n,c,p,q] = sum[h,v] x[n,c,h,v] * b[p,h] * e[q,v] / a[p] / d[q]",
        "the mean of each of P x Q windows that cover the input",
        "torch.nn.AdaptiveAvgPool2d",
    ),
    "upsample_linear1d": NamedLayer(
        f"a[p,h] = {_near('p', 'h', 'P', 'H')}; y[n,c,p] = sum[h] x[n,c,h] * a[p,h]",
        "an interpolation between the two nearest entries",
        "torch.nn.Upsample, mode='linear'",
    ),
    "upsample_bilinear2d": NamedLayer(
        f"a[p,h] = {_near('p', 'h', 'P', 'H')}; b[q,v] = {_near('q', 'v', 'Q', 'V')}; "
        "y[n,c,p,q] = sum[h,v] x[n,c,h,v] * a[p,h] * b[q,v]",
        "an interpolation between the four nearest pixels",
        "torch.nn.Upsample, mode='bilinear'",
    ),
    # gates, distances and cells
    "swiglu": NamedLayer(
        "y[n,o] = silu(sum[c] x[n,c] * w[o,c]) * sum[c] x[n,c] * v[o,c]",
        "a linear layer, gated by silu of another one",
        "Shazeer, GLU Variants Improve Transformer, 2020, arXiv:2002.05202",
    ),
    "geglu": NamedLayer(
        "y[n,o] = gelu(sum[c] x[n,c] * w[o,c]) * sum[c] x[n,c] * v[o,c]",
        "a linear layer, gated by gelu of another one",
        "Shazeer, GLU Variants Improve Transformer, 2020, arXiv:2002.05202",
    ),
    "squeeze_excite": NamedLayer(
        "m[n,c] = sum[p,q] x[n,c,p,q] / P / Q; h[n,k] = relu(sum[c] m[n,c] * u[k,c]); "
        "y[n,c,p,q] = x[n,c,p,q] * sigmoid(sum[k] h[n,k] * w[c,k])",
        "channels, gated by a small network of their means",
        "Hu et al., Squeeze-and-Excitation, 2018, arXiv:1709.01507",
    ),
    "cosine_similarity": NamedLayer(
        "y[n] = sum[d] a[n,d] * b[n,d] * rsqrt(sum[d] a[n,d]^2) * rsqrt(sum[d] b[n,d]^2)",
        "the cosine of the angle between two rows",
        "torch.nn.CosineSimilarity, eps=0",
    ),
    "pairwise_distance": NamedLayer(
        "y[n] = sqrt(sum[d] (a[n,d] - b[n,d])^2 + eps)",
        "the distance of two rows; eps keeps the root from 0",
        "torch.nn.PairwiseDistance, which adds eps to each difference",
    ),
    "lstm_cell": NamedLayer(
        "w[4,K,C]; u[4,K,J]; b[4,K]; z[N,4,K]; "
        "z[n,a,k] = sum[c] x[n,c] * w[a,k,c] + sum[j] h[n,j] * u[a,k,j] + b[a,k]; "
        "cell[n,k] = sigmoid(z[n,1,k]) * old[n,k] + sigmoid(z[n,0,k]) * tanh(z[n,2,k]); "
        "y[n,k] = sigmoid(z[n,3,k]) * tanh(cell[n,k])",
        "one step of a memory with input, forget and output gates",
        "Hochreiter and Schmidhuber, 1997; Gers et al., 2000; torch.nn.LSTMCell",
    ),
}
"""The programs, by name."""

PROGRAMS: dict[str, str] = {name: p.text for name, p in NAMED_PROGRAMS.items()}
"""Their texts."""
