"""Public kernels without a batch, and `linear` with a batch of several axes."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rot180.codegen.kernels.public_shapes import batch_of
from rot180.derive.language.notation import parse_layer
from tests.support.configurations import BACKENDS, COUNTS, configurations, load

Array = NDArray[Any]


@pytest.fixture(params=BACKENDS)
def kernels(request: pytest.FixtureRequest) -> ModuleType:
    """Return a backend's module."""
    return load(request.param)


def integers(rng: np.random.Generator, *shape: int) -> Array:
    """Return small integers, which every backend adds exactly."""
    drawn: Array = rng.integers(-9, 10, shape).astype(np.float64)
    return drawn


def same(found: Array, expected: Array, about: object) -> None:
    """Require the same shape and values."""
    assert found.shape == expected.shape, about
    assert np.array_equal(found, expected), about


@pytest.mark.parametrize("name", COUNTS)
def test_one_example_without_a_batch(kernels: ModuleType, name: str) -> None:
    """It is computed as a batch of one, forward and backward."""
    rng = np.random.default_rng(1)
    several = [c for c in configurations(name) if c.batch][:40]
    assert several
    for c in several:
        x, w = integers(rng, *c.input_shape)[:1], integers(rng, *c.weight_shape)
        g = integers(rng, 1, *c.output_shape[1:])
        bias, keywords = integers(rng, g.shape[1]), c.keywords
        forward, by_input, by_weight, by_bias = (
            getattr(kernels, name + of) for of in ("", "_input", "_weight", "_bias")
        )
        same(forward(x[0], w, bias, **keywords), forward(x, w, bias, **keywords)[0], c)
        expected = by_input(x.shape, w, g, **keywords)[0]
        same(by_input(list(x.shape[1:]), w, g[0], **keywords), expected, c)
        same(by_weight(x[0], w.shape, g[0], **keywords), by_weight(x, w.shape, g, **keywords), c)
        same(by_bias(g[0]), by_bias(g), c)


@pytest.mark.parametrize("batch", [(), (1,), (0,), (2, 3), (3, 1, 2), (2, 0)])
def test_linear_with_any_batch(kernels: ModuleType, batch: tuple[int, ...]) -> None:
    """The axes of the batch stay; gradients sum over all of them; strided arrays are read right."""
    rng = np.random.default_rng(2)
    x, g = integers(rng, 5, *batch), integers(rng, 4, *batch)
    x, g = np.moveaxis(x, 0, -1), np.moveaxis(g, 0, -1)
    w, bias = integers(rng, 4, 5), integers(rng, 4)
    same(kernels.linear(x, w, bias), x @ w.T + bias, batch)
    same(kernels.linear_input(x.shape, w, g), g @ w, batch)
    same(kernels.linear_weight(x, w.shape, g), g.reshape(-1, 4).T @ x.reshape(-1, 5), batch)
    same(kernels.linear_bias(g), g.sum(tuple(range(len(batch)))), batch)


def test_a_batch_that_only_one_argument_has(kernels: ModuleType) -> None:
    """Arguments that do not go together are refused, and so is a second batch of a window."""
    x, w, g = np.ones((2, 5)), np.ones((3, 2, 3)), np.ones((1, 3, 3))
    with pytest.raises(ValueError, match=r"input: found 2 axes .* expected 3 axes"):
        kernels.conv1d_weight(x, w.shape, g)
    with pytest.raises(ValueError, match="input_size: found 2 sizes"):
        kernels.conv1d_input(x.shape, w, g)
    with pytest.raises(ValueError, match="input: found 4 axes"):
        kernels.conv1d(np.ones((1, 1, 2, 5)), w)
    with pytest.raises(ValueError, match="grad_output: found 4 axes"):
        kernels.conv1d_bias(np.ones((1, 1, 3, 3)))
    with pytest.raises(ValueError, match="axes"):
        kernels.linear_weight(np.ones((2, 3, 5)), (4, 5), np.ones((3, 2, 4)))


def test_what_a_batch_is() -> None:
    """The output's first index, where each term reads its arrays at that index alone."""
    assert batch_of(parse_layer("y[n,o] = sum[c] x[n,c]*w[o,c] + b[o]")) == {"x", "y"}
    assert batch_of(parse_layer("y[n,o] = sum[c,d] x[n,c]*w[o,c,d]*z[n,d]")) == {"x", "y", "z"}
    for text in (
        "y[p] = sum[k] x[p+k]*w[k]",
        "y[n,m] = sum[c] x[n,c]*x[m,c]",
        "y[n,o] = sum[c] x[n,c]*w[o,n-c]",
        "y[n,o] = sum[c] x[n,c]*w[o,c]*[0 <= n - c]",
    ):
        assert not batch_of(parse_layer(text)), text
