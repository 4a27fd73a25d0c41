"""Expressions as textbooks write them: without brackets that hold wherever the rest is not zero."""

from __future__ import annotations

from dataclasses import replace

from sympy import Expr

from rot180.derive.kernel.proof import Variables
from rot180.derive.language.terms import Access, Expression, Range, Term


def without_implied_brackets(expression: Expression, variables: Variables = ()) -> Expression:
    """Leave out each bracket that is the box of an entry in the same term, or of a free index.

    ``g[p] * [0 <= p < P]`` is ``g[p]`` where g has the box P: outside of it, the entry is zero.

    Args:
        expression: a sum of terms.
        variables: the free indices, each with its size.

    """
    return tuple(_without(t, set(variables)) for t in expression)


def _without(t: Term, boxes: set[tuple[Expr, Expr | None]]) -> Term:
    boxes = boxes.union(
        (e, n)
        for f in t.factors
        if isinstance(f, Access)
        for e, n in zip(f.index, f.tensor.shape, strict=True)
    )
    kept = (f for f in t.factors if not (isinstance(f, Range) and (f.value, f.size) in boxes))
    return replace(t, factors=tuple(kept))
