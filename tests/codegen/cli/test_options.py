"""The value of every option is judged before any work: no theorem is proved, nothing is written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rot180.codegen.cli import commands
from rot180.codegen.cli.main import main
from rot180.codegen.cli.options import parser
from rot180.codegen.documents.playground_files import ABOUT, PYODIDE
from rot180.codegen.system import files
from rot180.derive.kernel.proof import Theorem

LAYER = "y[p] = sum[k] x[s*p+k] * w[k]"
DERIVE = ["derive", LAYER, "-o", "out"]
EXAMPLE = [*DERIVE, "--example", "x.npy", "w.npy"]
NETWORK = ["network", "linear 3; squared_error"]
CLAIM = ["verify", "--claim", "p: x[p] = x[p]"]
LONG = "n" * 300

REFUSED = [
    (["derive", LAYER, "-o", "file"], "-o: found .*file, a file; expected a folder"),
    (["derive", LAYER, "-o", "file/deep"], "-o: found .*file, a file; expected a folder"),
    (["derive", LAYER, "-o", LONG], "-o: found n*, expected a path .*File name too long"),
    (["derive", LAYER, "-o", "taken"], "-o: found taken/proof.tex, a folder; expected a file"),
    (["derive", LAYER, "-o", "kernels"], "-o: found kernels/contraction.h, a folder"),
    (["derive", LAYER, "-o", "plain", "--style", "plain"], "found plain/plain_kernels.py, a fold"),
    ([*DERIVE, "--wrt", "q"], "--wrt: found 'q', expected one of x, w"),
    ([*DERIVE, "--format", "docx"], "--format: found 'docx'"),
    ([*DERIVE, "--notation", "none"], "--notation: found 'none'"),
    ([*DERIVE, "--fragment", "--format", "html"], "--fragment: found --format html"),
    ([*DERIVE, "--fragment", "--example", "x.npy"], "--fragment: found --example too"),
    ([*DERIVE, "--set", "s=2"], "--set: found no --example"),
    ([*EXAMPLE, "--set", "s"], "--set: found 's', expected NAME=VALUE"),
    ([*EXAMPLE, "--set", "q=2"], "--example, --set: .*found 'q'"),
    ([*EXAMPLE, "--set", "H=4"], "--example, --set: .*the size 6, expected H = 4"),
    ([*EXAMPLE, "--set", "P=-2"], "--example, --set: .*expected sizes of 0 or more"),
    ([*DERIVE, "--example", "none.npy"], "--example: found 'none.npy', expected a .npy file"),
    ([*DERIVE, "--example", "nan.npy", "w.npy"], "--example, --set: x: .*not finite"),
    (
        ["derive", "sigma: function; y[i] = sigma(x[i])", "-o", "out", "--example", "x.npy"],
        "--example, --set: sigma: found a function without values",
    ),
    (
        ["derive", "y[i] = log(x[i])", "-o", "out", "--example", "x.npy"],
        "--example, --set: found no finite real number as the value of log",
    ),
    ([*NETWORK, "-o", "file"], "-o: found .*file, a file"),
    ([*NETWORK, "-o", "taken"], "-o: found taken/proof.tex, a folder"),
    ([*NETWORK, "-o", "program"], "-o: found program/network.py, a folder"),
    ([*NETWORK, "-o", "out", "--format", "x"], "--format: found 'x'"),
    ([*NETWORK, "-o", "out", "--notation", "none"], "--notation: found 'none'"),
    (["book", "-o", "file"], "-o: found .*file, a file"),
    (["book", "-o", "bound"], "-o: found bound/book.html, a folder"),
    (["book", "-o", "out", "--format", "none"], "--format: found none"),
    (["book", "-o", "out", "--notation", "none"], "--notation: found 'none'"),
    (["site", "-o", "file"], "-o: found .*file, a file"),
    (["site", "-o", "bound"], "-o: found bound/book.html, a folder"),
    (["site", "-o", "out", "--format", "x"], "--format: found 'x'"),
    (["site", "-o", "out", "--notation", "none"], "--notation: found 'none'"),
    (["site", "-o", "out", "--pyodide", "."], "--pyodide: found . without pyodide.mjs"),
    (["site", "-o", "bound", "--pyodide", "package", "--format", "none"], "playground/index.html"),
    (["playground", "-o", "out", "--pyodide", "."], "--pyodide: found . without pyodide.mjs"),
    (["playground", "-o", "file", "--pyodide", "package"], "-o: found .*file, a file"),
    (["explain", "y[p] = sum[k] x[p+k"], "expected"),
    (
        ["convert", "--from", "onnx", "--to", "pytorch", "conv1d", "kernel=3"],
        "kernel: unknown, expected one of",
    ),
    (["audit", "none:f", "--layer", "conv2d"], "TARGET: importing 'none' raised"),
    (["audit", "none.py:f", "--layer", "conv2d"], "TARGET: found no file none.py"),
    (["audit", "rot180", "--layer", "conv2d", "--wrt", "z"], "--wrt: found 'z', expected one of"),
    (["audit", "rot180", "--layer", "softmax"], "--layer: found 'softmax', expected for rot180"),
    (["audit", "rot180", "--layer", "conv2d", "--dtype", "int8"], "--dtype: found 'int8'"),
    (["audit", "rot180", "--layer", "conv2d", "--output", "taken"], "--output: found"),
    (["audit", "rot180"], "--layer: found nothing"),
    (["audit", "--init", "none:f"], "TARGET: importing 'none' raised"),
    (["show", "outputsize"], "THEOREM: found 'outputsize', .*near: output_size"),
    (["show", "output_size", "--style", "plain"], "--style: found output_size, which states no"),
    (["show", "output_size", "--notation", "none"], "--notation: found 'none'"),
    (["show", "output_size", "--latex", "--json"], "--latex: found --json too"),
    (["show", "output_size", "--latex", "--style", "plain"], "--latex: found --style too"),
    (["list", "outputsize"], "WORD: found 'outputsize'"),
    (["verify", "none.json"], "FILE: found 'none.json'"),
    (["verify", "one.json", "none.json"], "FILE: found 'none.json'"),
    (["verify", "one.json", "--require", "smt,coq"], "--require: found 'coq'"),
    (["verify", "one.json", "--script", "none.v"], "--script: found 'none.v', expected a proof"),
    (["verify", "one.json", "one.json", "--script", "file"], "--script: found 2 certificates"),
    (["verify", "one.json", "--scripts", "out"], "--scripts: found no --require rocq"),
    (["verify", "one.json", "--rocq", "--scripts", "file"], "--scripts: found .*file, a file"),
    (["verify", "one.json", "--junit", "taken"], "--junit: found taken, a folder"),
    (["verify", "one.json", "--junit", LONG], "--junit: found n*, expected a path"),
    (["verify", "one.json", "--json", "a", "--junit", "a"], "--junit: found a for --json too"),
    (["verify", "--claim", "p: x[p]"], "claim: found 0 equality signs"),
    ([*CLAIM, "one.json"], "--claim: found a FILE too"),
    ([*CLAIM, "--junit", "a.xml"], "--claim: found --junit too"),
    ([*CLAIM, "--require", "smt"], "--claim: found --require too"),
    ([*CLAIM, "--json", "taken"], "--json: found taken, a folder"),
    (["generate", "-o", "file"], "-o: found .*file, a file"),
    (["generate", "--check", "-o", "nowhere"], "-o: found nowhere, expected a folder that"),
    (["generate", "--tracked"], "--tracked: found no --check, expected both"),
]


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with arrays, a certificate, a file, and folders in the places of files."""
    np.save(tmp_path / "x.npy", np.arange(6.0))
    np.save(tmp_path / "w.npy", np.arange(3.0))
    np.save(tmp_path / "nan.npy", np.array([np.nan, 1.0]))
    certificate = files.generated_folder() / files.CERTIFICATES / "output_size.json"
    (tmp_path / "one.json").write_bytes(certificate.read_bytes())
    (tmp_path / "file").write_text("mine")
    (tmp_path / "package").mkdir()
    for name in (*PYODIDE, ABOUT):
        (tmp_path / "package" / name).write_text('{"version": "1.2.3"}')
    for name in (
        "taken/proof.tex", "kernels/contraction.h", "plain/plain_kernels.py", "program/network.py",
        "bound/book.html", "bound/playground/index.html",
    ):  # fmt: skip
        (tmp_path / name).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("words", "said"), REFUSED, ids=[" ".join([w[0], *w[2:]])[:50] for w, _ in REFUSED]
)
def test_what_cannot_be_done_is_refused_before_any_work(
    words: list[str], said: str, workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command judges its arguments without a proof, and the work never begins."""
    before = sorted(workplace.rglob("*"))
    monkeypatch.setattr(Theorem, "__init__", lambda *_, **__: pytest.fail("a theorem is proved"))
    arguments = parser().parse_args(words)
    with pytest.raises((ValueError, OSError), match=said):
        commands.COMMANDS[arguments.command](arguments)
    assert sorted(workplace.rglob("*")) == before


def test_every_command_is_judged() -> None:
    assert {words[0] for words, _ in REFUSED} == set(commands.COMMANDS)


def test_a_path_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """An empty one would be the current folder."""
    with pytest.raises(SystemExit) as stop:
        main(["derive", LAYER, "-o", ""])
    assert stop.value.code == 2
    assert "-o/--output: found '', expected a path" in capsys.readouterr().err
