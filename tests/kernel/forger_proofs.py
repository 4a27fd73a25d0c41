"""Valid proofs, written by chance: statements of the grammar, and rules that apply to them.

They come out of the search's own `Derivation`, so that fresh names, obligations and certificates
are what the kernel makes of them. A proof is then turned round, cut, or cited by another.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from random import Random
from typing import Any

from sympy import Expr, Symbol

from rot180.derive.certificates.reader import loads
from rot180.derive.certificates.writer import dumps
from rot180.derive.kernel.obligations import evident
from rot180.derive.kernel.proof import Proof, Step, Theorem
from rot180.derive.kernel.replay import follow, replay
from rot180.derive.kernel.tables import is_table
from rot180.derive.language.polynomial import coefficient, integral, normal, symbol
from rot180.derive.language.substitute import fresh
from rot180.derive.language.terms import (
    Access,
    Apply,
    Derivative,
    Equal,
    Expression,
    Factor,
    Range,
    Term,
    factor_symbols,
)
from rot180.derive.search.derivation import Derivation
from rot180.derive.search.farkas import certify
from rot180.derive.search.rewriting import differentiate
from rot180.derive.semantics.evaluate import evaluate
from rot180.derive.semantics.model import EvaluationError, Model
from tests.kernel.forger_grammar import (
    FUNCTIONS,
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
)

Use = tuple[str, dict[str, object]]
ERRORS = (ValueError, TypeError, AttributeError, KeyError)


def of_factor(rng: Random, t: Term, number: int) -> Iterator[Use]:
    """Yield uses of the rules that look at one factor."""
    f = t.factors[number]
    if isinstance(f, Access) and f.tensor.definition is not None:
        yield "definition", {"factor": number}
    if isinstance(f, Access | Apply):
        a = f if isinstance(f, Access) else f.argument
        boxes = [
            Range(e, n) for e, n in zip(a.index, a.tensor.shape, strict=True) if n is not None
        ]
        if isinstance(f, Access) and boxes:
            yield "bracket", {"drop": (), "add": (rng.choice(boxes),)}
    if isinstance(f, Apply):
        yield "relate", {"factor": number}
    if isinstance(f, Derivative):
        yield _differentiation(f), {"factor": number}
        product = Term(integral(1), (), f.factors)
        for n in range(len(f.factors)):
            for rule, arguments in of_factor(rng, product, n):
                yield rule, {**arguments, "inside": number}
    if isinstance(f, Equal):
        for v in t.variables:
            if coefficient(f.value, v) in (1, -1):
                yield "sift", {"factor": number, "variable": v}
        times = rng.choice((-1, 2))
        yield "bracket", {"drop": (number,), "add": (Equal(times * f.value),)}
    if isinstance(f, Range):
        yield "split", {"factor": number, "first": rng.choice((integral(1), symbol("K"), f.size))}
        turned = Range(f.size - 1 - f.value, f.size)
        yield "bracket", {"drop": (number,), "add": (turned,)}
    if isinstance(f, Equal | Range):
        yield "bracket", {"drop": (number,), "add": ()}


def _differentiation(f: Derivative) -> str:
    if len(f.factors) != 1 or not isinstance(f.factors[0], Access | Apply):
        return "leibniz"
    if isinstance(f.factors[0], Apply):
        return "chain"
    return "linearity" if f.factors[0].tensor.definition is not None else "entry"


def of_term(rng: Random, t: Term) -> Iterator[Use]:
    """Yield uses of the rules that look at a whole term."""
    if len(t.variables) > 1:
        yield "exchange", {"order": tuple(rng.sample(range(len(t.variables)), len(t.variables)))}
    if t.variables:
        yield "reindex", _reindexing(rng, t)
    factors = [
        Equal(-f.value) if isinstance(f, Equal) and rng.random() < 0.5 else f for f in t.factors
    ]
    rng.shuffle(factors)
    yield "reorder", {"factors": tuple(factors)}
    known = sorted(t.symbols, key=lambda v: v.name)
    if known:
        modulus: Expr = rng.choice((integral(1), integral(2), symbol("s"), symbol("s")))
        new = fresh(rng.choice(("u", "p", "p1")), t.symbols | {symbol("s")})
        value = rng.choice(known) + rng.choice((0, 1, 2))
        yield "euclid", {"value": normal(value), "modulus": modulus, "variable": new}
    if all(isinstance(f, Equal | Range) or is_table_entry(f) for f in t.factors):
        yield "exhaust", _exhaustion(rng, t)


def is_table_entry(f: Factor) -> bool:
    """Say whether a factor is an entry of a table of numbers."""
    return isinstance(f, Access) and is_table(f.tensor)


def _reindexing(rng: Random, t: Term) -> dict[str, object]:
    """Write a random bijection: shifts, reflections and shears."""
    new: list[Symbol] = []
    for v in t.variables:
        hint = rng.choice((v.name, "m", "i", "p"))
        new.append(v if hint == v.name else fresh(hint, {*t.symbols, *new}))
    mapping = []
    for n, v in enumerate(t.variables):
        others = rng.sample(new[:n], rng.choice((0, 0, min(1, n))))
        shift = rng.choice((0, 0, 1, -2, symbol("K")))
        sign = rng.choice((1, -1))
        mapping.append((v, normal(sign * new[n] + sum(others) + shift)))
    return {"variables": tuple(new), "mapping": tuple(mapping)}


def _exhaustion(rng: Random, t: Term) -> dict[str, object]:
    free = sorted(t.symbols - set(t.variables), key=lambda v: v.name)
    sizes = tuple((v, integral(rng.choice((2, 3, 3, 3)))) for v in (*free, *t.variables))
    right: tuple[Factor, ...] = tuple(
        f
        for f in t.factors
        if not factor_symbols(f) & set(t.variables) and not isinstance(f, Access)
    )
    scale = integral(rng.choice((0, 1, 1, 2)))
    if not free:
        with suppress(EvaluationError):
            scale = integral(int(evaluate((t,), Model({}), {})))
    return {"sizes": sizes, "scale": scale, "factors": right}


def of_line(rng: Random, line: Expression) -> Iterator[Use]:
    """Yield uses of the rules that look at the whole line."""
    yield "collect", {}
    yield "arrange", {"order": tuple(rng.sample(range(len(line)), len(line)))}


def uses(rng: Random, line: Expression, at: int) -> list[Use]:
    """Return what might be done to a term."""
    found: list[Use] = []
    if line:
        t = line[at]
        found += [u for n in range(len(t.factors)) for u in of_factor(rng, t, n)]
        found += of_term(rng, t)
    if at == 0:
        found += of_line(rng, line)
    return found


WEIGHTS = {"collect": 0.3, "arrange": 0.3, "reorder": 0.3, "euclid": 0.6, "bracket": 1.0}
CALCULUS = ("linearity", "leibniz", "entry", "chain", "relate", "sift", "definition")


def derivation(rng: Random, given: Proof, most: int) -> Theorem:
    """Apply rules by chance; those that do not apply are passed over."""
    d = Derivation(given.name, given.variables, given.hypotheses, given.start)
    for _ in range(most):
        at = rng.randrange(len(d.current)) if d.current else 0
        some = uses(rng, d.current, at)
        named = list(dict.fromkeys(rule for rule, _ in some))
        weights = [3.0 if r in CALCULUS else WEIGHTS.get(r, 1.0) for r in named]
        rule = rng.choices(named, weights)[0]
        _, arguments = rng.choice([u for u in some if u[0] == rule])
        within = arguments.pop("inside", None)
        with suppress(*ERRORS):
            if isinstance(within, int):
                d.apply_inside(within, rule, at, **arguments)
            else:
                d.apply(rule, at, **arguments)
            if d.lines[-1] == d.lines[-2]:
                del d.steps[-1], d.lines[-1]
    return replay(d.proof())


def completed(proof: Proof) -> Theorem:
    """Give each step the certificates that are found for it.

    Raises:
        ValueError: a step does not follow, or no certificate is found.

    """
    line = proof.start
    steps: list[Step] = []
    for step in proof.steps:
        line, needed = follow(proof, line, step)
        found = [certify(o) for o in needed if not evident(o)]
        given = tuple(c for c in found if c is not None)
        if len(given) < len(found):
            raise ValueError("an obligation is not certified")
        steps.append(replace(step, certificates=given))
    return replay(replace(proof, steps=tuple(steps)))


def mended(data: Data) -> Data:
    """Find certificates anew, for a changed proof that still holds.

    Raises:
        ValueError: it is malformed, a step does not follow, or no certificate is found.

    """
    found: Data = json.loads(dumps(completed(loads(json.dumps(data))).proof))
    return found


def turned_round(theorem: Theorem) -> Theorem:
    """Return the proof from its end to its start: every step backwards."""
    old = theorem.proof.steps
    steps = [replace(old[n], result=theorem.lines[n]) for n in reversed(range(len(old)))]
    return completed(replace(theorem.proof, start=theorem.rhs, steps=tuple(steps)))


def gradient(rng: Random) -> Data:
    """Return a theorem about the derivative of a tensor by an entry of x, carried out."""
    table = tensors(rng)
    about = rng.choice([t for t in table if t["name"] in "TBFDQLZA"] or table[:1])
    index = [f"{v}1" for v in "ab"[: len(about["shape"])]]
    variables: list[list[str | None]] = [["m", "N"], *([v, rng.choice(("N", None))] for v in index)]
    start = [term(derivative([access(about["name"], *index)], "x", "m"))]
    written = certificate(start, (), variables, [{"at_least": "s - 1"}], table)
    given = loads(json.dumps(without_unused(written)))
    d = Derivation(given.name, given.variables, given.hypotheses, given.start)
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
    return certificate(
        [term(*others, pending)], [step], variables, cited["hypotheses"], main
    )


def honest(rng: Random) -> Data:
    """Return a certificate that replays.

    Raises:
        ValueError: what was tried does not hold.

    """
    kind = rng.random()
    if kind < 0.12:
        found = composition(rng, gradient(rng))
    elif kind < 0.3:
        found = lemma(rng, gradient(rng) if rng.random() < 0.3 else honest(rng))
    else:
        found = statement(rng) if kind > 0.38 else numbers(rng)
    proof = loads(json.dumps(without_unused(found)))
    done = completed(proof) if proof.steps else derivation(rng, proof, rng.choice((2, 3, 4, 6)))
    if rng.random() < 0.35:
        done = turned_round(done)
    out: Data = json.loads(dumps(done.proof))
    return out
