"""Certificates of false statements, written by hand: each is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rot180.codegen.cli.main import main
from rot180.derive.certificates.reader import MalformedError, loads
from rot180.derive.kernel.errors import ProofError
from rot180.derive.kernel.place import Place
from rot180.derive.kernel.replay import replay

FOLDER = Path(__file__).parent / "forged"
FORGED = sorted(FOLDER.glob("*.json"))
REASON = (
    r"step \d+ \(\w+|tensor|variable|affine|coefficient|number|digits|a box or bound"
    r"|supports|inside|definitions"
)
"""Where a certificate is refused: at a step, or before the first for one of these."""


@pytest.mark.parametrize("path", FORGED, ids=lambda p: p.stem)
def test_a_forged_certificate_is_refused(path: Path) -> None:
    """`1 = 0`, and what follows from captured and clashing names."""
    with pytest.raises((ProofError, MalformedError), match=REASON):
        replay(loads(path.read_text()))


@pytest.mark.parametrize(
    ("name", "where", "why"),
    [
        ("falsum", "step 1 (lemma)", "{'polynomial': 's - 1'}\", expected a symbol"),
        ("falsum_symbol", "step 1 (lemma,", "it has no certificate that -2 >= 0"),
        ("x1000", "step 1 (lemma)", "{'polynomial': 's - 1'}\", expected a symbol"),
        ("x1000_symbol", "step 1 (lemma,", "it has no certificate that -2 >= 0"),
        ("compose2", "step 1 (compose,", "the certificate does not show that -2 >= 0"),
        ("compose2_renamed", "step 1 (compose,", "the certificate does not show that -2 >= 0"),
        ("compose2_index", "step 1 (compose,", "the certificate does not show that -2 >= 0"),
        ("clash", "step 3 (lemma,", "the name T stands for two tensors"),
        ("clash_deep", "step 3 (lemma,", "the name T stands for two tensors"),
        ("spoof1", "tensor", "found '2 * x', expected a letter, then letters"),
    ],
)
def test_the_reason_is_the_hole(name: str, where: str, why: str) -> None:
    """The first five forgeries, and the same where no other check would have refused them."""
    with pytest.raises((ProofError, MalformedError)) as error:
        replay(loads((FOLDER / f"{name}.json").read_text()))
    assert where in str(error.value)
    assert why in str(error.value)


@pytest.mark.parametrize("name", ["compose2", "compose2_renamed", "compose2_index"])
def test_only_its_names_keep_a_support_from_the_new_index(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the new index were not a name of the goal, ``D dT/dz [q = 1000] = 0`` would be proved."""
    context = Place.context
    monkeypatch.setattr(Place, "context", lambda place, factors, names=(): context(place, factors))
    found = loads((FOLDER / f"{name}.json").read_text())
    if name == "compose2":
        with pytest.raises(ProofError, match="the name T stands for two tensors"):
            replay(found)
    else:
        assert replay(found).rhs == ()


def test_the_list_says_what_each_tries() -> None:
    listed = re.findall(r"^\| `(\w+)` \| .", (FOLDER / "README.md").read_text(), re.MULTILINE)
    assert sorted(listed) == [path.stem for path in FORGED]


@pytest.mark.parametrize("path", FORGED, ids=lambda p: p.stem)
def test_the_command_line_says_so(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(path)]) in (1, 2)
    printed = capsys.readouterr()
    assert "1 of 1 theorems proved" not in printed.out + printed.err
