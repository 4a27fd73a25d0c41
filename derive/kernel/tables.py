"""Tables of numbers, and the rule `exhaust` that compares them at every point of a finite box."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from functools import lru_cache
from itertools import product

import sympy as sp
from sympy import Expr, Symbol

from rot180.derive.kernel.arguments import BRACKET, INTEGRAL, RATIONAL, SYMBOL, many, mapping
from rot180.derive.kernel.errors import require
from rot180.derive.kernel.obligations import Obligation
from rot180.derive.kernel.place import Place, Result, rule
from rot180.derive.language.polynomial import number
from rot180.derive.language.terms import Access, Bracket, Equal, Range, Tensor, Term


def is_table(t: Tensor) -> bool:
    """Say whether a tensor is a table of numbers: its definition has brackets only, and no sum."""
    return t.definition is not None and not t.parameters and all(
        not b.variables and all(isinstance(f, Equal | Range) for f in b.factors)
        for b in t.definition.body
    )


@lru_cache(maxsize=1 << 12)
def table_entry(t: Tensor, index: tuple[int, ...]) -> Fraction:
    """Return an entry of a table of numbers."""
    assert t.definition is not None
    if any(n is not None and not 0 <= e < n for e, n in zip(index, t.shape, strict=True)):
        return Fraction(0)
    at = {v.name: e for v, e in zip(t.definition.formals, index, strict=True)}
    return sum((_number(b, at) for b in t.definition.body), Fraction(0))


def _number(t: Term, at: Mapping[str, int]) -> Fraction:
    """Return the product of brackets and entries of tables at a point."""
    out = number(t.coefficient, at)
    for f in t.factors:
        if isinstance(f, Equal):
            out *= int(number(f.value, at) == 0)
        elif isinstance(f, Range):
            out *= int(0 <= number(f.value, at) < number(f.size, at))
        elif isinstance(f, Access):
            out *= table_entry(f.tensor, tuple(int(number(e, at)) for e in f.index))
        if out == 0:
            break
    return out


POINTS = 10_000
"""The most points at which an equation of tables is compared; a size below 1 counts as 1."""


@rule(
    latex="equal at each point where a side can be nonzero",
    sizes=mapping(SYMBOL, INTEGRAL), scale=RATIONAL, factors=many(BRACKET),
)  # fmt: skip
def exhaust(
    place: Place, sizes: tuple[tuple[Symbol, Expr], ...], scale: Expr, factors: tuple[Bracket, ...]
) -> Result:
    """Replace a product of tables of numbers by brackets, compared at every point of a finite box.

    F are brackets and entries of tables, G brackets; each size is a number
    supports(F) => each variable in its size, and supports(G) likewise
    ``c sum_v F(i, v) = d G(i)`` for the numbers i, v in their sizes
    ------------------------------------------------------------------------
    ``c sum_v F = d G``
    """
    t, new, box = place.term, Term(scale, (), factors), dict(sizes)
    for f in t.factors:
        table = isinstance(f, Equal | Range) or (isinstance(f, Access) and is_table(f.tensor))
        require("tables", table, f"{f} is neither a bracket nor an entry of a table of numbers")
    require("all variables", {*t.symbols, *new.symbols} <= box.keys(), "a variable has no size")
    closed = not new.symbols & set(t.variables)
    require("closed", closed, "the right side contains a variable that the left side sums over")
    require("numbers", all(n.is_Integer for n in box.values()), "a size is not a number")
    count = sp.prod([max(n, 1) for n in box.values()])
    require("few points", count <= POINTS, f"found {count} points, expected at most {POINTS}")
    free = [v for v in box if v not in t.variables]
    needed = []
    for context, variables in ((t.factors, [*box]), (factors, free)):
        known = place.context(context, box)
        needed += [Obligation(known, Range(v, box[v])) for v in variables]
    for at in _points(free, box):
        left = sum(_number(t, at | one) for one in _points(t.variables, box))
        right = _number(new, at)
        require("equal", left == right, f"the sides are {left} and {right} at {at}")
    return place.replace(new), tuple(needed)


def _points(names: Iterable[Symbol], box: Mapping[Symbol, Expr]) -> list[dict[str, int]]:
    ranges = [[(v.name, n) for n in range(int(box[v]))] for v in names]
    return [dict(point) for point in product(*ranges)]
