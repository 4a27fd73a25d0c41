"""Replay and the checker, asked together: no kernel without both."""

from __future__ import annotations

from functools import lru_cache

from rot180.derive.certificates.writer import dumps
from rot180.derive.checker import MalformedError, check
from rot180.derive.kernel.errors import ProofError
from rot180.derive.kernel.proof import Proof, Theorem
from rot180.derive.kernel.replay import replay


def agreed(proof: Proof) -> Theorem:
    """Replay a proof, and let the checker read its certificate.

    Raises:
        ProofError: one of the two refuses it; the message says which, and the step.

    """
    theorem = replay(proof)
    if said := objection(dumps(proof)):
        raise ProofError(f"{proof.name}: the checker refuses it: {said}")
    return theorem


@lru_cache(maxsize=512)
def objection(text: str) -> str:
    """Return why the checker refuses a certificate; "" if it finds it proved."""
    try:
        (verdict,) = check(text)
    except MalformedError as error:
        return f"no certificate: {error}"
    if verdict.verdict == "proved":
        return ""
    return f"step {verdict.step} ({verdict.rule}): {verdict.reason}"
