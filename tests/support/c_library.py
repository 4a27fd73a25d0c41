"""The C contraction as a library, called through ctypes on arrays in memory of a chosen kind."""

from __future__ import annotations

import ctypes
import mmap
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np

from tests.support.sums import Array, Operand, Sum

HERE = Path(__file__).resolve().parent
LOOPS, AXES = 32, 20
DONE, NO_MEMORY, TOO_FAR = 0, -1, -2

Memory = Callable[[int], int]
Int = ctypes.c_ssize_t

Library: TypeAlias = Any
"""A `ctypes.CDLL` that `load` returns, or an `Emulator` with the same functions."""


class Allocator(Protocol):
    """Memory for arrays."""

    def __call__(self, size: int) -> int:
        """Allocate `size` bytes; return their address."""
        ...

    def clear(self) -> None:
        """Give all blocks back."""
        ...


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


def compile_library(
    folder: Path,
    header: Path,
    options: Sequence[str] = ("-O2",),
    name: str = "contraction_harness",
) -> Path:
    """Compile the harness with the C compiler; return the path of the library.

    Args:
        folder: where the library is written
        header: the folder of `contraction.h`
        options: what is passed to the compiler beside what a library needs
        name: which of the harnesses

    Raises:
        RuntimeError: the compiler refused the source, or is missing

    """
    library, source = folder / f"{name}.so", str(HERE / f"{name}.c")
    command = ["gcc", *options, "-shared", "-fPIC", f"-I{header}", source, "-lm"]
    command += ["-o", str(library)]
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
    lib.isa_name.restype = ctypes.c_char_p
    found, here = (lib.entry_size(), lib.nest_size()), tuple(map(ctypes.sizeof, (Entry, Nest)))
    if found != here:
        raise RuntimeError(f"sizes of Entry and Nest: found {found} in C, {here} in Python")
    return lib


def isas(lib: Library) -> range:
    """Return the instruction sets of the processor."""
    return range(lib.best() + 1)


def isa_name(lib: Library, isa: int) -> str:
    """Return the name of an instruction set."""
    return str(lib.isa_name(isa).decode())


class Heap:
    """Allocator of the C library's own allocator, exactly as long as asked for."""

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
    """Allocator that end, or start, at a page which may be neither read nor written."""

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
    """Allocator with NaN on either side, which must neither be looked at nor changed."""

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


MEMORIES: dict[str, Callable[[], Allocator]] = {
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


def run(lib: Library, s: Sum, isa: int, memory: Memory) -> tuple[int, Array]:
    """Compute a sum in C; return what it said and the output, a copy."""
    arrays = [place(f, s.dtype, memory) if f.strides is not None else None for f in s.factors]
    out = place(s.out, s.dtype, memory)
    addresses = [None if a is None else int(a.ctypes.data) for a in arrays]
    nest, keep = nest_of(s, addresses, int(out.ctypes.data))
    said = lib.contract(ctypes.byref(nest), isa)
    del keep
    return int(said), out.copy()
