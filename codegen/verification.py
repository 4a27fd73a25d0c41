"""Re-check theorems by means that share little: replay, exact evaluation, an SMT solver."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from xml.etree import ElementTree

from rot180.codegen import files, rocq
from rot180.codegen.tools import ToolError
from rot180.derive import smt
from rot180.derive.certificates import MalformedError, loads
from rot180.derive.evaluate import EvaluationError, check
from rot180.derive.proof import Proof, ProofError, Theorem, replay
from rot180.derive.theorems import Claim, claims

CHECKS = ("replay", "model", "smt", "rocq")
MODELS = 3
"""At how many choices of sizes and entries every line of a proof is evaluated."""

ABSENT = "not installed"
LEFT_OUT = "-"


@dataclass
class Row:
    """What became of one theorem; a check is ``ok``, ``-``, ``not installed`` or a fault."""

    name: str
    steps: int = 0
    obligations: int = 0
    replay: str = LEFT_OUT
    model: str = LEFT_OUT
    smt: str = LEFT_OUT
    rocq: str = LEFT_OUT
    seconds: float = 0.0

    @property
    def faults(self) -> list[str]:
        """Return the checks that failed, with what they said."""
        found = {name: getattr(self, name) for name in CHECKS}
        return [f"{k}: {v}" for k, v in found.items() if v not in ("ok", LEFT_OUT, ABSENT)]

    def plain(self) -> dict[str, object]:
        """Return the row as plain data."""
        return asdict(self) | {"seconds": round(self.seconds, 2), "faults": self.faults}


def verify(
    certificates: Iterable[tuple[str, str]], report: Callable[[Row], None]
) -> list[Row]:
    """Check certificates; nothing is searched.

    Args:
        certificates: pairs of a file's name and its text.
        report: called with each row as it is done.

    Raises:
        MalformedError: a text is not a certificate.

    """
    rows = []
    with ProcessPoolExecutor() as pool:
        for row in pool.map(_row, certificates):
            report(row)
            rows.append(row)
    return rows


def _row(certificate: tuple[str, str]) -> Row:
    source, text = certificate
    began = time.perf_counter()
    try:
        proof = loads(text)
    except MalformedError as error:
        raise MalformedError(f"{source}: {error}") from error
    row = Row(proof.name, len(proof.steps))
    _check(row, proof)
    row.seconds = time.perf_counter() - began
    return row


def missing(rows: Iterable[Row]) -> list[Row]:
    """Return a failed row for each claim of the registry that no certificate proves."""
    found = {row.name for row in rows}
    return [Row(name, replay="there is no certificate") for name in claims() if name not in found]


def check_scripts(
    rows: Iterable[Row], certificates: Iterable[tuple[str, str]], progress: Callable[[str], None]
) -> None:
    """Let `coqc` check the script of each certificate of the registry; fill in the rows.

    Raises:
        ToolError: `coqc` is not installed.

    """
    by_name = {row.name: row for row in rows}
    proofs = [loads(text) for _, text in certificates]
    theorems = [
        replace(replay(p), words=claims()[p.name]().words)
        for p in proofs
        if p.name in claims() and by_name[p.name].replay == "ok"
    ]
    total = 0.0
    for checked in rocq.verify(files.generated_folder() / "rocq", theorems):
        total += checked.seconds
        said = "closed under the global context" if checked.accepted else checked.message
        progress(f"coqc {checked.name}: {said} ({checked.seconds:.1f} s)")
        row = by_name.get(checked.name)
        if row is not None:
            row.rocq = "ok" if checked.accepted else checked.message or "refused"
        elif not checked.accepted:
            raise ToolError(checked.message)
    progress(f"coqc, all scripts: {total:.0f} s; no assumptions but the statements' own hypotheses")


def _check(row: Row, proof: Proof) -> None:
    try:
        theorem = replay(proof)
    except ProofError as error:
        row.replay = str(error)
        row.model = _first_false_line(proof)
        return
    hard = smt.hard_obligations(theorem)
    row.obligations = len(hard)
    row.replay = f"{len(theorem.open)} obligations are open" if theorem.open else "ok"
    if proof.name in claims():
        row.replay = _states(theorem, claims()[proof.name]()) or row.replay
    row.model = _model(theorem)
    if not hard:
        row.smt = "ok"
    elif not smt.available():
        row.smt = ABSENT
    else:
        bad = [a.verdict for a in smt.ask(hard) if a.verdict != "proved"]
        row.smt = f"{len(bad)} obligations {', '.join(sorted(set(bad)))}" if bad else "ok"


def _states(theorem: Theorem, claim: Claim) -> str:
    """Say in which part a theorem differs from the claim of that name in the registry."""
    parts = {
        "free indices": (theorem.variables, claim.variables),
        "hypotheses": (theorem.hypotheses, claim.hypotheses),
        "left side": (theorem.lhs, claim.lhs),
        "right side": (theorem.rhs, claim.rhs),
    }
    wrong = [name for name, (found, expected) in parts.items() if found != expected]
    return f"it proves another statement: the {' and the '.join(wrong)} differ" if wrong else ""


def _model(theorem: Theorem) -> str:
    try:
        found = check(theorem, MODELS)
    except EvaluationError as error:
        return str(error)
    return "ok" if found.counterexample is None else str(found.counterexample)


def _first_false_line(proof: Proof) -> str:
    """Evaluate the lines that a broken proof writes down, to show where it goes wrong."""
    lines = [proof.start, *(s.result for s in proof.steps if s.result is not None)]
    return _model(Theorem(proof, tuple(lines), (), ()))


def junit(rows: Iterable[Row]) -> str:
    """Write rows as a JUnit report."""
    rows = list(rows)
    failed = str(sum(bool(row.faults) for row in rows))
    suite = ElementTree.Element(
        "testsuite", name="rot180 verify", tests=str(len(rows)), failures=failed
    )
    for row in rows:
        case = ElementTree.SubElement(
            suite, "testcase", classname="theorem", name=row.name, time=f"{row.seconds:.3f}"
        )
        for fault in row.faults:
            ElementTree.SubElement(case, "failure", message=fault.splitlines()[0]).text = fault
    ElementTree.indent(suite)
    return ElementTree.tostring(suite, encoding="unicode") + "\n"
