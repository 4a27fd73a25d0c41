"""The semantics: exact evaluation of expressions at concrete sizes, independently of the rules.

A sum runs over all points at which no box, range or equation is zero; pending derivatives use dual
numbers. Nothing is rewritten, so agreement is evidence for the rules, not a consequence of them.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from fractions import Fraction

import numpy as np
import sympy as sp
from sympy import Symbol

from rot180.derive.language.polynomial import symbol
from rot180.derive.language.terms import (
    Access,
    Apply,
    Derivative,
    Expression,
    Factor,
    Tensor,
    Term,
    accesses_and_brackets,
)
from rot180.derive.semantics.model import (
    Array,
    EvaluationError,
    Model,
    Value,
    affine,
    box_sizes,
    integer,
)
from rot180.derive.semantics.supports import TABLES, Points, Row, Scope, rows_of, solutions, support


def evaluate(expression: Expression, model: Model, point: Mapping[Symbol, int]) -> Value:
    """Return the value of an expression at one point of its free indices.

    It is a residue modulo `PRIME`, or exact if the entries of the model are small. A derivative
    with respect to an entry outside the box of its tensor is zero.

    Raises:
        EvaluationError: no factor bounds a sum, or a symbol has no value.

    """
    env = {v.name: n for v, n in (*model.sizes.items(), *point.items())}
    value = tabulate(expression, Scope(model, env), {})[0]
    return value if isinstance(value, Fraction) and value.denominator != 1 else int(value)


def points(
    term: Term, model: Model, point: Mapping[Symbol, int]
) -> list[dict[Symbol, int]]:
    """Return the points over which a sum runs: the values of its variables that are not excluded.

    Boxes, ranges and equations exclude points; an entry that is zero does not.

    Args:
        term: a sum of products.
        model: sizes, parameters and entries.
        point: the free indices.

    Raises:
        EvaluationError: no factor bounds the sum, or a symbol has no value.

    """
    env = {v.name: n for v, n in (*model.sizes.items(), *point.items())}
    loops = [v.name for v in term.variables]
    count, found = solutions(list(rows_of(term.factors, Scope(model, env), loops)), loops)
    rows = sorted(zip(*(found[v].tolist() for v in loops), strict=True)) if loops else [()] * count
    return [dict(zip(term.variables, row, strict=True)) for row in rows]


def table(tensor: Tensor, model: Model) -> tuple[tuple[int, ...], Array] | None:
    """Return the entries of a tensor on the smallest box outside of which it is evidently zero.

    Returns:
        the first index of each axis, and the entries; None if an axis has no such box.

    """
    box = support(tensor, Scope(model, {v.name: n for v, n in model.sizes.items()}))
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


def tabulate(body: Expression, scope: Scope, axes: Mapping[str, range]) -> Array:
    """Evaluate an expression on a grid of some of its free indices."""
    shape = tuple(len(axis) for axis in axes.values())
    out = scope.model.zeros(scope.parts, math.prod(shape))
    for term in body:
        loops = [*axes, *(v.name for v in term.variables)]
        rows: list[Row] = [({v: 1}, axis.start, axis.stop - 1) for v, axis in axes.items()]
        count, points = solutions([*rows, *rows_of(term.factors, scope, loops)], loops)
        scale = scope.model.number(Fraction(affine(term.coefficient, scope.env)[0]))
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


def _product(factors: Iterable[Factor], scope: Scope, count: int, points: Points) -> Array:
    """Multiply factors at points that satisfy all rows, where each bracket is 1."""
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


def _at(access: Access, scope: Scope, count: int, points: Points) -> list[Array]:
    """Return the index vectors of an access."""
    out = []
    for e in access.index:
        constant, coefficients = affine(e, scope.env, points)
        at = np.full(count, int(constant), np.int64)
        for v, c in coefficients.items():
            at += int(c) * points[v]
        out.append(at)
    return out


def _access(access: Access, scope: Scope, count: int, points: Points) -> Array:
    tensor, index = access.tensor, _at(access, scope, count, points)
    if tensor.definition is None:
        shape = tuple(integer(n, scope.env) for n in box_sizes(tensor))
        axes = [range(max(n, 0)) for n in shape]
        table = scope.model.entries(tensor.name, shape)[np.newaxis]
    elif count:
        axes = []
        for at, box_axis in zip(index, support(tensor, scope), strict=True):
            low, high = box_axis or (int(at.min()), int(at.max()))
            axes.append(range(low, max(high + 1, low)))
        formals = (v.name for v in tensor.definition.formals)
        key = ("table", tuple(axes), scope.moved, *scope.key(tensor))
        if key not in scope.model.memo:
            grid = dict(zip(formals, axes, strict=True))
            scope.model.memo[key] = tabulate(tensor.definition.body, scope, grid)
        table = scope.model.memo[key]
    if not count or not all(axes):
        return scope.model.zeros(scope.parts, count)
    inside = np.ones(count, bool)
    for at, axis in zip(index, axes, strict=True):
        inside &= (at >= axis.start) & (at < axis.stop)
    place = tuple(
        np.where(inside, at - axis.start, 0) for at, axis in zip(index, axes, strict=True)
    )
    out = scope.model.zeros(scope.parts, count)
    for n in range(len(table)):
        out[n] = table[(n, *place)]
    if tensor.definition is None:
        for i, (name, box, entry) in enumerate(scope.moved):
            if (name, box) == (tensor.name, shape):
                out[1 << i] = np.all([a == b for a, b in zip(index, entry, strict=True)], axis=0)
    return np.where(inside, out, 0)


def _apply(apply: Apply, scope: Scope, count: int, points: Points) -> Array:
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


def _derivative(derivative: Derivative, scope: Scope, count: int, points: Points) -> Array:
    """Add a new epsilon to one entry, and return the part that contains it."""
    tensor = derivative.wrt.tensor
    if tensor.definition is not None:
        raise EvaluationError(f"derivative with respect to the defined tensor {tensor.name}")
    shape = tuple(integer(n, scope.env) for n in box_sizes(tensor))
    index = _at(derivative.wrt, scope, count, points)
    parts = accesses_and_brackets(derivative.factors)
    if all(not isinstance(f, Access) or f.tensor.definition is None for f in parts):
        inner = replace(scope, moved=(*scope.moved, (tensor.name, shape, tuple(index))))
        return _product(derivative.factors, inner, count, points)[scope.parts :]
    # a defined tensor has one table of values for each entry that is moved
    out = scope.model.zeros(scope.parts, count)
    table = np.array(index, np.int64).reshape(len(shape), count).T
    entries, group = np.unique(table, axis=0, return_inverse=True)
    tables = scope.tables * max(len(entries), 1)
    if tables > TABLES:
        raise EvaluationError(f"a derivative by {tables} entries, expected at most {TABLES}")
    for number, entry in enumerate(map(tuple, entries.tolist())):
        here = group.reshape(-1) == number
        moved = (*scope.moved, (tensor.name, shape, entry))
        inner = replace(scope, moved=moved, tables=tables)
        some = {v: at[here] for v, at in points.items()}
        out[:, here] = _product(derivative.factors, inner, int(here.sum()), some)[scope.parts :]
    return out
