"""A convolution and its gradients on four processes, one of which is killed in the middle.

The output is computed from Dask arrays, the gradients from mapped files.

python -m tests.support.cluster_check

Needs `dask[distributed]`. Entries are integers, so that results must be exactly those in memory.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import dask
import dask.array as da
import numpy as np
from distributed import Client, LocalCluster

from rot180.generated import dask as layers
from rot180.generated import numpy_kernels as whole


def in_progress(dask_scheduler: Any) -> bool:
    """Return whether some tasks are computed and others are not."""
    states = {task.state for task in dask_scheduler.tasks.values()}
    return "memory" in states and "processing" in states


def kill_one(client: Client, cluster: LocalCluster, killed: list[int]) -> None:
    """Kill a worker when some blocks are computed and others are not."""
    while not client.run_on_scheduler(in_progress):
        time.sleep(0.005)
    process = next(nanny.pid for nanny in cluster.workers.values() if nanny.pid)
    os.kill(process, signal.SIGKILL)
    killed.append(process)


def mapped(file: Path, array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return an array in a mapped file."""
    array.tofile(file)
    return np.memmap(file, array.dtype, "r", shape=array.shape)


def main() -> int:
    """Compare; return the exit code."""
    with (
        tempfile.TemporaryDirectory() as folder,
        dask.config.set({"array.chunk-size": "128KiB"}),
    ):
        return int(bool(wrong_results(Path(folder))))


def wrong_results(folder: Path) -> list[str]:
    """Return the names of the results that are not exact, or for which no worker was killed."""
    rng = np.random.default_rng(0)
    x = rng.integers(-9, 10, (8, 4, 60, 61, 62)).astype("f8")
    w = rng.integers(-9, 10, (6, 4, 3, 3, 3)).astype("f8")
    how: dict[str, Any] = {"stride": (2, 1, 3), "padding": 1, "dilation": (1, 2, 1)}
    y = whole.conv3d(x, w, None, **how)
    g = rng.integers(-9, 10, y.shape).astype("f8")
    wrong = []
    with (
        LocalCluster(n_workers=4, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        lazy_x = da.from_array(x, chunks=(1, -1, 16, 16, 16))
        kept_x, kept_g = mapped(folder / "x", x), mapped(folder / "g", g)
        for name, lazy, exact in (
            ("output", layers.conv3d(lazy_x, w, None, **how), y),
            (
                "input gradient",
                layers.conv3d_input(x.shape, w, kept_g, **how),
                whole.conv3d_input(x.shape, w, g, **how),
            ),
            (
                "weight gradient",
                layers.conv3d_weight(kept_x, w.shape, kept_g, **how),
                whole.conv3d_weight(x, w.shape, g, **how),
            ),
        ):
            killed: list[int] = []
            killer = threading.Thread(target=kill_one, args=(client, cluster, killed))
            future = client.compute(lazy)
            killer.start()
            found = future.result(timeout=300)
            killer.join(timeout=10)
            same = np.array_equal(found, exact)
            print(f"{name}: worker {'killed' if killed else 'not killed'}, exact: {same}")
            if not (same and killed):
                wrong.append(name)
    return wrong


if __name__ == "__main__":
    sys.exit(main())
