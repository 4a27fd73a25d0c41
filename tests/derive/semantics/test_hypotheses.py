"""Models of hypotheses: small ones are found, and vacuous hypotheses are reported."""

from __future__ import annotations

import itertools
import random

import pytest

from rot180.derive.language.polynomial import symbol
from rot180.derive.language.terms import AtLeast, Condition, Equal, Range, tensors
from rot180.derive.semantics.hypotheses import model_of, repair, vacuous
from rot180.derive.semantics.model import holds
from rot180.derive.semantics.thresholds import thresholds
from rot180.derive.theorems import claims

a, b, c = map(symbol, "abc")


@pytest.mark.parametrize("name", claims())
def test_each_theorem_has_a_small_model_with_boxes_that_are_not_empty(name: str) -> None:
    """Of its free indices and of every tensor in it."""
    claim = claims()[name]()
    boxes: list[Condition] = [AtLeast(n - 1) for _, n in claim.variables if n is not None]
    for side in (claim.lhs, claim.rhs):
        boxes += [AtLeast(n - 1) for t in tensors(side) for n in t.shape if n is not None]
    at = model_of(claim.variables, (*claim.hypotheses, *boxes))
    assert at is not None
    assert all(holds(condition, at) for condition in (*claim.hypotheses, *boxes))
    assert all(abs(n) <= 30 for n in at.values())
    assert vacuous(claim.variables, claim.hypotheses) is None


def random_condition(rng: random.Random) -> Condition:
    """Return a condition in a, b and c, of degree two at the most."""
    linear = sum(rng.randint(-3, 3) * v for v in (a, b, c)) + rng.randint(-8, 8)
    value = linear + rng.choice((0, 0, 0, 1, -1)) * rng.choice((a, b)) * rng.choice((b, c))
    return rng.choice((AtLeast(value), Equal(value), Range(value, rng.choice((a, b + 2, c + 5)))))


@pytest.mark.parametrize("seed", range(30))
def test_vacuous_agrees_with_all_small_integers(seed: int) -> None:
    """Contradictory hypotheses have no model; hypotheses with a small model are not vacuous."""
    rng = random.Random(seed)
    conditions = [random_condition(rng) for _ in range(rng.randint(1, 5))]
    cube = itertools.product(range(-4, 5), repeat=3)
    points = (dict(zip((a, b, c), at, strict=True)) for at in cube)
    small = any(all(holds(q, at) for q in conditions) for at in points)
    said = vacuous((), conditions)
    assert not (small and said)
    found = model_of((), conditions)
    if found is not None:
        at = dict.fromkeys((a, b, c), 0) | found
        assert all(holds(q, at) for q in conditions)


def test_an_equation_between_parities_has_no_model_and_no_certificate() -> None:
    said = vacuous((), (Equal(2 * a - 2 * b - 1),))
    assert said is not None
    assert not said.contradictory
    assert said.every == 6


def test_repair_leaves_fixed_names_alone() -> None:
    rng = random.Random(1)
    for seed in range(20):
        at = {a: seed, b: -50, c: 0}
        assert repair((Equal(b - 3 * a), Range(c, b + 90)), at, {a}, rng, 200)
        assert at[a] == seed
        assert at[b] == 3 * seed


def test_landmarks_are_where_a_range_begins_and_ends() -> None:
    conditions = (Range(2 * a - 100, 7 * b + 30), Equal(c**3 - 343), AtLeast(5 * a - 60))
    found = thresholds((), conditions, 4)
    assert {50, 100, 130, 7, 12, 60} <= set(found)
    assert found == tuple(sorted(found))
