"""Lowering: a replayed theorem in, a plan out."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce

from sympy import Expr, Symbol

from rot180.codegen.plans.agreement import agreed, agreed_plan
from rot180.codegen.plans.arrange import arrange
from rot180.codegen.plans.draft import draft
from rot180.codegen.plans.passes import PASSES, Passes, sift
from rot180.codegen.plans.plan import LoweringError, Nest, Plan
from rot180.codegen.plans.remainders import split_others
from rot180.derive.kernel.errors import ProofError
from rot180.derive.kernel.proof import Theorem
from rot180.derive.language.polynomial import symbol
from rot180.derive.language.substitute import apart
from rot180.derive.language.terms import Condition, Expression, Term, tensors


@dataclass(frozen=True)
class ProvedPlan:
    """A plan, and the theorem that it computes what it was lowered from."""

    plan: Plan
    theorem: Theorem


def lower(theorem: Theorem, reserved: Collection[str] = ()) -> Plan:
    """Lower a theorem whose right side is a sum over free tensors.

    Args:
        theorem: what the kernel computes.
        reserved: names that no variable of the plan may have, besides those of the tensors.

    Raises:
        LoweringError: the proof does not prove the theorem, a free variable has no box, the right
            side cannot be lowered, or the plan is not proved to compute it.

    """
    return proved_plan(theorem, reserved).plan


def proved_plan(theorem: Theorem, reserved: Collection[str] = ()) -> ProvedPlan:
    """Lower a theorem as `lower` does; return the proof of the plan too.

    Raises:
        LoweringError: as `lower`.

    """
    if not isinstance(theorem, Theorem):
        raise LoweringError(f"found {type(theorem).__name__}, expected a Theorem")
    return _proved_plan(theorem, frozenset(reserved))


@lru_cache(maxsize=256)
def _proved_plan(theorem: Theorem, reserved: frozenset[str]) -> ProvedPlan:
    try:
        proved = agreed(theorem.proof)
    except ProofError as error:
        raise LoweringError(f"{theorem.name} is not proved: {error}") from error
    if proved.lines != theorem.lines:
        raise LoweringError(f"{theorem.name} is not what its proof proves: replay the proof")
    variables: list[tuple[Symbol, Expr]] = []
    for v, n in proved.variables:
        if n is None:
            raise LoweringError(f"{theorem.name}: {v} runs over all integers, expected a box")
        variables.append((v, n))
    taken = {t.name for t in tensors((*proved.lhs, *proved.rhs))} | reserved
    names = frozenset(map(symbol, taken))

    def attempt(passes: Passes) -> ProvedPlan:
        plan = lower_expression(variables, proved.rhs, proved.hypotheses, taken, passes)
        return ProvedPlan(plan, agreed_plan(proved, plan, names))

    try:
        return attempt(PASSES)
    except LoweringError:
        if split_others not in PASSES:
            raise
        # no proof was found that follows the split: without it the kernel is slower
        return attempt(tuple(step for step in PASSES if step != split_others))


def lower_expression(
    variables: Sequence[tuple[Symbol, Expr]],
    expression: Expression,
    hypotheses: tuple[Condition, ...] = (),
    reserved: Collection[str] = (),
    passes: Passes | None = None,
) -> Plan:
    """Lower an expression over free tensors, without a proof.

    Raises:
        LoweringError: the expression cannot be lowered.

    """
    taken = frozenset(map(symbol, reserved))
    nests = tuple(lower_term(variables, t, hypotheses, taken, passes) for t in expression)
    return Plan(tuple(n for _, n in variables), hypotheses, nests)


def lower_term(
    variables: Sequence[tuple[Symbol, Expr]],
    t: Term,
    hypotheses: tuple[Condition, ...] = (),
    taken: frozenset[Symbol] = frozenset(),
    passes: Passes | None = None,
) -> Nest:
    """Lower one term by passes, or else by all; where they fail, equations are tested everywhere.

    Raises:
        LoweringError: the term cannot be lowered.

    """
    d = draft(variables, apart(t, taken), hypotheses, taken)
    steps = PASSES if passes is None else passes
    try:
        return arrange(reduce(lambda now, step: step(now), steps, d))
    except LoweringError as error:
        # remainders of two windows may meet on one axis of the output
        try:
            return arrange(sift(d))
        except LoweringError:
            raise error from None


__all__ = ["LoweringError", "ProvedPlan", "lower", "lower_expression", "proved_plan"]
