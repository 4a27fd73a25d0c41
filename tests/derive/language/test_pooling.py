"""Pooling and flattening as indexed sums: against plain loops, forward and backward."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest

from rot180.codegen.kernels.modules import render_module
from rot180.derive.gradients.gradient import kernel_theorems
from rot180.derive.language.layers import layer

Array = np.ndarray[Any, Any]


@cache
def kernels(name: str) -> dict[str, Any]:
    """Return the functions of a layer's NumPy module."""
    forward = layer(name)
    module: dict[str, Any] = {}
    exec(render_module(forward, kernel_theorems(forward), "numpy", "A test."), module)
    return module


@dataclass(frozen=True)
class Window:
    """Taps, stride, dilation and low padding on both axes."""

    taps: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    low: tuple[int, int]

    def places(self, p: int, q: int) -> Iterator[tuple[int, int, int, int]]:
        """Yield the taps of a window with the places they read, in row-major order."""
        for k, m in itertools.product(*map(range, self.taps)):
            h = self.stride[0] * p + self.dilation[0] * k - self.low[0]
            v = self.stride[1] * q + self.dilation[1] * m - self.low[1]
            yield k, m, h, v

    def parameters(self) -> dict[str, int]:
        """Return the parameters by the catalogue's letters."""
        s, d, lo = self.stride, self.dilation, self.low
        return {"s": s[0], "t": s[1], "d": d[0], "e": d[1], "lo": lo[0], "lp": lo[1]}


WINDOWS = [
    Window((2, 2), (2, 2), (1, 1), (0, 0)),
    Window((3, 2), (2, 1), (1, 1), (1, 0)),
    Window((2, 3), (3, 2), (2, 1), (1, 1)),
    Window((1, 1), (3, 3), (1, 1), (0, 0)),
]
INPUT, OUTPUT = (2, 2, 7, 6), (2, 2, 3, 2)


def entries(rng: np.random.Generator, shape: tuple[int, ...], most: int = 4) -> Array:
    return rng.integers(-most, most + 1, shape).astype(np.float64)


def inside(h: int, v: int) -> bool:
    return 0 <= h < INPUT[2] and 0 <= v < INPUT[3]


@pytest.mark.parametrize("window", WINDOWS)
def test_average_pooling(window: Window) -> None:
    rng = np.random.default_rng(0)
    x, g, mean = entries(rng, INPUT), entries(rng, OUTPUT), np.array(0.25)
    y, dx = np.zeros(OUTPUT), np.zeros(INPUT)
    plain = Window(window.taps, window.stride, (1, 1), window.low)
    for n, c, p, q in np.ndindex(*OUTPUT):
        for _, _, h, v in plain.places(p, q):
            if inside(h, v):
                y[n, c, p, q] += x[n, c, h, v] * 0.25
                dx[n, c, h, v] += g[n, c, p, q] * 0.25
    module, (k, m) = kernels("avg_pool2d"), window.taps
    given = {name: n for name, n in plain.parameters().items() if name not in "de"}
    found = module["forward"](x, mean, K=k, L=m, y_shape=OUTPUT, **given)
    assert np.array_equal(found, y)
    found = module["grad_x"](g, mean, K=k, L=m, x_shape=INPUT, **given)
    assert np.array_equal(found, dx)


@pytest.mark.parametrize("window", WINDOWS)
def test_maximum_pooling_routes_the_gradient(window: Window) -> None:
    """With few different entries there are ties; the first largest is selected."""
    rng = np.random.default_rng(1)
    x, g = entries(rng, INPUT, most=1), entries(rng, OUTPUT)
    sel = np.zeros((*OUTPUT, *window.taps))
    y, dx = np.zeros(OUTPUT), np.zeros(INPUT)
    for n, c, p, q in np.ndindex(*OUTPUT):
        seen = [(x[n, c, h, v], k, m, h, v) for k, m, h, v in window.places(p, q) if inside(h, v)]
        largest, k, m, h, v = max(seen, key=lambda one: one[0])
        sel[n, c, p, q, k, m], y[n, c, p, q] = 1, largest
        dx[n, c, h, v] += g[n, c, p, q]
    module, given = kernels("selected_pool2d"), window.parameters()
    assert np.array_equal(module["forward"](sel, x, **given), y)
    assert np.array_equal(module["grad_x"](g, sel, x_shape=INPUT, **given), dx)


def test_maximum_pooling_is_pytorchs_with_ties_and_padding() -> None:
    torch = pytest.importorskip("torch")
    window = Window((3, 2), (2, 1), (1, 2), (1, 1))
    rng = np.random.default_rng(2)
    x = torch.tensor(entries(rng, INPUT, most=1), requires_grad=True)
    y, places = torch.nn.functional.max_pool2d(
        x, window.taps, window.stride, window.low, window.dilation, return_indices=True
    )
    g = entries(rng, tuple(y.shape))
    y.backward(torch.tensor(g))
    sel = np.zeros((*y.shape, *window.taps))
    for n, c, p, q in np.ndindex(*y.shape):
        for k, m, h, v in window.places(p, q):
            at = int(places[n, c, p, q])
            sel[n, c, p, q, k, m] = inside(h, v) and at == h * INPUT[3] + v
    assert np.array_equal(sel.sum((4, 5)), np.ones(y.shape))
    module, given = kernels("selected_pool2d"), window.parameters()
    assert np.array_equal(module["forward"](sel, x.detach().numpy(), **given), y.detach().numpy())
    assert np.array_equal(module["grad_x"](g, sel, x_shape=INPUT, **given), x.grad.numpy())


def test_a_flattened_input_needs_no_renumbering() -> None:
    rng = np.random.default_rng(3)
    x, w, bias, g = (entries(rng, shape) for shape in ((3, 2, 4, 5), (6, 2, 4, 5), (6,), (3, 6)))
    module = kernels("flatten_linear2d")
    flat = x.reshape(3, -1) @ w.reshape(6, -1).T + bias
    assert np.array_equal(module["forward"](x, w, bias), flat)
    assert np.array_equal(module["grad_x"](g, w), (g @ w.reshape(6, -1)).reshape(x.shape))
    assert np.array_equal(module["grad_w"](g, x), (g.T @ x.reshape(3, -1)).reshape(w.shape))


def test_pooling_over_any_number_of_axes() -> None:
    assert layer("avg_pool1d").text == (
        "y[n,c,p] = sum[k] x[n,c,s*p+k-lo] * [0 <= k < K] * mean[]"
    )
    assert layer("selected_pool1d").text == (
        "y[n,c,p] = sum[k] sel[n,c,p,k] * x[n,c,s*p+d*k-lo]"
    )
    assert len(layer("avg_pool4d").output.shape) == 6
    with pytest.raises(ValueError, match="expected a catalogue name"):
        layer("selected_pool9d")


def test_the_gradient_of_the_squared_error_is_the_difference() -> None:
    rng = np.random.default_rng(4)
    a, t = entries(rng, (3, 4)), entries(rng, (3, 4))
    module, one = kernels("squared_error"), np.array(1.0)
    assert module["forward"](a, t) == ((a - t) ** 2).sum() / 2
    assert np.array_equal(module["grad_a"](one, a, t), a - t)
