"""Displayed equations: where they break, and their LaTeX."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import inf
from typing import TypeAlias

from sympy import Expr

from rot180.derive.display.line_breaks import INDENT, SignedTerm, in_rows
from rot180.derive.display.terms_latex import Letters
from rot180.derive.display.width import text_width, width
from rot180.derive.language.terms import Expression


@dataclass(frozen=True)
class EquationLine:
    """One equation of an ``align*``.

    Attributes:
        left: the left side; empty if the line continues the chain above it.
        right: the right side.
        remark: the reason, or the box.
        style: the letters.
        more: how many terms of the right side are left out.

    """

    left: str
    right: Expression
    remark: str
    style: Letters
    more: int = 0

    @cached_property
    def _terms(self) -> list[SignedTerm]:
        left_out = f"\\cdots\\ \\text{{({self.more} more term{'s' if self.more > 1 else ''})}}"
        return self.style.signed(self.right) + ([("+", [left_out])] if self.more else [])

    def rows(self, room: float) -> list[str]:
        """Return the right side in rows at most `room` points wide."""
        return in_rows(self._terms, room)


@dataclass(frozen=True)
class Matrix(EquationLine):
    """The definition of a table of numbers.

    Attributes:
        entries: its rows; the first entry is [0, 0].

    """

    entries: tuple[tuple[Expr, ...], ...] = ()

    def rows(self, room: float) -> list[str]:
        """Return the table, in one row."""
        rows = " \\\\ ".join(" & ".join(map(str, row)) for row in self.entries)
        return [f"\\begin{{pmatrix}} {rows} \\end{{pmatrix}}"]


Display: TypeAlias = tuple[EquationLine, ...]
"""Equations that are displayed together."""


def room(lines: Sequence[EquationLine], page: float) -> float:
    """Return the width that a page leaves for right sides, in points."""
    return page - max(width(line.left) for line in lines) - width("=")


@dataclass(frozen=True)
class Layout:
    """Where the rows of displayed equations break.

    Attributes:
        rows: the rows of each right side.
        stacked: whether left sides have rows of their own.
        over: by how many points the widest row is wider than the page; negative if none is.

    """

    rows: list[list[str]]
    stacked: bool
    over: float


NARROW = 300.0
"""Below this width, in points, left sides have rows of their own where that saves rows."""


def arrange(lines: Sequence[EquationLine], page: float) -> Layout:
    """Break equations into rows: beside their left sides, or below them.

    Args:
        lines: equations that are displayed together.
        page: the width of the text, in points at 10pt.

    """
    beside = _layout(lines, room(lines, page), False)
    if page == inf or (beside.over <= 0 and page >= NARROW):
        return beside
    below = _layout(lines, page - width("\\quad="), True)
    lefts = [width(line.left) for line in lines if line.left]
    below = replace(below, over=max(below.over, *(left - page for left in lefts), -inf))
    if below.over > 0 or beside.over > 0:
        return min(below, beside, key=lambda one: one.over)
    counts = (sum(map(len, one.rows)) for one in (beside, below))
    return below if next(counts) > next(counts) + len(lefts) else beside


def _layout(lines: Sequence[EquationLine], space: float, stacked: bool) -> Layout:
    rows = [line.rows(space) for line in lines]
    widest = max(width(r) + (INDENT if n else 0) for parts in rows for n, r in enumerate(parts))
    return Layout(rows, stacked, widest - space)


def aligned(lines: Sequence[EquationLine], page: float) -> str:
    """Return the lines, aligned; right sides that are too long for the page are broken.

    Reasons have a column of their own if it fits beside the right sides, else they are in the
    margin. A left side that leaves too little room has a row of its own.

    Args:
        lines: equations that are displayed together.
        page: the width of the text, in points at 10pt.

    """
    layout = arrange(lines, page)
    rows = [row for parts in layout.rows for row in parts]
    space = room(lines, page) - max(map(width, rows)) - width("\\quad")
    reasons = max(text_width(line.remark) for line in lines)
    column = 0 < reasons <= space and not layout.stacked
    before = "&\\quad& \\text" if column else "\\tag*"
    out = []
    for line, parts in zip(lines, layout.rows, strict=True):
        said = f"{{\\small {line.remark}}}"
        if not column and text_width(line.remark) > 0.9 * page:
            said = f"{{\\parbox[t]{{0.95\\linewidth}}{{\\raggedleft\\small {line.remark}}}}}"
        reason = f" {before}{said}" if line.remark else ""
        if layout.stacked:
            left = f"  &{line.left} \\\\*\n" if line.left else ""
            body = " \\\\\n  &\\quad\\qquad ".join(parts)
            out.append(f"{left}  &\\quad= {body}{reason}")
        else:
            left = f"{line.left}\n" if line.left else ""
            body = " \\\\\n  &\\qquad ".join(parts)
            out.append(f"{left}  &= {body}{reason}")
    begin, name = ("{alignat*}{2}", "alignat*") if column else ("{align*}", "align*")
    return f"\\begin{begin}\n" + " \\\\\n".join(out) + f"\n\\end{{{name}}}"
