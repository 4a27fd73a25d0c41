"""``rot180 verify``: certificates and claims on the command line."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from rot180.codegen.cli.main import main

CERTIFICATES = Path(__file__).parents[3] / "generated" / "certificates"
TRUE = "p: sum[k] x[p+k]*w[k] = sum[j] x[p+K-1-j]*w[K-1-j]"
FALSE = "p: sum[k] x[p+k]*w[k] = sum[j] x[p+K-1-j]*w[j]"


def test_a_missing_certificate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(tmp_path / "none.json")]) == 2
    printed = capsys.readouterr()
    assert "FILE: found" in printed.err and "expected a certificate" in printed.err
    assert not printed.out


def test_verify(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table, report = tmp_path / "out.json", tmp_path / "junit.xml"
    chosen = sorted(str(path) for path in CERTIFICATES.glob("*_1d.json"))
    assert main(["verify", *chosen, "--json", str(table), "--junit", str(report)]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    count = re.match(r"(\d+) of (\d+) theorems proved", last)
    assert count is not None
    assert count[1] == count[2]
    rows = json.loads(table.read_text())
    assert len(rows) == int(count[1]) == len(chosen) >= 30
    assert not [row for row in rows if "unknown" in row["smt"]]
    assert f'tests="{len(rows)}" failures="0"' in report.read_text()


def test_verify_refuses_a_corrupted_certificate(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from rot180.derive.certificates.writer import dumps
    from rot180.derive.theorems import theorem

    text = dumps(theorem("rot180_correlation_general_1d").proof)
    honest, shifted = tmp_path / "honest.json", tmp_path / "shifted.json"
    honest.write_text(text)
    assert main(["verify", str(honest)]) == 0
    shifted.write_text(text.replace("- K*d", "- K*d + 1"))
    assert shifted.read_text() != text
    capsys.readouterr()
    assert main(["verify", str(shifted)]) == 1
    message = capsys.readouterr().out
    assert re.search(r"rot180_correlation_general_1d, step \d+ \(\w+", message)
    assert re.search(r"line 10, .* is false: line 0 is 1, line 10 is 0 at H=1, K=1, P=1", message)
    assert main(["verify", "--json", "-", str(shifted)]) == 1
    assert json.loads(capsys.readouterr().out)[0]["faults"]
    shifted.write_text(text[:-9])
    assert main(["verify", str(shifted)]) == 2


def test_verify_judges_a_claim(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "--claim", TRUE]) == 0
    message = capsys.readouterr().out
    assert message.startswith("proved\n")
    assert "= sum[j] x[p+K-1-j] * w[K-1-j]\n          by reindex" in message
    assert "rule reindex" in message
    assert main(["verify", "--claim", FALSE]) == 1
    message = capsys.readouterr().out
    refuted = "refuted: the left side is 4, the right side is 2 at H=1, K=2, p=0 with"
    assert message.startswith(refuted)
    assert "w = [2, 1], x = [2]" in message
    assert "none at a distance below 1 from H=1, K=1" in message


@pytest.mark.parametrize(
    "claim",
    [
        "p: sum[k] x[p+k]",
        "",
        "p: x[p = x[p]",
        "h < H x[h] = x[h]",
        "h < 3H: x[h] = x[h]",
        "p: x[p] = sum[k] x[p]",
        "p: sum[i,j] x[s*i+d*j]*w[d*i+s*j] = x[p]",
        "p: x[p] = sum[i,j] x[s*i+d*j]*w[d*i+s*j]",
    ],
)
def test_a_malformed_claim_exits_with_2(claim: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "--claim", claim]) == 2
    printed, error = capsys.readouterr()
    assert printed == ""
    assert error.startswith("rot180: ")


def test_a_claim_and_a_file_exclude_each_other(tmp_path: Path) -> None:
    assert main(["verify", "--claim", TRUE, str(tmp_path / "c.json")]) == 2


def test_the_certificate_of_a_claim(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is written with --json and verified as a file; a changed statement is refused."""
    path = tmp_path / "claim.json"
    assert main(["verify", "--claim", TRUE, "--json", str(path)]) == 0
    assert main(["verify", str(path)]) == 0
    assert "1 of 1 theorems proved" in capsys.readouterr().out
    data = json.loads(path.read_text())
    data["statement"] = data["statement"].replace("w[K-1-j]", "w[j]")
    path.write_text(json.dumps(data))
    assert main(["verify", str(path)]) == 1
    assert "another statement than is recorded" in capsys.readouterr().out


def test_contradictory_hypotheses_are_vacuous(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a claim and in a certificate that replays: they are met by no sizes."""
    from rot180.derive.certificates.writer import dumps
    from rot180.derive.kernel.proof import Proof
    from rot180.derive.semantics.claims import parse_claim

    claim = "h < H: x[h] = x[h] if H >= 5, H*H < 20"
    assert main(["verify", "--claim", claim]) == 1
    assert capsys.readouterr().out.startswith("vacuous: the hypotheses contradict each other")
    variables, lhs, _, hypotheses = parse_claim(claim)
    path = tmp_path / "claim.json"
    path.write_text(dumps(Proof("claim", variables, hypotheses, lhs, ())))
    assert main(["verify", str(path)]) == 1
    message = capsys.readouterr().out
    assert re.search(r"^ok +ok +vacuous +ok .* claim$", message, re.M)
    assert "FAILED claim\n    model: vacuous: the hypotheses contradict each other" in message
    assert "0 of 1 theorems proved" in message


def test_a_refutation_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "--claim", FALSE, "--json"]) == 1
    data = json.loads(capsys.readouterr().out)
    assert data["verdict"] == "refuted"
    found = data["counterexample"]
    assert found["sizes"] == {"H": 1, "K": 2}
    assert (found["index"], found["left"], found["right"]) == ({"p": 0}, 4, 2)
    assert found["modulo"] is None
