"""Sums whose factors are computed first, as in Winograd's form: how many operations there are.

Each of the tensors that are computed is a sum of products, in any order. The operations on the way
of a product of operands are those of all the stages that it passes through.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import sympy as sp
from sympy import Expr, Symbol

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


def accesses(t: Term) -> tuple[Access, ...]:
    """Return the entries that a term multiplies."""
    return tuple(f for f in t.factors if isinstance(f, Access))


def binary(c: Expr) -> bool:
    """Say whether the denominator of a number is a power of two."""
    q = int(sp.denom(c))
    return q & (q - 1) == 0


def multiplications(t: Term) -> int:
    """Return how often a product is rounded: 1/3 is rounded itself, before it is a factor."""
    size = abs(t.coefficient)
    extra = 0 if size == 1 else 1 if binary(size) else 2
    return max(len(accesses(t)) - 1, 0) + extra


def computed_first(t: Tensor) -> bool:
    """Say whether a tensor is a sum that is computed before what it occurs in."""
    return t.definition is not None and application(t) is None and not is_table(t)


def _is_moved(t: Tensor) -> bool:
    """Say whether each entry of a defined tensor is one of an operand, as those of rot180(w)."""
    body = t.definition.body if t.definition else ()
    if len(body) != 1 or body[0].variables or body[0].coefficient != 1:
        return False
    moved = accesses(body[0])
    return len(moved) == len(body[0].factors) == 1 and moved[0].tensor.definition is None


def stages(right: Expression, free: Collection[Symbol]) -> Iterator[SummationStage]:
    """Yield the stages of a sum, the last one first.

    Args:
        right: the sum.
        free: its free indices.

    Raises:
        ValueError: a sum has several terms, factors other than entries, or an index without bounds.

    """
    entries = [f for t in right for f in accesses(t)]
    if len(right) != 1 or len(entries) < len(right[0].factors):
        raise ValueError("rounding: found several terms or brackets, expected a product of entries")
    for t in (f.tensor for f in entries):
        if not (t.definition is None or is_table(t) or computed_first(t) or _is_moved(t)):
            raise ValueError(f"rounding: found {t.name}, expected a product of entries")
    tables = sum(is_table(f.tensor) for f in entries)
    yield SummationStage(_addends(right[0], free), multiplications(right[0]) + tables)
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
            factors = (*t.factors[:n], *_boxes(f, body), *body.factors, *t.factors[n + 1 :])
            variables = (*t.variables, *body.variables)
            return expanded(Term(t.coefficient * body.coefficient, variables, factors))
    return t


def _boxes(entry: Access, body: Term) -> tuple[Range, ...]:
    """Return the ranges of an entry's box that those of its definition do not imply."""
    inner = {b for f in accesses(body) for b in bounds(f)}
    inner |= {Range(normal(b.size - 1 - b.value), b.size) for b in inner}
    pairs = zip(entry.index, entry.tensor.shape, strict=True)
    own = (Range(e, n) for e, n in pairs if n is not None)
    return tuple(b for b in own if b not in inner)


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


def _addends(t: Term, free: Collection[Symbol]) -> Term:
    """Return how many products are not 0 at most, by what bounds the summed indices alone."""
    known = dict.fromkeys(
        b for f in accesses(t) for b in bounds(f)
        if symbols_of(b.value) & {*t.variables} and not symbols_of(b.value) & {*free}
    )  # fmt: skip
    count, left = sp.Integer(1), []
    for v in t.variables:
        sizes = [b.size for b in known if b.value == v and b.size.is_Integer]
        count *= min(sizes, default=1)
        left += [] if sizes else [v]
    rest = tuple(b for b in known if symbols_of(b.value).isdisjoint({*t.variables} - {*left}))
    if {*left} - {v for b in rest for v in symbols_of(b.value)}:
        raise ValueError("rounding: found an index without bounds, expected a finite sum")
    return Term(count, tuple(left), rest)


def bounds(entry: Access) -> Iterator[Range]:
    """Yield ranges of the index of an entry without which it is 0."""
    pairs = zip(entry.index, entry.tensor.shape, strict=True)
    yield from (Range(e, n) for e, n in pairs if n is not None)
    if entry.tensor.definition is None or is_table(entry.tensor):
        return
    by = dict(zip(entry.tensor.definition.formals, entry.index, strict=True))
    body = entry.tensor.definition.body
    for t in body if len(body) == 1 else ():
        for b in (b for f in accesses(t) for b in bounds(f)):
            wide = _without(b, t)
            if wide is not None:
                yield Range(wide.value.xreplace(by), wide.size.xreplace(by))


def _without(b: Range, t: Term) -> Range | None:
    """Widen a range so that it does not depend on the summed indices, which tables bound."""
    value, size = b.value, b.size
    for v in symbols_of(value) & set(t.variables):
        sizes = [
            c.size for f in accesses(t) if is_table(f.tensor) for c in bounds(f) if c.value == v
        ]  # fmt: skip
        c = coefficient(value, v)
        if not sizes or not c.is_Integer:
            return None
        most = abs(c) * (min(sizes) - 1)
        value = normal(value - c * v + (most if c > 0 else 0))
        size = normal(size + most)
    return Range(value, size)
