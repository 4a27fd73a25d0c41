"""Parts of loops: what a sum copies or computes at a time."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rot180.codegen.kernels.runtime.numpy.checks import Array
from rot180.codegen.kernels.runtime.numpy.products import Words
from rot180.codegen.kernels.runtime.numpy.views import BLOCK, Windows

LONGEST = 2**35  # products that are computed at a time: no signal ends a call of NumPy


def part_of(operand: Array | Windows, words: Words, block: Mapping[str, slice]) -> Array:
    """Return a part of an operand, where some words have a part of their values."""
    if block.keys().isdisjoint(words):
        return operand.read() if isinstance(operand, Windows) else operand
    if isinstance(operand, Windows):
        whole, array = operand.whole, part_of(operand.array, words[: operand.whole], block)
        pairs = zip(words[whole:], operand.ranges, strict=True)
        ranges = [loop[block[w]] if w in block else loop for w, loop in pairs]
        return Windows(array, whole, operand.index, ranges).read()
    places: Any = (*[block.get(w, slice(None)) for w in words], ...)
    part: Array = operand[places]
    return part


def extents_of(inputs: Sequence[Words], operands: Sequence[Array | Windows]) -> dict[str, int]:
    """Return the number of values of each word."""
    return {
        w: n
        for words, operand in zip(inputs, operands, strict=True)
        for w, n in zip(words, operand.shape, strict=True)
    }


def blocks(
    words: Sequence[str], extents: Mapping[str, int], most: int, each: int = 1
) -> Iterator[dict[str, slice]]:
    """Yield parts of loops, `each` entries for each value; in all, at most `most` at a time."""
    volume = each * math.prod([extents[w] for w in words])
    word = next((w for w in words if extents[w] > 1), "")
    if volume <= most or not word:
        yield {}
        return
    n = extents[word]
    step = max(1, most * n // volume)
    for start in range(0, n, step):
        part = slice(start, min(start + step, n))
        for rest in blocks(words, {**extents, word: part.stop - start}, most, each):
            yield {word: part, **rest}


def product_blocks(
    inputs: Sequence[Words], output: Words, out: Array, operands: Sequence[Array | Windows]
) -> Iterator[dict[str, slice]]:
    """Yield parts of the loops: `BLOCK` entries of an operand are copied, or of the output made."""
    extents = dict(zip(output, out.shape, strict=True)) | extents_of(inputs, operands)
    volume = {words: math.prod([extents[w] for w in words]) for words in (*inputs, output)}
    pairs = zip(inputs, operands, strict=True)
    copied = [words for words, operand in pairs if not _is_matrix(operand, words, output)]
    wide = max(copied, key=lambda words: volume[words], default=())
    # each block of a loop reads again what does not depend on it: where that is cheap comes first
    others = {w: sum([n for words, n in volume.items() if w not in words]) for w in extents}
    if volume.get(wide, 0) > BLOCK:
        cheap = volume[wide] // 16
        yield from blocks(sorted(wide, key=lambda w: others[w] > cheap), extents, BLOCK)
        return
    if math.prod(extents.values()) > LONGEST:
        long = sorted(extents, key=lambda w: (w in output, extents[w]), reverse=True)
        yield from blocks(long, extents, LONGEST)
        return
    first = [w for w in output if extents[w] > 1][:1]
    each = volume[output] // math.prod([extents[w] for w in first])
    cheap = volume[output] // 16
    yield from blocks([w for w in first if others[w] <= cheap], extents, BLOCK, each)


def _is_matrix(operand: Array | Windows, words: Words, output: Words) -> bool:
    """Say whether an operand is a matrix in place: read once, its summed loops side by side."""
    array = operand.array if isinstance(operand, Windows) else operand
    if math.prod(operand.shape) > array.size:
        return False
    summed = [w not in output for w, n in zip(words, operand.shape, strict=True) if n > 1]
    changes = sum([a != b for a, b in itertools.pairwise(summed)])
    return changes <= 1 + (not any(summed[:1]))
