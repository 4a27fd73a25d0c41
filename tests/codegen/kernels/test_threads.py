"""Calls from several threads of Python share the processors."""

from __future__ import annotations

import subprocess
import sys

import pytest

from rot180.generated import backend

CALLERS, THREADS = 5, 2
PROGRAM = f"""
import os
import threading
import numpy as np
from rot180.generated import cython_kernels as kernels

rng = np.random.default_rng(0)
x = rng.standard_normal((4, 32, 28, 28)).astype("float32")
w = rng.standard_normal((32, 32, 3, 3)).astype("float32")
kernels.set_num_threads({THREADS})
whole = kernels.conv2d(x, w, padding=1)
alone = len(os.listdir("/proc/self/task"))
begin, done, most, wrong = threading.Barrier({CALLERS} + 1), threading.Event(), 0, []

def call():
    begin.wait()
    while not done.is_set():
        if not np.array_equal(kernels.conv2d(x, w, padding=1), whole):
            wrong.append(threading.get_ident())

callers = [threading.Thread(target=call) for _ in range({CALLERS})]
for t in callers:
    t.start()
begin.wait()
for _ in range(300):
    most = max(most, len(os.listdir("/proc/self/task")) - alone)
done.set()
for t in callers:
    t.join()
assert not wrong, "a result depends on what else is computed"
assert {CALLERS} <= most < {CALLERS + THREADS}, most
assert np.array_equal(kernels.conv2d(x, w, padding=1), whole)
"""


def test_all_calls_together_start_fewer_threads_than_were_set() -> None:
    if backend() != "cython" or not sys.platform.startswith("linux"):
        pytest.skip("no compiled kernels, or no list of a process's threads as Linux has it")
    command = [sys.executable, "-c", PROGRAM]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
