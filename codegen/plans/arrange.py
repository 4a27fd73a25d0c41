"""The last step of lowering: a draft becomes a nest, each loop with its bounds and its class."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from sympy import Integer, Symbol

from rot180.codegen.plans.bounds import bounded
from rot180.codegen.plans.draft import Draft, access, box
from rot180.codegen.plans.plan import Box, Factor, Nest, Operand, affine
from rot180.derive.language.terms import Access, Apply

MOST_FACTORS = 10
"""How many factors, or groups of factors with the same loops, are divided in all ways."""


def arrange(d: Draft) -> Nest:
    """Give every loop its bounds and its class: batch, m, n or k.

    Raises:
        LoweringError: nothing bounds a loop.

    """
    loops = d.loops
    ranges = [Box(affine(r.value, loops), r.size) for r in d.ranges]
    supports = [Box(affine(r.value, loops), r.size) for a in d.accesses for r in box(a)]
    conditions = [*ranges, *(Box(affine(e, loops), Integer(1)) for e in d.equations)]
    fixed = [b for b in conditions if not b.loops]
    tests = [b for b in conditions if len(b.loops) > 1 and b not in supports]
    bounds = list(dict.fromkeys((*conditions, *supports)))
    operands = [_operand(a, loops) for a in d.accesses]
    output = tuple(affine(e, loops) for e in d.output)
    left, right = _sides([*operands, *tests], {v for e in output for v in e.loops})
    written = [v for v in loops if any(v in e.loops for e in output)]
    on_left = {v for f in left for v in f.loops}
    on_right = {v for f in right for v in f.loops}
    return Nest(
        coefficient=d.coefficient,
        outer=(*d.outer, *fixed),
        loops=bounded(loops, bounds, d.hypotheses),
        left=tuple(left),
        right=tuple(right),
        batch=tuple(v for v in written if v in on_left and v in on_right),
        m=tuple(v for v in written if v not in on_right),
        n=tuple(v for v in written if v in on_right and v not in on_left),
        k=tuple(v for v in loops if v not in written),
        output=output,
    )


def _operand(a: Access | Apply, loops: Sequence[Symbol]) -> Operand:
    entry = access(a)
    index = tuple(affine(e, loops) for e in entry.index)
    if isinstance(a, Apply):
        return Operand(entry.tensor, index, a.function, a.order)
    return Operand(entry.tensor, index)


def _sides(factors: Sequence[Factor], written: set[Symbol]) -> tuple[list[Factor], list[Factor]]:
    """Split the factors into two sides, each with output loops of its own, or keep them on one.

    Two sides make a matrix product. The best split has the fewest batch loops, which are on both
    sides and in the output; among those, the one whose larger side has the fewest loops. Of more
    than `MOST_FACTORS` factors, those with the same loops stay together: nothing is gained where
    they are on two sides.
    """
    together: dict[object, list[int]] = {}
    for i, f in enumerate(factors):
        together.setdefault(frozenset(f.loops) if len(factors) > MOST_FACTORS else i, []).append(i)
    units = [(set(ns), frozenset(factors[ns[0]].loops)) for ns in together.values()]
    best: tuple[tuple[int, int], set[int]] | None = None
    # the first factor is on the left
    others = range(1, len(units)) if len(units) <= MOST_FACTORS else ()
    for count in range(len(others)):
        for more in combinations(others, count):
            chosen = {0, *more}
            on_left = frozenset().union(*(units[n][1] for n in chosen))
            on_right = frozenset().union(*(units[n][1] for n in others if n not in chosen))
            if not (on_left - on_right) & written or not (on_right - on_left) & written:
                continue
            cost = (len(on_left & on_right & written), max(len(on_left), len(on_right)))
            if best is None or cost < best[0]:
                best = (cost, set().union(*(units[n][0] for n in chosen)))
    if best is None:
        return list(factors), []
    left = [f for i, f in enumerate(factors) if i in best[1]]
    return left, [f for i, f in enumerate(factors) if i not in best[1]]
