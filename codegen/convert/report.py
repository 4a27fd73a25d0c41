"""What a conversion says, as text and as plain data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rot180.codegen.convert.common_form import AxisForm, entries
from rot180.codegen.convert.conversion import ANOTHER, Conversion, Refusal, axis_calls
from rot180.codegen.convert.cure import cure
from rot180.codegen.convert.forms import AxisCall, LinearPart
from rot180.codegen.convert.layer_data import FrameworkLayer, Variant
from rot180.codegen.convert.solve import sizes
from rot180.codegen.convert.spelling import write_argument
from rot180.codegen.convert.weights import data_pattern, weight_pattern
from rot180.codegen.convert.written import constant, written

SHOWN = 3
"""The most other results that a counterexample shows."""


def arguments(
    layer: FrameworkLayer, variant: Variant, axes: Sequence[AxisCall], groups: int = 1
) -> dict[str, str]:
    """Return the arguments of a call, each as its framework writes it.

    Args:
        layer: the layer.
        variant: the way of calling it.
        axes: the call along each axis.
        groups: the number of groups.

    """
    first = 2 if layer.channels == "first" else 1
    rows = [
        {name: _number(value, f"x.shape[{axis + first}]") for name, value in one.parts.items()}
        for axis, one in enumerate(axes)
    ]
    found = {}
    for one in variant.arguments:
        plain = all(row[part] == one.default for row in rows for part in one.parts)
        if not plain or one.default is None:
            found[one.name] = write_argument(one, rows, layer.brackets)
    for name, word in variant.words.items():
        if layer.defaults.get(name) != word:
            found[name] = word if word in ("True", "False") else f'"{word}"'
    if layer.groups and groups > 1:
        found[layer.groups] = str(groups)
    return found


def _number(value: int | LinearPart, size: str) -> int | str:
    if isinstance(value, int) or value.slope == 0:
        return value if isinstance(value, int) else value.constant
    times = size if value.slope == 1 else f"{value.slope}*{size}"
    return (
        f"{times} {'-' if value.constant < 0 else '+'} {abs(value.constant)}"
        if value.constant
        else times
    )


def call_text(
    layer: FrameworkLayer, variant: Variant, axes: Sequence[AxisCall], groups: int = 1
) -> str:
    """Return a call as the framework writes it."""
    given = arguments(layer, variant, axes, groups)
    written = ", ".join(f"{n}={v}" for n, v in given.items() if n not in layer.shaped)
    return layer.call.format(n=len(axes), arguments=written)


def _conversion_call(found: Conversion) -> str:
    return call_text(found.layer, found.variant, found.axes, found.source.groups)


def _weights(found: Conversion) -> tuple[str, list[int]]:
    """Return how the axes of the weight change, and the spatial axes that are reversed."""
    source, axes = found.source, len(found.axes)
    pattern = weight_pattern(source.layer, found.layer, axes, source.groups)
    turned = source.layer.flip != found.layer.flip
    taps = [one["k"] for one in source.axes]
    return pattern, [n + 1 for n, k in enumerate(taps) if turned and k > 1]


def _range(given: tuple[int, ...] | None) -> str:
    if given is None:
        return "every size of the input"
    return f"the input size {' x '.join(map(str, given))} (other sizes may need other arguments)"


def conversion_lines(found: Conversion) -> Iterator[str]:
    """Yield the lines of a text about a conversion."""
    yield _conversion_call(found)
    yield ""
    yield from _around(found)
    yield f"Same layer for {_range(found.sizes)}. The common form of both:"
    for axis, one in enumerate(axis_calls(found.source)):
        size = found.sizes[axis] if found.sizes else next(sizes(one))
        yield f"    axis {axis}: {form_text(one.form(size), one, found.sizes is None)}"


def _around(found: Conversion) -> Iterator[str]:
    """Yield what happens to the weights and to the data."""
    pattern, turned = _weights(found)
    before, after = pattern.split(" -> ")
    if turned:
        yield f"Weights: reverse them along {', '.join(f'k{n}' for n in turned)}"
    if before != after:
        groups = f", g={found.source.groups}" if "g" in pattern else ""
        yield f'Weights: einops.rearrange(w, "{pattern}"{groups})'
    if not turned and before == after:
        yield "Weights: as they are"
    data = data_pattern(found.source.layer, found.layer, len(found.axes))
    if len(set(data.split(" -> "))) == 2:
        yield f'Data: einops.rearrange(x, "{data}")'


def form_text(form: AxisForm, call: AxisCall, everywhere: bool) -> str:
    """Return the common form of a layer along an axis, as a sum."""
    x = "x" if form.input_dilation == 1 else f"dilate(x, {form.input_dilation})"
    stride = "p" if form.stride == 1 else f"{form.stride}*p"
    tap = "j" if form.dilation == 1 else f"{form.dilation}*j"
    lo = str(form.before).removeprefix("-")
    sign = "+" if str(form.before).startswith("-") else "-"
    known = constant(call, call.variant.before) is not None
    if everywhere and not known:
        lo, sign = "lo", "-"
    w = f"w[{form.taps - 1} - j]" if form.flip else "w[j]"
    place = f"{stride} + {tap}" + ("" if lo == "0" else f" {sign} {lo}")
    said = f"y[p] = sum[j] {x}[{place}] {w}, 0 <= j < {form.taps}"
    if lo == "lo":
        said += f", where lo = {written(call, call.variant.before, {})} for i inputs"
    return said


def refusal_lines(refusal: Refusal) -> Iterator[str]:
    """Yield the lines of a text about a layer for which there are no arguments."""
    if refusal.sizes is None:
        yield f"{refusal.target} has no arguments for this layer."
    else:
        where = " x ".join(map(str, refusal.sizes))
        yield (
            f"{refusal.target} has no arguments for this layer at the input size {where}, with the "
            "same stride and dilation."
        )
    yield ""
    yield from _counterexample(refusal)
    yield from _reasons(refusal)
    healed = cure(refusal)
    if healed is not None:
        yield ""
        yield "Instead:" if not healed.appends else "Instead, with a bias added afterwards:"
        yield from (f"    {line}" for line in healed.before)
        yield f"    {'y = ' if healed.after else ''}{_conversion_call(healed.conversion)}"
        yield from (f"    {line}" for line in healed.after)
        yield ""
        yield from _around(healed.conversion)


def _reasons(refusal: Refusal) -> list[str]:
    """Return, for each way of calling a layer of the other framework, why it is another layer."""
    axes = len(refusal.source.axes)
    said = []
    for one in refusal.obstacles:
        words = [f'{n}="{w}"' for n, w in one.variant.words.items() if n != "transpose_kernel"]
        chosen = words if one.nearest is None else [_given(one.nearest)]
        named = " with ".join([one.layer.function(axes), *([", ".join(chosen)] if chosen else [])])
        where = "" if one.axis is None else f" along axis {one.axis}"
        where += f" at size {one.size}" if one.reason == ANOTHER else ""
        said.append(f"{named}{where}: {one.reason}")
    return list(dict.fromkeys(said))


def _given(call: AxisCall) -> str:
    found = arguments(call.layer, call.variant, [call])
    return ", ".join(f"{n}={v}" for n, v in found.items()) or "no arguments"


def example(refusal: Refusal) -> dict[str, object]:
    """Return a counterexample: an input, a kernel, the layer's output, and the outputs of others.

    It is at the smallest size at which no padding gives the same; where each size has a padding of
    its own, at the smallest one at which that of the smaller ones fails.
    """
    source = axis_calls(refusal.source)[refusal.axis]
    failing = [one.size for one in refusal.obstacles if one.nearest and one.size]
    size = refusal.size or max(failing, default=next(sizes(source)))
    form = source.form(size)
    x, w = list(range(1, size + 1)), [10**n for n in range(form.taps)]
    others = []
    for call in _others(refusal, source, size):
        other = call.form(size)
        turned = w[::-1] if other.flip != form.flip else w
        others.append((_given(call), entries(other, x, turned)))
    return {"size": size, "x": x, "w": w, "y": entries(form, x, w), "others": others[:SHOWN]}


def _others(refusal: Refusal, source: AxisCall, size: int) -> Iterator[AxisCall]:
    """Yield the admitted calls of the other framework that have as many outputs at a size."""
    wanted = source.form(size)
    for one in refusal.obstacles:
        if one.nearest is None or one.variant.sized:
            continue
        fixed = {"k", "s", "d", "r"}
        free = [part for part in one.variant.parts if part not in fixed]
        for values in _grid(len(free), wanted.taps * wanted.dilation + 2):
            call = AxisCall(
                one.layer,
                one.variant,
                {**one.nearest.parts, **dict(zip(free, values, strict=True))},
            )
            if call.broken(size) is None and call.form(size).outputs == wanted.outputs:
                yield call


def _grid(count: int, most: int) -> Iterator[tuple[int, ...]]:
    if count == 0:
        yield ()
        return
    for first in range(most):
        yield from ((first, *rest) for rest in _grid(count - 1, most))


def _counterexample(refusal: Refusal) -> Iterator[str]:
    shown = example(refusal)
    size, every = shown["size"], refusal.size is not None
    reach = "every padding gives another result" if every else "the padding of smaller sizes fails"
    where = f"at size {size} along axis {refusal.axis}"
    yield f"Smallest counterexample: {where}, with this stride and dilation, {reach}."
    yield f"    x = {shown['x']}, w = {shown['w']}"
    yield f"    y = {shown['y']}: the layer"
    others = shown["others"]
    assert isinstance(others, list)
    for given, y in others:
        yield f"    y = {y}: {given}"
    if not others:
        yield "    no admitted call has an output of this size"
    yield ""


def data(found: Conversion | Refusal) -> Mapping[str, object]:
    """Return what a conversion found as plain data."""
    if isinstance(found, Conversion):
        pattern, turned = _weights(found)
        return {
            "found": True,
            "framework": found.layer.framework,
            "layer": found.layer.name,
            "call": _conversion_call(found),
            "arguments": arguments(found.layer, found.variant, found.axes, found.source.groups),
            "sizes": "all" if found.sizes is None else list(found.sizes),
            "weights": {"rearrange": pattern, "reversed": turned, "groups": found.source.groups},
            "data": data_pattern(found.source.layer, found.layer, len(found.axes)),
        }
    healed = cure(found)
    return {
        "found": False,
        "framework": found.target,
        "counterexample": {"axis": found.axis, "every": found.size is not None, **example(found)},
        "reasons": _reasons(found),
        "instead": healed
        and {
            "before": list(healed.before),
            **data(healed.conversion),
            "after": list(healed.after),
        },
    }
