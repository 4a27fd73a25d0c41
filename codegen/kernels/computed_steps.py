"""The calls of steps that have no kernel: tables from formulas, gathers and scatters."""

from __future__ import annotations

from collections.abc import Iterable

from sympy import Symbol

from rot180.codegen.kernels.expressions import size_tuple
from rot180.codegen.kernels.names import name
from rot180.derive.gradients.gather_steps import GatherStep
from rot180.derive.language.formulas import OF_INDICES, PI, FormulaTable, spelled


def table_arguments(table: FormulaTable) -> list[str]:
    """Write a formula in NumPy, the sizes of its indices, and the numbers in it."""
    numbers = [name(word) for word in table.names]
    indices = [name(v.name) for v in table.formals]
    by = {v: name(v) for v in (*table.names, *(v.name for v in table.formals))}
    by |= {f: f"np.{f}" for f in (*OF_INDICES, PI)} | {"^": "**"}
    formula = spelled(table.formula, by)
    shape = size_tuple([n for n in table.tensor.shape if n is not None])
    return [f"lambda {', '.join([*indices, *numbers])}: {formula}", shape, "dtype", *numbers]


def gather_arguments(step: GatherStep) -> list[str]:
    """Write the axes of what is gathered or scattered, in words, and the arrays of indices."""

    def words(index: Iterable[Symbol]) -> str:
        return f'"{" ".join(v.name for v in index)}"'

    reads = [
        f'("{r.place.name}", {name(r.gather.array.name)}, {words(r.index)})' for r in step.reads
    ]
    shape = [size_tuple(step.shape)] if step.scatters else []
    return [words(step.words), words(step.formals), *shape, *reads]
