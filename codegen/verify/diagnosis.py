"""Why a proof is refused: the step, and the first line that is false, with the smallest sizes."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rot180.codegen.verify.departure import departure_from_committed, step_name
from rot180.derive.kernel.errors import ProofError
from rot180.derive.kernel.obligations import Obligation, show_goal
from rot180.derive.kernel.proof import Proof, Step, Variables, divisors_of
from rot180.derive.kernel.replay import apply_step, replay
from rot180.derive.language.terms import (
    Condition,
    Expression,
    Tensor,
    factor_symbols,
    free_symbols,
)
from rot180.derive.semantics.check import Counterexample, check
from rot180.derive.semantics.counterexample import falsify, refute
from rot180.derive.semantics.model import EvaluationError
from rot180.derive.semantics.search_space import Equation
from rot180.derive.theorems import claims

MODELS = 3
"""At how many choices of sizes and entries every line of a proof is evaluated."""


def explain(proof: Proof) -> list[str]:
    """Say more about a refusal: what is false about the refused step, what the committed one is.

    Args:
        proof: a proof that does not replay.

    Returns:
        sentences; those that do not apply are empty.

    """
    line, number, needed = _refused_step(proof)
    if not number:
        return [departure_from_committed(proof)]
    step = proof.steps[number - 1]
    false = [o for o in needed if falsify(o.context, o.goal) is not None]
    needs = [f"{step_name(number, step)} needs {_needs(o)}" for o in false]
    return [*needs, _summands(proof, line, number), departure_from_committed(proof)]


def describe(found: Counterexample, left: str, right: str) -> str:
    """Write a counterexample, with words for its two lines, and where it was searched for."""
    return f"{found.describe(left, right)}\n    {found.scope()}"


def joined(*sentences: str) -> str:
    """Join the sentences that are not empty, each on a line of its own."""
    return "\n  ".join(filter(None, sentences))


def _needs(obligation: Obligation) -> str:
    goal = show_goal(obligation.goal)
    at = falsify(obligation.context, obligation.goal)
    if at is None:
        return goal
    return f"{goal}, which is false at {', '.join(f'{v}={n}' for v, n in at.items())}"


def _refused_step(proof: Proof) -> tuple[Expression, int, tuple[Obligation, ...]]:
    """Return the line before the refused step, its number (0: the start) and its obligations."""

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
        return before, number, apply_step(proof, before, proof.steps[number - 1])[1]
    except (ValueError, TypeError, AttributeError):
        return before, number, ()


def _written_line(proof: Proof, line: Expression, step: Step) -> Expression | None:
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
    new = _written_line(proof, line, step) if step.rule == "reorder" else None
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
    values = describe(found, "the summand before it", "the summand written after it")
    return f"{step_name(number, step)}: {values}"


@dataclass(frozen=True)
class _WrittenLines:
    """Lines that a certificate writes down, under its hypotheses."""

    proof: Proof
    lines: tuple[Expression, ...]

    @property
    def variables(self) -> Variables:
        return self.proof.variables

    @property
    def hypotheses(self) -> tuple[Condition, ...]:
        return self.proof.hypotheses

    @property
    def divisors(self) -> tuple[Tensor, ...]:
        return divisors_of(self.proof)


def first_false_line(proof: Proof) -> str:
    """Evaluate the lines that a refused proof writes down, and describe the first false one.

    They are its start, the results of backward steps, and that of the refused step if it writes
    one. A proof of the registry is compared with the left side of the registry's claim.

    Args:
        proof: a proof that does not replay.

    Returns:
        ``ok``, or which line is the first false one, at which sizes, with which values.

    """
    name, lines = _lines_to_compare(proof)
    found: Counterexample | None = None
    try:
        while wrong := _differing(proof, lines, MODELS):
            found, lines = wrong, lines[: wrong.line + 1]
            # an earlier line may be false at a model that was not tried
            if wrong.line == 1 or not _differing(proof, lines[:-1], 2 * MODELS):
                break
            lines = lines[:-1]
        if found is None:
            return "ok"
        pair = Equation(proof.variables, proof.hypotheses, (lines[0][1], lines[-1][1]))
        found = refute(pair) or found
    except EvaluationError as error:
        return str(error) if found is None else str(found)
    number = lines[-1][0]
    where = step_name(number, proof.steps[number - 1]) if number > 0 else "the start"
    return f"line {number}, after {where}, is false: " + describe(found, name, f"line {number}")


def _lines_to_compare(proof: Proof) -> tuple[str, list[tuple[int, Expression]]]:
    """Return the name of the first line, and the lines that the proof writes, with numbers.

    A line's number is that of the step before it: 0 for the start, -1 for the registry's claim.
    """
    name = "line 0"
    lines = [(0, proof.start)]
    claim = claims()[proof.name]() if proof.name in claims() else None
    stated = (proof.variables, proof.hypotheses)
    if claim and (claim.variables, claim.hypotheses) == stated and claim.lhs != proof.start:
        name, lines = "the claim's left side", [(-1, claim.lhs), *lines]
    lines += [(n, s.result) for n, s in enumerate(proof.steps, 1) if s.result is not None]
    before, number, _ = _refused_step(proof)
    if number and number not in dict(lines):
        written = _written_line(proof, before, proof.steps[number - 1])
        if written is not None:
            lines = sorted((*lines, (number, written)), key=lambda line: line[0])
    return name, lines


def _differing(
    proof: Proof, lines: Sequence[tuple[int, Expression]], models: int
) -> Counterexample | None:
    """Return a model at which a line differs from the first one."""
    written = _WrittenLines(proof, tuple(line for _, line in lines))
    return check(written, models).counterexample
