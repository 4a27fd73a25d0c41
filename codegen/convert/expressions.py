"""Integer expressions over the arguments of a layer, for one size or for all sizes at once.

An expression is a text with names, integers, ``+``, ``-``, ``*``, ``//``, ``max`` and ``min``. With
``size = period q + first`` as a `Progression`, its value is a function of q that holds for every
q >= 0; so two values that are equal are equal at all these sizes.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias


class LaterError(Exception):
    """A value has no single formula for all q >= 0, but one for all q >= `first`."""

    def __init__(self, first: int) -> None:
        super().__init__(first)
        self.first = first


@dataclass(frozen=True)
class Progression:
    """The integers ``slope q + constant`` for all q >= 0."""

    slope: int
    constant: int

    def __add__(self, other: Number) -> Number:
        b = family(other)
        return simple(Progression(self.slope + b.slope, self.constant + b.constant))

    def __neg__(self) -> Number:
        return Progression(-self.slope, -self.constant)

    def __sub__(self, other: Number) -> Number:
        b = family(other)
        return simple(Progression(self.slope - b.slope, self.constant - b.constant))

    def __mul__(self, other: Number) -> Number:
        """Return the product with a number that does not depend on q."""
        if isinstance(other, Progression):
            raise ValueError("found a product of two sizes, expected expressions linear in a size")
        return simple(Progression(self.slope * other, self.constant * other))

    __radd__, __rmul__ = __add__, __mul__

    def __rsub__(self, other: Number) -> Number:
        return -self + other

    def __floordiv__(self, divisor: int) -> Number:
        """Return the quotient, rounded down.

        Raises:
            ValueError: the period of the sizes is no multiple of the divisor.

        """
        if self.slope % divisor:
            raise ValueError(f"found a quotient by {divisor} of steps of {self.slope}")
        return simple(Progression(self.slope // divisor, self.constant // divisor))


Number: TypeAlias = int | Progression
"""An integer, or one for each size."""


def family(value: Number) -> Progression:
    """Return a number as a family."""
    return value if isinstance(value, Progression) else Progression(0, value)


def simple(value: Progression) -> Number:
    """Return a family that does not depend on q as an integer."""
    return value if value.slope else value.constant


def at_least(value: Number, bound: int = 0) -> bool:
    """Say whether a number is at least a bound, for all q >= 0.

    Raises:
        LaterError: it depends on q, but not from some q on.

    """
    one = family(value)
    if one.slope == 0 or (one.slope > 0) == (one.constant >= bound):
        return one.constant >= bound
    # the first q from which on the answer is that of large q
    gap = bound - one.constant if one.slope > 0 else one.constant - bound + 1
    raise LaterError(-(-gap // abs(one.slope)))


def _largest(*values: Number) -> Number:
    best, *others = values
    for one in others:
        best = best if at_least(best - one) else one
    return best


def _smallest(*values: Number) -> Number:
    best, *others = values
    for one in others:
        best = best if at_least(one - best) else one
    return best


CALLS: Mapping[str, Callable[..., Number]] = {"max": _largest, "min": _smallest}
"""The functions of expressions."""


def evaluate(expression: str, values: Mapping[str, Number]) -> Number:
    """Return the value of an expression.

    Args:
        expression: the expression.
        values: the value of each name.

    Raises:
        LaterError: it has no single formula for all q >= 0.

    """
    return _value(parsed(expression), values)


@cache
def parsed(expression: str) -> ast.expr:
    """Return the syntax tree of an expression."""
    return ast.parse(expression, mode="eval").body


@cache
def names(expression: str) -> frozenset[str]:
    """Return the names in an expression."""
    found = {node.id for node in ast.walk(parsed(expression)) if isinstance(node, ast.Name)}
    return frozenset(found - {*CALLS})


def _value(node: ast.expr, values: Mapping[str, Number]) -> Number:
    match node:
        case ast.Constant(value=int(value)):
            return value
        case ast.Name(id=name):
            return values[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, values)
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return CALLS[name](*(_value(one, values) for one in arguments))
        case ast.BinOp(left=left, op=op, right=right):
            a, b = _value(left, values), _value(right, values)
            match op:
                case ast.Add():
                    return a + b
                case ast.Sub():
                    return a - b
                case ast.Mult():
                    return a * b
                case ast.FloorDiv() if isinstance(b, int):
                    return a // b
    raise ValueError(f"expression: found {ast.unparse(node)}, expected an integer expression")
