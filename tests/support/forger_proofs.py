"""Random valid proofs: statements of the grammar, and rules that apply to them.

They come out of the search's own `Derivation`, so that fresh names, obligations and certificates
are what the kernel makes of them. A proof is then reversed, cut, or cited by another.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from random import Random

from sympy import Expr, Symbol

from rot180.derive.certificates.reader import loads
from rot180.derive.certificates.writer import dumps
from rot180.derive.kernel.obligations import evident
from rot180.derive.kernel.proof import Proof, Step, Theorem
from rot180.derive.kernel.replay import apply_step, replay
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
from rot180.derive.semantics.evaluate import evaluate
from rot180.derive.semantics.model import EvaluationError, Model
from tests.support.forger_grammar import (
    Data,
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
        boxes = [Range(e, n) for e, n in zip(a.index, a.tensor.shape, strict=True) if n is not None]
        if isinstance(f, Access) and boxes:
            yield "bracket", {"drop": (), "add": (rng.choice(boxes),)}
    if isinstance(f, Apply):
        yield "relate", {"factor": number}
        inverse = {"inverse": number, "divisor": f.argument.tensor}
        yield from (
            ("invert", {"factor": n, **inverse}) for n, g in enumerate(t.factors) if g == f.argument
        )
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
        yield "count", {"factor": number}
        yield "split", {"factor": number, "first": rng.choice((integral(1), symbol("K"), f.size))}
        reversed_range = Range(f.size - 1 - f.value, f.size)
        yield "bracket", {"drop": (number,), "add": (reversed_range,)}
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
    """Return the steps that might apply to a term."""
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


def go_on(rng: Random, d: Derivation, most: int) -> None:
    """Apply random rules; skip those that do not apply."""
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


def begun(proof: Proof) -> Derivation:
    """Return a derivation without steps."""
    return Derivation(proof.name, proof.variables, proof.hypotheses, proof.start)


def completed(proof: Proof) -> Theorem:
    """Give each step the certificates that are found for it.

    Raises:
        ValueError: a step does not follow, or no certificate is found.

    """
    line = proof.start
    steps: list[Step] = []
    for step in proof.steps:
        line, needed = apply_step(proof, line, step)
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


def reversed_theorem(theorem: Theorem) -> Theorem:
    """Return the proof from its end to its start: every step backwards."""
    old = theorem.proof.steps
    steps = [replace(old[n], result=theorem.lines[n]) for n in reversed(range(len(old)))]
    return completed(replace(theorem.proof, start=theorem.rhs, steps=tuple(steps)))
