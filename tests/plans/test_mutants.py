"""Mutants of plans and of passes are refused, or proved to compute the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice

import pytest

from rot180.codegen.plans.agreement import agreed_plan
from rot180.codegen.plans.arrange import arrange
from rot180.codegen.plans.draft import Draft, draft
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
FAMILIES = (*(step.__name__ for step in PASSES), "arrange")
MOST, LEAST = 60, 20


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


def stages(theorem: Theorem, at: int) -> Iterator[tuple[int, Draft, Draft]]:
    """Yield each term's draft before and after a pass; `arrange` comes after the last."""
    variables = [(v, n) for v, n in theorem.variables if n is not None]
    for number, t in enumerate(theorem.rhs):
        before = after = draft(variables, t, theorem.hypotheses)
        for step in PASSES[: at + 1]:
            before, after = after, step(after)
        yield number, before, after


def changed(at: int) -> Iterator[tuple[Theorem, int, Draft]]:
    """Yield the drafts that a pass changed, for all layers; all drafts before `arrange`."""
    for text in TEXTS.values():
        for theorem in theorems(text).values():
            for number, before, after in stages(theorem, at):
                if at == len(PASSES) or before != after:
                    yield theorem, number, after


@pytest.mark.parametrize("family", FAMILIES)
def test_mutants_of_passes_are_refused(family: str) -> None:
    at, refused, tried = FAMILIES.index(family), 0, 0
    for theorem, number, after in changed(at):
        plan = proved_plan(theorem).plan
        for mutant in islice(draft_mutants(after), tried % 3, MOST, 3):
            if refused >= 2 * LEAST:
                return
            tried += 1
            try:
                d = mutant
                for step in PASSES[at + 1 :]:
                    d = step(d)
                nests = list(plan.nests)
                nests[number] = arrange(d)
                wrong = Plan(plan.shape, plan.hypotheses, tuple(nests), plan.intermediates)
                agreed_plan(theorem, wrong)
            except LoweringError as error:
                assert "nest" in str(error) or "loop" in str(error), error
                refused += 1
            else:
                assert same(theorem, plan, wrong), (theorem.name, mutant)
    assert refused >= LEAST, (family, refused, tried)
