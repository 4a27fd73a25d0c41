"""A 3-D convolution and its gradients from store to store, under a limit of memory.

    python -m benchmarks.out_of_core [--limit-mib 700] [--times 4]

The input has `--times` the size of the limit. It, the gradient of the output and the results lie in
Zarr stores of a temporary folder, which needs five times as much; the limit is on the address space
of each process that computes. Beside it, `map_overlap` is written by hand, with a depth of 1, which
is right, and of 0. Entries are -1, 0 and 1, so that every sum is exact in float32. Blocks of the
output and of the input gradient at random places, and random entries of the weight gradient, are
compared with what is computed from the definition, in integers.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

CHANNELS, TAPS, CHUNK, DEPTH = 2, 3, 96, 3 * 96
MIB = 1 << 20


def filled(path: Path, shape: tuple[int, ...], seed: int) -> None:
    """Write a store of random entries -1, 0 and 1, chunk by chunk."""
    import numpy as np
    import zarr

    chunks = (1, shape[1], CHUNK, CHUNK, CHUNK)
    kept = zarr.create_array(path, shape=shape, chunks=chunks, dtype="f4", compressors=None)
    rng = np.random.default_rng(seed)
    for first in range(0, shape[2], CHUNK):
        part = rng.integers(-1, 2, (*shape[:2], min(CHUNK, shape[2] - first), *shape[3:]), "i1")
        kept[:, :, first : first + CHUNK] = part.astype("f4")


JOBS = "y", "dx", "dw", "overlap_1", "overlap_0"
"""The output, the gradients, and what people write: `map_overlap` with a depth that they guess."""


def compute(folder: Path, job: str) -> None:
    """Compute one of the jobs from store to store; print seconds and the peak of memory in MiB."""
    import dask
    import dask.array as da
    import numpy as np
    import zarr

    import rot180.generated as kernels
    from rot180.generated import dask as layers

    w = np.load(folder / "w.npy")
    x, g = (cast("Any", zarr.open_array(folder / name, mode="r")) for name in "xg")
    how: dict[str, Any] = {"padding": 1}

    def by_hand(depth: int) -> Any:
        kernel = kernels.conv3d
        rest = {"padding": 1 - depth, "bias": None}
        halo, source = (0, 0, depth, depth, depth), da.from_zarr(str(folder / "x"))
        return source.map_overlap(
            kernel, depth=halo, boundary=0, trim=False, weight=w, meta=np.empty(0, "f4"), **rest
        )

    lazy: dict[str, Callable[[], Any]] = {
        "y": lambda: layers.conv3d(x, w, **how),
        "dx": lambda: layers.conv3d_input(x.shape, w, g, **how),
        "dw": lambda: layers.conv3d_weight(x, w.shape, g, **how),
        "overlap_1": lambda: by_hand(1),
        "overlap_0": lambda: by_hand(0),
    }
    with dask.config.set(scheduler="threads", num_workers=2):
        started = time.perf_counter()
        result = lazy[job]()
        if job == "dw":
            np.save(folder / "dw.npy", result.compute())
        else:
            kept = zarr.create_array(
                folder / job,
                shape=result.shape,
                chunks=(1, CHANNELS, CHUNK, CHUNK, CHUNK),
                dtype="f4",
                compressors=None,
            )
            da.store(result, kept, lock=False)  # chunks of both are the same
    seconds = time.perf_counter() - started
    print(f"{seconds:.1f} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}")


def around(store: Any, at: tuple[int, ...], size: int) -> Any:
    """Return the entries of a store from `at` - 1 on, with zeros outside it, as integers."""
    import numpy as np

    out = np.zeros((store.shape[1], size + 2, size + 2, size + 2), "i8")
    ends = [(max(a - 1, 0), min(a + size + 1, n)) for a, n in zip(at, store.shape[2:], strict=True)]
    inside = tuple(slice(a, b) for a, b in ends)
    here = tuple(slice(a - p + 1, b - p + 1) for (a, b), p in zip(ends, at, strict=True))
    out[(slice(None), *here)] = store[(0, slice(None), *inside)]
    return out


def differences(folder: Path, count: int, output: str = "y") -> Iterator[str]:
    """Yield where results differ from the definition, at random places.

    Args:
        folder: the stores.
        count: the number of places.
        output: the store with the output.

    """
    import numpy as np
    import zarr

    names = ("x", "g", output, "dx")
    x, g, y, dx = cast("Any", [zarr.open_array(folder / n, mode="r") for n in names])
    w, dw = (np.load(folder / f"{n}.npy").astype("i8") for n in ("w", "dw"))
    rng, size = np.random.default_rng(1), 8
    taps = [(a, b, c) for a in range(TAPS) for b in range(TAPS) for c in range(TAPS)]
    for _ in range(count):
        at = tuple(int(rng.integers(0, n - size + 1)) for n in x.shape[2:])
        part = tuple(slice(a, a + size) for a in at)
        for name, source, kept in (("y", x, y), ("dx", g, dx)):
            read = around(source, at, size)
            exact = np.zeros((CHANNELS, size, size, size), "i8")
            for a, b, c in taps:
                moved = read[:, a : a + size, b : b + size, c : c + size]
                if name == "y":
                    exact += np.einsum("oc,cijk->oijk", w[:, :, a, b, c], moved)
                else:
                    rotated = w[:, :, TAPS - 1 - a, TAPS - 1 - b, TAPS - 1 - c]
                    exact += np.einsum("oc,oijk->cijk", rotated, moved)
            if not np.array_equal(exact, kept[(0, slice(None), *part)]):
                yield f"{output if name == 'y' else name} at {at}"
    for _ in range(3):
        o, c = (int(n) for n in rng.integers(0, CHANNELS, 2))
        a, b, e = taps[int(rng.integers(len(taps)))]
        total, (_, _, depth, height, width) = 0, x.shape
        for p in range(0, depth, CHUNK):
            q = min(p + CHUNK, depth)
            low, high = max(p + a - 1, 0), min(q + a - 1, depth)
            sides = ((b, height), (e, width))
            up, left = (slice(max(n - 1, 0), min(s + n - 1, s)) for n, s in sides)
            gu, gl = (slice(max(1 - n, 0), min(s + 1 - n, s)) for n, s in sides)
            ours = x[0, c, low:high, up, left].astype("i1")
            theirs = g[0, o, low - a + 1 : high - a + 1, gu, gl].astype("i1")
            total += int((ours * theirs).sum(dtype="i8"))
        if dw[o, c, a, b, e] != total:
            yield f"dw at {(o, c, a, b, e)}: {dw[o, c, a, b, e]}, expected {total}"


def limited(limit: int) -> Callable[[], None]:
    """Return what limits the address space of a process before it starts."""
    return lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def run(folder: Path, job: str, limit: int, gigabytes: float) -> bool:
    """Run a job in a process of its own under the limit; print what it took, or what it said."""
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks.out_of_core", "--compute", str(folder), job],
        preexec_fn=limited(limit),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode:
        print(f"{job}: failed, {ran.stderr.strip().splitlines()[-1:]}", flush=True)
        return False
    seconds, peak = ran.stdout.split()
    each = float(seconds) / gigabytes
    print(f"{job}: {seconds} s, {each:.1f} s per GB, peak {peak} MiB", flush=True)
    return True


def main() -> int:
    """Fill the stores, compute under the limit, compare; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit-mib", type=int, default=700)
    parser.add_argument("--times", type=float, default=4)
    parser.add_argument("--compute", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.compute:
        compute(Path(asked.compute[0]), asked.compute[1])
        return 0
    import numpy as np

    wanted = asked.times * asked.limit_mib * MIB / 4 / CHANNELS
    side = int((wanted / DEPTH) ** 0.5) + 1
    shape = (1, CHANNELS, DEPTH, side, side)
    gigabytes = 4 * CHANNELS * DEPTH * side * side / 1e9
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print(f"input: {shape}, float32, {gigabytes:.2f} GB; limit {asked.limit_mib} MiB")
        for seed, store in enumerate("xg"):
            filled(folder / store, shape, seed)
        weight = (CHANNELS, CHANNELS, TAPS, TAPS, TAPS)
        np.save(folder / "w.npy", np.random.default_rng(2).integers(-1, 2, weight).astype("f4"))
        ours = [run(folder, job, asked.limit_mib * MIB, gigabytes) for job in JOBS[:3]]
        wrong = list(differences(folder, 40)) if all(ours) else ["not computed"]
        print("\n".join(wrong) or "equal to the definition at 40 places, and in 3 weights")
        for depth in (1, 0):
            if run(folder, f"overlap_{depth}", asked.limit_mib * MIB, gigabytes):
                found = differences(folder, 40, f"overlap_{depth}")
                places = len([d for d in found if d[0] == "o"])
                print(f"map_overlap by hand, depth {depth}: wrong at {places} of 40 places")
            shutil.rmtree(folder / f"overlap_{depth}", ignore_errors=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
