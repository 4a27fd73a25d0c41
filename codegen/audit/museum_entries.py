"""All entries of the museum, by year."""

from __future__ import annotations

from rot180.codegen.audit.museum import Entry
from rot180.codegen.audit.museum_convolutions import INPUTS
from rot180.codegen.audit.museum_others import OTHERS, TRANSPOSED
from rot180.codegen.audit.museum_weights import WEIGHTS

__all__ = ["ENTRIES"]

ENTRIES: tuple[Entry, ...] = tuple(
    sorted((*INPUTS, *WEIGHTS, *TRANSPOSED, *OTHERS), key=lambda e: (e.year, e.key))
)
"""The wrong backward passes."""
