r"""The numbers of figures, and texts that cite them.

A text cites a figure by ``\figureref{name}``, with the name of its picture. Numbers start again in
each chapter of a book; other documents have no chapters, and their figures are 1, 2, 3.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from rot180.codegen.documents.model import Block, Document, Figure, Note, Prose, Section

_CITED = re.compile(r"\\figureref\{([^}]*)\}")


def cited(names: Sequence[str]) -> str:
    r"""Return a text that cites some figures, of which the first and the last are named.

    >>> print(cited(["a", "b", "c"]))
    Figures \figureref{a} to \figureref{c}
    """
    first, *rest = (f"\\figureref{{{name}}}" for name in names)
    if not rest:
        return f"Figure {first}"
    return f"Figures {first} {'and' if len(rest) == 1 else 'to'} {rest[-1]}"


def numbered(document: Document) -> Document:
    """Return a document whose figures have numbers, which its texts cite as links.

    Raises:
        ValueError: a text cites a figure that is not there, or two figures have one name.

    """
    numbers: dict[str, str] = {}
    sections = []
    chapter, count = -1, 0
    for section in document.sections:
        if document.book and section.level == 0:
            chapter, count = chapter + 1, 0
        blocks: list[Block] = []
        for block in section.blocks:
            if isinstance(block, Figure):
                count += 1
                number = f"{chapter}.{count}" if document.book else str(count)
                if block.picture.name in numbers:
                    raise ValueError(f"figures: found the name {block.picture.name} twice")
                numbers[block.picture.name] = number
                block = replace(block, number=number)
            blocks.append(block)
        sections.append(replace(section, blocks=tuple(blocks)))
    return replace(document, sections=tuple(_linked(s, numbers) for s in sections))


def uncited(document: Document) -> list[str]:
    """Return the names of the figures that no text of a document cites by name."""
    blocks = [b for s in document.sections for b in s.blocks]
    texts = [p for b in blocks if isinstance(b, Prose) for p in b.parts if isinstance(p, str)]
    texts += [b.text for b in blocks if isinstance(b, Note)]
    named = {name for text in texts for name in _CITED.findall(text)}
    drawn = [b.picture.name for b in blocks if isinstance(b, Figure)]
    return [name for name in drawn if name not in named]


def figure_anchor(name: str) -> str:
    """Return the target of links to a figure."""
    return f"figure-{name}"


def _linked(section: Section, numbers: Mapping[str, str]) -> Section:
    return replace(section, blocks=tuple(_block(b, numbers) for b in section.blocks))


def _block(block: Block, numbers: Mapping[str, str]) -> Block:
    def link(found: re.Match[str]) -> str:
        if found[1] not in numbers:
            raise ValueError(f"figures: found a citation of {found[1]}, which is not there")
        return f"\\hyperref[{figure_anchor(found[1])}]{{{numbers[found[1]]}}}"

    if isinstance(block, Prose):
        parts = (_CITED.sub(link, p) if isinstance(p, str) else p for p in block.parts)
        return Prose(tuple(parts))
    if isinstance(block, Note):
        return replace(block, text=_CITED.sub(link, block.text))
    return block
