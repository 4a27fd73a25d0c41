"""The book: all registered theorems, in chapters."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TypeVar

import numpy as np

from rot180.codegen.documents.chapters import (
    CHAPTERS,
    Chapter,
    family,
    is_brief,
    theorems_by_chapter,
)
from rot180.codegen.documents.headings import heading
from rot180.codegen.documents.layer import (
    CONVENTION,
    anchor,
    checked,
    replay_theorem,
    theorem_blocks,
)
from rot180.codegen.documents.listings import Kernels, layer_and_operand
from rot180.codegen.documents.model import (
    Block,
    Document,
    Figure,
    Prose,
    Section,
    StepperBlock,
    reference,
    slug,
)
from rot180.codegen.documents.numbering import cited
from rot180.codegen.documents.worked_example import section, worked
from rot180.codegen.figures.figures import pictures
from rot180.codegen.figures.shapes import Picture
from rot180.derive.display.equations import Display
from rot180.derive.display.letters import layer_letters, losses
from rot180.derive.display.notations import DEEP_LEARNING, Symbols
from rot180.derive.display.terms_latex import escape
from rot180.derive.display.theorem_latex import latex_expression, listed
from rot180.derive.kernel.proof import Theorem
from rot180.derive.language.layers import layer
from rot180.derive.theorems import theorem
from rot180.derive.theorems.sentences import sentences

T = TypeVar("T")

TITLE = "Convolution gradients, derived and proved"


def preface(symbols: Symbols = DEEP_LEARNING) -> tuple[str, ...]:
    """Return the paragraphs that say how to read the book, in the letters of the notation.

    Args:
        symbols: the notation.

    """
    slides = layer("correlation1d"), layer("y[p] = sum[k] x[p-k] * w[k]")
    style = layer_letters(slides[0], symbols)
    correlation, convolution = (
        latex_expression(f.output.definition.body, style) for f in slides if f.output.definition
    )
    total, y = symbols.loss, style.tensor("y")
    g = style.gradient("y") or symbols.gradient
    s, d, lo, hi, size, taps, outputs = map(style.symbol, ("s", "d", "lo", "hi", "H", "K", "P"))
    return (
        "Each section states a theorem, proves it with one reason per line, and shows the loops "
        "of its kernel. Two sentences below it say what it states, and why anybody cares. Nothing "
        "else in a section is typed by hand: statement, proof and loops are printed from one "
        "derivation. How the proof was checked is beside it, or in a table at the end to which a "
        "mark beside the theorem leads. Certificates are in \\texttt{certificates/}, and scripts "
        "for Rocq in \\texttt{rocq/}, under the names of the theorems.",
        f"How to read the formulas: {CONVENTION[0].lower()}{CONVENTION[1:]}",
        f"Here ${correlation}$ is called correlation, and ${convolution}$ convolution; frameworks "
        "call the first one convolution. If one of the two words is replaced by the other in the "
        "theorem about the input gradient, the theorem is false.",
        "Of the loss of a layer, only the gradient with respect to the output is used: the loss is "
        f"${total} = \\sum {g}\\,{y}$, a sum over all entries of the output ${y}$, with "
        f"${g} = \\partial {total} / \\partial {y}$ held fixed. It has the same derivatives as "
        "every loss with that gradient. It is the loss of each theorem that does not define one.",
        f"Letters: ${s}$ is the stride, ${d}$ the dilation, ${lo}$ and ${hi}$ are the padding "
        "before and after the input (negative values crop), "
        f"${size}$ is the size of the input, ${taps}$ the number of taps of the filter, and "
        f"${outputs}$ the size of the output. The second and the third axis have other letters. "
        "Kernels use the names in the text of the layer.",
        "A section has one theorem, or several that differ only in the number of dimensions. "
        "One and two dimensions are shown in full; the theorem for three is stated without its "
        "proof, which is the same with one more index.",
    )


def book(
    detail: str = "short",
    symbols: Symbols = DEEP_LEARNING,
    chapters: Sequence[Chapter] = CHAPTERS,
    progress: Callable[[str], None] = lambda _: None,
) -> Document:
    """Return the book.

    Args:
        detail: which view of the proofs paper shows, "short" or "full".
        symbols: the notation.
        chapters: the table of chapters.
        progress: called with the name of each theorem.

    """
    table = theorems_by_chapter(chapters)
    names = [name for chapter in table.values() for name in chapter]
    writer = _ChapterWriter(detail, symbols, frozenset(names), Kernels(), chapters[0])
    start = tuple(Prose((text,)) for text in preface(symbols))
    sections: list[Section] = []
    first = next((c for c in chapters if c.theorems), None)
    done = 0
    for chapter in chapters:
        if chapter is first:
            sections.append(Section("how-to-read", "How to read this book", start, 0))
        own = replace(writer, symbols=chapter.symbols or symbols, chapter=chapter)
        opening: list[Block] = [Prose((chapter.introduction,))]
        shown = list(chapter.opening(own.symbols))
        opening += [Prose((_drawn(shown),)), *map(Figure, shown)] if shown else []
        name = f"chapter-{slug(chapter.title)}"
        sections.append(Section(name, chapter.title, tuple(opening), 0))
        families: dict[str, list[Block]] = {}
        for name in table[chapter.title]:
            done += 1
            progress(f"{done}/{len(names)} {name}")
            kept, said = families.setdefault(family(name), []), meaning(name)
            # what a family says is said once
            kept += [b for b in own.blocks(theorem(name)) if b != said or said not in kept]
        sections += [
            Section(f"section-{anchor(common)}", heading(common), tuple(blocks))
            for common, blocks in families.items()
        ]
        sections += chapter.sections(own.symbols)
    return Document(TITLE, "rot180 book", tuple(sections), book=True)


def meaning(name: str) -> Prose:
    """Return what a theorem says and why anybody cares, as a paragraph."""
    said = sentences(name)
    return Prose((f"{said.says} {said.why}",))


def chapters_by_anchor(chapters: Sequence[Chapter] = CHAPTERS) -> dict[str, str]:
    """Return the title of the chapter that each anchor is in."""
    found = {}
    for title, names in theorems_by_chapter(chapters).items():
        found[f"chapter-{slug(title)}"] = title
        for name in names:
            found[anchor(name)] = found[f"section-{anchor(family(name))}"] = title
    for chapter in chapters:
        for extra in chapter.sections(DEEP_LEARNING):
            found[extra.anchor] = chapter.title
    return found


@dataclass(frozen=True)
class _ChapterWriter:
    """Writes the sections of a chapter.

    Attributes:
        detail: which view of the proofs paper shows.
        symbols: the notation.
        names: the names of all theorems in the book.
        kernels: the kernels that the book has shown so far.
        chapter: the chapter.

    """

    detail: str
    symbols: Symbols
    names: Collection[str]
    kernels: Kernels
    chapter: Chapter

    def blocks(self, given: Theorem) -> Iterator[Block]:
        """Yield the blocks of a theorem.

        Raises:
            ProofError: the proof does not follow.

        """
        proved = replay_theorem(given)
        stated, proof = theorem_blocks(proved, losses(proved), self.detail, self.symbols)
        yield replace(stated, anchor=anchor(proved.name))
        yield meaning(proved.name)
        yield from self._illustrated(proved)
        if not is_brief(proved.name):
            yield replace(proof, short=self._linked(proof.short), full=self._linked(proof.full))
            yield from self._worked(proved)
            yield from self.kernels.listing(proved)
        yield checked(proved)

    def _illustrated(self, proved: Theorem) -> Iterator[Block]:
        """Yield the pictures of a theorem."""
        wanted, found = _first(self.chapter.pictures, proved.name), layer_and_operand(proved)
        if wanted and found:
            drawn = pictures(found[0], symbols=self.symbols)
            have = {p.name.removeprefix("layer-"): p for p in drawn}
            names = {name: f"{anchor(proved.name)}-{name}" for name in wanted.split()}
            shown = [replace(have[name], name=own) for name, own in names.items()]
            yield Prose((_drawn(shown),))
            yield from map(Figure, shown)
            yield StepperBlock(found[0], f"stepper-{anchor(proved.name)}", self.symbols)

    def _worked(self, proved: Theorem) -> Iterator[Block]:
        """Yield the worked example of a theorem."""
        wanted, found = _first(self.chapter.examples, proved.name), layer_and_operand(proved)
        if wanted and found:
            arrays = {name: np.array(entries) for name, entries in wanted.arrays.items()}
            shown = worked(found[0], arrays, wanted.parameters, self.symbols, [found[1]])
            yield from section(shown).blocks

    def _linked(self, lines: Display) -> Display:
        """Turn citations into links to the cited theorems."""
        links = {f"\\texttt{{{escape(n)}}}": reference(anchor(n), escape(n)) for n in self.names}
        return tuple(replace(line, remark=_link(line.remark, links)) for line in lines)


def _drawn(shown: Sequence[Picture]) -> str:
    """Say what the figures are that follow: their titles."""
    titles = [p.title[:1].lower() + p.title[1:] for p in shown]
    verb = "shows" if len(shown) == 1 else "show"
    return f"{cited([p.name for p in shown])} {verb}, at small sizes: {listed(titles)}."


def _first(table: Iterable[tuple[str, T]], name: str) -> T | None:
    """Return the value of the first pattern that matches a name."""
    return next((found for pattern, found in table if fnmatchcase(name, pattern)), None)


def _link(said: str, links: Mapping[str, str]) -> str:
    return re.sub(r"\\texttt\{[^{}]*\}", lambda found: links.get(found[0], found[0]), said)


