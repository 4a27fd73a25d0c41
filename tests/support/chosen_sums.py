"""Sums that a random draw would seldom find."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from tests.support.sums import BATCH, COLUMNS, REDUCTION, ROWS, Loop, Map, Operand, Sum


def filled(dtype: str, maps: Sequence[Map], shape: Sequence[int], order: str = "C") -> Operand:
    """Return an operand of small integers in C or Fortran order."""
    steps = np.empty(shape, np.int8, order="F" if order == "F" else "C").strides
    drawn = np.random.default_rng(len(dtype) + sum(shape)).integers(-2, 3, shape)
    return Operand(list(maps), tuple(shape), tuple(steps), drawn.astype(float))


def product(sizes: tuple[int, int, int], layout: int, dtype: str) -> Sum:
    """Return a matrix product, rows by columns over deep.

    Args:
        sizes: rows, columns, length of the sums
        layout: bits 0 to 2: the left, right, output matrix is in Fortran order
        dtype: of all arrays

    """
    loops = [Loop(0, n, role) for n, role in zip(sizes, (ROWS, COLUMNS, REDUCTION), strict=True)]
    operands = [
        filled(dtype, [Map(0, {i: 1}) for i in at], [sizes[i] for i in at], "CF"[layout >> n & 1])
        for n, at in enumerate(((0, 2), (2, 1), (0, 1)))
    ]
    return Sum(loops, [operands[0]], [operands[1]], operands[2], 1.0, dtype)


def correlation(
    sizes: tuple[int, int, int, int, int], stride: int, dilation: int, low: int, dtype: str
) -> Sum:
    """Return y[o,p] = sum[c,k] x[c, stride*p + dilation*k - low] * w[o,c,k].

    Args:
        sizes: O, P, C, K and the size of x; a negative dilation turns the sum round
        stride: of the windows
        dilation: of the taps
        low: padding
        dtype: of all arrays

    """
    many, places, channels, taps, size = sizes
    roles = (COLUMNS, ROWS, REDUCTION, REDUCTION)
    loops = [Loop(0, n, role) for n, role in zip(sizes[:4], roles, strict=True)]
    x = filled(dtype, [Map(0, {2: 1}), Map(-low, {1: stride, 3: dilation})], (channels, size))
    w = filled(dtype, [Map(0, {i: 1}) for i in (0, 2, 3)], (many, channels, taps))
    y = filled(dtype, [Map(0, {0: 1}), Map(0, {1: 1})], (many, places))
    return Sum(loops, [x], [w], y, 1.0, dtype)


def images(
    sizes: tuple[int, int, int, int, int, int], stride: int, dilation: int, dtype: str
) -> Sum:
    """Return y[g,o,p,q] = sum[k,l] x[g, stride*p + dilation*k - 1, the same of q, l] * w[g,o,k,l].

    Args:
        sizes: G, O, P, Q, K, L
        stride: of the windows
        dilation: of the taps; negative: reversed
        dtype: of all arrays

    """
    groups, many, high, wide, *taps = sizes
    roles = (BATCH, COLUMNS, ROWS, ROWS, REDUCTION, REDUCTION)
    loops = [Loop(0, n, role) for n, role in zip(sizes, roles, strict=True)]
    index = [Map(-1, {i: stride, i + 2: dilation}) for i in (2, 3)]
    x = filled(dtype, [Map(0, {0: 1}), *index], (groups, stride * high + 1, stride * wide + 1))
    w = filled(dtype, [Map(0, {i: 1}) for i in (0, 1, 4, 5)], (groups, many, *taps))
    y = filled(dtype, [Map(0, {i: 1}) for i in range(4)], (groups, many, high, wide))
    return Sum(loops, [x], [w], y, 1.0, dtype)


def rows(sizes: tuple[int, int, int], slopes: tuple[int, int], swapped: bool, dtype: str) -> Sum:
    """Return out[r,j] = sum[k] a[r, +-k - 1 or so] * b[j, +-k], both adjacent along the sum."""
    tall, wide, deep = sizes
    own = (COLUMNS, ROWS) if swapped else (ROWS, COLUMNS)
    loops = [Loop(0, tall, own[0]), Loop(0, wide, own[1]), Loop(0, deep, REDUCTION)]
    starts = [0 if slope > 0 else deep - 1 for slope in slopes]
    a = filled(dtype, [Map(0, {0: 1}), Map(starts[0] - 1, {2: slopes[0]})], (tall, deep))
    b = filled(dtype, [Map(0, {1: 1}), Map(starts[1], {2: slopes[1]})], (wide, deep))
    out = filled(dtype, [Map(0, {0: 1}), Map(0, {1: 1})], (tall, wide))
    return Sum(loops, *([b], [a]) if swapped else ([a], [b]), out, 1.0, dtype)


def diagonal(dtype: str) -> Sum:
    """Return y[o,p] = sum[k] x[p, k, k] * w[o, k]."""
    loops = [Loop(0, 9, COLUMNS), Loop(0, 9, ROWS), Loop(0, 65, REDUCTION)]
    x = filled(dtype, [Map(0, {1: 1}), Map(0, {2: 1}), Map(0, {2: 1})], (9, 65, 65))
    w = filled(dtype, [Map(0, {0: 1}), Map(0, {2: 1})], (9, 65))
    y = filled(dtype, [Map(0, {0: 1}), Map(0, {1: 1})], (9, 9))
    return Sum(loops, [x], [w], y, 1.0, dtype)


def crossed(dtype: str) -> Sum:
    """Return y[o,p] = sum[c,k] x[p,c,k] * w[o,c,k], as many c as k, adjacent along c."""
    loops = [Loop(0, 5, COLUMNS), Loop(0, 3, ROWS), Loop(0, 32, REDUCTION), Loop(0, 32, REDUCTION)]
    x = filled(dtype, [Map(0, {i: 1}) for i in (1, 3, 2)], (3, 32, 32))
    w = filled(dtype, [Map(0, {i: 1}) for i in (0, 3, 2)], (5, 32, 32))
    y = filled(dtype, [Map(0, {0: 1}), Map(0, {1: 1})], (5, 3))
    return Sum(loops, [x], [w], y, 1.0, dtype)


def apart(
    sizes: tuple[int, int, int, int], step: int, batch: int, scale: float, dtype: str
) -> Sum:
    """Return y[n, o, step*p] = sum[c,k] x[n, c, p - k] * w[o,c,k], all that lies between NaN.

    Args:
        sizes: O, P, C, K
        step: from an entry of the output to the next
        batch: N
        scale: of the sum
        dtype: of all arrays

    """
    many, places, channels, taps = sizes
    roles = (ROWS, COLUMNS, ROWS, REDUCTION, REDUCTION)
    loops = [Loop(0, n, role) for n, role in zip((batch, *sizes), roles, strict=True)]
    x = filled(
        dtype, [Map(0, {0: 1}), Map(0, {3: 1}), Map(0, {2: 1, 4: -1})], (batch, channels, places)
    )
    w = filled(dtype, [Map(0, {i: 1}) for i in (1, 3, 4)], (many, channels, taps))
    y = filled(
        dtype,
        [Map(0, {0: 1}), Map(0, {1: 1}), Map(0, {2: step})],
        (batch, many, step * (places - 1) + 1),
    )
    assert y.values is not None
    y.values[..., np.arange(y.shape[2]) % step != 0] = np.nan
    return Sum(loops, [x], [w], y, scale, dtype)


def chosen() -> Iterator[tuple[str, Sum]]:
    """Yield sums, and their names, that drawing would seldom find."""
    for dtype in ("float32", "float64"):
        for a, b in itertools.product((1, -1), repeat=2):
            yield f"rows, slopes {a}, {b}, {dtype}", rows((5, 7, 385), (a, b), False, dtype)
        for wide, deep, swapped in itertools.product((3, 15), (17, 40), (False, True)):
            name = f"70000 rows, {wide}, {deep}, {swapped}, {dtype}"
            yield name, rows((70000, wide, deep), (1, 1), swapped, dtype)
        yield f"diagonal, {dtype}", diagonal(dtype)
        yield f"crossed, {dtype}", crossed(dtype)
        for sizes, stride, dilation, low in (
            ((4, 9, 40, 20, 9), 1, -1, -9),  # reversed, more taps than entries
            ((5, 50, 7, 1, 300), 7, 1 << 40, 2),  # one tap, its dilation beside the point
            ((5, 50, 7, 2, 300), 6, 1 << 40, 0),  # two taps, one of them far outside
            ((3, 33, 5, 2, 400), 12, 1, 3),  # gaps between the windows
            ((1, 70000, 1, 3, 70000), 1, 1, 1),  # more lanes than a block
            ((2, 3, 1, 70001, 70001), 1, 1, 1),  # more taps than a block
            ((2, 300, 2, 300, 9), 1, 1, 150),  # mostly padding
            ((48, 1001, 31, 5, 1003), 1, 1, 1),  # transposed in registers
            ((64, 333, 40, 3, 335), 1, 1, 0),  # the same, read where it lies
            ((33, 900, 600, 3, 900), 1, 2, 2),  # the same, its terms in two blocks
        ):
            s = correlation(sizes, stride, dilation, low, dtype)
            yield f"{sizes}, {stride}, {dilation}, {low}, {dtype}", s
        for step, places in itertools.product((2, 3, 4, 5), (2, 5, 9, 16, 17, 18, 33, 47, 66)):
            name = f"{step} apart, {places}, {dtype}"
            yield name, apart((3, places, 2, 2), step, 2, 1, dtype)
            yield f"{name}, many rows", apart((19, places, 3, 2), step, 2, -2, dtype)
            yield f"{name}, deep", apart((9, places, 200, 2), step, 1, 1, dtype)
        for side, many, (stride, dilation) in itertools.product(
            (3, 7, 14, 30), (1, 2, 3), ((1, 1), (1, -1), (2, 1), (1, 2))
        ):
            shape = (5, many, 9, side, 4, 3)
            yield f"{shape}, {stride}, {dilation}, {dtype}", images(shape, stride, dilation, dtype)
