"""The public kernels, exactly, against plain loops over the definition."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support import oracles
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
from tests.support.oracles import Convolution

Array = NDArray[Any]
Draw = Callable[..., Array]
NAMES = tuple(COUNTS)


@pytest.fixture(params=BACKENDS)
def kernels(request: pytest.FixtureRequest) -> ModuleType:
    """Return a backend's module."""
    return load(request.param)


def exact_dtype(kernels: ModuleType) -> str:
    """Return a dtype in which small integers are exact: the compiled kernels take floats."""
    return "int64" if kernels.__name__.endswith("numpy_kernels") else "float64"


def draw(seed: int, dtype: str) -> Draw:
    """Return a source of arrays of small integers, positive and negative."""
    rng = np.random.default_rng(seed)

    def values(*shape: int) -> Array:
        out: Array = rng.integers(-9, 10, shape).astype(dtype)
        return out

    return values


def same(found: Array, expected: Array, dtype: str, about: object) -> None:
    """Require the same shape, dtype and values."""
    assert isinstance(found, np.ndarray), about
    assert found.shape == expected.shape, about
    assert found.dtype == dtype, about
    assert np.array_equal(found, expected.astype(dtype)), about


def compare(kernels: ModuleType, configuration: Configuration, dtype: str, values: Draw) -> None:
    """Compare forward and all gradients of one configuration."""
    about = (dtype, configuration)
    name, keywords = configuration.name, configuration.keywords
    convolution = configuration.convolution
    x, w = values(*configuration.input_shape), values(*configuration.weight_shape)
    g = values(*configuration.output_shape)
    bias = values(g.shape[1]) if configuration.bias else None
    exact = [None if a is None else a.astype(object) for a in (x, w, bias, g)]
    xs, ws, biases, gs = exact
    assert xs is not None
    assert ws is not None
    assert gs is not None
    before = [None if a is None else a.copy() for a in (x, w, bias, g)]

    same(
        getattr(kernels, name)(x, w, bias, **keywords),
        convolution.forward(xs, ws, biases),
        dtype,
        about,
    )
    same(
        getattr(kernels, f"{name}_input")(x.shape, w, g, **keywords),
        convolution.input_gradient(x.shape, ws, gs),
        dtype,
        about,
    )
    same(
        getattr(kernels, f"{name}_weight")(x, w.shape, g, **keywords),
        convolution.weight_gradient(xs, w.shape, gs),
        dtype,
        about,
    )
    same(getattr(kernels, f"{name}_bias")(g), oracles.bias_gradient(gs), dtype, about)

    for a, old in zip((x, w, bias, g), before, strict=True):
        assert a is None or old is None or np.array_equal(a, old), about


@pytest.mark.parametrize("name", NAMES)
def test_convolutions_against_plain_loops(kernels: ModuleType, name: str) -> None:
    """Forward and gradients, random output gradients, all configurations of a layer."""
    dtype = exact_dtype(kernels)
    for seed, configuration in enumerate(configurations(name)):
        compare(kernels, configuration, dtype, draw(seed, dtype))


def test_linear_against_plain_loops(kernels: ModuleType) -> None:
    """Forward and gradients of the dense layer."""
    dtype = exact_dtype(kernels)
    for seed, (batch, inputs, outputs) in enumerate(matrices()):
        values, about = draw(seed, dtype), (batch, inputs, outputs)
        x, w, bias, g = (
            values(batch, inputs),
            values(outputs, inputs),
            values(outputs),
            values(batch, outputs),
        )
        xs, ws, biases, gs = (a.astype(object) for a in (x, w, bias, g))
        same(kernels.linear(x, w), oracles.linear(xs, ws), dtype, about)
        same(kernels.linear(x, w, bias), oracles.linear(xs, ws, biases), dtype, about)
        same(
            kernels.linear_input(x.shape, w, g), oracles.linear_input_gradient(ws, gs), dtype, about
        )
        same(
            kernels.linear_weight(x, w.shape, g),
            oracles.linear_weight_gradient(xs, gs),
            dtype,
            about,
        )
        same(kernels.linear_bias(g), oracles.bias_gradient(gs), dtype, about)


def test_every_situation_is_covered() -> None:
    """At least five configurations in every cell, five hundred in all."""
    found = [c for name in NAMES for c in configurations(name)]
    counts = coverage(found)
    print(table(counts))
    assert len(found) + len(matrices()) >= 500
    assert min(counts.values()) >= 5, table(counts)


SOME = {name: configurations(name)[:40] for name in NAMES}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", NAMES)
def test_small_integers_are_exact_in_floating_point(
    kernels: ModuleType, name: str, dtype: str
) -> None:
    """Both float dtypes on both backends."""
    for seed, configuration in enumerate(SOME[name]):
        compare(kernels, configuration, dtype, draw(seed, dtype))


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "complex128"])
def test_the_package_takes_every_dtype(dtype: str) -> None:
    """Whichever backend runs: what the compiled kernels do not take goes to the others."""
    kernels = load("fastest")
    for name in NAMES:
        for seed, configuration in enumerate(SOME[name][:10]):
            compare(kernels, configuration, dtype, draw(seed, dtype))


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_complex_is_bilinear(dtype: str) -> None:
    """No conjugation anywhere."""
    kernels = load("numpy_kernels")
    for name in NAMES:
        for seed, configuration in enumerate(SOME[name][:15]):
            values = draw(seed, dtype)

            def both(*shape: int, values: Draw = values) -> Array:
                out: Array = (values(*shape) + 1j * values(*shape)).astype(dtype)
                return out

            compare(kernels, configuration, dtype, both)


@pytest.mark.parametrize(
    "dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]
)
def test_integers_wrap(dtype: str) -> None:
    """Results are those of Z modulo a power of two, without a warning."""
    kernels = load("numpy_kernels")
    info = np.iinfo(dtype)
    for seed, configuration in enumerate(c for name in NAMES for c in SOME[name][:8]):
        rng = np.random.default_rng(seed)
        x = rng.integers(info.min, info.max, configuration.input_shape, dtype, endpoint=True)
        w = rng.integers(info.min, info.max, configuration.weight_shape, dtype, endpoint=True)
        g = rng.integers(info.min, info.max, configuration.output_shape, dtype, endpoint=True)
        xs, ws, gs = (a.astype(object) for a in (x, w, g))
        name, keywords = configuration.name, configuration.keywords
        exact = configuration.convolution
        for found, expected in (
            (getattr(kernels, name)(x, w, **keywords), exact.forward(xs, ws)),
            (
                getattr(kernels, f"{name}_input")(x.shape, w, g, **keywords),
                exact.input_gradient(x.shape, ws, gs),
            ),
            (
                getattr(kernels, f"{name}_weight")(x, w.shape, g, **keywords),
                exact.weight_gradient(xs, w.shape, gs),
            ),
            (getattr(kernels, f"{name}_bias")(g), oracles.bias_gradient(gs)),
        ):
            assert found.dtype == dtype
            assert found.shape == expected.shape
            assert not np.any((found.astype(object) - expected) % 2**info.bits), configuration


def strided(a: Array, kind: int) -> Array:
    """Return the same values in another memory layout, read-only."""
    if kind == 0:
        out = np.asfortranarray(a)
    elif kind == 1:
        out = np.ascontiguousarray(a[..., ::-1])[..., ::-1]
    elif kind == 2:
        room = np.full([2 * n + 1 for n in a.shape], 77).astype(a.dtype)
        out = room[tuple(slice(1, 2 * n + 1, 2) for n in a.shape)]
        out[...] = a
    else:
        raw = np.zeros(a.nbytes + 1, np.uint8)[1:].view(a.dtype).reshape(a.shape)
        raw[...] = a
        out = raw
    out.flags.writeable = False
    return out


@pytest.mark.parametrize("kind", range(4), ids=["fortran", "reversed", "gaps", "unaligned"])
@pytest.mark.parametrize("name", NAMES)
def test_memory_layouts(kernels: ModuleType, name: str, kind: int) -> None:
    """Strided, reversed, unaligned and read-only arrays give the same results."""
    dtype = exact_dtype(kernels)
    for seed, configuration in enumerate(SOME[name][:12]):
        values = draw(seed, dtype)
        compare(kernels, configuration, dtype, lambda *n, v=values: strided(v(*n), kind))


def test_broadcast_arrays(kernels: ModuleType) -> None:
    """Stride 0 is a stride."""
    dtype = exact_dtype(kernels)
    convolution = Convolution((2, 1), ((1, 0), (0, 2)), (1, 2))
    values = draw(0, dtype)
    x = np.broadcast_to(values(1, 1, 6, 1), (2, 3, 6, 5))
    w = np.broadcast_to(values(1, 3, 1, 2), (4, 3, 3, 2))
    g = np.broadcast_to(values(1, 4, 1, 1), convolution.output_shape(x.shape, w.shape))
    xs, ws, gs = (a.astype(object) for a in (x, w, g))
    parameters = ((2, 1), ((1, 0), (0, 2)), (1, 2))
    same(kernels.conv2d(x, w, None, *parameters), convolution.forward(xs, ws), dtype, "")
    found = kernels.conv2d_input(x.shape, w, g, *parameters)
    same(found, convolution.input_gradient(x.shape, ws, gs), dtype, "")
    found = kernels.conv2d_weight(x, w.shape, g, *parameters)
    same(found, convolution.weight_gradient(xs, w.shape, gs), dtype, "")


@pytest.mark.parametrize("size", [5, 40], ids=["few outputs", "many"])
@pytest.mark.parametrize("accuracy", ["exact", "fast"])
def test_a_sum_of_nothing_is_zero(kernels: ModuleType, accuracy: str, size: int) -> None:
    """Of no channels, no outputs or no samples: whatever was in memory before."""
    out = size - 2

    def ones(*shape: int) -> Array:
        np.full((64, size, size), np.nan, "float32")  # given back, to be taken again
        return np.ones(shape, "float32")

    def zeros(found: Array, *shape: int) -> None:
        assert found.shape == shape
        assert not found.any()

    found = kernels.conv2d(ones(1, 0, size, size), ones(64, 0, 3, 3), accuracy=accuracy)
    zeros(found, 1, 64, out, out)
    shape, g = (1, 64, size, size), ones(1, 0, out, out)
    zeros(kernels.conv2d_input(shape, ones(0, 64, 3, 3), g, accuracy=accuracy), *shape)
    found = kernels.conv2d_weight(ones(0, *shape[1:]), (8, 64, 3, 3), ones(0, 8, out, out))
    zeros(found, 8, 64, 3, 3)
    zeros(kernels.linear(ones(size, 0), ones(64, 0)), size, 64)
    zeros(kernels.linear_input((size, 64), ones(0, 64), ones(size, 0)), size, 64)
    zeros(kernels.linear_weight(ones(0, size), (64, size), ones(0, 64)), 64, size)
    bias = kernels.conv2d(ones(1, 0, size, size), ones(64, 0, 3, 3), 3 * ones(64))
    assert bias.shape == (1, 64, out, out)
    assert (bias == 3).all()


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_a_transposed_convolution_is_the_adjoint_of_a_convolution(
    kernels: ModuleType, rank: int
) -> None:
    """<conv_transpose(x), g> = <x, conv(g)>, and each is the other's input gradient.

    With output padding of a stride or more the convolution has more outputs than x has entries.
    """
    dtype, seen = exact_dtype(kernels), 0
    for seed, configuration in enumerate(configurations(f"conv_transpose{rank}d")[:150]):
        if "output padding >= stride" in configuration.cells():
            continue
        values, keywords = draw(seed, dtype), configuration.keywords
        x, w = values(*configuration.input_shape), values(*configuration.weight_shape)
        g = values(*configuration.output_shape)
        others = {word: value for word, value in keywords.items() if word != "output_padding"}
        y = getattr(kernels, f"conv_transpose{rank}d")(x, w, **keywords)
        dx = getattr(kernels, f"conv{rank}d")(g, w, **others)
        assert np.sum(y * g) == np.sum(x * dx), configuration
        found = getattr(kernels, f"conv{rank}d_input")(g.shape, w, x, **others)
        same(found, y, dtype, configuration)
        found = getattr(kernels, f"conv_transpose{rank}d_input")(x.shape, w, g, **keywords)
        same(found, dx, dtype, configuration)
        seen += bool(np.sum(x * dx))
    assert seen > 60


def test_transposed_padding_in_words(kernels: ModuleType) -> None:
    """A word means the padding that the convolution has by it."""
    dtype, values = exact_dtype(kernels), draw(6, exact_dtype(kernels))
    for taps, dilation in itertools.product((1, 2, 3, 4), (1, 2, 3)):
        x, w, g = values(2, 3, 14), values(3, 2, taps), values(2, 2, 14)
        y = kernels.conv_transpose1d(x, w, padding="same", dilation=dilation)
        dx = kernels.conv1d(g, w, padding="same", dilation=dilation)
        assert y.shape == g.shape
        assert np.sum(y * g) == np.sum(x * dx) != 0
        whole = kernels.conv_transpose1d(x, w, padding="valid", dilation=dilation)
        same(whole, kernels.conv_transpose1d(x, w, dilation=dilation), dtype, taps)


def test_padding_in_words(kernels: ModuleType) -> None:
    """No padding, or what keeps the size, the odd one at the high side."""
    dtype, values = exact_dtype(kernels), draw(3, exact_dtype(kernels))
    for taps, dilation in itertools.product((1, 2, 3, 4), (1, 2, 3)):
        total = dilation * (taps - 1)
        pads = (total // 2, total - total // 2)
        x, w = values(2, 3, 7, 14), values(2, 3, taps, 3)
        g = values(2, 2, 7, 14)
        pairs = {"padding": (pads, (dilation, dilation)), "dilation": dilation}
        words = {"padding": "same", "dilation": dilation}
        same(kernels.conv2d(x, w, **words), kernels.conv2d(x, w, **pairs), dtype, pairs)
        same(
            kernels.conv2d_input(x.shape, w, g, **words),
            kernels.conv2d_input(x.shape, w, g, **pairs),
            dtype,
            pairs,
        )
        same(
            kernels.conv2d_weight(x, w.shape, g, **words),
            kernels.conv2d_weight(x, w.shape, g, **pairs),
            dtype,
            pairs,
        )
        line, short = x[:, :, 0], w[:, :, :, 0]
        assert kernels.conv1d(line, short, **words).shape == (2, 2, 14)
        if total < 7:
            x2 = kernels.conv2d(x, w[..., :1], padding="valid", dilation=dilation)
            same(x2, kernels.conv2d(x, w[..., :1], dilation=dilation), dtype, pairs)


def test_numpy_integers_as_parameters(kernels: ModuleType) -> None:
    """Anything that is an index is a parameter."""
    dtype, values = exact_dtype(kernels), draw(4, exact_dtype(kernels))
    x, w = values(1, 2, 9), values(2, 1, 3)
    two, one = np.int64(2), np.int32(1)
    found = kernels.conv1d(x, w, stride=two, padding=((one, two),), dilation=one, groups=two)
    same(found, kernels.conv1d(x, w, None, 2, ((1, 2),), 1, 2), dtype, "")
    same(
        kernels.conv1d_input(tuple(np.array(x.shape)), w, found, two, ((one, two),), one, two),
        kernels.conv1d_input(x.shape, w, found, 2, ((1, 2),), 1, 2),
        dtype,
        "",
    )


def test_photograph_sized(kernels: ModuleType) -> None:
    """Larger arrays than the blocks a kernel may work in.

    Single outputs are summed up; the gradients are tied to them by the adjoint identities.
    """
    values = draw(5, exact_dtype(kernels))
    for shape, weight, (s, t), ((top, bottom), (left, right)), (d, e), groups in (
        ((3, 16, 67, 131), (24, 16, 3, 5), (2, 1), ((1, 2), (0, 3)), (1, 1), 1),
        ((40, 4, 33, 35), (6, 2, 3, 3), (3, 3), ((0, 0), (2, 2)), (2, 3), 2),
    ):
        arguments = ((s, t), ((top, bottom), (left, right)), (d, e), groups)
        x, w = values(*shape), values(*weight)
        y = kernels.conv2d(x, w, None, *arguments)
        g = values(*y.shape)
        dx = kernels.conv2d_input(x.shape, w, g, *arguments)
        dw = kernels.conv2d_weight(x, w.shape, g, *arguments)
        assert np.sum(g * y) == np.sum(dx * x) == np.sum(dw * w) != 0
        padded = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)))
        at = random.Random(0)
        for _ in range(50):
            n, o, p, q = (at.randrange(size) for size in y.shape)
            first = o // (weight[0] // groups) * weight[1]
            assert y[n, o, p, q] == sum(
                padded[n, first + c, s * p + d * k, t * q + e * m] * w[o, c, k, m]
                for c, k, m in np.ndindex(*weight[1:])
            )
