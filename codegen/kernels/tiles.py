"""The shapes of the micro-kernels, as what the loops of their templates run over."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

FEW, MANY = 16, 32
"""Vector registers of an instruction set: AVX-512 and NEON have 32."""

MOST_OF_FEW, MOST_OF_MANY = 12, 24
"""The most vectors of sums of a micro-kernel: the other registers hold what feeds them."""


def _waits(rows: int, accumulators: int, vectors: int) -> tuple[bool, ...]:
    """Return of each row whether those before it use all registers beside sums and vectors."""
    together = max(1, MANY - 1 - accumulators - vectors)
    crowded = accumulators > MOST_OF_FEW
    return tuple(crowded and row > 0 and row % together == 0 for row in range(rows))


@dataclass(frozen=True)
class Vector:
    """A vector of a piece.

    Attributes:
        number: which one.
        last: whether it is the last one; it ends with the piece, and may overlap the one before.

    """

    number: int
    last: bool

    @property
    def place(self) -> str:
        """Return how far it is from the piece's start, in C."""
        return "last" if self.last else f"{self.number} * sizeof(V)"

    @property
    def offset(self) -> str:
        """Return the same at a term of the sum."""
        return "far" if self.last else f"line + {self.place}"


@dataclass(frozen=True)
class Tile:
    """A micro-kernel of a matrix product.

    Attributes:
        mr: how many entries of a are broadcast at a time.
        piece_count: how many pieces of b each is multiplied by.
        vector_count: how many vectors there are in a piece.

    """

    mr: int
    piece_count: int
    vector_count: int

    @property
    def name(self) -> str:
        """Return the shape as a part of a name."""
        return f"{self.mr}_{self.piece_count}_{self.vector_count}"

    @property
    def accumulators(self) -> int:
        """Return how many vectors of sums are in registers."""
        return self.mr * self.piece_count * self.vector_count

    @property
    def rows(self) -> range:
        """Return the numbers of the rows."""
        return range(self.mr)

    @property
    def is_crowded(self) -> bool:
        """Return whether the vectors of one piece are loaded after the products of another."""
        return self.accumulators > MOST_OF_FEW

    @property
    def waits(self) -> tuple[bool, ...]:
        """Return of each row whether its entry is loaded after the products of those before."""
        return _waits(self.mr, self.accumulators, self.vector_count)

    @property
    def pieces(self) -> range:
        """Return the numbers of the pieces."""
        return range(self.piece_count)

    @property
    def vectors(self) -> tuple[Vector, ...]:
        """Return the vectors of a piece."""
        return tuple(Vector(v, v == self.vector_count - 1) for v in range(self.vector_count))

    @property
    def last_first(self) -> tuple[Vector, ...]:
        """Return the vectors of a piece, the last one first."""
        return self.vectors[::-1]

    @property
    def loads(self) -> tuple[Load, ...]:
        """Return what a tile of one row loads for terms of three periods if its pieces slide.

        What a piece reads at a term, the piece before it reads a period later.
        """

        def load(ahead: int, v: Vector) -> Load:
            later = max(0, ahead - self.piece_count + 1)
            offset = f"far{later}" if v.last else f"line{later} + {v.place}"
            readers = ((ahead - period, period) for period in range(3))
            updates = (Update(p, period) for p, period in readers if p in self.pieces)
            waits = self.is_crowded and v.number == 0
            return Load(ahead - later, offset, v.number, tuple(updates), waits)

        return tuple(load(n, v) for n in range(self.piece_count + 2) for v in self.vectors)


@dataclass(frozen=True)
class Update:
    """A piece whose sums an entry of b is added to, and how many periods later."""

    piece: int
    period: int


@dataclass(frozen=True)
class Load:
    """A vector of b that several pieces read.

    Attributes:
        piece, offset: where it is read.
        vector: the number of the vector in each piece.
        updates: what reads it.
        waits: whether it is loaded after the products of what was loaded before.

    """

    piece: int
    offset: str
    vector: int
    updates: tuple[Update, ...]
    waits: bool


@dataclass(frozen=True)
class Dot:
    """A micro-kernel of products along the sum.

    Attributes:
        mr: how many entries of the output there are along m.
        nr: and along n.

    """

    mr: int
    nr: int

    @property
    def name(self) -> str:
        """Return the shape as a part of a name."""
        return f"{self.mr}_{self.nr}"

    @property
    def accumulators(self) -> int:
        """Return how many vectors of sums are in registers."""
        return self.mr * self.nr

    @property
    def rows(self) -> range:
        """Return the numbers of the rows."""
        return range(self.mr)

    @property
    def waits(self) -> tuple[bool, ...]:
        """Return of each row whether its vector is loaded after the products of those before."""
        return _waits(self.mr, self.accumulators, self.nr)

    @property
    def columns(self) -> range:
        """Return the numbers of the columns."""
        return range(self.nr)


@dataclass(frozen=True)
class Group:
    """Shapes that are compiled for instruction sets of at least a number of vector registers.

    Attributes:
        registers: how many there are.
        tiles, slides, dots: the shapes.

    """

    registers: int
    tiles: tuple[Tile, ...]
    slides: tuple[Tile, ...]
    dots: tuple[Dot, ...]


@dataclass(frozen=True)
class Shuffle:
    """Two rows of a square, and the entries of both that replace each.

    Attributes:
        first, second: the rows' numbers.
        low, high: the entries of the new rows; those of the second row follow the first's.

    """

    first: int
    second: int
    low: str
    high: str


@dataclass(frozen=True)
class Transpose:
    """A square of entries, as many vectors as a vector has entries, transposed in registers.

    Attributes:
        side: entries of a vector.
        steps: shuffles of two rows each, from neighbours to halves.

    """

    side: int
    steps: tuple[Shuffle, ...]

    @property
    def rows(self) -> range:
        """Return the numbers of the rows."""
        return range(self.side)


@dataclass(frozen=True)
class Spread:
    """Entries that lie together, added to every second, third or fourth entry of a line.

    Attributes:
        spacing: how far apart they go.
        side: entries of a vector.
        vectors: the entries that each vector of the line receives; `side` is a zero.

    """

    spacing: int
    side: int
    vectors: tuple[str, ...]


def transpose(side: int) -> Transpose:
    """Return the shuffles that transpose a square."""

    def shuffle(half: int, first: int) -> Shuffle:
        low = (side + j - half if j & half else j for j in range(side))
        high = (side + j if j & half else j + half for j in range(side))
        return Shuffle(first, first + half, _list(low), _list(high))

    halves = [half for half in (1, 2, 4, 8) if half < side]
    return Transpose(side, tuple(shuffle(h, i) for h in halves for i in range(side) if not i & h))


def spread(spacing: int, side: int) -> Spread:
    """Return where each entry of a vector goes if entries are `spacing` from each other."""
    line = [side if at % spacing else at // spacing for at in range(spacing * side)]
    vectors = (_list(line[at : at + side]) for at in range(0, len(line), side))
    return Spread(spacing, side, tuple(vectors))


def _list(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, numbers))


_TILES = (
    *(Tile(r, 1, v) for r in (1, 2, 3, 4) for v in (1, 2, 3, 4, 6)),
    *(Tile(8, 1, v) for v in (1, 2, 3)),
    *(Tile(r, 2, v) for r in (1, 2, 3) for v in (1, 2, 3, 4)),
    *(Tile(1, 4, v) for v in (1, 2, 3, 4, 6)),
    *(Tile(2, 4, v) for v in (1, 2, 3)),
)
_SLIDES = tuple(Tile(1, 4, v) for v in (1, 2, 3, 4))
_DOTS = tuple(Dot(r, v) for r in (1, 2, 4) for v in (1, 2, 3, 6))


Shape = TypeVar("Shape", Tile, Dot)


def _group(registers: int, least: int, most: int) -> Group:
    def fit(shapes: tuple[Shape, ...]) -> tuple[Shape, ...]:
        return tuple(s for s in shapes if least <= s.accumulators <= most)

    return Group(registers, fit(_TILES), fit(_SLIDES), fit(_DOTS))


GROUPS = (_group(FEW, 1, MOST_OF_FEW), _group(MANY, MOST_OF_FEW + 1, MOST_OF_MANY))
"""The shapes, by the number of registers that they take."""

TRANSPOSES = tuple(transpose(side) for side in (2, 4, 8, 16))
"""Squares that are transposed."""

SPACINGS = (2, 3, 4)
"""How far apart entries of the output are written by vectors."""

SPREADS = tuple(spread(spacing, side) for spacing in SPACINGS for side in (2, 4, 8, 16))
"""Lines whose entries are spread."""
