"""Two texts on the gradient of a convolution, item by item, and where each item is proved."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from rot180.codegen.documents.layer import anchor
from rot180.codegen.documents.model import Section, Table, reference, slug
from rot180.derive.display.terms_latex import escape
from rot180.derive.theorems import claims


@dataclass(frozen=True)
class Item:
    """One thing that a text says.

    Attributes:
        number: its number.
        says: what it says, a text.
        theorems: patterns of the names of the theorems that prove it.
        sections: anchors of other sections of the book that show it.
        tests: files below ``tests/`` that check it.

    """

    number: str
    says: str
    theorems: tuple[str, ...] = ()
    sections: tuple[str, ...] = ()
    tests: tuple[str, ...] = ("derive/theorems/test_theorems.py",)

    def names(self) -> tuple[str, ...]:
        """Return the names of its theorems.

        Raises:
            ValueError: a pattern fits no theorem.

        """
        found: dict[str, None] = {}
        for pattern in self.theorems:
            names = [name for name in claims() if fnmatchcase(name, pattern)]
            if not names:
                raise ValueError(f"item {self.number}: found no theorem {pattern!r}")
            found |= dict.fromkeys(names)
        return tuple(found)


@dataclass(frozen=True)
class Source:
    """A text: its title, and what it says."""

    title: str
    items: tuple[Item, ...]


SOURCES = (
    Source(
        "A blog post: CNN backpropagation, from intuition to derivation (2016)",
        (
            Item(
                "A.1",
                "In a multilayer perceptron the deltas of a layer are the next layer's deltas, "
                "weighted by the connections, times $\\sigma'(z)$.",
                ("perceptron_delta", "perceptron_two_layers"),
                tests=("derive/theorems/test_nielsen.py",),
            ),
            Item(
                "A.2",
                "Cutting connections and sharing weights turns a dense layer into a convolution: "
                "the weights that are left are the filter.",
                ("cut_and_shared_*", "toeplitz_convolution_*", "shared_weights_convolution_*"),
                tests=("derive/theorems/test_nielsen.py",),
            ),
            Item(
                "A.3",
                "The feedforward pass is a true convolution, $z^{l+1}_{x,y} = "
                "\\sum_a \\sum_b w^{l+1}_{a,b}\\,\\sigma(z^l_{x-a,y-b}) + b^{l+1}$.",
                ("backpropagated_2d",),
            ),
            Item(
                "A.4",
                "By the chain rule only the components with $x = x' - a$ and $y = y' - b$ survive, "
                "which leaves $\\delta^l_{x,y} = \\sum_{x'} \\sum_{y'} \\delta^{l+1}_{x',y'}\\,"
                "w^{l+1}_{x'-x,y'-y}\\,\\sigma'(z^l_{x,y})$.",
                ("backpropagated_2d",),
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
            ),
            Item(
                "A.6",
                "The gradient by the weights is a convolution of $\\delta^l$ with the rotated "
                "activations of the layer before; the gradient by the bias is the sum of "
                "$\\delta^l$.",
                ("backpropagated_weight_*", "backpropagated_bias_*"),
                tests=("derive/theorems/test_nielsen.py",),
            ),
            Item(
                "A.7",
                "The algorithm in five steps: input, feedforward, output error, backpropagate the "
                "error, output the gradient.",
                (),
                ("step-1", "step-2", "step-3", "step-4", "step-5"),
                ("derive/networks/test_network.py",),
            ),
            Item(
                "A.8",
                "Its pictures: deltas of a perceptron counted on fingers; connections cut and "
                "weights shared; the same in two dimensions; which outputs an input feeds; the "
                "valid forward and the full backward window.",
                (),
                (
                    "chapter-the-perceptron-in-four-equations",
                    "chapter-from-a-dense-layer-to-a-convolution",
                    "section-rot180-correlation",
                    "section-rot180-convolution",
                ),
                ("codegen/figures/test_figures.py", "codegen/figures/test_stepper.py"),
            ),
        ),
    ),
    Source(
        "A note on the convolution gradient of a course framework",
        (
            Item(
                "B.1",
                "To convolve is to slide, to multiply element by element and to sum: the "
                "correlation of $X = 1 \\ldots 25$ with the rows $(1\\ 0\\ {-1})$ is $-6$ "
                "everywhere.",
                ("rot180_correlation_2d",),
                tests=("codegen/documents/test_worked_example.py",),
            ),
            Item(
                "B.2",
                "With a stride the forward pass skips positions, and the gradient by $X$ needs the "
                "output gradient dilated by zeros.",
                ("rot180_correlation_strided_*", "backpropagated_strided_*"),
                ("chapter-stride-zeros-between-the-gradients",),
            ),
            Item(
                "B.3",
                "The flip of the filter, seen through the dense layer $Z = X W$: "
                "$\\mathrm{d}X = \\mathrm{d}Z\\,W^{\\top}$, written out for $1 \\times 2$ by "
                "$2 \\times 2$.",
                ("dense_input", "dense_written_out_*", "toeplitz_transpose_correlation_*"),
                tests=(
                    "derive/theorems/test_nielsen.py",
                    "codegen/documents/test_worked_example.py",
                ),
            ),
        ),
    ),
)
"""What the texts say; their pictures stand beside the theorems."""


def source_tables() -> Iterator[Section]:
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


def markdown(pages: Mapping[str, str]) -> str:
    """Write the tables as a page of the documentation.

    Args:
        pages: on which page of the book an anchor is.

    """
    lines = [
        "# The source documents, item by item",
        "",
        "What two texts on the gradient of a convolution say, the theorems that prove it, and the",
        "chapters of the book that show it. `rot180 show NAME` prints a theorem, and `rot180 book`",
        "writes the book.",
    ]
    for source in SOURCES:
        lines += ["", f"## {source.title}", ""]
        lines += ["| | what it says | theorems | pages of the book | tests |"]
        lines += ["| --- | --- | --- | --- | --- |"]
        for item in source.items:
            names = item.names()
            shown = [pages[anchor(name)] for name in names] + [pages[at] for at in item.sections]
            cells = (
                item.number,
                item.says.replace("\\,", " "),
                ", ".join(f"`{name}`" for name in names) or "—",
                "; ".join(dict.fromkeys(shown)),
                ", ".join(f"`tests/{name}`" for name in item.tests),
            )
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def spoken(anchor: str) -> str:
    """Return what a link to a section says.

    >>> spoken("section-rot180-correlation"), spoken("step-1")
    ('rot180 correlation', 'step 1')
    """
    return re.sub(r"^(chapter|section)-", "", anchor).replace("-", " ")
