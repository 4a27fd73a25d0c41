"""Plans of layers with equations and remainders: what they compute, and in how many steps."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rot180.codegen.plans.interpreter import interpret
from rot180.codegen.plans.lower import LoweringError, lower
from rot180.codegen.plans.plan import Divided, Phase, Plan, Solved
from rot180.derive.gradients.gradient import kernel_theorem, kernel_theorems
from rot180.derive.language.layers import layer
from rot180.derive.search.derivation import NotProvedError
from tests.support import plain_loops

OPERANDS = "xwv"


def no_function(name: str, order: int, value: int) -> int:
    """Refuse: these layers have none."""
    raise AssertionError((name, order, value))


def compare(text: str, seeds: int) -> int:
    """Compare the plans of a layer with its definition; return how often y was not 0."""
    forward = layer(text)
    plans = {word: lower(theorem) for word, theorem in kernel_theorems(forward)}
    seen = 0
    for seed in range(seeds):
        env, values = plain_loops.draw(forward, seed)
        expected = plain_loops.everything(forward, env, values, no_function, 20)
        for word, plan in plans.items():
            assert interpret(plan, env, values) == expected[word], (text, word, env)
        seen += any(expected["forward"].values())
    return seen


LAYERS = {
    "two moduli": "y[p] = sum[h,i,j] x[h] * [0 <= i < 2] * [0 <= j < 3] * [3*p + i == 2*h + j]",
    "remainder and equation": (
        "y[p,q] = sum[l] x[] * [0 <= l < 3] * [0 <= p - 2*l < 2] * [s*q == p]"
    ),
    "two filters": "y[p] = sum[h,i,j] x[h] * w[i] * v[j] * [2*p + i == 2*h + j]",
    "two filters, two strides": "y[p] = sum[h,i,j] x[h] * w[i] * v[j] * [s*p + i == t*h + j]",
    "repeated": "y[p] = sum[q] x[q] * [0 <= p + a - s*q < s]",
    "reversed": "y[p] = sum[k] x[s*p+d*k-lo] * w[K-1-k]",
    "shifted": "y[p] = sum[k] x[s*p+d*k-lo] * w[k-1]",
    "patches": "y[n,p,c] = sum[i] x[n,4*p+i] * w[c,i] * [0 <= i < 4]",
    "transposed": "y[h] = sum[p,k] x[p] * w[k] * [h + lo == s*p - d*k]",
    "two taps": "y[h] = sum[p,k,l] x[p] * w[k] * v[l] * [h == s*p + d*k - 2*l]",
    "doubled": "y[h] = sum[p,k] x[p] * w[k] * [2*h == 3*p + k]",
    "two of one value": "y[n] = sum[k,l] x[n] * [l == k + d*n] * [0 <= k < 1] * [0 <= l < 1]",
    "rotated by 45 degrees": "y[p] = sum[k] x[p+k] * w[p-k]",
}


@pytest.mark.parametrize("name", LAYERS)
def test_awkward_layers_mean_what_their_definitions_mean(name: str) -> None:
    assert compare(LAYERS[name], 12) > 2


SLOPES = st.sampled_from(["-3", "-2", "-1", "1", "2", "3", "s", "-s", "d"])


@st.composite
def equations(draw: st.DrawFn) -> str:
    """Draw a layer with one or two equations between its index and one to three others."""
    bound = "abc"[: draw(st.integers(1, 3))]
    factors = [
        f"{t}[{v}]" if draw(st.booleans()) else f"[0 <= {v} < {draw(st.integers(1, 3))}]"
        for t, v in zip(OPERANDS, bound, strict=False)
    ]
    if not any("[0" not in f for f in factors):
        factors[0] = f"x[{bound[0]}]"
    for _ in range(draw(st.integers(1, 2)) if len(bound) > 1 else 1):
        used = draw(st.lists(st.sampled_from(bound), min_size=1, unique=True))
        sides = [f"{draw(SLOPES)}*{v}" for v in used]
        shift = draw(st.integers(-2, 2))
        factors.append(f"[{draw(SLOPES)}*p == {' + '.join([*sides, str(shift)])}]")
    text = f"y[p] = sum[{','.join(bound)}] {' * '.join(factors)}"
    return text.replace("+ -", "- ")


@settings(max_examples=20, deadline=None)
@given(equations())
def test_random_equations_mean_what_their_definitions_mean(text: str) -> None:
    try:
        compare(text, 5)
    except (NotProvedError, LoweringError) as refusal:
        assert any(word in str(refusal) for word in ("cure", "multiply", "add")), text


def steps(text: str, wrt: str | None) -> list[type]:
    """Return what encloses the loops of a kernel's first sum."""
    return [type(step) for step in lower(kernel_theorem(layer(text), wrt)).nests[0].outer]


def test_a_remainder_is_found_by_division() -> None:
    """One phase an axis, and one division; nothing is searched for."""
    assert steps("y[p] = sum[k] x[s*p+d*k-lo] * w[k]", "x") == [Phase, Divided]
    assert steps(LAYERS["two taps"], None) == [Phase, Phase, Divided]
    assert steps(LAYERS["patches"], "x") == [Phase]
    assert steps(LAYERS["doubled"], None).count(Solved) <= 1


def visits(plan: Plan, sizes: dict[str, int]) -> float:
    """Return how many seconds the interpreter takes where all entries are zero."""
    begin = time.process_time()
    interpret(plan, sizes, {"x": {}, "w": {}, "v": {}, "grad_y": {}})
    return time.process_time() - begin


@pytest.mark.parametrize("stride", [512, 65535, 1000003])
@pytest.mark.parametrize(
    ("text", "wrt"),
    [
        ("y[p,q] = sum[k,l] x[s*p+d*k-lo,s*q+d*l-lo] * w[k,l]", "x"),
        ("y[h] = sum[p,k] x[p] * w[k] * [h + lo == s*p + d*k]", None),
        (LAYERS["repeated"], None),
        (LAYERS["reversed"], "x"),
        (LAYERS["shifted"], "x"),
    ],
)
def test_the_number_of_steps_follows_the_sizes_not_the_stride(
    text: str, wrt: str | None, stride: int
) -> None:
    plan = lower(kernel_theorem(layer(text), wrt))
    sizes = {v.name: 5 for v in plan.symbols} | {"s": stride, "d": 1, "lo": 1, "a": 1}
    assert visits(plan, sizes) < 2
