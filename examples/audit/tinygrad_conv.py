"""tinygrad's `Tensor.conv2d` and its gradients, to be judged by `rot180 audit FILE:FUNCTION`."""

import numpy as np
from tinygrad import Tensor


def forward(input, weight, bias, stride, padding, dilation, groups):
    """Return the forward pass."""
    return run(input, weight, bias, stride, padding, dilation, groups).numpy().copy()


def by_input(input_size, weight, grad_output, **window):
    """Return the gradient by the input."""
    x = Tensor(np.zeros(input_size, weight.dtype))
    return gradient(run(x, weight, None, **window), x, grad_output)


def by_weight(input, weight_size, grad_output, **window):
    """Return the gradient by the weight."""
    w = Tensor(np.zeros(weight_size, input.dtype))
    return gradient(run(input, w, None, **window), w, grad_output)


def gradient(y, operand, grad_output):
    """Return the gradient by an operand."""
    (found,) = y.gradient(operand, gradient=Tensor(np.array(grad_output)))
    return found.numpy().copy()  # the buffer is used again


def run(x, w, bias, stride, padding, dilation, groups):
    """Convolve."""
    x, w = (a if isinstance(a, Tensor) else Tensor(np.array(a)) for a in (x, w))
    if 0 in x.shape:
        raise NotImplementedError("batch 0")
    if min(min(pair) for pair in padding) < 0:
        raise NotImplementedError("negative padding")
    pads = [n for pair in reversed(padding) for n in pair]  # last axis first, as PyTorch's pad
    b = None if bias is None else Tensor(np.array(bias))
    return x.conv2d(w, b, groups, stride, dilation, pads)
