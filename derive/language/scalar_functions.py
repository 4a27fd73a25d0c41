"""Scalar functions by name: one expression each, from which their derivatives are derived.

A name that is not listed here stands for any differentiable function. A *relation* writes a
derivative as a polynomial in values of listed functions at the same point, ``exp' = exp`` or
``sigmoid' = sigmoid - sigmoid^2``; it is found by solving for integer coefficients, exactly.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import sympy as sp
from sympy import Expr, Symbol

from rot180.derive.language.polynomial import normal, symbol, symbols_of, text

T = Symbol("t", real=True)
"""The argument of every function."""

_E = Symbol("E", positive=True)  # exp(t), while relations are searched for
_OF: dict[str, Any] = {"t": T}


@dataclass(frozen=True)
class Function:
    """A scalar function.

    Attributes:
        name: its name in the notation.
        source: its value at t, as SymPy reads it.
        convention: what holds where the derivative does not exist, or "".

    """

    name: str
    source: str
    convention: str = ""

    @property
    def value(self) -> Expr:
        """Return the value at `T`."""
        found: Expr = sp.parse_expr(self.source, local_dict=_OF)
        return found

    def derivative(self, order: int = 1) -> Expr:
        """Return a derivative at `T`, as SymPy differentiates; order 0 is the value.

        >>> FUNCTIONS["softplus"].derivative()
        exp(t)/(exp(t) + 1)
        """
        found: Expr = sp.diff(self.value, T, order) if order else self.value
        return found

    @property
    def rule(self) -> str:
        """Say what the function is, ``relu(t) = 0 if t <= 0 else t``."""
        value = self.value
        if isinstance(value, sp.Piecewise):
            low, high = value.args
            return f"{self.name}(t) = {low.args[0]} if {low.args[1]} else {high.args[0]}"
        return f"{self.name}(t) = {self.source}"


FUNCTIONS = {
    f.name: f
    for f in (
        Function("identity", "t"),
        Function("relu", "Piecewise((0, t <= 0), (t, True))", "relu'(0) = 0"),
        Function("sigmoid", "1/(1 + exp(-t))"),
        Function("tanh", "tanh(t)"),
        Function("silu", "t/(1 + exp(-t))"),
        Function("gelu", "t*(1 + erf(t/sqrt(2)))/2"),
        Function("softplus", "log(1 + exp(t))"),
        Function("exp", "exp(t)"),
        Function("log", "log(t)"),
        Function("reciprocal", "1/t"),
        Function("half_square", "t**2/2"),
    )
}
"""The functions that are known by name."""


@cache
def relation(name: str, order: int = 1) -> Expr | None:
    """Return a derivative as a polynomial in t and in values of listed functions, by their names.

    Args:
        name: the name of a function.
        order: which derivative, at least 1.

    Returns:
        the polynomial, with integer coefficients; None if the function is not listed or none is
        known.

    >>> relation("tanh"), relation("log"), relation("sigmoid", 2), relation("relu")
    (1 - tanh**2, reciprocal, 2*sigmoid**3 - 3*sigmoid**2 + sigmoid, None)

    """
    if name not in FUNCTIONS or order < 1:
        return None
    if order == 1:
        return next(_relations(name), None)
    previous = relation(name, order - 1)
    if previous is None:
        return None
    total: Expr = sp.Integer(0)
    for v in symbols_of(previous):
        slope = sp.Integer(1) if v == symbol("t") else relation(v.name)
        if slope is None:
            return None
        total += sp.diff(previous, v) * slope
    return normal(total)


def related(name: str, order: int) -> tuple[str, ...]:
    """Return the names of the functions in a relation, in alphabetical order."""
    found = relation(name, order)
    names = set() if found is None else {v.name for v in symbols_of(found)}
    return tuple(sorted(names & FUNCTIONS.keys()))


def fact(name: str, order: int) -> str:
    """Write a relation, ``sigmoid' = sigmoid - sigmoid^2``.

    Raises:
        ValueError: none is known.

    """
    found = relation(name, order)
    if found is None:
        raise ValueError(f"function: no relation is known for {name}{order * chr(39)}")
    return f"{name}{order * chr(39)} = {text(found)}"


def assumption(name: str) -> str:
    """Say what is assumed of a function that is differentiated."""
    said = f"{name}' is the derivative of {name}"
    known = FUNCTIONS.get(name)
    if known is None:
        return said
    parts = [said, known.rule if known.source != f"{name}(t)" else "", known.convention]
    return ", ".join(part for part in parts if part)


def _relations(name: str) -> Iterator[Expr]:
    """Yield relations of a first derivative, the shortest first."""
    own, t, one = symbol(name), symbol("t"), sp.Integer(1)
    bases: list[tuple[Expr, ...]] = [(one,), (t,), (own,), (one, own, own**2)]
    for other in FUNCTIONS:
        g = symbol(other)
        if g != own:
            bases += [(g,), (own, g, own * g)]
    wanted = FUNCTIONS[name].derivative()
    if not wanted.has(sp.Piecewise):
        for basis in bases:
            found = _solve(wanted, basis)
            if found is not None:
                yield found


def _solve(wanted: Expr, basis: tuple[Expr, ...]) -> Expr | None:
    """Return the combination of a basis, with integer coefficients, that is the wanted one."""
    unknown = [Symbol(f"c{n}") for n in range(len(basis))]
    values = [_values(part) for part in basis]
    if any(v.has(sp.Piecewise) for v in values):
        return None
    rest = wanted - sum(c * v for c, v in zip(unknown, values, strict=True))
    numerator = sp.expand(sp.fraction(sp.together(_rational(rest)))[0])
    poly = sp.Poly(numerator)
    fixed = [v for v in poly.gens if v not in unknown]
    equations = sp.Poly(numerator, *fixed).coeffs() if fixed else [numerator]
    for solution in sp.linsolve(equations, unknown):
        if all(c.is_Integer for c in solution):
            return normal(sum(c * part for c, part in zip(solution, basis, strict=True)))
    return None


def _values(part: Expr) -> Expr:
    """Return a polynomial in names as an expression in `T`."""
    names = {v: FUNCTIONS[v.name].value for v in symbols_of(part) if v.name in FUNCTIONS}
    found: Expr = part.xreplace({**names, symbol("t"): T})
    return found


def _rational(e: Expr) -> Expr:
    """Write ``E^k`` for ``exp(k t)``; the rest stays."""

    def power(one: Expr) -> Expr:
        k = one.args[0] / T
        found: Expr = _E**k if k.is_Integer else one
        return found

    hyperbolic = e.rewrite(sp.exp)
    found: Expr = hyperbolic.replace(lambda one: isinstance(one, sp.exp), power)
    return found


__all__ = ["FUNCTIONS", "Function", "T", "assumption", "fact", "related", "relation"]
