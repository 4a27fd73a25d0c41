"""Finds terms that are zero because of their equations."""

from __future__ import annotations

from itertools import combinations

from rot180.derive.language.polynomial import normal
from rot180.derive.language.terms import Equal, Term


def never(t: Term) -> bool:
    """Say whether a term has an equation between two different numbers."""
    values = [f.value for f in t.factors if isinstance(f, Equal)]
    return any(e.is_number and e != 0 for e in values)


def contradictory(t: Term) -> bool:
    """Say whether two equations give an index different values, so that the term is zero."""
    values = [f.value for f in t.factors if isinstance(f, Equal)]
    apart = (normal(a - sign * b) for a, b in combinations(values, 2) for sign in (1, -1))
    return any(e.is_number and e != 0 for e in apart)
