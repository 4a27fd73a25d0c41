"""Mutants of plans and of passes are refused, or proved to compute the same."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

import pytest

from rot180.codegen.plans.agreement import agreed_plan
from rot180.codegen.plans.arrange import arrange
from rot180.codegen.plans.draft import draft
from rot180.codegen.plans.lower import proved_plan
from rot180.codegen.plans.passes import PASSES
from rot180.codegen.plans.plan import LoweringError, Plan
from rot180.derive.kernel.proof import Theorem
from tests.plans.test_plans import TEXTS
from tests.support.plan_mutants import draft_mutants, mutants
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
MOST, LEAST = 40, 20


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


TERMS = {
    "name_remainders": ("conv1d", "grad_x"),
    "solve_by_phases": ("conv1d", "grad_x"),
    "split_others": ("y[p] = sum[h,i] x[h] * w[i] * [2*p + i == 2*h]", "grad_x"),
    "divide_brackets": ("y[p,q] = x[s*p+q] * [0 <= q < s]", "grad_x"),
    "fix_remainders": ("y[a] = sum[p,q] x[p,q] * [a == s*p + q] * [0 <= q < s]", "forward"),
    "stop_early": ("conv1d", "grad_x"),
    "arrange": ("depthwise", "grad_x"),
}
"""For each pass a kernel whose draft it changes; proofs sift before the passes do."""


@pytest.mark.parametrize("family", TERMS)
def test_mutants_of_passes_are_refused(family: str) -> None:
    name, word = TERMS[family]
    theorem = theorems(TEXTS.get(name, name))[word]
    names = [step.__name__ for step in PASSES]
    at = names.index(family) + 1 if family in names else len(names)
    after = draft(
        [(v, n) for v, n in theorem.variables if n is not None],
        theorem.rhs[0],
        theorem.hypotheses,
    )
    for step in PASSES[:at]:
        before, after = after, step(after)
    assert family == "arrange" or before != after
    plan, refused = proved_plan(theorem).plan, 0
    for mutant in draft_mutants(after):
        if refused == MOST:
            break
        try:
            d = mutant
            for step in PASSES[at:]:
                d = step(d)
            wrong = replace(plan, nests=(arrange(d),))
            agreed_plan(theorem, wrong)
        except LoweringError as error:
            refused += 1
            assert re.search("nest|loop|output index|nothing defines", str(error)), error
        else:
            assert same(theorem, plan, wrong), (family, mutant)
    assert refused >= LEAST, (family, refused)
