"""The arguments of the public functions: what means the same, what is refused, and the module."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rot180.codegen.kernels.public_modules import ARGUMENTS
from rot180.codegen.kernels.runtime.numpy import arguments
from rot180.codegen.kernels.targets import NUMPY
from rot180.codegen.system.files import resource
from tests.codegen.kernels.test_bad_input import CONVOLUTIONS, good, rank_of, refuse, transposed
from tests.support.configurations import BACKENDS, load

Array = NDArray[Any]
GENERATED = Path(__file__).parents[3] / "generated"
LONGEST = 285
"""Lines in a module of NumPy code that is committed."""


@pytest.fixture(params=BACKENDS)
def kernels(request: pytest.FixtureRequest) -> ModuleType:
    """Return a backend's module."""
    return load(request.param)


def called(kernels: ModuleType, function: str, changes: dict[str, Any]) -> Array:
    """Call a function of convolutions with sizes that leave room for any of the numbers below."""
    found = {name: value for name, value in good(function).items() if name != "bias"}
    rank = rank_of(function)
    rng = np.random.default_rng(0)
    inputs = (2, 4, *(9, 8, 7)[:rank])
    weights = (4, 3, *(3, 2, 1)[:rank]) if transposed(function) else (6, 2, *(3, 2, 1)[:rank])
    plain = {"stride": 1, "padding": 0, "dilation": 1, "groups": 2}
    found |= plain | ({"output_padding": 0} if transposed(function) else {}) | changes
    x, w = (rng.integers(-9, 9, n).astype(float) for n in (inputs, weights))
    forward = re.sub("_(input|weight)$", "", function)
    keywords = {k: v for k, v in found.items() if k in plain or k == "output_padding"}
    y = getattr(kernels, forward)(x, w, **keywords)
    values = {"input": x, "weight": w, "input_size": inputs, "weight_size": weights}
    values["grad_output"] = rng.integers(-9, 9, y.shape).astype(float)
    arrays = {name: values[name] for name in found if name in values}
    out: Array = getattr(kernels, function)(**arrays, **keywords)
    return out


@pytest.mark.parametrize("function", CONVOLUTIONS)
def test_one_number_for_every_axis(kernels: ModuleType, function: str) -> None:
    """An integer, a sequence of one and a sequence with one for each axis mean the same."""
    rank = rank_of(function)
    names = {"stride": 3, "padding": 2, "dilation": 2}
    for name, n in (names | ({"output_padding": 1} if transposed(function) else {})).items():
        more: dict[str, Any] = {"stride": 2} if name == "output_padding" else {}
        expected = called(kernels, function, more | {name: (n,) * rank})
        many = [n] * rank
        for same in (n, (n,), [n], many, (np.int64(n),), np.array([n]), np.array(n)):
            assert np.array_equal(called(kernels, function, more | {name: same}), expected), name
        for dtype in ("int8", "uint64"):
            array = np.array(many, dtype)
            assert np.array_equal(called(kernels, function, more | {name: array}), expected), name


@pytest.mark.parametrize("function", CONVOLUTIONS)
def test_one_pair_for_every_axis(kernels: ModuleType, function: str) -> None:
    rank = rank_of(function)
    expected = called(kernels, function, {"padding": ((1, 2),) * rank})
    for same in (((1, 2),), [[1, 2]], [np.array([1, 2])] * rank, ([np.int32(1), 2],) * rank):
        assert np.array_equal(called(kernels, function, {"padding": same}), expected)


@pytest.mark.parametrize("function", CONVOLUTIONS)
def test_arrays_that_are_no_numbers_of_axes(kernels: ModuleType, function: str) -> None:
    rank = rank_of(function)
    for name in ("stride", "padding", "dilation", *["output_padding"] * transposed(function)):
        refuse(kernels, function, {name: np.ones((rank, 2), int)}, name, f"({rank}, 2)", "one axis")
        for dtype in ("float64", "bool", "complex64", "object", "U1"):
            array = np.ones(rank, dtype)
            refuse(kernels, function, {name: array}, name, array.dtype, "integers; convert it with")
        refuse(kernels, function, {name: np.ones(rank + 1, int)}, name, f"{rank} integers")
        refuse(kernels, function, {name: np.array(1.0)}, name, "an integer")
    refuse(kernels, function, {"padding": [np.ones((1, 2), int)] * rank}, "padding", "one axis")
    refuse(kernels, function, {"padding": [np.ones(2)] * rank}, "padding", "float64", "astype(int)")


def test_a_window_is_computed_once() -> None:
    """But only for plain integers: True equals 1, and an array cannot be looked up."""
    numpy = load("numpy_kernels")
    x, w = np.ones((1, 1, 3)), np.ones((1, 1, 2))
    first = numpy.check_conv1d(x, w, None, (1, (0,), 1, 1))
    assert numpy.check_conv1d(x, w, None, (1, (0,), 1, 1)) is first
    again = numpy.check_conv1d(x, w, None, (np.array([1]), [0], 1, 1))
    assert again is not first
    assert (again.whole, again.parameters) == (first.whole, first.parameters)
    with pytest.raises(TypeError, match=r"^stride: found True \(bool\), expected an integer$"):
        numpy.check_conv1d(x, w, None, (True, (0,), 1, 1))


@pytest.mark.parametrize("value, expected", [(3, (3, 3)), ((3,), (3, 3)), ([3, 4], (3, 4))])
def test_numbers_for_each_axis(value: object, expected: tuple[int, ...]) -> None:
    assert arguments.per_axis("stride", value, 2, 1) == expected
    assert arguments.per_axis("stride", np.array(value), 2, 1) == expected
    with pytest.raises(ValueError, match=r"^stride: found 3, expected an integer >= 5$"):
        arguments.per_axis("stride", value, 2, 5)


@pytest.mark.parametrize(
    "padding, expected",
    [
        ("valid", [(0, 0), (0, 0)]),
        ("same", [(1, 1), (1, 2)]),
        (2, [(2, 2), (2, 2)]),
        ([-2], [(-2, -2), (-2, -2)]),
        ((1, 2), [(1, 1), (2, 2)]),
        (((1, 2),), [(1, 2), (1, 2)]),
        (([1, 2], (0, -3)), [(1, 2), (0, -3)]),
    ],
)
def test_paddings_of_each_end(padding: Any, expected: list[tuple[int, int]]) -> None:
    """Where "same" is odd in total, the high end has one more."""
    assert arguments.padding_pairs("padding", padding, (1, 1), (1, 3), (3, 2)) == expected


@pytest.mark.parametrize("padding", [(1, (1, 2)), ((1, 2), 1), ((1, 2, 3),), (), (1, 2, 3), ((),)])
def test_paddings_of_mixed_form(padding: Any) -> None:
    form = re.escape("an integer, 2 integers, or 2 (low, high) pairs")
    with pytest.raises(ValueError, match=f"^padding: found .*, expected {form}$"):
        arguments.padding_pairs("padding", padding, (1, 1), (1, 1), (3, 3))


def test_the_copy_is_the_module() -> None:
    """The module that is tested here is the one that the public functions import."""
    module = resource("kernels", "runtime/numpy/arguments.py")
    copy = (GENERATED / f"{ARGUMENTS}.py").read_text()
    body = copy[copy.index('"""') :]
    assert re.sub(r"rot180\.\S+ import", "", body) == re.sub(r"rot180\.\S+ import", "", module)


def test_dtypes_are_those_of_the_target() -> None:
    from rot180.codegen.kernels.runtime.numpy import checks

    assert frozenset(map(np.dtype, NUMPY.dtypes)) == checks.DTYPES
    assert NUMPY.dtypes_in_words == checks.DTYPE_NAMES


MODULES = sorted(GENERATED.glob("numpy_*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_a_committed_module_is_read_in_one_sitting(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LONGEST


@pytest.mark.parametrize("function", ["conv2d", "conv_transpose2d"])
def test_complex_gradients_are_not_conjugated(function: str) -> None:
    """A gradient is the sum of products of its theorem: bilinear, so four real ones give it."""
    kernels = load("numpy_kernels")
    rng = np.random.default_rng(1)

    def draw(shape: tuple[int, ...]) -> tuple[Array, Array, Array]:
        real, imaginary = (rng.integers(-9, 9, shape).astype(float) for _ in "ri")
        return real + 1j * imaginary, real, imaginary

    how = {"stride": 2, "padding": 1, "groups": 2}
    x, w = draw((2, 4, 5, 6)), draw((4, 2, 3, 2))
    g = draw(getattr(kernels, function)(x[0], w[0], **how).shape)
    for word, first, sizes in (("input", w, x[0].shape), ("weight", x, w[0].shape)):
        gradient = getattr(kernels, f"{function}_{word}")

        def of(one: Array, upstream: Array, word: str = word, sizes: Any = sizes) -> Array:
            given = (sizes, one, upstream) if word == "input" else (one, sizes, upstream)
            out: Array = gradient(*given, **how)  # noqa: B023
            return out

        (a, ar, ai), (b, br, bi) = first, g
        assert np.array_equal(of(a, b), of(ar, br) - of(ai, bi) + 1j * (of(ar, bi) + of(ai, br)))
    sums = getattr(kernels, f"{function}_bias")
    assert np.array_equal(sums(g[0]), sums(g[1]) + 1j * sums(g[2]))
