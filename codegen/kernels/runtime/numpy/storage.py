"""Public functions on arrays of float16 and bfloat16, which are summed in float32.

The operands are converted to float32 in blocks, of at most 2^21 entries of each array (8 MiB),
as far as its loops can be cut: along batch, groups, windows and the channels of the weight. The
smallest block has one sample, one group with its channels, and the extent of one window. The
function itself computes with blocks. Its results, of float32, are added up where a sum runs over
several blocks, and rounded once, to the dtype of the operands. A product of two numbers of such a
dtype is exact in float32 unless it underflows or overflows.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from rot180.codegen.kernels.runtime.numpy.arguments import CheckedWindow
from rot180.codegen.kernels.runtime.numpy.block_loops import (
    Span,
    StoredFunction,
    block_counts,
    loops_of,
)
from rot180.codegen.kernels.runtime.numpy.checks import Array, mistyped

NAMES = ("float16", "bfloat16")  # bfloat16 is a dtype of ml_dtypes, which the caller imported


class BlockedCall:
    """A call of a public function, block by block; arrays have an axis of groups in between.

    Attributes:
        function: the function.
        how: how its arrays can be cut.
        operands: the arrays, as they are stored.
        shapes: their shapes, and that of the result where it is known.
        loops: the loops that can be cut.
        counts: how many values of each a block has.
        parameters: the parameters of the function that all blocks share.

    """

    def __init__(
        self,
        function: Callable[..., Array],
        how: StoredFunction,
        arrays: Mapping[str, Array],
        checked: CheckedWindow | Sequence[tuple[int, ...]],
        more: Mapping[str, Any],
    ) -> None:
        self.function, self.how, self.parameters = function, how, dict(more)
        window = checked if isinstance(checked, CheckedWindow) else None
        groups = window.groups if window else 1
        self.operands = {
            t: a.reshape(_split(a.shape, how.groups.get(t), groups)) for t, a in arrays.items()
        }
        self.shapes = {t: a.shape for t, a in self.operands.items()}
        if window:
            self.shapes[how.result] = window.shapes[how.result]
            self.parameters |= {"stride": window.strides, "dilation": window.dilations}
        elif checked and not isinstance(checked, CheckedWindow):
            self.shapes[how.result] = _split(checked[0], how.groups.get(how.result), 1)
        self.loops = loops_of(how, self.shapes, window)
        self.counts = block_counts(self.loops, self.shapes)
        self.converted: dict[str, tuple[tuple[slice, ...], Array]] = {}

    def blocks(self, summed: bool) -> Iterator[dict[int, Span]]:
        """Yield blocks of the loops that the result has, or of those that are summed."""
        chosen = [
            i for i, loop in enumerate(self.loops) if (self.how.result not in loop.axes) == summed
        ]
        spans = (self.loops[i].blocks(self.counts[i]) for i in chosen)
        for block in itertools.product(*spans):
            yield dict(zip(chosen, block, strict=True))

    def total(self, block: Mapping[int, Span]) -> Array:
        """Return the sum of a block over all blocks of the loops that are summed, as float32."""
        first, *rest = self.blocks(summed=True)
        found = self.part({**block, **first})
        for other in rest:
            found += self.part({**block, **other})
        return found

    def part(self, block: Mapping[int, Span]) -> Array:
        """Return what the function computes of a block of every loop, as float32."""
        groups, given = 1, dict(self.parameters)
        for t in self.operands:
            found = self._converted(t, self.places(t, block))
            if t in self.how.groups:
                groups = found.shape[self.how.groups[t]]
            given[self.how.names[t]] = found.reshape(_joined(found.shape, self.how.groups.get(t)))
        if self.how.size:
            shape = [
                n if place == slice(None) else place.stop - place.start
                for n, place in zip(
                    self.shapes[self.how.result], self.places(self.how.result, block), strict=True
                )
            ]
            given[self.how.size] = _joined(tuple(shape), self.how.groups.get(self.how.result))
        if self.how.place:
            given |= {"padding": self._padding(block), "groups": groups}
        part = self.function(**given)
        return part.reshape(_split(part.shape, self.how.groups.get(self.how.result), groups))

    def places(self, array: str, block: Mapping[int, Span]) -> tuple[slice, ...]:
        """Return where a block lies in an array, or in the result."""
        rank = 1 + max((loop.axes[array] for loop in self.loops if array in loop.axes), default=-1)
        found = [slice(None)] * max(rank, len(self.shapes.get(array, ())))
        for i, span in block.items():
            loop = self.loops[i]
            if array in loop.axes:
                first, count = loop.spans(span)[array]
                found[loop.axes[array]] = slice(first, first + count)
        return tuple(found)

    def whole(self, part: Array) -> tuple[int, ...]:
        """Return the shape of the result, given one of its blocks."""
        shape = list(part.shape)
        for loop in self.loops:
            if self.how.result in loop.axes:
                shape[loop.axes[self.how.result]] = loop.size
        return tuple(shape)

    def _converted(self, array: str, places: tuple[slice, ...]) -> Array:
        """Return a part of an operand as float32; that of the last block if it is the same."""
        if array not in self.converted or self.converted[array][0] != places:
            part = self.operands[array][places].astype(np.float32, order="C")
            self.converted[array] = places, part
        return self.converted[array][1]

    def _padding(self, block: Mapping[int, Span]) -> tuple[Any, ...]:
        pads = [loop.place(block[i]).padding for i, loop in enumerate(self.loops) if loop.place]
        return tuple(low for low, _ in pads) if all(a == b for a, b in pads) else tuple(pads)


class Halves:
    """The arrays of a call, all of one dtype of `NAMES`.

    Attributes:
        dtype: their dtype.
        arrays: the arrays by argument; None where one was left out.

    """

    __slots__ = ("arrays", "dtype")

    def __init__(self, dtype: np.dtype[Any], arrays: Mapping[str, Any]) -> None:
        self.dtype, self.arrays = dtype, arrays

    @property
    def stand_ins(self) -> list[Any]:
        """Return what is checked in their place: float32 arrays of their shapes, without memory."""
        zero = np.zeros((), np.float32)
        return [
            np.broadcast_to(zero, value.shape) if _is_array(value) else value
            for value in self.arrays.values()
        ]

    def run(
        self,
        function: Callable[..., Array],
        how: StoredFunction,
        checked: CheckedWindow | Sequence[tuple[int, ...]],
        **more: Any,
    ) -> Array:
        """Return what a function computes, summed in float32 and rounded once.

        Args:
            function: a public function, which is called with float32 arrays.
            how: how its arrays can be cut.
            checked: what checked the arguments: a window, or the shape that was given.
            more: other arguments of the function.

        """
        given = {t: self.arrays[name] for t, name in how.names.items()}
        call = BlockedCall(
            function, how, {t: a for t, a in given.items() if a is not None}, checked, more
        )
        out: Array | None = None
        with np.errstate(over="ignore"):  # what is too large becomes infinite
            for outer in call.blocks(summed=False):
                total = call.total(outer)
                out = np.empty(call.whole(total), self.dtype) if out is None else out
                out[call.places(how.result, outer)] = total
        assert out is not None, "there is always a block"
        return out.reshape(_joined(out.shape, how.groups.get(how.result)))


def halves(**arguments: Any) -> Halves | None:
    """Return the arrays of a call if they are of float16 or bfloat16, and None if none is.

    Raises:
        TypeError: the dtypes differ.

    """
    found = {name: value.dtype for name, value in arguments.items() if _is_array(value)}
    if not any(map(is_stored, found.values())):
        return None
    first, dtype = next(iter(found.items()))
    for name, other in found.items():
        if other != dtype:
            expected = f"{dtype}, the dtype of {first}; convert it with astype"
            raise mistyped(name, f"dtype {other}", expected)
    return Halves(dtype, arguments)


def is_stored(dtype: np.dtype[Any]) -> bool:
    """Say whether it is a dtype of `NAMES`, in the byte order of the processor."""
    return dtype.itemsize == 2 and dtype.name in NAMES and dtype.isnative


def _is_array(value: object) -> bool:
    return isinstance(value, np.ndarray) and not isinstance(value, np.ma.MaskedArray)


def _split(shape: Sequence[int], axis: int | None, groups: int) -> tuple[int, ...]:
    """Return a shape with an axis of groups."""
    if axis is None:
        return tuple(shape)
    return (*shape[:axis], groups, shape[axis] // groups, *shape[axis + 1 :])


def _joined(shape: tuple[int, ...], axis: int | None) -> tuple[int, ...]:
    """Return a shape whose groups are joined with the axis behind them."""
    if axis is None:
        return shape
    return (*shape[:axis], shape[axis] * shape[axis + 1], *shape[axis + 2 :])
