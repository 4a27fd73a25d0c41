"""What the loop nests of a pass consist of."""

from __future__ import annotations

from dataclasses import dataclass, field

from rot180.codegen.plans.fusion import Axes, FusedRead, FusedStep, FusedTerm


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
