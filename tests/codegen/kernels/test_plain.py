"""Plain loops run as they are printed, and compute what the definition says."""

from __future__ import annotations

import inspect
import types
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from rot180.codegen.documents.chapters import CHAPTERS, theorems_by_chapter
from rot180.codegen.documents.listings import function_text, layer_and_operand
from rot180.codegen.kernels.derivation import derive, plain_file
from rot180.derive.language.layers import Layer
from rot180.derive.theorems import theorem
from tests.support import plain_loops

BOOK = (
    "dense_input",
    "rot180_correlation_1d",
    "rot180_correlation_general_1d",
    "weight_correlation_general_channels_2d",
    "rot180_convolution_strided_1d",
)
LAYERS = (
    "conv2d",
    "conv_transpose1d",
    "y[p] = sum[k] x[2*p - 3*k + 1] * w[k]",
    "sigma: function; y[i] = 1/2 * sum[k] w[i,k] * sigma(z[k-a]) * relu(w[i,k])",
    "y[] = sum[i,j] x[i] * m[i,j] * x[j]",
    "y[p] = sum[k] x[d*k+p] * [0 <= d*k < 3] * w[k-1]",
    "y[n,p,q] = sum[k] u[2*n+2*q,q,k,q+3*p]",
    "y[max] = sum[min,np,l] x[min,np] * w[l+min,max,np] * [0 <= np-min < 2]",
)


def sigma(z: Any) -> Any:
    """Apply an activation that is 3 at 0 and exact in integers."""
    return z * z + 3


FUNCTIONS: dict[str, Any] = {
    "sigma": sigma,
    "sigma_prime": lambda z: 2 * z,
    "relu": lambda z: max(z, 0),
    "relu_prime": lambda z: int(z > 0),
}


def applied(name: str, order: int, value: int) -> int:
    return int(FUNCTIONS[name + order * "_prime"](value))


def loaded(text: str) -> dict[str, Any]:
    made = types.ModuleType("plain")
    made.__dict__["np"] = np
    exec(compile(text, "plain_kernels.py", "exec"), made.__dict__)
    return made.__dict__


def arguments(layer: Layer, sizes: Mapping[str, int], values: plain_loops.Values) -> dict[str, Any]:
    given: dict[str, Any] = {**FUNCTIONS, **sizes}
    for t in (*layer.tensors, layer.output):
        word = t.name if t is not layer.output else f"grad_{t.name}"
        shape = tuple(plain_loops.number(n, sizes) for n in t.shape if n is not None)
        given[word], given[f"{t.name}_shape"] = np.zeros(shape), shape
        for at, value in values[word].items():
            given[word][at] = value
    return given


def compare(layer: Layer, functions: Mapping[str, Any], seeds: int) -> None:
    """Compare functions with the definition, exactly."""
    nonzero = 0
    for seed in range(seeds):
        sizes, values = plain_loops.draw(layer, seed)
        wanted: dict[str, dict[tuple[int, ...], Fraction]] = plain_loops.everything(
            layer, sizes, values, applied
        )
        given = arguments(layer, sizes, values)
        for word in wanted.keys() & functions.keys():
            called = inspect.signature(functions[word]).parameters
            found = functions[word](**{n: given[n] for n in called})
            assert {at: found[at] for at in wanted[word]} == wanted[word], (word, sizes)
            assert found.size == len(wanted[word])
            nonzero += any(wanted[word].values())
    assert nonzero


@pytest.mark.parametrize("name", BOOK)
def test_what_the_book_prints_runs(name: str) -> None:
    assert any(name in names for names in theorems_by_chapter(CHAPTERS).values())
    found = layer_and_operand(theorem(name))
    assert found is not None
    text = function_text(*found)
    assert 5 <= len(text.splitlines()) <= 10
    compare(found[0], loaded(text), 12)


@pytest.mark.parametrize("text", LAYERS)
def test_plain_loops_of_a_layer_run_as_printed(text: str) -> None:
    proved = derive(text)
    (printed,) = plain_file(proved).values()
    functions = loaded(printed)
    assert {name for name, _ in proved.kernels} <= functions.keys()
    compare(proved.layer, functions, 8 if text != "conv2d" else 4)
