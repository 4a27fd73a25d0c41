"""The opening chapter of the book: words by people, and everything else from the engine.

``static/why_rotated.txt`` has the words. A line ``# title`` begins a section, a line ``@name``
stands for blocks, and ``{name}`` inside a paragraph for a formula, a number or the name of a
theorem, and ``{figure_name}`` for the number of the figure ``@name``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import TypeVar

from rot180.codegen.documents.model import Block, Figure, Prose, Section, slug
from rot180.codegen.documents.numbering import cited
from rot180.codegen.documents.story_parts import Parts, parts
from rot180.codegen.system.files import resource

TITLE = "Why is the kernel rotated?"

T = TypeVar("T")


@cache
def story() -> tuple[Section, ...]:
    """Return the chapter: a section for each heading of the text; derived once.

    Raises:
        ValueError: the text names something that the engine does not provide.
        ProofError: a proof does not follow.

    """
    return tuple(sections(resource("documents", "static/why_rotated.txt"), parts()))


def sections(text: str, found: Parts) -> Iterator[Section]:
    """Fill the words with what the engine provides.

    Args:
        text: the words.
        found: texts and blocks by name.

    Raises:
        ValueError: the text names something else, or begins without a heading.

    """
    for part in re.split(r"^# ", text, flags=re.M)[1:]:
        title, _, body = part.partition("\n")
        paragraphs = [" ".join(p.split()) for p in body.split("\n\n") if p.strip()]
        blocks = [block for p in paragraphs for block in _blocks(p, found)]
        yield Section(f"story-{slug(title)}", title, tuple(blocks))


def _blocks(paragraph: str, found: Parts) -> Sequence[Block]:
    if paragraph.startswith("@"):
        name = paragraph[1:]
        return [_named(block, name) for block in _known(found.blocks, name, "@")]
    texts = dict(found.texts)
    texts |= {f"figure_{name}": cited([name]) for name in found.blocks}
    said = re.sub(r"\{(\w+)\}", lambda m: _known(texts, m[1], "{}"), paragraph)
    said = re.sub(r"`([^`]+)`", lambda m: f"\\texttt{{{m[1].replace('_', chr(92) + '_')}}}", said)
    return (Prose((re.sub(r"\*([^*]+)\*", r"\\emph{\1}", said),)),)


def _named(block: Block, name: str) -> Block:
    """Give a picture the name by which the text cites it."""
    if not isinstance(block, Figure):
        return block
    return replace(block, picture=replace(block.picture, name=name))


def _known(table: Mapping[str, T], name: str, mark: str) -> T:
    if name not in table:
        raise ValueError(f"why_rotated.txt: {mark}{name}: expected one of {', '.join(table)}")
    return table[name]
