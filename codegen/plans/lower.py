"""Lowering: a replayed theorem in, a plan out."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sympy import Expr, Symbol

from rot180.codegen.plans.agreement import agreed
from rot180.codegen.plans.arrange import arrange
from rot180.codegen.plans.draft import draft
from rot180.codegen.plans.passes import PASSES
from rot180.codegen.plans.plan import LoweringError, Nest, Plan
from rot180.derive.kernel.errors import ProofError
from rot180.derive.kernel.proof import Theorem
from rot180.derive.language.polynomial import symbol
from rot180.derive.language.substitute import apart
from rot180.derive.language.terms import Condition, Expression, Term, tensors


def lower(theorem: Theorem, reserved: Collection[str] = ()) -> Plan:
    """Lower a theorem whose right side is a sum over free tensors.

    Args:
        theorem: what the kernel computes.
        reserved: names that no variable of the plan may have, besides those of the tensors.

    Raises:
        LoweringError: the proof does not prove the theorem, a free variable has no box, or the
            right side cannot be lowered.

    """
    if not isinstance(theorem, Theorem):
        raise LoweringError(f"found {type(theorem).__name__}, expected a Theorem")
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
    taken = {t.name for t in tensors((*proved.lhs, *proved.rhs))} | set(reserved)
    return lower_expression(variables, proved.rhs, proved.hypotheses, taken)


def lower_expression(
    variables: Sequence[tuple[Symbol, Expr]],
    expression: Expression,
    hypotheses: tuple[Condition, ...] = (),
    reserved: Collection[str] = (),
) -> Plan:
    """Lower an expression over free tensors, without a proof.

    Raises:
        LoweringError: the expression cannot be lowered.

    """
    taken = frozenset(map(symbol, reserved))
    nests = tuple(lower_term(variables, t, hypotheses, taken) for t in expression)
    return Plan(tuple(n for _, n in variables), hypotheses, nests)


def lower_term(
    variables: Sequence[tuple[Symbol, Expr]],
    t: Term,
    hypotheses: tuple[Condition, ...] = (),
    taken: frozenset[Symbol] = frozenset(),
) -> Nest:
    """Lower one term by the passes.

    Raises:
        LoweringError: the term cannot be lowered.

    """
    d = draft(variables, apart(t, taken), hypotheses, taken)
    for step in PASSES:
        d = step(d)
    return arrange(d)


__all__ = ["LoweringError", "lower", "lower_expression", "lower_term"]
