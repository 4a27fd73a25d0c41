"""Check the contraction's contract, case by case.

For a run under sanitizers:

    python tests/support/contraction_contract.py LIBRARY heap 0 STEP
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.support.c_library import isa_name, isas, load

PARTS = (
    "roles and sizes",
    "one side",
    "strides of two factors",
    "strides of one factor",
    "strides of three factors",
)
ALGORITHMS = {2: "entries", 3: "packed", 4: "direct", 5: "dots", 6: "transposed"}
"""What a sum can be asked to be computed by, by the numbers of contraction.h."""

ROOM = 4000


def cases(lib: ctypes.CDLL, part: int) -> int:
    """Return how many cases a part has."""
    lib.contract_cases.restype = ctypes.c_long
    return int(lib.contract_cases(part))


def check(
    lib: ctypes.CDLL, part: int, first: int, step: int, isa: int, itemsize: int, algorithm: int
) -> int:
    """Check each n-th case of a part by an algorithm where it fits; return the number of cases.

    Raises:
        AssertionError: describing the first case whose output is wrong

    """
    lib.contract_check.restype = ctypes.c_long
    lib.contract_check.argtypes = [
        ctypes.c_int,
        ctypes.c_long,
        ctypes.c_long,
        *[ctypes.c_int] * 3,
        ctypes.c_char_p,
        ctypes.c_size_t,
    ]
    said = ctypes.create_string_buffer(ROOM)
    checked = lib.contract_check(part, first, step, isa, itemsize, algorithm, said, ROOM)
    how = f"{PARTS[part]}, {isa_name(lib, isa)}, {itemsize} bytes, {ALGORITHMS[algorithm]}"
    assert checked >= 0, f"{how}: {said.value.decode()}"
    return int(checked)


def main(arguments: Sequence[str]) -> None:
    """Check some cases on every instruction set, of both types, by every algorithm."""
    lib, step, count = load(Path(arguments[0])), int(arguments[3]), 0
    for part in range(len(PARTS)):
        for isa in isas(lib):
            for itemsize in (4, 8):
                for algorithm in ALGORITHMS:
                    count += check(lib, part, 0, step, isa, itemsize, algorithm)
    print(f"{count} cases of the contraction's contract")


if __name__ == "__main__":
    main(sys.argv[1:])
