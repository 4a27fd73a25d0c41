"""The conditions of replay on every line: names, the table of tensors, finite sums, `inside`."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
import sympy as sp

from rot180.derive.kernel import replay as replaying
from rot180.derive.kernel.place import Place
from rot180.derive.kernel.proof import Proof, Step, Variables
from rot180.derive.kernel.replay import replay
from rot180.derive.language.terms import (
    Apply,
    AtLeast,
    Derivative,
    Equal,
    Expression,
    Range,
    Tensor,
    Term,
    define,
    tensor,
    term,
)
from rot180.derive.semantics.evaluate import evaluate
from rot180.derive.semantics.model import EvaluationError, Model
from tests.support.proofs import false, proof, refused, step, symbols
from tests.support.side_conditions import (
    EVERYWHERE,
    ONE,
    N,
    P,
    a,
    c,
    double,
    drop,
    g,
    h,
    i,
    j,
    k,
    lemma,
    one,
    p,
    s,
    t,
    triple,
    u,
    unfolded,
    v,
    x,
    z,
)

TWO = sp.Integer(2)


# One table of tensors.


def named(name: str, body: Term) -> Tensor:
    """Return a tensor with the box N."""
    return define(name, (N,), (i,), (body,))


LIAR = named("double", term(x[i], coefficient=3))
"""A tensor called as another one."""


def test_a_clash_in_one_line() -> None:
    """Both of a name in a line, one inside the definition of a third."""
    quiet = named("quiet", term(LIAR[i]))
    for other in (LIAR, quiet):
        said = refused(partial(proof, one(double[h], other[h]), variables=EVERYWHERE))
        assert "the name double stands for two tensors: double[i] = 2 * x[i] of size (N)" in said


def test_a_clash_of_boxes() -> None:
    """A free tensor has one box."""
    said = refused(partial(proof, one(x[h], Tensor("x", (P,))[h]), variables=EVERYWHERE))
    assert "the name x stands for two tensors: x of size (N), and x of size (P)" in said


def test_a_clash_with_what_a_line_had() -> None:
    """A name stays taken when its tensor no longer occurs in the line."""
    gone = step("definition", factor=0)
    back = step("definition", result=one(Range(h, N), LIAR[h]), factor=1)
    said = refused(partial(proof, one(double[h]), gone, back, variables=EVERYWHERE))
    assert "step 2 (definition" in said


def test_a_clash_in_an_argument() -> None:
    """The tensors of `tensors` and `inner` are in the table, whether they are used or not."""
    for name in ("a", "nothing"):
        use = lemma(unfolded, tensors=((name, named("double", term(a[i]))),))
        said = refused(partial(proof, one(double[h]), use, variables=EVERYWHERE))
        assert "claim, step 1 (lemma" in said
        assert "the name double stands for two tensors" in said


def quiet(of: Tensor, *steps: Step, name: str = "quiet") -> Proof:
    """Return a proof of ``c = c`` that mentions a tensor on the way."""
    index = (ONE,) * len(of.shape)
    wider = (term(c[()]), term(of[index], coefficient=0))
    return Proof(name, (), (), one(c[()]), (*steps, step("collect", result=wider), step("collect")))


def test_a_clash_that_lies_in_a_cited_proof_alone() -> None:
    """One table holds for cited proofs too, at any depth, whatever the citation uses of them."""
    liar, honest = quiet(LIAR), quiet(double)
    assert replay(liar).rhs == one(c[()])
    assert LIAR in replay(liar).tensors
    for cited in (liar, quiet(triple, lemma(liar), name="deeper")):
        use = partial(proof, one(c[()], double[h]), lemma(cited), variables=EVERYWHERE)
        said = refused(use)
        assert "claim, step 1 (lemma" in said
        assert "the name double stands for two tensors" in said
        both = partial(proof, one(c[()]), lemma(cited), lemma(honest))
        assert "claim, step 2 (lemma" in refused(both)
    for cited in (honest, quiet(triple, lemma(honest), name="deeper")):
        fine = proof(one(c[()], double[h]), lemma(cited), variables=EVERYWHERE)
        assert replay(fine).rhs == one(double[h], c[()])
    inner = partial(quiet, double, lemma(liar))
    assert "quiet, step 2 (collect" in refused(inner)


def test_a_clash_with_what_a_citation_makes() -> None:
    """A citation that gives a used name to another definition is refused; it needs a new name."""
    cited = proof(one(double[k]), variables=((k, N),), name="cited")
    wide = proof(one(double[k]), variables=((k, N),), name="wide")
    assert replay(cited).lhs == replay(wide).lhs
    of_a = named("double", term(a[i], coefficient=2))
    use = partial(lemma, cited, symbols=((k, h),))
    said = refused(partial(proof, one(of_a[h]), use(tensors=(("x", a),)), variables=((h, N),)))
    assert "the name double stands for two tensors" in said
    own = named("double_a", term(a[i], coefficient=2))
    swaps = (("x", a), ("double", own))
    assert replay(proof(one(own[h]), use(tensors=swaps), variables=((h, N),))).rhs == one(own[h])


def test_a_definition_is_spelled_in_one_way() -> None:
    """Other names of indices and sums are another spelling; steps refer to such names."""
    spelled = [
        define("row", (N,), (f,), (term(x[f], a[m], over=(m,)),))
        for f, m in ((i, k), (j, k), (i, p))
    ]
    assert spelled[0] == spelled[1] == spelled[2]
    for other in spelled[1:]:
        use = partial(proof, one(c[()], spelled[0][h]), lemma(quiet(other)), variables=EVERYWHERE)
        assert "the name row stands for two tensors" in refused(use)


def test_what_is_replayed_does_not_depend_on_what_was() -> None:
    """Proofs that differ in the names of sums alone are two proofs, also to what is remembered."""
    for names in ((k, p), (p, k)):
        for m in names:
            row = define("row", (), (), (term(x[m], a[m], over=(m,)),))
            known = proof(one(row[()], c[()]), step("reorder", factors=(c[()], row[()])))
            use = lemma(known, (0, 1))
            unfold = step("definition", factor=1)
            made = proof(one(row[()], c[()]), use, unfold)
            assert replay(made).rhs[0].variables == (m,)


# Sums.


def test_a_free_index_is_not_bound() -> None:
    """A sum binds no index of the statement, no name of a hypothesis, and none of a size."""
    over = {
        "h": ((h, None), ()),
        "s": ((h, s), ()),
        "z": ((h, None), (AtLeast(z - 1),)),
    }
    for name, (variable, given) in over.items():
        (v_,) = symbols(name)
        start = (term(x[v_], over=(v_,)),)
        statement = partial(proof, start, variables=(variable,), hypotheses=given)
        assert f"{name} is bound by a sum" in refused(statement)
        into = step("euclid", value=u, modulus=TWO, variable=v_)
        later = partial(proof, one(x[u]), into, variables=(variable,), hypotheses=given)
        assert "step 1 (euclid" in refused(later)
        empty = step("collect", result=(term(c[()]), term(x[v_], over=(v_,), coefficient=0)))
        back = partial(proof, one(c[()]), empty, variables=(variable,), hypotheses=given)
        assert f"{name} is bound by a sum" in refused(back)


def test_a_definition_is_finite(monkeypatch: pytest.MonkeyPatch) -> None:
    """An infinite sum does not become finite by giving it a name."""
    endless = define("endless", (), (), (term(c[()], over=(p,)),))
    hidden = define("hidden", (), (), (term(endless[()]),))
    for one_ in (endless, hidden):
        assert "infinitely many" in refused(partial(proof, one(one_[()])))
        assert "infinitely many" in refused(partial(quiet, one_))
    monkeypatch.setattr(replaying, "finiteness", lambda *_: ())
    theorem = replay(proof(one(endless[()])))
    with pytest.raises(EvaluationError, match="bounds the sum"):
        evaluate(theorem.lhs, Model({}), {})


def test_a_definition_says_by_itself_that_it_is_finite() -> None:
    """A hypothesis helps; a certificate cannot, because definitions have none."""
    stretched = define("stretched", (), (), (term(x[s * p], over=(p,)),))
    assert replay(proof(one(stretched[()]), hypotheses=(AtLeast(s - 1),)))
    said = refused(partial(proof, one(stretched[()]), hypotheses=(AtLeast(2 * s - 1),)))
    assert "the definition of stretched is finite only if s != 0" in said
    start: Expression = (term(c[()], coefficient=0),)
    line = (term(x[s * p], coefficient=0, over=(p,)),)
    use = (step("collect"), step("collect", result=line))
    assert replay(proof(start, *use, hypotheses=(AtLeast(2 * s - 1),))).rhs == line


def test_few_unknowns() -> None:
    """A sum with too many unknowns is refused, whether it is finite or not."""
    nine = symbols("v1 v2 v3 v4 v5 v6 v7 v8 v9")
    eight = nine[:8]
    for names in (nine, eight):
        last = names[-1]
        rows = [Range(v_ + s * last, N) for v_ in names[:-1]] + [Range(last + s * names[0], N)]
        start = (term(*rows, over=names),)
        said = refused(partial(proof, start))
        assert ("infinitely many terms" in said) == (len(names) == 9)
        assert ("is finite only if" in said) == (len(names) == 8)


# Backwards, and under a derivative.


def test_steps_backwards_meet_the_same_conditions() -> None:
    """A rule has the same obligations in both directions."""
    line: Expression = (term(c[()], Equal(h - 2 * p), over=(p,)),)
    back = step("sift", result=line, factor=1, variable=p)
    assert "unit" in refused(lambda: proof(one(c[()]), back, variables=EVERYWHERE))
    wide = replace(drop, result=one(c[()], Range(h, N)))
    said = refused(lambda: proof(one(c[()]), wide, variables=EVERYWHERE))
    assert "step 1 (bracket, backwards" in said
    assert "an obligation is open: it has no certificate that 0 <= h < N" in said
    assert false(one(c[()]), one(c[()], Range(h, N)), EVERYWHERE)
    given = (AtLeast(h), AtLeast(N - 1 - h))
    made = proof(one(c[()]), wide, variables=EVERYWHERE, hypotheses=given)
    assert replay(made).rhs == one(c[()], Range(h, N))


y = tensor("y")
unit = tensor("unit", 1)
some = define("some", (), (), (term(unit[i], over=(i,)),))
UNDER = one(some[()], Derivative((y[()], Range(h - 1, N)), y[()]))
at_i = lemma(
    proof(one(y[()]), step("bracket", drop=(), add=(Range(v, ONE),)), variables=((v, ONE),)),
    symbols=((v, i),),
)
ABOUT_I = {
    "bracket": step("bracket", inside=1, drop=(), add=(Equal(i),)),
    "euclid": step("euclid", inside=1, value=h, modulus=i + 1, variable=u),
    "split": step("split", inside=1, factor=1, first=-i),
    "lemma": replace(at_i, inside=1),
}


def _leaky(place: Place, number: int) -> Place:
    """Return the place under a derivative, with facts about existential names."""
    under = place.expect(Derivative, number).factors
    return Place((term(*under),), 0, place.context(place.others(number)), place.taken)


@pytest.mark.parametrize("rule", ABOUT_I)
def test_what_merely_exists_is_not_known_under_a_derivative(
    rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That ``sum_i unit[i]`` is not zero says that some i is 0, not that the i of a step is."""
    make = partial(proof, UNDER, ABOUT_I[rule], variables=((h, N),))
    said = refused(make)
    assert f"step 1 ({rule}" in said
    assert "an obligation is open" in said
    monkeypatch.setattr(Place, "inside", _leaky)
    if rule == "euclid":  # a quotient by a modulus that may be 0 is not finite either
        assert "no certificate that -1 - i != 0" in refused(make)
        return
    theorem = replay(make())
    assert false(theorem.lhs, theorem.rhs, ((h, N),))


def test_a_name_out_there_is_in_use_under_a_derivative(monkeypatch: pytest.MonkeyPatch) -> None:
    """A quotient must not be named as an index of the other factors is."""
    start = one(g[t], Derivative((y[()],), y[()]))
    use = step("euclid", inside=1, value=h, modulus=TWO, variable=t)
    assert "new name" in refused(partial(proof, start, use, variables=EVERYWHERE))

    def careless(place: Place, number: int) -> Place:
        return Place((term(*place.expect(Derivative, number).factors),), 0, place.facts)

    monkeypatch.setattr(Place, "inside", careless)
    theorem = replay(proof(start, use, variables=EVERYWHERE))
    assert false(theorem.lhs, theorem.rhs, EVERYWHERE)


def test_the_supports_of_the_others_are_known_under_a_derivative() -> None:
    """``x[h] d(y [h < N])/dy = x[h] dy/dy``, forwards, backwards, and not without x."""
    full = one(x[h], Derivative((y[()], Range(h, N)), y[()]))
    bare = one(x[h], Derivative((y[()],), y[()]))
    use = step("bracket", inside=1, drop=(1,), add=())
    assert replay(proof(full, use, variables=EVERYWHERE)).rhs == bare
    assert replay(proof(bare, replace(use, result=full), variables=EVERYWHERE)).rhs == full
    alone = (term(c[()], *full[0].factors[1:]),)
    assert "an obligation is open" in refused(partial(proof, alone, use, variables=EVERYWHERE))
    assert false(alone, (term(c[()], *bare[0].factors[1:]),), EVERYWHERE)


def test_a_sum_under_a_derivative_moves_out() -> None:
    """Definitions, relations and products inside: each line has the value of the first."""
    row = define("row", (), (), (term(x[k], x[k], over=(k,)), term(x[h], coefficient=3)))
    inner = Derivative((Apply("exp", 1, x[j]), row[()]), x[j])
    start: Expression = (term(g[p], inner, over=(p,), coefficient=s),)
    steps = (
        step("definition", inside=1, factor=1),
        step("relate", inside=1, factor=0),
        step("leibniz", inside=1, factor=0),
    )
    where: Variables = ((j, N),)
    theorem = replay(proof(start, *steps[:2], variables=where))
    assert len(theorem.rhs) == 2
    assert theorem.rhs[0].variables == (p, k)
    for line in theorem.lines[1:]:
        assert not false(start, line, where)
    assert "factor 0 is exp(x[j])" in refused(partial(proof, start, *steps, variables=where))
