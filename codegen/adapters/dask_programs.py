"""Programs on Dask arrays: one step after another, each in blocks."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from rot180.codegen.adapters.dask_adapter import (
    DaskLayer,
    Sources,
    dtype_of,
    lazily,
    read_part,
)
from rot180.codegen.adapters.operation import Operation
from rot180.codegen.kernels.program_calls import called
from rot180.codegen.kernels.program_derivation import ProvedProgram, prove_program
from rot180.codegen.kernels.runtime.numpy import selection
from rot180.codegen.kernels.runtime.numpy.dask_sources import dask, spans
from rot180.derive.gradients.program_steps import (
    AnyStep,
    ProgramFunction,
    ProgramStep,
    SelectionStep,
)
from rot180.derive.language.layers import Layer
from rot180.derive.language.notation import make_layer
from rot180.derive.language.polynomial import symbol
from rot180.derive.language.programs import Program
from rot180.derive.language.substitute import fresh, substitute_tensors
from rot180.derive.language.terms import define

Arrays = dict[str, Any]


class DaskProgram(DaskLayer):
    """A program as a function of Dask arrays, and its gradients."""

    def __init__(self, operation: Operation) -> None:
        found = operation.layer
        assert isinstance(found, Program)
        if made := [*(t.name for t in found.arrays), *(t.tensor.name for t in found.tables)]:
            raise ValueError(
                f"layer: found {made[0]}, an array of indices or a table, expected a program "
                "without them: compute that step in memory, and pass its result"
            )
        super().__init__(operation)

    @cached_property
    def _proved(self) -> ProvedProgram:
        found = self._operation.layer
        assert isinstance(found, Program)
        return prove_program(found)

    def _output(self, sources: Sources, numbers: Mapping[str, int]) -> Any:
        (function,) = (f for f in self._proved.functions if f.is_forward)
        return self._computed(function, dict(sources), numbers, {})

    def _gradients(
        self, upstream: Any, sources: Sources, numbers: Mapping[str, int]
    ) -> tuple[Any, ...]:
        word = f"grad_{self._operation.layer.output.name}"
        known: dict[tuple[str, ...], Any] = {}
        functions = {f.name: f for f in self._proved.chains}
        found = []
        for t in self._operation.layer.tensors:
            function = functions[f"grad_{t.name}"]
            arrays = {**sources, word: upstream}
            found.append(self._computed(function, arrays, numbers, known))
        return tuple(found)

    def _computed(
        self,
        function: ProgramFunction,
        arrays: Arrays,
        numbers: Mapping[str, int],
        known: dict[tuple[str, ...], Any],
    ) -> Any:
        """Return what the last step of a function computes; equal steps are computed once."""
        for step in function.steps:
            read = _read(step)
            key = (_said(step), *(str(id(arrays[word])) for word in read))
            if key not in known:
                known[key] = self._step(step, arrays, numbers)
            arrays[step.name] = known[key]
        return arrays[function.steps[-1].name]

    def _step(self, step: AnyStep, arrays: Arrays, numbers: Mapping[str, int]) -> Any:
        if isinstance(step, SelectionStep):
            return _selected(step, arrays[step.selection.source.name])
        assert isinstance(step, ProgramStep)
        layer, words = _free_of_clashes(step.layer)
        given = {words[t.name]: arrays[t.name] for t in step.layer.tensors}
        return lazily(layer, given, numbers, dtype_of(arrays), self._operation.backend)


def _read(step: AnyStep) -> tuple[str, ...]:
    """Return the names of the arrays that a step reads."""
    if isinstance(step, SelectionStep):
        return (step.selection.source.name,)
    assert isinstance(step, ProgramStep)
    return tuple(t.name for t in step.layer.tensors)


def _said(step: AnyStep) -> str:
    return step.layer.text if isinstance(step, ProgramStep) else step.text


def _free_of_clashes(layer: Layer) -> tuple[Layer, Mapping[str, str]]:
    """Return a layer none of whose names is that of a gradient, and the new names."""
    tensors = (layer.output, *layer.tensors)
    words, taken = {t.name: t.name for t in tensors}, {symbol(t.name) for t in tensors}
    for word in words:
        if word.startswith("grad_"):
            name = fresh(word.replace("grad_", "by_"), taken)
            taken.add(name)
            words[word] = name.name
    y, definition = layer.output, layer.output.definition
    assert definition is not None
    new = {t.name: replace(t, name=words[t.name]) for t in layer.tensors}
    body = tuple(substitute_tensors(t, new) for t in definition.body)
    return make_layer(define(words[y.name], y.shape, definition.formals, body), layer.name), words


def _selected(step: SelectionStep, source: Any) -> Any:
    """Return a selection: a block has all that it selects from, and is divided along other axes."""
    s = step.selection
    function = getattr(selection, called(step, None))
    options = {} if s.kind == "prod" else {"largest": s.kind == "max"}
    axes = [
        [(0, n)] if at in s.axes else spans(list(itertools.accumulate(chunks)), n)
        for at, (n, chunks) in enumerate(zip(source.shape, source.chunks, strict=True))
    ]
    kept = [at for at in range(len(axes)) if not (step.is_value and at in s.axes)]
    grid = np.empty([len(axes[at]) for at in kept], object)
    for place in itertools.product(*(range(len(found)) for found in axes)):
        block = [axes[at][n] for at, n in enumerate(place)]
        part = source[tuple(slice(first, first + count) for first, count in block)]
        shape = [block[at][1] for at in kept]
        made = dask.delayed(_select)(function, part, s.axes, options)
        grid[tuple(place[at] for at in kept)] = dask.array.from_delayed(made, shape, source.dtype)
    return dask.array.block(grid.tolist())


def _select(
    function: Callable[..., Any], part: Any, axes: Sequence[int], options: Mapping[str, bool]
) -> Any:
    return function(read_part(part), tuple(axes), **options)
