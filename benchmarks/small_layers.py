"""Time the generated kernels on small layers: NumPy's against the compiled ones, and PyTorch.

    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python benchmarks/small_layers.py

Calls interleaved, medians of the ratios with their spread (quartiles). PyTorch is left
out where it is not installed. Prints a Markdown table, and the machine it was measured on.
"""

from __future__ import annotations

import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from rot180.generated import cython_kernels, numpy_kernels

LAYERS = (("1x1x28x28, 5x5", 1, 1), ("8x1x28x28 to 20, 5x5", 8, 20))
ROUNDS, REPEATS = 31, 20
Call = Callable[[], object]


def calls(batch: int, out: int, dtype: type, kernels: Any) -> dict[str, Call]:
    """Return the four operations of a layer with 28x28 inputs and 5x5 filters."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((batch, 1, 28, 28)).astype(dtype)
    w = rng.standard_normal((out, 1, 5, 5)).astype(dtype)
    g = rng.standard_normal((batch, out, 24, 24)).astype(dtype)
    return {
        "forward": lambda: kernels.conv2d(x, w),
        "input gradient": lambda: kernels.conv2d_input(x.shape, w, g),
        "weight gradient": lambda: kernels.conv2d_weight(x, w.shape, g),
        "bias gradient": lambda: kernels.conv2d_bias(g),
    }


def torch_calls(batch: int, out: int, dtype: type) -> dict[str, Call]:
    """Return the same operations in PyTorch."""
    import torch
    from torch.nn import grad

    torch.set_num_threads(1)
    kind = {np.float32: torch.float32, np.float64: torch.float64}[dtype]
    x, w = torch.randn(batch, 1, 28, 28, dtype=kind), torch.randn(out, 1, 5, 5, dtype=kind)
    g = torch.randn(batch, out, 24, 24, dtype=kind)
    return {
        "forward": lambda: torch.nn.functional.conv2d(x, w),
        "input gradient": lambda: grad.conv2d_input(x.shape, w, g),
        "weight gradient": lambda: grad.conv2d_weight(x, w.shape, g),
        "bias gradient": lambda: g.sum((0, 2, 3)),
    }


def seconds(call: Call) -> float:
    """Return the time of one call."""
    begin = time.perf_counter()
    for _ in range(REPEATS):
        call()
    return (time.perf_counter() - begin) / REPEATS


def ratios(ours: Call, other: Call) -> tuple[float, str]:
    """Return our time, and the other's time over ours with its quartiles."""
    pairs = [(seconds(ours), seconds(other)) for _ in range(ROUNDS)]
    low, middle, high = statistics.quantiles([b / a for a, b in pairs], n=4)
    mine = statistics.median(a for a, _ in pairs)
    return mine, f"{middle:.2f} ({low:.2f} to {high:.2f})"


def processor() -> str:
    """Return the processor's name."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def main() -> None:
    """Print the table."""
    torch_here = find_spec("torch") is not None
    head = ["layer", "dtype", "operation", "compiled, µs", "NumPy kernels / compiled"]
    head += ["PyTorch / compiled"] if torch_here else []
    print("|", " | ".join(head), "|")
    print("|", " | ".join("---" for _ in head), "|")
    for name, batch, out in LAYERS:
        for dtype in (np.float32, np.float64):
            ours = calls(batch, out, dtype, cython_kernels)
            plain = calls(batch, out, dtype, numpy_kernels)
            peers = torch_calls(batch, out, dtype) if torch_here else {}
            for operation, call in ours.items():
                mine, against = ratios(call, plain[operation])
                row = [name, dtype.__name__, operation, f"{1e6 * mine:.0f}", against]
                row += [ratios(call, peers[operation])[1]] if torch_here else []
                print("|", " | ".join(row), "|", flush=True)
    versions = [f"Python {platform.python_version()}", f"NumPy {np.__version__}"]
    if torch_here:
        import torch

        versions.append(f"PyTorch {torch.__version__}")
    threads = os.environ.get("OPENBLAS_NUM_THREADS", "all")
    print(f"\n{processor()}; BLAS threads: {threads}; {', '.join(versions)}; {sys.platform}")


if __name__ == "__main__":
    main()
