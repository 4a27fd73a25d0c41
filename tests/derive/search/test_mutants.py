"""An honest adversary: corrupted proofs, rules and claims are refused by replay or by evaluation.

A mutant of a proof is a proof with one step dropped, doubled, swapped with its neighbour, applied
elsewhere, reversed, with one of its arguments changed, a new name that is in use, or a tensor
of the same name with another definition. It is *equivalent* if it replays to the statement it was
made from, or to another one that is true: then nothing false is accepted, and `EQUIVALENT` says
why. `pytest -s` prints, for each rule and kind, how many distinct mutants there were and what
caught them; then each side condition of each rule, and what catches its removal; then the claims.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial

import pytest
import sympy as sp
from sympy import Expr, Symbol

from rot180.derive.gradients.gradient import chain_goal, gradient, operand
from rot180.derive.kernel.errors import ProofError
from rot180.derive.kernel.place import RULES
from rot180.derive.kernel.proof import Proof, Step, Theorem, Variables
from rot180.derive.kernel.replay import replay
from rot180.derive.language.layers import layer
from rot180.derive.language.polynomial import symbol, symbols_of
from rot180.derive.language.terms import (
    Access,
    Apply,
    AtLeast,
    Condition,
    Derivative,
    Equal,
    Expression,
    Factor,
    Range,
    Tensor,
    Term,
    define,
    factor_symbols,
    tensors,
    term,
)
from rot180.derive.search.derivation import NotProvedError
from rot180.derive.search.prove import prove
from rot180.derive.theorems import claims, theorem
from tests.support.proofs import proof, refuted, step, unmatched
from tests.support.side_conditions import CASES, CAUGHT, FALSE, NO_VALUE


def by_hand(name: str) -> Theorem:
    """Return theorems whose proofs use the rules that no theorem of the registry needs."""
    x, a = Tensor("x", (symbol("N"),)), Tensor("a", (symbol("N"),))
    i, j, v = map(symbol, ("i", "j", "v"))
    if name == "exchange":
        start: Expression = (term(x[i], a[j], x[i + j], over=(i, j)),)
        return replay(proof(start, step("exchange", order=(1, 0)), name=name))
    if name == "split":
        whole = (term(x[i], Range(i, symbol("N")), over=(i,)),)
        where = (AtLeast(symbol("M")), AtLeast(symbol("N") - symbol("M")))
        parts = step("split", factor=1, first=symbol("M"))
        return replay(proof(whole, parts, hypotheses=where, name=name))
    if name == "quotient":
        s, n, m = define("s", (), (), (term(x[i], over=(i,)),)), symbol("N"), symbol("M")
        divided = (term(x[v], s[()], Apply("reciprocal", 0, s[()]), Range(j, m), over=(j,)),)
        rules = (step("count", factor=3), step("invert", factor=1, inverse=2, divisor=s))
        given = (AtLeast(m),)
        return replay(proof(divided, *rules, variables=((v, n),), hypotheses=given, name=name))
    if name == "inside":
        y = define("y", (), (), (term(x[i], x[i], a[i], over=(i,)),))
        twice = (term(a[j], Derivative((Derivative((y[()],), x[v]), a[j]), x[v]), over=(j,)),)
        under = (
            step("linearity", inside=1, factor=0),
            step("leibniz", inside=1, factor=0),
            step("entry", at=2, inside=1, factor=2),
            step("entry", at=1, inside=1, factor=1),
            step("entry", at=0, inside=1, factor=0),
            step("collect"),
            step("leibniz", factor=1),
        )
        return replay(proof(twice, *under, variables=((v, symbol("N")),), name=name))
    several = (
        term(x[v]),
        term(a[v], coefficient=3),
        term(x[v], coefficient=2),
        term(a[v], coefficient=-3),
        term(x[v], a[v]),
    )
    steps = step("collect"), step("arrange", order=(1, 0))
    return replay(proof(several, *steps, variables=((v, None),), name="collect_and_arrange"))


BASES: Mapping[str, Callable[[], Theorem]] = {
    **{
        name: partial(theorem, name)
        for name in (
            "rot180_correlation_1d",
            "rot180_convolution_strided_1d",
            "rot180_correlation_general_1d",
            "weight_correlation_general_1d",
            "shared_weights_correlation_general_1d",
            "activated_correlation_general_1d",
            "toeplitz_correlation_general_1d",
            "phases_correlation_general_channels_1d",
            "delta_correlation_general_1d",
            "adjoint_activation_correlation_general_1d",
            "squared_error",
            "weight_size",
            "toom_cook_2_3",
        )
    },
    "a sum of two terms": lambda: gradient(layer("y[k] = 2*sum[i] x[i]*x[i+k] - x[k]"), "x"),
    "exchange": partial(by_hand, "exchange"),
    "split": partial(by_hand, "split"),
    "quotient": partial(by_hand, "quotient"),
    "inside": partial(by_hand, "inside"),
    "collect and arrange": partial(by_hand, "collect and arrange"),
}

Mutant = tuple[str, str, Proof]
"""The rule whose step is changed, the kind of the change, and what comes out."""

EQUIVALENT = {
    "swapped": "the two steps change different factors: either order leads to the same line",
    "doubled": "the rule applies to its own result: the chain gets one more line, which is equal",
    "dropped": "what is left is a chain that ends in another line, or a later step makes up for it",
    "reversed": "a last fold is read as an unfolding: the chain ends in another line",
    "argument": "another order, bound name or bracket that says the same where the rest is not 0",
    "elsewhere": "the rule looks at all terms: the number of the term has no meaning for it",
    "citation": "the cited proof ends in another line, which is equal, and so does this one",
}
"""Why a mutant of a kind may be equivalent; a kind that is not here has no equivalent mutant.

What it proves is the statement it was made from, or one that holds in every model tried.
"""


def values(value: object) -> Iterator[object]:
    """Yield values of the same kind that are a little different."""
    if isinstance(value, bool):
        return
    if isinstance(value, int):
        yield value + 1
        yield value - 1
    elif isinstance(value, str):
        yield value + "9"
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


def citations(cited: Proof) -> Iterator[Proof]:
    """Yield proofs that could stand in for a cited one."""
    for n, one in enumerate(cited.steps):
        yield replace(cited, steps=(*cited.steps[:n], *cited.steps[n + 1 :]))
        yield replace(cited, steps=cited.steps[:n])
        if one.result is not None:
            for line in terms(one.result):
                changed = replace(one, result=line)
                yield replace(cited, steps=(*cited.steps[:n], changed, *cited.steps[n + 1 :]))
    for line in terms(cited.start):
        yield replace(cited, start=line)
    yield replace(cited, variables=cited.variables[1:])
    yield replace(cited, hypotheses=(*cited.hypotheses, Equal(sp.Integer(1))))
    yield theorem("rot180_convolution_general_1d").proof


NEW = {"reindex": "variables", "euclid": "variable", "compose": "symbols"}
"""Where a rule is given names that must be new."""


def captured(one: Step, names: frozenset[Symbol]) -> Iterator[Step]:
    """Yield steps whose new names are in use."""
    if one.rule not in NEW or one.result is not None:
        return
    new = one.argument(NEW[one.rule])
    if one.rule == "compose":
        assert isinstance(new, tuple)
        own = {e for _, e in new}
    else:
        own = set(new) if isinstance(new, tuple) else {new}
    for old in sorted(own, key=str):
        for name in sorted(names - own, key=str):
            by = {old: name}
            arguments = tuple((k, renamed(value, by)) for k, value in one.arguments)
            yield replace(one, arguments=arguments)


def renamed(value: object, by: Mapping[object, Symbol]) -> object:
    """Rename symbols in an argument."""
    if isinstance(value, tuple):
        return tuple(renamed(part, by) for part in value)
    return value.xreplace(dict(by)) if isinstance(value, Expr) else value


def retold(value: object, old: Tensor, new: Tensor) -> object:
    """Let one tensor stand for another in an argument or a line."""
    if isinstance(value, tuple):
        return tuple(retold(part, old, new) for part in value)
    if isinstance(value, Term):
        factors = tuple(retold(f, old, new) for f in value.factors)
        return Term(value.coefficient, value.variables, factors)  # type: ignore[arg-type]
    if isinstance(value, Access):
        return Access(new, value.index) if value.tensor == old else value
    if isinstance(value, Derivative):
        factors = tuple(retold(f, old, new) for f in value.factors)
        return Derivative(factors, value.wrt)  # type: ignore[arg-type]
    return new if value == old else value


def liars(base: Proof) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield every defined tensor with one of the same name and another definition."""
    lines = (base.start, *(one.result for one in base.steps if one.result is not None))
    for t in dict.fromkeys(t for line in lines for t in tensors(line)):
        if t.definition is not None:
            body = t.definition.body
            doubled = tuple(Term(2 * b.coefficient, b.variables, b.factors) for b in body)
            yield t, define(t.name, t.shape, t.definition.formals, doubled)


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
    names = frozenset(v for v, _ in base.variables).union(
        *(factor_symbols(c) for c in base.facts), *(t.symbols for t in base.start)
    )

    def made(number: int, *new: Step, over: int = 1) -> Proof:
        return replace(base, steps=(*base.steps[:number], *new, *base.steps[number + over :]))

    for number, one in enumerate(base.steps):
        yield one.rule, "dropped", made(number)
        yield one.rule, "doubled", made(number, one, one)
        yield one.rule, "elsewhere", made(number, replace(one, at=one.at + 1))
        for under in (None, 0, 1):
            yield one.rule, "elsewhere", made(number, replace(one, inside=under))
        if number + 1 < len(base.steps):
            yield one.rule, "swapped", made(number, base.steps[number + 1], one, over=2)
        for n, (key, value) in enumerate(one.arguments):
            cites = isinstance(value, Proof)
            for other in citations(value) if isinstance(value, Proof) else values(value):
                arguments = (*one.arguments[:n], (key, other), *one.arguments[n + 1 :])
                kind = "citation" if cites else "argument"
                yield one.rule, kind, made(number, replace(one, arguments=arguments))
        for other in captured(one, names):
            yield one.rule, "captured", made(number, other)
        for old, new in liars(base):
            arguments = tuple((k, retold(value, old, new)) for k, value in one.arguments)
            result = retold(one.result, old, new)
            other = replace(one, arguments=arguments, result=result)  # type: ignore[arg-type]
            yield one.rule, "another definition", made(number, other)
        if one.certificates:
            yield one.rule, "certificate", made(number, replace(one, certificates=()))
            shifted = tuple(c and c[1:] for c in one.certificates)
            yield one.rule, "certificate", made(number, replace(one, certificates=shifted))
        if one.result is not None:
            yield one.rule, "reversed", made(number, replace(one, result=None))
            for line in terms(one.result):
                yield one.rule, "result", made(number, replace(one, result=line))


def fate(mutant: Proof, base: Theorem) -> tuple[str, str]:
    """Return which check decides a mutant, and how: replay refuses it, or a model decides."""
    try:
        found = replay(mutant)
    except ProofError as error:
        text = str(error)
        if named := re.search(r"\[(side condition: [^]]*)\]", text):
            return "replay", named[1]
        for said in (
            "applied backwards", "an obligation is open", "certificate", "infinitely many",
            "finite only if", "expected a", "stands for two tensors",
        ):  # fmt: skip
            if said in text:
                return "replay", said
        return "replay", "does not apply"
    if found.rhs == base.rhs:
        return "equivalent", "the same statement"
    wrong = refuted(found.lhs, found.rhs, found.variables, found.hypotheses, 4)
    return ("model", "ACCEPTED BY REPLAY, FALSE") if wrong else ("equivalent", "another, true")


@dataclass(frozen=True)
class Found:
    """The outcome of one distinct mutant."""

    rule: str
    kind: str
    check: str
    how: str


@cache
def survey(name: str) -> tuple[Found, ...]:
    """Return rule, kind and outcome of every distinct mutant of a theorem's proof."""
    base = BASES[name]()
    seen: dict[Proof, tuple[str, str]] = {}
    for rule, kind, mutant in mutants(base.proof):
        if mutant != base.proof:
            seen.setdefault(mutant, (rule, kind))
    return tuple(Found(*what, *fate(mutant, base)) for mutant, what in seen.items())


@pytest.mark.parametrize("name", BASES)
def test_no_mutant_proves_what_is_false(name: str) -> None:
    """Whatever still replays is true, and there is a reason why it does."""
    found = survey(name)
    assert not [m for m in found if m.check == "model"]
    alive = [m for m in found if m.check == "equivalent"]
    assert {m.kind for m in alive} <= EQUIVALENT.keys()
    assert len(alive) < len(found) / 2


def test_the_report() -> None:
    """Print it; every rule and every kind of change is in it, with mutants that are refused."""
    found = [m for name in BASES for m in survey(name)]
    refused = [m for m in found if m.check == "replay"]
    checks = ("replay", "model", "equivalent")
    print(f"\n{len(found)} distinct mutants of {len(BASES)} proofs; {len(refused)} not equivalent")
    print(f"  {'rule':12}{'kind':20}{'not equivalent':>15}", *(f"{c:>11}" for c in checks))
    table = Counter((m.rule, m.kind, m.check) for m in found)
    for rule, kind in sorted({(m.rule, m.kind) for m in found}):
        by = [table[rule, kind, check] for check in checks]
        print(f"  {rule:12}{kind:20}{by[0] + by[1]:15}", *(f"{n:11}" for n in by))
    print("\nWhat replay said")
    for (rule, how), count in sorted(Counter((m.rule, m.how) for m in refused).items()):
        print(f"  {rule:12}{how:42}{count:6}")
    print("\nWhy the equivalent ones are")
    for (kind, how), count in sorted(
        Counter((m.kind, m.how) for m in found if m.check == "equivalent").items()
    ):
        print(f"  {kind:20}{how:20}{count:5}  {EQUIVALENT[kind]}")
    assert {m.kind for m in found if m.check == "equivalent"} == EQUIVALENT.keys()
    assert len(refused) >= 300
    assert {m.rule for m in refused} == set(RULES)
    wanted = {"dropped", "doubled", "swapped", "elsewhere", "argument", "certificate", "result"}
    wanted |= {"reversed", "citation", "captured", "another definition"}
    assert {m.kind for m in refused} == wanted


BY = {
    FALSE: "model: the statement is refuted",
    NO_VALUE: "model: a side has no value",
    CAUGHT: "replay: another check",
}
"""What catches a proof that the removal of a side condition lets through."""


def test_every_side_condition_is_in_the_report() -> None:
    """Print what happens when it is removed; the outcomes are tested with the side conditions."""
    print("\nSide conditions, each removed")
    for case in CASES:
        why = f" ({case.why})" if case.why else ""
        found = BY.get(case.outcome, "not caught, nothing false comes through")
        print(f"  {case.where:24}{case.condition:42}{found}{why}")
        assert case.outcome in BY or case.why
    have = {case.where for case in CASES}
    assert set(RULES) <= have


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
    """The claim from which the mutants below are made is a theorem."""
    variables, lhs = goal("x")
    assert prove(lhs, RIGHT, variables).rhs == RIGHT


@pytest.mark.parametrize("name", NEARLY)
def test_a_wrong_input_gradient(name: str) -> None:
    """Evaluation refutes it."""
    variables, lhs = goal("x")
    assert refuted(lhs, NEARLY[name], variables)
    print(f"\n  claim: {name:40}model: refuted")


@pytest.mark.parametrize("name", ["input_remainder", "weight_size", "output_size"])
def test_the_remainder_is_ignored(name: str) -> None:
    """What holds with the remainder is false without it."""
    told = claims()[name]()
    without = {symbol("rho"): sp.Integer(0)}
    if name == "output_size":  # the windows that fit need the floor: H + lo + hi - Ke = s (P - 1)
        (f,) = told.rhs[0].factors
        assert isinstance(f, Range)
        wrong: Factor = Range(f.value, symbol("s") * (symbol("P") - 1))
    else:
        (f,) = told.rhs[0].factors
        assert isinstance(f, Range)
        wrong = Range(f.value, f.size.xreplace(without))
    assert wrong != f
    hypotheses: tuple[Condition, ...] = told.hypotheses
    variables: Variables = told.variables
    assert unmatched(told.lhs, (term(wrong),), variables, hypotheses)
    assert refuted(told.lhs, (term(wrong),), variables, hypotheses, 60)
    print(f"\n  claim: the remainder is ignored in {name:22}model: refuted, search: no proof")


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
    honest = define("rot180_w", (None,), (j,), (term(w[K - 1 - j]),))
    liar = define("rot180_w", (None,), (j,), (term(w[j]),))
    variables, lhs = goal("x")
    claim = [(term(*dilated(h + d * j - PAD), r[j], over=(p, j)),) for r in (honest, liar)]
    good = prove(lhs, claim[0], variables)
    assert unmatched(lhs, claim[1], variables)
    assert refuted(lhs, claim[1], variables)
    steps = tuple(
        replace(one, result=retold(one.result, honest, liar))  # type: ignore[arg-type]
        for one in good.proof.steps
    )
    assert steps != good.proof.steps
    with pytest.raises(ProofError):
        replay(replace(good.proof, steps=steps))
    both = (term(honest[j], liar[j], over=(j,)),)
    with pytest.raises(ProofError, match="the name rot180_w stands for two tensors"):
        replay(Proof("both", (), (), both, ()))


def test_an_activation_is_not_zero_at_zero() -> None:
    """Padding of ``sum_k sigma(z[p+k]) w[k]`` contributes sigma(0), which need not be 0."""
    z, w = Tensor("z", (H,)), FORWARD.tensors[1]
    inside = (term(Apply("sigma", 0, z[p + k]), Range(p + k, H), w[k], over=(k,)),)
    bare = (term(Apply("sigma", 0, z[p + k]), w[k], over=(k,)),)
    with pytest.raises(NotProvedError):
        prove(bare, inside, ((p, P),))
    assert refuted(bare, inside, ((p, P),))
