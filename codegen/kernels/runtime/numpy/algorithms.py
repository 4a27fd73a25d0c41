"""The algorithms by which a sum is computed, each for ranges of its loops.

An algorithm plans what does not depend on the arrays' values, and returns the function that adds
the sum of two sides to an output. That function is remembered, so it must hold no array.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from rot180.codegen.kernels.runtime.numpy.index_maps import (
    Array,
    Index,
    IndexMap,
    Loops,
    Range,
    Side,
    _common,
    _extent,
    _extremes,
    _fixed,
    _index_names,
    _names,
    _slice,
    _span,
)
from rot180.codegen.kernels.runtime.numpy.products import _product
from rot180.codegen.kernels.runtime.numpy.reading import _reading


class _Sum(NamedTuple):
    """A sum, but for the ranges of its loops: its left and its right side are multiplied.

    Attributes:
        out_index: where in the output it is added.
        kinds: 1 for the loops of m, 2 for those of n.
        k: the loops that are summed over.
        sides: the factors on the left, and those on the right.
        factor: what the sum is multiplied by.

    """

    out_index: Index
    kinds: dict[str, int]
    k: list[str]
    sides: tuple[Side, Side]
    factor: Any


Add: TypeAlias = Callable[[Array, Side, Side], None]
Algorithm: TypeAlias = Callable[[Array, _Sum, Loops], Add]


def _plain_sum(out: Array, task: _Sum, loops: Loops) -> Add:
    """Sum the left side; there is no other."""
    target, names = _seen(out, task.out_index, loops)
    read, _ = _reading(task.sides[0], names, loops, out.dtype)
    factor = task.factor
    return lambda out, left, right: _add(target(out), read(left), factor)


def _matrix_product(out: Array, task: _Sum, loops: Loops) -> Add:
    """Copy windows, an entry for each tap, and multiply matrices (im2col)."""
    target, names = _seen(out, task.out_index, loops)
    multiply = _product(task.sides, names, task.kinds, task.k, loops, out.dtype)
    factor = task.factor
    return lambda out, left, right: _add(target(out), multiply(left, right), factor)


def _add(target: Array, value: Array, factor: Any) -> None:
    target += value if factor == 1 else value * factor


def _seen(
    out: Array, index: Index, loops: Loops
) -> tuple[Callable[[Array], Array], list[str]]:
    """Return a function that views an output by its loops, and their names."""
    names = _index_names(index)
    read, _ = _reading([(out, index, out.shape)], names, loops, out.dtype)
    return lambda out: read([(out, (), ())]), names


def _tap_by_tap(taps: Sequence[str], out: Array, task: _Sum, loops: Loops) -> Add:
    """Multiply vectors in place, for one tap after the other."""
    return partial(_add_taps, taps, task.out_index, loops, task.factor)


def _add_taps(
    taps: Sequence[str],
    out_index: Index,
    loops: Loops,
    factor: Any,
    out: Array,
    left: Side,
    right: Side,
) -> None:
    """Add the products of each tap, over the loops' values for which no index leaves its box."""
    factors = [*left, *right]
    for values in itertools.product(*(range(*loops[tap]) for tap in taps)):
        at = dict(zip(taps, values, strict=True))
        target = [_fixed(e, at) for e in out_index]
        indices = [[_fixed(e, at) for e in index] for _, index, _ in factors]
        shapes = [shape for _, _, shape in factors]
        part = _inside_boxes(indices, shapes, {n: r for n, r in loops.items() if n not in at})
        if any(first >= stop for first, stop in part.values()):
            continue
        letters = {name: letter for letter, name in enumerate(part)}
        operands: list[Any] = []
        for (array, _, _), index in zip(factors, indices, strict=True):
            assert array is not None
            operands.append(array[tuple(_slice(e, part) for e in index)])
            operands.append([letters[name] for e in index if (name := _loop(e))])
        found = {name for index in indices for e in index for name in e}
        names = [name for e in target if (name := _loop(e))]
        value = np.einsum(*operands, [letters[name] for name in names if name in found])
        value = value[tuple(slice(None) if name in found else None for name in names)]
        out[tuple(_slice(e, part) for e in target)] += value if factor == 1 else value * factor


def _loop(index_map: IndexMap) -> str:
    """Return the loop of an affine map of one loop, or "" for a constant."""
    return next(iter(index_map))


def _inside_boxes(
    indices: Sequence[Index], shapes: Sequence[tuple[int, ...]], loops: Loops
) -> Loops:
    """Clip the ranges of loops to where no index leaves its box; each map is of one loop."""
    part = dict(loops)
    for index, shape in zip(indices, shapes, strict=True):
        for e, size in zip(index, shape, strict=True):
            name = _loop(e)
            span = _span(name, {}, (e, size)) if name else (0, int(0 <= e[""] < size))
            part[name] = _common(part.get(name, span), span)
    return part


class _SlidingAxis(NamedTuple):
    """An axis that is indexed by a step, a loop of the output, and a tap, which is summed over."""

    axis: int
    step: str
    tap: str


def _windows(
    far: Side, near: Side, kinds: Mapping[str, int], k: Sequence[str]
) -> list[_SlidingAxis]:
    """Return the sliding axes of a single array; none if two loops share an index otherwise."""
    if len(far) != 1 or far[0][0] is None:
        return []
    index = far[0][1]
    used = [name for index_map in index for name in index_map if name]
    found = []
    for axis, index_map in enumerate(index):
        names = sorted((name for name in index_map if name), key=lambda name: name in k)
        if len(names) < 2:
            continue
        step, tap = names[0], names[-1]
        single = len(names) == 2 and used.count(step) == used.count(tap) == 1
        if not (single and step in kinds and index_map[step] and tap in k and tap in _names(near)):
            return []
        found.append(_SlidingAxis(axis, step, tap))
    return found


def _whole_axes(far: Side, windows: Sequence[_SlidingAxis], loops: Loops) -> Loops:
    """Return the loops with each step over all of the array's axis that windows reach."""
    (_, index, shape), whole = far[0], dict(loops)
    for axis, step, _ in windows:
        low, high = _extremes(index[axis], loops)
        whole[step] = _common((low, high + 1), (0, shape[axis]))
    return whole


def _shift_and_add(
    far: int, windows: Sequence[_SlidingAxis], out: Array, task: _Sum, loops: Loops
) -> Add:
    """Multiply the array in place for all taps at once; shift and add the products (kn2row)."""
    (array, index, shape), whole = task.sides[far][0], _whole_axes(task.sides[far], windows, loops)
    if any(first >= stop for first, stop in whole.values()):
        return lambda out, left, right: None
    plain = list(index)
    for axis, step, _ in windows:
        plain[axis] = {step: 1}
    flat = list(task.sides)
    flat[far] = [(array, plain, shape)]
    taps = [tap for _, _, tap in windows]
    target, written = _seen(out, task.out_index, loops)
    first = min(written.index(step) for _, step, _ in windows)
    names = [*written[:first], *taps, *written[first:]]
    kinds = task.kinds | dict.fromkeys(taps, 2 - far)
    rest = [name for name in task.k if name not in taps]
    multiply = _product((flat[0], flat[1]), names, kinds, rest, whole, out.dtype)
    axes = [(written.index(s), names.index(tap), names.index(s)) for _, s, tap in windows]
    shifts = [_shifts(w, index[w.axis], shape[w.axis], loops, whole[w.step]) for w in windows]
    sizes = [_extent(loops[name]) for name in written]
    factor = task.factor
    apart = any(abs(c) > 1 for e in task.out_index for name, c in e.items() if name)

    def add(out: Array, left: Side, right: Side) -> None:
        value, into = multiply(left, right), target(out)
        total = np.zeros(sizes, out.dtype) if apart else into
        at: list[Any] = [slice(None)] * len(written)
        where: list[Any] = [slice(None)] * len(names)
        value = value if factor == 1 else value * factor
        for shift in itertools.product(*shifts):
            for (i, k, j), (tapped, to, seen) in zip(axes, shift, strict=True):
                at[i], where[k], where[j] = to, tapped, seen
            total[tuple(at)] += value[tuple(where)]
        if apart:
            into += total

    return add


def _shifts(
    window: _SlidingAxis, index_map: IndexMap, size: int, loops: Loops, whole: Range
) -> list[tuple[int, slice | int, slice | int]]:
    """Return for each tap its number, where in the output its products go, and which these are."""
    _, step, tap = window
    found = []
    for tapped in range(*loops[tap]):
        part = loops | {tap: (tapped, tapped + 1)}
        part[step] = _common(loops[step], _span(step, part, (index_map, size)))
        if part[step][0] < part[step][1]:
            start = index_map.get("", 0) + index_map[tap] * tapped - whole[0]
            seen = {step: index_map[step], "": start}
            to = {step: 1, "": -loops[step][0]}
            found.append((tapped - loops[tap][0], _slice(to, part), _slice(seen, part)))
    return found
