"""The thresholds of a statement: numbers at which a bracket may change its value.

``[0 <= k - 3 < 20]`` is 0 on a box of at most 3 entries, and a box of more than 23 exceeds it. So a
claim with this bracket is tried at sizes near 3, 20 and 23; the smallest models would miss a claim
that is false only there.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator

from sympy import Expr

from rot180.derive.language.polynomial import monomials
from rot180.derive.language.terms import (
    Access,
    Condition,
    Expression,
    Range,
    accesses_and_brackets,
)

MOST = 12
"""The most thresholds of a statement that are used; the smallest ones are."""


def thresholds(
    lines: Iterable[Expression], conditions: Iterable[Condition], above: int = 0
) -> tuple[int, ...]:
    """Collect the numbers at which brackets, boxes and conditions may change, ascending.

    They are constants, coefficients, their quotients and roots, and the ends of ranges.

    Args:
        lines: expressions; their definitions are included.
        conditions: conditions.
        above: only numbers above this one are returned.

    """
    found: set[int] = set()
    for value, size in (*_compared(lines), *map(_parts, conditions)):
        found |= _of_one(value)
        if size is not None:
            low, high = _constant(value), _constant(size)
            found |= {*_of_one(size), abs(low + high), abs(high - low)}
            # the range ends where value = size - 1
            found |= _of_one(size - value)
    return tuple(sorted(n for n in found if n > above)[:MOST])


def _parts(c: Condition) -> tuple[Expr, Expr | None]:
    return c.value, c.size if isinstance(c, Range) else None


def _compared(lines: Iterable[Expression]) -> Iterator[tuple[Expr, Expr | None]]:
    """Yield the values that are compared with 0, each with the size it is compared with, if any."""
    for term in itertools.chain.from_iterable(lines):
        for part in accesses_and_brackets(term.factors):
            if isinstance(part, Access):
                yield from zip(part.index, part.tensor.shape, strict=True)
                if part.tensor.definition is not None:
                    yield from _compared((part.tensor.definition.body,))
            else:
                yield _parts(part)


def _constant(e: Expr) -> int:
    return int(monomials(e.expand()).get((), 0))


def _of_one(e: Expr) -> set[int]:
    """Return the zeros of ``a v^n + c`` for each single monomial, and each number."""
    found: set[int] = set()
    constant = abs(_constant(e))
    for monomial, c in monomials(e.expand()).items():
        found.add(abs(int(c)))
        quotient = constant // abs(int(c))
        found.add(quotient)
        for _, power in monomial:
            if power > 1:
                root = round(quotient ** (1 / power))
                found.update((root, math.isqrt(quotient)))
    return found
