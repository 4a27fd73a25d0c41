"""The README is short, its code prints what it shows, and the pages' links lead somewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from rot180.derive.theorems import claims

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
WORDS = 900


def blocks(page: str, language: str) -> list[str]:
    found = re.findall(r"^```(\w*)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    return [text for name, text in found if name == language]


def anchors(page: str) -> set[str]:
    """Return the anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", page, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", text).strip().lower().replace(" ", "-") for text in headings}


def test_it_is_short() -> None:
    assert len(README.split()) <= WORDS


def test_its_code_prints_what_it_shows() -> None:
    [code], [shown] = blocks(README, "python"), blocks(README, "")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == shown


def test_pages_have_the_number_of_theorems() -> None:
    usage = (ROOT / "docs" / "usage.md").read_text(encoding="utf-8")
    counts = [int(n) for n in re.findall(r"(\d+) theorems", README + usage)]
    assert len(counts) >= 2 and set(counts) == {len(claims())}


def test_it_has_the_two_set_up_commands() -> None:
    commands = [block.strip() for block in blocks(README, "sh")]
    assert len(commands) == 2
    assert all(re.fullmatch(r"pip install [^&\n]+ && [^\n]+", text) for text in commands)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for link in re.findall(r'\]\(([^)\s]+)\)|src="([^"]+)"', text):
        target, _, anchor = "".join(link).partition("#")
        if "://" in target:
            continue
        path = (page.parent / target).resolve() if target else page
        assert path.exists(), f"{link}: found no such file"
        if anchor:
            assert anchor in anchors(path.read_text(encoding="utf-8")), f"{link}: found no heading"
