"""Limits of what one text, network or derivation may ask for; what is larger is refused.

A text of one line can ask for proofs that take hours: a product of n sums has 2^n terms, and each
of n operands has a gradient. The table names every limit; `ROT180_LIMITS`, as in
`ROT180_LIMITS=terms=500,work=10000000`, replaces some of them, and computing then takes its time.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from types import MappingProxyType

VARIABLE = "ROT180_LIMITS"

LIMITS: Mapping[str, tuple[int, str]] = MappingProxyType(
    {
        "characters": (10_000, "characters in a text"),
        "depth": (30, "brackets or signs inside each other"),
        "terms": (200, "terms after multiplying out"),
        "factors": (64, "factors or summed indices in a term"),
        "products": (64, "products in a polynomial"),
        "degree": (8, "the degree of a polynomial, and an exponent"),
        "digits": (15, "digits in a number"),
        "definitions": (128, "definitions of a program, intermediates among them"),
        "layers": (16, "layers of a network"),
        "work": (450_000, "factors in all lines of all proofs, 20 for a line, 4000 for a proof"),
    }
)
"""Of each limit its name, its value, and what it counts."""


STEP, PROOF, MONOMIAL = 20, 4000, 100
"""What a line of a proof counts besides its factors, and a proof besides its lines; what each
product in a polynomial of a certificate counts, after the first."""


class LimitError(Exception):
    """Proofs would take too long; no ValueError, after which a search would go on."""


def most(name: str) -> int:
    """Return the value of a limit.

    Raises:
        ValueError: the environment variable is not a list such as ``terms=500,work=10000000``.

    """
    return _given(os.environ.get(VARIABLE, "")).get(name, LIMITS[name][0])


def cure(name: str, found: int = 0) -> str:
    """Return how to raise a limit, as the end of a message.

    Args:
        name: the limit.
        found: what was found; 0 if counting ended at the limit.

    """
    return f"raise the limit: {VARIABLE}={name}={found or 2 * most(name)}"


@lru_cache
def _given(text: str) -> dict[str, int]:
    found = {}
    for part in filter(None, (p.strip() for p in text.split(","))):
        match = re.fullmatch(r"([a-z]+)=([0-9]{1,15})", part)
        if match is None or match[1] not in LIMITS:
            known = ", ".join(f"{name} ({n})" for name, (n, _) in LIMITS.items())
            raise ValueError(
                f"{VARIABLE}: found {part[:40]!r}, expected NAME=NUMBER, separated by commas; "
                f"the names, with their usual numbers, are {known}"
            )
        found[match[1]] = int(match[2])
    return found


_spent: list[int] = []  # of the outermost `metered`, if there is one


@contextmanager
def metered() -> Iterator[None]:
    """Count the work inside, and refuse more than the limit; inside another, that one counts."""
    if _spent:
        yield
        return
    _spent.append(0)
    try:
        yield
    finally:
        _spent.clear()


def spend(work: int) -> None:
    """Count some work.

    Raises:
        LimitError: it is more than the limit.

    """
    if not _spent:
        return
    expect(work)
    _spent[0] += work


def expect(work: int) -> None:
    """Refuse work before it is done.

    Raises:
        LimitError: with what was done before, it is more than the limit.

    """
    if _spent and _spent[0] + work > most("work"):
        raise LimitError(
            f"the proofs are too long: found more than {most('work')} factors in their lines, "
            f"where a line counts {STEP} more and a proof {PROOF}\n"
            f"cure: use several layers, or one operand (--wrt), or {cure('work')}"
        )
