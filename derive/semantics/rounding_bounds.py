"""The bound of a rounding theorem in numbers, exact: one for each entry, from given operands."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import TypeAlias

import numpy as np
import sympy as sp
from sympy import Symbol

from rot180.derive.kernel.proof import Theorem
from rot180.derive.language.polynomial import symbol
from rot180.derive.language.terms import Expression, Tensor, Term, tensors
from rot180.derive.semantics.evaluate import tabulate
from rot180.derive.semantics.model import Array, GivenModel, box_sizes, holds, integer
from rot180.derive.semantics.rounding import RoundingTheorem
from rot180.derive.semantics.rounding_stages import absolute, accesses, binary, expanded
from rot180.derive.semantics.supports import Scope


@dataclass(frozen=True)
class FloatFormat:
    """A binary floating-point format that rounds to nearest.

    Attributes:
        digits: the binary digits of a number, the leading one included.
        lowest: the exponent of the smallest normal number.

    """

    digits: int
    lowest: int

    @property
    def roundoff(self) -> Fraction:
        """Return the unit roundoff: the largest relative error of a rounding."""
        return Fraction(1, 1 << self.digits)

    @property
    def normal(self) -> Fraction:
        """Return the smallest normal number."""
        return Fraction(2) ** self.lowest

    @property
    def underflow(self) -> Fraction:
        """Return the largest error of a rounding below the smallest normal number."""
        return self.normal * self.roundoff

    @property
    def largest(self) -> Fraction:
        """Return the largest number."""
        return (2 - 2 * self.roundoff) * Fraction(2) ** (1 - self.lowest)


Scaled: TypeAlias = tuple[Array, Fraction]
"""Integers, and the power of two that they are multiplied by."""

FORMATS = {
    "float16": FloatFormat(11, -14),
    "bfloat16": FloatFormat(8, -126),
    "float32": FloatFormat(24, -126),
    "float64": FloatFormat(53, -1022),
}
"""The formats, by the names that NumPy and frameworks have for them."""


@dataclass(frozen=True)
class Arithmetic:
    """What a kernel computes with: the unit roundoff of each kind of operation, and its limits.

    Attributes:
        addition: the unit roundoff of additions.
        product: that of multiplications; 0 where products are exact.
        result: that of the last rounding, into the format of the result; 0 if there is none.
        product_underflow: what a product near 0 may be off besides.
        result_underflow: what the last rounding may be off besides.
        normal: the smallest normal number.
        largest: the largest number.
        digits: how many digits a number may have that is never rounded.

    """

    addition: Fraction
    product: Fraction
    result: Fraction
    product_underflow: Fraction
    result_underflow: Fraction
    normal: Fraction
    largest: Fraction
    digits: int

    def roundoffs(self, addends: int, products: int) -> Fraction:
        """Return the sum of the unit roundoffs on the longest way from a product to the result."""
        return products * self.product + max(addends - 1, 0) * self.addition + self.result

    def line(self, addends: int, products: int) -> tuple[Fraction, Fraction]:
        """Return the bound as a multiple of the sum of absolute values, and what is added to it.

        Args:
            addends: how many products are added.
            products: how many multiplications there are in each.

        Raises:
            ValueError: the unit roundoffs add up to 1 or more.

        """
        factor = _factor(self.roundoffs(addends, products), addends)
        below = addends * self.product_underflow if products else Fraction(0)
        return factor, factor * below + below + self.result_underflow


def arithmetic(dtype: str, accumulator: str = "", products: int = 1) -> Arithmetic:
    """Return the arithmetic of a kernel.

    >>> arithmetic("bfloat16", "float32").product
    Fraction(0, 1)

    Args:
        dtype: the format of operands and results, one of `FORMATS`.
        accumulator: the format of products and sums; by default that of the operands.
        products: how many multiplications a product takes; one alone is exact in an accumulator
            with twice the digits.

    Raises:
        ValueError: a format is unknown, or the accumulator has fewer digits than the operands.

    """
    for name, given in (("dtype", dtype), ("accumulator", accumulator or dtype)):
        if given not in FORMATS:
            raise ValueError(f"{name}: found {given!r}, expected one of {', '.join(FORMATS)}")
    narrow, wide = FORMATS[dtype], FORMATS[accumulator or dtype]
    if wide.digits < narrow.digits:
        raise ValueError(
            f"accumulator: found {accumulator}, which has fewer digits than {dtype}, expected a "
            "format with at least as many"
        )
    exact, stored = products <= 1 and wide.digits >= 2 * narrow.digits, wide != narrow
    return Arithmetic(
        addition=wide.roundoff,
        product=Fraction(0) if exact else wide.roundoff,
        result=narrow.roundoff if stored else Fraction(0),
        product_underflow=wide.underflow,
        result_underflow=narrow.underflow if stored else Fraction(0),
        normal=max(wide.normal, narrow.normal),
        largest=min(wide.largest, narrow.largest),
        digits=narrow.digits,
    )


@dataclass(frozen=True)
class EntryBounds:
    """The bound of each entry; all arrays have the shape of the result.

    Attributes:
        exact: the values without rounding, as fractions.
        addends: how many products are added.
        magnitude: the sums of the absolute values of the products, as fractions.
        bound: the largest distance of a computed value from the exact one, as fractions.
        unmet: hypotheses that do not hold for these arrays; then the bound says nothing.

    """

    exact: Array
    addends: Array
    magnitude: Array
    bound: Array
    unmet: tuple[str, ...] = ()

    def ratios(self, computed: Array) -> Array:
        """Return the error of each computed value over its bound: at most 1 for a right kernel.

        Args:
            computed: what a kernel returned; NaN and infinities have the ratio infinity.

        Raises:
            ValueError: it has another shape.

        """
        if computed.shape != self.exact.shape:
            raise ValueError(
                f"computed: found the shape {computed.shape}, expected {self.exact.shape}"
            )
        out = np.zeros(self.exact.shape)
        for at in np.ndindex(*out.shape):
            value = float(computed[at])
            if not math.isfinite(value):
                out[at] = math.inf
                continue
            error = abs(Fraction(value) - self.exact[at])
            allowed = self.bound[at]
            out[at] = float(error / allowed) if allowed else math.inf if error else 0.0
        return out


def entry_bounds(
    rounded: RoundingTheorem,
    sizes: Mapping[str, int],
    arrays: Mapping[str, Array],
    with_: Arithmetic,
) -> EntryBounds:
    """Return the bound of each entry of a theorem's left side.

    Args:
        rounded: what rounding does to the theorem.
        sizes: sizes and parameters by name; sizes of operands may be left out.
        arrays: the operands by name, finite numbers in any floating-point or integer format.
        with_: the arithmetic of the kernel.

    Raises:
        ValueError: an operand or a size is missing or contradicts another one, a hypothesis of the
            theorem does not hold, or the unit roundoffs of an entry add up to 1 or more.

    """
    operands = [t for t in tensors(rounded.value) if t.definition is None]
    env = _sizes(rounded.theorem, operands, sizes, arrays)
    axes = {
        v.name: range(max(integer(n, _named(env)), 0))
        for v, n in rounded.theorem.variables
        if n is not None
    }
    scaled = {t.name: _integers(t.name, np.asarray(arrays[t.name])) for t in operands}
    counts = _table(rounded.addends, GivenModel(env), axes)
    exact = _sum(rounded.computed, env, axes, scaled)
    positive = {n: (np.abs(whole, out=np.empty_like(whole)), u) for n, (whole, u) in scaled.items()}
    magnitude = _sum(tuple(map(absolute, rounded.computed)), env, axes, positive)
    unit = _unit(rounded.value, scaled) if not rounded.stages else Fraction(0)
    exactly, lines = _exactly_up_to(unit, with_), {}
    for n in {*counts.flat}:
        lines[n] = with_.line(int(n), rounded.products)
    bound = np.full_like(magnitude, Fraction(0))
    for at, (n, whole) in enumerate(zip(counts.flat, magnitude.flat, strict=True)):
        if whole > exactly:
            slope, start = lines[n]
            bound.flat[at] = slope * whole + start
    unmet = tuple(_unmet(rounded, scaled, magnitude, bound, with_))
    return EntryBounds(exact, counts.astype(np.int64), magnitude, bound, unmet)


def _exactly_up_to(unit: Fraction, with_: Arithmetic) -> Fraction:
    """Return up to which sum of absolute values no number on the way has too many digits."""
    least = 2 * max(with_.product_underflow, with_.result_underflow)
    return unit * Fraction(2) ** with_.digits if unit >= least else Fraction(0)


def _table(body: Expression, model: GivenModel, axes: Mapping[str, range]) -> Array:
    out: Array = tabulate(body, Scope(model, _named(model.sizes)), axes)[0]
    return out


def _sum(
    body: Expression,
    env: Mapping[Symbol, int],
    axes: Mapping[str, range],
    scaled: Mapping[str, Scaled],
) -> Array:
    """Evaluate a sum of products exactly, in integers until the last step."""
    model = GivenModel(env, arrays={name: whole for name, (whole, _) in scaled.items()})
    out = np.full([len(axis) for axis in axes.values()], Fraction(0), object)
    for t in body:
        units = math.prod(scaled[name][1] for name in _operands(t))
        out += _table((t,), model, axes) * Fraction(units)
    return out


def _operands(t: Term) -> list[str]:
    """Return the names of the operands that a product multiplies, with repetitions."""
    return [a.tensor.name for a in accesses(expanded(t)) if a.tensor.definition is None]


def _unit(body: Expression, scaled: Mapping[str, Scaled]) -> Fraction:
    """Return a power of two of which every product is a multiple; 0 if there is none."""
    found = []
    for t in body:
        if not binary(t.coefficient):
            return Fraction(0)
        units = math.prod((scaled[name][1] for name in _operands(t)), start=Fraction(1))
        found.append(units / int(sp.denom(t.coefficient)))
    return min(found, default=Fraction(1))


def _named(env: Mapping[Symbol, int]) -> dict[str, int]:
    return {v.name: n for v, n in env.items()}


@lru_cache(maxsize=1 << 12)
def _factor(roundoffs: Fraction, addends: int) -> Fraction:
    """Return e/(1 - e)."""
    if roundoffs >= 1:
        raise ValueError(
            f"arithmetic: found unit roundoffs that add up to {float(roundoffs):.3g} for "
            f"{addends} products, expected less than 1: take an accumulator with more digits"
        )
    return roundoffs / (1 - roundoffs)


def _integers(name: str, values: Array) -> Scaled:
    """Return integers and the power of two that the values are multiples of."""
    if values.dtype.kind in "iub":
        return values.astype(np.int64).astype(object), Fraction(1)
    wide = values.astype(np.float64)
    if not np.isfinite(wide).all():
        raise ValueError(f"{name}: found NaN or infinity, expected finite numbers")
    parts, exponents = np.frexp(wide)
    whole = np.ldexp(parts, 53).astype(np.int64)
    zeros = np.zeros_like(whole)  # how often a number can be halved
    for step in (32, 16, 8, 4, 2, 1):
        even = (whole & ((1 << step) - 1) == 0) & (whole != 0)
        whole, zeros = np.where(even, whole >> step, whole), zeros + step * even
    exponents = exponents + zeros - 53
    least = int(exponents[whole != 0].min()) if whole.any() else 0
    shifts = np.where(whole != 0, exponents - least, 0).astype(object)
    out = whole.astype(object)
    out *= 2**shifts
    return out, Fraction(2) ** least


def _sizes(
    theorem: Theorem,
    operands: Iterable[Tensor],
    given: Mapping[str, int],
    arrays: Mapping[str, Array],
) -> dict[Symbol, int]:
    """Return the values of sizes and parameters: those given, and those that arrays have."""
    env = {symbol(name): int(n) for name, n in given.items()}
    for t in operands:
        if t.name not in arrays:
            raise ValueError(f"{t.name}: found no array, expected one for each operand")
        found = np.shape(arrays[t.name])
        if len(found) != len(t.shape):
            raise ValueError(f"{t.name}: found {len(found)} axes, expected {len(t.shape)}")
        for axis, (n, size) in enumerate(zip(found, box_sizes(t), strict=True)):
            if isinstance(size, Symbol):
                env.setdefault(size, n)
            if integer(size, _named(env)) != n:
                raise ValueError(
                    f"{t.name}: found {n} entries on axis {axis}, expected "
                    f"{size} = {integer(size, _named(env))}"
                )
    for condition in theorem.hypotheses:
        if not holds(condition, env):
            raise ValueError(f"sizes: found {_named(env)}, expected {condition}")
    return env


def _unmet(
    rounded: RoundingTheorem,
    scaled: Mapping[str, Scaled],
    magnitude: Array,
    bound: Array,
    with_: Arithmetic,
) -> Iterable[str]:
    """Yield the hypotheses that may not hold: no overflow, no underflow inside long products.

    Of sums that are computed first, the operands are judged; that a sum is small because its terms
    cancel is not.
    """
    top = max((m + b for m, b in zip(magnitude.flat, bound.flat, strict=True)), default=0)
    if top > with_.largest:
        yield f"a sum may be as large as {float(top):.3g}, which may overflow"
    for t in rounded.value:
        least = [_least(*scaled[name]) for name in _operands(t)]
        small = _smallest_product(least) if len(least) > 2 or rounded.stages else with_.normal
        if small < with_.normal:
            yield f"a product may be as small as {float(small):.3g}, which may underflow"


def _least(values: Array, unit: Fraction) -> Fraction:
    """Return the least absolute value that is not 0; 1 if all are 0."""
    return unit * min((abs(v) for v in values.flat if v), default=1)


def _smallest_product(least: Sequence[Fraction]) -> Fraction:
    """Return a lower bound of all products of two factors or more."""
    several = (
        math.prod(some, start=Fraction(1))
        for n in range(2, len(least) + 1)
        for some in itertools.combinations(least, n)
    )
    return min(several)
