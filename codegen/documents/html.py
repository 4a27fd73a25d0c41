"""Documents as one HTML file each: MathML, no network, a style for screens, phones and print."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import singledispatch
from html import escape
from itertools import groupby

from rot180.codegen.documents import latex
from rot180.codegen.documents.model import (
    Block,
    Document,
    Figure,
    Formula,
    Listing,
    Note,
    Proof,
    Prose,
    Section,
    Statement,
    Stepper,
    Table,
)
from rot180.codegen.figures.stepper import stepper, stepper_head
from rot180.codegen.figures.svg import svg
from rot180.codegen.system.templates import template
from rot180.derive.display.mathml import Row, mathml, rows, sentence
from rot180.derive.display.theorem_latex import Display, aligned


@dataclass(frozen=True)
class Part:
    """A sentence or displayed equations: one of the two is empty."""

    text: str = ""
    rows: tuple[Row, ...] = ()


@dataclass(frozen=True)
class View:
    """One view of a proof.

    Attributes:
        title: what folds it.
        rows: its equations.
        shown: whether it is unfolded at first.
        latex: what its button copies.

    """

    title: str
    rows: tuple[Row, ...]
    shown: bool
    latex: str


@dataclass(frozen=True)
class Laid:
    """One block, ready for the template: one of these is not empty.

    Attributes:
        parts: a paragraph.
        statement: the inside of a theorem.
        name: its name.
        anchor: what links to it point to, if it has no section of its own.
        latex: what its button copies.
        views: a proof.
        formula: what stands left and right of the alignment, row by row.
        figure: a picture; its caption is the note.
        stepper: a layer to be stepped through.
        table: the rows of a table.
        head: its head.
        listing: program text.
        note: small print.
        title: the title of a listing or note.

    """

    parts: tuple[Part, ...] = ()
    statement: tuple[Part, ...] = ()
    name: str = ""
    anchor: str = ""
    latex: str = ""
    views: tuple[View, ...] = ()
    formula: tuple[tuple[str, ...], ...] = ()
    figure: str = ""
    stepper: str = ""
    table: tuple[tuple[str, ...], ...] = ()
    head: tuple[str, ...] = ()
    listing: str = ""
    note: str = ""
    title: str = ""


@dataclass(frozen=True)
class Heading:
    """A section, ready for the template.

    Attributes:
        title: the heading.
        short: the heading in the table of contents.
        anchor: what links point to.
        chapter: whether it opens a chapter.
        blocks: what it says.

    """

    title: str
    short: str
    anchor: str
    chapter: bool
    blocks: tuple[Laid, ...]


def page(document: Document) -> str:
    """Write a document as one HTML file.

    Raises:
        ModuleNotFoundError: latex2mathml is not installed (``pip install "rot180[book]"``).

    """
    sections = [_heading(section) for section in document.sections]
    return template("documents", "document.html.jinja").render(
        title=sentence(document.title),
        plain_title=escape(document.title),
        subtitle=escape(document.subtitle),
        book=document.book,
        steppers=stepper_head() if any(b.stepper for s in sections for b in s.blocks) else "",
        sections=sections,
    )


def _heading(section: Section) -> Heading:
    title = sentence(section.title)
    blocks = tuple(lay(block) for block in section.blocks)
    return Heading(title, title, escape(section.anchor), section.level == 0, blocks)


def _parts(given: Sequence[str | Display]) -> tuple[Part, ...]:
    """Lay out sentences and equations; sentences that follow each other are one paragraph."""
    out: list[Part] = []
    for prose, group in groupby(given, key=lambda part: isinstance(part, str)):
        if prose:
            out.append(Part(sentence(" ".join(map(str, group)))))
        else:
            out += [Part(rows=rows(part)) for part in group if not isinstance(part, str)]
    return tuple(out)


@singledispatch
def lay(block: Block) -> Laid:
    """Return a block, ready for the template."""
    raise TypeError(f"block: found {type(block).__name__}, which has no HTML")


@lay.register
def _(block: Prose) -> Laid:
    return Laid(parts=_parts(block.parts))


@lay.register
def _(block: Formula) -> Laid:
    pairs = (row.partition("&")[::2] for row in block.rows)
    return Laid(formula=tuple(tuple(mathml(c, True) if c else "" for c in pair) for pair in pairs))


@lay.register
def _(block: Statement) -> Laid:
    return Laid(
        statement=_parts(block.parts),
        name=escape(block.name),
        anchor=escape(block.anchor),
        latex=escape(latex.parts(block.parts)),
    )


@lay.register
def _(block: Proof) -> Laid:
    views = [
        View(title, rows(lines), block.detail == detail, escape(aligned(lines)))
        for title, lines, detail in (
            ("Proof", block.short, "short"),
            ("Proof, every step", block.full, "full"),
        )
    ]
    return Laid(views=tuple(views[:1] if block.short == block.full else views))


@lay.register
def _(block: Figure) -> Laid:
    picture = block.picture
    return Laid(figure=svg(picture), note=sentence(picture.caption), title=sentence(picture.title))


@lay.register
def _(block: Stepper) -> Laid:
    return Laid(stepper=stepper(block.layer, block.anchor, block.symbols))


@lay.register
def _(block: Table) -> Laid:
    head = tuple(map(sentence, block.head))
    return Laid(table=tuple(tuple(map(sentence, row)) for row in block.rows), head=head)


@lay.register
def _(block: Listing) -> Laid:
    return Laid(listing=escape(block.text), title=sentence(block.title))


@lay.register
def _(block: Note) -> Laid:
    return Laid(note=sentence(block.text), title=sentence(block.title))
