"""Rounding errors of 3 x 3 layers: ``python -m benchmarks.accuracy``.

A float32 result, by the exact sum and by `accuracy="fast"`, against the same sum in float64. Errors
are relative to the root mean square of the result: theirs, and the worst of all outputs.
"""

from __future__ import annotations

import argparse

import numpy as np

from rot180.generated import cython_kernels

LAYERS = ((4, 16, 56), (8, 64, 56), (8, 128, 28), (8, 256, 14), (8, 512, 7))
"""The batch, the channels in and out, and the rows and columns of an image."""


def errors(batch: int, channels: int, size: int, accuracy: str, seed: int) -> tuple[float, float]:
    """Return the root mean square and the largest of a layer's errors, as parts of the result."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((batch, channels, size, size), "float32")
    w = rng.standard_normal((channels, channels, 3, 3), "float32")
    right = cython_kernels.conv2d(x.astype("float64"), w.astype("float64"), padding=1)
    off = abs(cython_kernels.conv2d(x, w, padding=1, accuracy=accuracy) - right)
    whole = np.sqrt((right**2).mean())
    return float(np.sqrt((off**2).mean()) / whole), float(off.max() / whole)


def main() -> None:
    """Print a line for each layer: the tile that "fast" uses, the errors of both sums."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__)
    parser.add_argument("--seeds", type=int, default=5, help="how many random layers of each size")
    seeds = range(parser.parse_args().seeds)
    print("| layer | tile | exact: rms | worst | fast: rms | worst |\n|---|---|---|---|---|---|")
    for batch, channels, size in LAYERS:
        form = cython_kernels.winograd_form(batch, channels, channels, (size, size))
        tile = ("4 x 4", "2 x 2", "none")[form]
        cells = [f"{batch} x {channels} x {size} x {size}", tile]
        for accuracy in ("exact", "fast"):
            every = [errors(batch, channels, size, accuracy, seed) for seed in seeds]
            cells += [f"{max(values):.1e}" for values in zip(*every, strict=True)]
        print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
