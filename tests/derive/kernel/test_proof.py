"""Replay: it refuses proofs that do not follow, with messages that say why."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from rot180.derive.kernel.errors import ProofError, difference
from rot180.derive.kernel.obligations import Refutation
from rot180.derive.kernel.proof import Proof, Step
from rot180.derive.kernel.replay import replay
from rot180.derive.language.terms import AtLeast, Equal, Expression, Range, define, tensor, term
from rot180.derive.theorems import theorem
from tests.support.proofs import proof, refused, step, symbols

h, p, s, t, u = symbols("h p s t u")
N, P = symbols("N P")
c, g, x = tensor("c"), tensor("g", "P"), tensor("x", "N")
LINE: Expression = (term(g[p], Equal(p - t), over=(p,)),)


def test_a_message_says_where_and_what() -> None:
    """Proof, step, rule, direction, term, reason, line before, and the cure."""
    with pytest.raises(ProofError) as error:
        replay(Proof("mine", (), (), LINE, (step("sift", factor=0, variable=p),)))
    message = str(error.value)
    where, why = "mine, step 1 (sift, forwards, term 0)", "factor 0 is g[p]"
    for said in (where, why, "expected Equal", "sum[p] g[p]", "fix the step"):
        assert said in message


def test_a_message_shows_both_terms_and_the_first_difference() -> None:
    """A step backwards that gives another line says how the two differ."""
    other: Expression = (term(g[p], Equal(p - t - 1), over=(p,)),)
    back = step("sift", result=other, factor=1, variable=p)
    with pytest.raises(ProofError) as error:
        replay(Proof("mine", (), (), (term(g[t]),), (back,)))
    message = str(error.value)
    assert "backwards" in message
    assert "g[t+1]" in message
    assert "first difference: term 0, factor 0: g[t+1] against g[t]" in message


def test_a_difference_of_definitions_shows_both() -> None:
    """Two terms that look alike: the first tensor with two definitions, inner ones first."""
    one, other = (define("y", (P,), (p,), (term(g[e]),)) for e in (p, p + 1))
    outer = [define("z", (P,), (p,), (term(y[p]),)) for y in (one, other)]
    said = difference((term(outer[0][t]),), (term(outer[1][t]),))
    assert said == "term 0, factor 0: y[p] = g[p] of size (P) against y[p] = g[p+1] of size (P)"


def test_an_unknown_rule() -> None:
    """The message lists the rules."""
    with pytest.raises(ProofError, match=r"no rule 'magic'; the rules are .*definition, "):
        replay(Proof("mine", (), (), LINE, (step("magic"),)))


@pytest.mark.parametrize(
    "one",
    [
        step("sift", factor=1, variable=p, more=1),
        step("sift", factor=1),
        step("sift", at=3, factor=1, variable=p),
        step("sift", factor=7, variable=p),
        Step("sift", 0, (("factor", 1), ("factor", 1), ("variable", p))),
        replace(step("sift", factor=1, variable=p), certificates=((),)),
    ],
)
def test_a_step_that_is_not_one(one: Step) -> None:
    """Extra, missing and repeated arguments, terms and factors that are not there."""
    with pytest.raises(ProofError, match="step 1"):
        replay(Proof("mine", (), (), LINE, (one,)))


def test_steps_stand_in_their_order() -> None:
    """The steps of a proof do not follow in another order."""
    base = theorem("rot180_correlation_1d").proof
    with pytest.raises(ProofError, match="step 1"):
        replay(replace(base, steps=base.steps[::-1]))


def test_a_free_variable_is_named_once() -> None:
    """One index has one box."""
    with pytest.raises(ProofError, match="listed twice"):
        replay(Proof("mine", ((h, N), (h, P)), (), (term(x[h]),), ()))


def test_an_obligation_without_a_certificate_is_open() -> None:
    """It proves no theorem, alone or cited; the message names the open obligation."""
    drop = step("bracket", drop=(1,), add=())
    start = (term(c[()], Range(h, N)),)
    left_open = Proof("left_open", ((h, None),), (), start, (drop,))
    said = "an obligation is open: it has no certificate that 0 <= h < N"
    assert "step 1 (bracket" in (own := refused(lambda: left_open)) and said in own
    cite = step("lemma", theorem=left_open, symbols=(), tensors=(), bound=(), factors=(0, 1))
    cited = refused(lambda: Proof("mine", ((h, None),), (), start, (cite,)))
    assert "mine, step 1 (lemma" in cited
    assert f"left_open, step 1 (bracket, forwards, term 0): {said}" in cited


def test_every_obligation_has_its_certificate() -> None:
    """Fewer or more of them, or those of others, are refused."""
    start = (term(x[h], Range(2 * h + 1, 2 * N), Range(3 * h + 1, 3 * N)),)
    good = proof(start, step("bracket", drop=(1, 2), add=()), variables=((h, None),))
    (only,) = good.steps
    first, second = only.certificates
    assert replay(good).rhs == (term(x[h]),)
    for wrong in ((), (first,), (second, first), (first, second, second), (first, first)):
        steps = (replace(only, certificates=wrong),)
        assert "certificate" in refused(partial(replace, good, steps=steps))


def test_a_certificate_is_checked() -> None:
    """A certificate with an altered part is refused, or still proves the goal."""
    start = (term(x[h], Range(2 * h + 1, 2 * N)),)
    good = proof(start, step("bracket", drop=(1,), add=()), variables=((h, None),))
    assert replay(good).rhs == (term(x[h]),)
    (only,) = good.steps
    (certificate,) = only.certificates
    assert certificate
    for n, refutation in enumerate(certificate):
        for changed in (
            replace(refutation, products=()),
            replace(refutation, products=tuple((2 * m, f) for m, f in refutation.products)),
            replace(refutation, products=tuple((-m, f) for m, f in refutation.products)),
            replace(refutation, products=tuple((m, (99,)) for m, f in refutation.products)),
            Refutation((), ((h, 0),)),
        ):
            bad = (*certificate[:n], changed, *certificate[n + 1 :])
            with pytest.raises(ProofError, match="the certificate does not show"):
                replay(replace(good, steps=(replace(only, certificates=(bad,)),)))
    with pytest.raises(ProofError, match="the certificate does not show"):
        replay(replace(good, steps=(replace(only, certificates=(certificate[1:],)),)))


def test_a_lemma_is_used_both_ways() -> None:
    """A cited theorem is replayed, and its conditions become obligations."""
    sifted = proof(LINE, step("sift", factor=1, variable=p), variables=((t, None),), name="one")
    cite = step("lemma", theorem=sifted, symbols=((t, 2 * u),), tensors=(), bound=(p,),
                factors=(0, 1))  # fmt: skip
    start: Expression = (term(g[p], Equal(p - 2 * u), over=(p,)),)
    forwards = replay(proof(start, cite, variables=((u, None),)))
    assert forwards.rhs == (term(g[2 * u]),)
    back = replace(cite, result=start)
    assert replay(Proof("back", ((u, None),), (), forwards.rhs, (back,))).rhs == start
    broken = replace(sifted, steps=(step("sift", factor=0, variable=p),))
    bad = replace(cite, arguments=tuple((k, broken if k == "theorem" else v)
                                        for k, v in cite.arguments))  # fmt: skip
    assert "one, step 1" in refused(lambda: Proof("mine", ((u, None),), (), start, (bad,)))


def test_hypotheses_count() -> None:
    """What follows from a hypothesis does not follow without it."""
    start: Expression = (term(x[h]),)
    divide = step("euclid", value=h, modulus=s, variable=u)
    where = ((h, N),)
    given = (AtLeast(s - 1),)
    assert replay(proof(start, divide, variables=where, hypotheses=given)).hypotheses == given
    assert "it has no certificate that s - 1 >= 0" in refused(
        lambda: proof(start, divide, variables=where)
    )
