"""The real functions, which are independent of the relations of the rules and exact models."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from fractions import Fraction

import pytest
import sympy as sp

from rot180.derive.kernel.rules import related_terms
from rot180.derive.language import scalar_functions
from rot180.derive.language.polynomial import symbol
from rot180.derive.language.scalar_functions import FUNCTIONS, T, relation
from rot180.derive.language.terms import Apply, Derivative, define, tensor, term
from rot180.derive.search.prove import prove
from rot180.derive.semantics.balls import UNKNOWN, Ball, exact
from rot180.derive.semantics.check import check, check_in_the_reals
from rot180.derive.semantics.claims import judge
from rot180.derive.semantics.real import (
    ANALYTIC,
    NAMED,
    PIECES,
    RealModel,
    derivative,
    evaluate_real,
    functions,
)
from rot180.derive.theorems import claims, theorem

h, i, size = symbol("h"), symbol("i"), symbol("H")
z = tensor("z", "H")
POSITIVE = ("log", "sqrt", "rsqrt")


def true_value(name: str, order: int, x: float) -> sp.Rational:
    """Return SymPy's value to 40 digits."""
    formula = FUNCTIONS[name].derivative(order).subs(T, sp.Rational(x))
    found: sp.Rational = sp.Rational(str(formula.evalf(40)))
    return found


@pytest.mark.parametrize("name", FUNCTIONS)
def test_balls_hold_the_derivatives_and_are_small(name: str) -> None:
    """Up to the fourth, of every function with a name, by values alone."""
    rng = random.Random(name)
    for order in range(5):
        for _ in range(5):
            x = rng.uniform(0.25, 2.25) * (1 if name in POSITIVE else rng.choice((-1, 1)))
            found = derivative(name, order, Ball(x, 0.0))
            assert found.known
            off = abs(true_value(name, order, x) - sp.Rational(found.middle))
            assert off <= sp.Rational(found.radius) + sp.Rational(1, 10**35)
            assert found.radius < 1e-6 * max(1, abs(found.middle))


def test_an_argument_that_is_off_is_allowed_for() -> None:
    for name in sorted(ANALYTIC):
        wide = derivative(name, 1, Ball(1.25, 1e-4))
        for x in (1.2499, 1.25, 1.2501):
            assert not wide.apart(derivative(name, 1, Ball(x, 0.0)))
        assert wide.apart(derivative(name, 1, Ball(2.0, 0.0))) or name == "identity"


def test_where_a_function_is_not_defined_nothing_is_said() -> None:
    for name, x in (("log", -1.0), ("log", 0.0), ("reciprocal", 0.0), ("exp", 1000.0)):
        found = derivative(name, 0, Ball(x, 0.0))
        assert not found.known
        assert not found.apart(exact(0))
    for name in PIECES:
        assert derivative(name, 1, exact(0)) == exact(0)
        assert not derivative(name, 1, Ball(1e-20, 1e-15)).known
    values = {name: derivative(name, 0, exact(0)).middle for name in PIECES}
    assert values == {"relu": 0, "abs": 0, "sign": 0, "heaviside": 0.5}
    assert not (UNKNOWN * 0).known


def test_balls_hold_sums_and_products_of_fractions() -> None:
    """Long chains with cancellation: the ball always contains the value, without a tolerance."""
    for seed in range(50):
        rng = random.Random(seed)
        ball, number = exact(0), Fraction(0)
        for _ in range(60):
            c = Fraction(rng.randint(-9, 9), rng.randint(1, 9))
            if rng.random() < 0.3:
                ball, number = ball * exact(c), number * c
            else:
                ball, number = ball + exact(c), number + c
            assert abs(Fraction(ball.middle) - number) <= Fraction(ball.radius)
    assert exact(Fraction(1, 3)).apart(exact(Fraction(1, 3) + Fraction(1, 10**9)))


def test_the_chain_rule_in_the_reals() -> None:
    """d/dz[1] of sum sigmoid(z[i]) tanh(z[i]) by dual numbers, against formulas by hand."""
    total = define(
        "L", (), (), (term(Apply("sigmoid", 0, z[i]), Apply("tanh", 0, z[i]), z[i], over=(i,)),)
    )
    model = RealModel({size: 3}, 1)
    (x,) = (entry.middle for entry in [model.entries("z", (3,))[1]])
    sigmoid = 1 / (1 + math.exp(-x))
    slope = sigmoid * (1 - sigmoid) * math.tanh(x) * x
    slope += sigmoid * (1 - math.tanh(x) ** 2) * x + sigmoid * math.tanh(x)
    found = evaluate_real((term(Derivative((total[()],), z[1])),), model, {})
    assert abs(found.middle - slope) < 1e-12
    assert functions((total.definition.body if total.definition else (),)) == {"sigmoid", "tanh"}


@pytest.fixture
def wrong_relation(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Change a sign in the table of relations."""
    monkeypatch.setitem(scalar_functions.RELATIONS, "sigmoid", "sigmoid + sigmoid^2")
    relation.cache_clear()
    yield
    monkeypatch.undo()
    relation.cache_clear()


SLOPE = (term(Apply("sigmoid", 1, z[h])),)
WRONG = (
    term(Apply("sigmoid", 0, z[h])),
    term(Apply("sigmoid", 0, z[h]), Apply("sigmoid", 0, z[h])),
)


def test_a_wrong_relation_is_caught(wrong_relation: None) -> None:
    """The rules and the exact models rely on the table; real models do not."""
    proved = prove(SLOPE, WRONG, ((h, size),), ())
    found = check(proved).counterexample
    assert found is not None
    assert isinstance(found.model, RealModel)
    assert "(in the reals)" in str(found)
    assert "sigmoid'" in str(found)
    verdict = judge("h < H: sigmoid'(z[h]) = sigmoid(z[h]) + sigmoid(z[h])*sigmoid(z[h])")
    assert verdict.word == "refuted"


@pytest.mark.parametrize("name", sorted(scalar_functions.RELATIONS))
def test_each_entry_of_the_table_is_checked(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it stands it holds, up to the third order; with a term too many it does not."""
    text = scalar_functions.RELATIONS[name]
    try:
        for wrong in ("", " + 1/8*t" if name == "identity" else " + 1/8"):
            monkeypatch.setitem(scalar_functions.RELATIONS, name, text + wrong)
            relation.cache_clear()
            for order in (1, 2, 3):
                applied = Apply(name, order, z[h])
                proved = prove((term(applied),), related_terms(applied), ((h, size),), ())
                failure, told = check_in_the_reals(proved, random.Random(order))
                assert (failure is None) == (not wrong) or order > 1
                assert told >= 1 or failure is not None
    finally:
        monkeypatch.undo()
        relation.cache_clear()


@pytest.mark.parametrize(
    "name",
    [n for n, c in claims().items() if functions((c().lhs, c().rhs)) & NAMED],
)
def test_theorems_about_named_functions_hold_in_the_reals(name: str) -> None:
    report = check(theorem(name), 3)
    assert report.counterexample is None
    assert report.reals >= 1


@pytest.mark.parametrize(
    ("claim", "word"),
    [
        ("h < H: silu(z[h]) = z[h]*sigmoid(z[h])", "undecided"),
        ("h < H: silu(z[h]) = z[h]*tanh(z[h])", "refuted"),
        ("h < H: tanh'(z[h]) = 1 - tanh(z[h])*tanh(z[h])", "proved"),
        ("h < H: tanh'(z[h]) = 1 - tanh(z[h])", "refuted"),
        ("sigma: function; h < H: sigma(z[h]) = z[h]", "refuted"),
    ],
)
def test_a_claim_is_about_the_functions_that_names_stand_for(claim: str, word: str) -> None:
    assert judge(claim).word == word


def test_a_refutation_says_what_the_functions_are() -> None:
    """The values are those of the named functions, not of any that obey their relations."""
    found = judge("h < H: tanh(z[h]) = z[h]").counterexample
    assert found is not None
    assert found.smallest
    value = found.right
    assert isinstance(value, Ball)
    assert f"tanh({value}) = {math.tanh(value.middle):.6g}" in str(found)
    assert f"z = [{value}]" in str(found)
