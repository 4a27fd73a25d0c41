"""Winograd's form as code: its transforms in C, and the kernels of ``accuracy="fast"``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from importlib import import_module
from itertools import product
from typing import Any

import numpy as np
import pytest

from rot180.codegen.kernels.winograd_cost import FORMS, winograd_form
from rot180.codegen.kernels.winograd_transforms import (
    Transform,
    matrices,
    proofs,
    render_transforms,
    transforms,
)
from rot180.derive.theorems import theorem
from rot180.generated import numpy_kernels
from tests.support import winograd_harness

try:
    cython_kernels: Any = import_module("rot180.generated.cython_kernels")
except ImportError:
    cython_kernels = None

compiled = pytest.mark.skipif(cython_kernels is None, reason="the kernels are not compiled")
each_backend = pytest.mark.parametrize(
    "backend",
    [numpy_kernels, pytest.param(cython_kernels, marks=compiled)],
    ids=["numpy", "cython"],
)


# The transforms as C code.


def entries(transform: Transform, x: list[Fraction]) -> list[Fraction]:
    """Execute the C statements of a transform with exact numbers."""
    y = [Fraction(0)] * transform.outputs
    names: dict[str, Any] = {"x": x, "y": y, "F": Fraction}
    for statement in transform.statements:
        for part in statement.removeprefix("V ").split(", "):
            exec(re.sub(r"\(T\)(\d+)", r"F(\1)", part), names)
    return y


def test_transforms_are_the_matrices() -> None:
    for form in FORMS:
        a, g, b = matrices(theorem(form.identity))
        for transform, matrix in zip(transforms(form), (b, g, a), strict=True):
            for at in range(transform.inputs):
                unit = [Fraction(int(n == at)) for n in range(transform.inputs)]
                assert entries(transform, unit) == [row[at] for row in matrix]


def test_the_header_names_its_proofs() -> None:
    text = render_transforms()
    for name in proofs():
        assert f"{name}, proof {theorem(name).proof.digest}" in text


def test_the_kernels_are_for_the_forms() -> None:
    """`winograd_kernels.h` has kernels for these sizes of tiles, in this order."""
    assert tuple((form.outputs, form.taps) for form in FORMS) == winograd_harness.FORMS


# The kernels.

rng = np.random.default_rng(1)

LAYERS = [
    # batch, channels, outputs, groups, height, width, padding, form; taps if not 3 x 3
    (2, 18, 17, 1, 55, 43, 1, (4, 3)),
    (1, 17, 33, 1, 7, 700, ((2, 0), (0, 3)), (4, 3)),
    (1, 17, 17, 2, 57, 58, (0, 2), (4, 3)),
    (1, 129, 130, 1, 33, 36, ((-1, 1), (1, -2)), (4, 3)),
    (48, 17, 18, 1, 8, 7, 1, (4, 3)),
    (1, 16, 16, 1, 57, 56, 1, (4, 3)),
    (2, 40, 41, 1, 14, 17, 1, (2, 3)),
    (1, 129, 130, 1, 16, 20, ((-1, 1), (1, -2)), (2, 3)),
    (9, 40, 44, 1, 2, 70, 1, (2, 3)),
    (12, 70, 64, 1, 7, 8, 0, (2, 3)),
    (2, 20, 18, 1, 30, 27, 3, (4, 4), 7, 7),
    (1, 17, 33, 1, 21, 50, 2, (4, 5), 5, 5),
    (1, 33, 17, 2, 40, 41, ((0, 2), (5, 1)), (4, 4), 6, 7),
    (1, 18, 19, 1, 25, 330, 5, (4, 4), 9, 13),
    (3, 40, 45, 1, 28, 30, ((-1, 4), (2, 0)), (4, 4), 4, 4),
    (1, 80, 90, 1, 39, 33, 8, (4, 4), 17, 3),
    (1, 300, 150, 1, 40, 44, 3, (4, 4), 7, 7),  # two passes
]
"""Layers that have a form."""

LINES = [
    # batch, channels, outputs, groups, length, taps, padding
    (1, 17, 33, 1, 1000, 31, 2),
    (1, 33, 17, 2, 4000, 128, ((3, 64),)),
    (2, 24, 24, 1, 15999, 16, 7),
    (3, 16, 40, 1, 2002, 17, ((-3, -1),)),
    (2, 64, 64, 1, 1001, 9, 4),
]
"""Layers of one axis that have a form."""


def arrays(layer: tuple[Any, ...], dtype: str) -> tuple[Any, Any, Any]:
    """Return input, weight and bias of small integers."""
    batch, channels, outputs, groups, height, width, *_ = layer
    taps = layer[8:] or (3, 3)
    x = rng.integers(-3, 4, (batch, groups * channels, height, width)).astype(dtype)
    w = rng.integers(-3, 4, (groups * outputs, channels, *taps)).astype(dtype)
    return x, w, rng.integers(-9, 9, groups * outputs).astype(dtype)


@pytest.fixture(params=["baseline", "avx2", "avx512"])
def processor(request: pytest.FixtureRequest) -> Iterator[None]:
    """Run on each kind of processor that this one can be."""
    best = cython_kernels.processor()
    try:
        cython_kernels.processor(request.param)
    except ValueError:
        pytest.skip(f"this processor has no {request.param}")
    yield
    cython_kernels.processor(best)


@compiled
@pytest.mark.usefixtures("processor")
@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_integers_come_out(layer: tuple[Any, ...]) -> None:
    """In float64 the sums of small integers are those integers, but for far less than a half."""
    x, w, bias = arrays(layer, "float64")
    groups, padding, form = layer[3], layer[6], layer[7]
    more = {"padding": padding, "groups": groups}
    exact = numpy_kernels.conv2d(x, w, bias, **more)
    size = exact.shape[2], exact.shape[3]
    found = winograd_form(layer[0], layer[1], layer[2], size, w.shape[2:])
    assert found is not None and (found.outputs, found.taps) == form
    fast = cython_kernels.conv2d(x, w, bias, **more, accuracy="fast")
    np.testing.assert_array_equal(np.rint(fast), exact)
    np.testing.assert_allclose(fast, exact, atol=1e-9, rtol=0)
    g = rng.integers(-3, 4, exact.shape).astype("float64")
    exact = numpy_kernels.conv2d_input(x.shape, w, g, **more)
    fast = cython_kernels.conv2d_input(x.shape, w, g, **more, accuracy="fast")
    np.testing.assert_allclose(fast, exact, atol=1e-9, rtol=0)


@compiled
@pytest.mark.usefixtures("processor")
@pytest.mark.parametrize("line", LINES, ids=str)
def test_integers_come_out_of_lines(line: tuple[Any, ...]) -> None:
    """A line is computed as an image of four rows."""
    batch, channels, outputs, groups, length, taps, padding = line
    x = rng.integers(-3, 4, (batch, groups * channels, length)).astype("float64")
    w = rng.integers(-3, 4, (groups * outputs, channels, taps)).astype("float64")
    bias = rng.integers(-9, 9, groups * outputs).astype("float64")
    more = {"padding": padding, "groups": groups}
    exact = numpy_kernels.conv1d(x, w, bias, **more)
    assert winograd_form(batch, channels, outputs, exact.shape[2:], (taps,)) == FORMS[3]
    fast = cython_kernels.conv1d(x, w, bias, **more, accuracy="fast")
    assert not np.array_equal(fast, exact)  # the sums are others: they round
    np.testing.assert_allclose(fast, exact, atol=1e-9, rtol=0)
    g = rng.integers(-3, 4, exact.shape).astype("float64")
    exact = numpy_kernels.conv1d_input(x.shape, w, g, **more)
    fast = cython_kernels.conv1d_input(x.shape, w, g, **more, accuracy="fast")
    np.testing.assert_allclose(fast, exact, atol=1e-9, rtol=0)


@compiled
@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_rounding(layer: tuple[Any, ...]) -> None:
    """In float32 the error stays within a few units of F(2, 3), some tens of the others."""
    x, w, _ = arrays(layer, "float64")
    x, w = x + rng.standard_normal(x.shape), w + rng.standard_normal(w.shape)
    more = {"padding": layer[6], "groups": layer[3]}
    exact = numpy_kernels.conv2d(x, w, **more)
    fast = cython_kernels.conv2d(x.astype("f4"), w.astype("f4"), **more, accuracy="fast")
    assert fast.dtype == np.float32
    error = np.sqrt(np.mean((fast - exact) ** 2) / np.mean(exact**2))
    assert error < {(2, 3): 1e-6, (4, 3): 4e-6, (4, 4): 1.5e-5, (4, 5): 8e-6}[layer[7]]
    assert error > 0


@compiled
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_strides_threads_and_views(threads: int) -> None:
    """Any strides, none of the inputs written, the same result from any number of threads."""
    x, w, bias = arrays(LAYERS[0], "float64")
    exact = numpy_kernels.conv2d(x, w, bias, padding=1)
    g = np.ascontiguousarray(exact)
    back = numpy_kernels.conv2d_input(x.shape, w, g, padding=1)
    before = cython_kernels.get_num_threads()
    cython_kernels.set_num_threads(threads)
    try:
        for order in ("C", "F"):
            views = [np.asarray(v, order=order) for v in (x, w, g)]
            views.append(np.repeat(bias, 2)[::2])
            for view in views:
                view.flags.writeable = False
            fast = cython_kernels.conv2d(views[0], views[1], views[3], padding=1, accuracy="fast")
            np.testing.assert_allclose(fast, exact, atol=1e-9, rtol=0)
            wide = np.zeros((*x.shape[:3], 2 * x.shape[3]))[..., ::-2]
            wide[...] = x
            fast = cython_kernels.conv2d(wide, views[1], bias, padding=1, accuracy="fast")
            np.testing.assert_allclose(fast, exact, atol=1e-9, rtol=0)
            fast = cython_kernels.conv2d_input(
                x.shape, views[1], views[2], padding=1, accuracy="fast"
            )
            np.testing.assert_allclose(fast, back, atol=1e-6, rtol=0)
    finally:
        cython_kernels.set_num_threads(before)


@compiled
def test_threads_share_the_groups_of_a_pass() -> None:
    """There is memory for the filters of four of five groups; results do not change by a bit."""
    x = rng.integers(-3, 4, (1, 5 * 48, 400)).astype("float64")
    w = rng.integers(-3, 4, (5 * 48, 48, 128)).astype("float64")
    exact = numpy_kernels.conv1d(x, w, padding=64, groups=5)
    before, found = cython_kernels.get_num_threads(), []
    try:
        for threads in (1, 2, 7):
            cython_kernels.set_num_threads(threads)
            found.append(cython_kernels.conv1d(x, w, padding=64, groups=5, accuracy="fast"))
    finally:
        cython_kernels.set_num_threads(before)
    for fast in found:
        assert not np.array_equal(fast, exact)
        np.testing.assert_array_equal(fast, found[0])
        np.testing.assert_allclose(fast, exact, atol=1e-8, rtol=0)


@each_backend
def test_elsewhere_fast_is_exact(backend: Any) -> None:
    """Layers without the form, other dtypes and tiny layers: the same numbers as before."""
    for shape, taps, more in (
        ((0, 20, 40, 40), (20, 20, 3, 3), {}),
        ((1, 20, 3, 3), (20, 20, 3, 3), {}),
        ((1, 20, 60, 60), (20, 20, 3, 3), {"stride": 2}),
        ((1, 20, 60, 60), (20, 20, 3, 3), {"dilation": 2}),
        ((1, 20, 60, 60), (20, 20, 1, 3), {}),
        ((1, 4, 60, 60), (4, 4, 3, 3), {}),
        ((1, 20, 60, 90), (20, 20, 1, 70), {}),
    ):
        x = rng.integers(-3, 4, shape).astype("float64")
        w = rng.integers(-3, 4, taps).astype("float64")
        y = backend.conv2d(x, w, **more)
        np.testing.assert_array_equal(backend.conv2d(x, w, **more, accuracy="fast"), y)
        np.testing.assert_array_equal(
            backend.conv2d_input(x.shape, w, y, **more, accuracy="fast"),
            backend.conv2d_input(x.shape, w, y, **more),
        )
    x, w, _ = arrays(LAYERS[0], "int64")
    np.testing.assert_array_equal(backend.conv2d(x, w, accuracy="fast"), backend.conv2d(x, w))


@each_backend
def test_another_word(backend: Any) -> None:
    x, w, _ = arrays(LAYERS[0], "float32")
    expected = r'accuracy: found .*, expected "exact" or "fast"'
    for wrong in ("Fast", ""):
        with pytest.raises(ValueError, match=expected):
            backend.conv2d(x, w, accuracy=wrong)
        with pytest.raises(ValueError, match=expected):
            backend.conv2d_input(x.shape, w, x, accuracy=wrong)
    for odd in (None, 1, x, b"fast"):
        with pytest.raises(TypeError, match=expected):
            backend.conv2d(x, w, accuracy=odd)
    with pytest.raises(TypeError, match="positional"):
        backend.conv2d(x, w, None, 1, 0, 1, 1, "fast")


@compiled
def test_one_rule() -> None:
    """The compiled kernels choose the same form as `winograd_form`."""
    sizes = (1, 2, 7, 14, 31, 57, 200)
    filters = ((3, 3), (1, 1), (4, 2), (5, 5), (7, 6), (13, 3), (66, 2), (0, 5), (4, 2**63 - 1))
    layers: list[Any] = [*product(product(sizes, sizes[2:5]), filters)]
    layers += product(((-3,), (1,), (40,), (5000,)), ((-4,), (1,), (5,), (16,), (33,), (300,)))
    layers += [((2**63 - 1, 2**62), (5, 5)), ((2**63 - 1,), (2**40,)), ((2**63 - 1,), (9,))]
    for batch, c, o, (size, taps) in product(
        (-1, 0, 1, 8, 300), (1, 16, 17, 128, 513, 9000, 2**62), (0, 17, 128, 2**63 - 1), layers
    ):
        form = winograd_form(batch, c, o, size, taps)
        number = cython_kernels.winograd_form(batch, c, o, size, taps)
        assert number == (-1 if form is None else FORMS.index(form)), (batch, c, o, size, taps)
    with pytest.raises(ValueError, match=r"size, taps: found .* expected one or two axes each"):
        cython_kernels.winograd_form(1, 16, 16, (9, 9), (3,))


@compiled
def test_explained() -> None:
    """The explanation counts the products, and the scratch memory that the call then takes."""
    x, w, _ = arrays((8, 64, 64, 1, 56, 56), "float32")
    (sum,) = cython_kernels.explain(cython_kernels.conv2d, x, w, padding=1, accuracy="fast")
    assert sum.algorithm == "winograd"
    assert sum.why == 'accuracy="fast", and the estimated time is shorter'
    assert sum.products == 36 * 14 * 14 * 8 * 64 * 64
    cython_kernels.release()
    cython_kernels.memory(reset=True)
    before, _ = cython_kernels.memory()
    cython_kernels.conv2d(x, w, padding=1, accuracy="fast")
    most = cython_kernels.memory()[1] - before
    assert most <= sum.scratch * 1.05 < 32 * 2**20
