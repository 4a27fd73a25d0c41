"""The book as a site: a page for each theorem and each figure, and pages that lead to them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from rot180.codegen.documents.book import meaning
from rot180.codegen.documents.chapters import family
from rot180.codegen.documents.headings import theorem_title
from rot180.codegen.documents.html import written
from rot180.codegen.documents.layer import anchor
from rot180.codegen.documents.model import (
    Block,
    Directory,
    DirectoryEntry,
    Document,
    Figure,
    ProofBlock,
    Prose,
    Section,
    StepperBlock,
    TheoremBlock,
    reference,
    slug,
)
from rot180.codegen.documents.numbering import figure_anchor, numbered
from rot180.codegen.documents.playground_files import playground
from rot180.codegen.documents.site_frame import SEARCH, Copyable, PageLink, SiteFrame
from rot180.codegen.documents.site_steps import (
    long_proof,
    steps_address,
    steps_sections,
    without_steps,
)
from rot180.codegen.documents.story import TITLE
from rot180.codegen.documents.story_example import SYMBOLS, image
from rot180.codegen.figures.animation import moving_pictures
from rot180.codegen.figures.math_labels import plain
from rot180.codegen.figures.svg import UNIT, svg
from rot180.codegen.system.version import version
from rot180.derive.display.terms_latex import escape
from rot180.derive.kernel.proof import Theorem
from rot180.derive.language.notation import write
from rot180.derive.theorems import theorem

HOME, STORY, GUIDE = "index.html", "why.html", "how-to-read.html"
PLAYGROUND = "playground/index.html"

OPENING = (
    (STORY, "The explanation, with one example in numbers from the first page to the last."),
    (GUIDE, "Letters, words and conventions."),
)
"""The chapters to which the first page leads, by address, and what it says of them."""

CAPTION = 150
"""The height of the caption of a figure in a frame, in pixels."""

NAVIGATION = (
    PageLink("rot180", HOME),
    PageLink("Why rotated?", STORY),
    PageLink("Theorems and figures", SEARCH),
    PageLink("Playground", PLAYGROUND),
)
"""The links at the top of every page, of which a site has those that lead to its pages."""

MOST_SHOWN = 160
"""A statement with more characters is not shown in lists."""


@dataclass(frozen=True)
class SitePage:
    """A page of the site.

    Attributes:
        address: its address, relative to the folder of the site.
        document: what it shows.
        above: the page that it belongs to.
        copies: texts to copy.

    """

    address: str
    document: Document
    above: PageLink | None = None
    copies: tuple[Copyable, ...] = ()

    @property
    def link(self) -> PageLink:
        """Return a link to the page."""
        return PageLink(self.document.title, self.address)


@dataclass(frozen=True)
class SiteChapter:
    """A chapter of the book, taken apart.

    Attributes:
        section: its heading and what is below it.
        theorems: the blocks of each theorem, by name.
        rest: the sections without theorems of the registry.
        families: the first theorem of each section with such theorems, by the section's anchor.

    """

    section: Section
    theorems: Mapping[str, tuple[Block, ...]]
    rest: tuple[Section, ...]
    families: Mapping[str, str]

    @property
    def address(self) -> str:
        """Return the address of its page."""
        own = {f"chapter-{slug(TITLE)}": STORY, "how-to-read": GUIDE}
        return own.get(self.section.anchor, f"chapters/{slug(self.section.title)}.html")

    @property
    def link(self) -> PageLink:
        """Return a link to its page."""
        return PageLink(self.section.title, self.address)

    def places(self) -> Iterator[tuple[str, str]]:
        """Yield the address of each target of links."""
        yield self.section.anchor, self.address
        yield from ((name, theorem_address(first)) for name, first in self.families.items())
        yield from ((anchor(name), theorem_address(name)) for name in self.theorems)
        yield from ((s.anchor, f"{self.address}#{s.anchor}") for s in self.rest)

    def figures(self) -> Iterator[tuple[Figure, PageLink]]:
        """Yield the figures, each with a link to the page that shows it."""
        shown = [(self.link, self.section.blocks)]
        for name, blocks in self.theorems.items():
            shown.append((PageLink(theorem_title(name), theorem_address(name)), blocks))
        shown += [(self.link, section.blocks) for section in self.rest]
        for above, blocks in shown:
            yield from ((block, above) for block in blocks if isinstance(block, Figure))


def site(book: Document, beside: Mapping[str, str]) -> dict[str, str]:
    """Return the files of the site.

    Args:
        book: the book, or some of its chapters.
        beside: the addresses of what lies beside the pages, each with what it is, a text.

    Raises:
        ModuleNotFoundError: latex2mathml is not installed.
        ValueError: the book refers to what it does not have.

    """
    chapters = list(_chapters(numbered(book)))
    figures = [shown for chapter in chapters for shown in chapter.figures()]
    rows = [
        [SitePage(SEARCH, _contents(chapters))],
        list(map(_chapter, chapters)),
        [_theorem(c, name) for c in chapters for name in c.theorems],
        [_figure(figure, above) for figure, above in figures],
        *([*_steps(c, name)] for c in chapters for name in c.theorems),
    ]
    places = {page.address: page.address for row in rows for page in row}
    places |= {name: name for name in (HOME, *beside)}
    places |= dict(chain.from_iterable(chapter.places() for chapter in chapters))
    places |= {figure_anchor(f.picture.name): figure_address(f) for f, _ in figures}
    rows.append([SitePage(HOME, _home(chapters, beside))])
    drawn = {figure_address(f).replace(".html", ".svg"): svg(f.picture) for f, _ in figures}
    return {**dict(chain.from_iterable(_written(row, places) for row in rows)), **drawn}


def site_playground(
    pyodide: Mapping[str, bytes], pages: Collection[str]
) -> dict[str, str | bytes]:
    """Return the files of the playground as a part of a site.

    Args:
        pyodide: the files of Pyodide.
        pages: the addresses of the site's pages.

    Raises:
        ValueError: a distribution that the engine imports is not installed.

    """
    frame = SiteFrame(PLAYGROUND, {}, _navigation({*pages, PLAYGROUND}))
    folder = PLAYGROUND.rpartition("/")[0]
    return {f"{folder}/{name}": data for name, data in playground(pyodide, frame).items()}


def _navigation(pages: Collection[str]) -> tuple[PageLink, ...]:
    return tuple(link for link in NAVIGATION if link.address in pages)


def _written(row: Sequence[SitePage], places: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the address and the text of each page in a row; each links to its neighbours."""
    navigation = _navigation(places)
    links = [None, *(page.link for page in row), None]
    for number, page in enumerate(row):
        before, after = links[number], links[number + 2]
        frame = SiteFrame(
            page.address, places, navigation, page.above, before, after, page.copies
        )
        yield page.address, written(page.document, frame)


def theorem_address(name: str) -> str:
    """Return the address of the page of a theorem.

    >>> theorem_address("rot180_correlation_1d")
    'theorems/rot180-correlation-1d.html'
    """
    return f"theorems/{anchor(name)}.html"


def figure_address(figure: Figure) -> str:
    """Return the address of the page of a figure."""
    return f"figures/{figure.picture.name}.html"


def _chapters(book: Document) -> Iterator[SiteChapter]:
    """Take the book apart."""
    starts = [n for n, section in enumerate(book.sections) if section.level == 0]
    for start, end in zip(starts, [*starts[1:], len(book.sections)], strict=True):
        head, *below = book.sections[start:end]
        theorems: dict[str, list[Block]] = {}
        rest, families = list[Section](), dict[str, str]()
        for section in below:
            first = section.blocks[0] if section.blocks else None
            if not isinstance(first, TheoremBlock) or not first.anchor:
                rest.append(section)
                continue
            families[section.anchor] = name = first.name
            for block in section.blocks:
                name = block.name if isinstance(block, TheoremBlock) else name
                shown = theorems.setdefault(name, [])
                shown.append(block)
                if isinstance(block, StepperBlock):
                    shown += _moving(block, anchor(name), shown)
        found = {name: tuple(blocks) for name, blocks in theorems.items()}
        yield SiteChapter(head, found, tuple(rest), families)


def _moving(stepper: StepperBlock, name: str, before: Sequence[Block]) -> Iterator[Figure]:
    """Yield the moving pictures of a stepper's layer: 4.2a and 4.2b after the figure 4.2."""
    number = next((b.number for b in reversed(before) if isinstance(b, Figure)), "")
    for letter, picture in zip("ab", moving_pictures(stepper.layer, stepper.symbols), strict=False):
        yield Figure(replace(picture, name=f"{name}-{picture.name}"), number + letter)


def _theorem(chapter: SiteChapter, name: str) -> SitePage:
    proved, title, address = theorem(name), theorem_title(name), theorem_address(name)
    blocks = without_steps(_paged(chapter.theorems[name]), address)
    if (words := meaning(name)) not in blocks:
        blocks = (*blocks[:1], words, *blocks[1:])
    if not any(isinstance(block, ProofBlock) for block in blocks):
        blocks += (_proof_elsewhere(chapter, name),)
    said = f"rot180 {version()}. {title}. Theorem {name}, proof {proved.proof.digest}. "
    return SitePage(
        address,
        Document(title, "", (Section("theorem", "", blocks),)),
        chapter.link,
        (Copyable("Cite this address", said, address),),
    )


def _steps(chapter: SiteChapter, name: str) -> Iterator[SitePage]:
    """Yield the pages with every step of a long proof."""
    title, address = theorem_title(name), theorem_address(name)
    proof = long_proof(chapter.theorems[name])
    for number, (which, section) in enumerate(steps_sections(proof) if proof else (), 1):
        document = Document(f"{title}: {which}", "", (section,))
        yield SitePage(steps_address(address, number), document, PageLink(title, address))


def _proof_elsewhere(chapter: SiteChapter, name: str) -> Prose:
    """Say where the proof is of a theorem that the book states without it."""
    like = [
        other
        for other, blocks in chapter.theorems.items()
        if family(other) == family(name) and any(isinstance(b, ProofBlock) for b in blocks)
    ]
    said = f"\\texttt{{rot180 show {escape(name)}}} prints the proof"
    if like:
        said += f"; it is like that of {reference(anchor(like[-1]), escape(like[-1]))}"
    return Prose((f"{said}.",))


def _figure(figure: Figure, above: PageLink) -> SitePage:
    picture, address = figure.picture, figure_address(figure)
    _, top, _, bottom = picture.extent
    height = round((bottom - top) * UNIT) + CAPTION
    title = plain(picture.title)
    copies = (
        Copyable(
            "Embed the figure with its caption",
            '<iframe src="',
            address,
            f'" title="{title}" width="100%" height="{height}"></iframe>',
        ),
        Copyable(
            "Embed the picture alone",
            '<img src="',
            address.replace(".html", ".svg"),
            f'" alt="{title}">',
        ),
    )
    document = Document(picture.title, "", (Section("figure", "", (figure,)),))
    return SitePage(address, document, above, copies)


def _paged(blocks: Sequence[Block]) -> tuple[Block, ...]:
    """Return blocks whose figures link to their own pages."""
    return tuple(
        replace(b, number=f"\\hyperref[{figure_address(b)}]{{{b.number}}}")
        if isinstance(b, Figure)
        else b
        for b in blocks
    )


def _chapter(chapter: SiteChapter) -> SitePage:
    sections = [Section("introduction", "", _paged(chapter.section.blocks))]
    if chapter.theorems:
        listed = Directory(tuple(map(_entry, chapter.theorems)))
        sections.append(Section("theorems", "Theorems", (listed,)))
    sections += [replace(s, blocks=_paged(s.blocks)) for s in chapter.rest]
    return SitePage(chapter.address, Document(chapter.section.title, "", tuple(sections)))


def _entry(name: str) -> DirectoryEntry:
    said = _statement(theorem(name))
    shown = f"\\texttt{{{escape(said)}}}" if len(said) <= MOST_SHOWN else ""
    return DirectoryEntry(anchor(name), theorem_title(name), name, shown)


def _statement(proved: Theorem) -> str:
    """Return the equation of a theorem in the notation."""
    free = tuple(v for v, _ in proved.variables)
    return f"{write(proved.lhs, free)} = {write(proved.rhs, free)}"


def _contents(chapters: Sequence[SiteChapter]) -> Document:
    """Return the index by chapter, which the search goes through."""
    sections = []
    for chapter in chapters:
        title = f"The chapter: \\emph{{{chapter.section.title}}}"
        entries = [DirectoryEntry(chapter.address, title)]
        entries += [_entry(name) for name in chapter.theorems]
        entries += [DirectoryEntry(s.anchor, s.title) for s in chapter.rest]
        entries += [
            DirectoryEntry(figure_address(f), f"Figure {f.number}. {f.picture.title}")
            for f, _ in chapter.figures()
        ]
        name = f"in-{chapter.section.anchor}"
        blocks = (Directory(tuple(entries), searched=True),)
        sections.append(Section(name, chapter.section.title, blocks, level=0))
    return Document("Theorems and figures", "", tuple(sections))


def _home(chapters: Sequence[SiteChapter], beside: Mapping[str, str]) -> Document:
    """Return the first page: the answer, the stepper, and where to go from there."""
    answer = [block for c in chapters if c.address == STORY for block in c.rest[-1].blocks]
    count = sum(len(chapter.theorems) for chapter in chapters)
    ways = [
        DirectoryEntry(c.address, c.section.title, text=said)
        for c in chapters
        for address, said in OPENING
        if c.address == address
    ]
    found = f"{count} theorems, each with its proof, its pictures and an address to cite."
    ways.insert(1, DirectoryEntry(SEARCH, "Theorems and figures", text=found))
    ways += [DirectoryEntry(name, said) for name, said in beside.items()]
    moves = StepperBlock(image().layer, "stepper", replace(SYMBOLS, indices=()))
    sections = (
        Section("answer", "", tuple(answer)),
        Section("move", "Move the window", (moves,)),
        Section("read", "Read on", (Directory(tuple(ways)),)),
    )
    return Document(TITLE, "", sections)
