"""A signal ends a call of the compiled kernels: at once, and nothing is left of it."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rot180.codegen.kernels.algorithms import AUTOMATIC, REQUESTS
from rot180.generated import backend
from tests.support import c_library, chosen_sums
from tests.support.c_library import DONE, Surrounded
from tests.support.sums import Sum

ROOT = Path(__file__).resolve().parents[3]
ENDED = -3


@pytest.fixture(scope="module")
def lib(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """Compile and load the harness."""
    if shutil.which("gcc") is None:
        pytest.skip("no C compiler")
    folder = tmp_path_factory.mktemp("harness")
    return c_library.load(c_library.compile_library(folder, ROOT / "generated"))


SUMS = {
    "packed": lambda: chosen_sums.product((512, 1024, 300), 0, "float32"),
    "dots": lambda: chosen_sums.product((12, 30_000, 500), 2, "float32"),
    "windows": lambda: chosen_sums.correlation((64, 30_000, 16, 5, 30_000), 1, 1, 2, "float64"),
}


@pytest.mark.parametrize("name", SUMS)
def test_a_call_ends_whenever_it_asks(lib: ctypes.CDLL, name: str) -> None:
    s: Sum = SUMS[name]()
    lib.interrupt(-1)
    assert c_library.run(lib, s, lib.best(), Surrounded())[0] == DONE
    asked = lib.interrupt(-1)
    assert asked >= 2, asked
    for count in (1, 2, asked):
        lib.interrupt(count)
        said, _ = c_library.run(lib, s, lib.best(), Surrounded())
        assert said == ENDED
        assert lib.interrupt(-1) == count  # it did not ask again
        lib.release()
        assert lib.blocks() == 0
    assert c_library.run(lib, s, lib.best(), Surrounded())[0] == DONE


def test_a_short_call_does_not_ask(lib: ctypes.CDLL) -> None:
    lib.interrupt(1)
    s = chosen_sums.product((8, 9, 10), 0, "float32")
    assert c_library.run(lib, s, lib.best(), Surrounded())[0] == DONE
    assert lib.interrupt(-1) == 0


PROGRAM = """
import os, signal, sys, threading
import numpy as np
from rot180.generated import cython_kernels as kernels

# a shell may have started the tests with SIGINT ignored
signal.signal(signal.SIGINT, signal.default_int_handler)

def ones(*shape):  # huge, and in memory one line
    return np.broadcast_to(np.ones(shape[-1], "float32"), shape)

CALLS = {
    "product": lambda: kernels.linear(ones(2**12, 2**16), ones(2**12, 2**16)),
    "windows": lambda: kernels.conv2d_weight(
        ones(2**14, 64, 128, 128), (64, 64, 3, 3), ones(2**14, 64, 126, 126)
    ),
    "phases": lambda: kernels.conv_transpose1d(
        ones(1, 1, 2),
        np.broadcast_to(np.float32(1), (1, 1, 2**30)),
        stride=2**30,
        padding=2**30 - 5,
    ),
    "fast": lambda: kernels.conv2d(
        ones(64, 2**13, 64, 64), ones(64, 2**13, 3, 3), padding=1, accuracy="fast"
    ),
}
x = np.random.default_rng(0).integers(-3, 4, (2, 3, 20, 20)).astype("float32")
wanted = kernels.conv2d(x, x[:, :, :3, :3], padding=1)
alone = len(os.listdir("/proc/self/task"))
for algorithm, threads, name in CASES:
    kernels.path(algorithm)
    kernels.set_num_threads(threads)
    kernels.release()
    held = kernels.memory()[0]
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    try:
        CALLS[name]()
        ended = False
    except KeyboardInterrupt:
        ended = True
    assert ended, (algorithm, threads, name, "was not interrupted")
    timer.join()
    kernels.release()
    kernels.path("AUTOMATIC")
    assert len(os.listdir("/proc/self/task")) == alone, "a thread is left"
    assert kernels.memory()[0] == held == 0, "memory is left"
    assert np.array_equal(kernels.conv2d(x, x[:, :, :3, :3], padding=1), wanted)
"""
"""Calls that would take minutes; each is interrupted."""

CASES = [
    *((algorithm, 2, "product") for algorithm in REQUESTS),
    *((AUTOMATIC, threads, name) for threads in (1, 3) for name in ("windows", "fast", "phases")),
]


def test_ctrl_c_ends_a_kernel() -> None:
    if backend() != "cython":
        pytest.skip("no compiled kernels: no C compiler")
    if not sys.platform.startswith("linux"):
        pytest.skip("no list of a process's threads: that is Linux's")
    program = PROGRAM.replace("CASES", repr(CASES)).replace('"AUTOMATIC"', repr(AUTOMATIC))
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=120
    )
    assert ran.returncode == 0, ran.stderr
