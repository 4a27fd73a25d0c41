"""Small proofs for the tests, and checks that a proof is refused or its statement is false."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from sympy import Symbol

from rot180.derive.kernel.errors import ProofError
from rot180.derive.kernel.obligations import Certificate, Obligation, evident
from rot180.derive.kernel.proof import Proof, Step, Variables
from rot180.derive.kernel.replay import apply_step, replay
from rot180.derive.language.polynomial import symbol
from rot180.derive.language.terms import Condition, Expression, Tensor
from rot180.derive.search.citation import rename_tensors
from rot180.derive.search.derivation import Derivation, NotProvedError
from rot180.derive.search.farkas import certify
from rot180.derive.search.matching import join
from rot180.derive.search.rewriting import normalise
from rot180.derive.semantics.check import check
from rot180.derive.semantics.counterexample import counterexample


def symbols(names: str) -> tuple[Symbol, ...]:
    """Return several symbols."""
    return tuple(map(symbol, names.split()))


def step(
    rule: str, at: int = 0, result: Expression | None = None, inside: int | None = None,
    **arguments: object,
) -> Step:  # fmt: skip
    """Return a step without certificates."""
    return Step(rule, at, tuple(sorted(arguments.items())), result, inside=inside)


def proof(
    start: Expression,
    *steps: Step,
    variables: Variables = (),
    hypotheses: tuple[Condition, ...] = (),
    name: str = "claim",
) -> Proof:
    """Return a proof; a step without certificates is given those that are found for it.

    Steps after one that does not follow stay as they are: replay is what refuses the proof.
    """
    statement, line = Proof(name, variables, hypotheses, start, ()), start
    done: list[Step] = []
    for number, one in enumerate(steps):
        try:
            line, needed = apply_step(statement, line, one)
        except (ValueError, TypeError):
            return replace(statement, steps=(*done, *steps[number:]))
        done.append(one if one.certificates else replace(one, certificates=certified(needed)))
    return replace(statement, steps=tuple(done))


def certified(needed: tuple[Obligation, ...]) -> tuple[Certificate, ...]:
    """Return certificates for the obligations that are not evident, up to one that has none."""
    found: list[Certificate] = []
    for obligation in needed:
        if not evident(obligation):
            certificate = certify(obligation)
            if certificate is None:
                break
            found.append(certificate)
    return tuple(found)


def refused(make: Callable[[], Proof]) -> str:
    """Return the message with which a proof is refused, by replay or where it is written down."""
    try:
        made = make()
    except (ValueError, TypeError) as error:
        return str(error)
    try:
        theorem = replay(made)
    except ProofError as error:
        return str(error)
    raise AssertionError(f"accepted: {theorem.lhs} = {theorem.rhs}")


def unnamed(one: Proof) -> Proof:
    """Return a proof with its tensors numbered: a citation may give them other names."""
    names = {t.name: f"t{n}" for n, t in enumerate(replay(one).tensors)}
    return rename_tensors(one, names)


def false(
    lhs: Expression,
    rhs: Expression,
    variables: Variables = (),
    hypotheses: tuple[Condition, ...] = (),
) -> bool:
    """Say whether evaluation refutes an equation."""
    return counterexample(lhs, rhs, variables, hypotheses, 2) is not None


@dataclass(frozen=True)
class Equation:
    """A claim, proved or not: the lines have the same value for all indices."""

    variables: Variables
    hypotheses: tuple[Condition, ...]
    lines: tuple[Expression, ...]
    divisors: tuple[Tensor, ...] = ()


def refuted(
    lhs: Expression,
    rhs: Expression,
    variables: Variables = (),
    hypotheses: tuple[Condition, ...] = (),
    models: int = 12,
) -> bool:
    """Say whether an equation fails at random sizes and parameters; quick, where there are many."""
    found = check(Equation(variables, hypotheses, (lhs, rhs)), models)
    return found.counterexample is not None


def unmatched(
    lhs: Expression,
    rhs: Expression,
    variables: Variables = (),
    hypotheses: tuple[Condition, ...] = (),
) -> bool:
    """Say whether the normal forms of two sides do not match; no sum is split by remainders."""
    sides = [Derivation("claim", variables, hypotheses, e) for e in (lhs, rhs)]
    for side in sides:
        normalise(side)
    try:
        join(*sides)
    except NotProvedError:
        return True
    return False
