"""The book: every theorem of the registry, in chapters.

What stands here is the table of chapters. Everything else in the book is derived.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import NamedTuple, TypeVar

import numpy as np

from rot180.codegen.blocks import (
    Block,
    Document,
    Figure,
    Note,
    Prose,
    Section,
    Stepper,
    Table,
    reference,
)
from rot180.codegen.documents import CONVENTION, anchor, checked, replayed, theorem_blocks
from rot180.codegen.five_steps import five_steps
from rot180.codegen.kernels import Kernels, subject
from rot180.codegen.picture_networks import network_pictures
from rot180.codegen.pictures import pictures
from rot180.codegen.scene import Picture
from rot180.codegen.sources import SOURCES, spoken
from rot180.codegen.worked import section, worked
from rot180.derive.latex import Display
from rot180.derive.network import network
from rot180.derive.proof import Theorem
from rot180.derive.settled import settled
from rot180.derive.symbols import DEEP_LEARNING, NIELSEN, Symbols
from rot180.derive.theorems import claims, theorem
from rot180.derive.typeset import escape

T = TypeVar("T")

TITLE = "Convolution gradients, derived and proved"

PREFACE = (
    "Each section states a theorem, proves it with one reason a line, shows the kernel that is "
    "generated from it, and says how the proof was checked. Nothing in a section is typed by hand: "
    "statement, proof and kernel are written from one derivation, and change with it.",
    f"How to read the formulas: {CONVENTION[0].lower()}{CONVENTION[1:]}",
    "The sliding product $\\sum_k x[p + k]\\,w[k]$ is called correlation here, "
    "$\\sum_k x[p - k]\\,w[k]$ convolution; frameworks call the first one convolution. A theorem "
    "about one of them is false for the other.",
    "Letters: $s$ stride, $d$ dilation, $\\mathit{lo}$ and $\\mathit{hi}$ the padding at the low "
    "and the high end (negative: cropped), $H$ the size of the input, $K$ the taps of the filter, "
    "$P$ the size of the output; the second and the third axis have letters of their own.",
    "A section has one theorem, or the theorems that differ in the number of dimensions alone. One "
    "and two dimensions are shown in full; three are stated without the proof, which is the same "
    "with one more index.",
)
"""How to read the book, in paragraphs."""


class Numbers(NamedTuple):
    """What a layer is worked out on: arrays, nested, and parameters, by the layer's names."""

    arrays: Mapping[str, Sequence[object]]
    parameters: Mapping[str, int]


ROW = Numbers({"x": [[1, 2]], "w": [[1, 2], [3, 4]]}, {})
LINE = Numbers({"x": [3, 1, 4, 1, 5], "w": [1, 2, -1], "grad_y": [2, -1, 3]}, {})
STRIDED = Numbers({"x": [3, 1, 4, 1, 5, 9], "w": [1, 2, -1], "grad_y": [2, -1]}, {"s": 2})
SQUARE = Numbers(
    {
        "x": [[5 * row + column + 1 for column in range(5)] for row in range(5)],
        "w": [[1, 0, -1]] * 3,
        "grad_y": [[1, -2, 3], [0, 1, 2], [-1, 2, 1]],
    },
    {},
)
"""The example of the note: 1 to 25 in a square, and a filter for edges."""


@dataclass(frozen=True)
class Chapter:
    """A chapter: which theorems it has, in what order, and what introduces them.

    Attributes:
        title: its title, a text.
        introduction: one to three sentences.
        theorems: patterns of names, in order; a theorem is in the first chapter that names it.
        symbols: the notation that it keeps whatever the book's is.
        pictures: patterns of names of theorems, each with the names of its layer's pictures.
        examples: patterns of names of theorems, each with the numbers that its layer is worked
            out on.
        opening: the pictures under the introduction, given the notation.
        sections: what it has after the theorems, given the notation.

    """

    title: str
    introduction: str
    theorems: tuple[str, ...] = ()
    symbols: Symbols | None = None
    pictures: tuple[tuple[str, str], ...] = ()
    examples: tuple[tuple[str, Numbers], ...] = ()
    opening: Callable[[Symbols], Iterable[Picture]] = lambda _: ()
    sections: Callable[[Symbols], Iterable[Section]] = lambda _: ()


NETWORK = (
    "conv2d 1->2 3x3; sigmoid; conv2d 2->3 3x3; sigmoid; flatten; linear 10; sigmoid; squared_error"
)
"""The network whose five steps the book shows."""


def slug(title: str) -> str:
    """Return a title as an anchor.

    >>> slug("Stride: zeros between the gradients")
    'stride-zeros-between-the-gradients'
    """
    return "-".join("".join(c if c.isalnum() else " " for c in title.lower()).split())


def _steps(symbols: Symbols) -> Iterator[Section]:
    yield from five_steps(network(NETWORK), symbols)


def _settled(_: Symbols) -> Iterator[Section]:
    """Yield a table of the eight statements about the input gradient, each judged."""
    rows = []
    for one in settled():
        window = "\\texttt{rot180(w)}" if one.rotated else "\\texttt{w}"
        said = str(one.verdict).splitlines()[0].removeprefix("refuted: ")
        steps = len(one.verdict.theorem.proof.steps) if one.verdict.theorem else 0
        true = f"\\textbf{{true}}, proved in {steps} steps"
        verdict = true if steps else f"false: {escape(said)}"
        full = f"full {one.backward} with {window}, \\texttt{{{escape(one.formula)}}}"
        rows.append((one.forward, full, verdict))
    table = Table(("Forward pass", "Input gradient", "Verdict"), tuple(rows), (16, 42, 42))
    yield Section("eight-statements", "Eight statements, four theorems", (table,))


def _sources(_: Symbols) -> Iterator[Section]:
    """Yield a table for each source document."""
    for source in SOURCES:
        rows = []
        for item in source.items:
            where = [reference(anchor(name), escape(name)) for name in item.names()]
            where += [reference(found, spoken(found)) for found in item.sections]
            tests = [f"\\texttt{{tests/{escape(name)}}}" for name in item.tests]
            rows.append((item.number, item.says, ", ".join(where), ", ".join(tests)))
        head = ("", "What it says", "Where it is proved", "Tests")
        table = Table(head, tuple(rows), (6, 36, 34, 24))
        yield Section(slug(source.title), source.title, (table,))


CHAPTERS = (
    Chapter(
        "The dense layer",
        "The gradients of $Z = X W$ are matrix products with a transposed factor. Everything that "
        "follows is this fact with weights that are cut and shared.",
        ("dense_*",),
        examples=(("dense_input", ROW),),
    ),
    Chapter(
        "The perceptron, in four equations",
        "With an activation between the layers, the deltas of a layer come from those of the next: "
        "the transposed weights, times the derivative of the activation. The four equations say "
        "where the deltas start, how they move, and what they give for bias and weight.",
        (
            "perceptron_output",
            "perceptron_input",
            "perceptron_delta",
            "perceptron_bias",
            "perceptron_weight",
            "perceptron_*",
        ),
        NIELSEN,
        opening=lambda symbols: network_pictures(symbols)[:1],
    ),
    Chapter(
        "From a dense layer to a convolution",
        "A convolution is a dense layer most of whose connections are cut, and whose remaining "
        "weights are shared: its matrix is the Toeplitz matrix of the filter.",
        (
            "cut_and_shared_*",
            "toeplitz_c*",
            "toeplitz_transpose_*",
            "transposed_flip_*",
            "shared_weights_*",
        ),
        pictures=(
            ("toeplitz_transpose_correlation_*_1d", "toeplitz-2"),
            ("toeplitz_transpose_convolution_*_1d", "toeplitz-1"),
        ),
        opening=lambda symbols: network_pictures(symbols)[1:],
    ),
    Chapter(
        "Why the kernel is rotated",
        "The input gradient of a correlation is the full correlation of the output gradient with "
        "the filter rotated by 180 degrees; the input gradient of a convolution is a full "
        "convolution with it.",
        (
            "rot180_correlation_[123]d",
            "rot180_convolution_[123]d",
            "rot180_is_a_shifted_flip_*",
        ),
        pictures=(
            ("rot180_correlation_1d", "fingers delta forward backward"),
            ("rot180_correlation_2d", "delta forward backward"),
            ("rot180_convolution_1d", "fingers delta backward"),
            ("rot180_convolution_2d", "backward"),
        ),
        examples=(("rot180_correlation_1d", LINE), ("rot180_correlation_2d", SQUARE)),
    ),
    Chapter(
        "Convolution or correlation, rotated or not",
        "There are eight ways to say what the input gradient is. Four are theorems and four are "
        "false, because a convolution with a filter is a correlation with the rotated one; each of "
        "the false ones is refuted by numbers that were found for it.",
        sections=_settled,
    ),
    Chapter(
        "Full and valid",
        "A forward pass without padding is valid: no window leaves the input. The backward pass is "
        "full: it reads wherever window and gradient meet, and so restores the size.",
        ("full_convolution_*", "valid_convolution", "full_restores_valid"),
    ),
    Chapter(
        "Stride: zeros between the gradients",
        "With a stride the forward pass skips positions. The backward pass fills the skipped ones "
        "with zeros; sorted by remainders, no zero is stored and nothing is divided.",
        ("rot180_*_strided_*", "phases_*"),
        pictures=(
            ("rot180_correlation_strided_1d", "fingers-2 zeros-2 backward-2"),
            ("rot180_correlation_strided_2d", "zeros-2 backward-2"),
            ("rot180_convolution_strided_1d", "backward-2"),
        ),
        examples=(("rot180_correlation_strided_1d", STRIDED),),
    ),
    Chapter(
        "Dilation, padding, channels, groups",
        "The general layer of frameworks: every stride, dilation and padding (also negative), with "
        "a batch, channels and groups.",
        ("rot180_*_general_[123]d", "rot180_*_channels_*", "rot180_*_grouped_*"),
    ),
    Chapter(
        "The weights and the bias",
        "In the gradient by the weights stride and dilation trade places, and the remainder of the "
        "input is never touched. The gradient by the bias is a sum.",
        ("weight_c*", "bias_*"),
        examples=(("weight_correlation_general_1d", STRIDED),),
    ),
    Chapter(
        "Sizes and the remainder",
        "How many windows fit, and what is left over. Code that forgets the remainder returns "
        "gradients of a wrong size, or of the right size and wrong.",
        ("output_size", "input_remainder", "weight_remainder", "weight_size", "transposed_size"),
        pictures=(("weight_remainder", "remainder-2"),),
    ),
    Chapter(
        "Activations",
        "Behind an activation the gradient is multiplied by the derivative of the activation: the "
        "delta of a layer from the delta of the next, by the chain rule or by composing theorems.",
        ("activated_*", "delta_*", "adjoint_activation_*"),
    ),
    Chapter(
        "The derivation for true convolutions, in its own letters",
        "The delta of a layer behind an activation, as texts on multilayer perceptrons write it: "
        "$z^{l}$ the weighted inputs, $\\delta^{l} = \\partial C / \\partial z^{l}$, and a true "
        "convolution forward. The step that drops the zero components is the one that puts $a = "
        "x' - x$ and $b = y' - y$.",
        ("backpropagated_[12]d", "backpropagated_strided_*", "backpropagated_*"),
        NIELSEN,
    ),
    Chapter(
        "Pooling and flattening",
        "Average pooling spreads a gradient evenly over its window; maximum pooling sends it to "
        "the entry that was selected; flattening only renames indices.",
        ("avg_pool_*", "max_pool_*", "flatten_*"),
    ),
    Chapter(
        "Losses: where the deltas start",
        "The gradients of the squared error and of the cross-entropy, by the output and by what "
        "stands before its activation.",
        ("squared_error*", "softmax_*"),
    ),
    Chapter(
        "The adjoint, and the transposed convolution",
        "The backward pass is the adjoint of the forward pass, and what frameworks call transposed "
        "convolution is that adjoint with a size of its own.",
        ("adjoint_*", "transposed_*"),
    ),
    Chapter(
        "Gradients of gradients",
        "The derivatives of the gradients are sweeps of the same three kinds, so that double "
        "backward needs no new kernel.",
        ("double_backward_*",),
    ),
    Chapter(
        "The algorithm in five steps",
        f"For the network \\texttt{{{escape(NETWORK)}}}, with any sizes and numbers of channels: "
        "each line cites the theorem of its layer, and the chain rule composes them.",
        sections=_steps,
    ),
    Chapter(
        "The source documents, item by item",
        "Two texts led to this book. What they say, and where it is proved.",
        sections=_sources,
    ),
)
"""The table of chapters."""

_SUBJECTS = {
    "rot180": "Input gradient",
    "weight": "Weight gradient",
    "bias": "Bias gradient",
    "activated": "Behind an activation",
    "dense written out": "The dense layer, written out",
    "perceptron output": "Where the deltas start",
    "perceptron input": "Through the weights",
    "perceptron delta": "From delta to delta",
    "perceptron bias": "The gradient of the bias",
    "perceptron weight": "The gradient of the weights",
    "perceptron two layers": "Two layers",
    "avg pool": "Average pooling",
    "max pool": "Maximum pooling",
    "flatten": "Flattening, and a dense layer",
    "squared error": "Squared error",
    "squared error delta": "Squared error of an activation",
    "softmax cross entropy": "Cross-entropy of softmax",
    "softmax cross entropy weighted": "Cross-entropy, for targets with any total",
    "softmax cross entropy shift": "Cross-entropy does not depend on the shift",
    "backpropagated strided": "The delta of a layer with a stride",
    "backpropagated weight": "The gradient of the weights, behind an activation",
    "backpropagated weight flip": "The gradient of the weights, as a convolution",
    "backpropagated weight rot180": "The gradient of the weights, with the rotated activation",
    "backpropagated bias": "The gradient of the bias, behind an activation",
    "cut and shared": "Cut and shared, a dense layer is a convolution",
    "transposed flip": "The transposed matrix is that of the flipped filter",
    "rot180 is a shifted flip": "The rotation is a shifted flip",
    "full convolution": "How many entries a full convolution has",
    "valid convolution": "Which entries a valid convolution has",
    "full restores valid": "Full undoes valid",
    "backpropagated": "The delta of a layer",
    "delta": "Delta, by composition",
    "adjoint": "Adjointness",
    "adjoint activation": "Adjointness, of an activation",
    "toeplitz": "Toeplitz matrix",
    "toeplitz transpose": "Transposed Toeplitz matrix",
    "transposed": "Transposed convolution",
    "dense input": "Input gradient of the dense layer",
    "dense weight": "Weight gradient of the dense layer",
    "phases": "Phases of the stride",
    "double backward output": "Double backward, by the output gradient",
    "double backward weight": "Double backward, by the weight",
    "double backward input": "Double backward, by the input",
}
_QUALITIES = {
    "correlation": "correlation",
    "convolution": "convolution",
    "strided": "stride",
    "general": "stride, dilation and padding",
    "channels": "channels",
    "grouped": "groups",
}


def heading(name: str) -> str:
    """Return the heading of a theorem, or of a family, from its name.

    >>> heading("rot180_correlation_strided")
    'Input gradient: correlation, stride'
    >>> heading("output_size")
    'Output size'
    """
    if name.replace("_", " ") in _SUBJECTS:
        return _SUBJECTS[name.replace("_", " ")]
    words = name.split("_")
    subject = " ".join(word for word in words if word not in _QUALITIES)
    qualities = ", ".join(_QUALITIES[word] for word in words if word in _QUALITIES)
    shown = _SUBJECTS.get(subject, subject[:1].upper() + subject[1:])
    return f"{shown}: {qualities}" if qualities else shown


def contents(chapters: Sequence[Chapter] = CHAPTERS) -> dict[str, tuple[str, ...]]:
    """Return the names of the theorems of each chapter, in order, by the chapter's title.

    Raises:
        ValueError: a theorem of the registry is in no chapter of the whole book.

    """
    left = dict.fromkeys(claims())
    found = {}
    for chapter in chapters:
        names = [
            name for pattern in chapter.theorems for name in left if fnmatchcase(name, pattern)
        ]
        found[chapter.title] = tuple(dict.fromkeys(names))
        for name in found[chapter.title]:
            del left[name]
    if left and chapters is CHAPTERS:
        raise ValueError(f"the book: found no chapter for {', '.join(left)}; see CHAPTERS")
    return found


def family(name: str) -> str:
    """Return what the names of theorems have in common that differ in dimensions alone."""
    return re.sub(r"_([123]d|\d)$", "", name)


BRIEF = ("*_3d", "dense_written_out_2")
"""Patterns of theorems that are stated without the proof: it is that of the one before."""


def is_brief(name: str) -> bool:
    """Say whether a theorem is stated without its proof."""
    return any(fnmatchcase(name, pattern) for pattern in BRIEF)


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
    preface = tuple(Prose((text,)) for text in PREFACE)
    sections = [Section("how-to-read", "How to read this book", preface, 0)]
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
        stated, proof = theorem_blocks(proved, (), self.detail, self.symbols)
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
            have = {p.name.removeprefix("layer-"): p for p in pictures(found[0], symbols=self.symbols)}
            for name in wanted.split():
                yield Figure(replace(have[name], name=f"{anchor(proved.name)}-{name}"))
            yield Stepper(found[0], f"stepper-{anchor(proved.name)}", self.symbols)

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
