"""Expressions as SymPy sums: defined tensors are unfolded, tables of numbers become matrices.

In SymPy, `Indexed` has no box, a `Sum` of negative length changes its sign (Karr's convention), and
a `KroneckerDelta` is summed without a guard. So expressions are written with guards: entries are
wrapped in a `Piecewise` that is 0 outside the boxes, and sums have bounds for which an empty range
gives an empty sum.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import cast

import sympy as sp
from sympy import Expr, Symbol
from sympy.logic.boolalg import Boolean

from rot180.derive.language.number_tables import table
from rot180.derive.language.polynomial import coefficient, normal, symbol
from rot180.derive.language.scalar_functions import FUNCTIONS, T
from rot180.derive.language.substitute import apart, substitute, supports
from rot180.derive.language.terms import (
    Access,
    Apply,
    Derivative,
    Equal,
    Expression,
    Factor,
    Range,
    Term,
)
from rot180.derive.language.vanishing import contradictory

_ZERO: Expr = sp.Integer(0)
_ONE: Expr = sp.Integer(1)
Bounds = dict[Symbol, tuple[Expr, Expr]]


def to_sympy(expression: Expression, variables: Iterable[tuple[Symbol, Expr | None]] = ()) -> Expr:
    """Return an expression as SymPy sums of guarded entries; defined tensors are unfolded.

    Args:
        expression: the terms.
        variables: free indices with their sizes; ``0 <= v < size`` is assumed.

    """
    known = {v: (_ZERO, normal(n - 1)) for v, n in variables if n is not None}
    return sp.Add(*(_term(u, known) for t in expression for u in _unfold(t, known)))


def _unfold(t: Term, taken: Collection[Symbol]) -> list[Term]:
    """Replace defined tensors by their terms; drop terms whose equations contradict each other.

    The result has no nested sums, because `Sum` moves a `Piecewise` out of the sums inside it, and
    bound variables with it. So a derivative is moved inside the sum that it differentiates.
    """
    t = apart(t, taken)
    for place, factor in enumerate(t.factors):
        pieces: Iterable[tuple[Term, tuple[Factor, ...]]]
        if (
            isinstance(factor, Access)
            and (definition := factor.tensor.definition) is not None
            and not table(factor.tensor)
        ):
            index = dict(zip(definition.formals, factor.index, strict=True))
            boxes = zip(factor.index, factor.tensor.shape, strict=True)
            ranges = tuple(Range(e, n) for e, n in boxes if n is not None)
            bodies = (apart(b, {*t.symbols, *taken}) for b in definition.body)
            pieces = ((b, (*ranges, *b.factors)) for b in (substitute(b, index) for b in bodies))
        elif isinstance(factor, Derivative) and t.variables:
            inner = _unfold(Term(_ONE, (), factor.factors), {*t.symbols, *taken})
            pieces = ((b, (Derivative(b.factors, factor.wrt),)) for b in inner)
        else:
            continue
        before, after = t.factors[:place], t.factors[place + 1 :]
        out = (
            Term(t.coefficient * b.coefficient, t.variables + b.variables, (*before, *f, *after))
            for b, f in pieces
        )
        return [u for o in out if not contradictory(o) for u in _unfold(o, taken)]
    return [t]


def _term(t: Term, known: Bounds) -> Expr:
    inner = {**known, **_bounds(t, known)}
    guards: list[Boolean] = []
    body = sp.Mul(*(_factor(f, inner, t.variables, guards) for f in t.factors))
    if guards:
        body = sp.Piecewise((body, sp.And(*guards)), (0, True))
    if t.variables:
        infinite = (-sp.oo, sp.oo)
        body = sp.Sum(body, *((v, *inner.get(v, infinite)) for v in reversed(t.variables)))
    return cast(Expr, t.coefficient * body)


def _bounds(t: Term, known: Bounds) -> Bounds:
    """Bound each summed index: by its own box or range, or else by interval arithmetic.

    The size of a range is positive wherever the term is not 0, so dividing by it is allowed.
    """
    found = sorted(
        supports(t.factors, {*t.symbols, *known}), key=lambda b: len(b.value.free_symbols)
    )
    positive = {b.size for b in found if isinstance(b, Range)}
    inside: Bounds = {}
    for any_sign in (False, True):
        for b in found * len(t.variables):
            for v in t.variables:
                c = coefficient(b.value, v)
                sign = _sign(c, positive)
                rest = normal(b.value - c * v)
                ends = _interval(rest, inside, t.variables, positive, any_sign=any_sign)
                if v not in inside and sign and ends:
                    top = b.size - 1 if isinstance(b, Range) else _ZERO
                    low, high = normal(-ends[1]), normal(top - ends[0])
                    low, high = (low, high) if sign > 0 else (normal(-high), normal(-low))
                    inside[v] = (sp.ceiling(low / (c * sign)), sp.floor(high / (c * sign)))
    return inside


def _sign(c: Expr, positive: Collection[Expr]) -> int:
    """Return the sign of a coefficient, 0 if it is 0 or not known."""
    if c.is_Integer:
        return int(sp.sign(c))
    return 1 if c in positive else -1 if normal(-c) in positive else 0


def _interval(
    e: Expr,
    inside: Bounds,
    bound: Iterable[Symbol],
    positive: Collection[Expr],
    *,
    any_sign: bool,
) -> tuple[Expr, Expr] | None:
    """Return the least and the greatest value, or None if a bound or a sign is not known."""
    low = high = e.xreplace(dict.fromkeys(bound, _ZERO))
    for v in bound:
        c = coefficient(e, v)
        sign = _sign(c, positive)
        if c == 0:
            continue
        if v not in inside or not (sign or any_sign):
            return None
        ends = [normal(c * end) for end in inside[v]]
        low += (sp.Min(*ends), ends[0], ends[1])[sign]
        high += (sp.Max(*ends), ends[1], ends[0])[sign]
    return low, high


def _inside(e: Expr, size: Expr, known: Bounds) -> list[Boolean]:
    """Return the conditions of ``0 <= e < size`` that are not implied."""
    if isinstance(e, Symbol) and known.get(e) == (_ZERO, normal(size - 1)):
        return []
    return [sp.Ge(e, 0), sp.Lt(e, size)]


def _factor(
    factor: Factor, known: Bounds, bound: tuple[Symbol, ...], guards: list[Boolean]
) -> Expr:
    """Return a factor; append the conditions under which it is not 0 to `guards`.

    SymPy solves a `KroneckerDelta` by division, so an equation is written as one only if the
    coefficients of all summed indices are 1 or -1.
    """
    if isinstance(factor, Equal):
        parts = sp.Add.make_args(factor.value)
        left = sp.Add(*(p for p in parts if p.as_coeff_Mul()[0] > 0))
        sides = (left, normal(left - factor.value))
        if all(coefficient(factor.value, v) in (-1, 0, 1) for v in bound):
            return cast(Expr, sp.KroneckerDelta(*sides))
        guards.append(sp.Eq(*sides))
        return _ONE
    if isinstance(factor, Range):
        guards += _inside(factor.value, factor.size, known)
        return _ONE
    if isinstance(factor, Access):
        for e, n in zip(factor.index, factor.tensor.shape, strict=True):
            guards += [] if n is None else _inside(e, n, known)
        rows = table(factor.tensor)
        return cast(Expr, sp.ImmutableMatrix(rows)[factor.index]) if rows else _entry(factor)
    if isinstance(factor, Apply):
        inside = _unfold(Term(_ONE, (), (factor.argument,)), {*known, *bound})
        argument = sp.Add(*(_term(u, known) for u in inside))
        if factor.function in FUNCTIONS:
            value = FUNCTIONS[factor.function].derivative(factor.order)
            return cast(Expr, value.xreplace({T: argument}))
        function, place = sp.Function(factor.function), symbol("_t")
        if factor.order == 0:
            return cast(Expr, function(argument))
        derivative = sp.Derivative(function(place), (place, factor.order))
        return cast(Expr, sp.Subs(derivative, place, argument))
    inner = to_sympy((Term(_ONE, (), factor.factors),))
    return cast(Expr, sp.Derivative(inner, _entry(factor.wrt), evaluate=False))


def _entry(access: Access) -> Expr:
    base = sp.IndexedBase(access.tensor.name)
    return cast(Expr, base[access.index] if access.index else symbol(access.tensor.name))
