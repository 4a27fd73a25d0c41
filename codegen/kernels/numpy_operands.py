"""What a sum reads and writes, in NumPy: arrays, slices of them, or arrays read at an index."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sympy import Expr, Integer, Symbol

from rot180.codegen.kernels.expressions import index_text, loop_size, number
from rot180.codegen.kernels.names import array_name, name
from rot180.codegen.plans.bounds import positive
from rot180.codegen.plans.plan import Affine, Box, Factor, Nest, Plan
from rot180.derive.language.polynomial import normal


@dataclass(frozen=True)
class Entries:
    """Entries of an array, in NumPy.

    Attributes:
        text: the expression.
        loops: the loop along each of its axes.
        windows: whether it is an array read at an index, not an array.

    """

    text: str
    loops: tuple[Symbol, ...]
    windows: bool


def entries(factor: Factor, nest: Nest, plan: Plan) -> Entries:
    """Write a factor of a nest."""
    if isinstance(factor, Box):
        return _read(f"ones({number(factor.size)}, dtype)", (factor.value,), nest)
    shape = [n for n in factor.tensor.shape if n is not None]
    return _entries(array_name(factor), factor.index, shape, nest, plan)


def written(nest: Nest, output: str, shape: Sequence[Expr], plan: Plan) -> Entries:
    """Write the entries that a nest adds to, as an array."""
    found = _entries(output, nest.output, shape, nest, plan, constants=True)
    return Entries(f"{found.text}.read()", found.loops, True) if found.windows else found


def extent(variable: Symbol, nest: Nest) -> str:
    """Write how many values a loop has."""
    (loop,) = (loop for loop in nest.loops if loop.variable == variable)
    size = loop_size(loop)
    return f"len({name(variable.name)})" if size is None else factor_text(number(size))


def factor_text(code: str) -> str:
    """Write an expression so that it can be multiplied."""
    return code if re.fullmatch(r"\w+|[\w.]+\[\d+\]", code) else f"({code})"


def _entries(
    array: str,
    index: Sequence[Affine],
    shape: Sequence[Expr],
    nest: Nest,
    plan: Plan,
    constants: bool = False,
) -> Entries:
    """Write entries as slices where each axis has one loop, else as an array read at an index."""
    found = [v for e in index for v in e.loops]
    single = all(len(e.loops) == 1 or (constants and not e.loops) for e in index)
    moving = all(_moves(c, plan) for e in index for _, c in e.coefficients)
    sizes = {loop.variable: loop_size(loop) for loop in nest.loops}
    whole = [
        len(e.loops) == 1
        and e == Affine(Integer(0), ((e.loops[0], Integer(1)),))
        and sizes[e.loops[0]] == size
        and found.count(e.loops[0]) == 1
        for e, size in zip(index, shape, strict=True)
    ]
    if not (single and moving and len(set(found)) == len(found)):
        return _read(array, index, nest, [*whole, False].index(False))
    parts = []
    for e, plain in zip(index, whole, strict=True):
        sliced = f"at({index_text(e)})" if e.loops else number(e.constant)
        parts.append(":" if plain else sliced)
    while parts[-1:] == [":"]:
        parts.pop()
    if len(found) < len(index):
        parts.append("...")
    return Entries(f"{array}[{', '.join(parts)}]" if parts else array, tuple(found), False)


def _read(array: str, index: Sequence[Affine], nest: Nest, whole: int = 0) -> Entries:
    """Write an array read at an index; an ellipsis stands for the first axes that are whole."""
    parts = [index_text(e) for e in index]
    loops = {name(loop.variable.name): loop.variable for loop in nest.loops}
    found = [loops[word] for part in parts for word in re.findall(r"\w+", part) if word in loops]
    parts = ["...", *parts[whole:]] if whole else parts
    return Entries(f"windows({', '.join([array, *parts])})", tuple(dict.fromkeys(found)), True)


def _moves(step: Expr, plan: Plan) -> bool:
    """Say whether a coefficient is known not to be 0."""
    return positive(step, plan.hypotheses) or positive(normal(-step), plan.hypotheses)
