"""Affine index maps over loops: their values, and the ranges that bounds on them leave.

The map ``s*p + d*k - lo`` is ``{"p": s, "k": d, "": -lo}``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]
Range: TypeAlias = tuple[int, int]  # the first value, and where it stops
Loops: TypeAlias = dict[str, Range]
IndexMap: TypeAlias = dict[str, int]
Index: TypeAlias = Sequence[IndexMap]  # one map for each axis
Factor: TypeAlias = tuple[Array | None, Index, tuple[int, ...]]  # array, index, sizes of the axes
Side: TypeAlias = Sequence[Factor]

LIMIT = 2**62  # no index reaches it


def _entry(array: Array, *index: IndexMap) -> Factor:
    """Return a factor of a sum: an entry of an array, zero outside."""
    return array, index, array.shape


def _inside(index_map: IndexMap, size: int) -> Factor:
    """Return a factor of a sum: 1 where ``0 <= map < size``, else 0."""
    return None, (index_map,), (size,)


def _span(name: str, loops: Loops, *bounds: tuple[IndexMap, int]) -> Range:
    """Return the range of a loop, given ``0 <= map < size`` for each bound.

    Loops that are already known may take any value in their range.
    """
    first, stop = -LIMIT, LIMIT
    for index_map, size in bounds:
        others = {key: factor for key, factor in index_map.items() if key != name}
        if any(loops[key][0] >= loops[key][1] for key in others if key):
            return 0, 0
        low, high = _extremes(others, loops)
        factor = index_map[name]
        if factor > 0:
            first, stop = max(first, -(high // factor)), min(stop, (size - 1 - low) // factor + 1)
        elif factor < 0:
            first, stop = max(first, -((size - 1 - low) // -factor)), min(stop, high // -factor + 1)
        elif high < 0 or low >= size:
            return 0, 0
    if first == -LIMIT or stop == LIMIT:
        raise ValueError(f"nothing bounds the loop over {name}: a coefficient is 0")
    return first, max(first, stop)


def _extremes(index_map: IndexMap, loops: Mapping[str, Range]) -> tuple[int, int]:
    """Return the least and the greatest value of an affine map over the loops."""
    low = high = index_map.get("", 0)
    for name, factor in index_map.items():
        if name:
            first, stop = loops[name]
            ends = factor * first, factor * (stop - 1)
            low += min(ends)
            high += max(ends)
    if low <= -LIMIT or high >= LIMIT:
        raise ValueError(f"an index reaches {low} or {high}, expected less than 62 bits")
    return low, high


def _fixed(index_map: IndexMap, at: Mapping[str, int]) -> IndexMap:
    """Return an affine map with values substituted for some loops, its constant last."""
    constant = index_map.get("", 0) + sum(c * at[v] for v, c in index_map.items() if v in at)
    return {v: c for v, c in index_map.items() if v and v not in at} | {"": constant}


def _slice(index_map: IndexMap, loops: Loops) -> slice | int:
    """Return what an affine map of one loop reaches: a slice, or without a loop an integer."""
    name = next((name for name in index_map if name), "")
    if not name:
        return index_map.get("", 0)
    factor = index_map[name]
    first, last = (
        factor * end + index_map.get("", 0) for end in (loops[name][0], loops[name][1] - 1)
    )
    if factor > 0:
        return slice(first, last + 1, factor)
    return slice(first, last - 1 if last else None, factor)


def _common(*ranges: Range) -> Range:
    """Return the intersection of ranges."""
    return max(first for first, _ in ranges), min(stop for _, stop in ranges)


def _extent(span: Range) -> int:
    return span[1] - span[0]


def _volume(names: Iterable[str], loops: Loops) -> int:
    """Return how many values loops take on together."""
    return math.prod(_extent(loops[name]) for name in names)


def _names(side: Side) -> list[str]:
    """Return the loops of a side, in the order of its arrays' axes."""
    return list(dict.fromkeys(name for _, index, _ in side for name in _index_names(index)))


def _index_names(index: Index) -> list[str]:
    """Return the loops of an index, in the order of its axes."""
    return list(dict.fromkeys(name for index_map in index for name in index_map if name))
