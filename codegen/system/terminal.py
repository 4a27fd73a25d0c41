"""The only module that prints: it writes what a terminal would obey, not show, as an escape."""

from __future__ import annotations

import re
import sys

_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff"
    "\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e007f]"
)
"""Control characters but tab and line feed, signs that reorder or hide others, half characters."""


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
        parts: what is printed.
        sep: what is printed between the parts.
        end: what is printed after them.
        error: whether to print on the standard error.

    """
    stream = sys.stderr if error else sys.stdout
    encoding = getattr(stream, "encoding", None) or "utf-8"
    text = visible(sep.join(map(str, parts))).encode(encoding, "backslashreplace")
    print(text.decode(encoding), end=end, file=stream, flush=True)
