"""Documents as LaTeX text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import singledispatch

from jinja2 import Environment, PackageLoader, StrictUndefined

from rot180.codegen.documents.model import (
    Block,
    Document,
    Figure,
    Formula,
    Listing,
    Note,
    Proof,
    Prose,
    Statement,
    Stepper,
    Table,
)
from rot180.codegen.figures.tikz import tikz, tikz_preamble
from rot180.derive.display.terms_latex import escape
from rot180.derive.display.theorem_latex import Display, aligned


def environment() -> Environment:
    r"""Return a Jinja environment for LaTeX: ``\VAR{name}``, ``\BLOCK{for ...}``."""
    return Environment(
        block_start_string="\\BLOCK{",
        block_end_string="}",
        variable_start_string="\\VAR{",
        variable_end_string="}",
        comment_start_string="\\NOTE{",
        comment_end_string="}",
        loader=PackageLoader("rot180.codegen.documents"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )


@dataclass(frozen=True)
class Laid:
    """One block, ready for the template: one of these is not empty, or there is nothing on paper.

    Attributes:
        text: a paragraph.
        formula: displayed mathematics.
        statement: the inside of a theorem.
        name: its name.
        anchor: its label, if it has one.
        proof: the inside of a proof.
        figure: a picture; its caption is the note.
        table: the rows of a table.
        columns: how its columns are set.
        listing: program text.
        note: small print.
        title: the title of a listing or note, or the head of a table.

    """

    text: str = ""
    formula: str = ""
    statement: str = ""
    name: str = ""
    anchor: str = ""
    proof: str = ""
    figure: str = ""
    table: tuple[str, ...] = ()
    columns: str = ""
    listing: str = ""
    note: str = ""
    title: str = ""


@dataclass(frozen=True)
class Heading:
    """A section, ready for the template: the command that opens it, and what stands under it."""

    command: str
    title: str
    anchor: str
    blocks: tuple[Laid, ...]


def latex(document: Document) -> str:
    """Write a document as a LaTeX file that compiles by itself."""
    commands = ("\\chapter", "\\section") if document.book else ("\\section*",) * 2
    sections = [
        Heading(commands[s.level], s.title, s.anchor, tuple(lay(b) for b in s.blocks))
        for s in document.sections
    ]
    return environment().get_template("document.tex.jinja").render(
        title=document.title,
        subtitle=escape(document.subtitle),
        book=document.book,
        pictures=tikz_preamble() if any(b.figure for s in sections for b in s.blocks) else "",
        sections=sections,
    )


def parts(given: tuple[str | Display, ...]) -> str:
    """Return sentences and displayed equations, one after another."""
    return "\n".join(p if isinstance(p, str) else aligned(p) for p in given)


@singledispatch
def lay(block: Block) -> Laid:
    """Return a block, ready for the template."""
    raise TypeError(f"block: found {type(block).__name__}, which has no LaTeX")


@lay.register
def _(block: Prose) -> Laid:
    return Laid(text=parts(block.parts))


@lay.register
def _(block: Formula) -> Laid:
    rows = " \\\\\n".join(block.rows)
    return Laid(formula=f"\\begin{{align*}}\n{rows}\n\\end{{align*}}")


@lay.register
def _(block: Statement) -> Laid:
    return Laid(statement=parts(block.parts), name=escape(block.name), anchor=block.anchor)


@lay.register
def _(block: Proof) -> Laid:
    return Laid(proof=aligned(block.shown))


@lay.register
def _(block: Figure) -> Laid:
    return Laid(figure=tikz(block.picture), note=block.picture.caption, title=block.picture.title)


@lay.register
def _(block: Stepper) -> Laid:
    return Laid()


@lay.register
def _(block: Table) -> Laid:
    share = (0.98 - 0.024 * len(block.widths)) / sum(block.widths)
    column = ">{{\\raggedright\\arraybackslash}}p{{{:.3f}\\linewidth}}"
    columns = (column.format(w * share) for w in block.widths)
    rows = tuple(" & ".join(_breakable(_paged(cell)) for cell in row) for row in block.rows)
    return Laid(table=rows, columns="".join(columns), title=" & ".join(block.head))


def _paged(text: str) -> str:
    """Say on which page a link's end is."""
    link = r"(\\hyperref\[([^\]]*)\]\{\\texttt\{[^{}]*\}\})"
    return re.sub(link, r"\1 (p.~\\pageref{\2})", text)


@lay.register
def _(block: Listing) -> Laid:
    return Laid(listing=block.text, title=block.title)


@lay.register
def _(block: Note) -> Laid:
    return Laid(note=_breakable(block.text), title=block.title)


def _breakable(text: str) -> str:
    """Let long names of files and theorems be broken after an underscore or a slash."""
    return re.sub(
        r"\\texttt\{[^{}]*\}", lambda m: re.sub(r"(\\_|/)", r"\1\\allowbreak{}", m[0]), text
    )
