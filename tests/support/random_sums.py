"""Random sums: sizes about the edges of tiles, maps of every kind."""

from __future__ import annotations

import dataclasses
import math
import random
from collections.abc import Sequence

import numpy as np

from tests.support.sums import BATCH, COLUMNS, REDUCTION, ROWS, Array, Loop, Map, Operand, Sum, hide

TALL = tuple(range(1, 18))
EDGES = tuple(n + by for n in (4, 8, 16, 32, 48, 64, 96) for by in (-1, 0, 1))
WIDE = (1, 2, *EDGES, 100)
DEEP = (1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 33, 64, 65, 191, 192, 193, 383, 384, 385)
SLOPES = (1, 1, 1, 1, -1, 2, 3, -2, 5)


def split(rng: random.Random, size: int) -> list[int]:
    """Return extents of one to three loops with about that many positions."""
    out = [size]
    while len(out) < 3 and rng.random() < 0.35:
        part = rng.choice([n for n in (1, 2, 3, 5, 7) if n <= out[0]])
        out = [max(1, out[0] // part), part, *out[1:]]
        if rng.random() < 0.3:
            rng.shuffle(out)
    return out


def laid_out(rng: random.Random, shape: Sequence[int], broadcast: bool) -> tuple[int, ...]:
    """Return strides: some order of the axes, some reversed, with gaps, or broadcast."""
    order = list(range(len(shape)))
    if rng.random() < 0.4:
        rng.shuffle(order)
    strides, step = [0] * len(shape), 1 if rng.random() < 0.85 else rng.choice((2, 3))
    for axis in reversed(order):
        strides[axis] = step * rng.choice((1, 1, 1, 1, -1))
        step *= max(1, shape[axis])
        if rng.random() < 0.1:
            step += rng.randint(1, 5)
        if broadcast and rng.random() < 0.08:
            strides[axis] = 0
    return tuple(strides)


def numbers(rng: random.Random, shape: Sequence[int], strides: Sequence[int]) -> Array:
    """Return small integers, the same along broadcast axes."""
    drawn = np.random.default_rng(rng.getrandbits(32))
    kept = [n if s else min(n, 1) for n, s in zip(shape, strides, strict=True)]
    return np.broadcast_to(drawn.integers(-2, 3, kept).astype(float), shape)


def factor(rng: random.Random, loops: list[Loop], usable: list[int], box: bool) -> Operand:
    """Draw a factor over some loops: which share an axis, what leaves the box."""
    at = [i for i in usable if rng.random() < 0.9]
    axes: list[list[int]] = []
    for i in at:
        if axes and rng.random() < 0.35 and len(axes[-1]) < 3:
            axes[rng.randrange(len(axes))].append(i)
        else:
            axes.append([i])
    if box:
        axes = [sorted({i for axis in axes for i in axis})]
    elif rng.random() < 0.2:
        rng.shuffle(axes)
    checked = rng.random() < 0.5
    maps, shape = [], []
    for axis in axes:
        slopes = {i: rng.choice(SLOPES) for i in axis}
        ends = [sorted((b * loops[i].first, b * (loops[i].stop - 1))) for i, b in slopes.items()]
        low, high = sum(e[0] for e in ends), sum(e[1] for e in ends)
        span = min(high - low + 1, 400)
        off, more = (rng.randint(-4, 4), rng.randint(-4, 4)) if checked else (0, rng.randint(0, 2))
        if checked and rng.random() < 0.05:
            off = rng.choice((-1, 1)) * rng.randint(span, 2 * span)
        maps.append(Map(off - low, slopes))
        size = (span if checked else high - low + 1) + more
        shape.append(max(0 if rng.random() < 0.1 else 1, size))
    if box:
        return Operand(maps, tuple(shape))
    strides = laid_out(rng, shape, True)
    return Operand(maps, tuple(shape), strides, numbers(rng, shape, strides))


def output(rng: random.Random, loops: list[Loop]) -> Operand:
    """Draw an output: an axis a loop, none of which leaves the box."""
    maps, shape = [], []
    for i, loop in enumerate(loops):
        if loop.role != REDUCTION:
            slope = rng.choice((1, 1, 1, 1, 2, 3, 4, 5, -1))
            ends = sorted((slope * loop.first, slope * (loop.stop - 1)))
            off = rng.choice((0, 0, 0, 1))
            maps.append(Map(off - ends[0], {i: slope}))
            shape.append(ends[1] - ends[0] + 1 + off + rng.choice((0, 0, 0, 2)))
    if rng.random() < 0.3:
        both = list(zip(maps, shape, strict=True))
        rng.shuffle(both)
        maps, shape = [m for m, _ in both], [n for _, n in both]
    strides = laid_out(rng, shape, False)
    return Operand(maps, tuple(shape), strides, numbers(rng, shape, strides))


def fits(s: Sum) -> bool:
    """Say whether a sum is small enough for a test."""
    sizes = [math.prod(o.shape) for o in (*s.factors, s.out) if o.strides is not None]
    work = math.prod(loop.extent for loop in s.loops)
    grids = (
        math.prod(s.loops[i].extent for i in {i for m in o.maps for i in m.slopes})
        for o in s.factors
    )
    return work <= 3_000_000 and max(sizes) <= 200_000 and max(grids) <= 200_000


def draw(seed: int) -> Sum:
    """Draw a sum: sizes about the edges of tiles, maps of every kind."""
    rng = random.Random(seed)
    while True:
        loops: list[Loop] = []
        kind = rng.choice(("small", "product", "product", "product", "dot"))
        tall, wide, deep = rng.choice(TALL), rng.choice(WIDE), rng.choice(DEEP)
        if kind == "small":
            tall, wide, deep = (rng.randint(1, 6) for _ in range(3))
        if kind == "dot":
            tall, wide, deep = rng.randint(1, 9), rng.randint(1, 17), rng.choice(DEEP[5:])
        if rng.random() < 0.5:
            tall, wide = wide, tall
        sizes = [(ROWS, tall), (COLUMNS, wide), (REDUCTION, deep)]
        if rng.random() < 0.3:
            sizes.append((BATCH, rng.randint(1, 3)))
        for role, size in sizes:
            for extent in split(rng, size):
                first = rng.choice((0, 0, 0, -3, 2))
                loops.append(Loop(first, first + extent, role))
        if rng.random() < 0.02:
            loops.append(Loop(1, 1, REDUCTION))
        if rng.random() < 0.4:
            rng.shuffle(loops)
        sides = [
            [i for i, loop in enumerate(loops) if loop.role in (BATCH, own, REDUCTION)]
            for own in (ROWS, COLUMNS)
        ]
        counts = rng.choice(((1, 1), (1, 1), (1, 1), (1, 1), (2, 1), (1, 2), (3, 2), (1, 0)))
        if counts[1] == 0:
            loops = [Loop(x.first, x.stop, ROWS if x.role == COLUMNS else x.role) for x in loops]
            sides[0] = list(range(len(loops)))
        left, right = (
            [factor(rng, loops, side, n > 0 and rng.random() < 0.6) for n in range(count)]
            for side, count in zip(sides, counts, strict=True)
        )
        if rng.random() < 0.05:
            left[0] = factor(rng, loops, sides[0], True)
        scale = rng.choice((1, 1, 1, -1, 2, -3))
        s = Sum(loops, left, right, output(rng, loops), scale, rng.choice(("float32", "float64")))
        if fits(s):
            hide(s)
            return s


def with_some_not_finite(s: Sum, seed: int) -> Sum:
    """Return a sum some of whose entries are infinite or NaN, read or not; of the output, too."""
    rng = np.random.default_rng(seed)

    def changed(o: Operand) -> Operand:
        if o.values is None or not o.values.size or o.strides is None or 0 in o.strides:
            return o
        values = np.array(o.values)
        for _ in range(rng.integers(0, 4)):
            entry = tuple(rng.integers(0, n) for n in values.shape)
            values[entry] = rng.choice([np.nan, np.inf, -np.inf])
        return dataclasses.replace(o, values=values)

    left, right = ([changed(o) for o in side] for side in (s.left, s.right))
    return dataclasses.replace(s, left=left, right=right, out=changed(s.out))
