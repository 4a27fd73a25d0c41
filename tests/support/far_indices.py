"""Sums and bounds with indices of up to 62 bits: nothing is allocated."""

from __future__ import annotations

import ctypes
import itertools
import math
import random

import numpy as np

from tests.support.c_library import DONE, TOO_FAR, Nest, isas, nest_of
from tests.support.sums import COLUMNS, REDUCTION, ROWS, Loop, Map, Operand, Sum


def far_number(rng: random.Random, bits: int = 62) -> int:
    """Draw an integer below 2**bits, often next to a power of two."""
    if rng.random() < 0.4:
        return rng.randint(-4, 4)
    near = (1 << rng.randint(0, bits)) + rng.randint(-3, 3)
    return rng.choice((-1, 1)) * min(near, (1 << bits) - 1)


def far_factor(rng: random.Random, count: int) -> Operand:
    """Draw a box, or a broadcast number, with an index map that may reach far."""
    bits = rng.choice((33, 40, 50, 62))
    maps, shape = [], []
    for _ in range(rng.randint(1, 2)):
        slopes = {i: far_number(rng, bits) for i in range(count) if rng.random() < 0.6}
        maps.append(Map(far_number(rng, bits), slopes))
        shape.append(abs(far_number(rng, bits)))
    strides = None if rng.random() < 0.5 else (0,) * len(shape)
    return Operand(maps, tuple(shape), strides)


def check_far(lib: ctypes.CDLL, seed: int) -> int:
    """Run a sum of few terms whose indices are huge; return what C said.

    Raises:
        AssertionError: C gave another number than Python's integers, or refused small indices

    """
    rng = random.Random(seed)
    loops: list[Loop] = []
    for role in rng.sample((ROWS, COLUMNS, REDUCTION, REDUCTION), rng.randint(1, 4)):
        first = far_number(rng, 50) if rng.random() < 0.3 else rng.randint(-2, 2)
        most = rng.choice((3, 3, 20, 200)) if len(loops) < 2 else 3
        loops.append(Loop(first, first + rng.randint(0, most), role))
    factors = [far_factor(rng, len(loops)) for _ in range(rng.randint(1, 3))]
    left = rng.randint(0, len(factors))
    for n, f in enumerate(factors):
        unseen = COLUMNS if n < left else ROWS
        for m in f.maps:
            for i, loop in enumerate(loops):
                if loop.role == unseen:
                    m.slopes.pop(i, None)
    written = [i for i, loop in enumerate(loops) if loop.role != REDUCTION]
    shape = tuple(max(1, loops[i].extent) for i in written)
    maps = [Map(-loops[i].first, {i: 1}) for i in written]
    steps = tuple(math.prod(shape[a + 1 :]) for a in range(len(shape)))
    out = Operand(maps, shape, steps, np.zeros(shape))
    s = Sum(loops, factors[:left], factors[left:], out)
    number, result = np.full(1, 2.0), np.zeros(shape)
    data = [None if f.strides is None else int(number.ctypes.data) for f in factors]
    nest, keep = nest_of(s, data, int(result.ctypes.data))
    said = int(lib.contract(ctypes.byref(nest), rng.choice(isas(lib))))
    del keep
    most = max(
        abs(m.constant)
        + sum(abs(b) * (abs(loops[i].first) + loops[i].extent) for i, b in m.slopes.items())
        for f in factors
        for m in f.maps
    )
    wanted = np.zeros(shape)
    for at in itertools.product(*(range(loop.first, loop.stop) for loop in loops)):
        term = 1.0
        for f in factors:
            for m, n in zip(f.maps, f.shape, strict=True):
                if not 0 <= m.constant + sum(b * at[i] for i, b in m.slopes.items()) < n:
                    term = 0.0
            term *= 2.0 if f.strides is not None else 1.0
        wanted[tuple(at[i] - loops[i].first for i in written)] += term
    if said == DONE:
        assert (result == wanted).all(), f"far seed {seed}: found {result}, expected {wanted}"
    else:
        assert said == TOO_FAR and most >= 1 << 61, f"far seed {seed}: said {said}, reach {most}"
    return said


def check_bound(lib: ctypes.CDLL, seed: int) -> int:
    """Bound a loop by far numbers; return what C said.

    Raises:
        AssertionError: the loop leaves out a value that it must keep, or keeps one it need not

    """
    rng = random.Random(seed)
    nest = Nest()
    nest.loops = rng.randint(1, 3)
    last = nest.loops - 1
    constant, size = far_number(rng, 61), abs(far_number(rng, 61))
    low = high = constant
    reach = abs(constant) + size
    empty = False
    for i in range(last):
        by, first = far_number(rng, 40), far_number(rng, 40)
        stop = first + rng.choice((0, 1, 3, 1 << 20))
        nest.first[i], nest.stop[i], nest.slope[i] = first, stop, by
        reach += abs(by) * (abs(first) + abs(stop))
        if by:
            empty |= first >= stop
            low += min(by * first, by * (stop - 1))
            high += max(by * first, by * (stop - 1))
    slope = far_number(rng, 61)
    nest.first[last], nest.stop[last], nest.slope[last] = -(1 << 60), 1 << 60, slope
    nest.constant = constant
    said = int(lib.bound(ctypes.byref(nest), last, size))
    first, stop = int(nest.first[last]), int(nest.stop[last])
    if said and not empty:
        # Kept: slope*v meets [-high, size - low) for the farthest values of the other loops.
        if slope == 0:
            kept = range(-(1 << 60), 1 << 60) if high >= 0 and low < size else range(0)
        elif slope > 0:
            kept = range(-(high // slope), (size - 1 - low) // slope + 1)
        else:
            kept = range(-((size - 1 - low) // -slope), high // -slope + 1)
        kept = range(max(kept.start, -(1 << 60)), min(kept.stop, 1 << 60))
        same = kept == range(first, stop) if kept else first >= stop
        assert same, f"bound seed {seed}: found {first}..{stop}, expected {kept}"
    elif not said:
        assert reach >= 1 << 59, f"bound seed {seed}: refused, reach {reach}"
    else:
        assert first >= stop, f"bound seed {seed}: found {first}..{stop}, expected no values"
    return said
