"""The command line: results, exit codes, and nothing half-written."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from rot180.codegen import catalogue, cli, files
from rot180.codegen.cli import main

FILES = ["certificate.json", "cython_kernels.pyx", "numpy_kernels.py", "proof.tex"]
TEXT = "y[p] = sum[k] x[2*p - 3*k + 1] * w[k]"


def test_derive_writes_its_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "deep" / "out"
    assert main(["derive", "conv1d", "-o", str(out)]) == 0
    assert sorted(p.name for p in out.iterdir()) == FILES
    printed, progress = capsys.readouterr()
    assert "y[n,o,p] = sum[c,k] x[n,c,s*p+d*k-lo] * w[o,c,k] + bias[o]" in printed
    assert "the full correlation of dilate(grad_y, s) with rot180(w)" in printed
    assert "deriving the gradient by x" in progress
    ast.parse((out / "numpy_kernels.py").read_text())
    proofs = json.loads((out / "certificate.json").read_text())["proofs"]
    assert len(proofs) == 7


def test_derived_kernels_run(tmp_path: Path) -> None:
    import numpy as np

    assert main(["derive", TEXT, "-o", str(tmp_path)]) == 0
    scope: dict[str, Callable[..., object]] = {}
    exec((tmp_path / "numpy_kernels.py").read_text(), scope)
    x, w = np.arange(1, 8), np.array([1, 10])
    y = scope["forward"](x, w, y_shape=(3,))
    expected = [x[1], x[3] + 10 * x[0], x[5] + 10 * x[2]]
    assert np.asarray(y).tolist() == expected


def test_derive_by_one_operand(tmp_path: Path) -> None:
    assert main(["derive", TEXT, "--wrt", "w", "-o", str(tmp_path)]) == 0
    text = (tmp_path / "numpy_kernels.py").read_text()
    assert "def grad_w(" in text
    assert "def grad_x(" not in text
    assert "--wrt w" in text


def test_derive_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["derive", TEXT, "--json", "-o", str(tmp_path)]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert set(printed["theorems"]) == {"grad_x", "grad_w"}
    assert all(Path(p).is_file() for p in printed["files"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["y[p] = sum[k] x[p+k * w[k]"], "^"),
        (["y[p] = sum[k] x[p]"], "^"),
        (["conv99d"], "conv"),
        ([""], ""),
        (["conv1d", "--wrt", "q"], "expected one of x, w, bias"),
    ],
)
def test_bad_input_writes_nothing(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["derive", *arguments, "-o", str(out)]) == 2
    printed, error = capsys.readouterr()
    assert printed == ""
    assert "rot180: " in error
    assert said in error
    assert "Traceback" not in error
    assert not out.exists()


def test_a_file_in_the_way(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "out").write_text("mine")
    assert main(["derive", TEXT, "-o", str(tmp_path / "out")]) == 2
    assert (tmp_path / "out").read_text() == "mine"
    assert "cannot write" in capsys.readouterr().err


def test_write_is_all_or_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    (tmp_path / "b").mkdir()
    with pytest.raises(files.WriteError, match="cannot write"):
        files.write(tmp_path, {"a": "new", "b": "new"})
    assert (tmp_path / "a").read_text() == "old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b"]
    with pytest.raises(files.WriteError):
        files.write(tmp_path / "a" / "c", {"a": "new"})


def test_usage_errors_exit_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ([], ["derive", "conv1d"], ["no-such-command"]):
        with pytest.raises(SystemExit) as stop:
            main(arguments)
        assert stop.value.code == 2
    assert "usage: rot180" in capsys.readouterr().err


def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    printed = capsys.readouterr().out
    for word in ("output_size", "conv2d_input", re.escape("backend: ") + "(cython|numpy)"):
        assert re.search(word, printed)
    assert main(["list", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["kernels"] == list(catalogue.public_functions())


def test_show(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "output_size"]) == 0
    printed = capsys.readouterr().out
    assert "for all p" in printed
    assert "by " in printed
    assert main(["show", "output_size", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["name"] == "output_size"
    assert shown["certificate"]["steps"]
    assert main(["show", "output_size", "--latex"]) == 0
    assert "\\begin{" in capsys.readouterr().out
    assert main(["show", "outputsize"]) == 2
    assert "output_size" in capsys.readouterr().err


def test_verify(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify"]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    count = re.fullmatch(r"(\d+) of (\d+) theorems proved", last)
    assert count is not None
    assert count[1] == count[2]


def test_verify_fails_on_a_broken_proof(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from dataclasses import replace

    from rot180.derive.proof import Proof, Theorem
    from rot180.derive.theorems import theorem

    def broken(name: str) -> Theorem:
        found = theorem(name)
        proof: Proof = found.proof
        return replace(found, proof=replace(proof, steps=(*proof.steps, proof.steps[0])))

    monkeypatch.setattr(cli, "claims", lambda: {"output_size": None})
    monkeypatch.setattr(cli, "theorem", broken)
    assert main(["verify"]) == 1
    assert "FAILED" in capsys.readouterr().out
    assert main(["verify", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)[0]["fault"]
