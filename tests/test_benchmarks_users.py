"""The benchmarks of layers of one's own: what their peers compute, and how their sizes are read."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).resolve().parent.parent))  # the suite is not installed

from benchmarks import measure, page, report
from benchmarks.operations import FORWARD
from benchmarks.results import COMPILED, TORCH, Ratio, Result, Run, Timing
from benchmarks.user_cases import USER_CASES, USER_LAYERS, UserCase
from benchmarks.user_peers import by_numpy, eager, shipped, user_kernels, user_problem

SMALL_SIZES: dict[str, dict[str, int]] = {
    "NHWC strided convolution": {"N": 2, "H": 7, "P": 4, "C": 3, "O": 4, "K": 3, "s": 2, "lo": 1},
    "locally connected": {"N": 2, "H": 6, "P": 4, "C": 2, "O": 3, "K": 3},
    "bilinear": {"N": 3, "O": 4, "I": 5, "J": 6},
    "QK^T": {"N": 2, "H": 2, "I": 4, "J": 5, "D": 3},
    "attention": {"N": 2, "I": 4, "J": 5, "D": 3, "E": 6},
    "layer normalization": {"N": 3, "C": 5},
    "max pooling": {"N": 2, "C": 3, "H": 7, "P": 3, "K": 2, "s": 2},
    "softmax": {"N": 3, "I": 5},
}


@pytest.mark.parametrize("name", USER_LAYERS)
def test_every_library_computes_a_layer_of_ones_own(name: str) -> None:
    """The peers of a case agree with the NumPy kernels, and no operation has no peer."""
    case = UserCase("users", name, tuple(SMALL_SIZES[name].items()), "float64")
    given = user_problem(case)
    expected = user_kernels("numpy", given)
    assert list(expected) == [FORWARD, *case.layer.gradients]
    entrants = [by_numpy(given)]
    if find_spec("torch"):
        entrants.append(eager(given))
        assert set(entrants[-1]) == set(expected)
    if find_spec("rot180.generated.cython_kernels"):
        entrants.append(shipped(given))
    for calls in entrants:
        for operation, call in calls.items():
            right = np.asarray(expected[operation]())
            assert right.shape == case.shape(
                "y" if operation == FORWARD else case.layer.gradients[operation]
            )
            assert measure.difference(call(), right, case, operation) == "", operation


def test_user_cases_are_of_known_layers() -> None:
    assert {case.name for case in USER_CASES} == set(USER_LAYERS) == set(SMALL_SIZES)
    for case in USER_CASES:
        assert min(n for array in case.layer.arrays for n in case.shape(array)) >= 1
        assert all(case.terms(operation) >= 1 for operation in (FORWARD, *case.layer.gradients))
    product = USER_CASES[-1]
    assert product.flops == 0
    bilinear = next(case for case in USER_CASES if case.name == "bilinear")
    assert bilinear.flops == 2 * 64**4


def test_a_layer_without_counted_products_has_no_part_of_the_peak() -> None:
    second = Timing(1.0, 1.0, 1.0, 1)
    found = Result(USER_CASES[-1], FORWARD, {COMPILED: second}, {TORCH: Ratio(2.0, 2.0, 2.0)})
    run = Run({}, 1, 1.0, {"float32": 100.0}, [], [], [found])
    (summary,) = report.summaries(run)
    assert summary.peak is None
    assert summary.torch == 2.0
    assert "| 2.00 (goal 1)" in page.summary_table(run)
