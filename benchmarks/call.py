"""The overhead of a call: 3 x 3 taps on 1 x 1 x 5 x 5, compared with no-overhead baselines.

    python -m benchmarks.call

A baseline is a Cython function with the same signature that returns a new array, computed by plain
loops. It checks no argument and supports only stride 1, no padding and contiguous floats. The
baselines are compiled here, which needs Cython and a C compiler. Calls are interleaved and their
medians are compared.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.__main__ import environment
from benchmarks.results import COMPILED

Call = Callable[[], Any]

SOURCE = """\
# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False
cimport numpy as cnp
cnp.import_array()

"""
FUNCTION = """\
def {name}({x}, {w}, bias=None, stride=1, padding=0, dilation=1, groups=1, *, accuracy="exact"):
    cdef cnp.npy_intp[4] size
    cdef Py_ssize_t N = x.shape[0], C = x.shape[1], H = x.shape[2], V = x.shape[3]
    cdef Py_ssize_t O = w.shape[0], K = w.shape[2], L = w.shape[3], n, o, p, q, c, k, l
    size[0], size[1], size[2], size[3] = N, O, H - K + 1, V - L + 1
    out = cnp.PyArray_EMPTY(4, size, cnp.NPY_FLOAT32, 0)
    cdef float *y = <float *>cnp.PyArray_DATA(out)
    cdef const float *a = {a}
    cdef const float *b = {b}
    cdef float sum
    for n in range(N):
        for o in range(O):
            for p in range(size[2]):
                for q in range(size[3]):
                    sum = 0
                    for c in range(C):
                        for k in range(K):
                            for l in range(L):
                                sum += (
                                    a[((n*C + c)*H + p + k)*V + q + l]
                                    * b[((o*C + c)*K + k)*L + l]
                                )
                    y[((n*O + o)*size[2] + p)*size[3] + q] = sum
    return out

"""
DECLARATIONS = {
    "ndarrays": ("cnp.ndarray {0}", "<const float *>cnp.PyArray_DATA({0})"),
    "memoryviews": ("const float[:, :, :, ::1] {0}", "&{0}[0, 0, 0, 0]"),
}


def baselines(folder: Path) -> Any:
    """Return a module of the baselines, one for each way to declare the arrays in Cython."""
    import numpy as np
    from Cython.Build import cythonize
    from setuptools import Distribution, Extension

    source = folder / "baselines.pyx"
    text = [SOURCE]
    for name, (argument, data) in DECLARATIONS.items():
        arguments = {"x": argument.format("x"), "w": argument.format("w")}
        a, b = data.format("x"), data.format("w")
        text.append(FUNCTION.format(name=name, a=a, b=b, **arguments))
    source.write_text("".join(text))
    flags = ["-O3"] if os.name == "posix" else []
    extension = Extension("baselines", [str(source)], [np.get_include()], extra_compile_args=flags)
    command = Distribution({"ext_modules": cythonize([extension], quiet=True)}).get_command_obj(
        "build_ext"
    )
    command.build_lib = command.build_temp = str(folder)
    command.ensure_finalized()
    command.run()
    (path,) = (p for p in folder.iterdir() if p.suffix in {".so", ".pyd"})
    spec = importlib.util.spec_from_file_location("baselines", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def contests(folder: Path) -> dict[str, dict[str, Call]]:
    """Return the calls of each operation: the kernels, PyTorch if installed, the baselines."""
    import numpy as np

    from rot180.generated import cython_kernels

    draw = np.random.default_rng(0)
    shapes = ((1, 1, 5, 5), (1, 1, 3, 3), (1, 1, 3, 3))
    x, w, g = (draw.standard_normal(shape).astype("float32") for shape in shapes)
    calls: dict[str, dict[str, Call]] = {
        "conv2d": {COMPILED: partial(cython_kernels.conv2d, x, w)},
        "conv2d_input": {COMPILED: partial(cython_kernels.conv2d_input, x.shape, w, g)},
        "conv2d_weight": {COMPILED: partial(cython_kernels.conv2d_weight, x, w.shape, g)},
    }
    module = baselines(folder)
    for name in DECLARATIONS:
        baseline = getattr(module, name)
        assert np.allclose(baseline(x, w), cython_kernels.conv2d(x, w), atol=1e-5)
        calls["conv2d"][f"baseline with {name}"] = partial(baseline, x, w)
    if importlib.util.find_spec("torch"):
        import torch
        from torch.nn import grad

        torch.set_num_threads(1)
        a, b, c = (torch.from_numpy(array) for array in (x, w, g))
        calls["conv2d"]["PyTorch"] = partial(torch.conv2d, a, b)
        calls["conv2d_input"]["PyTorch"] = partial(grad.conv2d_input, x.shape, b, c)
        calls["conv2d_weight"]["PyTorch"] = partial(grad.conv2d_weight, a, w.shape, c)
    return calls


def main() -> int:
    """Measure and print a table."""
    environment(threads=1)
    from benchmarks.measure import FULL, interleave, ratio, timing

    print("| call | implementation | µs | time / compiled |\n| --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        for operation, calls in contests(Path(folder)).items():
            for call in calls.values():
                call()  # the first call also initialises the library
            times = interleave(calls, FULL)
            for name, turns in times.items():
                relative = ratio(turns, times[COMPILED]).value
                median = 1e6 * timing(turns).median
                print(f"| {operation} | {name} | {median:.3f} | {relative:.2f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
