"""Scans as running sums: exact, in as many steps as there are entries, and not without a proof."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any, TypeAlias

import numpy as np
import pytest

from rot180.codegen import compile as compiled
from rot180.codegen.kernels.modules import proved_plans
from rot180.codegen.plans.agreement import agreed_plan
from rot180.codegen.plans.plan import Intermediate, LoweringError, Plan
from rot180.derive.gradients.gradient import kernel_theorems
from rot180.derive.language.layers import layer
from rot180.derive.language.polynomial import symbol

CUMULATIVE = "y[n,i] = sum[j] x[n,j] * [j <= i]"
ATTENTION = (
    "s[n,i,d,e] = sum[j] k[n,j,d] * v[n,j,e] * [0 <= i - j]; "
    "y[n,i,e] = sum[d] q[n,i,d] * s[n,i,d,e]"
)
SCANS = {
    CUMULATIVE: ([1], [-1]),
    "y[n,i] = sum[j] x[n,j] * [j < i]": ([1], [-1]),
    "y[n,i] = sum[j] x[n,j] * [j >= i]": ([-1], [1]),
    "x[J]; y[J]; y[i] = sum[j] x[j] * [0 <= j - i + J - 1 < J]": ([1], [-1]),
    "y[i,j] = sum[k,l] x[k,l] * [k <= i] * [j <= l]": ([1, -1], [-1, 1]),
    "y[i] = 2 * sum[j] exp(x[j]) * [0 <= j < I] * [j <= i] - x[i]": ([1], [-1]),
    "y[d,e] = sum[i,j] g[i,e] * x[j,d] * [j <= i]": ([1], [1], [-1]),
}
"""Layers, and the directions of the running sums of the output and of each gradient."""

OTHERS = (
    "y[i] = sum[j] x[j] * [0 <= i - j < w]",
    "y[i] = sum[j] x[j] * [0 <= i - j < 3]",
    "y[i] = sum[j] x[j] * [0 <= 2*i - j]",
    "y[i] = sum[j] x[j] * [0 <= i - 2*j]",
    "y[i] = sum[j] x[j] * w[i-j] * [0 <= i - j]",
    "y[i] = sum[j] x[j] * [j <= i + 1]",
    "y[i] = sum[j] x[j] * [0 <= i - j - p < I]",
    "y[n,i] = sum[j] x[n,i,j] * [0 <= i - j]",
)
"""Sums that are no running sums: they end on the other side, too, or begin before the first entry,
or grow by several entries, or an operand has both indices."""


def plans(text: str) -> list[Plan]:
    known = layer(text)
    return [p.plan for p in proved_plans(known, kernel_theorems(known))]


def running(plan: Plan) -> list[int]:
    """Return the directions of the running sums of the first order."""
    return [i.running.step for i in plan.intermediates if i.running]


@pytest.mark.parametrize("text", SCANS)
def test_scans_are_running_sums(text: str) -> None:
    found = plans(text)
    assert tuple(map(running, found)) == SCANS[text]
    for plan in found:
        sums = [nest for nest in plan.all_nests if nest.k]
        assert all(len(nest.loops) <= len(nest.output) + 1 for nest in sums)


def test_as_many_steps_as_entries() -> None:
    forward, grad_x = plans(CUMULATIVE)
    n, i, j = map(symbol, "NIJ")
    assert forward.products == 2 * i * n
    assert grad_x.products == i * n + j * n
    assert not [nest for plan in (forward, grad_x) for nest in plan.all_nests if nest.k]


@pytest.mark.parametrize("text", OTHERS)
def test_what_is_no_scan_stays(text: str) -> None:
    assert not any(running(p) for plan in plans(text) for p in plan.orders)


def test_the_recurrence_is_a_theorem() -> None:
    known = layer(CUMULATIVE)
    (forward, grad_x) = proved_plans(known, kernel_theorems(known))
    said = [str(t).splitlines()[:2] for p in (forward, grad_x) for t in p.running]
    assert said == [
        ["T1[n,i] = T1[n,i-1] + x[n,i]", "  for all 0 <= n < N, 0 <= i < I"],
        ["T1[n,j] = T1[n,j+1] + grad_y[n,j]", "  for all 0 <= n < N, 0 <= j < I"],
    ]
    assert [t.name for t in forward.theorems] == ["layer.forward.plan", "layer.forward.plan.T1"]


def mutants(i: Intermediate) -> list[Intermediate]:
    """Return other computations of the same total."""
    r, (nest,) = i.running, i.nests
    assert r is not None
    return [
        replace(i, running=replace(r, step=-r.step)),
        replace(i, running=replace(r, axis=1 - r.axis)),
        replace(i, running=replace(r, axis=2)),
        replace(i, running=replace(r, step=2)),
        replace(i, nests=(nest, nest)),
        replace(i, nests=()),
        replace(i, nests=(replace(nest, coefficient=-nest.coefficient),)),
        replace(i, running=None),
    ]


@pytest.mark.parametrize("text", [CUMULATIVE, "y[n,i] = sum[j] x[n,j] * [j > i]"])
def test_another_recurrence_is_refused(text: str) -> None:
    for _, theorem in kernel_theorems(known := layer(text)):
        (plan,) = (p.plan for p in proved_plans(known, [("", theorem)]))
        (made,) = plan.intermediates
        agreed_plan(theorem, plan)
        for mutant in mutants(made):
            with pytest.raises(LoweringError, match="not proved"):
                agreed_plan(theorem, replace(plan, intermediates=(mutant,)))


Array: TypeAlias = np.ndarray[Any, Any]


def numbers(*shape: int) -> Array:
    return np.random.default_rng(sum(shape)).integers(-4, 5, shape).astype(float)


@pytest.mark.parametrize("backend", ["numpy", "compiled"])
def test_linear_attention_is_exact(backend: str) -> None:
    module = compiled(ATTENTION, backend=backend)
    for n, i, d in product((0, 2), (0, 1, 2, 7), (1, 3)):
        q, k, v, g = numbers(n, i, d), numbers(n, i, d) + 1, numbers(n, i, 2), numbers(n, i, 2) - 1
        before = np.tril(np.ones((i, i)))
        assert (module.forward(q=q, k=k, v=v) == product_of("nid,njd,nje", q, k, v, before)).all()
        wanted = {
            "grad_k": product_of("nie,nid,nje->njd", g, q, v, before),
            "grad_v": product_of("nie,nid,njd->nje", g, q, k, before),
            "grad_q": product_of("nie,njd,nje->nid", g, k, v, before),
        }
        for word, found in zip(wanted, module.vjp(g, q=q, k=k, v=v), strict=True):
            assert found.shape == wanted[word].shape and (found == wanted[word]).all(), word


def product_of(index: str, *arrays: Array) -> Array:
    inputs, _, output = index.partition("->")
    found: Array = np.einsum(f"{inputs},ij->{output or 'nie'}", *arrays)
    return found


@pytest.mark.parametrize("dtype", [np.int8, np.int64, np.float32, np.complex64])
def test_integers_wrap_and_sizes_may_differ(dtype: type) -> None:
    module = compiled(CUMULATIVE, backend="numpy")
    for n, i, j in product((0, 1, 2), (0, 1, 2, 7), (0, 1, 5)):
        x: Array = numbers(n, j).astype(dtype) * 9
        g: Array = numbers(n, i).astype(dtype) * 9
        before: Array = np.tril(np.ones((i, j), dtype))
        y = module.forward(x, y_shape=(n, i))
        assert y.dtype == dtype and (y == x @ before.T).all()
        assert (module.grad_x(g, x_shape=(n, j)) == g @ before).all()


def test_the_docstring_says_so() -> None:
    said = compiled(CUMULATIVE, backend="numpy").grad_x.__doc__
    assert "T1[n, j] += T1[n, j + 1] for each j from the last" in said
    assert "T1 is a running sum" in said and "added in order" in said
