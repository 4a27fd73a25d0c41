"""Models of hypotheses: integers that satisfy them, or a report that they are vacuous.

A theorem is vacuous if nothing satisfies its hypotheses. Whether integers satisfy polynomial
conditions is undecidable. A finite search, guided by the numbers in the conditions, finds a model
or reports how far it searched; a certificate can prove that there is no model.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sympy import Expr, Symbol

from rot180.derive.kernel.obligations import Nonzero, Obligation
from rot180.derive.language.polynomial import degree
from rot180.derive.language.terms import AtLeast, Condition, Equal, Range, factor_symbols
from rot180.derive.search.farkas import certify
from rot180.derive.semantics.model import EvaluationError, affine, holds
from rot180.derive.semantics.thresholds import thresholds

NEAR = 6
"""The absolute value up to which all integers are tried, if there are few names."""

TRIALS = 30
"""The number of random starts of the search for a model."""

MOST = 40_000
"""The most small models that are tried."""


@dataclass(frozen=True)
class Vacuous:
    """The report that no model of hypotheses and boxes of free indices was found.

    Attributes:
        contradictory: whether a certificate proves that there is none.
        every: the absolute value up to which all integers were tried.
        random: the absolute value up to which random integers were tried.

    """

    contradictory: bool
    every: int
    random: int

    def __str__(self) -> str:
        """Return as text in which sense the statement is vacuous."""
        if self.contradictory:
            return (
                "vacuous: the hypotheses contradict each other or leave no index (a certificate "
                "derives -1 >= 0 from them), so the statement says nothing"
            )
        return (
            "vacuous, as far as was searched: no integers were found that satisfy the hypotheses "
            f"and leave an index (all up to {self.every}, at random up to {self.random})"
        )


Variables = tuple[tuple[Symbol, Expr | None], ...]


def vacuous(variables: Variables, hypotheses: Sequence[Condition]) -> Vacuous | None:
    """Search for a model of the hypotheses with an index; return a report if none is found.

    Args:
        variables: the free indices with their sizes (None: all integers).
        hypotheses: conditions on them and on the parameters.

    """
    return _searched((*hypotheses, *_boxes(variables)))[1]


def model_of(variables: Variables, hypotheses: Sequence[Condition]) -> dict[Symbol, int] | None:
    """Return sizes, parameters and an index that satisfy the hypotheses; None if none was found."""
    return _searched((*hypotheses, *_boxes(variables)))[0]


def _boxes(variables: Variables) -> tuple[Condition, ...]:
    return tuple(Range(v, n) for v, n in variables if n is not None)


def _searched(conditions: Sequence[Condition]) -> tuple[dict[Symbol, int] | None, Vacuous | None]:
    names = sorted({v for c in conditions for v in factor_symbols(c)}, key=lambda v: v.name)
    numbers = thresholds((), conditions)
    rng = random.Random(0)
    reach = max((NEAR, *(2 * n for n in numbers)))
    for trial in range(TRIALS):
        at = {v: _drawn(rng, numbers) if trial else 1 for v in names}
        if repair(conditions, at, frozenset(), rng, reach):
            return at, None
    if _contradictory(conditions):
        return None, Vacuous(True, 0, reach)
    every = NEAR
    while every and (2 * every + 1) ** len(names) > MOST:
        every -= 1
    for values in itertools.product(range(-every, every + 1), repeat=len(names)):
        at = dict(zip(names, values, strict=True))
        if all(holds(c, at) for c in conditions):
            return at, None
    return None, Vacuous(False, every, reach)


def _contradictory(conditions: Sequence[Condition]) -> bool:
    """Say whether a certificate proves that one condition fails wherever the others hold."""
    split: list[Equal | AtLeast] = []
    for c in conditions:
        if isinstance(c, Range):
            split += [AtLeast(c.value), AtLeast(c.size - 1 - c.value)]
        else:
            split.append(c)
    for n, c in enumerate(split):
        goal = Nonzero(c.value) if isinstance(c, Equal) else AtLeast(-c.value - 1)
        others = (*split[:n], *split[n + 1 :])
        if certify(Obligation(others, goal), degree=2) is not None:
            return True
    return False


def _drawn(rng: random.Random, numbers: Sequence[int]) -> int:
    if numbers and rng.random() < 0.3:
        return rng.choice((-1, 1, 1, 1)) * rng.choice(numbers) + rng.choice((-1, 0, 1))
    return rng.choice((-2, -1, 0, 1, 1, 2, 2, 3, 4, 5, 7))


def repair(
    conditions: Sequence[Condition],
    at: dict[Symbol, int],
    fixed: Iterable[Symbol],
    rng: random.Random,
    reach: int = 30,
    steps: int = 200,
) -> bool:
    """Change values until the conditions hold; say whether they do.

    A condition that fails is repaired by changing one of its names: an equation is solved if the
    division is exact, a value of an inequality moves to its bound or slightly beyond. From time to
    time a value changes at random.

    Args:
        conditions: the conditions that are to hold.
        at: a value for each name; it is modified.
        fixed: names whose values do not change.
        rng: the random number generator.
        reach: the largest absolute value that a change may reach.
        steps: the number of changes to try.

    """
    fixed = frozenset(fixed)
    for _ in range(steps):
        broken = [c for c in conditions if not holds(c, at)]
        if not broken:
            return True
        condition = rng.choice(broken)
        free = sorted(factor_symbols(condition) - fixed, key=lambda v: v.name)
        if not free:
            return False
        v = rng.choice(free)
        value = _repaired(condition, v, at, rng)
        at[v] = value if value is not None and abs(value) <= reach else at[v] + _nudge(rng)
    return all(holds(c, at) for c in conditions)


def _nudge(rng: random.Random) -> int:
    return rng.choice((-2, -1, 1, 2))


def _repaired(
    condition: Condition, v: Symbol, at: Mapping[Symbol, int], rng: random.Random
) -> int | None:
    """Return a value of one name for which the condition holds if the others do not change."""
    polynomials = (condition.value, *((condition.size,) if isinstance(condition, Range) else ()))
    if rng.random() < 0.15 or any(degree(e, (v,)) > 1 for e in polynomials):
        return None
    env = {w.name: n for w, n in at.items() if w != v}
    try:
        constant, slopes = affine(condition.value, env, (v.name,))
        slope = slopes.get(v.name, 0)
        if isinstance(condition, Range):
            rest, more = affine(condition.size - condition.value, env, (v.name,))
            if slope == 0 or holds(AtLeast(condition.value), at):
                # the size is too small, or the value too large
                constant, slope = rest - 1, more.get(v.name, 0)
    except EvaluationError:
        return None
    if slope == 0:
        return None
    if isinstance(condition, Equal):
        return int(-constant // slope) if constant % slope == 0 else None
    # slope * v + constant >= 0: at the bound, or up to two beyond
    beyond = rng.choice((0, 0, 1, 2))
    if slope > 0:
        return int(-(constant // slope)) + beyond
    return int(constant // -slope) - beyond
