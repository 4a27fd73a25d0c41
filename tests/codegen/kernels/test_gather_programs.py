"""Kernels of programs with arrays of indices: the definitions and their slopes, entry by entry."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from rot180.derive.language.programs import parse_program
from tests.support.naive import meaning
from tests.support.program_runs import (
    PARAMETERS,
    call,
    drawn_indices,
    numpy_module,
    shape,
    sizes,
)

EXACT = {
    "a sum that a bracket makes finite": "t[j] = sum[i] c[i,j % s]; y[n] = max(t[n], 1)",
    "one array at the places of another": (
        "t[j] = max(sum[n] a[n,p[j]], 0); y[n] = t[q[n]] + sum[i,j] t[j] * a[n,i]"
    ),
}
ROUNDED = {
    "the place is a sum of indices": (
        "t[j] = d[] - sum[i,n] c[i,j % s] * a[n]; z[n] = exp(t[p[n]]); y[n] = z[n] * b[n]"
    ),
    "read and written at one place": (
        "t[n,j] = u[] / (2 + (sum[i] b[n,j] * a[n,i])^2); "
        "y[n] = sum[j] t[n,j] + u[] * t[n,p[n]]"
    ),
}


@pytest.mark.parametrize("text", [*EXACT.values(), *ROUNDED.values()], ids=[*EXACT, *ROUNDED])
def test_the_kernels_compute_the_definitions(text: str) -> None:
    program, exact = parse_program(text), text in EXACT.values()
    module, random = numpy_module(program.text), np.random.default_rng(len(text))
    arrays: dict[str, npt.NDArray[Any]] = drawn_indices(program)
    for word in [*(t.name for t in program.tensors), "grad_y"]:
        whole = random.integers(-2, 3, shape(program, word)).astype(float)
        arrays[word] = whole if exact else np.asarray(whole / 4)
    known = sizes(program) | PARAMETERS
    expected = meaning(program, known, arrays, arrays["grad_y"], exact=exact)
    found = [call(program, module.forward, arrays), *call(program, module.vjp, arrays)]
    found += [call(program, getattr(module, f"grad_{n}"), arrays) for n in expected.gradients]
    wanted = [expected.output, *2 * [*expected.gradients.values()]]
    for one, other in zip(found, wanted, strict=True):
        tolerance = 0 if exact else 1e-12
        np.testing.assert_allclose(one, other.astype(float), rtol=tolerance, atol=tolerance)
