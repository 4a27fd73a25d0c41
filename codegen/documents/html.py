"""Documents as one HTML file each: MathML, no network, a style for screens, phones and print."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import singledispatch
from hashlib import sha256
from itertools import groupby, zip_longest

from rot180.codegen.documents import latex
from rot180.codegen.documents.checks import gathered, note
from rot180.codegen.documents.model import (
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
from rot180.codegen.documents.site_frame import SEARCH, PageLink, SiteFrame
from rot180.codegen.figures.stepper import stepper, stepper_script, stepper_style
from rot180.codegen.figures.svg import style as picture_style
from rot180.codegen.figures.svg import svg
from rot180.codegen.system.files import resource
from rot180.codegen.system.templates import template
from rot180.derive.display.equations import Display, aligned
from rot180.derive.display.mathml import Html, mathml, rows, sentence

FEW = 3
"""A page of a site with no more headings has no list of them."""

ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E"
    "%3Cpath d='M1 1h6v6H1z' fill='%23e69f00'/%3E%3Cpath d='M9 9h6v6H9z' fill='%2356b4e9'/%3E"
    "%3Cpath d='M9 1h6v6H9zM1 9h6v6H1z' fill='%238c959f'/%3E%3C/svg%3E"
)
"""The icon of a site; without one, a browser asks the server for a file."""


def page(document: Document) -> str:
    """Write a document as one HTML file, which runs its own scripts alone and loads nothing.

    Raises:
        ModuleNotFoundError: latex2mathml is not installed (``pip install "rot180[book]"``).

    """
    return written(gathered(numbered(document)))


def written(document: Document, site: SiteFrame | None = None) -> str:
    """Write a document whose figures have their numbers, by itself or as a page of a site.

    Args:
        document: the document.
        site: what surrounds the page.

    Raises:
        ModuleNotFoundError: latex2mathml is not installed.
        ValueError: a link leads to no page of the site.

    """
    kinds = {type(block) for section in document.sections for block in section.blocks}
    styles = [resource("documents", "static/document.css")]
    scripts = [resource("documents", f"static/{name}.js") for name in ("copy", "document")]
    # a page of a site also has its icon, and a form that leads to the page that searches
    more = ("img-src data:", "form-action 'self'") if site else ("form-action 'none'",)
    if site:
        styles.append(resource("documents", "static/site.css"))
        scripts.append(resource("documents", "static/site.js"))
    if StepperBlock in kinds:
        styles.append(stepper_style())
        scripts.append(stepper_script())
    title = sentence(document.title)
    sections = [_rendered(section) for section in document.sections]
    if site:
        sections = _located(sections, site)
    return template("documents", "document.html.jinja").render(
        policy=policy(scripts, [*styles, picture_style()] if Figure in kinds else styles, *more),
        title=title,
        plain_title=Html(re.sub("<[^>]*>", "", title)),
        subtitle=document.subtitle,
        book=document.book,
        styles=list(map(Html, styles)),
        scripts=list(map(Html, scripts)),
        sections=sections,
        contents=sum(not section.untitled for section in sections) > FEW or not site,
        site=site,
        icon=ICON,
        above=site and _shown(site, site.above),
        masthead=masthead(site) if site else "",
        footer=_footer(site) if site else "",
    )


def _located(sections: Sequence[RenderedSection], site: SiteFrame) -> list[RenderedSection]:
    """Return sections whose links lead to the pages of a site."""
    own = {target for s in sections for target in re.findall(r' id="([^"]*)"', s.body)}
    own |= {section.anchor for section in sections if not section.untitled}
    return [replace(s, body=site.located(s.body, own)) for s in sections]


@dataclass(frozen=True)
class ShownLink:
    """A link in the frame of a page.

    Attributes:
        title: its words as HTML.
        address: the way to the page.
        current: whether it leads to the page that it is on.

    """

    title: Html
    address: str
    current: bool


def _shown(site: SiteFrame, link: PageLink | None) -> ShownLink | None:
    if link is None:
        return None
    return ShownLink(sentence(link.title), site.way(link.address), link.address == site.address)


def masthead(site: SiteFrame) -> Html:
    """Return what is at the top of a page of a site: links, and a form to search."""
    links = [_shown(site, link) for link in site.navigation]
    return _fill("masthead", links=links, search=site.way(SEARCH))


def _footer(site: SiteFrame) -> Html:
    copies = [
        {
            "title": copy.title,
            "before": copy.before,
            "after": copy.after,
            "address": copy.address,
            "way": site.way(copy.address),
            "identifier": f"copy-{number}",
        }
        for number, copy in enumerate(site.copies, 1)
    ]
    before, after = (_shown(site, link) for link in (site.before, site.after))
    return _fill("footer", copies=copies, before=before, after=after)


def sections(document: Document) -> Html:
    """Return the sections of a document as HTML for another page, which has its scripts and styles.

    Raises:
        ModuleNotFoundError: latex2mathml is not installed (``pip install "rot180[book]"``).

    """
    return _fill("sections", sections=[_rendered(s) for s in numbered(document).sections])


def policy(scripts: Sequence[str], styles: Sequence[str], *more: str) -> str:
    """Return the Content-Security-Policy of a page: these scripts, these styles, nothing else.

    Args:
        scripts: the texts of its scripts.
        styles: the texts of its style sheets.
        more: further directives, of which one is "form-action", which has no default.

    """
    allowed = [" ".join(map(_source, texts)) for texts in (scripts, styles)]
    own = f"default-src 'none'; script-src {allowed[0]}; style-src {allowed[1]}; base-uri 'none'"
    return "; ".join((own, *more))


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
        check=block.check,
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
        moving=bool(block.picture.moments),
    )


@render.register
def _(block: StepperBlock) -> Html:
    return stepper(block.layer, block.anchor, block.symbols)


@render.register
def _(block: Table) -> Html:
    cells = [[sentence(cell) for cell in row] for row in block.rows]
    rows = [*zip_longest(block.anchors, cells, fillvalue="")]
    return _fill("table", head=[sentence(cell) for cell in block.head], rows=rows)


@render.register
def _(block: Listing) -> Html:
    return _fill("listing", title=sentence(block.title), text=block.text)


@render.register
def _(block: Note) -> Html:
    return _fill("note", title=sentence(block.title), text=sentence(block.text))


@render.register
def _(block: Check) -> Html:
    return render(note(block))


@render.register
def _(block: Directory) -> Html:
    entries = [
        {
            "anchor": entry.anchor,
            "title": sentence(entry.title),
            "name": entry.name,
            "text": sentence(entry.text),
        }
        for entry in block.entries
    ]
    return _fill("directory", entries=entries, searched=block.searched)
