"""What a right function returns, and how far a computed result may be from it.

A sum of products has a bound that is proved, for every algorithm that adds its products. For a
program with functions no bound holds for all algorithms: it has an estimate, that of running errors
(`rot180.derive.semantics.running_error`), times `SAFETY`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from rot180.codegen.audit.products import Array, Products
from rot180.codegen.audit.tolerance import Precision, digits, exact
from rot180.derive.language.polynomial import symbol
from rot180.derive.language.programs import Program
from rot180.derive.language.terms import Expression, Tensor, tensors
from rot180.derive.semantics.model import EvaluationError
from rot180.derive.semantics.program_values import (
    Estimates,
    EstimatingModel,
    Variables,
    estimates,
)
from rot180.derive.semantics.real import PIECES, functions
from rot180.derive.semantics.running_error import UNITS, Roundings, as_fraction

SAFETY = 4
"""By what an estimate is multiplied: it is of first order, and algorithms differ."""

PROVED = "a bound that is proved"
ESTIMATED = (
    "an estimate that is not proved: running errors to first order, operands off by 1 unit, "
    f"functions by {UNITS}, times {SAFETY}"
)
"""What the tolerance of a result is, in words."""

FINEST = 16
"""The largest denominator of a result that is compared exactly."""


class Expectation(Protocol):
    """What a function returns at sizes and parameters."""

    def numbers(self, arrays: Mapping[str, Array]) -> Array:
        """Return the result: of a sum in the arithmetic of the arrays, of a program as floats."""

    def exactly(self, arrays: Mapping[str, Array], dtype: str) -> Array | None:
        """Return the result for integers; None where a right one may be rounded."""

    def closely(self, arrays: Mapping[str, Array], precision: Precision) -> Closeness | None:
        """Return the result for numbers, and its tolerance; None where there is no estimate."""


@dataclass(frozen=True)
class Closeness:
    """A result and its tolerance; both arrays have fractions.

    Attributes:
        values: the entries.
        bounds: how far a computed entry may be from each.
        loss: the widest bound in unit roundoffs of the largest sum of absolute values; 0 if proved.

    """

    values: Array
    bounds: Array
    loss: float = 0.0

    def wrong(self, found: Array, factor: int = 1) -> tuple[Array, float]:
        """Return where a result is wrong, and the largest error as a part of its bound.

        Args:
            found: the result, in the shape of the values.
            factor: multiplies the bounds.

        """
        out, worst = np.zeros(found.shape, bool), 0.0
        for at in np.ndindex(*found.shape):
            value, bound = float(found[at]), self.bounds[at] * factor
            if not np.isfinite(value):
                out[at], worst = True, np.inf
                continue
            error = abs(Fraction(value) - self.values[at])
            out[at] = error > bound
            worst = max(worst, float(error / bound) if bound else np.inf if error else 0.0)
        return out, worst


@dataclass(frozen=True)
class SumExpectation:
    """That of a sum of products.

    Attributes:
        products: the products of each entry.

    """

    products: Products

    def numbers(self, arrays: Mapping[str, Array]) -> Array:
        """Return the sums."""
        return self.products.sum(arrays)

    def exactly(self, arrays: Mapping[str, Array], dtype: str) -> Array | None:
        """Return the sums; None if their absolute values exceed the integers of a dtype."""
        largest = self.products.absolute(arrays)
        if largest.size and largest.max() > 2 ** digits(dtype):
            return None
        return self.products.sum(arrays)

    def closely(self, arrays: Mapping[str, Array], precision: Precision) -> Closeness | None:
        """Return the exact sums, and the proved bound of each."""
        numbers = {name: exact(a) for name, a in arrays.items()}
        values, absolute = self.products.sum(numbers), self.products.absolute(numbers)
        precision = replace(precision, multiplications=self.products.multiplications)
        count, bounds = self.products.count(), np.empty(values.shape, object)
        for at in np.ndindex(*values.shape):
            bounds[at] = precision.bound(int(count[at]), as_fraction(absolute[at]))
        return Closeness(_fractions(values), bounds)


@dataclass(frozen=True)
class ProgramExpectation:
    """That of a program, or of a theorem about its gradient.

    Attributes:
        program: the definitions.
        body: what is evaluated: the output, or the right side of a theorem.
        variables: its indices, and their sizes.
        sizes: sizes and parameters by name.
        ties: which of equal extreme entries is selected.
        fixed: tensors whose entries are those in `origin`, as if they were operands.
        origin: what is evaluated for them; None for the program itself.

    """

    program: Program
    body: Expression
    variables: Variables
    sizes: Mapping[str, Any]
    ties: str = "first"
    fixed: tuple[Tensor, ...] = ()
    origin: ProgramExpectation | None = None

    @cached_property
    def polynomial(self) -> bool:
        """Say whether integers give numbers that are exact unless they are large."""
        return functions((self.body,)) <= {"identity", *PIECES} and not self.program.tables

    def estimates(self, arrays: Mapping[str, Array], roundings: Roundings) -> Estimates | None:
        """Return the values; None if a function has none."""
        try:
            model = self.model(arrays, roundings)
            return estimates(self.body, self.variables, model)
        except EvaluationError:
            return None

    def model(self, arrays: Mapping[str, Array], roundings: Roundings) -> EstimatingModel:
        """Return a model with some operands.

        Raises:
            EvaluationError: a function has no value in `origin`.

        """
        known = dict[str, Array]()
        if self.origin is not None:
            other = self.origin.model(arrays, roundings)
            known = {t.name: other.table(t) for t in self.fixed}
        return EstimatingModel(
            {symbol(v): n for v, n in self.sizes.items()},
            program=self.program,
            roundings=roundings,
            arrays=arrays,
            ties=self.ties,
            known=known,
        )

    def numbers(self, arrays: Mapping[str, Array]) -> Array:
        """Return the values as floats.

        Raises:
            EvaluationError: a function has no value there.

        """
        model = self.model(arrays, Roundings(0.0, 0.0))
        out: Array = estimates(self.body, self.variables, model).values.astype(float)
        return out

    def exactly(self, arrays: Mapping[str, Array], dtype: str) -> Array | None:
        """Return the values; None if they are not rational, or need too many digits."""
        if not self.polynomial:
            return None
        found = self.estimates(arrays, Roundings(0.0, 0.0))
        if found is None or not found.rational or found.peak * FINEST > 2 ** digits(dtype):
            return None
        values = _fractions(found.values)
        if any(v.denominator > FINEST for v in values.flat):
            return None
        return values.astype(float)

    def closely(self, arrays: Mapping[str, Array], precision: Precision) -> Closeness | None:
        """Return the values to many digits, and the estimate of each."""
        limits = precision.arithmetic
        roundings = Roundings(float(limits.addition), float(limits.product_underflow))
        found = self.estimates(arrays, roundings)
        if found is None or found.unsure or found.peak > limits.largest / 16:
            return None
        values = _fractions(found.values)
        bounds = np.empty(values.shape, object)
        for at in np.ndindex(*values.shape):
            stored = limits.result * abs(as_fraction(values[at])) + limits.result_underflow
            bounds[at] = as_fraction(SAFETY * float(found.errors[at])) + stored
        unit = float(limits.addition + limits.result)
        widest = max((float(b) for b in bounds.flat), default=0.0)
        return Closeness(
            values, bounds, widest / found.magnitude / unit if found.magnitude else 0.0
        )


def _fractions(values: Array) -> Array:
    out = np.empty(values.shape, object)
    for at in np.ndindex(*values.shape):
        out[at] = as_fraction(values[at])
    return out


def depends(body: Expression, program: Program) -> frozenset[str]:
    """Return the names of the operands, arrays of indices and parameters that values depend on."""
    names, seen = set[str](), set[str]()
    todo = [body]
    computed = {s.tensor.name: s.source for s in program.selections}
    computed |= {s.fixed.name: s.source for s in program.selections if s.fixed is not None}
    while todo:
        e = todo.pop()
        names |= {v.name for t in e for v in t.symbols}
        for t in tensors(e):
            names.add(t.name)
            source = computed.get(t.name)
            if source is not None and source.name not in seen:
                seen.add(source.name)
                names.add(source.name)
                if source.definition is not None:
                    todo.append(source.definition.body)
    names |= {g.array.name for g in program.gathers if g.tensor.name in names}
    names |= {n for t in program.tables if t.tensor.name in names for n in t.names}
    return frozenset(names)
