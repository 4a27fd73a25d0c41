"""The playground in a browser: layers derived, drawn and checked there; faults; no network."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pytest

from rot180.codegen.cli.main import main
from rot180.derive import checker
from tests.support.browser import browser, complaints, opened, until
from tests.support.pyodide import pyodide_folder
from tests.support.serving import FolderServer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FolderServer]:
    given, folder = pyodide_folder(), tmp_path_factory.mktemp("playground")
    assert main(["playground", "-o", str(folder), "--pyodide", str(given)]) == 0
    with FolderServer(folder) as serving:
        yield serving


@pytest.fixture(scope="module", name="browser")
def browser_() -> Iterator[Any]:
    with browser() as driver:
        yield driver


@pytest.fixture(scope="module")
def address(server: FolderServer) -> str:
    return f"{server.address}index.html"


def text_of(browser: Any, place: str) -> str:
    return str(browser.execute_script(f"return document.querySelector({place!r}).textContent"))


DONE = "document.getElementById('stage').textContent.startsWith('Derived')"
FAULT = "!document.getElementById('error').hidden"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1200])
def test_the_page_fits(browser: Any, address: str, width: int, scheme: str) -> None:
    opened(browser, address, width, scheme)
    assert complaints(browser) == []


def test_layers_are_derived_in_the_browser(
    browser: Any, address: str, server: FolderServer, tmp_path: Path
) -> None:
    """Three layers, one of them wrong; then one more when the server is gone."""
    saved = {"behavior": "allow", "downloadPath": str(tmp_path)}
    browser.execute_cdp_cmd("Browser.setDownloadBehavior", saved)
    wrong = "y[p] = sum[k] x[2*p+k] * w{k]"
    browser.get("about:blank")
    browser.get(f"{address}#sum={quote(wrong)}")
    until(browser, FAULT)
    message = text_of(browser, "#error").split("\n")
    caret = message[2].index("^")
    assert message[1][caret:].startswith("{"), message
    box = browser.execute_script(
        "const s = document.getElementById('sum'); return [s.value, s.selectionStart]"
    )
    assert box == [wrong, wrong.index("{")]

    right = "y[p] = sum[k] x[2*p+k] * w[k]"
    derive_in(browser, right)
    assert not browser.execute_script(f"return {FAULT}")
    assert unquote(browser.execute_script("return location.hash")) == f"#sum={right}"
    theorem = text_of(browser, "#proofs .theorem")
    assert "grad_x" in theorem or "∂" in theorem
    for selector in ("#proofs math", "#proofs svg.picture", "#proofs .stepper-cell"):
        assert browser.execute_script(f"return document.querySelectorAll({selector!r}).length") > 0
    kernels = text_of(browser, "#kernels")
    assert "def grad_x(" in kernels and "numpy_kernels.py" in kernels
    names, proved = certificate(browser, tmp_path)
    assert f"{len(names)} of {len(names)} proved" in text_of(browser, "#verdict")
    assert proved == ["proved"] * len(names)

    derive_in(browser, "dense")
    assert "y[i,j] = sum[k] x[i,k] * w[k,j]" in text_of(browser, "#result")
    assert complaints(browser) == []

    until(browser, "document.documentElement.dataset.kept !== undefined")
    server.stop()
    browser.get("about:blank")
    browser.get(f"{address}#sum={quote('y[i] = relu(z[i])')}")
    until(browser, DONE)
    assert "relu" in text_of(browser, "#result")


def derive_in(browser: Any, text: str) -> None:
    browser.execute_script("document.getElementById('sum').value = arguments[0]", text)
    browser.execute_script("document.getElementById('derive').click()")
    until(browser, f"{DONE} || {FAULT}")


def certificate(browser: Any, folder: Path) -> tuple[list[str], list[str]]:
    """Save the certificate; return its theorems, and what the checker says here."""
    from selenium.webdriver.support.ui import WebDriverWait

    browser.execute_script("document.querySelector('#certificate a[download]').click()")
    path = folder / "certificate.json"
    WebDriverWait(browser, 60).until(lambda _: path.exists())
    text = path.read_text(encoding="utf-8")
    return list(json.loads(text)["proofs"]), [v.verdict for v in checker.check(text)]
