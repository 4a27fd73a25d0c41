"""Sums of products over affine index maps: the one function that NumPy's kernels call.

What is decided about a sum depends on maps, sizes and strides alone, and is remembered.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from rot180.codegen.kernels.runtime.numpy.algorithms import (
    Add,
    Algorithm,
    _matrix_product,
    _plain_sum,
    _shift_and_add,
    _Sum,
    _tap_by_tap,
    _whole_axes,
    _windows,
)
from rot180.codegen.kernels.runtime.numpy.index_maps import (
    Array,
    Index,
    Loops,
    Side,
    _extent,
    _index_names,
    _names,
    _volume,
)
from rot180.codegen.kernels.runtime.numpy.reading import BLOCK

MOST_RECIPES = 256  # sums whose algorithms are remembered
LONG = 2**15  # entries from which on windows may cost more than a few calls for each tap


RECIPES: dict[object, Add] = {}


def _accumulate(
    out: Array,
    index: Index,
    loops: Loops,
    batch: str = "",
    m: str = "",
    n: str = "",
    k: str = "",
    left: Side = (),
    right: Side = (),
    scale: tuple[int, int] = (1, 1),
) -> None:
    """Add ``scale * sum over k of the product of the factors`` to ``out[index]``.

    The loops of the output are those of the batch (on both sides), of m (on the left, or on
    neither) and of n (on the right alone). Large operands are read block by block. The algorithm
    of a sum of one block is remembered.
    """
    if any(first >= stop for first, stop in loops.values()) or _is_zero(left, right, out):
        return
    key = (
        (_map_key(index), out.shape, out.dtype, *loops.items(), m, n, k, scale),
        *(tuple([_factor_key(*factor) for factor in side]) for side in (left, right)),
    )
    add = RECIPES.get(key)
    if add is None:
        summed = k.split()
        kinds = dict.fromkeys(m.split(), 1) | dict.fromkeys(n.split(), 2)
        idle = set(summed) - {*_names(left), *_names(right)}
        factor = _factor(_volume(idle, loops), scale, out.dtype)
        task = _Sum(index, kinds, summed, (left, right), factor)
        algorithm, names = _choose_algorithm(task, loops)
        for part in _blocks(names, loops):
            add = algorithm(out, task, part)
            if part is not loops:
                add(out, left, right)
        if part is not loops:
            return
        assert add is not None
        if len(RECIPES) >= MOST_RECIPES:
            RECIPES.clear()
        RECIPES[key] = add
    add(out, left, right)


def _factor_key(array: Array | None, index: Index, shape: tuple[int, ...]) -> object:
    return _map_key(index), shape, array is not None and (array.dtype, array.strides)


def _map_key(index: Index) -> object:
    return tuple([tuple(index_map.items()) for index_map in index])


def _is_zero(left: Side, right: Side, out: Array) -> bool:
    """Say whether the sum is that of one small array, which is zero."""
    arrays = [array for array, _, _ in left if array is not None]
    return not right and len(arrays) == 1 and arrays[0].size < out.size and not arrays[0].any()


def _factor(count: int, scale: tuple[int, int], dtype: np.dtype[Any]) -> Any:
    """Return ``count * scale`` in the dtype; integers wrap."""
    top, bottom = scale
    if dtype.kind not in "iu":
        return dtype.type(count * top / bottom)
    if bottom != 1:
        expected = f"a float dtype: a coefficient is 1/{bottom}"
        raise TypeError(f"dtype: found {dtype}, expected {expected}")
    return np.array(count * top % 2**64, np.uint64).astype(dtype)[()]


def _blocks(names: Sequence[str], loops: Loops) -> Iterator[Loops]:
    """Yield parts of the loops; in each, the named loops have at most `BLOCK` values together."""
    volume = _volume(names, loops)
    name = next((name for name in names if _extent(loops[name]) > 1), "")
    if volume <= BLOCK or not name:
        yield loops
        return
    first, stop = loops[name]
    step = max(1, BLOCK * (stop - first) // volume)
    for start in range(first, stop, step):
        yield from _blocks(names, {**loops, name: (start, min(start + step, stop))})


def _choose_algorithm(task: _Sum, loops: Loops) -> tuple[Algorithm, Sequence[str]]:
    """Choose an algorithm and the loops that large sums are split by, from sizes alone.

    Usually the windows of an array are copied, an entry for each tap, and matrices are multiplied.
    Where the products with all taps are far fewer than these copies, the array is multiplied in
    place, for all taps at once, and the products are shifted and added. Then the other side may be
    a matrix in place, too, which it is not where the taps are summed over.
    Where nothing but vectors is left once the taps are fixed, as in a depthwise convolution, the
    vectors are multiplied in place, tap by tap.
    """
    _, kinds, k, sides, _ = task
    written, *read = touched = [_index_names(task.out_index), *map(_names, sides)]
    wide = max(read, key=lambda names: _volume(names, loops))
    if not sides[1] or _volume(wide, loops) < LONG:
        return _matrix_product if sides[1] else _plain_sum, wide
    taps = _taps(sides, loops)
    alone = [name for name in wide if name not in taps]
    thin = all(_volume(_of_kind(written, kinds, i) - taps, loops) == 1 for i in (1, 2))
    if thin and taps.isdisjoint(k) and _volume(alone, loops) >= LONG and _plain(sides, taps):
        return partial(_tap_by_tap, sorted(taps)), alone
    for far in (0, 1):
        if windows := _windows(sides[far], sides[1 - far], kinds, k):
            whole = _whole_axes(sides[far], windows, loops)
            steps = [window.step for window in windows]
            names = [*written, *(window.tap for window in windows)]
            few = _volume(steps, whole) <= 2 * _volume(steps, loops)
            rest = [name for name in k if name not in names]
            moves = [_is_matrix(sides[1 - far], summed, loops) for summed in (k, rest)]
            moved = _volume(read[1 - far], loops) if moves == [False, True] else 0
            if few and 2 * _volume(names, whole) <= _volume(read[far], loops) + moved:
                return partial(_shift_and_add, far, windows), names
    copied = [_names(side) for side in sides if not _is_matrix(side, k, loops)]
    wide = max(copied, key=lambda names: _volume(names, loops), default=[])
    others = {n: sum(_volume(names, loops) for names in touched if n not in names) for n in wide}
    # each block of a loop reads again what does not depend on it: where that is cheap comes first
    cheap = _volume(wide, loops) // 16
    return _matrix_product, sorted(wide, key=lambda name: others[name] > cheap)


def _taps(sides: tuple[Side, Side], loops: Loops) -> set[str]:
    """Return the taps: all loops of an index but its longest, so that without them one is left."""
    taps: set[str] = set()
    for _, index, _ in (*sides[0], *sides[1]):
        for index_map in index:
            names = [name for name in index_map if name]
            taps |= {*names} - {max(names, key=lambda name: _extent(loops[name]), default="")}
    return taps


def _of_kind(names: Iterable[str], kinds: Mapping[str, int], kind: int) -> set[str]:
    return {name for name in names if kinds.get(name) == kind}


def _plain(sides: tuple[Side, Side], taps: set[str]) -> bool:
    """Say whether all factors are arrays, and every index is a slice once the taps are fixed."""
    factors = (*sides[0], *sides[1])
    return all(array is not None for array, _, _ in factors) and all(
        step
        for _, index, _ in factors
        for index_map in index
        for name, step in index_map.items()
        if name and name not in taps
    )


def _is_matrix(side: Side, k: Sequence[str], loops: Loops) -> bool:
    """Say whether a side is a matrix in place: read once, its summed loops side by side."""
    array = side[0][0]
    if array is None or len(side) > 1 or _volume(_names(side), loops) > array.size:
        return False
    summed = [name in k for name in _names(side) if _extent(loops[name]) > 1]
    changes = sum(a != b for a, b in itertools.pairwise(summed))
    return changes <= 1 + (not any(summed[:1]))
