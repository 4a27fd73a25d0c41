"""Named scalar functions: derivatives, relations and generated text against high precision."""

from __future__ import annotations

import inspect
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy as sp

from rot180.codegen.kernels.modules import render_module
from rot180.codegen.kernels.scalar_functions import function_lines, python_name
from rot180.codegen.system.templates import template
from rot180.derive.gradients.gradient import kernel_theorems
from rot180.derive.language.layers import activation_layer, layer
from rot180.derive.language.polynomial import monomials, parse, symbol, symbols_of
from rot180.derive.language.scalar_functions import (
    FUNCTIONS,
    HIGHEST_ORDER,
    RELATIONS,
    T,
    assumption,
    related_functions,
    relation,
    relation_text,
)
from tests.support.relation_solver import relations

Array = np.ndarray[Any, Any]
POSITIVE = ("log", "reciprocal", "sqrt", "rsqrt")
BOUNDED = tuple(name for name in FUNCTIONS if name not in ("exp", *POSITIVE))
ORDERS = (0, 1)


def points(name: str, most: float) -> Array:
    """Return arguments from tiny to large, of both signs where the function allows."""
    sizes = np.concatenate([np.geomspace(1e-6, most, 40), [1.0]])
    return sizes if name in POSITIVE else np.concatenate([-sizes[::-1], [0.0], sizes])


def generated(name: str, order: int) -> Any:
    """Return the function that modules define."""
    lines = [function_lines(name, order)]
    module = {"functions": lines, "normal": True}
    text = template("kernels", "functions.jinja").render(module=module)
    made: dict[str, Any] = {"np": np}
    exec(text, made)
    return made[python_name(name, order)]


def exact(name: str, order: int, at: Array) -> list[mpmath.mpf]:
    """Return values to 60 digits and more, far out in the tails too."""
    with mpmath.workdps(280):
        f = sp.lambdify(T, FUNCTIONS[name].derivative(order), "mpmath")
        return [mpmath.mpf(f(mpmath.mpf(float(t)))) for t in at]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_generated_text_is_accurate(name: str, order: int) -> None:
    """Errors are relative to the value, and to how it varies with a rounded argument."""
    f = generated(name, order)
    for dtype, most, ulps in ((np.float64, 30.0, 64), (np.float32, 10.0, 64)):
        at = points(name, most).astype(dtype)
        found = f(at).astype(dtype)
        eps = np.finfo(dtype).eps
        for t, value, wanted in zip(at, found, exact(name, order, at), strict=True):
            error = abs(mpmath.mpf(float(value)) - wanted)
            scale = abs(wanted) * max(1.0, abs(float(t))) ** 2 + (name in ("gelu", "silu")) * order
            assert error <= ulps * eps * scale, (name, t, value, wanted)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("name", BOUNDED)
def test_large_arguments_overflow_nowhere(name: str, order: int) -> None:
    for dtype, most in ((np.float64, 1e150), (np.float32, 1e18)):
        at = np.array([-most, -1e4, -800, -90, 90, 800, 1e4, most], dtype)
        with np.errstate(over="raise", divide="raise", invalid="raise"):
            found = generated(name, order)(at).astype(dtype)
        assert np.isfinite(found).all()
        if name == "half_square":
            continue
        slopes = {"tanh": (0, 0), "sigmoid": (0, 0), "identity": (1, 1), "abs": (-1, 1)}
        slope = slopes.get(name, (0, 0) if name in ("sign", "heaviside") else (0, 1))
        if order == 1:
            assert np.allclose(found[[0, -1]], slope)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_derivatives_against_differences(name: str) -> None:
    """A central difference in 60 digits is independent of symbolic differentiation."""
    with mpmath.workdps(60):
        step = mpmath.mpf(10) ** -20
        f = sp.lambdify(T, FUNCTIONS[name].value, "mpmath")
        for t in (mpmath.mpf("0.3"), mpmath.mpf("1.7"), mpmath.mpf("5.5")):
            slope = (f(t + step) - f(t - step)) / (2 * step)
            df = sp.lambdify(T, FUNCTIONS[name].derivative(), "mpmath")
            assert abs(slope - df(t)) < mpmath.mpf(10) ** -25


@pytest.mark.parametrize("order", (1, 2, 3))
@pytest.mark.parametrize("name", [name for name in FUNCTIONS if relation(name) is not None])
def test_relations_hold(name: str, order: int) -> None:
    found = relation(name, order)
    assert found is not None
    with mpmath.workdps(40):
        for t in (sp.Rational(1, 3), sp.Rational(17, 5)):
            values: dict[Any, Any] = {symbol("t"): t}
            for g in related_functions(name, order):
                values[symbol(g)] = FUNCTIONS[g].value.subs(T, t)
            there = found.xreplace(values)
            assert abs(sp.N(there - FUNCTIONS[name].derivative(order).subs(T, t), 40)) < 1e-35


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_table_of_relations_is_what_a_solver_finds(name: str) -> None:
    """The shortest one; a function without a relation has none of the forms that are tried."""
    found = list(relations(name))
    if name not in RELATIONS:
        assert not found
    else:
        assert found[0] == parse(RELATIONS[name]) == relation(name)


def test_relations_are_of_listed_functions() -> None:
    """Each is a polynomial in t and listed functions, and so are their own derivatives."""
    assert RELATIONS.keys() <= FUNCTIONS.keys()
    for name in RELATIONS:
        for order in range(1, HIGHEST_ORDER + 1):
            found = relation(name, order)
            assert found is not None
            assert {v.name for v in symbols_of(found)} <= {"t", *RELATIONS}
        for order in (0, -1, HIGHEST_ORDER + 1, 10**30):
            assert relation(name, order) is None


@pytest.mark.parametrize("order", range(1, HIGHEST_ORDER + 1))
@pytest.mark.parametrize("name", RELATIONS)
def test_relations_hold_for_numerical_derivatives(name: str, order: int) -> None:
    """Differences of values in 400 digits are independent of the table and of SymPy."""
    found = relation(name, order)
    assert found is not None
    with mpmath.workdps(400):
        values = {g: sp.lambdify(T, FUNCTIONS[g].value, "mpmath") for g in RELATIONS}
        step = mpmath.mpf(10) ** -30
        for at in ("0.375", "1.7", "4.25"):
            t = mpmath.mpf(at)
            # the central difference of that order, whose error is of the order of step^2
            parts = (
                (-1) ** k * mpmath.binomial(order, k) * values[name](t + (order - 2 * k) * step)
                for k in range(order + 1)
            )
            slope = mpmath.fsum(parts) / (2 * step) ** order
            total = mpmath.mpf(0)
            for powers, c in monomials(found).items():
                part = mpmath.mpf(int(c.p)) / int(c.q)
                for g, k in powers:
                    part *= (t if g == "t" else values[g](t)) ** k
                total += part
            assert abs(total - slope) < mpmath.mpf(10) ** -45


def test_relations_are_those_of_the_textbooks() -> None:
    assert relation_text("sigmoid", 1) == "sigmoid' = sigmoid - sigmoid^2"
    assert relation_text("tanh", 1) == "tanh' = 1 - tanh^2"
    assert relation_text("exp", 1) == "exp' = exp"
    assert relation_text("log", 1) == "log' = reciprocal"
    assert relation_text("softplus", 1) == "softplus' = sigmoid"
    assert relation_text("half_square", 1) == "half_square' = t"
    assert relation("relu") is relation("gelu") is relation("sigma") is None
    with pytest.raises(ValueError, match="no relation is known for relu, order 1"):
        relation_text("relu", 1)
    assert assumption("relu").endswith("relu'(0) = 0")
    assert assumption("sigma") == "sigma' is the derivative of sigma"


def test_pytorch_agrees() -> None:
    torch = pytest.importorskip("torch")
    peers = {
        "relu": torch.relu,
        "sigmoid": torch.sigmoid,
        "tanh": torch.tanh,
        "silu": torch.nn.functional.silu,
        "gelu": torch.nn.functional.gelu,
        "softplus": torch.nn.functional.softplus,
        "abs": torch.abs,
        "sign": torch.sign,
    }
    at = np.concatenate([points("relu", 15.0), [0.0]])
    for name, peer in peers.items():
        z = torch.tensor(at, requires_grad=True)
        y = peer(z)
        y.sum().backward()
        assert np.allclose(generated(name, 0)(at), y.detach().numpy(), rtol=1e-12, atol=1e-15)
        assert np.allclose(generated(name, 1)(at), z.grad.numpy(), rtol=1e-12, atol=1e-15)


def test_kernels_know_functions_by_name() -> None:
    """Kernels take no function as an argument; integers are accepted if the values are integers."""
    made: dict[str, Any] = {}
    for word in ("relu", "sigmoid"):
        forward = layer(activation_layer(word))
        made[word] = {}
        exec(render_module(forward, kernel_theorems(forward), "numpy", "A test."), made[word])
        assert list(inspect.signature(made[word]["forward"]).parameters) == ["z", "a_shape"]
    z, g = np.array([-2, 0, 3]), np.array([5, 7, 11])
    assert made["relu"]["forward"](z).tolist() == [0, 0, 3]
    assert made["relu"]["grad_z"](g, z).tolist() == [0, 0, 11]
    with pytest.raises(TypeError, match="sigmoid: found dtype int64, expected float32 or float64"):
        made["sigmoid"]["forward"](z)
    half = made["sigmoid"]["grad_z"](g.astype(np.float32), np.zeros(3, np.float32))
    assert half.dtype == np.float32
    assert half.tolist() == [1.25, 1.75, 2.75]


def test_not_a_number_stays_one() -> None:
    for name in FUNCTIONS:
        assert np.isnan(generated(name, 0)(np.array([np.nan]))).all()
