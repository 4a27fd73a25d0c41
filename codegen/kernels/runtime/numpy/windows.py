"""Checks of a sliding window's arguments, and the shapes and parameters that follow from them.

Inlined after `checks` into the public functions on NumPy's kernels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import ModuleType
from typing import Any

from rot180.codegen.kernels.runtime.numpy.checks import (
    Array,
    checked_shape,
    integer,
    mistyped,
    shown,
    wrong,
)

LARGEST_PARAMETER = 2**31  # strides, dilations, paddings and axes stay below
LARGEST_ARRAY = 2**40  # elements; more is a mistake, not a layer


@dataclass(frozen=True, eq=False)
class _Family:
    """A layer of one number of spatial axes: its kernels, and how each axis's parameters are named.

    Attributes:
        core: the module of its kernels.
        check: checks a geometry, and computes the shape of the output.
        strides, dilations, lows: the parameters of the kernels, one for each axis.

    """

    core: ModuleType
    check: Callable[..., _CheckedWindow]
    strides: tuple[str, ...]
    dilations: tuple[str, ...]
    lows: tuple[str, ...]


class _CheckedWindow:
    """A checked geometry: its numbers axis by axis, and the core kernels' shapes and parameters."""

    __slots__ = ("core", "dilations", "groups", "lows", "parameters", "shapes", "strides", "whole")

    def __init__(
        self,
        family: _Family,
        numbers: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]],
        groups: int,
        **shapes: tuple[int, ...],
    ):
        _few("output", shapes["y"])
        self.core = family.core
        self.strides, self.dilations, self.lows = numbers
        self.groups = groups
        names = (*family.strides, *family.dilations, *family.lows)
        self.parameters = dict(zip(names, (n for axis in numbers for n in axis), strict=True))
        self.whole = {**shapes, "bias": shapes["y"][1:2]}
        self.shapes = {}
        for name, axis in (("x", 1), ("w", 0), ("y", 1), ("bias", 0)):
            shape = self.whole[name]
            cut = (groups, shape[axis] // groups)
            self.shapes[name] = (*shape[:axis], *cut, *shape[axis + 1 :])

    def run(self, kernel: str, result: str, **arrays: Array) -> Array:
        """Compute with a core kernel; `result` is the tensor whose shape its output has."""
        split = [array.reshape(self.shapes[name]) for name, array in arrays.items()]
        shape = {f"{result}_shape": self.shapes[result]}
        out: Array = getattr(self.core, kernel)(*split, **shape, **self.parameters)
        return out.reshape(self.whole[result])


def _window(
    family: _Family,
    input_size: tuple[int, ...],
    weight_size: tuple[int, ...],
    arguments: tuple[object, ...],
    names: tuple[str, str],
) -> _CheckedWindow:
    """Check a geometry, and remember it if it is good and its numbers are plain integers.

    Args:
        family: the layer.
        input_size: the shape of the input.
        weight_size: the shape of the weight.
        arguments: the parameters of the public function, in its order.
        names: what messages call input and weight.

    """
    for value in arguments:
        if type(value) is not int and not _plain(value):
            return family.check(family, input_size, weight_size, arguments, names)
    return _remembered(family, input_size, weight_size, arguments, names)


@lru_cache(maxsize=4096)
def _remembered(family: _Family, *geometry: Any) -> _CheckedWindow:
    return family.check(family, *geometry)


def _plain(value: object) -> bool:
    """Return whether it is a tuple of integers alone: 1 == True, but only 1 is a stride."""
    return isinstance(value, tuple) and {type(n) for n in value} == {int}


def _few(argument: str, shape: tuple[int, ...]) -> None:
    """Check that an array of that shape is of a reasonable size."""
    if math.prod(filter(None, shape)) > LARGEST_ARRAY or max(shape) >= LARGEST_PARAMETER:
        most = f"axes < {LARGEST_PARAMETER} and at most {LARGEST_ARRAY} elements"
        raise wrong(argument, f"shape {shape}", most)


def _size(argument: str, value: object, rank: int) -> tuple[int, ...]:
    """Return the shape of an array that is to be computed."""
    size = checked_shape(argument, value, rank)
    _few(argument, size)
    return size


def _divided(argument: str, axis: int, shape: tuple[int, ...], by: int, words: str) -> int:
    """Return a group's part of an axis."""
    if shape[axis] % by:
        raise wrong(argument, f"shape {shape}", f"axis {axis} divisible by {words}={by}")
    return shape[axis] // by


def _per_axis(argument: str, value: object, rank: int, least: int) -> tuple[int, ...]:
    """Return one integer >= least for each axis."""
    if type(value) is int and least <= value < LARGEST_PARAMETER:
        return (value,) * rank
    if isinstance(value, (tuple, list)):
        if len(value) != rank:
            raise wrong(
                argument, value, f"an integer, or a tuple of {rank} integers (one per axis)"
            )
        numbers = tuple([_bounded(argument, n, least) for n in value])
    else:
        numbers = (_bounded(argument, value, least),) * rank
    return numbers


def _bounded(argument: str, value: object, least: int) -> int:
    number = integer(argument, value, least)
    if number >= LARGEST_PARAMETER:
        raise wrong(argument, value, f"an integer from {least} to {LARGEST_PARAMETER - 1}")
    return number


def _pads(
    argument: str,
    padding: object,
    strides: tuple[int, ...],
    dilations: tuple[int, ...],
    taps: tuple[int, ...],
) -> list[tuple[int, int]]:
    """Return the (low, high) padding of each axis."""
    rank = len(strides)
    if type(padding) is int and abs(padding) < LARGEST_PARAMETER:
        return [(padding, padding)] * rank
    if isinstance(padding, str):
        if padding == "valid":
            return [(0, 0)] * rank
        if padding != "same":
            raise wrong(argument, repr(padding), '"valid", "same", or integers')
        if max(strides) > 1:
            raise wrong(
                argument, f'"same" with stride {strides}', "stride 1; give integers instead"
            )
        extents = [d * (k - 1) + 1 for d, k in zip(dilations, taps, strict=True)]
        return [((extent - 1) // 2, extent // 2) for extent in extents]
    form = f"an integer, {rank} integers, or {rank} (low, high) pairs"
    entries = list(padding) if isinstance(padding, (tuple, list)) else [padding] * rank
    nested = [isinstance(entry, (tuple, list)) for entry in entries]
    if len(entries) != rank or any(nested) != all(nested):
        raise wrong(argument, padding, form)
    pads = []
    for entry in entries:
        pair: Sequence[object] = entry if isinstance(entry, (tuple, list)) else (entry, entry)
        if len(pair) != 2:
            raise wrong(argument, padding, form)
        low, high = (_bounded(argument, n, 1 - LARGEST_PARAMETER) for n in pair)
        pads.append((low, high))
    return pads


def _check_accuracy(accuracy: object) -> None:
    if not isinstance(accuracy, str):
        raise mistyped("accuracy", shown(accuracy), '"exact" or "fast"')
    if accuracy not in ("exact", "fast"):
        raise wrong("accuracy", repr(accuracy), '"exact" or "fast"')
