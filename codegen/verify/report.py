"""Check theorems independently: replay, the checker, exact evaluation, an SMT solver.

Proof scripts are a fifth check, in `proof_scripts`; `diagnosis` explains what is refused.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from typing import NamedTuple
from xml.etree import ElementTree

from rot180.codegen.plans.agreement import objection
from rot180.codegen.system.programs import in_processes
from rot180.codegen.system.terminal import visible
from rot180.codegen.verify.departure import departure_from_committed, step_name
from rot180.codegen.verify.diagnosis import (
    MODELS,
    describe,
    explain,
    first_false_line,
    joined,
)
from rot180.derive.certificates.reader import MalformedError, loads
from rot180.derive.kernel.errors import ProofError, difference, show
from rot180.derive.kernel.obligations import Obligation
from rot180.derive.kernel.proof import Proof, Theorem
from rot180.derive.kernel.replay import replay
from rot180.derive.language.terms import Expression
from rot180.derive.semantics import smt
from rot180.derive.semantics.check import check
from rot180.derive.semantics.counterexample import refute
from rot180.derive.semantics.hypotheses import vacuous
from rot180.derive.semantics.model import EvaluationError
from rot180.derive.semantics.search_space import Equation
from rot180.derive.semantics.side_conditions import discrepancies
from rot180.derive.theorems import Claim, claims

CHECKS = ("replay", "checker", "model", "smt", "rocq")

ABSENT = "not installed"
LEFT_OUT = "-"
NOT_RUN = "not run"

NOTHING_FALSE = (
    "the finite model finds no written line false: a step does not follow, "
    "is missing or is in the wrong place"
)


class CertificateText(NamedTuple):
    """A certificate: where it was read, its text, and the statement recorded with it, if any."""

    name: str
    text: str
    statement: str = ""


@dataclass
class TheoremReport:
    """The results of the checks of one theorem.

    A result is ``ok``, ``-``, ``not installed``, ``not run`` or a fault; a required check must be
    ``ok``.
    """

    name: str
    steps: int = 0
    obligations: int = 0
    replay: str = LEFT_OUT
    checker: str = LEFT_OUT
    model: str = LEFT_OUT
    smt: str = LEFT_OUT
    rocq: str = NOT_RUN
    seconds: float = 0.0
    statement: str = ""
    required: tuple[str, ...] = ()

    @property
    def faults(self) -> list[str]:
        """Return the checks that failed, each with its message."""
        found = []
        for name in CHECKS:
            result = getattr(self, name)
            if result in (LEFT_OUT, ABSENT, NOT_RUN):
                if name in self.required:
                    why = NOT_RUN if result == LEFT_OUT else result
                    found.append(f"{name}: {why}, but required")
            elif result != "ok":
                found.append(f"{name}: {result}")
        return found

    def plain(self) -> dict[str, object]:
        """Return the report as plain data."""
        return asdict(self) | {"seconds": round(self.seconds, 2), "faults": self.faults}


def check_certificates(
    certificates: Iterable[CertificateText], show: Callable[[TheoremReport], None]
) -> list[TheoremReport]:
    """Check certificates, without any proof search.

    Args:
        certificates: what to check.
        show: called with each report as soon as it is complete.

    Raises:
        MalformedError: a text is not a certificate.
        ToolError: a process that checks was ended from outside.

    """
    reports = []
    for report in in_processes(_report, certificates):
        show(report)
        reports.append(report)
    return reports


def unproved_claims(reports: Iterable[TheoremReport]) -> list[TheoremReport]:
    """Return a failed report for each claim of the registry that no certificate proves."""
    found = {report.name for report in reports}
    return [
        TheoremReport(name, replay="there is no certificate")
        for name in claims()
        if name not in found
    ]


def _report(source: CertificateText) -> TheoremReport:
    began = time.perf_counter()
    try:
        proof = loads(source.text)
    except MalformedError as error:
        raise MalformedError(f"{source.name}: {error}") from error
    report = TheoremReport(proof.name, len(proof.steps))
    report.checker = objection(source.text) or "ok"
    _check(report, proof, source.statement)
    report.seconds = time.perf_counter() - began
    return report


def _check(report: TheoremReport, proof: Proof, recorded: str) -> None:
    """Fill in the results of replay, exact evaluation and the SMT solver."""
    try:
        theorem = replay(proof)
    except ProofError as error:
        report.model = first_false_line(proof)
        nothing_false = NOTHING_FALSE if report.model == "ok" else ""
        report.replay = joined(str(error), *explain(proof), nothing_false)
        return
    report.statement = str(theorem)
    hard = smt.hard_obligations(theorem)
    report.obligations = len(hard)
    report.replay = "ok"
    if proof.name in claims():
        report.replay = _compared_with_claim(theorem, claims()[proof.name]())
    if recorded and report.replay == "ok":
        report.replay = _compared_with_record(theorem, recorded)
    if departs := departure_from_committed(proof):
        holds = "every step holds, but it is not the committed proof"
        report.replay = joined(holds if report.replay == "ok" else report.replay, departs)
    report.model = _model(theorem)
    report.smt = _smt(theorem, hard)


def _compared_with_claim(theorem: Theorem, claim: Claim) -> str:
    """Say how a theorem differs from the claim of its name in the registry; ``ok`` if it does not.

    Both sides are printed where they differ, with values that differ if there are any.
    """
    parts = {
        "free indices": (theorem.variables, claim.variables),
        "hypotheses": (theorem.hypotheses, claim.hypotheses),
        "left side": (theorem.lhs, claim.lhs),
        "right side": (theorem.rhs, claim.rhs),
    }
    wrong = [name for name, (found, expected) in parts.items() if found != expected]
    if not {*theorem.divisors} <= {*claim.divisors}:
        wrong.append("divisors")
    if not wrong:
        return "ok"
    messages = [f"it proves another statement: not the claim's {' and '.join(wrong)}"]
    for side, found, expected in (
        ("left", theorem.lhs, claim.lhs),
        ("right", theorem.rhs, claim.rhs),
    ):
        if found != expected:
            messages.append(
                f"the {side} side, {_end(theorem, side)}, is\n    {show(found)}\n  the claim's is\n"
                f"    {show(expected)}\n  first difference: {difference(found, expected)}"
            )
            if {"free indices", "hypotheses"}.isdisjoint(wrong):
                messages.append(_values_differ(theorem.proof, found, expected))
    return joined(*messages)


def _end(theorem: Theorem, side: str) -> str:
    steps = theorem.proof.steps
    return "line 0" if side == "left" or not steps else f"after {step_name(len(steps), steps[-1])}"


def _values_differ(proof: Proof, found: Expression, expected: Expression) -> str:
    try:
        wrong = refute(Equation(proof.variables, proof.hypotheses, (found, expected)))
    except EvaluationError:
        return ""
    return describe(wrong, "the file's", "the claim's") if wrong else ""


def _compared_with_record(theorem: Theorem, recorded: str) -> str:
    """Say how a theorem differs from the statement recorded with its proof; ``ok`` if it does not.

    The words of the registry's claim are part of some recorded statements.
    """
    registered = claims().get(theorem.name)
    words = registered().words if registered else ""
    if recorded in (str(theorem), str(replace(theorem, words=words))):
        return "ok"
    return (
        f"it proves another statement than is recorded: {_end(theorem, 'right')} it states\n"
        f"    {_indented(str(theorem))}\n  recorded is\n    {_indented(recorded)}"
    )


def _indented(text: str) -> str:
    return text.replace("\n", "\n    ")


def _model(theorem: Theorem) -> str:
    """Evaluate all lines of a proof at a few models, exactly."""
    if nothing := vacuous(theorem.variables, theorem.hypotheses):
        return str(nothing)
    try:
        found = check(theorem, MODELS)
    except EvaluationError as error:
        return str(error)
    return "ok" if found.counterexample is None else str(found.counterexample)


def _smt(theorem: Theorem, hard: list[Obligation]) -> str:
    """Derive the side conditions a second time, compare them, and ask the solver about them."""
    wrong = [message for one in smt.with_cited(theorem) for message in discrepancies(one)]
    if wrong:
        return joined("the side conditions are not those that the rules' figures state", *wrong)
    if not hard:
        return "ok"
    if not smt.available():
        return ABSENT
    bad = [answer.verdict for answer in smt.ask(hard) if answer.verdict != "proved"]
    return f"{len(bad)} obligations {', '.join(sorted(set(bad)))}" if bad else "ok"


def junit(reports: Iterable[TheoremReport]) -> str:
    """Write reports as a JUnit report."""
    reports = list(reports)
    failed = str(sum(bool(report.faults) for report in reports))
    suite = ElementTree.Element(
        "testsuite", name="rot180 verify", tests=str(len(reports)), failures=failed
    )
    for report in reports:
        case = ElementTree.SubElement(
            suite,
            "testcase",
            classname="theorem",
            name=visible(report.name),
            time=f"{report.seconds:.3f}",
        )
        for fault in map(visible, report.faults):  # XML has no control characters
            ElementTree.SubElement(case, "failure", message=fault.splitlines()[0]).text = fault
    ElementTree.indent(suite)
    return ElementTree.tostring(suite, encoding="unicode") + "\n"
