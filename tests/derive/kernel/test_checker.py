"""The checker, run as a file of its own: standard library only, no import of the project."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from rot180.codegen.system import files
from rot180.derive.checker import MalformedError, check

ROOT = Path(__file__).parents[3]
FOLDER = files.generated_folder() / "certificates"
COMMITTED = sorted(FOLDER.glob("*.json"))
FORGED = sorted((Path(__file__).parent / "forged").glob("*.json"))
SEED = FOLDER / "rot180_correlation_general_1d.json"
ORIGINAL = ("clash", "compose2", "falsum", "spoof1", "x1000")


def run(*paths: Path | str) -> subprocess.CompletedProcess[str]:
    """Run the file alone: isolated, without the site's packages."""
    command = [sys.executable, "-I", "-S", str(ROOT / "derive" / "checker.py"), *map(str, paths)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_every_committed_certificate_is_proved() -> None:
    ran = run(*COMMITTED)
    assert ran.returncode == 0, ran.stdout[-2000:] + ran.stderr
    assert len(re.findall(r"^  proved$", ran.stdout, re.M)) == len(COMMITTED)
    assert "refused" not in ran.stdout


def test_a_statement_is_printed_with_what_it_rests_on() -> None:
    said = run(SEED).stdout
    for part in ("dilate_grad_y_s", "rot180_w", "0 <= h < H", "y[p] = ", "L[] = "):
        assert part in said


@pytest.mark.parametrize("path", FORGED, ids=lambda p: p.stem)
def test_forged_certificates_are_refused(path: Path) -> None:
    """By a verdict, or as no certificate; never by a traceback."""
    ran = run(path)
    assert ran.returncode in (1, 2), ran.stdout
    assert "Traceback" not in ran.stderr
    assert "proved" not in ran.stdout.splitlines()[-1]
    if path.stem in ORIGINAL and path.stem != "spoof1":
        assert re.search(r"step \d+", ran.stdout), ran.stdout
    if path.stem == "spoof1":
        assert "/tensors/1/name" in ran.stdout


def steps() -> list[tuple[str, int]]:
    """Return each rule that the committed certificates use, with a certificate and a step of it."""
    found: dict[str, tuple[str, int]] = {}
    for path in COMMITTED:
        for n, step in enumerate(json.loads(path.read_text())["steps"]):
            found.setdefault(step["rule"], (path.name, n))
    return [found[rule] for rule in sorted(found)]


@pytest.mark.parametrize(("name", "n"), steps())
def test_no_step_can_be_dropped_or_moved(name: str, n: int) -> None:
    """One of each rule; what then still holds is another statement."""
    honest = json.loads((FOLDER / name).read_text())
    (proved,) = check(json.dumps(honest))
    shorter = {**honest, "steps": [*honest["steps"][:n], *honest["steps"][n + 1 :]]}
    try:
        (found,) = check(json.dumps(shorter))
        assert found.verdict == "refused" or found.statement != proved.statement
    except MalformedError as error:
        assert "used nowhere" in str(error)
    elsewhere = json.loads(json.dumps(honest))
    elsewhere["steps"][n]["at"] += 99
    (found,) = check(json.dumps(elsewhere))
    assert (found.verdict, found.step, found.rule) == ("refused", n + 1, honest["steps"][n]["rule"])


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "no", '{"proofs": 3}', '{"proofs": {"a": 1}}', "[" * 100_000, "9" * 10_000],
)
def test_what_is_no_certificate(text: str, tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_text(text)
    ran = run(path)
    assert ran.returncode == 2, ran.stdout
    assert "not a certificate" in ran.stdout
    assert not ran.stderr


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    assert run(tmp_path / "none.json").returncode == 2
    assert run(tmp_path).returncode == 2


def test_a_file_of_several_proofs() -> None:
    """As `rot180 derive` writes it; one that is refused fails the file."""
    one = json.loads(SEED.read_text())
    other = {**one, "steps": one["steps"][1:]}
    found = check(json.dumps({"statements": {}, "proofs": {"a": one, "b": other}}))
    assert [v.verdict for v in found] == ["proved", "refused"]
