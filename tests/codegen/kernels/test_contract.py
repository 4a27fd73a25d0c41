"""The contraction's contract (contraction.h), checked case by case against the definition.

tests/support/contraction_contract.c says which cases there are, and in what each part is complete.
Every case runs on each instruction set and for both types, the algorithms in turn;
ROT180_CONTRACT=all runs every case by every algorithm.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from rot180.codegen.kernels.c_runtime import HEADER
from tests.support import contraction_contract
from tests.support.c_library import compile_library, isas, load
from tests.support.contraction_contract import ALGORITHMS, PARTS, cases

GENERATED = Path(__file__).resolve().parents[3] / "generated"
MUTANTS = {
    "the entry after the last is inside": ("high >= e->size[a]", "high > e->size[a]"),
    "the first index is rounded down": ("(slope - 1 - u) / slope", "-u / slope"),
    "the last index is left out": ("(size - 1 - u) / slope + 1", "(size - 1 - u) / slope"),
    "the scale is forgotten": ("*(T *)w->out += scale * total;", "*(T *)w->out += total;"),
}
"""Faults of contraction.h: what is there, and what is put in its place."""


@pytest.fixture(scope="module")
def lib(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """Compile the cases."""
    if shutil.which("gcc") is None:
        pytest.skip("no C compiler")
    folder = tmp_path_factory.mktemp("contract")
    return load(compile_library(folder, GENERATED, name="contraction_contract"))


def checked(lib: ctypes.CDLL, part: int, every: int = 1, all_algorithms: bool = False) -> int:
    """Check each n-th case of a part; return the number of cases."""
    count = turn = 0
    for isa in isas(lib):
        for itemsize in (4, 8):
            for number, algorithm in enumerate(ALGORITHMS):
                first = 0 if all_algorithms else (number + turn) % len(ALGORITHMS)
                step = every if all_algorithms else every * len(ALGORITHMS)
                count += contraction_contract.check(
                    lib, part, first, step, isa, itemsize, algorithm
                )
            turn += 1
    return count


@pytest.mark.parametrize("part", range(len(PARTS)), ids=PARTS)
def test_the_contract(
    lib: ctypes.CDLL, part: int, record_property: Callable[[str, object], None]
) -> None:
    everything = os.environ.get("ROT180_CONTRACT") == "all"
    count = checked(lib, part, all_algorithms=everything)
    times = len(ALGORITHMS) if everything else 1
    assert count == cases(lib, part) * len(isas(lib)) * 2 * times
    record_property("contract", json.dumps({"part": PARTS[part], "cases": count}))


@pytest.mark.parametrize("what", MUTANTS)
def test_a_fault_is_found(tmp_path: Path, what: str) -> None:
    if shutil.which("gcc") is None:
        pytest.skip("no C compiler")
    (old, new), texts = MUTANTS[what], {p.name: p.read_text() for p in GENERATED.glob("*.h")}
    assert old in texts[HEADER]
    texts[HEADER] = texts[HEADER].replace(old, new)
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    mutant = load(compile_library(tmp_path, tmp_path, ("-O0",), "contraction_contract"))
    with pytest.raises(AssertionError, match=r"found .*, expected"):
        for part in range(len(PARTS)):
            checked(mutant, part, every=7)
