"""The cases of the benchmarks, and their peers: each computes what the kernels compute."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
import pytest

from rot180.generated import numpy_kernels

sys.path.append(str(Path(__file__).resolve().parent.parent))  # the suite is not installed

from benchmarks import loops, measure, peers
from benchmarks.cases import CASES, Case
from benchmarks.operations import FORWARD, INPUT, OPERATIONS, WEIGHT
from benchmarks.results import COMPILED

PUBLIC = tuple(case for case in CASES if isinstance(case, Case))
"""The cases of layers that are shipped."""

SMALL = (
    Case("few", "a", "conv1d", 3, 4, 6, (11,), (3,), 2, 1, 2, 2),
    Case("few", "b", "conv2d", 2, 3, 5, (9, 8), (3, 2), 3, 1, dtype="float64"),
    Case("few", "c", "conv2d", 2, 4, 4, (7, 6), (3, 3), 2, 2, groups=4),
    Case("3d", "d", "conv3d", 1, 2, 3, (5, 6, 7), (2, 3, 1), padding=1),
    Case("image", "e", "conv2d", 1, 1, 1, (12, 10), (4, 3), padding=1, dtype="float64"),
    Case("image", "f", "conv1d", 1, 1, 1, (12,), (5,)),
    Case("other", "g", "conv_transpose2d", 2, 4, 6, (5, 4), (4, 3), 2, 1, 1, 2),
    Case("other", "h", "linear", 3, 5, 7),
)


def numpy_calls(case: Case) -> peers.Calls:
    return peers.kernels("numpy_kernels", peers.problem(case))


def agrees(calls: peers.Calls, case: Case) -> None:
    ours = numpy_calls(case)
    for operation, call in calls.items():
        expected = np.asarray(ours[operation]())
        assert measure.difference(call(), expected, case, operation) == "", (case, operation)


@pytest.mark.parametrize("case", SMALL, ids=str)
def test_products_without_padding_are_counted(case: Case) -> None:
    """Each product of ones adds one, unless it is one with padding."""
    layer = getattr(numpy_kernels, case.layer)
    x, weight = np.ones(case.input_size), np.ones(case.weight_size)
    count = layer(x, weight, **case.keywords).sum()
    assert math.isclose(count, case.inside * case.flops / 2)


@pytest.mark.parametrize("case", [*SMALL, *PUBLIC], ids=str)
def test_shapes_are_those_of_the_kernels(case: Case) -> None:
    if case.layer != "linear" and math.prod(case.input_size) < 10_000:
        calls = numpy_calls(case)
        assert calls[FORWARD]().shape == case.output_size
        assert calls[INPUT]().shape == case.input_size
        assert calls[WEIGHT]().shape == case.weight_size
    assert min(case.output_size) >= 1
    assert case.flops > 0


def test_flops_count_the_products_of_the_definition() -> None:
    conv = Case("wide", "", "conv2d", 2, 3, 5, (8, 8), (3, 3), stride=2, padding=1)
    assert conv.flops == 2 * (2 * 5 * 4 * 4) * (3 * 3 * 3)
    transposed = Case("other", "", "conv_transpose2d", 1, 3, 5, (4, 4), (2, 2), stride=2)
    assert transposed.flops == 2 * (1 * 3 * 4 * 4) * (5 * 2 * 2)
    assert Case("other", "", "linear", 2, 3, 5).flops == 2 * 2 * 3 * 5


@pytest.mark.parametrize("case", SMALL, ids=str)
def test_windows_and_loops_compute_the_layer(case: Case) -> None:
    given = peers.problem(case)
    found = peers.numpy_windows(given)
    assert set(found) == set(OPERATIONS)
    agrees(found, case)
    agrees(peers.numba_loops(given), case)


def test_windows_split_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "_COLUMNS", 1)
    for case in SMALL:
        agrees(peers.numpy_windows(peers.problem(case)), case)


@pytest.mark.parametrize("name", ["scipy", "torch", "jax"])
def test_library_computes_the_layer(name: str) -> None:
    entrants = [p for p in peers.contestants(1) if p.needs == name and peers.installed(p)]
    for peer in entrants:
        for case in SMALL:
            calls = peer.calls(peers.problem(case))
            if name != "scipy":
                assert set(calls) == set(OPERATIONS)
            agrees(calls, case)
    if entrants and name == "scipy":
        assert all(peer.calls(peers.problem(SMALL[4])) for peer in entrants)


def test_loops_stay_inside_the_image() -> None:
    for offset in range(-9, 10):
        for stride in (1, 2, 3):
            inside = [p for p in range(6) if 0 <= stride * p + offset < 7]
            assert list(range(*loops.inside(offset, stride, 7, 6))) == inside


def test_a_wrong_result_is_found() -> None:
    case = SMALL[0]
    right = np.asarray(numpy_calls(case)[FORWARD]())
    wrong = right.copy()
    wrong.flat[3] += 0.01
    assert measure.difference(right, right, case, FORWARD) == ""
    assert "differs by" in measure.difference(wrong, right, case, FORWARD)
    assert "shape" in measure.difference(right[:1], right, case, FORWARD)
    assert measure.difference(np.full_like(right, np.nan), right, case, FORWARD)


def test_a_wrong_peer_is_reported_and_not_timed() -> None:
    def zeros(given: peers.Problem) -> peers.Calls:
        return {FORWARD: lambda: np.zeros_like(given.g)}

    def ours(given: peers.Problem) -> peers.Calls:
        return peers.kernels("numpy_kernels", given)

    given = peers.problem(SMALL[0])
    found = list(
        measure.measure(
            SMALL[0],
            {COMPILED: ours(given), "zeros": zeros(given)},
            measure.QUICK,
        )
    )
    assert [r.operation for r in found] == list(OPERATIONS)
    assert set(found[0].wrong) == {"zeros"}
    assert set(found[0].timings) == {COMPILED}
    assert not found[1].wrong


def test_numpy_kernels_are_the_reference() -> None:
    given = peers.problem(SMALL[1])
    expected = numpy_kernels.conv2d(given.x, given.w, None, 3, 1)
    assert np.array_equal(numpy_calls(SMALL[1])[FORWARD](), expected)
