"""Printers: plans as the text that templates lay out. Names and order are ours, never SymPy's."""

from __future__ import annotations

import keyword
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import singledispatch
from math import lcm

from sympy import Expr, Symbol

from rot180.codegen.passes import LoweringError
from rot180.codegen.plan import Affine, Box, Factor, Loop, Nest, Operand, Phase, Plan, Solved
from rot180.derive.layers import Layer
from rot180.derive.polynomial import monomials, ordered, text
from rot180.derive.proof import Theorem
from rot180.derive.statement import write_condition
from rot180.derive.terms import Access, AtLeast, Condition, Derivative, Tensor

_CYTHON = (
    "DEF IF ELIF ELSE NULL api bint bool by cdef char cimport class complex const cpdef ctypedef "
    "cython double enum extern fused gil include inline int long namespace new nogil object "
    "operator public readonly short signed sizeof ssize_t struct union unsigned void volatile"
)
_RESERVED = frozenset(
    (*keyword.kwlist, *keyword.softkwlist, *_CYTHON.split(), "divmod", "dtype", "np", "range")
)


def name(word: str) -> str:
    """Return a name that is free for use in Python and in Cython: ``lambda`` becomes ``lambda_``.

    >>> name("lambda"), name("x")
    ('lambda_', 'x')
    """
    return f"{word}_" if word in _RESERVED else word


def number(e: Expr, order: Iterable[Symbol] = ()) -> str:
    """Write a polynomial with integer coefficients as Python."""
    plain = text(e, order)
    for v in sorted(e.free_symbols, key=lambda v: v.name):
        if name(v.name) != v.name:
            raise_name = {v: Symbol(name(v.name), integer=True)}
            return number(e.xreplace(raise_name), order)
    return plain.replace("^", "**")


def fraction(e: Expr) -> tuple[str, int]:
    """Write a polynomial as Python: an integer polynomial and the denominator."""
    denominator = lcm(*(int(c.q) for c in monomials(e).values()))
    return number(e * denominator), denominator


@singledispatch
def entry(factor: Factor) -> str:
    """Write a factor as an argument of the contraction."""
    raise TypeError(factor)


@entry.register
def _(factor: Operand) -> str:
    return f"_entry({', '.join([array(factor), *map(index_map, factor.index)])})"


@entry.register
def _(factor: Box) -> str:
    return f"_inside({index_map(factor.value)}, {number(factor.size)})"


def array(operand: Operand) -> str:
    """Return the name of the array an operand reads."""
    if not operand.function:
        return name(operand.tensor.name)
    return f"{function(operand.function, operand.order)}_{operand.tensor.name}"


def function(word: str, order: int) -> str:
    """Return the argument that a scalar function's derivative is passed by."""
    return name(word + "_prime" * order)


def index_map(e: Affine) -> str:
    """Write an affine map: ``{"p": s, "k": d, "": -lo}``."""
    parts = [f'"{v.name}": {number(c)}' for v, c in e.coefficients]
    if e.constant != 0:
        parts.append(f'"": {number(e.constant)}')
    return "{" + ", ".join(parts) + "}"


def index_text(e: Affine) -> str:
    """Write an affine map as the notation has it."""
    loops = [v for v, _ in e.coefficients]
    return text(e.constant + sum(c * v for v, c in e.coefficients), loops)


def _words(variables: Iterable[Symbol]) -> str:
    return " ".join(v.name for v in variables)


def _comment(nest: Nest, output: str) -> str:
    def at(head: str, index: Sequence[Affine]) -> str:
        return f"{head}[{', '.join(map(index_text, index))}]"

    factors = [
        at(array(f), f.index)
        if isinstance(f, Operand)
        else f"[0 <= {index_text(f.value)} < {text(f.size)}]"
        for f in nest.factors
    ]
    over = f"sum[{', '.join(v.name for v in nest.reduction)}] " if nest.reduction else ""
    scale = [] if nest.coefficient == 1 and factors else [text(nest.coefficient)]
    if len(monomials(nest.coefficient)) > 1 and scale:
        scale = [f"({scale[0]})"]
    return f"# {at(output, nest.output)} += {over}{' * '.join([*scale, *factors])}"


def nest_lines(nest: Nest, output: str) -> list[str]:
    """Write one nest: its phases, the ranges of its loops, the contraction."""
    lines, tab = [_comment(nest, output)], ""
    for step in nest.outer:
        if isinstance(step, Phase):
            lines.append(f"{tab}for {name(step.variable.name)} in range({number(step.size)}):")
            tab += "    "
        else:
            lines += [tab + line for line in _solved(step)]
    ready = [(loop, size) for loop in nest.loops if (size := _plain(loop)) is not None]
    plain = ", ".join(f'"{loop.variable.name}": (0, {number(n)})' for loop, n in ready)
    lines.append(f"{tab}loops = {{{plain}}}")
    done = {loop for loop, _ in ready}
    for loop in nest.loops:
        if loop not in done:
            bounds = ", ".join(f"({index_map(b.value)}, {number(b.size)})" for b in loop.bounds)
            v = f'"{loop.variable.name}"'
            lines.append(f"{tab}loops[{v}] = _span({v}, loops, {bounds})")
    arguments = [f"{output}, [{', '.join(map(index_map, nest.output))}], loops"]
    arguments.append(
        ", ".join(
            f'{role}="{_words(variables)}"'
            for role, variables in (
                ("batch", nest.batch),
                ("rows", nest.rows),
                ("columns", nest.columns),
                ("over", nest.reduction),
            )
            if variables
        )
    )
    arguments.append(f"left=[{', '.join(map(entry, nest.left))}]" if nest.left else "")
    arguments.append(f"right=[{', '.join(map(entry, nest.right))}]" if nest.right else "")
    if nest.coefficient != 1:
        top, bottom = fraction(nest.coefficient)
        arguments.append(f"scale=({top}, {bottom})")
    lines.append(f"{tab}_accumulate(")
    lines += [f"{tab}    {argument}," for argument in arguments if argument]
    lines.append(f"{tab})")
    return lines


def _solved(step: Solved) -> list[str]:
    v, value, divisor = name(step.variable.name), number(step.value), number(step.divisor)
    return [f"{v}, rest = divmod({value}, {divisor})", "if rest:", "    continue"]


def _plain(loop: Loop) -> Expr | None:
    """Return n where the loop is ``0 <= v < n`` and nothing else."""
    (bound, *more) = loop.bounds
    alone = bound.value.constant == 0 and bound.value.coefficients == ((loop.variable, 1),)
    return bound.size if alone and not more else None


@dataclass(frozen=True)
class KernelText:
    """A function of a module, ready for the template.

    Attributes:
        name: the function's name.
        signature: its parameters.
        docstring: the theorem and what the arguments are, in lines.
        checks: the statements that check the arguments and name the sizes.
        output: the array that is returned.
        body: the statements that compute it.

    """

    name: str
    signature: str
    docstring: tuple[str, ...]
    checks: tuple[str, ...]
    output: str
    body: tuple[str, ...]


@dataclass(frozen=True)
class _Interface:
    """What a kernel takes: arrays, shapes (with whether they must be given), parameters."""

    arrays: tuple[Tensor, ...]
    shapes: tuple[tuple[Tensor, bool], ...]
    parameters: tuple[Symbol, ...]
    functions: tuple[tuple[str, int, Tensor], ...]
    sizes: tuple[Symbol, ...]


def _result(layer: Layer, theorem: Theorem) -> tuple[Tensor, str]:
    """Return the tensor whose box the output has, and the output's name."""
    (factor,) = theorem.lhs[0].factors
    if isinstance(factor, Derivative):
        return factor.wrt.tensor, f"grad_{factor.wrt.tensor.name}"
    assert isinstance(factor, Access)
    return layer.output, layer.output.name


def _interface(layer: Layer, box: Tensor, plan: Plan) -> _Interface:
    operands = [f for nest in plan.nests for f in nest.factors if isinstance(f, Operand)]
    used = {f.tensor for f in operands}
    upstream = [t for t in sorted(used, key=lambda t: t.name) if t not in layer.tensors]
    arrays = (*upstream, *(t for t in layer.tensors if t in used))
    functions = dict.fromkeys((f.function, f.order, f.tensor) for f in operands if f.function)
    needed = _needed(plan)
    all_sizes = {v for t in (*layer.tensors, layer.output) for v in t.parameters_of_box}
    return _Interface(arrays, (), (), tuple(functions), ())
