"""Check the pages of a site; or write and check a whole one: python -m tests.support.site_check.

Every link leads to a page, or to an element of one; no page has more than 300,000 bytes; every
theorem of the registry has a page. Some are visited with a browser, as `site_visits` says.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path
from posixpath import dirname, join, normpath

from rot180.codegen.cli.documents import BESIDE
from rot180.codegen.documents.book import book
from rot180.codegen.documents.html import page
from rot180.codegen.documents.playground_files import pyodide_files
from rot180.codegen.documents.site import PLAYGROUND, site, site_playground, theorem_address
from rot180.codegen.system import files as disk
from rot180.derive.theorems import claims
from tests.support.browser import browser
from tests.support.pyodide import pyodide_folder
from tests.support.serving import FolderServer
from tests.support.site_visits import DOWNLOAD, visits

LARGEST = 300_000
"""Bytes of a page."""

LONGEST = 120
"""Seconds of the processor for the whole site."""


class PageReader(HTMLParser):
    """Gathers the links and the anchors of a page, and the addresses that it offers to copy."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.anchors: Counter[str] = Counter()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id":
                self.anchors[value or ""] += 1
            elif name in ("data-address", "action") or (name == "href" and tag == "a"):
                self.links.append(value or "")
            elif name in ("src", "srcset") or name.startswith("on"):
                self.loaded.append(f"{name}={value}")


def faults(files: Mapping[str, str]) -> Iterator[str]:
    """Yield what is wrong with the files of a site."""
    pages = {name: PageReader(text) for name, text in files.items() if name.endswith(".html")}
    for name, read in pages.items():
        size = len(files[name].encode())
        if size > LARGEST and name != DOWNLOAD:
            yield f"{name} has {size} bytes"
        yield from (f"{name} has {n} of {a}" for a, n in read.anchors.items() if n > 1)
        yield from (f"{name} loads {what}" for what in read.loaded)
        for link in read.links:
            address, _, anchor = link.partition("#")
            target = normpath(join(dirname(name), address)) if address else name
            if target not in files:
                yield f"{name} links to {link}, which is no file"
            elif anchor and anchor not in pages[target].anchors:
                yield f"{name} links to {link}, which is nowhere on that page"


def main() -> int:
    """Return the exit code."""
    begin = time.process_time()
    pyodide = pyodide_files(pyodide_folder())
    whole = book()
    files = site(whole, {name: BESIDE[name] for name in (PLAYGROUND, DOWNLOAD)})
    own = site_playground(pyodide, files)
    files[DOWNLOAD] = page(whole)
    seconds = time.process_time() - begin
    shown = own[PLAYGROUND]
    pages = files | {PLAYGROUND: shown if isinstance(shown, str) else shown.decode()}
    found = [*faults(pages)]
    found += [f"{name} has no page" for name in claims() if theorem_address(name) not in files]
    if seconds > LONGEST:
        found.append(f"that took {seconds:.0f} s of the processor, more than {LONGEST}")
    sizes = {name: len(text.encode()) for name, text in pages.items() if name != DOWNLOAD}
    most = max(sizes, key=lambda name: sizes[name])
    print(f"{len(files)} files, {sum(sizes.values())} bytes, at most {sizes[most]} ({most})")
    print(f"{seconds:.0f} s of the processor")
    with tempfile.TemporaryDirectory() as folder, browser() as driver:
        disk.write(Path(folder), {**files, **own})
        with FolderServer(Path(folder)) as server:
            found += visits(driver, server)
    print(*found, sep="\n", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
