"""Double backward: a gradient is a layer or a program itself, and so are its gradients."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rot180.codegen import compile
from rot180.derive.gradients.gradient_layer import gradient_layer
from tests.layers_zoo import ZOO
from tests.support.naive import meaning
from tests.test_layers_zoo import SHARE, agrees, call, drawn, parts

TWICE = (
    *("conv1d", "conv2d", "conv_transpose1d", "bilinear", "linear_attention", "local1d"),
    *("causal_conv1d", "factorization_machine", "squared_error", "chain_of_four_matrices"),
    *("softmax", "log_softmax", "logsumexp", "layer_norm", "rms_norm", "attention", "swiglu"),
    *("tanhshrink", "gated_tanh", "distances", "max_pool1d", "cosine_similarity"),
)
"""Layers that are differentiated twice."""


@pytest.mark.parametrize("name", TWICE[:: max(1, SHARE)])
def test_the_gradient_of_a_gradient(name: str) -> None:
    """The program of a gradient computes it, and its own gradients are the slopes of that."""
    (zoo,) = (z for z in ZOO if z.name == name)
    layer, arrays, floats = parts(zoo)
    x = layer.tensors[0].name
    upstream = f"grad_{layer.output.name}"
    derived = gradient_layer(layer, x)
    assert derived is not None
    program, g = derived
    module = compile(program.text, "numpy")
    known = {**floats, g: floats[upstream]}
    first = meaning(layer, zoo.values, arrays, arrays[upstream], exact=zoo.exact)
    once = replace(zoo, text=program.text)
    found = call(module.forward, once, program, known)
    scale = abs(first.gradients[x].astype(float)).max()
    assert abs(found - first.gradients[x].astype(float)).max() <= 1e-11 * max(1, scale)
    own = drawn(once, program)
    for t in program.tensors:
        if t.name in arrays:
            own[t.name] = arrays[t.name]
    expected = meaning(
        program, zoo.values, own, own[f"grad_{program.output.name}"], exact=zoo.exact
    )
    agrees(once, module, program, {n: a.astype(float) for n, a in own.items()}, expected)


def test_twenty_layers() -> None:
    assert len(set(TWICE)) >= 20
