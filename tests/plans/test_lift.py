"""Lifted plans: they equal their theorems by proof, and their loops by exact evaluation."""

from __future__ import annotations

import pytest
from sympy import Symbol

from rot180.codegen.kernels.derivation import derive
from rot180.codegen.kernels.public_api import LAYERS, PublicLayer
from rot180.codegen.plans.agreement import agreed
from rot180.codegen.plans.lift import lift, same_but_for_order
from rot180.codegen.plans.lower import LoweringError, proved_plan
from rot180.derive.kernel.proof import Theorem
from tests.plans.test_plans import TEXTS
from tests.support.plans import loops, models, theorems, values

OTHERS = {
    "reversed": "y[p] = sum[k] x[p+k] * w[p-k]",
    "window": "y[i] = sum[j] x[j] * [0 <= j - 3*i < 3]",
    "twice": "y[p,q] = sum[k] x[p,k] * x[q,k]",
    "choice": "y[p,q] = x[q,p] * w[d*q,q+s*p,q-2*p]",
    "a zero quotient": "y[p] = sum[k] x[3*p+k-1] * [0 <= k < 2]",
    "named as a size": "y[k] = sum[h] x[h+k] * w[h]",
}
ALL = TEXTS | OTHERS


def index(theorem: Theorem) -> tuple[Symbol, ...]:
    return tuple(v for v, _ in theorem.variables)


@pytest.mark.parametrize("entry", LAYERS, ids=lambda entry: entry.layer)
def test_every_committed_kernel_computes_its_theorem(entry: PublicLayer) -> None:
    for word, theorem in derive(entry.layer).kernels:
        found = proved_plan(theorem)
        proved = agreed(found.theorem.proof)
        assert proved == found.theorem
        assert proved.name == theorem.name.removesuffix(".kernel") + ".plan", word
        assert (proved.variables, proved.hypotheses) == (theorem.variables, theorem.hypotheses)
        assert proved.lhs == theorem.lhs
        assert same_but_for_order(proved.rhs, lift(found.plan, index(theorem)))
        assert theorem.rhs in proved.lines


@pytest.mark.parametrize("name", ALL)
def test_a_lifted_plan_has_the_value_of_its_loops(name: str) -> None:
    for word, theorem in theorems(ALL[name]).items():
        found = proved_plan(theorem)
        lifted, seen = lift(found.plan, index(theorem)), 0
        for model in models(theorem, 10):
            expected = loops(found.plan, model)
            assert values(lifted, theorem, model) == expected, (word, model.sizes)
            assert values(theorem.rhs, theorem, model) == expected, (word, model.sizes)
            seen += any(expected.values())
        assert seen, word


@pytest.mark.parametrize(
    "text",
    [
        "y[p,q] = sum[k,l] x[s*l+1,p,s*k-a]*w[l+k,l+1]*[-q-2 == 3*l+2*p]",
        "y[p,q,i] = sum[k,l,m] x[k+m-2,3*p+s*i-2,l+1]*w[q+d*i,-m+1,d*l]",
    ],
)
def test_sums_are_shown_to_be_finite_by_coefficients_that_are_numbers(text: str) -> None:
    """No hypothesis says that s and d are not 0: where an axis says it without them, it is used."""
    for theorem in theorems(text).values():
        assert agreed(proved_plan(theorem).theorem.proof).lhs == theorem.lhs


def test_a_plan_whose_sum_is_not_shown_to_be_finite_is_refused_with_a_cure() -> None:
    text = "y[n] = sum[k,l] w[n,d*k,-lo,l+k] * [0 <= l+t*k+n < 1] * [0 <= l < 3]"
    with pytest.raises(LoweringError, match="cure: write a number for t"):
        proved_plan(theorems(text)["forward"])
