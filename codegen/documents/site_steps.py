"""Every step of a long proof, on pages beside that of its theorem, which shows the short view."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from rot180.codegen.documents.model import TEXT_WIDTH, Block, ProofBlock, Prose, Section
from rot180.derive.display.equations import Display, EquationLine, aligned

MOST = 24_000
"""Characters of LaTeX in the proofs of a page, which have about ten times as many bytes there."""


def parts(steps: Display) -> Iterator[Display]:
    """Divide a chain of equations into as many as a page shows."""
    part, size = list[EquationLine](), 0
    for step in steps:
        length = _length((step,))
        if part and size + length > MOST:
            yield tuple(part)
            part, size = [], 0
        part.append(step)
        size += length
    if part:
        yield tuple(part)


def _length(steps: Display) -> int:
    return len(aligned(steps, TEXT_WIDTH))


def long_proof(blocks: Sequence[Block]) -> ProofBlock | None:
    """Return the proof whose two views are too long for one page, if there is one."""
    proofs = (b for b in blocks if isinstance(b, ProofBlock) and b.short != b.full)
    return next((b for b in proofs if _length(b.short) + _length(b.full) > MOST), None)


def without_steps(blocks: Sequence[Block], address: str) -> tuple[Block, ...]:
    """Return blocks in which a long proof has its short view, and links to every step."""
    proof = long_proof(blocks)
    if proof is None:
        return tuple(blocks)
    links, first = [], 1
    for number, part in enumerate(parts(proof.full), 1):
        last = first + len(part) - 1
        links.append(f"\\hyperref[{steps_address(address, number)}]{{{first} to {last}}}")
        first = last + 1
    shown = (replace(proof, full=proof.short), Prose((f"Every step: {', '.join(links)}.",)))
    at = list(blocks).index(proof)
    return (*blocks[:at], *shown, *blocks[at + 1 :])


def steps_address(address: str, number: int) -> str:
    """Return the address of a page of steps.

    >>> steps_address("theorems/softmax-input.html", 2)
    'theorems/softmax-input-steps-2.html'
    """
    return f"{address.removesuffix('.html')}-steps-{number}.html"


def steps_sections(proof: ProofBlock) -> Iterator[tuple[str, Section]]:
    """Yield the title of each page of steps, and what it shows."""
    found, first = list(parts(proof.full)), 1
    for part in found:
        last = first + len(part) - 1
        title = f"steps {first} to {last} of {len(proof.full)}"
        yield title, Section("steps", "", (ProofBlock(part, part),))
        first = last + 1
