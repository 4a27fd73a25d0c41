"""The shapes of public arrays: groups are joined with their channels, and the batch comes first."""

from __future__ import annotations

from collections.abc import Sequence

from sympy import Expr, Symbol

from rot180.derive.language.notation import Layer
from rot180.derive.language.polynomial import normal, symbol, symbols_of
from rot180.derive.language.terms import Access, Range, Tensor, Term, accesses_and_brackets

GROUPS = symbol("G")
"""The size of the axis of groups, which public arrays have joined with the axis behind it."""


def public_box(tensor: Tensor, groups: bool) -> tuple[Expr, ...]:
    """Return the shape of a public array: groups are not an axis; without them, G is 1."""
    box: list[Expr] = []
    factor: Expr = normal(1)
    for size in sizes_of(tensor):
        if size == GROUPS:
            factor = GROUPS if groups else factor
            continue
        box.append(normal(factor * size))
        factor = normal(1)
    return tuple(box)


def sizes_of(tensor: Tensor) -> tuple[Expr, ...]:
    """Return the shape of an operand or of an output: each of its axes has a size."""
    return tuple(n for n in tensor.shape if n is not None)


def group_axis(tensor: Tensor) -> int:
    """Return the axis of a tensor that counts groups, or -1."""
    return tensor.shape.index(GROUPS) if GROUPS in tensor.shape else -1


def batch_of(layer: Layer) -> frozenset[str]:
    """Return the tensors whose first axis is the batch, the output among them; nothing without one.

    Entry n of the batch of the output depends on entry n of theirs alone, so that a batch may have
    any axes.
    """
    definition = layer.output.definition
    assert definition is not None
    if not definition.formals:
        return frozenset()
    axes = whole_axes(layer, definition.formals[0], definition.body)
    return frozenset(axes) if len(axes) > 1 and not any(axes.values()) else frozenset()


def whole_axes(layer: Layer, index: Symbol, terms: Sequence[Term]) -> dict[str, int]:
    """Return the axis of each tensor along which an index runs; nothing where it is used otherwise.

    The index then is the entry on that axis: what some of its values give depends on these entries
    of the tensors alone.

    Args:
        layer: the layer.
        index: an index of its output, or one that is summed.
        terms: terms of its definition.

    """
    definition = layer.output.definition
    assert definition is not None
    found: dict[str, int] = {}
    others, sizes = set[str](), set[Expr | None]()
    if index in definition.formals:
        found[layer.output.name] = definition.formals.index(index)
        sizes.add(layer.output.shape[found[layer.output.name]])
    for factor in (f for t in terms for f in accesses_and_brackets(t.factors)):
        if isinstance(factor, Range) and factor.value == index:
            sizes.add(factor.size)
            continue
        if not isinstance(factor, Access):
            if index in symbols_of(factor.value):
                return {}
            continue
        name, at = factor.tensor.name, [index in symbols_of(e) for e in factor.index]
        if not any(at):
            others.add(name)
            continue
        axis = at.index(True)
        if sum(at) > 1 or factor.index[axis] != index or found.setdefault(name, axis) != axis:
            return {}
        sizes.add(factor.tensor.shape[axis])
    return found if len(sizes) == 1 and None not in sizes and not found.keys() & others else {}
