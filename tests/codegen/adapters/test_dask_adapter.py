"""A layer of one's own on Dask arrays is the layer in memory, forward and all gradients."""

from __future__ import annotations

import inspect
import random
import warnings
from typing import Any

import numpy as np
import pytest

from rot180.codegen import compile as compiled
from rot180.codegen.adapters import as_dask

da = pytest.importorskip("dask.array")
Array = np.ndarray[Any, Any]

CONV = "y[n,o,p] = sum[c,k] x[n,c,s*p+d*k-lo] * w[o,c,k] + b[o]"
LAYERS: list[tuple[str, tuple[tuple[int, ...], ...], dict[str, Any]]] = [
    (CONV, ((3, 4, 23), (5, 4, 2), (5,)), {"s": 3, "d": 2, "lo": 4, "y_shape": (3, 5, 9)}),
    (CONV, ((0, 2, 9), (3, 2, 2), (3,)), {"s": 1, "d": 1, "lo": 0, "y_shape": (0, 3, 8)}),
    ("y[p] = x[H-1-p]", ((11,),), {"H": 11, "y_shape": (11,)}),
    ("y[i,j] = sum[k] A[i,k]*B[k,j]", ((5, 6), (6, 7)), {}),
    ("y[p,q] = sum[k] x[p+k,q+k]*w[k]", ((8, 9), (3,)), {"y_shape": (6, 7)}),
    ("y[p,q] = sum[k] x[p+k-q]*w[k,q]", ((12,), (3, 4)), {"y_shape": (10, 4)}),
    ("y[n,c] = a*x[n,c]*g[c]", ((6, 5), (5,)), {"a": 3}),
    ("y[b,p,f] = sum[k,c] x[b,p+k-1,c]*w[p,k,c,f]", ((4, 9, 3), (9, 3, 3, 2)), {}),
    ("y[h] = sum[p] x[p]*[s*p+k == h+lo]", ((7,),), {"s": 3, "k": 1, "lo": 1, "y_shape": (20,)}),
]
"""Layers, the shapes of their operands, parameters and shapes."""


def integers(rng: random.Random, shape: tuple[int, ...]) -> Array:
    return np.random.default_rng(rng.randrange(1 << 30)).integers(-9, 10, shape).astype("f8")


def scattered(rng: random.Random, array: Array) -> Any:
    """Divide each axis into up to three chunks."""
    chunks = []
    for n in array.shape:
        cuts = sorted(rng.sample(range(1, n), min(n - 1, rng.randrange(3)))) if n > 1 else []
        chunks.append(tuple(b - a for a, b in zip([0, *cuts], [*cuts, n], strict=True)))
    return da.from_array(array, chunks=tuple(chunks))


@pytest.mark.parametrize(("text", "shapes", "how"), LAYERS)
def test_blocks_are_exact(text: str, shapes: Any, how: dict[str, Any]) -> None:
    rng, whole, layer = random.Random(0), compiled(text, "numpy"), as_dask(text, "numpy")
    words = list(inspect.signature(layer).parameters)[: len(shapes)]
    for _ in range(1 + (text == CONV)):
        arrays = [integers(rng, s) for s in shapes]
        y = whole.forward(*arrays, **how)
        g = integers(rng, y.shape)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            lazy = layer(*(scattered(rng, a) for a in arrays), **how)
            parts = dict(zip(words, (scattered(rng, a) for a in arrays), strict=True))
            gradients = layer.vjp(scattered(rng, g), **parts, **how)
        known = {"grad_y": g, **dict(zip(words, arrays, strict=True)), **how}
        known |= {f"{word}_shape": a.shape for word, a in zip(words, arrays, strict=True)}
        assert np.array_equal(lazy.compute(scheduler="synchronous"), y)
        for word, a, found in zip(words, arrays, gradients, strict=True):
            kernel = getattr(whole, f"grad_{word}")
            exact = kernel(**{n: known[n] for n in inspect.signature(kernel).parameters})
            assert found.shape == a.shape
            assert np.array_equal(found.compute(scheduler="synchronous"), exact), word


def test_what_is_chunked_is_divided() -> None:
    layer, rng = as_dask(CONV, "numpy"), random.Random(0)
    x, w, b = (integers(rng, s) for s in ((4, 2, 40), (3, 2, 3), (3,)))
    lazy = da.from_array(x, chunks=(2, 2, 10))
    how = {"s": 1, "d": 1, "lo": 1, "y_shape": (4, 3, 40)}
    y = layer(lazy, w, b, **how)
    assert y.chunks == ((2, 2), (3,), (10, 10, 10, 10))
    by_x, by_w, by_b = layer.vjp(y, lazy, w, b, **how)
    assert by_x.chunks == ((2, 2), (2,), (10, 10, 10, 10))
    assert (by_w.numblocks, by_b.numblocks) == ((1, 1, 1), (1,))


def test_an_axis_that_no_theorem_divides_is_named() -> None:
    layer, x = as_dask("y[n] = relu(x[n])", "numpy"), np.arange(-4.0, 5)
    with pytest.warns(UserWarning, match="x: found 3 chunks along axis 0"):
        y = layer(da.from_array(x, chunks=3))
    assert np.array_equal(y.compute(scheduler="synchronous"), np.maximum(x, 0))


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda f, x: f([1.0]), TypeError, r"x: found \[1.0\], expected a Dask array"),
        (lambda f, x: f(x, x), TypeError, "operands: found 2"),
        (lambda f, x: f(x, q=1), TypeError, "q: unknown"),
        (lambda f, x: f(x.astype(int)), TypeError, "x: found dtype int64"),
        (lambda f, x: f(x[None]), ValueError, "x: found 2 axes"),
        (lambda f, x: f.vjp(x[:2], x), ValueError, "grad_output: found shape"),
        (lambda f, x: f.vjp(x.astype("f4"), x), TypeError, "grad_output: found dtype float32"),
        (lambda f, x: f(da.from_array(x)[da.from_array(x) > 0]), ValueError, "unknown size"),
    ],
)
def test_bad_input_is_refused_at_the_call(call: Any, error: Any, said: str) -> None:
    with pytest.raises(error, match=said):
        call(as_dask("y[p] = 2*x[p]", "numpy"), np.arange(3.0))


def test_a_program_is_refused() -> None:
    with pytest.raises(ValueError, match="expected one definition"):
        as_dask("s[] = sum[i] x[i]; y[i] = x[i]/s[]", "numpy")
