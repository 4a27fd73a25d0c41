"""Modules for a user's own layers: both targets, exactly, against loops over the definition."""

from __future__ import annotations

import gc
import importlib
import inspect
import types
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from rot180.codegen.kernels.c_runtime import HEADER
from rot180.codegen.kernels.derivation import derive, layer_files
from rot180.codegen.kernels.modules import render_module
from rot180.codegen.kernels.names import name as argument_name
from rot180.codegen.kernels.targets import TARGETS
from rot180.derive.gradients.gradient import kernel_theorem, kernel_theorems
from rot180.derive.language.layers import Layer, layer
from tests.support import plain_loops
from tests.support.extensions import compiled

LAYERS = {
    "negative": "y[p] = sum[k] x[2*p - 3*k + 1] * w[k]",
    "nhwc": "y[n,p,q,o] = sum[k,l,c] x[n,s*p+d*k-lo,t*q+e*l-lp,c] * w[k,l,c,o] + bias[o]",
    "depthwise": "y[n,c,p] = sum[k] x[n,c,s*p+d*k-lo] * w[c,k]",
    "local": "y[n,o,p] = sum[c,k] x[n,c,s*p+k] * w[o,c,p,k]",
    "bilinear": "y[i] = sum[a,b] m[i,a,b] * u[a] * v[b]",
    "squared": "y[p] = sum[k] x[p+k] * x[k]",
    "activated": "sigma: function; y[i] = sum[k] w[i,k] * sigma(z[k-a])",
    "named": "y[i] = sum[k] w[i,k] * relu(z[k-a])",
    "strides": "y[p,q] = sum[k] x[s*p+k,t*q+3*k-a] * w[k]",
    "several": "y[p] = 2 * sum[k] x[p-k] * w[k] - sum[k] [k == 2*p] * w[k] + b[p]",
    "transposed": "y[h] = sum[p,k] x[p] * w[k] * [h + lo == s*p - d*k]",
    "windows": "y[p] = sum[k] x[2*p+k] * [0 <= k < 2] * w[p]",
    "constant": "y[i] = x[i] + 5 - [i < 2]",
    "scalars": "y[] = a[] * b[]",
    "earlier": "y[i] = sum[j] [j < i] * x[j]",
    "ordered": "y[n,v,o] = 2 * sum[u,c] A[v,u] * x[n,u,c] * w[c,o] + b[o]",
    "nested": "y[o,p] = sum[c,k,l] x[c,p+k+l-lo] * u[o,k] * w[l,c]",
    "number": "y[] = sum[i,j] x[i] * m[i,j] * x[j]",
}
Kernel = Callable[..., "np.ndarray[Any, Any]"]


def sources() -> Iterator[tuple[str, Layer, dict[str, str]]]:
    """Yield name, layer and both texts."""
    for name, text in LAYERS.items():
        forward = layer(text)
        kernels = kernel_theorems(forward)
        texts = {t: render_module(forward, kernels, t, "A test.") for t in TARGETS}
        yield name, forward, texts


@pytest.fixture(scope="module")
def numpy_modules() -> dict[str, tuple[Layer, types.ModuleType]]:
    """Return each layer with its NumPy module."""
    out = {}
    for name, forward, texts in sources():
        module = types.ModuleType(name)
        exec(compile(texts["numpy"], name, "exec"), module.__dict__)
        out[name] = forward, module
    return out


@pytest.fixture(scope="module")
def compiled_modules(
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, tuple[Layer, types.ModuleType]]:
    """Compile each layer's Cython module."""
    pytest.importorskip("Cython")
    texts, layers = {}, {}
    for name, forward, both in sources():
        texts[name], layers[name] = both["cython"], forward
    modules = compiled(tmp_path_factory.mktemp("odd"), texts)
    return {name: (layers[name], module) for name, module in modules.items()}


def sigma(z: Any) -> Any:
    """Apply an activation that is 3 at 0 and exact in integers."""
    return z * z + 3


def sigma_prime(z: Any) -> Any:
    """Return its derivative."""
    return 2 * z


FUNCTIONS: dict[tuple[str, int], Callable[[Any], Any]] = {
    ("sigma", 0): sigma,
    ("sigma", 1): sigma_prime,
    ("relu", 0): lambda z: max(z, 0),
    ("relu", 1): lambda z: int(z > 0),
}


def applied(name: str, order: int, value: int) -> int:
    """Return a function or its derivative of an integer."""
    return int(FUNCTIONS[name, order](value))


def agree(forward: Layer, module: types.ModuleType, dtype: str, seed: int) -> bool:
    """Compare a layer's kernels with the definition at random sizes; say whether y was not 0."""
    env, values = plain_loops.draw(forward, seed)
    arrays: dict[str, Any] = {"sigma": sigma, "sigma_prime": sigma_prime, **env}
    for t in (*forward.tensors, forward.output):
        word = t.name if t is not forward.output else f"grad_{t.name}"
        shape = tuple(plain_loops.number(n, env) for n in t.shape if n is not None)
        arrays[word], arrays[f"{t.name}_shape"] = np.zeros(shape, dtype), shape
        for at, value in values[word].items():
            arrays[word][at] = value
    arrays = {argument_name(word): value for word, value in arrays.items()}
    expected = plain_loops.everything(forward, env, values, applied)
    for word, wanted in expected.items():
        kernel: Kernel = getattr(module, word)
        found = kernel(**{n: arrays[n] for n in inspect.signature(kernel).parameters})
        assert found.dtype == dtype
        assert {at: found[at] for at in wanted} == wanted, (word, env)
        assert found.size == len(wanted)
    return any(expected["forward"].values())


@pytest.mark.parametrize("name", LAYERS)
def test_numpy_modules_are_exact(
    numpy_modules: dict[str, tuple[Layer, types.ModuleType]], name: str
) -> None:
    assert sum(agree(*numpy_modules[name], "int64", seed) for seed in range(12))


@pytest.mark.parametrize("name", LAYERS)
def test_numpy_modules_are_exact_block_by_block(
    numpy_modules: dict[str, tuple[Layer, types.ModuleType]],
    name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    forward, module = numpy_modules[name]
    for most in (1, 7, 40):
        monkeypatch.setattr(module, "BLOCK", most)
        monkeypatch.setattr(module, "LONG", 1)
        assert sum(agree(forward, module, "int64", seed) for seed in range(8))


@pytest.mark.parametrize(("channels", "outputs"), [(1, 1), (1, 9), (9, 1), (5, 6)])
@pytest.mark.parametrize(("stride", "dilation", "low"), [(1, 1, 1), (2, 1, -1), (3, 2, 4)])
def test_the_algorithms_agree(
    channels: int,
    outputs: int,
    stride: int,
    dilation: int,
    low: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module: Any = importlib.import_module("rot180.generated.numpy_conv2d_grouped")
    sums: Any = importlib.import_module("rot180.generated.numpy_sums")
    rng = np.random.default_rng(0)
    size = [(n + 2 * low - 2 * dilation - 1) // stride + 1 for n in (17, 20)]
    shapes: dict[str, tuple[int, ...]] = {}
    shapes["x"], shapes["w"] = (2, 2, channels, 17, 20), (2, outputs, channels, 3, 3)
    shapes["y"] = (2, 2, outputs, *size)
    x, w, g = (rng.integers(-9, 9, shapes[name]) for name in "xwy")
    window = {"s": stride, "t": stride, "d": dilation, "e": dilation, "lo": low, "lp": low}
    chosen: set[str] = set()

    def compute() -> list[Any]:
        return [
            module.forward(x, w, np.zeros((2, outputs), int), y_shape=shapes["y"], **window),
            module.grad_x(g, w, x_shape=shapes["x"], **window),
            module.grad_w(g, x, w_shape=shapes["w"], **window),
        ]

    monkeypatch.setattr(sums, "LONG", 2**60)
    expected = compute()
    for name in ("add_spread", "add_taps"):
        called = getattr(module, name)

        def noted(*arguments: Any, name: str = name, called: Any = called) -> None:
            chosen.add(name)
            called(*arguments)

        monkeypatch.setattr(module, name, noted)
    monkeypatch.setattr(sums, "LONG", 1)
    for most in (30, 1000, 2**21):
        monkeypatch.setattr(sums, "BLOCK", most)
        for found, wanted in zip(compute(), expected, strict=True):
            assert np.array_equal(found, wanted)
    if channels == 1 == outputs:
        assert "add_taps" in chosen
    if channels != outputs and 1 in (channels, outputs) and stride == 1:
        assert "add_spread" in chosen


def test_what_numpy_kernels_remember_is_bounded_and_holds_no_array() -> None:
    module: Any = importlib.import_module("rot180.generated.numpy_linear")
    products: Any = importlib.import_module("rot180.generated.numpy_products")
    rng = np.random.default_rng(0)

    def right(n: int) -> bool:
        x, w = rng.integers(-9, 9, (n, 3)), rng.integers(-9, 9, (2, 3))
        again = np.asfortranarray(x), w
        found = [module.forward(a, b, np.ones(2, int)) for a, b in ((x, w), again, (x, w))]
        return all(np.array_equal(y, x @ w.T + 1) for y in found)

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(right, [*range(1, 9)] * 8))
    assert products._plan.cache_info().maxsize <= 1024
    arrays = [np.ones((5, 3)), np.ones((2, 3)), np.ones(2)]
    gone = [weakref.ref(array) for array in (*arrays, module.forward(*arrays))]
    arrays.clear()
    gc.collect()
    assert not any(array() is not None for array in gone)


@pytest.mark.parametrize("name", LAYERS)
def test_compiled_modules_are_exact(
    compiled_modules: dict[str, tuple[Layer, types.ModuleType]], name: str
) -> None:
    for dtype in ("float64", "float32"):
        assert sum(agree(*compiled_modules[name], dtype, seed) for seed in range(12))


def test_one_sign_changes_proof_latex_and_kernels() -> None:
    texts = [
        layer_files(derive(text))
        for text in (
            "y[n,o,p] = sum[c,k] x[n,c,s*p+d*k-lo] * w[o,c,k] + bias[o]",
            "y[n,o,p] = sum[c,k] x[n,c,s*p-d*k-lo] * w[o,c,k] + bias[o]",
        )
    ]
    assert texts[0].keys() == texts[1].keys()
    for name in texts[0]:
        assert (texts[0][name] != texts[1][name]) == (name != HEADER), name


def test_lowering_refuses_a_theorem_that_was_not_replayed() -> None:
    from dataclasses import replace

    from rot180.codegen.plans.lower import LoweringError, lower

    honest = kernel_theorem(layer("conv1d"), "w")
    lower(honest, set())
    forged = replace(honest, lines=(*honest.lines[:-1], honest.lines[0]))
    with pytest.raises(LoweringError):
        lower(forged, set())
