"""SciPy: convolutions built of `scipy.signal.correlate` and `convolve`, channel by channel."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np

from rot180.codegen.audit.adapters.shipped import shipped
from rot180.codegen.audit.products import Array
from rot180.codegen.audit.questions import Question


def function(question: Question) -> Callable[..., Any]:
    """Return the forward pass, or the gradient by the input."""
    shipped("scipy.signal", question, ("conv1d", "conv2d", "conv3d"))
    if question.wrt not in ("", "x"):
        raise ValueError("--wrt: scipy.signal has the forward pass and the gradient by the input")
    signal = import_module("scipy.signal")
    return partial(_input_gradient if question.wrt else _forward, signal)


def _forward(
    signal: Any,
    input: Array,
    weight: Array,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: int,
    bias: Array | None = None,
) -> Array:
    _expect_positive(padding)
    x, w = np.pad(input, [(0, 0), (0, 0), *padding]), _dilated(weight, dilation)
    steps = tuple(slice(None, None, s) for s in stride)
    each, own = w.shape[0] // groups, w.shape[1]
    rows = []
    for n, o in itertools.product(range(x.shape[0]), range(w.shape[0])):
        first = o // each * own
        planes = (
            signal.correlate(x[n, first + c], w[o, c], "valid", "direct")[steps] for c in range(own)
        )
        rows.append(sum(planes) + (0 if bias is None else bias[o]))
    if not rows:
        raise NotImplementedError("an empty batch")
    return np.array(rows, input.dtype).reshape(x.shape[0], w.shape[0], *rows[0].shape)


def _input_gradient(
    signal: Any,
    input_size: Sequence[int],
    weight: Array,
    grad_output: Array,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: int,
) -> Array:
    _expect_positive(padding)
    w, g = _dilated(weight, dilation), _dilated(grad_output, stride)
    out: Array = np.zeros(
        (
            *input_size[:2],
            *(n + low + high for n, (low, high) in zip(input_size[2:], padding, strict=True)),
        ),
        grad_output.dtype,
    )
    each, own = w.shape[0] // groups, w.shape[1]
    for n, o, c in itertools.product(range(input_size[0]), range(w.shape[0]), range(own)):
        plane = signal.convolve(g[n, o], w[o, c], "full", "direct")
        out[(n, o // each * own + c, *map(slice, plane.shape))] += plane
    inner = (slice(low, low + n) for n, (low, _) in zip(input_size[2:], padding, strict=True))
    return out[(slice(None), slice(None), *inner)]


def _expect_positive(padding: Any) -> None:
    if any(low < 0 or high < 0 for low, high in padding):
        raise NotImplementedError("negative padding")


def _dilated(a: Array, steps: Sequence[int]) -> Array:
    """Put zeros between the entries of the spatial axes."""
    sizes = tuple((n - 1) * s + 1 for n, s in zip(a.shape[2:], steps, strict=True))
    out: Array = np.zeros((*a.shape[:2], *sizes), a.dtype)
    out[(slice(None), slice(None), *(slice(None, None, s) for s in steps))] = a
    return out
