"""The layers of the zoo with exponentials, roots and quotients, by name: their texts and sizes."""

from __future__ import annotations

SMOOTH: dict[str, tuple[str, str]] = {
    # activations and gates
    "sigmoid": ("y[i] = sigmoid(x[i])", ""),
    "tanh": ("y[i] = tanh(x[i])", ""),
    "gelu": ("y[i] = gelu(x[i])", ""),
    "silu": ("y[i] = silu(x[i])", ""),
    "softplus": ("y[i] = softplus(x[i])", ""),
    "swish": ("y[i] = x[i] * sigmoid(b[] * x[i])", ""),
    "mish": ("y[i] = x[i] * tanh(softplus(x[i]))", ""),
    "log_sigmoid": ("y[i] = -softplus(-x[i])", ""),
    "tanhshrink": ("y[i] = x[i] - tanh(x[i])", ""),
    "elu": ("y[i] = relu(x[i]) + exp(-relu(-x[i])) - 1", ""),
    "glu": ("glu", ""),
    "swiglu": ("swiglu", ""),
    "geglu": ("geglu", ""),
    "gated_tanh": ("x[N,2,C]; y[n,c] = tanh(x[n,0,c]) * sigmoid(x[n,1,c])", ""),
    "highway": (
        "t[n,c] = sigmoid(sum[e] x[n,e] * u[c,e] + a[c]); h[n,c] = relu(sum[e] x[n,e] * w[c,e]); "
        "y[n,c] = h[n,c] * t[n,c] + x[n,c] * (1 - t[n,c])",
        "",
    ),
    "squeeze_excite": ("squeeze_excite", ""),
    # softmax and losses
    "softmax": ("softmax", ""),
    "softmin": (
        "m[n] = min[j] x[n,j]; e[n,j] = exp(m[n] - x[n,j]); y[n,j] = e[n,j] / sum[i] e[n,i]",
        "",
    ),
    "log_softmax": ("log_softmax", ""),
    "logsumexp": ("m[n] = max[j] x[n,j]; y[n] = m[n] + log(sum[j] exp(x[n,j] - m[n]))", ""),
    "softmax_over_channels": (
        "e[n,c,p] = exp(x[n,c,p]); y[n,c,p] = e[n,c,p] / sum[o] e[n,o,p]",
        "",
    ),
    "cross_entropy": ("cross_entropy", ""),
    "binary_cross_entropy": ("y[] = sum[n] softplus(z[n]) - sum[n] t[n] * z[n]", ""),
    "poisson_loss": ("y[] = sum[n] exp(z[n]) - sum[n] t[n] * z[n]", ""),
    "kl_divergence": ("y[] = sum[n] t[n] * log(t[n]) - sum[n] t[n] * x[n]", "positive"),
    "gaussian_loss": ("y[] = 1/2 * sum[n] (log(v[n]) + (x[n] - t[n])^2 / v[n])", "positive"),
    "soft_margin_loss": ("y[] = sum[n] log(1 + exp(-t[n] * z[n]))", ""),
    "dice_loss": (
        "y[n] = 1 - 2 * sum[p] a[n,p] * b[n,p] / (sum[p] a[n,p] + sum[p] b[n,p])",
        "positive",
    ),
    "focal_loss": ("p[n] = sigmoid(z[n]); y[] = -sum[n] (1 - p[n])^2 * log(p[n])", ""),
    # normalization
    "layer_norm": ("layer_norm", "positive eps=1/4"),
    "rms_norm": ("rms_norm", "positive eps=1/4"),
    "group_norm": ("group_norm", "positive eps=1/4"),
    "batch_norm": ("batch_norm", "positive eps=1/4"),
    "instance_norm": (
        "mu[n,c] = sum[p] x[n,c,p] * mean[]; v[n,c] = sum[p] (x[n,c,p] - mu[n,c])^2 * mean[]; "
        "y[n,c,p] = (x[n,c,p] - mu[n,c]) * rsqrt(v[n,c] + eps[])",
        "positive",
    ),
    "moments": (
        "mu[n] = sum[c] x[n,c] * mean[]; y[n] = sqrt(sum[c] (x[n,c] - mu[n])^2 * mean[])",
        "positive",
    ),
    "weight_norm": (
        "y[n,o] = sum[c] x[n,c] * w[o,c] * g[o] * rsqrt(sum[e] w[o,e]^2)",
        "positive",
    ),
    "l2_normalize": ("y[n,c] = x[n,c] / sqrt(sum[e] x[n,e]^2)", "positive"),
    "l2_pool1d": ("y[n,c,p] = sqrt(sum[k] x[n,c,s*p+k]^2 * [0 <= k < K])", "positive H=7"),
    "l3_pool1d": (
        "y[n,c,p] = (sum[k] x[n,c,s*p+k]^3 * [0 <= k < K])^(1/3)",
        "positive H=7",
    ),
    "lp_pool1d": ("lp_pool1d", "positive"),
    "lp_pool2d": ("lp_pool2d", "positive N=1"),
    "adaptive_avg_pool1d": ("adaptive_avg_pool1d", "H=7 P=3"),
    "adaptive_avg_pool2d": ("adaptive_avg_pool2d", "H=5 P=3 V=4 Q=2"),
    "upsample_linear1d": ("upsample_linear1d", "H=4 P=7"),
    "upsample_bilinear2d": ("upsample_bilinear2d", "H=3 V=3 P=6 Q=5"),
    # attention
    "attention": ("attention", "scale=3/2"),
    "causal_attention": ("causal_attention", "scale=3/2 I=4"),
    "multi_head_attention": (
        "q[n,h,i,d] = sum[c] x[n,i,c] * a[h,d,c]; k[n,h,j,d] = sum[c] x[n,j,c] * b[h,d,c]; "
        "v[n,h,j,d] = sum[c] x[n,j,c] * w[h,d,c]; "
        "e[n,h,i,j] = exp(sum[d] q[n,h,i,d] * k[n,h,j,d] * s[]); "
        "o[n,h,i,d] = sum[j] e[n,h,i,j] * v[n,h,j,d] / sum[j] e[n,h,i,j]; "
        "y[n,i,c] = sum[h,d] o[n,h,i,d] * u[h,d,c]",
        "H=2 I=3 J=3 C=3",
    ),
    "relative_attention": ("relative_attention", "scale=3/2 I=3 J=3 T=5 lo=2"),
    "normalized_linear_attention": ("linear_attention", "positive"),
    "normalized_causal_linear_attention": ("causal_linear_attention", "positive I=4"),
    "additive_attention": (
        "e[i,j] = exp(sum[d] u[d] * tanh(q[i,d] + k[j,d])); "
        "y[i,f] = sum[j] e[i,j] * v[j,f] / sum[j] e[i,j]",
        "",
    ),
    "attention_pooling": (
        "e[n,j] = exp(sum[c] x[n,j,c] * w[c]); y[n,c] = sum[j] e[n,j] * x[n,j,c] / sum[j] e[n,j]",
        "",
    ),
    "graph_attention": (
        "h[i,f] = sum[c] x[i,c] * w[f,c]; "
        "e[i,j] = a[i,j] * exp(tanh(sum[f] h[i,f] * u[f] + sum[f] h[j,f] * v[f])); "
        "y[i,f] = sum[j] e[i,j] * h[j,f] / sum[j] e[i,j]",
        "positive I=3 J=3",
    ),
    # distances, cells and others
    "pairwise_distance": ("pairwise_distance", "positive eps=1/4"),
    "distances": ("y[i,j] = sqrt(sum[d] (a[i,d] - b[j,d])^2 + eps[])", "positive"),
    "cosine_similarity": ("cosine_similarity", "positive"),
    "radial_basis": ("y[n,k] = exp(-a[k] * sum[d] (x[n,d] - c[k,d])^2)", ""),
    "neural_tensor": (
        "y[n,k] = tanh(sum[i,j] a[n,i] * w[k,i,j] * b[n,j] + sum[i] u[k,i] * a[n,i] + c[k])",
        "",
    ),
    "rnn_cell": (
        "y[n,o] = tanh(sum[c] x[n,c] * w[o,c] + sum[k] h[n,k] * u[o,k] + b[o])",
        "O=2 K=2",
    ),
    "gru_cell": (
        "h[N,K]; r[n,k] = sigmoid(sum[c] x[n,c] * a[k,c] + sum[j] h[n,j] * b[k,j]); "
        "z[n,k] = sigmoid(sum[c] x[n,c] * d[k,c] + sum[j] h[n,j] * e[k,j]); "
        "m[n,k] = tanh(sum[c] x[n,c] * u[k,c] + r[n,k] * sum[j] h[n,j] * v[k,j]); "
        "y[n,k] = (1 - z[n,k]) * m[n,k] + z[n,k] * h[n,k]",
        "H=3 J=3",
    ),
    "lstm_cell": ("lstm_cell", "A=4 J=3"),
    "capsule_squash": (
        "s[n] = sum[d] x[n,d]^2; y[n,d] = x[n,d] * s[n] / (1 + s[n]) / sqrt(s[n])",
        "positive",
    ),
    "rotary_embedding": ("rotary_embedding", "D=3 base=100"),
    "soft_gated_experts": (
        "e[n,k] = exp(sum[c] x[n,c] * g[k,c]); "
        "y[n,o] = sum[k,c] e[n,k] * w[k,o,c] * x[n,c] / sum[k] e[n,k]",
        "",
    ),
}
"""Compared in floating point; the word `positive` asks for entries from 1/2 to 3/2."""
