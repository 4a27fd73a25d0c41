"""A convolution and its gradients on four processes, one of which is killed in the middle.

python -m tests.support.cluster_check

Needs `dask[distributed]`. Entries are integers, so that results must be exactly those in memory.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from typing import Any

import dask.array as da
import numpy as np
from distributed import Client, LocalCluster

from rot180.generated import dask as layers
from rot180.generated import numpy_kernels as whole


def kill_one(client: Client, killed: list[int]) -> None:
    """Kill a worker when some blocks are computed and others are not."""
    while not any(client.call_stack().values()):
        time.sleep(0.01)
    time.sleep(0.3)
    process = next(iter(client.run(os.getpid).values()))
    os.kill(process, signal.SIGKILL)
    killed.append(process)


def main() -> int:
    """Compare; return the exit code."""
    rng = np.random.default_rng(0)
    x = rng.integers(-9, 10, (2, 4, 60, 61, 62)).astype("f8")
    w = rng.integers(-9, 10, (6, 4, 3, 3, 3)).astype("f8")
    how: dict[str, Any] = {"stride": (2, 1, 3), "padding": 1, "dilation": (1, 2, 1)}
    y = whole.conv3d(x, w, None, **how)
    g = rng.integers(-9, 10, y.shape).astype("f8")
    wrong = []
    with (
        LocalCluster(n_workers=4, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        lazy_x, lazy_g = (da.from_array(a, chunks=(1, -1, 16, 16, 16)) for a in (x, g))
        for name, lazy, exact in (
            ("output", layers.conv3d(lazy_x, w, None, **how), y),
            (
                "input gradient",
                layers.conv3d_input(x.shape, w, lazy_g, **how),
                whole.conv3d_input(x.shape, w, g, **how),
            ),
            (
                "weight gradient",
                layers.conv3d_weight(lazy_x, w.shape, lazy_g, **how),
                whole.conv3d_weight(x, w.shape, g, **how),
            ),
        ):
            killed: list[int] = []
            killer = threading.Thread(target=kill_one, args=(client, killed))
            future = client.compute(lazy)
            killer.start()
            found = future.result(timeout=300)
            killer.join(timeout=10)
            same = np.array_equal(found, exact)
            print(f"{name}: worker {'killed' if killed else 'not killed'}, exact: {same}")
            if not (same and killed):
                wrong.append(name)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
