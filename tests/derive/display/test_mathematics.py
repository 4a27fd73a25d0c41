"""What a notation may write: every listed command is shown by pages, papers and pictures."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from rot180.codegen.documents.latex import latex
from rot180.codegen.documents.model import Document, Formula, Section
from rot180.codegen.documents.pdf import compiled
from rot180.codegen.figures.math_labels import spans
from rot180.derive.display import mathematics
from rot180.derive.display.mathematics import COMMANDS, FUNCTIONS, OVER_TWO, expect_mathematics
from rot180.derive.display.mathml import mathml
from rot180.derive.display.width import width


def written(command: str) -> str:
    """Return a command with its arguments, and a script."""
    count = 1 if command in mathematics.OVER_ONE else 2 * (command in OVER_TWO)
    arguments = "{flip}" if command == "operatorname" else "{A_{1}}" * count
    return f"\\{command}{arguments}_{{a}} b"


EVERY = [*map(written, sorted(COMMANDS)), *(f"a{s} {{b}}" for s in sorted(mathematics.SPACES))]
SHAPES = [
    "x", "x'", "x''_1", "x_1''", "x'^{2}_1", "a^{l+1}_{x, y}", r"\frac12", r"\frac{a}{\frac{b}{c}}",
    r"(\nabla_{a} C)", "{a b}^{2}", r"\hat{\mathbf{x}}^{*}", r"|x|!", r"\operatorname{my-op 2\_b}",
]  # fmt: skip


@pytest.mark.parametrize("symbol", [*EVERY, *SHAPES])
def test_what_is_allowed_is_shown(symbol: str) -> None:
    """The page shows mathematics, and a picture a sign or a letter, never a command's name."""
    expect_mathematics(symbol, "tensors.x")
    assert width(symbol) > 0
    assert "\\" not in mathml(symbol)
    shown = "".join(characters for characters, _, _ in spans(symbol))
    assert "\\" not in shown
    if symbol in EVERY and symbol[0] == "\\":
        name = symbol[1:].partition("{")[0].partition("_")[0]
        assert name in FUNCTIONS or name not in shown


@pytest.mark.skipif(not shutil.which("latexmk"), reason="no latexmk")
def test_what_is_allowed_is_typeset() -> None:
    shown = Formula(tuple(f"& {symbol}" for symbol in (*EVERY, *SHAPES)))
    pdf, log = compiled(latex(Document("Symbols", "", (Section("all", "All", (shown,)),))))
    assert pdf.startswith(b"%PDF")
    assert "Missing character" not in log


def test_the_page_lists_every_command() -> None:
    page = (Path(__file__).parents[3] / "docs" / "notations.md").read_text(encoding="utf-8")
    listed = page.split("```")[2].split("`rot180 derive")[0]
    found = set(re.findall(r"`\\([A-Za-z]+)", listed))
    assert found == COMMANDS | {"quad", "qquad"}
    assert f"at most {mathematics.LONGEST} characters" in listed
    assert f"at most {mathematics.MOST_USES} arguments" in listed
