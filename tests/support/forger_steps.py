"""Steps from scratch: every rule, with arguments of its types, of other types, or missing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from tests.support.forger_grammar import (
    SIZES,
    SUMS,
    VARIABLES,
    Data,
    Scope,
    affine,
    equal,
    junk,
    statement,
    term,
    without_unused,
)

NAMES = (*SUMS, *VARIABLES, *SUMS, *VARIABLES, "N", "K", "s", "r", "x", "new", "i2", "_b0")
RULES: dict[str, dict[str, str]] = {
    **{
        rule: {"factor": "number"}
        for rule in ("definition", "linearity", "leibniz", "entry", "chain", "relate", "count")
    },
    "sift": {"factor": "number", "variable": "symbol"},
    "exchange": {"order": "numbers"},
    "arrange": {"order": "numbers"},
    "collect": {},
    "reindex": {"variables": "symbols", "mapping": "pairs"},
    "bracket": {"drop": "numbers", "add": "brackets"},
    "euclid": {"value": "polynomial", "modulus": "size", "variable": "symbol"},
    "split": {"factor": "number", "first": "size"},
    "invert": {"factor": "number", "inverse": "number", "divisor": "tensor"},
    "reorder": {"factors": "factors"},
    "exhaust": {"sizes": "sizes", "scale": "size", "factors": "brackets"},
    "lemma": {
        "theorem": "theorem",
        "symbols": "pairs",
        "tensors": "tensors",
        "bound": "symbols",
        "factors": "numbers",
    },
    "compose": {
        "factor": "number",
        "theorem": "theorem",
        "symbols": "pairs",
        "tensors": "tensors",
        "inner": "tensor",
    },
    "Definition": {"factor": "number"},
}


def _symbol(scope: Scope) -> Data:
    return {"symbol": scope.rng.choice((*scope.names, *NAMES))}


def _polynomial(scope: Scope) -> Data:
    return {"polynomial": affine(scope.rng, (*scope.names, "i", "i1", "N"))}


def _size(scope: Scope) -> Data:
    return {"polynomial": scope.rng.choice(SIZES)}


def _tensor(scope: Scope) -> Data:
    return {"tensor": scope.rng.choice([*scope.tensors, {"name": "y"}])["name"]}


def _some(one: Callable[[Scope], Any]) -> Callable[[Scope], list[Any]]:
    return lambda scope: [one(scope) for _ in range(scope.rng.choice((0, 1, 1, 2, 2, 3)))]


def _numbers(scope: Scope) -> list[int]:
    n = scope.rng.choice((0, 1, 1, 2, 2, 3))
    if scope.rng.random() < 0.6:
        return scope.rng.sample(range(n), n)
    return [scope.rng.choice((0, 0, 1, 1, 2, 2, 5, -1)) for _ in range(n)]


def _theorem(scope: Scope) -> Data:
    cited = statement(scope.rng)
    if scope.rng.random() < 0.7:
        cited["tensors"] = scope.tensors
    if scope.rng.random() < 0.5:
        cited["start"] = [term()]
        cited["tensors"] = []
    return {"proof": cited}


TYPES: dict[str, Callable[[Scope], Any]] = {
    "number": lambda scope: scope.rng.choice((*[0, 1] * 10, *[2] * 6, 3, 9, -1)),
    "symbol": _symbol,
    "polynomial": _polynomial,
    "size": _size,
    "tensor": _tensor,
    "theorem": _theorem,
    "numbers": _numbers,
    "symbols": _some(_symbol),
    "brackets": _some(lambda scope: scope.bracket()),
    "factors": _some(lambda scope: scope.factor()),
    "pairs": _some(lambda scope: [_symbol(scope), _polynomial(scope)]),
    "sizes": _some(lambda scope: [_symbol(scope), {"polynomial": scope.rng.choice("0123")}]),
    "tensors": _some(lambda scope: [_tensor(scope)["tensor"], _tensor(scope)]),
}


def refutation(scope: Scope) -> Data:
    """Return a combination of facts, nearly always a wrong one."""
    rng = scope.rng
    some = [
        [rng.choice(("1", "1", "2", "1/2", "0", "-1", "s")), [rng.choice((0, 0, 1, 2, 3, 7, -1))]]
        for _ in range(rng.choice((0, 1, 1, 2)))
    ]
    if rng.random() < 0.1:
        some.append(["1", [0] * rng.choice((8, 9))])
    others = [
        [rng.choice(("1", "-1", "s", "foreign", "1/2*N")), rng.choice((0, 0, 1, 5))]
        for _ in range(rng.choice((0, 0, 1)))
    ]
    return {"products": some, "multiples": others}


def step(scope: Scope, factors: Sequence[Data], rule: str = "") -> Data:
    """Return a step; some of its arguments are not allowed by the grammar."""
    rng = scope.rng
    rule = rule or rng.choice(list(RULES))
    kinds = RULES[rule] if rng.random() < 0.97 else rng.choice(list(RULES.values()))
    values = {name: TYPES[kind](scope) for name, kind in kinds.items()}
    if rule == "reorder" and rng.random() < 0.6:
        values["factors"] = rng.sample(list(factors), len(factors))
    for name in values:
        if rng.random() < 0.06:
            values[name] = junk(rng)
    if values and rng.random() < 0.04:
        del values[rng.choice(list(values))]
    if rng.random() < 0.03:
        values[rng.choice(("factor", "theorem", "order", "other"))] = junk(rng)
    out: Data = {"rule": rule, "at": rng.choice((*[0] * 30, 1, 1, 1, 2, -1))}
    if values or rng.random() < 0.5:
        out["arguments"] = values
    if rng.random() < 0.12:
        out["inside"] = rng.choice((0, 0, 1, 2, -1))
    if rng.random() < 0.08:
        out["backwards_from"] = [scope.term() for _ in range(rng.choice((0, 1, 1)))]
    if rng.random() < 0.12:
        some = [[refutation(scope)] for _ in range(rng.choice((0, 1, 1, 2)))]
        out["certificates"] = [*some, *([None] if rng.random() < 0.1 else [])]
    return out


def aimed(rng: Random, start: Sequence[Data]) -> str:
    """Return a rule that may apply to a line, so that fewer steps are refused immediately."""
    text = json.dumps(list(start))
    fitting = [
        rule
        for rule, key in (
            ("leibniz", "derivative"),
            ("linearity", "derivative"),
            ("relate", "apply"),
            ("split", "range"),
            ("count", "range"),
            ("invert", "reciprocal"),
            ("sift", "equal"),
            ("exhaust", "range"),
            ("definition", "access"),
            ("bracket", "factors"),
            ("euclid", "factors"),
            ("lemma", "factors"),
            ("exchange", r"sum.: ..\w+., "),
        )
        if re.search(key, text)
    ]
    return rng.choice(fitting or ["collect"])


def scratch(rng: Random) -> Data:
    """Return a certificate with up to three untested steps."""
    out = statement(rng)
    scope = Scope(rng, [v for v, _ in out["variables"]], out["tensors"])
    factors = out["start"][0]["factors"] if out["start"] else [equal("0")]
    sums = out["start"][0]["sum"] if out["start"] else []
    scope.names += sums
    for _ in range(rng.choice((*[1] * 12, *[2] * 5, 3, 3, 0))):
        rule = aimed(rng, out["start"]) if rng.random() < 0.6 else ""
        out["steps"].append(step(scope, factors, rule))
    return without_unused(out) if rng.random() < 0.95 else out
