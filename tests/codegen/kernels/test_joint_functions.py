"""`vjp` and `jvp` of layers and programs: transposed to each other, and equal to the gradients."""

from __future__ import annotations

import inspect
import types
from typing import Any

import numpy as np
import pytest
import sympy as sp
from numpy.typing import NDArray

from rot180.codegen import compile
from rot180.codegen.kernels.build import BuildError, find_compiler
from rot180.codegen.system import cache
from rot180.derive import checker
from rot180.derive.certificates.reader import loads
from rot180.derive.certificates.writer import dumps
from rot180.derive.gradients.directional import tangents
from rot180.derive.kernel.replay import replay
from rot180.derive.language.programs import parse_program, read
from tests.derive.gradients.test_program_gradient import PROGRAMS

Array = NDArray[Any]
CONV = "y[n,o,p] = sum[k,c] x[n,c,s*p+d*k-lo] * w[o,c,k] + bias[o]"
SIZES = {"N": 2, "I": 3, "J": 4, "D": 5, "F": 2, "C": 4, "O": 3, "K": 3, "P": 4, "H": 9, "U": 4}
PARAMETERS = {"c": 2, "s": 2, "d": 1, "lo": 1}
TEXTS = {**PROGRAMS, "a layer": "linear", "strided": CONV, "squares": "y[i] = x[i]*x[i]*b[] - x[i]"}
SMALL = ["a layer", "strided", "attention", "layer normalization", "softmax with its shift"]


@pytest.fixture(scope="module", autouse=True)
def kept(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Keep kernels in a folder of the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(cache.VARIABLE, str(tmp_path_factory.mktemp("kernels")))
        patch.setenv("CFLAGS", "-O0")
        yield


def drawn(text: str) -> dict[str, Array]:
    """Return arrays for operands, output gradient and tangents: integers above 0, as floats."""
    found = read(text)
    random = np.random.default_rng(0)
    sizes = {t.name: tuple(SIZES[str(n)] for n in t.shape) for t in (*found.tensors, found.output)}
    out = {t.name: random.integers(1, 5, sizes[t.name]).astype(float) for t in found.tensors}
    y = found.output.name
    out[f"grad_{y}"] = random.integers(-4, 5, sizes[y]).astype(float)
    for t in found.tensors:
        out[f"tangent_{t.name}"] = random.integers(-4, 5, sizes[t.name]).astype(float)
    return out


def call(text: str, module: types.ModuleType, word: str, arrays: dict[str, Array]) -> Any:
    """Call a function of a module with what it takes."""
    function = getattr(module, word)
    wanted = inspect.signature(function).parameters
    keywords: dict[str, Any] = {n: v for n, v in PARAMETERS.items() if n in wanted}
    keywords |= {"sigma": np.tanh} if "sigma" in wanted else {}
    keywords |= {"sigma_prime": lambda t: 1 - np.tanh(t) ** 2} if "sigma_prime" in wanted else {}
    found = read(text)
    for t in (*found.tensors, found.output):
        if f"{t.name}_shape" in wanted:
            keywords[f"{t.name}_shape"] = tuple(SIZES[str(n)] for n in t.shape)
    return function(*(arrays[n] for n in wanted if n in arrays), **keywords)


@pytest.mark.parametrize("name", TEXTS)
def test_the_gradients_and_the_derivative_in_a_direction_agree(name: str) -> None:
    """All gradients in one call are those of each function, and <g, jvp(v)> = <vjp(g), v>."""
    text, module = TEXTS[name], compile(TEXTS[name], "numpy")
    arrays, found = drawn(text), read(text)
    gradients = call(text, module, "vjp", arrays)
    for t, gradient in zip(found.tensors, gradients, strict=True):
        assert np.array_equal(gradient, call(text, module, f"grad_{t.name}", arrays)), t.name
    along = call(text, module, "jvp", arrays)
    g = arrays[f"grad_{found.output.name}"]
    assert along.shape == g.shape
    pairs = zip(gradients, (arrays[f"tangent_{t.name}"] for t in found.tensors), strict=True)
    np.testing.assert_allclose((g * along).sum(), sum((a * b).sum() for a, b in pairs), rtol=1e-9)


@pytest.mark.parametrize("name", SMALL)
def test_compiled_functions_agree(name: str) -> None:
    try:
        find_compiler()
    except BuildError as error:
        pytest.skip(str(error))
    text = TEXTS[name]
    compiled, plain, arrays = compile(text, "compiled"), compile(text, "numpy"), drawn(text)
    assert compiled.backend == "compiled"
    for word in ("vjp", "jvp"):
        one, other = (call(text, m, word, arrays) for m in (compiled, plain))
        for a, b in zip(one, other, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", PROGRAMS)
def test_derivatives_in_a_direction_are_proved(name: str) -> None:
    """Replay and the checker accept them."""
    for t in tangents(parse_program(PROGRAMS[name])):
        assert replay(loads(dumps(t.theorem.proof))) == t.theorem
        (verdict,) = checker.check(dumps(t.theorem.proof))
        assert verdict.verdict == "proved", verdict


def test_a_maximum_beside_a_gather() -> None:
    """The gradient of cross-entropy adds up at the targets, and at the largest entries."""
    text = "m[n] = max[v] z[n,v]; y[n] = log(sum[v] exp(z[n,v] - m[n])) + m[n] - z[n,target[n]]"
    module = compile(text, "numpy")
    z, target = np.array([[0.0, 1.0, 3.0], [2.0, 2.0, -1.0]]), np.array([1, 0])
    g = np.array([1.0, -2.0])
    (found,) = module.vjp(g, z, target)
    softmax = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    wanted = g[:, None] * (softmax - np.eye(3)[target])
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(module.grad_z(g, z, target), wanted, rtol=1e-12, atol=1e-15)
    along = module.jvp(z * z, z, target)
    np.testing.assert_allclose((g * along).sum(), (wanted * z * z).sum(), rtol=1e-12)


def test_what_was_saved_is_read() -> None:
    text = PROGRAMS["attention"]
    module, arrays = compile(text, "numpy"), drawn(text)
    q, k, m, v, g = (arrays[n] for n in ("q", "k", "m", "v", "grad_y"))
    _, saved = module.forward(q, k, m, v, c=2, save=True)
    for one, other in zip(
        module.vjp(g, q, k, m, v, c=2, saved=saved), module.vjp(g, q, k, m, v, c=2), strict=True
    ):
        assert np.array_equal(one, other)
    with pytest.raises(ValueError, match="saved: found nothing, expected e among the names"):
        module.vjp(g, q, k, m, v, c=2, saved={})


def test_what_compile_takes() -> None:
    x, a, y = (sp.IndexedBase(n) for n in "xay")
    i = sp.Symbol("i", integer=True)
    text = "a[i] = x[i] * x[i]; y[i] = exp(a[i]) * x[i]"
    given = [sp.Eq(a[i], x[i] * x[i]), sp.Eq(y[i], sp.exp(a[i]) * x[i])]
    made = [compile(one, "numpy") for one in (given, parse_program(text), text)]
    assert made[0] is made[1] is made[2] and made[0].layer == text
    assert compile(sp.Eq(y[i], 2 * x[i]), "numpy").layer == "y[i] = 2 * x[i]"
    with pytest.raises(TypeError, match="layer: found int, expected a text, a Layer, a Program"):
        compile(3, "numpy")  # type: ignore[arg-type]


def test_docstrings_state_the_theorems() -> None:
    module = compile(PROGRAMS["attention"], "numpy")
    said = inspect.getdoc(module.vjp) or ""  # which Python 3.13 stores without its indentation
    assert "dL/dq[n,i,d] = c * sum[j] grad_z_minus_m[n,i,j] * k[n,j,d]" in said
    assert said.count("\n    grad_z_minus_m[n,i,j] =") == 1
    along = module.jvp.__doc__ or ""
    assert "x = x_0 + epsilon * tangent_x for each operand x" in along
    assert "tangent_e[n,i,j] = e[n,i,j] * tangent_z_minus_m[n,i,j]" in along
    with pytest.raises(AttributeError, match="has no 'hessian'"):
        module.hessian  # noqa: B018


def test_names_of_operands_that_tangents_would_have() -> None:
    module = compile("y[i] = x[i] * tangent_x[i] * epsilon[] * x_0[i]", "numpy")
    operands = {"x": [2.0], "tangent_x": [3.0], "epsilon": 5.0, "x_0": [7.0]}
    along = list(inspect.signature(module.jvp).parameters)
    given = [operands.get(n, 1.0 if n == "tangent_epsilon" else [1.0]) for n in along[:8]]
    assert set(operands) < set(along) and len(set(along)) == 9
    assert module.jvp(*map(np.array, given)) == 3 * 5 * 7 + 70 + 42 + 30
