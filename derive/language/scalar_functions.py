"""Scalar functions by name: one expression each, from which their derivatives are derived.

Any other name, which a text declares, is that of an arbitrary differentiable function. A
*relation* gives a derivative as a polynomial in values of listed functions at the same point,
``exp' = exp`` or ``sigmoid' = sigmoid - sigmoid^2``; those of first derivatives are in a table.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import sympy as sp
from sympy import Expr, Symbol

from rot180.derive.language.polynomial import monomials, normal, parse, symbol, symbols_of, text

T = Symbol("t", real=True)
"""The argument of every function."""

_OF: dict[str, Any] = {"t": T}


@dataclass(frozen=True)
class Function:
    """A scalar function.

    Attributes:
        name: its name in the notation.
        source: its value at t, in SymPy's syntax.
        convention: the value of the derivative where it does not exist, or "".

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
        """Return a derivative at `T`, computed by SymPy; order 0 is the value.

        >>> FUNCTIONS["softplus"].derivative()
        exp(t)/(exp(t) + 1)
        """
        found: Expr = sp.diff(self.value, T, order) if order else self.value
        steps = found.atoms(sp.DiracDelta)  # the derivative of a jump; by convention it is 0
        smooth: Expr = found.xreplace(dict.fromkeys(steps, sp.Integer(0)))
        return smooth

    @property
    def rule(self) -> str:
        """Return the definition as text, ``relu(t) = 0 if t <= 0 else t``."""
        value = self.value
        if isinstance(value, sp.Piecewise):
            low, high = value.args
            return f"{self.name}(t) = {low.args[0]} if {low.args[1]} else {high.args[0]}"
        return f"{self.name}(t) = {self.source}"


    @property
    def agreed(self) -> str:
        """Return its definition and its convention, "" if it has a derivative everywhere."""
        if not self.convention:
            return ""
        defined = f"{self.rule}, " if self.source != f"{self.name}(t)" else ""
        return defined + self.convention


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
        Function("sqrt", "sqrt(t)"),
        Function("rsqrt", "1/sqrt(t)"),
        Function("abs", "abs(t)", "abs'(0) = 0"),
        Function("sign", "sign(t)", "sign(0) = sign'(0) = 0"),
        Function("heaviside", "(1 + sign(t))/2", "heaviside(0) = 1/2, heaviside'(0) = 0"),
    )
}
"""The listed functions, by name."""


RELATIONS = {
    "identity": "1",
    "sigmoid": "sigmoid - sigmoid^2",
    "tanh": "1 - tanh^2",
    "silu": "sigmoid + silu - sigmoid*silu",
    "softplus": "sigmoid",
    "exp": "exp",
    "log": "reciprocal",
    "reciprocal": "-reciprocal^2",
    "half_square": "t",
    "sqrt": "1/2*rsqrt",
    "rsqrt": "-1/2*rsqrt^3",
    "abs": "sign",
    "sign": "0",
    "heaviside": "0",
}
"""First derivatives as polynomials in t and in values of listed functions; these are axioms."""

HIGHEST_ORDER = 8
"""The highest order of a derivative for which a relation is computed."""


@cache
def relation(name: str, order: int = 1) -> Expr | None:
    """Return a derivative as a polynomial in t and in values of listed functions, by their names.

    A first derivative is listed in `RELATIONS`; a higher one is the formal derivative of the
    previous one.

    Args:
        name: the name of a function.
        order: which derivative, from 1 to `HIGHEST_ORDER`.

    Returns:
        the polynomial, with rational coefficients; None if no relation is known.

    >>> relation("tanh"), relation("log"), relation("sigmoid", 2), relation("relu")
    (1 - tanh**2, reciprocal, 2*sigmoid**3 - 3*sigmoid**2 + sigmoid, None)

    """
    if name not in RELATIONS or not 1 <= order <= HIGHEST_ORDER:
        return None
    if order == 1:
        return parse(RELATIONS[name])
    total: Expr = sp.Integer(0)
    for powers, c in monomials(relation(name, order - 1) or total).items():
        for v, k in powers:
            rest = c * k * sp.Mul(*(symbol(u) ** (n - (u == v)) for u, n in powers))
            slope = sp.Integer(1) if v == "t" else relation(v)
            if slope is None:
                return None
            total += rest * slope
    return normal(total)


def related_functions(name: str, order: int) -> tuple[str, ...]:
    """Return the names of the functions in a relation, in alphabetical order."""
    found = relation(name, order)
    names = set() if found is None else {v.name for v in symbols_of(found)}
    return tuple(sorted(names & FUNCTIONS.keys()))


def relation_text(name: str, order: int) -> str:
    """Return a relation as text, ``sigmoid' = sigmoid - sigmoid^2``.

    Raises:
        ValueError: no relation is known.

    """
    found = relation(name, order)
    if found is None:
        raise ValueError(f"function: no relation is known for {name}, order {order}")
    return f"{name}{order * chr(39)} = {text(found)}"


def assumption(name: str) -> str:
    """Return, as text, what is assumed about a function that is differentiated."""
    said = f"{name}' is the derivative of {name}"
    known = FUNCTIONS.get(name)
    if known is None:
        return said
    parts = [said, known.rule if known.source != f"{name}(t)" else "", known.convention]
    return ", ".join(part for part in parts if part)


__all__ = [
    "FUNCTIONS",
    "RELATIONS",
    "Function",
    "T",
    "assumption",
    "related_functions",
    "relation",
    "relation_text",
]
