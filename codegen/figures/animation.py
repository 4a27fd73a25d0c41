"""Moving pictures: the windows of a layer in each of their positions, one after the other."""

from __future__ import annotations

from collections.abc import Iterator

from rot180.codegen.figures import two_axes
from rot180.codegen.figures.expand import Index
from rot180.codegen.figures.figures import drawable
from rot180.codegen.figures.grid import TITLES, Grid, caption, grid, is_window, target_role
from rot180.codegen.figures.sample import SampledLayer, sampled_layer
from rot180.codegen.figures.shapes import Cell, Frame, Label, Link, Picture, Shape
from rot180.derive.display.notations import DEEP_LEARNING, Symbols
from rot180.derive.language.layers import Layer

WEIGHTS, TARGETS, SUM = 1.15, 3.4, 5.1
"""The rows of a picture over one axis, in cells: weights, what is computed, its sum."""

STRIDE = 2
"""The stride, where a layer has a parameter for it."""


def moving_pictures(layer: Layer, symbols: Symbols = DEEP_LEARNING) -> list[Picture]:
    """Return the windows of a layer, forward and backward, as moving pictures.

    There are none where no window moves.

    Args:
        layer: a forward pass.
        symbols: the notation.

    """
    try:
        sample = sampled_layer(layer, stride=STRIDE, symbols=symbols)
    except ValueError:
        return []
    return [_picture(over, direction) for direction, over in _grids(sample)]


def _grids(sample: SampledLayer) -> Iterator[tuple[str, Grid]]:
    """Yield the windows that can be drawn, with the grids that they move over."""
    axes = len(sample.windowed.axes)
    for direction, window in (("forward", sample.forward), ("backward", sample.backward)):
        if axes not in (1, 2) or window is None or len(window.free) != axes:
            continue
        if drawable(sample, window) and is_window(sample, window):
            over = grid(sample, window)
            if all(len(place) == axes for place in over.held):
                yield direction, over


def _picture(over: Grid, direction: str) -> Picture:
    points = list(over.window.points(over.sample.env))
    if len(over.window.free) == 1:
        moments = [tuple(_row(over, point)) for point in points]
    else:
        moments = [tuple(two_axes.window_at(over, [point])) for point in points]
    title = f"{TITLES[direction]}, step by step"
    still = moments[len(moments) // 2]
    return Picture(f"moving-{direction}", title, caption(over), still, tuple(moments))


def _row(over: Grid, point: Index) -> Iterator[Shape]:
    """Draw a window over one axis in one position, what it computes, and the sum."""
    sample, window = over.sample, over.window
    left, right = min(p[0] for p in over.held), max(p[0] for p in over.held) + 1
    points = list(window.points(sample.env))
    first = (left + right - len(points)) / 2
    current = first + points.index(point)
    role, target = target_role(sample, window), window.target.name
    yield from (over.cell((p[0], 0), p) for p in over.held)
    yield from (
        Cell((first + n, TARGETS), role, sample.label(target, at)) for n, at in enumerate(points)
    )
    edge = min(left, first) - 0.3
    yield Label((edge, 0.5), f"${over.name}$", "end")
    yield Label((edge, TARGETS + 0.5), f"${sample.tensor(target)}$", "end")
    found = sample.products(window, point)
    places = [sample.where(window, p)[0] for p in found]
    for place, p in zip(places, found, strict=True):
        look = "faint" if p.reads[window.grid].entry is None else "plain"
        yield Cell((place, WEIGHTS), "weight", sample.weight(window, p), look)
    middle = (min(places) + max(places) + 1) / 2
    yield Link((middle, WEIGHTS + 1.1), (current + 0.5, TARGETS - 0.05), "quiet", look="arrow")
    yield Frame((current, TARGETS), 1, 1, "weight")
    if not sample.beside(window):
        yield Label(((left + right) / 2, SUM), f"${_sum(over, point)}$")


def _sum(over: Grid, point: Index) -> str:
    """Write out what a window computes in one position, without products that are zero."""
    sample, window = over.sample, over.window
    found = [p for p in sample.products(window, point) if not p.is_zero]
    parts = (
        f"{sample.entry(p.reads[window.grid].entry)}\\,{sample.weight(window, p)}" for p in found
    )
    return f"{sample.label(window.target.name, point)} = {' + '.join(parts) or '0'}"
