"""Pictures as SVG, in light or dark colours as the page is, with a description as text."""

from __future__ import annotations

from collections.abc import Iterator
from functools import singledispatch
from html import escape

from rot180.codegen.figures.colors import COLORS, DARK_COLORS, DASHES
from rot180.codegen.figures.math_labels import plain, spans
from rot180.codegen.figures.shapes import (
    BESIDE,
    LINK,
    Cell,
    Frame,
    Label,
    Link,
    Node,
    Picture,
    Point,
    Shape,
    fitted,
    label_width,
)
from rot180.derive.display.mathml import Html

UNIT = 36.0
"""The size of a cell in pixels."""

_LEVELS = {0: 0.0, 1: 4.0, -1: -5.4}
"""Pixels by which a subscript is lowered and a superscript raised."""


def svg(picture: Picture) -> Html:
    """Return a picture as an ``svg`` element, for a page or a file of its own.

    Its title and its caption describe it for screen readers. A moving picture is one that is still
    for readers who ask for less motion, and on paper.
    """
    left, top, right, bottom = picture.extent
    across, down = (round((b - a) * UNIT, 1) for a, b in ((left, right), (top, bottom)))
    name = escape(picture.name, quote=True)
    shapes = "\n".join(_moving(picture, (left, top), name))
    return Html(
        f'<svg xmlns="http://www.w3.org/2000/svg" class="picture" role="img" '
        f'aria-labelledby="{name}-title {name}-desc" viewBox="0 0 {across:g} {down:g}" '
        f'width="{across:g}" height="{down:g}">\n'
        f'<title id="{name}-title">{escape(plain(picture.title))}</title>\n'
        f'<desc id="{name}-desc">{escape(plain(picture.caption))}</desc>\n'
        f"<style>{style()}</style>\n{_hatch(picture, name)}{shapes}\n</svg>\n"
    )


SECONDS = 1.2
"""How long a moving picture shows each moment."""


def _moving(picture: Picture, origin: Point, name: str) -> Iterator[str]:
    """Yield the elements of a picture; those that are not there at all moments in a group each."""
    still = [draw(s, origin, name) for s in picture.shapes]
    moments = [[draw(s, origin, name) for s in shapes] for shapes in picture.moments]
    if not moments:
        yield from still
        return
    always = set(still).intersection(*moments)
    yield from (drawn for drawn in still if drawn in always)
    yield from ('<g class="still">', *(drawn for drawn in still if drawn not in always), "</g>")
    for n, drawn_now in enumerate(moments):
        shown = "visible" if n == 0 else "hidden"
        yield f'<g class="moment" visibility="{shown}">{_shown_at(n, len(moments))}'
        yield from (drawn for drawn in drawn_now if drawn not in always)
        yield "</g>"


def _shown_at(n: int, count: int) -> str:
    """Return the element by which a group is visible at one moment of several."""
    states = [(0.0, "hidden")] * (n > 0) + [(n / count, "visible")]
    states += [((n + 1) / count, "hidden")] * (n + 1 < count)
    times = ";".join(f"{time:.4g}" for time, _ in states)
    values = ";".join(state for _, state in states)
    return (
        f'<animate attributeName="visibility" calcMode="discrete" dur="{SECONDS * count:g}s" '
        f'repeatCount="indefinite" values="{values}" keyTimes="{times}"/>'
    )


def style() -> str:
    """Return the style sheet of every picture: the colours as custom properties, and the looks."""
    light = "".join(f"--{role}:#{value};" for role, value in COLORS.items())
    dark = "".join(f"--{role}:#{value};" for role, value in DARK_COLORS.items())
    roles = "".join(f".picture .r-{role}{{--role:var(--{role})}}" for role in COLORS)
    return (
        f".picture{{{light}color-scheme:light dark;max-width:100%;height:auto;"
        "font:13px 'STIX Two Text','Cambria','Times New Roman',serif}"
        f"@media (prefers-color-scheme:dark){{.picture{{{dark}}}}}"
        f"@media print{{.picture{{{light}}}}}"
        ".picture text{fill:var(--ink);text-anchor:middle;dominant-baseline:central}"
        ".picture .start{text-anchor:start}.picture .end{text-anchor:end}"
        ".picture .math{font-style:italic}.picture .up{font-style:normal}"
        ".picture .sub{font-size:.73em}"
        f"{roles}.picture .cell{{stroke:var(--role)}}"
        ".picture .stroke{stroke:var(--role)}.picture .tip{fill:var(--role)}"
        ".picture .plain{fill:var(--role);fill-opacity:.22;stroke-width:1.2}"
        ".picture .strong{fill:var(--role);fill-opacity:.55;stroke-width:2.2}"
        ".picture .faint{fill:var(--role);fill-opacity:.07;stroke-width:1;stroke-opacity:.45}"
        ".picture .zero,.picture .padding{fill:var(--paper);stroke:var(--quiet);stroke-width:.8}"
        ".picture .padding{stroke-dasharray:2 2}.picture .hatched{stroke-width:1.2}"
        ".picture .quiet{fill:var(--quiet)}.picture .link,.picture .frame{fill:none}"
        ".picture .link{stroke-width:1.7}.picture .cut{stroke-width:.9;stroke-dasharray:1 3}"
        ".picture .frame{stroke-width:2.6}.picture .dashed{stroke-dasharray:6 3}"
        ".picture .back{fill:var(--paper);fill-opacity:.88}.picture .still{display:none}"
        "@media print,(prefers-reduced-motion:reduce){.picture .still{display:inline}"
        ".picture .moment{display:none}}"
    )


def _text(at: Point, text: str, kind: str, scale: float = 1) -> str:
    """Return a text element at a point in pixels; a subscript is set below a superscript."""
    body, shift, raised = "", 0, 0.0
    for n, part in enumerate(text.split("$")):
        pieces = spans(part) if n % 2 else [(part, False, 0)] if part else []
        for characters, italic, script in pieces:
            moves = {"dy": _LEVELS[script] - _LEVELS[shift], "dx": -raised if script > 0 else 0}
            shift, raised = script, (raised + 4.6 * len(characters) if script < 0 else 0)
            kinds = " ".join(k for k, on in (("math", italic), ("sub", script)) if on)
            by = "".join(f' {k}="{v:g}"' for k, v in moves.items() if v)
            shown = f' class="{kinds}"' if kinds else ""
            said = escape(characters)
            body += f"<tspan{shown}{by}>{said}</tspan>" if by or shown else said
    named = f' class="{kind}"' if kind else ""
    named += f' font-size="{13 * scale:.1f}"' if scale < 1 else ""
    return f'<text x="{at[0]:g}" y="{at[1]:g}"{named} xml:space="preserve">{body}</text>'


def _pixels(point: Point, origin: Point) -> Point:
    x, y = ((p - o) * UNIT for p, o in zip(point, origin, strict=True))
    return round(x, 1), round(y, 1)


def _hatch(picture: Picture, name: str) -> str:
    """Return the patterns of hatched cells."""
    roles = dict.fromkeys(
        s.role for s in picture.shapes if isinstance(s, Cell | Node) and s.look == "hatched"
    )
    return "".join(
        f'<pattern id="{name}-hatch-{role}" class="r-{role}" width="6" height="6" '
        'patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        '<path d="M0 0V6" class="stroke" stroke-width="2" opacity=".6"/></pattern>\n'
        for role in roles
    )


@singledispatch
def draw(shape: Shape, origin: Point, name: str) -> str:
    """Return the elements of a shape.

    Args:
        shape: what is drawn.
        origin: the upper left corner of the picture.
        name: the picture's name, for references within it.

    """
    raise TypeError(f"found {type(shape).__name__}, expected a shape")


def _filled(shape: Cell | Node, name: str) -> str:
    """Return the class of a cell, and its pattern if it is hatched."""
    kind = f'class="cell {shape.look} r-{shape.role}"'
    hatched = shape.look == "hatched"
    return kind + (f' fill="url(#{name}-hatch-{shape.role})"' if hatched else "")


def _cell_label(shape: Cell | Node, at: Point) -> str:
    quiet = shape.look in ("zero", "padding", "faint")
    kind, scale = "quiet" if quiet else "", fitted(shape.label, 0.74)
    ground = _ground(at, shape.label, scale) if shape.look == "hatched" else ""
    return ground + _text(at, f"${shape.label}$", kind, scale) if shape.label else ""


def _ground(at: Point, label: str, scale: float) -> str:
    """Return a patch in the colour of the paper, behind a label."""
    wide = 7 + UNIT * scale * label_width(f"${label}$")
    return (
        f'<rect x="{at[0] - wide / 2:.1f}" y="{at[1] - 8:g}" width="{wide:.1f}" height="16" rx="3" '
        'class="back"/>'
    )


@draw.register
def _(shape: Cell, origin: Point, name: str) -> str:
    x, y = _pixels(shape.at, origin)
    return (
        f'<rect x="{x + 1.5:g}" y="{y + 1.5:g}" width="{UNIT - 3:g}" height="{UNIT - 3:g}" '
        f'rx="3" {_filled(shape, name)}/>' + _cell_label(shape, (x + UNIT / 2, y + UNIT / 2))
    )


@draw.register
def _(shape: Node, origin: Point, name: str) -> str:
    x, y = _pixels(shape.at, origin)
    back = f'<circle cx="{x:g}" cy="{y:g}" r="{UNIT / 2 - 1:g}" class="back"/>'
    circle = f'<circle cx="{x:g}" cy="{y:g}" r="{UNIT / 2 - 1:g}" {_filled(shape, name)}/>'
    return back + circle + _cell_label(shape, (x, y))


@draw.register
def _(shape: Link, origin: Point, name: str) -> str:
    (x, y), (u, v) = _pixels(shape.start, origin), _pixels(shape.end, origin)
    dashes = " ".join(f"{d * 1.3:g}" for d in DASHES.get(shape.role, ()))
    drawn = f' stroke-dasharray="{dashes}"' if dashes and shape.look != "cut" else ""
    said = f"<title>{escape(shape.tooltip)}</title>" if shape.tooltip else ""
    look = " cut" if shape.look == "cut" else ""
    out = (
        f'<path d="M{x:g} {y:g}L{u:g} {v:g}" class="link{look} stroke r-{shape.role}"{drawn}>'
        f"{said}</path>"
    )
    if shape.look == "arrow":
        out += _tip((x, y), (u, v), shape.role)
    if shape.label:
        at = tuple(round(a + BESIDE * (b - a), 1) for a, b in ((x, u), (y, v)))
        scale = fitted(shape.label, LINK)
        out += _ground((at[0], at[1]), shape.label, scale)
        out += _text((at[0], at[1]), f"${shape.label}$", "", scale)
    return out


def _tip(start: Point, end: Point, role: str) -> str:
    """Return the tip of an arrow."""
    x, y = end[0] - start[0], end[1] - start[1]
    long = max((x * x + y * y) ** 0.5, 1e-9)
    x, y = x / long, y / long
    base = (end[0] - 7 * x, end[1] - 7 * y)
    wings = [(round(base[0] + s * 3.2 * y, 1), round(base[1] - s * 3.2 * x, 1)) for s in (1, -1)]
    points = " ".join(f"{a:g},{b:g}" for a, b in (end, *wings))
    return f'<polygon points="{points}" class="tip r-{role}"/>'


@draw.register
def _(shape: Frame, origin: Point, name: str) -> str:
    x, y = _pixels(shape.at, origin)
    dashed = " dashed" if shape.dashed else ""
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{shape.width * UNIT:g}" '
        f'height="{shape.height * UNIT:g}" rx="4" '
        f'class="frame{dashed} stroke r-{shape.role}"/>'
    )


@draw.register
def _(shape: Label, origin: Point, name: str) -> str:
    return _text(_pixels(shape.at, origin), shape.text, shape.anchor)
