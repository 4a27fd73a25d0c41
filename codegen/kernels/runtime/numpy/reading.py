"""Arrays viewed by the loops of a sum: in place, or copied with zeros around them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import as_strided

from rot180.codegen.kernels.runtime.numpy.index_maps import (
    Array,
    Factor,
    Index,
    IndexMap,
    Loops,
    Range,
    Side,
    _extent,
    _extremes,
    _index_names,
    _names,
)

Read: TypeAlias = Callable[[Side], Array]

BLOCK = 2**21  # entries of an operand that are gathered at a time


def _reading(
    side: Side, names: Sequence[str], loops: Loops, dtype: np.dtype[Any]
) -> tuple[Read, list[int] | None]:
    """Return a function that reads a side, one axis for each name, and the strides or None.

    A single array is viewed in place, or in a copy with zeros around it.
    """
    (array, index, shape), *more = side or [(None, (), ())]
    inside = _names(side)
    if array is None or more or not set(inside) <= set(names):
        return (lambda side: _sum(side, names, loops, dtype)), None
    spans = [_extremes(index_map, loops) for index_map in index]
    lows, strides = [0] * len(index), list(array.strides)
    outside = any(low < 0 or high >= size for (low, high), size in zip(spans, shape, strict=True))
    if outside:
        sizes = [high - low + 1 for low, high in spans]
        if math.prod(sizes) > 4 * array.size + BLOCK:
            return (lambda side: _sum(side, names, loops, dtype)), None
        lows = [low for low, _ in spans]
        strides = [array.itemsize * math.prod(sizes[i + 1 :]) for i in range(len(sizes))]
    start = [index_map.get("", 0) - low for index_map, low in zip(index, lows, strict=True)]
    steps = dict.fromkeys(names, 0)
    for axis, index_map in enumerate(index):
        for name, factor in index_map.items():
            if name:
                start[axis] += factor * loops[name][0]
                steps[name] += factor * strides[axis]
    at: tuple[Any, ...] = (*(slice(i, None) for i in start), ...)
    sizes = [_extent(loops[name]) if name in inside else 1 for name in names]
    moves = [steps[name] for name in names]

    def read(side: Side) -> Array:
        array = side[0][0]
        assert array is not None
        return as_strided((_cut(array, spans) if outside else array)[at], sizes, moves)

    return read, moves


def _sum(side: Side, names: Sequence[str], loops: Loops, dtype: np.dtype[Any]) -> Array:
    """Multiply the factors and sum over all loops but `names`; absent loops have length 1."""
    operands = [_view(factor, loops) for factor in side]
    operands = [(view.astype(dtype, copy=False), inside) for view, inside in operands]
    found = [name for name in names if any(name in inside for _, inside in operands)]
    if len(operands) == 1:
        ((value, inside),) = operands
        if len(found) < len(inside):
            value = value.sum(tuple(i for i, n in enumerate(inside) if n not in found), dtype)
        kept = [name for name in inside if name in found]
        value = value.transpose([kept.index(name) for name in found])
    elif operands:
        letters: dict[str, int] = {}
        arguments: list[Any] = []
        for view, inside in operands:
            arguments += [view, [letters.setdefault(name, len(letters)) for name in inside]]
        value = np.einsum(*arguments, [letters[name] for name in found])
    else:
        value = np.ones((), dtype)
    return value.reshape([_extent(loops[name]) if name in found else 1 for name in names])


def _view(factor: Factor, loops: Loops) -> tuple[Array, list[str]]:
    """Return a view of a factor with an axis for each loop in its index, and the loops' names."""
    array, index, shape = factor
    names = _index_names(index)
    if array is None:
        return _test(index[0], shape[0], names, loops), names
    spans = [_extremes(index_map, loops) for index_map in index]
    if any(low < 0 or high >= size for (low, high), size in zip(spans, shape, strict=True)):
        if math.prod(high - low + 1 for low, high in spans) > 4 * array.size + BLOCK:
            return _gather(array, index, names, loops), names
        array = _cut(array, spans)
        index = [{**m, "": m.get("", 0) - low} for m, (low, _) in zip(index, spans, strict=True)]
    at = [index_map.get("", 0) for index_map in index]
    strides = dict.fromkeys(names, 0)
    for axis, index_map in enumerate(index):
        for name, step in index_map.items():
            if name:
                at[axis] += step * loops[name][0]
                strides[name] += step * array.strides[axis]
    start: tuple[Any, ...] = (*(slice(i, None) for i in at), ...)
    sizes = [_extent(loops[name]) for name in names]
    return as_strided(array[start], sizes, [strides[name] for name in names]), names


def _cut(array: Array, spans: Sequence[Range]) -> Array:
    """Copy the part of an array from low to high on each axis, with zeros outside its box."""
    part = np.zeros([high - low + 1 for low, high in spans], array.dtype)
    clipped = [
        (max(low, 0), min(high + 1, size))
        for (low, high), size in zip(spans, array.shape, strict=True)
    ]
    if all(first < stop for first, stop in clipped):
        to = tuple(
            slice(first - low, stop - low)
            for (first, stop), (low, _) in zip(clipped, spans, strict=True)
        )
        part[to] = array[tuple(slice(first, stop) for first, stop in clipped)]
    return part


def _gather(array: Array, index: Index, names: Sequence[str], loops: Loops) -> Array:
    """Read an array entry by entry, for maps that reach far outside its box."""
    where, inside = [], np.ones((), np.bool_)
    for index_map, size in zip(index, array.shape, strict=True):
        value = _values(index_map, names, loops)
        inside = inside & (value >= 0) & (value < size)
        where.append(value.clip(0, max(size - 1, 0)))
    if array.size == 0:
        return np.zeros(inside.shape, array.dtype)
    found: Array = np.where(inside, array[tuple(where)], array.dtype.type(0))
    return found


def _test(index_map: IndexMap, size: int, names: Sequence[str], loops: Loops) -> Array:
    """Return where ``0 <= map < size``, one axis for each name."""
    _extremes(index_map, loops)
    value = _values(index_map, names, loops)
    inside: Array = (value >= 0) & (value < size)
    return inside


def _values(index_map: IndexMap, names: Sequence[str], loops: Loops) -> Array:
    """Return the values of an affine map, one axis for each name."""
    value: Array = np.full([1] * len(names), index_map.get("", 0), np.int64)
    for axis, name in enumerate(names):
        if name in index_map:
            steps = index_map[name] * np.arange(*loops[name])
            value = value + steps.reshape([-1 if i == axis else 1 for i in range(len(names))])
    return value
