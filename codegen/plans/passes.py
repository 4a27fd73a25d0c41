"""Passes: each rewrites a draft to one with the same value for all sizes.

No pass knows what a term computes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from operator import mul

from sympy import Expr, Integer, Symbol

from rot180.codegen.plans.bounds import positive
from rot180.codegen.plans.draft import Draft, Outer, box
from rot180.codegen.plans.plan import Divided, LoweringError, Phase, Solved, named
from rot180.derive.language.polynomial import coefficient, normal, symbols_of
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
    for e in d.equations:
        inside = [v for v in d.variables if v in symbols_of(e)]
        for m in inside:
            if m in d.output or m in d.constants:
                continue
            c = coefficient(e, m)
            divisor = c if positive(c, d.hypotheses) else normal(-c)
            if not positive(divisor, d.hypotheses):
                continue
            others = [v for v in inside if v != m and v not in d.constants]
            if any(d.size(v) != divisor for v in others):
                continue
            rest = replace(
                d,
                equations=tuple(f for f in d.equations if f != e),
                ranges=tuple(r for r in d.ranges if r.value not in others),
            )
            return solve_by_phases(_solved(rest, e, m, divisor, others))
    return d


def _solved(d: Draft, e: Expr, m: Symbol, divisor: Expr, remainders: list[Symbol]) -> Draft:
    """Add the phases and the division that solve ``[e = 0]`` for m."""
    c = coefficient(e, m)
    found = [v for v in remainders if coefficient(e, v) in (1, -1)]
    if not found:
        rest = normal(e - c * m)
        value = normal(-rest) if c == divisor else rest
        phases = (Phase(v, divisor) for v in remainders)
        return replace(d, outer=(*d.outer, *phases, Solved(m, value, divisor)))
    phi = next((v for v in found if any(v in symbols_of(o) for o in d.output)), found[0])
    sign = coefficient(e, phi)
    value = normal(sign * (c * m - e) + phi)
    d = replace(d, outer=(*d.outer, *(Phase(v, divisor) for v in remainders if v != phi)))
    if _is_remainder(d, value, divisor):
        return d.substituted({m: Integer(0), phi: value})
    if normal(sign * c - divisor) != 0:
        d = replace(d.substituted({m: normal(-m)}), variables=d.variables)
    return replace(d, outer=(*d.outer, Divided(m, phi, value, divisor)))


def _is_remainder(d: Draft, value: Expr, divisor: Expr) -> bool:
    """Say whether a value is known to be at least 0 and less than a divisor."""
    if value.is_Integer:
        return bool(value == 0 or (divisor.is_Integer and 0 <= value < divisor))
    phases = [(s.variable, s.size) for s in d.outer if isinstance(s, Phase)]
    divided = [(s.remainder, s.divisor) for s in d.outer if isinstance(s, Divided)]
    return (value, divisor) in (*phases, *divided)


def fix_remainders(d: Draft) -> Draft:
    """Turn remainders into phases until every axis of the output has at most one loop.

    Raises:
        LoweringError: an axis of the output has two loops, and neither is a remainder.

    """
    for e in d.output:
        inside = [v for v in d.loops if v in symbols_of(e)]
        if len(inside) > 1:
            for v in inside:
                if (n := d.size(v)) is not None:
                    ranges = tuple(r for r in d.ranges if r.value != v)
                    return fix_remainders(
                        replace(d, outer=(*d.outer, Phase(v, n)), ranges=ranges)
                    )
            raise LoweringError(f"the output index {e} has two loops in it")
    return d


def sift(d: Draft) -> Draft:
    """Use ``[v + e = 0]`` or ``[-v + e = 0]`` to remove a variable that the output lacks."""
    for e in d.equations:
        for v in d.variables:
            written = any(v in symbols_of(o) for o in d.output)
            if not written and v not in d.constants and coefficient(e, v) in (1, -1):
                value = normal(v - coefficient(e, v) * e)
                rest = replace(d, equations=tuple(f for f in d.equations if f != e))
                return sift(rest.substituted({v: value}))
    return d


def stop_early(d: Draft) -> Draft:
    """Find for each phase where the boxes of operands and other brackets end it before its size.

    ``0 <= v < size`` and ``0 <= c*(size*q + v) < n`` with c >= 1 imply ``v < n``. In
    ``0 <= size*q + v + e < n`` it is ``(v + e) mod size`` that stays below n: so that is counted,
    and v is its remainder.
    """
    outer: list[Outer] = []
    for step in d.outer:
        outer += _ended(d, step, outer) if isinstance(step, Phase) else [step]
    return replace(d, outer=tuple(outer))


def _ended(d: Draft, phase: Phase, before: list[Outer]) -> list[Outer]:
    """Return what counts the values of a phase for which the term may be other than zero."""
    ranges = (*d.ranges, *(r for a in d.accesses for r in box(a)))
    found = [(r.size, *at) for r in ranges if (at := _offset(d, phase, r)) is not None]
    most = [n for n, c, e in found if e == 0 and positive(c, d.hypotheses)]
    if most or phase.size.is_Integer:
        return [replace(phase, most=_below(phase.size, most))]
    known = {v for step in before for v in named(step)}
    for n, c, e in found:
        if c == 1 and not symbols_of(e) & {*d.variables} - known:
            j, quotient = fresh("j", d.symbols), fresh("b", d.symbols)
            counted = Phase(j, phase.size, (n,))
            return [counted, Divided(quotient, phase.variable, normal(j - e), phase.size)]
    return [phase]


def _offset(d: Draft, phase: Phase, r: Range) -> tuple[Expr, Expr] | None:
    """Return c and e where a bracket says ``0 <= c*(size*q + v) + e < n`` of a phase v."""
    loops = [w for w in d.loops if w in symbols_of(r.value)]
    c = coefficient(r.value, phase.variable)
    if c == 0 or len(loops) > 1:
        return None
    slopes = [coefficient(r.value, q) for q in loops]
    if any(normal(b**2 - (c * phase.size) ** 2) != 0 for b in slopes):
        return None
    e = normal(r.value - c * phase.variable - sum(map(mul, slopes, loops)))
    if phase.variable in symbols_of(e):
        return None
    negative = positive(normal(-c), d.hypotheses)  # then n - 1 less the index is in the same box
    return (normal(-c), normal(r.size - 1 - e)) if negative else (c, e)


def _below(size: Expr, most: list[Expr]) -> tuple[Expr, ...]:
    """Return the sizes, each once, that may be less than a size."""
    found = dict.fromkeys(n for n in most if n != size)
    return tuple(n for n in found if not (n.is_Integer and size.is_Integer and n >= size))


PASSES: tuple[Callable[[Draft], Draft], ...] = (
    name_remainders,
    solve_by_phases,
    sift,
    fix_remainders,
    stop_early,
)
"""The passes, in order. An equation that they leave is tested at every point."""
