"""The checker, rule by rule: it proves a step of each, and refuses a wrong one with the reason."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rot180.derive import checker

ROOT = Path(__file__).parents[3]
SOURCE = ROOT / "derive" / "checker.py"

Data = dict[str, Any]


def run(*paths: Path) -> subprocess.CompletedProcess[str]:
    """Run the file in isolation: no package of the project can be imported."""
    command = [sys.executable, "-I", "-S", str(SOURCE), *map(str, paths)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def access(name: str, *index: str) -> Data:
    return {"access": [name, list(index)]}


def derivative(body: list[Data], name: str, *index: str) -> Data:
    return {"derivative": [body, [name, list(index)]]}


def apply(function: str, order: int, name: str, *index: str) -> Data:
    return {"apply": [function, order, [name, list(index)]]}


def term(*factors: Data, coefficient: str = "1", sums: str = "") -> Data:
    return {"coefficient": coefficient, "sum": sums.split(), "factors": list(factors)}


def tensor(name: str, *shape: str, formals: str = "", body: list[Data] | None = None) -> Data:
    defined = {} if body is None else {"formals": formals.split(), "body": body}
    return {"name": name, "shape": list(shape), **defined}


def equal(e: str) -> Data:
    return {"equal": e}


def within(e: str, size: str) -> Data:
    return {"range": [e, size]}


def polynomials(**values: str) -> list[list[Data]]:
    return [[{"symbol": k}, {"polynomial": v}] for k, v in values.items()]


X, Y = tensor("x", "N"), tensor("y", "N")
T = tensor("T", "M", formals="i", body=[term(access("x", "i + k"), access("y", "k"), sums="k")])
TABLE = tensor("E", "2", "2", formals="i j", body=[term(equal("i - j"))])
A = tensor("a", "N", formals="i", body=[term(apply("exp", 0, "z", "i"))])
SWAPPED = term(access("y", "h"), access("x", "h"))


def certificate(start: list[Data], *steps: Data, tensors: list[Data], **others: Any) -> Data:
    given = {"name": "made", "variables": [], "hypotheses": [], **others}
    return {"format": 1, **given, "tensors": tensors, "start": start, "steps": list(steps)}


def made(rule: str, start: list[Data], known: list[Data], /, **arguments: Any) -> Data:
    """Write a certificate of one step; `given` are the keys of the step besides its arguments."""
    given = {k.rstrip("_"): arguments.pop(k) for k in list(arguments) if k.endswith("_")}
    others = {k: given.pop(k) for k in ("hypotheses", "variables") if k in given}
    step = {"rule": rule, "at": 0, "arguments": arguments, **given}
    return certificate(start, step, tensors=known, **others)


def cited(**others: Any) -> Data:
    """Write the theorem `x[h] y[h] = y[h] x[h]`."""
    start = [term(access("x", "h"), access("y", "h"))]
    arguments = {"factors": SWAPPED["factors"]}
    step = {"rule": "reorder", "at": 0, "arguments": arguments}
    given = {"name": "swap", "variables": [["h", None]], **others}
    return {"proof": certificate(start, step, tensors=[X, Y], **given)}


def gradient() -> Data:
    """Write the theorem `d(x[3])/dx[i] = [3 - i = 0]` for i in a box of five entries."""
    start = [term(derivative([access("F")], "x", "i"))]
    steps = [{"rule": "linearity", "at": 0, "arguments": {"factor": 0}},
             {"rule": "entry", "at": 0, "arguments": {"factor": 0}}]
    tensors = [tensor("x", "5"), tensor("F", formals="", body=[term(access("x", "3"))])]
    made_ = certificate(start, *steps, tensors=tensors, name="theta", variables=[["i", "5"]])
    return {"proof": made_}


def composed(**changed: Any) -> Data:
    """Write the chain rule through `a := exp(z)`, by that theorem."""
    tensors = [tensor("z", "5"), tensor("a", "5", formals="k", body=A["body"]),
               tensor("F_a", formals="", body=[term(access("a", "3"))])]
    tensors[1]["body"] = [term(apply("exp", 0, "z", "k"))]
    arguments = {"factor": 0, "theorem": gradient(), "symbols": polynomials(i="i1"),
                 "tensors": [["F", {"tensor": "F_a"}]], "inner": {"tensor": "a"}, **changed}
    start = [term(derivative([access("F_a")], "z", "h"))]
    return made("compose", start, tensors, **arguments)


DX = derivative([access("x", "h")], "x", "q")
LEMMA = {"theorem": cited(), "symbols": [], "tensors": [], "bound": [], "factors": [1, 2]}
SPLIT = [term(within("k", "n"), sums="k")]
POSITIVE = [{"at_least": "a"}, {"at_least": "n - a"}]
RIGHT: dict[str, Data] = {
    "definition": made("definition", [term(access("T", "h"))], [X, Y, T], factor=0),
    "linearity": made("linearity", [term(derivative([access("T", "h")], "x", "q"))], [X, Y, T],
                      factor=0),
    "leibniz": made("leibniz", [term(derivative([access("x", "h"), access("y", "h")], "x", "q"))],
                    [X, Y], factor=0),
    "entry": made("entry", [term(DX, within("q", "N"))], [X], factor=0),
    "chain": made("chain", [term(derivative([apply("exp", 0, "x", "h")], "x", "q"))], [X],
                  factor=0),
    "relate": made("relate", [term(apply("tanh", 2, "x", "h"))], [X], factor=0),
    "sift": made("sift", [term(equal("i - 3"), access("x", "i"), sums="i")], [X], factor=0,
                 variable={"symbol": "i"}),
    "exchange": made("exchange", [term(access("x", "i"), access("y", "j"), sums="i j")], [X, Y],
                     order=[1, 0]),
    "reindex": made("reindex", [term(access("x", "i"), sums="i")], [X],
                    variables=[{"symbol": "j"}], mapping=polynomials(i="N - j")),
    "bracket": made("bracket", [term(access("x", "h"))], [X], drop=[], add=[within("h", "N")]),
    "euclid": made("euclid", [term(access("x", "h"))], [X], value={"symbol": "h"},
                   modulus={"polynomial": "3"}, variable={"symbol": "q"}),
    "split": made("split", SPLIT, [], factor=0, first={"symbol": "a"}, hypotheses_=POSITIVE),
    "count": made("count", [term(within("k", "n"), access("x", "h"), sums="k")], [X], factor=0,
                  hypotheses_=[{"at_least": "n"}]),
    "invert": made("invert", [term(within("h", "N"), access("x", "h"),
                                   apply("reciprocal", 0, "x", "h"))], [X], factor=1, inverse=2,
                   divisor={"tensor": "x"}),
    "exhaust": made("exhaust", [term(access("E", "p", "t"), access("E", "t", "p"), sums="t")],
                    [TABLE], sizes=polynomials(p="2", t="2"), scale={"polynomial": "1"},
                    factors=[within("p", "2")]),
    "reorder": made("reorder", [term(access("x", "h"), equal("h - q"))], [X],
                    factors=[equal("q - h"), access("x", "h")]),
    "collect": made("collect", [term(access("x", "h")), term(access("x", "h"), coefficient="2")],
                    [X]),
    "arrange": made("arrange", [term(access("x", "h")), term(access("y", "h"))], [X, Y],
                    order=[1, 0]),
    "lemma": made("lemma", [term(access("x", "q"), access("x", "h"), access("y", "h"))], [X, Y],
                  **LEMMA),
    "compose": composed(),
}
"""A certificate of one step for each rule."""


def changed(rule: str, **arguments: Any) -> Data:
    """Return the certificate for a rule with other arguments, or other keys of the step."""
    data: Data = json.loads(json.dumps(RIGHT[rule]))
    step = data["steps"][0]
    for key, value in arguments.items():
        (step if key.endswith("_") else step["arguments"])[key.rstrip("_")] = value
    return data


WRONG: list[tuple[str, str, Data]] = [
    ("definition", "x has no definition",
     made("definition", [term(access("x", "h"))], [X], factor=0)),
    ("definition", "factor 1, none, is not an entry", changed("definition", factor=1)),
    ("linearity", "is not a derivative of an entry",
     made("linearity", [term(DX, access("y", "h"))], [X, Y], factor=1)),
    ("leibniz", "not of a product", made("leibniz", [term(DX)], [X], factor=0)),
    ("entry", r"2 parts open: \[0 <= q < N\] where \[h - q = 0\]",
     made("entry", [term(DX)], [X], factor=0)),
    ("chain", "is not a derivative of a function", made("chain", [term(DX)], [X], factor=0)),
    ("relate", "no relation", made("relate", [term(apply("relu", 1, "x", "h"))], [X], factor=0)),
    ("sift", "1 or -1", made("sift", [term(equal("2*i"), access("x", "i"), sums="i")], [X],
                             factor=0, variable={"symbol": "i"})),
    ("exchange", "no permutation", changed("exchange", order=[0, 0])),
    ("reindex", "determinant of the map is 2", changed("reindex", mapping=polynomials(i="2*j"))),
    ("reindex", "N cannot appear in the map", changed("reindex", variables=[{"symbol": "N"}])),
    ("bracket", r"1 parts open: \[0 <= h < M\] where \[0 <= h < N\]",
     changed("bracket", add=[within("h", "M")])),
    ("euclid", r"1 parts open: \[N - 1 >= 0\]", changed("euclid", modulus={"symbol": "N"})),
    ("euclid", "h is in use", changed("euclid", variable={"symbol": "h"})),
    ("split", r"1 parts open: \[b >= 0\]", changed("split", first={"symbol": "b"})),
    ("count", r"1 parts open: \[n >= 0\]",
     made("count", [term(within("k", "n"), sums="k")], [], factor=0)),
    ("count", "nothing else depends",
     made("count", [term(within("k", "n"), access("x", "k"), sums="k")], [X], factor=0)),
    ("count", "nothing else depends", made("count", [term(within("h", "n"))], [], factor=0)),
    ("invert", "x\\[h\\], is not a function", changed("invert", inverse=1)),
    ("invert", "with its reciprocal",
     made("invert", [term(access("x", "h"), apply("exp", 0, "x", "h"))], [X], factor=0, inverse=1,
          divisor={"tensor": "x"})),
    ("invert", r"parts open: \[0 <= h < N\]",
     made("invert", [term(access("x", "h"), apply("reciprocal", 0, "x", "h"))], [X], factor=0,
          inverse=1, divisor={"tensor": "x"})),
    ("exhaust", "the sides differ", changed("exhaust", scale={"polynomial": "2"})),
    ("exhaust", "sizes", changed("exhaust", sizes=polynomials(p="2"))),
    ("exhaust", r"parts open|differ",
     changed("exhaust", sizes=polynomials(p="2", t="1"))),
    ("reorder", "is missing", changed("reorder", factors=[access("x", "h")])),
    ("reorder", "occurs too often", changed("reorder", factors=[access("x", "h")] * 2)),
    ("collect", "backwards it gives", changed("collect", backwards_from_=[term(access("x", "h"))])),
    ("collect", "at is not 0", changed("collect", at_=1)),
    ("arrange", "no permutation", changed("arrange", order=[0])),
    ("lemma", "is not the left side", changed("lemma", factors=[2, 1])),
    ("lemma", r"1 parts open: \[s - 1 >= 0\]",
     changed("lemma", theorem=cited(hypotheses=[{"at_least": "s - 1"}]))),
    ("lemma", "the cited theorem, step 1 \\(reorder\\)",
     changed("lemma", theorem={"proof": {**cited()["proof"], "steps": [
         {"rule": "reorder", "at": 0, "arguments": {"factors": [access("x", "h")]}}]}})),
    ("compose", "not new names", composed(symbols=polynomials(i="h"))),
    ("compose", "has another definition", composed(tensors=[])),
]


@pytest.mark.parametrize("rule", sorted(checker.RULES))
def test_each_rule_proves_what_is_right(rule: str) -> None:
    (found,) = checker.check(json.dumps(RIGHT[rule]))
    assert (found.verdict, found.reason) == ("proved", "")


@pytest.mark.parametrize(("rule", "why", "data"), WRONG)
def test_each_rule_refuses_what_is_wrong(rule: str, why: str, data: Data) -> None:
    (found,) = checker.check(json.dumps(data))
    assert (found.verdict, found.step, found.rule) == ("refused", 1, rule)
    assert re.search(why, found.reason), found.reason


def test_a_wrong_certificate_is_tried_for_every_rule() -> None:
    assert {rule for rule, _, _ in WRONG} == set(RIGHT) == set(checker.RULES)


def test_a_statement_comes_with_its_definitions_and_all_that_it_rests_on() -> None:
    found = run(ROOT / "generated" / "certificates" / "softmax_cross_entropy.json").stdout
    for line in ("if [0 <= n < N]", "u[n, o] = z[n, o] + (- 1) m[n], in the box N x O",
                 "z: any values, in the box N x O", "rests on exp'(t) = d exp(t) / dt",
                 "rests on log' = reciprocal"):
        assert f"  {line}\n" in found


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "not JSON"),
        ('{"a":' * 900 + "1" + "}" * 900, "expected Certificate|deep"),
        ('{"format": 1, "format": 1}', "a key occurs twice"),
        ('{"format": NaN}', "not JSON"),
        ('{"proofs": {"a": 1}}', "/proofs/0: expected Certificate"),
        (json.dumps(RIGHT["entry"]).replace('"format": 1', '"format": 1.0'), "not JSON"),
        (json.dumps(RIGHT["entry"]).replace('"format": 1', '"format": true'), "/format"),
        (json.dumps(RIGHT["entry"]).replace('"format": 1', '"format": 2'), "format"),
        (json.dumps(RIGHT["entry"]).replace('"entry"', '"magic"'), "/steps/0/rule"),
        (json.dumps(RIGHT["entry"]).replace('"factor"', '"factors"'), "/steps/0/arguments"),
        (json.dumps(RIGHT["entry"]).replace('"x"', '"x y"'), "/tensors/0/name"),
        (json.dumps(RIGHT["entry"]).replace('"q"', '"2^2"'), "/start/0/factors/0/derivative"),
        (json.dumps(RIGHT["entry"]).replace('"q"', f'"{"9" * 101}"'), "/start/0/factors/0"),
        (json.dumps(RIGHT["entry"]).replace('"q"', '"h/2"'), "/start/0/factors/0"),
        (json.dumps(changed("entry", certificates_=None)), "/steps/0/certificates"),
        (json.dumps(changed("entry", backwards_from_=None)), "/steps/0/backwards_from"),
        (json.dumps(changed("entry", factor=True)), "/steps/0/arguments/factor"),
        (json.dumps(changed("entry", factor=-1)), "/steps/0/arguments/factor"),
        (json.dumps(RIGHT["entry"]).replace('"name": "made"', '"name": "\\ud800"'), "/name"),
    ],
)
def test_what_is_no_certificate_is_malformed(text: str, why: str) -> None:
    with pytest.raises(checker.MalformedError, match=why):
        checker.check(text)


def test_the_exit_status_says_what_was_found(tmp_path: Path) -> None:
    right, wrong, bad = (tmp_path / f"{name}.json" for name in ("right", "wrong", "bad"))
    right.write_text(json.dumps(RIGHT["entry"]))
    wrong.write_text(json.dumps({"proofs": {"one": RIGHT["sift"], "two": WRONG[0][2]}, "more": 1}))
    bad.write_bytes(b"\xff")
    assert run(right).returncode == 0
    assert run(right, wrong).returncode == 1
    assert "step 1 (definition): x has no definition" in run(wrong).stdout
    for path in (bad, tmp_path / "none.json"):
        found = run(right, path, wrong)
        assert (found.returncode, found.stderr) == (2, "")
        assert f"{path} is not a certificate" in found.stdout


def test_a_cited_theorem_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Verdicts do not depend on what was checked before."""
    text = json.dumps(RIGHT["lemma"])
    assert checker.check(text) == checker.check(text)
    checker.prove.cache_clear()
    assert checker.check(text)[0].verdict == "proved"


def tower(height: int, lowest: list[Data]) -> Data:
    """Return definitions that double: the supports of the last are 2^height."""
    tensors = [tensor("z", "N"), {"name": "T0", "shape": [None], "formals": ["i"],
                                  "body": [term(*lowest)]}]
    for n in range(1, height):
        body = [term(access(f"T{n - 1}", "i"), access(f"T{n - 1}", "i"))]
        tensors.append({"name": f"T{n}", "shape": [None], "formals": ["i"], "body": body})
    return certificate([term(access(f"T{height - 1}", "h"))], tensors=tensors)


TURNED = {"rule": "arrange", "at": 0, "arguments": {"order": [*reversed(range(900))]}}


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (tower(40, [access("z", "i")]), "more than 1000 supports"),
        (tower(40, [apply("exp", 0, "z", "i")] * 2), "more than 1000 supports"),
        (made("exhaust", [term(within("a", "b"))], [], scale={"polynomial": "1"}, factors=[],
              sizes=polynomials(a="1" + "0" * 30, b="0")), "sizes"),
        (made("collect", [term(equal(str(n))) for n in range(1001)], []), "more than 1000 terms"),
        (certificate([term(equal(str(n))) for n in range(900)], *[TURNED] * 3, tensors=[]),
         "operations"),
    ],
    ids=["doubled", "doubled without support", "points", "terms", "operations"],
)
def test_what_would_take_hours_is_refused(data: Data, why: str) -> None:
    (found,) = checker.check(json.dumps(data))
    assert found.verdict == "refused"
    assert why in found.reason
