"""Finds terms that are zero because of their equations."""

from __future__ import annotations

from itertools import combinations

from rot180.derive.language.polynomial import normal
from rot180.derive.language.terms import Equal, Range, Term


def never(t: Term) -> bool:
    """Say whether a term has an equation between two different numbers."""
    values = [f.value for f in t.factors if isinstance(f, Equal)]
    return any(e.is_number and e != 0 for e in values)


def contradictory(t: Term) -> bool:
    """Say whether a bracket is never true, or two contradict each other: the term is zero."""
    if never(t) or any(_outside(f) for f in t.factors if isinstance(f, Range)):
        return True
    values = [f.value for f in t.factors if isinstance(f, Equal)]
    apart = (normal(a - sign * b) for a, b in combinations(values, 2) for sign in (1, -1))
    return any(e.is_number and e != 0 for e in apart)


def _outside(f: Range) -> bool:
    return f.value.is_number and f.size.is_number and not 0 <= f.value < f.size
