"""Valid proofs with citations: under other names, at other points, through other tensors."""

from __future__ import annotations

import json
import re
from random import Random
from typing import Any

from sympy import Expr, Symbol

from rot180.derive.certificates.reader import loads
from rot180.derive.certificates.writer import dumps
from rot180.derive.kernel.citing import instantiate
from rot180.derive.kernel.proof import Theorem
from rot180.derive.kernel.replay import replay
from rot180.derive.language.polynomial import normal, symbol
from rot180.derive.language.substitute import rename_bound, substitute_condition
from rot180.derive.language.terms import Equal, Range, Term, replace_symbols
from rot180.derive.search.citation import images
from rot180.derive.search.derivation import Derivation
from rot180.derive.search.rewriting import differentiate
from tests.support.forger_grammar import (
    FUNCTIONS,
    SUMS,
    Data,
    Scope,
    access,
    certificate,
    defined,
    derivative,
    numbers,
    statement,
    tensors,
    term,
    without_unused,
    zero,
)
from tests.support.forger_proofs import begun, completed, go_on, reversed_theorem


def gradient(rng: Random) -> Data:
    """Return a theorem about the derivative of a tensor by an entry of x, evaluated."""
    table = tensors(rng)
    about = rng.choice([t for t in table if t["name"] in "TBFDQLZA"] or table[:1])
    index = [f"{v}1" for v in "ab"[: len(about["shape"])]]
    variables: list[list[str | None]] = [["m", "N"], *([v, rng.choice(("N", None))] for v in index)]
    start = [term(derivative([access(about["name"], *index)], "x", "m"))]
    written = certificate(start, (), variables, [{"at_least": "s - 1"}], table)
    d = begun(loads(json.dumps(without_unused(written))))
    differentiate(d)
    found: Data = json.loads(dumps(d.proof()))
    return found


def renamed(data: Any, names: dict[str, str]) -> Any:
    """Replace identifiers in all texts but the rules' names."""
    if isinstance(data, str):
        return re.sub(r"[A-Za-z_]\w*", lambda m: names.get(m[0], m[0]), data)
    if isinstance(data, list):
        return [renamed(v, names) for v in data]
    if isinstance(data, dict):
        return {k: v if k == "rule" else renamed(v, names) for k, v in data.items()}
    return data


def used(cited: Data, names: dict[str, str], tables: dict[str, str]) -> Data:
    """Return the arguments by which a theorem is cited under other names."""
    values = {v: {"polynomial": n} for v, n in names.items()}
    return {
        "theorem": {"proof": cited},
        "symbols": [[{"symbol": v}, e] for v, e in values.items()],
        "tensors": [[t, {"tensor": n}] for t, n in tables.items()],
    }


def lemma(rng: Random, cited: Data) -> Data:
    """Cite a theorem whose left side is one term, under other names, beside other factors.

    Raises:
        ValueError: the left side is not one term.

    """
    if len(cited["start"]) != 1:
        raise ValueError("the left side is not one term")
    table = [t["name"] for t in cited["tensors"]]
    free = [v for v, _ in cited["variables"]] + ["N", "s", "K"]
    names = {v: rng.choice(("b", "c", "M", v + "2")) for v in rng.sample(free, rng.choice((0, 1)))}
    if rng.random() < 0.2:
        names = {rng.choice(("s", "K")): rng.choice(("1", "2"))}
    tables = {t: f"{t}_1" for t in table} if rng.random() < 0.6 or names.keys() & {*"NsK"} else {}
    sums = {v: rng.choice((v, f"{v}3")) for v in cited["start"][0]["sum"]}
    main = renamed({k: cited[k] for k in ("variables", "hypotheses", "tensors")}, names | tables)
    (left,) = renamed(cited["start"], names | tables | sums)
    scope = Scope(rng, [v for v, _ in main["variables"]], main["tensors"])
    others = [scope.factor() for _ in range(rng.choice((0, 1, 1)))]
    at = rng.randint(0, len(others))
    number = len(left["factors"])
    arguments = used(cited, names, tables) | {
        "bound": [{"symbol": v} for v in left["sum"]],
        "factors": list(range(at, at + number)),
    }
    left["factors"] = [*others[:at], *left["factors"], *others[at:]]
    step = {"rule": "lemma", "at": 0, "arguments": arguments}
    return certificate([left], [step], main["variables"], main["hypotheses"], main["tensors"])


def composition(rng: Random, cited: Data) -> Data:
    """Use a gradient for the chain rule through an activation, or through a flip."""
    i, h = rng.choice(("i", "m2")), rng.choice(("h", "i1", "p"))
    tables = {t["name"]: f"{t['name']}_1" for t in cited["tensors"] if "body" in t}
    main = renamed(cited["tensors"], tables | {"x": "a"})
    activation = {"apply": [rng.choice(FUNCTIONS), rng.choice((0, 0, 1)), ["v", ["i"]]]}
    body = rng.choice((activation, access("v", "N - 1 - i"), access("v", "i")))
    inner = [{"name": "v", "shape": ["N"]}, defined("a", ["N"], ["i"], term(body))]
    main = [*inner, *(t for t in main if t["name"] != "a")]
    (left,) = renamed(cited["start"], tables)
    ((about, _),) = [left["factors"][0]["derivative"]]
    variables = [[v, n] for v, n in cited["variables"] if v != "m"] + [[h, "N"]]
    pending = derivative(about, "v", h)
    scope = Scope(rng, [v for v, _ in variables], main)
    others = [scope.factor(0) for _ in range(rng.choice((0, 0, 1)))]
    arguments = used(cited, {"m": i}, tables) | {"factor": len(others), "inner": {"tensor": "a"}}
    step = {"rule": "compose", "at": 0, "arguments": arguments}
    return certificate([term(*others, pending)], [step], variables, cited["hypotheses"], main)


ODD = ("equal", "range", "at_least", "nonzero", "access", "N", "i", "t", "sigma", "exp", "sum")
"""What else a tensor may be called."""


def elsewhere(rng: Random, theorem: Theorem) -> Derivation:
    """Cite a theorem with polynomials for some of its names, often with names it uses itself.

    Raises:
        ValueError: the left side is not one term, or the result is not in the language.

    """
    if len(theorem.lhs) != 1:
        raise ValueError("the left side is not one term")
    left = theorem.lhs[0]
    known = {v for v, _ in theorem.variables} | (left.symbols - set(left.variables))
    names = sorted(known, key=lambda v: v.name)
    by: dict[Symbol, Expr] = {}
    for v in rng.sample(names, min(len(names), rng.choice((1, 1, 2)))):
        other = symbol(rng.choice((*SUMS, "N", "M", v.name)))
        by[v] = normal(rng.choice((other, other, other + 1, 2 * other, v + other, v - v + 2)))
    swaps = images(theorem, by, {}, {})
    (left,) = instantiate(theorem.lhs, by, tuple(swaps.items()))
    new = {v: symbol(f"{v}{rng.choice('37')}") for v in left.variables if rng.random() < 0.5}
    left = rename_bound(left, new)
    variables = [
        (v, None if n is None else replace_symbols(n, by))
        for v, n in theorem.variables
        if v not in by
    ]
    given = [substitute_condition(c, by) for c in theorem.hypotheses]
    given += [
        Range(e, replace_symbols(n, by)) for v, n in theorem.variables if n and (e := by.get(v))
    ]
    others = [rng.choice((Equal(e), Range(e, symbol("N")))) for e in list(by.values())[:1]]
    others = others if rng.random() < 0.5 else []
    start = Term(left.coefficient * rng.choice((1, 2)), left.variables, (*others, *left.factors))
    d = Derivation(theorem.name, tuple(variables), tuple(given), (start,))
    d.apply(
        "lemma",
        theorem=theorem.proof,
        symbols=tuple(by.items()),
        tensors=(),
        bound=left.variables,
        factors=tuple(range(len(others), len(start.factors))),
    )
    return d


def honest(rng: Random) -> Data:
    """Return a certificate that replays.

    Raises:
        ValueError: the attempted step does not hold.

    """
    kind, most = rng.random(), rng.choice((2, 3, 4, 6))
    if kind < 0.2:
        cited = gradient(rng) if rng.random() < 0.3 else honest(rng)
        d = elsewhere(rng, replay(loads(json.dumps(cited))))
        go_on(rng, d, rng.choice((0, 1, 3)))
        done = replay(d.proof())
    elif kind < 0.5:
        cited = gradient(rng) if rng.random() < 0.3 else honest(rng)
        found = composition(rng, gradient(rng)) if kind < 0.3 else lemma(rng, cited)
        found = zero(rng) if kind > 0.4 else found
        done = completed(loads(json.dumps(without_unused(found))))
    else:
        found = numbers(rng) if kind < 0.56 else statement(rng)
        d = begun(loads(json.dumps(found)))
        go_on(rng, d, most)
        done = replay(d.proof())
    if rng.random() < 0.35:
        done = reversed_theorem(done)
    out: Data = json.loads(dumps(done.proof))
    if rng.random() < 0.15:
        # names that mean something elsewhere
        out = renamed(out, {rng.choice("xyTDLz"): rng.choice(ODD)})
    return out
