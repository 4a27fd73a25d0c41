"""The C contraction behind the compiled kernels, called through ctypes on drawn sums.

As a program it runs drawn sums with their arrays in memory of a chosen kind, for tests that expect
a crash if the C code reads or writes where it must not:

    python tests/support/contraction_harness.py LIBRARY MEMORY FIRST STOP
"""

from __future__ import annotations

import ctypes
import itertools
import math
import mmap
import random
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
LOOPS, AXES = 32, 20
BATCH, ROWS, COLUMNS, REDUCTION = range(4)
DONE, NO_MEMORY, TOO_FAR = 0, -1, -2
ISAS = ("baseline", "avx2", "avx512")

Array = np.ndarray[Any, Any]
Memory = Callable[[int], int]
Int = ctypes.c_ssize_t


class Entry(ctypes.Structure):
    """An array, or a box (no data), and the map by which it is read."""

    _fields_ = (
        ("data", ctypes.c_void_p),
        ("axes", ctypes.c_int),
        ("size", Int * AXES),
        ("stride", Int * AXES),
        ("constant", Int * AXES),
        ("slope", (Int * LOOPS) * AXES),
    )


class Nest(ctypes.Structure):
    """A sum: its loops, its factors, its output."""

    _fields_ = (
        ("itemsize", ctypes.c_int),
        ("loops", ctypes.c_int),
        ("first", Int * LOOPS),
        ("stop", Int * LOOPS),
        ("role", ctypes.c_int * LOOPS),
        ("scale", ctypes.c_double),
        ("fresh", ctypes.c_int),
        ("left", ctypes.c_int),
        ("right", ctypes.c_int),
        ("factors", ctypes.POINTER(Entry)),
        ("out", Entry),
        ("constant", Int),
        ("slope", Int * LOOPS),
    )


@dataclass(frozen=True)
class Loop:
    """A loop over first <= v < stop."""

    first: int
    stop: int
    role: int

    @property
    def extent(self) -> int:
        """Return how many values it takes."""
        return self.stop - self.first


@dataclass(frozen=True)
class Map:
    """An affine map from the loops to an axis."""

    constant: int = 0
    slopes: dict[int, int] = field(default_factory=dict)


@dataclass
class Operand:
    """A factor or the output; without strides, a box: 1 inside `shape`, 0 outside.

    Strides are in entries. `values` are small integers, NaN where no sum may look.
    """

    maps: list[Map]
    shape: tuple[int, ...]
    strides: tuple[int, ...] | None = None
    values: Array | None = None


@dataclass
class Sum:
    """A sum of products, as the C code takes it; `fresh`: nothing is in the output yet."""

    loops: list[Loop]
    left: list[Operand]
    right: list[Operand]
    out: Operand
    scale: float = 1.0
    dtype: str = "float64"
    fresh: bool = False

    @property
    def factors(self) -> list[Operand]:
        """Return the factors of both sides."""
        return [*self.left, *self.right]


# ---- the library ----


def compile_library(folder: Path, header: Path, options: Sequence[str] = ("-O2",)) -> Path:
    """Compile the harness with the C compiler; return the path of the library.

    Args:
        folder: where the library is written
        header: the folder of `contraction.h`
        options: what is passed to the compiler beside what a library needs

    Raises:
        RuntimeError: the compiler refused the source, or is missing

    """
    library = folder / "contraction_harness.so"
    source = str(HERE / "contraction_harness.c")
    command = ["gcc", *options, "-shared", "-fPIC", f"-I{header}", source, "-o", str(library)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise RuntimeError(ran.stderr)
    return library


def load(library: Path) -> ctypes.CDLL:
    """Load the library; refuse one whose structures are laid out otherwise than here."""
    lib = ctypes.CDLL(str(library))
    lib.contract.argtypes = [ctypes.POINTER(Nest), ctypes.c_int]
    lib.bound.argtypes = [ctypes.POINTER(Nest), ctypes.c_int, Int]
    lib.cut_at.argtypes = [ctypes.POINTER(Nest), ctypes.c_int]
    lib.allow.argtypes = [ctypes.c_long]
    for function in (lib.entry_size, lib.nest_size, lib.blocks):
        function.restype = ctypes.c_long
    found, here = (lib.entry_size(), lib.nest_size()), tuple(map(ctypes.sizeof, (Entry, Nest)))
    if found != here:
        raise RuntimeError(f"sizes of Entry and Nest: found {found} in C, {here} in Python")
    return lib


def isas(lib: ctypes.CDLL) -> range:
    """Return the instruction sets of this processor."""
    return range(lib.best() + 1)


# ---- memory ----


class Heap:
    """Blocks of the C library's own allocator, exactly as long as asked for."""

    def __init__(self) -> None:
        self.libc = ctypes.CDLL(None)
        self.libc.malloc.restype = ctypes.c_void_p
        self.libc.malloc.argtypes = [ctypes.c_size_t]
        self.libc.free.argtypes = [ctypes.c_void_p]
        self.taken: list[int] = []

    def __call__(self, size: int) -> int:
        """Return the address of a block."""
        self.taken.append(self.libc.malloc(max(size, 1)))
        return self.taken[-1]

    def clear(self) -> None:
        """Give all blocks back."""
        for address in self.taken:
            self.libc.free(address)
        self.taken.clear()


class Guarded:
    """Blocks that end, or start, at a page which may be neither read nor written."""

    def __init__(self, at_end: bool) -> None:
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.libc.mmap.restype = ctypes.c_void_p
        self.libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, Int]
        self.libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
        self.libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
        self.at_end = at_end
        self.taken: list[tuple[int, int]] = []

    def __call__(self, size: int) -> int:
        """Return the address of a block."""
        page = mmap.PAGESIZE
        inner = max(1, -(-size // page)) * page
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        start = self.libc.mmap(None, inner + 2 * page, 0, flags, -1, 0)
        usable = mmap.PROT_READ | mmap.PROT_WRITE
        if start in (None, ctypes.c_void_p(-1).value):
            raise MemoryError("mmap")
        if self.libc.mprotect(start + page, inner, usable):
            raise MemoryError("mprotect")
        self.taken.append((start, inner + 2 * page))
        return int(start) + page + (inner - size if self.at_end else 0)

    def clear(self) -> None:
        """Give all blocks back."""
        for start, size in self.taken:
            self.libc.munmap(start, size)
        self.taken.clear()


class Surrounded:
    """Blocks with NaN on either side, which must neither be looked at nor changed."""

    MARGIN = 512

    def __init__(self) -> None:
        self.taken: list[Array] = []

    def __call__(self, size: int) -> int:
        """Return the address of a block."""
        self.taken.append(np.full(2 * self.MARGIN + size, 255, np.uint8))
        return int(self.taken[-1].ctypes.data) + self.MARGIN

    def clear(self) -> None:
        """Forget all blocks; say whether one was left."""
        for memory in self.taken:
            assert (memory[: self.MARGIN] == 255).all(), "written before the start of an array"
            assert (memory[-self.MARGIN :] == 255).all(), "written after the end of an array"
        self.taken.clear()


MEMORIES: dict[str, Callable[[], Heap | Guarded | Surrounded]] = {
    "heap": Heap,
    "end": lambda: Guarded(True),
    "start": lambda: Guarded(False),
    "surrounded": Surrounded,
}


def place(operand: Operand, dtype: str, memory: Memory) -> Array:
    """Copy an operand's values into memory, by its strides; gaps hold NaN."""
    assert operand.strides is not None and operand.values is not None
    item = np.dtype(dtype).itemsize
    reach = [(n - 1) * s for n, s in zip(operand.shape, operand.strides, strict=True)]
    empty = 0 in operand.shape
    low = 0 if empty else sum(min(r, 0) for r in reach)
    high = -1 if empty else sum(max(r, 0) for r in reach)
    size = (high - low + 1) * item
    buffer = memoryview((ctypes.c_char * max(size, 1)).from_address(memory(size))).cast("B")
    if size:
        np.ndarray((high - low + 1,), dtype, buffer)[...] = np.nan
    strides = [s * item for s in operand.strides]
    if empty:
        return np.ndarray(operand.shape, dtype, np.zeros(1), 0, strides)
    out: Array = np.ndarray(operand.shape, dtype, buffer, -low * item, strides)
    out[...] = operand.values
    return out


# ---- calling it ----


def fill(entry: Entry, operand: Operand, data: int | None, item: int) -> None:
    """Write an operand as a C entry."""
    entry.data = data
    entry.axes = len(operand.maps)
    for axis, m in enumerate(operand.maps):
        entry.size[axis] = operand.shape[axis]
        entry.stride[axis] = operand.strides[axis] * item if operand.strides else 0
        entry.constant[axis] = m.constant
        for loop, slope in m.slopes.items():
            entry.slope[axis][loop] = slope


def nest_of(s: Sum, factors: Sequence[int | None], out: int) -> tuple[Nest, Any]:
    """Return a sum as C takes it, for data at these addresses; and what must outlive it."""
    nest, entries = Nest(), (Entry * max(1, len(s.factors)))()
    nest.itemsize = np.dtype(s.dtype).itemsize
    nest.loops = len(s.loops)
    for i, loop in enumerate(s.loops):
        nest.first[i], nest.stop[i], nest.role[i] = loop.first, loop.stop, loop.role
    nest.scale, nest.fresh = s.scale, s.fresh
    nest.left, nest.right = len(s.left), len(s.right)
    for entry, factor, data in zip(entries, s.factors, factors, strict=False):
        fill(entry, factor, data, nest.itemsize)
    nest.factors = ctypes.cast(entries, ctypes.POINTER(Entry))
    fill(nest.out, s.out, out, nest.itemsize)
    return nest, entries


def run(lib: ctypes.CDLL, s: Sum, isa: int, memory: Memory) -> tuple[int, Array]:
    """Compute a sum in C; return what it said and the output, a copy."""
    arrays = [place(f, s.dtype, memory) if f.strides is not None else None for f in s.factors]
    out = place(s.out, s.dtype, memory)
    addresses = [None if a is None else int(a.ctypes.data) for a in arrays]
    nest, keep = nest_of(s, addresses, int(out.ctypes.data))
    said = lib.contract(ctypes.byref(nest), isa)
    del keep
    return int(said), out.copy()


# ---- the meaning ----


def indices(s: Sum, operand: Operand) -> tuple[list[Array], list[int]]:
    """Return the index of every axis over the loops that move it, and those loops."""
    moving = sorted({i for m in operand.maps for i, slope in m.slopes.items() if slope})
    out = []
    for m in operand.maps:
        index = np.full([s.loops[i].extent for i in moving], m.constant, np.int64)
        for at, i in enumerate(moving):
            values = np.arange(s.loops[i].first, s.loops[i].stop) * m.slopes.get(i, 0)
            index += values.reshape([-1 if a == at else 1 for a in range(len(moving))])
        out.append(index)
    return out, moving


def inside(operand: Operand, index: Iterable[Array], shape: Sequence[int]) -> Array:
    """Return where an index is in the box."""
    keep = np.ones(shape, bool)
    for at, size in zip(index, operand.shape, strict=True):
        keep &= (at >= 0) & (at < size)
    return keep


def read(s: Sum, operand: Operand) -> tuple[Array, list[int]]:
    """Return an operand's entries along the loops, 0 outside its box, and those loops."""
    index, moving = indices(s, operand)
    keep = inside(operand, index, [s.loops[i].extent for i in moving])
    if operand.values is None:
        return keep.astype(float), moving
    out = np.zeros(keep.shape)
    out[keep] = operand.values[tuple(at[keep] for at in index)]
    return out, moving


def visited(s: Sum) -> tuple[Array, ...]:
    """Return the index of the output's entries that a sum visits."""
    return tuple(indices(s, s.out)[0])


def fresh(s: Sum) -> Sum:
    """Return a sum into an output with NaN wherever it is to be stored."""
    assert s.out.values is not None
    values = s.out.values.astype(float)
    values[visited(s)] = np.nan
    return replace(s, out=replace(s.out, values=values), fresh=True)


def expected(s: Sum) -> Array:
    """Return the output after a sum, by NumPy's einsum in double precision."""
    assert s.out.values is not None
    out = s.out.values.astype(float)
    if s.fresh:
        out[visited(s)] = 0
    if any(loop.extent < 1 for loop in s.loops):
        return out
    terms: list[Any] = []
    for factor in s.factors:
        terms += read(s, factor)
    for i, loop in enumerate(s.loops):
        terms += [np.ones(loop.extent), [i]]
    written = [i for i, loop in enumerate(s.loops) if loop.role != REDUCTION]
    total = np.einsum(*terms, written, optimize=True) * s.scale
    index, moving = indices(s, s.out)
    stay = tuple(at for at, i in enumerate(written) if i not in moving)
    np.add.at(out, tuple(index), total.sum(axis=stay))
    return out


def hide(s: Sum) -> None:
    """Put NaN wherever the sum never looks."""
    for factor in s.factors:
        if factor.values is not None:
            index, moving = indices(s, factor)
            keep = inside(factor, index, [s.loops[i].extent for i in moving])
            seen = np.zeros(factor.shape, bool)
            seen[tuple(at[keep] for at in index)] = True
            for axis, stride in enumerate(factor.strides or ()):
                if stride == 0:
                    seen |= seen.any(axis=axis, keepdims=True)
            factor.values = np.where(seen, factor.values, np.nan)


# ---- drawing sums ----

TALL = tuple(range(1, 18))
EDGES = tuple(n + by for n in (4, 8, 16, 32, 48, 64, 96) for by in (-1, 0, 1))
WIDE = (1, 2, *EDGES, 100)
DEEP = (1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 33, 64, 65, 191, 192, 193, 383, 384, 385)
SLOPES = (1, 1, 1, 1, -1, 2, 3, -2, 5)


def split(rng: random.Random, size: int) -> list[int]:
    """Return extents of one to three loops with about that many positions."""
    out = [size]
    while len(out) < 3 and rng.random() < 0.35:
        part = rng.choice([n for n in (1, 2, 3, 5, 7) if n <= out[0]])
        out = [max(1, out[0] // part), part, *out[1:]]
        if rng.random() < 0.3:
            rng.shuffle(out)
    return out


def laid_out(rng: random.Random, shape: Sequence[int], broadcast: bool) -> tuple[int, ...]:
    """Return strides: some order of the axes, some turned round, with gaps, or broadcast."""
    order = list(range(len(shape)))
    if rng.random() < 0.4:
        rng.shuffle(order)
    strides, step = [0] * len(shape), 1 if rng.random() < 0.85 else rng.choice((2, 3))
    for axis in reversed(order):
        strides[axis] = step * rng.choice((1, 1, 1, 1, -1))
        step *= max(1, shape[axis])
        if rng.random() < 0.1:
            step += rng.randint(1, 5)
        if broadcast and rng.random() < 0.08:
            strides[axis] = 0
    return tuple(strides)


def numbers(rng: random.Random, shape: Sequence[int], strides: Sequence[int]) -> Array:
    """Return small integers, the same along broadcast axes."""
    drawn = np.random.default_rng(rng.getrandbits(32))
    kept = [n if s else min(n, 1) for n, s in zip(shape, strides, strict=True)]
    return np.broadcast_to(drawn.integers(-2, 3, kept).astype(float), shape)


def factor(rng: random.Random, loops: list[Loop], usable: list[int], box: bool) -> Operand:
    """Draw a factor over some loops: which share an axis, what leaves the box."""
    at = [i for i in usable if rng.random() < 0.9]
    axes: list[list[int]] = []
    for i in at:
        if axes and rng.random() < 0.35 and len(axes[-1]) < 3:
            axes[rng.randrange(len(axes))].append(i)
        else:
            axes.append([i])
    if box:
        axes = [sorted({i for axis in axes for i in axis})]
    elif rng.random() < 0.2:
        rng.shuffle(axes)
    checked = rng.random() < 0.5
    maps, shape = [], []
    for axis in axes:
        slopes = {i: rng.choice(SLOPES) for i in axis}
        ends = [sorted((b * loops[i].first, b * (loops[i].stop - 1))) for i, b in slopes.items()]
        low, high = sum(e[0] for e in ends), sum(e[1] for e in ends)
        span = min(high - low + 1, 400)
        off, more = (rng.randint(-4, 4), rng.randint(-4, 4)) if checked else (0, rng.randint(0, 2))
        if checked and rng.random() < 0.05:
            off = rng.choice((-1, 1)) * rng.randint(span, 2 * span)
        maps.append(Map(off - low, slopes))
        size = (span if checked else high - low + 1) + more
        shape.append(max(0 if rng.random() < 0.1 else 1, size))
    if box:
        return Operand(maps, tuple(shape))
    strides = laid_out(rng, shape, True)
    return Operand(maps, tuple(shape), strides, numbers(rng, shape, strides))


def output(rng: random.Random, loops: list[Loop]) -> Operand:
    """Draw an output: an axis a loop, none of which leaves the box."""
    maps, shape = [], []
    for i, loop in enumerate(loops):
        if loop.role != REDUCTION:
            slope = rng.choice((1, 1, 1, 1, 2, 3, 4, 5, -1))
            ends = sorted((slope * loop.first, slope * (loop.stop - 1)))
            off = rng.choice((0, 0, 0, 1))
            maps.append(Map(off - ends[0], {i: slope}))
            shape.append(ends[1] - ends[0] + 1 + off + rng.choice((0, 0, 0, 2)))
    if rng.random() < 0.3:
        both = list(zip(maps, shape, strict=True))
        rng.shuffle(both)
        maps, shape = [m for m, _ in both], [n for _, n in both]
    strides = laid_out(rng, shape, False)
    return Operand(maps, tuple(shape), strides, numbers(rng, shape, strides))


def fits(s: Sum) -> bool:
    """Say whether a sum is small enough for a test."""
    sizes = [math.prod(o.shape) for o in (*s.factors, s.out) if o.strides is not None]
    work = math.prod(loop.extent for loop in s.loops)
    grids = (
        math.prod(s.loops[i].extent for i in {i for m in o.maps for i in m.slopes})
        for o in s.factors
    )
    return work <= 3_000_000 and max(sizes) <= 200_000 and max(grids) <= 200_000


def draw(seed: int) -> Sum:
    """Draw a sum: sizes about the edges of tiles, maps of every kind."""
    rng = random.Random(seed)
    while True:
        loops: list[Loop] = []
        kind = rng.choice(("small", "product", "product", "product", "dot"))
        tall, wide, deep = rng.choice(TALL), rng.choice(WIDE), rng.choice(DEEP)
        if kind == "small":
            tall, wide, deep = (rng.randint(1, 6) for _ in range(3))
        if kind == "dot":
            tall, wide, deep = rng.randint(1, 9), rng.randint(1, 17), rng.choice(DEEP[5:])
        if rng.random() < 0.5:
            tall, wide = wide, tall
        sizes = [(ROWS, tall), (COLUMNS, wide), (REDUCTION, deep)]
        if rng.random() < 0.3:
            sizes.append((BATCH, rng.randint(1, 3)))
        for role, size in sizes:
            for extent in split(rng, size):
                first = rng.choice((0, 0, 0, -3, 2))
                loops.append(Loop(first, first + extent, role))
        if rng.random() < 0.02:
            loops.append(Loop(1, 1, REDUCTION))
        if rng.random() < 0.4:
            rng.shuffle(loops)
        sides = [
            [i for i, loop in enumerate(loops) if loop.role in (BATCH, own, REDUCTION)]
            for own in (ROWS, COLUMNS)
        ]
        counts = rng.choice(((1, 1), (1, 1), (1, 1), (1, 1), (2, 1), (1, 2), (3, 2), (1, 0)))
        if counts[1] == 0:
            loops = [Loop(x.first, x.stop, ROWS if x.role == COLUMNS else x.role) for x in loops]
            sides[0] = list(range(len(loops)))
        left, right = (
            [factor(rng, loops, side, n > 0 and rng.random() < 0.6) for n in range(count)]
            for side, count in zip(sides, counts, strict=True)
        )
        if rng.random() < 0.05:
            left[0] = factor(rng, loops, sides[0], True)
        scale = rng.choice((1, 1, 1, -1, 2, -3))
        s = Sum(loops, left, right, output(rng, loops), scale, rng.choice(("float32", "float64")))
        if fits(s):
            hide(s)
            return s


def filled(dtype: str, maps: Sequence[Map], shape: Sequence[int], order: str = "C") -> Operand:
    """Return an operand of small integers in C or Fortran order."""
    steps = np.empty(shape, np.int8, order="F" if order == "F" else "C").strides
    drawn = np.random.default_rng(len(dtype) + sum(shape)).integers(-2, 3, shape)
    return Operand(list(maps), tuple(shape), tuple(steps), drawn.astype(float))


def product(sizes: tuple[int, int, int], layout: int, dtype: str) -> Sum:
    """Return a matrix product, rows by columns over deep.

    Args:
        sizes: rows, columns, length of the sums
        layout: bits 0 to 2: the left, right, output matrix is in Fortran order
        dtype: of all arrays

    """
    loops = [Loop(0, n, role) for n, role in zip(sizes, (ROWS, COLUMNS, REDUCTION), strict=True)]
    operands = [
        filled(dtype, [Map(0, {i: 1}) for i in at], [sizes[i] for i in at], "CF"[layout >> n & 1])
        for n, at in enumerate(((0, 2), (2, 1), (0, 1)))
    ]
    return Sum(loops, [operands[0]], [operands[1]], operands[2], 1.0, dtype)


def correlation(
    sizes: tuple[int, int, int, int, int], stride: int, dilation: int, low: int, dtype: str
) -> Sum:
    """Return y[o,p] = sum[c,k] x[c, stride*p + dilation*k - low] * w[o,c,k].

    Args:
        sizes: O, P, C, K and the size of x; a negative dilation turns the sum round
        stride: of the windows
        dilation: of the taps
        low: padding
        dtype: of all arrays

    """
    many, places, channels, taps, size = sizes
    roles = (COLUMNS, ROWS, REDUCTION, REDUCTION)
    loops = [Loop(0, n, role) for n, role in zip(sizes[:4], roles, strict=True)]
    x = filled(dtype, [Map(0, {2: 1}), Map(-low, {1: stride, 3: dilation})], (channels, size))
    w = filled(dtype, [Map(0, {i: 1}) for i in (0, 2, 3)], (many, channels, taps))
    y = filled(dtype, [Map(0, {0: 1}), Map(0, {1: 1})], (many, places))
    return Sum(loops, [x], [w], y, 1.0, dtype)


def images(
    sizes: tuple[int, int, int, int, int, int], stride: int, dilation: int, dtype: str
) -> Sum:
    """Return y[g,o,p,q] = sum[k,l] x[g, stride*p + dilation*k - 1, the same of q, l] * w[g,o,k,l].

    Args:
        sizes: G, O, P, Q, K, L
        stride: of the windows
        dilation: of the taps; negative: turned round
        dtype: of all arrays

    """
    groups, many, high, wide, *taps = sizes
    roles = (BATCH, COLUMNS, ROWS, ROWS, REDUCTION, REDUCTION)
    loops = [Loop(0, n, role) for n, role in zip(sizes, roles, strict=True)]
    index = [Map(-1, {i: stride, i + 2: dilation}) for i in (2, 3)]
    x = filled(dtype, [Map(0, {0: 1}), *index], (groups, stride * high + 1, stride * wide + 1))
    w = filled(dtype, [Map(0, {i: 1}) for i in (0, 1, 4, 5)], (groups, many, *taps))
    y = filled(dtype, [Map(0, {i: 1}) for i in range(4)], (groups, many, high, wide))
    return Sum(loops, [x], [w], y, 1.0, dtype)


def rows(sizes: tuple[int, int, int], slopes: tuple[int, int], swapped: bool, dtype: str) -> Sum:
    """Return out[r,j] = sum[k] a[r, +-k - 1 or so] * b[j, +-k], both adjacent along the sum."""
    tall, wide, deep = sizes
    own = (COLUMNS, ROWS) if swapped else (ROWS, COLUMNS)
    loops = [Loop(0, tall, own[0]), Loop(0, wide, own[1]), Loop(0, deep, REDUCTION)]
    starts = [0 if slope > 0 else deep - 1 for slope in slopes]
    a = filled(dtype, [Map(0, {0: 1}), Map(starts[0] - 1, {2: slopes[0]})], (tall, deep))
    b = filled(dtype, [Map(0, {1: 1}), Map(starts[1], {2: slopes[1]})], (wide, deep))
    out = filled(dtype, [Map(0, {0: 1}), Map(0, {1: 1})], (tall, wide))
    return Sum(loops, *([b], [a]) if swapped else ([a], [b]), out, 1.0, dtype)


def diagonal(dtype: str) -> Sum:
    """Return y[o,p] = sum[k] x[p, k, k] * w[o, k]."""
    loops = [Loop(0, 9, COLUMNS), Loop(0, 9, ROWS), Loop(0, 65, REDUCTION)]
    x = filled(dtype, [Map(0, {1: 1}), Map(0, {2: 1}), Map(0, {2: 1})], (9, 65, 65))
    w = filled(dtype, [Map(0, {0: 1}), Map(0, {2: 1})], (9, 65))
    y = filled(dtype, [Map(0, {0: 1}), Map(0, {1: 1})], (9, 9))
    return Sum(loops, [x], [w], y, 1.0, dtype)


def crossed(dtype: str) -> Sum:
    """Return y[o,p] = sum[c,k] x[p,c,k] * w[o,c,k], as many c as k, adjacent along c."""
    loops = [Loop(0, 5, COLUMNS), Loop(0, 3, ROWS), Loop(0, 32, REDUCTION), Loop(0, 32, REDUCTION)]
    x = filled(dtype, [Map(0, {i: 1}) for i in (1, 3, 2)], (3, 32, 32))
    w = filled(dtype, [Map(0, {i: 1}) for i in (0, 3, 2)], (5, 32, 32))
    y = filled(dtype, [Map(0, {0: 1}), Map(0, {1: 1})], (5, 3))
    return Sum(loops, [x], [w], y, 1.0, dtype)


def apart(
    sizes: tuple[int, int, int, int], step: int, batch: int, scale: float, dtype: str
) -> Sum:
    """Return y[n, o, step*p] = sum[c,k] x[n, c, p - k] * w[o,c,k], all that lies between NaN.

    Args:
        sizes: O, P, C, K
        step: from an entry of the output to the next
        batch: N
        scale: of the sum
        dtype: of all arrays

    """
    many, places, channels, taps = sizes
    roles = (ROWS, COLUMNS, ROWS, REDUCTION, REDUCTION)
    loops = [Loop(0, n, role) for n, role in zip((batch, *sizes), roles, strict=True)]
    x = filled(
        dtype, [Map(0, {0: 1}), Map(0, {3: 1}), Map(0, {2: 1, 4: -1})], (batch, channels, places)
    )
    w = filled(dtype, [Map(0, {i: 1}) for i in (1, 3, 4)], (many, channels, taps))
    y = filled(
        dtype,
        [Map(0, {0: 1}), Map(0, {1: 1}), Map(0, {2: step})],
        (batch, many, step * (places - 1) + 1),
    )
    assert y.values is not None
    y.values[..., np.arange(y.shape[2]) % step != 0] = np.nan
    return Sum(loops, [x], [w], y, scale, dtype)


def chosen() -> Iterator[tuple[str, Sum]]:
    """Yield sums, and their names, that drawing would seldom find."""
    for dtype in ("float32", "float64"):
        for a, b in itertools.product((1, -1), repeat=2):
            yield f"rows, slopes {a}, {b}, {dtype}", rows((5, 7, 385), (a, b), False, dtype)
        for wide, deep, swapped in itertools.product((3, 15), (17, 40), (False, True)):
            name = f"70000 rows, {wide}, {deep}, {swapped}, {dtype}"
            yield name, rows((70000, wide, deep), (1, 1), swapped, dtype)
        yield f"diagonal, {dtype}", diagonal(dtype)
        yield f"crossed, {dtype}", crossed(dtype)
        for sizes, stride, dilation, low in (
            ((4, 9, 40, 20, 9), 1, -1, -9),  # turned round, more taps than entries
            ((5, 50, 7, 1, 300), 7, 1 << 40, 2),  # one tap, its dilation beside the point
            ((5, 50, 7, 2, 300), 6, 1 << 40, 0),  # two taps, one of them far outside
            ((3, 33, 5, 2, 400), 12, 1, 3),  # gaps between the windows
            ((1, 70000, 1, 3, 70000), 1, 1, 1),  # more lanes than a block
            ((2, 3, 1, 70001, 70001), 1, 1, 1),  # more taps than a block
            ((2, 300, 2, 300, 9), 1, 1, 150),  # mostly padding
            ((48, 1001, 31, 5, 1003), 1, 1, 1),  # turned round in registers
            ((64, 333, 40, 3, 335), 1, 1, 0),  # the same, read where it lies
            ((33, 900, 600, 3, 900), 1, 2, 2),  # the same, its terms in two blocks
        ):
            s = correlation(sizes, stride, dilation, low, dtype)
            yield f"{sizes}, {stride}, {dilation}, {low}, {dtype}", s
        for step, places in itertools.product((2, 3, 4, 5), (2, 5, 9, 16, 17, 18, 33, 47, 66)):
            name = f"{step} apart, {places}, {dtype}"
            yield name, apart((3, places, 2, 2), step, 2, 1, dtype)
            yield f"{name}, many rows", apart((19, places, 3, 2), step, 2, -2, dtype)
            yield f"{name}, deep", apart((9, places, 200, 2), step, 1, 1, dtype)
        for side, many, (stride, dilation) in itertools.product(
            (3, 7, 14, 30), (1, 2, 3), ((1, 1), (1, -1), (2, 1), (1, 2))
        ):
            shape = (5, many, 9, side, 4, 3)
            yield f"{shape}, {stride}, {dilation}, {dtype}", images(shape, stride, dilation, dtype)


def check(lib: ctypes.CDLL, s: Sum, memory: Heap | Guarded | Surrounded, what: object) -> None:
    """Compute a sum on every instruction set, added and stored; compare with its meaning.

    Raises:
        AssertionError: naming the sum, the instructions, and the first entry that differs

    """
    for given in (s, fresh(s)):
        wanted = expected(given)
        for isa in isas(lib):
            said, found = run(lib, given, isa, memory)
            memory.clear()
            how = f"{what}, {ISAS[isa]}, {s.dtype}, {'stored' if given.fresh else 'added'}"
            assert said == DONE, f"{how}: said {said}"
            wrong = np.argwhere((found != wanted) & ~(np.isnan(found) & np.isnan(wanted)))
            assert not len(wrong), (
                f"{how}: {len(wrong)} of {wanted.size} entries differ, "
                f"first at {tuple(wrong[0])}: found {found[tuple(wrong[0])]}, "
                f"expected {wanted[tuple(wrong[0])]}"
            )


# ---- numbers of up to 62 bits: nothing is allocated ----


def far_number(rng: random.Random, bits: int = 62) -> int:
    """Draw an integer below 2**bits, often next to a power of two."""
    if rng.random() < 0.4:
        return rng.randint(-4, 4)
    near = (1 << rng.randint(0, bits)) + rng.randint(-3, 3)
    return rng.choice((-1, 1)) * min(near, (1 << bits) - 1)


def far_factor(rng: random.Random, count: int) -> Operand:
    """Draw a box, or a broadcast number, with an index map that may reach far."""
    bits = rng.choice((33, 40, 50, 62))
    maps, shape = [], []
    for _ in range(rng.randint(1, 2)):
        slopes = {i: far_number(rng, bits) for i in range(count) if rng.random() < 0.6}
        maps.append(Map(far_number(rng, bits), slopes))
        shape.append(abs(far_number(rng, bits)))
    strides = None if rng.random() < 0.5 else (0,) * len(shape)
    return Operand(maps, tuple(shape), strides)


def check_far(lib: ctypes.CDLL, seed: int) -> int:
    """Run a sum of few terms whose indices are huge; return what C said.

    Raises:
        AssertionError: C gave another number than Python's integers, or refused small indices

    """
    rng = random.Random(seed)
    loops: list[Loop] = []
    for role in rng.sample((ROWS, COLUMNS, REDUCTION, REDUCTION), rng.randint(1, 4)):
        first = far_number(rng, 50) if rng.random() < 0.3 else rng.randint(-2, 2)
        most = rng.choice((3, 3, 20, 200)) if len(loops) < 2 else 3
        loops.append(Loop(first, first + rng.randint(0, most), role))
    factors = [far_factor(rng, len(loops)) for _ in range(rng.randint(1, 3))]
    left = rng.randint(0, len(factors))
    for n, f in enumerate(factors):
        unseen = COLUMNS if n < left else ROWS
        for m in f.maps:
            for i, loop in enumerate(loops):
                if loop.role == unseen:
                    m.slopes.pop(i, None)
    written = [i for i, loop in enumerate(loops) if loop.role != REDUCTION]
    shape = tuple(max(1, loops[i].extent) for i in written)
    maps = [Map(-loops[i].first, {i: 1}) for i in written]
    steps = tuple(math.prod(shape[a + 1 :]) for a in range(len(shape)))
    out = Operand(maps, shape, steps, np.zeros(shape))
    s = Sum(loops, factors[:left], factors[left:], out)
    number, result = np.full(1, 2.0), np.zeros(shape)
    data = [None if f.strides is None else int(number.ctypes.data) for f in factors]
    nest, keep = nest_of(s, data, int(result.ctypes.data))
    said = int(lib.contract(ctypes.byref(nest), rng.choice(isas(lib))))
    del keep
    most = max(
        abs(m.constant)
        + sum(abs(b) * (abs(loops[i].first) + loops[i].extent) for i, b in m.slopes.items())
        for f in factors
        for m in f.maps
    )
    wanted = np.zeros(shape)
    for at in itertools.product(*(range(loop.first, loop.stop) for loop in loops)):
        term = 1.0
        for f in factors:
            for m, n in zip(f.maps, f.shape, strict=True):
                if not 0 <= m.constant + sum(b * at[i] for i, b in m.slopes.items()) < n:
                    term = 0.0
            term *= 2.0 if f.strides is not None else 1.0
        wanted[tuple(at[i] - loops[i].first for i in written)] += term
    if said == DONE:
        assert (result == wanted).all(), f"far seed {seed}: found {result}, expected {wanted}"
    else:
        assert said == TOO_FAR and most >= 1 << 61, f"far seed {seed}: said {said}, reach {most}"
    return said


def check_bound(lib: ctypes.CDLL, seed: int) -> int:
    """Bound a loop by far numbers; return what C said.

    Raises:
        AssertionError: the loop leaves out a value that it must keep, or keeps one it need not

    """
    rng = random.Random(seed)
    nest = Nest()
    nest.loops = rng.randint(1, 3)
    last = nest.loops - 1
    constant, size = far_number(rng, 61), abs(far_number(rng, 61))
    low = high = constant
    reach = abs(constant) + size
    empty = False
    for i in range(last):
        by, first = far_number(rng, 40), far_number(rng, 40)
        stop = first + rng.choice((0, 1, 3, 1 << 20))
        nest.first[i], nest.stop[i], nest.slope[i] = first, stop, by
        reach += abs(by) * (abs(first) + abs(stop))
        if by:
            empty |= first >= stop
            low += min(by * first, by * (stop - 1))
            high += max(by * first, by * (stop - 1))
    slope = far_number(rng, 61)
    nest.first[last], nest.stop[last], nest.slope[last] = -(1 << 60), 1 << 60, slope
    nest.constant = constant
    said = int(lib.bound(ctypes.byref(nest), last, size))
    first, stop = int(nest.first[last]), int(nest.stop[last])
    if said and not empty:
        # Kept: slope*v meets [-high, size - low) for the farthest values of the other loops.
        if slope == 0:
            kept = range(-(1 << 60), 1 << 60) if high >= 0 and low < size else range(0)
        elif slope > 0:
            kept = range(-(high // slope), (size - 1 - low) // slope + 1)
        else:
            kept = range(-((size - 1 - low) // -slope), high // -slope + 1)
        kept = range(max(kept.start, -(1 << 60)), min(kept.stop, 1 << 60))
        same = kept == range(first, stop) if kept else first >= stop
        assert same, f"bound seed {seed}: found {first}..{stop}, expected {kept}"
    elif not said:
        assert reach >= 1 << 59, f"bound seed {seed}: refused, reach {reach}"
    else:
        assert first >= stop, f"bound seed {seed}: found {first}..{stop}, expected no values"
    return said


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
