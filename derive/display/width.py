"""Estimates how wide mathematics is, in points at 10pt."""

from __future__ import annotations

import re
from functools import lru_cache

from rot180.derive.display.mathematics import ACCENTS, FONTS

_TOKEN = re.compile(r"\\[A-Za-z]+\*?|\\.|[_^]|\s+|.", re.DOTALL)
_WIDTHS = {
    **dict.fromkeys("abcdeghknopqrsuvxyz0123456789", 5.4),
    **dict.fromkeys("fijlt'", 4.2),
    **dict.fromkeys("mw", 8.9),
    **dict.fromkeys("[]().!;:", 3.9),
    **dict.fromkeys("+-", 12.3),
    **dict.fromkeys("=<>", 13.4),
    ",": 4.5, "*": 9.5, "/": 5.0,
    r"\le": 13.4, r"\ge": 13.4, r"\star": 9.5, r"\times": 12.3, r"\,": 1.7, r"\quad": 10.0,
    r"\qquad": 20.0, r"\mapsto": 15.6, r"\partial": 5.9, r"\_": 4.0, r"\ ": 3.4, r"\colon": 8.0,
    r"\cdots": 17.0,
}
_TRANSPARENT = frozenset(f"\\{name}" for name in (*FONTS, *ACCENTS, "text", "operatorname"))


def text_width(text: str) -> float:
    """Estimate the width of a small text with mathematics in dollar signs, in points."""
    said = text.split("$")
    words = "".join(re.sub(r"\\\w+\{?|[{}\\]", "", part) for part in said[::2])
    return 4.7 * len(words) + 0.92 * sum(width(part) for part in said[1::2])


@lru_cache(maxsize=1 << 14)
def width(text: str) -> float:
    """Estimate the width of LaTeX mathematics in points at 10pt, a little on the wide side."""
    return _width(_TOKEN.findall(text))


def _width(tokens: list[str]) -> float:
    total, i = 0.0, 0

    def group() -> list[str]:
        nonlocal i
        while i < len(tokens) and tokens[i].isspace():
            i += 1
        depth, start = 0, i
        while i < len(tokens):
            depth += (tokens[i] == "{") - (tokens[i] == "}")
            i += 1
            if depth <= 0:
                inner = tokens[start:i]
                return inner[1:-1] if inner[0] == "{" else inner
        raise ValueError(f"mathematics: found {''.join(tokens)!r}, expected one more argument")

    while i < len(tokens):
        token = tokens[i]
        i += 1
        if token in (r"\frac", r"\tfrac", r"\dfrac"):
            total += max(_width(group()), _width(group())) + 2.5
        elif token == r"\sum":
            i += 1
            total += max(14.5, 0.75 * _width(group())) + 1.7
        elif token in "_^":
            script = _width(group())
            if i < len(tokens) and tokens[i] in "_^":  # one above the other
                i += 1
                script = max(script, _width(group()))
            total += 0.75 * script
        elif token in _TRANSPARENT:
            total += _width(group())
        elif token not in "{}" and not token.isspace():
            total += _WIDTHS.get(token, 6.5 if token.startswith("\\") else 7.9)
    return total
