"""Public functions on float16 and bfloat16: float32 sums, one rounding, bounded blocks."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from rot180.derive.gradients.gradient import gradient, kernel_theorem
from rot180.derive.language.layers import layer
from rot180.derive.semantics.rounding import RoundingTheorem, rounding
from rot180.derive.semantics.rounding_bounds import EntryBounds, arithmetic, entry_bounds
from rot180.generated import numpy_block_loops, numpy_storage
from rot180.generated.numpy_views import BLOCK
from tests.support.configurations import BACKENDS, load

Array = np.ndarray[Any, np.dtype[Any]]

LAYERS = ("linear", *(f"conv{t}{n}d" for t in ("", "_transpose") for n in (1, 2, 3)))


@pytest.fixture(params=["float16", "bfloat16"])
def dtype(request: pytest.FixtureRequest) -> np.dtype[Any]:
    if request.param == "bfloat16":
        package = pytest.importorskip("ml_dtypes", reason="ml_dtypes is not installed")
        found: np.dtype[Any] = np.dtype(package.bfloat16)
        return found
    return np.dtype(str(request.param))


@pytest.fixture(params=BACKENDS)
def kernels(request: pytest.FixtureRequest) -> ModuleType:
    return load(request.param)


@pytest.fixture(params=[60, BLOCK])
def block(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(numpy_block_loops, "BLOCK", request.param)
    return int(request.param)


def draw(rng: np.random.Generator, dtype: np.dtype[Any], *shape: int) -> Array:
    return rng.integers(-3, 4, shape).astype(dtype)


def calls(
    name: str, rng: np.random.Generator, dtype: np.dtype[Any]
) -> Iterator[tuple[str, list[Any], dict[str, Any]]]:
    """Yield a random call of each function of a layer, with small integers as entries."""
    groups, low, high, batch = rng.integers(1, (4, 4, 4, 4))
    batch = 0 if rng.random() < 0.1 else batch
    if name == "linear":
        x, w = draw(rng, dtype, batch, 2, low * 3), draw(rng, dtype, high, low * 3)
        y, how = draw(rng, dtype, batch, 2, high), dict[str, Any]()
    else:
        rank = int(name[-2])
        size, taps = rng.integers(4, 8, rank), rng.integers(1, 4, rank)
        how = {
            "stride": (*map(int, rng.integers(1, 4, rank)),),
            "dilation": (*map(int, rng.integers(1, 3, rank)),),
            "padding": (*((int(a), int(b)) for a, b in rng.integers(-1, 4, (rank, 2))),),
            "groups": int(groups),
        }
        x = draw(rng, dtype, batch, groups * low, *size)
        pair = (low, high) if "transpose" in name else (high, low)
        w = draw(rng, dtype, groups * pair[0], pair[1], *taps)
        try:
            wide = getattr(load("numpy_kernels"), name)(x.astype("f4"), w.astype("f4"), **how)
        except ValueError:  # no output
            return
        y = draw(rng, dtype, *wide.shape)
    bias = draw(rng, dtype, w.shape[0] if "transpose" not in name else y.shape[1])
    yield name, [x, w, bias], how
    yield name, [x, w], how
    yield f"{name}_input", [x.shape, w, y], how
    yield f"{name}_weight", [x, w.shape, y], how
    yield f"{name}_bias", [y], {}


def as_float64(value: Any) -> Any:
    return value.astype(np.float64) if isinstance(value, np.ndarray) else value


@pytest.mark.parametrize("name", LAYERS)
def test_integers_are_exact(
    kernels: ModuleType, name: str, dtype: np.dtype[Any], block: int
) -> None:
    """Whatever the blocks: strides, dilations, groups, padding, no batch, no entry."""
    rng = np.random.default_rng([block % 997, LAYERS.index(name)])
    for _ in range(1 if block < BLOCK and "3d" in name else 2):
        for function, given, how in calls(name, rng, dtype):
            expected = getattr(load("numpy_kernels"), function)(*map(as_float64, given), **how)
            found = getattr(kernels, function)(*given, **how)
            assert found.dtype == dtype
            assert found.shape == expected.shape
            assert np.array_equal(as_float64(found), as_float64(expected.astype(dtype))), how


@cache
def stated(operand: str) -> RoundingTheorem:
    conv = layer("conv2d")
    return rounding(gradient(conv, operand) if operand else kernel_theorem(conv, None))


SIZES = {"s": 2, "d": 1, "lo": 1, "t": 1, "e": 2, "lp": 2, "P": 3, "Q": 5}
SIZES |= {"H": 5, "V": 5, "K": 3, "L": 3}
HOW = {"stride": (2, 1), "dilation": (1, 2), "padding": (1, 2)}


def operands(dtype: np.dtype[Any]) -> dict[str, Array]:
    rng = np.random.default_rng(5)
    shapes = {"x": (3, 2, 5, 5), "w": (2, 2, 3, 3), "bias": (2,), "grad_y": (3, 2, 3, 5)}
    values = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    return {name: value.astype(dtype) for name, value in values.items()}


def bounds(operand: str, given: dict[str, Array], dtype: np.dtype[Any]) -> EntryBounds:
    """Return the bound that is proved: products exact, sums in float32, one rounding more."""
    with_ = arithmetic(dtype.name, "float32")
    assert with_.product == 0
    found = entry_bounds(stated(operand), SIZES, given, with_)
    assert not found.unmet
    return found


def computed(kernels: ModuleType, operand: str, given: dict[str, Array]) -> Array:
    x, w, g = given["x"], given["w"], given["grad_y"]
    found: Array = {
        "": lambda: kernels.conv2d(x, w, given["bias"], **HOW),
        "x": lambda: kernels.conv2d_input(x.shape, w, g, **HOW),
        "w": lambda: kernels.conv2d_weight(x, w.shape, g, **HOW),
        "bias": lambda: kernels.conv2d_bias(g),
    }[operand]()
    return found


@pytest.mark.parametrize("operand", ["", "x", "w", "bias"])
def test_real_numbers_are_within_the_proved_bound(
    operand: str, dtype: np.dtype[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    given = operands(dtype)
    found = bounds(operand, given, dtype)
    for size in (BLOCK, 20):
        monkeypatch.setattr(numpy_block_loops, "BLOCK", size)
        for backend in BACKENDS:
            if importlib.util.find_spec(f"rot180.generated.{backend}"):
                values = computed(load(backend), operand, given)
                assert 0 < found.ratios(as_float64(values)).max() <= 1


@pytest.mark.parametrize("operand", ["w", "bias"])
def test_sums_of_rounded_blocks_break_the_bound(
    operand: str, dtype: np.dtype[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mutant that adds up blocks in 16 bits: what is small is lost in the large first entry."""
    given = {name: np.ones_like(value) for name, value in operands(dtype).items()}
    given["grad_y"][0, :, 0, 0] = 4096
    found = bounds(operand, given, dtype)
    monkeypatch.setattr(numpy_block_loops, "BLOCK", 1)
    kernels = load("numpy_kernels")
    assert found.ratios(as_float64(computed(kernels, operand, given))).max() <= 1
    part = numpy_storage.BlockedCall.part
    monkeypatch.setattr(
        numpy_storage.BlockedCall, "part", lambda call, at: part(call, at).astype(dtype)
    )
    assert found.ratios(as_float64(computed(kernels, operand, given))).max() > 1


def test_sums_are_longer_than_16_bits_count(kernels: ModuleType, dtype: np.dtype[Any]) -> None:
    """In float16, 2048 + 1 is 2048, and in bfloat16 256 + 1 is 256."""
    x, w = np.ones((3, 8192), dtype), np.ones((2, 8192), dtype)
    assert np.all(as_float64(kernels.linear(x, w)) == 8192)
    assert np.all(as_float64(kernels.linear_bias(np.ones((8192, 2), dtype))) == 8192)


def test_blocks_are_bounded(dtype: np.dtype[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """No array is converted whole: not a batch, one large image, a long signal or a weight."""
    kernels, most = load("numpy_kernels"), 3000
    monkeypatch.setattr(numpy_block_loops, "BLOCK", most)
    seen = list[int]()
    part = numpy_storage.BlockedCall.part

    def recorded(call: Any, at: Any) -> Array:
        found = part(call, at)
        seen.extend(a.size for _, a in call.converted.values())
        return found

    monkeypatch.setattr(numpy_storage.BlockedCall, "part", recorded)
    for x, w in (
        ((40, 2, 20, 20), (3, 2, 3, 3)),
        ((1, 1, 200, 150), (1, 1, 5, 5)),
        ((1, 8, 20, 20), (200, 8, 3, 3)),
    ):
        image, weight = np.ones(x, dtype), np.ones(w, dtype)
        y = kernels.conv2d(image, weight, padding=1)
        kernels.conv2d_input(x, weight, y, padding=1)
        kernels.conv2d_weight(image, w, y, padding=1)
        kernels.conv2d_bias(y)
    kernels.conv1d(np.ones((1, 1, 50_000), dtype), np.ones((1, 1, 9), dtype), stride=3)
    kernels.linear_input((4, 300), np.ones((200, 300), dtype), np.ones((4, 200), dtype))
    assert most / 2 < max(seen) <= most


def test_views_and_arrays_that_are_read_only(kernels: ModuleType, dtype: np.dtype[Any]) -> None:
    x = draw(np.random.default_rng(0), dtype, 2, 6, 7, 8).transpose(0, 3, 1, 2)[:, ::-2, 1:, ::2]
    w = draw(np.random.default_rng(1), dtype, 5, 4, 3, 3)
    x.flags.writeable = w.flags.writeable = False
    expected = kernels.conv2d(np.ascontiguousarray(x), w, padding=1)
    assert np.array_equal(as_float64(kernels.conv2d(x, w, padding=1)), as_float64(expected))


def test_what_is_refused(kernels: ModuleType, dtype: np.dtype[Any]) -> None:
    """Operands of several dtypes, another byte order, 8 bits; shapes, as for float32."""
    x, w = np.ones((1, 2, 4, 4), dtype), np.ones((3, 2, 2, 2), dtype)
    with pytest.raises(TypeError, match=f"weight: found dtype float32, expected {dtype}, the"):
        kernels.conv2d(x, w.astype("f4"))
    with pytest.raises(TypeError, match=f"weight: found dtype {dtype}, expected float64, the"):
        kernels.conv2d(x.astype("f8"), w)
    with pytest.raises(TypeError, match="bias: found dtype int8"):
        kernels.conv2d(x, w, np.ones(3, np.int8))
    with pytest.raises(TypeError, match="weight: found list"):
        kernels.conv2d(x, w.tolist())
    with pytest.raises(ValueError, match="weight: found size 2 on axis 1"):
        kernels.conv2d(x[:, :1], w)
    with pytest.raises(ValueError, match="accuracy"):
        kernels.conv2d(x, w, accuracy="best")
    swapped = x.view(x.dtype.newbyteorder())
    with pytest.raises(TypeError, match=r"input: found dtype .*, expected float32"):
        kernels.conv2d(swapped, w.view(w.dtype.newbyteorder()))


def test_infinities_nan_and_overflow(kernels: ModuleType, dtype: np.dtype[Any]) -> None:
    """NaN and infinity stay where they are in a term, and what is too large becomes infinite."""
    x, w = np.ones((1, 1, 6), dtype), np.ones((1, 1, 2), dtype)
    x[0, 0, 1], x[0, 0, 4] = np.inf, np.nan
    found = as_float64(kernels.conv1d(x, w))[0, 0]
    assert np.array_equal(found, [np.inf, np.inf, 2, np.nan, np.nan], equal_nan=True)
    large = np.full((1, 1, 2), 6e4 if dtype.name == "float16" else 3e38, dtype)
    assert as_float64(kernels.conv1d(large, w))[0, 0, 0] == np.inf
    assert as_float64(kernels.conv1d(large, -w))[0, 0, 0] == -np.inf


def test_kernels_import_neither_ml_dtypes_nor_sympy() -> None:
    code = (
        "import sys, rot180.generated.numpy_kernels\n"
        "sys.exit(bool({'ml_dtypes', 'sympy', 'dask'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
