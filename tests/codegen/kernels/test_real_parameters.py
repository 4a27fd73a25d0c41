"""Parameters that occur in coefficients alone are real numbers; all others are integers."""

from __future__ import annotations

import types
from pathlib import Path

import numpy as np
import pytest

from rot180.codegen import compile
from rot180.codegen.kernels.build import BuildError, find_compiler
from rot180.codegen.system import cache

LAYER = "y[i] = c*x[i]*w[i+s] + (c^2 + a/2)*b[i]"
PROGRAM = "z[i] = c * x[i] + x[i+s]; y[i] = c * tanh(z[i]) - 1/3 * x[i]"


@pytest.fixture(params=["numpy", "compiled"])
def backend(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> str:
    """Return each back end in turn."""
    monkeypatch.setenv("CFLAGS", "-O0")
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
    if request.param == "compiled":
        try:
            find_compiler()
        except BuildError as error:
            pytest.skip(str(error))
    return str(request.param)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_coefficient_is_a_real_number(backend: str, dtype: str) -> None:
    module = compile(LAYER, backend)
    rng = np.random.default_rng(0)
    x, b, g, w = (rng.standard_normal(n).astype(dtype) for n in (5, 5, 5, 7))
    rtol = 4e-6 if dtype == "float32" else 1e-14
    y = module.forward(x, w, b, s=2, c=-0.3, a=0.25)
    np.testing.assert_allclose(y, -0.3 * x * w[2:] + (0.09 + 0.125) * b, rtol=rtol)
    found = module.grad_x(g, w, s=2, c=np.float32(0.5))
    np.testing.assert_allclose(found, 0.5 * g * w[2:], rtol=rtol)
    np.testing.assert_allclose(module.grad_b(g, c=1, a=0.25), 1.125 * g, rtol=rtol)
    assert module.forward(x, w, b, s=2, c=-0.3, a=0.25).dtype == dtype


def test_the_coefficients_of_a_program(backend: str) -> None:
    module = compile(PROGRAM, backend)
    x = np.array([0.5, -1.0, 2.0])
    z = 0.7 * x + np.array([-1.0, 2.0, 0.0])
    found = module.forward(x, c=0.7, s=1)
    np.testing.assert_allclose(found, 0.7 * np.tanh(z) - x / 3, rtol=1e-14)


def faults(module: types.ModuleType, *arrays: np.ndarray, **parameters: object) -> str:
    """Return the error of a call."""
    with pytest.raises((TypeError, ValueError)) as error:
        module.forward(*arrays, **parameters)
    return str(error.value)


def test_wrong_numbers(backend: str) -> None:
    module, x, w = compile(LAYER, backend), np.ones(3), np.ones(4)
    assert faults(module, x, w, x, s=1, c="2", a=1) == "c: found '2' (str), expected a real number"
    assert "c: found 1j (complex), expected a real" in faults(module, x, w, x, s=1, c=1j, a=1)
    assert "c: found True (bool)" in faults(module, x, w, x, s=1, c=True, a=1)
    assert "s: found 1.0 (float), expected an integer" in faults(module, x, w, x, s=1.0, c=1, a=1)


def test_arrays_of_integers_need_integers() -> None:
    """The product of an integer array with 1/2 would be rounded."""
    module = compile("y[i] = c * x[i]", "numpy")
    x = np.array([3, 4])
    assert module.forward(x, c=-2).tolist() == [-6, -8]
    found = faults(module, x, c=0.5)
    assert found.startswith("c: found 0.5 (float), expected an integer, for the arrays are of")
