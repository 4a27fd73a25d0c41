"""The search for certificates of obligations: exact simplex over products of facts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache, reduce
from itertools import combinations_with_replacement
from math import gcd, prod

import sympy as sp
from sympy import Expr

from rot180.derive.kernel.obligations import (
    Certificate,
    Nonzero,
    Obligation,
    Refutation,
    facts,
    open_parts,
    with_negation,
)
from rot180.derive.language.polynomial import Monomial, monomials, symbol, symbols_of
from rot180.derive.language.terms import AtLeast, Condition


def certify(
    obligation: Obligation, degree: int = 3, known: Collection[Condition] | None = None
) -> Certificate | None:
    """Search for a certificate; return None if none is found, which refutes nothing.

    Args:
        obligation: the obligation to certify.
        degree: the most facts that are multiplied.
        known: the conditions of the context to use; by default all.

    """
    chosen = None if known is None else frozenset(f for side in facts(known) for f in side)
    found: list[Refutation] = []
    for part in open_parts(obligation):
        refutation = _refute(part, obligation.context, degree, chosen)
        if refutation is None:
            return None
        found.append(refutation)
    return tuple(found)


@lru_cache(maxsize=4096)
def _refute(
    part: AtLeast | Nonzero,
    context: tuple[Condition, ...],
    most: int,
    chosen: frozenset[Expr] | None,
) -> Refutation | None:
    nonnegative, zero = with_negation(part, context)
    useful = _connected(part.value, [*nonnegative, *zero])
    numbers = [n for n, f in enumerate(nonnegative) if f in useful]
    zeros = [n for n, f in enumerate(zero) if f in useful]
    if chosen is not None:
        # the negation is the last of its kind
        last = zero[-1] if isinstance(part, Nonzero) else nonnegative[-1]
        chosen = chosen | {last}
        numbers = [n for n in numbers if nonnegative[n] in chosen]
        zeros = [n for n in zeros if zero[n] in chosen]
        useful &= chosen
    names = sorted({v.name for f in useful for v in symbols_of(f)})
    over, under = [_vector(f) for f in zero], [_vector(f) for f in nonnegative]
    # equations are multiplied by names before facts are by facts: those products are fewer
    for degree, powers in _stages(most, 2 if chosen is None else 3):
        if (degree, powers) == (1, 2) and _hopeless(
            [under[n] for n in numbers], [over[n] for n in zeros]
        ):
            return None
        if degree == 3 and len(numbers) > 8:
            return None
        products = [
            c for d in range(1, degree + 1) for c in combinations_with_replacement(numbers, d)
        ]
        multiples = [
            (_monomial(some), n)
            for d in range(powers)
            for some in combinations_with_replacement(names, d)
            for n in zeros
        ]
        columns = [reduce(_times, (under[n] for n in c)) for c in products]
        columns += [_times({m: 1}, over[n]) for m, n in multiples]
        solution = _solve(columns, len(products))
        if solution is not None:
            first, second = solution[: len(products)], solution[len(products) :]
            return Refutation(
                tuple((_rational(q), c) for q, c in zip(first, products, strict=True) if q),
                tuple(
                    (_rational(q) * sp.Mul(*(symbol(v) ** k for v, k in m)), n)
                    for q, (m, n) in zip(second, multiples, strict=True)
                    if q
                ),
            )
    return None


def _stages(most: int, names: int) -> Iterator[tuple[int, int]]:
    """Yield the most facts, and the most factors of a product with an equation, that are tried."""
    yield from ((1, powers) for powers in range(1, min(most, names) + 1))
    yield from ((degree, min(degree, names)) for degree in range(2, most + 1))


def _hopeless(nonnegative: Sequence[Vector], zero: Sequence[Vector]) -> bool:
    """Say whether facts hold together somewhere over the reals: then no certificate exists.

    At values of some names all facts are affine. There, by Farkas' lemma, they hold together unless
    a sum of them is -1.
    """
    found = [*nonnegative, *zero]
    names = _multiplied(found)
    for values in _VALUES:
        at = dict(zip(names, values * len(names), strict=False))
        if _solve([_at(f, at) for f in found], len(nonnegative)) is None:
            return True
    return False


_VALUES = ((2, 3, 5, 7, 11), (7, 5, 2, 3, 1), (1,))
"""At which values of the names that are multiplied the facts are looked at."""


def _multiplied(found: Iterable[Vector]) -> list[str]:
    """Return names without which all monomials are affine, the most frequent ones first."""
    products = list(dict.fromkeys(m for f in found for m in f if sum(k for _, k in m) > 1))
    often = Counter(v for m in products for v, _ in m)
    names: dict[str, None] = {}
    for m in products:
        for v, _ in sorted(m, key=lambda p: (-often[p[0]], p)):
            if sum(j for u, j in m if u not in names) > 1:
                names[v] = None
    return list(names)


def _at(f: Vector, values: Mapping[str, int]) -> Vector:
    """Return a polynomial at values of some of its names."""
    out: Vector = {}
    for m, c in f.items():
        rest = tuple((v, k) for v, k in m if v not in values)
        out[rest] = out.get(rest, 0) + c * prod(values[v] ** k for v, k in m if v in values)
    return {m: c for m, c in out.items() if c}


Vector = dict[Monomial, int]
"""A polynomial with integer coefficients."""


def _vector(e: Expr) -> Vector:
    return {m: int(c) for m, c in monomials(e).items()}


def _monomial(names: Sequence[str]) -> Monomial:
    return tuple((v, names.count(v)) for v in sorted(set(names)))


def _times(a: Vector, b: Vector) -> Vector:
    out: Vector = {}
    for m, c in a.items():
        for n, d in b.items():
            powers = dict(m)
            for name, k in n:
                powers[name] = powers.get(name, 0) + k
            both = tuple(sorted(powers.items()))
            out[both] = out.get(both, 0) + c * d
    return {m: c for m, c in out.items() if c}


def _rational(q: Fraction) -> Expr:
    out: Expr = sp.Rational(q.numerator, q.denominator)
    return out


def _connected(seed: Expr, pool: Sequence[Expr]) -> set[Expr]:
    """Return the facts that share symbols with the seed, directly or through other facts."""
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


Row = dict[int, int]
"""An equation of the tableau, or the cost: column to coefficient, in any positive scale."""


def _solve(columns: Sequence[Vector], signed_from: int) -> list[Fraction] | None:
    """Find x with sum x_j * column_j = -1, x_j >= 0 for j < signed_from: exact simplex, phase one.

    It uses Bland's rule, so it terminates; a column without a sign is split in two. Rows are sparse
    and integral.
    """
    signs = [(j, 1) for j in range(len(columns))]
    signs += [(j, -1) for j in range(signed_from, len(columns))]
    width = len(signs)
    table, cost = _tableau(columns, signs)
    basis = [-1 - r for r in range(len(table))]  # negative: the artificial variable of a row
    while cost.get(width):
        enter = min((j for j, c in cost.items() if c > 0 and j < width), default=None)
        if enter is None:
            return None
        ratios = [
            (Fraction(row.get(width, 0), row[enter]), basis[r], r)
            for r, row in enumerate(table)
            if row.get(enter, 0) > 0
        ]
        if not ratios:
            return None
        leave = min(ratios)[2]
        by = table[leave]
        table = [row if r == leave else _eliminate(row, by, enter) for r, row in enumerate(table)]
        cost = _eliminate(cost, by, enter)
        basis[leave] = enter
    solution = [Fraction(0)] * len(columns)
    for r, at in enumerate(basis):
        if at >= 0:
            j, sign = signs[at]
            solution[j] += sign * Fraction(table[r].get(width, 0), table[r][at])
    return solution


def _tableau(columns: Sequence[Vector], signs: Sequence[tuple[int, int]]) -> tuple[list[Row], Row]:
    """Return one row for each monomial, the right side last, and the sum of the rows."""
    rows: dict[Monomial, int] = {(): 0}
    for column in columns:
        for m in sorted(column):
            rows.setdefault(m, len(rows))
    table: list[Row] = [{} for _ in rows]
    cost: Row = {}
    for at, (j, sign) in enumerate(signs):
        for m, c in columns[j].items():
            # the right side is -1 in the row of the constant; that row is negated to make it 1
            value = c * sign * (-1 if m == () else 1)
            table[rows[m]][at] = value
            cost[at] = cost.get(at, 0) + value
    table[0][len(signs)] = cost[len(signs)] = 1
    return table, cost


def _eliminate(row: Row, by: Row, enter: int) -> Row:
    """Return a row minus a multiple of another, with coefficient 0 in a column."""
    factor, pivot = row.get(enter, 0), by[enter]
    if factor == 0:
        return row
    out = {j: pivot * c for j, c in row.items()}
    for j, c in by.items():
        out[j] = out.get(j, 0) - factor * c
    out = {j: c for j, c in out.items() if c}
    divisor = gcd(*out.values())
    return {j: c // divisor for j, c in out.items()} if divisor > 1 else out
