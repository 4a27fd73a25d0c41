"""The meaning of a plan: exact evaluation at concrete sizes, in Python integers and plain loops."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from fractions import Fraction
from itertools import product

from sympy import Expr, Symbol

from rot180.codegen.plans.plan import Affine, Box, Divided, Nest, Operand, Phase, Plan, Running
from rot180.derive.language.polynomial import number

Point = tuple[int, ...]
Values = Mapping[str, Mapping[Point, int | Fraction]]
Functions = Mapping[tuple[str, int], Callable[[int | Fraction], int | Fraction]]
Env = dict[str, int]


def interpret(
    plan: Plan, sizes: Mapping[str, int], values: Values, functions: Functions | None = None
) -> dict[Point, Fraction]:
    """Evaluate a plan.

    Args:
        plan: the plan.
        sizes: the value of every size and parameter, by name.
        values: for each tensor its entries by index; a missing one is outside the box.
        functions: the scalar functions, by name and order.

    Returns:
        the output's entries by index.

    Raises:
        ValueError: a loop is not bounded at these sizes.

    """
    known: dict[str, Mapping[Point, int | Fraction]] = dict(values)
    for i in plan.intermediates:
        entries = _total(i.shape, i.nests, sizes, known, functions or {})
        known[i.tensor.name] = _accumulated(entries, i.running) if i.running else entries
    return _total(plan.shape, plan.nests, sizes, known, functions or {})


def _total(
    sizes_of_axes: Iterable[Expr],
    nests: Iterable[Nest],
    sizes: Mapping[str, int],
    values: Values,
    functions: Functions,
) -> dict[Point, Fraction]:
    """Return an array of zeros to which nests were added."""
    shape = [_number(n, sizes) for n in sizes_of_axes]
    out = {at: Fraction(0) for at in product(*(range(n) for n in shape))}
    for nest in nests:
        scale = number(nest.coefficient, sizes)
        for env in _outer(nest, dict(sizes), 0):
            for point in _points(nest, env):
                at = tuple(_value(e, point) for e in nest.output)
                out[at] += scale * _product(nest, point, values, functions)
    return out


def _accumulated(entries: Mapping[Point, Fraction], of: Running) -> dict[Point, Fraction]:
    """Return the running sums of an array."""
    out: dict[Point, Fraction] = {}
    for at in sorted(entries, reverse=of.step < 0):
        before = tuple(i - of.step * (axis == of.axis) for axis, i in enumerate(at))
        out[at] = entries[at] + out.get(before, Fraction(0))
    return out


def _number(e: Expr, env: Mapping[str, int]) -> int:
    value = number(e, env)
    if value.denominator != 1:
        raise ValueError(f"{e} is not an integer at {dict(env)}")
    return int(value)


def _value(e: Affine, env: Mapping[str, int]) -> int:
    return _number(e.constant, env) + sum(_number(c, env) * env[v.name] for v, c in e.coefficients)


def _outer(nest: Nest, env: Env, depth: int) -> Iterator[Env]:
    if depth == len(nest.outer):
        yield env
        return
    step = nest.outer[depth]
    if isinstance(step, Phase):
        for value in range(min(_number(n, env) for n in step.sizes)):
            yield from _outer(nest, {**env, step.variable.name: value}, depth + 1)
    elif isinstance(step, Box):
        if 0 <= _value(step.value, env) < _number(step.size, env):
            yield from _outer(nest, env, depth + 1)
    else:
        value, rest = divmod(_number(step.value, env), _number(step.divisor, env))
        if isinstance(step, Divided):
            both = {step.quotient.name: value, step.remainder.name: rest}
            yield from _outer(nest, {**env, **both}, depth + 1)
        elif rest == 0:
            yield from _outer(nest, {**env, step.variable.name: value}, depth + 1)


def _points(nest: Nest, env: Env) -> Iterator[Env]:
    spans: dict[Symbol, range] = {}
    for loop in nest.loops:
        first: list[int] = []
        stop: list[int] = []
        for bound in loop.bounds:
            span = _span(loop.variable, bound, spans, env)
            if span is not None:
                first.append(span.start)
                stop.append(span.stop)
        if not first:
            raise ValueError(f"nothing bounds {loop.variable} at {env}")
        spans[loop.variable] = range(max(first), min(stop))
    for values in product(*spans.values()):
        yield {**env, **{v.name: i for v, i in zip(spans, values, strict=True)}}


def _span(v: Symbol, box: Box, spans: Mapping[Symbol, range], env: Env) -> range | None:
    """Return the v for which some values of the other loops satisfy the box; None for all v."""
    low = high = _number(box.value.constant, env)
    factor = 0
    for w, c in box.value.coefficients:
        value = _number(c, env)
        if w == v:
            factor = value
        elif not spans[w]:
            return range(0)
        else:
            ends = (value * spans[w][0], value * spans[w][-1])
            low, high = low + min(ends), high + max(ends)
    size = _number(box.size, env)
    if factor == 0:
        return None if high >= 0 and low < size else range(0)
    if factor < 0:
        return range(-((size - 1 - low) // -factor), high // -factor + 1)
    return range(-(high // factor), (size - 1 - low) // factor + 1)


def _product(nest: Nest, env: Env, values: Values, functions: Functions) -> Fraction:
    result = Fraction(1)
    for f in nest.factors:
        if isinstance(f, Operand):
            result *= _entry(f, env, values, functions)
        elif not 0 <= _value(f.value, env) < _number(f.size, env):
            return Fraction(0)
    return result


def _entry(f: Operand, env: Env, values: Values, functions: Functions) -> int | Fraction:
    at = tuple(_value(e, env) for e in f.index)
    entry = values[f.tensor.name].get(at)
    if entry is None:
        return 0
    return functions[f.function, f.order](entry) if f.function else entry
