"""Side conditions computed a second time: they agree with the kernel's, and expose a wrong one."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import sympy as sp

from rot180.codegen.verify.report import CertificateText, check_certificates
from rot180.derive.certificates.reader import loads
from rot180.derive.certificates.writer import dumps
from rot180.derive.kernel.obligations import Obligation, Refutation
from rot180.derive.kernel.place import RULES, Place
from rot180.derive.kernel.proof import Proof, Step, Theorem
from rot180.derive.kernel.replay import replay, replay_cited
from rot180.derive.language.polynomial import symbol
from rot180.derive.language.substitute import supports
from rot180.derive.language.terms import (
    AtLeast,
    Condition,
    Equal,
    Factor,
    Range,
    Term,
    factor_symbols,
    tensor,
    term,
)
from rot180.derive.semantics import smt
from rot180.derive.semantics.check import check
from rot180.derive.semantics.evaluate import evaluate, points
from rot180.derive.semantics.hypotheses import model_of
from rot180.derive.semantics.model import Model, holds
from rot180.derive.semantics.side_conditions import (
    discrepancies,
    known,
    nontrivial,
    side_conditions,
)

CERTIFICATES = sorted((Path(__file__).parents[3] / "generated" / "certificates").glob("*.json"))
SOME = (
    "rot180_correlation_general_1d",
    "delta_correlation_general_1d",
    "phases_correlation_general_channels_1d",
    "winograd_2_3_2d",
)
h, k, one = symbol("h"), symbol("k"), sp.Integer(1)
x, w = tensor("x", "H"), tensor("w", "K")
LESS = Range(k, sp.Integer(2))
"""Of a filter's taps, the first two."""


def certificate(name: str) -> Theorem:
    """Return a committed theorem."""
    return replay(loads((CERTIFICATES[0].parent / f"{name}.json").read_text()))


def test_the_engine_s_side_conditions_are_those_of_the_figures() -> None:
    """Of every committed theorem: goals, contexts, and what cannot be read off."""
    asked = 0
    for path in CERTIFICATES:
        proved = replay(loads(path.read_text()))
        assert discrepancies(proved) == []
        asked += sum(len(nontrivial(step)) for step in side_conditions(proved))
    assert asked >= 40


@pytest.mark.parametrize("path", CERTIFICATES[::8], ids=lambda p: p.stem)
def test_what_is_known_holds_wherever_factors_are_not_zero(path: Path) -> None:
    """At the points that evaluation finds, which solves inequalities of its own.

    It need not look into the definitions of factors, so the product may still be 0 at some.
    """
    proved = replay(loads(path.read_text()))
    variables = [v for v, _ in proved.variables]
    boxes = [AtLeast(n - 2) for _, n in proved.variables if n is not None]
    at = model_of(proved.variables, (*proved.hypotheses, *boxes))
    assert at is not None
    rng = random.Random(path.stem)
    for line in proved.lines:
        for t in line:
            sizes = {v: at.get(v, 2) for v in {*at, *t.symbols} - set(variables) - {*t.variables}}
            index = {v: at.get(v, 1) for v in variables}
            found = points(t, Model(sizes), index)
            for point in rng.sample(found, min(3, len(found))):
                here = {**sizes, **index, **point}
                named = [c for c in known(t.factors) if factor_symbols(c) <= here.keys()]
                if not all(holds(c, here) for c in named):
                    assert evaluate((Term(sp.S.One, (), t.factors),), Model(here), {}) == 0


def false_proof(*certificates: tuple[Refutation, ...]) -> Proof:
    """Return a proof that a sum over the taps is the sum over the first two."""
    start = (term(x[h + k], w[k], over=(k,)),)
    step = Step("bracket", 0, (("add", (LESS,)), ("drop", ())), None, certificates)
    return Proof("false", ((h, symbol("H")),), (AtLeast(symbol("K") - 1),), start, (step,))


FROM_NOTHING = Refutation((), ((-one, 0),))
"""-1 = -1 * 1, if 1 = 0 is the first equation of a context."""


def test_a_contradictory_context_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel whose contexts contain 1 = 0 proves anything, but the other checks object."""
    honest = Place.context

    def wrong(place: Place, factors: tuple[Factor, ...], names: object = ()) -> object:
        return (Equal(one), *honest(place, factors, names))  # type: ignore[arg-type]

    monkeypatch.setattr(Place, "context", wrong)
    proof = false_proof((FROM_NOTHING,))
    proved = replay(proof)
    assert any("1 = 0" in said for said in discrepancies(proved))
    assert check(proved).counterexample is not None
    if smt.available():
        assert [a.verdict for a in smt.ask(smt.hard_obligations(proved))] == ["refuted"]
    # a true theorem does not hide it
    replay_cited.cache_clear()
    assert discrepancies(replay(certificate("rot180_correlation_general_1d").proof)) != []
    replay_cited.cache_clear()


def test_a_context_that_takes_what_is_to_be_shown_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The bracket that is dropped is among the factors of its context: all is evident."""

    def wrong(place: Place, factors: object, names: object = ()) -> tuple[Condition, ...]:
        return (*place.facts, *supports(place.term.factors, place.taken))

    monkeypatch.setattr(Place, "context", wrong)
    start = (term(x[h + k], w[k], LESS, over=(k,)),)
    step = Step("bracket", 0, (("add", ()), ("drop", (2,))))
    proved = replay(Proof("false", ((h, symbol("H")),), (), start, (step,)))
    assert discrepancies(proved) != []
    assert check(proved).counterexample is not None
    if smt.available():
        assert "proved" not in [a.verdict for a in smt.ask(smt.hard_obligations(proved))]


def test_a_goal_that_is_forgotten_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = RULES["bracket"]
    monkeypatch.setitem(RULES, "bracket", lambda *a, **b: (honest(*a, **b)[0], ()))
    proved = replay(false_proof())
    assert discrepancies(proved) == ["step 1 (bracket): the goal 0 <= k < 2 is missing"]
    if smt.available():
        assert [a.verdict for a in smt.ask(smt.hard_obligations(proved))] == ["refuted"]


@pytest.mark.parametrize("name", SOME)
def test_each_fact_too_many_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A free index that is said to be 0."""
    proof = certificate(name).proof
    stray = Equal(proof.variables[0][0])
    honest = Place.context

    def wrong(place: Place, factors: object, names: object = ()) -> tuple[Condition, ...]:
        return (*honest(place, factors, names), stray)  # type: ignore[arg-type]

    monkeypatch.setattr(Place, "context", wrong)
    replay_cited.cache_clear()
    try:
        proved = replay(proof)
    finally:
        replay_cited.cache_clear()
    assert discrepancies(proved) != []


def test_verify_says_in_which_step_the_engine_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = Place.context

    def wrong(place: Place, factors: object, names: object = ()) -> tuple[Condition, ...]:
        return (Equal(one), *honest(place, factors, names))  # type: ignore[arg-type]

    monkeypatch.setattr(Place, "context", wrong)
    certificate = CertificateText("false", dumps(false_proof((FROM_NOTHING,))))
    (row,) = check_certificates([certificate], lambda _: None)
    assert row.replay == "ok"
    assert row.model.startswith("line 0 is")
    assert "step 1 (bracket): that 0 <= k < 2 cannot be shown from 1 = 0" in row.smt


def test_what_is_known_of_a_definition() -> None:
    """Existential names are new each time."""
    from rot180.derive.language.terms import define

    i, j, size = symbol("i"), symbol("j"), symbol("H")
    spread = define("spread", (None,), (i,), (term(x[j], Equal(i - 2 * j), over=(j,)),))
    first, second = symbol("exists1"), symbol("exists2")
    assert known((spread[h], spread[h + 1])) == (
        Range(first, size), Equal(h - 2 * first), Range(second, size), Equal(h + 1 - 2 * second),
    )  # fmt: skip
    two = define("two", (None,), (i,), (term(x[i]), term(x[i - 1])))
    assert known((two[h],)) == ()
    assert nontrivial([Obligation((AtLeast(h - 3),), AtLeast(h - 1))]) == []
    assert len(nontrivial([Obligation((AtLeast(h - 1),), AtLeast(h - 3))])) == 1
