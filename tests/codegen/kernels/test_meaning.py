"""Layers of the notation against what a reader takes them to mean, written out in Python."""

from __future__ import annotations

import inspect
import json
import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from rot180.codegen.documents.formats import in_formats
from rot180.codegen.documents.layer import document
from rot180.codegen.kernels.derivation import derive, layer_files
from rot180.codegen.plans.agreement import objection
from rot180.derive.display.notations import NOTATIONS
from rot180.derive.language.layers import Layer
from tests.support import plain_loops

Array = Any


def entry(x: Array, *index: int) -> int:
    """Return an entry, 0 outside the array."""
    inside = all(0 <= i < n for i, n in zip(index, x.shape, strict=True))
    return int(x[index]) if inside else 0


# each layer, and the entry of its output at an index, given sizes and parameters by name;
# every operand occurs linearly, so that a difference quotient is exact
MEANT: dict[str, Callable[..., Any]] = {
    "y[i] = x[i] + 5": lambda v, i: entry(v.x, i) + 5,
    "y[i] = x[i] + alpha": lambda v, i: entry(v.x, i) + v.alpha,
    "y[i] = x[i] + [i == 0]": lambda v, i: entry(v.x, i) + (i == 0),
    "y[i] = x[i] - alpha*[i < 3] + 2*[i > 1]": (
        lambda v, i: entry(v.x, i) - v.alpha * (i < 3) + 2 * (i > 1)
    ),
    "y[i] = 5": lambda v, i: 5,
    "y[i] = alpha*[i < 3]": lambda v, i: v.alpha * (i < 3),
    "y[i,j] = [i != j] + beta": lambda v, i, j: (i != j) + v.beta,
    "y[] = x[] - 3": lambda v: entry(v.x) - 3,
    "y[] = a[]*b[]": lambda v: entry(v.a) * entry(v.b),
    "y[] = 7": lambda v: 7,
    "y[i,j] = x[i] + [i == j]": lambda v, i, j: entry(v.x, i) + (i == j),
    "y[p] = sum[k] x[p+k]*w[k] + [p != 0] - 3": (
        lambda v, p: sum(entry(v.x, p + k) * entry(v.w, k) for k in range(v.K)) + (p != 0) - 3
    ),
    "y[i] = sum[j] [j < i] * x[j]": lambda v, i: sum(entry(v.x, j) for j in range(i)),
    "y[i] = sum[j] [j <= i] * x[j]": lambda v, i: sum(entry(v.x, j) for j in range(i + 1)),
    "y[i] = sum[j] [i > j] * x[j] * w[i]": (
        lambda v, i: sum(entry(v.x, j) for j in range(i)) * entry(v.w, i)
    ),
    "y[i] = [i >= 2] * x[i]": lambda v, i: (i >= 2) * entry(v.x, i),
    "y[i] = sum[j] [i != j] * x[j]": (
        lambda v, i: sum(entry(v.x, j) for j in range(len(v.x)) if j != i)
    ),
    "y[i] = sum[j] [2*j < i] * x[j]": (
        lambda v, i: sum(entry(v.x, j) for j in range(len(v.x)) if 2 * j < i)
    ),
    "y[i,j] = [i < j] * x[i,j] - [j <= i + 1] * x[j,i]": (
        lambda v, i, j: (i < j) * entry(v.x, i, j) - (j <= i + 1) * entry(v.x, j, i)
    ),
    "y[i] = sum[j,k] [j < k] * [k <= i] * x[j] * w[k]": (
        lambda v, i: sum(entry(v.x, j) * entry(v.w, k) for k in range(i + 1) for j in range(k))
    ),
    "y[p] = sum[k] [k >= 1] * [k < 3] * x[p-k]": (
        lambda v, p: entry(v.x, p - 1) + entry(v.x, p - 2)
    ),
    "y[p] = sum[k] [0 <= k <= p] * x[k] * w[p-k]": (
        lambda v, p: sum(entry(v.x, k) * entry(v.w, p - k) for k in range(p + 1))
    ),
    "y[n,t] = sum[u] [t - u <= 2] * [u <= t] * x[n,u]": (
        lambda v, n, t: sum(entry(v.x, n, u) for u in range(t - 2, t + 1))
    ),
    "y[i] = x[i] + [3 < 5] - 2*[n <= i]": lambda v, i: entry(v.x, i) + 1 - 2 * (v.n <= i),
    "y[i,j] = x[i,j] + x[j,i]": lambda v, i, j: entry(v.x, i, j) + entry(v.x, j, i),
    "y[i] = x[i,i] - x[i,i+1]": lambda v, i: entry(v.x, i, i) - entry(v.x, i, i + 1),
    "y[i] = x[i] + x[i+1]": lambda v, i: entry(v.x, i) + entry(v.x, i + 1),
    "y[i,j] = w[i,j]*v[j,i]": lambda v, i, j: entry(v.w, i, j) * entry(v.v, j, i),
    "x[N,M]; y[i,j] = x[i,j] + x[j,i]": lambda v, i, j: entry(v.x, i, j) + entry(v.x, j, i),
}


def module(text: str) -> types.ModuleType:
    """Return the NumPy kernels of a layer."""
    out = types.ModuleType("layer")
    exec(compile(layer_files(derive(text))["numpy_kernels.py"], text, "exec"), out.__dict__)
    return out


@dataclass(frozen=True)
class Sample:
    """A layer at random sizes: parameters, arrays and shapes by name."""

    text: str
    parameters: dict[str, int]
    arrays: dict[str, Array]
    shapes: dict[str, tuple[int, ...]]

    def output(self, arrays: dict[str, Array]) -> Array:
        """Return the output that is meant."""
        values = types.SimpleNamespace(**self.parameters, **arrays)
        y = np.zeros(self.shapes["y_shape"], np.int64)
        for index in np.ndindex(y.shape):
            y[index] = MEANT[self.text](values, *index)
        return y

    def gradient(self, name: str) -> Array:
        """Return the gradient of sum grad_y * y: every entry in turn is one more."""
        out, y = np.zeros_like(self.arrays[name]), self.output(self.arrays)
        for index in np.ndindex(out.shape):
            more = self.arrays[name].copy()
            more[index] += 1
            moved = self.output({**self.arrays, name: more}) - y
            out[index] = (moved * self.arrays["grad_y"]).sum()
        return out

    def call(self, kernel: Callable[..., Array]) -> Array:
        """Call a kernel."""
        known = {**self.parameters, **self.arrays, **self.shapes}
        return kernel(**{name: known[name] for name in inspect.signature(kernel).parameters})


def sample(text: str, forward: Layer, seed: int) -> Sample:
    """Return a layer at random sizes and entries."""
    env, entries = plain_loops.draw(forward, seed)
    arrays, shapes = {}, {}
    for t in (*forward.tensors, forward.output):
        word = t.name if t is not forward.output else "grad_y"
        shape = tuple(plain_loops.number(n, env) for n in t.shape if n is not None)
        arrays[word], shapes[f"{t.name}_shape"] = np.zeros(shape, np.int64), shape
        for at, value in entries[word].items():
            arrays[word][at] = value
    return Sample(text, env, arrays, shapes)


@pytest.mark.parametrize("text", MEANT)
def test_kernels_compute_what_is_meant(text: str) -> None:
    proved, module = derive(text), types.ModuleType("layer")
    exec(compile(layer_files(proved)["numpy_kernels.py"], text, "exec"), module.__dict__)
    for seed in range(10):
        found = sample(text, proved.layer, seed)
        y = found.call(module.forward)
        assert np.array_equal(y, found.output(found.arrays)), found
        for t in proved.layer.tensors:
            gradient = found.call(getattr(module, f"grad_{t.name}"))
            assert np.array_equal(gradient, found.gradient(t.name)), (t.name, found)


@pytest.mark.parametrize("text", [text for text in MEANT if "sum" not in text])
def test_documents_and_certificates_are_written(text: str) -> None:
    proved = derive(text)
    certificate = json.loads(layer_files(proved)["certificate.json"])
    for proof in certificate["proofs"].values():
        assert objection(json.dumps(proof)) == ""
    for notation in NOTATIONS.values():
        for detail in ("short", "full"):
            page = document(proved, detail, notation)
            texts, missing = in_formats(page, "proof", ("tex", "html"), lambda _: None)
            assert texts.keys() == {"proof.tex", "proof.html"}
            assert not missing


def test_complex_gradients_are_not_conjugated() -> None:
    module = types.ModuleType("layer")
    text = layer_files(derive("y[i] = x[i] * w[i]"))["numpy_kernels.py"]
    exec(compile(text, "complex", "exec"), module.__dict__)
    w, g = np.array([1 + 2j, 3 - 1j]), np.array([2 - 1j, 1j])
    assert np.array_equal(module.grad_x(g, w), g * w)
