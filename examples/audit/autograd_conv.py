"""The convolution of autograd (HIPS), which has stride 1, and its gradients."""

import autograd.numpy as np
from autograd import make_vjp
from autograd.scipy.signal import convolve


def by_input(input_size, weight, grad_output, padding):
    """Return the gradient by the input."""
    zeros = np.zeros(input_size, weight.dtype)
    return make_vjp(lambda x: run(x, weight, padding))(zeros)[0](np.array(grad_output))


def by_weight(input, weight_size, grad_output, padding):
    """Return the gradient by the weight."""
    zeros = np.zeros(weight_size, input.dtype)
    return make_vjp(lambda w: run(input, w, padding))(zeros)[0](np.array(grad_output))


def forward(input, weight, bias, padding):
    """Return the forward pass."""
    return run(input, weight, padding) + bias.reshape(-1, *[1] * (input.ndim - 2))


def run(x, w, padding):
    """Convolve."""
    if min(min(pair) for pair in padding) < 0:
        raise NotImplementedError("negative padding")
    if 0 in x.shape:
        raise NotImplementedError("batch 0")
    x = np.pad(x, [(0, 0), (0, 0), *padding], "constant")
    axes = list(range(2, x.ndim))
    w = w[(slice(None), slice(None), *[slice(None, None, -1)] * len(axes))]
    return convolve(x, w, axes=(axes, axes), dot_axes=([1], [1]), mode="valid")
