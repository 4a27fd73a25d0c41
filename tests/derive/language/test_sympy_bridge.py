"""SymPy in and out: equations become layers, and SymPy's expansion agrees with evaluation."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from typing import cast

import pytest
import sympy as sp
from sympy import Eq, Expr, Function, Idx, IndexedBase, KroneckerDelta, Sum, Symbol

from rot180.derive import gradient, theorem
from rot180.derive.kernel.proof import Theorem
from rot180.derive.language.layers import layer
from rot180.derive.language.notation import parse_expression, parse_layer
from rot180.derive.language.polynomial import symbol
from rot180.derive.language.sympy_bridge import from_sympy
from rot180.derive.language.sympy_sums import to_sympy
from rot180.derive.language.terms import define, factor_symbols, free_symbols, tensor, term
from rot180.derive.semantics.evaluate import evaluate
from rot180.derive.semantics.model import PRIME, Model, holds
from rot180.derive.theorems.registry import claims

y, x, w, b = map(IndexedBase, "yxwb")
p, q, k, c, s, d, lo = sp.symbols("p q k c s d lo", integer=True)
ALL = (k, -sp.oo, sp.oo)
K, P, C, H = sp.symbols("K P C H", integer=True, positive=True)


@pytest.mark.parametrize(
    ("equation", "text"),
    [
        (Eq(y[p], Sum(x[s * p + k] * w[k], (k, 0, K - 1))), "y[p] = sum[k] w[k] * x[s*p+k]"),
        (
            Eq(y[p], Sum(x[p + k] * w[k], (k, 0, 2))),
            "w[3]; x[H]; y[P]; y[p] = sum[k] w[k] * x[p+k]",
        ),
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
        (Eq(y[p], Sum(x[k] * KroneckerDelta(2 * k, p), ALL)), "y[p] = sum[k] [2*k == p] * x[k]"),
        (Eq(y[p], -Function("sigma")(x[p]) * lo), "sigma: function; y[p] = -lo * sigma(x[p])"),
        (Eq(y[p], sp.exp(x[p]) * sp.tanh(w[p])), "y[p] = exp(x[p]) * tanh(w[p])"),
        (Eq(y[p], x[p] ** 2), "y[p] = x[p] * x[p]"),
        (Eq(y[p], sp.Float(0.1) * x[p] + 5), "y[p] = 1/10 * x[p] + 5"),
        (Eq(y[p], Sum(x[k], (k, 0, p))), "y[p] = sum[k] [k <= p] * x[k]"),
        (Eq(y[p], Sum(x[k], (k, 0, p - 1))), "y[p] = sum[k] [k < p] * x[k]"),
        (Eq(y[p], Function("relu")(x[p])), "y[p] = relu(x[p])"),
        (Eq(Symbol("e"), Sum(x[p] * w[p], (p, 0, P - 1))), "e[] = sum[p] w[p] * x[p]"),
    ],
)
def test_equations_become_layers(equation: sp.Equality, text: str) -> None:
    found = from_sympy(equation)
    assert found == parse_layer(text)
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
        (Eq(y[p], x[sp.ceiling(p / 2)]), "found ceiling"),
        (Eq(y[p], sp.Integral(x[p], (q, 0, 1))), "found Integral"),
        (Eq(y[p], sp.Piecewise((x[p], p > 0), (0, True))), "found Piecewise"),
        (Eq(y[p] + 1, x[p]), "found Add"),
        (Eq(y[p], IndexedBase(r"\xi")[p]), "made of letters"),
        (Eq(y[p], IndexedBase("x", shape=(2 * H,))[p]), "a size that is a symbol"),
        (Eq(y[p], x[p * p]), "not affine"),
        (Eq(y[p], x[p] * w[p, p] + x[p, p]), "two ranks"),
        (Eq(y[p, p], x[p]), "repeated"),
        (Eq(y[p], Sum(x[p], ALL)), "unbounded"),
    ],
)
def test_what_the_language_lacks_is_named(equation: sp.Equality, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        from_sympy(equation)


def _at(e: sp.Basic, at: Mapping[Symbol, int]) -> Expr:
    return cast(Expr, e.subs(list(at.items())))


def numbers(names: Iterable[Symbol], rng: random.Random) -> dict[Symbol, int]:
    """Draw small sizes and parameters."""
    return {
        v: rng.choice((1, 1, 2, 3)) if v.name.isupper() else rng.randint(0, 2)
        for v in sorted(set(names), key=lambda v: v.name)
    }


def draw(found: Theorem) -> dict[Symbol, int]:
    """Draw sizes, parameters and free indices that a theorem speaks of."""
    rng = random.Random(found.name)
    names = free_symbols(found.lhs) | free_symbols(found.rhs)
    names = names.union(*(factor_symbols(c) for c in found.hypotheses))
    for _ in range(5000):
        at = numbers(names, rng)
        for v, n in found.variables:
            size = 3 if n is None else int(_at(n, at))
            at[v] = rng.randrange(max(size, 1))
        if all(n is None or at[v] < _at(n, at) for v, n in found.variables) and all(
            holds(c, at) for c in found.hypotheses
        ):
            return at
    raise AssertionError(f"{found.name}: no small model")


BEYOND_SYMPY = {
    "lp_pool_input",
    "causal_attention_query",
    "causal_linear_attention_value",
    "squeeze_excite_input",
}
"""Where SymPy leaves the index of a sum in the conditions of what it returns for the sum."""

NAMED = [
    name for name in claims() if not name.endswith(("2d", "3d")) and name not in BEYOND_SYMPY
]


@pytest.mark.parametrize("name", [*NAMED, "rot180_correlation_2d", "rot180_convolution_general_2d"])
def test_sympy_expands_both_sides_of_a_theorem_to_the_same(name: str) -> None:
    found = theorem(name)
    statement = found.sympy()
    assert not statement.has(sp.oo)
    left, right = (cubed(_at(side, draw(found))).doit() for side in statement.args)
    assert sp.expand(left - right) == 0 or sp.simplify(left - right) == 0


def cubed(e: Expr) -> Expr:
    """Replace sigma by a polynomial: SymPy does not evaluate sigma' at a sum."""
    return cast(Expr, e.replace(sp.Function("sigma"), lambda at: at**3 - 2 * at + 5))


@pytest.mark.parametrize("wrt", ["x", "w", "bias"])
def test_sympy_expands_a_derived_gradient_to_the_same(wrt: str) -> None:
    found = gradient(layer("y[p] = sum[k] x[s*p+d*k-lo] * w[k] + bias[]"), wrt)
    (index, _), *_ = found.variables or ((symbol("h"), None),)
    sizes = {"H": 3, "K": 2, "P": 2, "s": 2, "d": 1, "lo": 1}
    for n in range(2):
        at = {**{symbol(name): size for name, size in sizes.items()}, index: n}
        left, right = (_at(side, at).doit() for side in found.sympy().args)
        assert sp.expand(left - right) == 0
        assert right != 0


def value(expression: Expr, at: Mapping[Symbol, int], model: Model) -> int:
    """Let SymPy expand an expression at concrete sizes, then put in the model's values."""
    found = _at(expression, at).doit()
    entries = found.atoms(sp.Indexed)
    put = {}
    for e in entries:
        table = model.values(SHAPES[str(e.base)])
        put[e] = sp.Integer(int(table[tuple(map(int, e.indices))]))
    number = sp.sympify(found.xreplace(put))
    return int(number.p * pow(int(number.q), -1, PRIME) % PRIME)


SHAPES = {t.name: t for t in (tensor("x", "H"), tensor("w", "K"), tensor("z", "H", "K"))}


@pytest.mark.parametrize(
    "text",
    [
        "sum[k] x[p+k] * w[k]",
        "sum[k] x[2*p-3*k+1] * w[k]",
        "sum[k] x[s*p-d*k-lo] * w[k] - 1/2 * x[p]",
        "sum[k] [k == 2*p] * x[k]",
        "sum[k] [2*k == p] * x[k]",
        "sum[k] [p == 2*k + 1] * x[k] * x[k]",
        "sum[k] [0 <= p-k < 2] * x[k]",
        "sum[i] z[i,p] * x[p-2*i]",
        "sum[i,k] [0 <= i < 3] * [0 <= k - 1 < 2] * z[i+k,k] * a",
    ],
)
def test_sympy_expands_an_expression_to_its_value(text: str) -> None:
    index = symbol("p")
    expression = parse_expression(text, SHAPES.values(), (index,))
    rng = random.Random(text)
    for n in range(8):
        sizes = dict.fromkeys(map(symbol, "HK"), 3)
        sizes |= numbers(free_symbols(expression) - {index}, rng)
        model, at = Model(sizes, seed=n), {index: rng.randint(-3, 6)}
        found = value(to_sympy(expression), {**sizes, **at}, model)
        assert found == evaluate(expression, model, at)


def test_a_sum_over_all_integers_says_so() -> None:
    free, v, stride = symbol("h"), symbol("p"), symbol("s")
    found = to_sympy((term(tensor("x", "H")[stride * v], over=(v,)),), ((free, None),))
    assert isinstance(found, Sum)
    assert found.limits == ((v, -sp.oo, sp.oo),)


def test_no_condition_leaves_the_sum_that_binds_its_index() -> None:
    """`Sum` moves a `Piecewise` out of the sums inside it, with their bound variables."""
    index, tap, size = symbol("p"), symbol("k"), symbol("P")
    body = (term(SHAPES["x"][index - tap], SHAPES["w"][tap], over=(tap,)), term())
    inner = define("y", (size,), (index,), body)
    outer = (term(tensor("g", "P")[index], inner[index], over=(index,)),)
    assert to_sympy(outer).free_symbols & {index, tap} == set()


def test_a_derivative_of_an_activation() -> None:
    found = gradient(layer("sigma: function; y[p] = sum[k] sigma(z[p+k]) * w[k]"), "z").sympy()
    assert found.atoms(sp.Subs)
