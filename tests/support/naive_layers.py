"""The gradient of a convolution by its filter in plain loops, right and wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Pair = tuple[int, int]


def conv1d_weight(
    input: Array,
    weight_size: tuple[int, ...],
    grad_output: Array,
    stride: tuple[int] = (1,),
    padding: tuple[Pair] = ((0, 0),),
    dilation: tuple[int] = (1,),
    groups: int = 1,
) -> Array:
    """Return the gradient, as rot180's function of that name."""
    channels, few, taps = weight_size
    out = np.zeros(weight_size, grad_output.dtype)
    for o, c, k in np.ndindex(channels, few, taps):
        group = o // (channels // groups) if channels else 0
        for n, h in np.ndindex(grad_output.shape[0], grad_output.shape[2]):
            at = stride[0] * h + dilation[0] * k - padding[0][0]
            if 0 <= at < input.shape[2]:
                out[o, c, k] += grad_output[n, o, h] * input[n, group * few + c, at]
    return out


def conv1d_weight_of_fewer_taps(weight_size: tuple[int, ...], **given: Any) -> Array:
    """Return the gradient without that of the last of several taps."""
    out = conv1d_weight(weight_size=weight_size, **given)
    if weight_size[2] > 1:
        out[:, :, -1] = 0
    return out
