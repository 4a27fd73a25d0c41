"""Functions of training programs besides the kernels; a program contains those that it calls."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]


def _shape(shape: Sequence[int], rank: int) -> tuple[int, ...]:
    """Check the shape of an input."""
    if len(shape) != rank or min(shape) < 1:
        raise ValueError(f"shape: found {tuple(shape)}, expected {rank} sizes, 1 or more")
    return tuple(shape)


def _normal(
    rng: np.random.Generator, outputs: int, inputs: Sequence[int], gain: int, dtype: npt.DTypeLike
) -> Array:
    """Return weights of variance gain / fan-in."""
    deviation = np.sqrt(gain / prod(inputs))
    weights: Array = (deviation * rng.standard_normal((outputs, *inputs))).astype(dtype)
    return weights


def _expect(layer: str, found: int, wanted: int) -> None:
    """Refuse a number of channels that a layer does not take."""
    if found != wanted:
        raise ValueError(f"shape: found {found} channels at {layer}, expected {wanted}")


def _windows(
    sizes: Sequence[int],
    window: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
) -> tuple[int, ...]:
    """Return how many windows fit on each axis: floor((H + 2 lo - d (K - 1) - 1) / s) + 1."""
    found = tuple(
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, k, s, p, d in zip(sizes, window, stride, padding, dilation, strict=True)
    )
    if min(found) < 1:
        raise ValueError(f"x: found {tuple(sizes)}, too small for a window {tuple(window)}")
    return found


def _pooled(x: Array, *geometry: Sequence[int]) -> tuple[int, ...]:
    """Return the shape of x after pooling."""
    return (*x.shape[:2], *_windows(x.shape[2:], *geometry))


def _first_maximum(
    x: Array,
    window: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
) -> Array:
    """Return 1 at the first largest entry of each window, in row-major order, and 0 elsewhere.

    Padding counts as minus infinity. The shape is (N, C, *windows, *window).
    """
    counts = _windows(x.shape[2:], window, stride, padding, dilation)
    padded = np.pad(x, [(0, 0), (0, 0), *((p, p) for p in padding)], constant_values=-np.inf)
    extents = tuple(d * (k - 1) + 1 for k, d in zip(window, dilation, strict=True))
    axes = tuple(range(2, x.ndim))
    windows = np.lib.stride_tricks.sliding_window_view(padded, extents, axes)
    steps = [slice(None, None, s) for s in (*stride, *dilation)]
    entries = windows[(slice(None), slice(None), *steps)].reshape(*x.shape[:2], *counts, -1)
    first = entries.argmax(axis=-1)[..., None]
    chosen: Array = np.arange(entries.shape[-1]) == first
    return chosen.astype(x.dtype).reshape(*x.shape[:2], *counts, *window)


def _exponentials(z: Array) -> tuple[Array, Array, Array]:
    """Return m, e and s: the largest entry of each row, exp(z - m), and the sums of its rows."""
    m = z.max(axis=1, keepdims=True)
    e = np.exp(z - m)
    return m, e, e.sum(axis=1, keepdims=True)


def _softmax(z: Array) -> Array:
    """Return e / s, the softmax of each row."""
    _, e, s = _exponentials(z)
    softmax: Array = e / s
    return softmax


def _cross_entropy(z: Array, t: Array) -> Array:
    """Return the sum of log s + m - t z: the cross-entropy where each row of t adds up to 1."""
    m, _, s = _exponentials(z)
    total: Array = (np.log(s) + m).sum() - (t * z).sum()
    return total
