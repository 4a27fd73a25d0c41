"""A gradient is a layer: its forward pass is the gradient's kernel, in integers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rot180.codegen.adapters.operation import Operation, forward
from rot180.codegen.system import cache
from rot180.derive.gradients.gradient_layer import gradient_layer
from rot180.derive.language.layers import layer

CONV = "y[n,o,p] = sum[k,c] x[n,c,s*p+d*k-lo] * w[o,c,k] + bias[o]"
CASES: dict[str, dict[str, int]] = {
    CONV: {"N": 2, "O": 3, "P": 3, "K": 2, "C": 2, "H": 8, "s": 3, "d": 2, "lo": 1},
    "g[v] = sum[j] v1[v+j]*v1[v]*[j < v]": {"V": 3, "J": 2, "H": 5},
    "y[i] = x[i]*x[i]*x[i] - 2*t*x[i]": {"I": 4, "t": 3},
}


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep kernels in a folder of the test."""
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))


@pytest.mark.parametrize("text", CASES)
def test_the_layer_of_a_gradient_computes_what_its_kernel_computes(text: str) -> None:
    rng = np.random.default_rng(0)
    operation = forward(text, "numpy")
    sizes = CASES[text]
    values = [sizes[word] for word in operation.symbols]
    for wrt in (t.name for t in operation.layer.tensors):
        found = Operation(operation.text, (wrt,), "numpy")
        derived = gradient_layer(operation.layer, wrt)
        assert derived is not None
        definition, upstream = derived
        again = forward(definition, "numpy")
        drawn = {
            t.name: rng.integers(-4, 5, [sizes[str(n)] for n in t.shape]) for t in found.arrays
        }
        named = {upstream: f"grad_{operation.layer.output.name}"}
        given = [drawn[named.get(t.name, t.name)] for t in again.arrays]
        (whole,) = found.run([drawn[t.name] for t in found.arrays], values)
        assert whole.shape == found.boxes[0](*values)
        (same,) = again.run(given, [sizes[word] for word in again.symbols])
        assert np.array_equal(same, whole)


def test_the_layer_of_a_gradient_has_names_of_its_own() -> None:
    derived = gradient_layer(layer("g[v] = sum[j] v1[v+j]*v1[v]"), "v1")
    assert derived is not None
    found, upstream = derived
    names = {t.name for t in found.tensors}
    assert upstream in names and not names & {"g", "v"} and found.output.name not in names | {"v1"}


def test_a_gradient_is_given_what_the_forward_pass_saved() -> None:
    text = "e[n,j] = exp(x[n,j] - c[]); y[n,j] = e[n,j] * x[n,j] / sum[i] e[n,i]"
    operation = forward(text, "numpy")
    saving = operation.saving
    assert saving.saves and saving.saving == saving and operation.key != saving.key
    arrays = [np.array([[1.0, 2, 4], [0, 3, 1]]), np.array(0.5)]
    values = [{"N": 2, "I": 3, "J": 3}[word] for word in operation.symbols]
    results = saving.run(arrays, values)
    assert (results[0] == operation.run(arrays, values)[0]).all()
    assert [r.shape for r in results] == [box(*values) for box in saving.boxes]
    (plain,), (given,) = operation.gradients([0, 1]), saving.gradients([0, 1])
    assert given.operation.saves and len(given.sources) == len(plain.sources) + len(saving.saved)
    g = np.ones((2, 3))
    found = given.operation.run(*given.inputs(g, [*arrays, *results], values))
    wanted = plain.operation.run(*plain.inputs(g, arrays, values))
    for one, other in zip(found, wanted, strict=True):
        assert (one == other).all()
    assert forward("y[i] = 2 * x[i]", "numpy").saving.saves is False


def test_what_a_gradient_does_not_depend_on_has_no_gradient() -> None:
    (slope,) = forward("y[i] = 2*x[i] + b[]", "numpy").gradients([0])
    assert [t.name for t in slope.operation.arrays] == ["grad_y"]
    (again,) = slope.operation.gradients([0])
    assert again.sources == (None,)
    cancelled = forward("a[i] = x[i] * b[i]; y[i] = a[i] - b[i] * x[i] + x[i] * c[]", "numpy")
    assert [g.targets for g in cancelled.gradients([0, 1])] == [(0,), (1,)]
    (zero,) = cancelled.gradients([1])
    assert zero.operation.gradients([0]) == ()
