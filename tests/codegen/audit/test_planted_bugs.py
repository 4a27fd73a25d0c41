"""Planted bugs in PyTorch code: each is found, shrunk and named; correct code passes."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")

from rot180.codegen.audit.diagnosis import diagnose  # noqa: E402
from rot180.codegen.audit.judge import AuditResult, Judge  # noqa: E402
from rot180.codegen.audit.questions import question  # noqa: E402
from rot180.codegen.audit.targets import JudgedFunction, takes, target  # noqa: E402
from rot180.codegen.audit.tolerance import Precision  # noqa: E402
from tests.support import audit_victims  # noqa: E402

DOUBLE = Precision("float64", "float64")


@pytest.mark.parametrize(("victim", "layer", "wrt", "name"), audit_victims.BUGS)
def test_a_planted_bug_is_found_and_named(victim: Any, layer: Any, wrt: Any, name: Any) -> None:
    asked, verdict = question(layer, wrt), AuditResult()
    judge = Judge(asked, JudgedFunction("victim", victim, takes(victim)), (DOUBLE,))
    for _ in judge.judge(40, verdict):
        pass
    assert verdict.mismatch is not None
    found = diagnose(judge, verdict.mismatch)
    assert found.mistake == name
    assert sum(map(abs, found.smallest.case.env.values())) <= 30, found.smallest.case.env


@pytest.mark.parametrize(
    ("victim", "layer", "wrt"),
    [
        (audit_victims.right, "conv2d", "input"),
        (audit_victims.weight_gradient, "conv2d", "weight"),
    ],
)
def test_without_a_bug_they_pass(victim: Any, layer: Any, wrt: Any) -> None:
    asked, verdict = question(layer, wrt), AuditResult()
    judge = Judge(asked, JudgedFunction("victim", victim, takes(victim)), (DOUBLE,))
    for _ in judge.judge(40, verdict):
        pass
    assert (verdict.mismatch, verdict.passed) == (None, 40)


@pytest.mark.parametrize("adapter", ["torch", "torch.nn.grad"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_pytorch_is_within_the_bounds(adapter: str, dtype: str) -> None:
    asked, verdict = question("conv2d", "weight"), AuditResult()
    judge = Judge(asked, target(adapter, asked), (Precision(dtype, dtype),))
    for _ in judge.judge(20, verdict):
        pass
    assert (verdict.mismatch, verdict.passed) == (None, 20)
    assert 0 < verdict.worst <= 1
