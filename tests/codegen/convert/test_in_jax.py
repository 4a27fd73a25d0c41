"""The conventions of JAX, as JAX computes them: exact integers."""

from __future__ import annotations

import random

import pytest

from rot180.codegen.convert.jax import JAX
from tests.support.framework_calls import defined, draw_arrays, draw_call, laid_out, run, variants

pytest.importorskip("jax")


def test_the_conventions_of_jax_are_what_it_computes() -> None:
    rng = random.Random(0)
    for layer, variant in variants(JAX):
        size = rng.randrange(1, 5)
        call = draw_call(rng, layer, variant, 2, size)
        assert call is not None
        x, kernel = draw_arrays(rng, call, size)
        y = run(call, x, laid_out(kernel, layer.weight), 3 * call.groups)
        assert (y == defined(call, x, kernel)).all(), call
