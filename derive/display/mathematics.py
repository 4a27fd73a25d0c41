r"""The mathematics that a notation may write: a small grammar, and a table of commands.

A value of a notation is pasted into pages, papers and pictures. So only what is listed here may be
in it: letters, digits, signs, groups in braces, subscripts, superscripts, primes, and the commands
of `SYMBOLS`, `OVER_ONE` and `OVER_TWO`. Nothing here reads files, defines commands, links or has
text of its own, in TeX or in a browser.
"""

from __future__ import annotations

import difflib
import re
from functools import lru_cache
from typing import NoReturn

LONGEST = 100
"""The most characters of a value."""

MOST_USES = 4
"""How often a pattern may write its arguments, all together: they may be patterns again."""


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


GREEK = _names(
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau "
    "upsilon phi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega"
)
"""The Greek letters that have a command of their own."""

FUNCTIONS = _names("cos cosh det dim exp inf ln log max min sin sinh sup tan tanh")
"""Names that are set upright."""

SYMBOLS = GREEK | FUNCTIONS | _names(
    "varepsilon varkappa varphi varpi varrho varsigma vartheta "
    "ell nabla partial infty hbar imath jmath Re Im wp aleph emptyset forall exists prime top bot "
    "cdot cdots ldots dots times div ast star circ bullet odot otimes oplus ominus pm mp "
    "wedge vee cap cup setminus dagger ddagger diamond triangle "
    "le leq ge geq ne neq equiv sim simeq approx cong propto in ni subset subseteq perp mid "
    "parallel to gets mapsto leftarrow rightarrow leftrightarrow Leftarrow Rightarrow uparrow "
    "downarrow updownarrow langle rangle lfloor rfloor lceil rceil lvert rvert sum prod"
)  # fmt: skip
"""Commands without an argument."""

SPACES = frozenset({"\\,", "\\:", "\\;", "\\!", "\\ ", "\\quad", "\\qquad", " "})
"""Spaces, which have no subscript."""

FONTS = _names("mathbb mathbf mathcal mathfrak mathit mathrm mathsf mathtt boldsymbol")
"""Commands that set their argument in a font."""

ACCENTS = _names(
    "acute bar breve check ddot dot grave hat mathring overline tilde underline vec widehat "
    "widetilde"
)
"""Commands that put a sign over or under their argument."""

OVER_ONE = FONTS | ACCENTS | {"sqrt"}
"""Commands with one argument; that of ``operatorname`` is a word, not mathematics."""

OVER_TWO = frozenset({"frac", "dfrac", "tfrac"})
"""Commands with two arguments."""

COMMANDS = SYMBOLS | OVER_ONE | OVER_TWO | {"operatorname"}
"""Commands that are written with letters, spaces apart."""

_CHARACTERS = frozenset(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-*/=()[]|,.:!"
)
_WORD = r"\\operatorname\{(?:[A-Za-z0-9 -]|\\_)+\}"
_PIECES = re.compile(rf"{_WORD}|\\(?:[A-Za-z]+|.?)|#[0-9]?|\^\^+|.", re.DOTALL)
_ALLOWED = (
    "mathematics: letters, digits, signs, braces in pairs, subscripts, superscripts, primes, and "
    "the commands that docs/notations.md lists"
)
_CURES = {
    "text": r"write a word as \operatorname{word}",
    "mbox": r"write a word as \operatorname{word}",
    "left": "write the bracket without it",
    "right": "write the bracket without it",
    "$": "leave it out; a value is mathematics already",
    "<": r"write \le, or \langle",
    ">": r"write \ge, or \rangle",
}


@lru_cache(maxsize=1 << 12)
def expect_mathematics(text: str, where: str, arguments: int = 0, optional: bool = False) -> None:
    r"""Refuse a text that is not mathematics for a notation.

    Args:
        text: the text.
        where: what names it in the message, such as "tensors.x".
        arguments: how many arguments, ``#1`` and so on, it may write.
        optional: whether it may write none of them.

    Raises:
        ValueError: the text is no mathematics, or too long; the message says what was found, what
            is allowed, and how to correct it.

    >>> expect_mathematics(r"\hat{w}^{l+1}", "tensors.w")

    """
    if len(text) > LONGEST:
        raise ValueError(
            f"{where}: found {len(text)} characters, {text[:20]!r}..., expected mathematics of at "
            f"most {LONGEST}; write a shorter symbol"
        )
    reader = _MathematicsReader(text, where)
    reader.row()
    reader.expect("")
    uses = sorted(int(piece[1:]) for piece in reader.pieces if piece[0] == "#")
    most = uses[-1] if uses else 0
    if most > arguments or 0 in uses or (arguments and not optional and 1 not in uses):
        expected = f"#1 to #{arguments}, #1 among them" if arguments else "none"
        raise ValueError(f"{where}: found {text!r}, expected as arguments {expected}")
    if len(uses) > MOST_USES:
        raise ValueError(
            f"{where}: found {len(uses)} arguments in {text!r}, expected at most {MOST_USES}; "
            "write each of them once"
        )


class _MathematicsReader:
    """Reads mathematics from left to right, and refuses the first piece that does not fit."""

    def __init__(self, text: str, where: str) -> None:
        self.text, self.where, self.at = text, where, 0
        self.pieces = _PIECES.findall(text)

    @property
    def next(self) -> str:
        """Return the next piece; "" at the end."""
        return self.pieces[self.at] if self.at < len(self.pieces) else ""

    def refuse(self) -> NoReturn:
        """Refuse the next piece."""
        found = repr(self.next) if self.next else "the end"
        raise ValueError(
            f"{self.where}: found {found} in {self.text!r}, expected {_ALLOWED}; "
            f"{_cure(self.next)}"
        )

    def expect(self, piece: str) -> None:
        """Refuse what is next unless it is this."""
        if self.next != piece:
            self.refuse()
        self.at += 1

    def row(self) -> None:
        """Read symbols, at least one of which is no space, up to a closing brace or the end."""
        seen = False
        while self.next not in ("", "}"):
            if self.next in SPACES:
                self.at += 1
                continue
            self.symbol()
            self.scripts()
            seen = True
        if not seen:
            self.refuse()

    def scripts(self) -> None:
        """Read at most one subscript and one superscript, to which primes belong."""
        seen: set[str] = set()
        while self.next in ("'", "_", "^"):
            mark = "_" if self.next == "_" else "^"
            if mark in seen:
                self.refuse()
            seen.add(mark)
            while self.next == "'":
                self.at += 1
            if self.next == mark:
                self.at += 1
                self.argument()

    def argument(self) -> None:
        """Read what a script or a command applies to: a group, or one symbol."""
        while self.next == " ":
            self.at += 1
        alone = self.next in _CHARACTERS or self.next[1:] in SYMBOLS
        if self.next in ("[", "]") or not (alone or self.next == "{"):
            self.refuse()
        self.symbol()

    def symbol(self) -> None:
        """Read a character, an argument of a pattern, a group, or a command with its arguments."""
        piece = self.next
        name = piece[1:] if piece[:1] == "\\" else ""
        if piece == "{":
            self.at += 1
            self.row()
            self.expect("}")
        elif name in OVER_ONE or name in OVER_TWO:
            self.at += 1
            for _ in range(1 + (name in OVER_TWO)):
                self.argument()
        elif name in SYMBOLS or piece in _CHARACTERS or re.fullmatch(rf"#[0-9]|{_WORD}", piece):
            self.at += 1
        else:
            self.refuse()


def _cure(piece: str) -> str:
    """Return what to write instead of a piece."""
    name = piece[1:] if piece[:1] == "\\" else piece
    if name in _CURES:
        return _CURES[name]
    if piece[:1] == "\\" and name.isalpha() and name not in COMMANDS:
        near = difflib.get_close_matches(name, sorted(COMMANDS), n=1, cutoff=0.7)
        return f"did you mean \\{near[0]}?" if near else "write a listed command instead"
    if not piece.isascii():
        return r"write a letter or sign as its command, such as \delta"
    if name in COMMANDS or piece[:1] in ("", "}", "{", "#", "_", "^", "'"):
        return "put each argument in braces; a symbol has one subscript and one superscript"
    return "leave it out"
