"""`rot180 derive` for programs: files, what is printed, and options that are for layers alone."""

from __future__ import annotations

import json
import types
from pathlib import Path

import numpy as np
import pytest

from rot180.codegen.cli.main import main

TEXT = "e[i] = exp(x[i] - m[]); y[i] = e[i] / sum[i1] e[i1]"


def test_derive_writes_the_files_of_a_program(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["derive", TEXT, "-o", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "x_minus_m[i] = x[i] - m[]" in said
    assert "where sum_e[] != 0" in said
    assert "grad_x, proved in" in said
    assert said.count("  L = ") == said.count("grad_e[i] =") == 1, "a definition is shown once"
    assert "reciprocal(t) = 1/t" in said
    written = {path.name for path in tmp_path.iterdir()}
    assert written == {
        *("certificate.json", "contraction.h", "cython_kernels.pyx", "numpy_kernels.py"),
        *("proof.html", "proof.tex"),
    }
    page = (tmp_path / "proof.tex").read_text()
    assert "The gradients of a program" in page
    assert "$\\mathit{sum\\_e} \\ne 0$" in page
    assert main(["verify", str(tmp_path / "certificate.json")]) == 0
    compile((tmp_path / "numpy_kernels.py").read_text(), "numpy_kernels.py", "exec")


def test_json_and_one_operand(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["derive", TEXT, "--wrt", "x", "--format", "none", "--json", "-o", str(tmp_path)]
    assert main(command) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["program"].startswith("x_minus_m[i] = x[i] - m[]; e[i] = exp(x_minus_m[i])")
    assert [*data["theorems"]] == ["grad_x", "grad_x.compact"]
    assert "def grad_m" not in (tmp_path / "numpy_kernels.py").read_text()


def test_plain_loops_are_the_kernels(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["derive", TEXT, "--format", "none", "--style", "plain", "-o", str(tmp_path)]
    assert main(command) == 0
    plain, kernels = (types.ModuleType(word) for word in ("plain_kernels", "numpy_kernels"))
    for module in (plain, kernels):
        exec((tmp_path / f"{module.__name__}.py").read_text(), module.__dict__)
    assert "def _step_e(x_minus_m, exp):" in capsys.readouterr().out
    rng = np.random.default_rng(0)
    x, m, g = rng.normal(size=3), rng.normal(size=()), rng.normal(size=3)
    known = {"exp": np.exp, "reciprocal": np.reciprocal}
    for word, given in {"forward": (x, m), "grad_x": (g, x, m)}.items():
        wanted = getattr(kernels, word)(*given)
        np.testing.assert_allclose(getattr(plain, word)(*given, **known), wanted, atol=1e-15)
    assert plain.grad_m() == kernels.grad_m() == 0, "a shift of all x changes nothing"


@pytest.mark.parametrize("option", ["statement", "fragment"])
def test_theorems_for_a_paper(option: str, tmp_path: Path) -> None:
    assert main(["derive", TEXT, f"--{option}", "--wrt", "x", "-o", str(tmp_path)]) == 0
    text = (tmp_path / f"{'proof' if option == 'fragment' else option}.tex").read_text()
    assert "documentclass" not in text and "% needs \\usepackage" in text
    assert ("chain rule" in text) == (option == "fragment")
    assert not (tmp_path / "proof.html").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--slides"], "--slides: found a program of 4 definitions, expected a layer"),
        (["--example", "x.npy"], "worked example would need numbers for every definition"),
        (["--set", "I=3"], "--set: found a program of 4 definitions"),
        (["--fragment", "--format", "html"], "--fragment: found --format html"),
        (["--width", "3cm"], "--width: found 3cm, expected --fragment"),
        (["--wrt", "e"], "wrt: found 'e', expected one of x, m"),
    ],
)
def test_what_programs_do_not_have_is_refused(
    options: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["derive", TEXT, "-o", str(tmp_path / "out"), *options]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_errors_of_texts_have_a_caret(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["derive", "h[t] = h[t-1] + x[t]", "-o", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert "h is defined by itself\n  h[t] = h[t-1] + x[t]\n         ^" in said
    assert "a recurrence is not in the language" in said
