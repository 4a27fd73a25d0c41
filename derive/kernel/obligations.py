"""Side conditions, and certificates for them that anyone can check with `expand` alone.

An obligation says that the goal holds wherever the context holds. If this is not evident, a
certificate refutes the negation of the goal: it writes -1 as a combination of products of facts
>= 0, with nonnegative rational multipliers, plus polynomial multiples of facts = 0. That the values
are integers is used only in the negation: not (g >= 0) is -g - 1 >= 0. How a certificate was found
does not matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import TypeAlias

import sympy as sp
from sympy import Expr

from rot180.derive.language.polynomial import at_least, integral, monomials, normal, rational, text
from rot180.derive.language.terms import AtLeast, Condition, Equal, Range


@dataclass(frozen=True, slots=True)
class Nonzero:
    """``value != 0``; only ever a goal."""

    value: Expr

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", integral(self.value))


SIZE = 10_000
"""The most monomials of a product of facts, before like monomials are combined."""

Goal: TypeAlias = Condition | Nonzero


@dataclass(frozen=True, slots=True)
class Obligation:
    """The goal must hold wherever every condition of the context holds."""

    context: tuple[Condition, ...]
    goal: Goal


@dataclass(frozen=True, slots=True)
class Refutation:
    """``sum m * prod(nonnegative facts) + sum q * zero fact = -1``; facts are given by number.

    Attributes:
        products: pairs (nonnegative rational multiplier, numbers of the nonnegative facts).
        multiples: pairs (polynomial multiplier, number of the zero fact).

    """

    products: tuple[tuple[Expr, tuple[int, ...]], ...]
    multiples: tuple[tuple[Expr, int], ...]

    def __post_init__(self) -> None:
        products = tuple((rational(m), tuple(numbers)) for m, numbers in self.products)
        multiples = tuple((rational(q), n) for q, n in self.multiples)
        object.__setattr__(self, "products", products)
        object.__setattr__(self, "multiples", multiples)
        for n in (*(n for _, numbers in products for n in numbers), *(n for _, n in multiples)):
            if type(n) is not int or n < 0:
                raise TypeError(f"refutation: found the fact {n!r}, expected a number >= 0")
        if max((len(numbers) for _, numbers in products), default=0) > 8:
            raise ValueError("refutation: a product of more than 8 facts")


Certificate: TypeAlias = tuple[Refutation, ...]
"""One refutation for each part of the goal that is not evident, in the order of `parts`."""


def facts(context: Iterable[Condition]) -> tuple[tuple[Expr, ...], tuple[Expr, ...]]:
    """Return the polynomials that are >= 0 in a context, and those that are = 0."""
    nonnegative: list[Expr] = []
    zero: list[Expr] = []
    for c in context:
        if isinstance(c, Equal):
            zero.append(c.value)
        elif isinstance(c, Range):
            nonnegative += [c.value, normal(c.size - 1 - c.value)]
        else:
            nonnegative.append(c.value)
    return tuple(dict.fromkeys(nonnegative)), tuple(dict.fromkeys(zero))


def parts(goal: Goal) -> tuple[AtLeast | Nonzero, ...]:
    """Split a goal into inequalities; an equation gives two."""
    if isinstance(goal, Range):
        return AtLeast(goal.value), AtLeast(goal.size - 1 - goal.value)
    if isinstance(goal, Equal):
        return AtLeast(goal.value), AtLeast(-goal.value)
    return (goal,)


def evident(obligation: Obligation) -> bool:
    """Say whether the goal is true as it stands, or is one of the facts of the context."""
    return not open_parts(obligation)


@lru_cache(maxsize=1 << 14)
def open_parts(obligation: Obligation) -> tuple[AtLeast | Nonzero, ...]:
    """Return the parts of the goal that need a refutation."""
    nonnegative, zero = facts(obligation.context)
    goal = obligation.goal
    if isinstance(goal, Equal) and (goal.value in zero or normal(-goal.value) in zero):
        return ()
    return tuple(p for p in parts(goal) if not _evident(p, nonnegative))


def _evident(part: AtLeast | Nonzero, nonnegative: Sequence[Expr]) -> bool:
    value = part.value
    if isinstance(part, AtLeast):
        return any(at_least(value, fact) for fact in (sp.S.Zero, *nonnegative))
    if value.is_number:
        return bool(value != 0)
    sides = normal(value - 1), normal(-value - 1)
    return any(at_least(side, fact) for side in sides for fact in nonnegative)


def with_negation(
    part: AtLeast | Nonzero, context: tuple[Condition, ...]
) -> tuple[tuple[Expr, ...], tuple[Expr, ...]]:
    """Return the facts of a context, with the negation of a part as the last of its kind."""
    nonnegative, zero = facts(context)
    if isinstance(part, Nonzero):
        return nonnegative, (*zero, normal(part.value))
    return (*nonnegative, normal(-part.value - 1)), zero


def certifies(certificate: Certificate, obligation: Obligation) -> bool:
    """Check a certificate by expanding it; nothing is searched.

    Args:
        certificate: one refutation for each of `open_parts(obligation)`.
        obligation: what the certificate is for.

    """
    todo = open_parts(obligation)
    if len(certificate) != len(todo):
        return False
    for part, refutation in zip(todo, certificate, strict=True):
        nonnegative, zero = with_negation(part, obligation.context)
        total: Expr = sp.Integer(1)
        for multiplier, numbers in refutation.products:
            if prod(len(monomials(nonnegative[n])) for n in numbers if n < len(nonnegative)) > SIZE:
                return False
            if not (isinstance(multiplier, sp.Rational) and multiplier >= 0):
                return False
            if not all(n < len(nonnegative) for n in numbers):
                return False
            total += multiplier * sp.prod([nonnegative[n] for n in numbers])
        for multiplier, n in refutation.multiples:
            if n >= len(zero):
                return False
            total += multiplier * zero[n]
        if normal(total) != 0:
            return False
    return True


def show_goal(goal: Goal) -> str:
    """Return a goal as text, for messages."""
    if isinstance(goal, Range):
        return f"0 <= {text(goal.value)} < {text(goal.size)}"
    sign = {Equal: "=", AtLeast: ">=", Nonzero: "!="}[type(goal)]
    return f"{text(goal.value)} {sign} 0"
