"""Pictures of layers with one axis: rows of cells, links, the positions of a window."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import product

from rot180.codegen.figures.expand import Index, integer
from rot180.codegen.figures.grid import (
    TITLES,
    Grid,
    caption,
    dilated_caption,
    remainder_caption,
    target_role,
)
from rot180.codegen.figures.sample import SampledLayer
from rot180.codegen.figures.shapes import Cell, Label, Link, Picture, Shape, extent, side_by_side
from rot180.codegen.figures.windows import source
from rot180.derive.display.theorem_latex import listed
from rot180.derive.language.polynomial import coefficient, symbols_of

GAP = 2.6
"""The distance between the rows that links join, in cells."""

STEP = 1.15
"""The distance between two positions of a window, in cells."""


def connections(sample: SampledLayer) -> Picture:
    """Draw a link from each input to every output that it contributes to."""
    rows = _rows(sample)
    style = replace(sample.style, variables=sample.forward.free)
    place = sample.windowed.axes[0].place
    said = [f"${sample.value(v.name)}$" for v in sample.parameters if v in symbols_of(place)]
    here = f", here with {listed(said)}" if said else ""
    distinct = len(set(sample.taps().values())) > 1
    shared = " Links that look alike share a weight." if distinct else ""
    caption = (
        "The forward pass, connection by connection: a link joins each input to every output "
        f"that it contributes to.{shared} The place of a tap is "
        f"${style.polynomial(place, sample.forward.taps)}${here}."
    )
    shapes = (*_links(sample), *rows, *_legend_below(sample, rows))
    return Picture("connections", "The outputs of each input", caption, shapes)


def delta(sample: SampledLayer) -> Picture:
    """Draw the outputs that one input contributes to."""
    x = sample.chosen()
    rows = _rows(sample, {p: "strong" if p == x else "faint" for p in sample.inputs()}, back=True)
    caption = (
        f"The input ${sample.label(sample.operand.name, x)}$ contributes to these outputs "
        f"and no others, to each with one weight. So its gradient, the delta, is {sample.delta(x)}."
    )
    return Picture("delta", "The delta of one input", caption, (*_links(sample, x), *rows))


def window_positions(over: Grid, direction: str) -> Picture:
    """Draw a window in each of its positions, below the row that it covers."""
    sample, window = over.sample, over.window
    left, right = min(p[0] for p in over.held), max(p[0] for p in over.held) + 1
    shapes: list[Shape] = [over.cell((p[0], 0), p) for p in over.held]
    shapes.append(Label((left - 0.3, 0.5), f"${over.name}$", "end"))
    for n, point in enumerate(window.points(sample.env)):
        y = 0.45 + STEP * (n + 1)
        found = sample.products(window, point)
        for p in found:
            look = "faint" if p.reads[window.grid].entry is None else "plain"
            corner = (sample.where(window, p)[0], y)
            shapes.append(Cell(corner, "weight", sample.weight(window, p), look))
        start = max(sample.where(window, p)[0] for p in found) + 1.15
        shapes.append(Link((start, y + 0.5), (right + 1.2, y + 0.5), "quiet", look="arrow"))
        target = sample.label(window.target.name, point)
        shapes.append(Cell((right + 1.3, y), target_role(sample, window), target))
    return Picture(direction, TITLES[direction], caption(over), tuple(shapes))


def dilated(over: Grid) -> Picture:
    """Draw the output gradient, and the grid that has zeros between its entries."""
    sample, name = over.sample, source(over.access.tensor).name
    shapes: list[Shape] = []
    for p in over.inner():
        if over.held[p] is not None:
            middle = p[0] + 0.5
            arrow = Link((middle, 1.05), (middle, 2.1), "gradient", look="arrow")
            shapes += [Cell((p[0], 0), "gradient", sample.entry(over.held[p])), arrow]
    shapes += [over.cell((p[0], 2.15), p) for p in over.inner()]
    left = min(p[0] for p in over.inner()) - 0.3
    shapes += [Label((left, 0.5), f"${sample.tensor(name)}$", "end")]
    shapes += [Label((left, 2.65), f"${over.name}$", "end")]
    return Picture("zeros", "Zeros between the entries", dilated_caption(over), tuple(shapes))


def remainder(sample: SampledLayer) -> Picture:
    """Draw the inputs that no window covers."""
    rows = _rows(sample, dict.fromkeys(sample.left_out(), "hatched"))
    shapes = (*_links(sample), *rows, *_legend_below(sample, rows))
    return Picture("remainder", "Inputs that no window covers", remainder_caption(sample), shapes)


def toeplitz(sample: SampledLayer) -> Picture:
    """Draw the layer as a matrix, and its transpose beside it."""
    roles, found = sample.taps(), dict[tuple[Index, Index], list[str]]()
    for x, y, w in sample.links:
        found.setdefault((x, y), []).append(w)
    there: list[Shape] = []
    back: list[Shape] = []
    for x, y in product(sample.inputs(), sample.outputs()):
        weights = found.get((x, y), [])
        role = roles[weights[0]] if len(weights) == 1 else "quiet"
        label, look = " + ".join(weights), "plain" if weights else "padding"
        there.append(Cell((x[0], y[0]), role, label, look))
        back.append(Cell((y[0], x[0]), role, label, look))
    rows = {tuple(w for _, b, w in sample.links if b == y) for y in sample.outputs()}
    same = ", the same ones in every row, shifted" if len(rows) == 1 else ""
    grid, out = sample.tensor(sample.covered), sample.tensor(sample.forward.target.name)
    dx, g = (sample.tensor(f"grad_{t}") for t in (sample.operand.name, sample.forward.target.name))
    rest = sample.beside(sample.backward) if sample.backward else ""
    scaled = f", times ${rest}$" if rest else ""
    caption = (
        f"The layer is ${out} = T {grid}$ with a matrix $T$: a row of $T$ has the weights of one "
        f"output{same}. Its transpose gives the gradient, ${dx} = T^{{\\top}} {g}${scaled}: a row "
        "of it has the weights by which one input is multiplied."
    )
    shapes = side_by_side([(there, "T"), (back, "T^{\\top}")], [""])
    return Picture("toeplitz", "The layer as a matrix", caption, tuple(shapes))


def legend(sample: SampledLayer, y: float, middle: float) -> list[Shape]:
    """Draw a legend of the weights; nothing where they look alike."""
    roles = sample.taps()
    if len(set(roles.values())) < len(roles):
        return []
    out: list[Shape] = []
    for n, (w, role) in enumerate(roles.items()):
        x = middle + 2.2 * (n - len(roles) / 2) + 0.2
        out += [Link((x, y), (x + 0.9, y), role), Label((x + 1.1, y), f"${w}$", "start")]
    return out


def _legend_below(sample: SampledLayer, rows: Iterable[Shape]) -> list[Shape]:
    left, _, right, bottom = extent(tuple(s for s in rows if isinstance(s, Cell)))
    return legend(sample, bottom + 0.3, (left + right) / 2)


def _columns(sample: SampledLayer) -> tuple[dict[Index, float], dict[Index, float]]:
    """Return the columns of inputs and outputs; an output is at the centre of its window."""
    axis, taps = sample.windowed.axes[0], [0]
    for v, size in axis.taps:
        by = integer(coefficient(axis.place, v), sample.env)
        taps = [tap + by * k for tap in taps for k in range(integer(size, sample.env))]
    begin = integer(axis.shift, sample.env) + (min(taps) + max(taps)) / 2
    scattered = axis.output == axis.places
    ends = sample.inputs(), sample.outputs()
    windows, places = ends if scattered else ends[::-1]
    centres = {p: begin + p[0] * integer(axis.stride, sample.env) for p in windows}
    columns = {p: float(p[0]) for p in places}
    return (centres, columns) if scattered else (columns, centres)


def _rows(
    sample: SampledLayer, looks: Mapping[Index, str] | None = None, back: bool = False
) -> list[Shape]:
    """Draw the row of inputs above the row of outputs.

    Args:
        sample: the layer.
        looks: the looks of inputs that are not plain.
        back: whether the row below is the output gradient.

    """
    above, below = _columns(sample)
    name, out = sample.operand.name, sample.forward.target.name
    target, role = (f"grad_{out}", "gradient") if back else (out, "output")
    shapes: list[Shape] = [
        Cell((x, 0), "input", sample.label(name, p), (looks or {}).get(p, "plain"))
        for p, x in above.items()
    ]
    shapes += [Cell((x, 1 + GAP), role, sample.label(target, p)) for p, x in below.items()]
    left = min(*above.values(), *below.values()) - 0.3
    shapes += [Label((left, 0.5), f"${sample.tensor(sample.covered)}$", "end")]
    return [*shapes, Label((left, 1.5 + GAP), f"${sample.tensor(target)}$", "end")]


def _links(sample: SampledLayer, only: Index | None = None) -> list[Shape]:
    """Draw the links; those of one input alone have the weight on them."""
    above, below = _columns(sample)
    roles = sample.taps()
    return [
        Link(
            (above[x] + 0.5, 1.0),
            (below[y] + 0.5, 1 + GAP),
            roles[w],
            w if only else "",
            tooltip=sample.tooltip(x, y, w),
        )
        for x, y, w in sample.links
        if only in (None, x)
    ]
