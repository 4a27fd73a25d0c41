"""What ``rot180 derive`` writes for documents of the user's own: fragments, statements, slides."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

from rot180.codegen.cli.options import expect_one, requested_formats
from rot180.codegen.cli.output import progress
from rot180.codegen.documents.formats import in_paper_formats
from rot180.codegen.documents.fragments import fragment
from rot180.codegen.documents.slides import slides
from rot180.codegen.documents.widths import Width, parse_width
from rot180.codegen.kernels.derivation import ProvedLayer
from rot180.derive.display.notations import Symbols
from rot180.derive.kernel.proof import Theorem

NAMES = {"slides": "slides", "statement": "statement", "fragment": "proof"}
"""Option to the name of its files; the first option that is given counts."""


@dataclass(frozen=True)
class Excerpt:
    """What is written for a document of the user's own.

    Attributes:
        option: one of `NAMES`.
        formats: "tex", and "pdf" for slides that compile by themselves.
        room: the width of the text around it.
        alone: whether it has no preamble.

    """

    option: str
    formats: tuple[str, ...]
    room: Width
    alone: bool

    @property
    def name(self) -> str:
        """Return the name of its files, without the ending."""
        return NAMES[self.option]


def requested_excerpt(arguments: argparse.Namespace) -> Excerpt | None:
    """Return what is asked for by ``--fragment``, ``--statement`` or ``--slides``.

    Raises:
        ValueError: other options do not fit it, or ``--width`` is no width.

    """
    asked = [name for name in NAMES if getattr(arguments, name)]
    if not asked:
        if arguments.width is not None:
            raise ValueError(
                f"--width: found {arguments.width}, expected --fragment, --statement or --slides "
                "too; the pages of other documents have a width of their own"
            )
        return None
    allowed, said = {"tex"}, "tex or no --format"
    if asked == ["slides"]:
        allowed, said = {"tex", "pdf"}, "tex, pdf, tex,pdf or no --format"
    formats = ("tex",) if arguments.format is None else requested_formats(arguments)
    if not formats or not {*formats} <= allowed:
        raise ValueError(f"--{asked[0]}: found --format {arguments.format}, expected {said}")
    expect_one(arguments, asked[0], "example")
    expect_one(arguments, "slides", "statement")
    expect_one(arguments, "slides", "whole")
    usual = "slide" if arguments.slides else "text"
    room = parse_width(usual if arguments.width is None else arguments.width)
    return Excerpt(asked[0], formats, room, "fragment" in asked or asked[0] != "slides")


def excerpt_files(
    excerpt: Excerpt, arguments: argparse.Namespace, proved: ProvedLayer, symbols: Symbols
) -> tuple[dict[str, str | bytes], list[str]]:
    """Return the files of an excerpt, and a message for each that is left out.

    Raises:
        ValueError: a symbol is wider than the text.

    """
    if excerpt.option == "slides":
        text = slides(proved, excerpt.room, symbols, arguments.detail, not excerpt.alone)
    else:
        return theorem_files(excerpt, arguments, [t for _, t in proved.gradients], symbols)
    return in_paper_formats(text, excerpt.name, excerpt.formats, progress)


def theorem_files(
    excerpt: Excerpt, arguments: argparse.Namespace, theorems: Sequence[Theorem], symbols: Symbols
) -> tuple[dict[str, str | bytes], list[str]]:
    """Return the files of a fragment or of statements, and a message for each that is left out.

    Raises:
        ValueError: a symbol is wider than the text.

    """
    shown = arguments.detail, symbols, arguments.whole, excerpt.option == "fragment"
    text = fragment(theorems, excerpt.room, *shown)
    return in_paper_formats(text, excerpt.name, excerpt.formats, progress)
