"""Two sentences about each theorem of the registry: what it says, and why anybody cares.

The first has no symbols. Both hold for every theorem whose name the pattern matches.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

from rot180.derive.theorems.sentences_on_catalogue import CATALOGUE
from rot180.derive.theorems.sentences_on_convolutions import DENSE, INPUT, WEIGHTS
from rot180.derive.theorems.sentences_on_frameworks import FRAMEWORKS
from rot180.derive.theorems.sentences_on_networks import ACTIVATIONS, OTHERS
from rot180.derive.theorems.sentences_on_programs import PROGRAMS

SENTENCES = (*CATALOGUE, *DENSE, *INPUT, *WEIGHTS, *FRAMEWORKS, *ACTIVATIONS, *OTHERS, *PROGRAMS)
"""Patterns of names, each with what the theorems say, and why anybody cares."""


@dataclass(frozen=True)
class Sentences:
    """What a theorem says, and why anybody cares, in plain English."""

    says: str
    why: str


def sentences(name: str) -> Sentences:
    """Return the two sentences about a theorem: those of the first pattern that it matches.

    Args:
        name: the name of a theorem of the registry.

    Raises:
        ValueError: there are none.

    """
    for pattern, says, why in SENTENCES:
        if fnmatchcase(name, pattern):
            return Sentences(says, why)
    raise ValueError(f"sentences: found none for {name}, expected a pattern in SENTENCES")
