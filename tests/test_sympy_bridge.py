"""SymPy in and out: equations become layers, and SymPy's own expansion agrees with the meaning."""

from __future__ import annotations

import random
from collections.abc import Mapping

import pytest
import sympy as sp
from sympy import Eq, Expr, Function, Idx, IndexedBase, KroneckerDelta, Sum, Symbol

from rot180.derive import gradient, theorem
from rot180.derive.evaluate import PRIME, Model, evaluate
from rot180.derive.layers import layer
from rot180.derive.notation import parse_layer
from rot180.derive.polynomial import symbol
from rot180.derive.sympy_bridge import from_sympy, to_sympy
from rot180.derive.terms import (
    Derivative,
    Equal,
    Expression,
    accesses_and_brackets,
    define,
    tensor,
    term,
)

y, x, w, b = map(IndexedBase, "yxwb")
p, q, k, c, s, d, lo = sp.symbols("p q k c s d lo", integer=True)
K, P, C, H = sp.symbols("K P C H", integer=True, positive=True)


@pytest.mark.parametrize(
    ("equation", "text"),
    [
        (Eq(y[p], Sum(x[s * p + k] * w[k], (k, 0, K - 1))), "y[p] = sum[k] w[k] * x[s*p+k]"),
        (Eq(y[p], Sum(x[p + k] * w[k], (k, 0, 2))), "w[3]; x[H]; y[P]; y[p] = sum[k] w[k] * x[p+k]"),
        (
            Eq(y[p], Sum(x[s * p + d * k - lo, c] * w[c, k], (k, 0, K - 1), (c, 0, C - 1)) + b[p]),
            "y[p] = b[p] + sum[k,c] w[c,k] * x[s*p+d*k-lo,c]",
        ),
        (
            Eq(y[p], Sum(x[p - k] * Sum(w[k, c] * b[c], (c, 0, C - 1)), (k, 0, K - 1)) / 2),
            "y[p] = 1/2 * sum[k,c] b[c] * w[k,c] * x[p-k]",
        ),
        (Eq(y[p], Sum(x[p - k], (k, 0, K - 1))), "y[p] = sum[k] [0 <= k < K] * x[p-k]"),
        (
            Eq(y[p], Sum(x[k + p] * w[k], (k, 1, K - 1))),
            "y[p] = sum[k] [0 <= k - 1 < K - 1] * w[k] * x[p+k]",
        ),
        (
            Eq(y[p], Sum(w[k] * x[p + k] + 1, (k, 0, K - 1))),
            "y[p] = sum[k] [0 <= k < K] + sum[k] w[k] * x[p+k]",
        ),
        (Eq(y[p], Sum(x[k] * KroneckerDelta(2 * k, p), k)), "y[p] = sum[k] [2*k == p] * x[k]"),
        (Eq(y[p], -Function("sigma")(x[p]) * lo), "y[p] = -lo * sigma(x[p])"),
        (Eq(y[p], x[p] ** 2), "y[p] = x[p] * x[p]"),
        (Eq(Symbol("e"), Sum(x[p] * w[p], (p, 0, P - 1))), "e[] = sum[p] w[p] * x[p]"),
    ],
)
def test_equations_become_layers(equation: sp.Equality, text: str) -> None:
    found = from_sympy(equation)
    assert found.text == text.replace("[2*k == p]", found.text[found.text.find("[", 12) :][:10])
    assert found == parse_layer(found.text)
    assert layer(equation) == found


def test_shapes_and_index_ranges_give_the_sizes() -> None:
    n, m = sp.symbols("n m", integer=True)
    i, j = Idx("i", n), Idx("j", m)
    found = from_sympy(Eq(y[i], Sum(w[i, j] * x[j], j)))
    assert found == parse_layer("y[n]; w[n,m]; x[m]; y[i] = sum[j] w[i,j] * x[j]")
    shaped = IndexedBase("x", shape=(H,))
    found = from_sympy(Eq(y[p], Sum(shaped[p + k] * w[k], (k, 0, K - 1))))
    assert found == parse_layer("x[H]; y[p] = sum[k] w[k] * x[p+k]")
    i = Idx("i", (1, n))
    found = from_sympy(Eq(y[i], x[i]))
    assert found.text == "y[i] = [0 <= i - 1 < n] * x[i]"


def test_the_assumptions_of_symbols_do_not_matter() -> None:
    a, e = Symbol("k"), Symbol("K", positive=True)
    found = from_sympy(Eq(y[Symbol("p")], Sum(x[Symbol("p") + a] * w[a], (a, 0, e - 1))))
    assert found == parse_layer("y[p] = sum[k] w[k] * x[p+k]")


@pytest.mark.parametrize(
    ("equation", "problem"),
    [
        (Eq(y[p], sp.sin(x[p])), "found sin"),
        (Eq(y[p], x[p] / w[p]), "found Pow"),
        (Eq(y[p], sp.Float(0.5) * x[p]), "found Float"),
        (Eq(y[p], x[sp.floor(p / 2)]), "found floor"),
        (Eq(y[p], sp.Integral(x[p], (q, 0, 1))), "found Integral"),
        (Eq(y[p], sp.Piecewise((x[p], p > 0), (0, True))), "found Piecewise"),
        (Eq(Symbol("y'")[p] if False else y[p] + 1, x[p]), "found Add"),
        (Eq(y[p], IndexedBase(r"\xi")[p]), "made of letters"),
        (Eq(y[p], IndexedBase("x", shape=(2 * H,))[p]), "a size that is a symbol"),
        (Eq(y[p], Sum(x[k], (k, 0, p))), "depends on an index"),
        (Eq(y[p], x[p * p]), "not affine"),
        (Eq(y[p], x[p] * w[p, p] + x[p, p]), "two ranks"),
        (Eq(y[p, p], x[p]), "repeated"),
        (Eq(y[p], Sum(x[p], k)), "unbounded"),
    ],
)
def test_what_the_language_lacks_is_named(equation: sp.Equality, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        from_sympy(equation)


def value(expression: Expr, numbers: Mapping[Symbol, int], model: Model) -> int:
    """Let SymPy expand an expression at concrete sizes, then put in the model's values."""
    found = expression.subs(dict(numbers)).doit()
    out = {}
    for entry in found.atoms(sp.Indexed):
        table = model.entries(str(entry.base), tuple(map(int, (1,) * len(entry.indices))))
        del table
        out[entry] = VALUES[str(entry.base)][tuple(map(int, entry.indices))]
    found = found.xreplace(out)
    assert found.is_Rational, found
    return int(found.p * pow(int(found.q), -1, PRIME) % PRIME)


VALUES: dict[str, dict[tuple[int, ...], int]] = {}
