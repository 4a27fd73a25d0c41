"""Compute random sums in C and compare them with what they mean.

With their arrays in memory of a chosen kind, for tests that expect a crash if the C code reads or
writes where it must not:

    python tests/support/contraction_harness.py LIBRARY MEMORY FIRST STOP
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.support.c_library import DONE, MEMORIES, Allocator, Library, isa_name, isas, load, run
from tests.support.chosen_sums import chosen
from tests.support.far_indices import check_bound, check_far
from tests.support.random_sums import draw
from tests.support.sums import Sum, expected, fresh


def check(lib: Library, s: Sum, memory: Allocator, what: object) -> None:
    """Compute a sum on every instruction set, added and stored; compare with its meaning.

    Raises:
        AssertionError: naming the sum, the instructions, and the first entry that differs

    """
    for given in (s, fresh(s)):
        wanted = expected(given)
        for isa in isas(lib):
            said, found = run(lib, given, isa, memory)
            memory.clear()
            how = f"{what}, {isa_name(lib, isa)}, {s.dtype}, {'stored' if given.fresh else 'added'}"
            assert said == DONE, f"{how}: said {said}"
            wrong = np.argwhere((found != wanted) & ~(np.isnan(found) & np.isnan(wanted)))
            assert not len(wrong), (
                f"{how}: {len(wrong)} of {wanted.size} entries differ, "
                f"first at {tuple(wrong[0])}: found {found[tuple(wrong[0])]}, "
                f"expected {wanted[tuple(wrong[0])]}"
            )


def main(arguments: Sequence[str]) -> None:
    """Run drawn sums in memory of one kind; `far`: sums and bounds with huge indices."""
    lib, kind = load(Path(arguments[0])), arguments[1]
    for seed in range(int(arguments[2]), int(arguments[3])):
        if kind == "far":
            check_far(lib, seed)
            check_bound(lib, seed)
        else:
            check(lib, draw(seed), MEMORIES[kind](), f"seed {seed}")
    for name, s in chosen() if kind in MEMORIES else ():
        check(lib, s, MEMORIES[kind](), name)
    lib.release()
    assert lib.blocks() == 0, f"{lib.blocks()} blocks were not given back"


if __name__ == "__main__":
    main(sys.argv[1:])
