"""Which axes of the operands are cut where an index of a layer is divided into blocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sympy import Expr, Integer, Symbol

from rot180.derive.blocks.windows import Reach, ReadWindow, UnboundedError, reach, solved
from rot180.derive.language.layers import Layer
from rot180.derive.language.polynomial import normal, symbols_of
from rot180.derive.language.substitute import fresh
from rot180.derive.language.terms import Access, Equal, Range, Term, accesses_and_brackets

Axis = tuple[str, int]
"""The name of an operand, and the number of its axis."""


@dataclass(frozen=True)
class Reads:
    """What a block reads.

    Attributes:
        windows: the window of each axis that is cut, in the order of the operands.
        linked: for each term, the indices that a bracket links to the block, and the axis in
            whose window each of them lies.

    """

    windows: Mapping[Axis, ReadWindow]
    linked: tuple[Mapping[Symbol, Axis], ...]


class _ReadWholeError(Exception):
    def __init__(self, axis: Axis) -> None:
        self.axis = axis


@dataclass(frozen=True)
class _Setting:
    """A layer, the index that is divided, its first and last value in a block, and so on.

    Attributes:
        order: the names of the operands, those first that are cut where there is a choice.
        whole: the axes that are not cut.
        several: whether several axes of an operand are cut, so that their windows have numbers.

    """

    layer: Layer
    index: Symbol
    block: tuple[Expr, Expr]
    order: Sequence[str]
    taken: frozenset[Symbol]
    whole: frozenset[Axis] = frozenset()
    several: bool = False

    def bounds(self, axis: Axis) -> tuple[Expr, Expr]:
        """Return the symbols for the ends of a window."""
        name, number = axis
        told = f"{name}_{number}" if self.several else name
        return fresh(f"start_{told}", self.taken), fresh(f"stop_{told}", self.taken)

    @property
    def axes(self) -> list[Axis]:
        """Return all axes of the operands."""
        return [(t.name, n) for t in self.layer.tensors for n in range(len(t.shape))]


def cut(
    layer: Layer,
    index: Symbol,
    block: tuple[Expr, Expr],
    order: Sequence[str],
    taken: frozenset[Symbol],
) -> Reads:
    """Return the windows of the operands of a layer, for a block of one of its indices.

    An axis is cut if each of its reads stays in an interval that moves with the block.

    Args:
        layer: a layer.
        index: an index of it.
        block: the first and the last value of the index.
        order: the names of the operands; where an equation links axes of two, the first is cut.
        taken: the names in use.

    """
    setting = _Setting(layer, index, block, order, taken)
    while True:
        try:
            found = _cut(setting)
        except _ReadWholeError as error:
            setting = replace(setting, whole=setting.whole | {error.axis})
            continue
        operands = [w.operand for w in found.windows.values() if w.reaches]
        if setting.several or len(set(operands)) == len(operands):
            return found
        setting = replace(setting, several=True)


def _cut(setting: _Setting) -> Reads:
    definition = setting.layer.output.definition
    assert definition is not None
    reaches: dict[Axis, list[Reach | None]] = {}
    still: set[Axis] = set()
    linked = []
    for t in definition.body:
        links, ranges = _links(setting, t)
        linked.append(links)
        variables = frozenset((*definition.formals, *t.variables))
        for access in (f for f in accesses_and_brackets(t.factors) if isinstance(f, Access)):
            for number, e in enumerate(access.index):
                axis = (access.tensor.name, number)
                if not symbols_of(e) & {setting.index, *links}:
                    still.add(axis)
                elif axis not in setting.whole:
                    found = _read(setting, axis, e, t, links, ranges, variables)
                    reaches.setdefault(axis, []).append(found)
    for axis in still & reaches.keys():
        raise _ReadWholeError(axis)
    windows = {a: _window(setting, a, reaches[a]) for a in setting.axes if a in reaches}
    return Reads(windows, tuple(linked))


def _window(setting: _Setting, axis: Axis, reaches: list[Reach | None]) -> ReadWindow:
    first, last = setting.block
    if not any(reaches):
        return ReadWindow(*axis, first, normal(last + 1))
    at_index = Reach(Integer(1), first, last, ())
    each = dict.fromkeys(r or at_index for r in reaches)
    return ReadWindow(*axis, *setting.bounds(axis), tuple(each))


def _links(
    setting: _Setting, t: Term
) -> tuple[dict[Symbol, Axis], dict[Symbol, tuple[Expr, Expr]]]:
    """Return the indices that brackets link to the block, and the ranges of all indices."""
    output, ranges = setting.layer.output, dict[Symbol, tuple[Expr, Expr]]()
    accesses = [f for f in accesses_and_brackets(t.factors) if isinstance(f, Access)]
    assert output.definition is not None
    at = [output[output.definition.formals], *accesses]
    for a in at:
        for e, size in zip(a.index, a.tensor.shape, strict=True):
            if isinstance(e, Symbol) and size is not None:
                ranges.setdefault(e, (Integer(0), normal(size - 1)))
    ranges[setting.index] = setting.block
    accesses.sort(key=lambda a: setting.order.index(a.tensor.name))
    links: dict[Symbol, Axis] = {}
    for f in t.factors:
        if isinstance(f, Equal | Range) and symbols_of(f.value) & {setting.index, *links}:
            held = symbols_of(f.value) & set(t.variables) - {setting.index, *links}
            places = ((e, (a.tensor.name, n)) for a in accesses for n, e in enumerate(a.index))
            for u, axis in places:
                if u in held and axis not in setting.whole:
                    assert isinstance(u, Symbol)
                    start, stop = setting.bounds(axis)
                    links[u], ranges[u] = axis, (start, normal(stop - 1))
                    break
    return links, ranges


def _read(
    setting: _Setting,
    axis: Axis,
    e: Expr,
    t: Term,
    links: Mapping[Symbol, Axis],
    ranges: Mapping[Symbol, tuple[Expr, Expr]],
    variables: frozenset[Symbol],
) -> Reach | None:
    """Return where an axis is read; None where that is at the index of the block itself."""
    try:
        if e == setting.index:
            return None
        if isinstance(e, Symbol) and links.get(e) == axis:
            others = {v: r for v, r in ranges.items() if v != e}
            return solved(e, t, others, variables)
        return reach(e, ranges, variables)
    except UnboundedError:
        raise _ReadWholeError(axis) from None
