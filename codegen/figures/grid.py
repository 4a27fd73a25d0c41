"""What pictures over one axis and over two share: the grid of a window, and captions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise, product

from rot180.codegen.figures.expand import Index, TensorEntry, accesses, entry, integer
from rot180.codegen.figures.sample import SampledLayer
from rot180.codegen.figures.shapes import Cell, Point
from rot180.codegen.figures.windows import Window, source
from rot180.derive.display.notations import OPERATORS
from rot180.derive.display.theorem_latex import listed
from rot180.derive.language.polynomial import symbols_of
from rot180.derive.language.terms import Access

TITLES = {
    "forward": "The window of the forward pass",
    "backward": "The window of the backward pass",
}
"""The titles of the pictures of a window."""


@dataclass(frozen=True)
class Grid:
    """The grid that a window moves over.

    Attributes:
        sample: the layer.
        window: the window.
        held: the entry at each place that the window covers or that has one; None is a zero.

    """

    sample: SampledLayer
    window: Window
    held: Mapping[Index, TensorEntry | None]

    @property
    def access(self) -> Access:
        """Return the access by which the window reads the grid."""
        return accesses(self.window.term)[self.window.grid]

    @property
    def name(self) -> str:
        """Return the name of the grid as mathematics."""
        return self.sample.tensor(self.access.tensor)

    @property
    def is_dilated(self) -> bool:
        """Say whether there are zeros between the entries."""
        return any(self.look(place) == "zero" for place in self.held)

    def look(self, place: Index) -> str:
        """Return the look of an entry, of a zero between entries, or of a zero around them."""
        if self.held[place] is not None:
            return "plain"
        full = [p for p, e in self.held.items() if e is not None]
        spans = zip(*full, strict=True)
        inside = all(min(s) <= i <= max(s) for s, i in zip(spans, place, strict=True))
        return "zero" if inside and full else "padding"

    def cell(self, corner: Point, place: Index) -> Cell:
        """Draw a place."""
        found, look = self.held[place], self.look(place)
        role = "quiet" if found is None else self.sample.role(found)
        return Cell(corner, role, self.sample.entry(found), look)

    def overhangs(self, point: Index) -> bool:
        """Say whether the window covers zeros around the entries."""
        found = self.sample.products(self.window, point)
        return any(self.look(self.sample.where(self.window, p)) == "padding" for p in found)

    def inner(self) -> list[Index]:
        """Return the places of entries and of zeros between them."""
        return [place for place in self.held if self.look(place) != "padding"]


def grid(sample: SampledLayer, window: Window) -> Grid:
    """Return the grid of a window: every place that it covers or that has an entry."""
    access = accesses(window.term)[window.grid]
    axes, free = window.axes(access), source(access.tensor)
    found = {
        sample.where(window, p): p.reads[window.grid].index
        for point in window.points(sample.env)
        for p in sample.products(window, point)
    }
    ends = [(min(span), max(span)) for span in zip(*found, strict=True)]
    if access.tensor.definition is None:
        shown = sample.axes[free.name]
        sizes = [integer(free.shape[a] or access.index[a], sample.env) for a in shown]
        ends = [(min(low, 0), max(high, n - 1)) for (low, high), n in zip(ends, sizes, strict=True)]
    full, held = next(iter(found.values())), dict[Index, TensorEntry | None]()
    for place in product(*(range(low, high + 1) for low, high in ends)):
        by = dict(zip(axes, place, strict=True))
        index = tuple(by.get(a, i) for a, i in enumerate(full))
        held[place] = entry(access.tensor, index, sample.env)
    return Grid(sample, window, held)


def is_window(sample: SampledLayer, window: Window) -> bool:
    """Say whether a window moves with the free indices, with each tap at a place of its own."""
    free = set(window.free)
    if not any(symbols_of(e) & free for e in accesses(window.term)[window.grid].index):
        return False
    for point in window.points(sample.env):
        places = [sample.where(window, p) for p in sample.products(window, point)]
        if len(set(places)) != len(places) or not places:
            return False
    return True


def target_role(sample: SampledLayer, window: Window) -> str:
    """Return the role of what a window computes."""
    return "output" if window == sample.forward else "input"


def order(sample: SampledLayer, window: Window) -> str:
    """Say in which order a window has its taps."""
    said = _taps(sample, window)
    if len(set(said)) < 2:
        return ""
    names = [sample.tensor(source(accesses(window.term)[i].tensor)) for i in window.kernel]
    taps = f"the taps of ${names[0]}$" if len(names) == 1 else "its taps"
    if said == sorted(said):
        return f", with {taps} in their own order"
    reverse = "rotated by 180 degrees" if len(window.free) > 1 else "in reverse order"
    return f", with {taps} {reverse}" if said == sorted(said)[::-1] else ""


def kernel_name(sample: SampledLayer, window: Window) -> str:
    """Return the name of a window's weights, in the order in which it has them, as mathematics."""
    read = [accesses(window.term)[i].tensor for i in window.kernel]
    said = _taps(sample, window)
    if said == sorted(said):
        # the taps of a rotated kernel that is read backwards are in their own order
        return "\\,".join(sample.tensor(source(t)) for t in read)
    if said == sorted(said)[::-1]:
        # those of a kernel that is read backwards are rotated
        rotated = dict(sample.style.symbols.operators).get("rot180", OPERATORS["rot180"])
        return "\\,".join(rotated.replace("#1", sample.tensor(source(t))) for t in read)
    return "\\,".join(map(sample.tensor, read))


def _taps(sample: SampledLayer, window: Window) -> list[Index]:
    """Return the taps of a window, from its first place to its last."""
    found = sample.products(window, next(iter(window.points(sample.env))))
    placed = sorted((sample.where(window, p), sample.tap(window, p)) for p in found)
    return [tap for _, tap in placed]


def caption(over: Grid) -> str:
    """Say what a window reads, in which order it has its taps, and where it overhangs."""
    sample, window = over.sample, over.window
    style = replace(sample.style, variables=window.free)
    entries = tuple(over.access.index[a] for a in window.axes(over.access))
    read = _entry(sample, window, over.access)
    taps = "\\,".join(_entry(sample, window, accesses(window.term)[i]) for i in window.kernel)
    times = f"multiplies ${read}$ by ${taps}$" if taps else f"reads ${read}$"
    used = {v for e in entries for v in symbols_of(style.short(e))}
    values = [f"${sample.value(v.name)}$" for v in sample.parameters if v in used]
    values += [
        f"${style.symbol(v.name)} = {integer(e, sample.env)}$"
        for v, e in style.constants
        if v in used
    ]
    here = f", here with {listed(values)}" if values else ""
    rest = sample.beside(window)
    scaled = f"; the sum is scaled by ${rest}$" if rest else ""
    return (
        f"The window {times}{here}{order(sample, window)}. Each tap is multiplied by the "
        f"entry that it covers, and the products are added{scaled}. {_reach(over)}."
    )


def _entry(sample: SampledLayer, window: Window, access: Access) -> str:
    """Return the entry that a window reads by an access, as mathematics."""
    name, style = sample.tensor(access.tensor), replace(sample.style, variables=window.free)
    entries = tuple(access.index[a] for a in window.axes(access))
    applied = name != sample.tensor(source(access.tensor))
    opened = applied and style.named(access.tensor).startswith("(")
    return (f"({name})" if opened else name) + style.index(entries, window.taps)


def _reach(over: Grid) -> str:
    """Say whether a window is valid, full, or overhangs otherwise."""
    points = list(over.window.points(over.sample.env))
    beyond = sum(over.overhangs(point) for point in points)
    if not beyond:
        return "It never leaves the tensor: it is a valid window"
    zeros = f"in {beyond} of its {len(points)} positions it reads zeros outside the tensor"
    ends = [over.sample.products(over.window, point) for point in (points[0], points[-1])]
    if all(sum(not p.is_zero for p in end) == 1 for end in ends):
        return f"It starts and ends where it covers a single entry, so it is a full window: {zeros}"
    return f"It overhangs: {zeros}"


def dilated_caption(over: Grid) -> str:
    """Say how many zeros there are between the entries of a grid."""
    name = over.sample.tensor(source(over.access.tensor))
    zeros = max(_zeros_between(over))
    between = "one zero" if zeros == 1 else f"{zeros} zeros"
    return (
        f"The output gradient ${name}$, and ${over.name}$, which has {between} between "
        "neighbouring entries because of the stride of the forward pass."
    )


def _zeros_between(over: Grid) -> Iterator[int]:
    """Yield along each axis the number of zeros between two neighbouring entries."""
    full = [place for place, entry in over.held.items() if entry is not None]
    for places in zip(*full, strict=True):
        ordered = sorted(set(places))
        yield max((b - a - 1 for a, b in pairwise(ordered)), default=0)


def remainder_caption(sample: SampledLayer) -> str:
    """Name the inputs that no window covers."""
    name, left_out = sample.operand.name, sample.left_out()
    fed = set(sample.inputs()) - set(left_out)
    last = [max(span) for span in zip(*fed, strict=True)]
    behind = [x for x in left_out if any(i > end for i, end in zip(x, last, strict=True))]
    some = [f"${sample.label(name, x)}$" for x in behind]
    some = some if len(some) < 5 else [*some[:3], f"{len(some) - 3} more"]
    between = " The other hatched inputs fall between the taps."
    holes = between if len(behind) < len(left_out) else ""
    return (
        f"The remainder: the last window ends before {listed(some)} (hatched), since one more "
        "window would overhang. The gradient there is zero. Code that computes the size of "
        f"${sample.tensor(f'grad_{name}')}$ from the size of the output misses these entries."
        f"{holes}"
    )
