"""How the proofs of a document were checked: a table at its end, to which each theorem has a mark.

Both formats of whole documents gather the checks; a page about one theorem shows its own.
"""

from __future__ import annotations

from dataclasses import replace

from rot180.codegen.documents.model import (
    Block,
    Check,
    Document,
    Note,
    Prose,
    Section,
    Table,
    TheoremBlock,
)
from rot180.derive.display.terms_latex import escape

TITLE = "How each proof was checked"

_OPENING = (
    "Each proof is replayed step by step when this document is written: a trusted rule computes "
    "each line from the one before. A side condition is evident, or proved by a certificate. The "
    "hash names the proof, and is that of its certificate."
)
_HEAD = ("Theorem", "Steps, by their rules", "Side conditions", "Hash of the proof")
_WIDTHS = (28, 34, 16, 22)


def gathered(document: Document) -> Document:
    """Return a document with its checks in a table at the end; the theorems have marks."""
    found: dict[str, Check] = {}
    sections = [_without(section, found) for section in document.sections]
    if not found:
        return document
    rows = tuple(_row(check) for check in found.values())
    table = Table(_HEAD, rows, _WIDTHS, tuple(map(check_anchor, found)))
    blocks = (Prose((_OPENING,)), table)
    last = Section("how-each-proof-was-checked", TITLE, blocks, 0 if document.book else 1)
    return replace(document, sections=(*sections, last))


def check_anchor(name: str) -> str:
    """Return the target of links to the check of a theorem."""
    return f"checked-{name.replace('_', '-')}"


def note(check: Check) -> Note:
    """Return a check as small print."""
    said = f"{check.steps}; {check.conditions}; hash \\texttt{{{check.digest}}}"
    more = f"; {check.more}" if check.more else ""
    return Note("How it was checked.", f"{said[0].upper()}{said[1:]}{more}.")


def _without(section: Section, found: dict[str, Check]) -> Section:
    """Return a section without its checks, which are added to those that were found."""
    own = [b.name for b in section.blocks if isinstance(b, Check)]
    blocks: list[Block] = []
    for block in section.blocks:
        if isinstance(block, Check):
            found.setdefault(block.name, block)
        elif isinstance(block, TheoremBlock) and block.name in own:
            blocks.append(replace(block, check=check_anchor(block.name)))
        else:
            blocks.append(block)
    return replace(section, blocks=tuple(blocks))


def _row(check: Check) -> tuple[str, ...]:
    name = f"\\texttt{{{escape(check.name)}}}"
    steps = f"{check.steps}; {check.more}" if check.more else check.steps
    return (name, steps, check.conditions, f"\\texttt{{{check.digest}}}")
