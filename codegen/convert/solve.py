"""Solving for the arguments of a layer, so that its common form is a given one."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from rot180.codegen.convert.common_form import AxisForm, products
from rot180.codegen.convert.expressions import evaluate, names
from rot180.codegen.convert.forms import AxisCall, Parts, first_failure, period, same
from rot180.codegen.convert.layer_data import FrameworkLayer, Variant

MOST = 4096
"""The largest integer in arguments, and the largest extent of a kernel."""


class UnsolvableError(Exception):
    """A variant cannot have a given common form; the message says why."""


@dataclass(frozen=True)
class Wanted:
    """A common form at one size.

    Attributes:
        form: the form.
        after: the number of zeros after the last input.
        size: the size.
        parts: the integers that the given call has.

    """

    form: AxisForm
    after: int
    size: int
    parts: Parts


def wanted(source: AxisCall, size: int) -> Wanted:
    """Return the form of a call at a size."""
    return Wanted(source.form(size).canonical, source.after(size), size, source.parts)


def sizes(source: AxisCall) -> Iterator[int]:
    """Yield the sizes at which some output of a layer reads some input."""
    for size in range(1, 2 * MOST):
        form = source.form(size)
        if any(products(form, size)):
            yield size


def candidates(layer: FrameworkLayer, variant: Variant, goal: Wanted) -> list[AxisCall]:
    """Return the calls of a variant that have a common form at a size; demands are not checked.

    Raises:
        UnsolvableError: an equation has no solution.

    """
    found = []
    for parts in _solutions(layer, variant, goal, {"k": goal.form.taps}):
        call = AxisCall(layer, variant, parts)
        if call.form(goal.size).canonical == goal.form:
            found.append(call)
    if not found:
        raise UnsolvableError("no padding gives the number of its outputs")
    return sorted(found, key=lambda one: _distance(one, goal))


def _distance(call: AxisCall, goal: Wanted) -> tuple[int, int, int]:
    """Return how far a solution is from the given call; the closest one is tried first."""
    parts = {name: value for name, value in call.parts.items() if isinstance(value, int)}
    other = sum(goal.parts.get(name, value) != value for name, value in parts.items())
    uneven = abs(parts.get("after", 0) - parts["before"]) if "before" in parts else 0
    return abs(call.after(goal.size) - goal.after), other, uneven


def _solutions(
    layer: FrameworkLayer, variant: Variant, goal: Wanted, known: Parts
) -> Iterator[Parts]:
    """Yield integers that solve all equations but those which are not linear."""
    form = goal.form
    assert isinstance(form.before, int)
    equations = [
        (variant.stride, form.stride, "its stride"),
        (variant.input_dilation, form.input_dilation, "its input dilation"),
        (variant.dilation, form.dilation if form.taps > 1 else 1, "its dilation"),
        (variant.before, form.before, "the padding before its first input"),
    ]
    parts = {"i": goal.size, **known}
    for expression, value, what in equations:
        free = _expand(variant, expression) - {*parts}
        if len(free) == 1:
            (name,) = free
            solved = _linear(variant, expression, parts, name, value)
            parts |= {} if solved is None else {name: solved}
        elif not free and (found := _value(variant, expression, parts)) != value:
            raise UnsolvableError(f"{what} is {found}, not {value}")
    del parts["i"]
    free_parts = [name for name in variant.parts if name not in parts]
    yield from _complete(
        layer, variant, goal, parts, sorted(free_parts, key=lambda name: name not in variant.sized)
    )


def _complete(
    layer: FrameworkLayer, variant: Variant, goal: Wanted, parts: Parts, free: Sequence[str]
) -> Iterator[Parts]:
    """Yield completions of integers with which the number of outputs is right.

    An output size is that number. Of two integers that add up, the first is an output padding, less
    than a stride or a dilation. The other one is at most the sum of all distances that occur.
    """
    if not free:
        yield parts
        return
    form, (name, *others) = goal.form, free
    assert isinstance(form.outputs, int)
    step = max(form.stride, form.input_dilation, form.dilation)
    if name in variant.sized:
        choices: Iterable[int] = [form.outputs]
    elif others:
        choices = range(step)
    else:
        choices = _last(layer, variant, goal, parts, name, step)
    for choice in choices:
        yield from _complete(layer, variant, goal, {**parts, name: choice}, others)


def _last(
    layer: FrameworkLayer, variant: Variant, goal: Wanted, parts: Parts, name: str, step: int
) -> Iterable[int]:
    """Return the values of the last integer with which the number of outputs is right.

    The number of outputs never falls or never rises with it. No value is farther from 0 than the
    sum of all distances that occur.
    """
    form = goal.form
    assert isinstance(form.before, int)
    assert isinstance(form.outputs, int)
    most = form.dilation * form.taps + abs(form.before) + abs(goal.after) + 2 * step

    def outputs(value: int) -> int:
        found = AxisCall(layer, variant, {**parts, name: value}).form(goal.size).outputs
        assert isinstance(found, int)
        return found

    sign = 1 if outputs(most) >= outputs(-most) else -1
    values = range(-most, most + 1)
    first, last = (
        cut(values, sign * form.outputs, key=lambda value: sign * outputs(value))
        for cut in (bisect_left, bisect_right)
    )
    return values[first:last]


def _expand(variant: Variant, expression: str) -> frozenset[str]:
    found = names(expression)
    for name, definition in reversed(list(variant.definitions.items())):
        if name in found:
            found = (found - {name}) | names(definition)
    return found


def _value(variant: Variant, expression: str, parts: Parts) -> int:
    known = {n: v for n, v in parts.items() if isinstance(v, int)}
    for name, definition in variant.definitions.items():
        if names(definition) <= {*known}:
            known[name] = evaluate(definition, known)  # type: ignore[assignment]
    found = evaluate(expression, known)
    assert isinstance(found, int)
    return found


def _linear(variant: Variant, expression: str, parts: Parts, name: str, value: int) -> int | None:
    """Return the integer that gives an expression a value, or None if it is not linear in it.

    Raises:
        UnsolvableError: it is linear, and the solution is no integer.

    """
    at = [_value(variant, expression, {**parts, name: n}) for n in range(1, 5)]
    slope = at[1] - at[0]
    if slope == 0 or any(b - a != slope for a, b in pairwise(at)):
        return None
    solved, rest = divmod(value - at[0] + slope, slope)
    if rest:
        raise UnsolvableError(f"{name} would be no integer")
    return solved


def for_all_sizes(source: AxisCall, target: AxisCall) -> int | None:
    """Return the smallest size at which two calls differ, or None if they are the same layer."""
    step = period(source, target)
    return first_failure(lambda size: same(source, target, size), step)
