"""`rot180 verify --require rocq`: any certificate, and the reason where no script is accepted."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from rot180.codegen.cli.main import main
from rot180.codegen.kernels.derivation import derive, layer_files
from rot180.codegen.rocq.script import LIBRARY, library, script
from rot180.codegen.system import files
from rot180.codegen.verify import proof_scripts
from rot180.derive.certificates.writer import dumps
from rot180.derive.gradients.gradient import gradient
from rot180.derive.language.layers import layer
from rot180.derive.theorems import theorem

NEEDS_COQC = pytest.mark.skipif(shutil.which("coqc") is None, reason="coqc is not installed")
pytestmark = pytest.mark.usefixtures("compiled_library")
SPEC = "y[p] = sum[k] x[3*p+2*k-a]*w[k]"


def rows(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    found = json.loads(capsys.readouterr().out)
    assert isinstance(found, list)
    return found


@pytest.fixture(scope="module")
def derived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file of certificates that `rot180 derive` writes for a user's layer."""
    folder = tmp_path_factory.mktemp("derived")
    texts = layer_files(derive(SPEC))
    (path,) = files.write(folder, {"certificate.json": texts["certificate.json"]})
    return path


@NEEDS_COQC
def test_every_proof_of_a_derived_layer_is_accepted(
    derived: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "scripts"
    asked = ["verify", str(derived), "--require", "rocq", "--json", "-", "--scripts", str(kept)]
    assert main(asked) == 0
    found = rows(capsys)
    assert len(found) == 8
    assert {row["rocq"] for row in found} == {"ok"}
    assert files.read(kept / f"{LIBRARY}.v") == library()
    assert len(list(kept.glob("*.v"))) == 9


@NEEDS_COQC
def test_proofs_of_the_same_name_have_scripts_of_their_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = theorem("output_size"), gradient(layer("y[n] = 2*x[n]"), "x")
    texts = {"a": dumps(first.proof)}
    for file, name in (("b", "output.size"), ("c", "Output.Size")):
        texts[file] = dumps(second.proof).replace(second.name, name)
    paths = files.write(tmp_path, {f"{name}.json": text for name, text in texts.items()})
    kept = tmp_path / "scripts"
    asked = [*map(str, paths), str(paths[1]), "--rocq", "--json", "-", "--scripts", str(kept)]
    assert main(["verify", *asked]) == 0
    assert {row["rocq"] for row in rows(capsys)} == {"ok"}
    assert len({files.read(path) for path in kept.glob("*.v")}) == 4
    assert len({path.name.lower() for path in kept.glob("*.v")}) == 5


def test_a_proof_that_scripts_do_not_cover_is_a_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proof_scripts, "check", lambda scripts: iter(()))
    monkeypatch.setattr("rot180.codegen.system.programs.installed", lambda program: True)
    path = tmp_path / "half.json"
    path.write_text(dumps(gradient(layer("squared_error"), "a").proof))
    assert main(["verify", str(path), "--json", "-"]) == 0
    assert rows(capsys)[0]["rocq"] == "not run"
    assert main(["verify", str(path), "--json", "-", "--require", "rocq"]) == 1
    (row,) = rows(capsys)
    assert row["replay"] == "ok"
    fault = "not covered by proof scripts: the coefficient 1/2 is not an integer"
    assert row["faults"] == [f"rocq: {fault}"]


def test_a_check_that_did_not_run_fails_if_it_is_required(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rot180.codegen.system.programs.installed", lambda program: False)
    path = tmp_path / "one.json"
    path.write_text(dumps(theorem("output_size").proof))
    assert main(["verify", str(path)]) == 0
    assert "not run" in capsys.readouterr().out.splitlines()[1]
    for asked in (["--require", "rocq"], ["--rocq"]):
        assert main(["verify", str(path), *asked]) == 1
        told = capsys.readouterr()
        assert "rocq: not run, but required" in told.out
        assert "coqc is not installed" in told.err


def test_several_checks_can_be_required_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rot180.derive.semantics.smt.available", lambda: False)
    monkeypatch.setattr("rot180.codegen.system.programs.installed", lambda program: False)
    path = tmp_path / "one.json"
    path.write_text(dumps(theorem("output_size").proof))
    for asked in (["--require", "smt,rocq"], ["--require", "rocq", "--require", "smt"]):
        assert main(["verify", str(path), *asked]) == 1
        assert "the SMT solver is missing" in capsys.readouterr().err
    assert main(["verify", str(path), "--require", "smt,luck"]) == 2
    assert "found 'luck', expected one or more of" in capsys.readouterr().err
    assert main(["verify", str(path), "--scripts", str(tmp_path / "kept")]) == 2


def test_a_broken_certificate_has_no_script(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = dumps(theorem("rot180_correlation_general_1d").proof)
    path = tmp_path / "shifted.json"
    path.write_text(text.replace("- K*d", "- K*d + 1"))
    assert main(["verify", str(path), "--require", "rocq", "--json", "-"]) == 1
    (row,) = rows(capsys)
    assert row["rocq"] == "not run"


def test_a_script_on_disk_that_differs_from_the_printed_one_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One more space is a difference: that file was not generated from the proof."""
    monkeypatch.setattr(proof_scripts, "check", lambda scripts: iter(()))
    monkeypatch.setattr("rot180.codegen.system.programs.installed", lambda program: True)
    proved = theorem("output_size")
    (path,) = files.write(tmp_path, {"one.json": dumps(proved.proof)})
    texts = {f"{LIBRARY}.v": library(), "output_size.v": script(proved) + " "}
    files.write(tmp_path / "rocq", texts)
    monkeypatch.setattr(files, "generated_folder", lambda: tmp_path)
    assert main(["verify", str(path), "--require", "rocq", "--json", "-"]) == 1
    assert "output_size.v is not what the proof gives" in str(rows(capsys)[0]["rocq"])


@NEEDS_COQC
def test_a_given_script(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    proved = theorem("output_size")
    texts = {"one.json": dumps(proved.proof), "good.v": script(proved) + "(* mine *)"}
    texts["bad.v"] = texts["good.v"].replace("Qed.", "Admitted.", 1)
    one, good, bad = files.write(tmp_path, texts)
    assert main(["verify", str(one), "--script", str(good)]) == 0
    capsys.readouterr()
    assert main(["verify", str(one), "--script", str(bad)]) == 1
    assert "the script uses Admitted" in capsys.readouterr().out
    assert main(["verify", str(one), str(one), "--script", str(good)]) == 2
