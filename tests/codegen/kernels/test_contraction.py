"""The C contraction behind the compiled kernels: its sums, its memory, far indices."""

from __future__ import annotations

import ctypes
import dataclasses
import mmap
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rot180.codegen.kernels.algorithms import REQUESTS
from tests.support import c_library, chosen_sums, far_indices, random_sums, sums
from tests.support.c_library import DONE, NO_MEMORY, TOO_FAR, Surrounded
from tests.support.contraction_harness import check
from tests.support.sums import COLUMNS, REDUCTION, ROWS, Loop, Map, Sum

ROOT = Path(__file__).resolve().parents[3]
SUPPORT = ROOT / "tests" / "support"
Array = np.ndarray[Any, Any]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compile the harness."""
    if shutil.which("gcc") is None:
        pytest.skip("no C compiler")
    return c_library.compile_library(tmp_path_factory.mktemp("harness"), ROOT / "generated")


@pytest.fixture(scope="module")
def lib(library: Path) -> ctypes.CDLL:
    """Load the harness."""
    return c_library.load(library)


# ---- the sums ----


@pytest.mark.parametrize("first", range(0, 2000, 500))
def test_drawn_sums(lib: ctypes.CDLL, first: int) -> None:
    for seed in range(first, first + 500):
        check(lib, random_sums.draw(seed), Surrounded(), f"seed {seed}")


@pytest.mark.parametrize("deep", [1, 16, 191, 192, 193, 385])
def test_every_edge_of_a_tile(lib: ctypes.CDLL, deep: int) -> None:
    for tall in random_sums.TALL:
        for wide in random_sums.WIDE:
            layout = (tall * 5 + wide * 3 + deep) % 8
            dtype = ("float32", "float64")[(tall + wide) % 2]
            s = chosen_sums.product((tall, wide, deep), layout, dtype)
            check(lib, s, Surrounded(), (tall, wide, deep, layout))


def test_chosen_sums(lib: ctypes.CDLL) -> None:
    for name, s in chosen_sums.chosen():
        check(lib, s, Surrounded(), name)


def test_threads_do_not_write_between_each_other(lib: ctypes.CDLL) -> None:
    s = chosen_sums.apart((3, 40, 2, 2), 2, 2, 1, "float32")
    nest, keep = c_library.nest_of(s, [None, None], 0)
    assert lib.cut_at(ctypes.byref(nest), 2) in (0, 2)
    s.out.maps[2].slopes[1] = 1  # y[n, 2*p + o]: o and p share an axis
    nest, keep = c_library.nest_of(s, [None, None], 0)
    assert [lib.cut_at(ctypes.byref(nest), parts) for parts in (2, 3)] == [0, -1]
    del keep


def test_at_most_sixty_four_factors(lib: ctypes.CDLL) -> None:
    line = chosen_sums.filled("float64", [Map(0, {0: 1})], (5,))
    assert line.values is not None
    for count in (31, 32, 33, 63, 64, 65, 200):
        s = Sum([Loop(0, 5, ROWS)], [line] * count, [], line)
        said, found = c_library.run(lib, s, lib.best(), Surrounded())
        assert said == (DONE if count <= 64 else TOO_FAR)
        assert (found == line.values + (line.values**count if count <= 64 else 0)).all()


def beyond(dtype: str) -> Sum:
    """Return a correlation most of whose windows lie after the end of x, whole blocks of them."""
    return chosen_sums.correlation((4, 300_000, 2, 3, 100_000), 1, 1, 0, dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_blocks_outside_the_box(lib: ctypes.CDLL, dtype: str) -> None:
    check(lib, beyond(dtype), Surrounded(), "beyond")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_more_residues_than_planes(lib: ctypes.CDLL, dtype: str) -> None:
    """dw[o,k] = sum[p] g[o,p] * x[40 p + k] for 41 taps: 40 residues."""
    loops = [Loop(0, n, role) for n, role in ((2, ROWS), (41, COLUMNS), (100, REDUCTION))]
    g = chosen_sums.filled(dtype, [Map(0, {0: 1}), Map(0, {2: 1})], (2, 100))
    x = chosen_sums.filled(dtype, [Map(0, {1: 1, 2: 40})], (4001,))
    dw = chosen_sums.filled(dtype, [Map(0, {0: 1}), Map(0, {1: 1})], (2, 41))
    check(lib, Sum(loops, [g], [x], dw, 1, dtype), Surrounded(), "residues")


def test_an_output_outside_its_box_is_refused(lib: ctypes.CDLL) -> None:
    s = chosen_sums.product((5, 6, 7), 0, "float64")
    for constant in (-1, 1, 1 << 40):
        maps = [Map(constant, {0: 1}), s.out.maps[1]]
        moved = dataclasses.replace(s, out=dataclasses.replace(s.out, maps=maps))
        said, found = c_library.run(lib, moved, 0, Surrounded())
        assert said == TOO_FAR
        assert (found == s.out.values).all()


# ---- memory ----


@pytest.mark.parametrize("memory", ["end", "start"])
@pytest.mark.parametrize(
    ("harness", "first", "stop"),
    [("contraction_harness.py", 2000, 2700), ("winograd_harness.py", 0, 60)],
)
def test_nothing_beside_an_array_is_touched(
    library: Path, harness: str, first: int, stop: int, memory: str
) -> None:
    program = [sys.executable, str(SUPPORT / harness), str(library), memory, str(first), str(stop)]
    ran = subprocess.run(program, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, (ran.returncode, ran.stderr)


def test_a_guard_page_is_one(library: Path) -> None:
    """A sum whose left array is said to be longer than it is must crash."""
    program = f"""
import ctypes, sys
sys.path.insert(0, {str(ROOT)!r})
from tests.support import c_library, chosen_sums
s, memory = chosen_sums.product((9, 9, 65), 0, "float64"), c_library.Guarded(True)
arrays = [c_library.place(o, "float64", memory) for o in (*s.factors, s.out)]
a, b, y = (int(x.ctypes.data) for x in arrays)
nest, keep = c_library.nest_of(s, [a + 8, b], y)
c_library.load({str(library)!r}).contract(ctypes.byref(nest), 0)
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert ran.returncode == -signal.SIGSEGV, ran.stderr


@pytest.mark.parametrize("seed", range(0, 120, 3))
def test_memory_runs_out(lib: ctypes.CDLL, seed: int) -> None:
    s, heap = random_sums.draw(seed), c_library.Heap()
    for isa in c_library.isas(lib):
        for allowed in range(8):
            lib.release()
            lib.allow(allowed)
            said, _ = c_library.run(lib, s, isa, heap)
            lib.allow(-1)
            lib.release()
            heap.clear()
            assert lib.blocks() == 0
            if said == DONE:
                break
            assert said == NO_MEMORY
        assert said == DONE
    check(lib, s, heap, f"seed {seed}")


def test_memory_that_is_kept_is_bounded_and_released(lib: ctypes.CDLL) -> None:
    lib.release()
    for seed in range(100):
        c_library.run(lib, random_sums.draw(seed), lib.best(), Surrounded())
    assert 0 < lib.blocks() <= 8
    lib.release()
    assert lib.blocks() == 0


# ---- far indices ----


@pytest.mark.parametrize("test", [far_indices.check_far, far_indices.check_bound])
def test_indices_of_62_bits(lib: ctypes.CDLL, test: Callable[[ctypes.CDLL, int], int]) -> None:
    said = {test(lib, seed) for seed in range(1500)}
    assert len(said) == 2  # some are computed, some refused


def test_a_bound_by_a_loop_without_values(lib: ctypes.CDLL) -> None:
    """Loop 0 keeps no value; loop 1, whose index it is part of, then has none either."""
    nest = c_library.Nest()
    nest.loops = 2
    for loop in range(2):
        nest.first[loop], nest.stop[loop] = -(1 << 60), 1 << 60
    nest.constant = 7
    assert lib.bound(ctypes.byref(nest), 0, 5)
    assert nest.first[0] >= nest.stop[0]
    nest.slope[0], nest.slope[1], nest.constant = 2, 1, 0
    assert lib.bound(ctypes.byref(nest), 1, 5)
    assert nest.first[1] >= nest.stop[1]


@pytest.fixture
def sparse() -> Iterator[Array]:
    """Return an array of 2^33 numbers, of which the system keeps the pages that are written."""
    no_reserve = 0x4000 if sys.platform.startswith("linux") else 0
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | no_reserve
    memory = mmap.mmap(-1, 8 << 33, flags=flags)
    yield np.frombuffer(memory, "float64")


def test_offsets_beyond_32_bits(lib: ctypes.CDLL, sparse: Array) -> None:
    """y[o,p] = sum[c,k] x[c, 2^31 p + 2^29 k + 5] w[o,c,k], where x has 2^33 entries an axis."""
    sizes = (7, 5, 30, 9)
    roles = (COLUMNS, ROWS, REDUCTION, REDUCTION)
    loops = [Loop(0, n, role) for n, role in zip(sizes, roles, strict=True)]
    maps = [Map(0, {2: 1}), Map(5, {1: 1 << 31, 3: 1 << 29})]
    rng = np.random.default_rng(0)
    at = np.arange(5)[:, None] * (1 << 31) + np.arange(9) * (1 << 29) + 5
    inside = at < len(sparse)
    for place in at[inside]:
        sparse[place] = rng.integers(-2, 3)
    x = sums.Operand(maps, (30, len(sparse)), (0, 1))
    w = chosen_sums.filled("float64", [Map(0, {i: 1}) for i in (0, 2, 3)], (7, 30, 9))
    y = chosen_sums.filled("float64", [Map(0, {0: 1}), Map(0, {1: 1})], (7, 5))
    s = Sum(loops, [x], [w], y)
    values = np.zeros(at.shape)
    values[inside] = sparse[at[inside]]
    assert w.values is not None and y.values is not None
    wanted = y.values + np.einsum("pk,ock->op", values, w.values)
    for isa in c_library.isas(lib):
        memory = Surrounded()
        weights, out = c_library.place(w, s.dtype, memory), c_library.place(y, s.dtype, memory)
        data = [int(a.ctypes.data) for a in (sparse, weights, out)]
        nest, keep = c_library.nest_of(s, data[:2], data[2])
        assert lib.contract(ctypes.byref(nest), isa) == DONE
        del keep
        assert (out == wanted).all()


# ---- numbers that are not finite ----


@pytest.mark.parametrize("algorithm", REQUESTS)
def test_what_is_not_finite_counts_where_it_is_in_a_term(lib: ctypes.CDLL, algorithm: str) -> None:
    kinds = [0, 0, 0]
    lib.request(REQUESTS.index(algorithm))
    for seed in range(150):
        drawn = random_sums.with_some_not_finite(random_sums.draw(seed), seed)
        for s in (drawn, sums.fresh(drawn)):
            with np.errstate(invalid="ignore"):
                wanted = sums.term_by_term(s)
            for isa in c_library.isas(lib):
                said, found = c_library.run(lib, s, isa, Surrounded())
                assert said == DONE
                assert np.array_equal(found, wanted, equal_nan=True), (seed, isa, s.fresh)
            ends = (np.isnan(wanted).any(), np.isinf(wanted).any(), np.isfinite(wanted).any())
            kinds = [n + bool(end) for n, end in zip(kinds, ends, strict=True)]
    lib.request(0)
    assert min(kinds) > 50
