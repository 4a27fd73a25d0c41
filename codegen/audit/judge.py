"""The judgement: a target against a definition, configuration by configuration."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np

from rot180.codegen.audit.cases import Choice, Configuration, case_of
from rot180.codegen.audit.expectations import ESTIMATED, PROVED, Closeness
from rot180.codegen.audit.products import Array, shape_of, small_integers
from rot180.codegen.audit.questions import Env, Question, drawn
from rot180.codegen.audit.targets import JudgedFunction, UnsupportedCallError
from rot180.codegen.audit.tolerance import Precision, numpy_dtype
from rot180.derive.semantics.model import integer

ATTEMPTS = 8
"""How often numbers are drawn at which the loss of a program is small."""

LOSS = 200
"""The tolerance in unit roundoffs of the largest entry that no better numbers are sought for."""

FAR = 1000
"""By how many tolerances a result is off that no rounding explains."""


@dataclass(frozen=True)
class Mismatch:
    """A call whose result is wrong.

    Attributes:
        kind: "shape", "dtype", "error", "wrong" where small integers were given, or "inaccurate".
        case: the configuration.
        dtype: what the arrays were stored in.
        text: what was found and what was expected.
        index: the first wrong entry; None where there is none.
        result: the result, where it has the right shape.
        arrays: what it was called with, flat.
        precision: what it was compared in; None where it must be exact.
        wrong: which entries are wrong.
        expected: what was expected.

    """

    kind: str
    case: Configuration
    dtype: str
    text: str
    index: tuple[int, ...] | None = None
    result: Array | None = None
    arrays: Mapping[str, Array] = field(default_factory=dict)
    precision: Precision | None = None
    wrong: Array | None = None
    expected: Array | None = None


Judgement: TypeAlias = tuple[Mismatch | None, float]
"""What is wrong, if anything is, and the largest error as a part of its tolerance."""


@dataclass
class AuditResult:
    """What was found.

    Attributes:
        passed: how many configurations were right, in all dtypes.
        unsupported: why configurations were left out, and how many.
        mismatch: the first wrong one.
        worst: the largest error, as a part of its bound.

    """

    passed: int = 0
    unsupported: dict[str, int] = field(default_factory=dict)
    mismatch: Mismatch | None = None
    worst: float = 0.0


@dataclass(frozen=True)
class Judge:
    """Judges one target.

    Attributes:
        question: what is asked of it.
        target: it.
        arithmetic: what it computes in, one for each dtype.
        seed: draws configurations and arrays.
        masks: the arrays that hold zeros and ones, by their names in the products.

    """

    question: Question
    target: JudgedFunction
    arithmetic: Sequence[Precision]
    seed: int = 0
    masks: frozenset[str] = frozenset()

    def judge(self, count: int, verdict: AuditResult) -> Iterator[Configuration]:
        """Judge configurations, and yield each that was right; a mismatch ends it.

        Args:
            count: how many configurations that the target supports are tried at most.
            verdict: where what was found is written.

        """
        choice = self.choice()
        for case in choice:
            if verdict.passed == count or sum(verdict.unsupported.values()) > 4 * count:
                return
            try:
                verdict.mismatch, ratio = self.wrong(case)
            except UnsupportedCallError as error:
                verdict.unsupported[str(error)] = verdict.unsupported.get(str(error), 0) + 1
                choice.refuse(case)
                continue
            verdict.worst = max(verdict.worst, ratio)
            if verdict.mismatch is not None:
                return
            choice.support(case)
            verdict.passed += 1
            yield case

    def choice(self) -> Choice:
        """Return what chooses configurations that the target takes."""

        def admits(env: Env) -> bool:
            return not self.target.lacks(self.taken(self.question.keywords(env)))

        takes = self.target.takes
        absent = frozenset(p for p in self.question.parameters if takes and p not in takes)
        return Choice(self.question, self.seed, admits, absent)

    def taken(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments of a call without those that the target need not take, nor takes."""
        known = self.target.takes
        return {
            word: a
            for word, a in given.items()
            if known is None or word in known or not self.question.optional(word)
        }

    def wrong(self, case: Configuration) -> tuple[Mismatch | None, float]:
        """Return the first mismatch in any dtype, and the largest error as a part of its bound.

        Raises:
            UnsupportedCallError: the target does not support the configuration, or no numbers were
                found that can be judged.

        """
        worst, compared = 0.0, False
        for arithmetic in self.arithmetic:
            for found in (self.exactly(case, arithmetic.dtype), self.closely(case, arithmetic)):
                if found is None:
                    continue
                mismatch, ratio = found
                worst, compared = max(worst, ratio), True
                if mismatch is not None:
                    return mismatch, worst
        if not compared:
            raise UnsupportedCallError("rounding may change any result that was tried")
        return None, worst

    def exactly(self, case: Configuration, dtype: str) -> Judgement | None:
        """Compare with small integers, whose sums must be exact; None if they would not be.

        Raises:
            UnsupportedCallError: the target does not support the configuration.

        """
        arrays = self.integers(case.env)
        expected = self.question.expected(case.env).exactly(arrays, dtype)
        if expected is None:
            return None
        expected = expected.reshape(self._shape(case))
        given = {
            name: a if name in self.question.below else a.astype(numpy_dtype(dtype))
            for name, a in arrays.items()
        }
        found = self.call(case, dtype, given)
        if isinstance(found, Mismatch):
            return replace(found, arrays=arrays), 0.0
        wrong = ~(found == expected)
        if not wrong.any():
            return None, 0.0
        at = _first(wrong)
        values = f"found {found[at]:.17g}, expected {expected[at]:.17g}"
        said = f"{values}, {int(wrong.sum())} of {found.size} wrong"
        return Mismatch("wrong", case, dtype, said, at, found, arrays, None, wrong, expected), 0.0

    def closely(self, case: Configuration, arithmetic: Precision) -> Judgement | None:
        """Compare with drawn numbers, within the tolerance of each entry.

        Returns:
            a mismatch or None, and the largest error as a part of its tolerance; None if no numbers
            were found that have one.

        Raises:
            UnsupportedCallError: the target does not support the configuration.

        """
        chosen = self.numbers(case, arithmetic)
        if chosen is None:
            return None
        given, closeness = chosen
        found = self.call(case, arithmetic.dtype, given)
        if isinstance(found, Mismatch):
            return found, 0.0
        shape = self._shape(case)
        close = Closeness(closeness.values.reshape(shape), closeness.bounds.reshape(shape))
        wrong, worst = close.wrong(found)
        if not wrong.any():
            return None, worst
        far, _ = close.wrong(found, FAR)
        program = self.question.tolerance == ESTIMATED
        kind = "wrong" if program and far.any() else "inaccurate"
        at = _first(far if kind == "wrong" else wrong)
        value, bound = float(close.values[at]), float(close.bounds[at])
        said = f"{value:.17g} within {bound:.2g}" if np.isfinite(found[at]) else "a finite number"
        count = f", {int(wrong.sum())} of {found.size} wrong" if kind == "wrong" else ""
        text = f"found {float(found[at]):.17g}, expected {said}{count}"
        expected = close.values.astype(float)
        return Mismatch(
            kind, case, arithmetic.dtype, text, at, found, given, arithmetic, wrong, expected
        ), worst

    def numbers(
        self, case: Configuration, arithmetic: Precision
    ) -> tuple[dict[str, Array], Closeness] | None:
        """Draw numbers at which rounding loses little, and return them with what is expected."""
        expected = self.question.expected(case.env)
        best: tuple[dict[str, Array], Closeness] | None = None
        for attempt in range(ATTEMPTS):
            given = self.reals(case.env, arithmetic.dtype, attempt)
            close = expected.closely(given, arithmetic)
            if close is not None and (best is None or close.loss < best[1].loss):
                best = given, close
            if best is not None and best[1].loss <= LOSS:
                break
        return best

    def call(
        self, case: Configuration, dtype: str, values: Mapping[str, Array]
    ) -> Array | Mismatch:
        """Call the target; return its result if that is an array of the right shape."""

        def fault(kind: str, text: str) -> Mismatch:
            return Mismatch(kind, case, dtype, text, arrays=values)

        arrays = drawn(self.question, case.env, values)
        if sum(case.env.values()) % 3 == 0:
            arrays = {name: _awkward(a) for name, a in arrays.items()}
        before = {name: a.copy() for name, a in arrays.items()}
        shape = self._shape(case)
        try:
            found = self.target(self.taken(arrays), self.taken(self.question.keywords(case.env)))
        except UnsupportedCallError:
            raise
        except Exception as error:
            return fault("error", f"{type(error).__name__}: {error}")
        for name, a in arrays.items():
            if not np.array_equal(a, before[name]):
                return fault("error", f"it wrote into {name}")
        if found.shape != shape:
            said = f"found the shape {found.shape}, expected {shape}"
            return replace(fault("shape", said), result=found)
        if found.dtype.kind == "f" and found.dtype.itemsize < numpy_dtype(dtype).itemsize:
            return fault("dtype", f"found {found.dtype}, expected {dtype}")
        return found

    def integers(self, env: Env) -> dict[str, Array]:
        """Return arrays of small integers, none of them 0, flat."""
        rng, out = self._rng(env), dict[str, Array]()
        for name, size in self._sizes(env):
            below = self.question.below.get(name)
            out[name] = self._masked(name, small_integers(rng, (size,)))
            if below is not None:
                out[name] = rng.integers(0, max(1, integer(below, env)), size)
        return out

    def reals(self, env: Env, dtype: str, attempt: int = 0) -> dict[str, Array]:
        """Return arrays of numbers with full significands, flat.

        Those of sums have different magnitudes. Those of programs have magnitudes near 1; they are
        positive at every other attempt, where a logarithm or a divisor may need it.
        """
        rng, out = self._rng(env, attempt), dict[str, Array]()
        for name, size in self._sizes(env):
            below = self.question.below.get(name)
            numbers = rng.standard_normal(size)
            if below is not None:
                out[name] = rng.integers(0, max(1, integer(below, env)), size)
                continue
            if self.question.tolerance == PROVED:
                numbers = numbers * 2.0 ** rng.integers(-3, 4, size)
            elif attempt % 2:
                numbers = abs(numbers) + 0.25
            out[name] = self._masked(name, numbers).astype(numpy_dtype(dtype))
        return out

    def _masked(self, name: str, a: Array) -> Array:
        """Return a mask where one is needed: 1 where the number that was drawn is positive."""
        return (a > 0).astype(a.dtype) if name in self.masks else a

    def _shape(self, case: Configuration) -> tuple[int, ...]:
        return self.question.shape(self.question.result, case.env)

    def _rng(self, env: Env, attempt: int = 0) -> np.random.Generator:
        label = f"{self.seed} {sorted(env.items())}" + (f" {attempt}" if attempt else "")
        return np.random.default_rng(random.Random(label).randrange(2**32))

    def _sizes(self, env: Env) -> Iterator[tuple[str, int]]:
        for t in self.question.reads:
            yield self.question.key(t), int(np.prod(shape_of(t, env)))

    def fails(self, env: Env, like: Mismatch) -> Mismatch | None:
        """Return what is wrong at sizes and parameters that are not those of a mismatch.

        Nothing is if they do not fit, or if the output's sizes make them those that are known.
        """
        whole = self.question.complete(dict(env))
        if whole is None or whole == like.case.env:
            return None
        try:
            return self.again(case_of(self.question, whole), like)
        except UnsupportedCallError:
            return None

    def again(self, case: Configuration, like: Mismatch) -> Mismatch | None:
        """Compare as it was done when a mismatch was found.

        Raises:
            UnsupportedCallError: the target does not support the configuration.

        """
        close = like.precision
        judged = self.closely(case, close) if close else self.exactly(case, like.dtype)
        return None if judged is None else judged[0]

    def shrunk(self, mismatch: Mismatch) -> Mismatch:
        """Return a mismatch of the same kind at sizes and parameters that cannot be smaller."""
        calls = 300 if mismatch.precision else 2000
        if mismatch.kind == "inaccurate":
            return mismatch
        best, again = mismatch, True
        while again and calls > 0:
            again = False
            for change in _reductions(best.case.env):
                calls -= 1
                found = self.fails({**best.case.env, **change}, best)
                if found is not None and found.kind == best.kind:
                    best, again = found, True
                    break
        return best


def _first(wrong: Array) -> tuple[int, ...]:
    return tuple(int(n) for n in np.argwhere(wrong)[0])


def _reductions(env: Env) -> Iterator[dict[str, int]]:
    """Yield changes to smaller values: of one, the largest first, and then of two together.

    A batch of 0 has no entries to look at: one of 1 is smaller to a reader.
    """
    yield from ({v: 1} for v, n in env.items() if n == 0 and _least(v) == 1)
    large = sorted(env, key=lambda v: -abs(env[v]))
    for v in large:
        for smaller in sorted({_least(v), (env[v] + _least(v)) // 2, _step(v, env[v])}, key=abs):
            if abs(smaller) < abs(env[v]):
                yield {v: smaller}
    for v, w in itertools.combinations(large, 2):
        change = {v: _step(v, env[v]), w: _step(w, env[w])}
        if all(abs(change[u]) < abs(env[u]) for u in change):
            yield change


def _least(v: str) -> int:
    return 0 if v.startswith(("lo", "lp", "lq", "hi_", "op_")) else 1


def _step(v: str, n: int) -> int:
    """Return the next smaller value."""
    return n + 1 if n < 0 else max(_least(v), n - 1)


def _awkward(a: Array) -> Array:
    """Return the same numbers in an array that is neither contiguous nor writable."""
    wide: Array = np.zeros((*a.shape[:-1], 2 * a.shape[-1]) if a.ndim else (), a.dtype)
    out = wide[..., ::2] if a.ndim else wide
    out[...] = a
    out.flags.writeable = False
    return out
