"""Rounding theorems as text and as LaTeX; every part follows from the theorem's own sum."""

from __future__ import annotations

import pytest

from rot180.derive.display.rounding import rounding_latex, write_rounding
from rot180.derive.gradients.gradient import gradient, kernel_theorem
from rot180.derive.language.layers import catalogue, layer
from rot180.derive.semantics.rounding import rounding
from rot180.derive.theorems import theorem

CONV1D = """\
|computed - y[n,o,p]| <= roundoff/(1 - roundoff) * magnitude[n,o,p]
  where roundoff = (addends[n,o,p] - 1)*u_sum + u_product + u_result
  y[n,o,p] = sum[c,k] x[n,c,s*p+d*k-lo] * w[o,c,k] + bias[o]
  magnitude[n,o,p] = sum[c,k] abs(x[n,c,s*p+d*k-lo]) * abs(w[o,c,k]) + abs(bias[o])
  addends[n,o,p] = sum[c,k] [0 <= c < C] * [0 <= s*p + d*k - lo < H] * [0 <= k < K] + 1
  for all 0 <= n < N, 0 <= o < O, 0 <= p < P
  if roundoff < 1"""

BIAS = """\
|computed - dL/dbias[o]| <= roundoff/(1 - roundoff) * magnitude[o]
  where roundoff = (addends[o] - 1)*u_sum + u_result
  dL/dbias[o] = sum[n,p] grad_y[n,o,p]
  magnitude[o] = sum[n,p] abs(grad_y[n,o,p])
  addends[o] = sum[n,p] [0 <= n < N] * [0 <= p < P]
  for all 0 <= o < O
  if roundoff < 1"""

PHASES = "sum[o,p,k] [s*p + d*k == h + lo] * [0 <= o < O] * [0 <= p < P] * [0 <= k < K]"


def test_text() -> None:
    assert write_rounding(rounding(kernel_theorem(layer("conv1d"), None))) == CONV1D
    assert write_rounding(rounding(gradient(layer("conv1d"), "bias"))) == BIAS


def test_the_phase_of_an_entry_says_how_many_products_it_has() -> None:
    shown = write_rounding(rounding(gradient(layer("conv1d"), "x")))
    assert f"  addends[n,c,h] = {PHASES}\n" in shown


def test_equal_counts_are_added_and_hypotheses_are_kept() -> None:
    shown = write_rounding(rounding(gradient(layer("squared_error"), "a")))
    assert "  magnitude[n,o] = abs(grad_C[]) * abs(a[n,o]) + abs(grad_C[]) * abs(t[n,o])\n" in shown
    assert "  addends[n,o] = 2\n" in shown
    phases = write_rounding(rounding(theorem("phases_correlation_general_channels_1d")))
    assert phases.endswith("if s >= 1, roundoff < 1")


@pytest.mark.parametrize("name", ["conv2d", "conv_transpose1d", "avg_pool1d", "linear", "local1d"])
def test_no_name_means_two_things(name: str) -> None:
    given = layer(name)
    for t in (kernel_theorem(given, None), *(gradient(given, a.name) for a in given.tensors)):
        names = {v.name for line in t.lines for term in line for v in term.symbols}
        names |= {a.name for a in t.tensors}
        assert not names & {"roundoff", "magnitude", "addends", "computed", "u_sum", "u_product"}
    assert name in catalogue()


def test_latex() -> None:
    shown = rounding_latex(rounding(gradient(layer("conv1d"), "w")))
    assert "\\sum_{n, p} |g[n, o, p]|\\,|x[n, c, s p + d k - \\mathit{lo}]|" in shown
    assert "\\frac{\\varepsilon}{1 - \\varepsilon}\\,\\mathcal{A}" in shown
    assert "\\varepsilon = (\\mathcal{N} - 1)\\,u_{+} + u_{\\times} + u_{=}" in shown
    assert shown.count("\\begin{align") == shown.count("\\end{align") == 1
