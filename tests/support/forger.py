"""A grammar-aware forger: certificates that an attacker might write to prove a false statement.

`forge(seed, number)` is a certificate as text, the same for the same seed and number. Some are
written from scratch (`forger_steps`); the others come from valid ones, written by chance
(`forger_proofs`) or committed, by up to three small changes (`forger_mutations`). Whether what is
accepted is true, `refutation` tells by finite models.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from copy import deepcopy
from functools import cache, lru_cache
from pathlib import Path
from random import Random
from typing import Any

from sympy import Expr, Symbol

from rot180.codegen.system import files
from rot180.derive.kernel.proof import Theorem
from rot180.derive.language.polynomial import monomials, symbol
from rot180.derive.language.terms import (
    AtLeast,
    Condition,
    Equal,
    Expression,
    Tensor,
    factor_symbols,
    free_symbols,
    tensors,
)
from rot180.derive.semantics.check import nowhere_zero
from rot180.derive.semantics.evaluate import evaluate
from rot180.derive.semantics.model import EvaluationError, Model
from tests.support.forger_citations import honest
from tests.support.forger_grammar import Data, certificate, term
from tests.support.forger_mutations import mutant, nodes
from tests.support.forger_proofs import ERRORS, mended
from tests.support.forger_steps import scratch

SHARED = 100
"""How many forgeries in a row come from one valid proof: to write one takes longer than to read."""

MODELS = 60
"""At how many models the two sides of an accepted statement are compared."""


def forge(seed: int | str, number: int) -> str:
    """Return a forged certificate as JSON text.

    Args:
        seed: the seed of the random certificates.
        number: the number of the certificate for this seed.

    """
    rng = Random(f"{seed}/{number}")
    kind = rng.random()
    if kind < 0.6:
        return json.dumps(scratch(rng))
    base = valid(seed, number // SHARED)
    others = (base, valid(seed, number // SHARED // 2))
    if kind < 0.66:
        base = real(rng)
    if kind > 0.99:
        return garbled(rng, json.dumps(base))
    count = rng.choices((0, 1, 2, 3), (1, 18, 36, 45))[0]
    return json.dumps(mutant(rng, base, others, count))


def garbled(rng: Random, text: str) -> str:
    """Change the text itself: to invalid JSON, or to JSON that is not allowed in a certificate."""
    at = rng.randrange(len(text))
    kind = rng.choice(("drop", "double", "key", "number", "end", "mark", "same"))
    if kind == "drop":
        return text[:at] + text[at + 1 :]
    if kind == "double":
        return text[:at] + text[at] + text[at:]
    if kind == "key":
        return text.replace('"at": 0', '"at": 0, "at": 0', 1)
    if kind == "number":
        numbers = ("-0", "0.0", "0e0", "NaN", "1e400", "00", "Infinity", "true", "1" * 5000)
        number = rng.choice(numbers)
        return text.replace('"at": 0', f'"at": {number}', 1)
    if kind == "end":
        return text + rng.choice(("{}", "0", " \n", "\x00"))
    return "\ufeff" + text if kind == "mark" else re.sub("a", r"\\u0061", text)


@lru_cache(maxsize=1 << 10)
def valid(seed: int | str, number: int) -> Data:
    """Return a random certificate that replays."""
    for attempt in range(30):
        rng = Random(f"{seed}/valid/{number}/{attempt}")
        with suppress(*ERRORS):
            found = honest(rng)
            if rng.random() < 0.3:
                with suppress(*ERRORS):
                    return mended(mutant(rng, found, (found,), rng.choice((1, 1, 2))))
            return found
    return certificate([term()])


def real(rng: Random) -> Data:
    """Return a committed certificate, mostly a short one."""
    found = committed()
    path = found[int(len(found) * 0.5 * rng.random() ** 2)]
    return _read(path)


@cache
def committed() -> tuple[Path, ...]:
    """Return the committed certificates, the shortest first."""
    folder = files.generated_folder() / "certificates"
    return tuple(sorted(folder.glob("*.json"), key=lambda p: (p.stat().st_size, p.name)))


@cache
def _read(path: Path) -> Data:
    found: Data = json.loads(path.read_text())
    return found


def smaller(data: Any) -> Iterator[Any]:
    """Yield copies without one entry of a list, or without one optional key."""
    for n, (parent, key) in enumerate(list(nodes(data))):
        if isinstance(parent, list) or key in ("inside", "certificates", "backwards_from"):
            copy = deepcopy(data)
            o, k = list(nodes(copy))[n]
            del o[k]
            yield copy


def shrunk(text: str, bad: Callable[[str], bool], tries: int = 2000) -> str:
    """Remove parts of a certificate as long as it still shows the failure."""
    try:
        data, progress = json.loads(text), True
    except ValueError:
        return text
    while progress:
        progress = False
        for one in smaller(data):
            tries -= 1
            if tries < 0:
                return json.dumps(data)
            if bad(json.dumps(one)):
                data, progress = one, True
                break
    return json.dumps(data)


def refutation(theorem: Theorem, count: int = MODELS) -> str:
    """Evaluate both sides of a statement at random models of its hypotheses.

    Returns:
        where they differ; "" if they do not; "no model" if no small model with an index was found;
        "no value" if a side cannot be evaluated, as where a box is huge.

    """
    sides = apart(theorem.lhs, theorem.rhs)
    if sides == ((), ()):
        return ""
    rng, met = Random(0), 0
    index = {v for v, _ in theorem.variables}
    names = set[Symbol]().union(*map(free_symbols, (theorem.lhs, theorem.rhs)))
    names |= {v for c in theorem.conditions for v in factor_symbols(c)} | index
    names |= {v for t in theorem.divisors for v in t.parameters}
    for tried in range(4 * count):
        if tried == 30 and not met:
            break
        at = model(rng, sorted(names, key=lambda v: v.name), theorem.conditions)
        if at is None:
            continue
        used = (*tensors((*theorem.lhs, *theorem.rhs)), *theorem.divisors)
        if any(entries(t, at) > 10**5 for t in used):
            return "no value"
        one = Model({v: n for v, n in at.items() if v not in index}, rng.randrange(1 << 20))
        try:
            if not all(nowhere_zero(t, one) for t in theorem.divisors):
                continue
        except (EvaluationError, OverflowError):
            return "no value"
        met += 1
        point = {v: n for v, n in at.items() if v in index}
        try:
            left, right = (evaluate(e, one, point) for e in sides)
        except (EvaluationError, OverflowError):
            return "no value"
        if left != right:
            return f"{left} is not {right} at {at}"
        if met == count:
            return ""
    return "" if met else "no model"


def entries(t: Tensor, at: dict[Symbol, int]) -> int:
    """Return how many entries a box has."""
    return math.prod(max(value(n, at), 0) for n in t.shape if n is not None)


def apart(left: Expression, right: Expression) -> tuple[Expression, Expression]:
    """Return both sides without the terms that they have in common."""
    left_only, right_only = list(left), list(right)
    for t in left:
        if t in right_only:
            left_only.remove(t)
            right_only.remove(t)
    return tuple(left_only), tuple(right_only)


@lru_cache(maxsize=1 << 12)
def summands(e: Expr) -> list[tuple[int, list[Symbol]]]:
    """Return the monomials of a polynomial with their coefficients."""
    return [
        (int(c), [symbol(name) for name, k in powers for _ in range(k)])
        for powers, c in monomials(e).items()
    ]


def value(e: Expr, at: dict[Symbol, int]) -> int:
    """Evaluate a polynomial, fast enough for thousands of calls."""
    return sum(math.prod((c, *(at[v] for v in names))) for c, names in summands(e))


def holds(condition: Condition, at: dict[Symbol, int]) -> bool:
    """Say whether a condition holds."""
    found = value(condition.value, at)
    if isinstance(condition, Equal):
        return found == 0
    return found >= 0 and (isinstance(condition, AtLeast) or found < value(condition.size, at))


def model(
    rng: Random, names: list[Symbol], given: tuple[Condition, ...]
) -> dict[Symbol, int] | None:
    """Draw integers that satisfy conditions; return None if that fails a few times."""
    at = {v: rng.choice((-1, 0, 0, 1, 1, 2, 2, 2, 3, 3, 4)) for v in names}
    for _ in range(30):
        broken = next((c for c in given if not holds(c, at)), None)
        if broken is None:
            return at
        moving = sorted(factor_symbols(broken), key=lambda v: v.name)
        if not moving:
            return None
        at[rng.choice(moving)] = rng.choice((-1, 0, 0, 1, 1, 1, 2, 2, 3, 4, 6))
    return None
