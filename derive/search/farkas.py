"""The search for certificates of obligations: exact simplex over products of facts."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations_with_replacement

import sympy as sp
from sympy import Expr

from rot180.derive.kernel.obligations import (
    Certificate,
    Nonzero,
    Obligation,
    Refutation,
    open_parts,
    with_negation,
)
from rot180.derive.language.polynomial import Monomial, monomials, normal, symbols_of
from rot180.derive.language.terms import AtLeast, Condition


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
    nonnegative, zero = with_negation(part, context)
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
