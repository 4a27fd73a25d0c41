"""Audits of programs: what is right passes, and planted mistakes are found and named.

The right functions are written as frameworks write them, other than the definitions: softmax
without the largest entry subtracted, the variance by Welford's recurrence.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rot180.codegen.audit import LayerCall, assert_gradient
from rot180.codegen.audit.expectations import ESTIMATED
from rot180.codegen.audit.judge import Judge
from rot180.codegen.audit.questions import question
from rot180.codegen.audit.report import FORMATS, Audit, write
from rot180.codegen.audit.runs import run, separating
from rot180.codegen.audit.starter import starter
from rot180.codegen.audit.targets import function_target
from rot180.codegen.audit.tolerance import precision

Array = np.ndarray[Any, np.dtype[Any]]


def audited(
    function: Callable[..., Any], layer: str, wrt: str, *, count: int = 4, dtypes: str = "float64"
) -> Audit:
    kinds = tuple(map(precision, dtypes.split(",")))
    return run(Judge(question(layer, wrt), function_target(function), kinds), count)


def softmax(x: Array) -> Array:
    e = np.exp(x)
    out: Array = e / e.sum(-1, keepdims=True)
    return out


def softmax_x(x: Array, grad_y: Array) -> Array:
    y = softmax(x)
    out: Array = y * (grad_y - (grad_y * y).sum(1, keepdims=True))
    return out


def without_inner_product(x: Array, grad_y: Array) -> Array:
    return softmax(x) * grad_y


def moments(x: Array) -> tuple[Array, Array]:
    """Return mean and variance by Welford's recurrence."""
    mean, squares = np.zeros_like(x[:, 0]), np.zeros_like(x[:, 0])
    for n, column in enumerate(x.T, 1):
        before = mean
        mean = mean + (column - mean) / x.dtype.type(n)
        squares = squares + (column - before) * (column - mean)
    return mean[:, None], squares[:, None] / x.dtype.type(x.shape[1])


def layer_norm(x: Array, g: Array, b: Array, eps: float) -> Array:
    mean, variance = moments(x)
    out: Array = (x - mean) / np.sqrt(variance + x.dtype.type(eps)) * g + b
    return out


def layer_norm_x(x: Array, g: Array, grad_y: Array, eps: float) -> Array:
    mean, variance = moments(x)
    root = np.sqrt(variance + x.dtype.type(eps))
    h, d = (x - mean) / root, grad_y * g
    across = d.mean(1, keepdims=True) + h * (d * h).mean(1, keepdims=True)
    out: Array = (d - across) / root
    return out


def without_mean(x: Array, g: Array, grad_y: Array, eps: float) -> Array:
    mean, variance = moments(x)
    root = np.sqrt(variance + eps)
    h, d = (x - mean) / root, grad_y * g
    out: Array = (d - h * (d * h).mean(1, keepdims=True)) / root
    return out


def outside_root(x: Array, g: Array, b: Array, eps: float) -> Array:
    mean, variance = moments(x)
    out: Array = (x - mean) / (np.sqrt(variance) + eps) * g + b
    return out


def sample_variance(x: Array, g: Array, b: Array, eps: float) -> Array:
    mean, variance = moments(x)
    n = x.shape[1]
    out: Array = (x - mean) / np.sqrt(variance * n / (n - 1) + eps) * g + b
    return out


def attention_q(q: Array, k: Array, v: Array, grad_y: Array, scale: float) -> Array:
    p = softmax(np.einsum("nid,njd->nij", q, k) * scale)
    d = np.einsum("nif,njf->nij", grad_y, v)
    d = p * (d - (p * d).sum(2, keepdims=True))
    out: Array = np.einsum("nij,njd->nid", d, k) * scale
    return out


def without_scale(q: Array, k: Array, v: Array, grad_y: Array, scale: float) -> Array:
    out: Array = attention_q(q, k, v, grad_y, scale) / scale
    return out


def pool_x(
    x: Array,
    grad_y: Array,
    x_shape: tuple[int, ...],
    K: int,  # noqa: N803
    s: int,
    d: int,
    last: bool = False,
) -> Array:
    out: Array = np.zeros(x_shape, x.dtype)
    for at in np.ndindex(*grad_y.shape):
        *row, p = at
        places = [s * p + d * k for k in range(K)]
        if places[-1] >= x_shape[2]:
            raise NotImplementedError("windows beyond the input")
        window = x[(*row, places)]
        n = K - 1 - int(window[::-1].argmax()) if last else int(window.argmax())
        out[(*row, places[n])] += grad_y[at]
    return out


def last_tie(x: Array, grad_y: Array, x_shape: tuple[int, ...], K: int, s: int, d: int) -> Array:  # noqa: N803
    return pool_x(x, grad_y, x_shape, K, s, d, last=True)


@pytest.mark.parametrize(
    ("function", "layer", "wrt"),
    [
        (softmax, "softmax", ""),
        (softmax_x, "softmax", "x"),
        (layer_norm, "layer_norm", ""),
        (layer_norm_x, "layer_norm", "x"),
        (attention_q, "attention", "q"),
        (pool_x, "max_pool1d", "x"),
    ],
)
def test_right_functions_pass(function: Callable[..., Any], layer: str, wrt: str) -> None:
    """In both dtypes, by other algorithms than the definitions."""
    found = audited(function, layer, wrt, dtypes="float64,float32")
    assert found.diagnosis is None, write(found, "text")
    assert found.verdict.passed == 4 and found.verdict.worst < 0.5


@pytest.mark.parametrize(
    ("function", "layer", "wrt", "said"),
    [
        (without_inner_product, "softmax", "x", "a term is missing: -sum[j1] grad_y[n,j1]"),
        (without_mean, "layer_norm", "x", "no gradient through mu"),
        (outside_root, "layer_norm", "", "eps outside the root of r"),
        (sample_variance, "layer_norm", "", "r_part is divided by C - 1"),
        (without_scale, "attention", "q", "scale is forgotten in the backward pass alone"),
        (last_tie, "max_pool1d", "x", "of equal extreme entries the last one is taken"),
    ],
)
def test_mistakes_are_named(function: Callable[..., Any], layer: str, wrt: str, said: str) -> None:
    """The smallest call shows it, and the mistake has a name."""
    found = audited(function, layer, wrt, count=12)
    assert found.diagnosis is not None and found.diagnosis.smallest.kind == "wrong"
    assert said in found.diagnosis.mistake


def test_a_result_in_a_narrow_format_is_inaccurate() -> None:
    """Roundings that are too large are no mistake in a formula; the report names the bound."""

    def narrow(x: Array) -> Array:
        return softmax(x.astype(np.float32)).astype(x.dtype)

    found = audited(narrow, "softmax", "", count=12)
    assert found.diagnosis is not None
    assert "of its bound" not in write(found, "text")
    coarse = audited(lambda x: softmax(x).astype(x.dtype) * (1 + 2.0**-46), "softmax", "")
    assert coarse.diagnosis is not None and coarse.diagnosis.smallest.kind == "inaccurate"
    assert ESTIMATED in write(coarse, "text") and coarse.data["bound"] == ESTIMATED


def test_reports() -> None:
    """Every form of a report has the mistake."""
    found = audited(last_tie, "max_pool1d", "x", count=12)
    for form in FORMATS:
        assert "the last one is taken" in write(found, form)


def test_a_program_by_its_text() -> None:
    """A sum and a function, a function alone; an array of indices; a parameter that is real."""

    def gated(x: Array, w: Array, grad_y: Array, x_shape: tuple[int, ...]) -> Array:
        z = x @ w.T
        s = 1 / (1 + np.exp(-z))
        out: Array = (grad_y * (s + z * s * (1 - s))) @ w
        return out

    assert_gradient(gated, layer="y[n,o] = silu(sum[c] x[n,c] * w[o,c])", wrt="x", configurations=4)
    assert_gradient(lambda x, a: a * np.tanh(x), layer="y[i] = a * tanh(x[i])", wrt="")

    def rows(idx: Array, grad_y: Array, w_shape: tuple[int, ...]) -> Array:
        out: Array = np.zeros(w_shape, grad_y.dtype)
        np.add.at(out, idx, grad_y)
        return out

    assert_gradient(rows, layer="embedding", wrt="w", configurations=4)
    with pytest.raises(AssertionError, match="the wrong sign"):
        assert_gradient(lambda **k: -rows(**{w: k[w] for w in ("idx", "grad_y", "w_shape")}),
                        layer="embedding", wrt="w", configurations=4)  # fmt: skip


def test_configurations_of_programs() -> None:
    """Those of tests have arrays, results and names."""
    calls = separating("layer_norm", "x", 4)
    assert all(isinstance(call, LayerCall) for call in calls)
    for call in calls:
        arrays = call.arrays()
        assert call.expected(arrays).shape == call.result_shape
    assert len({call.label for call in calls}) == 4
    call = separating("embedding", "", 3)[2]
    arrays = call.arrays()
    assert np.array_equal(call.expected(arrays), arrays["w"][arrays["idx"]])


def test_a_starter_for_a_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--init` finds the arguments of a gradient, and leaves out others."""
    (tmp_path / "own_softmax.py").write_text("def softmax_x(x, grad_y):\n    return x\n")
    monkeypatch.syspath_prepend(tmp_path)
    text = starter("own_softmax:softmax_x", "softmax", "x").text
    assert "def adapter(x, grad_y):" in text and 'layer="softmax", wrt="x"' in text


@pytest.mark.parametrize(
    ("layer", "wrt", "said"),
    [
        ("softmax", "y", "--wrt: found 'y', expected one of x, or nothing"),
        ("phi: function; y[i] = phi(x[i])", "", "found the function phi, which has no values"),
        ("attention", "scale", "expected one of q, k, v"),
    ],
)
def test_bad_input(layer: str, wrt: str, said: str) -> None:
    """Errors name what was found and what was expected."""
    with pytest.raises(ValueError, match=re.escape(said)):
        question(layer, wrt)
