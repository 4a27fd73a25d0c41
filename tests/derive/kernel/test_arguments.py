"""Arguments of rules have declared types; a step with other arguments runs no rule."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from itertools import product
from typing import Any

import pytest
import sympy as sp

from rot180.derive.certificates.reader import MalformedError, loads
from rot180.derive.kernel.arguments import check
from rot180.derive.kernel.errors import ProofError, RuleError
from rot180.derive.kernel.place import ARGUMENTS, RULES
from rot180.derive.kernel.proof import Proof, Step
from rot180.derive.kernel.replay import replay
from rot180.derive.language.terms import Equal, tensor, term
from tests.support.argument_types import (
    DECLARED,
    GOOD,
    NOTHING,
    N,
    h,
    kind,
    layout,
    miswritten,
    p,
    t,
    values,
    written,
    wrong,
    x,
)
from tests.support.proofs import false, proof, refused, step


def arguments(rule: str) -> dict[str, object]:
    """Return arguments of the right types."""
    return {name: next(values(declared)) for name, declared in DECLARED[rule].items()}


EACH = [(rule, name) for rule, declared in DECLARED.items() for name in declared]


def test_the_types_are_those_of_the_format() -> None:
    """The declared arguments of every rule are the parameters of its function."""
    assert ARGUMENTS.keys() == RULES.keys() == DECLARED.keys()
    for rule, declared in DECLARED.items():
        found = {name: layout(one) for name, one in ARGUMENTS[rule].items()}
        assert found == {name: layout(kind(one)) for name, one in declared.items()}


@pytest.mark.parametrize(("rule", "name"), EACH)
def test_what_is_of_the_type_reaches_the_rule(rule: str, name: str) -> None:
    for value in values(DECLARED[rule][name]):
        check(ARGUMENTS[rule], {**arguments(rule), name: value})


@pytest.mark.parametrize(("rule", "name"), EACH)
def test_what_is_not_of_the_type_does_not(
    rule: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names the argument, the position in it, and the expected type."""

    def reached(*_: object, **named: object) -> object:
        raise AssertionError(f"{rule} was run with {named}")

    monkeypatch.setitem(RULES, rule, reached)
    tried = 0
    for value in wrong(DECLARED[rule][name]):
        given = tuple(sorted({**arguments(rule), name: value}.items()))
        with pytest.raises(RuleError, match=rf"^{name}[][0-9]*: found "):
            check(ARGUMENTS[rule], dict(given))
        said = rf"(?s)step 1 \({rule}, .*{name}.*: found .*, expected "
        with pytest.raises(ProofError, match=said):
            replay(Proof("claim", ((h, None),), (), (term(x[h]),), (Step(rule, 0, given),)))
        tried += 1
    assert tried > 60


@pytest.mark.parametrize("rule", DECLARED)
def test_no_argument_is_missing_or_extra(rule: str) -> None:
    given = arguments(rule)
    for name in given:
        rest = {key: value for key, value in given.items() if key != name}
        one = Step(rule, 0, tuple(sorted(rest.items())))
        said = refused(partial(proof, (term(x[h]),), one, variables=((h, None),)))
        assert f"step 1 ({rule}" in said
        assert f"the argument {name} is missing" in said
    for more in ("Factor", "extra", "place", "self", "at"):
        one = Step(rule, 0, tuple(sorted({**given, more: 0}.items())))
        said = refused(partial(proof, (term(x[h]),), one, variables=((h, None),)))
        assert f"there is no argument {more}" in said


@pytest.mark.parametrize("rule", DECLARED)
def test_replay_answers_whatever_a_step_holds(rule: str) -> None:
    """With a theorem that is true, or with a ProofError."""
    g = tensor("g", "P")
    start = (term(g[p], Equal(p - t), over=(p,)),)
    odd: tuple[object, ...] = (
        *NOTHING, *(value for some in GOOD.values() for value in some), (), (0,), ((p, t),),
    )  # fmt: skip
    where = ((t, None),)
    names = tuple(DECLARED[rule])
    for value, at in product(odd, (0, 1, -1)):
        one = Step(rule, at, tuple((name, value) for name in names))
        try:
            theorem = replay(Proof("claim", where, (), start, (one,)))
        except ProofError:
            continue
        assert not false(theorem.lhs, theorem.rhs, where), (rule, value)


# The reader reads by the same types.


def certificate(rule: str, **changed: Any) -> dict[str, Any]:
    """Return a certificate of one step, whose arguments are of the right types."""
    given = {name: written(declared) for name, declared in DECLARED[rule].items()}
    return {
        "format": 1, "name": "claim", "variables": [["h", None]], "hypotheses": [],
        "tensors": [{"name": "x", "shape": ["N"]}],
        "start": [{"coefficient": "1", "sum": [], "factors": [{"access": ["x", ["h"]]}]}],
        "steps": [{"rule": rule, "at": 0, "arguments": {**given, **changed}}],
    }  # fmt: skip


@pytest.mark.parametrize(("rule", "name"), EACH)
def test_what_is_written_otherwise_is_malformed(rule: str, name: str) -> None:
    found = loads(json.dumps(certificate(rule)))
    check(ARGUMENTS[rule], dict(found.steps[0].arguments))
    for bad in miswritten(DECLARED[rule][name]):
        text = json.dumps(certificate(rule, **{name: bad}))
        try:
            read = loads(text)
        except MalformedError:
            continue
        # an index with a fraction in it is a polynomial to the reader, and refused by replay
        assert '"polynomial": "1/2*h"' in text
        with pytest.raises(ProofError, match=rf"{name}.* expected a polynomial with integer coef"):
            replay(read)


@pytest.mark.parametrize("rule", DECLARED)
def test_arguments_that_are_missing_or_extra(rule: str) -> None:
    whole = certificate(rule)
    given = whole["steps"][0]["arguments"]
    for name in [*given]:
        rest = {key: value for key, value in given.items() if key != name}
        said = json.dumps({**whole, "steps": [{**whole["steps"][0], "arguments": rest}]})
        with pytest.raises(MalformedError, match=rf"step 1 \({rule}\): arguments: missing {name}"):
            loads(said)
    for more in ("extra", "inside", "place"):
        text = json.dumps(certificate(rule, **{more: 0}))
        with pytest.raises(MalformedError, match=rf"step 1 \({rule}\): arguments: unknown {more}"):
            loads(text)
    if given:
        others: tuple[Any, ...] = (None, [], "x", 0)
        for odd in others:
            broken = {**whole, "steps": [{**whole["steps"][0], "arguments": odd}]}
            with pytest.raises(MalformedError):
                loads(json.dumps(broken))


def test_what_is_cited_is_read_by_the_same_types() -> None:
    """A proof inside an argument, at any depth."""
    inner = certificate("euclid", variable={"polynomial": "h - 1"})
    inner["name"] = "inner"
    for _ in range(3):
        inner = certificate("lemma", theorem={"proof": inner})
        with pytest.raises(MalformedError, match=r"inner, step 1 \(euclid\): argument: found "):
            loads(json.dumps(inner))


def test_a_step_is_a_step() -> None:
    """Its rule is a name, its numbers are numbers, its arguments a tuple, its result a line."""
    fine = step("collect")
    broken: tuple[dict[str, Any], ...] = (
        {"rule": None}, {"at": None}, {"at": True}, {"at": 0.0}, {"at": sp.Integer(0)},
        {"inside": True}, {"inside": "0"}, {"inside": 1.0}, {"arguments": []}, {"result": [term()]},
        {"result": term()}, {"result": ("",)}, {"arguments": {}}, {"rule": b"collect"},
    )  # fmt: skip
    for changed in broken:
        with pytest.raises(TypeError, match="found"):
            replace(fine, **changed)


def test_a_proof_is_a_proof() -> None:
    """Its parts are checked as it is written down."""
    fine = proof((term(x[h]),), variables=((h, N),))
    broken: tuple[dict[str, Any], ...] = (
        {"name": "two words"}, {"name": ""}, {"name": "x\n"}, {"start": term()},
        {"start": [term()]}, {"start": ("x",)}, {"hypotheses": (h,)}, {"hypotheses": (x[h],)},
        {"steps": ("collect",)}, {"steps": (None,)}, {"variables": ((sp.Symbol("h"), N),)},
        {"variables": ((h, N / 2),)},
        {"variables": ((sp.Dummy("h", integer=True), N),)}, {"variables": ((h, 1.5),)},
        {"variables": ((h + 1, N),)}, {"variables": ((h, "N"),)}, {"variables": (("h", N),)},
    )  # fmt: skip
    for changed in broken:
        with pytest.raises((TypeError, ValueError, AttributeError)):
            replace(fine, **changed)
