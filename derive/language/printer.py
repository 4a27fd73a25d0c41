"""Prints terms in the notation, in the order in which people write them."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from functools import singledispatch

import sympy as sp
from sympy import Symbol

from rot180.derive.language.polynomial import monomials, symbol, text
from rot180.derive.language.spelling import display_name
from rot180.derive.language.terms import (
    Access,
    Apply,
    Derivative,
    Equal,
    Expression,
    Factor,
    Range,
    Tensor,
    Term,
)

ONE_LINE = 88
"""The most characters of a `repr`."""


def on_one_line(kind: str, said: str) -> str:
    """Return what `repr` shows of something: its kind and its beginning, on one line.

    >>> on_one_line("Layer", "y[i] = x[i]")
    '<Layer y[i] = x[i]>'
    >>> len(on_one_line("Layer", "y[i] = " + "x[i] + " * 99))
    88
    """
    flat = f"<{kind} {' '.join(said.split())}"
    return f"{flat}>" if len(flat) < ONE_LINE else f"{flat[: ONE_LINE - 4]}...>"


def write(
    expression: Expression,
    variables: Iterable[Symbol] = (),
    parameters: Iterable[Symbol] = (),
    bare: frozenset[Tensor] = frozenset(),
    most: int | None = None,
) -> str:
    """Return an expression as text.

    Args:
        expression: the terms.
        variables: its free indices, in the order in which they are to appear.
        parameters: parameters; where one is a whole index, it is written ``s+0``, because the
            notation would read ``s`` as an index.
        bare: tensors that are written by their names, not as operators.
        most: how many terms are written; the others are counted. All of them by default.

    >>> from rot180.derive.language.notation import parse_expression
    >>> p = symbol("p")
    >>> write(parse_expression("sum[k] x[p+k]*w[k] - 1/2*b[]", (), (p,)), (p,))
    'sum[k] x[p+k] * w[k] - 1/2 * b[]'

    """
    out = ""
    free, fixed = tuple(variables), frozenset(parameters)
    for t in expression[:most]:
        minus, line = write_term(t, free, fixed, bare)
        out += (f" {'-' if minus else '+'} " if out else "-" if minus else "") + line
    more = len(expression[most:]) if most is not None else 0
    return (out or "0") + (f" + ... ({more} more term{'s' if more > 1 else ''})" if more else "")


def write_term(
    t: Term,
    free: tuple[Symbol, ...] = (),
    fixed: Collection[Symbol] = (),
    bare: frozenset[Tensor] = frozenset(),
) -> tuple[bool, str]:
    """Return whether the sign of a term is minus, and the term as text without the sign."""
    parts = monomials(t.coefficient)
    minus = len(parts) == 1 and bool(next(iter(parts.values())) < 0)
    size = text(-t.coefficient if minus else t.coefficient)
    out = [f"({size})" if len(parts) > 1 else size] if size != "1" or not t.factors else []
    order = (*free, *t.variables)
    if not t.variables:
        return minus, " * ".join(out + [write_factor(f, order, fixed, bare) for f in t.factors])
    if not t.factors:
        return minus, f"sum[{_list(t.variables)}] {out[0]}"
    product = " * ".join(write_factor(f, order, fixed, bare) for f in t.factors)
    return minus, " * ".join([*out, f"sum[{_list(t.variables)}] {product}"])


def _primes(order: int) -> str:
    return chr(39) * order if order <= 8 else f"^({order})"


def _list(variables: Iterable[Symbol]) -> str:
    return ",".join(v.name for v in variables)


@singledispatch
def write_factor(
    factor: Factor,
    order: tuple[Symbol, ...] = (),
    fixed: Collection[Symbol] = (),
    bare: frozenset[Tensor] = frozenset(),
) -> str:
    """Return a factor as text; `order` has the free indices, then the bound ones."""
    raise TypeError(f"factor: found {type(factor).__name__}, expected a factor of a term")


@write_factor.register
def _(
    factor: Access,
    order: tuple[Symbol, ...] = (),
    fixed: Collection[Symbol] = (),
    bare: frozenset[Tensor] = frozenset(),
) -> str:
    places = (text(e, order).replace(" ", "") + "+0" * (e in fixed) for e in factor.index)
    return f"{display_name(factor.tensor, bare)}[{','.join(places)}]"


@write_factor.register
def _(
    factor: Equal,
    order: tuple[Symbol, ...] = (),
    fixed: Collection[Symbol] = (),
    bare: frozenset[Tensor] = frozenset(),
) -> str:
    above, below = sp.Integer(0), sp.Integer(0)
    for m, c in monomials(factor.value).items():
        part = c * math.prod(symbol(n) ** k for n, k in m)
        above, below = (above + part, below) if c > 0 else (above, below - part)
    return f"[{text(above, order)} == {text(below, order)}]"


@write_factor.register
def _(
    factor: Range,
    order: tuple[Symbol, ...] = (),
    fixed: Collection[Symbol] = (),
    bare: frozenset[Tensor] = frozenset(),
) -> str:
    return f"[0 <= {text(factor.value, order)} < {text(factor.size, order)}]"


@write_factor.register
def _(
    factor: Apply,
    order: tuple[Symbol, ...] = (),
    fixed: Collection[Symbol] = (),
    bare: frozenset[Tensor] = frozenset(),
) -> str:
    argument = write_factor(factor.argument, order, fixed, bare)
    return f"{factor.function}{_primes(factor.order)}({argument})"


@write_factor.register
def _(
    factor: Derivative,
    order: tuple[Symbol, ...] = (),
    fixed: Collection[Symbol] = (),
    bare: frozenset[Tensor] = frozenset(),
) -> str:
    inner = " * ".join(write_factor(f, order, fixed, bare) for f in factor.factors) or "1"
    above = f"d {inner}" if len(factor.factors) == 1 else f"d({inner})"
    return f"{above}/d {write_factor(factor.wrt, order, fixed, bare)}"


def _shown(t: Term) -> str:
    minus, line = write_term(t)
    return f"-{line}" if minus else line


# `str` of terms and factors: messages show them in the notation
for _kind in (Access, Equal, Range, Apply, Derivative):
    setattr(_kind, "__str__", write_factor)  # noqa: B010
setattr(Term, "__str__", _shown)  # noqa: B010
