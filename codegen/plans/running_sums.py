"""Proofs that an array is a running sum: each entry is the one before it, and what is added.

An intermediate ``T[i] = sum[j] F(j) * [0 <= i - j < n]`` is computed in order, each entry from the
one before it. The theorem about it, for all sizes and for all i in the box, is::

    T[i] = T[i-1] + F(i)

Outside its box T is zero, so the theorem says where the sum begins, too; by induction over the box,
what is computed is T. The bracket is split into its first value, ``i - j = 0``, and the others,
which must be the bracket of the entry before. Where its other side cuts the sum, as in a window, or
where the sum does not begin at the box, no proof is found.
"""

from __future__ import annotations

from functools import lru_cache

from rot180.codegen.plans.lift import LiftedIntermediate, lifted_intermediates
from rot180.codegen.plans.plan import LoweringError, Plan, Running
from rot180.derive.kernel.proof import Proof
from rot180.derive.language.polynomial import coefficient, normal
from rot180.derive.language.terms import Condition, Equal, Expression, Range, term
from rot180.derive.search.derivation import Derivation
from rot180.derive.search.matching import join
from rot180.derive.search.rewriting import drop_implied, normalise


def running_sum_proofs(name: str, plan: Plan) -> tuple[Proof, ...]:
    """Prove of each running sum of a plan what its entries are.

    Args:
        name: the name of what the plan computes.
        plan: a well-formed plan.

    Raises:
        LoweringError: no proof was found.

    """
    found = lifted_intermediates(plan)
    return tuple(_proof(f"{name}.{t.tensor.name}", t, plan.hypotheses) for t in found if t.running)


def recurrence(t: LiftedIntermediate) -> tuple[Expression, Expression]:
    """Return both sides of the equation that a running sum is computed by."""
    assert t.running is not None
    return (term(t.tensor[t.running.index]),), (term(t.tensor[t.running.before]), *t.added)


@lru_cache(maxsize=256)
def _proof(name: str, t: LiftedIntermediate, hypotheses: tuple[Condition, ...]) -> Proof:
    assert t.running is not None
    lhs, rhs = recurrence(t)
    variables = tuple(zip(t.running.index, t.tensor.shape, strict=True))
    left = Derivation(name, variables, hypotheses, lhs, rhs)
    right = Derivation(name, variables, hypotheses, rhs)
    right.table = left.table
    try:
        left.apply("definition", factor=0)
        drop_implied(left)
        _split(left, t.running)
        for d in (left, right):
            normalise(d)
        return join(left, right)
    except ValueError as error:
        raise LoweringError(f"{t.tensor.name} is no running sum: {error}") from error


def _split(d: Derivation, running: Running) -> None:
    """Split the bracket that moves along the axis into its first value and the others.

    Raises:
        ValueError: no bracket moves along it, or it ends before the sum does.

    """
    v = running.index[running.axis]
    t = d.current[0]
    moving = (f for f in t.factors if isinstance(f, Range) and _moves(f, running))
    f = next(moving, None)
    if f is None:
        raise ValueError(f"no bracket moves along {v}")
    wider = Range(f.value, normal(f.size + 1))
    d.apply("bracket", 0, drop=(t.factors.index(f),), add=(wider,))
    d.apply("split", 0, factor=d.current[0].factors.index(wider), first=normal(1))
    first = Range(f.value, normal(1))
    number = d.current[0].factors.index(first)
    d.apply("bracket", 0, drop=(number,), add=(Equal(f.value),))


def _moves(f: Range, running: Running) -> bool:
    """Say whether the value of a bracket is one less at the entry before."""
    return bool(coefficient(f.value, running.index[running.axis]) == running.step)
