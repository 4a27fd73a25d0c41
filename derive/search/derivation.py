"""An expression that is rewritten, and the steps so far. Nothing in this folder is trusted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from sympy import Expr

from rot180.derive.kernel.obligations import Certificate, Nonzero, Obligation, evident, show_goal
from rot180.derive.kernel.place import Place
from rot180.derive.kernel.proof import Proof, Step, Theorem, Variables
from rot180.derive.kernel.replay import apply_step
from rot180.derive.language.limits import PROOF, STEP, spend
from rot180.derive.language.polynomial import symbols_of
from rot180.derive.language.terms import (
    Access,
    Apply,
    Condition,
    Equal,
    Expression,
    Factor,
    Range,
    tensors,
)
from rot180.derive.search.citation import complete_citation
from rot180.derive.search.farkas import certify


class NotProvedError(ValueError):
    """No proof was found; the message shows both normal forms."""


class Derivation:
    """An expression being rewritten, and the steps so far."""

    def __init__(
        self,
        name: str,
        variables: Variables,
        hypotheses: tuple[Condition, ...],
        start: Expression,
        other: Expression = (),
        trial: bool = False,
    ) -> None:
        """Start from an expression under hypotheses.

        Args:
            name: the name of the theorem.
            variables: the free indices with their sizes.
            hypotheses: conditions on the parameters.
            start: the left side.
            other: the other side of the equation; its names count as used.
            trial: whether to continue where no certificate is found; the result is then no proof.

        """
        self.statement = Proof(name, variables, hypotheses, start, ())
        self.lines = [start]
        self.steps: list[Step] = []
        self.trial = trial
        spend(PROOF)
        self.certified: dict[Obligation, Certificate] = {}
        self.table = {t.name: t for t in tensors((*start, *other))}

    @classmethod
    def continuing(cls, theorem: Theorem, name: str = "", other: Expression = ()) -> Derivation:
        """Start where the proof of a theorem ends.

        Args:
            theorem: the theorem.
            name: the name of the new one; "" for the same.
            other: the other side of the equation; its names count as used.

        """
        s = theorem.proof
        d = cls(name or s.name, s.variables, s.hypotheses, s.start, other)
        d.lines, d.steps = list(theorem.lines), list(s.steps)
        return d

    @property
    def current(self) -> Expression:
        """Return the last line."""
        return self.lines[-1]

    def apply(self, rule: str, at: int = 0, **arguments: object) -> None:
        """Apply a rule, and find the certificates it needs.

        Raises:
            NotProvedError: no certificate was found for an obligation.
            ValueError: the rule does not apply.

        """
        self._apply(Step(rule, at), arguments)

    def apply_knowing(
        self, known: Iterable[Condition], rule: str, at: int, **arguments: object
    ) -> None:
        """Apply a rule; search its certificates among the given conditions and the hypotheses only.

        Raises:
            NotProvedError: no certificate was found for an obligation.
            ValueError: the rule does not apply.

        """
        chosen = (*self.statement.hypotheses, *known)
        self._take(Step(rule, at, tuple(sorted(arguments.items()))), chosen)

    def apply_inside(self, number: int, rule: str, at: int, **arguments: object) -> None:
        """Apply a rule to the product under a derivative."""
        self._apply(Step(rule, at, inside=number), arguments)

    def _apply(self, step: Step, arguments: dict[str, object]) -> None:
        table = dict(self.table)
        if "theorem" in arguments:
            arguments = complete_citation(arguments, table)
        self._take(replace(step, arguments=tuple(sorted(arguments.items()))))
        self.table |= table

    def _take(self, step: Step, known: tuple[Condition, ...] | None = None) -> None:
        spend(STEP + sum(1 + len(t.factors) for t in self.current))
        line, needed = apply_step(self.statement, self.current, step)
        found: list[Certificate] = []
        for obligation in needed:
            if not evident(obligation):
                certificate = self.certified.get(obligation) or certify(obligation, known=known)
                if certificate is None and self.trial:
                    continue
                if certificate is None:
                    raise NotProvedError(f"{self.statement.name}: {_uncertified(obligation)}")
                found.append(certificate)
                self.certified[obligation] = certificate
        self.table |= {t.name: t for t in tensors(line)}
        self.lines.append(line)
        self.steps.append(replace(step, certificates=tuple(found)))

    def apply_backwards(self, rule: str, result: Expression, at: int, **arguments: object) -> None:
        """Append a line that a rule turns into the current line."""
        self._take(Step(rule, at, tuple(sorted(arguments.items())), result))

    def undo(self, kept: int) -> None:
        """Remove all steps except the first `kept`."""
        del self.steps[kept:], self.lines[kept + 1 :]

    def retrace(self, other: Derivation) -> None:
        """Append the steps of another derivation with the same last line, reversed."""
        self.certified |= other.certified
        for before, step in reversed(list(zip(other.lines, other.steps, strict=False))):
            self._take(replace(step, result=None if step.reverse else before))

    def proof(self) -> Proof:
        """Return the steps so far as a proof."""
        s = self.statement
        return Proof(s.name, s.variables, s.hypotheses, s.start, tuple(self.steps))

    def implied(self, at: int, number: int) -> bool:
        """Say whether a quick search shows that the other factors of a term imply a bracket."""
        place = Place(self.current, at, self.statement.facts)
        goal = place.factor(number)
        assert isinstance(goal, Equal | Range)
        obligation = Obligation(place.context(place.others(number)), goal)
        if evident(obligation):
            return True
        return isinstance(goal, Range) and certify(obligation, degree=1) is not None


def _uncertified(obligation: Obligation) -> str:
    """Say what was not shown, and what to do about it."""
    goal = obligation.goal
    said = f"no certificate found for {show_goal(goal)}"
    if not isinstance(goal, Nonzero):
        return said
    names = ", ".join(sorted(v.name for v in symbols_of(goal.value)))
    return (
        f"{said}, without which a sum may be infinite\ncure: write a number for {names}, or add a "
        "bracket for each summed index that no other entry bounds, such as [0 <= k < 3]"
    )


def factors_of(e: Expression, kind: type | tuple[type, ...]) -> Iterator[tuple[int, int, Factor]]:
    """Yield the factors of some kind, each after the number of its term and its own number."""
    for at, t in enumerate(e):
        for n, f in enumerate(t.factors):
            if isinstance(f, kind):
                yield at, n, f


def entry_index(f: Factor) -> tuple[Expr, ...]:
    """Return the index of an access, or of the argument of a scalar function."""
    assert isinstance(f, Access | Apply)
    return f.argument.index if isinstance(f, Apply) else f.index
