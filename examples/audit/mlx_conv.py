"""MLX's `conv_general` and its gradients: `rot180 audit examples/audit/mlx_conv.py:...`."""

import mlx.core as mx
import numpy as np


def forward(input, weight, bias, stride, padding, dilation, groups):
    """Return the forward pass."""
    y = run(last(input), last(weight), stride, padding, dilation, groups)
    return first(y + mx.array(np.array(bias)))


def by_input(input_size, weight, grad_output, **window):
    """Return the gradient by the input."""
    zeros, w = mx.zeros((input_size[0], *input_size[2:], input_size[1])), last(weight)
    _, (dx,) = mx.vjp(lambda x: run(x, w, **window), [zeros], [last(grad_output)])
    return first(dx)


def by_weight(input, weight_size, grad_output, **window):
    """Return the gradient by the weight."""
    zeros, x = mx.zeros((weight_size[0], *weight_size[2:], weight_size[1])), last(input)
    _, (dw,) = mx.vjp(lambda w: run(x, w, **window), [zeros], [last(grad_output)])
    return first(dw)


def last(a):
    """Put the channels last, as MLX has them."""
    return mx.array(np.ascontiguousarray(np.moveaxis(a, 1, -1)))


def first(a):
    """Return an array of MLX with the channels first."""
    return np.moveaxis(np.array(a), -1, 1)


def run(x, w, stride, padding, dilation, groups):
    """Convolve."""
    if x.dtype != mx.float32:
        raise NotImplementedError("float64")
    if 0 in x.shape:
        raise NotImplementedError("batch 0")
    low, high = zip(*padding, strict=True)
    if min(low + high) < 0:
        raise NotImplementedError("negative padding")
    pads = (list(low), list(high))
    return mx.conv_general(x, w, list(stride), pads, list(dilation), groups=groups)
