"""Pictures over two axes: grids of cells, with frames around what a window covers."""

from __future__ import annotations

from collections.abc import Sequence

from rot180.codegen.figures.expand import Place, accesses
from rot180.codegen.figures.grid import (
    TITLES,
    Grid,
    caption,
    remainder_caption,
    spread_caption,
    target_role,
)
from rot180.codegen.figures.sample import Specimen
from rot180.codegen.figures.shapes import Cell, Frame, Picture, Shape, side_by_side
from rot180.codegen.figures.windows import Window, source


def delta(at: Specimen) -> Picture:
    """Draw one input, and the outputs that it feeds with the weight in each."""
    chosen, name = at.chosen(), at.moved.swept.name
    looks = {x: "strong" if x == chosen else "faint" for x in at.inputs()}
    cells = [Cell((x[1], x[0]), "input", at.label(name, x), look) for x, look in looks.items()]
    through = {y: w for x, y, w in at.feeds() if x == chosen}
    out = [
        Cell((y[1], y[0]), "weight", through[y])
        if y in through
        else Cell((y[1], y[0]), "output", "", "faint")
        for y in at.outputs()
    ]
    parts = [(cells, at.tensor(name)), (out, at.tensor(at.forward.target.name))]
    caption = (
        f"The outputs that ${at.label(name, chosen)}$ feeds, and through which weight: its "
        f"gradient is the sum of their gradients, each times that weight. {at.delta(chosen)}."
    )
    shapes = tuple(side_by_side(parts, ["\\rightarrow"]))
    return Picture("delta", "The delta of one input", caption, shapes)


def slide(over: Grid, way: str) -> Picture:
    """Draw a grid with two places of the window, the window's taps, and what it computes."""
    at, window = over.at, over.window
    points = list(window.points(at.env))
    shown = [points[0], points[len(points) // 2]]
    cells: list[Shape] = [over.cell((p[1], p[0]), p) for p in over.held]
    cells += [_frame(at, window, point, n > 0) for n, point in enumerate(shown)]
    taps: list[Shape] = []
    for p in at.products(window, shown[-1]):
        row, column = at.where(window, p)
        taps.append(Cell((column, row), "weight", at.weight(window, p)))
    read = accesses(window.term)
    kernel = "\\,".join(at.tensor(read[i].tensor) for i in window.kernel)
    parts = [
        (cells, over.name),
        (taps, kernel),
        (_outlined(at, window, shown), at.tensor(window.target.name)),
    ]
    shapes = side_by_side(parts, ["\\odot", "\\rightarrow"])
    return Picture(way, TITLES[way], caption(over), tuple(shapes))


def spread(over: Grid) -> Picture:
    """Draw the entries of the output gradient, and the grid with zeros between them."""
    at, name = over.at, source(over.access.tensor).name
    axes = at.axes[name]
    found = [e for e in over.held.values() if e is not None]
    small = [Cell((e.index[axes[1]], e.index[axes[0]]), "gradient", at.entry(e)) for e in found]
    large = [over.cell((p[1], p[0]), p) for p in over.inner()]
    shapes = side_by_side([(small, at.tensor(name)), (large, over.name)], ["\\rightarrow"])
    return Picture("zeros", "Zeros between the entries", spread_caption(over), tuple(shapes))


def remainder(at: Specimen) -> Picture:
    """Draw the inputs that no window covers."""
    name, out = at.moved.swept.name, at.outputs()
    looks = dict.fromkeys(at.inputs(), "plain") | dict.fromkeys(at.left_out(), "hatched")
    cells: list[Shape] = [
        Cell((x[1], x[0]), "input", at.label(name, x), look) for x, look in looks.items()
    ]
    ends = [out[0], out[-1]]
    cells += [_frame(at, at.forward, point, n > 0) for n, point in enumerate(ends)]
    target = at.tensor(at.forward.target.name)
    parts = [(cells, at.tensor(name)), (_outlined(at, at.forward, ends), target)]
    shapes = tuple(side_by_side(parts, ["\\rightarrow"]))
    return Picture("remainder", "Inputs that no window covers", remainder_caption(at), shapes)


def _frame(at: Specimen, window: Window, point: Place, dashed: bool) -> Frame:
    """Outline the places that a window covers."""
    places = [at.where(window, p) for p in at.products(window, point)]
    top, left = (min(span) for span in zip(*places, strict=True))
    bottom, right = (max(span) + 1 for span in zip(*places, strict=True))
    return Frame((left, top), right - left, bottom - top, "weight", dashed)


def _outlined(at: Specimen, window: Window, points: Sequence[Place]) -> list[Shape]:
    """Draw the grid of what a window computes, with frames around some of it."""
    role, name = target_role(at, window), window.target.name
    out: list[Shape] = [
        Cell((p[1], p[0]), role, at.label(name, p)) for p in window.points(at.env)
    ]
    return out + [Frame((p[1], p[0]), 1, 1, "weight", n > 0) for n, p in enumerate(points)]
