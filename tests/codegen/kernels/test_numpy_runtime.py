"""The runtime of NumPy's kernels, as modules: indices by enumeration, sums by plain loops."""

from __future__ import annotations

import ast
import math
from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rot180.codegen.kernels.inline import inlined, inlined_functions, names_in
from rot180.codegen.kernels.numpy_runtime import PARTS, runtime
from rot180.codegen.kernels.runtime.numpy import blocks, sums, views
from rot180.codegen.kernels.runtime.numpy.checks import LIMIT
from rot180.codegen.kernels.runtime.numpy.products import contract
from rot180.codegen.kernels.runtime.numpy.sums import add_product, add_spread, add_taps
from rot180.codegen.kernels.runtime.numpy.views import Index, at, loops, ones, span, windows

STEPS = st.integers(-3, 3)
BOUNDS = st.tuples(STEPS, st.integers(-5, 5), st.integers(0, 6))
Array = np.ndarray[Any, Any]


def read(array: Array, values: Array) -> Array:
    """Return the entries at an array of indices, 0 outside."""
    inside = (values >= 0) & (values < array.size)
    return np.where(inside, array[np.where(inside, values, 0)] if array.size else 0, 0)


@given(STEPS, STEPS, st.integers(-30, 30), st.integers(1, 4), st.integers(1, 4))
@pytest.mark.parametrize("block", [1, 2**21])
def test_windows_are_the_array_at_an_index(
    block: int, a: int, b: int, constant: int, sizes: int, other: int
) -> None:
    """Far outside the array, entry by entry: no large copy is made."""
    i, j = loops(sizes, other)
    i, j = i + 2, j - 1
    x = np.arange(1, 12)
    values = a * np.arange(2, 2 + sizes)[:, None] + b * np.arange(-1, other - 1) + constant
    old, views.BLOCK = views.BLOCK, block
    try:
        for array in (x, x[::-1], x[:0]):
            index = a * i + constant + b * j
            assert np.array_equal(windows(array, index).read(), read(array, values))
            both = np.stack([array, -array])
            found = windows(both, ..., constant - -a * i - -b * j).read()
            assert np.array_equal(found, np.stack([read(y, values) for y in both]))
    finally:
        views.BLOCK = old


def test_a_loop_on_two_axes_reads_a_diagonal() -> None:
    x = np.arange(20).reshape(4, 5)
    i, k = loops(4, 2)
    expected = [[x[n, n + m] for m in range(2)] for n in range(4)]
    assert windows(x, i, i + k).read().tolist() == expected
    assert windows(x, 2, i).read().tolist() == x[2, :4].tolist()
    assert windows(x, 4, i).read().tolist() == [0] * 4
    assert windows(np.array(7)).read() == 7
    assert windows(x, *loops(0, 2)).read().shape == (0, 2)


def test_a_bracket_is_an_array_of_ones() -> None:
    i, j = loops(4, 5)
    found = windows(ones(3, np.dtype(int)), i - j).read()
    assert found.tolist() == [[int(0 <= n - m < 3) for m in range(5)] for n in range(4)]
    assert not windows(ones(-1, np.dtype(int)), i - j).read().any()


@given(BOUNDS, BOUNDS)
def test_a_span_is_where_all_bounds_hold(one: Any, two: Any) -> None:
    ((_, first),) = span((1, 20, 41), one, two).terms
    inside = [v for v in range(-20, 21) if all(0 <= s * v + r < n for s, r, n in (one, two))]
    assert list(first) == inside or not (first or inside)


def test_a_span_holds_for_some_value_of_the_other_loops() -> None:
    (j,) = loops(3)
    ((_, found),) = span((2, -j, 4)).terms
    reached = [v for v in range(-9, 9) if any(0 <= 2 * v - m < 4 for m in range(3))]
    assert list(found) == reached
    (empty,) = loops(0)
    assert len(span((1, empty, 4))) == 0


def test_what_is_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing bounds a loop: a coefficient is 0"):
        span((0, 1, 3))
    (i,) = loops(2)
    with pytest.raises(ValueError, match="expected less than 62 bits"):
        windows(np.ones(3), LIMIT * i).read()
    with pytest.raises(ValueError, match="expected less than 62 bits"):
        span((1, LIMIT * i, 3))


@given(STEPS.filter(bool), st.integers(0, 4), st.integers(0, 4))
def test_a_slice_is_an_index_of_one_loop(step: int, first: int, size: int) -> None:
    loop = Index(0, ((1, range(first, first + size)),))
    values = step * np.arange(first, first + size) + 21
    assert np.arange(50)[at(step * loop + 21)].tolist() == values.tolist()


PRODUCTS = {
    "i, j -> i j": ((3,), (4,)),
    "i, j -> j k i": ((3,), (4,)),
    "n i, i -> n i": ((2, 3), (3,)),
    "i, i -> i": ((3,), (3,)),
    "i, i -> ": ((3,), (3,)),
    " , -> ": ((), ()),
    "i -> i": ((3,),),
    "i j k -> k i": ((2, 3, 4),),
    "n i k, n k j -> n j i": ((2, 3, 4), (2, 4, 5)),
    "n k i, n k j -> i j": ((5, 2, 3), (5, 2, 4)),
    "i a x, a j y -> i j": ((2, 3, 4), (3, 5, 2)),
    "i a b, a, b -> i": ((2, 3, 4), (3,), (4,)),
    "i, a, i a, a -> i": ((2,), (3,), (2, 3), (3,)),
}


@pytest.mark.parametrize("subscripts", PRODUCTS)
@pytest.mark.parametrize("dtype", ["int64", "uint8", "float32", "complex128"])
def test_products_are_those_of_einsum(subscripts: str, dtype: str) -> None:
    rng = np.random.default_rng(0)
    inputs, output = subscripts.split("->")
    words = [part.split() for part in inputs.split(",")]
    extents: dict[str, int] = {"k": 4}
    arrays = []
    for names, shape in zip(words, PRODUCTS[subscripts], strict=True):
        extents |= dict(zip(names, shape, strict=True))
        arrays.append(rng.integers(0, 9, shape).astype(dtype))
    known = [w for w in output.split() if any(w in names for names in words)]
    letters = {w: i for i, w in enumerate(extents)}
    terms = [
        x for a, names in zip(arrays, words, strict=True) for x in (a, [letters[w] for w in names])
    ]
    value: Any = np.einsum(*terms, [letters[w] for w in known])
    value = value[tuple(slice(None) if w in known else None for w in output.split())]
    out = rng.integers(0, 9, [extents[w] for w in output.split()]).astype(dtype)
    expected = out + np.array(3, dtype) * value
    for turned in (False, True):
        given_ = [np.asfortranarray(a[::-1])[::-1] if turned and a.ndim else a for a in arrays]
        found = out.copy()
        add_product(found, subscripts, *given_, scale=3)
        assert np.array_equal(found, expected)


def test_a_constant_is_added_everywhere() -> None:
    out = np.arange(3)
    add_product(out, "-> i", scale=5)
    assert out.tolist() == [5, 6, 7]


def test_a_coefficient_that_integers_cannot_hold_is_refused() -> None:
    out, x = np.zeros(2, int), np.ones(2, int)
    with pytest.raises(TypeError, match="found int64, expected a float dtype: a coefficient is 1"):
        add_product(out, "i -> i", x, over=2)
    small = np.zeros(2, np.uint8)
    add_product(small, "i -> i", np.ones(2, np.uint8), scale=-(2**70) - 1)
    assert small.tolist() == [255, 255]


@pytest.mark.parametrize("block", [1, 30, 2**21])
@pytest.mark.parametrize("channels", [(1, 1), (5, 1), (2, 9)])
@pytest.mark.parametrize("window", [(1, 1, 1), (2, 1, -1), (1, -1, 3), (-1, 2, -6), (0, 1, 1)])
def test_all_ways_give_one_sum(
    block: int,
    channels: tuple[int, int],
    window: tuple[int, int, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in (sums, blocks):
        monkeypatch.setattr(module, "BLOCK", block)
    monkeypatch.setattr(views, "BLOCK", block)
    monkeypatch.setattr(sums, "LONG", 1)
    rng = np.random.default_rng(0)
    (c, o), (s, d, lo) = channels, window
    x, w = rng.integers(-9, 9, (2, c, 11)), rng.integers(-9, 9, (o, c, 3))
    copied = np.zeros((2, c, 7, 3), int)
    for p, k in product(range(7), range(3)):
        if 0 <= s * p + d * k - lo < 11:
            copied[:, :, p, k] = x[:, :, s * p + d * k - lo]
    step, tap = loops(7, 3)
    y, g = np.zeros((2, o, 7), int), rng.integers(-9, 9, (2, o, 7))
    for add in (add_product, add_spread) if s else (add_product,):
        y[:] = 0
        add(y, "n c p k, o c k -> n o p", windows(x, ..., s * step + d * tap - lo), w)
        assert np.array_equal(y, np.einsum("ncpk,ock->nop", copied, w)), add
    for adds in (add_product, add_taps):
        v = np.zeros(w.shape, int)
        adds(v, "n c k p, n o p -> o c k", windows(x, ..., d * tap + s * step - lo), g, scale=2)
        assert np.array_equal(v, 2 * np.einsum("ncpk,nop->ock", copied, g)), adds


def test_large_windows_are_read_block_by_block(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (sums, blocks):
        monkeypatch.setattr(module, "BLOCK", 1000)
    sizes = []
    whole = views.Windows.read

    def noted(self: views.Windows) -> Array:
        found = whole(self)
        sizes.append(found.size)
        return found

    monkeypatch.setattr(views.Windows, "read", noted)
    n, c, p, k = loops(4, 3, 50, 9)
    x, w, y = np.ones((4, 3, 58)), np.ones((2, 3, 9)), np.zeros((4, 2, 50))
    add_product(y, "n c p k, o c k -> n o p", windows(x, n, c, p + k), w)
    assert (y == 27).all() and sum(sizes) == 4 * 3 * 50 * 9 and max(sizes) <= 1000


@pytest.mark.parametrize("sizes", [(30, 20, 40), (1, 1, 2000), (3, 2000, 2), (700, 1, 3)])
def test_a_call_of_numpy_computes_few_products(
    sizes: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Signals are answered between calls."""
    for module in (sums, blocks):
        monkeypatch.setattr(module, "BLOCK", 64)
    monkeypatch.setattr(blocks, "LONGEST", 500)
    counts: list[int] = []

    def counted(parts: Sequence[Array], inputs: Any, output: Any, dtype: Any) -> Array:
        pairs = zip(parts, inputs, strict=True)
        extents = {w: n for p, ws in pairs for w, n in zip(ws, p.shape, strict=True)}
        counts.append(math.prod(extents.values()))
        return contract(parts, inputs, output, dtype)

    monkeypatch.setattr(sums, "contract", counted)
    m, n, k = sizes
    rng = np.random.default_rng(0)
    x, w, y = rng.integers(-9, 9, (m, k)), rng.integers(-9, 9, (n, k)), np.zeros((m, n), int)
    add_product(y, "m k, n k -> m n", x, w)
    assert np.array_equal(y, x @ w.T)
    assert sum(counts) == m * n * k and max(counts) <= 500


@pytest.mark.parametrize("name", PARTS)
def test_an_inlined_module_is_the_module_without_its_imports(name: str) -> None:
    text = inlined(f"numpy/{name}")
    assert "rot180" not in text and text in runtime()
    nodes = ast.parse(text).body
    assert not any(isinstance(node, ast.Import | ast.ImportFrom) for node in nodes)
    bare = ast.parse(inlined(f"numpy/{name}", constants=False)).body
    assert isinstance(bare[0], ast.FunctionDef | ast.ClassDef)
    assert [ast.unparse(node) for node in nodes[-len(bare) :]] == [ast.unparse(n) for n in bare]


def test_a_program_has_the_functions_that_it_calls_and_those_that_they_call() -> None:
    caller = names_in("def loss(z, t):\n    return _cross_entropy(z, t)")
    text = inlined_functions("numpy/training", caller)
    assert [node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)] == [
        "_exponentials",
        "_cross_entropy",
    ]
    assert inlined_functions("numpy/training", names_in("x = 1")) == ""
