"""The command line: results, exit codes, and nothing half-written."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rot180.codegen.cli import documents
from rot180.codegen.cli.main import main
from rot180.codegen.kernels.public_api import public_functions
from rot180.codegen.system import files
from rot180.derive.display import mathml
from rot180.derive.language.program_catalogue import PROGRAMS
from rot180.derive.theorems import claims

FILES = [
    "certificate.json",
    "contraction.h",
    "cython_kernels.pyx",
    "numpy_kernels.py",
    "proof.html",
    "proof.tex",
]
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
    assert len(proofs) == 11
    last = printed.splitlines()[-1]
    assert last.startswith(f"Next: open {out}/proof.html in a browser; `rot180 verify {out}/cert")


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


def test_derive_formats(tmp_path: Path) -> None:
    assert main(["derive", TEXT, "--format", "html", "--detail", "full", "-o", str(tmp_path)]) == 0
    assert not (tmp_path / "proof.tex").exists()
    assert "<!DOCTYPE html>" in (tmp_path / "proof.html").read_text()


def test_derive_without_a_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernels and certificate are the same as beside a document, and no document is made."""
    assert main(["derive", TEXT, "-o", str(tmp_path / "all")]) == 0
    monkeypatch.setattr(documents, "document", lambda *_: pytest.fail("a document is made"))
    assert main(["derive", TEXT, "--format", "none", "-o", str(tmp_path / "none")]) == 0
    written = sorted((tmp_path / "none").iterdir())
    assert [p.name for p in written] == FILES[:4]
    for path in written:
        assert path.read_bytes() == (tmp_path / "all" / path.name).read_bytes()


def test_a_network_without_a_document(tmp_path: Path) -> None:
    spec = ["network", "linear 3; squared_error", "--format", "none", "-o", str(tmp_path)]
    assert main(spec) == 0
    names = {p.name for p in tmp_path.iterdir()}
    assert names and not any(name.startswith("proof") for name in names)


def test_a_book_has_a_format(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["book", "--format", "none", "-o", str(tmp_path / "out")]) == 2
    assert "--format: found none, expected one or more of tex" in capsys.readouterr().err


LONG = "y[i] = (x[i]+z[i])*(u[i]+v[i])*(a[i]+b[i])*(c[i]+e[i])"


@pytest.mark.parametrize("form", [["--format", "tex,html"], ["--fragment"]])
def test_long_lines(form: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They are abbreviated in every format and on the terminal, and the reader is told so."""
    for out, options in (("short", []), ("whole", ["--whole"])):
        command = ["derive", LONG, "--wrt", "x", *form, *options, "-o", str(tmp_path / out)]
        assert main(command) == 0
        printed = capsys.readouterr().out
        assert ("+ ... (6 more terms), 0 <= i < I" in printed) == (out == "short")
        for path in (tmp_path / out).glob("proof.*"):
            text = path.read_text()
            assert ("(6 more terms)" in text) == (out == "short"), path
            assert text.count("whole proof is in") == (out == "short"), path
    short, whole = (tmp_path / out / "certificate.json" for out in ("short", "whole"))
    assert short.read_text() == whole.read_text()


def test_short_lines_are_written_whole_anyway(tmp_path: Path) -> None:
    for out, options in (("short", []), ("whole", ["--whole"])):
        assert main(["derive", TEXT, *options, "-o", str(tmp_path / out)]) == 0
    for name in FILES:
        assert (tmp_path / "short" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_derive_without_an_optional_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All other files are written and the missing one is named; if it was asked for, that fails."""
    monkeypatch.setattr(mathml, "available", lambda: False)
    mathml.mathml.cache_clear()
    assert main(["derive", TEXT, "-o", str(tmp_path)]) == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == [n for n in FILES if "html" not in n]
    assert 'pip install "rot180[book]"' in capsys.readouterr().err
    assert main(["derive", TEXT, "--format", "html", "-o", str(tmp_path)]) == 1


def test_derive_without_an_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")
    assert main(["derive", TEXT, "--format", "tex,pdf", "-o", str(tmp_path)]) == 1
    assert (tmp_path / "proof.tex").is_file()
    assert not (tmp_path / "proof.pdf").exists()
    assert "texlive-pictures latexmk" in capsys.readouterr().err


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no TeX engine")
def test_a_fragment_pastes_into_a_document(tmp_path: Path) -> None:
    """It needs amsmath and nothing else."""
    assert main(["derive", TEXT, "--fragment", "-o", str(tmp_path)]) == 0
    text = (tmp_path / "proof.tex").read_text()
    (tmp_path / "own.tex").write_text(
        "\\documentclass{article}\n\\usepackage{amsmath}\n\\begin{document}\n"
        f"{text}\n\\end{{document}}\n"
    )
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "own.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-1000:]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["y[p] = sum[k] x[p+k * w[k]"], "^"),
        (["conv1d", "--format", "tex,docx"], "found 'docx', expected none, or one"),
        (["conv1d", "--fragment", "--format", "html"], "expected tex"),
        (["conv1d", "--fragment", "--format", "none"], "found --format none, expected tex"),
        (["conv1d", "--format", "tex,none"], "found 'none', expected none, or one or more of tex"),
        (["conv1d", "--format", "none", "--example", "x.npy"], "--example: found --format none"),
        (["conv1d", "--notation", "nowhere.toml"], "--notation: found 'nowhere.toml'"),
        (["y[p] = sum[k] x[p]"], "^"),
        (["conv99d"], "conv"),
        ([""], ""),
        (["conv1d", "--wrt", "q"], "expected one of x, w, bias"),
    ],
)
def test_bad_input_writes_nothing(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["derive", *arguments, "-o", str(out)]) == 2
    printed, error = capsys.readouterr()
    assert printed == ""
    assert "rot180: " in error
    assert message in error
    assert "Traceback" not in error
    assert not out.exists()


def test_a_file_instead_of_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "out").write_text("mine")
    assert main(["derive", TEXT, "-o", str(tmp_path / "out")]) == 2
    assert (tmp_path / "out").read_text() == "mine"
    printed = capsys.readouterr().err
    assert "-o: found" in printed and "expected a folder" in printed
    assert len(printed.splitlines()) == 1, "it fails before anything is derived"


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
    entries = {line.split()[0]: line.split()[1:] for line in re.findall("(?m)^    .*$", printed)}
    for name in (*claims(), *public_functions()):
        assert entries[name], f"{name} has no line that says what it is"
    assert main(["list", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["kernels"] == list(public_functions())
    assert found["theorems"] == list(claims())


def test_list_by_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "Stride", "2-D"]) == 0
    printed = capsys.readouterr().out
    name = "rot180_correlation_strided_2d"
    assert re.search(rf"^    {name} +Input gradient: correlation, stride, 2-D$", printed, re.M)
    assert "strided_1d" not in printed and "backend" not in printed
    assert printed.splitlines()[-1] == "Next: `rot180 show THEOREM` prints a proof"
    assert main(["list", "weight", "grouped", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["theorems"] and all("weight" in n and "grouped" in n for n in found["theorems"])
    assert found["layers"] == found["kernels"] == []
    assert main(["list", "rotary"]) == 0
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert PROGRAMS["rotary_embedding"] in lines  # below its name and what it is
    assert "Su et al., RoFormer, 2021, arXiv:2104.09864" in lines
    assert main(["list", "outputsize"]) == 2
    assert "near: output_size" in capsys.readouterr().err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert stop.value.code == 0
    assert re.fullmatch(r"rot180 (\d+\.\d+\.\d+|\(not installed\))\n", capsys.readouterr().out)


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["derve", "conv1d"], "found 'derve', expected one of derive, .*; did you mean derive?"),
        (["derive", "conv1d", "-o", "x", "--detail", "fulll"], "--detail: found 'fulll'.* full?"),
    ],
)
def test_what_is_spelled_alike_is_named(
    words: list[str], hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        main(words)
    assert stop.value.code == 2
    assert re.search(hint.replace("?", r"\?"), capsys.readouterr().err)


def test_show(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "output_size"]) == 0
    printed = capsys.readouterr().out
    assert "for all p" in printed
    assert "by bracket" not in printed
    last = printed.splitlines()[-1]
    assert last.startswith("Next: `rot180 show output_size --steps` prints every step; ")
    assert main(["show", "output_size", "--steps"]) == 0
    printed = capsys.readouterr().out
    assert "by bracket" in printed and "It rests on:" in printed
    assert main(["show", "output_size", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["name"] == "output_size"
    assert printed["certificate"]["steps"]
    assert main(["show", "output_size", "--latex"]) == 0
    assert "\\begin{" in capsys.readouterr().out
    assert main(["show", "outputsize"]) == 2
    assert "output_size" in capsys.readouterr().err


def test_show_prints_the_proof_that_documents_show(capsys: pytest.CaptureFixture[str]) -> None:
    """With reasons in words, and without the bookkeeping that `--steps` prints."""
    assert main(["show", "rot180_correlation_1d"]) == 0
    printed = capsys.readouterr().out
    proof = printed[printed.index("Proof.") : printed.index("\nNext:")]
    assert "  = sum[k] grad_y[h-k] * w[k]" in proof
    assert "definition of rot180(w)" in proof and "definition of the correlation" in proof
    assert "leibniz" not in proof and "[0 <= p < P]" not in proof


def test_derive_in_plain_style(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import numpy as np

    assert main(["derive", TEXT, "--style", "plain", "--format", "none", "-o", str(tmp_path)]) == 0
    text = (tmp_path / "plain_kernels.py").read_text()
    assert text in capsys.readouterr().out
    scope: dict[str, Callable[..., object]] = {}
    exec(text, scope)
    x, w = np.arange(1, 8), np.array([1, 10])
    y = scope["forward"](x, w, (3,))
    assert np.asarray(y).tolist() == [x[1], x[3] + 10 * x[0], x[5] + 10 * x[2]]
    with pytest.raises(SystemExit) as refused:
        main(["derive", TEXT, "--style", "fancy", "-o", str(tmp_path)])
    assert refused.value.code == 2


def test_show_in_plain_style(capsys: pytest.CaptureFixture[str]) -> None:
    import numpy as np

    assert main(["show", "rot180_correlation_1d", "--style", "plain"]) == 0
    printed = capsys.readouterr().out
    assert "Proof." in printed and printed.endswith("return grad_x\n")
    scope: dict[str, Any] = {"np": np}
    exec(printed[printed.index("def grad_x") :], scope)
    grad_x = scope["grad_x"](np.array([1, 2]), np.array([3, 5]), (3,))
    assert grad_x.tolist() == [3, 11, 10]
    assert main(["show", "output_size", "--style", "plain"]) == 2
    printed, said = capsys.readouterr()
    assert "--style: found output_size" in said and not printed


@pytest.mark.parametrize(
    ("text", "statement"),
    [
        (
            "y[i] = sum[k] A[i,k]*A[k,i] + 5",
            "dL/dA[i,i1] = grad_y[i] * A[i1,i] + grad_y[i1] * A[i1,i]",
        ),
        ("y[i,j] = A[i,j] + A[j,i]", "dL/dA[i,i1] = grad_y[i,i1] + grad_y[i1,i]"),
        ("y[h] = x[h] - 3*[0 <= h-100 < 20]", "dL/dx[h] = grad_y[h]"),
    ],
)
def test_constants_and_both_orders_of_indices(
    text: str, statement: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["derive", text, "-o", str(tmp_path), "--detail", "full"]) == 0
    assert statement in capsys.readouterr().out


NETWORK = "conv1d 1->2 3; relu; max_pool1d 2; flatten; linear 2; softmax_cross_entropy"


def test_network_writes_a_program(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The five steps are printed, a package is written, and its bytes are the same each time."""
    out = tmp_path / "made"
    assert main(["network", NETWORK, "-o", str(out)]) == 0
    printed = capsys.readouterr().out
    for number, title in enumerate(("Input", "Feedforward", "Output error"), 1):
        assert f"{number}. {title}\n" in printed
    assert "delta2 = dC/dz2[n,o] = softmax(z2)[n,o] - t[n,o]" in printed
    texts = {p.name: p.read_bytes() for p in out.iterdir()}
    modules = {"relu.py", "max_pool1d.py", "flatten_linear1d.py"}
    written = {"__init__.py", "network.py", "certificate.json", "proof.tex", "proof.html"}
    assert texts.keys() == modules | written
    assert main(["verify", str(out / "certificate.json")]) == 0
    assert "4 of 4 theorems proved" in capsys.readouterr().out
    assert main(["network", NETWORK, "--json", "-o", str(out)]) == 0
    assert {p.name: p.read_bytes() for p in out.iterdir()} == texts
    data = json.loads(capsys.readouterr().out)
    assert data["network"] == NETWORK
    assert {t["name"] for t in data["theorems"]} >= {"C.grad_z1", "C.grad_w1", "C.grad_b2"}


def test_network_says_how_to_run_what_it_wrote(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lines that it prints train the network: the loss gets smaller."""
    import numpy as np

    words = ["linear 3; relu; linear 2; squared_error", "--format", "none"]
    assert main(["network", *words, "-o", str(tmp_path / "trained")]) == 0
    printed = capsys.readouterr().out
    said, _, last = printed.partition("To train it: ")[2].partition("\nNext: ")
    assert said.startswith(f"in Python, started in {tmp_path}, with inputs x, targets t\n")
    assert last == f"`rot180 verify {tmp_path}/trained/certificate.json` checks the proofs\n"
    monkeypatch.syspath_prepend(tmp_path)
    rng = np.random.default_rng(1)
    x, t = rng.standard_normal((8, 4)), rng.standard_normal((8, 2))
    scope: dict[str, Any] = {"x": x, "t": t}
    exec(textwrap.dedent(said.partition("\n")[2]), scope)
    network = scope["network"]
    before = network.loss(network.initial(np.random.default_rng(0), x.shape[1:]), x, t)
    assert network.loss(scope["parameters"], x, t) < before
    documents._print_run(tmp_path / "my-out")
    assert "'my-out' is no name that Python can import" in capsys.readouterr().out


def test_an_error_in_a_network_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The exit code is 2 and nothing is written."""
    assert main(["network", "linear 3; rilu; squared_error", "-o", str(tmp_path / "out")]) == 2
    assert "found: 'rilu'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_closed_pipe_ends_quietly() -> None:
    """As with Unix tools: no message, and not the exit code for bad input."""
    command = [sys.executable, "-m", "rot180.codegen.cli.main", "show", "rot180_correlation_1d"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as started:
        assert started.stdout is not None
        assert started.stderr is not None
        started.stdout.close()
        assert started.stderr.read() == b""
    assert started.returncode == 141


def test_a_layer_whose_output_has_the_name_of_the_loss(tmp_path: Path) -> None:
    assert main(["derive", "L[p] = sum[k] x[p+k] * C[k]", "-o", str(tmp_path)]) == 0
    assert "def grad_x(grad_L: Array, C: Array, *" in (tmp_path / "numpy_kernels.py").read_text()


@pytest.mark.parametrize("given", ["", ",", "tex,,html", "TEX", "tex,word"])
def test_unknown_formats(given: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert main(["derive", TEXT, "--format", given, "-o", str(out)]) == 2
    assert "expected none, or one or more of tex,html,pdf" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["s=2", "s=3"], "--set: found s twice"),
        (["P=1001"], "P: found 1001, expected -1000 to 1000"),
        (["s=-999999999"], "s: found -999999999, expected -1000 to 1000"),
    ],
)
def test_examples_that_are_not_small(
    given: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import numpy as np

    np.save(tmp_path / "x.npy", np.arange(6))
    arrays = ["--example", str(tmp_path / "x.npy"), f"w={tmp_path / 'x.npy'}"]
    spec, out = "y[p] = sum[k] x[s*p+k] * w[k]", tmp_path / "out"
    assert main(["derive", spec, *arrays, "--set", *given, "-o", str(out)]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert "deriving" not in said, "it is refused before the derivation"
    assert not out.exists()
