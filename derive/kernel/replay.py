"""Replay: a proof is checked by running it again.

``replay(proof)`` returns the `Theorem` or raises `ProofError`; ``apply_step`` runs one step.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

from rot180.derive.kernel.arguments import check
from rot180.derive.kernel.errors import ProofError, RuleError, defined, difference, require, show
from rot180.derive.kernel.finiteness import finiteness
from rot180.derive.kernel.obligations import Obligation, certifies, evident, show_goal
from rot180.derive.kernel.place import ARGUMENTS, RULES, Place
from rot180.derive.kernel.proof import Proof, Step, Theorem, bound_names, divisors_of, tensors_of
from rot180.derive.language.polynomial import symbols_of
from rot180.derive.language.terms import Condition, Expression, Tensor, factor_symbols, tensors

TERMS = 1000
"""The most terms of a line."""


def replay(proof: Proof) -> Theorem:
    """Rerun every step and return the theorem that is then proved.

    Raises:
        ProofError: a step does not follow; the message names the step, the rule, both terms and
            the first difference.

    """
    try:
        _well_formed_statement(proof)
        known = _register({}, tensors(proof.start))
    except (ValueError, TypeError, RecursionError) as error:
        raise ProofError(f"{proof.name}: {error}") from error
    lines, obligations = [proof.start], []
    for number, step in enumerate(proof.steps, 1):
        try:
            line, needed = apply_step(proof, lines[-1], step)
            _check_certificates(step, needed)
            known = _register(known, [*_step_tensors(step), *tensors(line)])
        except (ValueError, TypeError, RecursionError) as error:
            raise ProofError(_failure(proof, number, step, lines[-1], str(error))) from error
        lines.append(line)
        obligations.append(needed)
    known_tensors, divisors = tuple(known.values()), divisors_of(proof)
    return Theorem(proof, tuple(lines), tuple(obligations), known_tensors, divisors)


@lru_cache(maxsize=512)
def replay_cited(cited: Proof) -> Theorem:
    """Replay a cited proof and cache the result; a chain of theorems cites the same proof often."""
    return replay(cited)


def apply_step(
    proof: Proof, line: Expression, step: Step
) -> tuple[Expression, tuple[Obligation, ...]]:
    """Apply one step to a line; return the next line and the obligations of the step.

    Raises:
        RuleError: the step does not follow.
        ValueError, TypeError: the result is not an expression.

    """
    if step.rule not in RULES:
        raise RuleError(f"there is no rule {step.rule!r}; the rules are {', '.join(RULES)}")
    arguments: dict[str, Any] = dict(step.arguments)
    if len(arguments) != len(step.arguments):
        raise RuleError("an argument is given twice")
    check(ARGUMENTS[step.rule], arguments)
    if "theorem" in arguments:
        arguments["theorem"] = replay_cited(arguments["theorem"])
        plain = not arguments["theorem"].divisors
        require("no divisor", plain, "the cited theorem holds only where its divisors are not 0")
    source = line if step.result is None else step.result
    place = Place(source, step.at, proof.facts)
    if step.inside is None:
        made, needed = RULES[step.rule](place, **arguments)
    else:
        require("outside", step.rule != "invert", "a hypothesis on values says nothing here")
        inner, needed = RULES[step.rule](place.inside(step.inside), **arguments)
        made = place.distribute_inside(step.inside, inner)
    if step.result is not None and made != line:
        raise RuleError(
            f"applied backwards, the rule gives\n    {show(made)}\n  but the line is\n"
            f"    {show(line)}\n  first difference: {difference(made, line)}"
        )
    new = made if step.result is None else step.result
    if len(new) > TERMS:
        raise RuleError(f"the line has more than {TERMS} terms")
    needed = tuple(dict.fromkeys((*needed, *_finite(new, line, proof.facts))))
    _well_formed(new, line, proof)
    return new, needed


def _check_certificates(step: Step, needed: tuple[Obligation, ...]) -> None:
    hard = [o for o in needed if not evident(o)]
    for obligation, certificate in zip(hard, step.certificates, strict=False):
        if not certifies(certificate, obligation):
            raise RuleError(f"the certificate does not show that {show_goal(obligation.goal)}")
    if len(hard) > len(step.certificates):
        goal = show_goal(hard[len(step.certificates)].goal)
        raise RuleError(f"an obligation is open: it has no certificate that {goal}")
    if len(hard) < len(step.certificates):
        count = len(step.certificates)
        raise RuleError(f"found {count} certificates for {len(hard)} obligations, expected as many")


def _register(known: dict[str, Tensor], new: Iterable[Tensor]) -> dict[str, Tensor]:
    """Add tensors to the table of a certificate; refuse one name for two tensors."""
    for t in new:
        own = known.setdefault(t.name, t)
        if own is not t and (own != t or bound_names(own) != bound_names(t)):
            both = f"{defined(own)}, and {defined(t)}"
            raise RuleError(f"the name {t.name} stands for two tensors: {both}")
    return known


def _step_tensors(step: Step) -> Iterator[Tensor]:
    """Yield the tensors in the arguments of a step, and all tensors of a cited proof."""
    for _, value in step.arguments:
        yield from replay_cited(value).tensors if isinstance(value, Proof) else tensors_of(value)


def _finite(new: Expression, old: Expression, facts: tuple[Condition, ...]) -> Iterator[Obligation]:
    known = set(old)
    for t in new:
        if t not in known:
            yield from finiteness(t, facts)


def _well_formed_statement(proof: Proof) -> None:
    free = {v for v, _ in proof.variables}
    if len(free) != len(proof.variables):
        raise RuleError("a free variable is listed twice")
    for v, n in proof.variables:
        if n is not None and symbols_of(n) & free:
            raise RuleError(f"the size of {v} depends on a free variable")
    _well_formed(proof.start, (), proof)
    _evidently_finite(proof.start, proof.facts, "the left side")


def _well_formed(new: Expression, old: Expression, proof: Proof) -> None:
    """Refuse a captured name, and a definition that is infinite or depends on a free variable."""
    free = {v for v, _ in proof.variables}
    fixed = free.union(*(factor_symbols(c) for c in proof.facts))
    for u in new:
        if both := sorted(v.name for v in fixed.intersection(u.variables)):
            raise RuleError(f"{both[0]} is bound by a sum, but free in the statement")
    known = set(map(id, tensors(old)))
    for t in tensors(new):
        if id(t) in known:
            continue
        if t.parameters & free:
            raise RuleError(f"{t.name} depends on a free variable")
        if t.definition is not None:
            inner = tensors(t.definition.body)
            _finite_definition(t, proof.facts, tuple(map(bound_names, (*inner, t))))


@lru_cache(maxsize=1 << 12)
def _finite_definition(t: Tensor, facts: tuple[Condition, ...], spelling: object) -> None:
    """Refuse a definition that is infinite; cached, also by its bound names (`spelling`)."""
    assert t.definition is not None
    # facts about a free variable say nothing about a formal of the same name
    own = {*t.definition.formals, *(v for b in t.definition.body for v in b.variables)}
    facts = tuple(c for c in facts if not factor_symbols(c) & own)
    _evidently_finite(t.definition.body, facts, f"the definition of {t.name}")


def _evidently_finite(expression: Expression, facts: tuple[Condition, ...], what: str) -> None:
    for obligation in _finite(expression, (), facts):
        if not evident(obligation):
            raise RuleError(f"{what} is finite only if {show_goal(obligation.goal)}")


def _failure(proof: Proof, number: int, step: Step, line: Expression, why: str) -> str:
    way = "backwards" if step.reverse else "forwards"
    return (
        f"{proof.name}, step {number} ({step.rule}, {way}, term {step.at}): {why}\n"
        f"  the line before is\n    {show(line)}\n"
        "  fix the step, or derive the proof again with `prove`"
    )
