"""The loop nests of a pass, one after another for each value of the outer loops.

Consecutive steps with the same loops share a nest, where each reads of the others only the entry
that it is at.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from rot180.codegen.plans.fusion import Axes, FusedPass, FusedRead, FusedStep, FusedTerm
from rot180.derive.gradients.program_steps import SelectionStep


@dataclass(frozen=True)
class FusedPart:
    """What one loop nest does for one step.

    Attributes:
        kind: set, zero, add, begin, extreme or first.
        step: the step.
        loops: the inner loops.
        terms: the sums.

    """

    kind: str
    step: FusedStep
    loops: Axes
    terms: tuple[FusedTerm, ...] = ()

    @property
    def name(self) -> str:
        """Return what it computes."""
        return self.step.tensor.name

    @property
    def reads(self) -> tuple[FusedRead, ...]:
        """Return what it reads."""
        return tuple(r for t in self.terms for r in t.reads)

    @property
    def alone(self) -> bool:
        """Say whether it shares no loop nest."""
        late = self.kind == "extreme" and self.loops[-1:] != () and bool(self.step.axes)
        kept = [a for a in self.step.axes if a in self.loops]
        return self.kind == "first" or (late and bool(kept) and self.loops[-1] not in kept)


@dataclass
class FusedNest:
    """A loop nest.

    Attributes:
        loops: its loops.
        parts: what it does, in order.

    """

    loops: Axes
    parts: list[FusedPart] = field(default_factory=list)

    def takes(self, part: FusedPart) -> bool:
        """Say whether a part may be computed in this nest."""
        made = {p.name: p for p in self.parts}
        apart = part.alone or any(p.alone for p in self.parts)
        if apart or part.loops != self.loops or part.name in made:
            return False
        return all(
            made[r.tensor.name].kind == "set" and made[r.tensor.name].step.axes == r.axes
            for r in part.reads
            if r.tensor.name in made
        )


def pass_nests(found: FusedPass) -> tuple[FusedNest, ...]:
    """Divide the steps of a pass among loop nests.

    Args:
        found: the pass.

    """
    nests: list[FusedNest] = []
    for part in (p for s in found.steps for p in _parts(found, s)):
        if not (nests and nests[-1].takes(part)):
            nests.append(FusedNest(part.loops))
        nests[-1].parts.append(part)
    return tuple(nests)


def _parts(found: FusedPass, s: FusedStep) -> Iterator[FusedPart]:
    """Yield what is done for a step: its entries are begun, then added to or compared."""
    inner = found.inner(s.axes)
    if isinstance(s.step, SelectionStep):
        if not s.step.is_value:
            yield FusedPart("first", s, inner, s.terms)
            return
        if inner:
            yield FusedPart("begin", s, inner)
        yield FusedPart("extreme", s, found.inner(s.terms[0].axes), s.terms)
        return
    whole = tuple(t for t in s.terms if set(t.axes) == set(s.axes))
    if whole:
        yield FusedPart("set", s, tuple(sorted(inner)), whole)
    elif inner and not found.is_spread(s):
        yield FusedPart("zero", s, tuple(sorted(inner)))
    for t in s.terms:
        if t not in whole:
            yield FusedPart("add", s, found.inner(t.axes), (t,))
