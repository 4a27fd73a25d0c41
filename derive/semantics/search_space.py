"""The models in which a counterexample is searched: near the simplest sizes and the thresholds."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from sympy import Expr, Symbol

from rot180.derive.language.polynomial import monomials
from rot180.derive.language.terms import (
    Access,
    AtLeast,
    Condition,
    Equal,
    Expression,
    Range,
    Tensor,
    accesses_and_brackets,
    factor_symbols,
)
from rot180.derive.semantics.check import box_symbols, parameters_of, symbols_in
from rot180.derive.semantics.hypotheses import repair
from rot180.derive.semantics.model import holds
from rot180.derive.semantics.thresholds import thresholds

BOUND = 4
"""The largest distance from the simplest sizes and parameters that is searched."""

WINDOW = range(-4, 5)
"""The range in which a free index without a size is searched at small sizes."""

FAR = 400
"""The number of larger models, with sizes around the thresholds of a claim, that are tried."""

LADDER = (7, 21, 101)
"""Sizes that are tried for every claim."""

WORK = 4_000_000
"""The most entries and indices of all these models together."""


@dataclass(frozen=True)
class Equation:
    """A claim that two expressions are equal, proved or not."""

    variables: tuple[tuple[Symbol, Expr | None], ...]
    hypotheses: tuple[Condition, ...]
    lines: tuple[Expression, Expression]
    divisors: tuple[Tensor, ...] = ()


@dataclass(frozen=True)
class FreeSizes:
    """The sizes and parameters that a search moves, where the others follow from them.

    Attributes:
        start: those that it moves, and where it starts.
        others: returns all sizes and parameters, given these; None where they do not fit.

    """

    start: Mapping[Symbol, int]
    others: Callable[[Mapping[Symbol, int]], Mapping[Symbol, int] | None]


def plainest(equation: Equation) -> tuple[dict[Symbol, int], set[Symbol]]:
    """Return the simplest sizes and parameters, and the names that a hypothesis fixes."""
    names = parameters_of(equation.lines, equation.variables, equation.hypotheses)
    free = [v for v, _ in equation.variables]
    ones = set[Symbol]().union(*(_scales(line, free) for line in equation.lines))
    ones |= symbols_in(n for _, n in equation.variables if n is not None)
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
    """Return sizes, coefficients and factors of indices, including those in definitions."""
    found = box_symbols(expression)
    for term in expression:
        found |= symbols_in((term.coefficient,))
        for part in accesses_and_brackets(term.factors):
            if isinstance(part, Access):
                indices = part.index
                if inner := part.tensor.definition:
                    found |= _scales(inner.body, inner.formals)
            else:
                indices = (part.value,)
                found |= symbols_in((part.size,)) if isinstance(part, Range) else set()
            moving = {v.name for v in (*free, *term.variables)}
            for e in indices:
                for monomial in monomials(e):
                    named = {name for name, _ in monomial}
                    if named & moving:
                        found |= {v for v in symbols_in((e,)) if v.name in named - moving}
    return found


def allowed(equation: Equation, sizes: Mapping[Symbol, int]) -> bool:
    """Say whether the hypotheses on sizes and parameters hold."""
    bound = {v for v, _ in equation.variables}
    return all(holds(c, sizes) for c in equation.hypotheses if not factor_symbols(c) & bound)


def tried(equation: Equation) -> tuple[int, ...]:
    """Return the numbers around which `refute` tries sizes, in addition to small ones."""
    return tuple(sorted({*_numbers(equation), *LADDER}))


def _numbers(equation: Equation) -> tuple[int, ...]:
    return thresholds(
        equation.lines,
        (*equation.hypotheses, *(Range(v, n) for v, n in equation.variables if n is not None)),
        BOUND,
    )


def far_window(equation: Equation) -> range:
    """Return the range in which free indices without a size are searched at larger sizes."""
    unsized = sum(n is None for _, n in equation.variables)
    for n in reversed(_numbers(equation)):
        if (2 * n + 5) ** unsized <= WORK // 1000:
            return range(-n - 2, n + 3)
    return WINDOW


def far_models(equation: Equation) -> Iterator[dict[Symbol, int]]:
    """Yield models with sizes around the thresholds of the equation, up to a total amount of work.

    First all sizes at once, then each name alone (a parameter also with all sizes larger), then
    random choices of all names. Hypotheses that fail are repaired by changing the other names.
    """
    plain, fixed = plainest(equation)
    axes = set[Symbol]().union(*(box_symbols(line) for line in equation.lines))
    axes |= symbols_in(n for _, n in equation.variables if n is not None)
    moving = [v for v in plain if v not in fixed]
    bound = {v for v, _ in equation.variables}
    conditions = [c for c in equation.hypotheses if not factor_symbols(c) & bound]
    rng = random.Random(0)
    work = 0
    for chosen in itertools.islice(_chosen(moving, axes, tried(equation), rng), FAR):
        sizes = plain | chosen
        held = {*fixed, *chosen}
        if not repair(conditions, sizes, held, rng, 2 * max(tried(equation)), 60):
            continue
        cost = math.prod(max(sizes[v], 1) for v in axes) + sum(map(abs, sizes.values()))
        if work + cost <= WORK:
            work += cost
            yield sizes


def _chosen(
    moving: Sequence[Symbol], axes: set[Symbol], numbers: Sequence[int], rng: random.Random
) -> Iterator[dict[Symbol, int]]:
    for n in numbers:
        for size in (n + 2, n + 1, n):
            yield {v: size for v in moving if v in axes}
            for v in moving:
                yield {v: size}
                if v not in axes:
                    yield {v: -size}
                    yield {**{w: 2 * size + BOUND for w in moving if w in axes}, v: size}
    while moving and numbers:
        some = rng.sample(moving, rng.randint(1, min(len(moving), 3)))
        yield {v: rng.choice(numbers) + rng.choice((-1, 0, 1, 2)) for v in some}


def count_steps(names: int, bound: int) -> int:
    """Return the number of integer vectors whose absolute values add up to at most `bound`."""
    return sum(math.comb(names, k) * math.comb(bound, k) << k for k in range(names + 1))


def steps_of(count: int, total: int) -> Iterator[tuple[int, ...]]:
    """Yield the integer vectors of this length whose absolute values add up to `total`."""
    if count == 0:
        if total == 0:
            yield ()
        return
    for size in range(total + 1):
        for step in (size, -size) if size else (0,):
            for others in steps_of(count - 1, total - size):
                yield (step, *others)
