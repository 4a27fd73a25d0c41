"""A 3-D convolution and its gradients from store to store, under a limit of memory.

    python -m benchmarks.out_of_core [--limit-mib 700] [--times 4 ...] [--update]

The input has each of `--times` the size of the limit. It, the gradient of the output and the
results lie in Zarr stores of a temporary folder, which needs five times as much; the limit is on
the address space of each process that computes. Beside it, `map_overlap` is written by hand, with a
depth of 1, which is right, and of 0. Entries are -1, 0 and 1, so that each sum is exact in float32.
Blocks of the output and of the input gradient at random places, and random entries of the weight
gradient, are compared with what is computed from the definition, in integers.
"""

from __future__ import annotations

import argparse
import json
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
FILE = Path(__file__).with_suffix(".json")
"""What was measured, for docs/benchmarks.md."""


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


TITLES = {
    "y": "output",
    "dx": "input gradient",
    "dw": "weight gradient",
    "overlap_1": "output, `map_overlap` by hand, depth 1",
    "overlap_0": "output, `map_overlap` by hand, depth 0",
}
JOBS = tuple(TITLES)
"""The output, the gradients, and what people write: `map_overlap` with a depth that they guess."""

HEAD = f"""\
`python -m benchmarks.out_of_core --times 4 0.3 --update`: a convolution of a volume, {CHANNELS}
channels, {TAPS} x {TAPS} x {TAPS}, padding 1, float32, with both gradients, from Zarr stores to a
Zarr store, in chunks of {CHUNK}^3, on two threads of Dask. Results are compared with the definition
at 40 random places, and in 3 entries of the weight gradient. [blocks.md](blocks.md) says how the
arrays are read. A depth that is one too small gives wrong borders without a message."""


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


def run(folder: Path, job: str, limit: int) -> tuple[float, int] | str:
    """Run a job in a process of its own under the limit.

    Returns:
        seconds, and the peak of memory in MiB; or what the process said before it failed.

    """
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
        return ran.stderr.strip().splitlines()[-1]
    seconds, peak = ran.stdout.split()
    return float(seconds), int(peak)


def measured(folder: Path, limit: int, gigabytes: float) -> list[tuple[str, str, str]]:
    """Run all jobs; return seconds per GB, the peak of memory, and whether the result is right."""
    kept: dict[str, tuple[str, str, str]] = {}
    for job in JOBS:
        found = run(folder, job, limit)
        if isinstance(found, str):
            kept[job] = (found, "", "not computed")
        else:
            seconds, peak = found
            kept[job] = (f"{seconds / gigabytes:.1f}", str(peak), "")
        print(job, *kept[job], flush=True)
        if job == JOBS[2] and not any(kept[j][2] for j in JOBS[:3]):
            wrong = list(differences(folder, 40))
            for ours in JOBS[:3]:
                places = len([d for d in wrong if d.split()[0] == ours])
                kept[ours] = (*kept[ours][:2], right(places, 3 if ours == "dw" else 40))
        if job.startswith("overlap"):
            if not isinstance(found, str):
                places = len([d for d in differences(folder, 40, job) if d.split()[0] == job])
                kept[job] = (*kept[job][:2], right(places, 40))
            shutil.rmtree(folder / job, ignore_errors=True)
    return [(TITLES[job], *kept[job]) for job in JOBS]  # type: ignore[misc]


def right(wrong: int, places: int) -> str:
    """Say at how many places a result is that of the definition."""
    return f"wrong at {wrong} of {places} places" if wrong else "equal to the definition"


def table() -> str:
    """Return the section on what was measured, from the file beside this one."""
    text = ["## Larger than memory", HEAD]
    for kept in json.loads(FILE.read_text(encoding="utf-8")):
        text.append(
            f"Input of {kept['gigabytes']:.2f} GB, {kept['limit']} MiB of address space for the "
            f"process that computes, {kept['processor']}:"
        )
        rows = ["| | seconds per GB | peak of memory, MiB | result |", "| --- | --- | --- | --- |"]
        rows += ["| " + " | ".join(row) + " |" for row in kept["rows"]]
        text.append("\n".join(rows))
    return "\n\n".join(text) + "\n"


def main() -> int:
    """Fill the stores, compute under the limit, compare; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit-mib", type=int, default=700)
    parser.add_argument("--times", type=float, nargs="+", default=[4])
    parser.add_argument("--update", action="store_true", help="rewrite out_of_core.json")
    parser.add_argument("--compute", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.compute:
        compute(Path(asked.compute[0]), asked.compute[1])
        return 0
    found = [one(times, asked.limit_mib) for times in asked.times]
    if asked.update:
        FILE.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    ours = [row for kept in found for row in kept["rows"][:3]]
    return int(any(row[-1] != right(0, 0) for row in ours))


def one(times: float, limit: int) -> dict[str, Any]:
    """Measure with an input of some times the limit, which is in MiB."""
    import numpy as np

    from benchmarks.measure import processor

    side = int((times * limit * MIB / 4 / CHANNELS / DEPTH) ** 0.5) + 1
    shape = (1, CHANNELS, DEPTH, side, side)
    gigabytes = 4 * CHANNELS * DEPTH * side * side / 1e9
    print(f"input: {shape}, float32, {gigabytes:.2f} GB; limit {limit} MiB", flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for seed, store in enumerate("xg"):
            filled(folder / store, shape, seed)
        weight = (CHANNELS, CHANNELS, TAPS, TAPS, TAPS)
        np.save(folder / "w.npy", np.random.default_rng(2).integers(-1, 2, weight).astype("f4"))
        rows = measured(folder, limit * MIB, gigabytes)
    for row in rows:
        print(*row, sep="; ")
    return {"gigabytes": gigabytes, "limit": limit, "processor": processor(), "rows": rows}


if __name__ == "__main__":
    raise SystemExit(main())
