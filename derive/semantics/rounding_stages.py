"""Sums whose factors are computed first, as in Winograd's form: how many operations there are.

Each of the tensors that are computed is a sum of products, in any order. The operations on the way
of a product of operands are those of all the stages that it passes through.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import sympy as sp
from sympy import Symbol

from rot180.derive.kernel.tables import is_table
from rot180.derive.language.polynomial import coefficient, normal, symbols_of
from rot180.derive.language.spelling import application
from rot180.derive.language.substitute import apart, substitute
from rot180.derive.language.terms import Access, Expression, Range, Tensor, Term, define


@dataclass(frozen=True)
class SummationStage:
    """One of the sums that are computed one after another.

    Attributes:
        addends: how many products an entry has at most, as a sum of brackets.
        products: how many multiplications and rounded constants are in a product.

    """

    addends: Term
    products: int


def computed_first(t: Tensor) -> bool:
    """Say whether a tensor is a sum that is computed before what it occurs in."""
    return t.definition is not None and application(t) is None and not is_table(t)


def _is_moved(t: Tensor) -> bool:
    """Say whether each entry of a defined tensor is one of an operand, as those of rot180(w)."""
    body = t.definition.body if t.definition else ()
    factors = body[0].factors if len(body) == 1 and not body[0].variables else ()
    return (
        len(factors) == 1
        and body[0].coefficient == 1
        and isinstance(factors[0], Access)
        and factors[0].tensor.definition is None
    )


def stages(right: Expression, free: Collection[Symbol]) -> Iterator[SummationStage]:
    """Yield the stages of a sum, the last one first.

    Args:
        right: the sum.
        free: its free indices.

    Raises:
        ValueError: a sum has several terms, or factors other than entries.

    """
    entries = [f for t in right for f in t.factors if isinstance(f, Access)]
    if len(right) != 1 or len(entries) < len(right[0].factors):
        raise ValueError("rounding: found several terms or brackets, expected a product of entries")
    for t in (f.tensor for f in entries):
        if not (t.definition is None or is_table(t) or computed_first(t) or _is_moved(t)):
            raise ValueError(f"rounding: found {t.name}, expected a product of entries")
    tables = sum(is_table(f.tensor) for f in entries)
    yield SummationStage(_addends(right[0], entries, free), max(len(entries) - 1, 0) + tables)
    for f in entries:
        if computed_first(f.tensor):
            assert f.tensor.definition is not None
            yield from stages(f.tensor.definition.body, f.tensor.definition.formals)


def expanded(t: Term) -> Term:
    """Return a product of entries as one of operands and tables of numbers."""
    for n, f in enumerate(t.factors):
        if isinstance(f, Access) and f.tensor.definition and not is_table(f.tensor):
            by = dict(zip(f.tensor.definition.formals, f.index, strict=True))
            (body,) = (substitute(apart(b, t.symbols), by) for b in f.tensor.definition.body)
            factors = (*t.factors[:n], *body.factors, *t.factors[n + 1 :])
            return expanded(Term(t.coefficient, (*t.variables, *body.variables), factors))
    return t


def absolute(t: Term) -> Term:
    """Return a product with the absolute values of all numbers in it, also in its definitions."""
    factors = (
        Access(_absolute(f.tensor), f.index) if isinstance(f, Access) else f for f in t.factors
    )
    return Term(abs(t.coefficient), t.variables, tuple(factors))


def _absolute(t: Tensor) -> Tensor:
    if t.definition is None:
        return t
    body = tuple(map(absolute, t.definition.body))
    return define(t.name, t.shape, t.definition.formals, body)


def _addends(t: Term, entries: Sequence[Access], free: Collection[Symbol]) -> Term:
    """Return how many products are not 0 at most, by what bounds the summed indices alone."""
    known = dict.fromkeys(
        b for f in entries for b in bounds(f)
        if symbols_of(b.value) & {*t.variables} and not symbols_of(b.value) & {*free}
    )  # fmt: skip
    count, left = sp.Integer(1), []
    for v in t.variables:
        sizes = [b.size for b in known if b.value == v and b.size.is_Integer]
        count *= min(sizes, default=1)
        left += [] if sizes else [v]
    rest = tuple(b for b in known if symbols_of(b.value).isdisjoint({*t.variables} - {*left}))
    return Term(count, tuple(left), rest)


def bounds(entry: Access) -> Iterator[Range]:
    """Yield ranges of the index of an entry without which it is 0."""
    pairs = zip(entry.index, entry.tensor.shape, strict=True)
    yield from (Range(e, n) for e, n in pairs if n is not None)
    if entry.tensor.definition is None or is_table(entry.tensor):
        return
    by = dict(zip(entry.tensor.definition.formals, entry.index, strict=True))
    for t in entry.tensor.definition.body:
        for b in (b for f in t.factors if isinstance(f, Access) for b in bounds(f)):
            wide = _without(b, t)
            if wide is not None:
                yield Range(wide.value.xreplace(by), wide.size.xreplace(by))


def _without(b: Range, t: Term) -> Range | None:
    """Widen a range so that it does not depend on the summed indices, which tables bound."""
    value, size = b.value, b.size
    for v in symbols_of(value) & set(t.variables):
        sizes = [
            c.size for f in t.factors if isinstance(f, Access) and is_table(f.tensor)
            for c in bounds(f) if c.value == v
        ]  # fmt: skip
        c = coefficient(value, v)
        if not sizes or not c.is_Integer:
            return None
        most = abs(c) * (min(sizes) - 1)
        value = normal(value - c * v + (most if c > 0 else 0))
        size = normal(size + most)
    return Range(value, size)
