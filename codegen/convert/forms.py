"""The common form of a call, and equality of forms at all sizes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import lcm

from rot180.codegen.convert.common_form import AxisForm
from rot180.codegen.convert.expressions import LaterError, Number, Progression, at_least, evaluate
from rot180.codegen.convert.layer_data import FrameworkLayer, Variant


@dataclass(frozen=True)
class LinearPart:
    """An integer of an argument that is ``slope i + constant`` for i inputs."""

    slope: int
    constant: int

    def at(self, size: Number) -> Number:
        """Return it at a size, or at a family of sizes."""
        return self.slope * size + self.constant


Parts = Mapping[str, "int | LinearPart"]
"""The integers of the arguments of one axis, by their names in expressions."""


@dataclass(frozen=True)
class AxisCall:
    """A layer with its integers along one axis."""

    layer: FrameworkLayer
    variant: Variant
    parts: Parts

    def values(self, size: Number) -> dict[str, Number]:
        """Return the value of each name in the variant's expressions, at a size or a family."""
        known: dict[str, Number] = {"i": size}
        known |= {n: v.at(size) if isinstance(v, LinearPart) else v for n, v in self.parts.items()}
        for name, expression in self.variant.definitions.items():
            known[name] = evaluate(expression, known)
        return known

    def form(self, size: Number) -> AxisForm:
        """Return the common form at a size, or at a family of sizes.

        Raises:
            LaterError: it has no single formula for the family.

        """
        known, variant = self.values(size), self.variant
        s, r, d, taps = (
            _integer(evaluate(e, known))
            for e in (variant.stride, variant.input_dilation, variant.dilation, "k")
        )
        before, after = (evaluate(e, known) for e in (variant.before, variant.after))
        outputs = (r * (size - 1) + before + after - d * (taps - 1)) // s + 1
        return AxisForm(taps, s, r, d, before, outputs, self.layer.flip)

    def after(self, size: int) -> int:
        """Return the number of zeros after the last input, at a size."""
        return _integer(evaluate(self.variant.after, self.values(size)))

    def broken(self, size: Number) -> str | None:
        """Return the first demand of the framework that is not met, or None.

        Raises:
            LaterError: the answer differs among the first sizes of a family.

        """
        known = self.values(size)
        for expression, sentence in self.variant.demands:
            if not at_least(evaluate(expression, known)):
                return sentence
        return None


def _integer(value: Number) -> int:
    assert isinstance(value, int), f"found {value}, expected an integer for all sizes"
    return value


def first_failure(check: Callable[[Number], bool], period: int, last: int = 10**4) -> int | None:
    """Return the smallest size at which a check fails, or None if it holds for all sizes from 1 on.

    Each residue of the size by the period is one family, on which expressions are linear.

    Args:
        check: says whether something holds at a size, or at all sizes of a family.
        period: a multiple of the divisors of sizes.
        last: a size before which a check that does not hold for all sizes fails.

    """
    first = 1
    while True:
        try:
            whole = all(check(Progression(period, first + n)) for n in range(period))
            break
        except LaterError as error:
            first += period * max(1, error.first)
    sizes = range(1, first if whole else last)
    return next((n for n in sizes if not check(n)), None)


def same(source: AxisCall, target: AxisCall, size: Number) -> bool:
    """Say whether two calls are the same layer, and the second one is admissible.

    At a single size at which the first has no output, there is nothing to compare.

    Raises:
        LaterError: there is no single answer for a family of sizes.

    """
    wanted = source.form(size)
    if isinstance(size, int) and not at_least(wanted.outputs, 1):
        return True
    return target.broken(size) is None and target.form(size).canonical == wanted.canonical


def period(*calls: AxisCall) -> int:
    """Return a period by which the sizes split into families for these calls."""
    parts = (call.parts.get(name, 1) for call in calls for name in ("s", "r"))
    return lcm(2, *(part for part in parts if isinstance(part, int)))
