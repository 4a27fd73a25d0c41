"""Rounding errors of layers of stride 1: ``python -m benchmarks.accuracy``.

A float32 result, by the exact sum and by `accuracy="fast"`, against the same sum in float64. Errors
are relative to the root mean square of the result: theirs, and the worst of all outputs.
"""

from __future__ import annotations

import argparse

import numpy as np

from rot180.codegen.kernels.winograd_cost import FORMS
from rot180.generated import cython_kernels

LAYERS = (
    (4, 16, (56, 56), (3, 3)),
    (8, 64, (56, 56), (3, 3)),
    (8, 128, (28, 28), (3, 3)),
    (8, 256, (14, 14), (3, 3)),
    (8, 512, (7, 7), (3, 3)),
    (2, 64, (56, 56), (5, 5)),
    (2, 64, (56, 56), (7, 7)),
    (1, 64, (56, 56), (11, 11)),
    (2, 64, (4096,), (9,)),
    (1, 64, (4096,), (128,)),
)
"""The batch, the channels in and out, the sizes of an image or line, and the taps."""


Sizes = tuple[int, ...]


def errors(
    batch: int, channels: int, size: Sizes, taps: Sizes, accuracy: str, seed: int
) -> tuple[float, float]:
    """Return the root mean square and the largest of a layer's errors, as parts of the result."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((batch, channels, *size), "float32")
    w = rng.standard_normal((channels, channels, *taps), "float32")
    conv = (cython_kernels.conv1d, cython_kernels.conv2d)[len(size) - 1]
    right = conv(x.astype("float64"), w.astype("float64"), padding=taps[0] // 2)
    off = abs(conv(x, w, padding=taps[0] // 2, accuracy=accuracy) - right)
    whole = np.sqrt((right**2).mean())
    return float(np.sqrt((off**2).mean()) / whole), float(off.max() / whole)


def main() -> None:
    """Print a line for each layer: the tile that "fast" uses, the errors of both sums."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__)
    parser.add_argument("--seeds", type=int, default=5, help="how many random layers of each size")
    seeds = range(parser.parse_args().seeds)
    print("| layer | taps | form | exact: rms | worst | fast: rms | worst |")
    print("|---|---|---|---|---|---|---|")
    for batch, channels, size, taps in LAYERS:
        number = cython_kernels.winograd_form(batch, channels, channels, size, taps)
        form = FORMS[number] if number >= 0 else None
        used = f"F({form.outputs}, {form.taps})" if form else "none"
        cells = [" x ".join(map(str, (batch, channels, *size))), " x ".join(map(str, taps)), used]
        for accuracy in ("exact", "fast"):
            every = [errors(batch, channels, size, taps, accuracy, seed) for seed in seeds]
            cells += [f"{max(values):.1e}" for values in zip(*every, strict=True)]
        print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
