"""Theorems and proofs as LaTeX to paste into a document, broken for the width of its text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import ceil

from rot180.codegen.documents.abbreviate import ABBREVIATED
from rot180.codegen.documents.latex import paragraphs
from rot180.codegen.documents.layer import replay_theorem, theorem_blocks
from rot180.codegen.documents.widths import Width
from rot180.codegen.system.version import version
from rot180.derive.display.abbreviate import abbreviated
from rot180.derive.display.equations import Display, EquationLine, arrange
from rot180.derive.display.letters import layer_letters
from rot180.derive.display.notations import DEEP_LEARNING, Symbols
from rot180.derive.display.theorem_latex import definitions
from rot180.derive.display.width import width
from rot180.derive.kernel.proof import Theorem
from rot180.derive.language.layers import Layer

AMSSYMB = re.compile(r"\\(?:mathbb|mathfrak|varkappa)\b")
"""What needs the package amssymb, of all that a notation writes."""


def fragment(
    theorems: Sequence[Theorem],
    room: Width,
    detail: str = "short",
    symbols: Symbols = DEEP_LEARNING,
    whole: bool = True,
    proofs: bool = True,
) -> str:
    """Return statements and proofs of theorems, to be pasted into another document.

    A comment at the beginning names the packages that it needs.

    Args:
        theorems: the theorems; every proof is replayed first.
        room: the width of the text around it.
        detail: "short", or "full" for every step.
        symbols: the notation.
        whole: whether long lines are written whole.
        proofs: whether the proofs follow the statements.

    Raises:
        ProofError: a proof does not follow.
        ValueError: a symbol is wider than the text.

    """
    texts = [_parts(replay_theorem(t), detail, symbols, whole, proofs) for t in theorems]
    expect_room([part for parts in texts for part in parts], room)
    body = "\n\n".join(typeset(parts, room) for parts in texts)
    return (
        f"% written by rot180 {version()} for a text at least {room.said()} wide at 10pt\n"
        f"% needs \\usepackage{{{packages(body)}}}\n"
        # lines of words may be loose, but none is too long; long proofs may break between lines
        "\\begingroup\\emergencystretch=\\linewidth\\allowdisplaybreaks[1]\n"
        f"{body}\n\\par\\endgroup\n"
    )


def _parts(
    theorem: Theorem, detail: str, symbols: Symbols, whole: bool, proofs: bool
) -> list[str | Display]:
    """Return the statement of a theorem, its proof, and what was abbreviated."""
    stated, proof = theorem_blocks(theorem, (), detail, symbols)
    parts = [*stated.parts, *(("\n\\emph{Proof.}", proof.shown) if proofs else ())]
    short = [p if whole or isinstance(p, str) else abbreviated(p) for p in parts]
    return short if short == parts else [*short, "\n" + ABBREVIATED.text]


def packages(text: str) -> str:
    r"""Return the packages that mathematics needs, as the argument of ``\usepackage``."""
    return "amsmath,amssymb" if AMSSYMB.search(text) else "amsmath"


def typeset(parts: Sequence[str | Display], room: Width) -> str:
    """Return sentences and displayed equations, all at most as wide as the text."""
    page = room.points
    said = (
        breakable(p, page)
        if isinstance(p, str)
        else tuple(_breakable_remark(line, page) for line in p)
        for p in parts
    )
    return paragraphs(tuple(said), page)


def expect_room(parts: Sequence[str | Display], room: Width) -> None:
    """Refuse a width below what the widest symbol needs, which no line break makes narrower.

    Raises:
        ValueError: the text is too narrow; the message says the least width.

    """
    page = room.points
    if (needed := least(parts, page)) > page:
        raise ValueError(
            f"--width: found {room.said()}, expected at least {room.said(needed)} at 10pt, which "
            "the widest symbol needs; use a wider text, or shorter names (--notation FILE.toml)"
        )


def expect_room_for_layer(layer: Layer, symbols: Symbols, room: Width) -> None:
    """Refuse a width below what the definition of a layer needs, before anything is derived.

    Raises:
        ValueError: the text is too narrow.

    """
    expect_room([definitions([layer.output], layer_letters(layer, symbols))], room)


def least(parts: Sequence[str | Display], page: float) -> float:
    """Return the least width, in points, at which everything fits, and no less than `page`."""
    words = (piece for p in parts for text in _texts(p) for piece in _unbreakable(text))
    page = max(page, *(ceil(width(piece)) for piece in words), 1)
    displays = [p for p in parts if not isinstance(p, str)]
    while (over := max((arrange(p, page).over for p in displays), default=0)) > 0:
        page += max(1, ceil(over / 4))
    return page


def _texts(part: str | Display) -> list[str]:
    return [part] if isinstance(part, str) else [line.remark for line in part]


def breakable(text: str, page: float) -> str:
    """Allow line breaks after commas and slashes in wide mathematics within a text."""
    pieces = text.split("$")
    pieces[1::2] = [
        "".join(c + ("\\allowbreak " if cut else "") for c, cut in _cuts(piece))
        if width(piece) > page / 2
        else piece
        for piece in pieces[1::2]
    ]
    return "$".join(pieces)


def _breakable_remark(line: EquationLine, page: float) -> EquationLine:
    return replace(line, remark=breakable(line.remark, page))


def _cuts(mathematics: str) -> Iterator[tuple[str, bool]]:
    """Yield each character, and whether a line may break after it."""
    depth = 0
    for n, c in enumerate(mathematics):
        depth += (c == "{") - (c == "}")
        yield c, not depth and c in ",/" and mathematics[n - 1 : n] != "\\"


def _unbreakable(text: str) -> Iterator[str]:
    """Yield the parts of the mathematics within a text between which a line may break."""
    for mathematics in text.split("$")[1::2]:
        piece, depth = "", 0
        for c, cut in _cuts(mathematics):
            piece += c
            depth += (c == "{") - (c == "}")
            if cut or (not depth and c in "+-="):
                yield piece
                piece = ""
        yield piece
