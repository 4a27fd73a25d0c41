"""Obligations: certified ones are true, and those of layers' sizes are certified."""

from __future__ import annotations

from itertools import product

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import Expr

from rot180.derive.kernel.obligations import (
    Goal,
    Nonzero,
    Obligation,
    Refutation,
    certifies,
    evident,
)
from rot180.derive.language.terms import AtLeast, Condition, Equal, Range
from rot180.derive.search.farkas import certify
from rot180.derive.semantics.model import holds
from tests.support.proofs import symbols

d, h, k, lo, p, r, s, u = symbols("d h k lo p r s u")
H, K, P = symbols("H K P")

TRUE: list[tuple[tuple[Condition, ...], Goal]] = [
    ((Range(h, H),), AtLeast(h)),
    ((Range(h, H),), AtLeast(H - 1)),
    ((Range(h, H),), Range(H - 1 - h, H)),
    ((Range(k, K),), Range(K - 1 - k, K)),
    ((Range(h, H), Equal(h - p)), Range(p, H)),
    ((AtLeast(s - 1), Range(p, P)), AtLeast(s * p)),
    ((AtLeast(s - 1), Range(p, P)), Range(s * p, s * (P - 1) + 1)),
    ((AtLeast(s - 1), Range(s * p, s * (P - 1) + 1)), Range(p, P)),
    ((AtLeast(s - 1),), Nonzero(s)),
    ((Range(r, s),), AtLeast(s - 1)),
    ((AtLeast(s - 1), AtLeast(d - 1)), AtLeast(s * d - 1)),
    # the output size of a convolution, written as a division with remainder
    (
        (Range(H - K - s * (P - 1), s), AtLeast(s - 1), AtLeast(P - 1), Range(p, P), Range(k, K)),
        Range(s * p + k, H),
    ),
]
WRONG: list[tuple[tuple[Condition, ...], Goal]] = [
    ((Range(h, H),), AtLeast(h - 1)),
    ((Range(h, H),), Range(h + 1, H)),
    ((Range(h, H),), Range(H - h, H)),
    ((Range(p, P),), AtLeast(s * p)),
    ((AtLeast(s),), Nonzero(s)),
    ((Equal(2 * h - p),), Equal(h - p)),
    ((), Range(h, H)),
    ((Range(r, s),), AtLeast(s - 2)),
    # one of several: the last input is not always covered by a window
    (
        (Range(H - K - s * (P - 1), s), AtLeast(s - 1), AtLeast(P - 1), Range(p, P), Range(k, K)),
        Range(s * p + k + 1, H),
    ),
]


@pytest.mark.parametrize(("context", "goal"), TRUE)
def test_what_is_true_is_settled(context: tuple[Condition, ...], goal: Goal) -> None:
    """It is evident, or a certificate is found that can be checked."""
    needed = Obligation(context, goal)
    certificate = certify(needed)
    assert certificate is not None
    assert certifies(certificate, needed)
    assert evident(needed) == (certificate == ())


@pytest.mark.parametrize(("context", "goal"), WRONG)
def test_what_is_false_is_not_settled(context: tuple[Condition, ...], goal: Goal) -> None:
    """Neither a search nor a foreign certificate shows it."""
    needed = Obligation(context, goal)
    assert not evident(needed)
    assert certify(needed) is None
    for others in TRUE:
        assert not certifies(certify(Obligation(*others)) or (), needed)


def small() -> st.SearchStrategy[Expr]:
    """Draw a polynomial of degree two in h and s."""
    numbers = st.integers(-2, 2)
    return st.tuples(numbers, numbers, numbers, numbers).map(
        lambda c: c[0] + c[1] * h + c[2] * s + (c[3] * h * s if abs(c[3]) == 1 else 0)
    )


def conditions() -> st.SearchStrategy[Condition]:
    """Draw a condition."""
    ranges = st.tuples(small(), small()).map(lambda e: Range(*e))
    return st.one_of(small().map(Equal), small().map(AtLeast), ranges)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(conditions(), max_size=2), conditions())
def test_a_certificate_is_never_wrong(context: list[Condition], goal: Condition) -> None:
    """If one is found, no integers in a box satisfy the context but violate the goal."""
    needed = Obligation(tuple(context), goal)
    certificate = certify(needed, degree=2)
    if certificate is None:
        assert not evident(needed)
        return
    assert certifies(certificate, needed)
    for m, n in product(range(-4, 5), repeat=2):
        at = {h: m, s: n}
        assert not all(holds(c, at) for c in context) or holds(goal, at)


def test_a_certificate_is_for_its_obligation() -> None:
    """Multipliers are rational and not negative, facts are there, every part has one."""
    needed = Obligation((Range(h, H), Equal(h - p)), Range(p, H))
    good = certify(needed)
    assert good
    assert certifies(good, needed)
    assert not certifies(good[:-1], needed)
    assert not certifies((*good, good[0]), needed)
    for bad in (
        Refutation(((sp.Integer(-1), (0,)),), ()),
        Refutation(((s, (0,)),), ()),
        Refutation((), ((sp.Integer(1), 5),)),
        Refutation(((sp.Integer(1), (9,)),), ()),
    ):
        assert not certifies((bad,) * len(good), needed)


def test_a_refutation_is_made_of_polynomials_and_numbers() -> None:
    """Roots, quotients, other types, facts before the first and numbers that are truths: none."""
    one = sp.Integer(1)
    odd = (sp.sqrt(2), 1 / h, sp.floor(h / 2), sp.Float(1), 1.5, "1", True, None, sp.Symbol("h"))
    for q in odd:
        with pytest.raises((ValueError, TypeError)):
            Refutation((), ((q, 0),))  # type: ignore[arg-type]
        with pytest.raises((ValueError, TypeError)):
            Refutation(((q, (0,)),), ())  # type: ignore[arg-type]
    for n in (-1, True, "0", None, one, 0.0):
        with pytest.raises((ValueError, TypeError)):
            Refutation((), ((one, n),))  # type: ignore[arg-type]
        with pytest.raises((ValueError, TypeError)):
            Refutation(((one, (n,)),), ())  # type: ignore[arg-type]
