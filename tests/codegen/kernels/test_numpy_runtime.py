"""The runtime of NumPy's kernels, as modules: index maps by enumeration, sums by plain loops."""

from __future__ import annotations

import ast
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rot180.codegen.kernels.inline import inlined, inlined_functions
from rot180.codegen.kernels.numpy_runtime import PARTS
from rot180.codegen.kernels.runtime.numpy import contraction, reading
from rot180.codegen.kernels.runtime.numpy.contraction import _accumulate
from rot180.codegen.kernels.runtime.numpy.index_maps import (
    LIMIT,
    Index,
    IndexMap,
    Loops,
    _entry,
    _extremes,
    _fixed,
    _inside,
    _slice,
    _span,
)

FACTORS = st.integers(-3, 3)
RANGES = st.tuples(st.integers(-4, 4), st.integers(1, 4)).map(lambda r: (r[0], r[0] + r[1]))
MAPS = st.fixed_dictionaries({"i": FACTORS, "j": FACTORS, "": st.integers(-5, 5)})


def value(index_map: IndexMap, at: dict[str, int]) -> int:
    return sum(c * at.get(name, 1) for name, c in index_map.items())


def points(loops: Loops) -> list[dict[str, int]]:
    ranges = (range(*span) for span in loops.values())
    return [dict(zip(loops, values, strict=True)) for values in product(*ranges)]


@given(MAPS, RANGES, RANGES)
def test_extremes_are_the_least_and_the_greatest_value(
    index_map: IndexMap, i: tuple[int, int], j: tuple[int, int]
) -> None:
    loops = {"i": i, "j": j}
    values = [value(index_map, at) for at in points(loops)]
    assert _extremes(index_map, loops) == (min(values), max(values))


@given(MAPS, RANGES, st.integers(1, 6))
def test_a_span_is_where_some_value_of_the_other_loops_is_inside(
    index_map: IndexMap, j: tuple[int, int], size: int
) -> None:
    if index_map["i"] == 0:
        return
    first, stop = _span("i", {"j": j}, (index_map, size))
    low, high = _extremes({k: c for k, c in index_map.items() if k != "i"}, {"j": j})
    # the other loops may take any value: their map reaches all from low to high
    reached = range(low, high + 1)
    for i in range(-40, 40):
        inside = any(0 <= index_map["i"] * i + rest < size for rest in reached)
        assert inside == (first <= i < stop), i


def test_a_loop_that_nothing_bounds_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing bounds the loop over i: a coefficient is 0"):
        _span("i", {}, ({"i": 0}, 3))
    with pytest.raises(ValueError, match="expected less than 62 bits"):
        _extremes({"i": LIMIT}, {"i": (0, 2)})


@given(st.integers(-3, 3).filter(bool), RANGES)
def test_a_slice_reads_what_the_map_reaches(factor: int, i: tuple[int, int]) -> None:
    low, _ = _extremes({"i": factor}, {"i": i})
    index_map = {"i": factor, "": -low}
    array = np.arange(20)
    expected = [value(index_map, at) for at in points({"i": i})]
    assert array[_slice(index_map, {"i": i})].tolist() == expected


def test_values_of_loops_are_put_into_a_map() -> None:
    assert _fixed({"i": 2, "j": -3, "": 1}, {"j": 4}) == {"i": 2, "": -11}
    assert _slice(_fixed({"i": 2}, {"i": 3}), {}) == 6


def by_plain_loops(
    out: Any, index: Index, loops: Loops, left: Any, right: Any, scale: tuple[int, int]
) -> Any:
    """Add the sum entry by entry, in Python integers."""
    total = out.copy()
    for at in points(loops):
        term = scale[0]
        for array, maps, sizes in (*left, *right):
            where = tuple(value(e, at) for e in maps)
            inside = all(0 <= n < size for n, size in zip(where, sizes, strict=True))
            term *= (1 if array is None else int(array[where])) if inside else 0
        total[tuple(value(e, at) for e in index)] += term
    return total


@pytest.mark.parametrize("block", [1, 9, 2**21])
@pytest.mark.parametrize("long", [1, 2**15])
def test_sums_agree_with_plain_loops(
    block: int, long: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A convolution, strided, with a test; a correlation whose output is strided; one side."""
    monkeypatch.setattr(contraction, "BLOCK", block)
    monkeypatch.setattr(contraction, "LONG", long)
    monkeypatch.setattr(contraction, "RECIPES", {})
    monkeypatch.setattr(reading, "BLOCK", block)
    rng = np.random.default_rng(0)
    x, w = rng.integers(-9, 9, (2, 3, 11)), rng.integers(-9, 9, (4, 3, 2))
    left = [_entry(x, {"n": 1}, {"c": 1}, {"p": 2, "k": 3, "": -2})]
    right = [_entry(w, {"o": 1}, {"c": 1}, {"k": 1})]
    loops = {"n": (0, 2), "o": (0, 4), "p": (0, 6), "c": (0, 3), "k": (0, 2)}
    index: Index = [{"n": 1}, {"o": 1}, {"p": 2, "": 1}]
    for more in ([], [_inside({"p": 1, "k": 1}, 5)]):
        out = rng.integers(-9, 9, (2, 4, 12))
        expected = by_plain_loops(out, index, loops, [*left, *more], right, (3, 1))
        sides: Any = {"left": [*left, *more], "right": right}
        _accumulate(out, index, loops, m="n p", n="o", k="c k", scale=(3, 1), **sides)
        assert np.array_equal(out, expected)
    out = np.zeros((2, 3), int)
    _accumulate(out, [{"n": 1}, {"c": 1}], loops, m="n c", k="p k o", left=left)
    assert np.array_equal(
        out, by_plain_loops(out * 0, [{"n": 1}, {"c": 1}], loops, left, [], (1, 1))
    )


def test_a_coefficient_that_integers_cannot_hold_is_refused() -> None:
    out, x = np.zeros(2, int), np.ones(2, int)
    with pytest.raises(TypeError, match="found int64, expected a float dtype: a coefficient is 1"):
        _accumulate(
            out, [{"i": 1}], {"i": (0, 2)}, m="i", left=[_entry(x, {"i": 1})], scale=(1, 2)
        )


@pytest.mark.parametrize("name", PARTS)
def test_an_inlined_module_is_the_module_without_its_imports(name: str) -> None:
    text = inlined(f"numpy/{name}")
    assert "rot180" not in text
    nodes = ast.parse(text).body
    assert not any(isinstance(node, ast.Import | ast.ImportFrom) for node in nodes)
    bare = ast.parse(inlined(f"numpy/{name}", constants=False)).body
    assert isinstance(bare[0], ast.FunctionDef | ast.ClassDef)
    assert [ast.unparse(node) for node in nodes[-len(bare) :]] == [ast.unparse(n) for n in bare]


def test_a_program_has_the_functions_that_it_calls_and_those_that_they_call() -> None:
    text = inlined_functions("numpy/training", "def loss(z, t):\n    return _cross_entropy(z, t)")
    assert [node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)] == [
        "_exponentials",
        "_cross_entropy",
    ]
    assert inlined_functions("numpy/training", "x = 1") == ""
