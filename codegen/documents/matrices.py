"""Numbers, matrices and sums of numbers as LaTeX mathematics."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import product
from typing import Any

from numpy.typing import NDArray

from rot180.codegen.documents.model import TEXT_WIDTH
from rot180.derive.display.width import width

MOST = 12
"""The largest number of rows or columns of a matrix that are shown, if they fit the page."""

COLUMN = 10.0
"""The distance between the columns of a matrix, in points."""

SLICES = 4
"""The largest number of matrices that are shown of an array with more than two axes."""


def number(value: Any) -> str:
    r"""Return an integer, a fraction, or a decimal with six digits.

    >>> number(-3), number(Fraction(1, 3)), number(Fraction(1, 4)), number(Fraction(1, 2**40))
    ('-3', '\\tfrac{1}{3}', '0.25', '9.09495 \\cdot 10^{-13}')
    """
    exact = Fraction(value)
    if exact.denominator == 1:
        return str(exact.numerator)
    if exact.denominator & (exact.denominator - 1):
        sign = "-" if exact < 0 else ""
        return f"{sign}\\tfrac{{{abs(exact.numerator)}}}{{{exact.denominator}}}"
    rounded = Decimal(exact.numerator) / Decimal(exact.denominator)
    short = rounded if abs(exact) > 10**300 else float(exact)
    digits, _, power = f"{short:.6g}".partition("e")
    return f"{digits} \\cdot 10^{{{int(power)}}}" if power else digits


def product_of(values: Sequence[Any]) -> str:
    """Return a product of numbers, with negative factors in parentheses."""
    shown = [number(v) for v in values]
    return " \\cdot ".join(f"({v})" if n and v.startswith("-") else v for n, v in enumerate(shown))


def matrix(array: NDArray[Any]) -> str:
    """Return a number, a row or a matrix; dots stand for the rows and columns that do not fit.

    Raises:
        ValueError: the array has more than two axes.

    """
    if array.ndim > 2:
        raise ValueError(f"matrix: found {array.ndim} axes, expected at most 2")
    if array.ndim == 0:
        return number(array[()])
    if array.size == 0:
        return "\\emptyset"
    rows = array.reshape(1, -1) if array.ndim == 1 else array
    cells = [[number(v) for v in row] for row in rows]
    widest = max(width(c) for row in cells for c in row) + COLUMN
    shown = [" & ".join(_some(row, "\\cdots", int(TEXT_WIDTH * 0.75 / widest))) for row in cells]
    columns = shown[0].count("&") + 1
    lines = _some(shown, " & ".join(["\\vdots"] * columns), MOST)
    return "\\begin{pmatrix} " + " \\\\ ".join(lines) + " \\end{pmatrix}"


def _some(entries: list[str], dots: str, room: int) -> list[str]:
    """Replace entries before the last one by dots, if there are too many."""
    most = max(3, min(MOST, room))
    return entries if len(entries) <= most else [*entries[: most - 2], dots, entries[-1]]


def matrices(name: str, array: NDArray[Any], entry: str) -> Iterator[str]:
    """Yield a row ``name &= matrix`` for each matrix of an array.

    Args:
        name: the array's symbol.
        array: the numbers.
        entry: a pattern for the symbol and an index: ``{}[{}]``.

    """
    if array.ndim <= 2:
        yield f"{name} &= {matrix(array)}"
        return
    places = list(product(*map(range, array.shape[:-2])))
    for at in places[:SLICES]:
        index = ", ".join([*map(str, at), "\\cdot", "\\cdot"])
        yield f"{entry.format(name, index)} &= {matrix(array[at])}"
    if len(places) > SLICES:
        yield f"& \\text{{and {len(places) - SLICES} more}}"


def sum_rows(parts: Sequence[str], room: float) -> list[str]:
    """Return a sum in rows no wider than `room` points; negative parts are subtracted."""
    rows = [""]
    for part in parts or ["0"]:
        minus = part.startswith("-")
        sign = "-" if minus else "+" if len(rows) > 1 or rows[0] else ""
        said = part.removeprefix("-")
        joined = f" {sign} {said}" if rows[-1] else f"{sign} {said}".strip()
        if not rows[0]:
            joined = part
        if rows[-1] and width(rows[-1] + joined) > room:
            rows.append(f"{{}} {sign} {said}")
        else:
            rows[-1] += joined
    return rows
