"""Hypotheses and conventions of programs, in the letters of a document."""

from __future__ import annotations

import pytest

from rot180.codegen.documents.layer import forward
from rot180.codegen.documents.model import Prose
from rot180.derive.display.letters import layer_letters
from rot180.derive.display.mathml import sentence
from rot180.derive.language.program_catalogue import PROGRAMS
from rot180.derive.language.programs import program


def said(name: str) -> str:
    """Return the sentences about what is given in a program."""
    read = program(name)
    parts = [p for b in forward(read, layer_letters(read)) if isinstance(b, Prose) for p in b.parts]
    return " ".join(p for p in parts if isinstance(p, str))


def test_entries_are_mathematics() -> None:
    assert "required that $\\mathit{sum\\_e}[n, i] \\ne 0$." in said("attention")
    largest = "$\\mathit{largest\\_u}[n, c, p, k]$ is 1 at the first largest $u[n, c, p, k]$"
    assert f"By convention, {largest} over $k$, else 0; it is held fixed." in said("max_pool1d")
    assert " is 1 where $v = \\mathit{idx}[i_{1}, i_{2}]$, else 0" in said("embedding")
    assert "that $u[n, c, p, k] > 0$, $a \\ne 0$ and" in said("lp_pool1d")


def test_formulas_stay_as_they_are_written() -> None:
    assert "\\texttt{cos\\_t\\_d[t,d] = cos(t*base" in said("rotary_embedding")


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_page_can_show_them(name: str) -> None:
    assert sentence(said(name))
