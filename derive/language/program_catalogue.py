"""The programs that have a name: their texts, as one writes them.

The names of operands are those of papers: x and y, w a weight, g and b the scale and the shift of a
normalization, q, k and v the queries, keys and values of an attention, t a target.
"""

from __future__ import annotations

_SOFTMAX = "e[n,j] = exp(x[n,j] - m[n]); y[n,j] = e[n,j] / sum[i] e[n,i]"
_SCORES = "z[n,i,j] = scale * sum[d] q[n,i,d] * k[n,j,d]; m[n,i] = max[j] z[n,i,j]"
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


PROGRAMS: dict[str, str] = {
    "softmax": f"m[n] = max[j] x[n,j]; {_SOFTMAX}",
    "log_softmax": (
        "m[n] = max[j] x[n,j]; u[n,j] = x[n,j] - m[n]; s[n] = sum[i] exp(u[n,i]); "
        "y[n,j] = u[n,j] - log(s[n])"
    ),
    "cross_entropy": (
        "m[n] = max[o] z[n,o]; u[n,o] = z[n,o] - m[n]; s[n] = sum[o] exp(u[n,o]); "
        "C[] = sum[n,o] t[n,o] * (log(s[n]) - u[n,o])"
    ),
    "layer_norm": _normalized("c", "n", "n,c", "c"),
    "rms_norm": "r[n] = rsqrt(sum[c] x[n,c]^2 / C + eps); y[n,c] = x[n,c] * r[n] * g[c]",
    "group_norm": _normalized("c,p", "n,a", "n,a,c,p", "a,c"),
    "batch_norm": _normalized("n,p", "c", "n,c,p", "c"),
    "attention": f"{_SCORES}; e[n,i,j] = exp(z[n,i,j] - m[n,i]); {_WEIGHTED}",
    "causal_attention": (
        "z[n,i,j] = scale * sum[d] q[n,i,d] * k[n,j,d]; e[n,i,j] = [j <= i] * exp(z[n,i,j]); "
        f"{_WEIGHTED}"
    ),
    "max_pool1d": "u[N,C,P,K]; u[n,c,p,k] = x[n,c,s*p+d*k]; y[n,c,p] = max[k] u[n,c,p,k]",
    "max_pool2d": (
        "u[N,C,P,Q,K,L]; u[n,c,p,q,k,l] = x[n,c,s*p+d*k,t*q+e*l]; "
        "y[n,c,p,q] = max[k,l] u[n,c,p,q,k,l]"
    ),
    "swiglu": "y[n,o] = silu(sum[c] x[n,c] * w[o,c]) * sum[c] x[n,c] * v[o,c]",
    "squeeze_excite": (
        "m[n,c] = sum[p,q] x[n,c,p,q] / P / Q; h[n,k] = relu(sum[c] m[n,c] * u[k,c]); "
        "y[n,c,p,q] = x[n,c,p,q] * sigmoid(sum[k] h[n,k] * w[c,k])"
    ),
    "cosine_similarity": (
        "y[n] = sum[d] a[n,d] * b[n,d] * rsqrt(sum[d] a[n,d]^2) * rsqrt(sum[d] b[n,d]^2)"
    ),
    "pairwise_distance": "y[n] = sqrt(sum[d] (a[n,d] - b[n,d])^2 + eps)",
    "lstm_cell": (
        "z[n,a,k] = sum[c] x[n,c] * w[a,k,c] + sum[j] h[n,j] * u[a,k,j] + b[a,k]; "
        "cell[n,k] = sigmoid(z[n,1,k]) * old[n,k] + sigmoid(z[n,0,k]) * tanh(z[n,2,k]); "
        "y[n,k] = sigmoid(z[n,3,k]) * tanh(cell[n,k])"
    ),
}
"""The programs, by name."""
