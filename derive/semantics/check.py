"""Check the lines of a theorem against each other at random models of its hypotheses.

The check is exact modulo a prime, where a function has arbitrary values that obey its relations. If
named functions occur, the lines are also evaluated at real numbers, without using relations.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from sympy import Expr, Symbol

from rot180.derive.language.terms import (
    Condition,
    Expression,
    factor_symbols,
    free_symbols,
    tensors,
)
from rot180.derive.semantics.balls import Ball
from rot180.derive.semantics.evaluate import evaluate
from rot180.derive.semantics.hypotheses import repair
from rot180.derive.semantics.model import (
    PRIME,
    EmptyError,
    Model,
    Value,
    box_sizes,
    holds,
    integer,
)
from rot180.derive.semantics.real import NAMED, RealModel, evaluate_real, functions
from rot180.derive.semantics.thresholds import thresholds

ENTRIES, REAL_ENTRIES = 20_000, 300
"""How many entries models have at the most: exact ones, and those in the reals."""

REAL = 3
"""At how many points lines are compared in the reals."""

SIGNIFICANT = 1e5
"""How much larger than its error a value, or 1, must be to tell something."""

MOST_CHARACTERS = 160
"""How many characters of entries are still worth reading."""


class Checkable(Protocol):
    """What can be checked: a theorem, of which each line must have the same value."""

    @property
    def variables(self) -> tuple[tuple[Symbol, Expr | None], ...]:
        """The free indices and their sizes; None is all of Z."""

    @property
    def hypotheses(self) -> tuple[Condition, ...]:
        """What the sizes and parameters satisfy."""

    @property
    def lines(self) -> tuple[Expression, ...]:
        """The expressions claimed to be equal."""


@dataclass(frozen=True)
class Counterexample:
    """A model and an index at which line 0 and another line differ.

    Attributes:
        model: sizes, parameters and entries.
        index: the free indices.
        line: the number of the line that differs from line 0.
        left: the value of line 0.
        right: the value of the other line.
        plain: the sizes and parameters from which the search went out; None if there was none.
        searched: how far from them, all differences added up, nothing refutes.
        window: where free indices without a size were searched, if there are any.

    """

    model: Model
    index: Mapping[Symbol, int]
    line: int
    left: Value | Ball
    right: Value | Ball
    plain: Mapping[Symbol, int] | None = None
    searched: int = -1
    window: range | None = None

    @property
    def sizes(self) -> Mapping[Symbol, int]:
        """Return the sizes and parameters."""
        return self.model.sizes

    @property
    def smallest(self) -> bool:
        """Say whether every choice of sizes and parameters that is nearer was searched."""
        return self.plain is not None and distance(self.sizes, self.plain) == self.searched + 1

    def __str__(self) -> str:
        """Return both values, the sizes, the index and what entries are short to write."""
        return self.describe("line 0", f"line {self.line}")

    def describe(self, left: str, right: str) -> str:
        """Write it, with words for both lines."""
        modulo = "" if self.model.limit else f" (mod {PRIME})"
        if isinstance(self.left, Ball):
            modulo = " (in the reals)"
        where = values_text({**self.sizes, **self.index})
        text = f"{left} is {self.left}, {right} is {self.right}{modulo}"
        text += f" at {where}" if where else ""
        entries = ", ".join(self.model.entries_text())
        return f"{text} with {entries}" if 0 < len(entries) <= MOST_CHARACTERS else text

    def plain_data(self) -> dict[str, object]:
        """Return it as plain data; values that are no integers as text."""
        values = {"left": self.left, "right": self.right}
        return {
            "sizes": {v.name: n for v, n in self.sizes.items()},
            "index": {v.name: n for v, n in self.index.items()},
            **{k: v if isinstance(v, int) else str(v) for k, v in values.items()},
            "modulo": None if self.model.limit else PRIME,
            "entries": list(self.model.entries_text()),
            "scope": self.scope(),
        }

    def scope(self) -> str:
        """Say in which sense it is the smallest."""
        if self.plain is None:
            return "found at random; no smaller one was found"
        away, plain = distance(self.sizes, self.plain), values_text(self.plain)
        if self.smallest and away == 0:
            text = "the smallest: the search starts at these sizes and parameters"
        elif self.smallest:
            text = f"the smallest: nothing less than {away} away from {plain} refutes it"
        else:
            text = (
                f"nothing up to {self.searched} away from {plain} refutes it; this is {away} "
                "away, and no size or parameter alone can be nearer"
            )
        if self.window is None:
            return text
        return f"{text} (indices without a size: {self.window[0]} to {self.window[-1]})"


def values_text(at: Mapping[Symbol, int]) -> str:
    """Write values for people: ``H=3, s=2``."""
    return ", ".join(f"{v}={n}" for v, n in at.items())


def distance(sizes: Mapping[Symbol, int], plain: Mapping[Symbol, int]) -> int:
    """Return how far sizes and parameters are from the plainest, all differences added up."""
    return sum(abs(n - plain[v]) for v, n in sizes.items())


@dataclass(frozen=True)
class Report:
    """What a check saw.

    Attributes:
        models: how many models were tried.
        points: at how many points.
        nonzero: at how many of them the value is not zero.
        counterexample: where two lines differ, if they do.
        reals: at how many more points the lines agree, with a value, for the functions that names
            stand for.

    """

    models: int
    points: int
    nonzero: int
    counterexample: Counterexample | None
    reals: int = 0


def check(statement: Checkable, count: int = 6, seed: int = 0) -> Report:
    """Compare every line of a theorem at random sizes, parameters, entries and indices.

    Args:
        statement: a theorem.
        count: how many models to try at whose indices something is not zero; fewer if such
            models are hard to find.
        seed: another seed, other models.

    Raises:
        EvaluationError: no model was found: the hypotheses contradict each other, or leave
            no index.

    """
    rng = random.Random(seed)
    models = points = nonzero = telling = 0
    for model in itertools.islice(_models(statement, rng), 8 * count):
        indices = _indices(statement, model, rng)
        values = []
        for point in indices:
            value, failure = differ(statement.lines, model, point)
            values.append(value)
            if failure:
                return Report(models + 1, points + len(values), nonzero, failure)
        models += bool(values)
        points += len(values)
        nonzero += sum(value != 0 for value in values)
        telling += any(values)
        if telling == count:
            break
    if not models:
        raise EmptyError("no small model of the hypotheses has an index to look at")
    failure, reals = check_in_the_reals(statement, rng)
    return Report(models, points, nonzero, failure, reals)


def check_in_the_reals(
    statement: Checkable, rng: random.Random
) -> tuple[Counterexample | None, int]:
    """Compare the lines with the functions that names stand for; count points that tell.

    Args:
        statement: a theorem.
        rng: where choices come from.

    Returns:
        a point where lines differ, if one is found, and at how many points they were seen to agree.

    """
    told = 0
    if not functions(statement.lines) & NAMED:
        return None, 0
    for seed, drawn in enumerate(itertools.islice(_models(statement, rng, REAL_ENTRIES), 2 * REAL)):
        model, point = RealModel(drawn.sizes, seed), _index(statement, drawn.sizes, rng)
        if point is None:
            continue
        first = evaluate_real(statement.lines[0], model, point)
        for n, line in enumerate(statement.lines[1:], 1):
            value = evaluate_real(line, model, point)
            if value.apart(first):
                return Counterexample(model, point, n, first, value), told
        told += first.known and max(abs(first.middle), 1) > SIGNIFICANT * first.radius
        if told == REAL:
            break
    return None, told


def _models(
    statement: Checkable, rng: random.Random, most: int = ENTRIES
) -> Iterator[Model]:
    """Draw models of the hypotheses, sizes mostly small and positive; stop if there seem none."""
    bound = {v for v, _ in statement.variables}
    names = parameters_of(statement.lines, statement.variables, statement.hypotheses)
    axes = set[Symbol]().union(*(box_symbols(line) for line in statement.lines))
    axes |= symbols_in(n for _, n in statement.variables if n is not None)
    conditions = [c for c in statement.hypotheses if not factor_symbols(c) & bound]
    reach = max((30, *(2 * n for n in thresholds((), conditions))))
    failures = 0
    while failures < 20:
        sizes = {
            v: rng.choices((-1, 0, 1, 2, 3, 4, 5, 7), (1, 1, 6, 9, 9, 5, 3, 1))[0]
            if v in axes
            else rng.choice((-2, -1, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 3, 4, 5))
            for v in names
        }
        while math.prod(max(n, 1) for v, n in sizes.items() if v in axes) > most:
            sizes[max(axes, key=lambda v: (sizes[v], v.name))] -= 1
        if repair(conditions, sizes, bound, rng, reach):
            failures = 0
            yield Model(sizes, rng.randrange(1 << 30))
        else:
            failures += 1


def _indices(statement: Checkable, model: Model, rng: random.Random) -> list[dict[Symbol, int]]:
    """Draw at most three indices: any one, and such where one end of the theorem is not zero."""
    found: list[dict[Symbol, int]] = []
    for _ in range(20):
        point = _index(statement, model.sizes, rng)
        if point is None:
            break
        end = statement.lines[rng.choice((0, -1))]
        if not found or (point not in found and evaluate(end, model, point)):
            found.append(point)
        if len(found) == 3:
            break
    return found


def _index(
    statement: Checkable, sizes: Mapping[Symbol, int], rng: random.Random
) -> dict[Symbol, int] | None:
    """Draw an index from the box of the free variables; None if it is empty."""
    env = {v.name: n for v, n in sizes.items()}
    for _ in range(20):
        point = {}
        for v, n in statement.variables:
            box = range(-6, 10) if n is None else range(integer(n, env))
            if not box:
                return None
            point[v] = rng.choice(box)
        if all(holds(c, {**sizes, **point}) for c in statement.hypotheses):
            return point
    return None


def differ(
    lines: tuple[Expression, ...], model: Model, point: Mapping[Symbol, int]
) -> tuple[Value, Counterexample | None]:
    """Return the value of the first line, and the first other line that has another one."""
    first = evaluate(lines[0], model, point)
    for n, line in enumerate(lines[1:], 1):
        value = evaluate(line, model, point)
        if value != first:
            return first, Counterexample(model, point, n, first, value)
    return first, None


def parameters_of(
    lines: Iterable[Expression],
    variables: tuple[tuple[Symbol, Expr | None], ...],
    hypotheses: tuple[Condition, ...],
) -> list[Symbol]:
    """Return the sizes and parameters of a statement, sorted by name."""
    found = set[Symbol]().union(*(free_symbols(line) for line in lines))
    found |= symbols_in(n for _, n in variables if n is not None)
    found |= {v for condition in hypotheses for v in factor_symbols(condition)}
    return sorted(found - {v for v, _ in variables}, key=lambda v: v.name)


def box_symbols(expression: Expression) -> set[Symbol]:
    """Return the symbols in the boxes of tensors, definitions included."""
    return symbols_in(n for t in tensors(expression) for n in box_sizes(t))


def symbols_in(expressions: Iterable[Expr]) -> set[Symbol]:
    """Return the symbols in polynomials."""
    return {v for e in expressions for v in e.free_symbols if isinstance(v, Symbol)}
