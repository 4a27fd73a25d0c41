"""Documents as LaTeX text: a template for each kind of block."""

from __future__ import annotations

import re
from functools import singledispatch
from itertools import zip_longest

from rot180.codegen.documents.checks import gathered, note
from rot180.codegen.documents.model import (
    FIGURE_WIDTH,
    TEXT_WIDTH,
    Block,
    Check,
    Directory,
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
from rot180.codegen.figures.tikz import tikz, tikz_preamble
from rot180.codegen.system.templates import template
from rot180.codegen.system.version import authors, date, version
from rot180.derive.display.equations import Display, aligned
from rot180.derive.display.terms_latex import escape

KEPT = 24
"""The largest number of rows of a statement that is kept on one page."""


def latex(document: Document) -> str:
    """Write a document as a LaTeX file that compiles by itself."""
    document = gathered(numbered(document))
    blocks = (block for section in document.sections for block in section.blocks)
    return template("documents", "document.tex.jinja").render(
        title=document.title,
        subtitle=escape(document.subtitle),
        version=version(),
        authors=escape(authors()),
        date=date(),
        book=document.book,
        pictures=tikz_preamble() if any(isinstance(b, Figure) for b in blocks) else "",
        sections=[_rendered(section, document.book) for section in document.sections],
    )


def paragraphs(parts: tuple[str | Display, ...], page: float = TEXT_WIDTH) -> str:
    """Return sentences and displayed equations, one after another.

    Args:
        parts: sentences, and equations that are displayed together.
        page: the width of the text, in points at 10pt.

    """
    return "\n".join(p if isinstance(p, str) else aligned(p, page) for p in parts)


def _rendered(section: Section, book: bool) -> RenderedSection:
    body = "".join(render(block, book) for block in section.blocks)
    return RenderedSection(section.title, section.anchor, book and section.level == 0, body)


@singledispatch
def render(block: Block, book: bool) -> str:
    """Return a block as LaTeX.

    Args:
        block: what is written.
        book: whether the document is a book, where theorems are named beside their numbers.

    """
    raise TypeError(f"block: found {type(block).__name__}, which has no LaTeX")


def _fill(kind: str, **values: object) -> str:
    return template("documents", f"{kind}.tex.jinja").render(values)


@render.register
def _(block: Prose, book: bool) -> str:
    return _fill("prose", text=paragraphs(block.parts))


@render.register
def _(block: Formula, book: bool) -> str:
    # a row that begins with a fraction does not touch the one above
    spaced = (f"[1.2ex]\n{row}" if row.startswith("\\frac") else f"\n{row}" for row in block.rows)
    return _fill("formula", rows=" \\\\".join(spaced).partition("\n")[2])


@render.register
def _(block: TheoremBlock, book: bool) -> str:
    statement = paragraphs(block.parts)
    return _fill(
        "theorem",
        name=escape(block.name),
        named=book,
        anchor=block.anchor,
        check=block.check,
        kept=statement.count("\\\\") <= KEPT,
        statement=statement,
    )


@render.register
def _(block: ProofBlock, book: bool) -> str:
    return _fill("proof", equations=aligned(block.shown, TEXT_WIDTH))


@render.register
def _(block: Figure, book: bool) -> str:
    picture = tikz(block.picture, FIGURE_WIDTH)
    title, caption = block.picture.title, block.picture.caption
    return _fill(
        "figure",
        picture=picture,
        title=f"Figure {block.number}. {title}" if block.number else title,
        caption=caption,
        anchor=figure_anchor(block.picture.name),
    )


@render.register
def _(block: StepperBlock, book: bool) -> str:
    return ""  # it needs a script


@render.register
def _(block: Directory, book: bool) -> str:
    return ""  # a site alone has pages to look for


@render.register
def _(block: Table, book: bool) -> str:
    share = (0.98 - 0.024 * len(block.widths)) / sum(block.widths)
    column = ">{{\\raggedright\\arraybackslash}}p{{{:.3f}\\linewidth}}"
    columns = "".join(column.format(w * share) for w in block.widths)
    rows = [" & ".join(_breakable(_with_page(cell)) for cell in row) for row in block.rows]
    targets = (f"\\phantomsection\\label{{{anchor}}}" for anchor in block.anchors)
    rows = [f"{target}{row}" for target, row in zip_longest(targets, rows, fillvalue="")]
    return _fill("table", columns=columns, head=" & ".join(block.head), rows=rows)


@render.register
def _(block: Listing, book: bool) -> str:
    if (end := "\\end{lstlisting}") in block.text:
        raise ValueError(f"listing: found {end}, expected code, which has no such line")
    return _fill("listing", title=block.title, text=block.text)


@render.register
def _(block: Note, book: bool) -> str:
    return _fill("note", title=block.title, text=_breakable(block.text))


@render.register
def _(block: Check, book: bool) -> str:
    return render(note(block), book)


def _with_page(text: str) -> str:
    """Put the number of the page that a link leads to behind each link."""
    link = r"(\\hyperref\[([^\]]*)\]\{\\texttt\{[^{}]*\}\})"
    return re.sub(link, r"\1 (p.~\\pageref{\2})", text)


def _breakable(text: str) -> str:
    """Allow line breaks in long names of files and theorems, after an underscore or a slash."""
    return re.sub(
        r"\\texttt\{[^{}]*\}", lambda m: re.sub(r"(\\_|/)", r"\1\\allowbreak{}", m[0]), text
    )
