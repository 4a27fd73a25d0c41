"""The bound of rounding: no order of a sum exceeds it, and some order comes close to it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from math import prod
from typing import Any, TypeAlias

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from rot180.derive.gradients.gradient import gradient, kernel_theorem
from rot180.derive.language.layers import layer
from rot180.derive.semantics.rounding import RoundingTheorem, rounding
from rot180.derive.semantics.rounding_bounds import (
    FORMATS,
    Arithmetic,
    EntryBounds,
    _integers,
    arithmetic,
    entry_bounds,
)
from rot180.derive.theorems import theorem

Tree: TypeAlias = "int | tuple[Tree, Tree]"
Array: TypeAlias = NDArray[Any]

RAW = "y[o] = sum[c] x[c] * w[o,c]"
"""A layer with as many products for each entry as there are channels."""


@cache
def rounded(spec: str, wrt: str | None = None) -> RoundingTheorem:
    given = layer(spec)
    return rounding(kernel_theorem(given, None) if wrt is None else gradient(given, wrt))


def coarse(u: Fraction, **more: Any) -> Arithmetic:
    """Return an arithmetic with a large unit roundoff, and without any limits."""
    zero, huge = Fraction(0), Fraction(10**9)
    kinds = {"product": u, "result": zero} | more
    return Arithmetic(
        addition=u,
        product_underflow=zero,
        result_underflow=zero,
        normal=zero,
        largest=huge,
        digits=-1,
        **kinds,
    )


def trees(leaves: tuple[int, ...]) -> Iterator[Tree]:
    """Yield every way to add some numbers two at a time."""
    if len(leaves) == 1:
        yield leaves[0]
        return
    first, *rest = leaves
    for count in range(len(rest)):
        for beside in itertools.combinations(rest, count):
            others = tuple(i for i in rest if i not in beside)
            yield from itertools.product(trees((first, *beside)), trees(others))


def ends(
    tree: Tree, products: list[Fraction], u: Fraction, fused: frozenset[int] = frozenset()
) -> tuple[Fraction, Fraction]:
    """Return the least and the largest value that a tree may compute, by intervals.

    A rounding takes an interval to that of all its numbers times ``1 + d``. Each operation is used
    once, so both ends are reached, by errors of one unit roundoff.
    """
    if isinstance(tree, int):
        low = high = products[tree]
        if tree in fused:
            return low, high
    else:
        parts = [ends(part, products, u, fused) for part in tree]
        low, high = (sum(side, Fraction(0)) for side in zip(*parts, strict=True))
    every = [v * (1 + d) for v in (low, high) for d in (-u, u)]
    return min(every), max(every)


def bound_of(products: list[Fraction], with_: Arithmetic) -> EntryBounds:
    """Return the bound of a sum of products of small integers and sixteenths."""
    w = np.array([float(p) for p in products])
    return entry_bounds(rounded(RAW), {}, {"x": np.ones(len(w)), "w": w[None]}, with_)


PRODUCTS = (
    [1, 1, 1, 1, 1],
    [1, -1, 1, -1, 1],
    [4, Fraction(1, 16), Fraction(-3, 16), 2, -1],
    [Fraction(1, 16), 8, Fraction(1, 16), Fraction(-1, 16), 0],
    [-7, Fraction(5, 16), 3, -4, Fraction(9, 16)],
)


@pytest.mark.parametrize("numbers", PRODUCTS)
@pytest.mark.parametrize("count", range(1, 6))
def test_no_order_of_a_sum_exceeds_the_bound(numbers: list[Fraction], count: int) -> None:
    products = list(map(Fraction, numbers[:count]))
    for u in (Fraction(1, 8), Fraction(1, 1024)):
        (bound,) = bound_of(products, coarse(u)).bound
        for tree in trees(tuple(range(count))):
            for fused in map(frozenset, itertools.combinations(range(count), min(count, 2) - 1)):
                for value in ends(tree, products, u, fused):
                    assert abs(value - sum(products)) <= bound


def test_every_tree_is_tried() -> None:
    counts = [len(set(trees(tuple(range(n))))) for n in range(1, 6)]
    assert counts == [1, 1, 3, 15, 105]


@pytest.mark.parametrize("count", range(1, 6))
def test_the_bound_is_nearly_reached(count: int) -> None:
    """One product is large and added first; a bound with one rounding fewer would be exceeded."""
    u = Fraction(1, 1024)
    products = [Fraction(1), *[Fraction(1, 2**20)] * (count - 1)]
    (bound,) = bound_of(products, coarse(u)).bound
    worst = max(
        abs(value - sum(products))
        for tree in trees(tuple(range(count)))
        for value in ends(tree, products, u)
    )
    assert Fraction(99, 100) * bound < worst <= bound
    fewer = (count - 1) * u / (1 - (count - 1) * u) * sum(products)
    assert worst > fewer


def test_errors_at_the_ends_are_reached_by_choosing_each_error() -> None:
    products, u = [Fraction(3), Fraction(-2), Fraction(5)], Fraction(1, 8)
    found = []
    for d in itertools.product((-u, u), repeat=5):
        a, b, c = (p * (1 + e) for p, e in zip(products, d[:3], strict=True))
        found.append(((a + b) * (1 + d[3]) + c) * (1 + d[4]))
    assert (min(found), max(found)) == ends(((0, 1), 2), products, u)


def test_a_wider_accumulator_and_a_last_rounding() -> None:
    products = [Fraction(1), Fraction(1, 2**20)]
    fine, last = Fraction(1, 4096), Fraction(1, 16)
    with_ = coarse(fine, product=Fraction(0), result=last)
    (bound,) = bound_of(products, with_).bound
    worst = sum(products) * (1 + fine) * (1 + last) - sum(products)
    assert Fraction(9, 10) * bound < worst <= bound


CONVOLUTIONS = [
    # batch, channels, outputs, size, taps, stride, dilation, low padding
    (2, 2, 3, 7, 3, 2, 1, 1),
    (1, 1, 1, 8, 3, 3, 2, 0),
    (2, 1, 2, 5, 2, 4, 1, 3),
    (1, 2, 1, 1, 1, 1, 1, 0),
    (1, 1, 2, 6, 3, 1, 2, 4),
    (1, 1, 1, 9, 2, 5, 1, -2),
    (0, 2, 2, 6, 3, 2, 1, 1),
]


def naive(
    shape: tuple[int, ...], x: Array, w: Array, g: Array
) -> dict[str | None, list[tuple[tuple[int, ...], Fraction]]]:
    """Return the products of the forward pass and the gradients of conv1d, each with its entry."""
    stride, dilation, low = shape[5:]
    out: dict[str | None, list[tuple[tuple[int, ...], Fraction]]] = {
        name: [] for name in (None, "x", "w", "bias")
    }
    for n, o, p in np.ndindex(*g.shape):
        out["bias"].append(((o,), Fraction(float(g[n, o, p]))))
        for c, k in np.ndindex(*w.shape[1:]):
            h = stride * p + dilation * k - low
            if 0 <= h < x.shape[2]:
                entries = x[n, c, h], w[o, c, k], g[n, o, p]
                a, b, d = (Fraction(float(v)) for v in entries)
                out[None].append(((n, o, p), a * b))
                out["x"].append(((n, c, h), d * b))
                out["w"].append(((o, c, k), d * a))
    return out


@pytest.mark.parametrize("shape", CONVOLUTIONS)
@pytest.mark.parametrize("wrt", [None, "x", "w", "bias"])
def test_counts_and_sums_are_those_of_the_definition(
    shape: tuple[int, ...], wrt: str | None
) -> None:
    batch, channels, outputs, size, taps, stride, dilation, low = shape
    rng = np.random.default_rng(size)
    windows = max((size + 2 * abs(low) - dilation * (taps - 1) - 1) // stride + 1, 1)
    x = rng.standard_normal((batch, channels, size))
    w = rng.standard_normal((outputs, channels, taps))
    g = rng.standard_normal((batch, outputs, windows))
    sizes = {"s": stride, "d": dilation, "lo": low, "H": size, "K": taps, "C": channels}
    sizes |= {"P": windows, "N": batch, "O": outputs}
    arrays = {"x": x, "w": w, "grad_y": g, "bias": np.zeros(outputs)}
    found = entry_bounds(rounded("conv1d", wrt), sizes, arrays, arithmetic("float64"))
    like = {None: g, "x": x, "w": w, "bias": arrays["bias"]}[wrt]
    assert found.exact.shape == like.shape
    products: dict[tuple[int, ...], list[Fraction]] = {at: [] for at in np.ndindex(*like.shape)}
    for at, product in naive(shape, x, w, g)[wrt]:
        products[at].append(product)
    for at, own in products.items():
        assert found.exact[at] == sum(own)
        assert found.magnitude[at] == sum(map(abs, own))
        assert found.addends[at] == len(own) + (wrt is None)  # the bias is an addend


def in_some_order(products: Array, order: str) -> Array:
    """Add along the last axis in the format of the products."""
    kind = products.dtype.type
    if order == "numpy":
        return np.sum(products, axis=-1, dtype=kind)
    if order == "pairs":
        while products.shape[-1] > 1:
            odd = products[..., products.shape[-1] // 2 * 2 :]
            pairs = products[..., 0:-1:2] + products[..., 1::2]
            products = np.concatenate([pairs, odd], axis=-1)
        return products[..., 0]
    total = np.zeros(products.shape[:-1], kind)
    for n in range(products.shape[-1])[:: -1 if order == "backwards" else 1]:
        total = (total + products[..., n]).astype(kind)
    return total


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("order", ["numpy", "forwards", "backwards", "pairs"])
def test_sums_of_numpy_never_exceed_the_bound(dtype: str, order: str) -> None:
    rng = np.random.default_rng(7)
    worst = 0.0
    for count in (1, 2, 3, 7, 30):
        x = rng.standard_normal(count).astype(dtype)
        w = rng.standard_normal((200, count)).astype(dtype)
        found = entry_bounds(rounded(RAW), {}, {"x": x, "w": w}, arithmetic(dtype))
        assert not found.unmet
        ratios = found.ratios(in_some_order(x * w, order))
        assert ratios.max() <= 1
        worst = max(worst, ratios.max())
    assert worst > 0.1


def bfloat16(values: Array) -> Array:
    """Round float32 to bfloat16, to nearest, ties to even."""
    bits = np.asarray(values, np.float32).view(np.uint32)
    rounded_up = bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))
    return (rounded_up & np.uint32(0xFFFF0000)).view(np.float32)


def test_bfloat16_with_a_float32_accumulator() -> None:
    rng = np.random.default_rng(3)
    x, w = (bfloat16(rng.standard_normal(shape)) for shape in ((40,), (300, 40)))
    found = entry_bounds(
        rounded(RAW), {}, {"x": x, "w": w}, arithmetic("bfloat16", "float32")
    )
    computed = bfloat16(in_some_order(x * w, "forwards"))
    worst = found.ratios(computed).max()
    assert 0.01 < worst <= 1
    narrow = entry_bounds(rounded(RAW), {}, {"x": x, "w": w}, arithmetic("bfloat16"))
    assert (found.bound * 10 < narrow.bound).all()


def test_products_near_zero_may_underflow() -> None:
    """Without what underflow adds, a right kernel would be accused."""
    rng = np.random.default_rng(5)
    x, w = (
        (rng.uniform(1, 2, shape) * 2.0**-12).astype(np.float16) for shape in ((1,), (500, 1))
    )
    with_ = arithmetic("float16")
    found = entry_bounds(rounded(RAW), {}, {"x": x, "w": w}, with_)
    computed = (w * x)[:, 0]
    assert found.ratios(computed).max() <= 1
    relative = [abs(Fraction(float(c)) / e - 1) for c, e in zip(computed, found.exact, strict=True)]
    assert max(relative) > 10 * with_.product


def test_small_integers_are_computed_exactly() -> None:
    rng = np.random.default_rng(1)
    x, w = rng.integers(-9, 10, 20), rng.integers(-9, 10, (30, 20))
    found = entry_bounds(rounded(RAW), {}, {"x": x, "w": w}, arithmetic("float32"))
    assert not found.bound.any()
    computed = (x * w).astype(np.float32).sum(axis=1)
    assert not found.ratios(computed).any()
    computed[3] += 1
    assert np.isinf(found.ratios(computed)[3])
    x = x * 1000
    wide = entry_bounds(rounded(RAW), {}, {"x": x, "w": w * 1001}, arithmetic("float32"))
    assert wide.bound.any()


def test_nan_is_outside_every_bound() -> None:
    found = bound_of([Fraction(1)], arithmetic("float32"))
    assert np.isinf(found.ratios(np.array([np.nan])))
    with pytest.raises(ValueError, match=r"computed: found the shape \(2,\)"):
        found.ratios(np.zeros(2))


def test_too_many_products_for_a_format_are_refused() -> None:
    bias = rounded("conv1d", "bias")
    g = np.ones((16, 1, 16), np.float32)
    sizes = {"O": 1}
    fits = entry_bounds(bias, sizes, {"grad_y": g}, arithmetic("bfloat16"))
    assert int(fits.addends[0]) == 256
    more = {"grad_y": np.ones((16, 1, 17), np.float32)}
    with pytest.raises(ValueError, match=r"add up to 1\.06 for 272 products, expected less than 1"):
        entry_bounds(bias, sizes, more, arithmetic("bfloat16"))
    entry_bounds(bias, sizes, more, arithmetic("bfloat16", "float32"))


def test_overflow_is_reported() -> None:
    x = np.full(4, 300, np.float16)
    found = entry_bounds(rounded(RAW), {}, {"x": x, "w": x[None]}, arithmetic("float16"))
    assert found.unmet == ("a sum may be as large as 3.61e+05, which may overflow",)


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_formats_are_those_of_ieee(name: str) -> None:
    found = FORMATS[name]
    if name == "bfloat16":
        assert float(found.largest) == float.fromhex("0x1.fep127")
        assert found.roundoff == Fraction(1, 256)
        return
    known = np.finfo(name)
    assert float(found.largest) == float(known.max)
    assert float(found.normal) == float(known.smallest_normal)
    assert float(2 * found.underflow) == float(known.smallest_subnormal)
    assert float(2 * found.roundoff) == float(known.eps)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=6))
def test_floats_are_read_exactly(values: list[float]) -> None:
    whole, unit = _integers("x", np.array(values, np.float64))
    assert [n * unit for n in whole] == [Fraction(v) for v in values]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("toeplitz_correlation_general_1d", "found several terms or brackets"),
        ("output_size", "expected a sum of products of operands"),
        ("activated_correlation_general_1d", "expected a sum of products of operands"),
    ],
)
def test_other_ways_to_compute_are_not_covered(name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        rounding(theorem(name))


def test_multiplications_are_counted() -> None:
    third = rounded("y[n] = 1/3*x[n]*w[n]")
    half = rounded("y[n] = 1/2*x[n]*w[n]*v[n] + x[n]")
    alone = rounded("conv1d", "bias")
    assert (third.products, half.products, alone.products) == (3, 3, 0)


def test_wrong_arguments_are_named() -> None:
    one = np.ones(3)
    cases: list[tuple[dict[str, int], dict[str, Array], str]] = [
        ({}, {"x": one}, "w: found no array"),
        ({}, {"x": one, "w": one}, "w: found 1 axes, expected 2"),
        ({}, {"x": one, "w": np.ones((2, 4))}, "w: found 4 entries on axis 1, expected C = 3"),
        ({"O": 3}, {"x": one, "w": np.ones((2, 3))}, "expected O = 3"),
        ({}, {"x": one * np.nan, "w": np.ones((2, 3))}, "x: found NaN or infinity"),
    ]
    for sizes, arrays, message in cases:
        with pytest.raises(ValueError, match=message):
            entry_bounds(rounded(RAW), sizes, arrays, arithmetic("float32"))
    with pytest.raises(ValueError, match="dtype: found 'int8'"):
        arithmetic("int8")
    with pytest.raises(ValueError, match="accumulator: found float16, which has fewer digits"):
        arithmetic("float32", "float16")


def test_scalars_after_a_sum_round_as_often() -> None:
    """A pooling kernel may multiply by the scalar first or last."""
    pool = rounded("avg_pool1d")
    rng = np.random.default_rng(2)
    x, mean = rng.standard_normal((1, 5, 30)).astype(np.float32), np.float32(1 / 7)
    sizes = {"s": 1, "lo": 0, "P": 24, "K": 7}
    found = entry_bounds(pool, sizes, {"x": x, "mean": np.array(mean)}, arithmetic("float32"))
    windows = np.lib.stride_tricks.sliding_window_view(x, 7, axis=2)
    last = in_some_order(windows, "forwards") * mean
    first = in_some_order(windows * mean, "backwards")
    assert 0.05 < max(found.ratios(last).max(), found.ratios(first).max()) <= 1
    assert prod(found.exact.shape) == 5 * 24
