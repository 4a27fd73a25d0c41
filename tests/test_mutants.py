"""An honest adversary: corrupted proofs and claims are refused by replay or refuted by evaluation.

A mutant of a proof is a proof with one step dropped, doubled, swapped with its neighbour, applied
elsewhere, turned round, or with one of its arguments changed. It is *equivalent* if it replays to
the statement it was made from, or to another true one. It must never replay to a false one.
`pytest -s` prints how many mutants of each rule and kind there were, and what caught them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import pytest
import sympy as sp
from sympy import Expr, Symbol

from rot180.derive.gradients import chain_goal, operand
from rot180.derive.layers import layer
from rot180.derive.polynomial import symbol, symbols_of
from rot180.derive.proof import Proof, ProofError, Step, Theorem, replay
from rot180.derive.tactics import NotProvedError, prove
from rot180.derive.terms import (
    Access,
    Apply,
    Equal,
    Expression,
    Range,
    Tensor,
    Term,
    define,
    term,
)
from rot180.derive.theorems import theorem
from tests.proofs import refuted, unmatched

BASES = (
    "rot180_correlation_1d",
    "rot180_convolution_strided_1d",
    "rot180_correlation_general_1d",
    "weight_correlation_general_1d",
    "shared_weights_correlation_general_1d",
    "activated_correlation_general_1d",
    "toeplitz_correlation_general_1d",
    "phases_correlation_general_channels_1d",
)

Mutant = tuple[str, str, Proof]
"""The rule whose step is changed, the kind of the change, and what comes out."""


def values(value: object) -> Iterator[object]:
    """Yield values of the same kind that are a little different."""
    if isinstance(value, bool):
        return
    if isinstance(value, int):
        yield value + 1
        yield value - 1
    elif isinstance(value, Symbol):
        yield symbol(value.name + "9")
    elif isinstance(value, Expr):
        yield value + 1
        yield -value
        names = sorted(symbols_of(value), key=lambda v: v.name)
        if names:
            yield value.xreplace({names[0]: 2 * names[0]})
    elif isinstance(value, Access):
        for n, e in enumerate(value.index):
            yield Access(value.tensor, (*value.index[:n], e + 1, *value.index[n + 1 :]))
    elif isinstance(value, Apply):
        yield Apply(value.function, value.order + 1, value.argument)
    elif isinstance(value, Equal):
        yield Equal(value.value + 1)
        yield Equal(2 * value.value)
    elif isinstance(value, Range):
        yield Range(value.value + 1, value.size)
        yield Range(value.value, value.size + 1)
        yield Range(value.value, value.size - 1)
    elif isinstance(value, tuple):
        for n, part in enumerate(value):
            yield (*value[:n], *value[n + 1 :])
            for other in values(part):
                yield (*value[:n], other, *value[n + 1 :])
        if len(value) > 1:
            yield value[::-1]


def terms(line: Expression) -> Iterator[Expression]:
    """Yield a line with one factor, coefficient or sum of a term changed."""
    for n, t in enumerate(line):
        changed = [Term(t.coefficient + 1, t.variables, t.factors)]
        for m, f in enumerate(t.factors):
            changed.append(Term(t.coefficient, t.variables, (*t.factors[:m], *t.factors[m + 1 :])))
            for other in values(f):
                new = (*t.factors[:m], other, *t.factors[m + 1 :])
                changed.append(Term(t.coefficient, t.variables, new))  # type: ignore[arg-type]
        for other in changed:
            yield (*line[:n], other, *line[n + 1 :])


def mutants(base: Proof) -> Iterator[Mutant]:
    """Yield every corrupted proof, one change each."""

    def made(number: int, *new: Step, over: int = 1) -> Proof:
        return replace(base, steps=(*base.steps[:number], *new, *base.steps[number + over :]))

    for number, one in enumerate(base.steps):
        yield one.rule, "dropped", made(number)
        yield one.rule, "doubled", made(number, one, one)
        yield one.rule, "elsewhere", made(number, replace(one, at=one.at + 1))
        if number + 1 < len(base.steps):
            yield one.rule, "swapped", made(number, base.steps[number + 1], one, over=2)
        for n, (key, value) in enumerate(one.arguments):
            for other in values(value):
                arguments = (*one.arguments[:n], (key, other), *one.arguments[n + 1 :])
                yield one.rule, "argument", made(number, replace(one, arguments=arguments))
        if one.certificates:
            yield one.rule, "certificate", made(number, replace(one, certificates=()))
            shifted = tuple(c and c[1:] for c in one.certificates)
            yield one.rule, "certificate", made(number, replace(one, certificates=shifted))
        if one.result is not None:
            yield one.rule, "turned round", made(number, replace(one, result=None))
            for line in terms(one.result):
                yield one.rule, "result", made(number, replace(one, result=line))


def fate(mutant: Proof, base: Theorem) -> str:
    """Say what becomes of a mutant."""
    try:
        found = replay(mutant)
    except ProofError as error:
        text = str(error)
        if named := re.search(r"\[(side condition: [^]]*)\]", text):
            return named[1]
        for said in ("read backwards", "certificate", "infinitely many", "finite only if"):
            if said in text:
                return said
        return "does not apply"
    if found.open:
        return "open obligation"
    if found.rhs == base.rhs:
        return "equivalent: same statement"
    wrong = refuted(found.lhs, found.rhs, found.variables, found.hypotheses, 4)
    return "ACCEPTED, FALSE" if wrong else "equivalent: another true statement"


@cache
def survey(name: str) -> tuple[tuple[str, str, str], ...]:
    """Return rule, kind and fate of every distinct mutant of a theorem's proof."""
    base = theorem(name)
    seen: dict[Proof, tuple[str, str]] = {}
    for rule, kind, mutant in mutants(base.proof):
        if mutant != base.proof:
            seen.setdefault(mutant, (rule, kind))
    return tuple((*what, fate(mutant, base)) for mutant, what in seen.items())


@pytest.mark.parametrize("name", BASES)
def test_no_mutant_proves_what_is_false(name: str) -> None:
    """Whatever still replays is true."""
    found = survey(name)
    assert not [m for m in found if m[2] == "ACCEPTED, FALSE"]
    assert sum("equivalent" in m[2] for m in found) < len(found) / 2


def test_there_are_many_mutants() -> None:
    """Print the survey; every rule in use and every kind of change is in it."""
    found = [m for name in BASES for m in survey(name)]
    killed = [m for m in found if "equivalent" not in m[2]]
    print(f"\n{len(found)} mutants, {len(killed)} refused, {len(found) - len(killed)} equivalent")
    for (rule, kind, end), count in sorted(Counter(found).items()):
        print(f"  {rule:12}{kind:14}{end:38}{count:5}")
    assert len(killed) >= 300
    rules = {step.rule for name in BASES for step in theorem(name).proof.steps}
    assert {m[0] for m in killed} == rules


# Claims that are almost right.

SIZES = "h p k s d lo K H P j"
h, p, k, s, d, lo, K, H, P, j = map(symbol, SIZES.split())
FORWARD = layer("x[H]; y[p] = sum[k] x[s*p+d*k-lo] * w[k]")
TRUE = layer("x[H]; y[p] = sum[k] x[s*p-d*k-lo] * w[k]")
G = Tensor("grad_y", (P,))


def dilated(index: Expr, by: Expr = s, shift: int = 0) -> tuple[Access, Equal]:
    """Return g[p] and the equation of zero-dilation."""
    return G[p], Equal(index - by * p + shift)


def swept(taps: Expr, index: Expr, by: Expr = s) -> Expression:
    """Return sum_j dilate(g, by)[index] w[taps]."""
    w = FORWARD.tensors[1]
    return (term(*dilated(index, by), w[taps], over=(p, j)),)


PAD = d * (K - 1) - lo
RIGHT = swept(K - 1 - j, h + d * j - PAD)
NEARLY = {
    "the flip is forgotten": swept(j, h + d * j - PAD),
    "convolution for correlation": swept(K - 1 - j, h - d * j + d * (K - 1) + lo),
    "stride and dilation are swapped": swept(K - 1 - j, h + s * j - (s * (K - 1) - lo), d),
    "no stride": swept(K - 1 - j, h + d * j - PAD, sp.Integer(1)),
    "no dilation": swept(K - 1 - j, h + j - (K - 1 - lo)),
    "the padding is one too small": swept(K - 1 - j, h + d * j - PAD + 1),
    "the padding is one too large": swept(K - 1 - j, h + d * j - PAD - 1),
    "the padding is forgotten": swept(K - 1 - j, h + d * j - d * (K - 1)),
    "the padding has the wrong sign": swept(K - 1 - j, h + d * j - d * (K - 1) - lo),
    "the filter is flipped about K": swept(K - j, h + d * j - PAD),
    "the input is indexed from the end": swept(K - 1 - j, H - 1 - h + d * j - PAD),
}


def goal(wrt: str) -> tuple[tuple[tuple[Symbol, Expr | None], ...], Expression]:
    """Return the chain rule's goal."""
    return chain_goal(FORWARD, operand(FORWARD, wrt))


def test_the_right_claim_is_proved() -> None:
    """What the mutants below are made from is a theorem."""
    variables, lhs = goal("x")
    assert prove(lhs, RIGHT, variables).rhs == RIGHT


@pytest.mark.parametrize("name", NEARLY)
def test_a_wrong_input_gradient(name: str) -> None:
    """Evaluation refutes it."""
    variables, lhs = goal("x")
    assert refuted(lhs, NEARLY[name], variables)


def test_the_right_claim_about_the_other_layer() -> None:
    """What holds for the correlation does not hold for the true convolution."""
    variables, lhs = chain_goal(TRUE, operand(TRUE, "x"))
    assert refuted(lhs, RIGHT, variables)


def test_a_wrong_weight_gradient() -> None:
    """The stride stays with the output index."""
    variables, lhs = goal("w")
    ((v, _),) = variables
    x = operand(FORWARD, "x")
    assert prove(lhs, (term(G[p], x[s * p + d * v - lo], over=(p,)),), variables)
    for index in (d * p + s * v - lo, s * p - d * v - lo, s * p + d * v, s * p + d * v - lo + 1):
        wrong = (term(G[p], x[index], over=(p,)),)
        assert unmatched(lhs, wrong, variables)
        assert refuted(lhs, wrong, variables)


def test_a_tensor_of_the_same_name_with_another_definition() -> None:
    """A rot180 that does not rotate is another tensor, whatever it is called."""
    w = FORWARD.tensors[1]
    honest = define("rot180(w)", (None,), (j,), (term(w[K - 1 - j]),))
    liar = define("rot180(w)", (None,), (j,), (term(w[j]),))
    variables, lhs = goal("x")
    claim = [(term(*dilated(h + d * j - PAD), r[j], over=(p, j)),) for r in (honest, liar)]
    good = prove(lhs, claim[0], variables)
    assert unmatched(lhs, claim[1], variables)
    assert refuted(lhs, claim[1], variables)
    steps = tuple(retold(one, honest, liar) for one in good.proof.steps)
    assert steps != good.proof.steps
    with pytest.raises(ProofError):
        replay(replace(good.proof, steps=steps))
    both = (term(honest[j], liar[j], over=(j,)),)
    with pytest.raises(ProofError, match="two different tensors"):
        replay(Proof("both", (), (), both, ()))


def retold(one: Step, old: Tensor, new: Tensor) -> Step:
    """Return a step in whose result one tensor stands for another."""
    if one.result is None:
        return one
    return replace(
        one,
        result=tuple(
            Term(
                t.coefficient,
                t.variables,
                tuple(
                    Access(new, f.index) if isinstance(f, Access) and f.tensor == old else f
                    for f in t.factors
                ),
            )
            for t in one.result
        ),
    )


def test_an_activation_is_not_zero_at_zero() -> None:
    """``sum_k sigma(z[p+k]) w[k]`` with padding is not what sigma(0) = 0 would make of it."""
    z, w = Tensor("z", (H,)), FORWARD.tensors[1]
    inside = (term(Apply("sigma", 0, z[p + k]), Range(p + k, H), w[k], over=(k,)),)
    bare = (term(Apply("sigma", 0, z[p + k]), w[k], over=(k,)),)
    with pytest.raises(NotProvedError):
        prove(bare, inside, ((p, P),))
    assert refuted(bare, inside, ((p, P),))
