"""Two texts on the gradient of a convolution, item by item, and where each item is proved."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from rot180.codegen.documents.layer import anchor
from rot180.codegen.documents.model import Section, Table, reference, slug
from rot180.codegen.documents.story import story
from rot180.derive.display.terms_latex import escape
from rot180.derive.theorems import claims


@dataclass(frozen=True)
class Item:
    """One statement of a text.

    Attributes:
        number: its number.
        says: the statement, a text.
        theorems: patterns of the names of the theorems that prove it.
        sections: anchors of other sections of the book that show it.
        story: anchors of the sections of the opening chapter that explain it.
        tests: files below ``tests/`` that check it.

    """

    number: str
    says: str
    theorems: tuple[str, ...] = ()
    sections: tuple[str, ...] = ()
    tests: tuple[str, ...] = ("derive/theorems/test_theorems.py",)
    story: tuple[str, ...] = ()

    def names(self) -> tuple[str, ...]:
        """Return the names of its theorems.

        Raises:
            ValueError: a pattern matches no theorem.

        """
        found: dict[str, None] = {}
        for pattern in self.theorems:
            names = [name for name in claims() if fnmatchcase(name, pattern)]
            if not names:
                raise ValueError(f"item {self.number}: found no theorem {pattern!r}")
            found |= dict.fromkeys(names)
        return tuple(found)


@dataclass(frozen=True)
class SourceDocument:
    """A text: its title, and its statements."""

    title: str
    items: tuple[Item, ...]


SOURCES = (
    SourceDocument(
        "A blog post: CNN backpropagation, from intuition to derivation (2016)",
        (
            Item(
                "A.1",
                "In a multilayer perceptron, the delta of a layer is the next layer's delta, "
                "weighted by the connections, times $\\sigma'(z)$.",
                ("perceptron_delta", "perceptron_two_layers"),
                tests=("derive/theorems/test_nielsen.py",),
                story=("story-deltas-counted-on-fingers",),
            ),
            Item(
                "A.2",
                "Cutting connections and sharing weights turns a dense layer into a convolution: "
                "the remaining weights are the filter.",
                ("cut_and_shared_*", "toeplitz_convolution_*", "shared_weights_convolution_*"),
                tests=("derive/theorems/test_nielsen.py",),
                story=("story-cut-and-share-the-same-network-is-a-convolution",),
            ),
            Item(
                "A.3",
                "The forward pass is a true convolution, $z^{l+1}_{x,y} = "
                "\\sum_a \\sum_b w^{l+1}_{a,b}\\,\\sigma(z^l_{x-a,y-b}) + b^{l+1}$.",
                ("backpropagated_2d",),
                ("section-rot180-convolution",),
                story=("story-in-the-letters-of-the-textbooks",),
            ),
            Item(
                "A.4",
                "By the chain rule only the components with $x = x' - a$ and $y = y' - b$ are not "
                "zero, which leaves $\\delta^l_{x,y} = \\sum_{x'} \\sum_{y'} "
                "\\delta^{l+1}_{x',y'}\\,w^{l+1}_{x'-x,y'-y}\\,\\sigma'(z^l_{x,y})$.",
                ("backpropagated_2d",),
                story=(
                    "story-the-double-sum-and-what-survives-of-it",
                    "story-in-the-letters-of-the-textbooks",
                ),
            ),
            Item(
                "A.5",
                "That is the full convolution of $\\delta^{l+1}$ with the kernel rotated by 180 "
                "degrees, while the forward one is valid.",
                (
                    "backpropagated_[12]d",
                    "rot180_is_a_shifted_flip_2d",
                    "full_convolution_2d",
                    "valid_convolution",
                    "full_restores_valid",
                ),
                ("eight-statements",),
                ("derive/theorems/test_nielsen.py",),
                story=("story-valid-forward-full-backward",),
            ),
            Item(
                "A.6",
                "The gradient with respect to the weights is a convolution of $\\delta^l$ with the "
                "rotated activations of the previous layer; the gradient with respect to the bias "
                "is the sum of $\\delta^l$.",
                ("backpropagated_weight_*", "backpropagated_bias_*"),
                tests=("derive/theorems/test_nielsen.py",),
                story=("story-the-weights-and-the-bias",),
            ),
            Item(
                "A.7",
                "The algorithm in five steps: input, feedforward, output error, backpropagate the "
                "error, output the gradient.",
                (),
                ("step-1", "step-2", "step-3", "step-4", "step-5"),
                ("derive/networks/test_network.py",),
                story=(
                    "story-the-algorithm-in-five-steps",
                    "story-deltas-counted-on-fingers",
                ),
            ),
            Item(
                "A.8",
                "Its pictures: the delta of one node of a perceptron; connections cut and weights "
                "shared; the same in two dimensions; the outputs that an input contributes to; the "
                "valid forward window and the full backward window.",
                (),
                (
                    "chapter-the-perceptron-learns-by-four-equations",
                    "chapter-a-convolution-is-a-dense-layer-cut-and-shared",
                    "section-rot180-correlation",
                    "section-rot180-convolution",
                ),
                ("codegen/figures/test_figures.py", "codegen/figures/test_stepper.py"),
                story=(
                    "story-deltas-counted-on-fingers",
                    "story-cut-and-share-the-same-network-is-a-convolution",
                    "story-who-feeds-whom",
                    "story-valid-forward-full-backward",
                ),
            ),
        ),
    ),
    SourceDocument(
        "A note on the convolution gradient of a course framework",
        (
            Item(
                "B.1",
                "To convolve is to slide, to multiply elementwise and to sum: the "
                "correlation of $X = 1 \\ldots 25$ with the rows $(1\\ 0\\ {-1})$ is $-6$ "
                "everywhere.",
                ("rot180_correlation_2d",),
                tests=("codegen/documents/test_worked_example.py",),
                story=("story-the-forward-pass-patch-by-patch",),
            ),
            Item(
                "B.2",
                "With a stride the forward pass skips positions, and the gradient with respect to "
                "$X$ needs the output gradient with zeros inserted.",
                ("rot180_correlation_strided_*", "backpropagated_strided_*"),
                ("chapter-a-stride-puts-zeros-between-the-gradients",),
                story=("story-stride-the-positions-that-were-skipped",),
            ),
            Item(
                "B.3",
                "The flip of the filter, explained by the dense layer $Z = X W$: "
                "$\\mathrm{d}X = \\mathrm{d}Z\\,W^{\\top}$, written out for $1 \\times 2$ by "
                "$2 \\times 2$.",
                ("dense_input", "dense_written_out_*", "toeplitz_transpose_correlation_*"),
                tests=(
                    "derive/theorems/test_nielsen.py",
                    "codegen/documents/test_worked_example.py",
                ),
                story=("story-the-same-as-a-matrix",),
            ),
        ),
    ),
)
"""The texts and their statements; their pictures are beside the theorems."""


def source_tables() -> Iterator[Section]:
    """Yield a table for each source document."""
    for source in SOURCES:
        rows = []
        for item in source.items:
            where = [reference(anchor(name), escape(name)) for name in item.names()]
            where += [reference(found, spoken(found)) for found in item.sections]
            told = [reference(found, spoken(found)) for found in item.story]
            tests = [f"\\texttt{{tests/{escape(name)}}}" for name in item.tests]
            cells = (item.says, ", ".join(told), ", ".join(where), ", ".join(tests))
            rows.append((item.number, *cells))
        head = ("", "Statement", "Explained in", "Proved in", "Tests")
        table = Table(head, tuple(rows), (4, 38, 17, 24, 17))
        yield Section(slug(source.title), source.title, (table,))


def markdown(chapters: Mapping[str, str], drawn: Mapping[str, Sequence[str]]) -> str:
    """Return the tables as a page of the documentation.

    Args:
        chapters: the title of the chapter that each anchor is in.
        drawn: the names of the figures at each anchor.

    """
    lines = [
        "# The source documents, item by item",
        "",
        "The tables list the statements of two texts on the gradient of a convolution, the",
        "sections of the opening chapter that explain them, the theorems that prove them, their",
        "pictures, and the chapters of the book that show those. Addresses are below that of the",
        "site, which `rot180 site` writes; there `full_convolution_2d` is",
        "`theorems/full-convolution-2d.html`. The pages of the book are in its chapter with this",
        "table. `rot180 show NAME` prints a theorem, and `rot180 book` writes the book.",
    ]
    explained = {s.anchor: s.title for s in story()}
    for source in SOURCES:
        lines += ["", f"## {source.title}", ""]
        heads = "statement", "explained in", "theorems", "pictures", "chapters of the book", "tests"
        lines += [f"| | {' | '.join(heads)} |", "| --- " * (len(heads) + 1) + "|"]
        for item in source.items:
            names = item.names()
            anchors = [*map(anchor, names), *item.sections]
            shown = [chapters[target] for target in anchors]
            pictures = [f for target in (*item.story, *anchors) for f in drawn[target]]
            cells = (
                item.number,
                item.says.replace("\\,", " "),
                "; ".join(f"{explained[name]} (`why.html#{name}`)" for name in item.story),
                ", ".join(f"`{name}`" for name in names) or "—",
                ", ".join(f"`figures/{name}.html`" for name in dict.fromkeys(pictures)),
                "; ".join(dict.fromkeys(shown)),
                ", ".join(f"`tests/{name}`" for name in item.tests),
            )
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def spoken(anchor: str) -> str:
    """Return the words of a link to a section.

    >>> spoken("section-rot180-correlation"), spoken("step-1")
    ('rot180 correlation', 'step 1')
    """
    return re.sub(r"^(chapter|section|story)-", "", anchor).replace("-", " ")
