r"""The document model: the contents of a document, independent of LaTeX and HTML.

A text is LaTeX: words with special characters escaped, mathematics in dollar signs, ``\texttt``,
``\emph`` and ``\hyperref[anchor]{...}``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from rot180.codegen.figures.shapes import Picture
from rot180.derive.display.equations import Display
from rot180.derive.display.notations import DEEP_LEARNING, Symbols
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
        anchor: the target of links, if the theorem has no section of its own.
        check: the target of the mark that leads to how it was checked; "" for no mark.

    """

    name: str
    parts: tuple[str | Display, ...]
    anchor: str = ""
    check: str = ""


@dataclass(frozen=True)
class ProofBlock:
    """A proof in two views, each a chain of equations with one reason per line.

    Attributes:
        short: without the steps that only reorder or rename.
        full: every step.
        detail: which view paper shows, "short" or "full"; HTML has both, the other one folded.

    """

    short: Display
    full: Display
    detail: str = "short"

    @property
    def shown(self) -> Display:
        """Return the view that paper shows."""
        return self.full if self.detail == "full" else self.short


@dataclass(frozen=True)
class Formula:
    """Displayed mathematics in rows, each aligned at its first ``&``."""

    rows: tuple[str, ...]


@dataclass(frozen=True)
class Figure:
    """A picture with its caption.

    Attributes:
        picture: the picture; its name is unique in a document.
        number: its number, as in "4.2", a text; "" before the document is numbered.

    """

    picture: Picture
    number: str = ""


@dataclass(frozen=True)
class StepperBlock:
    """A layer whose window the reader moves step by step; left out on paper.

    Attributes:
        layer: the forward pass; its window moves over one or two axes.
        anchor: the name of the element, unique in the document.
        symbols: the notation.

    """

    layer: Layer
    anchor: str
    symbols: Symbols = DEEP_LEARNING


@dataclass(frozen=True)
class Table:
    """Rows of text below a head.

    Attributes:
        head: the titles of the columns.
        rows: the rows.
        widths: the relative widths of the columns.
        anchors: the target of links of each row; () for none.

    """

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    widths: tuple[int, ...]
    anchors: tuple[str, ...] = ()


@dataclass(frozen=True)
class Listing:
    """Program text under a title."""

    title: str
    text: str


@dataclass(frozen=True)
class Note:
    """Small print with a title: what was left out, where a kernel is."""

    title: str
    text: str


@dataclass(frozen=True)
class Check:
    """How the proof of a theorem was checked; in whole documents, a row of a table at the end.

    Attributes:
        name: the name of the theorem.
        steps: the number of steps, and their rules.
        conditions: the number of side conditions, and how they were proved.
        digest: the hash of the proof.
        more: what else was checked, and where the files are; "" for nothing.

    """

    name: str
    steps: str
    conditions: str
    digest: str
    more: str = ""


@dataclass(frozen=True)
class DirectoryEntry:
    """A link to something, with what a reader who looks for it may know of it.

    Attributes:
        anchor: the target of the link.
        title: the words of the link, a text.
        name: its name, as the user types it; "" if it has none.
        text: what it says, a text; "" for nothing.

    """

    anchor: str
    title: str
    name: str = ""
    text: str = ""


@dataclass(frozen=True)
class Directory:
    """A list of links, on a site alone.

    Attributes:
        entries: the links.
        searched: whether the search of the site finds them.

    """

    entries: tuple[DirectoryEntry, ...]
    searched: bool = False


Block: TypeAlias = (
    Prose
    | TheoremBlock
    | ProofBlock
    | Formula
    | Figure
    | StepperBlock
    | Table
    | Listing
    | Note
    | Check
    | Directory
)


@dataclass(frozen=True)
class Section:
    """A heading and the blocks below it.

    Attributes:
        anchor: the target of links; letters, digits, ``_``, ``.`` and ``-``.
        title: the heading, a text; "" for no heading.
        blocks: its contents.
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
        subtitle: program text below the title.
        sections: its chapters and sections, in order.
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
        anchor: the target of links.
        chapter: whether it opens a chapter.
        body: its blocks, rendered.

    """

    title: str
    anchor: str
    chapter: bool
    body: str

    @property
    def untitled(self) -> bool:
        """Say whether the section has no heading."""
        return not self.title


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
