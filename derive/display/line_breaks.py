"""Breaks a sum that is too wide for a page into rows."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate
from typing import TypeAlias

from rot180.derive.display.width import width

INDENT = 20.0
"""The indent of a continued row, in points."""

SignedTerm: TypeAlias = tuple[str, list[str]]
"""The sign of a term, and its parts."""


def in_rows(terms: Iterable[SignedTerm], room: float) -> list[str]:
    """Return a sum in rows at most `room` points wide, broken at factors.

    The width of a row is the sum of the widths of its parts, each of which is measured once.

    Args:
        terms: for each term its sign and its parts.
        room: in points.

    """
    out: list[str] = []
    row, wide = "", 0.0
    for n, (sign, atoms) in enumerate(terms):
        whole = width("\\,".join([f"{{}} {sign} {atoms[0]}", *atoms[1:]]))
        if n and wide + whole > room - INDENT >= whole:
            out.append(row)
            row, wide = "", 0.0
        for place, atom in enumerate(atoms):
            if place:
                joined, broken = f"\\,{atom}", f"\\times {atom}"
            else:
                joined = f" {sign} {atom}" if n else f"{sign}{atom}"
                broken = f"{{}}{joined}"
                joined = joined if row or not n else broken
            left = room - (INDENT if out else 0)
            if row and wide + width(joined) > left:
                out.append(row)
                row, wide, left = broken, width(broken), room - INDENT
            else:
                row, wide = row + joined, wide + width(joined)
            while wide > left and (cut := _cut(row, left)):
                out.append(cut[0])
                row, wide, left = cut[1], width(cut[1]), room - INDENT
    return [*out, row or "0"]


def _cut(row: str, room: float) -> tuple[str, str] | None:
    """Break a factor that is too wide: at a product if there is one, else after a comma."""
    product = comma = None
    turns = [(c in "([") - (c in ")]") for c in row]
    # what is left of a factor closes brackets that it does not open
    depth = -min(0, *accumulate(turns))
    braces = 0
    for i, (c, turn) in enumerate(zip(row, turns, strict=True)):
        depth += turn
        braces += (c == "{") - (c == "}")
        if not depth or braces or not row.startswith(("\\,", ", "), i):
            continue
        if width(row[:i]) >= room:
            break
        if c == "\\":
            product = row[:i], f"\\times {row[i + 2 :]}"
        else:
            comma = row[: i + 1], row[i + 2 :]
    return product or comma
