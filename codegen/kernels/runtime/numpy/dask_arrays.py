"""Layers on Dask arrays: a kernel computes each block of the result from windows of the operands.

Batch and spatial axes may have any chunks; no array is in memory as a whole. What a block reads is
a theorem about the layer, for every stride, dilation, padding and remainder.
"""

from __future__ import annotations

import importlib
import itertools
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from rot180.codegen.kernels.runtime.numpy.arguments import CheckedWindow
from rot180.codegen.kernels.runtime.numpy.block_loops import SlidingAxis, SlidingBlock
from rot180.codegen.kernels.runtime.numpy.checks import Array
from rot180.codegen.kernels.runtime.numpy.dask_sources import (
    Span,
    StoredPart,
    as_source,
    dask,
    is_store,
    spans,
)
from rot180.codegen.kernels.runtime.numpy.sliding import block_of_windows, block_under_windows


def _ends(array: Any, axis: int) -> list[int]:
    return list(itertools.accumulate(array.chunks[axis]))


@cache
def _kernels() -> Any:
    """Return the compiled kernels where they are built, else those on NumPy."""
    try:
        return importlib.import_module("rot180.generated.cython_kernels")
    except ImportError:
        return importlib.import_module("rot180.generated.numpy_kernels")


def call(name: str, *args: Any, **how: Any) -> Array:
    """Call a kernel; workers call it by name, so that nothing but names and arrays is sent."""
    args = tuple(a.read() if isinstance(a, StoredPart) else a for a in args)
    found: Array = getattr(_kernels(), name)(*args, **how)
    return found


class LazyLayer(NamedTuple):
    """A layer on Dask arrays.

    Attributes:
        name: its public function.
        shapes: the shapes of input x, weight w and output y.
        transposed: whether the windows are on the input, and the output is what they move over.
        numbers: strides, dilations and paddings at the beginning, one for each spatial axis.
        groups: the number of groups.

    """

    name: str
    shapes: dict[str, tuple[int, ...]]
    transposed: bool = False
    numbers: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]] = ((), (), ())
    groups: int = 1

    @property
    def axes(self) -> list[SlidingAxis]:
        """Return the spatial axes."""
        names = ("x", "y") if self.transposed else ("y", "x")
        sizes = (self.shapes[n][2:] for n in (*names, "w"))
        return [SlidingAxis(*axis) for axis in zip(*sizes, *self.numbers, strict=True)]

    def how(self, places: Sequence[SlidingBlock]) -> dict[str, Any]:
        """Return the parameters of a block."""
        if not places:
            return {}
        stride, dilation, _ = self.numbers
        padding = tuple(p.padding for p in places)
        return {"stride": stride, "dilation": dilation, "padding": padding, "groups": self.groups}

    def mapped(self, source: Any, result: str, run: Callable[..., Any]) -> Any:
        """Return the output, or the gradient of the input, block by block.

        Args:
            source: the array that is read in windows: (N, channels, spatial axes).
            result: "x" or "y".
            run: takes a block of the source, the shape of the result's block and its parameters.

        """
        source = as_source(source)
        shape = self.shapes[result]
        gathers = (result == "y") != self.transposed
        batch = spans(_ends(source, 0), shape[0])
        place = block_of_windows if gathers else block_under_windows
        along = []
        for n, axis in enumerate(self.axes):
            wanted = spans(_cuts(axis, _ends(source, 2 + n), gathers), shape[2 + n])
            along.append([place(axis, span) for span in wanted])
        parts = np.empty((len(batch), 1, *map(len, along)), object)
        for at in np.ndindex(parts.shape):
            first, count = batch[at[0]]
            places = [along[n][i] for n, i in enumerate(at[2:])]
            read, made = ("part", "windows") if gathers else ("windows", "part")
            places_read = [getattr(p, read) for p in places]
            size = (count, shape[1], *(getattr(p, made)[1] for p in places))
            piece = source[_slices((first, count), places_read)]
            value = run(piece, size, self.how(places))
            parts[at] = dask.array.from_delayed(value, size, meta=_meta(source, len(size)))
        return dask.array.block(parts.tolist())

    def summed(self, x: Any, grad_output: Any, run: Callable[..., Any]) -> Any:
        """Return the gradient of the weight: a sum of one gradient for each block of windows.

        Args:
            x: the input.
            grad_output: the gradient of the output.
            run: takes blocks of both and the parameters.

        """
        x, grad_output = as_source(x), as_source(grad_output)
        wide, narrow = (grad_output, x) if self.transposed else (x, grad_output)
        batch = spans(_ends(narrow, 0), narrow.shape[0])
        along = [
            [block_of_windows(axis, span) for span in spans(_ends(narrow, 2 + n), axis.windows)]
            for n, axis in enumerate(self.axes)
        ]
        shape, parts = self.shapes["w"], []
        meta = _meta(x, len(shape))
        for rows in batch:
            for places in itertools.product(*along):
                big = wide[_slices(rows, [p.part for p in places])]
                small = narrow[_slices(rows, [p.windows for p in places])]
                pair = (small, big) if self.transposed else (big, small)
                part = run(*pair, self.how(places))
                parts.append(dask.array.from_delayed(part, shape, meta=meta))
        return parts[0] if len(parts) == 1 else dask.array.stack(parts).sum(0, dtype=x.dtype)


def _cuts(axis: SlidingAxis, ends: Sequence[int], gathers: bool) -> list[int]:
    """Return where a result is divided: as its source is, with stride 1."""
    return [-(-e // axis.stride) if gathers else axis.stride * e for e in ends]


def windowed(name: str, window: CheckedWindow) -> LazyLayer:
    """Return a layer whose filter slides."""
    numbers = (window.strides, window.dilations, window.lows)
    return LazyLayer(name, window.whole, "transpose" in name, numbers, window.groups)


def dense(name: str, input_size: Sequence[int], weight_size: Sequence[int]) -> LazyLayer:
    """Return a layer without spatial axes: each row of the input gives a row of the output."""
    x, w = tuple(input_size), tuple(weight_size)
    return LazyLayer(name, {"x": x, "w": w, "y": (x[0], w[0])})


def _meta(array: Any, rank: int) -> Array:
    return np.empty((0,) * rank, array.dtype)


def _slices(batch: Span, places: Sequence[Span]) -> tuple[slice, ...]:
    rows, *rest = (slice(first, first + count) for first, count in (batch, *places))
    return (rows, slice(None), *rest)


def forward(layer: LazyLayer, x: Any, weight: Any, bias: Any) -> Any:
    """Return the output of a layer."""
    kernel, others = dask.delayed(call), _whole(weight, bias)
    return layer.mapped(x, "y", lambda part, _, how: kernel(layer.name, part, *others, **how))


def input_gradient(layer: LazyLayer, weight: Any, grad_output: Any) -> Any:
    """Return the gradient of the input of a layer."""
    kernel, (w,), name = dask.delayed(call), _whole(weight), f"{layer.name}_input"
    run = lambda part, size, how: kernel(name, size, w, part, **how)  # noqa: E731
    return layer.mapped(grad_output, "x", run)


def weight_gradient(layer: LazyLayer, x: Any, grad_output: Any) -> Any:
    """Return the gradient of the weight of a layer."""
    kernel, size, name = dask.delayed(call), layer.shapes["w"], f"{layer.name}_weight"
    return layer.summed(x, grad_output, lambda a, b, how: kernel(name, a, size, b, **how))


def bias_gradient(grad_output: Any) -> Any:
    """Return the gradient of the bias: the sum over all axes but that of the channels."""
    array = grad_output
    if not isinstance(array, dask.array.Array):
        chunks = as_source(array).chunks
        array = dask.array.from_array(array, chunks, meta=_meta(array, len(array.shape)))
    return array.sum((0, *range(2, array.ndim)), dtype=array.dtype)


def _whole(*arrays: Any) -> list[Any]:
    """Return arrays that each block needs whole, so that they are sent once."""
    return [
        a
        if a is None or isinstance(a, dask.array.Array)
        else dask.delayed(np.asarray(a[...] if is_store(a) else a))
        for a in arrays
    ]
