"""Passes over windows: extreme entries and their gradients, where the windows lie, exactly."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from rot180.codegen import compile
from rot180.codegen.kernels.build import BuildError, find_compiler
from rot180.codegen.kernels.program_derivation import program_module, prove_program
from rot180.codegen.plans.windows import WindowPass
from rot180.codegen.system import cache
from rot180.derive.language.programs import parse_program
from tests.support.program_runs import numpy_module

POOL = """x[N,C,H,W]; u[N,C,P,Q,I,J]
u[n,c,p,q,i,j] = x[n,c,s*p+d*i-lo,s*q+d*j-lo]
y[n,c,p,q] = {kind}[i,j] u[n,c,p,q,i,j]"""
LAST = """x[N,H,W,C]; u[N,P,Q,C,I,J]
u[n,p,q,c,i,j] = x[n,2*p+i-1,3*q+2*j,c]; y[n,p,q,c] = max[i,j] u[n,p,q,c,i,j]"""
REVERSED = "x[H]; u[P,I]; u[p,i] = x[lo-2*p-i]; y[p] = max[i] u[p,i]"
WEIGHTED = """x[N,H]; v[N,P]; u[N,P,I]; u[n,p,i] = x[n,2*p+i]
m[n,p] = min[i] u[n,p,i]; y[n,p] = 3*v[n,p]*m[n,p]"""
WHOLE = "x[H]; u[I]; u[i] = x[2*i-lo]; y[] = max[i] u[i]"


@pytest.fixture(autouse=True)
def _compiler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    try:
        find_compiler()
    except BuildError as error:
        pytest.skip(str(error))
    folder = tmp_path_factory.getbasetemp() / "windows"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(cache.VARIABLE, str(folder))
        yield


def over_windows(text: str) -> list[tuple[str, ...]]:
    """Return what each pass over windows of a program computes."""
    module = program_module(prove_program(parse_program(text)), "cython", fused=True)
    found = (p.found for p in module.passes)
    return [tuple(s.tensor.name for s in p.steps) for p in found if isinstance(p, WindowPass)]


def test_what_becomes_a_pass() -> None:
    found = over_windows(POOL.format(kind="max"))
    assert found == [("u", "y"), ("u", "largest_u", "grad_x")]
    text = "u[p,i] = x[2*p+i]; y[p] = (max[i] u[p,i]) + sum[i] u[p,i]"
    assert over_windows(text) == []  # the array is read by others, so it is made


def called(module: Any, word: str, every: dict[str, Any], **more: Any) -> Any:
    """Call a function with what it takes of some arguments."""
    function = getattr(module, word)
    wanted = inspect.signature(function).parameters
    return function(**{n: v for n, v in every.items() if n in wanted}, **more)


def agree(text: str, arrays: dict[str, Any], grad_y: Any, **others: Any) -> None:
    """Compare the compiled kernels with those in NumPy: forward, and the gradients."""
    found, plain = compile(text, "compiled"), numpy_module(text)
    every = {**arrays, "grad_y": grad_y, **others}
    y, saved = called(found, "forward", every, save=True)
    np.testing.assert_array_equal(y, called(plain, "forward", every))
    for word in [n for n in dir(plain) if n.startswith("grad_")]:
        wanted = called(plain, word, every)
        np.testing.assert_array_equal(called(found, word, every), wanted, word)
        np.testing.assert_array_equal(called(found, word, every, saved=saved), wanted, word)


@pytest.mark.parametrize("kind", ["max", "min"])
@pytest.mark.parametrize(
    ("n", "c", "h", "p", "k", "s", "d", "lo"),
    [
        (2, 3, 9, 4, 2, 2, 1, 0),
        (1, 2, 7, 7, 3, 1, 1, 1),  # windows overlap, and touch the padding
        (1, 1, 6, 3, 2, 3, 2, 1),  # a stride that is larger than the window
        (2, 1, 5, 9, 3, 1, 2, 6),  # windows that lie in the padding alone
        (1, 1, 300, 150, 2, 2, 1, 0),  # more than one block of windows
        (3, 2, 20, 18, 3, 1, 1, 0),  # vectors of windows that overlap
        (3, 2, 43, 21, 3, 2, 1, 0),  # the same two apart
        (1, 2, 5, 1, 1, 1, 1, 0),
        (0, 2, 5, 2, 2, 2, 1, 0),
        (2, 2, 5, 0, 2, 2, 1, 0),
        (2, 2, 5, 3, 0, 2, 1, 0),  # empty windows
        (1, 1, 0, 2, 2, 2, 1, 1),
        (1, 1, 5, 3, 2, 1, 1, -7),
    ],
)
def test_pooling_is_exact(
    kind: str, n: int, c: int, h: int, p: int, k: int, s: int, d: int, lo: int
) -> None:
    random = np.random.default_rng(h + p)
    w, q, j = (h + 1 if h else 0), p, k
    shapes = {"y_shape": (n, c, p, q), "u_shape": (n, c, p, q, k, j), "x_shape": (n, c, h, w)}
    for dtype in ("float32", "float64"):
        x = random.integers(-2, 3, (n, c, h, w)).astype(dtype)
        g = random.integers(-3, 4, (n, c, p, q)).astype(dtype)
        agree(POOL.format(kind=kind), {"x": x}, g, s=s, d=d, lo=lo, **shapes)


def test_other_layouts_are_exact() -> None:
    random = np.random.default_rng(3)

    def drawn(*shape: int) -> Any:
        return random.integers(-2, 3, shape).astype("float32")

    agree(REVERSED, {"x": drawn(9)}, drawn(4), lo=8, u_shape=(4, 3), y_shape=(4,))
    agree(WHOLE, {"x": drawn(9)}, drawn(), lo=3, u_shape=(5,))
    x, v = drawn(2, 11), drawn(2, 4)
    agree(WEIGHTED, {"x": x, "v": v}, drawn(2, 4), u_shape=(2, 4, 3), y_shape=(2, 4))
    x = drawn(2, 12, 9, 5)[:, ::2, ::-1]
    shapes = {"y_shape": (2, 3, 2, 5), "u_shape": (2, 3, 2, 5, 2, 2)}
    agree(LAST, {"x": x}, drawn(2, 3, 2, 5), **shapes)


def test_values_that_are_not_finite() -> None:
    """NaN is selected where it comes first; a gradient that is infinite makes NaN of zeros."""
    x = np.array([[[[np.nan, 1, 2, np.inf], [0, np.nan, -np.inf, 3]]]])
    g = np.array([[[[1, np.inf], [np.nan, 2]]]])
    shapes = {"y_shape": (1, 1, 2, 2), "u_shape": (1, 1, 2, 2, 2, 2), "x_shape": (1, 1, 2, 4)}
    agree(POOL.format(kind="max"), {"x": x}, g, s=2, d=1, lo=0, **shapes)
    agree(POOL.format(kind="min"), {"x": x}, g, s=1, d=1, lo=1, **shapes)


def test_indices_that_no_integer_holds_are_refused() -> None:
    x = np.ones((1, 1, 4, 4))
    module = compile(POOL.format(kind="max"), "compiled")
    shapes = {"y_shape": (1, 1, 2**22, 1), "u_shape": (1, 1, 2**22, 1, 1, 1)}
    with pytest.raises(ValueError, match="an index reaches"):
        module.forward(x, s=2**39, d=1, lo=0, **shapes)


def test_a_function_of_an_entry_is_no_array() -> None:
    """Where t copies exp(a[]) along an axis, t is made, and the minimum reads it."""
    text = "y[]; t[j] = exp(1 - (sum[i] d[i])^2); m[i] = min[j] t[j] + tanh(d[i]); "
    assert over_windows(text + "y[] = sum[i] m[i] + sum[i,j] t[j]*c[i,j]") == []
