"""The book: every theorem once, every link alive, the same bytes each time."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest

from rot180.codegen.documents.book import (
    LETTERS,
    book,
    chapters_by_anchor,
    figures_by_anchor,
    letters_table,
)
from rot180.codegen.documents.chapters import CHAPTERS, is_brief, theorems_by_chapter
from rot180.codegen.documents.html import page
from rot180.codegen.documents.latex import latex
from rot180.codegen.documents.layer import anchor
from rot180.codegen.documents.listings import Kernels, function_text, layer_and_operand
from rot180.codegen.documents.model import (
    Block,
    Document,
    Figure,
    Listing,
    ProofBlock,
    Section,
    TheoremBlock,
)
from rot180.codegen.documents.numbering import uncited
from rot180.codegen.documents.pdf import CompileError, compiled
from rot180.codegen.documents.site import STORY, theorem_address
from rot180.codegen.documents.source_map import SOURCES, markdown
from rot180.derive.display.definitions import every_tensor
from rot180.derive.display.letters import letters as style_of
from rot180.derive.display.letters import losses
from rot180.derive.display.mathml import mathml, sentence
from rot180.derive.display.notations import DEEP_LEARNING
from rot180.derive.display.theorem_latex import statement
from rot180.derive.language.polynomial import symbols_of
from rot180.derive.language.spelling import application
from rot180.derive.language.terms import Access
from rot180.derive.theorems import claims, theorem, theorems

ROOT = Path(__file__).parents[3]
DENSE, ROTATED = (
    next(c for c in CHAPTERS if c.title == title)
    for title in (
        "A dense layer sends gradients back through its transpose",
        "The input gradient rotates the kernel",
    )
)
SOME = (
    replace(DENSE, theorems=("dense_input", "dense_weight")),
    replace(ROTATED, theorems=("rot180_correlation_1d", "rot180_correlation_3d")),
)
VOID = {"meta", "link", "br", "wbr", "img", "input", "hr"}


@cache
def some() -> Document:
    """Return a book of two chapters."""
    return book(chapters=SOME)


@cache
def some_html() -> str:
    return page(some())


def blocks() -> list[Block]:
    return [block for section in some().sections for block in section.blocks]


class Reader(HTMLParser):
    """Checks that elements nest, and gathers anchors, links and what would be loaded."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.anchors: Counter[str] = Counter()
        self.links: set[str] = set()
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if "id" in given:
            self.anchors[given["id"] or ""] += 1
        if tag == "a" and given.get("href", "").startswith("#"):  # type: ignore[union-attr]
            self.links.add((given["href"] or "")[1:])
        elif "href" in given:
            self.loaded.append(given["href"] or "")
        self.loaded += [given[name] or "" for name in ("src", "srcset", "data") if name in given]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> at line {self.getpos()[0]}"


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == []
    return reader


def test_every_theorem_is_in_one_chapter() -> None:
    names = [name for chapter in theorems_by_chapter().values() for name in chapter]
    assert Counter(names) == Counter([*claims()])


def test_a_theorem_without_a_chapter_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    more = {**claims(), "unheard_of": claims()["output_size"]}
    monkeypatch.setattr("rot180.codegen.documents.chapters.claims", lambda: more)
    with pytest.raises(ValueError, match="found no chapter for unheard_of"):
        theorems_by_chapter()


def test_theorems_are_stated_once_and_proved() -> None:
    stated = [b.name for b in blocks() if isinstance(b, TheoremBlock)]
    names = [name for chapter in theorems_by_chapter(SOME).values() for name in chapter]
    assert stated == names
    in_full = [name for name in names if not is_brief(name)]
    assert sum(isinstance(b, ProofBlock) for b in blocks()) == len(in_full)


def test_html_is_well_formed_and_links_are_alive() -> None:
    reader = read(some_html())
    assert set(reader.anchors.values()) == {1}
    assert reader.links <= set(reader.anchors)
    names = [name for chapter in theorems_by_chapter(SOME).values() for name in chapter]
    assert {anchor(name) for name in names} <= set(reader.anchors)


def test_html_loads_nothing() -> None:
    assert read(some_html()).loaded == []
    assert not re.search(r"https?://(?!www\.w3\.org/)|@import|url\(", some_html())


def test_mathematics_is_written_out() -> None:
    """No LaTeX command is left between the tags, only in what the buttons copy."""
    unseen = r'data-latex="[^"]*"|<script\b.*?</script>|<style\b.*?</style>'
    visible = re.sub(unseen, "", some_html(), flags=re.DOTALL)
    assert "\\" not in visible
    assert "$" not in visible


def test_labels_are_unique() -> None:
    labels = Counter(re.findall(r"\\label\{([^}]*)\}", latex(some())))
    assert set(labels.values()) == {1}
    assert set(re.findall(r"\\hyperref\[([^\]]*)\]", latex(some()))) <= set(labels)


def test_same_bytes() -> None:
    again = book(chapters=SOME)
    assert latex(again) == latex(some())
    assert page(again) == some_html()


def test_the_kernel_beside_a_theorem_is_printed_from_its_plan() -> None:
    found = layer_and_operand(theorem("rot180_correlation_1d"))
    assert found is not None
    text = function_text(*found)
    assert [b.text for b in blocks() if isinstance(b, Listing)].count(text) == 1
    assert text.startswith("def grad_x(grad_y, w, ")
    assert text.endswith("return grad_x")
    assert '"""' not in text


@pytest.mark.skipif(shutil.which("latexmk") is None, reason="no TeX engine")
def test_a_chapter_compiles() -> None:
    pdf, log = compiled(latex(book(chapters=SOME[:1])))
    assert pdf.startswith(b"%PDF")
    assert "undefined" not in log
    over = re.findall(r"Overfull \\hbox \(([\d.]+)pt", log)
    assert all(float(points) <= 2 for points in over), over


def test_no_engine_names_the_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(CompileError, match=r"latexmk is not installed.*apt install .*latexmk"):
        compiled("")


def test_the_source_documents() -> None:
    """Every item names theorems or sections that exist, and tests that exist."""
    assert [item.number for source in SOURCES for item in source.items][:2] == ["A.1", "A.2"]
    for item in (item for source in SOURCES for item in source.items):
        assert item.names() or item.sections, item.number
        for test in item.tests:
            assert (ROOT / "tests" / test).is_file(), f"{item.number}: {test}"


def test_the_page_about_them(request: pytest.FixtureRequest) -> None:
    path, text = ROOT / "docs" / "documents.md", markdown(chapters_by_anchor(), figures_by_anchor())
    if request.config.getoption("--update-golden"):
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text, "run pytest --update-golden"


def test_every_item_has_a_page_and_most_a_picture() -> None:
    """The addresses on that page are those of the site, and its figures are in the book."""
    assert STORY == "why.html"
    assert theorem_address("full_convolution_2d") == "theorems/full-convolution-2d.html"
    text, drawn = markdown(chapters_by_anchor(), figures_by_anchor()), figures_by_anchor()
    for row in (line for line in text.splitlines() if re.match(r"\| [AB]\.", line)):
        assert "`why.html#story-" in row
    stated = {b.picture.name for b in blocks() if isinstance(b, Figure)}
    known = figures_by_anchor(SOME)
    assert stated == {name for names in known.values() for name in names}
    assert drawn["rot180-correlation-1d"] == known["rot180-correlation-1d"]


def test_every_figure_is_cited_by_its_own_number() -> None:
    assert uncited(some()) == []
    opened = book(chapters=[replace(c, theorems=()) for c in CHAPTERS])
    assert any(isinstance(b, Figure) for s in opened.sections for b in s.blocks)
    assert uncited(opened) == []
    figures = [b for b in blocks() if isinstance(b, Figure)]
    alone = Document("", "", (Section("one", "", tuple(figures)),), True)
    assert uncited(alone) == [f.picture.name for f in figures]


def test_every_symbol_is_introduced() -> None:
    """By "for all", by the sum, by the box of a stated tensor, or by the table of letters."""
    letters = {name for names in LETTERS.values() for name in names}
    used: set[str] = set()
    for proved in theorems():
        terms = [t for line in (proved.lhs, proved.rhs) for t in line]
        parts = statement(proved, losses(proved))
        said = " ".join(p for p in parts if isinstance(p, str))
        shown = every_tensor(*proved.lines)
        sizes = {v.name for t in shown for n in t.shape if n is not None for v in symbols_of(n)}
        quantified = {v.name for v, _ in proved.variables}
        for t in terms:
            summed = {v.name for v in t.variables}
            free = {v.name for v in t.symbols} - summed - quantified - sizes
            assert free <= letters, f"{proved.name}: {free - letters}"
            used |= free
        style = style_of(proved, DEEP_LEARNING)
        for v in proved.variables:
            assert f"{style.symbol(v[0].name)}" in said, f"{proved.name}: {v[0].name}"
    parameters = {*"studefr", "lo", "lp", "lq", "hi", "op", "rho", "scale", "eps"}
    parameters |= {"before", "after", "total", "out"}
    assert parameters <= used  # so the table has no letter that no theorem uses
    assert letters - parameters == set("HVIKLMPQR")
    assert letters_table() in [b for s in some().sections for b in s.blocks]


def test_every_operator_in_a_statement_is_defined_or_written_out() -> None:
    """A rotation, and any other tensor with the entries of another one, has its definition."""
    for proved in theorems():
        parts = statement(proved, losses(proved))
        lefts = [e.left for p in parts if not isinstance(p, str) for e in p]
        style = style_of(proved, DEEP_LEARNING)
        for access in (f for t in proved.rhs for f in t.factors if isinstance(f, Access)):
            found = application(access.tensor)
            if found is not None and found.operator in ("rot180", "flip", "transpose"):
                name = style.named(access.tensor)
                assert any(left.startswith(name) for left in lefts), f"{proved.name}: {name}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"a\_b \& 5\%", "a_b &amp; 5%"),
        (r"\hyperref[x-1]{\texttt{f\_g}}", '<a href="#x-1"><code>f_g</code></a>'),
        (r"1--2~\emph{so}", "1\u20132\u00a0<em>so</em>"),
        (r"\textbackslash{}<", "\\&lt;"),
    ],
)
def test_text(text: str, expected: str) -> None:
    assert sentence(text) == expected


def test_long_mathematics_in_a_sentence_may_be_broken() -> None:
    """Before its signs, outside brackets; and no line begins with a full stop."""
    long = "$" + " + ".join(f"g_{{{n}}}[h + {n}]" for n in range(9)) + "$."
    assert sentence(long).count("<wbr>") == 8
    assert sentence(long).endswith("</math>.</span>")
    assert "<wbr>" not in sentence("$a + b$")


def test_text_with_another_command_is_refused() -> None:
    with pytest.raises(ValueError, match=r"found \\section"):
        sentence(r"\section{x}")


def test_mathematics_escapes_and_refuses() -> None:
    assert "<mo>&lt;</mo>" in mathml("a < b")
    assert ">rot180</mtext>" in mathml(r"\operatorname{rot180}(w)")
    assert "<mrow><mi>x</mi><mi>\u2032</mi></mrow>" in mathml("x'")
    with pytest.raises(ValueError, match="no MathML"):
        mathml(r"\unheard{x}")


def test_every_theorem_has_its_listing_or_none() -> None:
    """A theorem about a program has none: its output is computed from other definitions."""
    kernels = Kernels()
    shown = {t.name for t in theorems() if list(kernels.listing(t))}
    assert {"rot180_correlation_1d", "rot180_convolution_strided_2d"} <= shown
    made = {name: state().program for name, state in claims().items()}
    programs = {name for name, p in made.items() if p is not None and len(p.definitions) > 1}
    assert programs
    assert not programs & shown
