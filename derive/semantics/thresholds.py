"""The numbers of a statement: where a size crosses one of them, a bracket may change its value.

``[0 <= k - 3 < 20]`` is 0 on a box of at most 3 entries, and a box of more than 23 goes beyond it.
So claims about it are tried at sizes near 3, 20 and 23; the smallest models alone miss what is
false only there.
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
"""How many numbers of a statement are looked at; the smallest ones."""


def thresholds(
    lines: Iterable[Expression], conditions: Iterable[Condition], above: int = 0
) -> tuple[int, ...]:
    """Collect the numbers at which brackets, boxes and conditions may change, ascending.

    Constants, coefficients, their quotients and roots, and for a range also where it ends.

    Args:
        lines: expressions; definitions are looked into.
        conditions: conditions.
        above: numbers up to this one are left out.

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
    """Walk over what is compared with 0 and with a size."""
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
    """Return where ``a v^n + c`` changes its sign, for each monomial alone, and each number."""
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
