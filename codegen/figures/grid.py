"""What pictures over one axis and over two have in common: the grid of a window, and captions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product

from rot180.codegen.figures.expand import Entry, Place, accesses, entry, integer
from rot180.codegen.figures.sample import Specimen
from rot180.codegen.figures.shapes import Cell, Point
from rot180.codegen.figures.windows import Window, source
from rot180.derive.display.theorem_latex import listed
from rot180.derive.language.polynomial import symbols_of
from rot180.derive.language.terms import Access

TITLES = {"forward": "The window, forward", "backward": "The window, backward"}
"""What pictures of a window are called."""


@dataclass(frozen=True)
class Grid:
    """The grid that a window moves over.

    Attributes:
        at: the layer.
        window: the window.
        held: what stands at each place that the window covers or that has an entry.

    """

    at: Specimen
    window: Window
    held: Mapping[Place, Entry | None]

    @property
    def access(self) -> Access:
        """Return how the window reads the grid."""
        return accesses(self.window.term)[self.window.grid]

    @property
    def name(self) -> str:
        """Return the name of the grid as mathematics."""
        return self.at.tensor(self.access.tensor)

    @property
    def is_spread(self) -> bool:
        """Say whether zeros stand between the entries."""
        return any(self.look(place) == "zero" for place in self.held)

    def look(self, place: Place) -> str:
        """Tell an entry, a zero between entries, and a zero around them."""
        if self.held[place] is not None:
            return "plain"
        full = [p for p, e in self.held.items() if e is not None]
        spans = zip(*full, strict=True)
        inside = all(min(s) <= i <= max(s) for s, i in zip(spans, place, strict=True))
        return "zero" if inside and full else "padding"

    def cell(self, corner: Point, place: Place) -> Cell:
        """Draw a place."""
        found, look = self.held[place], self.look(place)
        role = "quiet" if found is None else self.at.role(found)
        return Cell(corner, role, self.at.entry(found), look)

    def overhangs(self, point: Place) -> bool:
        """Say whether the window meets zeros around the entries."""
        found = self.at.products(self.window, point)
        return any(self.look(self.at.where(self.window, p)) == "padding" for p in found)

    def inner(self) -> list[Place]:
        """Return the places of entries and of zeros between them."""
        return [place for place in self.held if self.look(place) != "padding"]


def grid(at: Specimen, window: Window) -> Grid:
    """Look at every place that a window covers or that has an entry."""
    access = accesses(window.term)[window.grid]
    axes, free = window.axes(access), source(access.tensor)
    found = {
        at.where(window, p): p.mets[window.grid].place
        for point in window.points(at.env)
        for p in at.products(window, point)
    }
    ends = [(min(span), max(span)) for span in zip(*found, strict=True)]
    if access.tensor.definition is None:
        sizes = [integer(free.shape[a] or access.index[a], at.env) for a in at.axes[free.name]]
        ends = [(min(low, 0), max(high, n - 1)) for (low, high), n in zip(ends, sizes, strict=True)]
    full, held = next(iter(found.values())), dict[Place, Entry | None]()
    for place in product(*(range(low, high + 1) for low, high in ends)):
        by = dict(zip(axes, place, strict=True))
        index = tuple(by.get(a, i) for a, i in enumerate(full))
        held[place] = entry(access.tensor, index, at.env)
    return Grid(at, window, held)


def is_window(at: Specimen, window: Window) -> bool:
    """Say whether a window moves with the free indices, each tap at a place of its own."""
    free = set(window.free)
    if not any(symbols_of(e) & free for e in accesses(window.term)[window.grid].index):
        return False
    for point in window.points(at.env):
        places = [at.where(window, p) for p in at.products(window, point)]
        if len(set(places)) != len(places) or not places:
            return False
    return True


def target_role(at: Specimen, window: Window) -> str:
    """Return what it is that a window computes."""
    return "output" if window == at.forward else "input"


def order(at: Specimen, window: Window) -> str:
    """Say in which order the taps of a window lie."""
    found = at.products(window, next(iter(window.points(at.env))))
    said = [tap for _, tap in sorted((at.where(window, p), at.tap(window, p)) for p in found)]
    if len(set(said)) < 2:
        return ""
    if said == sorted(said):
        return ", its taps in their own order"
    turned = "rotated by 180 degrees" if len(window.free) > 1 else "in reverse order"
    return f", its taps {turned}" if said == sorted(said)[::-1] else ""


def caption(over: Grid) -> str:
    """Say what a window does: where it is, in which order its taps lie, where it overhangs."""
    at, window = over.at, over.window
    style = replace(at.style, variables=window.free)
    entries = tuple(over.access.index[a] for a in window.axes(over.access))
    read = over.name + style.index(entries, window.taps)
    used = {v for e in entries for v in symbols_of(style.short(e))}
    values = [f"${at.value(v.name)}$" for v in at.parameters if v in used]
    values += [
        f"${style.symbol(v.name)} = {integer(e, at.env)}$" for v, e in style.constants if v in used
    ]
    here = f", here with {listed(values)}" if values else ""
    rest = at.beside(window)
    scaled = f"; the sum is scaled by ${rest}$" if rest else ""
    return (
        f"The window reads ${read}${here}{order(at, window)}; what lies on top of each other is "
        f"multiplied, and the products are added{scaled}. {_reach(over)}."
    )


def _reach(over: Grid) -> str:
    """Say whether a window stays inside the entries, and whether it touches all it could."""
    points = list(over.window.points(over.at.env))
    beyond = sum(over.overhangs(point) for point in points)
    if not beyond:
        return "It never leaves the entries: a valid sweep"
    zeros = f"in {beyond} of its {len(points)} places it meets zeros around the entries"
    ends = [over.at.products(over.window, point) for point in (points[0], points[-1])]
    if all(sum(not p.is_zero for p in end) == 1 for end in ends):
        return f"It begins and ends over a single entry, a full sweep: {zeros}"
    return f"It overhangs: {zeros}"


def spread_caption(over: Grid) -> str:
    """Say how many zeros stand between the entries of a grid."""
    zeros = sum(over.look(place) == "zero" for place in over.held)
    name = over.at.tensor(source(over.access.tensor))
    return (
        f"The output gradient ${name}$ and ${over.name}$: the stride of the forward pass puts "
        f"{zeros} {'zero' if zeros == 1 else 'zeros'} between its entries."
    )


def remainder_caption(at: Specimen) -> str:
    """Say which inputs no window covers."""
    name, left_out = at.moved.swept.name, at.left_out()
    fed = set(at.inputs()) - set(left_out)
    last = [max(span) for span in zip(*fed, strict=True)]
    behind = [x for x in left_out if any(i > end for i, end in zip(x, last, strict=True))]
    some = [f"${at.label(name, x)}$" for x in behind]
    some = some if len(some) < 5 else [*some[:3], f"{len(some) - 3} more"]
    holes = " The other hatched ones fall between the taps." if len(behind) < len(left_out) else ""
    return (
        f"The remainder: the windows end before {listed(some)} (hatched), for one window more "
        "would overhang. The gradient there is zero, and code that derives the size of "
        f"${at.tensor(f'grad_{name}')}$ from that of the output forgets it.{holes}"
    )
