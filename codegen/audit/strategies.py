"""Strategies of Hypothesis: configurations of any layer."""

from __future__ import annotations

import random

from hypothesis import strategies as st

from rot180.codegen.audit.cases import drawn_env
from rot180.codegen.audit.layer_call import LayerCall
from rot180.codegen.audit.questions import question


def configurations(layer: str, wrt: str = "") -> st.SearchStrategy[LayerCall]:
    """Return a strategy for the small valid configurations of a layer.

    It draws batches of 0, strides beyond the kernel, paddings beyond it and negative ones, other
    paddings at either end, gaps and groups; it shrinks to small sizes.

    Args:
        layer: a shipped layer, a name of the catalogue, or a text.
        wrt: the operand whose gradient is called; "" for the forward pass.

    Raises:
        ValueError: the layer is unknown, has a function without values, or has no such operand.

    """
    asked = question(layer, wrt)

    def drawn(rng: random.Random) -> LayerCall | None:
        env = drawn_env(asked, rng)
        return None if env is None else LayerCall(asked, env)

    found = st.randoms(use_true_random=False).map(drawn)
    return found.filter(lambda one: one is not None)  # type: ignore[return-value]
