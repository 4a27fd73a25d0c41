"""The C contraction on a processor that QEMU emulates, called like the library of `c_library`.

The emulated program and this process map one file at the same addresses, so that arrays, nests and
pointers are the same bytes in both. The program maps the blocks of arrays alone: a read or write
beside one ends it.
"""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import os
import resource
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.support.c_library import HERE, Entry, Int, Nest
from tests.support.winograd_harness import WinogradLayer

COMPILER, EMULATOR = "aarch64-linux-gnu-gcc", "qemu-aarch64"
PACKAGES = "gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user"
"""What is needed, and the packages of Debian and Ubuntu that have it."""

LIBRARIES = "/usr/aarch64-linux-gnu"
BASE, SIZE, CONTROL = 0x1000_0000_0000, 1 << 28, 1 << 20
"""The addresses that both processes use; the first bytes are for nests and layers."""


def missing() -> str | None:
    """Return which programs are missing and how to install them, or None."""
    found = [name for name in (COMPILER, EMULATOR) if shutil.which(name) is None]
    if found:
        return f"{' and '.join(found)} missing; on Debian and Ubuntu: apt-get install {PACKAGES}"
    return None


def compile_program(folder: Path, header: Path, options: Sequence[str] = ("-O2",)) -> Path:
    """Compile the harness for 64-bit Arm; return the path of the program.

    Args:
        folder: where it is written
        header: the folder of `contraction.h`
        options: what is passed to the compiler besides

    Raises:
        RuntimeError: the compiler refused the source

    """
    program, source = folder / "emulated_harness", str(HERE / "emulated_harness.c")
    command = [COMPILER, *options, "-w", "-pthread", f"-I{header}", source, "-lm"]
    command += ["-o", str(program)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise RuntimeError(ran.stderr)
    return program


def _leave_no_core() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


class Emulator:
    """A running program, with the functions of a library that `c_library.load` returns."""

    def __init__(self, program: Path) -> None:
        """Start it.

        Raises:
            RuntimeError: structures are laid out otherwise there than here
            MemoryError: the addresses are taken

        """
        self.libc = ctypes.CDLL(None)
        self.libc.mmap.restype = ctypes.c_void_p
        self.libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, Int]
        self.libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
        self.file = os.memfd_create("arrays")
        os.ftruncate(self.file, SIZE)
        fixed_unless_taken = 0x100000
        flags, usable = mmap.MAP_SHARED | fixed_unless_taken, mmap.PROT_READ | mmap.PROT_WRITE
        if self.libc.mmap(BASE, SIZE, usable, flags, self.file, 0) != BASE:
            raise MemoryError("mmap")
        self.process = subprocess.Popen(
            [EMULATOR, "-L", LIBRARIES, str(program), str(self.file)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, pass_fds=(self.file,),
            preexec_fn=_leave_no_core,
        )  # fmt: skip
        self.tell("map", BASE, CONTROL, 0)
        found = tuple(map(int, self.ask("sizes").split()))
        here = tuple(map(ctypes.sizeof, (Entry, Nest, WinogradLayer)))
        if found != here:
            raise RuntimeError(f"sizes of structures: found {found} in C, {here} in Python")

    def tell(self, *command: object) -> None:
        """Write a command that has no answer; it is sent with the next one."""
        assert self.process.stdin
        self.process.stdin.write(" ".join(map(str, command)) + "\n")

    def ask(self, *command: object) -> str:
        """Send a command and return its answer.

        Raises:
            RuntimeError: the program ended, as by a signal

        """
        assert self.process.stdin and self.process.stdout
        self.tell(*command)
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{command}: the program ended with code {self.process.wait()}")
        return answer.rstrip()

    def close(self) -> int:
        """End the program and return its exit code; unmap the addresses."""
        assert self.process.stdin and self.process.stdout
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        code = self.process.wait(60)
        self.process.stdout.close()
        self.libc.munmap(BASE, SIZE)
        os.close(self.file)
        return code

    def best(self) -> int:
        """Return the best instruction set."""
        return int(self.ask("best"))

    def isa_name(self, isa: int) -> bytes:
        """Return the name of an instruction set."""
        return self.ask("name", isa).encode()

    def contract(self, nest: Any, isa: int) -> int:
        """Compute a sum; return what was said."""
        return int(self.ask("contract", self._copy_nest(nest), isa))

    def tile(self, nest: Any, isa: int) -> tuple[int, str, int, int]:
        """Return the algorithm, the instruction set, and the rows and vectors of a tile."""
        algorithm, name, rows, vectors = self.ask("tile", self._copy_nest(nest), isa).split()
        return int(algorithm), name, int(rows), int(vectors)

    def winograd(self, layer: Any) -> int:
        """Compute a layer in Winograd's form; return what was said."""
        ctypes.memmove(BASE, layer, ctypes.sizeof(WinogradLayer))
        return int(self.ask("winograd", BASE))

    def request(self, algorithm: int) -> None:
        """Ask for an algorithm, by its number."""
        self.tell("request", algorithm)

    def allow(self, count: int) -> None:
        """Let the next `count` allocations succeed; -1: all of them."""
        self.tell("allow", count)

    def blocks(self) -> int:
        """Return how many blocks are allocated."""
        return int(self.ask("blocks"))

    def release(self) -> None:
        """Give back the memory that is kept between calls."""
        self.tell("release")

    def _copy_nest(self, nest: Any) -> int:
        given = ctypes.cast(nest, ctypes.POINTER(Nest)).contents
        entries = ctypes.sizeof(Entry) * (given.left + given.right)
        copy, after = Nest.from_address(BASE), BASE + ctypes.sizeof(Nest)
        assert ctypes.sizeof(Nest) + entries <= CONTROL
        ctypes.memmove(BASE, ctypes.byref(given), ctypes.sizeof(Nest))
        ctypes.memmove(after, given.factors, entries)
        copy.factors = ctypes.cast(after, ctypes.POINTER(Entry))
        return BASE


class Pages:
    """Blocks of an emulator's memory that end, or start, at a page that is not mapped there.

    The rest of a block's pages holds NaN, which must not be changed.
    """

    def __init__(self, emulator: Emulator, at_end: bool) -> None:
        self.emulator = emulator
        self.at_end = at_end
        self.next = BASE + CONTROL
        self.taken: list[tuple[int, int, int]] = []

    def __call__(self, size: int) -> int:
        """Return the address of a block."""
        page = mmap.PAGESIZE
        inner = max(1, -(-size // page)) * page
        start = self.next + page
        self.next = start + inner
        assert self.next + page <= BASE + SIZE, "too much for the emulator's memory"
        ctypes.memset(start, 255, inner)
        self.emulator.tell("map", start, inner, start - BASE)
        self.taken.append((start, inner, size))
        return start + (inner - size if self.at_end else 0)

    def clear(self) -> None:
        """Forget all blocks; say whether one was left."""
        for start, inner, size in self.taken:
            rest = ctypes.string_at(start if self.at_end else start + size, inner - size)
            assert rest.count(255) == len(rest), "written beside an array"
            self.emulator.tell("unmap", start, inner)
        self.taken.clear()
        self.next = BASE + CONTROL
