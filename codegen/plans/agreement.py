"""Replay and the checker must agree on a proof before a kernel is made of it."""

from __future__ import annotations

from functools import lru_cache

from rot180.derive.certificates.writer import dumps
from rot180.derive.checker import MalformedError, check
from rot180.derive.kernel.errors import ProofError
from rot180.derive.kernel.proof import Proof, Theorem
from rot180.derive.kernel.replay import replay


def agreed(proof: Proof) -> Theorem:
    """Replay a proof, and have the checker check its certificate.

    Raises:
        ProofError: one of the two refuses it; the message names it and the step.

    """
    theorem = replay(proof)
    if reason := objection(dumps(proof)):
        raise ProofError(f"{proof.name}: the checker refuses it: {reason}")
    return theorem


@lru_cache(maxsize=512)
def objection(text: str) -> str:
    """Return why the checker refuses a certificate, or "" if it accepts it."""
    try:
        (verdict,) = check(text)
    except MalformedError as error:
        return f"no certificate: {error}"
    if verdict.verdict == "proved":
        return ""
    return f"step {verdict.step} ({verdict.rule}): {verdict.reason}"
