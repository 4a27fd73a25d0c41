"""Documents as one HTML file each: MathML, no network, a style for screens, phones and print."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from functools import singledispatch
from hashlib import sha256
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
from rot180.codegen.documents.numbering import figure_anchor, numbered
from rot180.codegen.figures.stepper import stepper, stepper_script, stepper_style
from rot180.codegen.figures.svg import style as picture_style
from rot180.codegen.figures.svg import svg
from rot180.codegen.system.files import resource
from rot180.codegen.system.templates import template
from rot180.derive.display.mathml import Html, mathml, rows, sentence
from rot180.derive.display.theorem_latex import Display, aligned


def page(document: Document) -> str:
    """Write a document as one HTML file, which runs its own scripts alone and loads nothing.

    Raises:
        ModuleNotFoundError: latex2mathml is not installed (``pip install "rot180[book]"``).

    """
    document = numbered(document)
    kinds = {type(block) for section in document.sections for block in section.blocks}
    styles = [resource("documents", "static/document.css")]
    scripts = [resource("documents", "static/document.js")]
    if StepperBlock in kinds:
        styles.append(stepper_style())
        scripts.append(stepper_script())
    return template("documents", "document.html.jinja").render(
        policy=_policy(scripts, [*styles, picture_style()] if Figure in kinds else styles),
        title=sentence(document.title),
        plain_title=document.title,
        subtitle=document.subtitle,
        book=document.book,
        styles=list(map(Html, styles)),
        scripts=list(map(Html, scripts)),
        sections=[_rendered(section) for section in document.sections],
    )


def _policy(scripts: Sequence[str], styles: Sequence[str]) -> str:
    """Return the Content-Security-Policy of a page: these scripts, these styles, nothing else."""
    allowed = [" ".join(map(_source, texts)) for texts in (scripts, styles)]
    return (
        f"default-src 'none'; script-src {allowed[0]}; style-src {allowed[1]}; "
        "base-uri 'none'; form-action 'none'"
    )


def _source(text: str) -> str:
    """Return the hash by which a policy names a script or a style sheet."""
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def _rendered(section: Section) -> RenderedSection:
    body = Html("".join(render(block) for block in section.blocks))
    return RenderedSection(sentence(section.title), section.anchor, section.level == 0, body)


def _fill(kind: str, **values: object) -> Html:
    return Html(template("documents", f"{kind}.html.jinja").render(values))


def _paragraphs(parts: Sequence[str | Display]) -> Html:
    """Return sentences and equations; sentences that follow each other are one paragraph."""
    out: list[Html] = []
    for prose, group in groupby(parts, key=lambda part: isinstance(part, str)):
        if prose:
            out.append(_fill("paragraph", text=sentence(" ".join(map(str, group)))))
        else:
            out += [_equations(part) for part in group if not isinstance(part, str)]
    return Html("".join(out))


def _equations(lines: Display) -> Html:
    return _fill("equations", rows=rows(lines, TEXT_WIDTH))


@singledispatch
def render(block: Block) -> Html:
    """Return a block as HTML."""
    raise TypeError(f"block: found {type(block).__name__}, which has no HTML")


@render.register
def _(block: Prose) -> Html:
    return _paragraphs(block.parts)


@render.register
def _(block: Formula) -> Html:
    sides = [row.partition("&")[::2] for row in block.rows]
    return _fill("formula", rows=[[mathml(s, True) if s else "" for s in row] for row in sides])


@render.register
def _(block: TheoremBlock) -> Html:
    return _fill(
        "theorem",
        name=block.name,
        anchor=block.anchor,
        statement=_paragraphs(block.parts),
        latex=latex.paragraphs(block.parts),
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
    equations: Html
    open: bool
    latex: str


@render.register
def _(block: ProofBlock) -> Html:
    views = [
        ProofView(
            title, _equations(lines), block.detail == detail, aligned(lines, TEXT_WIDTH)
        )
        for title, lines, detail in (
            ("Proof", block.short, "short"),
            ("Proof, every step", block.full, "full"),
        )
    ]
    return _fill("proof", views=views[:1] if block.short == block.full else views)


@render.register
def _(block: Figure) -> Html:
    title = block.picture.title
    return _fill(
        "figure",
        picture=svg(block.picture),
        title=sentence(f"Figure {block.number}. {title}" if block.number else title),
        caption=sentence(block.picture.caption),
        anchor=figure_anchor(block.picture.name),
    )


@render.register
def _(block: StepperBlock) -> Html:
    return stepper(block.layer, block.anchor, block.symbols)


@render.register
def _(block: Table) -> Html:
    cells = [[sentence(cell) for cell in row] for row in block.rows]
    return _fill("table", head=[sentence(cell) for cell in block.head], rows=cells)


@render.register
def _(block: Listing) -> Html:
    return _fill("listing", title=sentence(block.title), text=block.text)


@render.register
def _(block: Note) -> Html:
    return _fill("note", title=sentence(block.title), text=sentence(block.text))
