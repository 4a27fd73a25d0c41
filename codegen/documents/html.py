"""Documents as one HTML file each: MathML, no network, a style for screens, phones and print."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import singledispatch
from html import escape
from itertools import groupby

from rot180.codegen.documents import latex
from rot180.codegen.documents.model import (
    TEXT_WIDTH,
    Block,
    Document,
    Figure,
    Formula,
    Listing,
    Note,
    ProofBlock,
    Prose,
    RenderedSection,
    Section,
    StepperBlock,
    Table,
    TheoremBlock,
)
from rot180.codegen.figures.stepper import stepper, stepper_head
from rot180.codegen.figures.svg import svg
from rot180.codegen.system.files import resource
from rot180.codegen.system.templates import template
from rot180.derive.display.mathml import mathml, rows, sentence
from rot180.derive.display.theorem_latex import Display, aligned


def page(document: Document) -> str:
    """Write a document as one HTML file.

    Raises:
        ModuleNotFoundError: latex2mathml is not installed (``pip install "rot180[book]"``).

    """
    blocks = (block for section in document.sections for block in section.blocks)
    return template("documents", "document.html.jinja").render(
        title=sentence(document.title),
        plain_title=escape(document.title),
        subtitle=escape(document.subtitle),
        book=document.book,
        style=resource("documents", "static/document.css"),
        script=resource("documents", "static/document.js"),
        steppers=stepper_head() if any(isinstance(b, StepperBlock) for b in blocks) else "",
        sections=[_rendered(section) for section in document.sections],
    )


def _rendered(section: Section) -> RenderedSection:
    body = "".join(render(block) for block in section.blocks)
    title, anchor = sentence(section.title), escape(section.anchor)
    return RenderedSection(title, anchor, section.level == 0, body)


def _fill(kind: str, **values: object) -> str:
    return template("documents", f"{kind}.html.jinja").render(values)


def _paragraphs(parts: Sequence[str | Display]) -> str:
    """Return sentences and equations; sentences that follow each other are one paragraph."""
    out = []
    for prose, group in groupby(parts, key=lambda part: isinstance(part, str)):
        if prose:
            out.append(_fill("paragraph", text=sentence(" ".join(map(str, group)))))
        else:
            out += [_equations(part) for part in group if not isinstance(part, str)]
    return "".join(out)


def _equations(lines: Display) -> str:
    return _fill("equations", rows=rows(lines, TEXT_WIDTH))


@singledispatch
def render(block: Block) -> str:
    """Return a block as HTML."""
    raise TypeError(f"block: found {type(block).__name__}, which has no HTML")


@render.register
def _(block: Prose) -> str:
    return _paragraphs(block.parts)


@render.register
def _(block: Formula) -> str:
    sides = [row.partition("&")[::2] for row in block.rows]
    return _fill("formula", rows=[[mathml(s, True) if s else "" for s in row] for row in sides])


@render.register
def _(block: TheoremBlock) -> str:
    return _fill(
        "theorem",
        name=escape(block.name),
        anchor=escape(block.anchor),
        statement=_paragraphs(block.parts),
        latex=escape(latex.paragraphs(block.parts)),
    )


@dataclass(frozen=True)
class ProofView:
    """One view of a proof.

    Attributes:
        title: the line that folds and unfolds it.
        equations: its equations as HTML.
        open: whether it is unfolded at first.
        latex: what its button copies.

    """

    title: str
    equations: str
    open: bool
    latex: str


@render.register
def _(block: ProofBlock) -> str:
    views = [
        ProofView(
            title, _equations(lines), block.detail == detail, escape(aligned(lines, TEXT_WIDTH))
        )
        for title, lines, detail in (
            ("Proof", block.short, "short"),
            ("Proof, every step", block.full, "full"),
        )
    ]
    return _fill("proof", views=views[:1] if block.short == block.full else views)


@render.register
def _(block: Figure) -> str:
    title, caption = sentence(block.picture.title), sentence(block.picture.caption)
    return _fill("figure", picture=svg(block.picture), title=title, caption=caption)


@render.register
def _(block: StepperBlock) -> str:
    return stepper(block.layer, block.anchor, block.symbols)


@render.register
def _(block: Table) -> str:
    cells = [[sentence(cell) for cell in row] for row in block.rows]
    return _fill("table", head=[sentence(cell) for cell in block.head], rows=cells)


@render.register
def _(block: Listing) -> str:
    return _fill("listing", title=sentence(block.title), text=escape(block.text))


@render.register
def _(block: Note) -> str:
    return _fill("note", title=sentence(block.title), text=sentence(block.text))
