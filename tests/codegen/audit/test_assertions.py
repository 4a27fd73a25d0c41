"""The functions for tests: gradients, adjoints, and configurations drawn by Hypothesis."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, find, given, settings

from rot180.codegen.audit import (
    LayerCall,
    assert_adjoint,
    assert_gradient,
    configurations,
)
from rot180.codegen.audit.runs import separating
from tests.support.naive_layers import conv1d_weight, conv1d_weight_of_fewer_taps

CORRELATION = "y[p] = sum[k] x[p+k] * w[k]"


def test_a_right_gradient_passes() -> None:
    assert_gradient(conv1d_weight, layer="conv1d", wrt="weight", configurations=8)


def test_a_wrong_gradient_is_explained() -> None:
    def rotated(**given: Any) -> Any:
        return conv1d_weight(**given)[:, :, ::-1]

    with pytest.raises(AssertionError) as caught:
        assert_gradient(rotated, layer="conv1d", wrt="weight")
    text = str(caught.value)
    assert "mistake: the gradient is rotated by 180 degrees" in text
    assert "smallest call, in float64" in text and "is missing" in text


def test_a_layer_of_the_language_and_its_forward_pass() -> None:
    def forward(x: Any, w: Any, y_shape: Any) -> Any:
        return np.correlate(x, w, "valid")[: y_shape[0]]

    def backward(w: Any, grad_y: Any, x_shape: Any) -> Any:
        out = np.convolve(grad_y, w)
        return np.concatenate([out, np.zeros(max(0, x_shape[0] - len(out)))])[: x_shape[0]]

    found = separating(CORRELATION, "", 12)
    assert all(one.keywords == {"y_shape": one.result_shape} for one in found)
    with pytest.raises(AssertionError):  # where x is longer than w and y need
        assert_gradient(forward, layer=CORRELATION, wrt="")
    assert_gradient(backward, layer=CORRELATION, wrt="x", dtypes=["float64"], configurations=12)


@pytest.mark.parametrize(
    "given, said",
    [
        ({"layer": "conv9d", "wrt": "x"}, "conv9d"),
        ({"layer": "conv1d", "wrt": "kernel"}, "expected one of"),
        ({"layer": "conv1d", "wrt": "weight", "dtypes": ["int8"]}, "dtypes: found 'int8'"),
    ],
)
def test_what_is_asked_must_exist(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        assert_gradient(conv1d_weight, **given)


def test_a_function_that_supports_nothing_is_refused() -> None:
    def nothing(**_: Any) -> Any:
        raise NotImplementedError("not yet")

    with pytest.raises(ValueError, match="no configuration that it supports"):
        assert_gradient(nothing, layer="conv1d", wrt="weight", configurations=2)


def test_adjoints() -> None:
    w = np.array([1.0, 2.0, -3.0])
    assert_adjoint(lambda x: np.correlate(x, w), lambda g: np.convolve(g, w), (7,))
    big = 600  # compared by dot products alone
    assert_adjoint(lambda x: np.correlate(x, w), lambda g: np.convolve(g, w), (big,))
    with pytest.raises(AssertionError, match="expected <forward"):
        assert_adjoint(lambda x: np.correlate(x, w), lambda g: np.convolve(g, w[::-1]), (big,))
    with pytest.raises(AssertionError, match=r"found -3 times .*, expected 1 times"):
        assert_adjoint(lambda x: np.correlate(x, w), lambda g: np.convolve(g, w[::-1]), (7,))
    with pytest.raises(AssertionError, match=r"shape \(6,\), expected \(7,\)"):
        assert_adjoint(lambda x: x[::2], lambda g: g.repeat(2)[:6], (7,))


def test_the_dot_test_needs_a_linear_function_of_integers() -> None:
    with pytest.raises(ValueError, match="expected a linear function"):
        assert_adjoint(lambda x: x + 1, lambda g: g, (3,))
    with pytest.raises(ValueError, match="integer weights"):
        assert_adjoint(lambda x: x / 3, lambda g: g / 3, (3,))


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(configurations("conv1d", "weight"))
def test_configurations_fit(one: LayerCall) -> None:
    arrays: dict[str, Any] = one.arrays(seed=1)
    assert {name: a.shape for name, a in arrays.items()} == one.shapes
    found = conv1d_weight(**arrays, **one.keywords)
    assert np.array_equal(found, one.expected(arrays)) and found.shape == one.result_shape


def test_configurations_of_any_layer_shrink() -> None:
    small = find(configurations("y[p,q] = x[p] * w[q]"), lambda one: True)
    assert set(small.shapes.values()) == {(1,)} and "x=(1,)" in repr(small)
    small = find(
        configurations("conv2d"),
        lambda one: one.keywords["padding"][0][0] != one.keywords["padding"][0][1],
    )
    assert not small.symmetric and max(small.shapes["input"]) <= 3


def test_a_mistake_that_few_configurations_show_is_found_by_hypothesis() -> None:
    def differs(one: LayerCall) -> bool:
        arrays: dict[str, Any] = one.arrays()
        found = conv1d_weight_of_fewer_taps(**arrays, **one.keywords)
        return not np.array_equal(found, one.expected(arrays))

    assert find(configurations("conv1d", "weight"), differs).keywords["weight_size"][2] >= 2
