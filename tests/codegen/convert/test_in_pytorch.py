"""Conversions run in PyTorch: exact integers, against the products of the definition."""

from __future__ import annotations

import random

import numpy as np
import pytest

from rot180.codegen.convert.conversion import Conversion, convert
from rot180.codegen.convert.cure import cure
from rot180.codegen.convert.frameworks import LAYERS
from rot180.codegen.convert.pytorch import PYTORCH
from rot180.codegen.convert.spelling import Call
from rot180.codegen.convert.weights import rearranged
from tests.support.framework_calls import (
    Array,
    defined,
    draw_arrays,
    draw_call,
    laid_out,
    run,
    variants,
)

pytest.importorskip("torch")


@pytest.mark.filterwarnings("ignore:Using padding=.same.")
def test_the_conventions_of_pytorch_are_what_it_computes() -> None:
    rng = random.Random(0)
    for layer, variant in variants(PYTORCH):
        for axes in (1, 2, 3):
            for _ in range(4):
                size = rng.randrange(1, 5)
                call = draw_call(rng, layer, variant, axes, size)
                assert call is not None
                x, kernel = draw_arrays(rng, call, size)
                y = run(call, x, laid_out(kernel, layer.weight), 3 * call.groups)
                assert (y == defined(call, x, kernel)).all(), call


def in_pytorch(
    found: Conversion,
    source: Call,
    x: Array,
    kernel: Array,
    before: tuple[str, ...] = (),
    after: tuple[str, ...] = (),
) -> Array:
    turned = tuple(one["k"] > 1 and source.layer.flip != found.layer.flip for one in source.axes)
    given = laid_out(kernel, source.layer.weight)
    weight = rearranged(given, source.layer, found.layer, source.groups, turned)
    axes = tuple(dict(one.parts) for one in found.axes)
    call = Call(found.layer, found.variant, axes, source.groups)  # type: ignore[arg-type]
    return run(call, x, np.ascontiguousarray(weight), 3 * source.groups, before, after)


@pytest.mark.filterwarnings("ignore:Using padding=.same.")
def test_what_is_converted_to_pytorch_is_the_same_layer_there() -> None:
    """By its arguments, or by the lines that pad or cut."""
    rng = random.Random(1)
    direct = cured = 0
    for layer, variant in variants(LAYERS):
        for axes in variant.axes[:2]:
            size = rng.randrange(2, 6 if axes == 1 else 4)
            call = draw_call(rng, layer, variant, axes, size)
            assert call is not None
            x, kernel = draw_arrays(rng, call, size)
            sized = bool(variant.sized)
            found = convert(
                call, "pytorch", (size,) * axes if sized or rng.random() < 0.5 else None
            )
            if isinstance(found, Conversion):
                y, direct = in_pytorch(found, call, x, kernel), direct + 1
            else:
                healed = cure(found)
                if healed is None:
                    # no layer of PyTorch has a stride and dilates its input
                    assert max(one.get("r", 1) for one in call.axes) > 1
                    assert max(one["s"] for one in call.axes) > 1
                    continue
                lines = healed.before, healed.after
                y, cured = in_pytorch(healed.conversion, call, x, kernel, *lines), cured + 1
            assert y.shape == defined(call, x, kernel).shape, (call, found)
            assert (y == defined(call, x, kernel)).all(), (call, found)
    assert direct >= 20
    assert cured >= 20
