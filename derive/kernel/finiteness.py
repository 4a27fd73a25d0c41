"""Sums must be finite: the index map of the supports must be injective in the bound variables."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import comb

import sympy as sp
from sympy import Expr, Symbol

from rot180.derive.kernel.errors import RuleError, show
from rot180.derive.kernel.obligations import Nonzero, Obligation
from rot180.derive.language.polynomial import coefficient, normal, symbols_of
from rot180.derive.language.substitute import supports
from rot180.derive.language.terms import Condition, Equal, Range, Term, factor_symbols

UNKNOWNS, CHOICES = 8, 10_000
"""The largest order of a minor, and the most minors that are tried."""


def finiteness(t: Term, facts: tuple[Condition, ...]) -> tuple[Obligation, ...]:
    """Return the obligations under which a term has finite support.

    Each support confines its value to a finite range, so the sum is finite if the values determine
    the summed indices. A value with one unknown determines it; if no such value is left, a minor
    of the remaining values is taken. Whatever must be nonzero becomes an obligation.

    Raises:
        RuleError: no minor has full rank.

    """
    taken = t.symbols.union(*(factor_symbols(c) for c in facts))
    rows = [b.value for b in supports(t.factors, taken)]
    seen = dict.fromkeys(v for e in rows for v in sorted(symbols_of(e), key=lambda v: v.name))
    unknown = [*t.variables, *(v for v in seen if v not in taken)]
    vanishing: list[Expr] = []
    while single := [(e, *left) for e in rows if len(left := _unknowns(e, unknown)) == 1]:
        units = [v for e, v in single if coefficient(e, v) in (1, -1)]
        if not units:
            units = [single[0][1]]
            vanishing.append(coefficient(*single[0]))
        unknown = [v for v in unknown if v not in units]
    if unknown:
        vanishing.append(_minor([e for e in rows if _unknowns(e, unknown)], unknown, t))
    context = (*facts, *(f for f in t.factors if isinstance(f, Equal | Range)))
    return tuple(Obligation(context, Nonzero(e)) for e in vanishing if not e.is_number)


def _unknowns(e: Expr, unknown: Sequence[Symbol]) -> frozenset[Symbol]:
    return symbols_of(e).intersection(unknown)


def _minor(rows: Sequence[Expr], unknown: Sequence[Symbol], t: Term) -> Expr:
    """Return the first minor of full rank that is not the zero polynomial."""
    few = len(unknown) <= UNKNOWNS and comb(len(rows), len(unknown)) <= CHOICES
    for chosen in combinations(rows, len(unknown)) if few else ():
        table = [[coefficient(e, v) for v in unknown] for e in chosen]
        minor = normal(sp.Matrix(table).det(method="berkowitz"))
        if minor != 0:
            return minor
    raise RuleError(f"the sum has infinitely many terms: {show((t,))}")
