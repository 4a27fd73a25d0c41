"""What names a document: version and authors, and a date that the builder gives."""

from __future__ import annotations

import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from rot180.codegen.documents.latex import latex
from rot180.codegen.documents.model import Document
from rot180.codegen.system import version as module
from rot180.codegen.system.version import EPOCH, authors, date, version

FILE = Path(__file__).parents[3] / "pyproject.toml"
PROJECT = tomllib.loads(FILE.read_text())["project"]


def absent(name: str) -> str:
    raise metadata.PackageNotFoundError(name)


def test_a_checkout_has_what_its_project_file_declares(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "version", absent)
    monkeypatch.setattr(metadata, "metadata", absent)
    # the tests may run beside an installation that is no checkout
    monkeypatch.setattr(module, "_PROJECT", FILE)
    assert version() == PROJECT["version"]
    assert authors() == PROJECT["authors"][0]["name"]
    monkeypatch.setattr(module, "_PROJECT", Path("/nowhere/pyproject.toml"))
    assert version() == "(not installed)"
    assert authors() == ""


def test_an_installed_distribution_has_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "rot180.dist-info"
    folder.mkdir()
    text = "Metadata-Version: 2.4\nName: rot180\nVersion: 3.2.1\nAuthor: A. Author\n"
    (folder / "METADATA").write_text(text)
    found = metadata.PathDistribution(folder)
    monkeypatch.setattr(metadata.Distribution, "from_name", lambda _: found)
    assert (version(), authors()) == ("3.2.1", "A. Author")


def test_the_date_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(EPOCH, raising=False)
    assert date() == ""
    monkeypatch.setenv(EPOCH, "1764115200")
    assert date() == "26 November 2025"


@pytest.mark.parametrize("given", ["today", "1" * 30, "1.5"])
def test_a_date_that_is_none(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(EPOCH, given)
    with pytest.raises(ValueError, match=f"{EPOCH}: found '{given}', expected a number of seconds"):
        date()


def test_documents_say_who_wrote_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(EPOCH, "1764115200")
    (one,) = PROJECT["authors"]
    for book in (True, False):
        text = latex(Document("A title", "rot180 book", (), book))
        assert f"pdftitle={{A title}},pdfauthor={{{one['name']}}}" in text
    text = latex(Document("A title", "rot180 book", (), True))
    assert f"{{\\large {one['name']}\\par}}" in text
    assert f"rot180 {version()}, 26 November 2025\\par" in text
