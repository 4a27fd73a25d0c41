"""Changed backward formulas: which are found by an audit, and which by an ordinary test.

`python -m tests.support.audit_mutations` changes the definitions of twenty layers, each in many
ways, and judges what the changed definition computes. A change that alters no result at any of the
configurations that are drawn is equivalent, and is not counted.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from rot180.codegen.audit.cases import Choice, Configuration
from rot180.codegen.audit.judge import AuditResult, Judge, Mismatch
from rot180.codegen.audit.mistake import Mistake
from rot180.codegen.audit.mistakes import mistakes, with_remainders
from rot180.codegen.audit.products import Array, shape_of
from rot180.codegen.audit.questions import Question, question
from rot180.codegen.audit.targets import JudgedFunction, UnsupportedCallError
from rot180.codegen.audit.tolerance import Precision
from rot180.derive.semantics.model import EvaluationError

LAYERS = (
    ("conv1d", "input"),
    ("conv1d", "weight"),
    ("conv2d", "input"),
    ("conv2d", "weight"),
    ("conv2d", "bias"),
    ("conv3d", "input"),
    ("conv_transpose1d", "input"),
    ("conv_transpose2d", "input"),
    ("conv_transpose2d", "weight"),
    ("linear", "input"),
    ("linear", "weight"),
    ("y[p] = sum[k] x[s*p+d*k-lo] * w[k]", "x"),
    ("y[p] = sum[k] x[s*p-d*k] * w[k]", "w"),
    ("y[n,c,p] = sum[k] x[n,c,s*p+d*k-lo] * w[c,k]", "x"),
    ("y[n,p,q,o] = sum[k,l,c] x[n,s*p+k,t*q+l,c] * w[k,l,c,o]", "w"),
    ("y[n,o,p] = sum[c,k] x[n,c,s*p+k] * w[o,c,p,k]", "x"),
    ("y[n,k] = sum[i,j] a[n,i] * w[k,i,j] * b[n,j]", "b"),
    ("y[n,i,j] = sum[d] q[n,i,d] * k[n,j,d]", "k"),
    ("y[n,c,p,q] = sum[k,l] a[n,k,l,p,q] * x[n,c,p+k-1,q+l-1]", "a"),
    ("y[n,c,p] = sum[k] x[n,c,s*p+k] * [0 <= k < 2]", "x"),
)


@dataclass(frozen=True)
class Victim:
    """A target that makes a mistake.

    Attributes:
        question: what is asked.
        mistake: what it computes instead.

    """

    question: Question
    mistake: Mistake

    def result(self, case: Configuration, values: dict[str, Array]) -> Array:
        """Return what it computes at a configuration."""
        env = with_remainders(self.question, case.env)
        try:
            wrong = self.mistake.values(env, self.question.wrt, values)
        except EvaluationError as error:
            raise UnsupportedCallError(f"the formula has no value: {error}") from error
        shape = self.question.shape(self.question.result, case.env)
        return wrong.reshape(shape) if wrong.size == np.prod(shape) else wrong


class VictimJudge(Judge):
    """Judges a victim, which computes from the configuration itself."""

    def call(self, case: Configuration, dtype: str, values: Any) -> Array | Mismatch:
        """Return what the victim computes."""
        victim = self.target.function
        assert isinstance(victim, Victim)
        found = victim.result(case, dict(values))
        shape = self.question.shape(self.question.result, case.env)
        if found.shape == shape:
            return found
        said = f"found the shape {found.shape}, expected {shape}"
        return Mismatch("shape", case, dtype, said, arrays=values, result=found)


def judged(victim: Victim, seed: int = 0) -> VictimJudge:
    """Return who judges a victim."""
    target = JudgedFunction(victim.mistake.name, victim, None)  # type: ignore[arg-type]
    return VictimJudge(victim.question, target, (Precision("float64", "float64"),), seed)


def differs(victim: Victim, case: Configuration) -> bool:
    """Say whether a mistake shows at a configuration, with small integers."""
    try:
        found = judged(victim).exactly(case, "float64")
    except UnsupportedCallError:
        return False
    return found is not None and found[0] is not None


def found_after(victim: Victim, most: int) -> int:
    """Return how many configurations an audit needs; 0 if it finds nothing."""
    verdict = AuditResult()
    for _ in judged(victim).judge(most, verdict):
        pass
    return verdict.passed + 1 if verdict.mismatch is not None else 0


def ordinary(q: Question) -> Configuration | None:
    """Return what an ordinary test uses: even sizes, stride 2, padding 1, no dilation."""
    env = dict.fromkeys(q.letters, 4)
    for v in q.layer.parameters:
        env[v.name] = {"s": 2, "t": 2, "u": 2}.get(v.name, 1)
    env |= {"G": 1, "K": 2, "L": 2, "M": 2, "N": 2}
    env |= {
        f"{kind}_{low}": int(kind == "hi") for kind in ("hi", "op") for low in ("lo", "lp", "lq")
    }
    whole = q.complete(env)
    return None if whole is None else Configuration(whole, frozenset())


def seen_by_ordinary(victim: Victim, ones: bool) -> bool:
    """Say whether such a test sees a mistake, by allclose at 1e-4.

    Args:
        victim: who makes it.
        ones: whether the gradient by the output is all ones.

    """
    case = ordinary(victim.question)
    if case is None:
        return False
    q, rng = victim.question, np.random.default_rng(0)
    values = {q.key(t): rng.standard_normal(int(np.prod(shape_of(t, case.env)))) for t in q.reads}
    if ones:
        values = {k: np.ones_like(v) if k.startswith("grad_") else v for k, v in values.items()}
    right = q.expected(case.env).numbers(values).reshape(-1)
    wrong = victim.result(case, values).reshape(-1)
    return wrong.size != right.size or not np.allclose(wrong, right, rtol=1e-4, atol=1e-4)


def victims(count: int, seed: int) -> Iterator[Victim]:
    """Draw victims that are wrong at some configuration."""
    rng = random.Random(seed)
    every = []
    for source, wrt in LAYERS:
        q = question(source, wrt)
        every += [Victim(q, m) for m in mistakes(q)]
    rng.shuffle(every)
    drawn = {}
    for source, wrt in LAYERS:
        q = question(source, wrt)
        drawn[q.name, q.wrt] = Choice(q, 99).pool[:400]
    for victim in every:
        pool = drawn[victim.question.name, victim.question.wrt]
        if count and any(differs(victim, case) for case in rng.sample(pool, min(60, len(pool)))):
            count -= 1
            yield victim


def main() -> int:
    """Count the changes that are found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    needed, even, ones, missed = [], 0, 0, list[str]()
    for victim in victims(arguments.count, arguments.seed):
        after = found_after(victim, 40)
        needed.append(after or 41)
        even += seen_by_ordinary(victim, False)
        ones += seen_by_ordinary(victim, True)
        if not after:
            missed.append(f"{victim.question.name} by {victim.question.wrt}: {victim.mistake.name}")
    print(*missed, sep="\n")
    total = len(needed)
    print(
        f"{total} changed formulas: {total - len(missed)} found within 40 configurations, half of "
        f"them within {sorted(needed)[total // 2]}; an ordinary test with even sizes sees {even}, "
        f"with all-ones gradients {ones}"
    )
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
