"""Bounds of loops: which hold for each, and an order in which they can be computed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations

from sympy import Expr, Symbol, gcd

from rot180.codegen.plans.plan import Affine, Box, Loop, LoweringError
from rot180.derive.language.polynomial import normal, primitive
from rot180.derive.language.terms import AtLeast, Condition

MOST_COMBINED = 16
"""How many boxes are kept of those that eliminate the same variables."""


def bounded(
    loops: Sequence[Symbol], boxes: list[Box], hypotheses: tuple[Condition, ...]
) -> tuple[Loop, ...]:
    """Order the loops so that each is bounded by boxes that contain only it and earlier loops.

    Args:
        loops: the variables.
        boxes: what holds wherever a term is not zero.
        hypotheses: what is known of the parameters.

    Raises:
        LoweringError: nothing bounds a loop.

    """
    known: list[Loop] = []
    waiting = list(loops)
    while waiting:
        earlier = [loop.variable for loop in known]
        found = _next(waiting, earlier, boxes, hypotheses)
        if not found:
            combined = _combined(boxes, waiting, earlier)
            found = _next(waiting, earlier, combined, hypotheses)
        if not found:
            names = ", ".join(v.name for v in waiting)
            raise LoweringError(
                f"nothing bounds the loops over {names}: multiply by a bracket such as "
                f"[0 <= {waiting[0].name} < n], or use {waiting[0].name} alone as the "
                "index of an operand's axis"
            )
        for loop in found:
            known.append(loop)
            waiting.remove(loop.variable)
    return tuple(known)


def _next(
    waiting: Sequence[Symbol],
    earlier: Sequence[Symbol],
    boxes: Sequence[Box],
    hypotheses: tuple[Condition, ...],
) -> list[Loop]:
    """Return what comes next: all loops that are bounded alone, or one that depends on others."""

    def usable(v: Symbol, others: Sequence[Symbol], certain: bool) -> tuple[Box, ...]:
        found = [b for b in boxes if v in b.loops and {*b.loops} <= {*others, v}]
        if any(_certain(b, v, hypotheses) for b in found) or (found and not certain):
            return tuple(found)
        return ()

    for others, certain in (((), True), (earlier, True), (earlier, False)):
        found = [(v, bounds) for v in waiting if (bounds := usable(v, others, certain))]
        if found:
            chosen = found[:1] if others else found
            return [Loop(v, _simplest(v, bounds, hypotheses)) for v, bounds in chosen]
    return []


def _certain(b: Box, v: Symbol, hypotheses: tuple[Condition, ...]) -> bool:
    """Say whether the coefficient of a variable is known not to be 0."""
    c = dict(b.value.coefficients)[v]
    return positive(c, hypotheses) or positive(normal(-c), hypotheses)


def _simplest(
    v: Symbol, bounds: tuple[Box, ...], hypotheses: tuple[Condition, ...]
) -> tuple[Box, ...]:
    """Drop the boxes that contain other loops where the others bound the loop already."""
    alone = tuple(b for b in bounds if b.loops == (v,))
    return alone if any(_certain(b, v, hypotheses) for b in alone) else bounds


def _combined(
    boxes: Sequence[Box], waiting: Sequence[Symbol], earlier: Sequence[Symbol]
) -> list[Box]:
    """Eliminate variables between boxes with integer coefficients, as Fourier and Motzkin do.

    ``x[p + k] * w[p - k]`` bounds neither index directly, but ``2*p`` and ``2*k`` are bounded.
    For each variable all others that have no bounds yet are eliminated, one after the other. A
    round keeps `MOST_COMBINED` boxes, those with the fewest loops, so that the work is bounded.
    """
    whole = [b for b in boxes if all(c.is_Integer for _, c in b.value.coefficients)]
    out: list[Box] = []
    for v in waiting:
        left = whole
        for w in waiting:
            if w != v:
                pairs = combinations([b for b in left if w in b.loops], 2)
                new = [c for a, b in pairs for c in _eliminate(w, a, b)]
                left = list(dict.fromkeys((*(b for b in left if w not in b.loops), *new)))
                left = sorted(left, key=lambda b: len(b.loops))[:MOST_COMBINED]
        out += [b for b in left if v in b.loops and {*b.loops} <= {v, *earlier}]
    return list(dict.fromkeys(out))


def _eliminate(v: Symbol, a: Box, b: Box) -> list[Box]:
    in_a, in_b = dict(a.value.coefficients), dict(b.value.coefficients)
    common = gcd(in_a[v], in_b[v])
    left, right = in_b[v] / common, -in_a[v] / common
    loops = tuple(dict.fromkeys((*a.loops, *b.loops)))
    coefficients = {w: left * in_a.get(w, 0) + right * in_b.get(w, 0) for w in loops}
    kept = tuple((w, c) for w, c in coefficients.items() if c != 0)
    if not kept:
        return []
    sides = ((left, a.size), (right, b.size))
    low = sum(c * (n - 1) for c, n in sides if c < 0)
    size = normal(sum(abs(c) * (n - 1) for c, n in sides) + 1)
    constant = normal(left * a.value.constant + right * b.value.constant - low)
    return [Box(Affine(constant, kept), size)]


def positive(e: Expr, hypotheses: Iterable[Condition]) -> bool:
    """Say whether a polynomial is known to be at least 1."""
    if e.is_Integer:
        return bool(e > 0)
    least = primitive(e)
    return any(isinstance(h, AtLeast) and normal(h.value + 1) == least for h in hypotheses)
