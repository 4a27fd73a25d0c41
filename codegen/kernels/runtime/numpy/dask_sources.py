"""Arrays that layers on Dask arrays read: Dask's own, and arrays in stores, window by window."""

from __future__ import annotations

import itertools
import mmap
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from rot180.codegen.kernels.runtime.numpy.checks import Array, mistyped

try:
    import dask
    import dask.array
except ImportError as error:
    message = 'rot180.generated.dask needs Dask; install it: pip install "rot180[dask]"'
    raise ImportError(message) from error

__all__ = [
    "Span",
    "StoredArray",
    "StoredPart",
    "as_source",
    "dask",
    "is_store",
    "spans",
    "stand_in",
]

Span: TypeAlias = tuple[int, int]
"""The first index and the number of indices of a block along an axis."""


def spans(ends: Sequence[int], size: int) -> list[Span]:
    """Divide an axis at some of its indices."""
    cuts = sorted({min(max(e, 0), size) for e in (0, *ends, size)})
    return [(a, b - a) for a, b in itertools.pairwise(cuts)] or [(0, 0)]


def stand_in(argument: str, array: Any) -> Array:
    """Return an array of the same shape and type without memory, for the checks of arguments."""
    if not isinstance(array, dask.array.Array | np.ndarray) and not is_store(array):
        raise mistyped(argument, array, "a Dask array, a NumPy array, or an array in a store")
    if any(n != n for n in array.shape):  # Dask's mark for a size that is not known
        raise ValueError(
            f"{argument}: found an unknown size in shape {array.shape}, expected known sizes; "
            "compute them with .compute_chunk_sizes()"
        )
    return np.broadcast_to(np.zeros((), array.dtype), array.shape)


def is_store(array: Any) -> bool:
    """Return whether an array lies in a file, as those of Zarr, HDF5 and `numpy.memmap` do."""
    if isinstance(array, dask.array.Array | np.ndarray):
        return isinstance(array, np.memmap)
    has = all(hasattr(array, word) for word in ("shape", "__getitem__"))
    return has and isinstance(getattr(array, "dtype", None), np.dtype)


class StoredPart:
    """A part of an array in a store. The task that needs it reads it, and no other task keeps it.

    What is sent to another process is the name of the file, not what it has.
    """

    def __init__(self, store: Any, part: tuple[slice, ...]) -> None:
        self.store, self.part = store, part

    def read(self) -> Array:
        """Return the entries."""
        return np.ascontiguousarray(self.store[self.part])

    def __reduce__(self) -> tuple[Any, ...]:
        """Send a mapped file by its name, if this is the whole of what was mapped."""
        if isinstance(self.store, np.memmap) and isinstance(self.store.base, mmap.mmap):
            m = self.store
            order = "C" if m.flags.c_contiguous else "F"
            return _mapped, (m.filename, m.dtype, m.offset, m.shape, order, self.part)
        return StoredPart, (self.store, self.part)


def _mapped(file: Any, dtype: Any, offset: int, shape: Any, order: Any, part: Any) -> StoredPart:
    mapped = np.memmap(file, dtype, "r", offset, shape, order)
    return StoredPart(mapped, part)


class StoredArray:
    """An array in a store, in blocks: its own chunks, or some of a size that Dask chooses.

    Attributes:
        dtype: the type of its entries.
        shape: its shape.
        chunks: the sizes of the blocks along each axis.

    """

    def __init__(self, store: Any) -> None:
        self.store, self.dtype = store, store.dtype
        self.shape = tuple(store.shape)
        kept = getattr(store, "chunks", None) or ("auto", -1, *["auto"] * (len(self.shape) - 2))
        self.chunks = dask.array.core.normalize_chunks(kept, self.shape, dtype=self.dtype)

    def __getitem__(self, part: tuple[slice, ...]) -> StoredPart:
        """Return a part, which is not read yet."""
        return StoredPart(self.store, part)


def as_source(array: Any) -> Any:
    """Return an array of which parts can be taken; a NumPy array is one chunk of a Dask array."""
    if isinstance(array, dask.array.Array):
        return array
    return StoredArray(array) if is_store(array) else dask.array.from_array(array, chunks=-1)
