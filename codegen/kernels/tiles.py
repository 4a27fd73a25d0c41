"""The shapes of the micro-kernels, written out accumulator by accumulator for the template."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One row of a piece of a tile: C statements over its accumulators, one for each vector.

    Attributes:
        number: which row.
        zeros: the accumulators' declarations.
        updates: what a term adds, its entry `e` broadcast.
        adds: add the output to the accumulators, to the last one last.
        stores: write them to the output, the last one first: what it overlaps is written again.

    """

    number: int
    zeros: str
    updates: str
    adds: str
    stores: str


@dataclass(frozen=True)
class Piece:
    """Lanes that lie together.

    Attributes:
        number: which piece.
        loads: the vectors of a term.
        by_row: the statements of each row.

    """

    number: int
    loads: str
    by_row: tuple[Row, ...]


@dataclass(frozen=True)
class Tile:
    """The shape of a micro-kernel of a matrix product.

    Attributes:
        rows: how many entries are broadcast at a time.
        pieces: how many pieces each is multiplied by.
        vectors: how many vectors there are in a piece.
        by_row: the numbers of the rows.
        by_piece: the statements of each piece.

    """

    rows: int
    pieces: int
    vectors: int
    by_row: tuple[int, ...]
    by_piece: tuple[Piece, ...]

    @property
    def name(self) -> str:
        """Return the shape as a part of a name."""
        return f"{self.rows}_{self.pieces}_{self.vectors}"

    @property
    def low(self) -> bool:
        """Return whether the accumulators fit into sixteen registers."""
        return self.rows * self.pieces * self.vectors <= 12


@dataclass(frozen=True)
class Slide:
    """The shape of a micro-kernel of one row whose pieces follow each other as rounds of terms do.

    Attributes:
        pieces, vectors: as of a tile.
        by_piece: the statements of each piece.
        lines: what is loaded at a term of three rounds, and what each load is multiplied by.

    """

    pieces: int
    vectors: int
    by_piece: tuple[Piece, ...]
    lines: tuple[str, ...]

    @property
    def low(self) -> bool:
        """Return whether the accumulators fit into sixteen registers."""
        return self.pieces * self.vectors <= 12


@dataclass(frozen=True)
class DotRow:
    """One row of a tile of products along the sum.

    Attributes:
        number: which row.
        zeros: the accumulators' declarations.
        updates: what a step adds, both sides vectors.
        totals: add entry `i` of each accumulator to the output.

    """

    number: int
    zeros: str
    updates: str
    totals: str


@dataclass(frozen=True)
class Dot:
    """The shape of a micro-kernel of products along the sum.

    Attributes:
        rows: how many entries of the output there are along one side.
        columns: and along the other.
        by_row: the statements of each row.
        by_column: the numbers of the columns.
        loads: the vectors of a step along the sum.
        masked_loads: the same, but for entries that were met before.

    """

    rows: int
    columns: int
    by_row: tuple[DotRow, ...]
    by_column: tuple[int, ...]
    loads: str
    masked_loads: str

    @property
    def low(self) -> bool:
        """Return whether the accumulators fit into sixteen registers."""
        return self.rows * self.columns <= 12


@dataclass(frozen=True)
class Transpose:
    """A square of entries, as many vectors as a vector has entries, turned round in registers.

    Attributes:
        side: entries of a vector.
        loads: the declarations of the rows.
        steps: shuffles of two rows each, from neighbours to halves.
        adds: add the output to the columns.
        stores: write them to the output.

    """

    side: int
    loads: str
    steps: tuple[str, ...]
    adds: str
    stores: str


@dataclass(frozen=True)
class Spread:
    """Entries that lie together, added to every second, third or fourth entry of a line.

    Attributes:
        apart: how far apart they go.
        side: entries of a vector.
        adds: add a vector `x` to as many vectors from `out` on; between its entries, zeros.

    """

    apart: int
    side: int
    adds: str


def _list(count: int, item: Callable[[int], str]) -> str:
    return ", ".join(item(v) for v in range(count))


def tile(rows: int, pieces: int, vectors: int) -> Tile:
    """Write the statements of one shape of a matrix product."""
    last = vectors - 1

    def place(v: int) -> str:
        return "last" if v == last else f"{v} * sizeof(V)"

    def load(p: int, v: int) -> str:
        return f"b{p}_{v} = *(const V *)(b{p} + {'far' if v == last else f'line + {place(v)}'})"

    def add(c: str, v: int) -> str:
        kept = f"KEPT(V, M, {c}, kept)" if v == last else c
        return f"{c} = *(V *)(o + {place(v)}) + {kept}"

    def row(p: int, r: int) -> Row:
        c = [f"c{r}_{p}_{v}" for v in range(vectors)]
        return Row(
            number=r,
            zeros=_list(vectors, lambda v: f"{c[v]} = {{0}}"),
            updates=_list(vectors, lambda v: f"{c[v]} += e * b{p}_{v}"),
            adds=_list(vectors, lambda v: add(c[v], v)),
            stores=_list(
                vectors, lambda v: f"*(V *)(o + {place(last - v)}) = {c[last - v]}"
            ),
        )

    def piece(p: int) -> Piece:
        loads = _list(vectors, lambda v: load(p, v))
        return Piece(p, loads, tuple(row(p, r) for r in range(rows)))

    by_piece = tuple(piece(p) for p in range(pieces))
    return Tile(rows, pieces, vectors, tuple(range(rows)), by_piece)


def slide(pieces: int, vectors: int) -> Slide:
    """Write the statements of one shape of sliding pieces: piece p meets line p + r in round r."""

    def line(j: int, v: int) -> str:
        piece, later = min(j, pieces - 1), max(0, j - pieces + 1)
        place = f"far{later}" if v == vectors - 1 else f"line{later} + {v} * sizeof(V)"
        met = [(j - r, r) for r in range(3) if 0 <= j - r < pieces]
        updates = ", ".join(f"c0_{p}_{v} += e{r} * x" for p, r in met)
        return f"x = *(const V *)(b{piece} + {place}), {updates}"

    lines = tuple(line(j, v) for j in range(pieces + 2) for v in range(vectors))
    return Slide(pieces, vectors, tile(1, pieces, vectors).by_piece, lines)


def dot(rows: int, columns: int) -> Dot:
    """Write the statements of one shape of products along the sum."""

    def row(r: int) -> DotRow:
        c = [f"c{r}_{v}" for v in range(columns)]
        return DotRow(
            number=r,
            zeros=_list(columns, lambda v: f"{c[v]} = {{0}}"),
            updates=_list(columns, lambda v: f"{c[v]} += e * x{v}"),
            totals=_list(
                columns, lambda v: f"out[{r * columns + v}] += ((const T *)&{c[v]})[i]"
            ),
        )

    return Dot(
        rows,
        columns,
        tuple(row(r) for r in range(rows)),
        tuple(range(columns)),
        loads=_list(columns, lambda v: f"x{v} = *(const V *)(b{v} + i)"),
        masked_loads=_list(columns, lambda v: f"x{v} = KEPT(V, M, *(const V *)(b{v} + i), keep)"),
    )


def transpose(side: int) -> Transpose:
    """Write the statements that turn a square round."""

    def step(h: int, i: int) -> str:
        low = ", ".join(str(side + j - h if j & h else j) for j in range(side))
        high = ", ".join(str(side + j if j & h else j + h) for j in range(side))
        pair = f"r{i}, r{i + h}"
        shuffled = f"SHUFFLE(V, M, {pair}, {low}), b = SHUFFLE(V, M, {pair}, {high})"
        return f"a = {shuffled}, r{i} = a, r{i + h} = b"

    halves = [h for h in (1, 2, 4, 8) if h < side]
    return Transpose(
        side,
        _list(side, lambda i: f"r{i} = *(const V *)(from + {i} * pitch)"),
        tuple(step(h, i) for h in halves for i in range(side) if not i & h),
        _list(side, lambda i: f"r{i} += *(V *)(out + columns[{i}])"),
        _list(side, lambda i: f"*(V *)(out + columns[{i}]) = r{i}"),
    )


def spread(apart: int, side: int) -> Spread:
    """Write the statements that add entries `apart` from each other."""

    def entry(at: int) -> int:
        return side if at % apart else at // apart

    def add(v: int) -> str:
        places = ", ".join(str(entry(v * side + lane)) for lane in range(side))
        return f"*(V *)(out + {v * side}) += SHUFFLE(V, M, x, none, {places})"

    return Spread(apart, side, _list(apart, add))


TILES = (
    *(tile(r, 1, v) for r in (1, 2, 3, 4) for v in (1, 2, 3, 4, 6)),
    *(tile(8, 1, v) for v in (1, 2, 3)),
    *(tile(r, 2, v) for r in (1, 2, 3) for v in (1, 2, 3, 4)),
    *(tile(1, 4, v) for v in (1, 2, 3, 4, 6)),
    *(tile(2, 4, v) for v in (1, 2, 3)),
)
"""Shapes of the matrix product: thirty-two registers hold 24 accumulators and what feeds them."""

TRANSPOSES = tuple(transpose(side) for side in (2, 4, 8, 16))
"""Squares that are turned round."""

APART = (2, 3, 4)
"""How far apart entries of the output are written by vectors."""

SPREADS = tuple(spread(apart, side) for apart in APART for side in (2, 4, 8, 16))
"""Lines whose entries are spread."""

SLIDES = tuple(slide(4, v) for v in (1, 2, 3, 4))
"""Shapes of sliding pieces."""

DOTS = tuple(dot(r, v) for r in (1, 2, 4) for v in (1, 2, 3, 6))
"""Shapes of products along the sum."""
