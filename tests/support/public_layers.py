"""Shipped layers whose filter does not slide: their public functions, arguments and results."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rot180.codegen.kernels.derivation import derive
from rot180.codegen.kernels.public_api import LAYERS, PublicFunction
from rot180.codegen.kernels.public_modules import ShippedLayer, shipped
from tests.support import plain_loops

Array = NDArray[Any]

PLAIN = tuple(entry for entry in LAYERS if entry.window is None)
FUNCTIONS = {name: entry for entry in PLAIN for name in entry.functions.values()}
"""Each of their public functions, and the entry that it is from."""


@cache
def ship(name: str) -> ShippedLayer:
    """Return one of these layers with its public functions."""
    return shipped(entry := next(e for e in PLAIN if e.name == name), derive(entry.layer))


def function(name: str) -> PublicFunction:
    """Return one of these public functions."""
    found = ship(FUNCTIONS[name].name)
    return next(f.function for f in found.functions if f.function.name == name)


def arguments(
    f: PublicFunction, sizes: Mapping[str, int], values: Mapping[str, Array] | None = None
) -> dict[str, Any]:
    """Return arguments of a public function: arrays of ones, or those of the layer's tensors."""
    found: dict[str, Any] = {}
    for a in f.arguments:
        shape = tuple(plain_loops.number(n, sizes) for n in a.box)
        word = f"grad_{a.tensor.name}" if a.name == "grad_output" else a.tensor.name
        found[a.name] = shape if a.is_size else np.ones(shape)
        if values is not None and not a.is_size:
            found[a.name] = values[word]
    return found


def results(
    entry: ShippedLayer, seed: int, dtype: str
) -> tuple[dict[str, int], dict[str, Array], dict[str, Array]]:
    """Draw sizes and entries; return them, and what each kernel must return, by plain loops."""
    layer = entry.proved.layer
    sizes, drawn = plain_loops.draw(layer, seed)
    tensors = {t.name: t for t in layer.tensors} | {f"grad_{layer.output.name}": layer.output}
    values = {}
    for word, t in tensors.items():
        values[word] = np.zeros(_shape(t.shape, sizes), dtype)
        for at, value in drawn[word].items():
            values[word][at] = value
    expected = {}
    for word, wanted in plain_loops.everything(layer, sizes, drawn, _no_function).items():
        t = layer.output if word == "forward" else tensors[word.removeprefix("grad_")]
        expected[word] = np.zeros(_shape(t.shape, sizes), dtype)
        for at, number in wanted.items():
            expected[word][at] = int(number)
    return sizes, values, expected


def _shape(box: Any, sizes: Mapping[str, int]) -> tuple[int, ...]:
    return tuple(plain_loops.number(n, sizes) for n in box)


def _no_function(name: str, order: int, value: int) -> int:
    raise AssertionError(f"{name} in a layer that is shipped")
