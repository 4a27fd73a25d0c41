"""NaN and infinity: where they are in a result, whatever computes it."""

from __future__ import annotations

import importlib
import itertools
import json
import random
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rot180.codegen.kernels.algorithms import AUTOMATIC, REQUESTS
from rot180.generated import backend, numpy_kernels
from tests.support.configurations import COUNTS, Configuration, configurations

Array = NDArray[Any]
NOT_FINITE = (np.nan, np.inf, -np.inf)
ISAS = ("baseline", "avx2", "avx512")
SOME = {name: configurations(name)[::23] for name in COUNTS}
pytestmark = pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")


@pytest.fixture
def compiled() -> Iterator[Any]:
    """Yield the compiled kernels, and restore their settings."""
    if backend() != "cython":
        pytest.skip("no compiled kernels: no C compiler")
    kernels = importlib.import_module("rot180.generated.cython_kernels")
    threads, isa = kernels.get_num_threads(), kernels.processor()
    yield kernels
    kernels.path(AUTOMATIC)
    kernels.processor(isa)
    kernels.set_num_threads(threads)


def ways(kernels: Any) -> Iterator[str]:
    """Set each algorithm on each instruction set that this processor has; yield its name."""
    for isa in ISAS:
        try:
            kernels.processor(isa)
        except ValueError:
            return
        for algorithm in REQUESTS:
            kernels.path(algorithm)
            yield f"{algorithm}, {isa}"


def drawn(rng: random.Random, shape: tuple[int, ...], dtype: str) -> Array:
    """Return small integers, a few entries of which are NaN or infinite."""
    values = np.random.default_rng(rng.getrandbits(32)).integers(-2, 3, shape).astype(dtype)
    for _ in range(rng.choice((0, 1, 1, 2, 5)) if values.size else 0):
        values[tuple(rng.randrange(n) for n in shape)] = rng.choice(NOT_FINITE)
    return values


def same(found: Array, wanted: Array) -> bool:
    """Say whether NaN, infinities and all other values are at the same places."""
    return np.array_equal(found, wanted.astype(found.dtype), equal_nan=True)


def calls(c: Configuration, seed: int, dtype: str) -> Iterator[tuple[str, Array, Any, Any]]:
    """Yield the function of a layer and of its gradients: what each should give, its arguments."""
    rng = random.Random(seed)
    x, w = drawn(rng, c.input_shape, dtype), drawn(rng, c.weight_shape, dtype)
    g, bias = drawn(rng, c.output_shape, dtype), drawn(rng, c.output_shape[1:2], dtype)
    a, b, e, f = (values.astype(object) for values in (x, w, g, bias))
    how, layer = c.keywords, c.convolution
    yield c.name, layer.forward(a, b, f), (x, w, bias), how
    yield f"{c.name}_input", layer.input_gradient(x.shape, b, e), (x.shape, w, g), how
    yield f"{c.name}_weight", layer.weight_gradient(a, w.shape, e), (x, w.shape, g), how


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", COUNTS)
def test_numpy_kernels_follow_the_terms(name: str, dtype: str) -> None:
    for seed, configuration in enumerate(SOME[name]):
        for called, wanted, arrays, how in calls(configuration, seed, dtype):
            found = getattr(numpy_kernels, called)(*arrays, **how)
            assert same(found, wanted), (called, configuration)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", COUNTS)
def test_every_algorithm_follows_the_terms(compiled: Any, name: str, dtype: str) -> None:
    for seed, configuration in enumerate(SOME[name]):
        for called, wanted, arrays, how in calls(configuration, seed, dtype):
            for way in ways(compiled):
                found = getattr(compiled, called)(*arrays, **how)
                assert same(found, wanted), (way, called, configuration)


# ---- a layer that is large enough for every algorithm, tile and thread ----


def correlated(x: Array, w: Array, pad: int) -> Array:
    """Return the sum over terms, tap by tap: each over the outputs whose window holds the entry."""
    h, v = (n + 2 * pad - k + 1 for n, k in zip(x.shape[2:], w.shape[2:], strict=True))
    out = np.zeros((len(x), len(w), h, v), x.dtype)
    for k, j in itertools.product(range(w.shape[2]), range(w.shape[3])):
        rows = slice(max(0, pad - k), min(h, x.shape[2] + pad - k))
        columns = slice(max(0, pad - j), min(v, x.shape[3] + pad - j))
        if rows.start >= rows.stop or columns.start >= columns.stop:
            continue
        shifted = [slice(s.start + a - pad, s.stop + a - pad) for s, a in ((rows, k), (columns, j))]
        part = x[:, :, shifted[0], shifted[1]]
        out[:, :, rows, columns] += np.einsum("ncpq,oc->nopq", part, w[:, :, k, j])
    return out


def counted(y: Array) -> str:
    return " ".join(
        f"{n:7}" for n in (np.isnan(y).sum(), (y == np.inf).sum(), (y == -np.inf).sum())
    )


def forward(kernels: Any, x: Array, w: Array, how: dict[str, Any]) -> Array:
    y: Array = kernels.conv2d(x, w, None, padding=1, **how)
    return y


def input_gradient(kernels: Any, x: Array, w: Array, how: dict[str, Any]) -> Array:
    """Return the same correlation as the gradient of a layer with the filter rotated."""
    rotated = w[:, :, ::-1, ::-1].swapaxes(0, 1)
    shape = (len(x), len(w), *x.shape[2:])
    grad_x: Array = kernels.conv2d_input(shape, rotated, x, padding=1, **how)
    return grad_x


@pytest.mark.parametrize("call", [forward, input_gradient])
@pytest.mark.parametrize("where", ["w", "x", "both"])
def test_positions_are_the_same_for_every_algorithm_and_batch(
    compiled: Any,
    where: str,
    call: Callable[..., Array],
    record_property: Callable[[str, object], None],
) -> None:
    """One image, alone and in a batch: a table of the NaN and infinities in it."""
    rng = np.random.default_rng(7)
    image = rng.integers(-2, 3, (1, 16, 13, 14)).astype("float64")
    filters = rng.integers(-2, 3, (16, 16, 3, 3)).astype("float64")
    if where != "x":
        filters[3, 2, 0, 0], filters[5, 1, 2, 2], filters[5, 0, 2, 0] = np.inf, -np.inf, np.nan
    if where != "w":
        image[0, 2, 0, 0], image[0, 5, 6, 13], image[0, 6, 6, 12] = np.inf, -np.inf, np.nan
    rows = [f"inf and NaN in {where}, {call.__name__}".ljust(60) + "NaN    +inf    -inf"]
    wanted = correlated(image, filters, 1)
    for dtype, batch in itertools.product(("float32", "float64"), (1, 4, 21)):
        x, w = np.repeat(image, batch, 0).astype(dtype), filters.astype(dtype)
        results = {"numpy": call(numpy_kernels, x, w, {})}
        for threads in (1, 2):
            compiled.set_num_threads(threads)
            for way in ways(compiled):
                how = f"{way}, threads {threads}"
                results[how] = call(compiled, x, w, {})
                results[f"fast, {how}"] = call(compiled, x, w, {"accuracy": "fast"})
        for how, found in results.items():
            rows.append(f"{dtype}, batch {batch}, {how}".ljust(56) + counted(found[:1]))
            assert same(found, np.repeat(wanted, batch, 0)), rows[-1]
    print("\n".join(rows))
    record_property("not_finite", json.dumps({"case": rows[0], "results": len(rows) - 1}))
    assert len({row[56:] for row in rows[1:]}) == 1


def test_fast_is_exact_where_its_transforms_overflow(compiled: Any) -> None:
    """Sums of large numbers are finite; the transforms of Winograd's form are not."""
    x = np.full((4, 16, 16, 16), 1e37, "float32")
    w = np.full((16, 16, 3, 3), 1e-2, "float32")
    found = compiled.conv2d(x, w, padding=1, accuracy="fast")
    assert np.isfinite(found).all()
    assert np.array_equal(found, compiled.conv2d(x, w, padding=1))


@pytest.mark.parametrize("bad", NOT_FINITE)
def test_entries_that_no_term_reads_do_not_matter(compiled: Any, bad: float) -> None:
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((2, 8, 30, 31)), rng.standard_normal((9, 8, 2, 2))
    how: dict[str, Any] = {"stride": 3, "padding": ((-1, 2), (1, -4))}
    spoiled = np.full_like(x, bad)
    for k, j in itertools.product(range(2), range(2)):  # rows 1 + 3p + k, columns 3q + j - 1
        spoiled[:, :, 1 + k :: 3, (j + 2) % 3 :: 3] = x[:, :, 1 + k :: 3, (j + 2) % 3 :: 3]
    spoiled[:, :, :, 27:] = bad
    for kernels in (numpy_kernels, compiled):
        wanted = kernels.conv2d(x, w, **how)
        assert np.array_equal(kernels.conv2d(spoiled, w, **how), wanted)
        assert np.array_equal(
            kernels.conv2d_weight(spoiled, w.shape, wanted, **how),
            kernels.conv2d_weight(x, w.shape, wanted, **how),
        )
        no_terms = kernels.conv2d(x, np.full_like(w, bad), padding=9)  # the corners read padding
        assert (no_terms[:, :, :8, :8] == 0).all()


@pytest.mark.parametrize("kernels", ["numpy_kernels", "cython_kernels"])
def test_sums_of_no_terms_are_the_bias(kernels: str) -> None:
    if kernels == "cython_kernels" and backend() != "cython":
        pytest.skip("no compiled kernels: no C compiler")
    found: ModuleType = importlib.import_module(f"rot180.generated.{kernels}")
    bias = np.array([5.0, np.inf, np.nan])
    for y in (
        found.conv1d(np.ones((2, 0, 4)), np.ones((3, 0, 2)), bias),
        found.conv_transpose1d(np.ones((2, 0, 4)), np.ones((0, 3, 2)), bias),
    ):
        assert np.array_equal(y, np.broadcast_to(bias[:, None], y.shape), equal_nan=True)
    y = found.linear(np.ones((2, 0)), np.ones((3, 0)), bias)
    assert np.array_equal(y, np.broadcast_to(bias, (2, 3)), equal_nan=True)
    assert found.conv1d(np.ones((0, 3, 4)), np.ones((2, 3, 2))).shape == (0, 2, 3)
