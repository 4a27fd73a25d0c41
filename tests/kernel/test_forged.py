"""Certificates that prove what is false, or would, written by hand: each is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rot180.codegen.cli import main
from rot180.derive.certificates.reader import MalformedError, loads
from rot180.derive.kernel.errors import ProofError
from rot180.derive.kernel.replay import replay

FOLDER = Path(__file__).parent / "forged"
FORGED = sorted(FOLDER.glob("*.json"))
REASON = r"step \d+ \(\w+|tensor|variable|affine|coefficient|number|digits|a box or bound"
"""Where a certificate is refused: at a step, or before the first for one of these."""


@pytest.mark.parametrize("path", FORGED, ids=lambda p: p.stem)
def test_a_forged_certificate_is_refused(path: Path) -> None:
    """`1 = 0`, and what follows from captured and clashing names."""
    with pytest.raises((ProofError, MalformedError), match=REASON):
        replay(loads(path.read_text()))


def test_the_list_says_what_each_tries() -> None:
    listed = re.findall(r"^\| `(\w+)` \| .", (FOLDER / "README.md").read_text(), re.MULTILINE)
    assert sorted(listed) == [path.stem for path in FORGED]


@pytest.mark.parametrize("path", FORGED, ids=lambda p: p.stem)
def test_the_command_line_says_so(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(path)]) in (1, 2)
    printed = capsys.readouterr()
    assert "1 of 1 theorems proved" not in printed.out + printed.err
