"""The stepper: a page's reader moves a layer's window by hand, forward and backward.

The page gets the terms of the layer and of its derived gradient as data: monomials of indices,
boxes and brackets. Its script evaluates them and knows nothing about any operation.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from sympy import Expr, Symbol

from rot180.codegen.figures.colors import DARK, ROLES
from rot180.codegen.figures.expand import accesses, limits
from rot180.codegen.figures.math_labels import inline
from rot180.codegen.figures.sample import Specimen, specimen
from rot180.codegen.figures.sample_sizes import names
from rot180.codegen.figures.windows import Axis, Window
from rot180.codegen.system.templates import template
from rot180.derive.display.notations import DEEP_LEARNING, Symbols
from rot180.derive.language.layers import Layer
from rot180.derive.language.polynomial import coefficient, ordered, symbols_of
from rot180.derive.language.terms import Access, Apply, Equal, Factor, Range, Tensor, Term

Data = dict[str, object]

SPANS = {"step": (1, 4), "tap": (1, 3), "shift": (-4, 4), "other": (1, 3)}
"""The values that a reader may give a parameter, by what it does."""

LARGEST = {0: (5, 5), 1: (14, 5), 2: (8, 4)}
"""The largest input and window, by the number of axes."""


@dataclass(frozen=True)
class Control:
    """A size or parameter that the reader sets.

    Attributes:
        name: its name.
        label: its name as HTML.
        least: the smallest value.
        most: the largest value.
        value: the first value.

    """

    name: str
    label: str
    least: int
    most: int
    value: int


@dataclass(frozen=True)
class View:
    """One window: what the template shows of it.

    Attributes:
        key: "forward" or "backward".
        title: its heading.

    """

    key: str
    title: str


@dataclass(frozen=True)
class Stepper:
    """What the template lays out."""

    identifier: str
    title: str
    controls: tuple[Control, ...]
    views: tuple[View, ...]
    data: str


@dataclass(frozen=True)
class Colour:
    """A custom property of the style sheet."""

    name: str
    value: str


def stepper(layer: Layer, identifier: str, symbols: Symbols = DEEP_LEARNING) -> str:
    """Return a stepper for a layer as an HTML fragment; the page needs `stepper_head` once.

    Args:
        layer: a forward pass over one or two axes.
        identifier: the element's id, unique in its page.
        symbols: the notation.

    Raises:
        ValueError: no window of the layer moves over an operand, or the identifier is none.

    """
    if not re.fullmatch(r"[A-Za-z][\w-]*", identifier):
        raise ValueError(
            f"identifier: found {identifier!r}, expected a letter, then letters, digits, - or _"
        )
    data, at = stepper_data(layer, symbols), _specimen(layer, symbols)
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=True).replace("</", "<\\/")
    views = [View("forward", "Forward")]
    views += [View("backward", "Backward")] if at.backward is not None else []
    shown = Stepper(identifier, escape(layer.text), controls(at), tuple(views), text)
    return template("figures", "stepper.html.jinja").render(stepper=shown)


def stepper_head() -> str:
    """Return the style and the script that all steppers of a page share."""
    light, dark = (
        tuple(Colour(role, f"#{value}") for role, value in table.items()) for table in (ROLES, DARK)
    )
    return template("figures", "stepper_head.html.jinja").render(light=light, dark=dark)


def _specimen(layer: Layer, symbols: Symbols) -> Specimen:
    at = specimen(layer, stride=2, symbols=symbols)
    if len(at.moved.axes) > 2:
        raise ValueError(f"{layer.text}: found {len(at.moved.axes)} axes, expected 1 or 2")
    return at


def controls(at: Specimen) -> tuple[Control, ...]:
    """Return what the reader sets: the sizes that nothing else fixes, and the parameters."""
    part = {v: word for word in ("step", "tap", "shift") for v in at.moved.parameters(word)}
    found: list[Control] = []
    taps = {n for axis in at.moved.axes for _, n in axis.taps}
    shapes = [at.moved.swept.shape[a] for a in at.axes[at.moved.swept.name]]
    derived = {axis.output for axis in at.moved.axes if axis.steps != axis.places}
    sizes = [*shapes, *taps_in_order(at), *at.forward.shape]
    largest, widest = LARGEST[len(at.moved.axes)]
    for n in dict.fromkeys(sizes):
        if isinstance(n, Symbol) and n not in derived:
            most = widest if n in taps else largest
            value = at.env[n.name]
            label = inline(at.style.symbol(n.name))
            found.append(Control(n.name, label, 1, max(most, value), value))
    for v in (v for v in at.parameters if v.name not in {c.name for c in found}):
        least, most = SPANS[part.get(v, "other")]
        value = at.env[v.name]
        ends = min(least, value), max(most, value)
        found.append(Control(v.name, inline(at.style.symbol(v.name)), *ends, value))
    return tuple(found)


def taps_in_order(at: Specimen) -> list[Expr]:
    """Return the sizes of the window's summed indices."""
    return [n for axis in at.moved.axes for _, n in axis.taps]


# The data.


def stepper_data(layer: Layer, symbols: Symbols = DEEP_LEARNING) -> Data:
    """Return what the page's script evaluates: terms, definitions and index maps as monomials.

    Raises:
        ValueError: no window of the layer moves over an operand.

    """
    at = _specimen(layer, symbols)
    tensors: dict[str, Data] = {}
    views = [_view(at, at.forward, "forward", tensors)]
    if at.backward is not None:
        views.append(_view(at, at.backward, "backward", tensors))
    return {
        "sizes": {name: at.env[name] for name in names(at.moved)},
        "controls": [c.name for c in controls(at)],
        "axes": [_axis(at, axis) for axis in at.moved.axes],
        "tensors": tensors,
        "views": views,
    }


def _view(at: Specimen, window: Window, key: str, tensors: dict[str, Data]) -> Data:
    free = (*window.free, *window.fixed)
    read = accesses(window.term)
    return {
        "key": key,
        "target": inline(at.tensor(window.target.name)),
        "brief": _brief(at.tensor(window.target.name)),
        "role": "output" if key == "forward" else "input",
        "free": [v.name for v in window.free],
        "shape": [monomials(n) for n in window.shape],
        "fixed": [v.name for v in window.fixed],
        "term": _term(at, window.term, free, tensors),
        "grid": window.grid,
        "kernel": list(window.kernel),
        "gridAxes": list(window.axes(read[window.grid])),
    }


def _axis(at: Specimen, axis: Axis) -> Data:
    """Export where the windows of an axis lie, and which size follows from the others."""
    loose = bool(symbols_of(axis.shift) & set(at.parameters))
    seek = "" if axis.steps == axis.places else str(axis.output)
    return {
        "stride": monomials(axis.stride),
        "shift": monomials(axis.shift),
        "taps": [[monomials(coefficient(axis.place, v)), monomials(n)] for v, n in axis.taps],
        "tapNames": [str(n) for _, n in axis.taps],
        "steps": monomials(axis.steps),
        "places": monomials(axis.places),
        "placesName": str(axis.places),
        "seek": seek if isinstance(axis.output, Symbol) else "",
        "laid": axis.output == axis.places,
        "loose": loose,
    }


def _term(
    at: Specimen, t: Term, free: Sequence[Symbol], tensors: dict[str, Data]
) -> Data:
    return {
        "coefficient": monomials(t.coefficient),
        "loops": [
            [v.name, [[monomials(e) for e in (b.factor, b.rest, b.size)] for b in found]]
            for v in t.variables
            for found in [limits(t, v, frozenset(free)) if v not in free else ()]
        ],
        "factors": [_factor(at, f, tensors) for f in t.factors],
    }


def _factor(at: Specimen, f: Factor, tensors: dict[str, Data]) -> Data:
    if isinstance(f, Equal):
        return {"equal": monomials(f.value)}
    if isinstance(f, Range):
        return {"range": monomials(f.value), "size": monomials(f.size)}
    if isinstance(f, Apply):
        said = inline(at.style.function(f.function, f.order))
        return {**_access(at, f.argument, tensors), "function": said}
    assert isinstance(f, Access)
    return _access(at, f, tensors)


def _access(at: Specimen, access: Access, tensors: dict[str, Data]) -> Data:
    _tensor(at, access.tensor, tensors)
    return {"tensor": access.tensor.name, "index": [monomials(e) for e in access.index]}


def _tensor(at: Specimen, tensor: Tensor, tensors: dict[str, Data]) -> None:
    """Enter a tensor, with what it is made of, if it is new."""
    if tensor.name in tensors:
        return
    definition = tensor.definition
    formals = definition.formals if definition else ()
    known: Mapping[str, tuple[int, ...]] = at.axes
    tensors[tensor.name] = {
        "label": inline(at.style.tensor(tensor)),
        "brief": _brief(at.style.tensor(tensor)),
        "role": at.role_of(tensor.name),
        "shape": [None if n is None else monomials(n) for n in tensor.shape],
        "formals": [v.name for v in formals],
        "shown": list(known.get(tensor.name, ())),
    }
    body = definition.body if definition else ()
    tensors[tensor.name]["terms"] = [_term(at, t, formals, tensors) for t in body]


def _brief(name: str) -> str:
    """Return a name without superscripts, for the inside of a cell."""
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
