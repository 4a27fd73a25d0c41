"""Winograd's form in C, called through ctypes on random layers.

As a program it computes them with their arrays in memory of a chosen kind:

    python tests/support/winograd_harness.py LIBRARY MEMORY FIRST STOP
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.support.c_library import DONE, MEMORIES, Allocator, Int, Library, isa_name, isas, load
from tests.support.sums import Array

FORMS = ((4, 3), (2, 3), (4, 5), (4, 4))
"""The outputs of a tile and the taps of a block, of each form."""


class WinogradLayer(ctypes.Structure):
    """A layer of stride 1, its arrays and their strides in bytes."""

    _fields_ = (
        *((name, ctypes.c_int) for name in ("itemsize", "form", "isa", "threads")),
        *((name, Int) for name in ("batch", "groups", "channels", "outputs")),
        *((name, Int * 2) for name in ("size", "out_size", "low", "taps")),
        ("nested", ctypes.c_int),
        *((name, ctypes.c_void_p) for name in ("x", "w", "bias")),
        ("x_stride", Int * 4),
        ("w_stride", Int * 5),
        ("out", ctypes.c_void_p),
    )


@dataclass(frozen=True)
class RandomLayer:
    """A layer, its arrays small integers.

    Attributes:
        x: batch, groups, channels, lines, entries.
        w: groups, outputs, channels, rows, columns.
        bias: groups, outputs; or None.
        low: the low padding of each axis; negative crops.
        out_size: the outputs along each axis.
        rotated: the filter is passed by its last entry, with negative strides.
        threads: how many threads.
        nested: whether there is one axis: one row of inputs and one of taps.

    """

    x: Array
    w: Array
    bias: Array | None
    low: tuple[int, ...]
    out_size: tuple[int, ...]
    rotated: bool
    threads: int
    nested: bool

    def suits(self, tile: int, taps: int) -> bool:
        """Return whether a form can compute it."""
        return tile == taps or (not self.nested and max(self.w.shape[3:]) <= taps)


def draw(seed: int) -> RandomLayer:
    """Return a layer: odd sizes, padding beyond the filter, crops, groups, empty batches."""
    rng = np.random.default_rng(seed)
    dtype = (np.float32, np.float64)[seed % 2]

    def numbers(*shape: int) -> Array:
        return rng.integers(-3, 4, shape).astype(dtype)

    batch, groups = int(rng.integers(0, 4)), int(rng.integers(1, 5))
    channels, outputs = (int(n) for n in rng.integers(1, 40, 2))
    nested = bool(rng.random() < 0.25)
    most = int(rng.choice([3, 4, 5, 13]))
    size = tuple(int(n) for n in rng.integers(1, 40, 2))
    taps = tuple(int(n) for n in rng.integers(1, most + 1, 2))
    low = tuple(int(n) for n in rng.integers(-2, most + 2, 2))
    high = tuple(int(n) for n in rng.integers(-2, most + 2, 2))
    if nested:
        size, taps = (1, int(rng.integers(1, 400))), (1, int(rng.integers(1, 50)))
        low, high = (0, low[1]), (0, high[1])
    pads = zip(size, low, high, taps, strict=True)
    out_size = tuple(max(1, n + a + b - k + 1) for n, a, b, k in pads)
    return RandomLayer(
        numbers(batch, groups, channels, *size),
        numbers(groups, outputs, channels, *taps),
        numbers(groups, outputs) if rng.random() < 0.5 else None,
        low, out_size, bool(rng.random() < 0.5), int(rng.integers(1, 4)), nested,
    )  # fmt: skip


def expected(d: RandomLayer) -> Array:
    """Return the sum by its definition, tap by tap, over an input with zeros around it."""
    batch, groups, _, *size = d.x.shape
    taps = d.w.shape[3:]
    around = [(0, 0)] * 3 + [
        (max(a, 0) + 8, n + p + k + 16)
        for a, n, p, k in zip(d.low, size, d.out_size, taps, strict=True)
    ]
    x = np.pad(d.x.astype(np.float64), around)
    at = [max(a, 0) + 8 - a for a in d.low]
    out = np.zeros((batch, groups, d.w.shape[1], *d.out_size))
    for k in range(taps[0]):
        for j in range(taps[1]):
            rows = slice(at[0] + k, at[0] + k + d.out_size[0])
            columns = slice(at[1] + j, at[1] + j + d.out_size[1])
            tap = d.w[..., k, j].astype(np.float64)
            out += np.einsum("ngchv,goc->ngohv", x[..., rows, columns], tap)
    return out if d.bias is None else out + d.bias[None, :, :, None, None]


def check(lib: Library, seed: int, memory: Allocator) -> None:
    """Compute a layer by each form on every instruction set and compare with the definition.

    Raises:
        AssertionError: naming the layer, the form and the instructions.

    """
    d, item = draw(seed), 4 + 4 * (seed % 2)
    wanted = expected(d)
    for isa in isas(lib):
        for form, sizes in enumerate(FORMS):
            if not d.suits(*sizes):
                continue
            status, found = run(lib, d, form, isa, memory, item)
            memory.clear()
            what = f"seed {seed}, form {form}, {isa_name(lib, isa)}"
            assert status == DONE, f"{what}: returned {status}"
            assert (np.rint(found) == wanted).all(), f"{what}: differs"
            assert (np.abs(found - wanted) < (0.25 if item == 4 else 1e-8)).all(), f"{what}: rounds"


def run(
    lib: Library,
    d: RandomLayer,
    form: int,
    isa: int,
    memory: Allocator,
    item: int,
) -> tuple[int, Array]:
    """Copy the arrays into memory of a kind, compute, and return the status and the output."""

    def place(array: Array) -> int:
        data = np.ascontiguousarray(array)
        address = memory(data.nbytes)
        ctypes.memmove(address, data.ctypes.data, data.nbytes)
        return address

    w = d.w[..., ::-1, ::-1] if d.rotated else d.w
    s = WinogradLayer(item, form, isa, d.threads, *d.x.shape[:3], d.w.shape[1])
    s.size, s.out_size, s.low = (Int * 2)(*d.x.shape[3:]), (Int * 2)(*d.out_size), (Int * 2)(*d.low)
    s.taps, s.nested = (Int * 2)(*d.w.shape[3:]), d.nested
    if d.nested:  # the padding is that of the rows of the image
        s.low = (Int * 2)(d.low[1], 0)
    s.x, s.w = place(d.x), place(w)
    s.bias = None if d.bias is None else place(d.bias)
    s.x_stride = (Int * 4)(*d.x.strides[:4])
    strides = list(np.ascontiguousarray(w).strides)
    if d.rotated:
        s.w += sum((k - 1) * n for k, n in zip(d.w.shape[3:], strides[3:], strict=True))
        strides[3:] = -strides[3], -strides[4]
    s.w_stride = (Int * 5)(*strides)
    out = np.full((*d.x.shape[:2], d.w.shape[1], *d.out_size), np.nan, d.x.dtype)
    s.out = place(out)
    status = lib.winograd(ctypes.byref(s))
    ctypes.memmove(out.ctypes.data, s.out, out.nbytes)
    return status, out


def main(arguments: Sequence[str]) -> None:
    """Compute random layers in memory of one kind."""
    lib, kind = load(Path(arguments[0])), arguments[1]
    lib.winograd_layer_size.restype = ctypes.c_long
    size = ctypes.sizeof(WinogradLayer)
    assert lib.winograd_layer_size() == size, "the fields of WinogradLayer differ in C"
    for seed in range(int(arguments[2]), int(arguments[3])):
        check(lib, seed, MEMORIES[kind]())
    lib.release()
    assert lib.blocks() == 0, f"{lib.blocks()} blocks were not released"


if __name__ == "__main__":
    main(sys.argv[1:])
