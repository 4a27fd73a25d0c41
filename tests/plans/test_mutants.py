"""Mutants of plans are refused, or proved to compute the same."""

from __future__ import annotations

from collections import Counter

import pytest

from rot180.codegen.plans.agreement import agreed_plan
from rot180.codegen.plans.lower import proved_plan
from rot180.codegen.plans.plan import LoweringError, Plan
from rot180.derive.kernel.proof import Theorem
from tests.plans.test_plans import TEXTS
from tests.support.plan_mutants import mutants
from tests.support.plans import loops, models, theorems

KERNELS = {
    "linear": ("forward", "grad_w"),
    "conv1d_grouped": ("forward", "grad_x", "grad_w", "grad_bias"),
    "conv_transpose1d_grouped": ("forward", "grad_x"),
    "strides": ("grad_x",),
    "several": ("forward", "grad_w"),
    "activated": ("grad_z",),
    "windows": ("grad_x",),
    "number": ("forward",),
}
LEAST = 20


def same(theorem: Theorem, plan: Plan, mutant: Plan) -> bool:
    """Say whether two plans compute the same at some small sizes."""
    return all(loops(mutant, m) == loops(plan, m) for m in models(theorem, 4))


@pytest.mark.parametrize("name", KERNELS)
def test_mutants_of_plans_are_refused_by_name(name: str) -> None:
    for word in KERNELS[name]:
        theorem = theorems(TEXTS.get(name, name))[word]
        plan, count = proved_plan(theorem).plan, Counter[str]()
        for what, mutant in mutants(plan):
            try:
                agreed_plan(theorem, mutant)
            except LoweringError as error:
                count["refused"] += 1
                said = any(part in str(error) for part in what.split("|"))
                count["named" if said else "unnamed"] += 1
            else:
                assert same(theorem, plan, mutant), (word, what)
        assert count["refused"] >= LEAST and not count["unnamed"], (word, count)
