"""Conditions without which a product and what it is replaced by are both zero."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rot180.codegen.rocq.lemma_proof import LemmaProof, Support
from rot180.derive.language.polynomial import symbols_of
from rot180.derive.language.terms import Term


@dataclass(frozen=True)
class SupportOfBoth(Support):
    """A condition where two sides of an equation, each times the same, are nonzero.

    Attributes:
        other: the condition as a fact about the other side.
        inner: the variables that are bound in each of the sides.

    """

    other: Support | None = None
    inner: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())

    @property
    def split(self) -> str:
        """Return the tactic that leaves only the case in which the condition holds."""
        assert self.other is not None
        ends = []
        for variables, zero in zip(self.inner, (self.zero, self.other.zero), strict=True):
            into = "".join(f"apply total_zero; intro {v}; " for v in variables)
            ends.append(f"[apply f_equal2; [reflexivity | {into}rewrite ({zero}); void] |]")
        return (
            f"destruct ({self.decide}) as [{self.name} | {self.name}]; "
            f"[| pose proof {self.name} as {self.other.name}; "
            f"etransitivity; {ends[0]}; symmetry; etransitivity; {ends[1]}; reflexivity]."
        )


def supports_of_both(
    proof: LemmaProof, used: Term, sides: Sequence[Term]
) -> Iterator[SupportOfBoth]:
    """Yield the conditions without which a product and what it is replaced by are both zero."""
    if len(sides) != 1:
        return
    inner = tuple(tuple(map(proof.plain.variable, t.variables)) for t in (used, sides[0]))
    bound = {*used.variables, *sides[0].variables}
    have = [s for s in proof.supports(sides[0].factors) if s.decide]
    for s in proof.supports(used.factors):
        other = next((o for o in have if o.condition == s.condition), None)
        if s.decide and other and not symbols_of(s.condition.value) & bound:
            yield SupportOfBoth(s.condition, s.name, s.decide, s.zero, other, (inner[0], inner[1]))
