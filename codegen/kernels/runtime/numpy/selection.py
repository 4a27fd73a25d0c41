"""The largest or smallest entries along axes and where they are; products and other factors."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]


def _extreme(array: Array, axes: tuple[int, ...], largest: bool) -> Array:
    """Return the largest or smallest entries along some axes; zeros where there are none."""
    if not array.size:
        return np.asarray(array.sum(axes), array.dtype)
    return np.asarray(array.max(axes) if largest else array.min(axes), array.dtype)


def _first_extreme(array: Array, axes: tuple[int, ...], largest: bool) -> Array:
    """Return ones at the first largest or smallest entries along some axes, zeros elsewhere."""
    last = tuple(range(-len(axes), 0))
    moved = np.moveaxis(array, axes, last)
    rows = moved.reshape(*moved.shape[: -len(axes)], -1) if array.size else moved
    chosen = np.zeros(rows.shape, array.dtype)
    if array.size:
        at = rows.argmax(-1) if largest else rows.argmin(-1)
        np.put_along_axis(chosen, np.expand_dims(at, -1), 1, -1)
    return np.ascontiguousarray(np.moveaxis(chosen.reshape(moved.shape), last, axes))


def _product(array: Array, axes: tuple[int, ...]) -> Array:
    """Return the products along some axes; ones where there are no factors."""
    return np.asarray(array.prod(axes), array.dtype)


def _other_factors(array: Array, axes: tuple[int, ...]) -> Array:
    """Return for each entry the product of all others along some axes, without a division."""
    last = tuple(range(-len(axes), 0))
    moved = np.moveaxis(array, axes, last)
    rows = moved.reshape(*moved.shape[: -len(axes)], -1) if array.size else moved
    before, after = np.ones(rows.shape, array.dtype), np.ones(rows.shape, array.dtype)
    before[..., 1:] = rows[..., :-1].cumprod(-1)
    after[..., :-1] = rows[..., :0:-1].cumprod(-1)[..., ::-1]
    out = (before * after).reshape(moved.shape)
    return np.ascontiguousarray(np.moveaxis(out, last, axes))
