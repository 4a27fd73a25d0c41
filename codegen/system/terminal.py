"""The only module that prints: it writes what a terminal would obey, not show, as an escape.

It alone decides about colours: headings, names and verdicts have one where a terminal shows it.
"""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from typing import TextIO

_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff"
    "\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e007f]"
)
"""Control characters but tab and line feed, signs that reorder or hide others, half characters."""

BOLD, CYAN, GREEN, RED, YELLOW = "1", "36", "32", "31", "33"
"""The numbers by which terminals know these colours (ANSI)."""

VERDICTS = {
    "proved": GREEN,
    "ok": GREEN,
    "refuted": RED,
    "FAILED": RED,
    "undecided": YELLOW,
    "vacuous": YELLOW,
}
"""The words that are verdicts, and their colours."""


@dataclass(frozen=True)
class Coloured:
    """A part of a line that has a colour where a terminal shows it.

    Attributes:
        text: what is printed.
        colour: the number of the colour.

    """

    text: str
    colour: str

    def __str__(self) -> str:
        return self.text


def heading(text: str) -> Coloured:
    """Return a text as a heading."""
    return Coloured(text, BOLD)


def named(text: str) -> Coloured:
    """Return a text as the name of something."""
    return Coloured(text, CYAN)


def verdict(text: str) -> Coloured | str:
    """Return a text as a verdict if it is one of `VERDICTS`, with spaces around it or without."""
    word = text.strip()
    return Coloured(text, VERDICTS[word]) if word in VERDICTS else text


def visible(text: str) -> str:
    r"""Return a text whose characters are all shown: names from a file may contain any character.

    What moves the cursor, colours, reorders or is no character is written as in JSON: ``\u001b``.
    So JSON stays JSON, and the text is also one that XML allows.

    >>> print(visible("a\x1b[31mb"))
    a\u001b[31mb
    """
    return _UNSEEN.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    units = match[0].encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[i : i + 4]}" for i in range(0, len(units), 4))


def say(*parts: object, sep: str = " ", end: str = "\n", error: bool = False) -> None:
    """Print as `print` does, but only what is `visible`, and at once.

    Args:
        parts: what is printed; what is `Coloured` in its colour, if the stream has colours.
        sep: what is printed between the parts.
        end: what is printed after them.
        error: whether to print on the standard error.

    """
    stream = sys.stderr if error else sys.stdout
    encoding = getattr(stream, "encoding", None) or "utf-8"
    coloured = has_colours(stream)

    def shown(part: object) -> str:
        text = visible(str(part)).encode(encoding, "backslashreplace").decode(encoding)
        if coloured and isinstance(part, Coloured):
            return f"\x1b[{part.colour}m{text}\x1b[0m"
        return text

    print(shown(sep).join(map(shown, parts)), end=end, file=stream, flush=True)


def has_colours(stream: TextIO) -> bool:
    """Say whether a stream shows colours: a terminal does, unless its user wants none.

    ``NO_COLOR`` with any text (https://no-color.org) and ``TERM=dumb`` say so.
    """
    if os.environ.get("NO_COLOR") or os.environ.get("TERM", "dumb") == "dumb":
        return False
    return stream.isatty()
