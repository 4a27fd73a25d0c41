"""Sums of products of arrays, and of arrays read at an index.

A product is written as for `numpy.einsum`, with words: ``"p k, o k -> o p"``. Large windows are
read block by block.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np

from rot180.codegen.kernels.runtime.numpy.blocks import blocks, extents_of, part_of, product_blocks
from rot180.codegen.kernels.runtime.numpy.checks import Array
from rot180.codegen.kernels.runtime.numpy.not_finite import may_spread, of_terms
from rot180.codegen.kernels.runtime.numpy.products import Words, contract, scaled
from rot180.codegen.kernels.runtime.numpy.views import BLOCK, Windows, at, span

LONG = 2**15  # entries from which on windows may cost more than a few calls for each tap

Shift: TypeAlias = tuple[slice, slice, slice, int]
Slide: TypeAlias = tuple[int, int, int, int, int, int]


@lru_cache(maxsize=256)
def _words(subscripts: str) -> tuple[tuple[Words, ...], Words]:
    """Return the words of each operand and of the output."""
    operands, output = subscripts.split("->")
    return tuple([tuple(words.split()) for words in operands.split(",")]), tuple(output.split())


def add_product(
    out: Array, subscripts: str, *operands: Array | Windows, scale: float = 1, over: int = 1
) -> None:
    """Add ``scale/over`` times a sum of products to an array; large windows block by block.

    Args:
        out: what is added to, an axis for each word of the output.
        subscripts: the words of each operand and of the output, as in `numpy.einsum`; a word that
            no operand has stands for an axis along which the sum is the same.
        operands: arrays, or arrays read at an index.
        scale: a number.
        over: an integer.

    Raises:
        TypeError: the dtype is one of integers, and `over` is not 1.

    """
    inputs, output = _words(subscripts)
    volumes = [math.prod(operand.shape) for operand in operands]
    if not out.size or 0 in volumes:
        return None
    if not may_spread(operands, inputs, output):
        return _add(out, inputs, output, operands, scale, over)

    def total(parts: Sequence[Array | Windows], dtype: Any) -> Array:
        found = np.zeros(out.shape, dtype)
        _add(found, inputs, output, parts)
        return found

    out += scaled(of_terms(operands, out.dtype, total), scale, over)
    return None


def _add(
    out: Array,
    inputs: Sequence[Words],
    output: Words,
    operands: Sequence[Array | Windows],
    scale: float = 1,
    over: int = 1,
) -> None:
    """Add a sum of products, block by block."""
    small = max([out.size, *[math.prod(operand.shape) for operand in operands]]) <= BLOCK
    for block in [{}] if small else product_blocks(inputs[: len(operands)], output, out, operands):
        parts = [part_of(x, words, block) for x, words in zip(operands, inputs, strict=False)]
        into = part_of(out, output, block)
        into += scaled(contract(parts, inputs, output, out.dtype), scale, over)


def add_spread(
    out: Array, subscripts: str, far: Windows, near: Array, scale: float = 1, over: int = 1
) -> None:
    """Do as `add_product`: multiply the array for all taps at once; shift and add the products.

    An index of `far` has one loop, or two: one in the output, and a tap.
    """
    inputs, output = _words(subscripts)
    if math.prod(far.shape) < LONG or may_spread((far, near), inputs, output):
        return add_product(out, subscripts, far, near, scale=scale, over=over)
    moved, fixed = inputs
    slides = _slides(far, moved, output, True)
    pairs = tuple([(i, j) for i, j, *_ in slides])
    plain, spread, steps, to_front, taps_to_front = _spread_words(moved, output, far.whole, pairs)
    places = [plain.index(w) - far.whole if w in plain else -1 for w in moved[far.whole :]]
    index = [(c, [(places[i], a) for i, a in terms]) for c, terms in far.index]
    ranges = [loop for loop, place in zip(far.ranges, places, strict=True) if place >= 0]
    for i, _, axis, *_ in slides:
        index[axis] = 0, [(places[i], 1)]
        ranges[places[i]] = range(far.array.shape[far.whole + axis])
    whole = Windows(far.array, far.whole, index, ranges)
    extents = extents_of([fixed, plain], [near, whole])
    each = math.prod([extents[w] for w in steps])
    total = out if out.strides[-1:] == (out.itemsize,) else np.zeros(out.shape, out.dtype)
    for block in blocks([w for w in spread if w not in steps], extents, BLOCK, each):
        parts = [part_of(whole, plain, block), part_of(near, fixed, block)]
        products = scaled(contract(parts, (plain, fixed), spread, out.dtype), scale, over)
        products = products.transpose(taps_to_front)
        sums = part_of(total, output, block).transpose(to_front)
        for shifts in itertools.product(*_shifts(far, slides, moved, block)):
            _, to, read, n = zip(*shifts, strict=True)
            into = sums[to]
            into += products[n + read]
    if total is not out:
        out += total
    return None


@lru_cache(maxsize=256)
def _spread_words(
    moved: Words, output: Words, whole: int, pairs: tuple[tuple[int, int], ...]
) -> tuple[Words, Words, Words, list[int], list[int]]:
    """Return the words of the array, of its products and of the steps, and orders of axes.

    In these orders the steps come first, and the taps before them.
    """
    inside = moved[whole:]
    steps, taps = tuple([inside[i] for i, _ in pairs]), tuple([inside[j] for _, j in pairs])
    plain = tuple([w for w in moved if w not in taps])
    first = min([output.index(w) for w in steps])
    spread = (*output[:first], *[w for w in moved if w in taps], *output[first:])
    order = (*steps, *[w for w in output if w not in steps])
    to_front = [output.index(w) for w in order]
    return plain, spread, steps, to_front, [spread.index(w) for w in (*taps, *order)]


def add_taps(
    out: Array, subscripts: str, far: Windows, near: Array, scale: float = 1, over: int = 1
) -> None:
    """Do as `add_product`: multiply in place, for one tap after the other.

    An index of `far` has one loop, or two: a tap, which is in the output, and one that is not.
    """
    (moved, fixed), output = _words(subscripts)
    if math.prod(far.shape) < LONG:
        return add_product(out, subscripts, far, near, scale=scale, over=over)
    slides = _slides(far, moved, output, False)
    taps = math.prod([len(far.ranges[j]) for _, j, *_ in slides])
    if math.prod(far.shape) < LONG * taps:
        return add_product(out, subscripts, far, near, scale=scale, over=over)
    letters = {w: i for i, w in enumerate(dict.fromkeys((*moved, *fixed)))}
    for shifts in itertools.product(*_shifts(far, slides, moved, {})):
        block: dict[str, slice] = {}
        for (i, j, *_), (tap, to, _, _) in zip(slides, shifts, strict=True):
            block[moved[far.whole + i]], block[moved[far.whole + j]] = to, tap
        parts = [part_of(far, moved, block), part_of(near, fixed, block)]
        places = [[letters[w] for w in words] for words in (moved, fixed, output)]
        value = np.einsum(parts[0], places[0], parts[1], places[1], places[2])
        into = part_of(out, output, block)
        into += scaled(np.asarray(value), scale, over)
    return None


def _slides(far: Windows, words: Words, output: Words, kept: bool) -> list[Slide]:
    """Return of each index of two loops the loop that is kept, the tap, the axis, and its terms."""
    found = []
    for axis, (constant, terms) in enumerate(far.index):
        if len(terms) == 2:
            swapped = (words[far.whole + terms[0][0]] in output) != kept
            (i, a), (j, b) = terms[::-1] if swapped else terms
            found.append((i, j, axis, constant, a, b))
    return found


def _shifts(
    far: Windows, slides: Sequence[Slide], words: Words, block: Mapping[str, slice]
) -> list[list[Shift]]:
    """Return for each sliding axis its taps in a block."""
    found = []
    for i, j, axis, constant, a, b in slides:
        taps = range(len(far.ranges[j]))[block.get(words[far.whole + j], slice(None))]
        size = far.array.shape[far.whole + axis]
        found.append(_axis_shifts(constant, a, far.ranges[i], b, far.ranges[j], taps, size))
    return found


@lru_cache(maxsize=1024)
def _axis_shifts(
    constant: int, a: int, loop: range, b: int, tap: range, taps: range, size: int
) -> list[Shift]:
    """Return of each tap its place, the part of the loop that is inside, where it is, a number."""
    found = []
    for n in taps:
        shift = constant + b * tap[n]
        inside = span((a, shift, size), (1, -loop.start, len(loop)))
        if inside:
            read = at(a * inside + shift)
            found.append((slice(n, n + 1), at(inside - loop.start), read, n - taps.start))
    return found
