"""Numbers with an estimate of rounding: errors of float arithmetic stay within it, and are near."""

import math
from fractions import Fraction

import numpy as np
import pytest

from rot180.derive.language.scalar_functions import FUNCTIONS, T
from rot180.derive.semantics.model import EvaluationError
from rot180.derive.semantics.running_error import (
    HIGH,
    Estimated,
    Roundings,
    as_fraction,
    function,
)

UNIT = 2.0**-24
SINGLE = Roundings(UNIT, 2.0**-150)


def number(x: float) -> Estimated:
    return Estimated(HIGH.mpf(x), SINGLE)


def test_sums_are_bounded_in_any_order() -> None:
    """A sum in float32, forwards and backwards; the estimate is less than n units of all."""
    rng = np.random.default_rng(0)
    a = rng.standard_normal(50).astype(np.float32)
    total = sum((number(float(v)) for v in a), start=number(0.0))
    exact = sum(Fraction(float(v)) for v in a)
    assert as_fraction(total.value) == exact
    for order in (a, a[::-1], np.sort(a)):
        out = np.float32(0)
        for v in order:
            out += v
        assert abs(Fraction(float(out)) - exact) <= Fraction(total.error)
    assert total.error <= 51 * UNIT * float(np.abs(a).sum())


def test_products_carry_errors() -> None:
    """The error of a product is that of its factors and its own."""
    a, b = Estimated(HIGH.mpf(3), SINGLE, 0.5), Estimated(HIGH.mpf(-2), SINGLE, 0.25)
    assert (a * b).error == pytest.approx(3 * 0.25 + 2 * 0.5 + 0.5 * 0.25, rel=1e-5)
    assert (a * 4).error == 2.0 and not a * 0 and (a * 1) is a


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
@pytest.mark.parametrize("order", [0, 1, 2])
def test_values_and_slopes(name: str, order: int) -> None:
    """The value is SymPy's, and an error of the argument grows by the next derivative."""
    for x in (0.7, 2.5) if name in ("log", "sqrt", "rsqrt") else (0.7, -1.3):
        at = number(x)
        found = function(name, order, at)
        formula, slope = (FUNCTIONS[name].derivative(order + n) for n in (0, 1))
        exact, slope_there = (float(e.evalf(subs={T: x})) for e in (formula, slope))
        steep = abs(slope_there)
        assert math.isclose(float(found.value), exact, rel_tol=1e-12, abs_tol=1e-12)
        moved = function(name, order, Estimated(HIGH.mpf(x), SINGLE, 1e-3))
        assert moved.error >= 0.99e-3 * steep


def test_a_jump_is_unsure() -> None:
    """Where rounding may cross a jump, a computed value may be anywhere; a kink is none."""
    near = Estimated(HIGH.mpf(1e-9), SINGLE, 1e-8)
    assert function("sign", 0, near).error == math.inf
    assert function("relu", 1, near).error == math.inf
    assert function("abs", 0, near).error == 1e-8
    assert function("relu", 1, Estimated(0, SINGLE)).value == 0


def test_what_has_no_value() -> None:
    """A logarithm of a negative number, a reciprocal of 0, an unknown function."""
    for name, x in (("log", -1.0), ("sqrt", -1.0), ("reciprocal", 0.0)):
        with pytest.raises(EvaluationError, match="no finite real number"):
            function(name, 0, number(x))
    with pytest.raises(EvaluationError, match="a function without values"):
        function("phi", 0, number(1.0))
