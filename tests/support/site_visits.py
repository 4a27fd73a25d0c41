"""Visits to a site with a browser: pages of each kind, wide and narrow, light and dark.

No page may write on the console, be wider than its window, or ask for more than itself; all but
the book on one page are painted within a second. The stepper, the search and the playground are
used. A table of bytes, requests and times is printed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from rot180.codegen.documents.site import HOME, PLAYGROUND, STORY, theorem_address
from rot180.codegen.documents.site_frame import SEARCH
from tests.support.browser import complaints, opened, resized, until
from tests.support.serving import FolderServer

DOWNLOAD = "book.html"

SAMPLE = {
    "landing": HOME,
    "narrative": STORY,
    "guide": "how-to-read.html",
    "theorem": theorem_address("rot180_correlation_2d"),
    "figure": "figures/rot180-correlation-1d-forward.html",
    "moving figure": "figures/rot180-correlation-1d-moving-backward.html",
    "contents": SEARCH,
    "download": DOWNLOAD,
    "playground": PLAYGROUND,
}
"""A page of each kind."""

WINDOWS = [(width, scheme) for width in (400, 1200) for scheme in ("light", "dark")]

SLOWEST = 1000
"""Milliseconds until a page is painted, in the fastest of its visits: a machine may be busy."""

SUM = "y[p] = sum[k] x[s*p+k] * w[k]"


def visits(driver: Any, server: FolderServer) -> Iterator[str]:
    """Visit a site, print what was measured, and yield what is wrong.

    Args:
        driver: the browser.
        server: serves the site, with its playground and with the book on one page.

    """
    driver.execute_cdp_cmd("Network.enable", {})
    driver.execute_cdp_cmd("Network.setCacheDisabled", {"cacheDisabled": True})
    print(f"{'page':15}{'bytes':>10}{'requests':>10}{'first paint':>14}{'loaded':>10}")
    for kind, address in SAMPLE.items():
        yield from (f"{kind}: {said}" for said in _page(driver, server, kind, address))
    for width, scheme in WINDOWS:
        window = f"{width} px, {scheme}"
        resized(driver, width, scheme)
        yield from (f"stepper, {window}: {said}" for said in _stepper(driver, server))
        yield from (f"search, {window}: {said}" for said in _search(driver, server))
    yield from (f"playground: {said}" for said in _playground(driver, server))


def _page(driver: Any, server: FolderServer, kind: str, address: str) -> Iterator[str]:
    times = []
    for width, scheme in WINDOWS:
        server.sent.clear()
        opened(driver, "about:blank", width, scheme)
        opened(driver, server.address + address, width, scheme)
        until(driver, "performance.getEntriesByName('first-contentful-paint').length")
        times.append(
            driver.execute_script(
                "return [performance.getEntriesByName('first-contentful-paint')[0].startTime,"
                " performance.getEntriesByType('navigation')[0].loadEventEnd]"
            )
        )
        yield from (f"{width} px, {scheme}: {said}" for said in complaints(driver))
        if len(server.sent) != 1:
            yield f"asked for {[path for path, _ in server.sent]}"
    size = sum(count for _, count in server.sent)
    paint, loaded = (min(column) for column in zip(*times, strict=True))
    print(f"{kind:15}{size:10}{len(server.sent):10}{paint:11.0f} ms{loaded:7.0f} ms")
    if paint > SLOWEST and address != DOWNLOAD:
        yield f"painted after {paint:.0f} ms, expected at most {SLOWEST}"


def _stepper(driver: Any, server: FolderServer) -> Iterator[str]:
    driver.get(server.address + HOME)
    for view in driver.find_elements("css selector", ".stepper-view"):
        line = view.find_element("css selector", ".stepper-sum")
        before = line.text
        # by keys: what is far below is not yet there for the mouse while the page glides to it
        view.find_element("css selector", "[data-do=next]").send_keys("\ue007")
        if not line.text or line.text == before:
            yield f"{line.text!r} after a step from {before!r}"
    driver.find_element("name", "with-numbers").send_keys(" ")
    if "=" not in line.text.partition("=")[2]:
        yield f"{line.text!r} has no number"
    yield from complaints(driver)


def _search(driver: Any, server: FolderServer) -> Iterator[str]:
    driver.get(server.address + HOME)
    driver.find_element("name", "q").send_keys("rot180 3-D\ue007")
    until(driver, "document.querySelector('form output').textContent", 60)
    names = "[...document.querySelectorAll('[data-searched] li:not([hidden]) > code')]"
    found = driver.execute_script(f"return {names}.map(e => e.textContent)")
    if "rot180_correlation_3d" not in found or len(found) > 20:
        yield f"found {found}"
    yield from complaints(driver)


def _playground(driver: Any, server: FolderServer) -> Iterator[str]:
    server.sent.clear()
    opened(driver, "about:blank")
    driver.get(f"{server.address}{PLAYGROUND}#sum={quote(SUM)}")
    until(driver, "document.getElementById('stage').textContent.startsWith('Derived')")
    size = sum(count for _, count in server.sent)
    said = driver.find_element("id", "stage").text
    print(f"{'first sum':15}{size:10}{len(server.sent):10}  {said}")
    verdict = driver.find_element("id", "verdict").text
    proved, of = (word for word in verdict.split() if word.isdigit())
    if proved != of or of == "0":
        yield verdict
    for width, scheme in WINDOWS:
        resized(driver, width, scheme)
        yield from (f"{width} px, {scheme}: {said}" for said in complaints(driver))
