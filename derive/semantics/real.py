"""Models in the real numbers: listed functions by their values, not by their relations.

The exact models take ``sigmoid' = sigmoid - sigmoid^2`` from the same table as the rules, so they
cannot detect a wrong entry. Here only values of a function are used, also at complex arguments; its
derivatives are Cauchy integrals over a circle around the argument,

    f^(n)(x) = n!/(N r^n) * sum_k f(x + r w^k) w^(-k n),    w = exp(2 pi i / N),

which needs no formula for a derivative. Apart from rounding, the error of the sum is at most
(r/R)^N times the values on a larger circle of radius R, on and inside which f is analytic. Both
errors are added to the radius of the result, see `balls`.
"""

from __future__ import annotations

import cmath
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np
from sympy import Symbol

from rot180.derive.language.terms import Access, Apply, Derivative, Expression, Factor
from rot180.derive.semantics.balls import ROUNDING, UNKNOWN, Ball, exact
from rot180.derive.semantics.evaluate import tabulate
from rot180.derive.semantics.model import Array, Model, hashed
from rot180.derive.semantics.supports import Scope

POINTS = 48
"""The number of points on the circle at which a function is evaluated."""

_LONGEST = 3.0
"""The largest absolute value at which the series of the error function is summed."""


def _sigmoid(z: complex) -> complex:
    return 1 / (1 + cmath.exp(-z))


def _gelu(z: complex) -> complex:
    u = z / math.sqrt(2)
    if abs(u) > _LONGEST:
        raise OverflowError("the series loses precision")
    power, total = u, u
    for n in range(1, 80):
        power *= -u * u / n
        total += power / (2 * n + 1)
    return z * (1 + 2 / math.sqrt(math.pi) * total) / 2


@dataclass(frozen=True)
class AnalyticFunction:
    """An analytic function: its values, and the radius around x in which it is analytic.

    Attributes:
        value: argument to value.
        reach: argument to radius; 0 where the function is not defined.

    """

    value: Callable[[complex], complex]
    reach: Callable[[float], float]


def _positive(x: float) -> float:
    return max(x, 0.0)


ANALYTIC = {
    "identity": AnalyticFunction(lambda z: z, lambda _: 2.0),
    "sigmoid": AnalyticFunction(_sigmoid, lambda _: 2.5),
    "tanh": AnalyticFunction(cmath.tanh, lambda _: 1.4),
    "silu": AnalyticFunction(lambda z: z * _sigmoid(z), lambda _: 2.5),
    "gelu": AnalyticFunction(_gelu, lambda _: 1.5),
    "softplus": AnalyticFunction(lambda z: cmath.log(1 + cmath.exp(z)), lambda _: 2.5),
    "exp": AnalyticFunction(cmath.exp, lambda _: 2.0),
    "log": AnalyticFunction(cmath.log, lambda x: 0.9 * _positive(x)),
    "reciprocal": AnalyticFunction(lambda z: 1 / z, lambda x: 0.9 * abs(x)),
    "half_square": AnalyticFunction(lambda z: z * z / 2, lambda _: 2.0),
    "sqrt": AnalyticFunction(cmath.sqrt, lambda x: 0.9 * _positive(x)),
    "rsqrt": AnalyticFunction(lambda z: 1 / cmath.sqrt(z), lambda x: 0.9 * _positive(x)),
}
"""The analytic ones of the listed functions."""

PIECES: dict[str, tuple[tuple[int, int], Fraction, tuple[int, int]]] = {
    "relu": ((0, 0), Fraction(0), (0, 1)),
    "abs": ((0, -1), Fraction(0), (0, 1)),
    "sign": ((-1, 0), Fraction(0), (1, 0)),
    "heaviside": ((0, 0), Fraction(1, 2), (1, 0)),
}
"""Those with a kink or a jump: the coefficients of 1 and t for t < 0, the value at 0, those for
t > 0. By convention the derivatives at 0 are 0."""

NAMED = frozenset({*ANALYTIC, *PIECES})


def _any_function(name: str) -> AnalyticFunction:
    """Return an entire function for a name that is not listed."""
    a, b, c = (0.5 + hashed(f"{name} {n}") % 1024 / 1024 for n in range(3))
    return AnalyticFunction(lambda z: cmath.sin(a * z + 4 * b) + c * z, lambda _: 2.0)


@lru_cache(maxsize=1 << 14)
def derivative(name: str, order: int, at: Ball) -> Ball:
    """Return a derivative of a function at a number, from values only.

    Args:
        name: a function; if it is not listed, some entire function is taken.
        order: the order of the derivative; 0 is the value.
        at: the argument.

    Returns:
        a ball; it has no bound if the function is not defined there, or cannot be computed.

    """
    if not at.known:
        return UNKNOWN
    if name in PIECES:
        return _linear(name, order, at)
    function = ANALYTIC.get(name) or _any_function(name)
    wide = function.reach(at.middle)
    radius = wide / 2
    if radius <= 4 * at.radius:
        return UNKNOWN
    try:
        values = [
            (w, function.value(at.middle + radius * w)) for w in map(_unit, range(POINTS))
        ]
        outer = max(abs(function.value(at.middle + wide * _unit(k))) for k in range(POINTS))
    except (OverflowError, ZeroDivisionError, ValueError):
        return UNKNOWN
    largest = max(abs(v) for _, v in values)
    scale = math.factorial(order) / radius**order
    middle = scale * sum((v * w**-order).real for w, v in values) / POINTS
    # errors: rounding of each value, each power of w and the sum; the truncation of the series; and
    # the error of the argument times the next derivative, which Cauchy's estimate bounds
    rounding = 64 * (order + 1) * ROUNDING * largest * scale
    beyond = 4 * outer * (radius / wide) ** (POINTS - order) * scale
    moved = at.radius * math.factorial(order + 1) * 2 * largest / (radius / 2) ** (order + 1)
    return Ball(middle, rounding + beyond + moved)


def _unit(k: int) -> complex:
    return cmath.exp(2j * math.pi * k / POINTS)


def _linear(name: str, order: int, at: Ball) -> Ball:
    """Return a derivative of a function that is linear on either side of 0."""
    if at and abs(at.middle) <= at.radius:
        return UNKNOWN
    below, zero, above = PIECES[name]
    if not at:
        return exact(0 if order else zero)
    constant, slope = above if at.middle > 0 else below
    if order:
        return exact(slope * (order == 1))
    return exact(constant) + exact(slope) * at if slope else exact(constant)


def functions(lines: Iterable[Expression]) -> frozenset[str]:
    """Return the names of the functions in expressions, including those in definitions."""
    factors = (f for term in itertools.chain.from_iterable(lines) for f in term.factors)
    return frozenset(_applied(factors))


def _applied(factors: Iterable[Factor]) -> Iterator[str]:
    for f in factors:
        if isinstance(f, Apply):
            yield f.function
        if isinstance(f, Derivative):
            yield from _applied(f.factors)
        access = f.argument if isinstance(f, Apply) else f
        if isinstance(access, Access) and access.tensor.definition is not None:
            yield from functions((access.tensor.definition.body,))


@dataclass(frozen=True)
class RealModel(Model):
    """A model whose entries are sixteenths from 1/2 to 3/2; some are negative if the seed is odd.

    Functions have their real values. A comparison is sound: disjoint values are different.
    """

    limit: int | None = 1

    def function(self, name: str, order: int, at: Array) -> Array:
        """Return values of a derivative of a function."""
        out = self.zeros(len(at))
        for n, x in enumerate(at):
            argument = x if isinstance(x, Ball) else exact(x)
            out[n] = derivative(name, order, argument)
            self.memo["function", name + order * "'", str(argument)] = out[n]
        return out

    def draw(self, label: str, at: Array) -> Array:
        """Return an entry, an exact float, for each position."""
        out = self.zeros(len(at))
        for n, place in enumerate(at):
            drawn = hashed(f"{label} {place}")
            sign = -1 if self.seed % 2 and drawn >> 20 & 1 else 1
            out[n] = Ball(sign * (0.5 + drawn % 17 / 16), 0.0)
        return out

    def number(self, c: Fraction) -> Ball:
        """Return a rational number."""
        return exact(c)

    def entries_text(self) -> tuple[str, ...]:
        """Return the entries and the values of functions that were used as text."""
        found = []
        for key, value in self.memo.items():
            if not isinstance(key, tuple):
                continue
            if key[0] == "function" and len(key) == 3 and value.known:
                found.append(f"{key[1]}({key[2]}) = {value}")
            elif isinstance(value, np.ndarray) and len(key) == 2 and value.ndim <= 1:
                shown = ", ".join(map(str, value.reshape(-1)))
                found.append(f"{key[0]} = {f'[{shown}]' if value.ndim else shown}")
        return tuple(sorted(found))


def evaluate_real(expression: Expression, model: RealModel, point: Mapping[Symbol, int]) -> Ball:
    """Return the value of an expression at one point of its free indices.

    Raises:
        EvaluationError: no factor bounds a sum, or a symbol has no value.

    """
    env = {v.name: n for v, n in (*model.sizes.items(), *point.items())}
    value = tabulate(expression, Scope(model, env), {})[0]
    return value if isinstance(value, Ball) else exact(value)
