"""Passes: each rewrites a draft to one with the same value for all sizes.

No pass knows what a term computes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from operator import mul
from typing import TypeAlias

from sympy import Expr

from rot180.codegen.plans.bounds import positive
from rot180.codegen.plans.draft import Draft, Outer, box
from rot180.codegen.plans.plan import Divided, LoweringError, Phase, named
from rot180.codegen.plans.remainders import (
    divide_brackets,
    name_remainders,
    solve_by_phases,
    split_others,
)
from rot180.derive.language.polynomial import coefficient, normal, symbols_of
from rot180.derive.language.substitute import fresh
from rot180.derive.language.terms import Range


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


Passes: TypeAlias = tuple[Callable[[Draft], Draft], ...]
PASSES: Passes = (
    name_remainders,
    solve_by_phases,
    split_others,
    sift,
    fix_remainders,
    divide_brackets,
    stop_early,
)
"""The passes, in order. An equation that they leave is tested at every point."""
