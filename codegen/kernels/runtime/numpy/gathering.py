"""Entries of an array at the places that arrays of integers name, and sums of what was read there.

The axes of arrays are words, as in `numpy.einsum`. Each ``(word, places, words)`` says that an axis
is read, or written, at the entries of an array of integers with axes of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]
Places: TypeAlias = tuple[str, Array, str]


def _index_arrays(**arguments: tuple[Any, int]) -> None:
    """Check types and ranks of arrays of indices, given ``name=(value, rank)``."""
    for name, (value, rank) in arguments.items():
        if not isinstance(value, np.ndarray) or isinstance(value, np.ma.MaskedArray):
            found = type(value).__name__
            raise TypeError(f"{name}: found {found}, expected a numpy.ndarray of integers")
        if value.dtype.kind not in "iu":
            raise TypeError(
                f"{name}: found dtype {value.dtype}, expected an integer dtype; "
                "convert it with astype"
            )
        if value.ndim != rank:
            found = f"{value.ndim} axes (shape {value.shape})"
            raise ValueError(f"{name}: found {found}, expected {rank} axes")


def _in_range(name: str, places: Array, size: int) -> Array:
    """Return integers as indices, once all are known to be of an axis: before anything is read."""
    if places.size and not (places.min() >= 0 and places.max() < size):
        wrong = np.argwhere((places < 0) | (places >= size))[0]
        at = tuple(map(int, wrong))
        found = f"{places[at]} at {list(at)}"
        raise ValueError(f"{name}: found {found}, expected integers >= 0 and < {size}")
    return places.astype(np.intp, copy=False)


def _gathered(array: Array, words: str, output: str, *reads: Places) -> Array:
    """Return the entries of an array whose axes are words of the output, or read at places."""
    axes, order = words.split(), output.split()
    ((word, places, own), *others) = reads
    at = axes.index(word)
    if not others and order == [*axes[:at], *own.split(), *axes[at + 1 :]]:
        return np.ascontiguousarray(array.take(places, at))
    return np.ascontiguousarray(array[_indices(axes, array.shape, order, reads)])


def _scattered(
    values: Array, words: str, output: str, shape: tuple[int, ...], *reads: Places
) -> Array:
    """Return sums of values, each added to the entry that places and the other words name."""
    axes = words.split()
    order = list(dict.fromkeys([w for _, _, own in reads for w in own.split()] + axes))
    out = np.zeros(shape, values.dtype)
    ((word, places, own), *others) = reads
    rest = [w for w in order if w not in own.split()]
    if not others and [word, *rest] == output.split():
        lengths = dict(zip(axes, values.shape, strict=True))
        lengths |= dict(zip(own.split(), places.shape, strict=True))
        whole = np.broadcast_to(_spread(values, axes, order), [lengths[w] for w in order])
        _add_rows(out, places.reshape(-1), whole.reshape(places.size, *shape[1:]))
    else:
        where = _indices(output.split(), shape, order, reads)
        np.add.at(out, where, _spread(values, axes, order))
    return out


def _add_rows(out: Array, places: Array, rows: Array) -> None:
    """Add each row to the one of the output that its place names: those of one place together."""
    if not places.size:
        return
    order = places.argsort(kind="stable")
    ordered = places[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    out[ordered[starts]] = np.add.reduceat(rows[order], starts, axis=0, dtype=out.dtype)


def _indices(
    axes: Sequence[str], shape: Sequence[int], order: Sequence[str], reads: Sequence[Places]
) -> tuple[Array, ...]:
    """Return the place on each axis, for each value of some words in their order."""
    named = {word: _spread(places, own.split(), order) for word, places, own in reads}
    pairs = zip(axes, shape, strict=True)
    return tuple(
        [named[w] if w in named else _spread(np.arange(n), [w], order) for w, n in pairs]
    )


def _spread(array: Array, words: Sequence[str], order: Sequence[str]) -> Array:
    """Put the axes of an array in an order, with an axis of length 1 for each other word."""
    there = [w for w in order if w in words]
    moved = array.transpose([words.index(w) for w in there])
    sizes = dict(zip(there, moved.shape, strict=True))
    return moved.reshape([sizes.get(w, 1) for w in order])
