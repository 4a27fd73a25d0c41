"""The bound of rounding for sums whose factors are computed first: the forms of Winograd."""

from __future__ import annotations

import random
import shutil
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy as sp

from rot180.derive.kernel.tables import is_table, table_entry
from rot180.derive.language.polynomial import symbol
from rot180.derive.language.terms import Range, Tensor, define, tensors, term
from rot180.derive.search.prove import prove
from rot180.derive.semantics.rounding import RoundingTheorem, rounding
from rot180.derive.semantics.rounding_bounds import EntryBounds, arithmetic, entry_bounds
from rot180.derive.theorems import theorem
from rot180.derive.theorems.winograd import TILINGS, Tiling
from tests.support import c_library, winograd_harness
from tests.support.c_library import Surrounded
from tests.support.winograd_harness import RandomLayer

ROOT = Path(__file__).resolve().parents[3]

FORMS = [t for t in TILINGS if t.axes == 1]


def matrix(t: Tensor) -> Any:
    rows, columns = (int(n) for n in t.shape if n is not None)
    return np.array([[table_entry(t, (i, j)) for j in range(columns)] for i in range(rows)])


def tables(rounded: RoundingTheorem) -> tuple[Any, Any, Any]:
    found = {t.name: matrix(t) for t in tensors(rounded.value) if is_table(t)}
    return found["A"], found["G"], found["B"]


def bounds(tiling: Tiling, x: Any, w: Any, low: int) -> tuple[RoundingTheorem, EntryBounds]:
    rounded = rounding(theorem(tiling.name.format("")))
    sizes = {"lo": low, "P": len(x) - len(w) + 1 + 2 * low}
    return rounded, entry_bounds(rounded, sizes, {"x": x, "w": w}, arithmetic("float32"))


def tile(tiling: Tiling, tables: Any, x: Any, w: Any, at: int, rng: random.Random) -> Any:
    """Compute a tile of outputs in float32, each sum in some order, as the kernels' stages do."""
    f, steps = tiling.filtering, tiling.steps
    a, g, b = (np.asarray(t, float) for t in tables)
    g = (g / f.scale).astype(np.float32)
    a, b = a.astype(np.float32), b.astype(np.float32)
    unit, n, axes = f.taps ** len(steps), f.products, len(steps)

    def along(matrix: Any, values: Any) -> Any:
        for axis in range(axes):
            values = np.moveaxis(values, axis, 0)
            out = np.zeros((len(matrix), *values.shape[1:]), np.float32)
            for k in rng.sample(range(len(values)), len(values)):
                out += (matrix[:, k].reshape(-1, *[1] * (axes - 1)) * values[k]).astype(np.float32)
            values = np.moveaxis(out, 0, axis)
        return values

    def window(array: Any, first: int, size: int) -> Any:
        where = np.add.outer(steps[0] * np.arange(size), np.arange(size)) if axes == 2 else (
            np.arange(size)
        )
        where = where + first
        inside = (where >= 0) & (where < len(array))
        return np.where(inside, array[np.clip(where, 0, len(array) - 1)], 0).astype(np.float32)

    m = np.zeros((n,) * axes, np.float32)
    for r in range(-(-len(w) // unit)):
        u, v = along(g, window(w, unit * r, f.taps)), along(b, window(x, at + unit * r, n))
        m += u * v
    return along(a, m)


@pytest.mark.parametrize("tiling", FORMS, ids=lambda t: t.name.format(""))
@pytest.mark.parametrize("taps", [1, 3, 5, 18])
def test_no_order_exceeds_the_bound(tiling: Tiling, taps: int) -> None:
    """Each output, at each place of a tile, of one tile after another."""
    rng, low = np.random.default_rng(taps), 2
    x = rng.standard_normal(taps + 9).astype(np.float32)
    w = rng.standard_normal(taps).astype(np.float32)
    rounded, found = bounds(tiling, x, w, low)
    assert not found.unmet
    worst = 0.0
    for at in range(-3, found.bound.shape[0]):
        computed = tile(tiling, tables(rounded), x, w, at - low, random.Random(at))
        for place in np.ndindex(*computed.shape):
            p = at + sum(s * i for s, i in zip(tiling.steps, place, strict=True))
            if 0 <= p < found.bound.shape[0]:
                exact, bound = found.exact[(p, *place)], found.bound[(p, *place)]
                error = abs(Fraction(float(computed[place])) - exact)
                assert error <= bound
                worst = max(worst, float(error / bound) if bound else 0.0)
    assert worst > 1e-4  # the bound is not absurd


def test_the_magnitude_is_that_of_all_products() -> None:
    """|A| times (|G| |w|) (|B| |x|), entry by entry; the exact values are those of the layer."""
    tiling, rng = FORMS[1], np.random.default_rng(0)
    x, w = rng.integers(-9, 9, 14).astype(np.float64), rng.integers(-9, 9, 5).astype(np.float64)
    rounded, found = bounds(tiling, x, w, 0)
    a, g, b = (abs(t) for t in tables(rounded))
    f, around = tiling.filtering, np.concatenate([np.zeros(9), abs(x), np.zeros(19)])
    taps = np.concatenate([abs(w), [0]]).reshape(2, 3)
    exact = np.correlate(x, w)
    for p in range(len(exact)):
        for place in range(f.outputs):
            corner = 9 + p - place
            m = sum((g @ taps[r]) * (b @ around[corner + 3 * r :][:6]) for r in range(2))
            assert found.magnitude[p, place] == Fraction(a[place] @ m) / f.scale
            assert found.exact[p, place] == exact[p]
    # additions of A, of V, of M in two blocks, of U; a constant and a product in all but M
    assert (found.addends == (6 - 1) + (6 - 1) + (2 - 1) + (3 - 1) + 1).all()
    assert rounded.products == 3 * 2 + 1


def test_factors_and_boxes_of_what_is_computed_first_count() -> None:
    """T = x/3 in a box that is smaller than that of x: a factor, two roundings and a range."""
    p, k, m = symbol("p"), symbol("k"), symbol("m")
    x, w = Tensor("x", (symbol("H"),)), Tensor("w", (symbol("K"),))
    third = define("T", (symbol("M"),), (m,), (term(x[m], coefficient=sp.Rational(1, 3)),))
    right = (term(w[k], third[p + k], over=(k,)),)
    rounded = rounding(prove(right, right, ((p, symbol("P")),)))
    assert rounded.value == (
        term(w[k], Range(p + k, symbol("M")), x[p + k], over=(k,), coefficient=sp.Rational(1, 3)),
    )
    assert rounded.products == 2 + 1
    arrays = {"x": np.arange(1.0, 7), "w": np.array([3.0, 6.0])}
    found = entry_bounds(rounded, {"P": 5, "M": 4}, arrays, arithmetic("float32"))
    assert [*found.exact] == [5, 8, 11, 4, 0] == [*found.magnitude]
    assert (found.bound > 0).sum() == 4


def test_what_has_no_bound_is_refused() -> None:
    """A factor on the left that no table holds; a sum of several terms that is computed first."""
    p, k, m = symbol("p"), symbol("k"), symbol("m")
    x, w = Tensor("x", (symbol("H"),)), Tensor("w", (symbol("K"),))
    for body, scale, message in (
        ((term(x[m]), term(x[m + 1])), 1, "found several terms"),
        ((term(x[m], x[m]),), 2, "found the factor 2 on the left"),
    ):
        right = (term(w[k], define("T", (None,), (m,), body)[p + k], over=(k,), coefficient=scale),)
        with pytest.raises(ValueError, match=message):
            rounding(prove(right, right, ((p, symbol("P")),)))


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Any:
    if shutil.which("gcc") is None:
        pytest.skip("no C compiler")
    folder = tmp_path_factory.mktemp("harness")
    return c_library.load(c_library.compile_library(folder, ROOT / "generated"))


@pytest.mark.parametrize("form", range(4))
@pytest.mark.parametrize("groups", [1, 2])
def test_the_kernels_stay_below_the_bound(library: Any, form: int, groups: int) -> None:
    """Layers of two axes in float32, on every instruction set."""
    m, r = winograd_harness.FORMS[form]
    rng, size, channels, taps = np.random.default_rng(form), 7, 2, (r, max(1, r - 1))
    x = rng.standard_normal((1, groups, channels, size, size + 1)).astype(np.float32)
    w = rng.standard_normal((groups, 2, channels, *taps)).astype(np.float32)
    low, out = (1, 0), (size + 2 - taps[0], size + 2 - taps[1])
    layer = RandomLayer(x, w, None, low, out, False, 1, False)
    rounded = rounding(theorem(f"winograd_{m}_{r}_2d"))
    sizes = {"lo": low[0], "lp": low[1], "P": out[0], "Q": out[1]}
    found = entry_bounds(rounded, sizes, {"x": x, "w": w}, arithmetic("float32"))
    for isa in c_library.isas(library):
        memory = Surrounded()
        said, y = winograd_harness.run(library, layer, form, isa, memory, 4)
        memory.clear()
        assert said == c_library.DONE
        for at in np.ndindex(*y.shape):
            place = (*at, at[3] % m, at[4] % m)
            assert abs(Fraction(float(y[at])) - found.exact[place]) <= found.bound[place]
