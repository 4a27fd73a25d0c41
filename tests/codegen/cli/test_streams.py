"""Standard streams that are closed or full, and input that exceeds the machine: no traceback."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from rot180.codegen.cli import commands
from rot180.codegen.cli.main import main
from tests.support.commands import ROT180

FULL = Path("/dev/full")
DERIVE = "derive 'y[p] = sum[k] x[p+k] * w[k]' --format none -o out"


def run(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a line of the shell, in which `rot180` is the command."""
    line = line.replace("rot180", " ".join(ROT180), 1)
    environment = {n: v for n, v in os.environ.items() if n != "PYTHONUNBUFFERED"}
    command = ["sh", "-c", line]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.skipif(os.name != "posix", reason="a shell of Unix closes streams")
def test_a_closed_output_is_refused(tmp_path: Path) -> None:
    """Before anything is computed."""
    ran = run("rot180 list >&-", tmp_path)
    said = "rot180: the standard output is closed; redirect it to a file, or to /dev/null\n"
    assert (ran.returncode, ran.stderr) == (2, said)
    ran = run("rot180 list >&- 2>&- <&-", tmp_path)
    assert (ran.returncode, ran.stdout, ran.stderr) == (2, "", "")


@pytest.mark.skipif(os.name != "posix", reason="a shell of Unix closes streams")
def test_messages_without_a_standard_error_are_dropped(tmp_path: Path) -> None:
    """They reach neither the results nor a file."""
    ran = run(f"rot180 {DERIVE} --json 2>&-", tmp_path)
    assert ran.returncode == 0
    files = json.loads(ran.stdout)["files"]
    assert not [name for name in files if "rot180: " in (tmp_path / name).read_text()]
    ran = run("rot180 show nosuch 2>&-", tmp_path)
    assert (ran.returncode, ran.stdout) == (2, "")


@pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("words", ["list", "--help", "show rot180_correlation_1d --json"])
def test_a_full_output_is_one_line(words: str, tmp_path: Path) -> None:
    ran = run(f"rot180 {words} > {FULL}", tmp_path)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr == "rot180: [Errno 28] No space left on device\n"


@pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full")
def test_a_full_standard_error_stops_nothing(tmp_path: Path) -> None:
    ran = run(f"rot180 {DERIVE} 2> {FULL}", tmp_path)
    assert ran.returncode == 0
    assert (tmp_path / "out" / "numpy_kernels.py").exists()
    assert run(f"rot180 show nosuch 2> {FULL}", tmp_path).returncode == 2


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (RecursionError(), "write it in several parts"),
        (MemoryError(), "out of memory; give smaller input"),
    ],
)
def test_what_exceeds_the_machine_is_one_line(
    error: Exception,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(_: object) -> int:
        raise error

    monkeypatch.setattr(commands, "COMMANDS", {"list": fail})
    assert main(["list"]) == 2
    err = capsys.readouterr().err
    assert said in err and err.startswith("rot180: ") and err.count("\n") == 1
