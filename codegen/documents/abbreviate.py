"""Abbreviates the long lines of a document, and says so."""

from __future__ import annotations

from dataclasses import replace
from typing import overload

from rot180.codegen.documents.model import (
    Block,
    Document,
    Note,
    ProofBlock,
    Prose,
    TheoremBlock,
)
from rot180.derive.display.abbreviate import MOST_LINES, MOST_TERMS, abbreviated

ABBREVIATED = Note(
    "Abbreviated.",
    f"Of a line with more than {MOST_TERMS} terms the first {MOST_TERMS} are shown, and of a "
    f"proof at most {MOST_LINES} such lines, besides the last. The whole proof is in "
    "\\texttt{certificate.json}; the option \\texttt{-{}-whole} writes every line.",
)
"""What the reader is told where a line is abbreviated."""


def abbreviate(document: Document) -> Document:
    """Return a document whose long lines are abbreviated; its first section says so."""
    sections = tuple(
        replace(section, blocks=tuple(map(short_block, section.blocks)))
        for section in document.sections
    )
    if sections == document.sections:
        return document
    first = replace(sections[0], blocks=(*sections[0].blocks, ABBREVIATED))
    return replace(document, sections=(first, *sections[1:]))


@overload
def short_block(block: TheoremBlock) -> TheoremBlock: ...
@overload
def short_block(block: ProofBlock) -> ProofBlock: ...
@overload
def short_block(block: Block) -> Block: ...
def short_block(block: Block) -> Block:
    """Return a block whose long lines are abbreviated."""
    if isinstance(block, ProofBlock):
        return replace(block, short=abbreviated(block.short), full=abbreviated(block.full))
    if isinstance(block, Prose | TheoremBlock):
        parts = (p if isinstance(p, str) else abbreviated(p) for p in block.parts)
        return replace(block, parts=tuple(parts))
    return block
