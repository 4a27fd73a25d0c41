"""Arrays read at an index, and the loops that an index consists of.

``p, k = loops(P, K)`` are indices that stand for all their values: ``s*p + d*k - lo`` is an index,
too, and ``windows(x, s*p + d*k - lo)`` is ``x`` read at it, an axis for each loop. Arrays are zero
outside.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from types import EllipsisType
from typing import Any, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import as_strided

from rot180.codegen.kernels.runtime.numpy.checks import LIMIT, Array

BLOCK = 2**21  # entries that are copied at a time

Places: TypeAlias = list[tuple[int, list[tuple[int, int]]]]  # of each axis: constant, loops, steps


class Index:
    """A constant plus steps times loops; a loop is one itself."""

    __slots__ = ("constant", "terms")

    def __init__(self, constant: int, terms: tuple[tuple[int, range], ...]) -> None:
        self.constant, self.terms = constant, terms

    def __mul__(self, by: int) -> Index:
        return Index(self.constant * by, tuple([(step * by, loop) for step, loop in self.terms]))

    def __add__(self, other: Index | int) -> Index:
        if isinstance(other, Index):
            return Index(self.constant + other.constant, self.terms + other.terms)
        return Index(self.constant + other, self.terms)

    def __neg__(self) -> Index:
        return self * -1

    def __sub__(self, other: Index | int) -> Index:
        return self + -other

    def __rsub__(self, other: int) -> Index:
        return -self + other

    def __len__(self) -> int:
        return len(self.terms[0][1])

    __radd__, __rmul__ = __add__, __mul__


def loops(*sizes: int) -> list[Index]:
    """Return the loops ``0 <= v < size``."""
    return [Index(0, ((1, range(size)),)) for size in sizes]


def span(*bounds: tuple[int, Index | int, int]) -> Index:
    """Return the loop over all v with ``0 <= step*v + rest < size``, for each (step, rest, size).

    Loops in the rest may take any of their values.
    """
    first, stop = -LIMIT, LIMIT
    for step, rest, size in bounds:
        terms = rest.terms if isinstance(rest, Index) else ()
        if not all(loop for _, loop in terms):
            return Index(0, ((1, range(0)),))
        low, high = _extremes(rest.constant if isinstance(rest, Index) else rest, terms)
        if step > 0:
            first, stop = max(first, -(high // step)), min(stop, (size - 1 - low) // step + 1)
        elif step < 0:
            first, stop = max(first, -((size - 1 - low) // -step)), min(stop, high // -step + 1)
        elif high < 0 or low >= size:
            stop = first
    if first == -LIMIT or stop == LIMIT:
        raise ValueError("nothing bounds a loop: a coefficient is 0")
    return Index(0, ((1, range(first, max(first, stop))),))


def _extremes(constant: int, terms: Sequence[tuple[int, range]]) -> tuple[int, int]:
    """Return the least and the greatest value of an index."""
    low = high = constant
    for step, loop in terms:
        ends = step * loop.start, step * (loop.stop - 1)
        low, high = low + min(ends), high + max(ends)
    if low <= -LIMIT or high >= LIMIT:
        raise ValueError(f"an index reaches {low} or {high}, expected less than 62 bits")
    return low, high


def at(index: Index) -> slice:
    """Return an index of one loop as a slice."""
    ((step, loop),) = index.terms
    first, last = index.constant + step * loop.start, index.constant + step * (loop.stop - 1)
    if not loop:
        return slice(0, 0)
    return slice(first, last + 1 if step > 0 else last - 1 if last else None, step)


class Windows:
    """An array read at an index, when it is needed, all of it or a part; zero outside.

    The first axes of the array may be whole; the index is of the others.
    """

    __slots__ = ("array", "index", "ranges", "shape", "whole")

    def __init__(self, array: Array, whole: int, index: Places, ranges: list[range]) -> None:
        self.array, self.whole, self.index, self.ranges = array, whole, index, ranges
        self.shape = (*array.shape[:whole], *[len(loop) for loop in ranges])

    def read(self) -> Array:
        """Return a view of the array, or of a copy with zeros around it; an axis for each loop."""
        array, ranges, first, outside = self.array, self.ranges, self.whole, False
        if 0 in self.shape:
            return np.zeros(self.shape, array.dtype)
        spans = []
        for (constant, terms), size in zip(self.index, array.shape[first:], strict=True):
            low = high = constant
            for i, step in terms:
                start, stop = step * ranges[i].start, step * (ranges[i].stop - 1)
                low, high = (low + start, high + stop) if step > 0 else (low + stop, high + start)
            if low <= -LIMIT or high >= LIMIT:
                raise ValueError(f"an index reaches {low} or {high}, expected less than 62 bits")
            outside = outside or low < 0 or high >= size
            spans.append((low, high))
        if outside:
            sizes = [high - low + 1 for low, high in spans]
            if math.prod(array.shape[:first]) * math.prod(sizes) > 4 * array.size + BLOCK:
                return self._gathered()
            array = _padded(array, first, spans, sizes)
        starts, strides, moves, offset = [], array.strides, [0] * len(ranges), 0
        for (constant, terms), (low, _), stride in zip(
            self.index, spans, strides[first:], strict=True
        ):
            start = constant - low if outside else constant
            for i, step in terms:
                start += step * ranges[i].start
                moves[i] += step * stride
            offset += start * stride
            starts.append(slice(start, None))
        strides = (*strides[:first], *moves)
        if array.flags.c_contiguous:
            return np.ndarray(self.shape, array.dtype, array, offset, strides)
        return as_strided(array[(slice(None),) * first + tuple(starts)], self.shape, strides)

    def _gathered(self) -> Array:
        """Read entry by entry, for an index that reaches far outside."""
        grid = np.ogrid[tuple([slice(loop.start, loop.stop) for loop in self.ranges])]
        where, inside = [], np.ones([len(loop) for loop in self.ranges], np.bool_)
        for (constant, terms), size in zip(self.index, self.array.shape[self.whole :], strict=True):
            value = np.asarray(constant + sum(step * grid[i] for i, step in terms))
            inside &= (value >= 0) & (value < size)
            where.append(np.broadcast_to(value.clip(0, max(size - 1, 0)), inside.shape))
        if self.array.size == 0:
            return np.zeros(self.shape, self.array.dtype)
        entries = self.array[(slice(None),) * self.whole + tuple(where)]
        return np.where(inside, entries, self.array.dtype.type(0))


def windows(array: Array, *index: Index | int | EllipsisType) -> Windows:
    """Return an array read at an index, an axis for each loop; zero outside.

    An ellipsis at the start stands for whole axes, as in NumPy.
    """
    whole = array.ndim - len(index) + 1 if index and index[0] is ... else 0
    places: dict[int, int] = {}
    ranges: list[range] = []
    found: Places = []
    for e in index[1:] if whole else index:
        terms: list[tuple[int, int]] = []
        if isinstance(e, Index):
            for step, loop in e.terms:
                place = places.setdefault(id(loop), len(ranges))
                if place == len(ranges):
                    ranges.append(loop)
                terms.append((place, step))
            found.append((e.constant, terms))
        else:
            found.append((e, terms))  # type: ignore[arg-type]
    return Windows(array, whole, found, ranges)


def ones(size: int, dtype: np.dtype[Any]) -> Array:
    """Return an array of ones: at an index, it is 1 where the index is from 0 to size - 1."""
    return np.broadcast_to(np.ones((), dtype), (max(0, size),))


def _padded(
    array: Array, first: int, spans: Sequence[tuple[int, int]], sizes: Sequence[int]
) -> Array:
    """Copy the part of an array from low to high on each axis but the first, with zeros outside."""
    part = np.zeros((*array.shape[:first], *sizes), array.dtype)
    to, source = [slice(None)] * first, [slice(None)] * first
    for (low, high), size in zip(spans, array.shape[first:], strict=True):
        start, stop = max(low, 0), min(high + 1, size)
        if start >= stop:
            return part
        to.append(slice(start - low, stop - low))
        source.append(slice(start, stop))
    part[tuple(to)] = array[tuple(source)]
    return part
