"""The compiled kernels as Python calls them: arrays of every kind, their memory, threads, forks."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from rot180.codegen.kernels.algorithms import REQUESTS
from rot180.generated import backend, numpy_kernels

ROOT = Path(__file__).resolve().parents[3]
Array = np.ndarray[Any, Any]


@pytest.fixture(scope="module")
def kernels() -> ModuleType:
    """Return the public kernels on compiled code."""
    if backend() != "cython":
        pytest.skip("no compiled kernels: no C compiler")
    return importlib.import_module("rot180.generated.cython_kernels")


@pytest.mark.parametrize("algorithm", REQUESTS)
def test_outputs_are_stored_whatever_was_in_memory(kernels: ModuleType, algorithm: str) -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(-3, 4, (2, 6, 40, 41)).astype("float32")
    w = rng.integers(-3, 4, (8, 3, 3, 3)).astype("float32")
    how: dict[str, Any] = {"padding": 1, "groups": 2}
    y = numpy_kernels.conv2d(x, w, None, **how)
    wanted = (
        y,
        numpy_kernels.conv2d_input(x.shape, w, y, **how),
        np.zeros((100, 50)),  # sums of no terms
    )
    before = kernels.path()
    kernels.path(algorithm)
    try:
        for again in range(3):
            used = [np.full_like(a, np.nan) for a in wanted]
            del used  # memory for the results
            found = (
                kernels.conv2d(x, w, None, **how),
                kernels.conv2d_input(x.shape, w, y, **how),
                kernels.linear(np.ones((100, 0)), np.ones((50, 0))),
            )
            for a, b in zip(found, wanted, strict=True):
                assert np.array_equal(a, b), (algorithm, again)
    finally:
        kernels.path(before)


LIMITED = """
import resource
import numpy as np
from rot180.generated import cython_kernels as kernels, numpy_kernels
x, w = np.ones((24, 1 << 16), "float32"), np.ones((30, 1 << 16), "float32")
wanted = numpy_kernels.linear(x, w)
kernels.set_num_threads(THREADS)
kernels.linear(x, w)  # the stack grows before there is a limit
kernels.release()
scratch = done = 0
for more in range(0, STEPS):
    pages = int(open("/proc/self/statm").read().split()[0])
    used = pages * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + more * BYTES, -1))
    try:
        found = kernels.linear(x, w)
    except MemoryError as e:
        scratch += str(e) == "scratch memory"
    else:
        done += np.array_equal(found, wanted)
        kernels.release()
    resource.setrlimit(resource.RLIMIT_AS, (-1, -1))
assert scratch and done, (scratch, done)
assert np.array_equal(kernels.linear(x, w), wanted)
"""


@pytest.mark.parametrize(("threads", "steps", "more"), [(1, 40, 500_000), (8, 1600, 50_000)])
def test_a_limited_address_space_is_a_memory_error(
    kernels: ModuleType, threads: int, steps: int, more: int
) -> None:
    """A thread whose start needs more memory than there is must not abort the program."""
    if not sys.platform.startswith("linux"):
        pytest.skip("no C compiler to ask for: the limits are those of Linux")
    program = LIMITED.replace("THREADS", str(threads)).replace("STEPS", str(steps))
    program = program.replace("BYTES", str(more))
    # freed memory goes back to the system at once, so that each call has to ask for its own; the
    # C library reserves address space for each further arena, which the limit does not count
    fresh = {"MALLOC_MMAP_THRESHOLD_": "4096", "MALLOC_TRIM_THRESHOLD_": "0"}
    fresh["MALLOC_ARENA_MAX"] = "1"
    ran = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | fresh,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr


def test_public_kernels_on_huge_broadcast_arrays(kernels: ModuleType) -> None:
    x = np.broadcast_to(np.float32(3), (1, 8, 1 << 29))
    w = np.ones((4, 8, 3), "float32")
    how = {"stride": 1 << 27, "dilation": 1 << 26}
    y = kernels.conv1d(x, w, None, **how)
    assert y.shape == (1, 4, 3)
    assert (y == 3 * 8 * 3).all()
    assert (kernels.conv1d_weight(x, w.shape, y, **how) == 3 * 3 * 72).all()


@pytest.mark.parametrize("how", [{}, {"padding": 1 << 62}, {"dilation": 1 << 62}, {"stride": 3}])
def test_sizes_that_are_too_far_are_refused(kernels: ModuleType, how: dict[str, int]) -> None:
    x = np.broadcast_to(np.float32(3), (1, 2, 1 << (50 if not how else 33)))
    with pytest.raises(ValueError, match="found"):
        kernels.conv1d(x, np.ones((4, 2, 3), "float32"), None, **how)


def unusual(values: Array) -> dict[str, Array]:
    """Return equal arrays, laid out otherwise."""
    backwards = tuple(slice(None, None, -1) for _ in values.shape)
    raw = np.zeros(values.nbytes + 1, np.uint8)
    unaligned = np.ndarray(values.shape, values.dtype, raw[1:].data)
    unaligned[...] = values
    fields = np.zeros(values.shape, [("a", "u1"), ("v", values.dtype)])
    fields["v"] = values
    gaps = np.full([2 * n for n in values.shape], np.nan, values.dtype)
    gaps[tuple(slice(None, None, 2) for _ in values.shape)] = values
    frozen = values.copy()
    frozen.flags.writeable = False
    return {
        "reversed": np.ascontiguousarray(values[backwards])[backwards],
        "transposed": np.ascontiguousarray(values.T).T,
        "unaligned": unaligned,
        "a field": fields["v"],
        "gaps": gaps[tuple(slice(None, None, 2) for _ in values.shape)],
        "read-only": frozen,
    }


def test_arrays_laid_out_otherwise(kernels: ModuleType) -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(-3, 4, (2, 6, 19, 23)).astype("float32")
    w = rng.integers(-3, 4, (8, 3, 3, 5)).astype("float32")
    how: dict[str, Any] = {
        "stride": (2, 1),
        "padding": ((1, 2), (0, -1)),
        "dilation": (1, 2),
        "groups": 2,
    }
    y = numpy_kernels.conv2d(x, w, None, **how)
    g = rng.integers(-3, 4, y.shape).astype("float32")
    dx, dw = (
        numpy_kernels.conv2d_input(x.shape, w, g, **how),
        numpy_kernels.conv2d_weight(x, w.shape, g, **how),
    )
    layouts = zip(unusual(x).items(), unusual(w).values(), unusual(g).values(), strict=True)
    for (kind, some_x), some_w, some_g in layouts:
        assert np.array_equal(kernels.conv2d(some_x, some_w, None, **how), y), kind
        assert np.array_equal(kernels.conv2d_input(x.shape, some_w, some_g, **how), dx), kind
        assert np.array_equal(kernels.conv2d_weight(some_x, w.shape, some_g, **how), dw), kind


def test_more_taps_than_entries(kernels: ModuleType) -> None:
    """The sum of the input gradient runs backwards along one array, forwards along the other."""
    rng = np.random.default_rng(0)
    w = rng.integers(-2, 3, (3, 40, 20)).astype("float32")
    g = rng.integers(-2, 3, (1, 3, 9)).astype("float32")
    found = kernels.conv1d_input((1, 40, 8), w, g, padding=10)
    assert np.array_equal(found, numpy_kernels.conv1d_input((1, 40, 8), w, g, padding=10))


def calls(kernels: ModuleType) -> list[Callable[[], Array]]:
    """Return calls of many kinds and sizes, each with its own arguments."""
    rng = np.random.default_rng(0)
    out: list[Callable[[], Array]] = []
    for n in range(24):
        dtype = ("float32", "float64")[n % 2]
        x = rng.standard_normal((1 + n % 3, 4, 8 + n, 9 + 2 * n)).astype(dtype)
        w = rng.standard_normal((3 + n % 7, 4, 3, 1 + n % 5)).astype(dtype)
        how: dict[str, Any] = {"stride": 1 + n % 2, "padding": n % 3}
        g = np.ones_like(kernels.conv2d(x, w, None, **how))
        out += [
            partial(kernels.conv2d, x, w, None, **how),
            partial(kernels.conv2d_input, x.shape, w, g, **how),
            partial(kernels.conv2d_weight, x, w.shape, g, **how),
            partial(kernels.conv2d_bias, g),
        ]
    return out


def test_threads_and_release(kernels: ModuleType) -> None:
    work = calls(kernels)
    serial = [call() for call in work]
    stopped = threading.Event()

    def keep_releasing() -> None:
        while not stopped.wait(1e-4):
            kernels.release()

    releaser = threading.Thread(target=keep_releasing)
    releaser.start()
    try:
        with ThreadPoolExecutor(12) as pool:
            for _ in range(8):
                found = list(pool.map(lambda call: call(), work))
                assert all(map(np.array_equal, found, serial))
    finally:
        stopped.set()
        releaser.join()


FORKED = """
import os, signal, sys, threading, warnings
warnings.simplefilter("ignore")
sys.path.insert(0, sys.argv[1])
import numpy as np
from rot180.generated import cython_kernels as kernels
from tests.codegen.kernels.test_compiled_module import calls
signal.alarm(60)
work = calls(kernels)
serial = [call() for call in work]
def compute():
    while not stopped.is_set():
        for call in work:
            call()
stopped = threading.Event()
threads = [threading.Thread(target=compute) for _ in range(3)]
for thread in threads:
    thread.start()
for _ in range(10):
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        same = all(np.array_equal(call(), wanted) for call, wanted in zip(work, serial))
        kernels.release()
        os._exit(0 if same else 3)
    _, status = os.waitpid(child, 0)
    assert status == 0, status
stopped.set()
for thread in threads:
    thread.join()
"""


def test_a_fork_computes(kernels: ModuleType) -> None:
    if not hasattr(os, "fork"):
        pytest.skip("no C compiler to ask for: the system has no fork")
    ran = subprocess.run(
        [sys.executable, "-c", FORKED, str(ROOT)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, (ran.returncode, ran.stderr)
