"""The judgement: a target against a definition, configuration by configuration."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import numpy as np

from rot180.codegen.audit.cases import Choice, Configuration, case_of
from rot180.codegen.audit.products import Array, shape_of, small_integers
from rot180.codegen.audit.questions import Env, Question, drawn
from rot180.codegen.audit.targets import JudgedFunction, UnsupportedCallError
from rot180.codegen.audit.tolerance import Precision, digits, exact, numpy_dtype


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

    """

    kind: str
    case: Configuration
    dtype: str
    text: str
    index: tuple[int, ...] | None = None
    result: Array | None = None


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
            return not self.target.lacks(self.question.keywords(env))

        takes = self.target.takes
        absent = frozenset(p for p in self.question.parameters if takes and p not in takes)
        return Choice(self.question, self.seed, admits, absent)

    def wrong(self, case: Configuration) -> tuple[Mismatch | None, float]:
        """Return the first mismatch in any dtype, and the largest error as a part of its bound.

        Raises:
            UnsupportedCallError: the target does not support the configuration.

        """
        worst = 0.0
        for arithmetic in self.arithmetic:
            mismatch, ratio = self.exactly(case, arithmetic.dtype), 0.0
            if mismatch is None:
                mismatch, ratio = self.closely(case, arithmetic)
            worst = max(worst, ratio)
            if mismatch is not None:
                return mismatch, worst
        return None, worst

    def exactly(self, case: Configuration, dtype: str) -> Mismatch | None:
        """Compare with small integers, whose sums must be exact.

        Raises:
            UnsupportedCallError: the target does not support the configuration.

        """
        products = self.question.expected(case.env)
        arrays = self.integers(case.env)
        expected = products.sum(arrays).reshape(self._shape(case))
        given = {name: a.astype(numpy_dtype(dtype)) for name, a in arrays.items()}
        largest = products.absolute(arrays)
        found = self.call(case, dtype, given)
        if isinstance(found, Mismatch):
            return found
        if largest.size and largest.max() > 2 ** digits(dtype):
            return None  # not exact in this dtype; `closely` judges it
        wrong = np.argwhere(~(found == expected))
        if not len(wrong):
            return None
        at = tuple(int(n) for n in wrong[0])
        values = f"found {found[at]:.17g}, expected {expected[at]:.17g}"
        said = f"{values}, {len(wrong)} of {found.size} wrong"
        return Mismatch("wrong", case, dtype, said, at, found)

    def closely(self, case: Configuration, arithmetic: Precision) -> tuple[Mismatch | None, float]:
        """Compare with drawn numbers, within the bound of each entry; return the worst ratio."""
        products = self.question.expected(case.env)
        given = self.reals(case.env, arithmetic.dtype)
        found = self.call(case, arithmetic.dtype, given)
        if isinstance(found, Mismatch):
            return found, 0.0
        numbers = {name: exact(a) for name, a in given.items()}
        shape, worst = self._shape(case), 0.0
        expected = products.sum(numbers).reshape(shape)
        absolute = products.absolute(numbers).reshape(shape)
        count = products.count().reshape(shape)
        precision = replace(arithmetic, multiplications=products.multiplications)
        for at in np.ndindex(*found.shape):
            if not np.isfinite(found[at]):
                return self._off(case, arithmetic, found, at, "a finite number"), worst
            bound = precision.bound(int(count[at]), _fraction(absolute[at]))
            error = abs(Fraction(float(found[at])) - _fraction(expected[at]))
            if error > bound:
                said = f"{float(expected[at]):.17g} within {float(bound):.2g}"
                return self._off(case, arithmetic, found, at, said), worst
            worst = max(worst, float(error / bound) if bound else 0.0)
        return None, worst

    def _off(
        self,
        case: Configuration,
        arithmetic: Precision,
        found: Array,
        at: tuple[int, ...],
        said: str,
    ) -> Mismatch:
        text = f"found {float(found[at]):.17g}, expected {said}"
        return Mismatch("inaccurate", case, arithmetic.dtype, text, at, found)

    def call(
        self, case: Configuration, dtype: str, values: Mapping[str, Array]
    ) -> Array | Mismatch:
        """Call the target; return its result if that is an array of the right shape."""
        arrays = drawn(self.question, case.env, values)
        if sum(case.env.values()) % 3 == 0:
            arrays = {name: _awkward(a) for name, a in arrays.items()}
        before = {name: a.copy() for name, a in arrays.items()}
        shape = self._shape(case)
        try:
            found = self.target(arrays, self.question.keywords(case.env))
        except UnsupportedCallError:
            raise
        except Exception as error:
            return Mismatch("error", case, dtype, f"{type(error).__name__}: {error}")
        for name, a in arrays.items():
            if not np.array_equal(a, before[name]):
                return Mismatch("error", case, dtype, f"it wrote into {name}")
        if found.shape != shape:
            said = f"found the shape {found.shape}, expected {shape}"
            return Mismatch("shape", case, dtype, said, result=found)
        if found.dtype.kind == "f" and found.dtype.itemsize < numpy_dtype(dtype).itemsize:
            return Mismatch("dtype", case, dtype, f"found {found.dtype}, expected {dtype}")
        return found

    def integers(self, env: Env) -> dict[str, Array]:
        """Return arrays of small integers, none of them 0, flat."""
        rng = self._rng(env)
        drawn = {name: small_integers(rng, (size,)) for name, size in self._sizes(env)}
        return {name: self._masked(name, a) for name, a in drawn.items()}

    def reals(self, env: Env, dtype: str) -> dict[str, Array]:
        """Return arrays of numbers of different magnitudes with full significands, flat."""
        rng = self._rng(env)
        return {
            name: self._masked(name, a).astype(numpy_dtype(dtype))
            for name, a in (
                (name, rng.standard_normal(size) * 2.0 ** rng.integers(-3, 4, size))
                for name, size in self._sizes(env)
            )
        }

    def _masked(self, name: str, a: Array) -> Array:
        """Return a mask where one is needed: 1 where the number that was drawn is positive."""
        return (a > 0).astype(a.dtype) if name in self.masks else a

    def _shape(self, case: Configuration) -> tuple[int, ...]:
        return self.question.shape(self.question.result, case.env)

    def _rng(self, env: Env) -> np.random.Generator:
        label = f"{self.seed} {sorted(env.items())}"
        return np.random.default_rng(random.Random(label).randrange(2**32))

    def _sizes(self, env: Env) -> Iterator[tuple[str, int]]:
        for t in self.question.reads:
            yield self.question.key(t), int(np.prod(shape_of(t, env)))

    def fails(self, env: Env, dtype: str, known: Env) -> Mismatch | None:
        """Return what is wrong at sizes and parameters that are not known yet.

        Nothing is if they do not fit, or if the output's sizes make them those that are known.
        """
        whole = self.question.complete(dict(env))
        if whole is None or whole == known:
            return None
        try:
            return self.exactly(case_of(self.question, whole), dtype)
        except UnsupportedCallError:
            return None

    def shrunk(self, mismatch: Mismatch, calls: int = 2000) -> Mismatch:
        """Return a mismatch of the same kind at sizes and parameters that cannot be smaller."""
        if mismatch.kind == "inaccurate":
            return mismatch
        best, again = mismatch, True
        while again and calls > 0:
            again = False
            for change in _reductions(best.case.env):
                calls -= 1
                found = self.fails({**best.case.env, **change}, best.dtype, best.case.env)
                if found is not None and found.kind == best.kind:
                    best, again = found, True
                    break
        return best


def _fraction(value: Any) -> Fraction:
    return Fraction(value)


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
