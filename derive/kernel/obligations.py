"""Side conditions, and certificates that a stranger can check with `expand` alone.

An obligation says: where the context holds, the goal holds. What is not evident is refuted from
its negation: a certificate writes -1 as a combination of products of facts that are >= 0, with
nonnegative rational multipliers, plus polynomial multiples of facts that are = 0. Integers enter
only through the negation: not (g >= 0) is -g - 1 >= 0. How a certificate was found is irrelevant.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import combinations_with_replacement
from typing import TypeAlias

import sympy as sp
from sympy import Expr

from rot180.derive.language.polynomial import (
    Monomial,
    exceeds,
    monomials,
    normal,
    rational,
    symbols_of,
)
from rot180.derive.language.terms import AtLeast, Condition, Equal, Range


@dataclass(frozen=True, slots=True)
class Nonzero:
    """``value != 0``, as a goal only."""

    value: Expr


Goal: TypeAlias = Condition | Nonzero


@dataclass(frozen=True, slots=True)
class Obligation:
    """Where every condition of the context holds, the goal must hold."""

    context: tuple[Condition, ...]
    goal: Goal


@dataclass(frozen=True, slots=True)
class Refutation:
    """``sum m * prod(nonnegative facts) + sum q * zero fact = -1``; facts by number.

    Attributes:
        products: pairs (nonnegative rational multiplier, numbers of the facts multiplied).
        multiples: pairs (polynomial multiplier, number of the zero fact).

    """

    products: tuple[tuple[Expr, tuple[int, ...]], ...]
    multiples: tuple[tuple[Expr, int], ...]


Certificate: TypeAlias = tuple[Refutation, ...]
"""One refutation for each part of the goal that is not evident, in the order of `parts`."""


def facts(context: Iterable[Condition]) -> tuple[tuple[Expr, ...], tuple[Expr, ...]]:
    """Return what a context says: the polynomials that are >= 0, and those that are = 0."""
    nonnegative: list[Expr] = []
    zero: list[Expr] = []
    for c in context:
        if isinstance(c, Equal):
            zero.append(c.value)
        elif isinstance(c, Range):
            nonnegative += [c.value, normal(c.size - 1 - c.value)]
        else:
            nonnegative.append(c.value)
    return tuple(dict.fromkeys(nonnegative)), tuple(dict.fromkeys(zero))


def parts(goal: Goal) -> tuple[AtLeast | Nonzero, ...]:
    """Split a goal into inequalities (an equation is two)."""
    if isinstance(goal, Range):
        return AtLeast(goal.value), AtLeast(goal.size - 1 - goal.value)
    if isinstance(goal, Equal):
        return AtLeast(goal.value), AtLeast(-goal.value)
    return (goal,)


def evident(obligation: Obligation) -> bool:
    """Say whether the goal is a number's truth or stands in the context."""
    return not open_parts(obligation)


@lru_cache(maxsize=1 << 14)
def open_parts(obligation: Obligation) -> tuple[AtLeast | Nonzero, ...]:
    """Return the parts of the goal that need a refutation."""
    nonnegative, zero = facts(obligation.context)
    goal = obligation.goal
    if isinstance(goal, Equal) and (goal.value in zero or normal(-goal.value) in zero):
        return ()
    return tuple(p for p in parts(goal) if not _evident(p, nonnegative))


def _evident(part: AtLeast | Nonzero, nonnegative: Sequence[Expr]) -> bool:
    value = part.value
    if isinstance(part, AtLeast):
        return any(exceeds(value, fact) for fact in (sp.S.Zero, *nonnegative))
    if value.is_number:
        return bool(value != 0)
    sides = normal(value - 1), normal(-value - 1)
    return any(exceeds(side, fact) for side in sides for fact in nonnegative)


def _with_negation(
    part: AtLeast | Nonzero, context: tuple[Condition, ...]
) -> tuple[tuple[Expr, ...], tuple[Expr, ...]]:
    nonnegative, zero = facts(context)
    if isinstance(part, Nonzero):
        return nonnegative, (*zero, normal(part.value))
    return (*nonnegative, normal(-part.value - 1)), zero


def certifies(certificate: Certificate, obligation: Obligation) -> bool:
    """Check a certificate by expanding it; nothing is searched.

    Args:
        certificate: one refutation for each of `open_parts(obligation)`.
        obligation: what it is to settle.

    """
    todo = open_parts(obligation)
    if len(certificate) != len(todo):
        return False
    for part, refutation in zip(todo, certificate, strict=True):
        nonnegative, zero = _with_negation(part, obligation.context)
        total: Expr = sp.Integer(1)
        for multiplier, numbers in refutation.products:
            if not (multiplier.is_Rational and multiplier >= 0):
                return False
            if not all(0 <= n < len(nonnegative) for n in numbers):
                return False
            total += multiplier * sp.prod([nonnegative[n] for n in numbers])
        for multiplier, n in refutation.multiples:
            if not (_is_polynomial(multiplier) and 0 <= n < len(zero)):
                return False
            total += multiplier * zero[n]
        if normal(total) != 0:
            return False
    return True


def _is_polynomial(e: Expr) -> bool:
    try:
        rational(e)
    except ValueError:
        return False
    return True


def certify(obligation: Obligation, degree: int = 3) -> Certificate | None:
    """Search for a certificate; None if none is found (which proves nothing).

    Args:
        obligation: what is to be settled.
        degree: how many facts are multiplied at the most.

    """
    found: list[Refutation] = []
    for part in open_parts(obligation):
        refutation = _refute(part, obligation.context, degree)
        if refutation is None:
            return None
        found.append(refutation)
    return tuple(found)


def _refute(
    part: AtLeast | Nonzero, context: tuple[Condition, ...], most: int
) -> Refutation | None:
    nonnegative, zero = _with_negation(part, context)
    useful = _connected(part.value, [*nonnegative, *zero])
    numbers = [n for n, f in enumerate(nonnegative) if f in useful]
    zeros = [n for n, f in enumerate(zero) if f in useful]
    symbols = sorted({v for f in useful for v in symbols_of(f)}, key=lambda v: v.name)
    for degree in range(1, most + 1):
        if degree == 3 and len(numbers) > 8:
            return None
        products = [
            c for d in range(1, degree + 1) for c in combinations_with_replacement(numbers, d)
        ]
        multiples: list[tuple[Expr, int]] = [(sp.Integer(1), n) for n in zeros]
        if degree > 1:
            multiples += [(v, n) for v in symbols for n in zeros]
        columns = [normal(sp.prod([nonnegative[n] for n in c])) for c in products]
        columns += [normal(m * zero[n]) for m, n in multiples]
        solution = _solve(columns, len(products))
        if solution is not None:
            return Refutation(
                tuple(
                    (_rational(solution[j]), c) for j, c in enumerate(products) if solution[j]
                ),
                tuple(
                    (normal(_rational(solution[len(products) + j]) * m), n)
                    for j, (m, n) in enumerate(multiples)
                    if solution[len(products) + j]
                ),
            )
    return None


def _rational(q: Fraction) -> Expr:
    out: Expr = sp.Rational(q.numerator, q.denominator)
    return out


def _connected(seed: Expr, pool: Sequence[Expr]) -> set[Expr]:
    """Return the facts that share symbols with the seed, directly or through others."""
    reached, found = set(symbols_of(seed)), set[Expr]()
    grown = True
    while grown:
        grown = False
        for f in pool:
            if f not in found and (symbols_of(f) & reached or f.is_number):
                found.add(f)
                reached |= symbols_of(f)
                grown = True
    return found


def _solve(columns: Sequence[Expr], signed_from: int) -> list[Fraction] | None:
    """Find x with sum x_j * column_j = -1, x_j >= 0 for j < signed_from: exact simplex, phase one.

    Bland's rule, so it ends; a column without a sign is split in two.
    """
    rows: dict[Monomial, int] = {(): 0}
    for column in columns:
        for m in sorted(monomials(column)):
            rows.setdefault(m, len(rows))
    signs = [(j, 1) for j in range(len(columns))]
    signs += [(j, -1) for j in range(signed_from, len(columns))]
    height, width = len(rows), len(signs)
    table = [[Fraction(0)] * (width + 1) for _ in range(height)]
    for at, (j, sign) in enumerate(signs):
        for m, c in monomials(columns[j]).items():
            # the right side is -1 in the row of the constant; that row is negated to make it 1
            flip = -1 if m == () else 1
            table[rows[m]][at] = Fraction(int(c.p), int(c.q)) * sign * flip
    table[0][width] = Fraction(1)
    basis = [-1 - r for r in range(height)]  # negative: the artificial variable of a row
    cost = [sum((row[j] for row in table), Fraction(0)) for j in range(width + 1)]
    while cost[width] != 0:
        enter = next((j for j in range(width) if cost[j] > 0), None)
        if enter is None:
            return None
        ratios = [
            (table[r][width] / table[r][enter], basis[r], r)
            for r in range(height)
            if table[r][enter] > 0
        ]
        if not ratios:
            return None
        leave = min(ratios)[2]
        pivot = table[leave][enter]
        table[leave] = [a / pivot for a in table[leave]]
        for r in range(height):
            if r != leave and table[r][enter]:
                by = table[r][enter]
                table[r] = [a - by * b for a, b in zip(table[r], table[leave], strict=True)]
        by = cost[enter]
        cost = [a - by * b for a, b in zip(cost, table[leave], strict=True)]
        basis[leave] = enter
    solution = [Fraction(0)] * len(columns)
    for r, at in enumerate(basis):
        if at >= 0:
            j, sign = signs[at]
            solution[j] += sign * table[r][width]
    return solution
