"""Sums of products of arrays, as stacks of matrix products with as few copies as possible."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np

from rot180.codegen.kernels.runtime.numpy.checks import Array

Words: TypeAlias = tuple[str, ...]  # the loop along each axis


def contract(
    operands: Sequence[Array], inputs: Sequence[Words], output: Words, dtype: np.dtype[Any]
) -> Array:
    """Return the sum of products, an axis of length 1 for each word that no operand has."""
    if not operands:
        return np.ones((), dtype)
    a, left = operands[0], inputs[0]
    if len(operands) == 2:
        return _multiply(a, operands[1], left, inputs[1], output, dtype)
    if len(operands) > 2:
        b, *rest = operands[1:]
        right, *words = inputs[1:]
        later = {*output}.union(*words)
        names = tuple([w for w in dict.fromkeys(left + right) if w in later])
        product = _multiply(a, b, left, right, names, dtype)
        return contract([product, *rest], [names, *words], output, dtype)
    a = a.sum(tuple([i for i, w in enumerate(left) if w not in output]), dtype)
    left = tuple([w for w in left if w in output])
    a = a.transpose([left.index(w) for w in output if w in left])
    found: Array = a[tuple([slice(None) if w in left else None for w in output])]
    return found


def scaled(value: Array, scale: float, over: int) -> Array:
    """Return ``scale/over`` times an array, in its dtype; integers wrap."""
    if scale == over:
        return value
    dtype = value.dtype
    if dtype.kind not in "iu":
        factor = np.array(scale / over, dtype)
    elif over == 1:
        factor = np.array(int(scale) % 2**64, np.uint64).astype(dtype)
    else:
        expected = f"a float dtype: a coefficient is 1/{over}"
        raise TypeError(f"dtype: found {dtype}, expected {expected}")
    scaled: Array = value * factor
    return scaled


def _multiply(
    a: Array, b: Array, left: Words, right: Words, output: Words, dtype: np.dtype[Any]
) -> Array:
    """Multiply two arrays as stacks of matrices."""
    for _ in range(2):
        idle = tuple([i for i, w in enumerate(left) if w not in right and w not in output])
        if idle:
            a, left = a.sum(idle, dtype), tuple([w for i, w in enumerate(left) if i not in idle])
        a, b, left, right = b, a, right, left
    swap, far, near, apart, shape, axes = _plan(
        left, right, output, a.shape, b.shape, a.strides, b.strides
    )
    m, n = (_matrix(b, *far), _matrix(a, *near)) if swap else (_matrix(a, *far), _matrix(b, *near))
    value = m @ n if m.shape[-1] != 1 else m * n
    value = value.sum(0, dtype) if apart else value
    product: Array = value.reshape(shape).transpose(axes)
    return product


def _matrix(a: Array, axes: list[int], shape: list[int], transposed: bool) -> Array:
    """Return an array as a stack of matrices."""
    a = a.transpose(axes).reshape(shape)
    return a.swapaxes(-1, -2) if transposed else a


@lru_cache(maxsize=1024)
def _plan(
    left: Words,
    right: Words,
    output: Words,
    left_shape: tuple[int, ...],
    right_shape: tuple[int, ...],
    left_strides: tuple[int, ...],
    right_strides: tuple[int, ...],
) -> tuple[bool, Any, Any, bool, list[int], list[int]]:
    """Plan a product as stacks of matrices near the output's order, with as few copies as possible.

    Returns:
        whether the right operand comes first; for each how it becomes a stack of matrices; whether
        products are added up along the stack; the result's shape and the order of its axes.

    """
    extent = dict(zip(left, left_shape, strict=True)) | dict(zip(right, right_shape, strict=True))
    kind = {w: 1 if w not in right else 2 if w not in left else 0 for w in output}
    order = list(output)
    if not any(kind[w] for w in order[-1:]):
        order.sort(key=lambda w: kind[w] > 0)
    last = kind[order[-1]] or 1 if order else 1
    swap = last == 1
    tail = len(order)
    while tail and kind[order[tail - 1]] == last:
        tail -= 1
    head = tail
    while head and kind[order[head - 1]] == 3 - last:
        head -= 1
    stack, middle, inner = order[:head], order[head:tail], order[tail:]
    shared = [w for w in right if w in left and w not in kind]
    sides = [[w for w in words if w not in stack] for words in (left, right)]
    volumes = [math.prod([extent.get(w, 1) for w in words]) for words in (*sides, order)]
    apart = bool(shared) and all(side[:1] == shared[:1] and side != shared for side in sides)
    if apart and 2 * volumes[2] * extent[shared[0]] <= volumes[0] + volumes[1]:
        stack, shared = [shared[0], *stack], shared[1:]
    else:
        apart = False

    def matrix(words: Words, strides: tuple[int, ...], rows: list[str], columns: list[str]) -> Any:
        step = {w: abs(s) / extent[w] for w, s in zip(words, strides, strict=True) if extent[w] > 1}
        inside = [w for w in (*rows, *columns) if w in step]
        transposed = min(inside, key=lambda w: step[w], default="") in rows
        first, second = (columns, rows) if transposed else (rows, columns)
        axes = [words.index(w) for w in (*stack, *first, *second) if w in words]
        shape = [extent[w] if w in words else 1 for w in stack]
        shape += [math.prod([extent.get(w, 1) for w in part]) for part in (first, second)]
        return axes, shape, transposed

    far, near = (right, left) if swap else (left, right)
    far_strides, near_strides = (right_strides, left_strides)[:: 1 if swap else -1]
    one = matrix(far, far_strides, middle, shared)
    other = matrix(near, near_strides, shared, inner)
    shape = [extent.get(w, 1) for w in (*(stack[1:] if apart else stack), *middle, *inner)]
    return swap, one, other, apart, shape, [order.index(w) for w in output]
