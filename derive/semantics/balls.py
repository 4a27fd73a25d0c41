"""Balls: floating-point numbers with a bound on their error.

Each operation adds its rounding error to the errors of its operands. So numbers in disjoint balls
are different, and a comparison needs no tolerance. A ball without a bound, such as the logarithm of
a negative number, is disjoint from no other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

ROUNDING = 2.0**-52
"""Twice the relative error of a rounded sum or product, which also covers that of the radius."""


@dataclass(frozen=True, slots=True)
class Ball:
    """All numbers within a radius of a midpoint."""

    middle: float
    radius: float

    def __add__(self, other: Ball | int) -> Ball:
        if isinstance(other, int):
            other = exact(other)
        if not (self.known and other.known):
            return UNKNOWN
        middle = self.middle + other.middle
        return Ball(middle, self.radius + other.radius + abs(middle) * ROUNDING)

    __radd__ = __add__

    def __mul__(self, other: Ball | int) -> Ball:
        if isinstance(other, int):
            other = exact(other)
        if not (self.known and other.known):
            return UNKNOWN
        middle = self.middle * other.middle
        passed = abs(self.middle) * other.radius + self.radius * abs(other.middle)
        own = self.radius * other.radius + abs(middle) * ROUNDING
        return Ball(middle, (passed + own) * (1 + 4 * ROUNDING))

    __rmul__ = __mul__

    def __bool__(self) -> bool:
        """Say whether it is not exactly the number 0."""
        return self.middle != 0 or self.radius != 0

    def __str__(self) -> str:
        return f"{self.middle:.6g}"

    @property
    def known(self) -> bool:
        """Say whether it has a bound."""
        return math.isfinite(self.middle) and math.isfinite(self.radius)

    def apart(self, other: Ball) -> bool:
        """Say whether the two have no number in common."""
        between = abs(self.middle - other.middle)
        return self.known and other.known and between > (self.radius + other.radius) * 1.0001


UNKNOWN = Ball(math.nan, math.inf)


def exact(number: int | Fraction) -> Ball:
    """Return the ball of a rational number, rounded if necessary."""
    middle = float(number)
    return Ball(middle, 0.0 if Fraction(middle) == number else abs(middle) * ROUNDING)
