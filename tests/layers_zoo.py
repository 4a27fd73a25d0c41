"""Layers of frameworks and of papers in the notation: what `test_layers_zoo` evaluates.

Sources: the operators of TVM, Tensor Comprehensions, tensorgrad, einconv, Halide and `torch.nn`.
`tests/support/zoo_torch.py` has those that PyTorch has too, by the same names.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from tests.layers_zoo_smooth import SMOOTH

_COMMON = (
    "N=2 C=3 O=2 G=2 H=7 V=6 U=5 P=3 Q=3 R=2 K=3 L=2 M=2 I=3 J=4 D=2 E=2 F=3 B=2 T=5 A=2 "
    "s=2 d=1 lo=1 t=2 e=1 lp=1 u=1 f=1 lq=0"
)
"""Sizes and parameters that an entry does not name."""


@dataclass(frozen=True)
class ZooLayer:
    """A layer of the zoo.

    Attributes:
        name: its name.
        text: a name of the catalogue, or a layer or a program in the notation.
        exact: whether it is compared in integers: its values are rational.
        sizes: sizes and parameters other than those of `_COMMON`, as ``N=2 eps=1/4``.
        positive: whether its entries are drawn from 1/2 to 3/2, not from all numbers.
        whole: whether integer arrays give whole numbers.

    """

    name: str
    text: str
    exact: bool
    sizes: str = ""
    positive: bool = False
    whole: bool = True

    @property
    def values(self) -> dict[str, Any]:
        """Return the sizes and parameters."""
        words = (word.partition("=") for word in f"{_COMMON} {self.sizes}".split())
        return {n: Fraction(v) if "/" in v else int(v) for n, _, v in words}


POLYNOMIAL: dict[str, tuple[str, str]] = {
    # convolutions
    "conv1d": ("conv1d", "H=6"),
    "conv2d": ("conv2d", "H=6 V=5"),
    "conv3d": ("conv3d", "H=4 V=4 U=3 K=2 N=1 lo=0 P=2"),
    "conv2d_grouped": ("conv2d_grouped", "H=5 V=5 C=2 N=1"),
    "conv2d_nhwc": ("conv2d_nhwc", "H=6 V=5"),
    "depthwise_conv1d": ("depthwise_conv1d", "H=6"),
    "depthwise_conv2d": ("depthwise_conv2d", "H=6 V=5"),
    "conv_transpose1d": ("conv_transpose1d", "P=3 H=6"),
    "conv_transpose2d": ("conv_transpose2d", "P=3 Q=3 H=5 V=4 N=1"),
    "conv_transpose3d": ("conv_transpose3d", "P=2 Q=2 R=2 H=3 V=2 I=3 C=2 N=1 K=3 L=2 M=2 lp=1"),
    "conv_transpose2d_grouped": ("conv_transpose2d_grouped", "H=5 V=4 Q=2 C=2 N=1"),
    "true_conv1d_batched": ("true_conv1d_batched", "lo=-2"),
    "true_conv2d": ("true_conv2d", "P=4 Q=4"),
    "correlation2d": ("correlation2d", ""),
    "local1d": ("local1d", "H=6"),
    "local2d": ("local2d", "N=1 H=5 V=5"),
    "depthwise_conv3d": ("depthwise_conv3d", "H=4 V=4 U=3 K=2 N=1 lo=0 P=2 lp=0 Q=2"),
    "causal_conv1d": ("causal_conv1d", "d=2 T=7"),
    "circular_conv1d": ("circular_conv1d", "P=4 H=4"),
    "circular_conv2d": ("circular_conv2d", "P=4 H=4 Q=3 V=3 K=3 L=3 N=1 C=2"),
    "reflected_pad": ("x[N,H]; y[n,p] = x[n,reflect(p-2)]", "H=4 P=8"),
    "replicated_pad": ("x[N,H]; y[n,p] = x[n,replicate(p-2)]", "H=4 P=8"),
    "periodic_table": ("y[n,p] = x[n,p] * w[p % s]", "P=5 R=2 Q=2 K=2 I=2 H=2"),
    "pointwise_conv2d": ("y[n,o,p,q] = sum[c] x[n,c,p,q] * w[o,c] + b[o]", ""),
    "separable_conv2d": (
        "a[n,c,p,q] = sum[k,l] x[n,c,p+k-lo,q+l-lo] * u[c,k,l]; "
        "y[n,o,p,q] = sum[c] a[n,c,p,q] * w[o,c]",
        "H=3 V=3 K=3 L=3",
    ),
    "residual_block": (
        "x[N,C,P]; w[C,C,K]; u[C,C,K]; z[N,C,P]; b[N,C,P]; "
        "z[n,c,p] = sum[e,k] x[n,e,p+k-1] * w[c,e,k]; a[n,c,p] = relu(z[n,c,p]); "
        "b[n,c,p] = sum[e,k] a[n,e,p+k-1] * u[c,e,k]; y[n,c,p] = relu(b[n,c,p] + x[n,c,p])",
        "C=2 P=4",
    ),
    "dynamic_conv1d": (
        "y[n,o,p] = sum[e,c,k] a[n,e] * w[e,o,c,k] * x[n,c,p+k-lo]",
        "H=5",
    ),
    "dynamic_conv2d": ("dynamic_conv2d", "H=4 V=3 P=4 Q=4 N=1"),
    "involution2d": ("involution2d", "C=2 H=3 V=3 K=3 L=3 N=1"),
    "correlation_layer": ("correlation_layer", "D=3 E=3 H=3 V=3 C=2"),
    "shift": ("y[n,c,p] = x[n,c,p-off] * w[c]", "off=2 H=5 P=5"),
    "unsharp_mask": (
        "b[p] = 1/4 * x[p-1] + 1/2 * x[p] + 1/4 * x[p+1]; y[p] = x[p] + a[] * (x[p] - b[p])",
        "P=6",
    ),
    "harris_corners": (
        "u[P,Q]; v[P,Q]; u[p,q] = x[p+1,q] - x[p-1,q]; v[p,q] = x[p,q+1] - x[p,q-1]; "
        "a[p,q] = u[p,q]^2; b[p,q] = u[p,q] * v[p,q]; c[p,q] = v[p,q]^2; "
        "y[p,q] = a[p,q] * c[p,q] - b[p,q]^2 - k[] * (a[p,q] + c[p,q])^2",
        "P=4 Q=4 H=4 V=4",
    ),
    # products
    "linear": ("linear", ""),
    "dense": ("dense", ""),
    "bilinear": ("bilinear", ""),
    "batched_product": ("y[b,i,j] = sum[k] a[b,i,k] * c[b,k,j]", ""),
    "query_key": ("y[b,h,i,j] = sum[d] q[b,h,i,d] * k[b,h,j,d]", "H=2"),
    "transposed_batched_product": ("y[b,i,j] = sum[k] a[b,k,i] * c[b,j,k]", ""),
    "chain_of_four_matrices": ("y[i,m] = sum[j,k,l] a[i,j] * b[j,k] * c[k,l] * d[l,m]", ""),
    "outer_product": ("y[n,i,j] = a[n,i] * b[n,j]", ""),
    "diagonal": ("y[i,j] = [i == j] * x[i] + w[i,j]", "I=3 J=3"),
    "trace": ("y[n] = sum[i] x[n,i,i] * w[i]", ""),
    "fcrelu": ("z[n,o] = sum[c] x[n,c] * w[o,c] + b[o]; y[n,o] = relu(z[n,o])", ""),
    "two_layer_perceptron": (
        "h[n,k] = relu(sum[c] x[n,c] * w[k,c] + b[k]); y[n,o] = sum[k] h[n,k] * u[o,k] + a[o]",
        "",
    ),
    "kronecker": ("kronecker", ""),
    "tensor_train": ("tensor_train", "I=2 J=2 K=2 A=2 B=2 C=2 R=2 M=2"),
    "tucker": ("y[i,j,k] = sum[a,b,c] g[a,b,c] * u[i,a] * v[j,b] * w[k,c]", "A=2 B=2 C=2"),
    "canonical_polyadic": ("y[i,j,k] = sum[r] u[i,r] * v[j,r] * w[k,r]", ""),
    "tensor_contraction": ("y[n,i,j] = sum[h,v] x[n,h,v] * u[i,h] * w[j,v]", "H=3 V=2"),
    "factorization_machine": (
        "y[n] = b[] + sum[i] w[i] * x[n,i] + 1/2 * sum[i,j,k] v[i,k] * v[j,k] * x[n,i] * x[n,j]"
        " - 1/2 * sum[i,k] v[i,k]^2 * x[n,i]^2",
        "K=2",
    ),
    "graph_convolution": ("y[m,o] = sum[k,c] a[m,k] * x[k,c] * w[c,o]", "M=3 K=3"),
    "lookup_by_weights": ("y[n,c] = sum[v] onehot[n,v] * w[v,c]", "V=4"),
    "segment_sum": ("y[g,c] = sum[n] member[n,g] * x[n,c]", ""),
    "mahalanobis": ("y[n] = sum[i,j] (x[n,i] - m[i]) * w[i,j] * (x[n,j] - m[j])", "J=3"),
    "linear_attention": ("y[i,f] = sum[d,j] q[i,d] * k[j,d] * v[j,f]", ""),
    "causal_linear_attention": ("y[i,f] = sum[d,j] [j <= i] * q[i,d] * k[j,d] * v[j,f]", "I=4"),
    "product_of_lookup_tables": (
        "a[n,d] = sum[i] p[n,i] * u[i,d]; b[n,d] = sum[j] q[n,j] * w[j,d]; "
        "y[n] = sum[d] a[n,d] * b[n,d]",
        "",
    ),
    "mixture_of_experts": ("y[n,o] = sum[e,c] gate[n,e] * w[e,o,c] * x[n,c]", ""),
    # pooling, and entries moved
    "avg_pool1d": ("avg_pool1d", "H=6"),
    "avg_pool2d": ("avg_pool2d", "H=6 V=5 N=1"),
    "avg_pool3d": ("avg_pool3d", "H=4 V=4 U=3 N=1 C=2 K=2 lo=0 lp=0 P=2 Q=2"),
    "global_avg_pool2d": ("y[n,c] = sum[p,q] x[n,c,p,q] * mean[]", ""),
    "selected_pool1d": ("selected_pool1d", "H=6"),
    "max_pool1d": ("max_pool1d", ""),
    "max_pool2d": ("max_pool2d", "N=1"),
    "max_pool3d": ("max_pool3d", "H=3 V=3 U=3 N=1 C=2 P=2 Q=2 R=2 K=2 L=2 M=2 s=1 t=1 u=1"),
    "min_pool1d": ("w[N,C,P,K]; w[n,c,p,k] = x[n,c,s*p+k]; y[n,c,p] = min[k] w[n,c,p,k]", "H=7"),
    "global_max_pool1d": ("y[n,c] = max[p] x[n,c,p]", ""),
    "maxout": ("y[n,o] = max[k] (sum[c] x[n,c] * w[o,k,c] + b[o,k])", ""),
    "unfold1d": ("unfold1d", "H=6"),
    "unfold2d": ("unfold2d", "H=6 V=6 N=1 L=3"),
    "fold1d": ("fold1d", "H=6"),
    "fold2d": ("fold2d", "H=6 V=5 N=1 C=2"),
    "pixel_shuffle": ("pixel_shuffle", "r=2 P=2 Q=3 H=4 V=6 C=2 N=1"),
    "pixel_unshuffle": ("pixel_unshuffle", "r=2 H=4 V=6 P=2 Q=3 C=2 N=1 A=2 B=2"),
    "channel_shuffle": ("y[n,c,g,p] = x[n,g,c,p] * w[g,c]", ""),
    "upsample_nearest1d": ("upsample_nearest1d", "P=6 H=3"),
    "upsample_nearest2d": ("upsample_nearest2d", "H=2 V=3 P=4 Q=6 C=2"),
    "embedding": ("embedding", "V=4 T=3"),
    "resize_by_weights": ("y[n,p,q] = sum[h,v] x[n,h,v] * a[p,h] * b[q,v]", "H=3 V=2"),
    "flip": ("x[N,H]; y[N,H]; y[n,h] = x[n,H-1-h] * w[h]", "H=4"),
    "cumulative_sum": ("y[n,i] = sum[j] [j <= i] * x[n,j]", "J=4 I=4"),
    "crop_and_pad": ("y[n,p] = x[n,p+a] * w[p]", "a=-2 H=5 P=8"),
    "total_variation": ("y[n] = sum[i] (x[n,i+1] - x[n,i])^2", "H=4"),
    # products, and the larger of two
    "product": ("y[n,c] = prod[p] x[n,c,p]", ""),
    "product_over_two_axes": ("y[c] = prod[n,p] (x[n,c,p] - w[c,p]) * v[c]", ""),
    "squared_product": ("u[n] = prod[i] x[n,i]; y[n] = u[n]^2 - u[n] * w[n]", ""),
    "maximum": ("y[n,i] = max(x[n,i], w[i])", ""),
    "clamp": ("y[i] = min(max(x[i], -1), 2)", ""),
    "l1_distance": ("y[n] = sum[i] abs(x[n,i] - w[i])", ""),
    "square_of_a_sum": ("y[n] = (sum[i] x[n,i])^2 - (sum[i] x[n,i]) * (sum[i] w[i])", ""),
    # losses and activations that are exact
    "squared_error": ("squared_error", ""),
    "hinge_loss": ("y[] = sum[n] relu(1 - t[n] * z[n])", ""),
    "leaky_relu": ("y[i] = relu(x[i]) - a[] * relu(-x[i])", ""),
    "relu6": ("y[i] = relu(x[i]) - relu(x[i] - 6 * one[])", ""),
    "softshrink": ("y[i] = relu(x[i] - a[]) - relu(-x[i] - a[])", ""),
    "hard_tanh": ("y[i] = relu(x[i] + 5/2) - relu(x[i] - 5/2) - 5/2", ""),
    "l1_loss": ("y[] = sum[n] abs(x[n] - t[n])", ""),
    "scale_and_bias": ("y[n,c,p] = x[n,c,p] * g[c] + b[c]", ""),
}
"""Layers whose values are rational: their texts and sizes."""


def _smooth(name: str, text: str, sizes: str) -> ZooLayer:
    positive = sizes.startswith("positive")
    return ZooLayer(name, text, False, sizes.removeprefix("positive"), positive)


FRACTIONS = frozenset(
    ("unsharp_mask", "factorization_machine", "squared_error", "hard_tanh", "maximum", "clamp")
)
"""Exact layers with coefficients or values of functions that are no integers."""

ZOO: tuple[ZooLayer, ...] = (
    *(
        ZooLayer(name, text, True, sizes, whole=name not in FRACTIONS)
        for name, (text, sizes) in POLYNOMIAL.items()
    ),
    *(_smooth(name, text, sizes) for name, (text, sizes) in SMOOTH.items()),
)
"""Every layer."""
