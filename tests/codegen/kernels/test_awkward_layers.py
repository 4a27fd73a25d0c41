"""Layers that kernels once got wrong, or took for ever to write: both targets, exactly."""

from __future__ import annotations

import time
import types
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest

from rot180.codegen.kernels.modules import render_module
from rot180.codegen.kernels.targets import TARGETS
from rot180.derive.gradients.gradient import kernel_theorems
from rot180.derive.language.layers import Layer, layer
from tests.codegen.kernels.test_modules import agree
from tests.support.extensions import compiled

LAYERS = {
    "index_of_no_factor": "y[i,j,k] = A[i] * B[j]",
    "indices_of_no_factor": "y[l,k,j,i,m] = sum[n] A[n,i] * B[n,j]",
    "index_of_no_window": "y[i,j,k] = sum[l] A[i] * B[j+l] * C[l]",
    "summed_index_of_no_factor": "y[i,j] = sum[k,e] H[i,k,e] * L[e,j]",
    "one_number": "y[] = a[] * b[]",
    "one_number_twice": "y[] = a[] + 2 * b[] * a[]",
    "one_number_for_all": "y[i] = a[]",
    "two_moduli": "y[p] = sum[h,i,j] x[h] * [0 <= i < 2] * [0 <= j < 3] * [3*p + i == 2*h + j]",
    "remainder": "y[p,q] = sum[l] x[] * [0 <= l < 3] * [0 <= p - 2*l < 2] * [s*q == p]",
    "two_filters": "y[p] = sum[h,i,j] x[h] * w[i] * v[j] * [2*p + i == 2*h + j]",
    "two_strides": "y[p] = sum[h,i,j] x[h] * w[i] * v[j] * [s*p + i == t*h + j]",
    "repeated": "y[p] = sum[q] x[q] * [0 <= p + a - s*q < s]",
    "reversed": "y[p] = sum[k] x[s*p+d*k-lo] * w[K-1-k]",
    "array_called_as_an_axis": "y[n] = sum[k] v[] * w[n,k,n+k,1] * u[n,k]",
    "repeated_sum": "y[n] = sum[k,l] x[n,l] * [0 <= k < d]",
    "rows_that_may_repeat": "y[i,o] = sum[c] x[s*i,c] * w[c,o]",
    "patches": "y[n,p,c] = sum[i] x[n,4*p+i] * w[c,i] * [0 <= i < 4]",
    "names_like_parts_of_kernels": "y[p] = sum[k] x[p+k] * x_0[k] * x_whole[p]",
    "names_like_two_loops": "y[a,b] = sum[a_b] x[a+a_b,b+a_b] * w[a_b]",
    "names_like_ours": "y[i] = sum[T1,j] L[i,T1] * products[T1,j] * T2[j]",
    "name_of_half_a_function": "y[p] = sum[k] checked[p] * w[k,p]",
    "names_apart_by_an_underscore": "y[p] = sum[max_] x[max+max_,p] * w[max_]",
    "parameter_like_an_axis": "y[n,p] = sum[k,l] w[t*k] * x[n+p+l] * [0 <= k < 1] + t * w[p]",
    "weights_of_each_place": "y[n,o,p] = sum[c,k] x[n,c,p+k] * w[o,c,p,k]",
    "name_like_the_gradient": "grad_x[h] = sum[p] grad_y[p] * w[h-p]",
}
COMPILED = (
    "indices_of_no_factor",
    "one_number",
    "two_moduli",
    "two_strides",
    "repeated",
    "reversed",
    "names_like_parts_of_kernels",
    "names_like_two_loops",
    "names_like_ours",
    "parameter_like_an_axis",
)
"""Those that are compiled too: compiling takes seconds each."""

Modules = dict[str, tuple[Layer, types.ModuleType]]


def texts(target: str, names: Iterable[str]) -> dict[str, tuple[Layer, str]]:
    """Return each layer with the text of its module."""
    found = ((name, layer(LAYERS[name])) for name in names)
    return {
        name: (forward, render_module(forward, kernel_theorems(forward), target, "A test."))
        for name, forward in found
    }


@pytest.fixture(scope="module")
def numpy_modules() -> Modules:
    """Return each layer with its NumPy module."""
    out: Modules = {}
    for name, (forward, text) in texts("numpy", LAYERS).items():
        module = types.ModuleType(name)
        exec(compile(text, name, "exec"), module.__dict__)
        out[name] = forward, module
    return out


@pytest.fixture(scope="module")
def compiled_modules(tmp_path_factory: pytest.TempPathFactory) -> Modules:
    """Compile each layer's Cython module."""
    pytest.importorskip("Cython")
    found = texts("cython", COMPILED)
    modules = compiled(tmp_path_factory.mktemp("awkward"), {n: t for n, (_, t) in found.items()})
    return {name: (found[name][0], module) for name, module in modules.items()}


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("entries", [None, 5])
def test_numpy_is_exact(
    numpy_modules: Modules, name: str, entries: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if entries is not None:  # all arrays are large, and read block by block
        monkeypatch.setattr(numpy_modules[name][1], "LONG", 1)
        monkeypatch.setattr(numpy_modules[name][1], "BLOCK", entries)
    assert sum(agree(*numpy_modules[name], "int64", seed) for seed in range(12)) > 2


@pytest.mark.parametrize("name", COMPILED)
def test_compiled_code_is_exact(compiled_modules: Modules, name: str) -> None:
    for dtype in ("float64", "float32"):
        assert sum(agree(*compiled_modules[name], dtype, seed) for seed in range(12)) > 2


@pytest.mark.parametrize("repeats", [-2, 0, 3])
def test_a_sum_is_repeated_as_often_as_a_bracket_holds(
    numpy_modules: Modules, repeats: int
) -> None:
    _, module = numpy_modules["repeated_sum"]
    found = module.forward(np.array([[1, 2], [3, 4]]), d=repeats)
    assert found.tolist() == [3 * max(repeats, 0), 7 * max(repeats, 0)]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("stride", [512, 65535, 1000003])
def test_the_time_follows_the_sizes_not_the_stride(
    request: pytest.FixtureRequest, target: str, stride: int
) -> None:
    modules: Modules = request.getfixturevalue(
        {"numpy": "numpy_modules", "cython": "compiled_modules"}[target]
    )
    x, w, g = np.arange(1.0, 6), np.arange(1.0, 4), np.ones(1)
    _, repeated = modules["repeated"]
    _, rows = modules["reversed"]
    calls: list[tuple[Callable[[], Any], list[float]]] = [
        (lambda: repeated.forward(x, s=stride, a=1, y_shape=(4,)), [1, 1, 1, 1]),
        (
            lambda: rows.grad_x(g, w, s=stride, d=1, lo=0, K=3, x_shape=(5,)),
            [3, 2, 1, 0, 0],
        ),
    ]
    for call, expected in calls:
        begin = time.process_time()
        found = call()
        assert time.process_time() - begin < 1
        assert found.tolist() == expected
