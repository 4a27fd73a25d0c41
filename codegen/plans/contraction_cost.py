"""What an order of contraction costs: products and entries, as polynomials in the sizes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import combinations
from itertools import product as each
from math import prod

from sympy import Expr, Integer, Symbol

from rot180.codegen.plans.draft import box
from rot180.derive.language.polynomial import (
    coefficient,
    monomials,
    normal,
    number,
    quotient,
    symbols_of,
)
from rot180.derive.language.terms import Access, Apply, Equal, Range, Term

Growth = tuple[int, tuple[int, ...]]
"""A total degree, then how many monomials there are of each degree, the highest first."""

MOST_ORDERS = 3
"""How many orders a kernel has at most, to choose from by the sizes of a call."""

SLOWER = 2.0
"""By what factor a kernel may miss the best order at some sizes before it has another order."""

SMALL, LARGE, VARIED = 4, 64, 7
"""The sizes at which orders are compared, and how many sizes are varied independently."""


def growth(e: Expr, sizes: Collection[Symbol]) -> Growth:
    """Return what costs are compared by, whatever the sizes are."""
    names = {v.name for v in sizes}
    count: Counter[int] = Counter()
    for monomial, c in monomials(e).items():
        count[sum(power for v, power in monomial if v in names)] += int(abs(c)) + (c.q > 1)
    top = max(count, default=0)
    return top, tuple(count[degree] for degree in range(top, -1, -1))


def supports(factors: Iterable[object]) -> Iterator[tuple[Expr, Expr]]:
    """Yield value and size of each ``0 <= value < size`` outside which a factor is zero."""
    for f in factors:
        if isinstance(f, Range):
            yield f.value, f.size
        elif isinstance(f, Equal):
            yield f.value, Integer(1)
        elif isinstance(f, Access | Apply):
            yield from ((r.value, r.size) for r in box(f))


def products(
    variables: Sequence[tuple[Symbol, Expr]], term: Term, sizes: Collection[Symbol]
) -> Expr | None:
    """Return how many products a nest of loops over a term computes, or None if nothing says.

    Each variable is counted once: a free one by its size, for a kernel visits all of an output or
    intermediate; a summed one by the smallest box that bounds it when earlier ones are known.

    Args:
        variables: the free variables, each with its size.
        term: the sum.
        sizes: the symbols that are sizes; others are parameters, and count as numbers.

    """
    every = {*(v for v, _ in variables), *term.variables}
    waiting = set(term.variables)
    boxes = list(supports(term.factors))
    total = normal(prod((n for _, n in variables), start=Integer(1)))
    while waiting:
        best: tuple[tuple[Growth, int], Symbol, Expr] | None = None
        for e, n in boxes:
            unknown = symbols_of(e) & waiting
            if len(unknown) != 1:
                continue
            (v,) = unknown
            extent = quotient(n, coefficient(e, v)) or n
            extent = -extent if extent.could_extract_minus_sign() else extent
            key = growth(extent, sizes), len(symbols_of(e) & every)
            if best is None or key < best[0]:
                best = key, v, extent
        if best is None:
            return None
        total = normal(total * best[2])
        waiting.remove(best[1])
    return total


def chosen(costs: Sequence[Expr], sizes: Collection[Symbol]) -> tuple[int, ...]:
    """Return which orders a kernel should have, the one with the lowest degree first.

    One that costs as much as another at most, up to a small number, makes the other superfluous.
    Of the rest, as few as possible are taken, such that at sizes small and large the best of them
    costs at most `SLOWER` times the minimum; at most `MOST_ORDERS`.

    Args:
        costs: of each order; of two equally good ones the first is taken.
        sizes: the symbols that are sizes.

    """
    ranked = sorted(range(len(costs)), key=lambda i: (growth(costs[i], sizes), i))
    useful: list[int] = []
    for i in ranked:
        if not any(_divides(costs[known], costs[i]) for known in useful):
            useful.append(i)
    useful = useful[:8]
    table = [[float(number(costs[i], env)) for i in useful] for env in _corners(costs, sizes)]
    best: tuple[tuple[float, float], tuple[int, ...]] | None = None
    for count in range(1, min(MOST_ORDERS, len(useful)) + 1):
        for picked in combinations(range(len(useful)), count):
            ratios = [min(row[i] for i in picked) / max(min(row), 1e-9) for row in table]
            regret = max(ratios), sum(ratios)
            if best is None or regret < best[0]:
                best = regret, picked
        if best is not None and best[0][0] <= SLOWER:
            break
    return tuple(useful[i] for i in best[1]) if best else ()


def _divides(a: Expr, b: Expr) -> bool:
    """Say whether every monomial of a cost divides one of another, and has no larger number."""

    def inside(m: tuple[tuple[str, int], ...], whole: dict[str, int]) -> bool:
        return all(whole.get(v, 0) >= power for v, power in m)

    known = monomials(b)
    if _largest([a]) > SMALL * max(1, _largest([b])):
        return False
    return all(any(inside(m, dict(whole)) for whole in known) for m in monomials(a))


def _largest(costs: Iterable[Expr]) -> float:
    """Return the largest number by which a monomial is multiplied."""
    return max((float(abs(c)) for e in costs for c in monomials(e).values()), default=1)


def _corners(costs: Sequence[Expr], sizes: Collection[Symbol]) -> Iterator[dict[str, int]]:
    """Yield sizes, each small or so large that numbers do not count; parameters are 1."""
    large = LARGE * int(max(1, _largest(costs)))
    names = sorted({v.name for e in costs for v in symbols_of(e)})
    varied = [n for n in names if n in {v.name for v in sizes}]
    for values in each((SMALL, large), repeat=min(VARIED, len(varied))):
        known = dict(zip(varied, values, strict=False))
        yield {n: known.get(n, SMALL if n in varied else 1) for n in names}
