"""A second check of side conditions, for all integers, by the SMT solver Z3.

The side conditions come from `side_conditions`, not from the kernel.

Needs the extra ``rot180[smt]``. Only this module imports Z3, and only when it is used.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from sympy import Expr

from rot180.derive.certificates.citations import cited
from rot180.derive.kernel.obligations import Goal, Nonzero, Obligation
from rot180.derive.kernel.proof import Theorem
from rot180.derive.kernel.replay import replay_cited
from rot180.derive.language.polynomial import monomials
from rot180.derive.language.terms import Equal, Range
from rot180.derive.semantics.side_conditions import nontrivial, side_conditions


@dataclass(frozen=True)
class Answer:
    """The answer of the solver about an obligation: proved, refuted or unknown; and its seconds."""

    obligation: Obligation
    verdict: str
    seconds: float


def available() -> bool:
    """Say whether the solver is installed."""
    return find_spec("z3") is not None


def ask(obligations: Iterable[Obligation], timeout: float = 5.0) -> list[Answer]:
    """Ask the solver about each obligation.

    Args:
        obligations: the obligations.
        timeout: seconds for each of them.

    Raises:
        ModuleNotFoundError: the solver is not installed (``pip install "rot180[smt]"``).

    """
    if not available():
        raise ModuleNotFoundError('the SMT solver is missing: pip install "rot180[smt]"')
    import z3

    answers = []
    for obligation in obligations:
        began = time.monotonic()
        variables: dict[str, Any] = {}
        solver = z3.Solver()
        solver.set("timeout", int(1000 * timeout))
        solver.set("ctrl_c", False)  # it would answer "unknown", and Ctrl-C would be lost
        for condition in obligation.context:
            solver.add(_formula(condition, variables))
        solver.add(z3.Not(_formula(obligation.goal, variables)))
        verdict = {"unsat": "proved", "sat": "refuted"}.get(str(solver.check()), "unknown")
        answers.append(Answer(obligation, verdict, time.monotonic() - began))
    return answers


def hard_obligations(theorem: Theorem) -> list[Obligation]:
    """Return the nontrivial obligations of a theorem and of the theorems that it cites.

    Goals and contexts are computed from the inference figures, not taken from the kernel.
    """
    steps = (step for one in with_cited(theorem) for step in side_conditions(one))
    return nontrivial(o for step in steps for o in step)


def with_cited(theorem: Theorem) -> tuple[Theorem, ...]:
    """Return a theorem and the theorems that it cites."""
    return (theorem, *map(replay_cited, cited(theorem.proof)))


def _formula(goal: Goal, variables: dict[str, Any]) -> Any:
    import z3

    value = _number(goal.value, variables)
    if isinstance(goal, Equal):
        return value == 0
    if isinstance(goal, Nonzero):
        return value != 0
    if isinstance(goal, Range):
        return z3.And(value >= 0, value < _number(goal.size, variables))
    return value >= 0


def _number(e: Expr, variables: dict[str, Any]) -> Any:
    import z3

    total: Any = z3.IntVal(0)
    for monomial, coefficient in sorted(monomials(e).items()):
        product: Any = z3.IntVal(int(coefficient))
        for name, power in monomial:
            for _ in range(power):
                product = product * variables.setdefault(name, z3.Int(name))
        total = total + product
    return total
