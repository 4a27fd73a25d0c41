"""Gives brackets with one side, ``[j < i]``, the second side that the sizes imply.

A bracket of the term language has two sides, ``[0 <= value < size]``, and its size contains no
index. Wherever a term is not zero, each index of an axis is less than its size, so ``[j < i]`` is
``[0 <= i - j - 1 < I - 1]``. Two brackets whose difference contains no index are one:
``[k >= 0] * [k < 3]`` is ``[0 <= k < 3]``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TypeAlias

import sympy as sp
from sympy import Expr, Symbol

from rot180.derive.language.polynomial import (
    at_least,
    coefficient,
    monomials,
    normal,
    symbols_of,
)
from rot180.derive.language.terms import Bracket, Range
from rot180.derive.language.tokens import RawBound, RawFactor

Interval: TypeAlias = tuple[Expr, Expr]
"""The least and the greatest value."""

Intervals: TypeAlias = Mapping[Symbol, Interval | None]
"""The interval of each index; None where it is not known."""


def joined(factors: Sequence[RawFactor], scope: Collection[Symbol]) -> tuple[RawFactor, ...]:
    """Join each bound with the first later one that gives it a second side.

    Args:
        factors: factors of a product.
        scope: the indices.

    """
    out = list(factors)
    for at, one in enumerate(out):
        for other in out[at + 1 :] if isinstance(one, RawBound) else ():
            if isinstance(one, RawBound) and isinstance(other, RawBound):
                lower, upper = sorted((one, other), key=lambda b: _moves(b.low, scope))
                value = normal(lower.high - lower.low)
                size = normal(value + upper.high - upper.low + 1)
                if not _moves(size, scope):
                    out[at] = Range(value, size)
                    out.remove(other)
                    break
    return tuple(out)


def two_sided(bound: RawBound, known: Intervals) -> Range | bool | None:
    """Return the range that a bound is where each index is in its interval.

    Args:
        bound: the bound.
        known: the interval of each index.

    Returns:
        the range; True if the bound always holds; None if nothing bounds the other side.

    """
    value = normal(bound.high - bound.low)
    found = interval(value, known, bound.grows)
    if found is None:
        return None
    if at_least(found[0], sp.Integer(0)):
        return True
    if not _moves(bound.high, known):
        least = normal(bound.high - found[1])
        return Range(normal(bound.low - least), normal(bound.high - least + 1))
    return Range(value, normal(found[1] + 1))


def _moves(e: Expr, scope: Collection[Symbol]) -> bool:
    return bool(symbols_of(e) & frozenset(scope))


def interval(e: Expr, known: Intervals, grows: bool = False) -> Interval | None:
    """Return the interval of an expression that is affine in the indices; None if not known.

    Args:
        e: the expression.
        known: the interval of each index.
        grows: whether parameters that multiply an index are taken as at least 0.

    >>> from rot180.derive.language.polynomial import symbol
    >>> i, j, n = symbol("i"), symbol("j"), symbol("n")
    >>> interval(n - 2 * i + j, {i: (sp.Integer(0), n), j: (sp.Integer(0), sp.Integer(3))})
    (-n, n + 3)

    """
    low = high = e.xreplace(dict.fromkeys(known, sp.Integer(0)))
    for v, ends in known.items():
        c = coefficient(e, v)
        if c == 0:
            continue
        sign = _sign(c, grows)
        if ends is None or sign == 0:
            return None
        least, most = ends if sign > 0 else ends[::-1]
        low, high = low + c * least, high + c * most
    return normal(low), normal(high)


def _sign(c: Expr, grows: bool) -> int:
    """Return the sign of a coefficient, 0 if it is not known."""
    if not c.is_Integer and not grows:
        return 0
    signs = {1 if k > 0 else -1 for k in monomials(c).values()}
    return signs.pop() if len(signs) == 1 else 0


def intervals(
    supports: Iterable[Bracket], free: Mapping[Symbol, Expr | None], summed: Iterable[Symbol]
) -> Intervals:
    """Return the interval of each index where some brackets hold, or None if it is not known.

    Args:
        supports: the brackets.
        free: free indices with their sizes, None where they have none.
        summed: the indices that are summed over.

    """
    zero = sp.Integer(0)
    known: dict[Symbol, Interval | None] = {
        v: None if n is None else (zero, normal(n - 1)) for v, n in free.items()
    }
    known |= dict.fromkeys(summed)
    brackets = sorted(supports, key=lambda b: len(symbols_of(b.value) & known.keys()))
    for _ in known:
        for b in brackets:
            for v in known:
                c = coefficient(b.value, v)
                rest = interval(normal(b.value - c * v), known) if c in (1, -1) else None
                if known[v] is None and rest is not None:
                    top = b.size - 1 if isinstance(b, Range) else zero
                    ends = normal(-rest[1]), normal(top - rest[0])
                    known[v] = ends if c == 1 else (normal(-ends[1]), normal(-ends[0]))
    return known
