"""The meaning: exact evaluation of expressions at concrete sizes, independent of the rules.

Tensors get pseudo-random values in the field of `PRIME` elements, or small integers where values
are to be read by people; sums run over all points where no box, range or equation vanishes, pending
derivatives are dual numbers. Nothing is rewritten, so agreement here is evidence about the rules,
not a consequence of them.
"""

from __future__ import annotations

import hashlib
import itertools
import math
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, Protocol, TypeAlias

import numpy as np
import sympy as sp
from numpy.typing import NDArray
from sympy import Expr, Symbol

from rot180.derive.kernel.obligations import Goal, Nonzero
from rot180.derive.language.polynomial import monomials, symbol
from rot180.derive.language.scalar_functions import FUNCTIONS, T, relation
from rot180.derive.language.terms import (
    Access,
    Apply,
    AtLeast,
    Condition,
    Derivative,
    Equal,
    Expression,
    Factor,
    Range,
    Tensor,
    Term,
    accesses_and_brackets,
    factor_symbols,
    free_symbols,
)

PRIME = 2**31 - 19
LIMIT = 10**7
BOUND = 4
"""How far a search for a counterexample goes from the plainest sizes and parameters."""

MODELS = 3000
"""How many models are searched to show that a counterexample is the smallest."""

WINDOW = range(-4, 5)
"""Where a free index without a size is searched."""

SHORT = 160
"""How many characters of entries are still worth reading."""

Array: TypeAlias = NDArray[Any]
"""Integers: of 64 bits, or exact where a model's entries are small."""

Value: TypeAlias = int | Fraction
Points: TypeAlias = dict[str, Array]
Row: TypeAlias = tuple[dict[str, int], int, int]
Interval: TypeAlias = tuple[dict[str, Fraction], Fraction, Fraction]
Box: TypeAlias = tuple[tuple[int, int] | None, ...]


class EvaluationError(ValueError):
    """The expression has no value: a sum without bounds, or a size that was not given."""


class EmptyError(EvaluationError):
    """No model was found, or none with an index."""


@dataclass(frozen=True)
class Model:
    """Concrete sizes and parameters, and a seed from which every tensor gets its values.

    Attributes:
        sizes: the sizes and parameters.
        seed: another seed, other entries.
        limit: if given, entries and values of functions are integers from 1 to `limit` and every
            expression has its exact value; if None, all are residues of `PRIME`.

    """

    sizes: Mapping[Symbol, int]
    seed: int = 0
    limit: int | None = None
    _memo: dict[object, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def values(self, tensor: Tensor) -> Array:
        """Return the entries of a free tensor in the shape of its box."""
        env = {v.name: n for v, n in self.sizes.items()}
        return self.entries(tensor.name, tuple(_integer(n, env) for n in _sizes(tensor)))

    def entries(self, name: str, shape: tuple[int, ...]) -> Array:
        """Return the entries of the free tensor of that name and box."""
        shape = tuple(max(n, 0) for n in shape)
        key = (name, shape)
        if key not in self._memo:
            at = np.arange(math.prod(shape), dtype=np.int64)
            self._memo[key] = self._numbers(f"{self.seed} {name} {shape}", at).reshape(shape)
        out: Array = self._memo[key]
        return out

    def function(self, name: str, order: int, at: Array) -> Array:
        """Return values of a function's derivative of that order; relations hold of them."""
        known = relation(name, order)
        if known is not None:
            return self._polynomial(known, at)
        out = self._numbers(f"{self.seed} {name} {order}", at)
        if self.limit is not None:
            primed = name + order * "'"
            self._memo.update({("function", primed, n): v for n, v in zip(at, out, strict=True)})
        return out

    def _polynomial(self, known: Expr, at: Array) -> Array:
        """Return values of a polynomial in t and in values of functions at t."""
        out = np.zeros_like(at)
        for powers, c in monomials(known).items():
            product = np.full_like(at, self.number(Fraction(int(c))))
            for word in (n for n, k in powers for _ in range(k)):
                value = at if word == "t" else self.function(word, 0, at)
                product = self.reduce(product * value)
            out = self.reduce(out + product)
        return out

    def _numbers(self, label: str, at: Array) -> Array:
        if self.limit is None:
            return _noise(label, at)
        out = np.zeros(len(at), object)
        out[:] = [1 + _hash(f"{label} {n}") % self.limit for n in at]
        return out

    def zeros(self, *shape: int) -> Array:
        """Return an array of zeros that can hold values."""
        return np.zeros(shape, np.int64 if self.limit is None else object)

    def number(self, c: Fraction) -> Value:
        """Return a rational number as a value."""
        if self.limit is None:
            return c.numerator * pow(c.denominator, -1, PRIME) % PRIME
        return c.numerator if c.denominator == 1 else c

    def reduce(self, values: Array) -> Array:
        """Bring values into the range of residues; exact ones are left as they are."""
        out: Array = values % PRIME if self.limit is None else values
        return out

    def spelled(self) -> tuple[str, ...]:
        """Write the small entries that were looked at, ``w = [1, 2]``, ``sigma(3) = 1``."""
        if self.limit is None:
            return ()
        found = []
        for key, value in self._memo.items():
            if isinstance(key, tuple) and key[0] == "function" and len(key) == 3:
                found.append(f"{key[1]}({key[2]}) = {value}")
            elif isinstance(value, np.ndarray) and isinstance(key, tuple) and len(key) == 2:
                found.append(f"{key[0]} = {value.tolist()}")
        return tuple(sorted(found))


@dataclass(frozen=True)
class Given(Model):
    """A model whose entries are given, not drawn: whole numbers or fractions, evaluated exactly.

    Attributes:
        arrays: the entries of each free tensor.

    """

    limit: int | None = 1
    arrays: Mapping[str, Array] = field(default_factory=dict)

    def entries(self, name: str, shape: tuple[int, ...]) -> Array:
        """Return the entries of the free tensor of that name.

        Raises:
            EvaluationError: none are given, or they have another box.

        """
        found = self.arrays.get(name)
        if found is None or found.shape != shape:
            had = "no entries" if found is None else f"entries of the shape {found.shape}"
            raise EvaluationError(f"{name}: found {had}, expected the shape {shape}")
        return found

    def function(self, name: str, order: int, at: Array) -> Array:
        """Return values of a known function: exact where they are rational, else to 17 digits.

        Raises:
            EvaluationError: the function is only a name.

        """
        if name not in FUNCTIONS:
            raise EvaluationError(
                f"{name}: found a function without values, expected one of {', '.join(FUNCTIONS)}"
            )
        formula = FUNCTIONS[name].derivative(order)
        out = np.zeros(len(at), object)
        for n, argument in enumerate(at):
            value = formula.subs(T, sp.Rational(argument))
            exact = value if value.is_Rational else sp.Rational(float(value.evalf(30)))
            out[n] = int(exact.p) if exact.q == 1 else Fraction(int(exact.p), int(exact.q))
        return out


@dataclass(frozen=True)
class _Scope:
    """Where a factor is evaluated: a model, named integers, and the entries moved by an epsilon.

    A value has ``2**len(moved)`` parts, one per product of the nilpotent epsilons.
    """

    model: Model
    env: Mapping[str, int]
    moved: tuple[tuple[str, tuple[int, ...], tuple[int, ...]], ...] = ()

    @property
    def parts(self) -> int:
        return 1 << len(self.moved)


def evaluate(expression: Expression, model: Model, point: Mapping[Symbol, int]) -> Value:
    """Return the value of an expression at one point of its free indices.

    It is a residue of `PRIME`, or exact if the model's entries are small. A derivative with respect
    to an entry outside its tensor's box is zero.

    Raises:
        EvaluationError: a sum is not bounded by its factors, or a symbol has no value.

    """
    env = {v.name: n for v, n in (*model.sizes.items(), *point.items())}
    value = _tabulate(expression, _Scope(model, env), {})[0]
    return value if isinstance(value, Fraction) and value.denominator != 1 else int(value)


def points(
    term: Term, model: Model, point: Mapping[Symbol, int]
) -> list[dict[Symbol, int]]:
    """Return where a sum is carried out: the values of its variables that no factor rules out.

    Boxes, ranges and equations rule points out; a zero among the entries does not.

    Args:
        term: a sum of products.
        model: sizes, parameters and entries.
        point: the free indices.

    Raises:
        EvaluationError: the sum is not bounded by its factors, or a symbol has no value.

    """
    env = {v.name: n for v, n in (*model.sizes.items(), *point.items())}
    loops = [v.name for v in term.variables]
    count, found = _solutions(list(_rows(term.factors, _Scope(model, env), loops)), loops)
    rows = sorted(zip(*(found[v].tolist() for v in loops), strict=True)) if loops else [()] * count
    return [dict(zip(term.variables, row, strict=True)) for row in rows]


def table(tensor: Tensor, model: Model) -> tuple[tuple[int, ...], Array] | None:
    """Return a tensor's entries on the smallest box outside of which it is evidently zero.

    Returns:
        the first index of each axis, and the entries; None if an axis has no such box.

    """
    box = _support(tensor, _Scope(model, {v.name: n for v, n in model.sizes.items()}))
    axes = [range(ends[0], ends[1] + 1) for ends in box if ends is not None]
    if len(axes) < len(box):
        return None
    names = tuple(symbol(f"_{n}") for n in range(len(box)))
    access = Access(tensor, names)
    out = np.zeros([len(axis) for axis in axes], object)
    for at in itertools.product(*axes):
        place = tuple(i - axis.start for i, axis in zip(at, axes, strict=True))
        here = dict(zip(names, at, strict=True))
        out[place] = evaluate((Term(sp.Integer(1), (), (access,)),), model, here)
    return tuple(axis.start for axis in axes), out


def _hash(label: str) -> int:
    return int.from_bytes(hashlib.blake2b(label.encode(), digest_size=8).digest(), "little")


def _noise(label: str, at: Array) -> Array:
    """Hash integers to residues (splitmix64): the same on every platform."""
    z = at.astype(np.uint64) + np.uint64(1)
    z = z * np.uint64(0x9E3779B97F4A7C15) + np.uint64(_hash(label))
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((z ^ (z >> np.uint64(31))) % np.uint64(PRIME)).astype(np.int64)


def _affine(
    e: Expr, env: Mapping[str, int], loops: Iterable[str] = ()
) -> tuple[int | Fraction, dict[str, int | Fraction]]:
    """Split an index into a number and the nonzero coefficients of the loop variables."""
    constant: int | Fraction = 0
    coefficients: dict[str, int | Fraction] = {}
    for monomial, c in monomials(e).items():
        value: int | Fraction = int(c.p) if c.q == 1 else Fraction(int(c.p), int(c.q))
        loop = ""
        for name, power in monomial:
            if name in loops:
                loop = name
            elif name in env:
                value *= env[name] ** power
            else:
                raise EvaluationError(f"{e}: {name} has no value in {dict(env)}")
        if loop:
            coefficients[loop] = coefficients.get(loop, 0) + value
        else:
            constant += value
    return constant, {v: c for v, c in coefficients.items() if c != 0}


def _integer(e: Expr, env: Mapping[str, int]) -> int:
    value, _ = _affine(e, env)
    if value != int(value):
        raise EvaluationError(f"{e} is {value}, not an integer")
    return int(value)


def _sizes(tensor: Tensor) -> tuple[Expr, ...]:
    return tuple(n for n in tensor.shape if n is not None)


def _row(e: Expr, low: int, high: int, env: Mapping[str, int], loops: Iterable[str]) -> Row:
    """Return ``low <= e <= high`` as (coefficients, low, high) without the constant."""
    constant, coefficients = _affine(e, env, loops)
    scale = math.lcm(constant.denominator, *(c.denominator for c in coefficients.values()))
    shift = int(constant * scale)
    row = {v: int(c * scale) for v, c in coefficients.items()}
    return row, low * scale - shift, high * scale - shift


def _rows(factors: Iterable[Factor], scope: _Scope, loops: Sequence[str]) -> Iterator[Row]:
    """Walk over what must hold for a product of factors to be nonzero."""
    for factor in factors:
        if isinstance(factor, Equal):
            yield _row(factor.value, 0, 0, scope.env, loops)
        elif isinstance(factor, Range):
            size = _integer(factor.size, scope.env)
            yield _row(factor.value, 0, size - 1, scope.env, loops)
        elif isinstance(factor, Access):
            for e, axis in zip(factor.index, _support(factor.tensor, scope), strict=True):
                if axis is not None:
                    yield _row(e, *axis, scope.env, loops)
        elif isinstance(factor, Derivative):
            yield from _rows((*factor.factors, factor.wrt), scope, loops)


def _key(tensor: Tensor, scope: _Scope) -> tuple[object, ...]:
    names = sorted(v.name for v in tensor.parameters)
    return (tensor, *(scope.env.get(name) for name in names))


def _support(tensor: Tensor, scope: _Scope) -> Box:
    """Return the first and last index of each axis outside of which the tensor is zero."""
    if tensor.definition is None:
        return tuple((0, _integer(n, scope.env) - 1) for n in _sizes(tensor))
    key = ("support", *_key(tensor, scope))
    if key not in scope.model._memo:
        formals = [v.name for v in tensor.definition.formals]
        boxed = [
            ({v: 1}, 0, _integer(n, scope.env) - 1)
            for v, n in zip(formals, tensor.shape, strict=True)
            if n is not None
        ]
        found = []
        for term in tensor.definition.body:
            loops = [*formals, *(v.name for v in term.variables)]
            found.append(_intervals([*boxed, *_rows(term.factors, scope, loops)], loops))
        whole = (
            (min((f[v][0] for f in found), default=0), max((f[v][1] for f in found), default=-1))
            if all(v in f for f in found)
            else None
            for v in formals
        )
        own = {next(iter(row)): (low, high) for row, low, high in boxed}
        scope.model._memo[key] = tuple(
            _both(span, own.get(v)) for v, span in zip(formals, whole, strict=True)
        )
    out: Box = scope.model._memo[key]
    return out


def _both(one: tuple[int, int] | None, other: tuple[int, int] | None) -> tuple[int, int] | None:
    """Return what two ranges have in common; None is all of Z."""
    if one is None or other is None:
        return one or other
    return max(one[0], other[0]), min(one[1], other[1])


def _intervals(rows: Iterable[Row], loops: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Bound the variables that the rows determine: Gauss-Jordan with intervals on the right."""
    todo = [({v: Fraction(c) for v, c in r.items()}, Fraction(a), Fraction(b)) for r, a, b in rows]
    done: dict[str, Interval] = {}
    for v in loops:
        candidates = [row for row in todo if v in row[0]]
        if candidates:
            left, low, high = pivot = min(candidates, key=lambda r: (len(r[0]) > 1, r[2] - r[1]))
            todo.remove(pivot)
            ends = (low / left[v], high / left[v]) if low <= high else (Fraction(0), Fraction(-1))
            unit = ({w: a / left[v] for w, a in left.items()}, min(ends), max(ends))
            todo = [_without(v, unit, row) for row in todo]
            done = {w: _without(v, unit, row) for w, row in done.items()} | {v: unit}
    return {
        v: (math.ceil(low), math.floor(high))
        for v, (left, low, high) in done.items()
        if len(left) == 1
    }


def _without(v: str, unit: Interval, row: Interval) -> Interval:
    """Take a multiple of a row in which `v` has the coefficient 1 from another row."""
    f = row[0].get(v, Fraction(0))
    left = {w: row[0].get(w, 0) - f * unit[0].get(w, 0) for w in {**row[0], **unit[0]}}
    low, high = (unit[2], unit[1]) if f > 0 else (unit[1], unit[2])
    return {w: a for w, a in left.items() if a != 0}, row[1] - f * low, row[2] - f * high


def _ends(v: str, rows: list[Row], points: Points, count: int) -> tuple[Array, Array] | None:
    """Bound one variable at each point, by the rows in which all others are known."""
    out: tuple[Array, Array] | None = None
    for row, low, high in rows:
        if v not in row or not all(w == v or w in points for w in row):
            continue
        known = np.zeros(count, np.int64)
        for w, c in row.items():
            if w != v:
                known += c * points[w]
        near, far = (low - known, high - known)[:: 1 if row[v] > 0 else -1]
        first, last = -(-near // row[v]), far // row[v]
        out = (np.maximum(out[0], first), np.minimum(out[1], last)) if out else (first, last)
    return out


def _solutions(rows: list[Row], loops: Sequence[str]) -> tuple[int, Points]:
    """Return all integer points that satisfy the rows, one vector per variable.

    Raises:
        EvaluationError: the rows do not bound a variable, or leave more than `LIMIT` points.

    """
    rest, points = list(loops), dict[str, Array]()
    count = int(all(row or low <= 0 <= high for row, low, high in rows))
    while rest and count:
        best: tuple[int, str, Array, Array] | None = None
        for v in rest:
            ends = _ends(v, rows, points, count)
            if ends is not None:
                lengths = np.maximum(ends[1] - ends[0] + 1, 0)
                total = int(lengths.sum())
                if best is None or total < best[0]:
                    best = (total, v, ends[0], lengths)
        if best is None:
            found = _intervals(rows, loops)
            if not found.keys() & set(rest):
                raise EvaluationError(f"no factor bounds the sum over {', '.join(rest)}")
            rows = rows + [({v: 1}, low, high) for v, (low, high) in found.items()]
            continue
        count, v, first, lengths = best
        if count > LIMIT:
            raise EvaluationError(f"more than {LIMIT} points in the sum over {', '.join(loops)}")
        points = {w: np.repeat(at, lengths) for w, at in points.items()}
        start = np.repeat(first - np.cumsum(lengths) + lengths, lengths)
        points[v] = start + np.arange(count, dtype=np.int64)
        rest.remove(v)
    if not count:
        points = {v: np.zeros(0, np.int64) for v in loops}
    return count, points


def _tabulate(body: Expression, scope: _Scope, axes: Mapping[str, range]) -> Array:
    """Evaluate an expression on a grid of some of its free indices."""
    shape = tuple(len(axis) for axis in axes.values())
    out = scope.model.zeros(scope.parts, math.prod(shape))
    for term in body:
        loops = [*axes, *(v.name for v in term.variables)]
        rows: list[Row] = [({v: 1}, axis.start, axis.stop - 1) for v, axis in axes.items()]
        count, points = _solutions([*rows, *_rows(term.factors, scope, loops)], loops)
        scale = scope.model.number(Fraction(_affine(term.coefficient, scope.env)[0]))
        place = np.zeros(count, np.int64)
        for v, axis in axes.items():
            place = place * len(axis) + points[v] - axis.start
        values = scope.model.reduce(_product(term.factors, scope, count, points) * scale)
        for part, value in zip(out, values, strict=True):
            np.add.at(part, place, value)
        out = scope.model.reduce(out)
    return out.reshape(scope.parts, *shape)


def _times(a: Array, b: Array, model: Model) -> Array:
    """Multiply values with epsilon parts: part S is the sum over A + B = S, A and B disjoint."""
    out = np.zeros_like(a)
    for i, j in itertools.product(range(len(a)), repeat=2):
        if not i & j:
            out[i | j] = model.reduce(out[i | j] + a[i] * b[j])
    return out


def _product(factors: Iterable[Factor], scope: _Scope, count: int, points: Points) -> Array:
    """Multiply factors at points that satisfy their rows, so that each bracket is 1."""
    out = scope.model.zeros(scope.parts, count)
    out[0] = 1
    for factor in factors:
        if isinstance(factor, Access):
            out = _times(out, _access(factor, scope, count, points), scope.model)
        elif isinstance(factor, Apply):
            out = _times(out, _apply(factor, scope, count, points), scope.model)
        elif isinstance(factor, Derivative):
            out = _times(out, _derivative(factor, scope, count, points), scope.model)
    return out


def _at(access: Access, scope: _Scope, count: int, points: Points) -> list[Array]:
    """Return the index vectors of an access."""
    out = []
    for e in access.index:
        constant, coefficients = _affine(e, scope.env, points)
        at = np.full(count, int(constant), np.int64)
        for v, c in coefficients.items():
            at += int(c) * points[v]
        out.append(at)
    return out


def _access(access: Access, scope: _Scope, count: int, points: Points) -> Array:
    tensor, index = access.tensor, _at(access, scope, count, points)
    if tensor.definition is None:
        shape = tuple(_integer(n, scope.env) for n in _sizes(tensor))
        axes = [range(max(n, 0)) for n in shape]
        table = scope.model.zeros(scope.parts, *map(len, axes))
        table[0] = scope.model.entries(tensor.name, shape)
        for i, (name, box, entry) in enumerate(scope.moved):
            if (name, box) == (tensor.name, shape):
                table[(1 << i, *entry)] = 1
    elif count:
        axes = []
        for at, box_axis in zip(index, _support(tensor, scope), strict=True):
            low, high = box_axis or (int(at.min()), int(at.max()))
            axes.append(range(low, max(high + 1, low)))
        formals = (v.name for v in tensor.definition.formals)
        key = ("table", tuple(axes), scope.moved, *_key(tensor, scope))
        if key not in scope.model._memo:
            grid = dict(zip(formals, axes, strict=True))
            scope.model._memo[key] = _tabulate(tensor.definition.body, scope, grid)
        table = scope.model._memo[key]
    if not count or not all(axes):
        return scope.model.zeros(scope.parts, count)
    inside = np.ones(count, bool)
    for at, axis in zip(index, axes, strict=True):
        inside &= (at >= axis.start) & (at < axis.stop)
    place = tuple(
        np.where(inside, at - axis.start, 0) for at, axis in zip(index, axes, strict=True)
    )
    out = scope.model.zeros(scope.parts, count)
    for n in range(scope.parts):
        out[n] = table[(n, *place)]
    return np.where(inside, out, 0)


def _apply(apply: Apply, scope: _Scope, count: int, points: Points) -> Array:
    """Taylor's formula: exact, because the epsilons are nilpotent."""
    step = _access(apply.argument, scope, count, points)
    at = step[0].copy()
    step[0] = 0
    power = np.zeros_like(step)
    power[0] = 1
    out = np.zeros_like(step)
    model = scope.model
    for k in range(len(scope.moved) + 1):
        weight = model.function(apply.function, apply.order + k, at)
        weight = model.reduce(weight * model.number(Fraction(1, math.factorial(k))))
        out = model.reduce(out + weight * power)
        power = _times(power, step, model)
        if not power.any():
            break
    return out


def _derivative(derivative: Derivative, scope: _Scope, count: int, points: Points) -> Array:
    """Move one entry by a new epsilon and keep the part that has it."""
    tensor = derivative.wrt.tensor
    if tensor.definition is not None:
        raise EvaluationError(f"derivative with respect to the defined tensor {tensor.name}")
    shape = tuple(_integer(n, scope.env) for n in _sizes(tensor))
    index = np.array(_at(derivative.wrt, scope, count, points), np.int64)
    entries = [tuple(entry) for entry in index.reshape(len(shape), count).T.tolist()]
    out = scope.model.zeros(scope.parts, count)
    for entry in dict.fromkeys(entries):
        here = np.array([other == entry for other in entries])
        inner = replace(scope, moved=(*scope.moved, (tensor.name, shape, entry)))
        some = {v: at[here] for v, at in points.items()}
        out[:, here] = _product(derivative.factors, inner, int(here.sum()), some)[scope.parts :]
    return out


class Statement(Protocol):
    """What can be checked: a theorem, of which each line must have the same value."""

    @property
    def variables(self) -> tuple[tuple[Symbol, Expr | None], ...]:
        """The free indices and their sizes; None is all of Z."""

    @property
    def hypotheses(self) -> tuple[Condition, ...]:
        """What the sizes and parameters satisfy."""

    @property
    def lines(self) -> tuple[Expression, ...]:
        """The expressions claimed to be equal."""


@dataclass(frozen=True)
class Counterexample:
    """A model and an index at which line 0 and another line differ.

    Attributes:
        model: sizes, parameters and entries.
        index: the free indices.
        line: the number of the line that differs from line 0.
        left: the value of line 0.
        right: the value of the other line.
        plain: the sizes and parameters from which the search went out; None if there was none.
        searched: how far from them, all differences added up, nothing refutes.
        unbounded: whether some free index has no size; it is then searched in `WINDOW`.

    """

    model: Model
    index: Mapping[Symbol, int]
    line: int
    left: Value
    right: Value
    plain: Mapping[Symbol, int] | None = None
    searched: int = -1
    unbounded: bool = False

    @property
    def sizes(self) -> Mapping[Symbol, int]:
        """Return the sizes and parameters."""
        return self.model.sizes

    @property
    def smallest(self) -> bool:
        """Say whether every choice of sizes and parameters that is nearer was searched."""
        return self.plain is not None and _distance(self.sizes, self.plain) == self.searched + 1

    def __str__(self) -> str:
        """Return both values, the sizes, the index and what entries are short to write."""
        return self.say("line 0", f"line {self.line}")

    def say(self, left: str, right: str) -> str:
        """Write it, with words for both lines."""
        modulo = "" if self.model.limit else f" (mod {PRIME})"
        where = _values({**self.sizes, **self.index})
        text = f"{left} is {self.left}, {right} is {self.right}{modulo}"
        text += f" at {where}" if where else ""
        entries = ", ".join(self.model.spelled())
        return f"{text} with {entries}" if 0 < len(entries) <= SHORT else text

    def plain_data(self) -> dict[str, object]:
        """Return it as plain data; values that are no integers as text."""
        values = {"left": self.left, "right": self.right}
        return {
            "sizes": {v.name: n for v, n in self.sizes.items()},
            "index": {v.name: n for v, n in self.index.items()},
            **{k: v if isinstance(v, int) else str(v) for k, v in values.items()},
            "modulo": None if self.model.limit else PRIME,
            "entries": list(self.model.spelled()),
            "scope": self.scope(),
        }

    def scope(self) -> str:
        """Say in which sense it is the smallest."""
        if self.plain is None:
            return "found at random; no smaller one was found"
        away, plain = _distance(self.sizes, self.plain), _values(self.plain)
        if self.smallest and away == 0:
            text = "the smallest: the search starts at these sizes and parameters"
        elif self.smallest:
            text = f"the smallest: nothing less than {away} away from {plain} refutes it"
        else:
            text = (
                f"nothing up to {self.searched} away from {plain} refutes it; this is {away} "
                "away, and no size or parameter alone can be nearer"
            )
        return text + f" (indices without a size: {WINDOW[0]} to {WINDOW[-1]})" * self.unbounded


def _values(at: Mapping[Symbol, int]) -> str:
    return ", ".join(f"{v}={n}" for v, n in at.items())


def _distance(sizes: Mapping[Symbol, int], plain: Mapping[Symbol, int]) -> int:
    return sum(abs(n - plain[v]) for v, n in sizes.items())


@dataclass(frozen=True)
class Report:
    """What a check saw: models and points tried, points with a nonzero value, a failure."""

    models: int
    points: int
    nonzero: int
    counterexample: Counterexample | None


def holds(condition: Condition, at: Mapping[Symbol, int]) -> bool:
    """Return whether a condition holds at concrete values."""
    env = {v.name: n for v, n in at.items()}
    value = _integer(condition.value, env)
    if isinstance(condition, Equal):
        return value == 0
    if value < 0 or isinstance(condition, AtLeast):
        return value >= 0
    return value < _integer(condition.size, env)


def _symbols(expressions: Iterable[Expr]) -> set[Symbol]:
    return {v for e in expressions for v in e.free_symbols if isinstance(v, Symbol)}


def _names(
    lines: Iterable[Expression],
    variables: tuple[tuple[Symbol, Expr | None], ...],
    hypotheses: tuple[Condition, ...],
) -> list[Symbol]:
    """Return the sizes and parameters of a statement, sorted by name."""
    found = set[Symbol]().union(*(free_symbols(line) for line in lines))
    found |= _symbols(n for _, n in variables if n is not None)
    found |= {v for condition in hypotheses for v in factor_symbols(condition)}
    return sorted(found - {v for v, _ in variables}, key=lambda v: v.name)


def _axes(expression: Expression) -> set[Symbol]:
    """Return the symbols in the boxes of tensors, definitions included."""
    found: set[Symbol] = set()
    for term in expression:
        for part in accesses_and_brackets(term.factors):
            if isinstance(part, Access):
                found |= _symbols(_sizes(part.tensor))
                if part.tensor.definition:
                    found |= _axes(part.tensor.definition.body)
    return found


def _differ(
    lines: tuple[Expression, ...], model: Model, point: Mapping[Symbol, int]
) -> tuple[Value, Counterexample | None]:
    first = evaluate(lines[0], model, point)
    for n, line in enumerate(lines[1:], 1):
        value = evaluate(line, model, point)
        if value != first:
            return first, Counterexample(model, point, n, first, value)
    return first, None


def _repair(
    conditions: Sequence[Condition], at: dict[Symbol, int], fixed: set[Symbol], rng: random.Random
) -> bool:
    """Change values until the conditions hold; equations are solved where that is exact."""
    for _ in range(400):
        broken = [c for c in conditions if not holds(c, at)]
        if not broken:
            return True
        condition = rng.choice(broken)
        free = sorted(factor_symbols(condition) - fixed, key=lambda v: v.name)
        if not free:
            return False
        v = rng.choice(free)
        env = {w.name: n for w, n in at.items()}
        at[v] += rng.choice((-2, -1, 1, 2))
        if isinstance(condition, Equal):
            constant, slope = _affine(condition.value, env, (v.name,))
            c = slope.get(v.name, 0)
            if c != 0 and constant % c == 0 and -9 <= -constant // c <= 30:
                at[v] = int(-constant // c)
    return False


def check(statement: Statement, count: int = 6, seed: int = 0) -> Report:
    """Compare every line of a theorem at random sizes, parameters, entries and indices.

    Args:
        statement: a theorem.
        count: how many models to try at whose indices something is not zero; fewer if such
            models are hard to find.
        seed: another seed, other models.

    Raises:
        EvaluationError: no model was found: the hypotheses contradict each other, or leave
            no index.

    """
    rng = random.Random(seed)
    models = points = nonzero = telling = 0
    for model in itertools.islice(_models(statement, rng), 8 * count):
        indices = _indices(statement, model, rng)
        values = []
        for point in indices:
            value, failure = _differ(statement.lines, model, point)
            values.append(value)
            if failure:
                return Report(models + 1, points + len(values), nonzero, failure)
        models += bool(values)
        points += len(values)
        nonzero += sum(value != 0 for value in values)
        telling += any(values)
        if telling == count:
            break
    if not models:
        raise EmptyError("no small model of the hypotheses has an index to look at")
    return Report(models, points, nonzero, None)


def _models(statement: Statement, rng: random.Random) -> Iterator[Model]:
    """Draw models of the hypotheses, sizes mostly small and positive; stop if there seem none."""
    bound = {v for v, _ in statement.variables}
    names = _names(statement.lines, statement.variables, statement.hypotheses)
    axes = set[Symbol]().union(*(_axes(line) for line in statement.lines))
    axes |= _symbols(n for _, n in statement.variables if n is not None)
    conditions = [c for c in statement.hypotheses if not factor_symbols(c) & bound]
    failures = 0
    while failures < 20:
        sizes = {
            v: rng.choices((-1, 0, 1, 2, 3, 4, 5, 7), (1, 1, 6, 9, 9, 5, 3, 1))[0]
            if v in axes
            else rng.choice((-2, -1, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 3, 4, 5))
            for v in names
        }
        while math.prod(max(n, 1) for v, n in sizes.items() if v in axes) > 20000:
            sizes[max(axes, key=lambda v: (sizes[v], v.name))] -= 1
        if _repair(conditions, sizes, bound, rng):
            failures = 0
            yield Model(sizes, rng.randrange(1 << 30))
        else:
            failures += 1


def _indices(statement: Statement, model: Model, rng: random.Random) -> list[dict[Symbol, int]]:
    """Draw at most three indices: any one, and such where one end of the theorem is not zero."""
    found: list[dict[Symbol, int]] = []
    for _ in range(20):
        point = _index(statement, model.sizes, rng)
        if point is None:
            break
        end = statement.lines[rng.choice((0, -1))]
        if not found or (point not in found and evaluate(end, model, point)):
            found.append(point)
        if len(found) == 3:
            break
    return found


def _index(
    statement: Statement, sizes: Mapping[Symbol, int], rng: random.Random
) -> dict[Symbol, int] | None:
    """Draw an index from the box of the free variables; None if it is empty."""
    env = {v.name: n for v, n in sizes.items()}
    for _ in range(20):
        point = {}
        for v, n in statement.variables:
            box = range(-6, 10) if n is None else range(_integer(n, env))
            if not box:
                return None
            point[v] = rng.choice(box)
        if all(holds(c, {**sizes, **point}) for c in statement.hypotheses):
            return point
    return None


@dataclass(frozen=True)
class Equation:
    """A claim that two expressions are equal, proved or not."""

    variables: tuple[tuple[Symbol, Expr | None], ...]
    hypotheses: tuple[Condition, ...]
    lines: tuple[Expression, Expression]


def refute(equation: Equation, count: int = 12, bound: int = BOUND) -> Counterexample | None:
    """Look at random models, then go down to the smallest counterexample.

    Args:
        equation: what is claimed.
        count: how many models to try.
        bound: how far from the plainest model everything is searched; less where that would be
            more than `MODELS` models. The counterexample says how far it was.

    Returns:
        A counterexample, its entries and values small integers wherever such can be found; None
        if none turned up.

    Raises:
        EvaluationError: a sum is not bounded by its factors.

    """
    plain, _ = _plainest(equation)
    try:
        found = check(equation, count).counterexample
    except EmptyError:
        return None
    if found is None:
        return None
    sizes = _shrink(equation, dict(found.sizes), plain)
    radius = min(bound, _distance(sizes, plain))
    while radius > 0 and _count(len(plain), radius) > MODELS:
        radius -= 1
    smaller = counterexample(*equation.lines, equation.variables, equation.hypotheses, radius)
    if smaller:
        return smaller
    point = _first_difference(equation, Model(sizes))
    if point is None:
        return _small(equation, found.model, found.index)
    return _searched(equation, Model(sizes), point, plain, radius)


def counterexample(
    lhs: Expression,
    rhs: Expression,
    variables: tuple[tuple[Symbol, Expr | None], ...],
    hypotheses: tuple[Condition, ...] = (),
    bound: int = BOUND,
) -> Counterexample | None:
    """Search sizes and parameters by their distance from the plainest, and all indices.

    The plainest are 1 for sizes and factors (strides, dilations) and 0 for what is only added
    (paddings), or the bound that a hypothesis sets. A free index without a size is searched in
    `WINDOW`.

    Args:
        lhs: the left side.
        rhs: the right side.
        variables: the free indices with their sizes (None: all integers).
        hypotheses: conditions on the parameters.
        bound: how far to go, all differences added up.

    Returns:
        The nearest disagreement, at the smallest index, or None.

    Raises:
        EvaluationError: a sum is not bounded by its factors.

    """
    equation = Equation(variables, hypotheses, (lhs, rhs))
    plain, fixed = _plainest(equation)
    moving = [v for v in plain if v not in fixed]
    for total in range(bound + 1):
        for steps in _steps(len(moving), total):
            sizes = plain | {v: plain[v] + step for v, step in zip(moving, steps, strict=True)}
            if _allowed(equation, sizes):
                point = _first_difference(equation, Model(sizes))
                if point is not None:
                    return _searched(equation, Model(sizes), point, plain, total - 1)
    return None


def falsify(context: Iterable[Condition], goal: Goal) -> dict[Symbol, int] | None:
    """Search integers, small ones first, at which every condition holds and the goal does not.

    Args:
        context: conditions.
        goal: what should follow from them.

    Returns:
        The integers by name, or None if none was found among the smallest.

    """
    context = tuple(context)
    names = sorted(
        _symbols((goal.value, getattr(goal, "size", goal.value))).union(
            *(factor_symbols(c) for c in context)
        ),
        key=lambda v: v.name,
    )
    for total in range(BOUND + 1):
        if _count(len(names), total) > MODELS:
            return None
        for steps in _steps(len(names), total):
            at = dict(zip(names, steps, strict=True))
            if all(holds(c, at) for c in context) and not _meets(goal, at):
                return at
    return None


def _meets(goal: Goal, at: Mapping[Symbol, int]) -> bool:
    if isinstance(goal, Nonzero):
        return _integer(goal.value, {v.name: n for v, n in at.items()}) != 0
    return holds(goal, at)


def _plainest(equation: Equation) -> tuple[dict[Symbol, int], set[Symbol]]:
    """Return the sizes and parameters where a search starts, and those that a hypothesis fixes."""
    names = _names(equation.lines, equation.variables, equation.hypotheses)
    free = [v for v, _ in equation.variables]
    ones = set[Symbol]().union(*(_scales(line, free) for line in equation.lines))
    ones |= _symbols(n for _, n in equation.variables if n is not None)
    plain = {v: int(v in ones) for v in names}
    fixed = set[Symbol]()
    for c in equation.hypotheses:
        if isinstance(c, Range) or len(factor_symbols(c)) != 1:
            continue
        (v,) = factor_symbols(c)
        parts = monomials(c.value)
        slope, constant = parts.get(((v.name, 1),), 0), parts.get((), 0)
        if v not in plain or slope == 0 or len(parts) > 1 + (constant != 0):
            continue
        end = Fraction(int(-constant)) / int(slope)
        if isinstance(c, Equal) and end.denominator == 1:
            plain[v] = int(end)
            fixed.add(v)
        elif isinstance(c, AtLeast) and v not in fixed:
            nearest = (max, math.ceil) if slope > 0 else (min, math.floor)
            plain[v] = nearest[0](plain[v], nearest[1](end))
    return plain, fixed


def _scales(expression: Expression, free: Sequence[Symbol]) -> set[Symbol]:
    """Return sizes, coefficients and what multiplies an index, definitions included."""
    found = _axes(expression)
    for term in expression:
        found |= _symbols((term.coefficient,))
        for part in accesses_and_brackets(term.factors):
            if isinstance(part, Access):
                indices = part.index
                if inner := part.tensor.definition:
                    found |= _scales(inner.body, inner.formals)
            else:
                indices = (part.value,)
                found |= _symbols((part.size,)) if isinstance(part, Range) else set()
            moving = {v.name for v in (*free, *term.variables)}
            for e in indices:
                for monomial in monomials(e):
                    named = {name for name, _ in monomial}
                    if named & moving:
                        found |= {v for v in _symbols((e,)) if v.name in named - moving}
    return found


def _allowed(equation: Equation, sizes: Mapping[Symbol, int]) -> bool:
    bound = {v for v, _ in equation.variables}
    return all(holds(c, sizes) for c in equation.hypotheses if not factor_symbols(c) & bound)


def _first_difference(equation: Equation, model: Model) -> dict[Symbol, int] | None:
    """Return the smallest index at which both sides differ."""
    env = {v.name: n for v, n in model.sizes.items()}
    axes = {v.name: WINDOW if n is None else range(_integer(n, env)) for v, n in equation.variables}
    left, right = (_table(e, model, axes) for e in equation.lines)
    names = [v for v, _ in equation.variables]
    entries = [
        [axis.start + int(n) for axis, n in zip(axes.values(), place, strict=True)]
        for place in np.argwhere(left != right)
    ]
    for entry in sorted(entries, key=lambda e: (sum(map(abs, e)), [(abs(n), -n) for n in e])):
        point = dict(zip(names, entry, strict=True))
        if all(holds(c, {**model.sizes, **point}) for c in equation.hypotheses):
            return point
    return None


def _table(expression: Expression, model: Model, axes: Mapping[str, range]) -> Array:
    """Evaluate an expression at all its free indices."""
    scope = _Scope(model, {v.name: n for v, n in model.sizes.items()})
    if not any(v.name in axes for term in expression for v in term.variables):
        out: Array = _tabulate(expression, scope, axes)[0]
        return out
    # a sum hides a free index of the same name: point by point
    values = [
        _tabulate(
            expression, replace(scope, env={**scope.env, **dict(zip(axes, at, strict=True))}), {}
        )[0]
        for at in itertools.product(*axes.values())
    ]
    return np.array(values).reshape([len(axis) for axis in axes.values()])


def _small(equation: Equation, model: Model, point: Mapping[Symbol, int]) -> Counterexample:
    """Give the entries small values, if both sides still differ; else the residues stay."""
    for seed in range(40):
        small = Model(model.sizes, seed, (1, 2, 3, 5, 9)[min(seed, 4)])
        _, found = _differ(equation.lines, small, point)
        if found:
            return found
    _, found = _differ(equation.lines, model, point)
    assert found is not None
    return found


def _refutes(equation: Equation, sizes: Mapping[Symbol, int]) -> bool:
    return _allowed(equation, sizes) and _first_difference(equation, Model(sizes)) is not None


def _searched(
    equation: Equation,
    model: Model,
    point: Mapping[Symbol, int],
    plain: Mapping[Symbol, int],
    radius: int,
) -> Counterexample:
    unbounded = any(n is None for _, n in equation.variables)
    found = _small(equation, model, point)
    return replace(found, plain=plain, searched=radius, unbounded=unbounded)


def _shrink(
    equation: Equation, sizes: dict[Symbol, int], plain: Mapping[Symbol, int]
) -> dict[Symbol, int]:
    """Bring one size or parameter after the other nearer to the plainest, while it refutes."""
    progress = True
    while progress:
        progress = False
        for v, n in plain.items():
            way = 1 if sizes[v] < n else -1
            for value in dict.fromkeys((n, sizes[v] + way)) if sizes[v] != n else ():
                smaller = sizes | {v: value}
                if _refutes(equation, smaller):
                    sizes, progress = smaller, True
                    break
    return sizes


def _count(names: int, bound: int) -> int:
    """Return the number of integer vectors whose absolute values add up to at most `bound`."""
    return sum(math.comb(names, k) * math.comb(bound, k) << k for k in range(names + 1))


def _steps(count: int, total: int) -> Iterator[tuple[int, ...]]:
    """Walk over integer vectors of that length whose absolute values add up to `total`."""
    if count == 0:
        if total == 0:
            yield ()
        return
    for size in range(total + 1):
        for step in (size, -size) if size else (0,):
            for others in _steps(count - 1, total - size):
                yield (step, *others)
