"""Modules of kernels in Cython, compiled and imported."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import types
from collections.abc import Mapping
from pathlib import Path

from rot180.codegen.kernels.c_runtime import HEADER, render_contraction

SETUP = """
from setuptools import Extension, setup
from Cython.Build import cythonize
setup(
    name="odd",
    packages=[],
    ext_modules=cythonize([Extension(n, [n + ".pyx"]) for n in {names}], quiet=True),
)
"""


def compiled(folder: Path, texts: Mapping[str, str]) -> dict[str, types.ModuleType]:
    """Compile modules without optimisation, and import them.

    Args:
        folder: an empty folder.
        texts: the name and the Cython text of each module.

    Raises:
        AssertionError: one of them does not compile.

    """
    (folder / HEADER).write_text(render_contraction())
    for name, text in texts.items():
        (folder / f"{name}.pyx").write_text(text)
    (folder / "setup.py").write_text(SETUP.format(names=list(texts)))
    command = [sys.executable, "setup.py", "build_ext", "--inplace", "-j2"]
    environment = {**os.environ, "CFLAGS": "-O0 -w"}
    ran = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return {name: _load(folder, name) for name in texts}


def _load(folder: Path, name: str) -> types.ModuleType:
    (path,) = folder.glob(f"{name}.*.so")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
