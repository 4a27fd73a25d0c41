"""Sums of products over affine index maps, and what they mean in NumPy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

BATCH, ROWS, COLUMNS, REDUCTION = range(4)
Array = np.ndarray[Any, Any]


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


def term_by_term(s: Sum) -> Array:
    """Return the output after a sum, every term by itself: entries need not be finite.

    A term that reads an entry outside a box is none.
    """
    assert s.out.values is not None
    out = s.out.values.astype(float)
    if s.fresh:
        out[visited(s)] = 0
    if any(loop.extent < 1 for loop in s.loops):
        return out
    terms, is_term = np.ones([loop.extent for loop in s.loops]), np.ones((), bool)
    for factor in s.factors:
        index, moving = indices(s, factor)
        keep = inside(factor, index, [s.loops[i].extent for i in moving])
        values, _ = read(s, factor)
        shape = [loop.extent if i in moving else 1 for i, loop in enumerate(s.loops)]
        terms, is_term = terms * values.reshape(shape), is_term & keep.reshape(shape)
    summed = tuple(i for i, loop in enumerate(s.loops) if loop.role == REDUCTION)
    total = np.where(is_term, terms, 0).sum(axis=summed) * s.scale
    index, moving = indices(s, s.out)
    written = [i for i in range(len(s.loops)) if i not in summed]
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
