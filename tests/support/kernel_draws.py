"""Random sums of every kind that an algorithm of the C code is for."""

from __future__ import annotations

import random

from tests.support import random_sums
from tests.support.chosen_sums import images, product
from tests.support.sums import Sum

ALONG_K = 2
"""A layout of a matrix product in which both matrices are contiguous along the sum."""


def draw(seed: int) -> Sum:
    """Draw a sum: of any kind, or windows that slide over images, or short sides and long lines."""
    rng = random.Random(f"kernel {seed}")
    kind, dtype = rng.choice(("any", "windows", "lines")), rng.choice(("float32", "float64"))
    if kind == "any":
        return random_sums.draw(seed)
    if kind == "lines":
        sizes = rng.randint(1, 15), rng.randint(1, 40), rng.choice(random_sums.DEEP[5:])
        return product(sizes, ALONG_K, dtype)
    wide = rng.choice((*range(1, 20), 31, 32, 33, 47, 48, 49, 64, 65))
    taps = rng.randint(1, 4), rng.randint(1, 4)
    shape = rng.randint(1, 3), rng.randint(1, 4), rng.randint(1, 17), wide, *taps
    return images(shape, rng.choice((1, 1, 1, 2, 3)), rng.choice((1, 1, -1, 2)), dtype)
