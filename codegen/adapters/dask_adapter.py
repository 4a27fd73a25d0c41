"""Layers on Dask arrays: blocks of the output and of the gradients, each by its theorem."""

from __future__ import annotations

import functools
import inspect
import itertools
import math
import operator
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from rot180.codegen.adapters.arguments import arguments, require_dtypes
from rot180.codegen.adapters.operation import Operation, documented
from rot180.codegen.kernels.compile import layer_module
from rot180.codegen.kernels.runtime.numpy.dask_sources import (
    Span,
    StoredArray,
    StoredPart,
    as_source,
    dask,
    spans,
    stand_in,
)
from rot180.derive.blocks import LayerBlock, block
from rot180.derive.blocks.functions import with_functions, without_functions
from rot180.derive.blocks.windows import value
from rot180.derive.gradients.gradient_layer import gradient_layer
from rot180.derive.language.layers import Layer
from rot180.derive.language.notation import make_layer
from rot180.derive.language.terms import define
from rot180.derive.search.derivation import NotProvedError

Axis = tuple[str, int]
Sources = Mapping[str, Any]
"""Operands by name, each with shape, dtype, chunks, and parts by slices."""
KINDS = (dask.array.Array, StoredArray)


@lru_cache(maxsize=512)
def _cut(layer: Layer, index: str, order: tuple[str, ...]) -> LayerBlock | None:
    """Return the block of a layer along an index, not proved yet; None where nothing is cut."""
    try:
        return block(layer, index, order)
    except ValueError:
        return None


@lru_cache(maxsize=512)
def _proved(layer: Layer, index: str, order: tuple[str, ...]) -> bool:
    """Return whether the block is proved: no proof, no block."""
    found = _cut(layer, index, order)
    try:
        return found is not None and bool(found.theorem)
    except NotProvedError:
        return False


@dataclass(frozen=True)
class Division:
    """An index that is divided into blocks.

    Attributes:
        block: what a block reads, for the layer inside a block of the divisions before.
        ends: the ends of chunks along an axis, and the size of the axis.
        moved: whether the index is not that of the axis, so that its blocks are in proportion.

    """

    block: LayerBlock
    ends: tuple[int, ...]
    moved: bool

    def spans(self, numbers: Mapping[str, int]) -> list[Span]:
        """Return the blocks."""
        size, whole = value(self.block.size, numbers), self.ends[-1]
        ends = [-(-e * size // whole) if self.moved else e for e in self.ends]
        return spans(ends, size)


@dataclass(frozen=True)
class Blocks:
    """A layer in blocks.

    Attributes:
        layer: the layer.
        inside: the layer that computes a block.
        divisions: the indices that are divided, each inside the blocks of those before.
        whole: chunked axes that each block reads whole.

    """

    layer: Layer
    inside: Layer
    divisions: tuple[Division, ...]
    whole: tuple[Axis, ...]

    def places(
        self, numbers: Mapping[str, int], done: int = 0, at: Mapping[Axis, Span] | None = None
    ) -> Iterator[tuple[tuple[Span, ...], Mapping[str, int], Mapping[Axis, Span]]]:
        """Yield for each block where it is, the numbers of `inside`, and what it reads.

        Args:
            numbers: the sizes and parameters.
            done: how many divisions are done.
            at: what was cut so far.

        """
        at = at or {}
        if done == len(self.divisions):
            yield (), numbers, at
            return
        division = self.divisions[done]
        b = division.block
        for first, count in division.spans(numbers):
            known = {**numbers, b.first.name: first, b.count.name: count}
            windows, inside = b.placed(known)
            new = {a: (at.get(a, (0, 0))[0] + w.start, len(w)) for a, w in windows.items()}
            for rest, last, read in self.places(inside, done + 1, {**at, **new}):
                yield ((first, count), *rest), last, read


def divided(layer: Layer, sources: Sources, numbers: Mapping[str, int]) -> Blocks:
    """Divide a layer where its operands have several chunks along an axis.

    Of the indices that cut such an axis, that one is divided for which a block is the smallest, in
    entries that it reads and writes. An axis without a theorem is read whole.

    """
    chunked = {
        (word, n): tuple(itertools.accumulate(sizes))
        for word, source in sources.items()
        for n, sizes in enumerate(source.chunks)
        if len(sizes) > 1 and all(source.shape)
    }
    order = tuple(sorted(sources, key=lambda word: all(a[0] != word for a in chunked)))
    definition, inside = layer.output.definition, layer
    assert definition is not None
    summed = definition.body[0].variables if definition.body else ()
    left, divisions = [v.name for v in (*definition.formals, *summed)], list[Division]()
    while True:
        found = [(word, _cut(inside, word, order)) for word in left]
        trials = [(_trial(b, chunked, numbers), word) for word, b in found if b is not None]
        known = [(t, word) for t, word in trials if t and t.entries < _entries(inside, numbers)]
        if not known:
            break
        trial, word = min(known, key=lambda pair: pair[0].entries)
        left.remove(word)
        if _proved(inside, word, order):
            numbers, divisions = trial.numbers, [*divisions, trial.division]
            inside, _ = trial.division.block.inside
            cut = {(w.operand, w.axis) for w in trial.division.block.windows}
            chunked = {axis: ends for axis, ends in chunked.items() if axis not in cut}
    return Blocks(layer, inside, tuple(divisions), tuple(chunked))


def _entries(layer: Layer, numbers: Mapping[str, int]) -> int:
    """Return how many entries a layer reads and writes."""
    shapes = (t.shape for t in (layer.output, *layer.tensors))
    return sum(math.prod(value(n, numbers) for n in shape if n is not None) for shape in shapes)


class Trial(NamedTuple):
    """A division, and its block in the middle: its entries, and the numbers inside it."""

    entries: int
    division: Division
    numbers: Mapping[str, int]


def _trial(
    b: LayerBlock, chunked: Mapping[Axis, tuple[int, ...]], numbers: Mapping[str, int]
) -> Trial | None:
    """Divide an index as a chunked axis is that it cuts; None where it cuts none."""
    moved = {(w.operand, w.axis): bool(w.reaches) for w in b.windows}
    drivers = sorted((moved[axis], axis) for axis in chunked if axis in moved)
    if not drivers:
        return None
    division = Division(b, chunked[drivers[0][1]], drivers[0][0])
    spans = division.spans(numbers)
    first, count = spans[len(spans) // 2]
    _, inside = b.placed({**numbers, b.first.name: first, b.count.name: count})
    return Trial(_entries(b.inside[0], inside), division, inside)


def _computed(
    text: str,
    backend: str,
    arrays: Sequence[Any],
    keywords: Mapping[str, Any],
    dtype: np.dtype[Any],
) -> np.ndarray[Any, Any]:
    """Compute a block: what a worker does."""
    read = map(read_part, arrays)
    return np.asarray(layer_module(text, backend).forward(*read, **keywords), dtype)


def read_part(part: Any) -> np.ndarray[Any, Any]:
    """Return the entries of a part of an operand."""
    return part.read() if isinstance(part, StoredPart) else np.asarray(part)


def lazily(
    layer: Layer,
    sources: Sources,
    numbers: Mapping[str, int],
    dtype: np.dtype[Any],
    backend: str,
) -> Any:
    """Return the output of a layer as a Dask array.

    Args:
        layer: the layer.
        sources: its operands.
        numbers: its sizes and parameters.
        dtype: the type of the output's entries, that of all operands.
        backend: the backend of the kernels.

    """
    plain, applied = without_functions(layer)
    names = {t.name: t.name for t in plain.tensors}
    names |= {word: f.argument.tensor.name for word, f in applied.items()}
    given, sources = sources, {word: sources[name] for word, name in names.items()}
    blocks = divided(plain, sources, numbers)
    if blocks.whole and len(alone := list(_terms(layer))) > 1:
        summands = (lazily(one, given, numbers, dtype, backend) for one in alone)
        return functools.reduce(operator.add, summands)
    for word, n in blocks.whole:
        warnings.warn(
            f"{names[word]}: found {len(sources[word].chunks[n])} chunks along axis {n}, which "
            f"each block reads whole: no index of {layer.text} is proved to divide it",
            stacklevel=_frames(),
        )
    operation = Operation(with_functions(blocks.inside, applied).text, (), backend)
    operation.module  # noqa: B018 -- compiled once, before workers need it
    free = [(n, d) for n, d in enumerate(blocks.divisions) if not d.block.summed]
    rank = len(layer.output.shape)
    meta = np.empty((0,) * rank, dtype)
    parts: dict[tuple[Span, ...], list[Any]] = {}
    for at, known, read in blocks.places(numbers):
        values = [known[word] for word in operation.symbols]
        pieces = [_part(sources[t.name], t.name, read) for t in operation.arrays]
        keywords = operation.keywords(values)
        made = dask.delayed(_computed)(operation.text, backend, pieces, keywords, dtype)
        whole = operation.boxes[0](*values)
        part = dask.array.from_delayed(made, whole, meta=meta)
        parts.setdefault(tuple(at[n] for n, _ in free), []).append(part)
    definition = layer.output.definition
    assert definition is not None
    axes = [definition.formals.index(d.block.index) for _, d in free]
    places = [sorted({at[n] for at in parts}) for n in range(len(free))]
    counts = [1] * rank
    for axis, spans_here in zip(axes, places, strict=True):
        counts[axis] = len(spans_here)
    grid = np.empty(counts, object)
    for at, found in parts.items():
        place = [0] * rank
        for axis, spans_here, span in zip(axes, places, at, strict=True):
            place[axis] = spans_here.index(span)
        joined = found[0] if len(found) == 1 else dask.array.stack(found).sum(0, dtype)
        grid[tuple(place)] = joined
    return dask.array.block(grid.tolist())


def _frames() -> int:
    """Return the level of a warning that is to point at the first caller outside of the package."""
    frame, count = inspect.currentframe(), 0
    while frame is not None and frame.f_globals.get("__name__", "").startswith("rot180."):
        frame, count = frame.f_back, count + 1
    return count


def _terms(layer: Layer) -> Iterator[Layer]:
    """Yield the terms of a layer as layers: a sum in one of them can be divided by itself."""
    y = layer.output
    assert y.definition is not None
    for t in y.definition.body:
        yield make_layer(define(y.name, y.shape, y.definition.formals, (t,)), layer.name)


def _part(source: Any, word: str, read: Mapping[Axis, Span]) -> Any:
    """Return what a block reads of an operand."""
    whole = ((0, n) for n in source.shape)
    places = [read.get((word, n), span) for n, span in enumerate(whole)]
    return source[tuple(slice(first, first + count) for first, count in places)]


def dtype_of(sources: Sources) -> np.dtype[Any]:
    """Return the type of all operands."""
    found: np.dtype[Any] = next(iter(sources.values())).dtype
    return found


class DaskLayer:
    """A layer as a function of Dask arrays, and its gradients."""

    def __init__(self, operation: Operation) -> None:
        self._operation, self._known = operation, arguments(operation)
        documented(self, operation, self._known.signature, "Dask array")

    def _read(
        self, operands: Sequence[Any], others: Mapping[str, Any]
    ) -> tuple[Sources, Mapping[str, int]]:
        """Return the operands and the numbers, by name."""
        words = [word for word, *_ in self._known.operands]
        given = dict(zip(words, operands, strict=False))
        given |= {word: others[word] for word in words if word in others}
        for word, array in given.items():
            stand_in(word, array)
        sources = {word: as_source(array) for word, array in given.items()}
        first = [sources[word] for word in words[: len(operands)]] + list(operands[len(words) :])
        rest = {word: sources.get(word, other) for word, other in others.items()}
        arrays, values = self._known.read(first, rest, KINDS)
        require_dtypes(list(zip(words, arrays, strict=True)))
        names = (t.name for t in self._operation.layer.tensors)
        numbers = dict(zip(self._operation.symbols, values, strict=True))
        return dict(zip(names, arrays, strict=True)), numbers

    def __call__(self, *operands: Any, **others: Any) -> Any:
        """Return the output."""
        return self._output(*self._read(operands, others))

    def vjp(self, grad_output: Any, *operands: Any, **others: Any) -> tuple[Any, ...]:
        """Return the gradient by each operand.

        Args:
            grad_output: the gradient of a loss by the output, of the output's shape.
            operands: as for the layer itself, or by name.
            others: its parameters and shapes.

        """
        sources, numbers = self._read(operands, others)
        stand_in("grad_output", grad_output)
        upstream = as_source(grad_output)
        shape = self._operation.boxes[0](*(numbers[w] for w in self._operation.symbols))
        if upstream.shape != tuple(shape):
            found = f"found shape {upstream.shape}, expected {tuple(shape)}"
            raise ValueError(f"grad_output: {found}, that of the output")
        word, first = next(iter(sources.items()))
        require_dtypes([(word, first), ("grad_output", upstream)])
        return self._gradients(upstream, sources, numbers)

    def _output(self, sources: Sources, numbers: Mapping[str, int]) -> Any:
        layer = self._operation.layer
        assert isinstance(layer, Layer)
        return lazily(layer, sources, numbers, dtype_of(sources), self._operation.backend)

    def _gradients(
        self, upstream: Any, sources: Sources, numbers: Mapping[str, int]
    ) -> tuple[Any, ...]:
        words = (t.name for t in self._operation.layer.tensors)
        return tuple(self._gradient(word, upstream, sources, numbers) for word in words)

    def _gradient(
        self, word: str, upstream: Any, sources: Sources, numbers: Mapping[str, int]
    ) -> Any:
        made = gradient_layer(self._operation.layer, word)
        if made is None:
            return dask.array.zeros_like(sources[word], chunks=sources[word].chunks)
        gradient, short = made
        if not isinstance(gradient, Layer):
            raise ValueError(f"layer: the gradient by {word} is a program, {gradient.text}")
        given = {**sources, short: upstream}
        return lazily(gradient, given, numbers, upstream.dtype, self._operation.backend)
