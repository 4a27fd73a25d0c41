"""Checks an installed wheel: the compiled kernels are there, in use, and exact.

    python tests/support/wheel_check.py

It needs only the wheel and what pip installs with it. The exit code is 1 if there is a fault; that
there are no compiled kernels is one, for the wheel would compute with NumPy and only warn.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import sysconfig
import tempfile
import warnings
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.support.oracles import Convolution, TransposedConvolution, bias_gradient

FILES = {"certificate.json", "contraction.h", "cython_kernels.pyx", "numpy_kernels.py", "proof.tex"}
"""Files of `rot180 derive`; they are made from templates and sources that the wheel contains."""


def faults() -> Iterator[str]:
    """Yield what is wrong with the rot180 that is installed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        generated = import_module("rot180.generated")
    try:
        compiled = import_module("rot180.generated.cython_kernels")
    except ImportError as error:
        yield f"no compiled kernels: {error}"
        return
    if generated.backend() != "cython":
        yield f"found the backend {generated.backend()}, expected cython"
    installed = Path(sysconfig.get_path("platlib"))
    if not Path(str(compiled.__file__)).is_relative_to(installed):
        yield f"found {compiled.__file__}, expected a module in {installed}"
    on_arm = platform.machine() in ("aarch64", "arm64") and not os.environ.get("ROT180_ISA")
    if on_arm and compiled.processor() != "neon":
        yield f"found the instruction set {compiled.processor()}, expected neon"
    if sysconfig.get_config_var("Py_GIL_DISABLED") and sys._is_gil_enabled():  # type: ignore[attr-defined]
        yield "the kernels turned the GIL on, expected a free-threaded Python to stay so"
    for dtype in (np.float32, np.float64):
        yield from wrong_results(generated, dtype)
    yield from command_faults()


def wrong_results(kernels: Any, dtype: type[np.floating[Any]]) -> Iterator[str]:
    """Compare convolutions and their gradients with sums of integers by the definition.

    Args:
        kernels: the module of the public functions.
        dtype: of the arrays; its numbers contain all integers that occur.

    """
    random = np.random.default_rng(0)
    common = {"padding": ((2, 1), (0, 3)), "dilation": (1, 2), "groups": 2}
    for name, stride, weight_shape in (
        ("conv2d", (2, 1), (6, 2, 3, 2)),
        ("conv2d", (1, 1), (4, 2, 3, 3)),
        ("conv_transpose2d", (2, 3), (4, 3, 3, 2)),
    ):
        layer = Convolution(stride=stride, **common)  # type: ignore[arg-type]
        if name == "conv_transpose2d":
            zero = (0, 0)
            layer = TransposedConvolution(stride=stride, output_padding=zero, **common)  # type: ignore[arg-type]
        shape = (2, 4, 9, 8)
        output_shape = layer.output_shape(shape, weight_shape)
        shapes = (shape, weight_shape, output_shape, output_shape[1:2])
        x, w, g, b = (random.integers(-3, 4, s).astype(object) for s in shapes)
        fx, fw, fg, fb = (array.astype(dtype) for array in (x, w, g, b))
        given = {"stride": stride, **common}
        gradient = {n: getattr(kernels, f"{name}_{n}") for n in ("input", "weight", "bias")}
        results = {
            name: (getattr(kernels, name)(fx, fw, fb, **given), layer.forward(x, w, b)),
            "input": (gradient["input"](shape, fw, fg, **given), layer.input_gradient(shape, w, g)),
            "weight": (
                gradient["weight"](fx, weight_shape, fg, **given),
                layer.weight_gradient(x, weight_shape, g),
            ),
            "bias": (gradient["bias"](fg), bias_gradient(g)),
        }
        for what, (found, expected) in results.items():
            if not np.array_equal(found, expected.astype(dtype)):
                yield f"{name}, {what}, stride {stride}, {np.dtype(dtype)}: a wrong result"


def command_faults() -> Iterator[str]:
    """Let the command derive a layer, and yield what is missing."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "rot180.codegen.cli.main", "derive"]
        command += ["y[p] = sum[k] x[p+k] * w[k]", "-o", folder, "--format", "tex"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            yield f"rot180 derive: exit code {done.returncode}: {done.stderr.strip()}"
        if left := FILES - {path.name for path in Path(folder).iterdir()}:
            yield f"rot180 derive: wrote no {', '.join(sorted(left))}"


def main() -> int:
    """Print the faults, or that there is none; the exit code is 1 if there is one."""
    found = list(faults())
    where = f"Python {platform.python_version()}, NumPy {np.__version__}, {platform.platform()}"
    print(where, *(found or ["the compiled kernels are exact"]), sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
