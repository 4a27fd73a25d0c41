"""The short mathematics of labels as characters and as HTML, without a TeX engine."""

from __future__ import annotations

import re
from html import escape
from html.entities import html5
from itertools import groupby

from rot180.derive.display.mathematics import FONTS, FUNCTIONS
from rot180.derive.display.mathml import Html

_SIGNS = {
    "cdot": "\u00b7", "star": "\u22c6", "to": "\u2192", "rightarrow": "\u2192",
    "odot": "\u2299", "top": "\u22a4", "partial": "\u2202", "le": "\u2264",
    "epsilon": "\u03f5", "varepsilon": "\u03b5", "phi": "\u03d5", "varphi": "\u03c6",
    "cdots": "\u22ef", "dots": "\u2026", "ldots": "\u2026", "exists": "\u2203", "gets": "\u2190",
    "infty": "\u221e", "lvert": "|", "rvert": "|", "neq": "\u2260", "sqrt": "\u221a",
    ",": "\u2009", ":": "\u2005", ";": "\u2004", "!": "", "quad": "\u2003", "qquad": "\u2003\u2003",
    "operatorname": "", **dict.fromkeys(FONTS, ""),
}  # fmt: skip
_SCRIPTS = {0: "{}", 1: "<sub>{}</sub>", -1: "<sup>{}</sup>"}
_MARKS = {
    "acute": "\u0301", "bar": "\u0304", "breve": "\u0306", "check": "\u030c", "ddot": "\u0308",
    "dot": "\u0307", "grave": "\u0300", "hat": "\u0302", "mathring": "\u030a",
    "overline": "\u0305", "tilde": "\u0303", "underline": "\u0332", "vec": "\u20d7",
    "widehat": "\u0302", "widetilde": "\u0303",
}  # fmt: skip
_MINUS = {"-": "\u2212", "'": "\u2032", "*": "\u2217"}
_UPRIGHT = frozenset({"operatorname", "mathrm"})
_FRACTION = re.compile(r"\\[dt]?frac *(\{(?:[^{}]|\{[^{}]*\})*\}|\\[A-Za-z]+|.)")
_TOKEN = re.compile(r"\\([A-Za-z]+|.)|([_^])|([{}])|(\s+)|(.)")


def plain(text: str) -> str:
    """Return a caption without dollar signs, with its mathematics as characters."""
    parts = text.split("$")
    return "".join(
        "".join(t for t, _, _ in spans(p)) if n % 2 else p for n, p in enumerate(parts)
    )


def spans(math: str) -> list[tuple[str, bool, int]]:
    """Split mathematics into (characters, italic, 1 for a subscript and -1 for a superscript).

    >>> spans("w_{2}")
    [('w', True, 0), ('2', False, 1)]
    """
    out: list[tuple[str, bool, int]] = []
    level, upright, mark = [0], [False], ""
    pending, roman = 0, False
    for command, script, brace, space, sign in _TOKEN.findall(_FRACTION.sub(r"\1/", math)):
        if script:
            pending = 1 if script == "_" else -1
            continue
        if brace == "{":
            level.append(pending or level[-1])
            upright.append(roman or upright[-1])
            pending, roman = 0, False
            continue
        if brace:
            level.pop()
            upright.pop()
            continue
        if space or command in _UPRIGHT:
            roman = roman or command in _UPRIGHT
            continue
        if command in _MARKS:
            mark = _MARKS[command]
            continue
        shown = _MINUS.get(sign, sign) if sign else _SIGNS.get(command)
        shown = html5.get(f"{command};", command) if shown is None else shown
        if shown:
            italic = shown[0].isalpha() and not upright[-1] and command not in FUNCTIONS
            out.append((shown + mark, italic, pending or level[-1]))
            mark, pending = "", 0
    return [
        ("".join(characters for characters, _, _ in group), *kind)
        for kind, group in groupby(out, key=lambda piece: piece[1:])
    ]


def inline(math: str) -> Html:
    """Return mathematics as inline HTML.

    >>> inline("w_{2}")
    '<i>w</i><sub>2</sub>'
    """
    out = ""
    for script, pieces in groupby(spans(math), key=lambda piece: piece[2]):
        shown = [f"<i>{escape(c)}</i>" if italic else escape(c) for c, italic, _ in pieces]
        out += _SCRIPTS[script].format("".join(shown))
    return Html(out)
