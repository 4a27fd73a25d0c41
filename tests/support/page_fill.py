"""How full the pages of a book are: python tests/support/page_fill.py book.pdf.

A page is as full as its lowest word, above the page number, is far down the text. The last page of
a chapter may be empty; no other may be less than a third full.
"""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from itertools import pairwise

TOP, BOTTOM = 71.0, 771.0
"""The first and the last line of the text, in points from the top: A4, with margins of 25 mm."""

LEAST = 1 / 3
"""The share of the height that has to be used."""

_PAGE = re.compile(r"<page .*?</page>", re.DOTALL)
_WORD = re.compile(r'yMin="([\d.]+)" xMax="[\d.]+" yMax="([\d.]+)">([^<]*)<')


@dataclass(frozen=True)
class PageFill:
    """The share of the height of a page that is used, and whether it opens a chapter."""

    number: int
    share: float
    opens: bool


def page_fills(path: str) -> list[PageFill]:
    """Return how full each page of a PDF is, counted from 1; pdftotext reads it."""
    ran = subprocess.run(
        ("pdftotext", "-bbox", path, "-"), capture_output=True, text=True, check=True
    )
    return [_fill(n, found[0]) for n, found in enumerate(_PAGE.finditer(ran.stdout), 1)]


def _fill(number: int, text: str) -> PageFill:
    words = [(float(low), word) for _, low, word in _WORD.findall(text)]
    lowest = max((low for low, _ in words if low < BOTTOM + 5), default=TOP)
    opens = [word for _, word in words[:1]] in (["Chapter"], ["Contents"])
    return PageFill(number, (lowest - TOP) / (BOTTOM - TOP), opens)


def nearly_empty(fills: list[PageFill]) -> list[PageFill]:
    """Return the pages that are less than a third full, but the last of each chapter."""
    return [page for page, after in pairwise(fills) if page.share < LEAST and not after.opens]


def main() -> int:
    """Print the nearly empty pages, and return the exit code."""
    fills = page_fills(sys.argv[1])
    bad = nearly_empty(fills)
    for page in bad:
        print(f"page {page.number} is {page.share:.0%} full")
    print(f"{len(fills)} pages, {sum(p.share for p in fills) / len(fills):.0%} full on average")
    return 1 if bad else 0


if __name__ == "__main__":
    raise SystemExit(main())
