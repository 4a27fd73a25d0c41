"""Convolution as plain loops, compiled by Numba if it is installed.

Arrays have three spatial axes: (N, C, Z, Y, X). The innermost loop runs along a row, so that a
compiler can vectorise it; the range of outputs that a tap contributes to is computed before it.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Numbers = tuple[int, int, int]

Loops = TypeVar("Loops", bound=Callable[..., Any])
prange: Any = range


def compiled(function: Loops) -> Loops:
    """Compile a function and run its outermost loop in parallel; without Numba, return it."""
    return function


def inlined(function: Loops) -> Loops:
    """Compile a function that compiled functions call; without Numba, return it."""
    return function


if find_spec("numba") is not None:
    _numba = import_module("numba")
    compiled = _numba.njit(parallel=True, fastmath=True)
    inlined = _numba.njit(fastmath=True)
    prange = _numba.prange


@inlined
def inside(offset: int, stride: int, size: int, outputs: int) -> Any:
    """Return the range of 0 <= p < outputs in which 0 <= stride p + offset < size."""
    first = max(0, -(offset // stride))
    end = min(outputs, (size - 1 - offset) // stride + 1)
    return first, end


@compiled
def forward(
    x: Array, w: Array, y: Array, s: Numbers, lo: Numbers, d: Numbers, groups: int
) -> Array:
    """Add the correlation of x with w to y, and return y."""
    channels, outputs = w.shape[1], w.shape[0] // groups
    for i in prange(y.shape[0] * y.shape[1]):
        n, o = i // y.shape[1], i % y.shape[1]
        for c, k0, k1, k2 in np.ndindex(w.shape[1:]):
            e0, e1, e2 = d[0] * k0 - lo[0], d[1] * k1 - lo[1], d[2] * k2 - lo[2]
            z0, z1 = inside(e0, s[0], x.shape[2], y.shape[2])
            r0, r1 = inside(e1, s[1], x.shape[3], y.shape[3])
            p0, p1 = inside(e2, s[2], x.shape[4], y.shape[4])
            value = w[o, c, k0, k1, k2]
            for z in range(z0, z1):
                for r in range(r0, r1):
                    row = x[n, o // outputs * channels + c, s[0] * z + e0, s[1] * r + e1]
                    out = y[n, o, z, r]
                    for p in range(p0, p1):
                        out[p] += value * row[s[2] * p + e2]
    return y


@compiled
def input_gradient(
    dx: Array, w: Array, g: Array, s: Numbers, lo: Numbers, d: Numbers, groups: int
) -> Array:
    """Add the input gradient to dx, and return dx."""
    channels, outputs = w.shape[1], w.shape[0] // groups
    for i in prange(dx.shape[0] * dx.shape[1]):
        n, c = i // dx.shape[1], i % dx.shape[1]
        for u, k0, k1, k2 in np.ndindex((outputs, w.shape[2], w.shape[3], w.shape[4])):
            e0, e1, e2 = d[0] * k0 - lo[0], d[1] * k1 - lo[1], d[2] * k2 - lo[2]
            z0, z1 = inside(e0, s[0], dx.shape[2], g.shape[2])
            r0, r1 = inside(e1, s[1], dx.shape[3], g.shape[3])
            p0, p1 = inside(e2, s[2], dx.shape[4], g.shape[4])
            o = c // channels * outputs + u
            value = w[o, c % channels, k0, k1, k2]
            for z in range(z0, z1):
                for r in range(r0, r1):
                    row = g[n, o, z, r]
                    out = dx[n, c, s[0] * z + e0, s[1] * r + e1]
                    for p in range(p0, p1):
                        out[s[2] * p + e2] += value * row[p]
    return dx


@compiled
def weight_gradient(
    x: Array, dw: Array, g: Array, s: Numbers, lo: Numbers, d: Numbers, groups: int
) -> Array:
    """Add the weight gradient to dw, and return dw."""
    channels, outputs = dw.shape[1], dw.shape[0] // groups
    for i in prange(dw.shape[0] * dw.shape[1]):
        o, c = i // dw.shape[1], i % dw.shape[1]
        for k0, k1, k2 in np.ndindex(dw.shape[2:]):
            e0, e1, e2 = d[0] * k0 - lo[0], d[1] * k1 - lo[1], d[2] * k2 - lo[2]
            z0, z1 = inside(e0, s[0], x.shape[2], g.shape[2])
            r0, r1 = inside(e1, s[1], x.shape[3], g.shape[3])
            p0, p1 = inside(e2, s[2], x.shape[4], g.shape[4])
            for n in range(x.shape[0]):
                for z in range(z0, z1):
                    for r in range(r0, r1):
                        row = x[n, o // outputs * channels + c, s[0] * z + e0, s[1] * r + e1]
                        grad = g[n, o, z, r]
                        part = g.dtype.type(0)
                        for p in range(p0, p1):
                            part += row[s[2] * p + e2] * grad[p]
                        dw[o, c, k0, k1, k2] += part
    return dw
