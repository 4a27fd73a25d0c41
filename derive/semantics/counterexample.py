"""The smallest sizes, parameters, entries and index at which a claim is false."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from sympy import Expr, Symbol

from rot180.derive.kernel.obligations import Goal, Nonzero
from rot180.derive.language.polynomial import monomials
from rot180.derive.language.terms import (
    Access,
    AtLeast,
    Condition,
    Equal,
    Expression,
    Range,
    accesses_and_brackets,
    factor_symbols,
)
from rot180.derive.semantics.check import (
    WINDOW,
    Counterexample,
    axes_of,
    check,
    differ,
    distance,
    names_of,
    symbols_of,
)
from rot180.derive.semantics.evaluate import tabulate
from rot180.derive.semantics.model import Array, EmptyError, Model, holds, integer
from rot180.derive.semantics.supports import Scope

BOUND = 4
"""How far a search for a counterexample goes from the plainest sizes and parameters."""

MODELS = 3000
"""How many models are searched to show that a counterexample is the smallest."""


@dataclass(frozen=True)
class Equation:
    """A claim that two expressions are equal, proved or not."""

    variables: tuple[tuple[Symbol, Expr | None], ...]
    hypotheses: tuple[Condition, ...]
    lines: tuple[Expression, Expression]


def refute(equation: Equation, count: int = 12, bound: int = BOUND) -> Counterexample | None:
    """Look at random models, then go down to the smallest counterexample.

    Args:
        equation: what is claimed.
        count: how many models to try.
        bound: how far from the plainest model everything is searched; less where that would be
            more than `MODELS` models. The counterexample says how far it was.

    Returns:
        A counterexample, its entries and values small integers wherever such can be found; None
        if none turned up.

    Raises:
        EvaluationError: a sum is not bounded by its factors.

    """
    plain, _ = _plainest(equation)
    try:
        found = check(equation, count).counterexample
    except EmptyError:
        return None
    if found is None:
        return None
    sizes = _shrink(equation, dict(found.sizes), plain)
    radius = min(bound, distance(sizes, plain))
    while radius > 0 and _count(len(plain), radius) > MODELS:
        radius -= 1
    smaller = counterexample(*equation.lines, equation.variables, equation.hypotheses, radius)
    if smaller:
        return smaller
    point = _first_difference(equation, Model(sizes))
    if point is None:
        return _small(equation, found.model, found.index)
    return _searched(equation, Model(sizes), point, plain, radius)


def counterexample(
    lhs: Expression,
    rhs: Expression,
    variables: tuple[tuple[Symbol, Expr | None], ...],
    hypotheses: tuple[Condition, ...] = (),
    bound: int = BOUND,
) -> Counterexample | None:
    """Search sizes and parameters by their distance from the plainest, and all indices.

    The plainest are 1 for sizes and factors (strides, dilations) and 0 for what is only added
    (paddings), or the bound that a hypothesis sets. A free index without a size is searched in
    `WINDOW`.

    Args:
        lhs: the left side.
        rhs: the right side.
        variables: the free indices with their sizes (None: all integers).
        hypotheses: conditions on the parameters.
        bound: how far to go, all differences added up.

    Returns:
        The nearest disagreement, at the smallest index, or None.

    Raises:
        EvaluationError: a sum is not bounded by its factors.

    """
    equation = Equation(variables, hypotheses, (lhs, rhs))
    plain, fixed = _plainest(equation)
    moving = [v for v in plain if v not in fixed]
    for total in range(bound + 1):
        for steps in _steps(len(moving), total):
            sizes = plain | {v: plain[v] + step for v, step in zip(moving, steps, strict=True)}
            if _allowed(equation, sizes):
                point = _first_difference(equation, Model(sizes))
                if point is not None:
                    return _searched(equation, Model(sizes), point, plain, total - 1)
    return None


def falsify(context: Iterable[Condition], goal: Goal) -> dict[Symbol, int] | None:
    """Search integers, small ones first, at which every condition holds and the goal does not.

    Args:
        context: conditions.
        goal: what should follow from them.

    Returns:
        The integers by name, or None if none was found among the smallest.

    """
    context = tuple(context)
    names = sorted(
        symbols_of((goal.value, getattr(goal, "size", goal.value))).union(
            *(factor_symbols(c) for c in context)
        ),
        key=lambda v: v.name,
    )
    for total in range(BOUND + 1):
        if _count(len(names), total) > MODELS:
            return None
        for steps in _steps(len(names), total):
            at = dict(zip(names, steps, strict=True))
            if all(holds(c, at) for c in context) and not _meets(goal, at):
                return at
    return None


def _meets(goal: Goal, at: Mapping[Symbol, int]) -> bool:
    if isinstance(goal, Nonzero):
        return integer(goal.value, {v.name: n for v, n in at.items()}) != 0
    return holds(goal, at)


def _plainest(equation: Equation) -> tuple[dict[Symbol, int], set[Symbol]]:
    """Return the sizes and parameters where a search starts, and those that a hypothesis fixes."""
    names = names_of(equation.lines, equation.variables, equation.hypotheses)
    free = [v for v, _ in equation.variables]
    ones = set[Symbol]().union(*(_scales(line, free) for line in equation.lines))
    ones |= symbols_of(n for _, n in equation.variables if n is not None)
    plain = {v: int(v in ones) for v in names}
    fixed = set[Symbol]()
    for c in equation.hypotheses:
        if isinstance(c, Range) or len(factor_symbols(c)) != 1:
            continue
        (v,) = factor_symbols(c)
        parts = monomials(c.value)
        slope, constant = parts.get(((v.name, 1),), 0), parts.get((), 0)
        if v not in plain or slope == 0 or len(parts) > 1 + (constant != 0):
            continue
        end = Fraction(int(-constant)) / int(slope)
        if isinstance(c, Equal) and end.denominator == 1:
            plain[v] = int(end)
            fixed.add(v)
        elif isinstance(c, AtLeast) and v not in fixed:
            nearest = (max, math.ceil) if slope > 0 else (min, math.floor)
            plain[v] = nearest[0](plain[v], nearest[1](end))
    return plain, fixed


def _scales(expression: Expression, free: Sequence[Symbol]) -> set[Symbol]:
    """Return sizes, coefficients and what multiplies an index, definitions included."""
    found = axes_of(expression)
    for term in expression:
        found |= symbols_of((term.coefficient,))
        for part in accesses_and_brackets(term.factors):
            if isinstance(part, Access):
                indices = part.index
                if inner := part.tensor.definition:
                    found |= _scales(inner.body, inner.formals)
            else:
                indices = (part.value,)
                found |= symbols_of((part.size,)) if isinstance(part, Range) else set()
            moving = {v.name for v in (*free, *term.variables)}
            for e in indices:
                for monomial in monomials(e):
                    named = {name for name, _ in monomial}
                    if named & moving:
                        found |= {v for v in symbols_of((e,)) if v.name in named - moving}
    return found


def _allowed(equation: Equation, sizes: Mapping[Symbol, int]) -> bool:
    bound = {v for v, _ in equation.variables}
    return all(holds(c, sizes) for c in equation.hypotheses if not factor_symbols(c) & bound)


def _first_difference(equation: Equation, model: Model) -> dict[Symbol, int] | None:
    """Return the smallest index at which both sides differ."""
    env = {v.name: n for v, n in model.sizes.items()}
    axes = {v.name: WINDOW if n is None else range(integer(n, env)) for v, n in equation.variables}
    left, right = (_table(e, model, axes) for e in equation.lines)
    names = [v for v, _ in equation.variables]
    entries = [
        [axis.start + int(n) for axis, n in zip(axes.values(), place, strict=True)]
        for place in np.argwhere(left != right)
    ]
    for entry in sorted(entries, key=lambda e: (sum(map(abs, e)), [(abs(n), -n) for n in e])):
        point = dict(zip(names, entry, strict=True))
        if all(holds(c, {**model.sizes, **point}) for c in equation.hypotheses):
            return point
    return None


def _table(expression: Expression, model: Model, axes: Mapping[str, range]) -> Array:
    """Evaluate an expression at all its free indices."""
    scope = Scope(model, {v.name: n for v, n in model.sizes.items()})
    if not any(v.name in axes for term in expression for v in term.variables):
        out: Array = tabulate(expression, scope, axes)[0]
        return out
    # a sum hides a free index of the same name: point by point
    values = [
        tabulate(
            expression, replace(scope, env={**scope.env, **dict(zip(axes, at, strict=True))}), {}
        )[0]
        for at in itertools.product(*axes.values())
    ]
    return np.array(values).reshape([len(axis) for axis in axes.values()])


def _small(equation: Equation, model: Model, point: Mapping[Symbol, int]) -> Counterexample:
    """Give the entries small values, if both sides still differ; else the residues stay."""
    for seed in range(40):
        small = Model(model.sizes, seed, (1, 2, 3, 5, 9)[min(seed, 4)])
        _, found = differ(equation.lines, small, point)
        if found:
            return found
    _, found = differ(equation.lines, model, point)
    assert found is not None
    return found


def _refutes(equation: Equation, sizes: Mapping[Symbol, int]) -> bool:
    return _allowed(equation, sizes) and _first_difference(equation, Model(sizes)) is not None


def _searched(
    equation: Equation,
    model: Model,
    point: Mapping[Symbol, int],
    plain: Mapping[Symbol, int],
    radius: int,
) -> Counterexample:
    unbounded = any(n is None for _, n in equation.variables)
    found = _small(equation, model, point)
    return replace(found, plain=plain, searched=radius, unbounded=unbounded)


def _shrink(
    equation: Equation, sizes: dict[Symbol, int], plain: Mapping[Symbol, int]
) -> dict[Symbol, int]:
    """Bring one size or parameter after the other nearer to the plainest, while it refutes."""
    progress = True
    while progress:
        progress = False
        for v, n in plain.items():
            way = 1 if sizes[v] < n else -1
            for value in dict.fromkeys((n, sizes[v] + way)) if sizes[v] != n else ():
                smaller = sizes | {v: value}
                if _refutes(equation, smaller):
                    sizes, progress = smaller, True
                    break
    return sizes


def _count(names: int, bound: int) -> int:
    """Return the number of integer vectors whose absolute values add up to at most `bound`."""
    return sum(math.comb(names, k) * math.comb(bound, k) << k for k in range(names + 1))


def _steps(count: int, total: int) -> Iterator[tuple[int, ...]]:
    """Walk over integer vectors of that length whose absolute values add up to `total`."""
    if count == 0:
        if total == 0:
            yield ()
        return
    for size in range(total + 1):
        for step in (size, -size) if size else (0,):
            for others in _steps(count - 1, total - size):
                yield (step, *others)
