"""Audits from beginning to end: of many configurations, and of one."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

from rot180.codegen.audit.cases import Choice, Configuration
from rot180.codegen.audit.diagnosis import diagnose
from rot180.codegen.audit.judge import AuditResult, Judge
from rot180.codegen.audit.layer_call import LayerCall
from rot180.codegen.audit.questions import question
from rot180.codegen.audit.report import Audit, explained, write, wrong_entry
from rot180.codegen.audit.targets import function_target
from rot180.codegen.audit.tolerance import precision

Supports = Callable[[LayerCall], bool]
"""Says whether a function supports a configuration."""


def run(judge: Judge, count: int, progress: Callable[[str], None] = lambda _: None) -> Audit:
    """Judge a target, and say what is wrong with it if something is.

    Args:
        judge: who judges, what and whom.
        count: how many configurations that the target supports are tried at most.
        progress: called with what is being done.

    Raises:
        ValueError: the target supports none.

    """
    verdict, diagnosis = AuditResult(), None
    for _ in judge.judge(count, verdict):
        if verdict.passed % 10 == 0:
            progress(f"{verdict.passed} configurations are right")
    if not verdict.passed and verdict.mismatch is None:
        found = ", ".join(sorted(verdict.unsupported))
        reasons = found or "each has an argument that it does not take"
        raise ValueError(
            f"TARGET: found no configuration that it supports ({reasons}), expected some"
        )
    if verdict.mismatch is not None:
        progress("looking for the smallest wrong configuration and for the mistake")
        diagnosis = diagnose(judge, verdict.mismatch)
    return Audit(judge, verdict, diagnosis)


def assert_gradient(
    function: Callable[..., Any],
    *,
    layer: str,
    wrt: str,
    configurations: int = 40,
    dtypes: Sequence[str] = ("float64", "float32"),
    seed: int = 0,
) -> None:
    """Check a gradient, or a forward pass, against the definition of its layer.

    The function is called with arrays of NumPy and keywords, by the names of rot180's public
    functions: ``input``, ``weight``, ``grad_output``, ``weight_size``, ``stride``, ``padding`` (a
    pair for each axis) and so on. Small integers must come out exactly, other numbers within the
    proved bound of each entry. It raises `NotImplementedError` where it does not support a call.

    Args:
        function: what is checked.
        layer: a shipped layer, a name of the catalogue, or a text.
        wrt: the operand whose gradient it is; "" for the forward pass.
        configurations: how many are tried.
        dtypes: those of the arrays, and of sums if wider: "float16:float32".
        seed: draws other configurations and numbers.

    Raises:
        AssertionError: it is wrong; the message has the smallest configuration at which it is, the
            terms at fault, and the name of the mistake.
        ValueError: the layer, the operand or a dtype is unknown, or nothing is supported.

    """
    asked = question(layer, wrt)
    kinds = tuple(precision(d, "dtypes") for d in dtypes)
    judge = Judge(asked, function_target(function), kinds, seed)
    audit = run(judge, configurations)
    if audit.diagnosis is not None:
        raise AssertionError(write(audit, "text").rstrip())


def separating(
    layer: str, wrt: str, count: int, seed: int = 0, supports: Supports | None = None
) -> list[LayerCall]:
    """Return configurations that separate right from wrong, small ones first.

    Args:
        layer: a shipped layer, a name of the catalogue, or a text.
        wrt: the operand whose gradient is judged; "" for the forward pass.
        count: how many.
        seed: draws others.
        supports: says which ones to choose from.

    Raises:
        ValueError: the layer is unknown, has a function without values, or has no such operand; or
            none is supported.

    """
    asked = question(layer, wrt)
    accepts = supports or (lambda call: True)
    choice = Choice(asked, seed, lambda env: accepts(LayerCall(asked, env)))
    chosen = list[LayerCall]()
    for case in itertools.islice(choice, count):
        choice.support(case)
        chosen.append(LayerCall(asked, case.env))
    if not chosen:
        raise ValueError("supports: found no configuration that it accepts, expected some")
    return chosen


def fault(
    configuration: LayerCall,
    function: Callable[..., Any],
    dtypes: Sequence[str],
    seed: int,
    known: dict[str, str],
) -> str:
    """Return what is wrong with a function at a configuration, "" if nothing is.

    Args:
        configuration: the configuration.
        function: the function.
        dtypes: those of the arrays, and of sums if wider.
        seed: draws the numbers.
        known: diagnoses by kinds of mismatch; a new one is added.

    Raises:
        UnsupportedCallError: the function does not support the configuration.

    """
    asked = configuration.question
    kinds = tuple(precision(d, "dtypes") for d in dtypes)
    judge = Judge(asked, function_target(function), kinds, seed)
    mismatch, _ = judge.wrong(Configuration(configuration.env, frozenset()))
    if mismatch is None:
        return ""
    if mismatch.kind not in known:
        audit = Audit(judge, AuditResult(mismatch=mismatch), diagnose(judge, mismatch))
        lines = explained(audit)
        known[mismatch.kind] = "\n".join([f"{audit.title} is wrong", *(f"    {s}" for s in lines)])
    here = f"    here, in {mismatch.dtype}: {wrong_entry(mismatch)}"
    return f"{known[mismatch.kind]}\n{here}\n    in {configuration!r}"
