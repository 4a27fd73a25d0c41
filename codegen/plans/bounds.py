"""Bounds of loops: which hold for each, and an order in which they can be computed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations

from sympy import Expr, Symbol, gcd

from rot180.codegen.plans.plan import Affine, Box, Loop, LoweringError
from rot180.derive.language.polynomial import normal
from rot180.derive.language.terms import AtLeast, Condition


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
    boxes = [*boxes, *_combined([b for b in boxes if len(b.loops) > 1])]
    known: list[Loop] = []

    def usable(v: Symbol, earlier: set[Symbol], certain: bool) -> tuple[Box, ...]:
        found = [b for b in boxes if v in b.loops and set(b.loops) <= {*earlier, v}]
        if any(_certain(b, v, hypotheses) for b in found) or (found and not certain):
            return tuple(found)
        return ()

    waiting = list(loops)
    while waiting:
        done = {loop.variable for loop in known}
        for earlier, certain in ((set(), True), (done, True), (done, False)):
            found = [(v, b) for v in waiting if (b := usable(v, earlier, certain))]
            if found:
                break
        else:
            names = ", ".join(v.name for v in waiting)
            raise LoweringError(f"nothing bounds the loops over {names}")
        for v, bounds in found[: 1 if earlier else None]:
            known.append(Loop(v, _simplest(v, bounds, hypotheses)))
            waiting.remove(v)
    return tuple(known)


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


def _combined(boxes: list[Box]) -> list[Box]:
    """Eliminate variables between boxes with integer coefficients, as Fourier and Motzkin do.

    ``x[p + k] * w[p - k]`` bounds neither index directly, but ``2*p`` and ``2*k`` are bounded.
    """
    out = [b for b in boxes if all(c.is_Integer for _, c in b.value.coefficients)]
    rounds = len({v for b in out for v in b.loops}) - 1
    found: list[Box] = []
    for _ in range(rounds):
        new = []
        for a, b in combinations(out, 2):
            for v in set(a.loops) & set(b.loops):
                new += [c for c in _eliminate(v, a, b) if c not in found and c not in new]
        found += new
        out = [*out, *new]
    return sorted(found, key=lambda b: [v.name for v in b.loops])


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
    return any(isinstance(h, AtLeast) and normal(h.value - e + 1) == 0 for h in hypotheses)
