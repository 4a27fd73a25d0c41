"""Pages of steps show every step of a long proof once, and the theorem's page leads to them."""

from __future__ import annotations

import re

from rot180.codegen.documents.model import TEXT_WIDTH, ProofBlock, Prose
from rot180.codegen.documents.site_steps import (
    MOST,
    long_proof,
    parts,
    steps_address,
    steps_sections,
    without_steps,
)
from rot180.derive.display.equations import aligned
from rot180.derive.display.proof_latex import proof_lines
from rot180.derive.theorems import theorem

ADDRESS = "theorems/one.html"
PROVED = theorem("dense_input")
ONCE = ProofBlock(proof_lines(PROVED, "short"), proof_lines(PROVED, "full"))
LONG = ProofBlock(ONCE.short, ONCE.full * 120)


def test_all_steps_are_on_pages_that_are_short() -> None:
    found = list(parts(LONG.full))
    assert len(found) > 2
    assert sum(found, ()) == LONG.full
    assert all(len(aligned(part, TEXT_WIDTH)) <= MOST for part in found)


def test_the_theorem_leads_to_each_page() -> None:
    words = Prose(("About it.",))
    first, short, links, last = without_steps((words, LONG, words), ADDRESS)
    assert (first, last) == (words, words)
    assert isinstance(short, ProofBlock)
    assert short.full == short.short == LONG.short
    assert isinstance(links, Prose)
    text = str(links.parts[0])
    pages = [section for _, section in steps_sections(LONG)]
    for number in range(1, len(pages) + 1):
        assert steps_address(ADDRESS, number) in text
    ranges = [(int(a), int(b)) for a, b in re.findall(r"\{(\d+) to (\d+)\}", text)]
    assert [b - a + 1 for a, b in ranges] == [len(p) for p in parts(LONG.full)]
    assert (ranges[0][0], ranges[-1][1]) == (1, len(LONG.full))


def test_a_short_proof_stays_where_it_is() -> None:
    assert long_proof((ONCE,)) is None
    assert without_steps((ONCE,), ADDRESS) == (ONCE,)
