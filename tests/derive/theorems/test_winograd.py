"""Winograd's form: its tables, its theorems, and false ones that are refused."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from typing import Any

import pytest

from rot180.codegen.kernels.winograd_transforms import matrices
from rot180.derive.language.terms import Access, define, term
from rot180.derive.search.derivation import NotProvedError
from rot180.derive.search.prove import prove
from rot180.derive.semantics.check import check
from rot180.derive.semantics.counterexample import counterexample
from rot180.derive.theorems import theorem
from rot180.derive.theorems.winograd import (
    FILTERINGS,
    TILINGS,
    MinimalFiltering,
    Tiling,
    forward,
    identity,
    input_gradient,
    table,
)


@pytest.mark.parametrize(("m", "r"), [(1, 1), (1, 4), (2, 2), (3, 3), (5, 2), (2, 5), (3, 7)])
def test_every_filtering_is_proved(m: int, r: int) -> None:
    """The tables come from interpolation, so the identity holds for sizes that nobody listed."""
    c = identity(MinimalFiltering(m, r))
    proved = prove(c.lhs, c.rhs, c.variables, c.hypotheses)
    assert check(proved, 2).counterexample is None


def test_known_matrices() -> None:
    """F(2, 3) as in Winograd's book, up to the signs of a row of G and one of B."""
    a, g, b = matrices(theorem("toom_cook_2_3"))
    half = Fraction(1, 2)
    known: tuple[Any, Any, Any] = (
        ((1, 1, 1, 0), (0, 1, -1, 1)),
        ((-1, 0, 0), (half, half, half), (half, -half, half), (0, 0, 1)),
        ((-1, 0, 1, 0), (0, 1, 1, 0), (0, -1, 1, 0), (0, -1, 0, 1)),
    )
    assert (a, g, b) == known


@pytest.mark.parametrize("f", FILTERINGS, ids=lambda f: f.name)
def test_a_wrong_entry_is_refused(f: MinimalFiltering) -> None:
    """With one wrong entry in a table there is a counterexample, and no proof."""
    claim = identity(f)
    (left,) = claim.lhs
    for n, rows in enumerate((f.output(), f.filter(), f.input())):
        wrong = [list(row) for row in rows]
        wrong[0][0] += 1
        factors = list(left.factors)
        old = factors[n]
        assert isinstance(old, Access)
        factors[n] = table(old.tensor.name, tuple(map(tuple, wrong)))[old.index]
        false = (term(*factors, over=left.variables),)
        with pytest.raises(NotProvedError):
            prove(false, claim.rhs, claim.variables)
        assert counterexample(false, claim.rhs, claim.variables, (), 6) is not None


def test_the_form_cites_the_identity() -> None:
    """Once for each axis, and nothing else is assumed."""
    for operation, tiling in product(("", "input_"), TILINGS):
        proved = theorem(tiling.name.format(operation))
        cited = [dict(s.arguments)["theorem"] for s in proved.proof.steps if s.rule == "lemma"]
        assert cited == [theorem(tiling.filtering.name).proof] * len(tiling.places)
        assert not proved.hypotheses


@pytest.mark.parametrize("filtering", [(2, 3), (4, 4)], ids=str)
@pytest.mark.parametrize("operation", ["", "input_"])
@pytest.mark.parametrize("nested", [False, True])
def test_the_form_at_every_size(filtering: tuple[int, int], operation: str, nested: bool) -> None:
    """Filters of 0 taps to three blocks, any padding, arrays that are empty: exact numbers."""
    state = input_gradient if operation else forward
    c = state(Tiling(MinimalFiltering(*filtering), 1, nested))
    cited = [theorem(name) for name in dict.fromkeys(c.cites)]
    proved = prove(c.lhs, c.rhs, c.variables, c.hypotheses, lemmas=cited * len(c.cites))
    assert check(proved, 12).counterexample is None


@pytest.mark.parametrize("wrong", ["step", "block", "place"])
def test_a_wrong_form_is_refused(wrong: str) -> None:
    """With blocks that overlap, tiles that are shifted or places in another order: no proof."""
    f = MinimalFiltering(2, 3)
    c = forward(Tiling(f, 1))
    (t,) = c.rhs
    a, m = t.factors
    assert isinstance(a, Access) and isinstance(m, Access) and m.tensor.definition is not None
    (body,) = m.tensor.definition.body
    u, v = body.factors
    assert isinstance(u, Access) and isinstance(v, Access)
    at, where = c.variables[1][0], m.index
    if wrong == "step":
        where = where[0] + 1, where[1]
    elif wrong == "place":
        where = where[0] + 2 * at, where[1]
    else:
        v = v.tensor[v.index[0] - body.variables[0], v.index[1]]
    formals = m.tensor.definition.formals
    blocks = define("M", m.tensor.shape, formals, (term(u, v, over=body.variables),))
    false = (term(a, blocks[where], over=t.variables),)
    assert counterexample(c.lhs, false, c.variables, (), 6) is not None
    with pytest.raises(NotProvedError):
        prove(c.lhs, false, c.variables, lemmas=[theorem(f.name)])
