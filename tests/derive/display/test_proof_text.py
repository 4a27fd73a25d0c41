"""Short proofs as text have the lines and the reasons of the short proofs in documents."""

from __future__ import annotations

import re

import pytest

from rot180.derive import gradient, layer, theorem
from rot180.derive.display.definitions import every_tensor
from rot180.derive.display.proof_latex import proof_lines
from rot180.derive.display.proof_text import COLUMNS, write_proof
from rot180.derive.language.notation import write
from rot180.derive.language.spelling import ambiguous
from rot180.derive.theorems import claims

STRIDED = """\
dL/dx[h]
  = sum[p] grad_y[p] * d y[p]/d x[h]
        chain rule, grad_y = dL/dy
  = sum[p,k] grad_y[p] * [2*p + k == h] * w[k]
        definition of y; dx[i]/dx[j] = [i == j]
  = sum[k,p] grad_y[p] * [h + k + 1 == 2*p + K] * w[K-1-k]
        put k -> K - 1 - k
  = sum[k,p] grad_y[p] * [h + k + 1 == 2*p + K] * rot180(w)[k]
        definition of rot180(w)
  = sum[k] dilate(grad_y, 2)[h+k+1-K] * rot180(w)[k]
        definition of dilate(grad_y, 2)
  = correlate(dilate(grad_y, 2), rot180(w))[h]
        definition of the correlation"""

LONG = "y[i] = (x[i]+z[i])*(u[i]+v[i])*(a[i]+b[i])*(c[i]+e[i])*(m[i]+n[i])"


def test_a_strided_layer() -> None:
    assert write_proof(gradient(layer("y[p] = sum[k] x[2*p+k] * w[k]"), "x")) == STRIDED


@pytest.mark.parametrize("name", [*claims()][::16])
def test_it_has_the_lines_of_documents(name: str) -> None:
    found = theorem(name)
    text = write_proof(found)
    free = tuple(v for v, _ in found.variables)
    bare = ambiguous(every_tensor(*found.lines))
    at = 0
    for line in proof_lines(found):
        if len(line.right) > 10:
            continue  # abbreviated
        at = text.index(f"\n  = {write(line.right, free, (), bare)}", at) + 1
    assert not re.search(r"[\\\\${}]", text), "a reason is LaTeX"


def test_reasons_stand_beside_short_lines() -> None:
    found = theorem("output_size")
    _, line = write_proof(found).splitlines()
    assert re.fullmatch(r"  = \[0 <= s\*p < .*\]    \S.*", line) and len(line) <= COLUMNS


def test_long_lines_are_abbreviated() -> None:
    assert " + ... (6 more terms)" in write_proof(gradient(layer(LONG), "x"))


def test_a_division_with_remainder() -> None:
    text = write_proof(theorem("phases_correlation_general_channels_1d"))
    assert "division with remainder: h + lo = s*u + rest, k = s*q + rest" in text
