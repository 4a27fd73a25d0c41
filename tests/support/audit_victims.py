"""Backward passes of PyTorch tensors, each with one planted bug, as people have shipped them.

All are the same three lines: one-hot windows, and a sum over them. `BUGS` has the bug of each and
what an audit must call it.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

torch: Any = importlib.import_module("torch")

Window = Any


def windows(size: int, taps: int, s: int, d: int, low: int, high: int) -> Any:
    """Return [h == s*p + d*k - low] for all windows p, taps k and places h."""
    count = (size + low + high - d * (taps - 1) - 1) // s + 1
    p, k, h = np.ogrid[:count, :taps, :size]
    return torch.from_numpy((h == s * p + d * k - low).astype(np.float64))


def tensor(a: Any) -> Any:
    """Return an array as a tensor of float64."""
    return torch.from_numpy(np.array(a, np.float64))


def both(size: Any, taps: Any, stride: Any, padding: Any, dilation: Any) -> list[Any]:
    """Return the windows of both axes."""
    axes = zip(size[2:], taps[2:], stride, dilation, padding, strict=True)
    return [windows(n, k, s, d, *pads) for n, k, s, d, pads in axes]


def by_input(size: Any, w: Any, g: Any, hw: Any, groups: int, dtype: Any) -> Any:
    """Return the gradient by the input, from windows."""
    n, c = size[:2]
    o = w.shape[0] // groups
    w = tensor(w).reshape(groups, o, c // groups, *w.shape[2:])
    g = tensor(g).reshape(n, groups, o, *g.shape[2:])
    dx = torch.einsum("ngopq,gockl,pkh,qlv->ngchv", g, w, *hw)
    return dx.reshape(size).to(dtype).numpy()


def right(
    input_size: Any,
    weight: Any,
    grad_output: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: Any,
) -> Any:
    """Return the gradient by the input, without a bug."""
    hw = both(input_size, weight.shape, stride, padding, dilation)
    return by_input(input_size, weight, grad_output, hw, groups, torch.float64)


def not_rotated(weight: Any, **rest: Any) -> Any:
    """Read the kernel the wrong way round."""
    return right(weight=weight[:, :, ::-1, ::-1], **rest)


def wrong_end(input_size: Any, stride: Any, padding: Any, **rest: Any) -> Any:
    """Put the zeros of the remainder first."""
    dx, shape = right(input_size, stride=stride, padding=padding, **rest), input_size[2:]
    k, d, g = rest["weight"].shape[2:], rest["dilation"], rest["grad_output"].shape[2:]
    rho = [
        n + sum(pads) - e * (m - 1) - 1 - s * (q - 1)
        for n, pads, e, m, s, q in zip(shape, padding, d, k, stride, g, strict=True)
    ]
    out = np.zeros_like(dx)
    out[:, :, rho[0] :, rho[1] :] = dx[:, :, : shape[0] - rho[0], : shape[1] - rho[1]]
    return out


def too_small(input_size: Any, stride: Any, padding: Any, **rest: Any) -> Any:
    """Compute the size of the input from that of the output."""
    dx = right(input_size, stride=stride, padding=padding, **rest)
    k, d, g = rest["weight"].shape[2:], rest["dilation"], rest["grad_output"].shape[2:]
    h, v = (
        s * (q - 1) + e * (m - 1) + 1 - sum(pads)
        for pads, e, m, s, q in zip(padding, d, k, stride, g, strict=True)
    )
    return dx[:, :, : max(h, 0), : max(v, 0)]


def swapped(
    input_size: Any,
    weight: Any,
    grad_output: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: Any,
) -> Any:
    """Take the stride for the dilation, in windows of the right number."""
    hw = [
        torch.from_numpy((h == e * p + s * k - low).astype(np.float64))
        for n, m, q, s, e, (low, _) in zip(
            input_size[2:],
            weight.shape[2:],
            grad_output.shape[2:],
            stride,
            dilation,
            padding,
            strict=True,
        )
        for p, k, h in [np.ogrid[:q, :m, :n]]
    ]
    return by_input(input_size, weight, grad_output, hw, groups, torch.float64)


def dilation_ignored(
    input_size: Any,
    weight: Any,
    grad_output: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: Any,
) -> Any:
    """Place all taps side by side."""
    hw = [
        torch.from_numpy((h == s * p + k - low).astype(np.float64))
        for n, m, q, s, (low, _) in zip(
            input_size[2:], weight.shape[2:], grad_output.shape[2:], stride, padding, strict=True
        )
        for p, k, h in [np.ogrid[:q, :m, :n]]
    ]
    return by_input(input_size, weight, grad_output, hw, groups, torch.float64)


def off_by_one(padding: Any, **rest: Any) -> Any:
    """Pad one less at the low end, and one more at the high end."""
    return right(padding=tuple((low - 1, high + 1) for low, high in padding), **rest)


def wrong_side(padding: Any, **rest: Any) -> Any:
    """Put the odd one of an odd padding at the other end, as SAME does elsewhere."""
    return right(padding=tuple((high, low) for low, high in padding), **rest)


def layout(weight: Any, **rest: Any) -> Any:
    """Read a weight (C, O, K, L) as if it were (O, C, K, L)."""
    o, c, *taps = weight.shape
    stored = np.ascontiguousarray(weight).reshape(c, o, *taps).swapaxes(0, 1)
    if rest["groups"] != 1:
        raise NotImplementedError("groups")
    return right(weight=np.ascontiguousarray(stored), **rest)


def groups_ignored(weight: Any, groups: Any, **rest: Any) -> Any:
    """Use the filters of the first group for all."""
    each = weight.shape[0] // groups
    return right(weight=np.concatenate([weight[:each]] * groups), groups=groups, **rest)


def interleaved(grad_output: Any, groups: Any, **rest: Any) -> Any:
    """Take channel o*G + g of the output for channel o of group g."""
    n, o, *spatial = grad_output.shape
    g = np.reshape(grad_output, (n, o // groups, groups, *spatial)).swapaxes(1, 2)
    return right(grad_output=np.reshape(g, (n, o, *spatial)), groups=groups, **rest)


def weight_gradient(
    input: Any,
    weight_size: Any,
    grad_output: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: Any,
) -> Any:
    """Return the gradient by the weight, without a bug."""
    n, o, c = input.shape[0], weight_size[0], weight_size[1]
    hw = both(input.shape, weight_size, stride, padding, dilation)
    x = tensor(input).reshape(n, groups, c, *input.shape[2:])
    g = tensor(grad_output).reshape(n, groups, o // groups, *grad_output.shape[2:])
    dw = torch.einsum("ngopq,ngchv,pkh,qlv->gockl", g, x, *hw)
    return dw.reshape(tuple(weight_size)).numpy()


def first_of_batch(input: Any, grad_output: Any, **rest: Any) -> Any:
    """Forget to sum over the batch."""
    return weight_gradient(input[:1], grad_output=grad_output[:1], **rest)


def rotated_gradient(**given: Any) -> Any:
    """Rotate the gradient by the weight, which needs no rotation."""
    return weight_gradient(**given)[:, :, ::-1, ::-1]


def bias_over_one_axis(grad_output: Any) -> Any:
    """Sum over batch and rows, and forget the columns."""
    return grad_output.sum((0, 2))


def bias_of_first_column(grad_output: Any) -> Any:
    """Sum over batch and rows of the first column."""
    return grad_output[..., :1].sum((0, 2, 3))


def true_convolution(
    input: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any, groups: Any
) -> Any:
    """Rotate the kernel in the forward pass."""
    wide = [pair for pads in reversed(padding) for pair in pads]
    x = torch.nn.functional.pad(torch.from_numpy(np.array(input)), wide)
    w = torch.from_numpy(np.array(weight)).flip(2, 3)
    b = torch.from_numpy(np.array(bias))
    return torch.nn.functional.conv2d(x, w, b, stride, 0, dilation, groups)


def crop_more(
    input: Any,
    weight: Any,
    bias: Any,
    stride: Any,
    padding: Any,
    output_padding: Any,
    groups: Any,
    dilation: Any,
) -> Any:
    """Take the output padding of a transposed convolution for padding at its low end."""
    function = torch.nn.functional.conv_transpose2d
    x, w, b = (torch.from_numpy(np.array(a)) for a in (input, weight, bias))
    whole = function(x, w, None, stride, 0, 0, groups, dilation)
    sizes = [
        n - sum(p) + m for n, p, m in zip(whole.shape[2:], padding, output_padding, strict=True)
    ]
    out = torch.zeros(*whole.shape[:2], *sizes, dtype=whole.dtype)
    low = [p[0] + m for p, m in zip(padding, output_padding, strict=True)]
    for h in range(sizes[0]):
        for v in range(sizes[1]):
            i, j = h + low[0], v + low[1]
            if 0 <= i < whole.shape[2] and 0 <= j < whole.shape[3]:
                out[:, :, h, v] = whole[:, :, i, j]
    return out + b.reshape(-1, 1, 1)


BUGS = (
    (not_rotated, "conv2d", "input", "kernel not rotated"),
    (wrong_end, "conv2d", "input", "remainder ignored: the zeros are at the wrong end"),
    (too_small, "conv2d", "input", "remainder ignored: the shape is too small"),
    (swapped, "conv2d", "input", "stride and dilation swapped"),
    (dilation_ignored, "conv2d", "input", "dilation ignored"),
    (off_by_one, "conv2d", "input", "padding too small by one"),
    (wrong_side, "conv2d", "input", "low and high padding swapped"),
    (layout, "conv2d", "input", "channels not swapped: the weight's layout is transposed"),
    (groups_ignored, "conv2d", "input", "groups ignored: all use the first group's filter"),
    (interleaved, "conv2d", "input", "groups interleaved with channels in grad_output"),
    (first_of_batch, "conv2d", "weight", "batch not summed: only the first"),
    (rotated_gradient, "conv2d", "weight", "the gradient is rotated by 180 degrees"),
    (bias_over_one_axis, "conv2d", "bias", "summed over one axis too few"),
    (bias_of_first_column, "conv2d", "bias", "axis q not summed: only the first"),
    (true_convolution, "conv2d", "", "convolution for correlation: the kernel is rotated"),
    (crop_more, "conv_transpose2d", "", "output padding taken for padding"),
)
"""Each bug, the layer and the operand, and what an audit must call it."""
