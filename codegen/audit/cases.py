"""Configurations that separate right from wrong: few, small, and chosen from the definition.

What a configuration shows is a set of features: the value of each size and parameter, which of two
is larger, and, for each index of the definition, how far it runs beyond an axis at either end. The
remainder of a stride is such a feature, and so are padding beyond the kernel, cropping and gaps.
Configurations are added, small ones first, until every two features that can meet have met.
"""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sympy import Expr, Symbol

from rot180.codegen.audit.expectations import PROVED
from rot180.codegen.audit.questions import Env, Question
from rot180.derive.language.layers import axis_letters
from rot180.derive.language.polynomial import symbols_of
from rot180.derive.language.programs import Program
from rot180.derive.language.terms import Access, Factor, Range, Tensor, accesses_and_brackets
from rot180.derive.semantics.model import EvaluationError, affine, integer

DRAWN, MOST_DRAWN = 1200, 12000
"""From how many configurations those are chosen that separate, and how often one is drawn."""

KNOWN = 400
"""How many configurations in a row are known already when no others are looked for."""

PLAIN = 0.3
"""How often a parameter has no effect on all axes: for targets that do not take it."""

WHOLE = 0.7
"""How often the operands of a program are as long as windows reach."""

LARGEST = 4000
"""The most products of a drawn configuration."""


@dataclass(frozen=True)
class Configuration:
    """A configuration.

    Attributes:
        env: the sizes and parameters of the definition, and paddings at high ends.
        features: what it shows.

    """

    env: Env
    features: frozenset[str]

    @property
    def cost(self) -> tuple[int, int]:
        """Return how large it is: small ones are tried first, and shown."""
        values = [abs(n) for n in self.env.values()]
        return sum(values), max(values)


class Choice:
    """Chooses configurations that separate, small ones first, among those that a target supports.

    Args:
        question: what is judged.
        seed: draws others.
        admits: says whether a target takes a configuration at all.
        plain: parameters that a target does not take, which are drawn so that they change nothing.

    """

    def __init__(
        self,
        question: Question,
        seed: int,
        admits: Callable[[Env], bool] = lambda env: True,
        plain: frozenset[str] = frozenset(),
    ):
        pool = _pool(question, seed, admits, plain)
        self.pool = sorted(pool, key=lambda case: case.cost)
        self.numbers: dict[str, int] = {}
        self.met: dict[int, int] = {}
        self.supported, self.refused = set[str](), list[frozenset[str]]()
        self.marks = {id(case): self._marks(case) for case in self.pool}

    def __iter__(self) -> Iterator[Configuration]:
        while (best := self._best()) is not None:
            self.pool.remove(best)
            yield best

    def support(self, case: Configuration) -> None:
        """Learn that a configuration was judged."""
        numbers, mask = self._marks(case)
        for n in numbers:
            self.met[n] |= mask
        self.supported |= case.features

    def refuse(self, case: Configuration) -> None:
        """Learn that a target does not support a configuration."""
        self.refused.append(case.features)

    def _marks(self, case: Configuration) -> tuple[tuple[int, ...], int]:
        """Return the numbers of the features of a configuration, and the bits at these numbers."""
        numbers = tuple(self.numbers.setdefault(f, len(self.numbers)) for f in case.features)
        for n in numbers:
            self.met.setdefault(n, 1 << n)  # each feature has met itself
        return numbers, sum(1 << n for n in numbers)

    def _best(self) -> Configuration | None:
        """Return the configuration that shows most that is new, for its size.

        What every refused configuration may have been refused for is shunned: the features that no
        supported one has.
        """
        shunned = Counter(f for features in self.refused for f in features - self.supported)
        best, most = None, 0.0
        for case in self.pool:
            numbers, mask = self.marks[id(case)]
            new = sum((mask & ~self.met[n]).bit_count() for n in numbers) // 2
            doubt = 1 + sum(shunned[f] for f in case.features) if shunned else 1
            worth = new / math.sqrt(1 + case.cost[0]) / doubt
            if worth > most:
                best, most = case, worth
        return best


def _pool(
    question: Question, seed: int, admits: Callable[[Env], bool], plain: frozenset[str]
) -> list[Configuration]:
    rng = random.Random(f"{seed} {question.name} {question.wrt}")
    found: dict[tuple[tuple[str, int], ...], Env] = {}
    known, most = 0, DRAWN if question.tolerance == PROVED else DRAWN // 4
    for _ in range(MOST_DRAWN):
        env = drawn_env(question, rng, plain)
        if env is not None and admits(env):
            key = tuple(sorted(env.items()))
            known = known + 1 if key in found else 0
            found[key] = env
        if len(found) == most or known == KNOWN:
            break
    return [case_of(question, env) for env in found.values()]


def drawn_env(
    question: Question, rng: random.Random, plain: frozenset[str] = frozenset()
) -> Env | None:
    """Draw sizes and parameters of a small call; None if they do not fit each other.

    Args:
        question: what is judged.
        rng: draws them.
        plain: parameters that change nothing.

    """
    env = question.complete(_draw(question, rng, plain))
    largest = LARGEST if question.tolerance == PROVED else LARGEST // 10
    return env if env is not None and _work(question, env) <= largest else None


def case_of(question: Question, env: Env) -> Configuration:
    """Return a configuration with its features.

    Without entries nothing is computed, so that no two features of a definition meet there.
    """
    sizes = {v for t in (*question.layer.tensors, question.layer.output) for v in _axes(t)}
    if question.tolerance == PROVED and any(env.get(v) == 0 for v in sizes):
        words = [f"{v.name}={env[v.name]}" for v in question.layer.parameters if v.name in env]
        return Configuration(env, frozenset(f"empty, {word}" for word in ("0", *words)))
    return Configuration(env, frozenset(_features(question, env)))


def _draw(question: Question, rng: random.Random, absent: frozenset[str]) -> dict[str, int]:
    """Draw sizes and parameters, small ones more often."""
    window = question.entry.window if question.entry else None
    parameters = {v.name for v in question.layer.parameters}
    env = {v: rng.choice((1, 1, 2, 2, 3)) for v in question.letters}
    if isinstance(question.layer, Program):
        return _draw_program(question, env, rng)
    if window is None:
        env |= {v: rng.choice((1, 2, 3, 4, 5)) for v in question.letters if v not in parameters}
        env |= {v.name: rng.choice((0, 1, 1, 2, 3)) for v in question.layer.parameters}
        return env
    boxes = {t.name: t.shape for t in question.layer.tensors}
    env["N"] = rng.choice((0, 1, 1, 2, 2))
    words = {p.name for p in window.parameters}
    plain = {word for word in sorted(words) if rng.random() < PLAIN} | absent

    def some(word: str, *values: int) -> int:
        return values[0] if word in plain else rng.choice(values)

    env["G"] = some("groups", 1, 1, 2)
    for a, letters in enumerate(axis_letters(window.rank)):
        k, d = rng.choice((1, 2, 2, 3, 3, 4)), some("dilation", 1, 1, 2, 3)
        extent = d * (k - 1) + 1
        low = some("padding", 0, 0, 0, 1, 1, 2, extent, -1)
        env |= {
            str(boxes["w"][3 + a]): k,
            str(boxes["x"][3 + a]): rng.randint(1, 8 if window.output == "P" else 4),
            letters.stride: some("stride", 1, 1, 2, 2, 3, 4),
            letters.dilation: d,
            letters.low: low,
            f"hi_{letters.low}": some("padding", low, low, low, 0, 1, 2, extent, -1),
        }
        if any(p.letter == "op" for p in window.parameters):
            env[f"op_{letters.low}"] = some("output_padding", 0, 0, 1, 2)
    return env


def _draw_program(question: Question, env: dict[str, int], rng: random.Random) -> dict[str, int]:
    """Draw sizes and parameters of a program; operands are often as long as windows reach."""
    parameters = {v.name for v in question.layer.parameters}
    env |= {v: rng.choice((1, 2, 3, 4, 5)) for v in question.letters if v not in parameters}
    env |= {v: rng.choice((1, 2, 4, 8, 12)) for v in question.reals}
    env |= {v: rng.randrange(3) for v in parameters if v.startswith("lo")}
    if env.get("N") == 5:
        env["N"] = 0
    if rng.random() < WHOLE:
        for size, last in _reached(question, env):
            env[size] = max(1, last + 1 + rng.choice((0, 0, 1, 2)))
    return env


def _reached(question: Question, env: Env) -> Iterator[tuple[str, int]]:
    """Yield the sizes of operands that windows slide over, and the last index of a window."""
    operands = {t.name for t in question.layer.tensors}
    sizes = _ranges(question, env)
    for f in _factors(question):
        if isinstance(f, Access) and f.tensor.name in operands:
            for e, size in zip(f.index, f.tensor.shape, strict=True):
                moving = [v for v in symbols_of(e) if v.name in sizes]
                if len(moving) > 1 and isinstance(size, Symbol):
                    constant, slopes = affine(e, env, sizes)
                    reach = (max(0, int(c) * (sizes[v] - 1)) for v, c in slopes.items())
                    yield size.name, int(constant) + sum(reach)


def _factors(question: Question) -> Iterator[Factor]:
    """Yield the entries and brackets in all definitions."""
    for t in question.definitions:
        for u in t.definition.body if t.definition else ():
            yield from accesses_and_brackets(u.factors)


def _work(question: Question, env: Env) -> int:
    """Bound the number of products: all indices, inside a box or not."""
    program, most = isinstance(question.layer, Program), 0
    for t in question.definitions:
        used = _tensors(t) if program else {*question.layer.tensors}
        letters = {v for u in (*used, t) for v in _axes(u)}
        most = max(most, math.prod(max(1, env.get(v, 1)) for v in letters))
    return most


def _tensors(t: Tensor) -> set[Tensor]:
    """Return the tensors that a definition reads."""
    body = t.definition.body if t.definition else ()
    parts = accesses_and_brackets(f for u in body for f in u.factors)
    return {f.tensor for f in parts if isinstance(f, Access)}


def _axes(t: Tensor) -> Iterator[str]:
    for n in t.shape:
        if n is not None:
            yield from (v.name for v in symbols_of(n))


def _features(question: Question, env: Env) -> Iterator[str]:
    for v, n in env.items():
        yield f"{v}={n if abs(n) < 4 else 'many'}"
    sizes = _ranges(question, env)
    for factor in _factors(question):
        if not isinstance(factor, Access):
            continue
        for axis, (e, size) in enumerate(zip(factor.index, factor.tensor.shape, strict=True)):
            moving = [v for v in symbols_of(e) if v.name in sizes]
            known = all(v.name in env or v.name in sizes for v in symbols_of(e))
            if size is None or not known or (len(moving) == 1 and e == moving[0]):
                continue
            here = f"{factor.tensor.name}.{axis}"
            constant, slopes = affine(e, env, sizes)
            ends = [sorted((0, c * (sizes[v] - 1))) for v, c in slopes.items()]
            first = constant + sum(low for low, _ in ends)
            last = constant + sum(high for _, high in ends)
            yield f"{here} begins {_near(int(first))}"
            yield f"{here} ends {_near(int(integer(size, env) - 1 - last))}"
    window = question.entry.window if question.entry else None
    axes = axis_letters(window.rank) if window else ()
    for one in axes:
        yield f"{one.low} {_compared(env[one.low], env['hi_' + one.low])} hi"
        yield f"{one.stride} {_compared(env[one.stride], env[one.dilation])} {one.dilation}"
    for one, other in itertools.pairwise(axes):
        yield f"{one.stride} {_compared(env[one.stride], env[other.stride])} {other.stride}"


def _ranges(question: Question, env: Env) -> dict[str, int]:
    """Return how many values each index has that stands alone at an axis."""
    found: dict[str, int] = {}
    pairs: list[tuple[Expr, Expr | None]] = []
    for t in question.definitions:
        assert t.definition is not None
        pairs += zip(t.definition.formals, t.shape, strict=True)
    for factor in _factors(question):
        if isinstance(factor, Access):
            pairs += zip(factor.index, factor.tensor.shape, strict=True)
        elif isinstance(factor, Range):
            pairs.append((factor.value, factor.size))
    for e, size in pairs:
        if size is not None and isinstance(e, Symbol):
            try:
                found.setdefault(e.name, integer(size, env))
            except EvaluationError:
                continue
    return found


def _near(n: int) -> str:
    return str(n) if -2 <= n <= 3 else ("far below" if n < 0 else "far above")


def _compared(a: int, b: int) -> str:
    return "<" if a < b else ">" if a > b else "="
