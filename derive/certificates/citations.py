"""Which proofs a proof cites."""

from __future__ import annotations

from rot180.derive.kernel.proof import Proof


def cited(proof: Proof) -> tuple[Proof, ...]:
    """Return the proofs that a proof cites, directly or indirectly, each once."""
    found: dict[Proof, None] = {}

    def visit(one: Proof) -> None:
        for step in one.steps:
            inner = dict(step.arguments).get("theorem")
            if isinstance(inner, Proof) and inner not in found:
                visit(inner)
                found[inner] = None

    visit(proof)
    return tuple(found)
