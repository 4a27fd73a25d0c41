"""`rot180 show LAYER_rounding`."""

from __future__ import annotations

import json

import pytest

from rot180.codegen.cli.main import main


def test_a_layer_and_its_gradients(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "conv2d_rounding"]) == 0
    shown = capsys.readouterr().out
    for name in ("forward", "grad_x", "grad_w", "grad_bias"):
        assert f"conv2d.{name}, proof " in shown
    assert "|computed - dL/dw[o,c,k,l]| <= roundoff/(1 - roundoff) * magnitude[o,c,k,l]" in shown
    assert "nothing overflows, and nothing underflows" in shown


def test_one_theorem(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "rot180_correlation_1d_rounding", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert found["name"] == "rot180_correlation_1d_rounding"
    assert found["products"] == 1
    assert len(found["assumed"]) == 5
    assert main(["show", "rot180_correlation_1d_rounding", "--latex"]) == 0
    assert "\\mathcal{N}" in capsys.readouterr().out


def test_a_sum_in_stages(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "winograd_2_3_1d_rounding"]) == 0
    shown = capsys.readouterr().out
    assert "|computed - y[p]| <= roundoff/(1 - roundoff) * magnitude[p,a]" in shown
    assert "addends[p,a] = sum[r] [0 <= 3*r + 2 < K + 2] + 8" in shown
    assert "computed first, each of them in any order" in shown
    assert main(["show", "conv1d_rounding"]) == 0
    assert "computed first" not in capsys.readouterr().out


def test_what_is_not_covered_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "activated_conv2d_rounding"]) == 0
    shown = capsys.readouterr().out
    assert "|computed - dL/db[]| <= roundoff/(1 - roundoff) * magnitude[]" in shown
    assert "|computed - dL/dw" not in shown
    assert "in activated_conv2d.grad_w, expected a sum of products" in shown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["cov2d_rounding"], "near: conv2d_rounding"),
        (["softmax_rounding"], "expected the name of a layer or a theorem"),
        (["attention_value_rounding"], "found reciprocal_sum_e, expected a product of entries"),
        (["glu_rounding"], "expected a sum of products of operands"),
        (["conv1d_rounding", "--steps"], "--steps: found conv1d_rounding"),
        (["conv1d_rounding", "--style", "plain"], "--style: found conv1d_rounding"),
        (["conv1d_rounding", "--json", "--latex"], "--latex"),
    ],
)
def test_wrong_names_and_options_are_refused(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", *arguments]) == 2
    assert message in capsys.readouterr().err
