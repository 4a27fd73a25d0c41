"""The C contraction and Winograd's form on 64-bit Arm, compiled for it and run by QEMU.

They compute what the tests on the processor at hand compute: drawn and chosen sums, the contract
of the contraction, entries that are not finite, layers in Winograd's form. Each runs on the
baseline and on NEON; a block of an array ends or starts at a page that the program may not touch.
"""

from __future__ import annotations

import ctypes
import itertools
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from rot180.codegen.kernels.algorithms import REQUESTS
from tests.support import c_library, chosen_sums, emulator, random_sums, sums, winograd_harness
from tests.support.c_library import DONE, NO_MEMORY
from tests.support.contraction_contract import ALGORITHMS, PARTS
from tests.support.contraction_harness import check
from tests.support.emulator import Emulator, Pages

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compile the harness for Arm."""
    why = emulator.missing()
    if why:
        pytest.skip(why)
    return emulator.compile_program(tmp_path_factory.mktemp("arm"), ROOT / "generated")


@pytest.fixture
def lib(program: Path) -> Iterator[Emulator]:
    """Start the harness; it must end without a signal, with all memory given back."""
    lib = Emulator(program)
    yield lib
    lib.release()
    assert lib.blocks() == 0
    assert lib.close() == 0


def test_the_instruction_sets(lib: Emulator) -> None:
    assert [c_library.isa_name(lib, isa) for isa in c_library.isas(lib)] == ["baseline", "neon"]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_neon_has_tiles_for_32_registers(lib: Emulator, dtype: str) -> None:
    """Eight rows of three vectors, where the baseline has four."""
    s = chosen_sums.product((64, 64, 300), 0, dtype)
    nest, keep = c_library.nest_of(s, [8, 8], 8)
    packed = REQUESTS.index("packed")
    assert lib.tile(ctypes.byref(nest), 0) == (packed, "baseline", 4, 3)
    assert lib.tile(ctypes.byref(nest), 1) == (packed, "neon", 8, 3)
    del keep


@pytest.mark.parametrize("at_end", [True, False])
def test_drawn_sums(lib: Emulator, at_end: bool) -> None:
    for seed in range(at_end, 300, 2):
        check(lib, random_sums.draw(seed), Pages(lib, at_end), f"seed {seed}")


@pytest.mark.parametrize("deep", [1, 193])
def test_every_edge_of_a_tile(lib: Emulator, deep: int) -> None:
    for tall in random_sums.TALL:
        for wide in (1, 2, 3, 4, 5, 7, 8, 9, 11, 12, 13, 23, 24, 25, 31):
            layout = (tall * 5 + wide * 3 + deep) % 8
            dtype = ("float32", "float64")[(tall + wide) % 2]
            s = chosen_sums.product((tall, wide, deep), layout, dtype)
            check(lib, s, Pages(lib, bool(tall % 2)), (tall, wide, deep, layout))


def test_chosen_sums(lib: Emulator) -> None:
    """All but those of more than a million products, and every third of the small ones."""
    for n, (name, s) in enumerate(chosen_sums.chosen()):
        if n % 3 == 0 and math.prod(loop.extent for loop in s.loops) <= 1_000_000:
            check(lib, s, Pages(lib, bool(n % 2)), name)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_tiles_transposed_in_registers(lib: Emulator, dtype: str) -> None:
    """A tile has more rows than a vector has entries."""
    transposed = REQUESTS.index("transposed")
    lib.request(transposed)
    for many, places in itertools.product((13, 24, 33), range(16, 27)):
        s = chosen_sums.correlation((many, places, 7, 3, places + 2), 1, 1, 0, dtype)
        nest, keep = c_library.nest_of(s, [8, 8], 8)
        for isa in c_library.isas(lib):
            assert lib.tile(ctypes.byref(nest), isa)[0] == transposed
        check(lib, s, Pages(lib, bool(places % 2)), (many, places))
        del keep


@pytest.mark.parametrize("algorithm", REQUESTS)
def test_what_is_not_finite_counts_where_it_is_in_a_term(lib: Emulator, algorithm: str) -> None:
    lib.request(REQUESTS.index(algorithm))
    for seed in range(15):
        drawn = random_sums.with_some_not_finite(random_sums.draw(seed), seed)
        for s in (drawn, sums.fresh(drawn)):
            with np.errstate(invalid="ignore"):
                wanted = sums.term_by_term(s)
            for isa in c_library.isas(lib):
                memory = Pages(lib, bool(seed % 2))
                said, found = c_library.run(lib, s, isa, memory)
                assert said == DONE
                assert np.array_equal(found, wanted, equal_nan=True), (seed, isa, s.fresh)
                memory.clear()


@pytest.mark.parametrize("part", range(len(PARTS)), ids=PARTS)
def test_the_contract(lib: Emulator, part: int) -> None:
    """Some cases of each part, by every algorithm."""
    for isa in c_library.isas(lib):
        for itemsize in (4, 8):
            for first, algorithm in enumerate(ALGORITHMS):
                step = int(lib.ask("cases", part)) // 300
                count, _, said = lib.ask(
                    "check", part, first, step, isa, itemsize, algorithm
                ).partition(" ")
                assert int(count) >= 300, (PARTS[part], isa, itemsize, algorithm, said)


def test_winograd(lib: Emulator) -> None:
    for seed in range(16):
        winograd_harness.check(lib, seed, Pages(lib, bool(seed % 4 < 2)))


@pytest.mark.parametrize("seed", [0, 3, 6])
def test_memory_runs_out(lib: Emulator, seed: int) -> None:
    s = random_sums.draw(seed)
    for isa in c_library.isas(lib):
        said = NO_MEMORY
        for allowed in range(8):
            if said == NO_MEMORY:
                memory = Pages(lib, True)
                lib.release()
                lib.allow(allowed)
                said, _ = c_library.run(lib, s, isa, memory)
                lib.allow(-1)
                memory.clear()
        assert said == DONE


@pytest.mark.parametrize("isa", [0, 1])
def test_a_page_beside_an_array_ends_the_program(program: Path, isa: int) -> None:
    """A sum whose left array is said to start one entry later than it does."""
    lib = Emulator(program)
    s, memory = chosen_sums.product((9, 9, 65), 0, "float64"), Pages(lib, True)
    arrays = [c_library.place(o, "float64", memory) for o in (*s.factors, s.out)]
    a, b, y = (int(x.ctypes.data) for x in arrays)
    nest, keep = c_library.nest_of(s, [a + 8, b], y)
    with pytest.raises(RuntimeError, match="ended with code -11"):
        lib.contract(ctypes.byref(nest), isa)
    del keep
    assert lib.close() == -11
