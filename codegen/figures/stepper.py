"""The stepper: the reader of a page moves a layer's window step by step, forward and backward.

The page has the terms of the layer and of its derived gradient as data: monomials of indices,
boxes and brackets. The script evaluates them; it does not depend on the operation.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sympy import Expr, Symbol

from rot180.codegen.figures.colors import COLORS, DARK_COLORS
from rot180.codegen.figures.expand import accesses, limits
from rot180.codegen.figures.math_labels import inline
from rot180.codegen.figures.sample import SampledLayer, sampled_layer
from rot180.codegen.figures.sample_sizes import size_names
from rot180.codegen.figures.windows import Window, WindowAxis
from rot180.codegen.system.files import resource
from rot180.codegen.system.templates import template
from rot180.derive.display.mathml import Html
from rot180.derive.display.notations import DEEP_LEARNING, Symbols
from rot180.derive.language.layers import Layer
from rot180.derive.language.polynomial import coefficient, ordered, symbols_of
from rot180.derive.language.terms import Access, Apply, Equal, Factor, Range, Tensor, Term

Data = dict[str, object]

SPANS = {"step": (1, 4), "tap": (1, 3), "shift": (-4, 4), "other": (1, 3)}
"""The range of a parameter, by where it is: in the stride, the dilation, the padding, elsewhere."""

LARGEST = {0: (5, 5), 1: (14, 5), 2: (8, 4)}
"""The largest sizes of input and window, by the number of axes."""


@dataclass(frozen=True)
class Control:
    """A size or parameter that the reader can change.

    Attributes:
        name: its name.
        label: its name as HTML.
        least: the smallest value.
        most: the largest value.
        value: the value at first.

    """

    name: str
    label: Html
    least: int
    most: int
    value: int


@dataclass(frozen=True)
class WrittenTensor:
    """A tensor whose entries the reader can write as numbers.

    Attributes:
        name: its name.
        label: its name as HTML.

    """

    name: str
    label: Html


@dataclass(frozen=True)
class View:
    """One of the windows, for the template.

    Attributes:
        key: "forward" or "backward".
        title: its heading.

    """

    key: str
    title: str


def stepper(layer: Layer, identifier: str, symbols: Symbols = DEEP_LEARNING) -> Html:
    """Return a stepper for a layer as HTML; its page has `stepper_style` and `stepper_script`.

    Args:
        layer: a forward pass with one or two axes.
        identifier: the element's id, unique in its page.
        symbols: the notation.

    Raises:
        ValueError: no window of the layer moves over an operand, or the identifier is invalid.

    """
    if not re.fullmatch(r"[A-Za-z][\w-]*", identifier):
        raise ValueError(
            f"identifier: found {identifier!r}, expected a letter, then letters, digits, - or _"
        )
    sample, exported = _sample(layer, symbols), stepper_data(layer, symbols)
    data = json.dumps(exported, separators=(",", ":"), ensure_ascii=True)
    views = [View("forward", "Forward")]
    views += [View("backward", "Backward")] if sample.backward is not None else []
    filled = template("figures", "stepper.html.jinja").render(
        identifier=identifier,
        title=layer.text,
        controls=controls(sample),
        operands=operands(exported),
        views=views,
        # no text in the data ends the element that they are in, or opens a comment in it
        data=Html(data.replace("<", "\\u003c")),
    )
    return Html(filled)


def operands(exported: Data) -> tuple[WrittenTensor, ...]:
    """Return the tensors of a stepper's data that no other tensor defines."""
    tensors = exported["tensors"]
    assert isinstance(tensors, dict)
    free = {name: found for name, found in tensors.items() if not found["terms"]}
    return tuple(WrittenTensor(name, Html(found["label"])) for name, found in free.items())


def stepper_style() -> str:
    """Return the style sheet that all steppers of a page share."""
    light, dark = (
        [(role, f"#{value}") for role, value in table.items()] for table in (COLORS, DARK_COLORS)
    )
    sheet = resource("figures", "static/stepper.css")
    return template("figures", "stepper.css.jinja").render(light=light, dark=dark, style=sheet)


def stepper_script() -> str:
    """Return the script that all steppers of a page share."""
    return resource("figures", "static/stepper.js")


def _sample(layer: Layer, symbols: Symbols) -> SampledLayer:
    sample = sampled_layer(layer, stride=2, symbols=symbols)
    if len(sample.windowed.axes) > 2:
        raise ValueError(f"{layer.text}: found {len(sample.windowed.axes)} axes, expected 1 or 2")
    return sample


def controls(sample: SampledLayer) -> tuple[Control, ...]:
    """Return the sizes that do not follow from others, and the parameters."""
    part = {v: word for word in ("step", "tap", "shift") for v in sample.windowed.parameters(word)}
    found: list[Control] = []
    taps = {n for axis in sample.windowed.axes for _, n in axis.taps}
    shapes = [sample.operand.shape[a] for a in sample.axes[sample.operand.name]]
    derived = {axis.output for axis in sample.windowed.axes if axis.steps != axis.places}
    sizes = [*shapes, *taps_in_order(sample), *sample.forward.shape]
    largest, widest = LARGEST[len(sample.windowed.axes)]
    for n in dict.fromkeys(sizes):
        if isinstance(n, Symbol) and n not in derived:
            most = widest if n in taps else largest
            value = sample.env[n.name]
            label = inline(sample.style.symbol(n.name))
            found.append(Control(n.name, label, 1, max(most, value), value))
    for v in (v for v in sample.parameters if v.name not in {c.name for c in found}):
        least, most = SPANS[part.get(v, "other")]
        value = sample.env[v.name]
        ends = min(least, value), max(most, value)
        found.append(Control(v.name, inline(sample.style.symbol(v.name)), *ends, value))
    return tuple(found)


def taps_in_order(sample: SampledLayer) -> list[Expr]:
    """Return the sizes of the window's summed indices."""
    return [n for axis in sample.windowed.axes for _, n in axis.taps]


# The data.


def stepper_data(layer: Layer, symbols: Symbols = DEEP_LEARNING) -> Data:
    """Return what the script evaluates: terms, definitions and index maps as monomials.

    Raises:
        ValueError: no window of the layer moves over an operand.

    """
    sample = _sample(layer, symbols)
    tensors: dict[str, Data] = {}
    views = [_view(sample, sample.forward, "forward", tensors)]
    if sample.backward is not None:
        views.append(_view(sample, sample.backward, "backward", tensors))
    return {
        "sizes": {name: sample.env[name] for name in size_names(sample.windowed)},
        "controls": [c.name for c in controls(sample)],
        "axes": [_axis(sample, axis) for axis in sample.windowed.axes],
        "tensors": tensors,
        "views": views,
    }


def _view(sample: SampledLayer, window: Window, key: str, tensors: dict[str, Data]) -> Data:
    free = (*window.free, *window.fixed)
    read = accesses(window.term)
    return {
        "key": key,
        "target": inline(sample.tensor(window.target.name)),
        "brief": _brief(sample.tensor(window.target.name)),
        "role": "output" if key == "forward" else "input",
        "free": [v.name for v in window.free],
        "shape": [monomials(n) for n in window.shape],
        "fixed": [v.name for v in window.fixed],
        "term": _term(sample, window.term, free, tensors),
        "grid": window.grid,
        "kernel": list(window.kernel),
        "gridAxes": list(window.axes(read[window.grid])),
    }


def _axis(sample: SampledLayer, axis: WindowAxis) -> Data:
    """Export the positions of the windows of an axis, and the size that follows from the others."""
    derives = axis.steps != axis.places and isinstance(axis.output, Symbol)
    return {
        "stride": monomials(axis.stride),
        "shift": monomials(axis.shift),
        "taps": [[monomials(coefficient(axis.place, v)), monomials(n)] for v, n in axis.taps],
        "tapNames": [str(n) for _, n in axis.taps],
        "steps": monomials(axis.steps),
        "places": monomials(axis.places),
        "placesName": str(axis.places),
        "derivedSize": str(axis.output) if derives else "",
        "scattered": axis.output == axis.places,
        "padded": bool(symbols_of(axis.shift) & set(sample.parameters)),
    }


def _term(
    sample: SampledLayer, t: Term, free: Sequence[Symbol], tensors: dict[str, Data]
) -> Data:
    return {
        "coefficient": monomials(t.coefficient),
        "loops": [
            [v.name, [[monomials(e) for e in (b.factor, b.rest, b.size)] for b in found]]
            for v in t.variables
            for found in [limits(t, v, frozenset(free)) if v not in free else ()]
        ],
        "factors": [_factor(sample, f, tensors) for f in t.factors],
    }


def _factor(sample: SampledLayer, f: Factor, tensors: dict[str, Data]) -> Data:
    if isinstance(f, Equal):
        return {"equal": monomials(f.value)}
    if isinstance(f, Range):
        return {"range": monomials(f.value), "size": monomials(f.size)}
    if isinstance(f, Apply):
        said = inline(sample.style.function(f.function, f.order))
        return {**_access(sample, f.argument, tensors), "function": said}
    assert isinstance(f, Access)
    return _access(sample, f, tensors)


def _access(sample: SampledLayer, access: Access, tensors: dict[str, Data]) -> Data:
    _tensor(sample, access.tensor, tensors)
    return {"tensor": access.tensor.name, "index": [monomials(e) for e in access.index]}


def _tensor(sample: SampledLayer, tensor: Tensor, tensors: dict[str, Data]) -> None:
    """Add a tensor and those in its definition, if it is new."""
    if tensor.name in tensors:
        return
    definition = tensor.definition
    formals = definition.formals if definition else ()
    known: Mapping[str, tuple[int, ...]] = sample.axes
    tensors[tensor.name] = {
        "label": inline(sample.style.tensor(tensor)),
        "brief": _brief(sample.style.tensor(tensor)),
        "role": sample.role_of(tensor.name),
        "shape": [None if n is None else monomials(n) for n in tensor.shape],
        "formals": [v.name for v in formals],
        "shown": list(known.get(tensor.name, ())),
    }
    body = definition.body if definition else ()
    tensors[tensor.name]["terms"] = [_term(sample, t, formals, tensors) for t in body]


def _brief(name: str) -> str:
    """Return a name without superscripts, to fit in a cell."""
    return inline(re.sub(r"\^\{[^{}]*\}", "", name))


def monomials(e: Expr) -> list[list[object]]:
    """Return a polynomial as data: numerator, denominator and names of each monomial.

    >>> from rot180.derive.language.polynomial import symbol
    >>> monomials(2 * symbol("s") * symbol("p") - 1)
    [[2, 1, ['p', 's']], [-1, 1, []]]
    """
    return [
        [int(c.p), int(c.q), [name for name, power in m for _ in range(power)]]
        for m, c in ordered(e)
    ]
