"""LaTeX mathematics as MathML, and sentences with mathematics in them as HTML.

Needs the extra ``rot180[book]``. Only this module imports latex2mathml, and only when used.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from xml.etree.ElementTree import Element

from rot180.derive.display.equations import EquationLine, aligned, room
from rot180.derive.display.width import width

MISSING = 'latex2mathml is missing: pip install "rot180[book]"'
"""The message if the converter to MathML is missing."""


class Html(str):
    """A text that is HTML; every other text is escaped where a template writes it."""

    __slots__ = ()

    def __html__(self) -> str:
        """Return the text, which Jinja then writes as it is."""
        return str(self)


_NO_MATHML = (
    "mathematics: found {!r}, which has no MathML; expected standard commands in the notation, or "
    "a format other than html"
)

_TOKEN = re.compile(
    r"\$(?P<maths>[^$]*)\$[.,;:)]?|\\hyperref\[(?P<anchor>[^\]]*)\]|\\(?P<command>[A-Za-z]+)"
    r"|\\(?P<escaped>.)|(?P<brace>[{}])|(?P<mark>--|~|``|'')|(?P<text>[^$\\{}~`'-]+|.)",
    re.DOTALL,
)
_ELEMENTS = {"texttt": "code", "emph": "em", "textbf": "strong"}
_SIGNS = {
    "textbackslash": "\\", "textasciitilde": "~", "textasciicircum": "^", "small": "",
    "--": "\u2013", "~": "\u00a0", "``": "\u201c", "''": "\u201d",
}  # fmt: skip


_WHOLE = '<span class="whole">{}{}</span>'
"""Mathematics and the punctuation after it, which must not begin the next line."""

_INLINE = 150.0
"""Width in points above which mathematics in a sentence may be broken at its signs."""

_TIGHT = (
    ("<mo>\u2202</mo>", "<mi>\u2202</mi>"),
    ("<mo>/</mo>", '<mo lspace="0" rspace="0">/</mo>'),
)
"""Operators that need less space around them than MathML sets."""

_NAMES = frozenset({
    "mfrac", "mi", "mn", "mo", "mover", "mroot", "mrow", "mspace", "msqrt", "mstyle", "msub",
    "msubsup", "msup", "mtable", "mtd", "mtext", "mtr", "munder", "munderover", "accent",
    "accentunder", "columnalign", "columnspacing", "displaystyle", "fence", "form",
    "linethickness", "lspace", "mathvariant", "maxsize", "minsize", "movablelimits",
    "rowspacing", "rspace", "scriptlevel", "separator", "stretchy", "width",
})  # fmt: skip
"""The elements and attributes that mathematics may have: none links, loads or runs anything."""

_PRIMED = re.compile(r"<msup>(<(m\w+)>[^<]*</\2>)(<mi>[\u2032-\u2034]</mi>)</msup>")
"""A letter with primes, which are raised glyphs already and must not become superscripts."""


def available() -> bool:
    """Say whether the converter is installed."""
    return find_spec("latex2mathml") is not None


@cache
def mathml(source: str, display: bool = False) -> Html:
    """Return LaTeX mathematics as a ``<math>`` element, whose texts are escaped.

    Args:
        source: mathematics without dollar signs.
        display: whether limits go under the sums and fractions are large.

    Raises:
        ModuleNotFoundError: the converter is not installed (``pip install "rot180[book]"``).
        ValueError: the mathematics has a command that the converter does not know, or that is no
            mathematics, such as a link.

    """
    if not available():
        raise ModuleNotFoundError(MISSING)
    from latex2mathml.converter import convert_to_element

    upright = re.sub(r"\\operatorname\{((?:\\.|[^{}])*)\}", r"\\text{\1}", source)
    try:
        found = convert_to_element(upright, display="block" if display else "inline")
        body = "".join(map(_element, found))
    except Exception as error:  # the exceptions of the converter have no common base class
        raise ValueError(_NO_MATHML.format(source)) from error
    for tag, tight in _TIGHT:
        body = body.replace(tag, tight)
    body = _PRIMED.sub(r"<mrow>\1\3</mrow>", body)
    return Html(('<math displaystyle="true">' if display else "<math>") + body + "</math>")


def _element(found: Element) -> str:
    """Return an element of MathML as text, with nothing in it that `_NAMES` does not list."""
    used = {found.tag, *found.attrib}
    text = re.sub(r"&#x([0-9A-Fa-f]+);", _character, found.text or "").replace("\\_", "_")
    if not used <= _NAMES or "\\" in text:
        raise ValueError(f"found {text!r} in {' '.join(sorted(used))}, expected mathematics")
    given = "".join(f' {name}="{html.escape(value)}"' for name, value in found.items())
    inner = html.escape(text, quote=False) + "".join(map(_element, found))
    return f"<{found.tag}{given}>{inner}</{found.tag}>" if inner else f"<{found.tag}{given} />"


def _character(match: re.Match[str]) -> str:
    return chr(int(match[1], 16))


def sentence(text: str) -> Html:
    r"""Return a sentence of LaTeX text as HTML.

    It may have mathematics in dollar signs, ``\texttt``, ``\emph``, ``\textbf``, ``\hyperref`` and
    what `rot180.derive.display.terms_latex.escape` writes.

    >>> sentence(r"a\_b \emph{of} \texttt{x \& y}")
    'a_b <em>of</em> <code>x &amp; y</code>'

    Raises:
        ValueError: the text has another command.

    """
    out: list[str] = []
    closing: list[str] = []
    opened = ""
    for token in _TOKEN.finditer(text):
        kind, found = token.lastgroup, token[token.lastgroup or 0]
        if kind == "maths":
            *before, last = map(mathml, _breaks(found))
            mark = token[0].rpartition("$")[2]
            out.append("<wbr>".join([*before, _WHOLE.format(last, mark) if mark else last]))
        elif kind == "anchor":
            out.append(f'<a href="#{html.escape(found)}">')
            opened = "</a>"
        elif kind == "command" and found in _ELEMENTS:
            out.append(f"<{_ELEMENTS[found]}>")
            opened = f"</{_ELEMENTS[found]}>"
        elif kind == "brace" and found == "{":
            closing.append(opened)
            opened = ""
        elif kind == "brace":
            out.append(closing.pop())
        elif kind == "command" and found not in _SIGNS:
            raise ValueError(f"text: found \\{found} in {text!r}, expected one of {[*_ELEMENTS]}")
        else:
            out.append(html.escape(_SIGNS.get(found, found), quote=False))
    return Html("".join(out))


def _breaks(maths: str) -> list[str]:
    """Split mathematics that is too long for a line before relations, sums and differences."""
    parts, depth = [""], 0
    for piece in re.split(r"([\[({})\]]| [-+=] )", maths):
        depth += (piece in ("[", "(", "{")) - (piece in ("]", ")", "}"))
        if depth == 0 and piece in (" = ", " + ", " - ") and width(maths) > _INLINE:
            parts.append("{}")
        parts[-1] += piece
    return parts


@dataclass(frozen=True)
class EquationRow:
    """An equation as HTML.

    Attributes:
        left: the left side; empty if the row continues a chain of equations.
        rights: the right side, broken into rows.
        remark: the reason, or the box.

    """

    left: Html
    rights: tuple[Html, ...]
    remark: Html


def rows(lines: Sequence[EquationLine], page: float) -> tuple[EquationRow, ...]:
    """Return displayed equations as HTML, row by row.

    Args:
        lines: equations that are displayed together.
        page: the width of the text, in points at 10pt.

    """
    wide = room(lines, page)
    out = []
    for line in lines:
        first, *more = line.rows(wide)
        broken = [f"= {first}", *(f"\\qquad {part}" for part in more)]
        left = mathml(line.left, True) if line.left else Html()
        out.append(EquationRow(left, tuple(mathml(e, True) for e in broken), sentence(line.remark)))
    return tuple(out)


def shown(parts: Sequence[str | Sequence[EquationLine]], page: float) -> str:
    """Return sentences and displayed equations as HTML, for notebooks.

    If the converter is missing, mathematics is LaTeX in dollar signs, which notebooks render.

    Args:
        parts: sentences and displayed equations.
        page: the width of the text, in points at 10pt.

    """
    out = []
    for part in parts:
        if isinstance(part, str):
            out.append(f"<p>{sentence(part) if available() else html.escape(part)}</p>")
        elif not available():
            body = re.sub(r"\{align(at)?\*\}(\{2\})?", "{aligned}", aligned(part, page))
            body = re.sub(r"\\tag\*\{\\small (.*)\}(?=$| \\\\)", r"&& \\text{\1}", body, flags=re.M)
            out.append(f"<p>$$\n{html.escape(body)}\n$$</p>")
        else:
            out.append(_table(rows(part, page)))
    # a notebook has no style sheet of ours
    return "\n".join(out).replace('class="whole"', 'style="white-space: nowrap"')


_CELL = '<td style="text-align: {}; vertical-align: baseline">{}</td>'


def _table(given: Sequence[EquationRow]) -> str:
    out = ["<table>"]
    for row in given:
        cells = (("left", row.left), ("left", "<br>".join(row.rights)), ("right", row.remark))
        filled = (_CELL.format(side, cell) for side, cell in cells)
        out.append(f"<tr>{''.join(filled)}</tr>")
    return "\n".join([*out, "</table>"])
