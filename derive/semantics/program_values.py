"""Values of programs, and of theorems about them, with an estimate of the rounding of a kernel.

The expressions of a theorem are evaluated as they are: sums over all indices, functions by their
formulas, selections by comparing. So what a framework's gradient is compared with is the derived
one, and nothing that a framework computed.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import reduce
from typing import TypeAlias

import numpy as np
import sympy as sp
from sympy import Expr, Symbol

from rot180.derive.language.computed import Selection
from rot180.derive.language.formulas import PI, FormulaTable, spelled
from rot180.derive.language.polynomial import symbol
from rot180.derive.language.programs import Program
from rot180.derive.language.terms import Access, Apply, Expression, Tensor, Term
from rot180.derive.semantics.evaluate import tabulate
from rot180.derive.semantics.model import Array, EvaluationError, Model, integer
from rot180.derive.semantics.running_error import (
    HIGH,
    Estimated,
    Roundings,
    compiled,
    evaluated,
    function,
)
from rot180.derive.semantics.supports import Scope

Variables: TypeAlias = Sequence[tuple[Symbol, Expr | None]]
"""The indices of a left side, and their sizes."""


@dataclass(frozen=True)
class EstimatingModel(Model):
    """A model with given entries, whose values have estimates of their rounding.

    Attributes:
        program: the definitions; its selections, gathers and tables are computed.
        roundings: what one operation may be off.
        arrays: the operands and the gradient by the output, by name: integers, or floats.
        ties: which of equal extreme entries is selected: first, last, or all.
        known: entries that are not computed again, by the names of tensors.

    """

    limit: int | None = 1
    program: Program | None = None
    roundings: Roundings = field(default_factory=lambda: Roundings(0.0, 0.0))
    arrays: Mapping[str, Array] = field(default_factory=dict)
    ties: str = "first"
    known: Mapping[str, Array] = field(default_factory=dict)

    def function(self, name: str, order: int, at: Array) -> Array:
        """Return values of a derivative of a listed function.

        Raises:
            EvaluationError: it is not listed, or has no finite real value there.

        """
        out = self.zeros(len(at))
        for n, argument in enumerate(at):
            out[n] = function(name, order, self.estimated(argument))
        return out

    def estimated(self, value: object) -> Estimated:
        """Return a value; one to which nothing was added is the number 0."""
        return value if isinstance(value, Estimated) else Estimated(value, self.roundings)

    def entries(self, name: str, shape: tuple[int, ...]) -> Array:
        """Return the entries of the free tensor of that name and box.

        Raises:
            EvaluationError: they are missing.

        """
        shape = tuple(max(n, 0) for n in shape)
        key = (name, shape)
        if key not in self.memo:
            self.memo[key] = self._entries(name, shape)
        out: Array = self.memo[key]
        return out

    def _entries(self, name: str, shape: tuple[int, ...]) -> Array:
        if name in self.known:
            return self.known[name]
        if name in self.arrays:
            return self._given(self.arrays[name].reshape(shape))
        assert self.program is not None
        for s in self.program.selections:
            if name == s.tensor.name:
                return self._others(s) if s.kind == "prod" else self._selected(s)
            if s.fixed is not None and name == s.fixed.name:
                return self._products(s)
        for g in self.program.gathers:
            if name == g.tensor.name:
                ones = np.eye(shape[-1], dtype=int).astype(object)
                out: Array = ones[self.arrays[g.array.name].reshape(shape[:-1]).astype(int)]
                return out
        for t in self.program.tables:
            if name == t.tensor.name:
                return self._computed(t, shape)
        raise EvaluationError(f"{name}: found no entries, expected the shape {shape}")

    def _given(self, a: Array) -> Array:
        """Return operands, each of which may be off by one rounding."""
        out = self.zeros(*a.shape)
        exact = a.dtype.kind in "iu"
        for at in np.ndindex(*a.shape):
            number = Estimated(int(a[at]) if exact else HIGH.mpf(float(a[at])), self.roundings)
            out[at] = number.rounded()
        return out

    def table(self, t: Tensor) -> Array:
        """Return the entries of a tensor inside its box."""
        formals = tuple(symbol(f"_{n}") for n in range(len(t.shape)))
        return self.grid(entry(t, formals), [*zip(formals, t.shape, strict=True)])

    def grid(self, body: Expression, variables: Variables) -> Array:
        """Return the values of an expression at all indices."""
        env = {v.name: n for v, n in self.sizes.items()}
        axes = {v.name: range(max(0, integer(n, env))) for v, n in variables if n is not None}
        whole = tabulate(body, Scope(self, env), axes)
        out: Array = whole.reshape(whole.shape[1:])  # one part: nothing is moved by an epsilon
        return out

    def _rows(self, s: Selection) -> Iterator[tuple[tuple[int, ...], list[tuple[int, ...]]]]:
        """Yield the indices of a value, each with those of the entries that it is taken from."""
        env = {v.name: n for v, n in self.sizes.items()}
        shape = [max(0, integer(n, env)) for n in s.source.shape if n is not None]
        kept = [n for n in range(len(shape)) if n not in s.axes]
        for at in itertools.product(*(range(shape[n]) for n in kept)):
            row = []
            for other in itertools.product(*(range(shape[n]) for n in s.axes)):
                place = dict(zip((*kept, *s.axes), (*at, *other), strict=True))
                row.append(tuple(place[n] for n in range(len(shape))))
            yield at, row

    def _selected(self, s: Selection) -> Array:
        source = self.table(s.source)
        out = self.zeros(*source.shape)
        sign = 1 if s.kind == "max" else -1
        for _, row in self._rows(s):
            numbers = [self.estimated(source[at]) for at in row]
            if not numbers:
                continue
            best = max(sign * number.value for number in numbers)
            extreme = [n for n, number in enumerate(numbers) if sign * number.value == best]
            largest = numbers[extreme[0]]
            for n, number in enumerate(numbers):
                if n not in extreme[:1] and _confused(largest, number):
                    self.memo["unsure"] = True
            chosen = {"first": extreme[:1], "last": extreme[-1:], "all": extreme}[self.ties]
            for n in chosen:
                out[row[n]] = 1
        return out

    def _others(self, s: Selection) -> Array:
        source = self.table(s.source)
        out = self.zeros(*source.shape)
        for _, row in self._rows(s):
            for at in row:
                numbers = [self.estimated(source[other]) for other in row if other != at]
                out[at] = reduce(lambda a, b: a * b, numbers, Estimated(1, self.roundings))
        return out

    def _products(self, s: Selection) -> Array:
        source = self.table(s.source)
        shape = [n for axis, n in enumerate(source.shape) if axis not in s.axes]
        out = self.zeros(*shape)
        for at, row in self._rows(s):
            numbers = [self.estimated(source[other]) for other in row]
            out[at] = reduce(lambda a, b: a * b, numbers, Estimated(1, self.roundings))
        return out

    def _computed(self, t: FormulaTable, shape: tuple[int, ...]) -> Array:
        words = {w for w in t.formula if w[0].isalpha()}
        known = {v.name: n for v, n in self.sizes.items() if v.name in words}
        names = {*known, *(v.name for v in t.formals)}
        text = spelled(t.formula, {"^": "**"})
        symbols = {n: Symbol(n, real=True) for n in names}
        formula = compiled(sp.parse_expr(text, {**symbols, **({PI: sp.pi} if PI in words else {})}))
        out = self.zeros(*shape)
        for at in np.ndindex(*shape):
            index = {v.name: n for v, n in zip(t.formals, at, strict=True)}
            numbers = {n: Estimated(v, self.roundings) for n, v in {**known, **index}.items()}
            value = evaluated(formula, numbers or {"": Estimated(0, self.roundings)})
            if value is None:
                raise EvaluationError(f"{t.convention}: found no finite value at {index}")
            out[at] = value
        return out


def entry(t: Tensor, index: tuple[Symbol, ...]) -> Expression:
    """Return an entry of a tensor as an expression."""
    return (Term(sp.Integer(1), (), (Access(t, index),)),)


def _confused(largest: Estimated, number: Estimated) -> bool:
    """Say whether a computed entry may exceed the largest one."""
    error = largest.error + number.error
    return error > 0 and abs(float(largest.value - number.value)) <= error


@dataclass(frozen=True)
class Estimates:
    """The values of a left side; all arrays have its shape.

    Attributes:
        values: integers, fractions, or numbers of mpmath.
        errors: how far a computed value may be from each, by the estimate; floats.
        magnitude: the largest sum of the absolute values of addends.
        peak: the largest absolute value that occurred.
        unsure: whether rounding may select another extreme entry.

    """

    values: Array
    errors: Array
    magnitude: float
    peak: float
    unsure: bool

    @property
    def rational(self) -> bool:
        """Say whether all values are integers or fractions."""
        return all(isinstance(v, int | Fraction) for v in self.values.flat)


def estimates(body: Expression, variables: Variables, model: EstimatingModel) -> Estimates:
    """Return the values of an expression, and how far computed ones may be from them.

    Args:
        body: the right side of a theorem, or the output.
        variables: the indices, and their sizes.
        model: the operands.

    Raises:
        EvaluationError: a function has no value, a symbol has none, or nothing bounds a sum.

    """
    found = model.grid(body, variables)
    values, errors = np.empty(found.shape, object), np.zeros(found.shape)
    peak = magnitude = 0.0
    for at in np.ndindex(*found.shape):
        number = model.estimated(found[at])
        values[at], errors[at] = number.value, number.error
        peak, magnitude = max(peak, number.peak), max(magnitude, number.magnitude)
    selections = model.program.selections if model.program else ()
    jumps = any(s.tensor.name in chosen(body, s) for s in selections)
    unsure = jumps and bool(model.memo.get("unsure"))
    unsure = unsure or not np.isfinite(errors).all()
    return Estimates(values, errors, magnitude, peak, unsure)


def chosen(body: Expression, s: Selection) -> set[str]:
    """Return the names of free tensors that an expression depends on, but not by way of a maximum.

    The maximum itself is continuous: it does not matter which of two equal entries it is.
    """
    out, seen = set[str](), set[Tensor]()

    def visit(e: Expression) -> None:
        for f in (f for t in e for f in t.factors):
            access = f.argument if isinstance(f, Apply) else f
            if not isinstance(access, Access) or access.tensor in seen:
                continue
            seen.add(access.tensor)
            out.add(access.tensor.name)
            if access.tensor.definition is not None and access.tensor.name != s.value:
                visit(access.tensor.definition.body)

    visit(body)
    return out
