"""The smallest sizes, parameters, entries and index at which a claim is false."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import numpy as np
from sympy import Expr, Symbol

from rot180.derive.kernel.obligations import Goal, Nonzero
from rot180.derive.language.terms import (
    Condition,
    Expression,
    factor_symbols,
)
from rot180.derive.semantics.check import (
    Counterexample,
    check,
    check_in_the_reals,
    differ,
    distance,
    symbols_in,
)
from rot180.derive.semantics.evaluate import tabulate
from rot180.derive.semantics.model import (
    Array,
    EmptyError,
    EvaluationError,
    Model,
    holds,
    integer,
)
from rot180.derive.semantics.real import NAMED, RealModel, evaluate_real, functions
from rot180.derive.semantics.search_space import (
    BOUND,
    WINDOW,
    Equation,
    FreeSizes,
    allowed,
    count_steps,
    far_models,
    far_window,
    plainest,
    steps_of,
)
from rot180.derive.semantics.supports import Scope

REAL_SEEDS = 6
"""The number of models with real entries at which a difference is confirmed."""

MODELS = 3000
"""The most models that are searched to show that a counterexample is the smallest."""


def refute(
    equation: Equation, count: int = 12, bound: int = BOUND, far: bool = True
) -> Counterexample | None:
    """Search random models, then reduce a counterexample to the smallest one.

    Args:
        equation: the claim.
        count: the number of models to try.
        bound: the distance from the simplest model up to which all models are searched; less if
            there are more than `MODELS` of them. The counterexample has the actual distance.
        far: whether to try larger models too, which takes longer.

    Returns:
        a counterexample, with small integers as entries and values if possible, or None.

    Raises:
        EvaluationError: a sum is not bounded by its factors.

    """
    plain, _ = plainest(equation)
    found, window = _random_search(equation, count, far)
    if found is None or isinstance(found.model, RealModel):
        return found
    if not differs_in_the_reals(equation, found.sizes, found.index):
        return check_in_the_reals(equation, random.Random(0))[0]
    sizes = _shrink(equation, dict(found.sizes), plain, window)
    radius = min(bound, distance(sizes, plain))
    while radius > 0 and count_steps(len(plain), radius) > MODELS:
        radius -= 1
    smaller = counterexample(*equation.lines, equation.variables, equation.hypotheses, radius)
    if smaller:
        return smaller
    point = _first_difference(equation, Model(sizes), window)
    if point is None:
        return _with_small_entries(equation, found.model, found.index)
    return _smallest(equation, Model(sizes), point, plain, radius)


def _random_search(
    equation: Equation, count: int, far: bool
) -> tuple[Counterexample | None, range]:
    """Search small random models, then larger ones; also return the range of indices searched."""
    try:
        found = check(equation, count).counterexample
    except EmptyError:
        found = None
    if found is not None or not far:
        return found, WINDOW
    window = far_window(equation)
    for sizes in far_models(equation):
        try:
            point = _first_difference(equation, Model(sizes), window)
        except EvaluationError:
            # too many points (a sum without bounds would have failed at a smaller model already)
            continue
        if point is not None:
            return differ(equation.lines, Model(sizes), point)[1], window
    return None, window


def counterexample(
    lhs: Expression,
    rhs: Expression,
    variables: tuple[tuple[Symbol, Expr | None], ...],
    hypotheses: tuple[Condition, ...] = (),
    bound: int = BOUND,
    free: FreeSizes | None = None,
) -> Counterexample | None:
    """Search sizes and parameters in order of their distance from the simplest, at all indices.

    The simplest values are 1 for sizes and factors (strides, dilations) and 0 for summands
    (paddings), or the bound that a hypothesis sets. A free index without a size is searched in
    `WINDOW`.

    Args:
        lhs: the left side.
        rhs: the right side.
        variables: the free indices with their sizes (None: all integers).
        hypotheses: conditions on the parameters.
        bound: the largest total distance to search.
        free: the sizes and parameters that are searched, and how the others follow; if not given,
            all are searched that no hypothesis fixes.

    Returns:
        the nearest counterexample, at the smallest index, or None.

    Raises:
        EvaluationError: a sum is not bounded by its factors.

    """
    equation = Equation(variables, hypotheses, (lhs, rhs))
    plain, fixed = plainest(equation)
    moving = {v: n for v, n in plain.items() if v not in fixed}
    start, others = (free.start, free.others) if free else (moving, lambda sizes: plain | sizes)
    for total in range(bound + 1):
        for steps in steps_of(len(start), total):
            moved = {v: n + step for (v, n), step in zip(start.items(), steps, strict=True)}
            sizes = others(moved)
            if sizes is not None and allowed(equation, sizes):
                point = _first_difference(equation, Model(sizes), WINDOW)
                if point is not None and differs_in_the_reals(equation, sizes, point):
                    nearest = free.start if free else plain
                    return _smallest(equation, Model(sizes), point, nearest, total - 1)
    return None


def differs_in_the_reals(
    equation: Equation, sizes: Mapping[Symbol, int], point: Mapping[Symbol, int]
) -> bool:
    """Say whether two sides that differ in an exact model also differ for the listed functions.

    Exact models only satisfy the relations of functions: ``silu(t) = t sigmoid(t)`` is false there.

    Args:
        equation: the claim.
        sizes: sizes and parameters.
        point: an index.

    Returns:
        False if both sides are defined and equal at all real entries tried.

    """
    if not functions(equation.lines) & NAMED:
        return True
    found, seen = _in_the_reals(equation, sizes, point)
    return found is not None or not seen


def _in_the_reals(
    equation: Equation, sizes: Mapping[Symbol, int], point: Mapping[Symbol, int]
) -> tuple[Counterexample | None, bool]:
    """Return real entries for which both sides differ, and whether both were defined for any."""
    seen = False
    for seed in range(REAL_SEEDS):
        model = RealModel(sizes, seed)
        left, right = (evaluate_real(line, model, point) for line in equation.lines)
        if left.apart(right):
            return Counterexample(model, point, 1, left, right), True
        seen |= left.known and right.known
    return None, seen


def falsify(context: Iterable[Condition], goal: Goal) -> dict[Symbol, int] | None:
    """Search for integers, small ones first, at which all conditions hold and the goal fails.

    Args:
        context: conditions.
        goal: the goal that should follow from them.

    Returns:
        the integers by name, or None if there are none among the smallest.

    """
    context = tuple(context)
    names = sorted(
        symbols_in((goal.value, getattr(goal, "size", goal.value))).union(
            *(factor_symbols(c) for c in context)
        ),
        key=lambda v: v.name,
    )
    for total in range(BOUND + 1):
        if count_steps(len(names), total) > MODELS:
            return None
        for steps in steps_of(len(names), total):
            at = dict(zip(names, steps, strict=True))
            if all(holds(c, at) for c in context) and not _goal_holds(goal, at):
                return at
    return None


def _goal_holds(goal: Goal, at: Mapping[Symbol, int]) -> bool:
    if isinstance(goal, Nonzero):
        return integer(goal.value, {v.name: n for v, n in at.items()}) != 0
    return holds(goal, at)


def _first_difference(equation: Equation, model: Model, window: range) -> dict[Symbol, int] | None:
    """Return the smallest index at which both sides differ."""
    env = {v.name: n for v, n in model.sizes.items()}
    axes = {v.name: window if n is None else range(integer(n, env)) for v, n in equation.variables}
    left, right = (table_of(e, model, axes) for e in equation.lines)
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


def table_of(expression: Expression, model: Model, axes: Mapping[str, range]) -> Array:
    """Evaluate an expression at all its free indices.

    Args:
        expression: the expression.
        model: sizes, parameters and entries.
        axes: the values of each free index.

    Raises:
        EvaluationError: no factor bounds a sum, or a symbol has no value.

    """
    scope = Scope(model, {v.name: n for v, n in model.sizes.items()})
    if not any(v.name in axes for term in expression for v in term.variables):
        out: Array = tabulate(expression, scope, axes)[0]
        return out
    # a sum binds the name of a free index: evaluate point by point
    values = [
        tabulate(
            expression, replace(scope, env={**scope.env, **dict(zip(axes, at, strict=True))}), {}
        )[0]
        for at in itertools.product(*axes.values())
    ]
    return np.array(values).reshape([len(axis) for axis in axes.values()])


def _with_small_entries(
    equation: Equation, model: Model, point: Mapping[Symbol, int]
) -> Counterexample:
    """Replace the entries by small ones if both sides still differ; else keep the residues.

    If a listed function occurs, the entries are real.
    """
    if functions(equation.lines) & NAMED:
        real, _ = _in_the_reals(equation, model.sizes, point)
        if real is not None:
            return real
    for seed in range(40):
        small = Model(model.sizes, seed, (1, 2, 3, 5, 9)[min(seed, 4)])
        _, found = differ(equation.lines, small, point)
        if found:
            return found
    _, found = differ(equation.lines, model, point)
    assert found is not None
    return found


def _refutes(equation: Equation, sizes: Mapping[Symbol, int], window: range) -> bool:
    if not allowed(equation, sizes):
        return False
    return _first_difference(equation, Model(sizes), window) is not None


def _smallest(
    equation: Equation,
    model: Model,
    point: Mapping[Symbol, int],
    plain: Mapping[Symbol, int],
    radius: int,
) -> Counterexample:
    unsized = any(n is None for _, n in equation.variables)
    found = _with_small_entries(equation, model, point)
    return replace(found, plain=plain, searched=radius, window=WINDOW if unsized else None)


def _bisection(value: int, plain: int) -> Iterator[int]:
    """Yield nearer values by bisection: first the simplest one, last the one next to `value`."""
    step = plain - value
    while step:
        yield value + step
        step = int(step / 2)


def _shrink(
    equation: Equation, sizes: dict[Symbol, int], plain: Mapping[Symbol, int], window: range
) -> dict[Symbol, int]:
    """Move one size or parameter after the other towards the simplest, as long as it refutes."""
    progress = True
    while progress:
        progress = False
        for v, n in plain.items():
            for value in _bisection(sizes[v], n):
                smaller = sizes | {v: value}
                if _refutes(equation, smaller, window):
                    sizes, progress = smaller, True
                    break
    return sizes
