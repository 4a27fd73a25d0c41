"""The public kernels in float64 against PyTorch, within the rounding of a sum.

A sum of n products in any order is within 2(n+1) eps sum |x||w| of another; the sum of absolute
values is PyTorch's own result on absolute values.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.configurations import (
    BACKENDS,
    COUNTS,
    Configuration,
    configurations,
    coverage,
    load,
    matrices,
    table,
)
from tests.support.oracles import TransposedConvolution

torch = pytest.importorskip("torch")
torch.set_num_threads(1)  # threads cost more than they save on arrays this small
Array = NDArray[Any]
EPSILON = float(np.finfo(np.float64).eps)


@pytest.fixture(params=BACKENDS)
def kernels(request: pytest.FixtureRequest) -> ModuleType:
    """Return a backend's module."""
    return load(request.param)


def results(
    x: Array, w: Array, bias: Array | None, g: Array, configuration: Configuration | None
) -> list[Array]:
    """Return PyTorch's output and its gradients; without a configuration, of a linear layer."""
    operands = [torch.tensor(a, requires_grad=True) for a in (x, w, bias) if a is not None]
    if configuration is None:
        y = torch.nn.functional.linear(*operands)
    else:
        c = configuration.convolution
        window = {"stride": c.stride, "dilation": c.dilation, "groups": c.groups}
        convolve = getattr(torch.nn.functional, configuration.name)
        if not isinstance(c, TransposedConvolution):
            y = convolve(shifted(operands[0], c.padding, 1), *operands[1:], **window)
        elif all(low == high >= 0 for low, high in c.padding):
            window["padding"] = tuple(low for low, _ in c.padding)
            y = convolve(*operands, output_padding=c.output_padding, **window)
        else:
            whole = convolve(*operands[:2], output_padding=c.output_padding, **window)
            y = shifted(whole, c.padding, -1)
            if bias is not None:
                y = y + operands[2].reshape(-1, *(1,) * configuration.rank)
    assert tuple(y.shape) == g.shape
    y.backward(torch.tensor(g))
    return [y.detach().numpy(), *(a.grad.numpy() for a in operands)]


def shifted(a: Any, padding: Sequence[tuple[int, int]], sign: int) -> Any:
    """Pad (sign 1) or crop (sign -1) the spatial axes; negative padding does the other."""
    pads = [max(sign * n, 0) for pair in reversed(padding) for n in pair]
    out = torch.nn.functional.pad(a, pads)
    for axis, pair in enumerate(padding, 2):
        low, high = (max(-sign * n, 0) for n in pair)
        out = out.narrow(axis, low, out.shape[axis] - low - high)
    return out


def agree(
    found: Sequence[Array], operands: tuple[Array, Array, Array | None, Array], about: object
) -> None:
    """Compare output and gradients with PyTorch's, entry by entry."""
    configuration = about if isinstance(about, Configuration) else None
    x, w, bias, g = operands
    expected = results(x, w, bias, g, configuration)
    size = results(abs(x), abs(w), None if bias is None else abs(bias), abs(g), configuration)
    windows = g.size // max(g.shape[1], 1)
    groups = configuration.convolution.groups if configuration else 1
    taps = int(np.prod(w.shape[2:]))
    first, second = w.shape[0] // groups * taps, w.shape[1] * taps
    turned = configuration is not None and configuration.transposed
    inputs, outputs = (first, second) if turned else (second, first)
    counts = (inputs + 1, outputs, windows, windows)
    names = ("output", "input", "weight", "bias")
    for name, a, b, scale, n in zip(names, found, expected, size, counts, strict=False):
        assert a.shape == b.shape, (name, about)
        assert a.dtype == np.float64, (name, about)
        assert np.all(abs(a - b) <= 2 * (n + 1) * EPSILON * scale), (name, about)


@pytest.mark.parametrize("name", tuple(COUNTS))
def test_convolutions_against_torch(kernels: ModuleType, name: str) -> None:
    """Forward and all gradients, random output gradients, all configurations of a layer."""
    for seed, configuration in enumerate(configurations(name)):
        rng = np.random.default_rng(seed)
        x = rng.standard_normal(configuration.input_shape)
        w = rng.standard_normal(configuration.weight_shape)
        g = rng.standard_normal(configuration.output_shape)
        bias = np.array(rng.standard_normal(g.shape[1])) if configuration.bias else None
        keywords = configuration.keywords
        found = [
            getattr(kernels, name)(x, w, bias, **keywords),
            getattr(kernels, f"{name}_input")(x.shape, w, g, **keywords),
            getattr(kernels, f"{name}_weight")(x, w.shape, g, **keywords),
            *([] if bias is None else [getattr(kernels, f"{name}_bias")(g)]),
        ]
        agree(found, (x, w, bias, g), configuration)


def test_linear_against_torch(kernels: ModuleType) -> None:
    """Forward and all gradients of the dense layer."""
    for seed, (batch, inputs, outputs) in enumerate(matrices()):
        rng = np.random.default_rng(seed)
        x, w = rng.standard_normal((batch, inputs)), rng.standard_normal((outputs, inputs))
        bias, g = rng.standard_normal(outputs), rng.standard_normal((batch, outputs))
        found = [
            kernels.linear(x, w, bias),
            kernels.linear_input(x.shape, w, g),
            kernels.linear_weight(x, w.shape, g),
            kernels.linear_bias(g),
        ]
        agree(found, (x, w, bias, g), (batch, inputs, outputs))


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("taps", [1, 2, 3, 4])
def test_padding_in_words_is_torchs(kernels: ModuleType, taps: int, padding: str) -> None:
    """The same words mean the same windows."""
    rng = np.random.default_rng(taps)
    x, w = rng.integers(-9, 9, (2, 3, 12)) * 1.0, rng.integers(-9, 9, (4, 3, taps)) * 1.0
    for dilation in (1, 2, 3):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Using padding='same'")
            expected = torch.nn.functional.conv1d(
                torch.tensor(x), torch.tensor(w), padding=padding, dilation=dilation
            )
        found = kernels.conv1d(x, w, padding=padding, dilation=dilation)
        assert np.array_equal(found, expected.numpy())


def test_every_situation_is_covered() -> None:
    """At least five configurations in every cell, five hundred in all; the table is printed."""
    found = [c for name in COUNTS for c in configurations(name)]
    counts = coverage(found)
    print(table(counts))
    assert len(found) + len(matrices()) >= 500
    assert min(counts.values()) >= 5, table(counts)


@pytest.mark.parametrize("name", ["conv2d", "conv_transpose2d"])
def test_complex_gradients_are_those_with_the_operands_conjugated(
    kernels: ModuleType, name: str
) -> None:
    """As docs/kernels.md says; and one number in a tuple counts for both axes."""
    rng = np.random.default_rng(0)

    def draw(*shape: int) -> Array:
        return rng.normal(size=shape) + 1j * rng.normal(size=shape)

    x, w, bias = draw(2, 4, 5, 6), draw(4, 2, 3, 2), draw(4)
    how: dict[str, Any] = {"stride": (2,), "padding": (1,), "dilation": (1,), "groups": 2}
    operands = [torch.tensor(a, requires_grad=True) for a in (x, w, bias)]
    y = getattr(torch.nn.functional, name)(*operands, **how)
    g = draw(*y.shape)
    y.backward(torch.tensor(g))
    results = [
        getattr(kernels, name)(x, w, bias, **how),
        getattr(kernels, f"{name}_input")(x.shape, w.conj(), g, **how),
        getattr(kernels, f"{name}_weight")(x.conj(), w.shape, g, **how),
        getattr(kernels, f"{name}_bias")(g),
    ]
    for found, expected in zip(results, [y.detach(), *(t.grad for t in operands)], strict=True):
        assert np.allclose(found, expected.numpy(), rtol=1e-12, atol=1e-12)
