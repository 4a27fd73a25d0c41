"""Steps of terms with entries at arrays of indices: exactly what the terms are, entry by entry."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sympy import Expr, Symbol

from rot180.codegen.kernels.runtime.numpy import gathering
from rot180.derive.gradients.gather_steps import GatherStep, parts_of
from rot180.derive.language.computed import Gather
from rot180.derive.language.programs import definition_line, parse_program
from rot180.derive.language.terms import Access, Equal, Factor, Range, Tensor

Array = npt.NDArray[Any]
SIZES = {"N": 3, "V": 4, "W": 2, "M": 2, "s": 2}
TERMS = {  # each with the number of steps and definitions
    # what one step computes
    "a gather": ("x[V]; p[N,V]; y[N]; y[n] = sum[v] p[n,v] * x[v]", 1),
    "a scatter": ("x[N]; p[N,V]; y[V]; y[v] = sum[n] p[n,v] * x[n]", 1),
    "two axes": ("x[N,M]; p[N,V]; q[M,W]; y[V,W]; y[v,w] = sum[n,m] x[n,m] * p[n,v] * q[m,w]", 1),
    # what several compute
    "the place in a sum of indices": (
        "x[N]; p[N,V]; y[W]; y[w] = sum[n,m] p[n,w+s*m] * x[n] * [0 <= w < s]",
        2,
    ),
    "the array at a sum of indices": (
        "x[V]; p[N,V]; y[W]; y[w] = sum[m,v] p[w+m,v] * x[v] * [0 <= m < 2]",
        2,
    ),
    "all at a sum of indices": (
        "x[N,V]; p[N,V]; y[W]; y[w] = sum[n,m] p[n,w+s*m] * x[n,w+s*m] * [0 <= w < s]",
        3,
    ),
    "an index and the place at once": ("x[N]; p[N,N]; y[N]; y[n] = p[n,n] * x[n]", 3),
    "read and written": ("x[N,V]; p[N,V]; y[N,V]; y[n,v] = 3 * p[n,v] * x[n,v] - x[n,v]", 4),
    "read, written and summed": ("x[N,V]; p[N,V]; y[V]; y[v] = sum[n] p[n,v] * x[n,v]", 2),
    "one array twice": ("x[V]; p[N,V]; y[N]; y[n] = sum[v] p[n,v] * p[n,v] * x[v]", 4),
    "two arrays with one place": ("p[N,V]; q[M,V]; y[N,M]; y[n,m] = sum[v] p[n,v] * q[m,v]", 3),
    "one read, one written": (
        "x[V]; p[N,V]; q[N,W]; y[W]; y[w] = 2 * sum[n,v] p[n,v] * q[n,w] * x[v]",
        3,
    ),
    "one at the places of another": (
        "x[N]; p[N,V]; q[V,W]; y[W]; y[w] = sum[n,v] x[n] * p[n,v] * q[v,w]",
        2,
    ),
    "other sizes": ("x[V]; p[N,V]; y[V]; y[m] = sum[v] p[m,v] * x[v]", 2),
    "an entry of another size": ("x[N]; p[N,V]; y[N]; y[n] = sum[v] p[n,v] * x[v]", 2),
}


def number(e: Expr, at: Mapping[Symbol, int]) -> int:
    """Return the value of a polynomial, with the sizes of this file."""
    by = {v: at[v] if v in at else SIZES[str(v)] for v in e.free_symbols if isinstance(v, Symbol)}
    return int(e.xreplace(by)) if by else int(e)


def factor(f: Factor, at: Mapping[Symbol, int], arrays: Mapping[str, Array]) -> int:
    """Return the value of an entry, which is 0 outside its box, or of a bracket."""
    if isinstance(f, Equal):
        return int(number(f.value, at) == 0)
    if isinstance(f, Range):
        return int(0 <= number(f.value, at) < number(f.size, at))
    assert isinstance(f, Access)
    a, index = arrays[f.tensor.name], tuple(number(e, at) for e in f.index)
    return int(a[index]) if all(0 <= i < n for i, n in zip(index, a.shape, strict=True)) else 0


def evaluated(t: Tensor, arrays: Mapping[str, Array]) -> Array:
    """Compute a definition entry by entry; sums are over all indices of arrays."""
    assert t.definition is not None
    out = np.zeros([number(n, {}) for n in t.shape if n is not None], int)
    for index in np.ndindex(*out.shape):
        at = dict(zip(t.definition.formals, index, strict=True))
        for u in t.definition.body:
            for values in itertools.product(range(4), repeat=len(u.variables)):
                here = at | dict(zip(u.variables, values, strict=True))
                found = number(u.coefficient, {})
                for f in u.factors:
                    found = found and found * factor(f, here, arrays)
                out[index] += found
    return out


def step_result(
    step: GatherStep, arrays: Mapping[str, Array], places: Mapping[str, Array]
) -> Array:
    """Compute a step by the functions of the kernels."""
    words, formals = (" ".join(map(str, index)) for index in (step.words, step.formals))
    reads = [
        (str(r.place), places[r.gather.array.name], " ".join(map(str, r.index)))
        for r in step.reads
    ]
    source = arrays[step.source.name]
    if step.scatters:
        box = tuple(number(n, {}) for n in step.shape)
        return gathering._scattered(source, words, formals, box, *reads)
    return gathering._gathered(source, words, formals, *reads)


@pytest.mark.parametrize("name", TERMS)
def test_the_steps_compute_the_definition(name: str) -> None:
    text, count = TERMS[name]
    program = parse_program(text)
    (t,) = program.definitions
    random = np.random.default_rng(len(text))
    arrays: dict[str, Array] = {}
    places: dict[str, Array] = {}
    gathers = []
    for u in program.tensors:
        box = [number(n, {}) for n in u.shape if n is not None]
        arrays[u.name] = random.integers(-9, 10, box)
        if u.name in ("p", "q"):
            gathers.append(Gather(u, Tensor(f"at_{u.name}", u.shape[:-1])))
            places[f"at_{u.name}"] = random.integers(0, box[-1], box[:-1])
            arrays[u.name] = np.eye(box[-1], dtype=int)[places[f"at_{u.name}"]]
    expected = evaluated(t, arrays)
    parts = parts_of(t, gathers, definition_line(t), {u.name for u in (t, *program.tensors)})
    for part in parts:
        assert part.name not in arrays
        if isinstance(part, GatherStep):
            arrays[part.name] = step_result(part, arrays, places)
        else:
            arrays[part.name] = evaluated(part, arrays)
        shape = tuple(number(n, {}) for n in part.shape if n is not None)
        assert arrays[part.name].shape == shape
    assert parts[-1].name == t.name
    assert np.array_equal(arrays[t.name], expected)
    assert len(parts) == count
