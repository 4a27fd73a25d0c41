"""Abbreviates displayed equations: of a long line the first terms, of many such lines the first."""

from __future__ import annotations

from dataclasses import replace

from rot180.derive.display.equations import Display, EquationLine, Matrix
from rot180.derive.language.terms import Expression

MOST_TERMS = 10
"""How many terms of a line are shown, unless lines are written whole."""

MOST_LINES = 20
"""How many long lines of a proof are shown, unless lines are written whole."""


def abbreviated(lines: Display, terms: int = MOST_TERMS, most: int = MOST_LINES) -> Display:
    """Return displayed equations with few long lines, of which only the first terms are shown.

    A long line of a chain is left out if it changes no term that is shown, or if there are many
    before it; the last line is always there. The next line says how many were left out. So the
    size of a proof does not grow with the number of its terms.

    Args:
        lines: equations that are displayed together.
        terms: how many terms of a line are shown.
        most: how many long lines are shown, besides the last line.

    """
    out: list[EquationLine] = []
    shown = hidden = 0
    for n, line in enumerate(lines):
        long = not isinstance(line, Matrix) and len(line.right) > terms
        chained = long and not line.left and n + 1 < len(lines)
        if chained and out and (shown >= most or _first(out[-1], terms) == _first(line, terms)):
            hidden += 1
            continue
        if long:
            line = replace(line, right=_first(line, terms), more=len(line.right) - terms)
            shown += 1
        if hidden:
            steps = f"{hidden} step{'s' if hidden > 1 else ''} not shown"
            line = replace(line, remark=f"{steps}; {line.remark}")
        out.append(line)
        hidden = 0
    return tuple(out)


def _first(line: EquationLine, terms: int) -> Expression:
    return line.right[:terms]
