"""`rot180.codegen.compile` where something is missing, full, damaged, slow or oddly named."""

from __future__ import annotations

import errno
import os
import random
import signal
import subprocess
import sys
import time
import types
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from rot180.codegen import compile
from rot180.codegen.kernels import build
from rot180.codegen.kernels import compile as compiling
from rot180.codegen.kernels.build import BuildError, find_compiler
from rot180.codegen.kernels.c_runtime import lent_contraction
from rot180.codegen.system import cache, files

SPEC = "y[n,o] = sum[i] x[n,i]*w[o,i]"
PROGRAM = f"""
import numpy as np
from rot180.codegen import compile
module = compile({SPEC!r})
print(module.backend, module.forward(np.eye(2), np.arange(4.0).reshape(2, 2)).tolist())
"""
SAID = "compiled [[0.0, 2.0], [1.0, 3.0]]"


@pytest.fixture(autouse=True)
def cold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have an empty cache and forget what this process loaded and said; compile fast."""
    try:
        find_compiler()
    except BuildError as error:
        pytest.skip(str(error))
    folder = tmp_path / "cache"
    monkeypatch.setenv("CFLAGS", "-O0")
    monkeypatch.setenv(cache.VARIABLE, str(folder))
    monkeypatch.setattr(compiling, "_modules", {})
    monkeypatch.setattr(compiling, "_warned", set())
    compiling._support.cache_clear()
    return folder


def right(module: types.ModuleType) -> bool:
    """Say whether the module of `SPEC` computes what it should, in small and in large sums."""
    rng = np.random.default_rng(0)
    for n in (2, 70):
        x, w, g = (rng.integers(-9, 10, (n, n)).astype(float) for _ in range(3))
        found = module.forward(x, w), module.grad_x(g, w), module.grad_w(g, x)
        wanted = x @ w.T, g @ w, g.T @ x
        if not all(np.array_equal(a, b) for a, b in zip(found, wanted, strict=True)):
            return False
    return True


def ran(environment: Mapping[str, str], folder: Path) -> str:
    """Run the program in a process of its own, and return what it printed."""
    command = [sys.executable, "-W", "error", "-c", PROGRAM]
    given = {**os.environ, **environment}
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=given, cwd=folder
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def script(path: Path, text: str) -> str:
    """Write a program for the shell and return its path, quoted."""
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o700)
    return f"'{path}'"


@pytest.mark.parametrize("lent", ["", "rot180.generated.cython_kernels.contraction_0"])
def test_sums_that_nothing_lends_are_compiled(
    lent: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(compiling, "_lent", lambda: lent)
    module = compile(SPEC, "compiled")
    assert right(module) and module._lent == ""
    assert "compiles what all layers share, once" in capsys.readouterr().err
    compile("y[n] = sum[i] x[n,i]*v[i]", "compiled")
    assert capsys.readouterr().err == ""  # once


def test_sums_that_the_shipped_kernels_lend_are_not_compiled(
    cold: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if compiling._lent() != lent_contraction():
        pytest.skip("the shipped kernels are not built, or from other sources")
    from rot180 import generated

    module = compile(SPEC, "compiled")
    assert right(module) and module._lent == lent_contraction()
    assert capsys.readouterr().err == ""
    before = generated.get_num_threads()
    try:
        generated.set_num_threads(2)
        assert module._library._threads(0) == 2 and right(module)
    finally:
        generated.set_num_threads(before)


def test_a_library_that_cannot_be_loaded_is_built_again(cold: Path) -> None:
    assert right(compile(SPEC, "compiled"))
    (name,) = (path.stem for path in cold.glob("*.json") if "forward" in path.read_text())
    entry = cache.load(name)
    assert entry is not None
    cache.save(name, entry.texts, b"of another Python", build.ENDING)
    compiling._modules.clear()
    assert right(compile(SPEC, "compiled"))
    again = cache.load(name)
    assert again is not None and again.binary is not None and again.binary.stat().st_size > 1000


def test_a_full_disk_is_said_once_and_does_no_harm(
    cold: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish = files.publish

    def full(path: Path, data: bytes) -> None:
        if path.parent == cold:
            raise OSError(errno.ENOSPC, "No space left on device")
        publish(path, data)

    monkeypatch.setattr(files, "publish", full)
    with pytest.warns(UserWarning, match="keeps no kernels for later runs.*No space left") as said:
        module = compile(SPEC)
    assert len(said) == 1 and module.backend == "compiled" and right(module)
    assert list(cold.iterdir()) == []


def test_where_nothing_can_be_written_numpy_runs(
    cold: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(folder: Path, texts: object) -> None:
        raise files.WriteError(f"cannot write to {folder}: No space left on device")

    monkeypatch.setattr(files, "write", full)
    with pytest.warns(UserWarning, match="compiles nothing.*No space left") as said:
        module = compile(SPEC)
    assert len(said) == 1 and module.backend == "numpy" and right(module)


def test_a_compiler_that_does_not_end_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CC", script(tmp_path / "slow cc", "sleep 1000"))
    monkeypatch.setattr(build, "PATIENCE", 0.5)
    with pytest.warns(UserWarning, match="compiles nothing.*did not end within") as said:
        module = compile(SPEC)
    assert len(said) == 1 and module.backend == "numpy" and right(module)


def test_odd_paths_and_nothing_outside_the_cache(tmp_path: Path) -> None:
    home, work, made = tmp_path / "home", tmp_path / "Ärger & co", tmp_path / "meine Schätze'"
    for folder in (home, work):
        folder.mkdir()
    real = " ".join(f"'{word}'" for word in find_compiler().command)
    given = {"HOME": str(home), "TMPDIR": str(work), "PYTHONDONTWRITEBYTECODE": "1"}
    given |= {cache.VARIABLE: str(made), "CC": script(tmp_path / "mein cc ß", f'{real} "$@"')}
    assert ran(given, work) == SAID
    assert {path.suffix for path in made.iterdir()} == {".json", ".o", ".so"}
    assert list(home.iterdir()) == list(work.iterdir()) == []
    assert ran({**given, "CC": given["CC"]}, home) == SAID


def test_a_run_that_is_killed_at_any_moment_leaves_nothing_torn(cold: Path, tmp_path: Path) -> None:
    rng = random.Random(0)
    command = [sys.executable, "-c", PROGRAM]
    for _ in range(6):
        one = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL)
        time.sleep(rng.uniform(0.1, 4))
        os.killpg(one.pid, signal.SIGKILL)
        one.wait()
        for path in cold.glob("*.json") if cold.exists() else ():
            assert cache.load(path.stem) is not None
    assert ran({}, tmp_path) == SAID
    assert not [path for path in cold.iterdir() if path.suffix == ".lock"]
