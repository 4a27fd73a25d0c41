"""The points over which a sum runs: those that no box, range or equation excludes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

import numpy as np
from sympy import Expr

from rot180.derive.language.terms import (
    Access,
    Derivative,
    Equal,
    Factor,
    Range,
    Tensor,
)
from rot180.derive.semantics.model import (
    Array,
    EvaluationError,
    Model,
    affine,
    box_sizes,
    integer,
)

LIMIT = 10**7
TABLES = 4096
"""The most points of a sum, and the most moved entries for which a tensor is evaluated."""

Points: TypeAlias = dict[str, Array]
Row: TypeAlias = tuple[dict[str, int], int, int]
Interval: TypeAlias = tuple[dict[str, Fraction], Fraction, Fraction]
EntryIndex: TypeAlias = tuple[int | Array, ...]
"""The index of an entry, or of one entry for each point."""
Box: TypeAlias = tuple[tuple[int, int] | None, ...]


@dataclass(frozen=True)
class Scope:
    """Where a factor is evaluated: a model, named integers, and the entries moved by an epsilon.

    A value has ``2**len(moved)`` parts, one for each product of the nilpotent epsilons. Each of the
    `tables` choices of moved entries is evaluated separately.
    """

    model: Model
    env: Mapping[str, int]
    moved: tuple[tuple[str, tuple[int, ...], EntryIndex], ...] = ()
    tables: int = 1

    @property
    def parts(self) -> int:
        """Return the number of products of epsilons."""
        return 1 << len(self.moved)

    def key(self, tensor: Tensor) -> tuple[object, ...]:
        """Return everything that the values of a tensor depend on here, as a cache key."""
        names = sorted(v.name for v in tensor.parameters)
        return (tensor, *(self.env.get(name) for name in names))


def rows_of(factors: Iterable[Factor], scope: Scope, loops: Sequence[str]) -> Iterator[Row]:
    """Yield the conditions under which a product of factors can be nonzero, as rows."""
    for factor in factors:
        if isinstance(factor, Equal):
            yield _row(factor.value, 0, 0, scope.env, loops)
        elif isinstance(factor, Range):
            size = integer(factor.size, scope.env)
            yield _row(factor.value, 0, size - 1, scope.env, loops)
        elif isinstance(factor, Access):
            for e, axis in zip(factor.index, support(factor.tensor, scope), strict=True):
                if axis is not None:
                    yield _row(e, *axis, scope.env, loops)
        elif isinstance(factor, Derivative):
            yield from rows_of((*factor.factors, factor.wrt), scope, loops)


def _row(e: Expr, low: int, high: int, env: Mapping[str, int], loops: Iterable[str]) -> Row:
    """Return ``low <= e <= high`` as (coefficients, low, high) without the constant."""
    constant, coefficients = affine(e, env, loops)
    scale = math.lcm(constant.denominator, *(c.denominator for c in coefficients.values()))
    shift = int(constant * scale)
    row = {v: int(c * scale) for v, c in coefficients.items()}
    return row, low * scale - shift, high * scale - shift


def support(tensor: Tensor, scope: Scope) -> Box:
    """Return the first and last index of each axis outside of which the tensor is zero."""
    if tensor.definition is None:
        return tuple((0, integer(n, scope.env) - 1) for n in box_sizes(tensor))
    key = ("support", *scope.key(tensor))
    if key not in scope.model.memo:
        formals = [v.name for v in tensor.definition.formals]
        boxed = [
            ({v: 1}, 0, integer(n, scope.env) - 1)
            for v, n in zip(formals, tensor.shape, strict=True)
            if n is not None
        ]
        found = []
        for term in tensor.definition.body:
            loops = [*formals, *(v.name for v in term.variables)]
            found.append(_intervals([*boxed, *rows_of(term.factors, scope, loops)], loops))
        whole = (
            (min((f[v][0] for f in found), default=0), max((f[v][1] for f in found), default=-1))
            if all(v in f for f in found)
            else None
            for v in formals
        )
        own = {next(iter(row)): (low, high) for row, low, high in boxed}
        scope.model.memo[key] = tuple(
            _both(span, own.get(v)) for v, span in zip(formals, whole, strict=True)
        )
    out: Box = scope.model.memo[key]
    return out


def _both(one: tuple[int, int] | None, other: tuple[int, int] | None) -> tuple[int, int] | None:
    """Return the intersection of two ranges; None is all of Z."""
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
    """Subtract a multiple of a row in which `v` has the coefficient 1 from another row."""
    f = row[0].get(v, Fraction(0))
    left = {w: row[0].get(w, 0) - f * unit[0].get(w, 0) for w in {**row[0], **unit[0]}}
    low, high = (unit[2], unit[1]) if f > 0 else (unit[1], unit[2])
    return {w: a for w, a in left.items() if a != 0}, row[1] - f * low, row[2] - f * high


def solutions(rows: list[Row], loops: Sequence[str]) -> tuple[int, Points]:
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
