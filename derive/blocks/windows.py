"""The windows of a block: the least and the greatest index at which an operand is read.

Indices are affine, so that an interval for each variable gives one for the whole index. An index
that only a bracket such as ``[h + lo == s*p + d*k]`` holds is divided by its coefficient there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from sympy import Expr, Integer, Symbol

from rot180.derive.language.polynomial import coefficient, monomials, normal, number, symbols_of
from rot180.derive.language.terms import AtLeast, Condition, Equal, Range, Term


def value(e: Expr, numbers: Mapping[str, int]) -> int:
    """Return the integer that a polynomial is where names have values."""
    return int(number(e, numbers))


class Reach(NamedTuple):
    """An interval of indices: ``lowest <= divisor * i <= highest``.

    Attributes:
        divisor: a positive number, or a product of parameters that is.
        lowest: a polynomial in parameters, sizes, and the first value and the number of a block.
        highest: the same.
        given: the signs of coefficients that the interval rests on.

    """

    divisor: Expr
    lowest: Expr
    highest: Expr
    given: tuple[Condition, ...]

    def first(self, numbers: Mapping[str, int]) -> int:
        """Return the least index, where names have values."""
        return -(-value(self.lowest, numbers) // value(self.divisor, numbers))

    def last(self, numbers: Mapping[str, int]) -> int:
        """Return the greatest index, where names have values."""
        return value(self.highest, numbers) // value(self.divisor, numbers)

    def covered_by(self, start: Expr, stop: Expr) -> tuple[Condition, ...]:
        """Return under which conditions each index of it is at least `start`, less than `stop`."""
        least = self.lowest - 1 - self.divisor * (start - 1)
        most = self.divisor * stop - 1 - self.highest
        return (*self.given, AtLeast(normal(least)), AtLeast(normal(most)))


@dataclass(frozen=True)
class ReadWindow:
    """What a block reads of one axis of an operand.

    Attributes:
        operand: the operand's name.
        axis: its axis, counted from 0.
        start: the first index of the window.
        stop: the index after the last one.
        reaches: what a window must cover; none if the operand is read at the index of the block
            itself, so that the window is the block.

    """

    operand: str
    axis: int
    start: Expr
    stop: Expr
    reaches: tuple[Reach, ...] = ()

    @property
    def hypotheses(self) -> tuple[Condition, ...]:
        """Return that the window covers what is read."""
        return tuple(c for r in self.reaches for c in r.covered_by(self.start, self.stop))


class UnboundedError(ValueError):
    """An index is not held by the block, so that the operand is read along the whole axis."""


def sign(e: Expr) -> int:
    """Return the sign that a coefficient has where its parameters are positive, or 0."""
    signs = {1 if c > 0 else -1 for c in monomials(e).values()}
    return signs.pop() if len(signs) == 1 else 0


def reach(
    e: Expr, ranges: Mapping[Symbol, tuple[Expr, Expr]], variables: frozenset[Symbol]
) -> Reach:
    """Return the least and the greatest value of an index.

    Args:
        e: affine in the variables.
        ranges: the least and the greatest value of variables.
        variables: all variables.

    Raises:
        UnboundedError: a variable has no range, or the sign of its coefficient is not known.

    """
    low = high = e
    given: dict[Condition, None] = {}
    for v in sorted(symbols_of(e) & variables, key=lambda s: s.name):
        c = coefficient(e, v)
        if v not in ranges or not (s := sign(c)):
            raise UnboundedError
        least, most = ranges[v] if s > 0 else reversed(ranges[v])
        low, high = low + c * (least - v), high + c * (most - v)
        if symbols_of(c):
            given[AtLeast(normal(s * c))] = None
    return Reach(Integer(1), normal(low), normal(high), tuple(given))


def solved(
    u: Symbol, t: Term, ranges: Mapping[Symbol, tuple[Expr, Expr]], variables: frozenset[Symbol]
) -> Reach:
    """Return the interval of a summed index that a bracket of the term holds.

    Raises:
        UnboundedError: no bracket holds it.

    """
    for f in t.factors:
        c = coefficient(f.value, u) if isinstance(f, Equal | Range) else Integer(0)
        if isinstance(f, Equal | Range) and (s := sign(c)):
            c, most = normal(s * c), f.size - 1 if isinstance(f, Range) else Integer(0)
            try:
                found = reach(normal(c * u - s * f.value), ranges, variables)
            except UnboundedError:
                continue
            low = found.lowest if s > 0 else normal(found.lowest - most)
            high = normal(found.highest + most) if s > 0 else found.highest
            positive = (AtLeast(normal(c - 1)),) if symbols_of(c) else ()
            return Reach(c, low, high, (*positive, *found.given))
    raise UnboundedError
