"""Finds relations of derivatives by solving for their coefficients: checks the table of them."""

from __future__ import annotations

from collections.abc import Iterator

import sympy as sp
from sympy import Expr, Symbol

from rot180.derive.language.polynomial import normal, symbol, symbols_of
from rot180.derive.language.scalar_functions import FUNCTIONS, T

_E = Symbol("E", positive=True)  # exp(t)


def relations(name: str) -> Iterator[Expr]:
    """Yield relations of a first derivative, the shortest first."""
    own, t, one = symbol(name), symbol("t"), sp.Integer(1)
    bases: list[tuple[Expr, ...]] = [(one,), (t,), (own,), (one, own, own**2), (own**3,)]
    others = [symbol(other) for other in FUNCTIONS if other != name]
    bases += [(g,) for g in others] + [(own, g, own * g) for g in others]
    wanted = FUNCTIONS[name].derivative()
    if not wanted.has(sp.Piecewise):
        for basis in bases:
            found = _solve(wanted, basis)
            if found is not None:
                yield found


def _solve(wanted: Expr, basis: tuple[Expr, ...]) -> Expr | None:
    """Return the combination of a basis, with rational coefficients, that is the wanted one."""
    unknown = [Symbol(f"c{n}") for n in range(len(basis))]
    values = [_values(part) for part in basis]
    if any(v.has(sp.Piecewise) for v in values):
        return None
    rest = wanted - sum(c * v for c, v in zip(unknown, values, strict=True))
    numerator = sp.expand(sp.fraction(sp.together(_rational(rest)))[0])
    poly = sp.Poly(numerator)
    fixed = [v for v in poly.gens if v not in unknown]
    equations = sp.Poly(numerator, *fixed).coeffs() if fixed else [numerator]
    for solution in sp.linsolve(equations, unknown):
        if all(c.is_Rational for c in solution):
            return normal(sum(c * part for c, part in zip(solution, basis, strict=True)))
    return None


def _values(part: Expr) -> Expr:
    """Return a polynomial in names as an expression in `T`."""
    names = {v: FUNCTIONS[v.name].value for v in symbols_of(part) if v.name in FUNCTIONS}
    found: Expr = part.xreplace({**names, symbol("t"): T})
    return found


def _rational(e: Expr) -> Expr:
    """Write ``E^k`` for ``exp(k t)``; the rest stays."""

    def power(one: Expr) -> Expr:
        k = one.args[0] / T
        found: Expr = _E**k if k.is_Integer else one
        return found

    hyperbolic = e.rewrite(sp.exp)
    found: Expr = hyperbolic.replace(lambda one: isinstance(one, sp.exp), power)
    return found
