"""Lowering, apart from the printed code: plans interpreted exactly, against the definition."""

from __future__ import annotations

import numpy as np
import pytest

from rot180.codegen import compile
from rot180.codegen.plans.interpreter import interpret
from rot180.codegen.plans.lower import lower
from rot180.derive.gradients.gradient import kernel_theorems
from rot180.derive.language.layers import layer
from tests.codegen.kernels.test_modules import FUNCTIONS, LAYERS, applied
from tests.support import plain_loops

NAMES = ("linear", "conv1d", "conv1d_grouped", "conv2d", "true_conv1d", "conv_transpose1d")
TEXTS = LAYERS | {n: n for n in (*NAMES, "conv_transpose1d_grouped", "conv_transpose2d")}


@pytest.mark.parametrize("name", TEXTS)
def test_a_plan_means_what_the_definition_means(name: str) -> None:
    forward = layer(TEXTS[name])
    plans = {word: lower(theorem) for word, theorem in kernel_theorems(forward)}
    seen = 0
    for seed in range(8):
        env, values = plain_loops.draw(forward, seed)
        expected = plain_loops.everything(forward, env, values, applied, 20)
        for word, plan in plans.items():
            assert interpret(plan, env, values, FUNCTIONS) == expected[word], (word, env)
        seen += any(expected["forward"].values())
    assert seen


def test_a_range_that_an_equation_implies_need_not_be_there() -> None:
    """From 2*j1 == j and 0 <= j < J follows 0 <= j1 < J, so that half_square(a[i,j1]) is inside."""
    module = compile("a[I,J]; c[I,J]; y[i] = sum[j] half_square(a[i,j]) * c[i,2*j]", "numpy")
    rng = np.random.default_rng(0)
    a, g = 2 * rng.integers(-4, 5, (3, 7)), rng.integers(-4, 5, 3)
    expected = np.zeros((3, 7), int)
    expected[:, ::2] = g[:, None] * a[:, :4] ** 2 // 2
    assert np.array_equal(module.grad_c(g.astype(float), a.astype(float)), expected)
