"""Ranges of phases that the ranges of indices imply."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from sympy import Expr, Integer

from rot180.codegen.plans.draft import box
from rot180.derive.language.polynomial import coefficient, is_integral, normal, quotient, symbols_of
from rot180.derive.language.terms import Access, Factor, Range, Term


def implied_by(t: Term, f: Factor) -> Iterator[list[Range]]:
    """Yield the ranges from which ``0 <= v < n`` follows where s*q + v has a range."""
    ranges = [g for g in t.factors if isinstance(g, Range)]
    if not isinstance(f, Range):
        return
    supports = [*ranges, *(r for a in t.factors if isinstance(a, Access) for r in box(a))]
    moduli = [g.size for g in ranges if g.value == f.value and g != f]
    for r, s, mirrored in product(supports, moduli, (False, True)):
        if r.size != f.size or (f.size.is_Integer and s.is_Integer and f.size >= s):
            continue
        e = normal(r.size - 1 - r.value) if mirrored else r.value
        for c in _scales(e, f.value):
            q = quotient(normal(e - c * f.value), normal(c * s))
            if q is not None and q != 0 and is_integral(q):
                whole = [] if c == 1 else [Range(s * q + f.value, f.size)]
                yield [*whole, Range(q, f.size)]
                break


def _scales(e: Expr, value: Expr) -> list[Expr]:
    """Return what may multiply a value in an index: 1, or a quotient of coefficients."""
    shared = sorted(symbols_of(e) & symbols_of(value), key=lambda v: v.name)
    found = (quotient(coefficient(e, v), coefficient(value, v)) for v in shared)
    return list(dict.fromkeys((Integer(1), *(c for c in found if c is not None and c != 0))))
