"""Figures have numbers, and texts cite them as links."""

from dataclasses import replace

import pytest

from rot180.codegen.documents.html import page
from rot180.codegen.documents.latex import latex
from rot180.codegen.documents.model import Block, Document, Figure, Prose, Section
from rot180.codegen.documents.numbering import cited, numbered
from rot180.codegen.figures.networks import network_pictures

PICTURE = network_pictures()[0]


def document(book: bool, *texts: str) -> Document:
    """Return a document of two chapters with figures a and b, and c."""
    a, b, c = (Figure(replace(PICTURE, name=name)) for name in "abc")
    words: tuple[Block, ...] = tuple(Prose((text,)) for text in texts)
    chapters = (Section("one", "One", (*words, a, b), 0), Section("two", "Two", (c,), 0))
    return Document("Figures", "", chapters, book)


@pytest.mark.parametrize(
    ("book", "wanted"), [(True, ["0.1", "0.2", "1.1"]), (False, ["1", "2", "3"])]
)
def test_numbers_start_again_in_each_chapter_of_a_book(book: bool, wanted: list[str]) -> None:
    blocks = [b for s in numbered(document(book)).sections for b in s.blocks]
    assert [b.number for b in blocks if isinstance(b, Figure)] == wanted


def test_a_citation_is_a_link_in_both_formats() -> None:
    given = document(True, f"See {cited(['c'])}. {cited(['a', 'b'])} are {cited(['a', 'b', 'c'])}.")
    written = latex(given)
    assert r"See Figure \hyperref[figure-c]{1.1}." in written
    assert r"\label{figure-c}" in written and r"\textbf{Figure 1.1. " in written
    shown = page(given)
    assert 'See Figure <a href="#figure-c">1.1</a>.' in shown
    assert '<figure id="figure-c">' in shown and "<strong>Figure 1.1. " in shown
    assert "Figures" in shown and "figureref" not in written + shown


def test_a_figure_that_is_not_there_is_not_cited() -> None:
    with pytest.raises(ValueError, match="a citation of d, which is not there"):
        numbered(document(True, cited(["d"])))


def test_two_figures_have_two_names() -> None:
    twice = document(True)
    with pytest.raises(ValueError, match="the name a twice"):
        numbered(replace(twice, sections=twice.sections * 2))
