"""Where the compiled kernels cannot be built, the package says why and runs NumPy's."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rot180 import generated

ROOT = Path(__file__).resolve().parents[3]
PROJECT = """
[project]
name = "small"
version = "0"

[[tool.setuptools.ext-modules]]
name = "cython_kernels"
sources = ["cython_kernels.c"]
optional = true
"""
SOURCE = """
#include <Python.h>
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "cython_kernels", NULL, -1, NULL};
PyMODINIT_FUNC PyInit_cython_kernels(void) { return PyModule_Create(&module); }
"""
REPORT = "cython_kernels.failed.txt"


def build(folder: Path, flags: str) -> None:
    """Build the extension of a small project by our setup.py."""
    command = [sys.executable, "setup.py", "build_ext", "--inplace", "--force"]
    environment = {**os.environ, "CFLAGS": flags}
    ran = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr


def test_a_failed_build_leaves_its_reason(tmp_path: Path) -> None:
    if shutil.which("gcc") is None:
        pytest.skip("no C compiler")
    shutil.copy(ROOT / "setup.py", tmp_path)
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    (tmp_path / "cython_kernels.c").write_text(SOURCE)
    build(tmp_path, "-fno-such-flag")
    assert "with CFLAGS='-fno-such-flag': " in (tmp_path / REPORT).read_text()
    assert not list(tmp_path.glob("*.so"))
    build(tmp_path, "-O0")
    assert not (tmp_path / REPORT).exists() and list(tmp_path.glob("*.so"))


def test_the_notice_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generated, "files", lambda _: tmp_path)
    error = ImportError("No module named 'rot180.generated.cython_kernels'")
    assert "No module named" in generated._notice(error)
    (tmp_path / REPORT).write_text("the build failed with CFLAGS='-x': gcc failed\n")
    assert "(the build failed with CFLAGS='-x': gcc failed)" in generated._notice(error)


@pytest.mark.parametrize("count", [None, "2", 1.5])
def test_a_number_of_threads_that_is_none(count: object) -> None:
    with pytest.raises(TypeError, match="count: found"):
        generated.set_num_threads(count)  # type: ignore[arg-type]


@pytest.mark.parametrize("word", ["²", "٣", "-1", "0", "9" * 5000, "2x", "", "1e3"])
def test_any_text_as_the_number_of_threads(word: str) -> None:
    program = "from rot180 import generated; assert generated.get_num_threads() >= 1"
    environment = {**os.environ, "OMP_NUM_THREADS": word}
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        env=environment, capture_output=True, text=True, check=False,
    )
    assert ran.returncode == 0, ran.stderr
