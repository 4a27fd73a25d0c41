"""Compares the lines of a theorem at random models of its hypotheses.

The comparison is exact, modulo a prime; functions have random values that satisfy their relations.
If listed functions occur, the lines are also evaluated at real numbers, without the relations.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from sympy import Expr, Symbol

from rot180.derive.language.polynomial import symbol
from rot180.derive.language.terms import (
    Condition,
    Expression,
    Tensor,
    factor_symbols,
    free_symbols,
    tensors,
    term,
)
from rot180.derive.semantics.balls import Ball
from rot180.derive.semantics.evaluate import evaluate, tabulate
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
from rot180.derive.semantics.supports import Scope
from rot180.derive.semantics.thresholds import thresholds

ENTRIES, REAL_ENTRIES = 20_000, 300
"""The most entries of a model: of an exact one, and of one in the reals."""

REAL = 3
"""The number of points at which lines are compared in the reals."""

SIGNIFICANT = 1e5
"""How many times larger than its error a value (or 1) must be to count as evidence."""

MOST_CHARACTERS = 160
"""The most characters of entries that a message shows."""


class Checkable(Protocol):
    """A statement that can be checked: all of its lines must have the same value."""

    @property
    def variables(self) -> tuple[tuple[Symbol, Expr | None], ...]:
        """The free indices and their sizes; None is all of Z."""

    @property
    def hypotheses(self) -> tuple[Condition, ...]:
        """Conditions on the sizes and parameters."""

    @property
    def divisors(self) -> tuple[Tensor, ...]:
        """Tensors that are assumed to have no entry 0 in their boxes."""

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
        plain: the sizes and parameters at which the search started; None if there was no search.
        searched: the largest total distance from them within which there is no counterexample.
        window: the range in which free indices without a size were searched, if there are any.

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
        """Say whether all nearer sizes and parameters were searched."""
        return self.plain is not None and distance(self.sizes, self.plain) == self.searched + 1

    def __str__(self) -> str:
        """Return both values, the sizes, the index and, if short, the entries."""
        return self.describe("line 0", f"line {self.line}")

    def describe(self, left: str, right: str) -> str:
        """Return it as text, with a name for each of both lines."""
        modulo = "" if self.model.limit else f" (mod {PRIME})"
        if isinstance(self.left, Ball):
            modulo = " (in the reals)"
        where = values_text({**self.sizes, **self.index})
        text = f"{left} is {self.left}, {right} is {self.right}{modulo}"
        text += f" at {where}" if where else ""
        entries = ", ".join(self.model.entries_text())
        return f"{text} with {entries}" if 0 < len(entries) <= MOST_CHARACTERS else text

    def plain_data(self) -> dict[str, object]:
        """Return it as plain data, with non-integer values as text."""
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
        """Return as text in which sense it is the smallest."""
        if self.plain is None:
            return "found at random; no smaller one was found"
        away, plain = distance(self.sizes, self.plain), values_text(self.plain)
        if self.smallest and away == 0:
            text = "the smallest: the search starts at these sizes and parameters"
        elif self.smallest:
            text = f"the smallest: none at a distance below {away} from {plain}"
        else:
            text = (
                f"none up to the distance {self.searched} from {plain}; this one has the distance "
                f"{away}, and no single size or parameter can be moved nearer"
            )
        if self.window is None:
            return text
        return f"{text} (indices without a size: {self.window[0]} to {self.window[-1]})"


def values_text(at: Mapping[Symbol, int]) -> str:
    """Return values as text: ``H=3, s=2``."""
    return ", ".join(f"{v}={n}" for v, n in at.items())


def distance(sizes: Mapping[Symbol, int], plain: Mapping[Symbol, int]) -> int:
    """Return the total distance of sizes and parameters from the simplest ones."""
    return sum(abs(sizes[v] - n) for v, n in plain.items())


@dataclass(frozen=True)
class Report:
    """The result of a check.

    Attributes:
        models: the number of models tried.
        points: the number of points tried.
        nonzero: the number of points at which the value is not zero.
        counterexample: a point at which two lines differ, or None.
        reals: the number of further points at which the lines have equal values in the reals, for
            the listed functions.

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
        count: the number of models with a nonzero value to try; fewer if such models are hard to
            find.
        seed: the seed of the random models.

    Raises:
        EvaluationError: no model was found: the hypotheses contradict each other, or no index
            satisfies them.

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
        raise EmptyError("no small model of the hypotheses has an index")
    failure, reals = check_in_the_reals(statement, rng)
    return Report(models, points, nonzero, failure, reals)


def check_in_the_reals(
    statement: Checkable, rng: random.Random
) -> tuple[Counterexample | None, int]:
    """Compare the lines at real numbers, with the listed functions; count significant points.

    Args:
        statement: a theorem.
        rng: the random number generator.

    Returns:
        a point where lines differ, or None, and the number of points at which they agree.

    """
    significant = 0
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
                return Counterexample(model, point, n, first, value), significant
        significant += first.known and max(abs(first.middle), 1) > SIGNIFICANT * first.radius
        if significant == REAL:
            break
    return None, significant


def _models(
    statement: Checkable, rng: random.Random, most: int = ENTRIES
) -> Iterator[Model]:
    """Draw models of the hypotheses, mostly with small positive sizes; stop if none are found."""
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
            model = Model(sizes, rng.randrange(1 << 30))
            if all(nowhere_zero(t, model) for t in statement.divisors):
                failures = 0
                yield model
                continue
        failures += 1


def nowhere_zero(t: Tensor, model: Model) -> bool:
    """Say whether no entry of a tensor in its box is 0."""
    env = {v.name: n for v, n in model.sizes.items()}
    axes = {f"_{n}": range(max(integer(e, env), 0)) for n, e in enumerate(box_sizes(t))}
    entry = term(t[tuple(map(symbol, axes))])
    return bool((tabulate((entry,), Scope(model, env), axes)[0] != 0).all())


def _indices(statement: Checkable, model: Model, rng: random.Random) -> list[dict[Symbol, int]]:
    """Draw at most three indices: an arbitrary one, and some where a side is nonzero."""
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
    """Draw an index from the box of the free variables; return None if the box is empty."""
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
    """Return the value of the first line, and a counterexample if another line differs."""
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
    """Return the symbols in the boxes of tensors, including those in definitions."""
    return symbols_in(n for t in tensors(expression) for n in box_sizes(t))


def symbols_in(expressions: Iterable[Expr]) -> set[Symbol]:
    """Return the symbols in polynomials."""
    return {v for e in expressions for v in e.free_symbols if isinstance(v, Symbol)}
