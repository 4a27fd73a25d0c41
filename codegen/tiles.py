"""The shapes of the micro-kernels, written out accumulator by accumulator for the template."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One row of a tile: C statements over its accumulators, one for each vector.

    Attributes:
        number: which row.
        zeros: the accumulators' declarations.
        updates: what a term adds, its entry `e` broadcast.
        adds: add the accumulators to the output.
        stores: write them to the output.
        dots: what a term adds where both sides are vectors.
        totals: add entry `i` of each accumulator to the output.

    """

    number: int
    zeros: str
    updates: str
    adds: str
    stores: str
    dots: str
    totals: str


@dataclass(frozen=True)
class Tile:
    """A micro-kernel's shape.

    Attributes:
        rows: how many entries are broadcast at a time.
        vectors: how many vectors each is multiplied by.
        low: whether its accumulators fit into sixteen registers.
        by_row: the statements of each row.
        by_column: the numbers of the vectors.
        loads: the vectors of a term.
        dot_loads: the vectors of a step along the sum.
        masked_loads: the same, but for entries that were met before.

    """

    rows: int
    vectors: int
    low: bool
    by_row: tuple[Row, ...]
    by_column: tuple[int, ...]
    loads: str
    dot_loads: str
    masked_loads: str


def tile(rows: int, vectors: int) -> Tile:
    """Write the statements of one shape."""

    def each(pattern: str, row: int = 0) -> str:
        return ", ".join(
            pattern.format(c=f"c{row}_{v}", r=row, v=v, at=row * vectors + v)
            for v in range(vectors)
        )

    by_row = tuple(
        Row(
            number=r,
            zeros=each("{c} = {{0}}", r),
            updates=each("{c} += e * b{v}", r),
            adds=each("*(V *)(o{r} + L * {v}) += {c}", r),
            stores=each("*(V *)(o{r} + L * {v}) = {c}", r),
            dots=each("{c} += e * x{v}", r),
            totals=each("out[{at}] += ((const T *)&{c})[i]", r),
        )
        for r in range(rows)
    )
    return Tile(
        rows,
        vectors,
        rows * vectors <= 12 and rows <= 4,
        by_row,
        tuple(range(vectors)),
        loads=each("b{v} = *(const V *)(line + L * {v})"),
        dot_loads=each("x{v} = *(const V *)(b{v} + i)"),
        masked_loads=each("x{v} = (V)(*(const M *)(b{v} + i) & keep)"),
    )


TILES = (*(tile(r, v) for r in (1, 2, 4) for v in (1, 2, 3, 6)), *(tile(8, v) for v in (1, 2, 3)))
"""Shapes of the matrix product: thirty-two registers hold 24 accumulators and what feeds them."""

DOTS = tuple(tile(r, v) for r in (1, 2, 4) for v in (1, 2, 3, 6))
"""Shapes of products along the sum."""
