r"""The document model: what a document says, apart from how LaTeX or HTML lay it out.

A text is a sentence of LaTeX: mathematics in dollar signs, ``\texttt``, ``\emph`` and
``\hyperref[anchor]{...}``, with special characters escaped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from rot180.codegen.figures.shapes import Picture
from rot180.derive.display.notations import DEEP_LEARNING, Symbols
from rot180.derive.display.theorem_latex import Display
from rot180.derive.language.layers import Layer

TEXT_WIDTH = 455.0
"""Points between the margins of a page: A4 paper with margins of 25 mm."""

FIGURE_WIDTH = 152.0
"""Millimetres that a picture may take: 0.95 of the width of the text."""


@dataclass(frozen=True)
class Prose:
    """A paragraph: sentences and displayed equations."""

    parts: tuple[str | Display, ...]


@dataclass(frozen=True)
class TheoremBlock:
    """A theorem without its proof.

    Attributes:
        name: the theorem's name.
        parts: sentences and displayed equations.
        anchor: what links point to where the theorem has no section of its own.

    """

    name: str
    parts: tuple[str | Display, ...]
    anchor: str = ""


@dataclass(frozen=True)
class ProofBlock:
    """A proof in its two views, each a chain of equations with a reason a line.

    Attributes:
        short: without the housekeeping.
        full: every step.
        detail: which of them a page shows, "short" or "full"; HTML has both, one folded.

    """

    short: Display
    full: Display
    detail: str = "short"

    @property
    def shown(self) -> Display:
        """Return the view that a page shows."""
        return self.full if self.detail == "full" else self.short


@dataclass(frozen=True)
class Formula:
    """Displayed mathematics, row by row, aligned at the first ``&`` of each."""

    rows: tuple[str, ...]


@dataclass(frozen=True)
class Figure:
    """A picture with its caption."""

    picture: Picture


@dataclass(frozen=True)
class StepperBlock:
    """A layer to be stepped through by hand; on paper there is nothing in its place.

    Attributes:
        layer: the forward pass; a window of it moves over one or two axes.
        anchor: the element's name, unique in the document.
        symbols: the notation.

    """

    layer: Layer
    anchor: str
    symbols: Symbols = DEEP_LEARNING


@dataclass(frozen=True)
class Table:
    """Rows of text under a head, and how many parts of the width each column takes."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    widths: tuple[int, ...]


@dataclass(frozen=True)
class Listing:
    """Program text under a title."""

    title: str
    text: str


@dataclass(frozen=True)
class Note:
    """Small print with a title: how something was checked, what was left out."""

    title: str
    text: str


Block: TypeAlias = (
    Prose | TheoremBlock | ProofBlock | Formula | Figure | StepperBlock | Table | Listing | Note
)


@dataclass(frozen=True)
class Section:
    """A heading and what stands under it.

    Attributes:
        anchor: what links point to; letters, digits, ``_``, ``.`` and ``-``.
        title: the heading, a text.
        blocks: what it says.
        level: 0 for a chapter of the book, 1 for a section.

    """

    anchor: str
    title: str
    blocks: tuple[Block, ...]
    level: int = 1


@dataclass(frozen=True)
class Document:
    """A document.

    Attributes:
        title: its title, a text.
        subtitle: program text under the title.
        sections: what it says, in order; chapters and sections alike.
        book: whether it has chapters, a table of contents and page numbers.

    """

    title: str
    subtitle: str
    sections: tuple[Section, ...]
    book: bool = False


@dataclass(frozen=True)
class RenderedSection:
    """A section in one format, for the template of the document.

    Attributes:
        title: the heading.
        anchor: what links point to.
        chapter: whether it opens a chapter.
        body: its blocks, rendered.

    """

    title: str
    anchor: str
    chapter: bool
    body: str


def reference(anchor: str, name: str) -> str:
    r"""Return a link, a text.

    >>> print(reference("dense-input", r"dense\_input"))
    \hyperref[dense-input]{\texttt{dense\_input}}
    """
    return f"\\hyperref[{anchor}]{{\\texttt{{{name}}}}}"


def slug(title: str) -> str:
    """Return a title as an anchor.

    >>> slug("Stride: zeros between the gradients")
    'stride-zeros-between-the-gradients'
    """
    return "-".join("".join(c if c.isalnum() else " " for c in title.lower()).split())
