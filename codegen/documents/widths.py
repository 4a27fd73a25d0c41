"""The width of a text, as an author says it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from types import MappingProxyType

UNITS: Mapping[str, float] = MappingProxyType(
    {
        "pt": 1.0, "bp": 72.27 / 72, "mm": 72.27 / 25.4, "cm": 72.27 / 2.54, "in": 72.27,
        "pc": 12.0, "em": 10.0,
    }
)  # fmt: skip
"""Points in a unit, at 10pt."""

NAMES: Mapping[str, float] = MappingProxyType({"text": 345.0, "column": 240.0, "slide": 280.0})
"""Points at 10pt: LaTeX's article; a column of acmart (IEEEtran has 252); a frame of beamer."""

FEWEST, MOST = 60.0, 5000.0
"""The bounds of a width, in points."""


@dataclass(frozen=True)
class Width:
    """The width of a text.

    Attributes:
        points: in points, at 10pt.
        unit: the unit in which it was given, or "pt".

    """

    points: float
    unit: str = "pt"

    def said(self, points: float | None = None) -> str:
        """Return a width in this one's unit, rounded up; this width itself by default."""
        tenths = ceil(10 * (self.points if points is None else points) / UNITS[self.unit] - 1e-6)
        return f"{tenths / 10:g}{self.unit}"


def parse_width(given: str) -> Width:
    """Read a width: ``84mm``, ``20em``, ``column``.

    Raises:
        ValueError: it is no width, or one that no text has.

    >>> parse_width("3.25in").said()
    '3.3in'

    """
    if given in NAMES:
        return Width(NAMES[given])
    found = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,6})?) ?([a-z]{2})", given)
    if found is None or found[2] not in UNITS:
        raise ValueError(
            f"--width: found {given!r}, expected {', '.join(NAMES)}, or a length such as 84mm, in "
            f"{', '.join(UNITS)}"
        )
    width = Width(float(found[1]) * UNITS[found[2]], found[2])
    if not FEWEST <= width.points <= MOST:
        raise ValueError(
            f"--width: found {given!r}, expected {width.said(FEWEST)} to {width.said(MOST)}"
        )
    return width
