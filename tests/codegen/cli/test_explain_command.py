"""`rot180 explain`: how each sum of a layer or a program is computed, and why."""

from __future__ import annotations

import json

import pytest

from rot180.codegen.cli.main import main

ATTENTION = """
    z[n,i,j] = sum[d] q[n,i,d] * k[n,j,d]
    m[n,i] = max[j] z[n,i,j]
    e[n,i,j] = exp(z[n,i,j] - m[n,i])
    y[n,i,c] = sum[j] e[n,i,j] * v[n,j,c] / sum[j] e[n,i,j]
"""


def explained(spec: str, capsys: pytest.CaptureFixture[str]) -> dict[str, list[str]]:
    """Return what the command says as JSON."""
    assert main(["explain", spec, "--json"]) == 0
    found: dict[str, list[str]] = json.loads(capsys.readouterr().out)
    return found


def test_roles_of_loops(capsys: pytest.CaptureFixture[str]) -> None:
    found = explained("y[n,i,j] = sum[d] q[n,i,d] * k[n,j,d]", capsys)
    assert found["forward"][1:] == [
        "    a matrix product, m x k by k x n; left q, right k",
        "    batch: n (in the output and on both sides)",
        "    m: i (in the output, on the left)",
        "    n: j (in the output, on the right alone)",
        "    k: d (summed)",
    ]
    assert "    m: i (in the output, on the left)" in found["grad_q"]


def test_fused_passes_and_matrix_products_of_a_program(capsys: pytest.CaptureFixture[str]) -> None:
    found = explained(ATTENTION, capsys)
    fused = [lines for name, lines in found.items() if name.startswith("_pass")]
    assert any("    e[n,i,j] = exp(z_minus_m[n,i,j])" in lines for lines in fused)
    assert all("row by row (rows: N, I)" in lines[0] for lines in fused)
    assert "    k: j (summed)" in found["_step_y"]


def test_orders_of_contraction(capsys: pytest.CaptureFixture[str]) -> None:
    lines = explained("y[a,d] = sum[b,c] p[a,b]*q[b,c]*r[c,d]", capsys)["forward"]
    assert lines[0] == "the order with the fewest products at the sizes of the call:"
    assert "A*B*C + A*C*D products:" in lines


def test_element_wise_sums_phases_and_layers_without_operands(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert "    element-wise: i" in explained("y[i] = exp(x[i])", capsys)["forward"]
    lines = explained("y[p] = sum[k] x[2*p+k] * w[k]", capsys)["grad_x"]
    assert lines[0].startswith("for each ")
    assert list(explained("y[p] = 5", capsys)) == ["forward"]


def test_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "linear"]) == 0
    assert "a matrix product, m x k by k x n" in capsys.readouterr().out


def test_what_cannot_be_read_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "y[p] = sum[k x[p]"]) == 2
    assert "found" in capsys.readouterr().err
