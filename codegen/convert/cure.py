"""What to do where a framework has no arguments for a layer: pad by hand, or cut the output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from rot180.codegen.convert.conversion import Conversion, Refusal, axis_calls, convert
from rot180.codegen.convert.forms import AxisCall
from rot180.codegen.convert.layer_data import AxisArgument, Variant
from rot180.codegen.convert.spelling import Call
from rot180.codegen.convert.written import constant, definitions, written

_PARTS = (AxisArgument("k", ("k",)), AxisArgument("s", ("s",)), AxisArgument("d", ("d",)))

PLAIN = {
    "conv": Variant(_PARTS, before="0", after="0"),
    "conv_transpose": Variant(
        _PARTS, before="e - 1", after="e - 1", stride="1", input_dilation="s"
    ),
}
"""Layers without padding."""

PADS: Mapping[str, str] = {
    "pytorch": "torch.nn.functional.pad",
    "jax": "jax.numpy.pad",
    "tensorflow": "tf.pad",
    "keras": "keras.ops.pad",
}
"""The function with which a framework pads an array with zeros."""

Pair: TypeAlias = "tuple[int | str, int | str]"
"""The numbers of zeros at the two ends of an axis: integers, or expressions of its size."""


@dataclass(frozen=True)
class Cure:
    """Lines of Python around a call without padding.

    Attributes:
        before: those before the call, which change x.
        conversion: the call.
        after: those after the call, which change y.
        appends: whether they append zeros to y, to which no bias is added.

    """

    before: tuple[str, ...]
    conversion: Conversion
    after: tuple[str, ...]
    appends: bool = False


def cure(refusal: Refusal) -> Cure | None:
    """Return how a framework computes a layer for which it has no arguments; None if unknown.

    A convolution without padding follows zeros put around its input; after a transposed
    convolution without padding, its output is cut, or zeros are put around it.
    """
    if refusal.target not in PADS:
        return None
    calls, given = axis_calls(refusal.source), refusal.sizes
    plain = _without_padding(refusal.source, calls, given)
    found = plain and convert(plain, refusal.target)
    if plain is None or not isinstance(found, Conversion):
        return None
    less = "" if plain.layer.name == "conv" else " - (e - 1)"
    first = 2 if found.layer.channels == "first" else 1
    lines: list[str] = []
    pads: list[Pair] = []
    for axis, call in enumerate(calls):
        ends = (call.variant.before + less, call.variant.after + less)
        size = given[axis] if given else None
        low, high = (constant(call, one, size) for one in ends)
        if low is not None and high is not None:
            pads.append((low, high))
        else:
            lines += definitions(call, f"x.shape[{axis + first}]", axis)
            names = {name: f"{name}{axis}" for name in call.variant.defined}
            pads.append((written(call, ends[0], names), written(call, ends[1], names)))
    array = "y" if less else "x"
    negative = any(isinstance(n, int) and n < 0 for pair in pads for n in pair)
    if negative and refusal.target != "pytorch":
        return None
    lines.append(f"{array} = {_pad(refusal.target, array, pads, first)}")
    if not less:
        return Cure(tuple(lines), found, ())
    appends = any(isinstance(n, str) or n > 0 for pair in pads for n in pair)
    return Cure((), found, tuple(lines), appends)


def _without_padding(
    call: Call, calls: Sequence[AxisCall], given: tuple[int, ...] | None
) -> Call | None:
    """Return the same layer without padding; None if it has a stride and dilates its input."""
    forms = [one.form(given[n] if given else 1) for n, one in enumerate(calls)]
    if all(form.input_dilation == 1 for form in forms):
        name, strides = "conv", [form.stride for form in forms]
    elif all(form.stride == 1 for form in forms):
        name, strides = "conv_transpose", [form.input_dilation for form in forms]
    else:
        return None
    axes = tuple(
        {"k": form.taps, "s": stride, "d": form.dilation}
        for form, stride in zip(forms, strides, strict=True)
    )
    layer = replace(call.layer, name=name, variants=(PLAIN[name],))
    return Call(layer, PLAIN[name], axes, call.groups)


def _pad(target: str, array: str, pads: Sequence[Pair], first: int) -> str:
    """Return the call that puts zeros around an array, or cuts off entries.

    Args:
        target: the framework.
        array: the name of the array.
        pads: for each spatial axis, the numbers at its ends.
        first: the first spatial axis.

    """
    if target == "pytorch":
        # the last axis comes first
        inside = ", ".join(str(n) for pair in reversed(pads) for n in pair)
        return f"{PADS[target]}({array}, ({inside}))"
    rows = ["(0, 0)"] * first + [f"({a}, {b})" for a, b in pads]
    rows += ["(0, 0)"] if first == 1 else []
    return f"{PADS[target]}({array}, [{', '.join(rows)}])"
