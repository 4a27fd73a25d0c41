"""Changes of the variables of a term that may turn it into another, and orders of its factors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import product

from sympy import Expr, Symbol

from rot180.derive.language.polynomial import (
    coefficient,
    is_integral,
    normal,
    quotient,
    symbols_of,
)
from rot180.derive.language.substitute import fresh, substitute_factor
from rot180.derive.language.terms import Access, Apply, Equal, Factor, Range, Term
from rot180.derive.search.derivation import entry_index

Change = dict[Symbol, Expr]
"""The variables of a term, in those of another."""


def changes(t: Term, target: Term, flips: set[Symbol], same: bool) -> Iterator[Change]:
    """Yield changes of the variables of a term to those of another; shared names stay.

    The sign of some variables, or all about them but their name, may change too.
    """
    if len(t.variables) != len(target.variables):
        return
    wanted = entries_of(target.factors)
    shared = [v for v in t.variables if v in target.variables and v in flips]
    away = {v: fresh("_" + v.name, t.symbols | target.symbols) for v in shared}
    signs = product((1, -1), repeat=len(shared))
    starts: list[Change] = [
        {v: sign * v for v, sign in zip(shared, some, strict=True)} for some in signs
    ]
    starts += [{**away}] if shared else []
    for start in starts:
        over = tuple(away[v] if start.get(v) in away.values() else v for v in t.variables)
        moved = tuple(substitute_factor(f, start) for f in t.factors)
        for found in _renamed(Term(t.coefficient, over, moved), target):
            change = {v: normal(start.get(v, v).xreplace(found)) for v in t.variables}
            if not same or entries_of(substitute_factor(f, change) for f in t.factors) == wanted:
                yield change


def entries_of(factors: Iterable[Factor]) -> Counter[Access | Apply]:
    """Count the entries among factors."""
    return Counter(f for f in factors if isinstance(f, Access | Apply))


def _renamed(t: Term, target: Term) -> Iterator[Change]:
    """Yield changes of the variables that the target lacks to those that only the target has."""
    missing = [v for v in t.variables if v not in target.variables]
    if not missing:
        yield {v: v for v in t.variables}
        return
    seen: set[tuple[Symbol, Expr]] = set()
    for v, (a, b) in product(missing, list(dict.fromkeys(_pairs(t, target)))):
        if symbols_of(a).intersection(missing) != {v}:
            continue
        c = coefficient(a, v)
        e = quotient(normal(c * v - a + b), c)
        if e is None or not is_integral(e) or (v, e) in seen:
            continue
        seen.add((v, e))
        new = next((u for u in target.variables if u in symbols_of(e) - set(t.variables)), None)
        if new is not None:
            over = tuple(new if u == v else u for u in t.variables)
            moved = tuple(substitute_factor(f, {v: e}) for f in t.factors)
            for rest in _renamed(Term(t.coefficient, over, moved), target):
                old = normal(e.xreplace(rest))
                yield {u: old if u == v else rest[u] for u in t.variables}


def _pairs(t: Term, target: Term) -> Iterator[tuple[Expr, Expr]]:
    """Yield the indices and brackets of a term, each beside those that may be equal to it."""
    for f, g in product(t.factors, target.factors):
        if isinstance(f, Access) and isinstance(g, Access) and f.tensor == g.tensor:
            yield from zip(f.index, g.index, strict=True)
        elif isinstance(f, Range) and isinstance(g, Range) and f.size == g.size:
            yield f.value, g.value
        elif isinstance(f, Equal) and isinstance(g, Equal):
            yield from ((f.value, g.value), (f.value, normal(-g.value)))


def parameters_of(t: Term, e: Expr) -> int:
    """Count the coefficients of a term's variables that are no numbers."""
    inside = (v for v in t.variables if v in symbols_of(e))
    return sum(not coefficient(e, v).is_number for v in inside)


def numbers_first(t: Term) -> tuple[Factor, ...]:
    """Return the factors of a term, those with the fewest parameters among coefficients first."""

    def count(f: Factor) -> int:
        rows = [f.value] if isinstance(f, Equal | Range) else entry_index(f)
        return sum(parameters_of(t, e) for e in rows)

    return tuple(sorted(t.factors, key=count))
