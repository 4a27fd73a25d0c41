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
    Table,
    reference,
    slug,
)
from rot180.codegen.documents.worked_example import section, worked
from rot180.codegen.figures.figures import pictures
from rot180.codegen.figures.shapes import Picture
from rot180.derive.display.equations import Display
from rot180.derive.display.letters import layer_letters, losses
from rot180.derive.display.notations import DEEP_LEARNING, Symbols
from rot180.derive.display.terms_latex import escape
from rot180.derive.display.theorem_latex import latex_expression, listed
from rot180.derive.kernel.proof import Theorem
from rot180.derive.language.layers import Layer, layer
from rot180.derive.language.terms import term
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
    total, x, w, y = (symbols.loss, *map(style.tensor, ("x", "w", "y")))
    g = style.gradient("y") or symbols.gradient
    star, asterisk = (
        dict(symbols.operators)[name].replace("#1", x).replace("#2", w)
        for name in ("correlate", "convolve")
    )
    return (
        "Each section states a theorem, proves it with one reason per line, and shows the loops "
        "of its kernel. Two sentences below it say what it states, and why anybody cares. Nothing "
        "else in a section is typed by hand: statement, proof and loops are printed from one "
        "derivation. How the proof was checked is beside it, or in a table at the end to which a "
        "mark beside the theorem leads. Certificates are in \\texttt{certificates/}, and scripts "
        "for Rocq in \\texttt{rocq/}, under the names of the theorems.",
        f"How to read the formulas: {CONVENTION[0].lower()}{CONVENTION[1:]}",
        f"Here ${correlation}$ is called correlation, ${star}$, and ${convolution}$ convolution, "
        f"${asterisk}$; frameworks compute the first one and call it convolution. The two signs do "
        "not say where the window starts, nor its stride: the line below them has the sum. If one "
        "of the two words is replaced by the other in the theorem about the input gradient, the "
        "theorem is false.",
        "Of the loss of a layer, only the gradient with respect to the output is used: the loss is "
        f"${total} = \\sum {g}\\,{y}$, a sum over all entries of the output ${y}$, with "
        f"${g} = \\partial {total} / \\partial {y}$ held fixed. It has the same derivatives as "
        "every loss with that gradient. It is the loss of each theorem that does not define one.",
        f"In pictures, $\\mathrm{{d}}{x}$ is the gradient $\\partial {total} / \\partial {x}$.",
        "A section has one theorem, or several that differ only in the number of dimensions. "
        "One and two dimensions are shown in full; the theorem for three is stated without its "
        "proof, which is the same with one more index.",
        "The letters of stride, padding and sizes are the same everywhere. Kernels use the names "
        "in the text of the layer.",
    )


LETTERS: Mapping[str, tuple[str, ...]] = {
    "the stride": ("s", "t", "u"),
    "the dilation": ("d", "e", "f"),
    "the padding before the input; a negative one crops": ("lo", "lp", "lq"),
    "the padding after the input": ("hi",),
    "the size of the input": ("H", "V", "I"),
    "the number of taps of the filter": ("K", "L", "M"),
    "the size of the output": ("P", "Q", "R"),
    "the remainder, which no window covers": ("rho",),
    "what a transposed convolution adds to its size": ("op",),
    "the dilation of the input; how many pixels a shuffle makes of one, along an axis": ("r",),
    "the padding that a framework computes, before what a window reads": ("before",),
    "the padding that a framework computes, after it": ("after",),
    "the padding that a framework computes, in all": ("total",),
    "the output size that is asked for": ("out",),
    "what the scores of an attention are multiplied by": ("scale",),
    "what is added to a variance before its root is taken": ("eps",),
}
"""Parameters and sizes that no theorem introduces: what they stand for, by axis."""


def letters_table(symbols: Symbols = DEEP_LEARNING) -> Table:
    """Return the table of `LETTERS`, in the letters of the notation."""
    style = layer_letters(layer("correlation1d"), symbols)
    rows = (
        (said, *(f"${style.symbol(n)}$" for n in names), *("",) * (3 - len(names)))
        for said, names in LETTERS.items()
    )
    return Table(("", "first axis", "second axis", "third axis"), tuple(rows), (52, 16, 16, 16))


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
    start: list[Block] = [Prose((text,)) for text in preface(symbols)]
    start.append(letters_table(symbols))
    sections: list[Section] = []
    first = next((c for c in chapters if c.theorems), None)
    done = 0
    for chapter in chapters:
        if chapter is first:
            sections.append(Section("how-to-read", "How to read this book", tuple(start), 0))
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


def figures_by_anchor(chapters: Sequence[Chapter] = CHAPTERS) -> dict[str, tuple[str, ...]]:
    """Return the names of the figures of each theorem, section and chapter opening."""
    found: dict[str, tuple[str, ...]] = {}
    table = theorems_by_chapter(chapters)
    for chapter in chapters:
        opening = tuple(p.name for p in chapter.opening(DEEP_LEARNING))
        found[f"chapter-{slug(chapter.title)}"] = opening
        for name in table[chapter.title]:
            wanted = _first(chapter.pictures, name) or ""
            own = tuple(f"{anchor(name)}-{one}" for one in wanted.split())
            section = f"section-{anchor(family(name))}"
            found[anchor(name)] = own
            found[section] = (*found.get(section, ()), *own)
        for extra in chapter.sections(DEEP_LEARNING):
            drawn = (b.picture.name for b in extra.blocks if isinstance(b, Figure))
            found[extra.anchor] = tuple(drawn)
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
            own = _first(self.chapter.drawn, proved.name)
            shown_layer = layer(own) if own else found[0]
            drawn = pictures(shown_layer, symbols=self.symbols)
            have = {p.name.removeprefix("layer-"): p for p in drawn}
            names = {name: f"{anchor(proved.name)}-{name}" for name in wanted.split()}
            shown = [replace(have[name], name=own) for name, own in names.items()]
            said = _valid(shown_layer, self.symbols) if own else ""
            yield Prose((said + _drawn(shown),))
            yield from map(Figure, shown)
            yield StepperBlock(shown_layer, f"stepper-{anchor(proved.name)}", self.symbols)

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
    """Say what each of the figures is that follow: its title."""
    titles = [p.title.partition(", $") for p in shown]
    said = [
        f"Figure \\figureref{{{p.name}}}{'' if n else ' shows'} {title[:1].lower()}{title[1:]}"
        for n, (p, (title, _, _)) in enumerate(zip(shown, titles, strict=True))
    ]
    values = dict.fromkeys(f" with ${value}" for _, mark, value in titles if mark)
    return f"{listed(said)}, at small sizes{''.join(values)}."


def _valid(shown: Layer, symbols: Symbols) -> str:
    """Say that the pictures of a theorem show the outputs whose windows stay inside."""
    style = layer_letters(shown, symbols)
    assert shown.output.definition is not None
    body = latex_expression(shown.output.definition.body, style)
    output = latex_expression((term(shown.output[shown.output.definition.formals]),), style)
    return (
        f"The pictures have the valid pass, ${output} = {body}$: the outputs whose windows stay "
        "inside the input. "
    )


def _first(table: Iterable[tuple[str, T]], name: str) -> T | None:
    """Return the value of the first pattern that matches a name."""
    return next((found for pattern, found in table if fnmatchcase(name, pattern)), None)


def _link(said: str, links: Mapping[str, str]) -> str:
    return re.sub(r"\\texttt\{[^{}]*\}", lambda found: links.get(found[0], found[0]), said)


