"""`as_jax`: exact layers in JAX, under `jit`, `grad` and `vmap`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rot180.codegen.adapters import as_jax
from rot180.codegen.system import cache

jax = pytest.importorskip("jax")
CONV = "y[n,o,p] = sum[k,c] x[n,c,s*p+d*k-lo] * w[o,c,k] + bias[o]"


@pytest.fixture(scope="module", autouse=True)
def kept(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Keep kernels in a folder of the tests, and compute in double precision."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(cache.VARIABLE, str(tmp_path_factory.mktemp("kernels")))
        with jax.enable_x64(True):
            yield


def drawn(*shapes: tuple[int, ...]) -> list[Any]:
    rng = np.random.default_rng(0)
    return [jax.numpy.asarray(rng.integers(-4, 5, shape).astype(float)) for shape in shapes]


def peer(x: Any, w: Any, bias: Any) -> Any:
    """Return the convolution of stride 2 with one zero on each side, by JAX."""
    return jax.lax.conv_general_dilated(x, w, (2,), [(1, 1)]) + bias[:, None]


def own(x: Any, w: Any, bias: Any) -> Any:
    return as_jax(CONV, "numpy")(x, w, bias, s=2, d=1, lo=1, y_shape=(2, 3, 3))


def test_convolution_is_that_of_jax_in_integers() -> None:
    operands = drawn((2, 2, 6), (3, 2, 3), (3,))
    g = drawn((2, 3, 3))[0]

    def slopes(function: Any) -> Any:
        return jax.grad(lambda *a: (function(*a) * g).sum(), (0, 1, 2))

    def squares(function: Any) -> Any:
        return jax.grad(lambda *a: sum((f * f).sum() for f in slopes(function)(*a)), (0, 1))

    makers: list[Callable[[Any], Any]] = [lambda f: f, slopes, squares]
    for make in makers:
        found, wanted = (jax.tree.leaves(make(f)(*operands)) for f in (own, peer))
        assert all(map(np.array_equal, found, wanted))
        again = jax.tree.leaves(jax.jit(make(own))(*operands))
        assert all(map(np.array_equal, again, wanted))


def test_programs_and_their_second_derivatives() -> None:
    """The gradient reads what the forward pass saved; its own gradient is that of the whole."""
    layer = as_jax("e[n,j] = exp(x[n,j]); y[n,j] = e[n,j] / sum[i] e[n,i]", "numpy")
    x = jax.numpy.asarray(np.random.default_rng(0).standard_normal((2, 3)))
    w = jax.numpy.asarray(np.random.default_rng(1).standard_normal((2, 3)))

    def slopes(function: Any) -> Any:
        return jax.grad(lambda t: (function(t) * w).sum())

    def squares(function: Any) -> Any:
        return jax.grad(lambda t: (slopes(function)(t) ** 2).sum())

    for make in (slopes, squares):
        wanted = make(jax.nn.softmax)(x)
        np.testing.assert_allclose(make(layer)(x), wanted, rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(jax.jit(make(layer))(x), wanted, rtol=1e-12, atol=1e-14)


def test_functions_and_third_derivatives() -> None:
    layer = as_jax("y[i] = tanh(x[i])*x[i]", "numpy")

    def slope(function: Any) -> Any:
        return jax.grad(lambda v: function(v).sum())

    x = jax.numpy.linspace(-2, 2, 5)
    found = slope(slope(slope(layer)))(x)
    wanted = slope(slope(slope(lambda v: jax.numpy.tanh(v) * v)))(x)
    assert np.allclose(found, wanted, rtol=1e-12, atol=1e-12)


ATTENTION = """
z[n,i,j] = c * sum[d] q[n,i,d] * k[n,j,d]
m[n,i] = max[j] z[n,i,j]
e[n,i,j] = exp(z[n,i,j] - m[n,i])
y[n,i,f] = sum[j] e[n,i,j] * v[n,j,f] / sum[j] e[n,i,j]
"""


def test_attention_and_its_second_derivatives() -> None:
    attention = as_jax(ATTENTION, "numpy")
    rng = np.random.default_rng(0)
    shapes = (1, 2, 3), (1, 2, 3), (1, 2, 2)
    operands = [jax.numpy.asarray(rng.standard_normal(shape)) for shape in shapes]

    def peers(q: Any, k: Any, v: Any) -> Any:
        return jax.nn.softmax(0.5 * jax.numpy.einsum("nid,njd->nij", q, k)) @ v

    def slopes(function: Any, by: tuple[int, ...]) -> Any:
        return jax.grad(lambda *a: (function(*a) ** 2).sum(), by)

    def ours(q: Any, k: Any, v: Any) -> Any:
        return attention(q, k, v, c=0.5)

    for by in ((0, 1, 2), (1,)):
        one, other = (jax.jit(slopes(f, by))(*operands) for f in (ours, peers))
        assert all(map(np.allclose, one, other))
    # q alone is differentiated, so k and v have no gradient and none is computed
    one, other = (
        jax.grad(lambda q, f=f: (slopes(f, (0,))(q, *operands[1:])[0] ** 2).sum())(operands[0])
        for f in (ours, peers)
    )
    assert np.allclose(one, other, rtol=1e-10)


def test_embeddings() -> None:
    embedding = as_jax("y[n,c] = x[idx[n],c]", "numpy")
    x, idx = drawn((4, 3))[0], jax.numpy.asarray([2, 0, 2])
    weights = drawn((3, 3))[0]
    found = jax.jit(jax.grad(lambda x: (embedding(x, idx) * weights).sum()))(x)
    assert np.array_equal(found, jax.grad(lambda x: (x[idx] * weights).sum())(x))


def test_vmap() -> None:
    x, w, bias = drawn((4, 2, 2, 6), (3, 2, 3), (3,))
    found = jax.vmap(own, (0, None, None))(x, w, bias)
    assert np.array_equal(found, jax.numpy.stack([own(one, w, bias) for one in x]))


def test_bad_arguments_are_named() -> None:
    x, w, bias = drawn((2, 2, 6), (3, 2, 3), (3,))
    conv = as_jax(CONV, "numpy")
    with pytest.raises(TypeError, match=r"s: found .*expected integers that are known before"):
        jax.jit(lambda s: conv(x, w, bias, s=s, d=1, lo=1, y_shape=(2, 3, 3)))(2)
    with pytest.raises(TypeError, match="w: found dtype int64, expected float32 or float64"):
        own(x, w.astype(int), bias)
    with pytest.raises(TypeError, match="w: found dtype float32, expected float64, the dtype of x"):
        own(x, w.astype("float32"), bias)
    with pytest.raises(ValueError, match="bias: found size 2 on axis 0, expected 3"):
        own(x, w, bias[:2])
    with pytest.raises(TypeError, match="x: found list, expected Array"):
        own([1.0], w, bias)
