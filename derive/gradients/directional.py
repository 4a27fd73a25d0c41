"""Derives the derivative of a program in a direction by forward mode.

Every operand x moves along a line, ``x = x0 + epsilon * tangent_x``; then the derivative of the
output by the number epsilon is the derivative in the direction of the tangents. It is proved for
each definition in terms of the derivatives of earlier ones, which are named ``tangent_z``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from sympy import Symbol

from rot180.derive.gradients.folding import fold
from rot180.derive.gradients.gradient import divisor_hypotheses
from rot180.derive.gradients.program_gradient import Differentiation
from rot180.derive.kernel.proof import Theorem
from rot180.derive.kernel.replay import replay
from rot180.derive.language.polynomial import symbol
from rot180.derive.language.programs import Program, with_tensors
from rot180.derive.language.substitute import fresh
from rot180.derive.language.terms import (
    Access,
    Derivative,
    Expression,
    Tensor,
    define,
    term,
)
from rot180.derive.search.derivation import Derivation, factors_of


@dataclass(frozen=True)
class Tangent:
    """The derivative of a definition in a direction.

    Attributes:
        tensor: it, defined by the tensors of the program and the tangents of earlier tensors.
        theorem: that it is the derivative by epsilon.

    """

    tensor: Tensor
    theorem: Theorem


@dataclass(frozen=True)
class _Line:
    """The program with its operands on a line.

    Attributes:
        program: the definitions, in terms of moving operands.
        epsilon: the number that they move by.
        tangents: for each name of an operand or a definition, its derivative by epsilon.
        fixed: the tensors of the given program, by those of this one.

    """

    program: Program
    epsilon: Tensor
    tangents: dict[str, Tensor]
    fixed: dict[Tensor, Tensor]


def tangents(program: Program) -> tuple[Tangent, ...]:
    """Derive the derivative of the output in a direction, and of the definitions that it needs.

    Args:
        program: the definitions.

    Returns:
        the tangents, each after those that it needs; that of the output is the last.

    >>> from rot180.derive.language.programs import parse_program
    >>> for t in tangents(parse_program("a[i] = x[i] * w[i]; y[i] = exp(a[i])")):
    ...     print(str(t.theorem).splitlines()[0])
    d a[i]/d epsilon[] = w[i] * tangent_x[i] + x[i] * tangent_w[i]
    d y[i]/d epsilon[] = y[i] * tangent_a[i]

    """
    line = _line(program)
    moved = {t.name: t for t in line.program.definitions}
    needed, out = {program.output.name}, list[Tangent]()
    for t in reversed(program.definitions):
        if t.name in needed:
            found = _tangent(line, moved[t.name])
            out.append(found)
            needed |= {n for n, u in line.tangents.items() if u.name in _names(found.theorem.rhs)}
    return tuple(reversed(out))


def _names(e: Expression) -> set[str]:
    return {f.tensor.name for t in e for f in t.factors if isinstance(f, Access)}


def _line(program: Program) -> _Line:
    taken = {t.name for t in (*program.tensors, *program.definitions)}
    taken |= {s.tensor.name for s in program.selections} | {v.name for v in program.parameters}
    taken |= {v.name for t in (*program.tensors, *program.definitions) for v in t.parameters}

    def named(word: str) -> str:
        name = fresh(word, {symbol(w) for w in taken}).name
        taken.add(name)
        return name

    epsilon = Tensor(named("epsilon"), ())
    moved, tangents = dict[Tensor, Tensor](), dict[str, Tensor]()
    for t in program.tensors:
        index = _formals(t)
        tangents[t.name] = along = Tensor(named(f"tangent_{t.name}"), t.shape)
        start = Tensor(named(f"{t.name}_0"), t.shape)
        body = term(start[index]), term(epsilon[()], along[index])
        moved[t] = define(t.name, t.shape, index, body)
    for t in program.definitions:
        moved[t] = made = with_tensors(t, moved)
        formals = t.definition.formals if t.definition else ()
        derivative = (term(Derivative((made[formals],), epsilon[()])),)
        tangents[t.name] = define(named(f"tangent_{t.name}"), t.shape, formals, derivative)
    along_line = replace(program, definitions=tuple(moved[t] for t in program.definitions))
    return _Line(along_line, epsilon, tangents, {new: t for t, new in moved.items()})


def _formals(t: Tensor) -> tuple[Symbol, ...]:
    out: list[Symbol] = []
    for _ in t.shape:
        out.append(fresh("i", t.parameters | set(out)))
    return tuple(out)


def _tangent(line: _Line, t: Tensor) -> Tangent:
    """Prove what the derivative of a definition by epsilon is."""
    assert t.definition is not None
    index = t.definition.formals
    variables = tuple(zip(index, t.shape, strict=True))
    needed = divisor_hypotheses(line.program.definitions)
    name = f"{line.program.name or 'program'}.{line.tangents[t.name].name}"
    goal = (term(Derivative((t[index],), line.epsilon[()])),)
    d = Derivation(name, variables, needed, goal)
    d.apply("linearity", factor=0)
    mode = Differentiation(d, line.program, line.epsilon)
    mode.differentiate()
    while place := next(_pending(d.current, line.tangents), None):
        at, n, entry = place
        if not fold(d, at, (n,), entry):
            raise AssertionError(f"found no way to fold {d.current[at].factors[n]}")
    _tangents_last(d, {u.name for u in line.tangents.values()})
    mode.finish()
    theorem = replay(d.proof())
    images = {**line.fixed, **{u: Tensor(u.name, u.shape) for u in line.tangents.values()}}
    made = define(line.tangents[t.name].name, t.shape, index, theorem.rhs)
    return Tangent(with_tensors(made, images), theorem)


def _tangents_last(d: Derivation, names: set[str]) -> None:
    """Put the tangents last in each product, so that ``x * dx + dx * x`` is ``2 * x * dx``."""
    for at, t in enumerate(d.current):
        along = [f for f in t.factors if isinstance(f, Access) and f.tensor.name in names]
        factors = (*(f for f in t.factors if f not in along), *along)
        if factors != t.factors:
            d.apply("reorder", at, factors=factors)


def _pending(
    e: Expression, tangents: dict[str, Tensor]
) -> Iterator[tuple[int, int, Access]]:
    """Yield the derivatives of entries of definitions, each with the entry of the tangent."""
    for at, n, f in factors_of(e, Derivative):
        assert isinstance(f, Derivative)
        (inside,) = f.factors
        assert isinstance(inside, Access)
        yield at, n, tangents[inside.tensor.name][inside.index]
