"""A sum of products as a stack of matrix products, with as few copies as possible."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from rot180.codegen.kernels.runtime.numpy.index_maps import (
    Array,
    Loops,
    Side,
    _extent,
    _names,
    _volume,
)
from rot180.codegen.kernels.runtime.numpy.reading import Read, _reading

Multiply: TypeAlias = Callable[[Side, Side], Array]


def _product(
    sides: tuple[Side, Side],
    names: Sequence[str],
    kinds: Mapping[str, int],
    k: Sequence[str],
    loops: Loops,
    dtype: np.dtype[Any],
) -> Multiply:
    """Return a function that multiplies two sides as stacks of matrices, near the output's order.

    Args:
        sides: the factors of the left and of the right.
        names: the loops of the result, axis by axis.
        kinds: 1 for the loops of m, 2 for those of n; others of the result are of the batch.
        k: the loops that are summed over.
        loops: the range of each loop.
        dtype: of the result.

    """
    left, right = sides
    order = [name for name in names if name not in kinds] if names[-1] not in kinds else []
    order += [name for name in names if name not in order]
    last = kinds[order[-1]]
    inner = _tail(order, lambda name: kinds.get(name) == last)
    middle = _tail(order[: len(order) - len(inner)], lambda name: kinds.get(name) == 3 - last)
    stack = order[: len(order) - len(inner) - len(middle)]
    near, far = (left, right) if last == 1 else (right, left)
    shared = [name for name in k if name in _names(left) and name in _names(right)]
    apart = _apart(sides, stack, shared, _volume(order, loops), loops)
    shared = shared[len(apart) :]
    a = _matrix(far, [*apart, *stack], middle, shared, loops, dtype)
    b = _matrix(near, [*apart, *stack], shared, inner, loops, dtype)
    read = {*_names(left), *_names(right)}  # what depends on no factor is broadcast in the output
    sizes = [_extent(loops[name]) if name in read else 1 for name in (*middle, *inner)]
    axes = [order.index(name) for name in names]

    def multiply(left: Side, right: Side) -> Array:
        near, far = (left, right) if last == 1 else (right, left)
        value = a(far) @ b(near)
        value = value.sum(0, dtype) if apart else value
        return value.reshape([*value.shape[: len(stack)], *sizes]).transpose(axes)

    return multiply


def _apart(
    sides: tuple[Side, Side],
    stack: Sequence[str],
    shared: Sequence[str],
    results: int,
    loops: Loops,
) -> Sequence[str]:
    """Return the summed loop that is outermost on both sides, if its products are better added up.

    It then joins the stack, and nothing is copied to bring it beside the other summed loops.
    """
    names = [[name for name in _names(side) if name not in stack] for side in sides]
    first = shared[:1]
    if not first or any(side[:1] != first or side == shared for side in names):
        return []
    read = sum(_volume(side, loops) for side in names)
    return first if 2 * results * _extent(loops[first[0]]) <= read else []


def _tail(names: Sequence[str], belongs: Callable[[str], bool]) -> Sequence[str]:
    """Return the longest run at the end whose members all belong."""
    start = len(names)
    while start and belongs(names[start - 1]):
        start -= 1
    return names[start:]


def _matrix(
    side: Side,
    stack: Sequence[str],
    rows: Sequence[str],
    columns: Sequence[str],
    loops: Loops,
    dtype: np.dtype[Any],
) -> Read:
    """Return a function that reads a side as a stack of matrices, copied in the order of memory."""
    names, found = [*stack, *rows, *columns], _names(side)
    read, strides = _reading(side, names, loops, dtype)
    sizes = [_extent(loops[name]) if name in found else 1 for name in names]
    middle = len(stack) + len(rows)
    head = sizes[: len(stack)]
    tall, wide = math.prod(sizes[len(stack) : middle]), math.prod(sizes[middle:])
    steps = strides or []
    axes = [axis for axis in range(len(stack), len(names)) if steps and sizes[axis] > 1]
    dense = min(axes, key=lambda i: abs(steps[i]) / sizes[i], default=middle)
    if dense >= middle:
        return lambda side: read(side).reshape((*head, tall, wide))
    transposed, _ = _reading(side, [*stack, *columns, *rows], loops, dtype)
    return lambda side: transposed(side).reshape((*head, wide, tall)).swapaxes(-1, -2)
