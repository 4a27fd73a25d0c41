"""Passes over brackets and equations modulo a number: remainders, phases, divisions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

from sympy import Expr, Integer, Symbol

from rot180.codegen.plans.bounds import positive
from rot180.codegen.plans.draft import Draft
from rot180.codegen.plans.plan import Divided, Phase, Solved
from rot180.derive.language.polynomial import (
    coefficient,
    is_integral,
    normal,
    quotient,
    symbols_of,
)
from rot180.derive.language.substitute import fresh
from rot180.derive.language.terms import Range


def name_remainders(d: Draft) -> Draft:
    """Replace v by its remainder phi, where a bracket is ``[0 <= v + e - s*u < s]``.

    ``phi = v + e - s*u`` is one to one in v for each u, so ``v = phi + s*u - e`` everywhere.
    A variable that is a remainder already, ``[0 <= v < s]``, keeps its name; so does every phi,
    even where another bracket makes it a remainder of another number. Each round replaces one of
    the term's own variables, so there are at most as many rounds as variables.
    """
    names: set[Symbol] = set()
    while (found := _remainder(d, names)) is not None:
        v, value, phi = found
        variables = tuple(phi if w == v else w for w in d.variables)
        d = replace(d.substituted({v: value}), variables=variables)
        names.add(phi)
    return d


def _remainder(d: Draft, names: set[Symbol]) -> tuple[Symbol, Expr, Symbol] | None:
    """Return a variable, what replaces it, and the name of its remainder in that."""
    for r in d.ranges:
        e = r.value
        inside = [v for v in d.variables if v in symbols_of(e)]
        quotients = [u for u in inside if normal(coefficient(e, u) ** 2 - r.size**2) == 0]
        for u, v in product(quotients, inside):
            known = v in names or Range(v, r.size) in d.ranges
            if v != u and coefficient(e, v) in (1, -1) and not known:
                phi = fresh("phi", d.symbols)
                return v, normal(v + coefficient(e, v) * (phi - e)), phi
    return None


def solve_by_phases(d: Draft) -> Draft:
    """Solve ``[c*m + e = 0]`` for m where all other variables are remainders modulo c.

    The remainders become phases: outer loops over few values. Inside them m is a number, so that
    no zero is ever multiplied. A remainder with the coefficient 1 or -1 is not searched for: it and
    m are found by one division. Each round makes one equation less.
    """
    for e, m, divisor, others in _divisible(d):
        if all(d.size(v) == divisor for v in others):
            return solve_by_phases(_solved(d, e, m, divisor, others))
    return d


def split_others(d: Draft) -> Draft:
    """Solve ``[c*m + e = 0]`` for m where some of the other variables are remainders modulo c.

    Each of the others is split into ``c*a + rho``. Then m takes over what c divides, and the rest
    is solved by phases. Each round makes one equation less.
    """
    for e, m, divisor, others in _divisible(d):
        if divisor != 1 and _free(d, m) and any(d.size(v) == divisor for v in others):
            new, at = d, d.equations.index(e)
            for v in others:
                if d.size(v) != divisor and _quotient(coefficient(e, v), divisor) is None:
                    new, e = _split(new, e, v, divisor)
            new, e, m = _absorbed(new, e, m)
            new = _untangled(new, m)
            e = new.equations[at]
            left = [v for v in new.variables if v in symbols_of(e) and v in new.loops and v != m]
            return split_others(solve_by_phases(_solved(new, e, m, divisor, left)))
    return d


def _split(d: Draft, e: Expr, v: Symbol, divisor: Expr) -> tuple[Draft, Expr]:
    """Replace v by ``divisor*a + rho`` in a draft and in an equation."""
    a = fresh("a", d.symbols)
    rho = fresh("rho", d.symbols)
    by = {v: normal(divisor * a + rho)}
    at = d.variables.index(v)
    variables = (*d.variables[:at], rho, a, *d.variables[at + 1 :])
    new = d.substituted(by)
    return (
        replace(new, variables=variables, ranges=(*new.ranges, Range(rho, divisor))),
        normal(e.xreplace(by)),
    )


def _absorbed(d: Draft, e: Expr, m: Symbol) -> tuple[Draft, Expr, Symbol]:
    """Replace m so that no other loop in e has a coefficient that m's coefficient divides."""
    c = coefficient(e, m)
    others = [v for v in d.loops if v in symbols_of(e) and v != m]
    shares = [(v, k) for v in others if (k := _quotient(coefficient(e, v), c)) is not None]
    if not shares:
        return d, e, m
    new = fresh(m, d.symbols)
    by = {m: normal(new - sum(k * v for v, k in shares))}
    variables = tuple(new if v == m else v for v in d.variables)
    return replace(d.substituted(by), variables=variables), normal(e.xreplace(by)), new


def _untangled(d: Draft, kept: Symbol) -> Draft:
    """Absorb, in each bracket ``[0 <= e - s*u < s]``, into u what s divides; u is not `kept`."""
    for at in range(len(d.ranges)):
        for r in d.ranges[at : at + 1]:
            slopes = {u: coefficient(r.value, u) for u in d.loops if u != kept and _free(d, u)}
            u = next((u for u, c in slopes.items() if c in (r.size, normal(-r.size))), None)
            d = d if u is None else _absorbed(d, r.value, u)[0]
    return d


def divide_brackets(d: Draft) -> Draft:
    """Solve ``[0 <= e - s*u < s]`` for u where e is a constant: it is the quotient of e by s.

    Each round makes one bracket less.
    """
    for r in d.ranges:
        loops = [v for v in d.loops if v in symbols_of(r.value)]
        if len(loops) != 1 or not _free(d, loops[0]) or not positive(r.size, d.hypotheses):
            continue
        (u,) = loops
        c = coefficient(r.value, u)
        if c in (r.size, normal(-r.size)):
            new = replace(d, ranges=tuple(other for other in d.ranges if other != r))
            phi = fresh("phi", d.symbols)
            return divide_brackets(_divided(new, normal(r.value - c * u), normal(-c), (u, phi)))
    return d


def _divisible(d: Draft) -> Iterator[tuple[Expr, Symbol, Expr, list[Symbol]]]:
    """Yield each equation, a variable to solve it for, its divisor, and the other variables."""
    for e in d.equations:
        inside = [v for v in d.loops if v in symbols_of(e)]
        for m in (v for v in d.variables if v in inside and v not in d.output):
            c = coefficient(e, m)
            divisor = c if positive(c, d.hypotheses) else normal(-c)
            if positive(divisor, d.hypotheses):
                yield e, m, divisor, [v for v in d.variables if v in inside and v != m]


def _free(d: Draft, v: Symbol) -> bool:
    """Say whether a variable is in no index of the output."""
    return not any(v in symbols_of(e) for e in d.output)


def _quotient(e: Expr, by: Expr) -> Expr | None:
    """Return an integer polynomial q with ``q * by = e``, if there is one."""
    found = quotient(e, by)
    return found if found is not None and is_integral(found) else None


def _solved(d: Draft, e: Expr, m: Symbol, divisor: Expr, remainders: list[Symbol]) -> Draft:
    """Add the phases and the division that solve ``[e = 0]`` for m."""
    d = replace(
        d,
        equations=tuple(f for f in d.equations if f != e),
        ranges=tuple(r for r in d.ranges if r.value not in remainders),
    )
    c = coefficient(e, m)
    found = [v for v in remainders if coefficient(e, v) in (1, -1)]
    if not found:
        rest = normal(e - c * m)
        value = normal(-rest) if c == divisor else rest
        phases = (Phase(v, divisor) for v in remainders)
        return replace(d, outer=(*d.outer, *phases, Solved(m, value, divisor)))
    phi = next((v for v in found if not _free(d, v)), found[0])
    sign = coefficient(e, phi)
    d = replace(d, outer=(*d.outer, *(Phase(v, divisor) for v in remainders if v != phi)))
    return _divided(d, normal(sign * (c * m - e) + phi), normal(sign * c), (m, phi))


def _divided(d: Draft, value: Expr, slope: Expr, names: tuple[Symbol, Symbol]) -> Draft:
    """Solve ``value = slope*m + phi`` for m and phi, the quotient and the remainder.

    The absolute value of the slope is the divisor; where it is negative, -m is the quotient.
    """
    (m, phi), upward = names, positive(slope, d.hypotheses)
    divisor = slope if upward else normal(-slope)
    if _is_remainder(d, value, divisor):
        return d.substituted({m: Integer(0), phi: value})
    if not upward:
        d = replace(d.substituted({m: normal(-m)}), variables=d.variables)
    return replace(d, outer=(*d.outer, Divided(m, phi, value, divisor)))


def _is_remainder(d: Draft, value: Expr, divisor: Expr) -> bool:
    """Say whether a value is known to be at least 0 and less than a divisor."""
    if value.is_Integer:
        return bool(value == 0 or (divisor.is_Integer and 0 <= value < divisor))
    phases = [(s.variable, s.size) for s in d.outer if isinstance(s, Phase)]
    divided = [(s.remainder, s.divisor) for s in d.outer if isinstance(s, Divided)]
    return (value, divisor) in (*phases, *divided)
