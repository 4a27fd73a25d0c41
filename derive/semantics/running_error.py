"""Numbers with an estimate of how far floating-point arithmetic may be from them.

The analysis is that of running errors: each operation adds its own rounding to what the errors of
its operands become. A sum of n numbers adds ``(n - 1) u`` times the sum of their absolute values,
in whatever order it is taken; a product ``u |ab|``; a function ``|f'(a)|`` times the error of its
argument, and `UNITS` units of its value. An operand may be off by one unit, too: so an algorithm
that moves roundings to the operands, such as a softmax that subtracts another number, stays within
the estimate. It is of first order, and functions are assumed to be that good: nothing is proved.

The values are integers, fractions, or numbers of `PRECISION` binary digits. So they are off
themselves, by the same analysis with that unit: by less than 2**-140 of what it gives for float64.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, reduce
from typing import Any, TypeAlias

import mpmath
import sympy as sp
from sympy import Expr, Rel, Symbol

from rot180.derive.language.scalar_functions import FUNCTIONS, T
from rot180.derive.semantics.model import EvaluationError

PRECISION = 200
"""How many binary digits a value has that is not rational."""

UNITS = 4
"""The unit roundoffs by which a computed exp, log, erf, tanh, sin or root may be off: assumed."""

HIGH = mpmath.MPContext()
HIGH.prec = PRECISION

Real: TypeAlias = Any
"""An integer, a fraction, or a number of mpmath."""


@dataclass(frozen=True, slots=True)
class Roundings:
    """What one operation may be off.

    Attributes:
        relative: the unit roundoff.
        absolute: what a result near 0 may be off besides.

    """

    relative: float
    absolute: float


class Estimated:
    """A number, and how far a computed one may be from it.

    It is kept as a sum: `carried` is what the errors of the addends become, `magnitude` the sum of
    their absolute values, `additions` how many there were. `peak` is the largest absolute value
    that occurred on the way to it.
    """

    __slots__ = ("additions", "carried", "magnitude", "peak", "roundings", "value")

    def __init__(
        self,
        value: Real,
        roundings: Roundings,
        carried: float = 0.0,
        magnitude: float | None = None,
        additions: int = 0,
        peak: float = 0.0,
    ) -> None:
        self.value = value
        self.roundings = roundings
        self.carried = carried
        self.magnitude = abs(float(value)) if magnitude is None else magnitude
        self.additions = additions
        self.peak = max(peak, self.magnitude)

    @property
    def error(self) -> float:
        """Return how far a computed number may be from it."""
        return self.carried + self.additions * self.roundings.relative * self.magnitude

    def __add__(self, other: Estimated | Real) -> Estimated:
        if not isinstance(other, Estimated):
            if not other:
                return self
            other = Estimated(other, self.roundings)
        return Estimated(
            self.value + other.value,
            self.roundings,
            self.carried + other.carried,
            self.magnitude + other.magnitude,
            self.additions + other.additions + 1,
            max(self.peak, other.peak),
        )

    __radd__ = __add__

    def __neg__(self) -> Estimated:
        return self * -1

    def __sub__(self, other: Estimated | Real) -> Estimated:
        return self + -other

    def __mul__(self, other: Estimated | Real) -> Estimated:
        own = self.roundings
        if isinstance(other, Estimated):
            value = self.value * other.value
            a, b, e, f = abs(float(self.value)), abs(float(other.value)), self.error, other.error
            carried = a * f + b * e + e * f + own.relative * a * b
            carried += own.absolute if a and b else 0.0
            return Estimated(value, own, carried, a * b, 0, max(self.peak, other.peak))
        if other in (0, 1):
            return self if other else 0  # type: ignore[return-value]
        scale = abs(float(other))
        carried, magnitude = self.carried * scale, self.magnitude * scale
        if math.frexp(scale)[0] != 0.5:  # it is no power of two
            carried += own.relative * magnitude + own.absolute
        return Estimated(self.value * other, own, carried, magnitude, self.additions, self.peak)

    __rmul__ = __mul__

    def __bool__(self) -> bool:
        return bool(self.value) or self.carried > 0

    def unsure(self, other: Real = 0) -> bool:
        """Say whether a computed number may be on the other side of a number."""
        error = self.error
        return error > 0 and abs(float(self.value - other)) <= error

    def image(self, value: Real, slope: float, units: float) -> Estimated:
        """Return the value of a function at the number.

        Args:
            value: the value.
            slope: the absolute value of the derivative.
            units: by how many unit roundoffs it may be off besides.

        """
        size, own = abs(float(value)), self.roundings
        carried = slope * self.error + units * own.relative * size
        carried += own.absolute if units and size else 0.0
        return Estimated(value, own, carried, size, 0, self.peak)

    def rounded(self) -> Estimated:
        """Return the number where it is rounded once more."""
        return self.image(self.value, 1, 1)

    def anywhere(self) -> Estimated:
        """Return the number where a computed one may be far from it."""
        return Estimated(self.value, self.roundings, math.inf, self.magnitude, 0, self.peak)


def as_fraction(value: Real) -> Fraction:
    """Return a number as a fraction."""
    if isinstance(value, HIGH.mpf):
        return Fraction(*mpmath.libmp.to_rational(value._mpf_))
    return Fraction(value)


def high(number: Real) -> Real:
    """Return a number with `PRECISION` digits."""
    if isinstance(number, Fraction):
        return HIGH.mpf(number.numerator) / number.denominator
    return HIGH.mpf(number)


def function(name: str, order: int, at: Estimated) -> Estimated:
    """Return a derivative of a listed function, operation by operation as its formula has them.

    Args:
        name: the function.
        order: the order of the derivative; 0 is the value.
        at: the argument.

    Raises:
        EvaluationError: the function is not listed, or has no finite real value there.

    """
    if name not in FUNCTIONS:
        said = f"{name}: found a function without values"
        raise EvaluationError(f"{said}, expected one of {', '.join(FUNCTIONS)}")
    found = evaluated(_formula(name, order), {T.name: at})
    if found is None:
        what = f"found no finite real number as the value of {name} at {float(at.value)}"
        raise EvaluationError(f"{what}, expected numbers at which it has one")
    return found


Numbers: TypeAlias = Mapping[str, Estimated]
"""The values of symbols, by name."""

Formula: TypeAlias = Callable[[Numbers], Estimated]
"""What computes an expression."""


def evaluated(formula: Formula, numbers: Numbers) -> Estimated | None:
    """Return the value of a formula; None if it has no finite real value."""
    try:
        found = formula(numbers)
        return found if math.isfinite(found.magnitude) else None
    except (ZeroDivisionError, ValueError, OverflowError):
        return None


@cache
def _formula(name: str, order: int) -> Formula:
    return compiled(FUNCTIONS[name].derivative(order))


def compiled(e: Expr) -> Formula:
    """Return what computes an expression, operation by operation.

    Raises:
        EvaluationError: it has an operation that is not known here.

    """
    if isinstance(e, Symbol):
        return lambda numbers: numbers[e.name]
    if isinstance(e, sp.Rational):
        number = int(e.p) if e.is_Integer else Fraction(int(e.p), int(e.q))
        return lambda numbers: Estimated(number, _any(numbers).roundings)
    if e == sp.pi:
        return lambda numbers: Estimated(+HIGH.pi, _any(numbers).roundings).rounded()
    if isinstance(e, sp.Piecewise):
        return _cases(e)
    parts = [compiled(u) for u in e.args if isinstance(u, Expr)]
    if isinstance(e, sp.Pow):
        if isinstance(e.exp, sp.Rational):
            return _power(parts[0], Fraction(int(e.exp.p), int(e.exp.q)))
        return _exponential(*parts)
    if isinstance(e, sp.Add | sp.Mul):
        join = operator.add if isinstance(e, sp.Add) else operator.mul
        return lambda numbers: reduce(join, (part(numbers) for part in parts))
    name = type(e).__name__
    if name not in ELEMENTARY:
        raise EvaluationError(f"{e}: found {name}, expected one of {', '.join(ELEMENTARY)}")
    inner, elementary = parts[0], ELEMENTARY[name]
    return lambda numbers: elementary(inner(numbers))


def _any(numbers: Numbers) -> Estimated:
    return next(iter(numbers.values()))


def _cases(e: sp.Piecewise) -> Formula:
    """Return what computes ``a if u <= 0 else b``; it is unsure where u may be on either side."""
    (low, where), (other_value, _) = (case.args for case in e.args)
    assert isinstance(where, Rel)
    below, above, side = map(compiled, (low, other_value, where.lhs - where.rhs))

    def choose(numbers: Numbers) -> Estimated:
        u = side(numbers)
        one, other = below(numbers), above(numbers)
        out = one if where.func(_sign(u.value), 0) == sp.true else other
        return out.anywhere() if u.unsure() and one.value != other.value else out

    return choose


def _sign(value: Real) -> int:
    return int(value > 0) - int(value < 0)


def _power(base: Formula, n: Fraction) -> Formula:
    whole = n.denominator == 1
    units = max(abs(n.numerator) - 1 + (n < 0), 1) if whole else UNITS

    def raised(numbers: Numbers) -> Estimated:
        at = base(numbers)
        x = at.value
        if whole and isinstance(x, int | Fraction):
            value: Real = Fraction(x) ** int(n)
        elif whole:
            value = x ** int(n)
        elif x < 0:
            raise ValueError("a root of a negative number")
        else:
            value = high(x) ** high(n)
        slope = abs(float(n) * float(value) / float(x)) if x else float(n == 1)
        return at.image(value, slope, units)

    return raised


def _exponential(base: Formula, exponent: Formula) -> Formula:
    """Return what computes a power whose exponent is no number."""

    def raised(numbers: Numbers) -> Estimated:
        a, b = base(numbers), exponent(numbers)
        if a.value <= 0:
            raise ValueError("a power of a negative number")
        log = HIGH.log(high(a.value))
        power = b.value * log
        return (b * Estimated(log, a.roundings, a.error / float(a.value))).image(
            HIGH.exp(power), float(HIGH.exp(power)), UNITS
        )

    return raised


def _smooth(value: Callable[[Real], Real], slope: Callable[[Real, Real], Real]) -> Elementary:
    """Return what computes a function whose derivative is a function of argument and value."""

    def computed(t: Estimated) -> Estimated:
        x = high(t.value)
        y = value(x)
        if not isinstance(y, HIGH.mpf):
            raise ValueError("no real number")
        return t.image(y, abs(float(slope(x, y))), UNITS)

    return computed


def _signed(t: Estimated) -> Estimated:
    out = t.image(_sign(t.value), 0, 0)
    return out.anywhere() if t.unsure() else out


Elementary: TypeAlias = Callable[[Estimated], Estimated]
"""A function of one number."""

ELEMENTARY: dict[str, Elementary] = {
    "exp": _smooth(HIGH.exp, lambda x, y: y),
    "log": _smooth(HIGH.log, lambda x, y: 1 / x),
    "tanh": _smooth(HIGH.tanh, lambda x, y: 1 - y * y),
    "sinh": _smooth(HIGH.sinh, lambda x, y: HIGH.cosh(x)),
    "cosh": _smooth(HIGH.cosh, lambda x, y: HIGH.sinh(x)),
    "sin": _smooth(HIGH.sin, lambda x, y: HIGH.cos(x)),
    "cos": _smooth(HIGH.cos, lambda x, y: HIGH.sin(x)),
    "tan": _smooth(HIGH.tan, lambda x, y: 1 + y * y),
    "erf": _smooth(HIGH.erf, lambda x, y: 2 * HIGH.exp(-x * x) / HIGH.sqrt(HIGH.pi)),
    "Abs": lambda t: t.image(abs(t.value), 1, 0),
    "sign": _signed,
}
"""The functions of which formulas consist, by their names in SymPy."""
