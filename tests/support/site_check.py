"""Check the pages of a site; or of the whole site: python tests/support/site_check.py.

Every link leads to a page, or to an element of one; no page has more than 300,000 bytes; every
theorem of the registry has a page.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from posixpath import dirname, join, normpath

from rot180.codegen.documents.book import book
from rot180.codegen.documents.site import site, theorem_address
from rot180.derive.theorems import claims

LARGEST, LONGEST = 300_000, 60
"""Bytes of a page; seconds of the processor for all pages."""


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
    for name, page in pages.items():
        size = len(files[name].encode())
        if size > LARGEST:
            yield f"{name} has {size} bytes"
        yield from (f"{name} has {n} of {a}" for a, n in page.anchors.items() if n > 1)
        yield from (f"{name} loads {what}" for what in page.loaded)
        for link in page.links:
            address, _, anchor = link.partition("#")
            target = normpath(join(dirname(name), address)) if address else name
            if target not in files:
                yield f"{name} links to {link}, which is no file"
            elif anchor and anchor not in pages[target].anchors:
                yield f"{name} links to {link}, which is nowhere on that page"


def main() -> int:
    """Return the exit code."""
    begin = time.process_time()
    files = site(book(), {})
    seconds = time.process_time() - begin
    found = [*faults(files)]
    found += [f"{name} has no page" for name in claims() if theorem_address(name) not in files]
    print(*found, sep="\n", file=sys.stderr)
    sizes = {name: len(text.encode()) for name, text in files.items()}
    most = max(sizes, key=lambda name: sizes[name])
    print(f"{len(files)} files, {sum(sizes.values())} bytes, at most {sizes[most]} ({most})")
    print(f"{seconds:.0f} s of the processor")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
