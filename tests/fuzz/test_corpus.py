"""The inputs from which fuzzing begins, and those that once failed: none fails now."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.__main__ import CORPUS, main, summary
from tests.fuzz.targets import TARGETS, mutated_certificate

INPUTS = sorted(path for path in CORPUS.glob("*/*") if path.is_file())


@pytest.mark.parametrize("path", INPUTS, ids=lambda p: f"{p.parent.name}-{p.name}")
def test_no_input_fails(path: Path) -> None:
    TARGETS[path.parent.name](path.read_bytes())


def test_every_target_has_a_corpus() -> None:
    assert {path.parent.name for path in INPUTS} == {*TARGETS}
    assert all(path.stat().st_size <= 3000 for path in INPUTS)


def test_changed_certificates() -> None:
    """They are JSON still, and of the same seed the same; what is no certificate is left."""
    data = min((CORPUS / "certificates").iterdir()).read_bytes()
    made = {mutated_certificate(data, 4000, seed) for seed in range(20)}
    assert len(made) > 5
    assert mutated_certificate(data, 4000, 3) == mutated_certificate(data, 4000, 3)
    assert mutated_certificate(b"[" * 5000, 8000, 0) == b"[" * 5000


def test_a_failing_input_fails_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(data: bytes) -> None:
        raise KeyError(data)

    path = tmp_path / "crash"
    path.write_bytes(b"x")
    assert main(["networks", str(path)]) == 0
    monkeypatch.setitem(TARGETS, "networks", broken)
    with pytest.raises(KeyError):
        main(["networks", str(path)])


def test_the_numbers_of_a_log() -> None:
    log = "#2\tINITED cov: 5 ft: 7 corp: 1/1b\n#90\tDONE   cov: 6 ft: 8 corp: 2/3b\n"
    assert summary(log) == "90 executions, 6 edges, 8 features"
