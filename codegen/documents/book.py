"""The book: every theorem of the registry, in chapters."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TypeVar

import numpy as np

from rot180.codegen.documents.chapters import CHAPTERS, Chapter, contents, family, is_brief
from rot180.codegen.documents.headings import heading
from rot180.codegen.documents.layer import CONVENTION, anchor, checked, replayed, theorem_blocks
from rot180.codegen.documents.listings import Kernels, subject
from rot180.codegen.documents.model import (
    Block,
    Document,
    Figure,
    Note,
    Prose,
    Section,
    StepperBlock,
    reference,
    slug,
)
from rot180.codegen.documents.worked_example import section, worked
from rot180.codegen.figures.figures import pictures
from rot180.derive.display.letters import layer_letters, losses
from rot180.derive.display.notations import DEEP_LEARNING, Symbols
from rot180.derive.display.terms_latex import escape
from rot180.derive.display.theorem_latex import Display, latex_expression
from rot180.derive.kernel.proof import Theorem
from rot180.derive.language.layers import layer
from rot180.derive.theorems import theorem

T = TypeVar("T")

TITLE = "Convolution gradients, derived and proved"


def preface(symbols: Symbols = DEEP_LEARNING) -> tuple[str, ...]:
    """Return how to read the book, in paragraphs, with the letters that it uses.

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
        "Each section states a theorem, proves it with one reason a line, shows the kernel that is "
        "generated from it, and says how the proof was checked. Nothing in a section is typed by "
        "hand: statement, proof and kernel are written from one derivation, and change with it.",
        f"How to read the formulas: {CONVENTION[0].lower()}{CONVENTION[1:]}",
        f"The sliding product ${correlation}$ is called correlation here, ${convolution}$ "
        "convolution; frameworks call the first one convolution. Exchange the two words in the "
        "theorem about the input gradient, and it is false.",
        "The loss of a layer is known through its gradient by the output alone: it is "
        f"${total} = \\sum {g}\\,{y}$ over all entries of the output ${y}$, with "
        f"${g} = \\partial {total} / \\partial {y}$ held fixed, and has the derivatives of "
        "any loss with that gradient. So it is, in its own letters, where a theorem does not "
        "define it.",
        f"Letters: ${s}$ stride, ${d}$ dilation, ${lo}$ and ${hi}$ the padding at the low and the "
        f"high end (negative: cropped), ${size}$ the size of the input, ${taps}$ the taps of the "
        f"filter, ${outputs}$ the size of the output; the second and the third axis have letters "
        "of their own. Kernels keep the names of the layer's text.",
        "A section has one theorem, or the theorems that differ in the number of dimensions alone. "
        "One and two dimensions are shown in full; three are stated without the proof, which is "
        "the same with one more index.",
    )


def book(
    detail: str = "short",
    symbols: Symbols = DEEP_LEARNING,
    chapters: Sequence[Chapter] = CHAPTERS,
    progress: Callable[[str], None] = lambda _: None,
) -> Document:
    """Return the book.

    Args:
        detail: which view of the proofs a page shows, "short" or "full".
        symbols: the notation.
        chapters: the table of chapters.
        progress: called with what is being done.

    """
    table = contents(chapters)
    names = [name for chapter in table.values() for name in chapter]
    writer = _Writer(detail, symbols, frozenset(names), Kernels(), chapters[0])
    start = tuple(Prose((text,)) for text in preface(symbols))
    sections = [Section("how-to-read", "How to read this book", start, 0)]
    done = 0
    for chapter in chapters:
        own = replace(writer, symbols=chapter.symbols or symbols, chapter=chapter)
        opening: list[Block] = [Prose((chapter.introduction,))]
        opening += [Figure(picture) for picture in chapter.opening(own.symbols)]
        name = f"chapter-{slug(chapter.title)}"
        sections.append(Section(name, chapter.title, tuple(opening), 0))
        families: dict[str, list[Block]] = {}
        for name in table[chapter.title]:
            done += 1
            progress(f"{done}/{len(names)} {name}")
            families.setdefault(family(name), []).extend(own.blocks(theorem(name)))
        sections += [
            Section(f"section-{anchor(common)}", heading(common), tuple(blocks))
            for common, blocks in families.items()
        ]
        sections += chapter.sections(own.symbols)
    return Document(TITLE, "rot180 book", tuple(sections), book=True)


def pages(chapters: Sequence[Chapter] = CHAPTERS) -> dict[str, str]:
    """Return the title of the chapter that has an anchor, by anchor."""
    found = {}
    for title, names in contents(chapters).items():
        found[f"chapter-{slug(title)}"] = title
        for name in names:
            found[anchor(name)] = found[f"section-{anchor(family(name))}"] = title
    for chapter in chapters:
        for extra in chapter.sections(DEEP_LEARNING):
            found[extra.anchor] = chapter.title
    return found


@dataclass(frozen=True)
class _Writer:
    """Writes sections.

    Attributes:
        detail: which view of the proofs a page shows.
        symbols: the notation.
        names: the theorems that the book has.
        kernels: the kernels that it has shown.
        chapter: the chapter that is being written.

    """

    detail: str
    symbols: Symbols
    names: Collection[str]
    kernels: Kernels
    chapter: Chapter

    def blocks(self, given: Theorem) -> Iterator[Block]:
        """Yield what the book says of a theorem.

        Raises:
            ProofError: the proof does not follow.

        """
        proved = replayed(given)
        stated, proof = theorem_blocks(proved, losses(proved), self.detail, self.symbols)
        yield replace(stated, anchor=anchor(proved.name))
        yield from self._illustrated(proved)
        if not is_brief(proved.name):
            yield replace(proof, short=self._linked(proof.short), full=self._linked(proof.full))
            yield from self._worked(proved)
            yield from self.kernels.listing(proved)
        yield _checked(proved)

    def _illustrated(self, proved: Theorem) -> Iterator[Block]:
        """Yield the pictures that a theorem is shown with."""
        wanted, found = _first(self.chapter.pictures, proved.name), subject(proved)
        if wanted and found:
            drawn = pictures(found[0], symbols=self.symbols)
            have = {p.name.removeprefix("layer-"): p for p in drawn}
            for name in wanted.split():
                yield Figure(replace(have[name], name=f"{anchor(proved.name)}-{name}"))
            yield StepperBlock(found[0], f"stepper-{anchor(proved.name)}", self.symbols)

    def _worked(self, proved: Theorem) -> Iterator[Block]:
        """Yield numbers that go through a theorem."""
        wanted, found = _first(self.chapter.examples, proved.name), subject(proved)
        if wanted and found:
            arrays = {name: np.array(entries) for name, entries in wanted.arrays.items()}
            shown = worked(found[0], arrays, wanted.parameters, self.symbols, [found[1]])
            yield from section(shown).blocks

    def _linked(self, lines: Display) -> Display:
        """Let citations point to the theorems that they cite."""
        links = {f"\\texttt{{{escape(n)}}}": reference(anchor(n), escape(n)) for n in self.names}
        return tuple(replace(line, remark=_link(line.remark, links)) for line in lines)


def _first(table: Iterable[tuple[str, T]], name: str) -> T | None:
    """Return what stands beside the first pattern that a name fits."""
    return next((found for pattern, found in table if fnmatchcase(name, pattern)), None)


def _link(said: str, links: Mapping[str, str]) -> str:
    return re.sub(r"\\texttt\{[^{}]*\}", lambda found: links.get(found[0], found[0]), said)


def _checked(proved: Theorem) -> Note:
    """Say how a theorem of the registry was checked, and where its files are."""
    note = checked(proved)
    files = [f"certificates/{proved.name}.json", f"rocq/{proved.name}.v"]
    shown = " and ".join(f"\\texttt{{{escape(file)}}}" for file in files)
    return replace(note, text=f"{note.text} Certificate and Rocq script: {shown}.")
