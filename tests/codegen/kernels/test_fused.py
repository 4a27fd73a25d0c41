"""Passes of programs: what is fused, and that compiled passes compute what single steps compute."""

from __future__ import annotations

import ctypes
import inspect
import math
import subprocess
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rot180.codegen import compile
from rot180.codegen.kernels.build import BuildError, find_compiler
from rot180.codegen.kernels.c_functions import (
    c_scalar_function,
    c_scalar_name,
    exponential,
    has_c_function,
    series_length,
)
from rot180.codegen.kernels.program_derivation import program_module, prove_program
from rot180.codegen.kernels.scalar_functions import function_lines, python_name
from rot180.codegen.system import cache
from rot180.derive.language.programs import parse_program
from rot180.derive.language.scalar_functions import FUNCTIONS
from tests.support.program_runs import numpy_module

SOFTMAX = "m[n] = max[j] x[n,j]; e[n,j] = exp(x[n,j]-m[n]); y[n,j] = e[n,j] / sum[k] e[n,k]"
EXACT = {
    "chain": "a[n,j] = x[n,j] + w[n]; b[n,j] = a[n,j] * x[n,j] - 3*a[n,j]; y[n,j] = b[n,j] + w[n]",
    "rows": "a[n,j] = x[n,j] * v[j]; s[n] = sum[j] a[n,j] * x[n,j]; y[n,j] = s[n] * a[n,j] + v[j]",
    "columns": "a[n,j] = x[n,j] * w[n]; s[j] = sum[n] a[n,j] * x[n,j]; y[n,j] = s[j] * a[n,j]",
    "every entry": "a[n,j] = x[n,j] + 1; s[] = sum[n,j] a[n,j] * x[n,j]; y[j] = s[] * v[j]",
    "extremes": "m[n] = max[j] x[n,j]; l[n] = min[j] x[n,j]; y[n,j] = x[n,j] * m[n] - l[n]*v[j]",
    "extreme of columns": "m[j] = max[n] x[n,j]; a[n,j] = x[n,j] * m[j]; y[n,j] = a[n,j] + w[n]",
    "extreme of all": "m[] = max[n,j] x[n,j]; a[n,j] = x[n,j] * m[]; y[n,j] = a[n,j] - m[]",
    "transposed": "a[n,j] = x[n,j] * w[n]; y[j,n] = a[n,j] * x[n,j] + v[j]",
    "squares": (
        "x[N,N]; a[n,j] = x[n,j] * x[j,n]; s[n] = sum[j] (a[n,j] + a[j,n]); "
        "y[n,j] = s[j] * a[n,j]"
    ),
    "products": "a[n,j] = x[n,j] + w[n]; p[n] = prod[j] a[n,j]; y[n] = p[n] * w[n] + w[n]",
    "a sum over one of two outer loops": (
        "s[] = sum[n] w[n]; a[n,j,k] = w[n] * v[j] * v[k]; y[j,n] = sum[k] a[n,j,k] * s[]"
    ),
    "parameter": "a[n,j] = c * x[n,j] + w[n]; y[n,j] = c^2 * a[n,j] * a[n,j]",
}
SIZES = [(2, 3), (3, 70), (1, 1), (0, 4), (4, 0), (5, 129)]


@pytest.fixture(autouse=True)
def _compiler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    try:
        find_compiler()
    except BuildError as error:
        pytest.skip(str(error))
    folder = tmp_path_factory.getbasetemp() / "passes"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(cache.VARIABLE, str(folder))
        yield


def passes(text: str) -> list[tuple[int, tuple[str, ...]]]:
    """Return the passes of a program: how many loops are outer, and what is computed."""
    module = program_module(prove_program(parse_program(text)), "cython", fused=True)
    return [(p.found.outer, p.found.names) for p in module.passes]


def test_a_row_is_one_pass() -> None:
    assert (1, ("m", "x_minus_m", "e", "sum_e", "y")) in passes(SOFTMAX)


def test_products_of_matrices_are_not_fused() -> None:
    """Otherwise exp would be evaluated once for each column of the product."""
    text = "z[n,j] = x[n,j] + w[n]; e[n,j] = exp(z[n,j]); y[n,c] = sum[j] e[n,j] * v[j,c]"
    found = passes(text)
    assert (1, ("z", "e")) in found
    assert all("y" not in names and "grad_e" not in names for _, names in found)


def test_functions_are_not_evaluated_for_every_row() -> None:
    """exp(v) has J values; a row of N would evaluate all of them again."""
    found = passes("a[n,j] = x[n,j] * w[n]; y[n,j] = a[n,j] * exp(v[j]) + w[n]")
    assert all("y" not in names for _, names in found)


def test_a_maximum_over_rows_is_complete_before_it_is_read() -> None:
    """With outer loops over n, the first row would read the maximum of itself."""
    text = "m[j] = max[n] x[n,j]; a[n,j] = x[n,j] * m[j]; y[n,j] = a[n,j] + w[n]"
    assert all(outer == 0 for outer, names in passes(text) if {"m", "a"} <= {*names})


def arguments(text: str, sizes: tuple[int, int], kind: str, seed: int) -> dict[str, np.ndarray]:
    """Return arrays of small integers."""
    random = np.random.default_rng(seed)
    program = parse_program(text)
    known = dict(zip(("N", "J"), sizes, strict=True))
    found = {}
    for t in (*program.tensors, program.output):
        shape = tuple(known[str(n)] for n in t.shape)
        name = f"grad_{t.name}" if t == program.output else t.name
        found[name] = random.integers(-3, 4, shape).astype(kind)
    return found


@pytest.mark.parametrize("name", EXACT)
def test_passes_are_exact(name: str) -> None:
    """Compiled and NumPy agree in integers, at awkward sizes, in both types, saved or not."""
    text = EXACT[name]
    program, module, plain = parse_program(text), compile(text, "compiled"), numpy_module(text)
    parameters = {"c": 3} if program.parameters else {}
    for seed, sizes in enumerate(SIZES):
        for kind in ("float32", "float64"):
            arrays = arguments(text, sizes, kind, seed)
            g = arrays.pop(f"grad_{program.output.name}")
            y, saved = module.forward(**arrays, **parameters, save=True)
            wanted, _ = plain.forward(**arrays, **parameters, save=True)
            assert (y == wanted).all() and y.dtype == kind
            assert (module.forward(**arrays, **parameters) == wanted).all()
            for t in program.tensors:
                word = f"grad_{t.name}"
                given = accepted(module, word, {**arrays, "grad_y": g}, parameters)
                found = getattr(module, word)(**given)
                again = getattr(module, word)(**given, saved=saved)
                right = getattr(plain, word)(**given)
                assert (found == right).all(), (t.name, sizes, kind)
                assert (again == right).all(), (t.name, sizes, kind)
            given = accepted(module, "vjp", {**arrays, "grad_y": g}, parameters)
            for one, other in zip(module.vjp(**given), plain.vjp(**given), strict=True):
                assert (one == other).all(), (sizes, kind)


def accepted(
    module: types.ModuleType, name: str, arrays: dict[str, np.ndarray], numbers: dict[str, int]
) -> dict[str, object]:
    """Return what a function takes of some arguments."""
    wanted = inspect.signature(getattr(module, name)).parameters
    found: dict[str, object] = {n: v for n, v in {**arrays, **numbers}.items() if n in wanted}
    for n, p in wanted.items():
        if n.endswith("_shape") and p.default is inspect.Parameter.empty:
            found[n] = arrays[n.removesuffix("_shape")].shape
    return found


def test_operands_in_any_order_of_memory() -> None:
    module, plain = compile(SOFTMAX, "compiled"), numpy_module(SOFTMAX)
    x = np.random.default_rng(0).standard_normal((40, 30))
    for view in (x.T, x[::-2, ::3], np.broadcast_to(x[0], (4, 30))):
        np.testing.assert_allclose(module.forward(view), plain.forward(view), rtol=1e-13)
    frozen = x.copy()
    frozen.flags.writeable = False
    module.forward(frozen)
    assert (frozen == x).all()


def test_ties_nan_and_infinities_in_a_row() -> None:
    text = "m[n] = max[j] x[n,j]; y[n] = 3 * m[n]"
    module, plain = compile(text, "compiled"), numpy_module(text)
    rows = np.ones((6, 200))
    rows[0, 150:] = 7
    rows[1, 130] = np.nan
    rows[2] = -np.inf
    rows[3, [3, 199]] = np.inf, np.nan
    rows[4, 199] = 2
    np.testing.assert_array_equal(module.forward(rows), plain.forward(rows))
    found, right = (m.grad_x(np.ones(6), rows) for m in (module, plain))
    np.testing.assert_array_equal(found, right)


def test_steps_of_a_pass_are_in_its_docstring() -> None:
    module = compile(SOFTMAX, "compiled")
    (word,) = [n for n in vars(module) if n.startswith("_pass") and n.endswith("_y")]
    assert "sum_e[n] = sum[k] e[n,k]" in getattr(module, word).__doc__


@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_exp_is_accurate(kind: str) -> None:
    """Below 1 ulp over the whole range; infinite, 0 and NaN where NumPy's is."""
    module = compile("y[i] = exp(x[i] + b[])", "compiled")
    low, high = (-104.5, 89.5) if kind == "float32" else (-746.5, 710.5)
    random = np.random.default_rng(0)
    x = np.concatenate([random.uniform(low, high, 200_000), random.uniform(-1, 1, 100_000)])
    x = np.concatenate([x, [0.0, -0.0, 1e-300, np.inf, -np.inf, np.nan, 1e30, -1e30]]).astype(kind)
    y = module.forward(x, np.zeros((), kind))
    with np.errstate(over="ignore", under="ignore"):
        exact = np.exp(x.astype(np.longdouble))
        nearest = exact.astype(kind)
    finite = np.isfinite(nearest)
    np.testing.assert_array_equal(np.isinf(y), np.isinf(nearest))
    np.testing.assert_array_equal(np.isnan(y), np.isnan(x))
    ulp = np.spacing(nearest[finite]).astype(np.longdouble)
    assert np.abs((y[finite].astype(np.longdouble) - exact[finite]) / ulp).max() < 1


def test_the_series_of_exp_is_as_long_as_needed() -> None:
    assert series_length(23) < series_length(52) < 16


@pytest.mark.parametrize("real", ["float", "double"])
def test_functions_in_c(real: str, tmp_path: Path) -> None:
    """Every listed function and its derivatives in C are those in NumPy."""
    cases = [(w, n) for w in FUNCTIONS for n in range(3) if has_c_function(w, n)]
    assert {w for w, n in cases if n < 2} == set(FUNCTIONS)
    lines = ["#define ROT180_ALWAYS inline", "#include <math.h>", "#include <stdint.h>"]
    lines += ["#include <string.h>", exponential(real)]
    for w, n in cases:
        word = c_scalar_name(w, n, real)
        body = f"for (int i = 0; i < n; i++) y[i] = {word}(x[i]);"
        lines.append(c_scalar_function(w, n, real))
        lines.append(f"void all_{word}({real} *x, {real} *y, int n) {{ {body} }}")
    (tmp_path / "functions.c").write_text("\n".join(lines))
    made = [*find_compiler().command, "-O2", "-fPIC", "-shared", "functions.c", "-lm", "-o", "f.so"]
    subprocess.run(made, cwd=tmp_path, check=True)
    library = ctypes.CDLL(str(tmp_path / "f.so"))
    kind, tolerance = {"float": ("float32", 1e-5), "double": ("float64", 1e-13)}[real]
    for w, n in cases:
        x = np.linspace(0.25, 30, 500).astype(kind)
        if w not in ("log", "sqrt", "rsqrt"):
            x = np.concatenate([x, -x])
        space: dict[str, Any] = {"np": np, "_real": lambda *_: None, "_upper": upper}
        exec("\n".join(function_lines(w, n)), space)
        right, found = space[python_name(w, n)](x).astype(kind), np.empty_like(x)
        library[f"all_{c_scalar_name(w, n, real)}"](
            x.ctypes.data_as(ctypes.c_void_p), found.ctypes.data_as(ctypes.c_void_p), len(x)
        )
        # a derivative has zeros, where it is a difference of numbers of size 1
        nearby = 4 * float(np.finfo(kind).eps) if n else tolerance**2
        np.testing.assert_allclose(found, right, rtol=tolerance, atol=nearby, err_msg=f"{w} {n}")


def upper(t: np.ndarray) -> np.ndarray:
    """Return erfc(-t)."""
    return np.array([math.erfc(-float(v)) for v in t])


def test_a_sum_over_an_intermediate() -> None:
    module = compile("a[n,j] = x[n] * w[j] + x[n]; s[] = sum[n,j] a[n,j]; y[n] = s[] * x[n]")
    assert module.forward(np.ones(2), np.ones(3)).tolist() == [12.0, 12.0]
