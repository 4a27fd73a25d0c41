"""The colours of all pictures: those of Okabe and Ito, which the colour-blind can tell apart.

No picture relies on colour alone: taps have dash patterns, and cells have labels.
"""

from __future__ import annotations

from collections.abc import Mapping

COLORS: Mapping[str, str] = {
    "input": "56B4E9",
    "weight": "E69F00",
    "output": "009E73",
    "gradient": "D55E00",
    "tap0": "0072B2",
    "tap1": "CC79A7",
    "tap2": "000000",
    "tap3": "E69F00",
    "tap4": "8C959F",
    "ink": "1F2328",
    "quiet": "8C959F",
    "paper": "FFFFFF",
}
"""What a shape stands for, and its colour on white paper, as six hexadecimal digits."""

DARK_COLORS: Mapping[str, str] = {
    "tap0": "4BA3DB",
    "tap2": "F0F6FC",
    "ink": "E6EDF3",
    "quiet": "7D8590",
    "paper": "12161C",
}
"""The colours that differ on a dark page."""

TAP_ROLES = ("tap0", "tap1", "tap2", "tap3", "tap4")
"""The roles of weights that a picture distinguishes."""

DASHES: Mapping[str, tuple[float, ...]] = {
    "tap1": (5, 2),
    "tap2": (1.4, 1.8),
    "tap3": (6, 1.8, 1.2, 1.8),
    "tap4": (9, 3),
}
"""The dash patterns of links in points; the other roles have solid lines."""
