"""Gradients of the catalogue's normalizations, attentions, gates, distances and cells.

Softmax, attention, layer and RMS normalization are in `programs`.
"""

from __future__ import annotations

from rot180.derive.theorems.catalogued import Catalogued
from rot180.derive.theorems.registry import claim

_WEIGHTS = (
    "grad_p[n,i,j] = sum[f] grad_y[n,i,f] * v[n,j,f]",
    "delta[n,i,j] = p[n,i,j] * grad_p[n,i,j] - p[n,i,j] * sum[l] grad_p[n,i,l] * p[n,i,l]",
)
_CAUSAL = (
    _WEIGHTS[0],
    "delta[n,i,j] = [0 <= i - j < I] * exp(z[n,i,j]) * reciprocal(sum_e[n,i])"
    " * grad_p[n,i,j] - [0 <= i - j < I] * exp(z[n,i,j]) * reciprocal(sum_e[n,i])"
    " * sum[l] grad_p[n,i,l] * p[n,i,l]",
)
_DELTA = "delta[n,o] = grad_y[n,o] * {}'(sum_x_times_w[n,o]) * sum[c] x[n,c] * v[o,c]"
_GATED = "sum[o] delta[n,o] * w[o,c] + sum[o] grad_y[n,o] * {}(sum_x_times_w[n,o]) * v[o,c]"
_BOTH = "both linear layers backwards, with the delta of the gate and the gated gradient"
_SQUEEZED = (
    "delta[n,c] = sigmoid'(sum_h_times_w[n,c]) * sum[p,q] grad_y[n,c,p,q] * x[n,c,p,q]",
    "back[n,k] = sum[c] delta[n,c] * w[c,k]",
)

FORMS: dict[str, Catalogued] = {
    # rows of inputs
    "cross_entropy_logits": Catalogued(
        "cross_entropy",
        "z",
        "grad_C[] * exp(u[n,o]) * reciprocal(s[n]) * sum[i] t[n,i] - grad_C[] * t[n,o]",
        "softmax times the sum of the targets, less the target",
    ),
    "group_norm_scale": Catalogued(
        "group_norm",
        "g",
        "sum[n,p] grad_y[n,a,c,p] * u[n,a,c,p] * r[n,a]",
        "the output gradient times the normalized input, summed",
    ),
    "batch_norm_scale": Catalogued(
        "batch_norm",
        "g",
        "sum[n,p] grad_y[n,c,p] * u[n,c,p] * r[c]",
        "the output gradient times the normalized input, summed over the batch",
    ),
    # attention
    "causal_attention_query": Catalogued(
        "causal_attention",
        "q",
        "scale * sum[j] delta[n,i,j] * k[n,j,d]",
        "delta times the keys",
        _CAUSAL,
    ),
    "relative_attention_bias": Catalogued(
        "relative_attention",
        "b",
        "sum[n,i] delta[n,i,t+i-lo]",
        "delta, summed along its diagonals",
        _WEIGHTS,
    ),
    "linear_attention_query": Catalogued(
        "linear_attention",
        "q",
        "sum[f] grad_y[n,i,f] * a[n,d,f] * reciprocal(s[n,i])"
        " - b[n,d] * reciprocal(s[n,i]) * sum[f] grad_y[n,i,f] * y[n,i,f]",
        "the output gradient times the summed keys and values, less its part along the output",
    ),
    "causal_linear_attention_value": Catalogued(
        "causal_linear_attention",
        "v",
        "sum[i,d] [0 <= i - j < I] * grad_y[n,i,f] * q[n,i,d] * reciprocal(s[n,i]) * k[n,j,d]",
        "the weights transposed, times the output gradient",
    ),
    # gates, distances and cells
    "glu_input": Catalogued(
        "glu",
        "x",
        "[i1 == 0] * grad_y[n,c] * sigmoid(x[n,1,c])"
        " + [i1 == 1] * grad_y[n,c] * x[n,0,c] * sigmoid'(x[n,1,c])",
        "the gate times the output gradient, and the slope of the gate times both",
    ),
    **{
        f"{name}_input": Catalogued(
            name, "x", _GATED.format(act), _BOTH, (_DELTA.format(act),)
        )
        for name, act in (("swiglu", "silu"), ("geglu", "gelu"))
    },
    "squeeze_excite_input": Catalogued(
        "squeeze_excite",
        "x",
        "grad_y[n,c,p,q] * sigmoid(sum_h_times_w[n,c])"
        " + reciprocal(value_of_P[]) * reciprocal(value_of_Q[])"
        " * sum[k] relu'(sum_m_times_u[n,k]) * back[n,k] * u[k,c]",
        "the gate times the output gradient, and an equal share of what the means get",
        _SQUEEZED,
    ),
    "cosine_similarity_input": Catalogued(
        "cosine_similarity",
        "a",
        "grad_y[n] * rsqrt(sum_a_times_a[n]) * rsqrt(sum_b_times_b[n]) * b[n,d]"
        " + 2 * grad_y[n] * rsqrt'(sum_a_times_a[n]) * rsqrt(sum_b_times_b[n]) * a[n,d]"
        " * sum[e] a[n,e] * b[n,e]",
        "the other row over both lengths, less its part along the first",
    ),
    "pairwise_distance_input": Catalogued(
        "pairwise_distance",
        "a",
        "2 * grad_y[n] * sqrt'(y_part[n]) * a_minus_b[n,d]",
        "the difference times the slope of the root, twice",
    ),
}
"""The forms, by the names of the theorems."""

for _name, _form in FORMS.items():
    claim(_name, _form.claim)
