"""Seconds of `rot180.codegen.compile`, cold and kept: ``python -m benchmarks.compile_cache``.

Each call is made in a process of its own, after the imports. The times are those of the clock and
of the processor, the compiler's included; on a busy machine only the latter mean anything.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator

from rot180.codegen.system.cache import VARIABLE

CALL = """
import resource, sys, time
import numpy
import rot180.codegen.kernels.compile
from rot180.codegen import compile

def spent():
    whose = resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN
    used = [resource.getrusage(who) for who in whose]
    return time.perf_counter(), sum(u.ru_utime + u.ru_stime for u in used)

for _ in range(2):
    before = spent()
    compile(sys.argv[1], "compiled")
    print(*(b - a for a, b in zip(before, spent())))
"""

LINEAR = "y[n,o] = sum[i] x[n,i] * w[o,i] + b[o]"
LAYERS = {
    "linear": LINEAR,
    "conv2d": "conv2d",
    "softmax attention": "z[n,i,j] = sum[d] q[n,i,d]*k[n,j,d]*c; m[n,i] = max[j] z[n,i,j]; "
    "e[n,i,j] = exp(z[n,i,j]-m[n,i]); y[n,i,f] = sum[j] e[n,i,j]*v[n,j,f] / sum[j] e[n,i,j]",
}


def timed(text: str, folder: str) -> Iterator[tuple[float, float]]:
    """Yield the seconds, of the clock and of the processor, of two calls in a new process."""
    given = {**os.environ, VARIABLE: folder}
    done = subprocess.run(
        [sys.executable, "-c", CALL, text], env=given, check=True, stdout=subprocess.PIPE, text=True
    )
    for line in done.stdout.splitlines():
        clock, processor = map(float, line.split())
        yield clock, processor


def rows(text: str) -> Iterator[tuple[str, float, float]]:
    """Yield what was called for a layer, and the seconds that it took."""
    with tempfile.TemporaryDirectory() as folder:
        (first, _), (later, again) = timed(text, folder), timed(text, folder)
        yield "first layer of this machine", *first
        yield "later process", *later
        yield "same process", *again
    with tempfile.TemporaryDirectory() as folder:
        list(timed("y[i] = x[i]", folder))
        yield "new layer", *next(timed(text, folder))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compile_cache", description=__doc__)
    parser.add_argument("--layer", metavar="TEXT", help="time this layer instead of the table's")
    given = parser.parse_args().layer
    print("| layer | call | clock, s | processor, s |\n|---|---|---:|---:|")
    for name, text in {"the layer": given}.items() if given else LAYERS.items():
        for what, clock, processor in rows(text):
            print(f"| {name} | {what} | {clock:.4f} | {processor:.4f} |")


if __name__ == "__main__":
    main()
