"""Hostile notations, names and titles: refused at the door, or shown; nothing runs, loads or reads.

Two lines of defence are tested apart. The door refuses every text of `HOSTILE` as a symbol, a name,
a layer, a network or the name of a theorem. Behind it, pages and papers are given the same texts
everywhere, as if the door were open.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from rot180.codegen.documents.html import page
from rot180.codegen.documents.latex import latex
from rot180.codegen.documents.model import (
    Block,
    Document,
    Figure,
    Formula,
    Listing,
    Note,
    Prose,
    Section,
    StepperBlock,
    Table,
    TheoremBlock,
)
from rot180.codegen.documents.pdf import CompileError, compiled
from rot180.codegen.figures.shapes import Label, Picture
from rot180.codegen.system.files import CERTIFICATES, generated_folder
from rot180.derive.certificates.reader import loads
from rot180.derive.display.notations import DEEP_LEARNING, Symbols, parse_symbols
from rot180.derive.display.terms_latex import escape
from rot180.derive.language.layers import layer
from rot180.derive.networks.parser import parse_network
from tests.support.browser import browser
from tests.support.hostile import (
    COMMANDS,
    FOREIGN,
    HOSTILE,
    MARKUP,
    NAMES,
    SECRET,
    SIGNS,
    TOUCHED,
)

CERTIFICATE = json.loads((generated_folder() / CERTIFICATES / "dense_input.json").read_text())
MATHEMATICS: dict[str, Callable[[str], object]] = {
    "loss": lambda text: parse_symbols(f"loss = {_toml(text)}"),
    "tensor": lambda text: parse_symbols(f"tensors.x = {_toml(text)}"),
    "function": lambda text: parse_symbols(f"functions.f = {_toml(text)}"),
    "operator": lambda text: parse_symbols(f"operators.flip = {_toml(f'#1 {text}')}"),
    "symbols": lambda text: Symbols("own", windows=(("k", text),)),
}
"""Where mathematics of a person or a file comes in."""

DOORS: dict[str, Callable[[str], object]] = {
    "name": lambda text: parse_symbols(f"indices.{_toml(text)} = 'x'"),
    "layer": lambda text: layer(f"y[p] = sum[k] {text}[p+k] * w[k]"),
    "network": lambda text: parse_network(f"linear 3; {text}; squared_error"),
    "theorem": lambda text: loads(json.dumps(CERTIFICATE | {"name": text})),
    "operand": lambda text: loads(json.dumps(CERTIFICATE).replace('"x"', json.dumps(text))),
}
"""Where a name, or a text with names in it, comes in."""


def _toml(text: str) -> str:
    return json.dumps(text).replace("\x7f", "\\u007f")


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_it_is_no_mathematics(text: str) -> None:
    """What was found is named, in a message that has no control character itself."""
    for door in MATHEMATICS.values():
        with pytest.raises(ValueError, match=r": found .* in .*, expected mathematics: .*; ") as no:
            door(text)
        assert str(no.value).isprintable()


@pytest.mark.parametrize("text", [*HOSTILE, *NAMES], ids=ascii)
def test_it_is_no_name(text: str) -> None:
    for door in DOORS.values():
        with pytest.raises(ValueError, match=r"found|expected"):
            door(text)


def forged(symbol: str) -> Symbols:
    """Return a notation that no door let in."""
    symbols = Symbols("forged", subscripts=True)
    object.__setattr__(symbols, "tensors", (("x", symbol), ("w", symbol)))
    object.__setattr__(symbols, "indices", (("K", symbol), ("H", symbol)))
    return symbols


def written(text: str, on_page: bool, number: int) -> tuple[Block, ...]:
    """Return blocks of every kind with a text in all their places."""
    # without the package cm-super, pdfTeX has no dollar sign whose width it may change
    said = escape(text if on_page else text.replace("$", ""))
    picture = Picture(f"p{number}", said, said, (Label((0, 0), text.replace("$", "")),))
    blocks: list[Block] = [
        Prose((said, f"\\texttt{{{said}}} \\textbf{{{said}}}")),
        TheoremBlock(text, (said,), f"t{number}"),
        Figure(picture),
        Table((said, said), ((said, f"\\textbf{{{said}}}"),), (1, 1)),
        Note(said, said),
    ]
    if "end{lstlisting}" not in text:
        blocks.append(Listing(said, text))
    if on_page:
        blocks.append(StepperBlock(layer("conv1d"), f"s{number}", forged(re.sub("[{}]", "", text))))
    return tuple(blocks)


def everywhere(texts: list[str], on_page: bool) -> Document:
    """Return a document with hostile texts in every place of it."""
    sections = (
        Section(f"section-{n}", escape(text.replace("$", "")), written(text, on_page, n))
        for n, text in enumerate(texts)
    )
    return Document(escape(texts[0]), "; ".join(texts), tuple(sections))


@pytest.fixture(scope="module")
def foreign() -> Iterator[tuple[str, list[str]]]:
    """Serve an address, and return it with the list of what is asked of it."""
    asked: list[str] = []

    class Server(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"window.hit=1")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


@pytest.fixture(scope="module", name="browser")
def browser_() -> Iterator[Any]:
    with browser() as driver:
        yield driver


KINDS = (
    *("script", "style", "img", "iframe", "object", "embed", "video", "audio", "link", "base"),
    *("form", "meta", "a"),
)
"""Elements that run, load or lead away."""


def counted(browser: Any) -> dict[str, int]:
    """Count the elements of kinds that run, load or lead away, and attributes that run."""
    program = (
        "return Object.fromEntries(arguments[0].map("
        "k => [k, document.querySelectorAll(k).length]).concat([['attributes', "
        "[...document.querySelectorAll('*')].flatMap(e => [...e.attributes])"
        ".filter(a => /^on|^style$/.test(a.name) || /^ *javascript:/i.test(a.value)).length]]))"
    )
    found: dict[str, int] = browser.execute_script(program, list(KINDS))
    return found


def test_a_page_shows_it(
    browser: Any, foreign: tuple[str, list[str]], tmp_path: Path
) -> None:
    """The page has the elements of one with harmless texts, and each text is on it as it is."""
    address, asked = foreign
    texts = [text.replace(FOREIGN, address) for text in (*MARKUP, *COMMANDS)]
    given = {"hostile.html": texts, "harmless.html": ["x"] * len(texts)}
    elements = []
    for name, shown in given.items():
        path = tmp_path / name
        path.write_text(page(everywhere(shown, True)), encoding="utf-8")
        browser.get(path.as_uri())
        for gesture in ("mouseover", "focus", "click"):
            browser.execute_script(
                "for (const e of document.querySelectorAll('main *')) "
                "e.dispatchEvent(new Event(arguments[0], {bubbles: true}))",
                gesture,
            )
        elements.append(counted(browser))
        assert browser.execute_script("return window.hit") is None
        assert browser.current_url.partition("#")[0] == path.as_uri()
        body = browser.execute_script("return document.body.textContent")
        assert all(text in body for text in shown)
        steps = browser.find_elements("css selector", ".stepper-sum")
        assert all(step.get_attribute("textContent") for step in steps)
        assert browser.get_log("browser") == []
    assert elements[0] == elements[1]
    assert asked == []


def test_the_policy_holds_what_is_not_escaped(
    browser: Any, foreign: tuple[str, list[str]], tmp_path: Path
) -> None:
    """Pasted into a page unescaped, none of it runs or loads either, but for a redirection."""
    address, asked = foreign
    whole = page(everywhere(["x"], True))
    raw = [t.replace(FOREIGN, address) for t in MARKUP if "refresh" not in t and "<!--" not in t]
    for name, policy in (("with", True), ("without", False)):
        text = whole if policy else whole.replace("Content-Security-Policy", "none")
        path = tmp_path / f"{name}.html"
        path.write_text(text.replace("<main", "\n".join(raw) + "<main", 1), encoding="utf-8")
        browser.get(path.as_uri())
        assert (browser.execute_script("return window.hit") is None) == policy
        assert (asked == []) == policy
    assert len(set(asked)) > 3, "the test would not see what is loaded"


@pytest.fixture
def secret(tmp_path: Path) -> tuple[Path, Path]:
    """Return a file that must not be read and one that must not be written."""
    path = tmp_path / "secret.txt"
    path.write_text("CANARYTEXT\n")
    return path, tmp_path / "touched.txt"


def words(pdf: bytes, folder: Path) -> str:
    """Return the text of a PDF without spaces."""
    (folder / "paper.pdf").write_bytes(pdf)
    done = subprocess.run(
        ["pdftotext", "-layout", "paper.pdf", "-"],
        cwd=folder, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return "".join(done.stdout.split())


needs_tex = pytest.mark.skipif(
    not (shutil.which("latexmk") and shutil.which("pdftotext")), reason="no latexmk or pdftotext"
)


@needs_tex
def test_a_paper_shows_it(secret: tuple[Path, Path], tmp_path: Path) -> None:
    """Every hostile text is printed in the paper, and nothing was read, written or run."""
    read, touched = secret
    texts = [t.replace(SECRET, str(read)).replace(TOUCHED, str(touched)) for t in COMMANDS + MARKUP]
    pdf, _ = compiled(latex(everywhere(texts, False)))
    said = words(pdf, tmp_path)
    assert "CANARYTEXT" not in said
    assert not touched.exists()
    assert said.count("secret.txt") > 20
    assert b"/JavaScript" not in pdf
    assert b"/URI" not in pdf


WAYS = ("input{", "lstinput", "openin", "write18", "|", "openout", "^^5c", "pdfobj")
"""The ways to a file or a program, one of `COMMANDS` for each."""


@needs_tex
@pytest.mark.parametrize("text", [next(t for t in COMMANDS if w in t) for w in WAYS], ids=WAYS)
def test_tex_is_confined(text: str, secret: tuple[Path, Path], tmp_path: Path) -> None:
    """As commands of TeX, which no door lets in, they read, write and run nothing either."""
    read, touched = secret
    given = text.replace(SECRET, str(read)).replace(TOUCHED, str(touched))
    document = Document("x", "", (Section("a", "A", (Prose((given,)), Listing("b", "c"))),))
    try:
        said = words(compiled(latex(document), 60)[0], tmp_path)
    except CompileError as error:
        said = str(error)
    assert "CANARYTEXT" not in said
    assert not touched.exists()


def test_a_listing_ends_where_it_ends() -> None:
    with pytest.raises(ValueError, match=r"listing: found .*end\{lstlisting\}"):
        latex(Document("x", "", (Section("a", "A", (Listing("b", "\\end{lstlisting}"),)),)))


@pytest.mark.parametrize("text", [*MARKUP, *SIGNS], ids=ascii)
def test_a_forged_notation_is_no_mathematics(text: str) -> None:
    """What no door let in gets no further than the converter, or is escaped."""
    document = Document("x", "", (Section("a", "A", (Formula((f"x &= {text}",)),)),))
    try:
        shown = page(document)
    except ValueError:
        return
    assert counted_tags(shown) == counted_tags(page(Document("x", "", (Section("a", "A", ()),))))


def counted_tags(text: str) -> list[int]:
    return [text.count(f"<{kind}") for kind in KINDS if kind not in ("a", "link", "meta")]


def test_the_built_in_notation_is_let_in() -> None:
    assert Symbols("own") == Symbols("own", tensors=DEEP_LEARNING.tensors)
