"""Re-check theorems by means that share little: replay, exact evaluation, an SMT solver.

What is refused is explained: the step, the first written line that is false with the smallest
sizes at which it is, and where the certificate departs from the committed one of its name.
"""

from __future__ import annotations

import time
from bisect import bisect
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from sympy import Expr

from rot180.codegen.plans.agreement import objection
from rot180.codegen.system import files
from rot180.derive.certificates.reader import MalformedError, loads
from rot180.derive.kernel.errors import ProofError, difference, show
from rot180.derive.kernel.obligations import Obligation, show_goal
from rot180.derive.kernel.proof import Proof, Step, Theorem, Variables
from rot180.derive.kernel.replay import follow, replay
from rot180.derive.language.polynomial import text
from rot180.derive.language.terms import (
    Access,
    Apply,
    Condition,
    Derivative,
    Equal,
    Expression,
    Range,
    Tensor,
    factor_symbols,
    free_symbols,
    term,
)
from rot180.derive.semantics import smt
from rot180.derive.semantics.check import Counterexample, check
from rot180.derive.semantics.counterexample import falsify, refute
from rot180.derive.semantics.hypotheses import vacuous
from rot180.derive.semantics.model import EvaluationError
from rot180.derive.semantics.search_space import Equation
from rot180.derive.semantics.side_conditions import strays
from rot180.derive.theorems import Claim, claims

CHECKS = ("replay", "checker", "model", "smt", "rocq")
MODELS = 3
"""At how many choices of sizes and entries every line of a proof is evaluated."""

ABSENT = "not installed"
LEFT_OUT = "-"
NOT_RUN = "not run"
CERTIFICATES = "certificates"
"""Where the certificates of the registry are, in ``rot180.generated``."""

OF_COMMITTED = "of the committed certificate"


class Source(NamedTuple):
    """A certificate: where it stands, its text, and the statement recorded with it, if any."""

    name: str
    text: str
    statement: str = ""


@dataclass
class Row:
    """The results of the checks of one theorem.

    A check is ``ok``, ``-``, ``not installed``, ``not run`` or a fault; where it is required,
    nothing but ``ok`` will do.
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
        """Return the checks that failed, with what they said."""
        found = []
        for name in CHECKS:
            said = getattr(self, name)
            if said in (LEFT_OUT, ABSENT, NOT_RUN):
                if name in self.required:
                    found.append(f"{name}: {'not run' if said == LEFT_OUT else said}, but required")
            elif said != "ok":
                found.append(f"{name}: {said}")
        return found

    def plain(self) -> dict[str, object]:
        """Return the row as plain data."""
        return asdict(self) | {"seconds": round(self.seconds, 2), "faults": self.faults}


def verify(certificates: Iterable[Source], report: Callable[[Row], None]) -> list[Row]:
    """Check certificates; nothing is searched.

    Args:
        certificates: what to check.
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


def _row(source: Source) -> Row:
    began = time.perf_counter()
    try:
        proof = loads(source.text)
    except MalformedError as error:
        raise MalformedError(f"{source.name}: {error}") from error
    row = Row(proof.name, len(proof.steps))
    row.checker = objection(source.text) or "ok"
    _check(row, proof, source.statement)
    row.seconds = time.perf_counter() - began
    return row


def missing(rows: Iterable[Row]) -> list[Row]:
    """Return a failed row for each claim of the registry that no certificate proves."""
    found = {row.name for row in rows}
    return [Row(name, replay="there is no certificate") for name in claims() if name not in found]


def _check(row: Row, proof: Proof, recorded: str) -> None:
    try:
        theorem = replay(proof)
    except ProofError as error:
        row.model = first_false_line(proof)
        row.replay = _lines(str(error), *explain(proof), row.model == "ok" and NOTHING_FALSE)
        return
    row.statement = str(theorem)
    hard = smt.hard_obligations(theorem)
    row.obligations = len(hard)
    row.replay = "ok"
    if proof.name in claims():
        row.replay = _states(theorem, claims()[proof.name]()) or row.replay
    if recorded and row.replay == "ok":
        row.replay = _records(theorem, recorded)
    if departs := _departs(proof):
        held = "" if row.replay != "ok" else "every step holds, but it is not the committed proof"
        row.replay = _lines(held or row.replay, departs)
    row.model = _model(theorem)
    row.smt = _smt(theorem, hard)


def _smt(theorem: Theorem, hard: list[Obligation]) -> str:
    """Compare the engine's side conditions with those made anew, and ask the solver about these."""
    wrong = [said for one in smt.with_cited(theorem) for said in strays(one)]
    if wrong:
        return _lines("the engine's side conditions are not those of the rules' figures", *wrong)
    if not hard:
        return "ok"
    if not smt.available():
        return ABSENT
    bad = [a.verdict for a in smt.ask(hard) if a.verdict != "proved"]
    return f"{len(bad)} obligations {', '.join(sorted(set(bad)))}" if bad else "ok"


NOTHING_FALSE = (
    "the finite model finds none of the written lines false: a step does not follow, "
    "is missing or stands in the wrong place"
)


def _lines(*parts: str | bool) -> str:
    return "\n  ".join(part for part in parts if isinstance(part, str) and part)


def _states(theorem: Theorem, claim: Claim) -> str:
    """Say in which part a theorem differs from the claim of that name in the registry."""
    parts = {
        "free indices": (theorem.variables, claim.variables),
        "hypotheses": (theorem.hypotheses, claim.hypotheses),
        "left side": (theorem.lhs, claim.lhs),
        "right side": (theorem.rhs, claim.rhs),
    }
    wrong = [name for name, (found, expected) in parts.items() if found != expected]
    if not wrong:
        return ""
    said = [f"it proves another statement: not the claim's {' and '.join(wrong)}"]
    for side, found, expected in (
        ("left", theorem.lhs, claim.lhs),
        ("right", theorem.rhs, claim.rhs),
    ):
        if found != expected:
            said.append(
                f"the {side} side, {_end(theorem, side)}, is\n    {show(found)}\n  the claim's is\n"
                f"    {show(expected)}\n  first difference: {difference(found, expected)}"
            )
            if {"free indices", "hypotheses"}.isdisjoint(wrong):
                said.append(_values_differ(theorem.proof, found, expected))
    return _lines(*said)


def _end(theorem: Theorem, side: str) -> str:
    steps = theorem.proof.steps
    return "line 0" if side == "left" or not steps else f"after {_named(len(steps), steps[-1])}"


def _values_differ(proof: Proof, found: Expression, expected: Expression) -> str:
    try:
        wrong = refute(Equation(proof.variables, proof.hypotheses, (found, expected)))
    except EvaluationError:
        return ""
    return _say(wrong, "the file's", "the claim's") if wrong else ""


def _records(theorem: Theorem, recorded: str) -> str:
    """Compare what is proved with the statement that is recorded beside the proof."""
    registered = claims().get(theorem.name)
    words = registered().words if registered else ""
    if recorded in (str(theorem), str(replace(theorem, words=words))):
        return "ok"
    return (
        f"it proves another statement than is recorded: {_end(theorem, 'right')} the chain "
        f"states\n    {_indented(str(theorem))}\n  recorded is\n    {_indented(recorded)}"
    )


def _indented(text: str) -> str:
    return text.replace("\n", "\n    ")


def _named(number: int, step: Step) -> str:
    return f"step {number} ({step.rule})"


def _needs(obligation: Obligation) -> str:
    goal = show_goal(obligation.goal)
    at = falsify(obligation.context, obligation.goal)
    if at is None:
        return goal
    return f"{goal}, which is false at {', '.join(f'{v}={n}' for v, n in at.items())}"


def explain(proof: Proof) -> list[str]:
    """Say more about a refusal: what is false about the refused step, what the committed one is.

    Args:
        proof: a proof that does not replay.

    Returns:
        sentences; those that do not apply are empty.

    """
    line, number, needed = _refusal(proof)
    if not number:
        return [_departs(proof)]
    step = proof.steps[number - 1]
    false = [o for o in needed if falsify(o.context, o.goal) is not None]
    said = [f"{_named(number, step)} needs {_needs(o)}" for o in false]
    return [*said, _summands(proof, line, number), _departs(proof)]


def _refusal(proof: Proof) -> tuple[Expression, int, tuple[Obligation, ...]]:
    """Return the line before the refused step, its number (0: the start), what it would need."""

    def prefix(count: int) -> Proof:
        return replace(proof, steps=proof.steps[:count])

    def refused(count: int) -> bool:
        try:
            replay(prefix(count))
        except ProofError:
            return True
        return False

    number = bisect(range(len(proof.steps)), False, key=refused)
    if number == 0:
        return proof.start, 0, ()
    before = replay(prefix(number - 1)).rhs
    try:
        return before, number, follow(proof, before, proof.steps[number - 1])[1]
    except (ValueError, TypeError, AttributeError):
        return before, number, ()


def _written(proof: Proof, line: Expression, step: Step) -> Expression | None:
    """Return the line that a step writes down, if all its names are known."""
    if step.result is not None:
        return step.result
    factors = dict(step.arguments).get("factors")
    if step.rule != "reorder" or not isinstance(factors, tuple) or not 0 <= step.at < len(line):
        return None
    old = line[step.at]
    new = (*line[: step.at], replace(old, factors=factors), *line[step.at + 1 :])
    known = free_symbols(proof.start).union(*(factor_symbols(c) for c in proof.facts))
    return new if free_symbols(new) <= known else None


def _summands(proof: Proof, line: Expression, number: int) -> str:
    """Compare the summands before and after a refused reordering, whose sums may be equal."""
    step = proof.steps[number - 1]
    new = _written(proof, line, step) if step.rule == "reorder" else None
    if new is None or step.result is not None:
        return ""
    summed = line[step.at].variables
    before, after = ((replace(e[step.at], variables=()),) for e in (line, new))
    variables = (*proof.variables, *((v, None) for v in summed))
    try:
        found = refute(Equation(variables, proof.hypotheses, (before, after)))
    except EvaluationError:
        return ""
    if found is None:
        return ""
    said = _say(found, "the summand before it", "the summand written after it")
    return f"{_named(number, step)}: {said}"


def _departs(proof: Proof) -> str:
    """Say where a proof departs from the committed one of its name, if there is one."""
    path = files.generated_folder() / CERTIFICATES / f"{proof.name}.json"
    if proof.name not in claims() or not path.is_file():
        return ""
    return departure(proof, _committed(path))


@cache
def _committed(path: Path) -> Proof:
    return loads(files.read(path))


def departure(proof: Proof, committed: Proof) -> str:
    """Say in which step a proof first departs from another of the same statement.

    Args:
        proof: the proof in question.
        committed: what it is compared with.

    Returns:
        a sentence that names the step; empty if they are equal.

    """
    ours, theirs = proof.steps, committed.steps
    if proof == committed:
        return ""
    if replace(proof, steps=theirs) != committed:
        return f"its free indices, hypotheses or left side are not those {OF_COMMITTED}"
    n = next(
        (k for k, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b),
        min(len(ours), len(theirs)),
    )
    here, there = ours[n:], theirs[n:]
    if here == there[1:]:
        return f"{_named(n + 1, there[0])} {OF_COMMITTED} is missing here"
    if here[1:] == there:
        # equal neighbours: the second of them is the one too many
        return f"{_named(n + 1, here[0])} is not in the committed certificate" + (
            f": step {n} once more" if n and ours[n - 1] == here[0] else ""
        )
    if here[:2] == there[1::-1] and here[2:] == there[2:]:
        both = " and ".join(_named(n + k, one) for k, one in enumerate(there[:2], 1))
        return f"{both} {OF_COMMITTED} are exchanged here"
    if here and there:
        return f"{_named(n + 1, here[0])} is not the committed one: {_changed(here[0], there[0])}"
    return f"it has {len(ours)} steps, the committed certificate {len(theirs)}"


def _changed(step: Step, other: Step) -> str:
    """Say in what two steps differ."""
    if step.rule != other.rule:
        return f"that is {other.rule}"
    if step.at != other.at:
        return f"that is at term {other.at}"
    mine, its = dict(step.arguments), dict(other.arguments)
    if mine != its:
        wrong = [k for k in (*its, *mine) if mine.get(k) != its.get(k)]
        here, there = (_spelled(x.get(wrong[0])) for x in (mine, its))
        return f"its {wrong[0]} is {here}, there {there}"
    if step.result is None or other.result is None:
        return "one is backwards, one is not" if step.result != other.result else "its certificates"
    if step.result != other.result:
        return f"the line after it: {difference(step.result, other.result)}"
    return "its certificates"


def _spelled(value: object) -> str:
    """Write an argument of a step for people."""
    if isinstance(value, tuple):
        return f"({', '.join(map(_spelled, value))})"
    if isinstance(value, Access | Apply | Derivative | Equal | Range):
        return show((term(value),))
    if isinstance(value, Expr):
        return text(value)
    return value.name if isinstance(value, Tensor | Proof) else str(value)


def _model(theorem: Theorem) -> str:
    if nothing := vacuous(theorem.variables, theorem.hypotheses):
        return str(nothing)
    try:
        found = check(theorem, MODELS)
    except EvaluationError as error:
        return str(error)
    return "ok" if found.counterexample is None else str(found.counterexample)


@dataclass(frozen=True)
class _Written:
    """Lines that a certificate writes down, under its hypotheses."""

    proof: Proof
    lines: tuple[Expression, ...]

    @property
    def variables(self) -> Variables:
        return self.proof.variables

    @property
    def hypotheses(self) -> tuple[Condition, ...]:
        return self.proof.hypotheses


def first_false_line(proof: Proof) -> str:
    """Evaluate the lines that a broken proof writes down.

    They are its start, those of steps backwards, and that of the refused step if it writes one.

    A proof of the registry is compared with the left side that is claimed there.

    Args:
        proof: a proof that does not replay.

    Returns:
        ``ok``, or which line is first found false, at which sizes, with which values.

    """
    said = "line 0"
    lines = [(0, proof.start)]
    claim = claims()[proof.name]() if proof.name in claims() else None
    stated = (proof.variables, proof.hypotheses)
    if claim and (claim.variables, claim.hypotheses) == stated and claim.lhs != proof.start:
        said, lines = "the claim's left side", [(-1, claim.lhs), *lines]
    lines += [(n, s.result) for n, s in enumerate(proof.steps, 1) if s.result is not None]
    before, number, _ = _refusal(proof)
    if number and number not in dict(lines):
        written = _written(proof, before, proof.steps[number - 1])
        lines = sorted((*lines, *([(number, written)] if written else ())), key=lambda x: x[0])
    found = None
    try:
        while wrong := check(_Written(proof, tuple(e for _, e in lines)), MODELS).counterexample:
            found, lines = wrong, lines[: wrong.line + 1]
            if wrong.line == 1:
                break
            # an earlier line may be false where this one was not looked at
            earlier = check(_Written(proof, tuple(e for _, e in lines[:-1])), 2 * MODELS)
            if earlier.counterexample is None:
                break
            lines = lines[:-1]
        if found is None:
            return "ok"
        pair = Equation(proof.variables, proof.hypotheses, (lines[0][1], lines[-1][1]))
        found = refute(pair) or found
    except EvaluationError as error:
        return str(error) if found is None else str(found)
    number = lines[-1][0]
    where = _named(number, proof.steps[number - 1]) if number > 0 else "the start"
    return f"line {number}, after {where}, is false: " + _say(found, said, f"line {number}")


def _say(found: Counterexample, left: str, right: str) -> str:
    return f"{found.say(left, right)}\n    {found.scope()}"


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
