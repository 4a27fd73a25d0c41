"""From a call of one framework's layer to a call of another's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

from rot180.codegen.convert.expressions import at_least, evaluate
from rot180.codegen.convert.forms import AxisCall, LinearPart, same
from rot180.codegen.convert.frameworks import FRAMEWORKS, LAYERS
from rot180.codegen.convert.layer_data import FrameworkLayer, Variant
from rot180.codegen.convert.solve import (
    MOST,
    UnsolvableError,
    candidates,
    for_all_sizes,
    sizes,
    wanted,
)
from rot180.codegen.convert.spelling import Call

TRIED = 32
"""How many sizes are searched for one at which every padding gives another result."""

ANOTHER = "it gives another result"
"""Why a call that its framework admits is not the given layer."""


@dataclass(frozen=True)
class Conversion:
    """A call that is the same layer as a given one.

    Attributes:
        source: the given one.
        layer: the layer of the other framework.
        variant: the way it is called.
        axes: for each axis, the call along it.
        sizes: the sizes of the input for which the two are the same; None if for all.

    """

    source: Call
    layer: FrameworkLayer
    variant: Variant
    axes: tuple[AxisCall, ...]
    sizes: tuple[int, ...] | None


@dataclass(frozen=True)
class Obstacle:
    """Why one way of calling a layer is not the given layer.

    Attributes:
        layer: the layer.
        variant: the way of calling it.
        axis: the axis along which they differ; None if that is not the reason.
        nearest: the call that has the given common form at some size, if there is one.
        size: the smallest size at which that one is not the given layer, or is not admitted.
        reason: a sentence.

    """

    layer: FrameworkLayer
    variant: Variant
    axis: int | None
    reason: str
    nearest: AxisCall | None = None
    size: int | None = None


@dataclass(frozen=True)
class Refusal:
    """That there is no call of the other framework that is the given layer.

    Attributes:
        source: the given layer.
        target: the name of the other framework.
        obstacles: for each way of calling a layer of the other framework, why it is another layer.
        axis: an axis along which none is the same.
        size: the smallest size at which none with its stride and dilation is the same along that
            axis, whatever the padding; None if each of the first `TRIED` sizes has one of its own.
        sizes: the sizes of the input that were asked for; None for all.

    """

    source: Call
    target: str
    obstacles: tuple[Obstacle, ...]
    axis: int
    size: int | None
    sizes: tuple[int, ...] | None


def axis_calls(call: Call) -> tuple[AxisCall, ...]:
    """Return a call along each of its axes."""
    return tuple(AxisCall(call.layer, call.variant, parts) for parts in call.axes)


def check_call(call: Call, given: tuple[int, ...] | None) -> None:
    """Refuse a call that its framework refuses.

    Args:
        call: the call.
        given: the sizes of the input; None if they are not known.

    Raises:
        ValueError: a demand of the framework is not met, a size is missing, or there is no output.

    """
    sized = [one.name for one in call.variant.arguments if one.sized]
    if sized and given is None:
        raise ValueError(
            f"--size: missing; {sized[0]} says the padding only together with the size of the input"
        )
    if given is not None and len(given) != len(call.axes):
        raise ValueError(f"--size: found {len(given)} sizes, expected {len(call.axes)}")
    largest = {part: max(one[part] for one in call.axes) for part in call.variant.parts}
    for axis, one in enumerate(axis_calls(call)):
        _expect_small(axis, one)
        size = given[axis] if given else next(sizes_from_one(one), 1)
        sentence = one.broken(size) or _overall(call.variant, largest)
        if sentence:
            raise ValueError(
                f"arguments: found {dict(one.parts)} on axis {axis}, expected that {sentence}"
            )
        if given and not at_least(one.form(size).outputs, 1):
            raise ValueError(f"--size: found {size} on axis {axis}, at which there is no output")
        if next(sizes(one), None) is None:
            raise ValueError(f"arguments: found a layer without outputs along axis {axis}")
    if call.groups > 1 and not call.layer.grouped:
        raise ValueError(f"{call.layer.source}: found groups, expected one group")


def _expect_small(axis: int, call: AxisCall) -> None:
    """Refuse integers for which a search would take too long."""
    extent = call.values(1)["e"] if call.parts["d"] and call.parts["s"] else 0
    known = {**call.parts, "the extent of the kernel": extent}
    for name, value in known.items():
        if isinstance(value, int) and abs(value) > MOST:
            raise ValueError(
                f"arguments: found {value} for {name} on axis {axis}, expected at most {MOST}"
            )


def sizes_from_one(call: AxisCall) -> Iterator[int]:
    """Yield the sizes from which on a demand that depends on the size is met, if there are."""
    return (size for size in range(1, 64) if call.broken(size) is None)


def _overall(variant: Variant, largest: dict[str, int]) -> str | None:
    for expression, sentence in variant.overall:
        value = evaluate(expression, largest)
        assert isinstance(value, int)
        if value < 0:
            return sentence
    return None


def convert(call: Call, target: str, given: tuple[int, ...] | None = None) -> Conversion | Refusal:
    """Find a call of another framework that is the same layer, or say why there is none.

    Args:
        call: a layer of one framework.
        target: the name of the other framework.
        given: the sizes of the input; None for all sizes.

    Raises:
        ValueError: the framework is unknown, or the call is refused by its own framework.

    """
    if target not in FRAMEWORKS:
        raise ValueError(f"--to: found {target!r}, expected one of {', '.join(FRAMEWORKS)}")
    check_call(call, given)
    known = [one for one in LAYERS if one.framework == target]
    known.sort(key=lambda one: one.name != call.layer.name)
    obstacles = []
    for layer in known:
        for variant in layer.variants:
            if len(call.axes) in variant.axes:
                found = _match(call, layer, variant, given)
                if isinstance(found, Conversion):
                    return found
                obstacles.append(found)
    return _refusal(call, target, tuple(obstacles), given)


def _match(
    call: Call, layer: FrameworkLayer, variant: Variant, given: tuple[int, ...] | None
) -> Conversion | Obstacle:
    """Return the arguments of a variant with which it is the given layer, or why there are none."""
    if call.groups > 1 and not layer.grouped:
        return Obstacle(layer, variant, None, "it has no groups")
    found = []
    everywhere = True
    for axis, one in enumerate(axis_calls(call)):
        matched = match_axis(one, layer, variant, None)
        if isinstance(matched, Obstacle) and given is not None:
            everywhere = False
            matched = match_axis(one, layer, variant, given[axis])
        if isinstance(matched, Obstacle):
            return replace(matched, axis=axis)
        found.append(matched)
    largest = {
        part: max(value for one in found if isinstance(value := one.parts[part], int))
        for part in variant.parts
        if all(isinstance(one.parts[part], int) for one in found)
    }
    if sentence := _overall(variant, largest):
        return Obstacle(layer, variant, None, f"it demands that {sentence}")
    return Conversion(call, layer, variant, tuple(found), None if everywhere else given)


def match_axis(
    source: AxisCall, layer: FrameworkLayer, variant: Variant, size: int | None
) -> AxisCall | Obstacle:
    """Return the call of a variant that is a given layer along an axis, at one size or at all.

    What is right at all sizes is right at the first ones, so it is among the solutions there.
    """
    if size is None and source.variant.sized:
        return Obstacle(layer, variant, None, "the padding depends on the size of the input")
    first = size or next(sizes(source))
    try:
        found = candidates(layer, variant, wanted(source, first))
    except UnsolvableError as error:
        return Obstacle(layer, variant, None, str(error), None, first)
    refused: Obstacle | None = None
    for one in found:
        one = one if size else fitted(source, one, first)
        failure = _failure(source, one, size)
        if failure is None:
            return one
        if refused is None or (refused.size or 0) < failure:
            reason = one.broken(failure)
            said = f"it demands that {reason}" if reason else ANOTHER
            refused = Obstacle(layer, variant, None, said, one, failure)
    assert refused is not None
    return refused


def _failure(source: AxisCall, target: AxisCall, size: int | None) -> int | None:
    if size is None:
        return for_all_sizes(source, target)
    return None if same(source, target, size) else size


def fitted(source: AxisCall, found: AxisCall, first: int) -> AxisCall:
    """Let the arguments that may depend on the size grow with it as the outputs do."""
    if not found.variant.sized:
        return found
    first_outputs, later = (source.form(size).outputs for size in (first, first + 1))
    assert isinstance(first_outputs, int)
    assert isinstance(later, int)
    slope = later - first_outputs
    grown = {name: LinearPart(slope, first_outputs - slope * first) for name in found.variant.sized}
    return replace(found, parts={**found.parts, **grown})


def _refusal(
    call: Call, target: str, obstacles: tuple[Obstacle, ...], given: tuple[int, ...] | None
) -> Refusal:
    """Return why no call of the other framework is the given layer, with the smallest size."""
    hindered = [one.axis for one in obstacles if one.axis is not None]
    axis = max(set(hindered), key=hindered.count) if hindered else 0
    source = axis_calls(call)[axis]
    tried = [given[axis]] if given else list(islice(sizes(source), TRIED))
    size = None
    for one in tried:
        matched = (match_axis(source, o.layer, o.variant, one) for o in obstacles)
        if all(isinstance(m, Obstacle) for m in matched):
            size = one
            break
    return Refusal(call, target, obstacles, axis, size, given)
