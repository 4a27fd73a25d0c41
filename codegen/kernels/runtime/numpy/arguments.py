"""Arguments of the public functions: sizes, strides, paddings, and the window that they describe.

A stride, dilation or padding is one integer, or a tuple, list or array with one for each axis; as
in PyTorch, a single entry counts for every axis.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from rot180.codegen.kernels.runtime.numpy.checks import (
    Array,
    check_axis,
    checked_shape,
    integer,
    mistyped,
    shown,
    wrong,
)

Integers: TypeAlias = npt.NDArray[np.integer[Any]]
PerAxis: TypeAlias = int | Sequence[int] | Integers
Padding: TypeAlias = int | str | Sequence[int] | Sequence[Sequence[int]] | Integers

LARGEST_PARAMETER = 2**31  # strides, dilations, paddings and axes stay below
LARGEST_ARRAY = 2**40  # elements; more is a mistake, not a layer


@dataclass(frozen=True, eq=False)
class Family:
    """What the functions of a layer share.

    Attributes:
        check: checks sizes and parameters, and computes the size of the output.
        strides, dilations, lows: what the kernels call these parameters, one for each axis.

    """

    check: Callable[..., CheckedWindow]
    strides: tuple[str, ...]
    dilations: tuple[str, ...]
    lows: tuple[str, ...]


class CheckedWindow:
    """A window that fits: its numbers axis by axis, and the kernels' shapes and parameters.

    Attributes:
        strides, dilations, lows: one integer for each axis.
        groups: the number of groups.
        whole: the public shapes of input x, weight w, output y and bias.
        shapes: the same for the kernels, which have an axis of groups.
        parameters: the parameters of the kernels.

    """

    __slots__ = ("dilations", "groups", "lows", "parameters", "shapes", "strides", "whole")

    def __init__(
        self,
        family: Family,
        numbers: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]],
        groups: int,
        **shapes: tuple[int, ...],
    ):
        _few("output", shapes["y"])
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

    def run(self, kernel: Callable[..., Array], result: str, **arrays: Array) -> Array:
        """Call a kernel, whose output has the shape of `result`: "x", "w" or "y"."""
        split = [array.reshape(self.shapes[name]) for name, array in arrays.items()]
        shape = {f"{result}_shape": self.shapes[result]}
        return kernel(*split, **shape, **self.parameters).reshape(self.whole[result])


def checked_window(
    family: Family,
    input_size: tuple[int, ...],
    weight_size: tuple[int, ...],
    parameters: tuple[object, ...],
    names: tuple[str, str],
) -> CheckedWindow:
    """Check a window, and remember it if it fits and its parameters are plain integers.

    Args:
        family: the layer.
        input_size: the shape of the input.
        weight_size: the shape of the weight.
        parameters: those of the public function, in its order.
        names: what messages call input and weight.

    """
    for value in parameters:
        if type(value) is not int and not _plain(value):
            return family.check(family, input_size, weight_size, parameters, names)
    return _remembered(family, input_size, weight_size, parameters, names)


@lru_cache(maxsize=4096)
def _remembered(family: Family, *geometry: Any) -> CheckedWindow:
    return family.check(family, *geometry)


def _plain(value: object) -> bool:
    """Return whether it is a tuple of integers alone: 1 == True, but only 1 is a stride."""
    return isinstance(value, tuple) and {type(n) for n in value} == {int}


def _few(argument: str, shape: tuple[int, ...]) -> None:
    """Check that an array of that shape is of a reasonable size."""
    if math.prod(filter(None, shape)) > LARGEST_ARRAY or max(shape) >= LARGEST_PARAMETER:
        most = f"axes < {LARGEST_PARAMETER} and at most {LARGEST_ARRAY} elements"
        raise wrong(argument, f"shape {shape}", most)


def joined_batch(
    rank: int, several: bool, *given: Any
) -> tuple[list[Any], tuple[int, ...]] | None:
    """Return arguments whose batch is one axis, and the axes that it was; None where it is one.

    Args:
        rank: how many axes an array with a batch of one axis has.
        several: whether a batch may have more axes than one; it may always have none.
        given: arrays, or the shapes of arrays.

    """
    try:
        shapes = [tuple(map(operator.index, getattr(value, "shape", value))) for value in given]
    except TypeError:
        return None  # the checks say what is of a wrong type
    axes = [max(len(shape) - rank + 1, 0) for shape in shapes]
    batch = shapes[0][: axes[0]]
    alike = all(shape[:n] == batch for shape, n in zip(shapes, axes, strict=True))
    whole = all(len(shape) - n == rank - 1 for shape, n in zip(shapes, axes, strict=True))
    if not (alike and whole) or len(batch) == 1 or (batch and not several):
        return None
    joined = [(math.prod(batch), *shape[len(batch) :]) for shape in shapes]
    return [
        value.reshape(shape) if isinstance(value, np.ndarray) else shape
        for value, shape in zip(given, joined, strict=True)
    ], batch


def with_batch(batch: tuple[int, ...], array: Array) -> Array:
    """Return an array with the axes of a batch for its first axis."""
    return array.reshape(*batch, *array.shape[1:])


def checked_size(argument: str, value: object, rank: int) -> tuple[int, ...]:
    """Return the shape of an array that is to be computed."""
    size = checked_shape(argument, value, rank)
    _few(argument, size)
    return size


def check_axes(
    argument: str, shape: tuple[int, ...], expected: tuple[int, ...], *words: str
) -> None:
    """Check a shape that is fixed by others; the words say what fixes each axis."""
    if shape != expected:
        for axis, (size, fixed) in enumerate(zip(expected, words, strict=True)):
            check_axis(argument, axis, shape, size, f" ({fixed})")


def divided(argument: str, axis: int, shape: tuple[int, ...], by: int, words: str) -> int:
    """Return a group's part of an axis."""
    if shape[axis] % by:
        raise wrong(argument, f"shape {shape}", f"axis {axis} divisible by {words}={by}")
    return shape[axis] // by


def per_axis(argument: str, value: object, rank: int, least: int) -> tuple[int, ...]:
    """Return one integer >= least for each axis."""
    if type(value) is int and least <= value < LARGEST_PARAMETER:
        return (value,) * rank
    form = f"an integer, or a tuple of {rank} integers (one per axis)"
    entries = _for_each_axis(argument, value, rank, form)
    return tuple([_bounded(argument, n, least) for n in entries])


def _for_each_axis(argument: str, value: object, rank: int, form: str) -> Sequence[object]:
    """Return an entry for each axis: one alone, or one in a sequence, counts for all."""
    given = _listed(argument, value, form)
    entries = given if isinstance(given, (tuple, list)) else (given,)
    if len(entries) not in (1, rank):
        raise wrong(argument, value, form)
    return entries if len(entries) == rank else (*entries,) * rank


def _listed(argument: str, value: object, form: str) -> object:
    """Return an array of integers with one axis as a list, and anything else as it is."""
    if not isinstance(value, np.ndarray) or value.ndim == 0:
        return value
    if value.ndim > 1:
        found = f"an array with {value.ndim} axes (shape {value.shape})"
        raise wrong(argument, found, f"{form}; pass an array with one axis, or a list")
    if value.dtype.kind not in "iu":
        found = f"an array of dtype {value.dtype}"
        raise mistyped(argument, found, "an array of integers; convert it with astype(int)")
    return value.tolist()


def _bounded(argument: str, value: object, least: int) -> int:
    number = integer(argument, value, least)
    if number >= LARGEST_PARAMETER:
        raise wrong(argument, value, f"an integer from {least} to {LARGEST_PARAMETER - 1}")
    return number


def padding_pairs(
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
    entries = [_listed(argument, e, form) for e in _for_each_axis(argument, padding, rank, form)]
    pairs = [entry if isinstance(entry, (tuple, list)) else (entry, entry) for entry in entries]
    nested = {pair is entry for pair, entry in zip(pairs, entries, strict=True)}
    if len(nested) > 1 or any(len(pair) != 2 for pair in pairs):
        raise wrong(argument, padding, form)
    least = 1 - LARGEST_PARAMETER
    return [(_bounded(argument, a, least), _bounded(argument, b, least)) for a, b in pairs]


def check_accuracy(accuracy: object) -> None:
    """Check that an accuracy is "exact" or "fast"."""
    if not isinstance(accuracy, str):
        raise mistyped("accuracy", shown(accuracy), '"exact" or "fast"')
    if accuracy not in ("exact", "fast"):
        raise wrong("accuracy", repr(accuracy), '"exact" or "fast"')
