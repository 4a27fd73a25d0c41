"""The check of wheels finds what it is for."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from rot180 import generated
from tests.support.wheel_check import wrong_results

SCRIPT = Path(__file__).parent / "support" / "wheel_check.py"
FOLDER = Path(generated.__file__).parent


def checked(path: Path) -> str:
    """Run the check on what is in a folder, and return what it prints; it must refuse it."""
    # without `site`, which would import an editable install instead
    places = [str(path), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(places)}
    command = [sys.executable, "-S", str(SCRIPT)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


def test_kernels_that_were_not_compiled(tmp_path: Path) -> None:
    leave_out = shutil.ignore_patterns("*.so", "*.pyd", "__pycache__", "certificates", "rocq")
    shutil.copytree(FOLDER, tmp_path / "rot180" / "generated", ignore=leave_out)
    assert "no compiled kernels" in checked(tmp_path)


def test_kernels_that_do_not_load(tmp_path: Path) -> None:
    """As those do that were compiled for another NumPy."""
    leave_out = shutil.ignore_patterns("*.so", "*.pyd", "__pycache__", "certificates", "rocq")
    shutil.copytree(FOLDER, tmp_path / "rot180" / "generated", ignore=leave_out)
    broken = "raise ImportError('numpy.core.multiarray failed to import')\n"
    (tmp_path / "rot180" / "generated" / "cython_kernels.py").write_text(broken)
    assert "no compiled kernels: numpy.core" in checked(tmp_path)


def test_wrong_results_are_found() -> None:
    """Each function, wrong by one in one entry."""
    names = [f"{layer}{end}" for layer in ("conv2d", "conv_transpose2d") for end in ENDS]
    right = {name: getattr(generated, name) for name in names}
    assert list(wrong_results(SimpleNamespace(**right), np.float64)) == []
    for name in names:

        def wrong(*given: object, name: str = name, **named: object) -> object:
            result = right[name](*given, **named)
            result.flat[-1] += 1
            return result

        kernels = SimpleNamespace(**right | {name: wrong})
        found = list(wrong_results(kernels, np.float64))
        assert found and all(line.startswith(name.split("2d")[0]) for line in found)


ENDS = ("", "_input", "_weight", "_bias")
