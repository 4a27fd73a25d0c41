"""The site: a page for each theorem and figure, every link alive, pages that work in a browser."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from rot180.codegen.cli import documents as commands
from rot180.codegen.cli.main import main
from rot180.codegen.documents.book import book
from rot180.codegen.documents.chapters import CHAPTERS
from rot180.codegen.documents.headings import theorem_title
from rot180.codegen.documents.model import Document, Figure, Prose, Section, slug
from rot180.codegen.documents.playground_files import ABOUT, PYODIDE
from rot180.codegen.documents.site import site, theorem_address
from rot180.codegen.system import files as disk
from tests.support.browser import browser, complaints, opened
from tests.support.site_check import LARGEST, faults

NAMES = ("dense_input", "rot180_correlation_1d", "rot180_correlation_3d")
HOSTILE = "1 < 2 </title><b>\\&"
DENSE, ROTATED = (
    next(c for c in CHAPTERS if any(fnmatchcase(name, pattern) for pattern in c.theorems))
    for name in NAMES[:2]
)
SOME = (
    replace(
        DENSE,
        theorems=NAMES[:1],
        sections=lambda _: (
            Section("odd", HOSTILE, (Prose((HOSTILE,)),)),
            # enough headings for the page to list them
            *(Section(f"part-{n}", f"Part {n}", ()) for n in range(4)),
        ),
    ),
    replace(ROTATED, theorems=NAMES[1:]),
)


@cache
def some() -> Document:
    """Return a book of two chapters, one of which has a section with a hostile title."""
    return book(chapters=SOME)


@cache
def some_files() -> dict[str, str]:
    return site(some(), {"book.html": "The book on one page"})


def test_every_theorem_and_every_figure_has_a_page() -> None:
    names = [b.picture.name for s in some().sections for b in s.blocks if isinstance(b, Figure)]
    names += [f"rot180-correlation-1d-moving-{way}" for way in ("forward", "backward")]
    expected = {theorem_address(name) for name in NAMES}
    expected |= {f"figures/{name}.{kind}" for name in names for kind in ("html", "svg")}
    expected |= {f"chapters/{slug(chapter.title)}.html" for chapter in SOME}
    assert expected | {"index.html", "contents.html", "how-to-read.html"} == some_files().keys()
    assert len(names) > 3


def test_links_are_alive_and_pages_small() -> None:
    assert [*faults({**some_files(), "book.html": ""})] == []


def test_faults_are_found() -> None:
    pages = {
        "a.html": '<a href="b/c.html#x">',
        "b/c.html": '<p id="y"><a href="../d.html"><img src="e">' + " " * LARGEST,
    }
    assert [re.sub(r"\d+ bytes", "n bytes", fault) for fault in faults(pages)] == [
        "a.html links to b/c.html#x, which is nowhere on that page",
        "b/c.html has n bytes",
        "b/c.html loads src=e",
        "b/c.html links to ../d.html, which is no file",
    ]


def test_a_page_of_a_theorem_has_all_that_the_book_has_of_it() -> None:
    page = some_files()[theorem_address("rot180_correlation_1d")]
    assert f"<h1>{theorem_title('rot180_correlation_1d')}</h1>" in page
    assert 'class="proof"' in page
    assert page.count("<figure ") > 5
    assert page.count("<animate ") > 5
    assert page.count('class="stepper"') == 1
    assert '<a href="../figures/rot180-correlation-1d-delta.html">' in page
    assert 'rel="prev" href="../theorems/dense-input.html"' in page
    assert 'rel="next" href="../theorems/rot180-correlation-3d.html"' in page
    assert f'<a href="../chapters/{slug(ROTATED.title)}.html">{ROTATED.title}</a>' in page


def test_a_theorem_without_a_proof_says_where_it_is() -> None:
    page = some_files()[theorem_address("rot180_correlation_3d")]
    assert "<code>rot180 show rot180_correlation_3d</code> prints the proof" in page
    assert '<a href="../theorems/rot180-correlation-1d.html"><code>' in page


def test_titles_are_escaped() -> None:
    shown = {n for n, text in some_files().items() if "1 &lt; 2 &lt;/title&gt;&lt;b&gt;" in text}
    assert shown == {"contents.html", f"chapters/{slug(DENSE.title)}.html"}
    assert not any("<b>" in text for text in some_files().values())


def test_a_link_that_leads_nowhere_is_named() -> None:
    lost = Section("lost", "Lost", (Prose(("\\hyperref[nowhere]{here}",)),), level=0)
    with pytest.raises(ValueError, match=r"lost\.html: found a link to nowhere, which is nowhere"):
        site(Document("x", "", (lost,), book=True), {})


def test_the_command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(commands, "write_book", lambda symbols, progress: some())
    assert main(["site", "-o", str(tmp_path), "--json"]) == 0
    written = json.loads(capsys.readouterr().out)["files"]
    assert {Path(p).relative_to(tmp_path).as_posix() for p in written} == {
        *some_files(),
        "book.html",
    }
    assert (tmp_path / "index.html").read_text("utf-8") == some_files()["index.html"]
    assert main(["site", "-o", str(tmp_path / "none"), "--format", "none"]) == 0
    assert 'href="book.html"' not in (tmp_path / "none" / "index.html").read_text("utf-8")


def test_the_playground_is_a_part_of_the_site_if_pyodide_is_given(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(commands, "write_book", lambda symbols, progress: some())
    package, out = tmp_path / "package", tmp_path / "out"
    disk.write(package, dict.fromkeys((*PYODIDE, ABOUT), '{"version": "1.2.3"}'))
    given = ["--format", "none", "--pyodide", str(package)]
    assert main(["site", "-o", str(out), *given]) == 0
    texts = {p.relative_to(out).as_posix(): p for p in out.rglob("*") if p.is_file()}
    pages = {n: p.read_text("utf-8") for n, p in texts.items() if n.endswith((".html", ".svg"))}
    assert [*faults(pages)] == []
    assert {f"playground/{name}" for name in ("worker.js", "cache.js", "packages.zip")} <= {*texts}
    for name, page in pages.items():
        if name.endswith(".html"):
            way = "../" * name.count("/")
            assert f'<a href="{way}playground/index.html"' in page, name
            assert f'<form role="search" action="{way}contents.html">' in page, name
    assert not any("playground" in text for text in some_files().values())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("site")
    disk.write(path, {**some_files(), "book.html": ""})
    frame = f'<!doctype html><iframe src="{FIGURE}" width="700" height="600"></iframe>'
    disk.write(path, {"embeds.html": frame})
    return path


FIGURE = "figures/rot180-correlation-1d-forward.html"


@pytest.fixture(scope="module", name="browser")
def browser_() -> Iterator[Any]:
    with browser() as driver:
        yield driver


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1200])
def test_no_error_and_nothing_wider_than_the_window(
    browser: Any, folder: Path, width: int, scheme: str
) -> None:
    for name in ("index.html", "contents.html", theorem_address(NAMES[1]), FIGURE):
        opened(browser, (folder / name).as_uri(), width, scheme)
        assert complaints(browser) == [], name


def test_the_search_goes_through_names_titles_and_statements(browser: Any, folder: Path) -> None:
    opened(browser, (folder / theorem_address(NAMES[1])).as_uri())
    field = browser.find_element("name", "q")
    field.send_keys("rot180 3-D\ue007")
    shown = "return [...document.querySelectorAll('.directory li')].filter(e => !e.hidden)"
    (found,) = browser.execute_script(f"{shown}.map(e => e.querySelector('code').textContent)")
    assert found == "rot180_correlation_3d"
    assert browser.current_url.endswith("contents.html?q=rot180+3-D")
    field = browser.find_element("name", "q")
    assert field.get_attribute("value") == "rot180 3-D"
    field.clear()
    field.send_keys("no such thing")
    assert browser.find_element("css selector", "form output").text == "None found: try fewer words"
    assert browser.execute_script(f"{shown}.length") == 0
    assert browser.get_log("browser") == []


def test_the_address_to_cite_is_whole(browser: Any, folder: Path) -> None:
    page = folder / theorem_address(NAMES[1])
    opened(browser, page.as_uri())
    assert browser.find_element("id", "copy-1").text.endswith(f" {page.as_uri()}")


def test_a_figure_in_a_frame_is_alone(browser: Any, folder: Path) -> None:
    opened(browser, (folder / "embeds.html").as_uri())
    browser.switch_to.frame(0)
    assert browser.find_element("css selector", "figure svg").is_displayed()
    assert not browser.find_element("css selector", ".masthead").is_displayed()
    assert not browser.find_element("css selector", "footer").is_displayed()
    assert browser.get_log("browser") == []
