"""Expressions as textbooks write them: without brackets that hold wherever the rest is not zero."""

from __future__ import annotations

from dataclasses import replace

from sympy import Expr

from rot180.derive.kernel.proof import Variables
from rot180.derive.language.terms import (
    Access,
    Derivative,
    Equal,
    Expression,
    Factor,
    Range,
    Term,
)


def without_implied_brackets(expression: Expression, variables: Variables = ()) -> Expression:
    """Leave out each bracket that is the box of an entry in the same term, or of a free index.

    ``g[p] * [0 <= p < P]`` is ``g[p]`` where g has the box P: outside of it, the entry is zero, and
    so is its derivative. A bracket is written once.

    Args:
        expression: a sum of terms.
        variables: the free indices, each with its size.

    """
    return tuple(_without(t, set(variables)) for t in expression)


def _without(t: Term, boxes: set[tuple[Expr, Expr | None]]) -> Term:
    entries = (a for f in t.factors for a in (f.factors if isinstance(f, Derivative) else (f,)))
    boxes = boxes.union(
        (e, n)
        for a in entries
        if isinstance(a, Access)
        for e, n in zip(a.index, a.tensor.shape, strict=True)
    )
    kept: list[Factor] = []
    for f in t.factors:
        implied = isinstance(f, Range) and (f.value, f.size) in boxes
        # a bracket is its own square
        if not implied and not (isinstance(f, Range | Equal) and f in kept):
            kept.append(f)
    return replace(t, factors=tuple(kept))
