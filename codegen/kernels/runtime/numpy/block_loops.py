"""Loops of public functions that can be cut into blocks, so that parts of arrays have few entries.

Some run along whole axes: each of their values is an entry there. Others run along axes over which
a filter slides.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, TypeAlias

from rot180.codegen.kernels.runtime.numpy.arguments import CheckedWindow
from rot180.codegen.kernels.runtime.numpy.views import BLOCK

Span: TypeAlias = tuple[int, int]  # the first index and the number of indices
Axes: TypeAlias = Mapping[str, int]  # the axis of each array that has a loop


class SlidingAxis(NamedTuple):
    """A spatial axis of a layer whose filter slides.

    Attributes:
        windows: the number of windows: outputs of a convolution, inputs of a transposed one.
        size: the size of the axis that the windows move over.
        taps, stride, dilation, low: the numbers of the windows.

    """

    windows: int
    size: int
    taps: int
    stride: int
    dilation: int
    low: int

    @property
    def extent(self) -> int:
        """Return how much of the axis a window spans."""
        return self.dilation * (self.taps - 1) + 1


class SlidingBlock(NamedTuple):
    """A block along a spatial axis.

    Attributes:
        windows: its windows.
        part: what it has of the axis that the windows move over.
        padding: the padding with which the layer computes it, at both ends.

    """

    windows: Span
    part: Span
    padding: tuple[int, int]


@dataclass(frozen=True)
class StoredFunction:
    """How the arrays of a public function can be cut; arrays are called as in its theorem.

    Attributes:
        result: what it returns.
        names: the argument that each array is.
        size: the argument for the shape of the result, or nothing.
        cuts: loops that run along whole axes: the axis of each array that has it.
        groups: the axis of each array that counts groups, in theorems.
        windows, moved: the array with an entry for each window, and the one that they move over.
        place: returns the block of some entries along a spatial axis: of the result, if it has such
            an axis, else of the windows.

    """

    result: str
    names: Mapping[str, str]
    size: str
    cuts: tuple[Axes, ...]
    groups: Axes
    windows: str = ""
    moved: str = ""
    place: Callable[[SlidingAxis, Span], SlidingBlock] | None = None


class BlockLoop(NamedTuple):
    """A loop that can be cut into blocks.

    Attributes:
        size: how many values it has.
        axes: the axis of each array that has it.
        place: returns the block along a spatial axis, where a filter slides.
        windows, moved: the arrays with its windows, and with what they move over.

    """

    size: int
    axes: Axes
    place: Callable[[Span], SlidingBlock] | None = None
    windows: str = ""
    moved: str = ""

    def spans(self, span: Span) -> dict[str, Span]:
        """Return which part of its axis each array has in a block."""
        if self.place is None:
            return dict.fromkeys(self.axes, span)
        found = self.place(span)
        return {self.windows: found.windows, self.moved: found.part}

    def length(self, array: str, count: int) -> int:
        """Return the length of an array's axis in a block of `count` values."""
        return self.spans(((self.size - count) // 2, count))[array][1]

    def blocks(self, count: int) -> list[Span]:
        """Return the blocks of at most `count` values; one, which is empty, if the loop is."""
        starts = range(0, self.size, count) if self.size else (0,)
        return [(first, min(count, self.size - first)) for first in starts]


def loops_of(
    how: StoredFunction, shapes: Mapping[str, tuple[int, ...]], window: CheckedWindow | None
) -> list[BlockLoop]:
    """Return the loops of a call that can be cut.

    Args:
        how: how the arrays of the function can be cut.
        shapes: the shapes of the arrays, with an axis of groups.
        window: the window, where a filter slides.

    """
    found = []
    for axes in how.cuts:
        size = next((shapes[t][axis] for t, axis in axes.items() if t in shapes), None)
        if size is not None:
            found.append(BlockLoop(size, axes))
    return [*found, *(_spatial_axes(how, window) if window and how.place else ())]


def _spatial_axes(how: StoredFunction, window: CheckedWindow) -> Iterator[BlockLoop]:
    """Yield the loops along spatial axes where a filter slides."""
    assert how.place is not None
    rank = len(window.strides)
    sizes = (window.shapes[t][-rank:] for t in (how.windows, how.moved, "w"))
    for n, numbers in enumerate(
        zip(*sizes, window.strides, window.dilations, window.lows, strict=True)
    ):
        axis = SlidingAxis(*numbers)
        axes = {t: len(window.shapes[t]) - rank + n for t in (how.windows, how.moved)}
        size = axis.size if how.result == how.moved else axis.windows
        yield BlockLoop(size, axes, partial(how.place, axis), how.windows, how.moved)


def block_counts(loops: Sequence[BlockLoop], shapes: Mapping[str, tuple[int, ...]]) -> list[int]:
    """Return how many values of each loop a block has, so that parts of arrays have few entries.

    A block of a loop converts again what does not depend on it; where that is cheap comes first.
    """
    counts = [max(loop.size, 1) for loop in loops]
    sizes = {t: math.prod(shape) for t, shape in shapes.items()}
    again = [sum(n for t, n in sizes.items() if t not in loop.axes) for loop in loops]
    order = sorted(range(len(loops)), key=lambda i: again[i])
    for array in sorted(sizes, key=lambda t: -sizes[t]):
        if sizes[array] <= BLOCK:
            continue
        for i in (i for i in order if array in loops[i].axes):
            while counts[i] > 1 and (many := _entries(array, shapes[array], loops, counts)) > BLOCK:
                counts[i] = max(1, counts[i] * BLOCK // many)
    return counts


def _entries(
    array: str, shape: Sequence[int], loops: Sequence[BlockLoop], counts: Sequence[int]
) -> int:
    """Return how many entries of an array a block has."""
    lengths = list(shape)
    for loop, count in zip(loops, counts, strict=True):
        if array in loop.axes:
            lengths[loop.axes[array]] = loop.length(array, count)
    return math.prod(lengths)
