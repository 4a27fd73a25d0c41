"""Pages in a browser: no error, no sideways scrolling, and everything by keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rot180.codegen.documents.html import page
from rot180.codegen.documents.layer import document
from rot180.codegen.kernels.derivation import derive
from tests.support.browser import browser, complaints, opened


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the page of a layer: theorems, proofs, pictures, a stepper."""
    found = document(derive("conv2d"))
    written = tmp_path_factory.mktemp("page") / "proof.html"
    written.write_text(page(found), encoding="utf-8")
    return written


@pytest.fixture(scope="module", name="browser")
def browser_() -> Iterator[Any]:
    with browser() as driver:
        yield driver


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1200])
def test_no_error_and_nothing_wider_than_the_window(
    browser: Any, path: Path, width: int, scheme: str
) -> None:
    opened(browser, path.as_uri(), width, scheme)
    browser.execute_script("for (const d of document.querySelectorAll('details')) d.open = true")
    assert complaints(browser) == []


def test_dark_is_dark(browser: Any, path: Path) -> None:
    colours = []
    for scheme in ("light", "dark"):
        opened(browser, path.as_uri(), 1200, scheme)
        script = "return getComputedStyle(document.body).backgroundColor"
        colours.append(sum(map(int, browser.execute_script(script)[4:-1].split(","))))
    assert colours[0] > 700
    assert colours[1] < 120


def test_proofs_unfold_by_keyboard(browser: Any, path: Path) -> None:
    from selenium.webdriver.common.keys import Keys

    opened(browser, path.as_uri())
    folded = browser.find_element("css selector", "details.proof:not([open])")
    rows = folded.find_elements("css selector", ".right")
    assert rows and not rows[0].is_displayed()
    folded.find_element("css selector", "summary").send_keys(Keys.ENTER)
    assert folded.get_attribute("open") is not None
    assert rows[0].is_displayed()


def test_links_of_the_contents_lead_somewhere(browser: Any, path: Path) -> None:
    opened(browser, path.as_uri())
    for link in browser.find_elements("css selector", "nav a"):
        anchor = link.get_attribute("href").split("#")[1]
        assert browser.find_element("id", anchor).is_displayed()


def test_buttons_copy_latex(browser: Any, path: Path) -> None:
    opened(browser, path.as_uri())
    browser.execute_script(
        "navigator.clipboard.writeText = async text => { window.copied = text; }"
    )
    browser.find_element("css selector", ".theorem button").click()
    copied = browser.execute_script("return window.copied")
    assert copied.startswith(("For all $", "Let $"))
    assert "\\begin{align" in copied


def test_the_stepper_moves(browser: Any, path: Path) -> None:
    from selenium.webdriver.common.keys import Keys

    opened(browser, path.as_uri())
    stepper = browser.find_element("id", "stepper")
    before = stepper.text
    buttons = stepper.find_elements("css selector", "button")
    following = next(b for b in buttons if "next" in (b.get_attribute("aria-label") or "").lower())
    following.send_keys(Keys.ENTER)
    assert stepper.text != before
    assert browser.get_log("browser") == []


def test_mathematics_is_shown(browser: Any, path: Path) -> None:
    """The browser lays MathML out: the limits of a sum are below it, not beside it."""
    opened(browser, path.as_uri())
    below = browser.execute_script(
        "const m = document.querySelector('.chain munder'), [s, l] = m.children;"
        "return l.getBoundingClientRect().top - s.getBoundingClientRect().top"
    )
    assert below > 10
