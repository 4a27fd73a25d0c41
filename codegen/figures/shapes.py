"""The shapes of a picture: cells, nodes, links, frames and labels, in units of one cell.

The first coordinate runs to the right, the second one down. A role says what a shape stands for;
`colors` gives each role its colour. A text may have mathematics between dollar signs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import singledispatch
from itertools import chain
from typing import TypeAlias

from rot180.derive.display.width import width

Point: TypeAlias = tuple[float, float]

POINTS = 26.0
"""The width of a cell in points, for text at 9pt."""

BESIDE = 0.74
"""Where on a link its label is: 0 at the start, 1 at the end."""

LINK = 0.68
"""The largest width of a label on a link, in cells."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A square.

    Attributes:
        at: its upper left corner.
        role: what it holds, see `colors`.
        label: mathematics, without dollar signs.
        look: "plain", "strong", "faint", "zero" (a zero between entries), "padding" (one around
            them) or "hatched".

    """

    at: Point
    role: str
    label: str = ""
    look: str = "plain"


@dataclass(frozen=True, slots=True)
class Node:
    """A circle with a radius of half a cell; `at` is its centre, the rest is as in `Cell`."""

    at: Point
    role: str
    label: str = ""
    look: str = "plain"


@dataclass(frozen=True, slots=True)
class Link:
    """A line between two points.

    Attributes:
        start: where it begins.
        end: where it ends.
        role: what it stands for; that of a tap also gives it a dash pattern.
        label: mathematics on it, close to its end, without dollar signs.
        look: "plain", "arrow", or "cut" for a link that was removed.
        tooltip: what it means, in words: the tooltip.

    """

    start: Point
    end: Point
    role: str
    label: str = ""
    look: str = "plain"
    tooltip: str = ""


@dataclass(frozen=True, slots=True)
class Frame:
    """The outline of a window: upper left corner, width and height."""

    at: Point
    width: float
    height: float
    role: str
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Label:
    """A text, vertically centred.

    Attributes:
        at: where one of its ends, or its middle, is.
        text: words, with mathematics between dollar signs.
        anchor: which of them: "start", "middle" or "end".

    """

    at: Point
    text: str
    anchor: str = "middle"


Shape: TypeAlias = Cell | Node | Link | Frame | Label


@dataclass(frozen=True)
class Picture:
    """A picture, printed by `svg` and `tikz`.

    Attributes:
        name: its name in files and anchors.
        title: a few words.
        caption: one or two sentences, with mathematics between dollar signs.
        shapes: its shapes, the first one at the back.
        moments: the shapes that a moving picture shows one after the other; `shapes` are one of
            these, for paper and for readers who do not want motion.

    """

    name: str
    title: str
    caption: str
    shapes: tuple[Shape, ...]
    moments: tuple[tuple[Shape, ...], ...] = ()

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """Return left, top, right and bottom at all moments, with a small margin."""
        return extent(tuple(chain(self.shapes, *self.moments)))


def label_width(text: str) -> float:
    """Estimate the width of a label in cells.

    >>> round(label_width("$w_{0}$"), 1)
    0.4
    """
    parts = text.split("$")
    points = sum(width(part) if n % 2 else 5.2 * len(part) for n, part in enumerate(parts))
    return 0.9 * points / POINTS


def fitted(label: str, room: float = 0.86) -> float:
    """Return the factor by which a label, mathematics, is scaled to fit a width in cells."""
    return min(1.0, round(room / max(label_width(f"${label}$"), 0.01), 2))


@singledispatch
def corners(shape: Shape) -> tuple[Point, ...]:
    """Return two corners of the box around a shape."""
    raise TypeError(f"found {type(shape).__name__}, expected a shape")


@corners.register
def _(shape: Cell) -> tuple[Point, ...]:
    return (shape.at, (shape.at[0] + 1, shape.at[1] + 1))


@corners.register
def _(shape: Node) -> tuple[Point, ...]:
    x, y = shape.at
    return ((x - 0.5, y - 0.5), (x + 0.5, y + 0.5))


@corners.register
def _(shape: Link) -> tuple[Point, ...]:
    return (shape.start, shape.end)


@corners.register
def _(shape: Frame) -> tuple[Point, ...]:
    return (shape.at, (shape.at[0] + shape.width, shape.at[1] + shape.height))


@corners.register
def _(shape: Label) -> tuple[Point, ...]:
    x, y = shape.at
    long = label_width(shape.text)
    left = {"start": 0.0, "middle": long / 2, "end": long}[shape.anchor]
    return ((x - left, y - 0.35), (x - left + long, y + 0.35))


def extent(shapes: tuple[Shape, ...]) -> tuple[float, float, float, float]:
    """Return left, top, right and bottom of a picture, with a small margin."""
    points = [p for shape in shapes for p in corners(shape)]
    across, down = [x for x, _ in points], [y for _, y in points]
    return min(across) - 0.2, min(down) - 0.2, max(across) + 0.2, max(down) + 0.2


@singledispatch
def translated(shape: Shape, by: Point) -> Shape:
    """Return a shape, translated."""
    raise TypeError(f"found {type(shape).__name__}, expected a shape")


@translated.register(Cell)
@translated.register(Node)
@translated.register(Frame)
@translated.register(Label)
def _(shape: Cell | Node | Frame | Label, by: Point) -> Shape:
    return replace(shape, at=_plus(shape.at, by))


@translated.register
def _(shape: Link, by: Point) -> Shape:
    return replace(shape, start=_plus(shape.start, by), end=_plus(shape.end, by))


def _plus(a: Point, b: Point) -> Point:
    return (a[0] + b[0], a[1] + b[1])


def side_by_side(
    parts: Iterable[tuple[Iterable[Shape], str]], between: Iterable[str]
) -> list[Shape]:
    """Place drawings side by side, vertically centred, with their names below.

    Args:
        parts: the shapes and the name of each drawing, mathematics, or "".
        between: the sign in each gap, mathematics, or "".

    """
    drawn = [(tuple(shapes), name) for shapes, name in parts]
    boxes = [extent(shapes) for shapes, _ in drawn]
    tallest = max(bottom - top for _, top, _, bottom in boxes)
    out, across = list[Shape](), 0.0
    signs = ["", *between]
    for (shapes, name), (left, top, right, bottom), sign in zip(drawn, boxes, signs, strict=True):
        across += 0.5
        if sign:
            out.append(Label((across, tallest / 2), f"${sign}$"))
            across += 0.5
        by = (across - left, (tallest - (bottom - top)) / 2 - top)
        out += [translated(s, by) for s in shapes]
        across += right - left
        below = (tallest + bottom - top) / 2 + 0.3
        out += [Label((across - (right - left) / 2, below), f"${name}$")] if name else []
    return out
