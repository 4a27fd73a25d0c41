"""Lowering: a replayed theorem in, a plan out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, reduce
from itertools import product
from typing import TypeVar

from sympy import Expr, S, Symbol

from rot180.codegen.plans.agreement import agreed, agreed_plan, agreed_running_sums
from rot180.codegen.plans.arrange import arrange
from rot180.codegen.plans.contraction_order import orders
from rot180.codegen.plans.contractions import Order
from rot180.codegen.plans.draft import draft
from rot180.codegen.plans.passes import PASSES, Passes, sift, stop_early
from rot180.codegen.plans.plan import Intermediate, LoweringError, Nest, Plan
from rot180.codegen.plans.remainders import divide_brackets, split_others
from rot180.derive.kernel.errors import ProofError
from rot180.derive.kernel.proof import Theorem
from rot180.derive.language.polynomial import normal, symbol, symbols_of
from rot180.derive.language.substitute import apart
from rot180.derive.language.terms import (
    Access,
    Apply,
    Condition,
    Expression,
    Term,
    factor_symbols,
    tensors,
)

A = TypeVar("A")
B = TypeVar("B")


@dataclass(frozen=True)
class ProvedPlan:
    """A plan, and the theorem that it computes what it was lowered from.

    Attributes:
        plan: the plan.
        theorem: about it.
        others: the same about each of its alternatives.
        running: of each running sum of the plans, what its entries are.

    """

    plan: Plan
    theorem: Theorem
    others: tuple[Theorem, ...] = ()
    running: tuple[Theorem, ...] = ()

    @property
    def theorems(self) -> tuple[Theorem, ...]:
        """Return what a certificate states of the plan."""
        return (self.theorem, *self.running)


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

    def attempt(how: tuple[Passes, bool, bool]) -> ProvedPlan:
        plan = lower_expression(variables, proved.rhs, proved.hypotheses, taken, *how)
        found = _possible(lambda p: (p, agreed_plan(proved, p, names)), plan.orders)
        (first, about), *others = found
        first = replace(first, alternatives=tuple(p for p, _ in others))
        sums = (agreed_running_sums(proved, p, at) for at, (p, _) in enumerate(found))
        running = tuple(t for each in sums for t in each)
        return ProvedPlan(first, about, tuple(t for _, t in others), running)

    # where no proof was found that follows a pass or the order, the kernel is slower without it
    passes = [PASSES]
    for optional in (split_others, divide_brackets, stop_early):
        passes.append(tuple(step for step in passes[-1] if step != optional))
    operands = max(
        (sum(isinstance(f, Access | Apply) for f in t.factors) for t in proved.rhs), default=0
    )
    ordered = (True, False) if operands > 2 or _has_order(variables, proved.rhs, False) else (True,)
    scanned = [(PASSES, True, True)] if _has_order(variables, proved.rhs, True) else []
    ways = dict.fromkeys((*scanned, *product(passes, ordered, (False,))))
    return _possible(attempt, ways, first=True)[0]


def _has_order(
    variables: Sequence[tuple[Symbol, Expr]], expression: Expression, scanned: bool
) -> bool:
    """Say whether a term is computed by intermediates, running sums among them if `scanned`."""
    terms = tuple(apart(t, {v for v, _ in variables}) for t in expression)
    found = orders(tuple(variables), terms, (), scanned)
    used = (i for terms in found for o in terms for i in o.intermediates)
    return any(i.running or not scanned for i in used)


def _possible(make: Callable[[A], B], options: Iterable[A], first: bool = False) -> list[B]:
    """Return what can be made of some options, or the first; if nothing can, raise the error."""
    found: list[B] = []
    failed: list[LoweringError] = []
    for option in options:
        try:
            found.append(make(option))
        except LoweringError as error:
            failed.append(error)
        if first and found:
            break
    if failed and not found:
        raise failed[0]
    return found


def lower_expression(
    variables: Sequence[tuple[Symbol, Expr]],
    expression: Expression,
    hypotheses: tuple[Condition, ...] = (),
    reserved: Collection[str] = (),
    passes: Passes | None = None,
    ordered: bool = True,
    scanned: bool = True,
) -> Plan:
    """Lower an expression over free tensors, without a proof.

    Args:
        variables: the free variables, each with its size.
        expression: terms over free tensors.
        hypotheses: what is known of the parameters.
        reserved: names that no variable of the plan may have.
        passes: what rewrites a term to a nest of loops; all passes if left out.
        ordered: whether operands are contracted in the order that costs least.
        scanned: whether an intermediate may be a running sum.

    Raises:
        LoweringError: the expression cannot be lowered.

    """
    # a variable of one term may not have the name of a parameter of another: both are in one kernel
    given = {s for t in expression for s in t.symbols - {*t.variables}} - {v for v, _ in variables}
    taken = frozenset(map(symbol, reserved)) | given
    taken = taken.union(*(symbols_of(n) for _, n in variables), *map(factor_symbols, hypotheses))
    terms = tuple(apart(t, taken) for t in expression)
    used = taken.union(*(t.symbols for t in terms), map(symbol, _functions(terms)))

    def plan(order: Sequence[Order]) -> Plan:
        nests: list[Nest] = []
        found: list[Intermediate] = []
        for term in order:
            o = term.named(used.union(symbol(i.tensor.name) for i in found))
            tensors_before = (*(i.tensor for i in found), *(i.tensor for i in o.intermediates))
            names = taken.union(symbol(t.name) for t in tensors_before)
            for i in o.intermediates:
                nest = lower_term(i.variables, i.term, hypotheses, names, passes)
                found.append(Intermediate(i.tensor, (nest,), i.running))
            nests.append(lower_term(variables, o.term, hypotheses, names, passes))
        shape = tuple(n for _, n in variables)
        products = normal(sum((o.products for o in order), S.Zero))
        diagonal = any(o.along_diagonals for o in order)
        return Plan(shape, hypotheses, tuple(nests), tuple(found), products, (), diagonal)

    once = tuple(Order((), t, S.Zero) for t in terms)
    found = orders(tuple(variables), terms, used, scanned) if ordered else [once]
    try:
        first, *others = _possible(plan, found)
    except LoweringError:
        first, others = plan(once), []
    return replace(first, alternatives=tuple(others))


def _functions(expression: Expression) -> set[str]:
    return {f.function for t in expression for f in t.factors if isinstance(f, Apply)}


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
