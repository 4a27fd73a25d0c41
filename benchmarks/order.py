"""Sums over several operands against NumPy: ``python -m benchmarks.order``.

The layers are derived and compiled in a temporary folder. NumPy has one function call for each:
`multi_dot`, or `einsum` with `optimize`. Both run on one thread.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

ONE = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

SETUP = """
from Cython.Build import cythonize
from setuptools import Extension, setup
names = {names}
options = dict(extra_compile_args=["-O3", "-w", "-fopenmp"], extra_link_args=["-fopenmp"])
extensions = [Extension(n, [n + ".pyx"], **options) for n in names]
setup(name="order", packages=[], ext_modules=cythonize(extensions, quiet=True))
"""


@dataclass(frozen=True)
class Layer:
    """A layer and its peer.

    Attributes:
        text: the layer.
        operands: the sizes of each operand, by letters.
        sizes: sets of sizes, a number for each letter.
        peer: the same in NumPy.

    """

    text: str
    operands: tuple[str, ...]
    sizes: tuple[dict[str, int], ...]
    peer: Callable[[Any, Sequence[Any]], Any]


def _sizes(letters: str, *numbers: tuple[int, ...]) -> tuple[dict[str, int], ...]:
    return tuple(dict(zip(letters, n, strict=True)) for n in numbers)


LAYERS = {
    "chain": Layer(
        "y[i,m] = sum[j,k,l] A[i,j]*B[j,k]*C[k,l]*D[l,m]",
        ("ij", "jk", "kl", "lm"),
        _sizes(
            "ijklm",
            *((n,) * 5 for n in (16, 64, 128)),
            (10, 200, 30, 400, 50),
            (500, 20, 500, 20, 500),
            (300, 300, 300, 300, 1),
        ),
        lambda np, arrays: np.linalg.multi_dot(arrays),
    ),
    "graph": Layer(
        "y[n,v,o] = sum[u,c] A[v,u]*x[n,u,c]*w[c,o]",
        ("vu", "nuc", "co"),
        _sizes("nvuco", (8, 32, 32, 16, 32), (32, 64, 64, 32, 64), (4, 256, 256, 64, 64)),
        lambda np, arrays: np.einsum("vu,nuc,co->nvo", *arrays, optimize=True),
    ),
}


def built(folder: Path) -> dict[str, Any]:
    """Derive, compile and import the layers.

    Raises:
        CalledProcessError: one of them does not compile.

    """
    from rot180.codegen.kernels.derivation import derive, layer_files

    for name, made in LAYERS.items():
        for file, text in layer_files(derive(made.text)).items():
            if not file.endswith((".py", ".json")):
                (folder / file.replace("cython_kernels", name)).write_text(text)
    (folder / "setup.py").write_text(SETUP.format(names=list(LAYERS)))
    command = [sys.executable, "setup.py", "-q", "build_ext", "--inplace"]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return {name: _imported(folder, name) for name in LAYERS}


def _imported(folder: Path, name: str) -> Any:
    (path,) = folder.glob(f"{name}.*.so")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def microseconds(call: Callable[[], object], seconds: float) -> float:
    """Return the time of a call: the fastest of five series."""
    call()
    best = float("inf")
    for _ in range(5):
        count, start = 0, time.perf_counter()
        while time.perf_counter() - start < seconds:
            call()
            count += 1
        best = min(best, (time.perf_counter() - start) / count)
    return best * 1e6


def main() -> None:
    """Print a table: compiled, NumPy, and the ratio."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.order", description=__doc__)
    parser.add_argument("--seconds", type=float, default=0.05, help="of each series of calls")
    seconds = parser.parse_args().seconds
    os.environ |= ONE
    import numpy as np

    with tempfile.TemporaryDirectory() as folder:
        modules = built(Path(folder))
        print(f"{'layer':8}{'sizes':28}{'dtype':10}{'compiled':>10}{'NumPy':>10}{'ratio':>8}")
        for (name, made), dtype in product(LAYERS.items(), ("float64", "float32")):
            for sizes in made.sizes:
                print(_row(np, modules[name], name, sizes, dtype, seconds))


def _row(np: Any, module: Any, name: str, sizes: dict[str, int], dtype: str, seconds: float) -> str:
    """Time a layer at some sizes, after its result is compared with NumPy's."""
    rng, made = np.random.default_rng(0), LAYERS[name]
    shapes = [tuple(sizes[v] for v in axes) for axes in made.operands]
    arrays = [rng.standard_normal(shape).astype(dtype) for shape in shapes]
    ours, peer = partial(module.forward, *arrays), partial(made.peer, np, arrays)
    found, wanted = ours(), peer()
    if abs(found - wanted).max() > 1e-4 * abs(wanted).max():
        raise ValueError(f"{name}: the results differ at {sizes}")
    times = microseconds(ours, seconds), microseconds(peer, seconds)
    words = " x ".join(map(str, sizes.values()))
    ratio = f"{times[0]:10.1f}{times[1]:10.1f}{times[0] / times[1]:8.2f}"
    return f"{name:8}{words:28}{dtype:10}{ratio}"


if __name__ == "__main__":
    main()
