"""Pictures over one axis: rows of cells, links between them, windows below each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import product

from rot180.codegen.figures.expand import Place, integer
from rot180.codegen.figures.grid import (
    TITLES,
    Grid,
    caption,
    remainder_caption,
    spread_caption,
    target_role,
)
from rot180.codegen.figures.sample import Specimen
from rot180.codegen.figures.shapes import Cell, Label, Link, Picture, Shape, extent, side_by_side
from rot180.codegen.figures.windows import source
from rot180.derive.display.theorem_latex import listed
from rot180.derive.language.polynomial import coefficient, symbols_of

GAP = 2.6
"""How many cells lie between the rows that links join."""

STEP = 1.15
"""How far a window lies below the one before."""


def fingers(at: Specimen) -> Picture:
    """Draw which outputs each input feeds, and through which weight."""
    rows = _rows(at)
    style = replace(at.style, variables=at.forward.free)
    place = at.moved.axes[0].place
    said = [f"${at.value(v.name)}$" for v in at.parameters if v in symbols_of(place)]
    here = f", here with {listed(said)}" if said else ""
    alike = len(set(at.taps().values())) > 1
    shared = ", and links that look alike share a weight" if alike else ""
    caption = (
        "The forward pass, counted on fingers: a link joins each input to every output that it "
        f"feeds{shared}. The place of a tap is ${style.polynomial(place, at.forward.taps)}${here}."
    )
    shapes = (*_links(at), *rows, *_legend_below(at, rows))
    return Picture("fingers", "Which outputs each input feeds", caption, shapes)


def delta(at: Specimen) -> Picture:
    """Draw the outputs that one input feeds."""
    x = at.chosen()
    rows = _rows(at, {p: "strong" if p == x else "faint" for p in at.inputs()}, back=True)
    caption = (
        f"The input ${at.label(at.moved.swept.name, x)}$ reaches these outputs and no others, "
        f"each through one weight: {at.delta(x)}. That is the delta, before any formula."
    )
    return Picture("delta", "The delta of one input", caption, (*_links(at, x), *rows))


def slide(over: Grid, way: str) -> Picture:
    """Draw a window's taps in every place that it takes, under the row they cover."""
    at, window = over.at, over.window
    left, right = min(p[0] for p in over.held), max(p[0] for p in over.held) + 1
    shapes: list[Shape] = [over.cell((p[0], 0), p) for p in over.held]
    shapes.append(Label((left - 0.3, 0.5), f"${over.name}$", "end"))
    for n, point in enumerate(window.points(at.env)):
        y = 0.45 + STEP * (n + 1)
        found = at.products(window, point)
        for p in found:
            look = "faint" if p.mets[window.grid].entry is None else "plain"
            shapes.append(Cell((at.where(window, p)[0], y), "weight", at.weight(window, p), look))
        start = max(at.where(window, p)[0] for p in found) + 1.15
        shapes.append(Link((start, y + 0.5), (right + 1.2, y + 0.5), "quiet", look="arrow"))
        target = at.label(window.target.name, point)
        shapes.append(Cell((right + 1.3, y), target_role(at, window), target))
    return Picture(way, TITLES[way], caption(over), tuple(shapes))


def spread(over: Grid) -> Picture:
    """Draw the entries of the output gradient, and the grid with zeros between them."""
    at, name = over.at, source(over.access.tensor).name
    shapes: list[Shape] = []
    for p in over.inner():
        if over.held[p] is not None:
            middle = p[0] + 0.5
            arrow = Link((middle, 1.05), (middle, 2.1), "gradient", look="arrow")
            shapes += [Cell((p[0], 0), "gradient", at.entry(over.held[p])), arrow]
    shapes += [over.cell((p[0], 2.15), p) for p in over.inner()]
    left = min(p[0] for p in over.inner()) - 0.3
    shapes += [Label((left, 0.5), f"${at.tensor(name)}$", "end")]
    shapes += [Label((left, 2.65), f"${over.name}$", "end")]
    return Picture("zeros", "Zeros between the entries", spread_caption(over), tuple(shapes))


def remainder(at: Specimen) -> Picture:
    """Draw the inputs that no window covers."""
    rows = _rows(at, dict.fromkeys(at.left_out(), "hatched"))
    shapes = (*_links(at), *rows, *_legend_below(at, rows))
    return Picture("remainder", "Inputs that no window covers", remainder_caption(at), shapes)


def toeplitz(at: Specimen) -> Picture:
    """Draw the layer as a matrix, and its transpose beside it."""
    roles, found = at.taps(), dict[tuple[Place, Place], list[str]]()
    for x, y, w in at.feeds():
        found.setdefault((x, y), []).append(w)
    there: list[Shape] = []
    back: list[Shape] = []
    for x, y in product(at.inputs(), at.outputs()):
        weights = found.get((x, y), [])
        role = roles[weights[0]] if len(weights) == 1 else "quiet"
        label, look = " + ".join(weights), "plain" if weights else "padding"
        there.append(Cell((x[0], y[0]), role, label, look))
        back.append(Cell((y[0], x[0]), role, label, look))
    rows = {tuple(w for _, b, w in at.feeds() if b == y) for y in at.outputs()}
    same = ": the same ones in every row, moved on" if len(rows) == 1 else ""
    grid, out = at.tensor(at.covered), at.tensor(at.forward.target.name)
    dx, g = (at.tensor(f"grad_{t}") for t in (at.moved.swept.name, at.forward.target.name))
    rest = at.beside(at.backward) if at.backward else ""
    scaled = f", times ${rest}$" if rest else ""
    caption = (
        f"The layer as a matrix, ${out} = T {grid}$: a row of $T$ holds the weights of one "
        f"output{same}. Its transpose gives the gradient, ${dx} = T^{{\\top}} {g}${scaled}: a row "
        "holds the weights through which one input is felt."
    )
    shapes = side_by_side([(there, "T"), (back, "T^{\\top}")], [""])
    return Picture("toeplitz", "The layer as a matrix", caption, tuple(shapes))


def legend(at: Specimen, y: float, middle: float) -> list[Shape]:
    """Draw a line of each weight's look with its name; nothing where they look alike."""
    roles = at.taps()
    if len(set(roles.values())) < len(roles):
        return []
    out: list[Shape] = []
    for n, (w, role) in enumerate(roles.items()):
        x = middle + 2.2 * (n - len(roles) / 2) + 0.2
        out += [Link((x, y), (x + 0.9, y), role), Label((x + 1.1, y), f"${w}$", "start")]
    return out


def _legend_below(at: Specimen, rows: Iterable[Shape]) -> list[Shape]:
    left, _, right, bottom = extent(tuple(s for s in rows if isinstance(s, Cell)))
    return legend(at, bottom + 0.3, (left + right) / 2)


def _columns(at: Specimen) -> tuple[dict[Place, float], dict[Place, float]]:
    """Return the columns of inputs and outputs: each window stands at its middle."""
    axis, taps = at.moved.axes[0], [0]
    for v, size in axis.taps:
        by = integer(coefficient(axis.place, v), at.env)
        taps = [tap + by * k for tap in taps for k in range(integer(size, at.env))]
    begin = integer(axis.shift, at.env) + (min(taps) + max(taps)) / 2
    laid = axis.output == axis.places
    windows, places = (at.inputs(), at.outputs()) if laid else (at.outputs(), at.inputs())
    spots = {p: begin + p[0] * integer(axis.stride, at.env) for p in windows}
    columns = {p: float(p[0]) for p in places}
    return (spots, columns) if laid else (columns, spots)


def _rows(
    at: Specimen, looks: Mapping[Place, str] | None = None, back: bool = False
) -> list[Shape]:
    """Draw the row of inputs above the row of outputs.

    Args:
        at: the layer.
        looks: the inputs that stand out.
        back: the row below is that of the output gradient.

    """
    above, below = _columns(at)
    name, out = at.moved.swept.name, at.forward.target.name
    target, role = (f"grad_{out}", "gradient") if back else (out, "output")
    shapes: list[Shape] = [
        Cell((x, 0), "input", at.label(name, p), (looks or {}).get(p, "plain"))
        for p, x in above.items()
    ]
    shapes += [Cell((x, 1 + GAP), role, at.label(target, p)) for p, x in below.items()]
    left = min(*above.values(), *below.values()) - 0.3
    shapes += [Label((left, 0.5), f"${at.tensor(at.covered)}$", "end")]
    return [*shapes, Label((left, 1.5 + GAP), f"${at.tensor(target)}$", "end")]


def _links(at: Specimen, only: Place | None = None) -> list[Shape]:
    """Draw what feeds what; of one input alone, with the weight on each link."""
    above, below = _columns(at)
    roles = at.taps()
    return [
        Link(
            (above[x] + 0.5, 1.0),
            (below[y] + 0.5, 1 + GAP),
            roles[w],
            w if only else "",
            says=at.says(x, y, w),
        )
        for x, y, w in at.feeds()
        if only in (None, x)
    ]
