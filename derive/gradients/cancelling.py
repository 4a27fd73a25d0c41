"""Simplifies sums of definitions, such as ``sum[j] y[n,j] = 1`` for a softmax y.

A sum of a definition over an index on which nothing else depends is unfolded, and what is left is
simplified: ranges are counted, and a definition times its reciprocal is 1. That is kept where
fewer factors are left. So what a maximum or a mean adds to a gradient cancels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import sympy as sp

from rot180.derive.gradients.folding import fold, fold_definitions, folds
from rot180.derive.language.operators import activation
from rot180.derive.language.polynomial import is_integral, normal
from rot180.derive.language.scalar_functions import relation
from rot180.derive.language.spelling import application
from rot180.derive.language.terms import (
    Access,
    Apply,
    Expression,
    Factor,
    Range,
    Tensor,
    factor_symbols,
)
from rot180.derive.search.derivation import Derivation, NotProvedError, factors_of
from rot180.derive.search.matching import combine_like_terms
from rot180.derive.search.rewriting import collect, drop_implied

DEPTH = 3
"""How many definitions are unfolded, at most, before a sum of one gets shorter."""


def length(e: Expression) -> int:
    """Return the number of factors and terms."""
    return sum(1 + len(t.factors) for t in e)


def relatable(e: Expression, whole: bool = False) -> Iterator[tuple[int, int]]:
    """Yield the derivatives that are one product of functions.

    Args:
        e: a line.
        whole: whether a fraction in a relation may cancel with the coefficient of its term; else
            none may be there.

    """
    for at, n, f in factors_of(e, Apply):
        assert isinstance(f, Apply)
        found = relation(f.function, f.order) if f.order else None
        if found is not None and not isinstance(found, sp.Add):
            scale = e[at].coefficient if whole else sp.Integer(1)
            if is_integral(normal(scale * found)):
                yield at, n


def shorten(d: Derivation, definitions: Sequence[Tensor]) -> None:
    """Write a line with the definitions that it contains, and simplify its sums.

    Args:
        d: what to rewrite.
        definitions: the definitions, each after those that it uses.

    """
    drop_implied(d)
    while found := next(relatable(d.current, whole=True), None):
        d.apply("relate", found[0], factor=found[1])
    fold_definitions(d, definitions)
    collect(d)
    _simplify(d, definitions)
    while any(_shorter(d, definitions, place) for place in list(_lonely(d.current, definitions))):
        pass


def _simplify(d: Derivation, definitions: Sequence[Tensor]) -> None:
    """Count ranges, cancel divisors, and combine like terms."""
    drop_implied(d)
    for at in range(len(d.current)):
        while _count(d, at) or _divide(d, at, definitions):
            pass
    combine_like_terms(d)


def _count(d: Derivation, at: int) -> bool:
    """Count the points of a range on which nothing else depends; say whether there is one."""
    t = d.current[at]
    for n, f in enumerate(t.factors):
        others = {v for m, g in enumerate(t.factors) if m != n for v in factor_symbols(g)}
        if isinstance(f, Range) and f.value in t.variables and f.value not in others:
            try:
                d.apply("count", at, factor=n)
            except NotProvedError:  # the size may be negative
                continue
            return True
    return False


def _divide(d: Derivation, at: int, definitions: Sequence[Tensor]) -> bool:
    """Cancel a definition and its reciprocal in a term; say whether there is such a pair."""
    kept = len(d.steps)
    for n, f in enumerate(d.current[at].factors):
        divisor = _divisor(f)
        if divisor is None:
            continue
        try:
            if _cancelled(d, at, n, divisor):
                return True
        except ValueError:
            pass
        d.undo(kept)
    return False


def _divisor(f: Factor) -> Access | None:
    """Return the entry of which a factor is the reciprocal, if it is one."""
    if isinstance(f, Apply):
        return f.argument if (f.function, f.order) == ("reciprocal", 0) else None
    applied = application(f.tensor) if isinstance(f, Access) else None
    if applied is None or applied.operator != "reciprocal" or applied.order:
        return None
    assert isinstance(f, Access)
    (z,) = applied.arguments
    assert isinstance(z, Tensor)
    return z[f.index] if activation("reciprocal", 0, z) == f.tensor else None


def _cancelled(d: Derivation, at: int, n: int, divisor: Access) -> bool:
    """Cancel a divisor with an entry, or with factors that are its definition."""
    t = divisor.tensor
    if isinstance(d.current[at].factors[n], Access):
        d.apply("definition", at, factor=n)
    inverse = Apply("reciprocal", 0, divisor)
    if divisor not in d.current[at].factors:
        if t.definition is None or len(t.definition.body) != 1:
            return False
        found = (one for one in folds(d.current[at], t) if one[1] == divisor)
        if not any(fold(d, at, *one) for one in list(found)):
            return False
    factors = d.current[at].factors
    where = factors.index(divisor), factors.index(inverse)
    d.apply("invert", at, factor=where[0], inverse=where[1], divisor=t)
    return True


def _lonely(e: Expression, definitions: Sequence[Tensor]) -> Iterator[tuple[int, int]]:
    """Yield the entries of definitions that a sum runs over, while all else stays the same."""
    for at, n, f in factors_of(e, Access):
        assert isinstance(f, Access)
        others = [g for m, g in enumerate(e[at].factors) if m != n]
        used = {v for g in others for v in factor_symbols(g)}
        summed = [v for v in f.index if v in e[at].variables and v not in used]
        if f.tensor in definitions and summed:
            yield at, n


def _shorter(d: Derivation, definitions: Sequence[Tensor], place: tuple[int, int]) -> bool:
    """Unfold an entry and simplify; undo that, and return False, if the line is not shorter."""
    kept, before = len(d.steps), length(d.current)
    for most in range(1, DEPTH + 1):
        if _unfolded(d, definitions, place, most, before):
            return True
        d.undo(kept)
    return False


def _unfolded(
    d: Derivation,
    definitions: Sequence[Tensor],
    place: tuple[int, int],
    depth: int,
    goal: int,
) -> bool:
    """Unfold an entry and at most `depth - 1` more of what it consists of, to reach a length."""
    (at, n), others = place, set(d.current)
    entry = d.current[at].factors[n]
    assert isinstance(entry, Access) and entry.tensor.definition is not None
    body = entry.tensor.definition.body
    parts = {f.tensor for t in body for f in t.factors if isinstance(f, Access)}
    d.apply("definition", at, factor=n)
    _simplify(d, definitions)
    if length(d.current) < goal:
        return True
    if depth == 1:
        return False
    kept = len(d.steps)
    for at, n, f in factors_of(d.current, Access):
        assert isinstance(f, Access)
        if f.tensor in definitions and f.tensor in parts and d.current[at] not in others:
            if _unfolded(d, definitions, (at, n), depth - 1, goal):
                return True
            d.undo(kept)
    return False
