"""Gradients of the layers and programs of the catalogue, each about the catalogue's own text.

A sign or an index that is wrong in the catalogue leaves its theorem without a proof.
"""

from __future__ import annotations

from dataclasses import dataclass

from rot180.derive.language.layers import catalogue
from rot180.derive.language.program_catalogue import PROGRAMS
from rot180.derive.theorems.programs import GradientForm, shifted
from rot180.derive.theorems.registry import Claim, claim


@dataclass(frozen=True)
class Catalogued:
    """The form of a gradient of a layer of the catalogue.

    Attributes:
        name: the name of the layer.
        wrt: the operand.
        gradient: the gradient as text.
        words: the gradient in words.
        where: definitions that the gradient uses, as text.

    """

    name: str
    wrt: str
    gradient: str
    words: str
    where: tuple[str, ...] = ()

    def claim(self) -> Claim:
        """State that the gradient has this form; the shift of a softmax is an operand."""
        text = shifted(self.name) if self.name in PROGRAMS else catalogue()[self.name]
        return GradientForm(text, self.wrt, self.gradient, self.words, self.where).claim()


_FIRST, _SECOND = "[h + lo == s*p + d*k]", "[v + lp == t*q + e*l]"
_BACK = "h-k+lo,v-l+lp"

FORMS: dict[str, Catalogued] = {
    # filters
    "causal_conv_input": Catalogued(
        "causal_conv1d",
        "x",
        "sum[o,k] grad_y[n,o,h+d*k] * w[o,c,k]",
        "a convolution that looks ahead, with the transposed channels",
    ),
    "causal_conv_weight": Catalogued(
        "causal_conv1d",
        "w",
        "sum[n,t] grad_y[n,o,t] * x[n,c,t-d*k]",
        "the output gradient times the input of k steps before",
    ),
    "circular_conv_input": Catalogued(
        "circular_conv1d",
        "x",
        "sum[o,k] grad_y[n,o,h-k+lo] * w[o,c,k] + sum[o,k] grad_y[n,o,h-k+lo-H] * w[o,c,k]"
        " + sum[o,k] grad_y[n,o,h-k+lo+H] * w[o,c,k]",
        "three full passes, a circumference apart",
    ),
    "depthwise_input_1d": Catalogued(
        "depthwise_conv1d",
        "x",
        f"sum[p,k] grad_y[n,c,p] * w[c,k] * {_FIRST}",
        "each channel back through its own filter",
    ),
    "local_weight_1d": Catalogued(
        "local1d",
        "w",
        "sum[n] grad_y[n,o,p] * x[n,c,s*p+d*k-lo]",
        "the output gradient times the input, summed over the batch alone",
    ),
    "local_input_2d": Catalogued(
        "local2d",
        "x",
        f"sum[o,p,q,k,l] grad_y[n,o,p,q] * w[o,c,p,q,k,l] * {_FIRST} * {_SECOND}",
        "each output gradient back through the filter of its place",
    ),
    "dynamic_conv_input": Catalogued(
        "dynamic_conv2d",
        "x",
        f"sum[e,o,k,l] a[n,e] * w[e,o,c,k,l] * grad_y[n,o,{_BACK}]",
        "the full pass with the mixture of the sample",
    ),
    "involution_input": Catalogued(
        "involution2d",
        "x",
        f"sum[k,l] w[n,g,k,l,{_BACK}] * grad_y[n,g,c,{_BACK}]",
        "each output gradient back through the filter of its place",
    ),
    "correlation_layer_first": Catalogued(
        "correlation_layer",
        "a",
        "sum[d,e] grad_y[n,d,e,p,q] * b[n,c,d+p-lo,e+q-lp]",
        "the displaced second image, weighted by the output gradient",
    ),
    # products
    "bilinear_input": Catalogued(
        "bilinear",
        "x",
        "sum[o,j] grad_y[n,o] * w[o,i,j] * z[n,j]",
        "a bilinear form of the output gradient and the other input",
    ),
    "bilinear_weight": Catalogued(
        "bilinear",
        "w",
        "sum[n] grad_y[n,o] * x[n,i] * z[n,j]",
        "the outer product of output gradient and inputs, summed over the batch",
    ),
    "tensor_train_input": Catalogued(
        "tensor_train",
        "x",
        "sum[i,j,k,r,m] grad_y[n,i,j,k] * u[i,a,r] * v[r,j,b,m] * w[m,k,c]",
        "the train with its cores transposed",
    ),
    "kronecker_input": Catalogued(
        "kronecker",
        "x",
        "sum[i,j] a[i,k] * b[j,l] * grad_y[n,i,j]",
        "the Kronecker product of the transposed factors",
    ),
    # entries moved
    "unfold_input_1d": Catalogued(
        "unfold1d",
        "x",
        f"sum[k,p] grad_y[n,c,k,p] * {_FIRST}",
        "fold: windows, added up where they overlap",
    ),
    "fold_input_1d": Catalogued(
        "fold1d", "x", "grad_y[n,c,s*p+d*k-lo]", "unfold: the windows of the output gradient"
    ),
    "pixel_shuffle_input": Catalogued(
        "pixel_shuffle", "x", "grad_y[n,c,r*p+r1,r*q+r2]", "the inverse: pixels become channels"
    ),
    "pixel_unshuffle_input": Catalogued(
        "pixel_unshuffle",
        "x",
        "sum[a,b,p,q] grad_y[n,c,a,b,p,q] * [h == r*p + a] * [v == r*q + b]",
        "the inverse: channels become pixels",
    ),
    "upsample_nearest_1d": Catalogued(
        "upsample_nearest1d",
        "x",
        "sum[p] grad_y[n,c,p] * [0 <= p - s*h < s]",
        "the sum over the s outputs that repeat an input",
    ),
    "upsample_linear_1d": Catalogued(
        "upsample_linear1d",
        "x",
        "sum[p] grad_y[n,c,p] * a[p,h]",
        "the outputs that an input is near to, with the same weights",
    ),
    "embedding_table": Catalogued(
        "embedding",
        "w",
        "sum[n,t] grad_y[n,t,c] * onehot_idx[n,t,v]",
        "the output gradients of all places that name the row",
    ),
    "rotary_embedding_input": Catalogued(
        "rotary_embedding",
        "x",
        "grad_y[n,t,i2,d] * cos_t_d[t,d] + grad_y[n,t,i2+1,d] * sin_t_d[t,d]"
        " - grad_y[n,t,i2-1,d] * sin_t_d[t,d]",
        "the output gradient, turned back by the same angle",
    ),
    # pooling
    "max_pool_windows_1d": Catalogued(
        "max_pool1d",
        "x",
        "sum[p,k] grad_y[n,c,p] * largest_u[n,c,p,k] * [s*p + d*k == h]",
        "each output gradient to the largest entry of its window",
    ),
    "lp_pool_input": Catalogued(
        "lp_pool1d",
        "x",
        "sum[p,k] grad_y[n,c,p] * y[n,c,p] * reciprocal(a[])"
        " * reciprocal(sum_exp_exponent_of_u[n,c,p]) * exp(exponent_of_u[n,c,p,k]) * a[]"
        " * reciprocal(u[n,c,p,k]) * [s*p + k == h]",
        "the share that an entry has in the sum of powers, over the entry, times the output",
    ),
    "adaptive_avg_pool_1d": Catalogued(
        "adaptive_avg_pool1d",
        "x",
        "sum[p] grad_y[n,c,p] * b[p,h] * reciprocal(a[p])",
        "an equal share of the output gradient of each window",
    ),
}
"""The forms, by the names of the theorems."""

for _name, _form in FORMS.items():
    claim(_name, _form.claim)
