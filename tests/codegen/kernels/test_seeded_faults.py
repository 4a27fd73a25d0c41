"""Drawn sums find a product that is 1e-5 too large, by whichever algorithm it is computed."""

from __future__ import annotations

import ctypes
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from rot180.codegen.kernels.c_runtime import HEADER
from tests.support.c_library import Heap, compile_library, load
from tests.support.contraction_harness import check
from tests.support.kernel_draws import draw

GENERATED = Path(__file__).resolve().parents[3] / "generated"

MOST = 400
"""How many sums are drawn before a fault counts as missed."""

FAULTS = {
    "two entries, summed": (
        "total += *(const T *)x * *(const T *)y;",
        "total += *(const T *)x * *(const T *)y * SEEDED(i == in.first);",
    ),
    "two entries, each stored": (
        "*(T *)out += scale * (*(const T *)x * *(const T *)y);",
        "*(T *)out += scale * (*(const T *)x * *(const T *)y) * SEEDED(i == in.first);",
    ),
    "entries of any number of arrays": (
        "if (w->summed) total += product;",
        "product *= SEEDED(i == in.first);\n        if (w->summed) total += product;",
    ),
    "a tile": (
        "c0_0_0 += e * b0_0;",
        "c0_0_0 += e * b0_0; c0_0_0[0] += e * b0_0[0] * (SEEDED(at + 1 == end) - 1);",
    ),
    "a dot product": (
        "c0_0 += e * x0;",
        "c0_0 += e * x0; c0_0[0] += e[0] * x0[0] * (SEEDED(t == 0) - 1);",
    ),
    "a window that slides": (
        "c0_0_0 += e0 * x;",
        "c0_0_0 += e0 * x; c0_0_0[0] += e0 * x[0] * (SEEDED(at + 1 == stop) - 1);",
    ),
}
"""Products in contraction.h, each with the same where the first, or the last, is 1e-5 too large."""

CHOICE = """int seeded;
#define SEEDED(n, when) (seeded == n && (when) ? (T)1.00001 : (T)1)
"""


@pytest.fixture(scope="module")
def lib(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """Compile all faults into one library, in which `seeded` chooses."""
    if shutil.which("gcc") is None:
        pytest.skip("no C compiler")
    folder = tmp_path_factory.mktemp("seeded")
    for path in GENERATED.glob("*.h"):
        shutil.copy(path, folder)
    text = (folder / HEADER).read_text()
    for number, (old, new) in enumerate(FAULTS.values(), 1):
        assert old in text, old
        text = text.replace(old, new.replace("SEEDED(", f"SEEDED({number}, "))
    (folder / HEADER).write_text(CHOICE + text)
    return load(compile_library(folder, folder, ("-O1",)))


def runs_until_found(lib: ctypes.CDLL, number: int) -> int:
    """Return after how many drawn sums a fault is found; 0 if it is not."""
    ctypes.c_int.in_dll(lib, "seeded").value = number
    for seed in range(MOST):
        try:
            check(lib, draw(seed), Heap(), f"seed {seed}")
        except AssertionError:
            return seed + 1
    return 0


def test_without_a_fault_nothing_is_found(lib: ctypes.CDLL) -> None:
    assert runs_until_found(lib, 0) == 0


@pytest.mark.parametrize("number", range(1, len(FAULTS) + 1), ids=list(FAULTS))
def test_a_seeded_fault_is_found(
    lib: ctypes.CDLL, number: int, record_property: Callable[[str, object], None]
) -> None:
    runs = runs_until_found(lib, number)
    record_property("seeded", json.dumps({"fault": [*FAULTS][number - 1], "runs": runs}))
    assert runs, f"not found in {MOST} drawn sums"
