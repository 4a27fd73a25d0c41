"""The table of chapters: which theorems, in what order, and what introduces them.

Everything else in the book is derived.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import NamedTuple

from rot180.codegen.documents.model import Section
from rot180.codegen.documents.network import five_steps
from rot180.codegen.documents.sign_table import verdicts
from rot180.codegen.documents.source_map import source_tables
from rot180.codegen.figures.networks import network_pictures
from rot180.codegen.figures.shapes import Picture
from rot180.derive.display.notations import DEEP_LEARNING, NIELSEN, Symbols
from rot180.derive.display.terms_latex import escape
from rot180.derive.networks.network import network
from rot180.derive.theorems import claims


class Numbers(NamedTuple):
    """What a layer is worked out on: arrays, nested, and parameters, by the layer's names."""

    arrays: Mapping[str, Sequence[object]]
    parameters: Mapping[str, int]


DIFFERENTIALS = replace(
    DEEP_LEARNING,
    name="differentials",
    tensors=(
        ("x", "X"), ("w", "W"), ("z", "Z"), ("L", DEEP_LEARNING.loss),
        ("dZ1", r"\mathrm{d}Z_{1}"), ("dZ2", r"\mathrm{d}Z_{2}"),
    ),
    gradients=(
        ("x", r"\mathrm{d}X"), ("w", r"\mathrm{d}W"), ("z", r"\mathrm{d}Z"),
        ("X1", r"\mathrm{d}X_{1}"), ("X2", r"\mathrm{d}X_{2}"),
    ),
)  # fmt: skip
"""The letters in which the dense layer is Z = X W, and a gradient is dX."""

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


def _steps(symbols: Symbols) -> Iterator[Section]:
    yield from five_steps(network(NETWORK), symbols)


CHAPTERS = (
    Chapter(
        "The dense layer",
        "The gradients of $Z = X W$ are matrix products with a transposed factor. Everything that "
        "follows is this fact with weights that are cut and shared.",
        ("dense_*",),
        DIFFERENTIALS,
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
            ("rot180_correlation_1d", "connections delta forward backward"),
            ("rot180_correlation_2d", "delta forward backward"),
            ("rot180_convolution_1d", "connections delta backward"),
            ("rot180_convolution_2d", "backward"),
        ),
        examples=(("rot180_correlation_1d", LINE), ("rot180_correlation_2d", SQUARE)),
    ),
    Chapter(
        "Convolution or correlation, rotated or not",
        "There are eight ways to say what the input gradient is. Four are theorems and four are "
        "false, because a convolution with a filter is a correlation with the rotated one; each of "
        "the false ones is refuted by numbers that were found for it.",
        sections=verdicts,
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
            ("rot180_correlation_strided_1d", "connections-2 zeros-2 backward-2"),
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
        "Short filters with fewer products",
        "Toom and Cook's identity computes $m$ neighbouring outputs of a filter with $r$ taps by "
        "$m + r - 1$ products; the rest is additions and products with the numbers in three small "
        "tables. Used once for each axis, it is Winograd's form of a layer and of its input "
        "gradient. Both sides are multiplied by a number, so that the tables hold integers. The "
        "first tables are shown in full; the others are stated without the proof, which is the "
        "same.",
        ("toom_cook_*", "winograd_*"),
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
        sections=lambda _: source_tables(),
    ),
)
"""The table of chapters."""


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
    return re.sub(r"_[123]d$|(?<!_\d)_\d$", "", name)


BRIEF = ("*_3d", "dense_written_out_2", "toom_cook_4_3", "toom_cook_3_2", "winograd_4_3_*")
"""Patterns of theorems that are stated without the proof: it is that of the one before."""


def is_brief(name: str) -> bool:
    """Say whether a theorem is stated without its proof."""
    return any(fnmatchcase(name, pattern) for pattern in BRIEF)
