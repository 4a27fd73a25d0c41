"""What the two verifiers say about the text of a certificate: proved, refused or malformed."""

from __future__ import annotations

from rot180.derive import checker
from rot180.derive.certificates.reader import MalformedError, loads
from rot180.derive.kernel.errors import ProofError
from rot180.derive.kernel.proof import Theorem
from rot180.derive.kernel.replay import replay


def replayed(text: str) -> tuple[str, Theorem | None]:
    """Return the verdict of replay, and the theorem."""
    try:
        return "proved", replay(loads(text))
    except MalformedError:
        return "malformed", None
    except ProofError:
        return "refused", None


def checked(text: str) -> str:
    """Return the verdict of the checker."""
    try:
        (found,) = checker.check(text)
    except checker.MalformedError:
        return "malformed"
    return str(found.verdict)
