"""Passes: each rewrites a draft to one with the same value for all sizes.

No pass knows what a term computes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from rot180.codegen.plans.bounds import positive
from rot180.codegen.plans.draft import Draft
from rot180.codegen.plans.plan import LoweringError, Phase, Solved
from rot180.derive.language.polynomial import coefficient, normal, symbols_of
from rot180.derive.language.substitute import fresh
from rot180.derive.language.terms import Range


def name_remainders(d: Draft) -> Draft:
    """Replace v by its remainder phi, where a bracket is ``[0 <= v + e - s*u < s]``.

    ``phi = v + e - s*u`` is one to one in v for each u, so ``v = phi + s*u - e`` everywhere.
    A variable that is a remainder already, ``[0 <= v < s]``, keeps its name.
    """
    for r in d.ranges:
        e = r.value
        inside = [v for v in d.variables if v in symbols_of(e)]
        for u in inside:
            if normal(coefficient(e, u) ** 2 - r.size**2) != 0:
                continue
            for v in inside:
                if v != u and coefficient(e, v) in (1, -1) and Range(v, r.size) not in d.ranges:
                    phi = fresh("phi", d.symbols)
                    value = normal(v + coefficient(e, v) * (phi - e))
                    new = d.substituted({v: value})
                    at = d.variables.index(v)
                    rest = [w for w in d.variables if w != v]
                    rest.insert(at, phi)
                    return name_remainders(replace(new, variables=tuple(rest)))
    return d


def solve_by_phases(d: Draft) -> Draft:
    """Solve ``[c*m + e = 0]`` for m where all other variables are remainders modulo c.

    The remainders become phases: outer loops over few values. Inside them m is a number, so that
    no zero is ever multiplied.
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
            rest = normal(e - c * m)
            value = normal(-rest) if c == divisor else rest
            phases: list[Phase | Solved] = [Phase(v, divisor) for v in others]
            outer = (*phases, Solved(m, value, divisor))
            new = replace(
                d,
                outer=(*d.outer, *outer),
                equations=tuple(f for f in d.equations if f != e),
                ranges=tuple(r for r in d.ranges if r.value not in others),
            )
            return solve_by_phases(new)
    return d


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


PASSES: tuple[Callable[[Draft], Draft], ...] = (
    name_remainders,
    solve_by_phases,
    sift,
    fix_remainders,
)
"""The passes, in order. An equation that they leave is tested at every point."""
