"""What a layer or a program computes and what its gradients are, entry by entry, by definition.

No rule is applied and nothing is differentiated as a formula: each definition is a sum over points,
and every number carries its slopes by all entries of all operands (dual numbers). In exact
arithmetic entries are Python's integers and fractions; otherwise they are floats, and the slopes
of functions are complex steps.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from rot180.derive.language.computed import Selection
from rot180.derive.language.formulas import OF_INDICES, FormulaTable
from rot180.derive.language.layers import Layer
from rot180.derive.language.notation import unfold_activation
from rot180.derive.language.programs import Program, with_tensors
from rot180.derive.language.scalar_functions import FUNCTIONS, T
from rot180.derive.language.terms import Access, Apply, Factor, Tensor, Term
from rot180.derive.semantics.model import Model, affine, integer
from rot180.derive.semantics.supports import Points, Scope, rows_of, solutions

Array = NDArray[Any]

TINY = 1e-30
"""A complex step: its square is lost in rounding."""


def _erf(t: Array) -> Array:
    """Return the error function near the real axis."""
    value = np.array([math.erf(v) for v in t.real.ravel()]).reshape(t.shape)
    out: Array = value + 1j * t.imag * 2 / math.sqrt(math.pi) * np.exp(-(t.real**2))
    return out


SMOOTH: dict[str, Callable[[Array], Array]] = {
    "exp": np.exp,
    "log": np.log,
    "tanh": np.tanh,
    "sqrt": np.sqrt,
    "sigmoid": lambda t: 1 / (1 + np.exp(-t)),
    "silu": lambda t: t / (1 + np.exp(-t)),
    "gelu": lambda t: t * (1 + _erf(t / math.sqrt(2))) / 2,
    "softplus": lambda t: np.log(1 + np.exp(t)),
    "rsqrt": lambda t: 1 / np.sqrt(t),
    "reciprocal": lambda t: 1 / t,
}
"""Values of functions at complex numbers."""

EXACT: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "identity": (lambda t: t, lambda t: 1),
    "relu": (lambda t: t if t > 0 else 0 * t, lambda t: 1 if t > 0 else 0),
    "half_square": (lambda t: t * t / 2, lambda t: t),
    "abs": (abs, lambda t: _sign(t)),
    "sign": (lambda t: _sign(t), lambda t: 0),
    "heaviside": (lambda t: Fraction(_sign(t) + 1, 2), lambda t: 0),
}
"""Values and slopes of functions at real numbers of any kind."""


def _sign(t: Any) -> int:
    return int(t > 0) - int(t < 0)


def _derivatives(function: str, order: int) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    """Return a derivative of a function and its slope; SymPy differentiates the function's value.

    Those of exact functions are exact: only `half_square` has a second derivative, 1.
    """
    if function in EXACT and order == 1:
        return EXACT[function][1], lambda t: int(function == "half_square")
    first, second = (FUNCTIONS[function].derivative(n) for n in (order, order + 1))
    return sp.lambdify(T, first, "math"), sp.lambdify(T, second, "math")


@dataclass(frozen=True)
class Dual:
    """An array of numbers, and the slopes of each by the entries of the operands.

    Attributes:
        value: the numbers, in any shape.
        slopes: a slope by each entry of all operands: one more axis, the last.

    """

    value: Array
    slopes: Array

    def times(self, other: Dual) -> Dual:
        """Return the product, by Leibniz."""
        slopes = self.value[..., None] * other.slopes + other.value[..., None] * self.slopes
        # the product of numbers in arrays without axes is no array
        return Dual(np.asarray(self.value * other.value, self.value.dtype), slopes)

    def apply(self, function: str, order: int = 0) -> Dual:
        """Return the values of a function, or of a derivative of it."""
        if order or function in EXACT:
            both = _derivatives(function, order) if order else EXACT[function]
            value, slope = (
                np.array([f(t) for t in self.value.ravel()], self.value.dtype) for f in both
            )
        else:
            stepped = SMOOTH[function](self.value.astype(complex) + 1j * TINY)
            value, slope = stepped.real, stepped.imag / TINY
        value, slope = (a.reshape(self.value.shape) for a in (value, slope))
        return Dual(value, slope[..., None] * self.slopes)


@dataclass(frozen=True)
class Meaning:
    """The output of a layer or a program, and its gradients by all operands.

    Attributes:
        output: the output.
        gradients: the gradient by each operand, for the given gradient by the output.
        largest: the largest number, in absolute value, among all definitions and their slopes.

    """

    output: Array
    gradients: Mapping[str, Array]
    largest: float = math.inf


def meaning(
    layer: Layer | Program,
    sizes: Mapping[str, Any],
    arrays: Mapping[str, Array],
    upstream: Array,
    *,
    exact: bool,
) -> Meaning:
    """Evaluate a layer or a program, and its gradients.

    Args:
        layer: it.
        sizes: its sizes and parameters.
        arrays: its operands, and its arrays of indices.
        upstream: the gradient by the output.
        exact: whether to compute with integers and fractions.

    """
    kind = object if exact else float
    evaluator = _Evaluator(sizes, kind, sum(arrays[t.name].size for t in layer.tensors))
    first = 0
    for t in layer.tensors:
        evaluator.operand(t, arrays[t.name], first)
        first += arrays[t.name].size
    definitions = layer.definitions if isinstance(layer, Program) else (layer.output,)
    selections = layer.selections if isinstance(layer, Program) else ()
    for gather in layer.gathers if isinstance(layer, Program) else ():
        size = evaluator.shape(gather.tensor)[-1]
        evaluator.constant(gather.tensor, np.eye(size, dtype=int)[arrays[gather.array.name]])
    for table in layer.tables if isinstance(layer, Program) else ():
        evaluator.constant(table.tensor, evaluator.computed(table))
    for t in definitions:
        evaluator.define(t, definitions, selections)
    out = evaluator.tables[layer.output.name]
    every = np.tensordot(_converted(upstream, kind), out.slopes, upstream.ndim)
    gradients = {}
    for t in layer.tensors:
        a = arrays[t.name]
        gradients[t.name], every = every[: a.size].reshape(a.shape), every[a.size :]
    known = (v for d in evaluator.tables.values() for a in (d.value, d.slopes) for v in a.flat)
    return Meaning(out.value, gradients, float(max(map(abs, known), default=0)))


def _converted(a: Array, kind: type[Any]) -> Array:
    """Return the numbers as floats, or as Python's integers."""
    if kind is float:
        return a.astype(float)
    out = np.empty(a.shape, object)
    out.ravel()[:] = [int(v) for v in a.ravel()]
    return out


@dataclass
class _Evaluator:
    """Tables of all tensors that are known, by name."""

    sizes: Mapping[str, Any]
    kind: type[Any]
    count: int

    def __post_init__(self) -> None:
        self.tables: dict[str, Dual] = {}
        self.scope = Scope(Model({}), self.sizes)

    def operand(self, t: Tensor, a: Array, first: int) -> None:
        """Enter an operand, whose entries have numbers from `first` on."""
        shape = self.shape(t)
        if a.shape != shape:
            raise ValueError(f"{t.name}: found the shape {a.shape}, expected {shape}")
        slopes: Array = np.zeros((a.size, self.count), self.kind)
        slopes[np.arange(a.size), first + np.arange(a.size)] = 1
        self.tables[t.name] = Dual(_converted(a, self.kind), slopes.reshape(*shape, self.count))

    def constant(self, t: Tensor, a: Array) -> None:
        """Enter a tensor that has no slopes."""
        value = a if a.dtype == float else _converted(a, self.kind)
        self.tables[t.name] = Dual(value, np.zeros((*a.shape, self.count), self.kind))

    def computed(self, table: FormulaTable) -> Array:
        """Return the values of a formula, entry by entry."""
        formula = " ".join("**" if w == "^" else w for w in table.formula)
        numbers = {n: float(v) for n, v in self.sizes.items()}
        functions = {n: getattr(math, n) for n in OF_INDICES if n != "abs"}
        out = np.empty(self.shape(table.tensor))
        for at in np.ndindex(*out.shape):
            index = {v.name: i for v, i in zip(table.formals, at, strict=True)}
            known = {"abs": abs, "pi": math.pi, **functions, **numbers, **index}
            out[at] = eval(formula, {"__builtins__": {}}, known)
        return out

    def shape(self, t: Tensor) -> tuple[int, ...]:
        """Return the sizes of a tensor, in numbers."""
        return tuple(max(0, integer(n, self.sizes)) for n in t.shape if n is not None)

    def define(self, t: Tensor, known: Sequence[Tensor], selections: Sequence[Selection]) -> None:
        """Evaluate a definition in terms of the tables."""
        for s in selections:
            if s.value == t.name and s.kind == "prod":
                self.tables[t.name] = self._multiplied(s)
                return
            if s.value == t.name:
                self.tables[s.tensor.name] = self._selected(s)
        made = with_tensors(t, {u: Tensor(u.name, u.shape) for u in known})
        assert made.definition is not None
        value: Array = np.zeros(self.shape(t), self.kind)
        slopes: Array = np.zeros((*value.shape, self.count), self.kind)
        box = [
            ({v.name: 1}, 0, n - 1)
            for v, n in zip(made.definition.formals, value.shape, strict=True)
        ]
        for u in made.definition.body:
            loops = [*(v.name for v in made.definition.formals), *(v.name for v in u.variables)]
            inside = tuple(map(_boxed, u.factors))
            rows = [*box, *rows_of(inside, self.scope, loops)]
            count, points = solutions(rows, loops)
            part = self._product(u, points, count)
            first = np.zeros(count, int)  # an axis for numbers, which have none
            at = (first, *(points[v.name] for v in made.definition.formals))
            np.add.at(value[None], at, part.value)
            np.add.at(slopes[None], at, part.slopes)
        self.tables[t.name] = Dual(value, slopes)

    def _multiplied(self, s: Selection) -> Dual:
        """Return products along axes, factor by factor."""
        source = self.tables[s.source.name]
        kept = tuple(m for n, m in enumerate(source.value.shape) if n not in s.axes)
        ones: Array = np.ones(kept, self.kind)
        out = Dual(ones, np.zeros((*kept, self.count), self.kind))
        for inner in np.ndindex(*(source.value.shape[n] for n in s.axes)):
            places = dict(zip(s.axes, inner, strict=True))
            at = tuple(places.get(n, slice(None)) for n in range(source.value.ndim))
            out = out.times(Dual(np.asarray(source.value[at], self.kind), source.slopes[at]))
        return out

    def _selected(self, s: Selection) -> Dual:
        """Return ones at the first extreme entries."""
        source = self.tables[s.source.name].value
        out: Array = np.zeros(source.shape, self.kind)
        sign = 1 if s.kind == "max" else -1
        kept = [range(1) if n in s.axes else range(m) for n, m in enumerate(source.shape)]
        whole = [range(m) if n in s.axes else range(1) for n, m in enumerate(source.shape)]
        for outer in np.ndindex(*map(len, kept)):
            places = [
                tuple(map(sum, zip(outer, inner, strict=True)))
                for inner in np.ndindex(*map(len, whole))
            ]
            if places:
                out[max(places, key=lambda at: sign * source[at])] = 1
        return Dual(out, np.zeros((*out.shape, self.count), self.kind))

    def _product(self, u: Term, points: Points, count: int) -> Dual:
        scale, _ = affine(u.coefficient, self.sizes)
        value: Array = np.empty(count, self.kind)
        value[:] = Fraction(scale) if self.kind is object else float(scale)
        out = Dual(value, np.zeros((count, self.count), self.kind))
        for f in map(unfold_activation, u.factors):
            if isinstance(f, Apply):
                out = out.times(self._entries(f.argument, points, count).apply(f.function, f.order))
            elif isinstance(f, Access):
                out = out.times(self._entries(f, points, count))
        return out

    def _entries(self, f: Access, points: Points, count: int) -> Dual:
        """Return entries of a table at all points; 0 outside."""
        table = self.tables[f.tensor.name]
        at, inside = list[Array](), np.ones(count, bool)
        for e, n in zip(f.index, table.value.shape, strict=True):
            constant, slopes = affine(e, self.sizes, points)
            place = np.full(count, int(constant))
            for v, c in slopes.items():
                place += int(c) * points[v]
            inside &= (place >= 0) & (place < n)
            at.append(place)
        value: Array = np.zeros(count, self.kind)
        slopes_at: Array = np.zeros((count, self.count), self.kind)
        some = tuple(place[inside] for place in at)
        value[inside], slopes_at[inside] = table.value[some], table.slopes[some]
        return Dual(value, slopes_at)


def _boxed(f: Factor) -> Factor:
    """Return the entry in an activation, which is zero where the entry has no place."""
    found = unfold_activation(f)
    return found.argument if isinstance(found, Apply) and found != f else f
