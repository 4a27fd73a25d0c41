"""Where a proof departs from another proof of the same statement: the first step that differs."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

from sympy import Expr

from rot180.codegen.system import files
from rot180.derive.certificates.reader import loads
from rot180.derive.kernel.errors import difference, show
from rot180.derive.kernel.proof import Proof, Step
from rot180.derive.language.polynomial import text
from rot180.derive.language.terms import Access, Apply, Derivative, Equal, Range, Tensor, term
from rot180.derive.theorems import claims

GENERATED = ("plan.", "block.")
"""What the names of theorems begin with that belong to committed kernels: plans and blocks."""

OF_COMMITTED = "of the committed certificate"


def departure_from_committed(proof: Proof) -> str:
    """Say where a proof departs from the committed proof of its name; "" if it does not.

    It is also empty if there is no committed proof of that name.
    """
    path = files.generated_folder() / files.CERTIFICATES / f"{proof.name}.json"
    known = proof.name in claims() or proof.name.startswith(GENERATED)
    if not (known and path.is_file()):
        return ""
    return departure(proof, _committed(path))


@cache
def _committed(path: Path) -> Proof:
    return loads(files.read(path))


def departure(proof: Proof, committed: Proof) -> str:
    """Say in which step a proof first departs from the committed proof of the same statement.

    Args:
        proof: the proof in question.
        committed: the proof to compare it with.

    Returns:
        a sentence that names the step; empty if the proofs are equal.

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
        return f"{step_name(n + 1, there[0])} {OF_COMMITTED} is missing here"
    if here[1:] == there:
        # if the step is equal to the one before it, it is there twice
        return f"{step_name(n + 1, here[0])} is not in the committed certificate" + (
            f": step {n} is repeated" if n and ours[n - 1] == here[0] else ""
        )
    if here[:2] == there[1::-1] and here[2:] == there[2:]:
        both = " and ".join(step_name(n + k, one) for k, one in enumerate(there[:2], 1))
        return f"{both} {OF_COMMITTED} are exchanged here"
    if here and there:
        changed = _changed(here[0], there[0])
        return f"{step_name(n + 1, here[0])} is not the committed one: {changed}"
    return f"it has {len(ours)} steps, the committed certificate {len(theirs)}"


def step_name(number: int, step: Step) -> str:
    """Name a step by its number and its rule."""
    return f"step {number} ({step.rule})"


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
