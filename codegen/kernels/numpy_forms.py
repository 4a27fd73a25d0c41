"""By which function a sum is computed, where its loops leave a choice: by sizes, at run time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from sympy import Symbol

from rot180.codegen.kernels.expressions import loop_size, number
from rot180.codegen.kernels.numpy_operands import Entries, extent, factor_text
from rot180.codegen.plans.plan import Nest, Operand


@dataclass(frozen=True)
class SumForm:
    """How a sum is computed.

    Attributes:
        function: what is called.
        lines: the line that chooses it, if sizes decide.
        swapped: whether the right side comes first.

    """

    function: str = "add_product"
    lines: tuple[str, ...] = ()
    swapped: bool = False


def form(nest: Nest, left: Sequence[Entries], right: Sequence[Entries], room: int) -> SumForm:
    """Choose by the roles of a nest's loops; where several forms are possible, sizes decide.

    Args:
        nest: the sum.
        left: its factors on one side, as written.
        right: those on the other.
        room: the width of a line.

    """
    if len(left) == len(right) == 1:
        for swapped, (far, near) in enumerate(((left[0], right[0]), (right[0], left[0]))):
            operands = (nest.left[0], nest.right[0])[:: -1 if swapped else 1]
            if not far.windows or near.windows or not isinstance(operands[0], Operand):
                continue
            slides = _slides(operands[0])
            if not slides:
                continue
            cases = [_spread(nest, operands[0], near, slides), _taps(nest, slides)]
            found = [case for case in cases if case is not None]
            if found:
                return SumForm("add", tuple(_choice(found, room)), bool(swapped))
    return SumForm()


def _choice(cases: Sequence[tuple[str, str]], room: int) -> list[str]:
    """Write the choice of a function: each with its condition, else the product of windows."""
    first, *more = [f"{function} if {condition}" for function, condition in cases]
    parts = [first, *(f"else {part}" for part in (*more, "add_product"))]
    line = f"add = {' '.join(parts)}"
    return [line] if len(line) <= room else ["add = (", *(f"    {part}" for part in parts), ")"]


def _slides(operand: Operand) -> list[tuple[int, Symbol, Symbol]]:
    """Return the axes whose index has two loops; none if the index is less simple than that."""
    used = [v for e in operand.index for v in e.loops]
    if len(set(used)) < len(used) or not all(1 <= len(e.loops) <= 2 for e in operand.index):
        return []
    return [(i, *e.loops) for i, e in enumerate(operand.index) if len(e.loops) == 2]


def _spread(
    nest: Nest, far: Operand, near: Entries, slides: Sequence[tuple[int, Symbol, Symbol]]
) -> tuple[str, str] | None:
    """Say when products with all taps are fewer than what windows copy.

    Then the other operand may be a matrix in place, too, which it is not where taps are summed.
    """
    written = {v for e in nest.output for v in e.loops}
    sizes, taps, steps = {}, [], []
    for axis, *pair in slides:
        inside = [v for v in pair if v in written]
        outside = [v for v in pair if v not in written and v in near.loops]
        if len(inside) != 1 or len(outside) != 1 or inside[0] in near.loops:
            return None
        step = dict(far.index[axis].coefficients)[inside[0]]
        if step.is_Integer and step != 1:
            return None
        steps += [] if step == 1 else [number(step)]
        size = far.tensor.shape[axis]
        assert size is not None
        sizes[inside[0]] = factor_text(number(size))
        taps += outside
    output = [v for e in nest.output for v in e.loops]
    products = [sizes[v] if v in sizes else extent(v, nest) for v in output]
    products += [extent(v, nest) for v in taps]
    copied = [extent(v, nest) for e in far.index for v in e.loops]
    summed = [[v in k for v in near.loops] for k in (nest.k, {*nest.k} - {*taps})]
    moves = [sum(a != b for a, b in pairwise(flags)) > 1 + (not flags[0]) for flags in summed]
    moved = [extent(v, nest) for v in near.loops] if moves == [True, False] else None
    first, *more = [side for side in (products, copied, moved) if side is not None]
    for n in list(first):
        if all(n in side for side in more):
            for side in (first, *more):
                side.remove(n)
    least, *most = ("*".join(side) or "1" for side in (["2", *first], *more))
    fewer = f"{least} <= {' + '.join(most)}"
    ones = [f"{' == '.join(dict.fromkeys(steps))} == 1 and "] if steps else [""]
    return "add_spread", f"{ones[0]}{fewer}"


def _taps(nest: Nest, slides: Sequence[tuple[int, Symbol, Symbol]]) -> tuple[str, str] | None:
    """Say when nothing but vectors is left once the taps, which are in the output, are fixed.

    That pays where no axis of the output is longer than the one that slides along it; an output
    that is written phase by phase is as long as the array.
    """
    written = {v for e in nest.output for v in e.loops}
    sizes = {loop.variable: loop_size(loop) for loop in nest.loops}
    taps, short = [], []
    for _, *pair in slides:
        inside = [v for v in pair if v in written]
        outside = [v for v in pair if v not in written]
        if len(inside) != 1 or sizes[inside[0]] is None:
            return None
        taps += inside
        short.append(f"{extent(inside[0], nest)} <= {extent(outside[0], nest)}")
    rest = [extent(v, nest) for v in (*nest.m, *nest.n) if v not in taps]
    ones = [n for n in dict.fromkeys(rest) if n != "1"]
    return "add_taps", " and ".join(([f"{' == '.join(ones)} == 1"] if ones else []) + short)
