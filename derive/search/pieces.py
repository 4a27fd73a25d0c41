"""Splits terms into pieces until each piece is a term of the other side.

A range is split in two where a range of the other side ends. An index is divided by a number that
multiplies an index on the other side, with one piece for each remainder (polyphase). A split is
kept if one of its pieces is a term of the other side.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import sympy as sp
from sympy import Expr, Symbol

from rot180.derive.kernel.place import Place
from rot180.derive.language.polynomial import coefficient, normal, quotient
from rot180.derive.language.substitute import fresh
from rot180.derive.language.terms import Equal, Range, Term
from rot180.derive.search.derivation import Derivation, entry_index
from rot180.derive.search.matching import entries, match, operand_key, operand_keys
from rot180.derive.search.quotients import boxes, positive, ranges, reduce_term

LARGEST, DEEPEST, CUTS = 8, 2, 64
"""The most pieces of an index, the most nested splits, and the most splits that are tried."""


@dataclass(frozen=True)
class Cut:
    """A way to split a term: a range at a point, or an index by a modulus."""

    of: Range | Symbol
    by: Expr


@dataclass
class Budget:
    """The number of splits that may still be tried."""

    left: int = CUTS


def cut_to_fit(left: Derivation, right: Derivation) -> None:
    """Split terms of both sides into terms of the other side, as far as possible."""
    budget = Budget()
    while True:
        ours, theirs = unmatched(left, right)
        if not ours or not theirs:
            return
        sides = ((left, right, ours, theirs), (right, left, theirs, ours))
        if not any(
            _fits(one, at, [other.current[n] for n in wanted], DEEPEST, budget)
            for one, other, places, wanted in sides
            for at in places
        ):
            return


def unmatched(left: Derivation, right: Derivation) -> tuple[list[int], list[int]]:
    """Match the terms of two sides one by one; return the numbers of those without a match."""
    theirs, ours = list(range(len(right.current))), []
    for at in range(len(left.current)):
        found = next((n for n in theirs if match(left, at, right.current[n])), None)
        if found is None:
            ours.append(at)
        else:
            theirs.remove(found)
    return ours, theirs


def _fits(d: Derivation, at: int, wanted: list[Term], depth: int, budget: Budget) -> bool:
    """Split a term so that a piece is a wanted term; leave it unchanged if that is impossible."""
    kept = len(d.steps)
    for cut in _cuts(d, at, wanted):
        if budget.left == 0:
            return False
        budget.left -= 1
        try:
            pieces = _cut(d, at, cut)
            if any(match(d, n, u) for n in pieces for u in wanted):
                return True
            if depth > 1 and any(_fits(d, n, wanted, depth - 1, budget) for n in pieces):
                return True
        except ValueError:
            pass
        d.undo(kept)
    return False


def _cuts(d: Derivation, at: int, wanted: list[Term]) -> Iterator[Cut]:
    """Yield splits of a term, suggested by the wanted terms with the same entries."""
    t = d.current[at]
    candidates = [u for u in wanted if operand_keys(u) == operand_keys(t)]
    found: dict[Cut, None] = {}
    for u in candidates:
        for v in t.variables:
            for m in _moduli(t, u, v):
                found[Cut(v, m)] = None
    for u in candidates:
        for (_, r), (_, other) in product((*ranges(t), *boxes(t)), (*ranges(u), *boxes(u))):
            if r in t.factors or other in u.factors:
                for first in (other.size, normal(r.size - other.size)):
                    if _within(d, first, r.size):
                        found[Cut(r, first)] = None
    return iter(found)


def _within(d: Derivation, first: Expr, size: Expr) -> bool:
    """Say whether the hypotheses imply that both parts of a range have a size >= 0."""
    rest = normal(size - first)
    known = d.statement.facts
    return first != 0 and rest != 0 and all(positive(known, e + 1) for e in (first, rest))


def _moduli(t: Term, u: Term, v: Symbol) -> Iterator[Expr]:
    """Yield the numbers that multiply an index of another term where this term has v."""
    pairs = ((f, g) for f, g in product(entries(t), entries(u)) if operand_key(f) == operand_key(g))
    for f, g in pairs:
        for e, other in zip(entry_index(f), entry_index(g), strict=True):
            c = coefficient(e, v)
            for w in u.variables if c != 0 else ():
                m = quotient(coefficient(other, w), c)
                if m is not None and m.is_Integer and 1 < abs(m) <= LARGEST:
                    yield abs(m)


def _cut(d: Derivation, at: int, cut: Cut) -> range:
    """Split a term; return the numbers of its pieces."""
    if isinstance(cut.of, Symbol):
        return _cut_index(d, at, cut.of, cut.by)
    if cut.of not in d.current[at].factors:
        d.apply("bracket", at, drop=(), add=(cut.of,))
    d.apply("split", at, factor=d.current[at].factors.index(cut.of), first=cut.by)
    pieces = range(at, at + 2)
    while any(reduce_term(d, n) for n in pieces):
        pass
    return pieces


def _cut_index(d: Derivation, at: int, v: Symbol, m: Expr) -> range:
    """Write an index as ``m q + r``, one piece for each r."""
    t = d.current[at]
    q = fresh("q", Place(d.current, at, d.statement.facts).taken)
    d.apply("euclid", at, value=v, modulus=m, variable=q)
    mapping = tuple((w, m * q + v if w == v else w) for w in (*t.variables, q))
    d.apply("reindex", at, variables=(*t.variables, q), mapping=mapping)
    pieces, last = range(at, at + int(m)), len(t.factors)
    for n in pieces[:-1]:
        d.apply("split", n, factor=last, first=sp.S.One)
    for n in pieces:
        f = d.current[n].factors[last]
        assert isinstance(f, Range)
        d.apply("bracket", n, drop=(last,), add=(Equal(f.value),))
        d.apply("sift", n, factor=last, variable=v)
    return pieces
