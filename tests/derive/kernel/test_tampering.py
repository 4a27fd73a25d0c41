"""Tampered certificates are refused: the step, the false line, and the sizes where it is false."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from rot180.codegen.cli.main import main
from rot180.codegen.system import files
from rot180.codegen.verify.departure import departure
from rot180.codegen.verify.diagnosis import explain, first_false_line
from rot180.derive.certificates.reader import loads
from rot180.derive.certificates.writer import dumps
from rot180.derive.kernel.errors import ProofError
from rot180.derive.kernel.proof import Proof, Theorem
from rot180.derive.kernel.replay import apply_step, replay
from rot180.derive.language.polynomial import symbol
from rot180.derive.language.terms import AtLeast, Equal, Range, tensor, term
from rot180.derive.semantics.counterexample import falsify
from rot180.derive.semantics.evaluate import evaluate
from rot180.derive.semantics.model import Model
from rot180.derive.theorems import claims
from tests.support.proofs import step as one_step

FOLDER = files.generated_folder() / files.CERTIFICATES
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))
SEED = "rot180_correlation_general_1d"
SAMPLE = (
    SEED,
    "weight_correlation_general_2d",
    "phases_correlation_general_channels_1d",
    "double_backward_output_correlation_general_1d",
)


@cache
def committed(name: str) -> Theorem:
    return replay(loads((FOLDER / f"{name}.json").read_text()))


def without(proof: Proof, n: int) -> Proof:
    return replace(proof, steps=(*proof.steps[:n], *proof.steps[n + 1 :]))


def doubled(proof: Proof, n: int) -> Proof:
    return replace(proof, steps=(*proof.steps[: n + 1], *proof.steps[n:]))


def swapped(proof: Proof, n: int) -> Proof:
    a, b = proof.steps[n : n + 2]
    return replace(proof, steps=(*proof.steps[:n], b, a, *proof.steps[n + 2 :]))


def refused(proof: Proof, honest: Theorem, start: int) -> bool:
    """Say whether a proof is refused that agrees with an honest one before that step."""
    line = honest.lines[start]
    for step in proof.steps[start:]:
        try:
            line, _ = apply_step(proof, line, step)
        except (ValueError, TypeError):
            return True
    try:
        found = replay(proof)
    except ProofError:
        return True
    claim = claims()[proof.name]() if proof.name in claims() else honest
    return (found.lhs, found.rhs) != (claim.lhs, claim.rhs)


@pytest.mark.parametrize("name", NAMES)
def test_no_step_can_be_dropped(name: str) -> None:
    """Each step of each committed certificate is needed; without it, the message names the step."""
    honest = committed(name)
    for n, step in enumerate(honest.proof.steps):
        mutant = without(honest.proof, n)
        assert refused(mutant, honest, n), f"step {n + 1}"
        said = departure(mutant, honest.proof)
        found = re.match(r"step (\d+) \((\w+)\) of the committed certificate is missing", said)
        assert found, said
        # if neighbouring steps are equal, any of them may be reported as missing
        assert honest.proof.steps[int(found[1]) - 1] == step
        assert found[2] == step.rule


@pytest.mark.parametrize("name", SAMPLE)
def test_doubled_and_swapped_steps_are_named(name: str) -> None:
    """Whether or not the steps still hold."""
    proof = committed(name).proof
    for n, step in enumerate(proof.steps):
        said = departure(doubled(proof, n), proof)
        pattern = r"step \d+ \((\w+)\) is not in the committed .*: step \d+ is repeated"
        found = re.match(pattern, said)
        assert found, said
        assert found[1] == step.rule
        if n + 1 < len(proof.steps) and proof.steps[n + 1] != step:
            said = departure(swapped(proof, n), proof)
            both = f"step {n + 1} ({step.rule}) and step {n + 2} ({proof.steps[n + 1].rule})"
            assert said == f"{both} of the committed certificate are exchanged here"


def test_the_honest_certificate_departs_from_nothing() -> None:
    proof = committed(SEED).proof
    assert departure(proof, proof) == ""
    assert "left side" in departure(replace(proof, start=()), proof)
    assert "3 steps" in departure(replace(proof, steps=proof.steps[:3]), proof)


def steps_of(data: dict[str, object], rule: str) -> Iterator[dict[str, object]]:
    for step in data["steps"]:  # type: ignore[attr-defined]
        if step["rule"] == rule:
            yield step


def verify(path: Path, text: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    path.write_text(text)
    capsys.readouterr()
    code = main(["verify", str(path)])
    printed = capsys.readouterr()
    return code, printed.out + printed.err


@pytest.mark.parametrize(
    ("old", "new", "line", "at"),
    [
        # the padding of the backward pass, pi = d(K-1) - lo, one too small
        ("- K*d", "- K*d + 1", 10, "H=1, K=1, P=1, d=1, lo=0, s=1, h=0"),
        # the filter not flipped
        ("K - 1 - j", "j", 10, "H=1, K=2, P=1, d=1, lo=0, s=1, h=0"),
        ("K - 1 - i0", "i0", 11, "H=1, K=2, P=1, d=1, lo=0, s=1, h=0"),
    ],
)
def test_a_false_line_is_shown_at_the_smallest_sizes(
    old: str,
    new: str,
    line: int,
    at: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Which line, sizes, index, both values, entries."""
    honest = dumps(committed(SEED).proof)
    assert old in honest
    code, said = verify(tmp_path / "c.json", honest.replace(old, new), capsys)
    assert code == 1
    assert re.search(rf"{SEED}, step \d+ \(\w+, \w+, term 0\)", said)
    assert f"model: line {line}, after step {line} (" in said
    found = re.search(rf"line 0 is (\d+), line {line} is (\d+) at (.*) with", said)
    assert found, said
    assert found[1] != found[2]
    assert found[3] == at
    assert "the smallest" in said


def test_a_changed_start_is_compared_with_the_claim() -> None:
    """The lines that follow are then the true ones."""
    proof = committed(SEED).proof
    mutant = replace(proof, start=(*proof.start, *proof.start))
    with pytest.raises(ProofError):
        replay(mutant)
    said = first_false_line(mutant)
    assert re.match(
        r"line 0, after the start, is false: the claim's left side is 1, line 0 is 2", said
    )


def test_a_reindexing_by_one_names_both_steps_and_the_summands(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The changed line is still a true one: what differs is the summand."""
    data = json.loads(dumps(committed(SEED).proof))
    (step,) = steps_of(data, "reindex")
    mapping = step["arguments"]["mapping"]  # type: ignore[index]
    assert mapping[1][1]["polynomial"] == "K - 1 - j"
    mapping[1][1]["polynomial"] = "K - j"
    code, said = verify(tmp_path / "c.json", json.dumps(data), capsys)
    assert code == 1
    assert f"{SEED}, step 10 (reorder, forwards, term 0)" in said
    assert "step 9 (reindex) is not the committed one" in said
    assert "(k, K - j)), there ((p, p), (k, K - 1 - j))" in said
    assert "the summand before it is 0, the summand written after it is 1 at H=1, K=1" in said
    assert "finds no written line false" in said


@pytest.mark.parametrize("name", SAMPLE)
def test_a_dropped_step_leaves_true_lines(name: str) -> None:
    """The model says so; the refusal and the committed certificate name the step."""
    proof = committed(name).proof
    for n in (len(proof.steps) // 3, len(proof.steps) - 2):
        mutant = without(proof, n)
        with pytest.raises(ProofError, match=rf"{name}, step \d+ \("):
            replay(mutant)
        assert first_false_line(mutant) == "ok"
        assert "missing here" in explain(mutant)[-1]


@pytest.mark.parametrize("change", [without, doubled, swapped])
@pytest.mark.parametrize("n", [0, 4, 9, 11])
def test_through_the_command_line(
    change: object, n: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mutant = change(committed(SEED).proof, n)  # type: ignore[operator]
    code, said = verify(tmp_path / "c.json", dumps(mutant), capsys)
    assert code == 1
    assert f"step {n + 1} (" in said or f"step {n + 2} (" in said
    assert "0 of 1 theorems proved" in said


def test_the_last_step_and_exchanged_steps_that_hold(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """They replay, but prove another claim, or differ from the committed proof."""
    proof = committed(SEED).proof
    code, said = verify(tmp_path / "c.json", dumps(without(proof, 12)), capsys)
    assert code == 1
    assert "it proves another statement: not the claim's right side" in said
    assert "after step 12 (definition), is" in said
    assert "step 13 (definition) of the committed certificate is missing here" in said
    code, said = verify(tmp_path / "c.json", dumps(swapped(proof, 5)), capsys)
    assert code == 1
    assert "every step holds, but it is not the committed proof" in said
    assert "step 6 (entry) and step 7 (entry)" in said


def test_a_false_obligation_is_shown() -> None:
    """A bracket that nothing implies is dropped: its condition fails at small integers."""
    h, size = symbol("h"), symbol("H")
    x = tensor("x", "H")
    start = (term(x[h], Range(h + 1, size)),)
    broken = Proof("mine", ((h, size),), (), start, (one_step("bracket", drop=(1,), add=()),))
    with pytest.raises(ProofError, match="no certificate that 0 <= h \\+ 1 < H"):
        replay(broken)
    line, (obligation,) = apply_step(broken, start, broken.steps[0])
    at = falsify(obligation.context, obligation.goal)
    assert at is not None
    model = Model({size: at[size]})
    first, last = (evaluate(e, model, {h: at[h]}) for e in (start, line))
    assert first != last


def test_falsify_goes_by_size() -> None:
    """The smallest integers come first; what follows is not falsified."""
    a, b = symbol("a"), symbol("b")
    assert falsify((AtLeast(a - 1),), AtLeast(a - 3)) == {a: 1}
    assert falsify((AtLeast(a - 1), Equal(b - a)), AtLeast(b - 1)) is None
    assert falsify((), Range(a, b)) == {a: 0, b: 0}


def test_an_open_obligation_names_its_step(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A certificate of an inequality is left out."""
    name = next(n for n in NAMES if any(s.certificates for s in committed(n).proof.steps))
    proof = committed(name).proof
    n = next(n for n, s in enumerate(proof.steps) if s.certificates)
    bare = replace(proof.steps[n], certificates=())
    mutant = replace(proof, steps=(*proof.steps[:n], bare, *proof.steps[n + 1 :]))
    code, said = verify(tmp_path / "c.json", dumps(mutant), capsys)
    assert code == 1
    where = f"{name}, step {n + 1} ({bare.rule}, {'back' if bare.reverse else 'for'}wards, term"
    assert f"{where} {bare.at}): an obligation is open: it has no certificate that " in said
    assert f"step {n + 1} ({bare.rule}) is not the committed one: its certificates" in said


def test_a_derived_layer_records_its_statements(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """There is no committed proof to compare with, so the printed statement shows the change."""
    text = "y[p] = sum[k] x[2*p - 3*k + 1] * w[k]"
    assert main(["derive", text, "-o", str(tmp_path)]) == 0
    path = tmp_path / "certificate.json"
    data = json.loads(path.read_text())
    assert verify(path, json.dumps(data), capsys)[0] == 0
    whole = loads(json.dumps(data["proofs"]["layer.grad_x"]))
    shorter = replace(whole, steps=whole.steps[:-1])
    data["proofs"]["layer.grad_x"] = json.loads(dumps(shorter))
    code, said = verify(path, json.dumps(data), capsys)
    assert code == 1
    assert "it proves another statement than is recorded" in said
    assert re.search(r"after step \d+ \(definition\) it states", said)
    assert "7 of 8 theorems proved" in said


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"proofs": {"a": 1}}',
        '{"proofs": {"a": {}}, "statements": 3}',
        '{"certificate": {}}',
    ],
)
def test_malformed_files(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = verify(tmp_path / "c.json", text, capsys)
    assert code == 2
    assert said.count("rot180: ") == 1
    assert "Traceback" not in said


def test_a_step_without_a_rule_is_malformed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = json.loads(dumps(committed(SEED).proof))
    del data["steps"][3]["rule"]
    code, said = verify(tmp_path / "c.json", json.dumps(data), capsys)
    assert code == 2
    assert "missing rule" in said
