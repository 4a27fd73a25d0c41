"""Nothing is printed that replay and the checker do not both accept: theorems, and plans."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache

from sympy import Symbol

from rot180.codegen.plans.lift import lift, lifted_nests, same_but_for_order
from rot180.codegen.plans.plan import LoweringError, Plan
from rot180.codegen.plans.proving import plan_proof
from rot180.codegen.plans.running_sums import running_sum_proofs
from rot180.codegen.plans.well_formed import require_well_formed
from rot180.derive.certificates.writer import dumps
from rot180.derive.checker import MalformedError, check
from rot180.derive.kernel.errors import ProofError
from rot180.derive.kernel.proof import Proof, Theorem
from rot180.derive.kernel.replay import replay
from rot180.derive.language.terms import factor_symbols, free_symbols
from rot180.derive.search.derivation import NotProvedError


def agreed(proof: Proof) -> Theorem:
    """Replay a proof, and have the checker check its certificate.

    Raises:
        ProofError: one of the two refuses it; the message names it and the step.

    """
    theorem = replay(proof)
    if reason := objection(dumps(proof)):
        raise ProofError(f"{proof.name}: the checker refuses it: {reason}")
    return theorem


@lru_cache(maxsize=512)
def objection(text: str) -> str:
    """Return why the checker refuses a certificate, or "" if it accepts it."""
    try:
        (verdict,) = check(text)
    except MalformedError as error:
        return f"no certificate: {error}"
    if verdict.verdict == "proved":
        return ""
    return f"step {verdict.step} ({verdict.rule}): {verdict.reason}"


def agreed_running_sums(theorem: Theorem, plan: Plan, order: int = 0) -> tuple[Theorem, ...]:
    """Prove of each running sum of a plan what its entries are.

    Args:
        theorem: what the plan computes.
        plan: the plan.
        order: the number of the plan among those of the theorem.

    Raises:
        LoweringError: one is not proved.

    """
    name = f"{theorem.name.removesuffix('.kernel')}.plan{order or ''}"
    try:
        return tuple(map(agreed, running_sum_proofs(name, plan)))
    except ProofError as error:
        raise LoweringError(f"the plan of {theorem.name} is not proved: {error}") from error


def agreed_plan(theorem: Theorem, plan: Plan, taken: Collection[Symbol] = ()) -> Theorem:
    """Prove that a plan computes the right side of a theorem, on the whole box of its output.

    Args:
        theorem: a proved theorem.
        plan: what a kernel of it is printed from.
        taken: names that the plan's variables avoid.

    Returns:
        the theorem with the same left side whose right side is the lifted plan, but for the order
        of sums and factors; the right side of the given theorem is one of its lines.

    Raises:
        LoweringError: the plan is not proved; the message says which loop, index, bound or phase
            differs.

    """
    try:
        _require_same_box(theorem, plan)
        require_well_formed(plan)
        agreed_running_sums(theorem, plan)
        proved = agreed(plan_proof(theorem, plan, taken))
    except (LoweringError, ProofError, NotProvedError) as error:
        raise LoweringError(f"the plan of {theorem.name} is not proved: {error}") from error
    index = tuple(v for v, _ in theorem.variables)
    same = (proved.variables, proved.hypotheses) == (theorem.variables, theorem.hypotheses)
    same = same and {*proved.divisors} <= {*theorem.divisors}
    ends = proved.lhs == theorem.lhs and same_but_for_order(proved.rhs, lift(plan, index))
    wide = tuple(nest.term for nest in lifted_nests(plan, index))
    through = theorem.rhs in proved.lines and any(same_but_for_order(e, wide) for e in proved.lines)
    if not (same and ends and through):
        raise LoweringError(f"{proved.name} does not prove the plan of {theorem.name}")
    return proved


def _require_same_box(theorem: Theorem, plan: Plan) -> None:
    """Refuse another shape, other hypotheses, and names that the theorem does not know."""
    sizes = tuple(n for _, n in theorem.variables)
    if plan.shape != sizes:
        raise LoweringError(f"the shape is {plan.shape}, expected {sizes}")
    if plan.hypotheses != theorem.hypotheses:
        raise LoweringError(f"the hypotheses are {plan.hypotheses}, not {theorem.hypotheses}")
    known = free_symbols(theorem.rhs).union(*(factor_symbols(c) for c in theorem.conditions))
    unknown = plan.symbols - (known - {v for v, _ in theorem.variables})
    if unknown:
        names = ", ".join(sorted(v.name for v in unknown))
        raise LoweringError(f"nothing defines {names}")
