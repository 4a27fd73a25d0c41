"""Pictures of layers with two axes: grids of cells, with frames around windows."""

from __future__ import annotations

from collections.abc import Sequence

from rot180.codegen.figures.expand import Index
from rot180.codegen.figures.grid import (
    TITLES,
    Grid,
    caption,
    dilated_caption,
    kernel_name,
    remainder_caption,
    target_role,
)
from rot180.codegen.figures.sample import SampledLayer
from rot180.codegen.figures.shapes import Cell, Frame, Picture, Shape, side_by_side
from rot180.codegen.figures.windows import Window, source


def delta(sample: SampledLayer) -> Picture:
    """Draw one input, and the outputs that it contributes to with the weight in each."""
    chosen, name = sample.chosen(), sample.operand.name
    looks = {x: "strong" if x == chosen else "faint" for x in sample.inputs()}
    cells = [Cell((x[1], x[0]), "input", sample.label(name, x), look) for x, look in looks.items()]
    weights = {y: w for x, y, w in sample.links if x == chosen}
    out = [
        Cell((y[1], y[0]), "weight", weights[y])
        if y in weights
        else Cell((y[1], y[0]), "output", "", "faint")
        for y in sample.outputs()
    ]
    # the cells on the right hold taps, so they have no name of their own
    parts = [(cells, sample.tensor(name)), (out, "")]
    caption = (
        f"Left the input; right the outputs that ${sample.label(name, chosen)}$ contributes to, "
        "and in each the weight by which it does. The gradient of the input is the sum of theirs, "
        "each times that weight: "
        f"{sample.delta(chosen)}."
    )
    shapes = tuple(side_by_side(parts, ["\\rightarrow"]))
    return Picture("delta", "The delta of one input", caption, shapes)


def window_positions(over: Grid, direction: str) -> Picture:
    """Draw a grid with two positions of the window, its taps, and what it computes."""
    points = list(over.window.points(over.sample.env))
    shapes = window_at(over, [points[0], points[len(points) // 2]])
    return Picture(direction, TITLES[direction], caption(over), tuple(shapes))


def window_at(over: Grid, shown: Sequence[Index]) -> list[Shape]:
    """Draw a grid with some positions of the window, its taps in the last one, what it computes."""
    sample, window = over.sample, over.window
    cells: list[Shape] = [over.cell((p[1], p[0]), p) for p in over.held]
    cells += [_frame(sample, window, point, n > 0) for n, point in enumerate(shown)]
    taps: list[Shape] = []
    for p in sample.products(window, shown[-1]):
        row, column = sample.where(window, p)
        taps.append(Cell((column, row), "weight", sample.weight(window, p)))
    parts = [
        (cells, over.name),
        (taps, kernel_name(sample, window)),
        (_outlined(sample, window, shown), sample.tensor(window.target.name)),
    ]
    return side_by_side(parts, ["\\star", "\\rightarrow"])


def dilated(over: Grid) -> Picture:
    """Draw the output gradient, and the grid that has zeros between its entries."""
    sample, name = over.sample, source(over.access.tensor).name
    axes = sample.axes[name]
    found = [e for e in over.held.values() if e is not None]
    small = [Cell((e.index[axes[1]], e.index[axes[0]]), "gradient", sample.entry(e)) for e in found]
    large = [over.cell((p[1], p[0]), p) for p in over.inner()]
    shapes = side_by_side([(small, sample.tensor(name)), (large, over.name)], ["\\rightarrow"])
    return Picture("zeros", "Zeros between the entries", dilated_caption(over), tuple(shapes))


def remainder(sample: SampledLayer) -> Picture:
    """Draw the inputs that no window covers."""
    name, out = sample.operand.name, sample.outputs()
    looks = dict.fromkeys(sample.inputs(), "plain") | dict.fromkeys(sample.left_out(), "hatched")
    cells: list[Shape] = [
        Cell((x[1], x[0]), "input", sample.label(name, x), look) for x, look in looks.items()
    ]
    ends = [out[0], out[-1]]
    reached = [p for p in ends if sample.products(sample.forward, p)]
    cells += [_frame(sample, sample.forward, point, n > 0) for n, point in enumerate(reached)]
    target = sample.tensor(sample.forward.target.name)
    parts = [(cells, sample.tensor(name)), (_outlined(sample, sample.forward, ends), target)]
    shapes = tuple(side_by_side(parts, ["\\rightarrow"]))
    return Picture("remainder", "Inputs that no window covers", remainder_caption(sample), shapes)


def _frame(sample: SampledLayer, window: Window, point: Index, dashed: bool) -> Frame:
    """Draw a frame around the places that a window covers."""
    places = [sample.where(window, p) for p in sample.products(window, point)]
    top, left = (min(span) for span in zip(*places, strict=True))
    bottom, right = (max(span) + 1 for span in zip(*places, strict=True))
    return Frame((left, top), right - left, bottom - top, "weight", dashed)


def _outlined(sample: SampledLayer, window: Window, points: Sequence[Index]) -> list[Shape]:
    """Draw what a window computes, with frames around some entries."""
    role, name = target_role(sample, window), window.target.name
    out: list[Shape] = [
        Cell((p[1], p[0]), role, sample.label(name, p)) for p in window.points(sample.env)
    ]
    return out + [Frame((p[1], p[0]), 1, 1, "weight", n > 0) for n, p in enumerate(points)]
