"""Layers that have a name: those of one definition, and what is said of each of them.

The letters of a sliding window are those of `axis_letters` in `layers`.
"""

from __future__ import annotations

from typing import NamedTuple


class NamedLayer(NamedTuple):
    """An entry of the catalogue.

    Attributes:
        text: the layer or program, in the notation.
        says: what it is, in a line.
        source: where it comes from.

    """

    text: str
    says: str
    source: str


_H, _V = "[h + lo == d*k + s*p]", "[v + lp == e*l + t*q]"

LAYERS: dict[str, NamedLayer] = {
    "bilinear": NamedLayer(
        "y[n,o] = sum[i,j] x[n,i] * w[o,i,j] * z[n,j] + bias[o]",
        "a bilinear form of two inputs, plus a bias",
        "torch.nn.Bilinear",
    ),
    "causal_conv1d": NamedLayer(
        "y[n,o,t] = sum[c,k] x[n,c,t-d*k] * w[o,c,k] + bias[o]",
        "a dilated convolution that sees no later input; tap 0 is at the present",
        "van den Oord et al., WaveNet, 2016, arXiv:1609.03499",
    ),
    "circular_conv1d": NamedLayer(
        "x[N,C,H]; y[n,o,p] = sum[c,k] x[n,c,circular(p+k-lo)] * w[o,c,k] + bias[o]",
        "a convolution whose padding wraps around",
        "torch.nn.Conv1d, padding_mode='circular'",
    ),
    "circular_conv2d": NamedLayer(
        "x[N,C,H,V]; y[n,o,p,q] = sum[c,k,l] "
        "x[n,c,circular(p+k-lo),circular(q+l-lp)] * w[o,c,k,l] + bias[o]",
        "a convolution whose padding wraps around, on both axes",
        "torch.nn.Conv2d, padding_mode='circular'",
    ),
    "local2d": NamedLayer(
        "y[n,o,p,q] = sum[c,k,l] x[n,c,s*p+d*k-lo,t*q+e*l-lp] * w[o,c,p,q,k,l] + bias[o,p,q]",
        "a convolution whose filter is another one at each output: locally connected",
        "LeCun, Generalization and Network Design Strategies, 1989",
    ),
    "dynamic_conv2d": NamedLayer(
        "y[n,o,p,q] = sum[e,c,k,l] a[n,e] * w[e,o,c,k,l] * x[n,c,p+k-lo,q+l-lp]",
        "a convolution whose filter is a mixture, with other weights for each sample",
        "Chen et al., Dynamic Convolution, 2020, arXiv:1912.03458",
    ),
    "involution2d": NamedLayer(
        "y[n,g,c,p,q] = sum[k,l] w[n,g,k,l,p,q] * x[n,g,c,p+k-lo,q+l-lp]",
        "a filter for each place and each sample, shared by the channels of a group",
        "Li et al., Involution, 2021, arXiv:2103.06255",
    ),
    "correlation_layer": NamedLayer(
        "y[n,d,e,p,q] = sum[c] a[n,c,p,q] * b[n,c,d+p-lo,e+q-lp]",
        "products of the channels of one image with those of another, displaced by d and e",
        "Dosovitskiy et al., FlowNet, 2015, arXiv:1504.06852",
    ),
    "unfold1d": NamedLayer(
        "y[n,c,k,p] = x[n,c,d*k+s*p-lo]",
        "the windows of an input as a tensor of their own",
        "torch.nn.Unfold; im2col, Chellapilla et al., 2006",
    ),
    "unfold2d": NamedLayer(
        "y[n,c,k,l,p,q] = x[n,c,d*k+s*p-lo,e*l+t*q-lp]",
        "the windows of an image as a tensor of their own",
        "torch.nn.Unfold; im2col, Chellapilla et al., 2006",
    ),
    "fold1d": NamedLayer(
        f"y[n,c,h] = sum[k,p] x[n,c,k,p] * {_H}",
        "windows, added up where they overlap",
        "torch.nn.Fold; col2im",
    ),
    "fold2d": NamedLayer(
        f"y[n,c,h,v] = sum[k,l,p,q] x[n,c,k,l,p,q] * {_H} * {_V}",
        "windows, added up where they overlap, on two axes",
        "torch.nn.Fold; col2im",
    ),
    "pixel_shuffle": NamedLayer(
        "x[N,C,r,r,P,Q]; y[N,C,H,V]; "
        "y[n,c,h,v] = sum[a,b,p,q] x[n,c,a,b,p,q] * [h == a + r*p] * [v == b + r*q]",
        "r x r channels become r x r pixels",
        "Shi et al., 2016, arXiv:1609.05158",
    ),
    "pixel_unshuffle": NamedLayer(
        "y[n,c,a,b,p,q] = x[n,c,a+r*p,b+r*q]",
        "r x r pixels become r x r channels",
        "torch.nn.PixelUnshuffle",
    ),
    "upsample_nearest1d": NamedLayer(
        "x[N,C,H]; y[n,c,p] = x[n,c,p // s]",
        "each entry s times",
        "torch.nn.Upsample, mode='nearest'",
    ),
    "upsample_nearest2d": NamedLayer(
        "x[N,C,H,V]; y[n,c,p,q] = x[n,c,p // s,q // t]",
        "each pixel s x t times",
        "torch.nn.Upsample, mode='nearest'",
    ),
    "tensor_train": NamedLayer(
        "y[n,i,j,k] = sum[a,b,c,r,m] x[n,a,b,c] * u[i,a,r] * v[r,j,b,m] * w[m,k,c]",
        "a dense layer whose matrix is a train of three small tensors",
        "Novikov et al., Tensorizing Neural Networks, 2015, arXiv:1509.06569",
    ),
    "kronecker": NamedLayer(
        "y[n,i,j] = sum[k,l] a[i,k] * b[j,l] * x[n,k,l]",
        "a dense layer whose matrix is the Kronecker product of two small ones",
        "Wu, Compressing networks by Kronecker products, 2016",
    ),
}
"""Layers by name, besides the families of `layers`."""

SAID: tuple[tuple[str, str, str], ...] = (
    ("linear", "a row of inputs times a transposed matrix, plus a bias", "torch.nn.Linear"),
    ("dense", "a matrix product", "Rumelhart, Hinton and Williams, 1986"),
    ("conv?d", "a convolution as frameworks have it, that is a correlation", "torch.nn.Conv{}d"),
    ("conv?d_grouped", "a convolution with groups on an axis of their own", "torch.nn.Conv{}d"),
    ("conv2d_nhwc", "a convolution with the channels last", "tf.nn.conv2d"),
    (
        "conv_transpose?d",
        "a transposed convolution: each input adds the filter to the output, scaled by it",
        "torch.nn.ConvTranspose{}d",
    ),
    (
        "conv_transpose?d_grouped",
        "a transposed convolution with groups on an axis of their own",
        "torch.nn.ConvTranspose{}d",
    ),
    (
        "depthwise_conv?d",
        "a convolution with one filter for each channel",
        "Howard et al., MobileNets, 2017, arXiv:1704.04861",
    ),
    ("true_conv?d", "the convolution of mathematics, with taps backwards", "numpy.convolve"),
    (
        "true_conv?d_batched",
        "the convolution of mathematics with batch, channels, stride, dilation and padding",
        "numpy.convolve",
    ),
    ("correlation?d", "a window that slides over the input", "numpy.correlate"),
    (
        "local1d",
        "a convolution whose filter is another one at each output: locally connected",
        "LeCun, Generalization and Network Design Strategies, 1989",
    ),
    (
        "avg_pool?d",
        "the sum of each window times mean[], which is one over the number of its taps",
        "torch.nn.AvgPool{}d",
    ),
    (
        "selected_pool?d",
        "the entry of each window that sel selects, as pooling by recorded places does",
        "torch.nn.functional.max_pool{}d, return_indices=True",
    ),
    ("flatten_linear?d", "a linear layer over channels and places", "torch.nn.Flatten"),
    ("squared_error", "half the sum of the squared differences from a target", "torch.nn.MSELoss"),
    (
        "glu",
        "one half of the input, gated by the sigmoid of the other",
        "Dauphin et al., 2017, arXiv:1612.08083",
    ),
    (
        "activated_conv2d",
        "a true convolution of an activation, as in the textbooks",
        "Nielsen, Neural Networks and Deep Learning, 2015",
    ),
)
"""What is said of a layer of the families, and its source, by the pattern of its name."""
