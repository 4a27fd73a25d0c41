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
    ("y[p] = sum[k] relu(x[2*p+k-3])*w[k] + abs(w[0])", ((9,), (3,)), {"y_shape": (6,)}),
    ("y[n] = relu(x[n])*x[n] - abs(x[n])", ((11,),), {}),
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
    layer, x = as_dask("y[p] = sum[i,j] x[i]*x[j]*[i+j==p]", "numpy"), np.arange(9.0)
    with pytest.warns(UserWarning, match="x: found 3 chunks along axis 0") as found:
        y = layer(da.from_array(x, chunks=3), y_shape=(17,))
    assert found[0].filename == __file__
    assert np.array_equal(y.compute(scheduler="synchronous"), np.convolve(x, x))


def test_a_warning_about_a_program_points_at_its_call() -> None:
    text, x = "a[p] = sum[i,j] x[i]*x[j]*[i+j==p]; y[p] = 2*a[p]", np.arange(9.0)
    with pytest.warns(UserWarning, match="x: found 3 chunks along axis 0") as found:
        as_dask(text, "numpy")(da.from_array(x, chunks=3), y_shape=(17,))
    assert found[0].filename == __file__


def test_a_sum_beside_other_terms_is_divided() -> None:
    layer, x = as_dask("y[] = sum[n] relu(x[n]) + 3*b[]", "numpy"), np.arange(-4.0, 5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y = layer(da.from_array(x, chunks=3), np.array(2.0))
    assert np.array_equal(y.compute(scheduler="synchronous"), 16.0)


def test_a_function_of_an_entry_is_divided() -> None:
    layer, x = as_dask("y[n,p] = sum[k] relu(x[n,p+k])*w[k]", "numpy"), np.ones((4, 20))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y = layer(da.from_array(x, chunks=(2, 6)), np.ones(3), y_shape=(4, 18))
    assert y.chunks[0] == (2, 2) and len(y.chunks[1]) == 4


PROGRAMS: list[tuple[str, tuple[tuple[int, ...], ...], dict[str, Any]]] = [
    (
        "m[n] = max[j] x[n,j]; e[n,j] = exp(x[n,j]-m[n]); y[n,j] = e[n,j] / sum[k] e[n,k]",
        ((5, 7),),
        {},
    ),
    (
        "z[n,i,j] = sum[d] q[n,i,d]*k[n,j,d]*c; m[n,i] = max[j] z[n,i,j]; "
        "e[n,i,j] = exp(z[n,i,j]-m[n,i]); y[n,i,f] = sum[j] e[n,i,j]*v[n,j,f] / sum[j] e[n,i,j]",
        ((2, 5, 3), (2, 6, 3), (2, 6, 4)),
        {"c": 0.25},
    ),
    (
        "u[N,P,3]; u[n,p,i] = x[n,s*p+i]; y[n,p] = max[i] u[n,p,i]",
        ((3, 13),),
        {"s": 2, "y_shape": (3, 5)},
    ),
    ("m[] = min[n,j] x[n,j]; y[n] = sum[j] (x[n,j] - m[]) * x[n,j]", ((4, 5),), {}),
    ("p[n] = prod[j] x[n,j]; y[n] = p[n]*w[n]", ((5, 4), (5,)), {}),
    ("s[n] = sum[j] x[n,j]/J; y[n,j] = (x[n,j] - s[n])*g[j]", ((6, 8), (8,)), {}),
    ("a[n] = x[n]*x[n]; z[n] = a[n] + relu(b[n])", ((7,), (7,)), {}),
]
"""Programs, the shapes of their operands, parameters and sizes."""


@pytest.mark.parametrize(("text", "shapes", "how"), PROGRAMS)
def test_programs_in_blocks(text: str, shapes: Any, how: dict[str, Any]) -> None:
    whole, layer, rng = compiled(text, "numpy"), as_dask(text, "numpy"), random.Random(1)
    arrays = [integers(rng, s) for s in shapes]
    words = list(inspect.signature(layer).parameters)[: len(shapes)]
    known = {**dict(zip(words, arrays, strict=True)), **how, "u_shape": (3, 5, 3)}
    known |= {f"{word}_shape": a.shape for word, a in zip(words, arrays, strict=True)}

    def called(kernel: Any) -> Any:
        return kernel(**{w: known[w] for w in inspect.signature(kernel).parameters if w in known})

    y = called(whole.forward)
    g = integers(rng, y.shape)
    known |= {"grad_y": g, "grad_z": g}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        lazy = layer(*(scattered(rng, a) for a in arrays), **how)
        parts = (scattered(rng, a) for a in arrays)
        gradients = layer.vjp(scattered(rng, g), *parts, **how)
    near = 1e-12 if "/" in text else 0.0
    assert np.allclose(lazy.compute(scheduler="synchronous"), y, near, near)
    for word, a, found in zip(words, arrays, gradients, strict=True):
        exact = called(getattr(whole, f"grad_{word}"))
        assert found.shape == a.shape
        assert np.allclose(found.compute(scheduler="synchronous"), exact, near, near), word


def test_blocks_of_a_program_are_as_large_as_chunks() -> None:
    text, x = PROGRAMS[0][0], da.ones((12, 9), chunks=(4, 3))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        layer = as_dask(text, "numpy")
        (by_x,) = layer.vjp(layer(x), x)
    assert layer(x).chunks == by_x.chunks == ((4, 4, 4), (3, 3, 3))


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


@pytest.mark.parametrize("text", ["y[n] = x[idx[n]]", "y[t] = x[t]*cos(k*t)"])
def test_a_program_with_indices_or_a_table_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="an array of indices or a table, expected a program"):
        as_dask(text, "numpy")
