"""``rot180 audit``: judge somebody's forward or backward pass."""

from __future__ import annotations

import argparse
from pathlib import Path

from rot180.codegen.audit.diagnosis import diagnose
from rot180.codegen.audit.judge import AuditResult, Judge
from rot180.codegen.audit.questions import question
from rot180.codegen.audit.report import FORMATS, Audit, write
from rot180.codegen.audit.targets import target
from rot180.codegen.audit.tolerance import Precision, numpy_dtype
from rot180.codegen.cli.options import Work
from rot180.codegen.cli.output import progress
from rot180.codegen.system import files
from rot180.codegen.system.terminal import say


def audit(arguments: argparse.Namespace) -> Work:
    """Find the layer and the target; the work judges it, and reports.

    Raises:
        ValueError: the layer, the operand, the target or an option is unknown.

    """
    asked = question(arguments.layer, arguments.wrt or "")
    judged = target(arguments.target, asked)
    arithmetic = tuple(_precision(text) for text in arguments.dtype.split(","))
    if arguments.configurations < 1:
        found = arguments.configurations
        raise ValueError(f"--configurations: found {found}, expected an integer >= 1")
    if arguments.report not in FORMATS:
        expected = ", ".join(FORMATS)
        raise ValueError(f"--report: found {arguments.report!r}, expected one of {expected}")
    if arguments.output is not None:
        files.expect_file("--output", arguments.output)
    judge = Judge(asked, judged, arithmetic, arguments.seed)
    return lambda: _audit(arguments, judge)


def _precision(text: str) -> Precision:
    """Read ``float32`` or ``float16:float32``, the dtype and the wider one of its sums."""
    dtype, _, wider = text.partition(":")
    found = Precision(dtype, wider or dtype)
    try:
        _ = found.arithmetic
    except ValueError as error:
        raise ValueError(f"--dtype: {error}") from error
    numpy_dtype(dtype)
    return found


def _audit(arguments: argparse.Namespace, judge: Judge) -> int:
    verdict = AuditResult()
    for _ in judge.judge(arguments.configurations, verdict):
        if verdict.passed % 10 == 0:
            progress(f"{verdict.passed} configurations are right")
    if not verdict.passed and verdict.mismatch is None:
        reasons = ", ".join(sorted(verdict.unsupported))
        raise ValueError(
            f"TARGET: found no configuration that it supports ({reasons}), expected some"
        )
    diagnosis = None
    if verdict.mismatch is not None:
        progress("looking for the smallest wrong configuration and for the mistake")
        diagnosis = diagnose(judge, verdict.mismatch)
    text = write(Audit(judge, verdict, diagnosis), arguments.report)
    if arguments.output is None:
        say(text, end="")
    else:
        files.publish(Path(arguments.output), text.encode())
        say(write(Audit(judge, verdict, diagnosis), "text"), end="")
    return int(diagnosis is not None)
