"""The shapes of public arrays: groups are joined with their channels, and the batch comes first."""

from __future__ import annotations

from sympy import Expr

from rot180.derive.language.notation import Layer
from rot180.derive.language.polynomial import normal, symbol, symbols_of
from rot180.derive.language.terms import Access, Range, Tensor, accesses_and_brackets

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
    if not definition.formals or (size := layer.output.shape[0]) is None:
        return frozenset()
    n = definition.formals[0]
    found, others = {layer.output.name}, set[str]()
    for term in definition.body:
        for factor in accesses_and_brackets(term.factors):
            if isinstance(factor, Range) and factor == Range(n, size):
                continue
            if not isinstance(factor, Access):
                if n in symbols_of(factor.value):
                    return frozenset()
                continue
            first, *rest = factor.index
            if any(n in symbols_of(e) for e in rest):
                return frozenset()
            entry = first == n and factor.tensor.shape[0] == size
            if not entry and n in symbols_of(first):
                return frozenset()
            (found if entry else others).add(factor.tensor.name)
    return frozenset(found) if len(found) > 1 and not found & others else frozenset()
