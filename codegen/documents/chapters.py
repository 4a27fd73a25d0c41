"""The chapters of the book: their theorems, in order, and an introduction to each.

Everything else in the book is derived.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from rot180.codegen.documents.example_numbers import (
    DIFFERENTIALS,
    LINE,
    ROW,
    SQUARE,
    STRIDED,
    ExampleNumbers,
)
from rot180.codegen.documents.model import Section
from rot180.codegen.documents.network import five_steps
from rot180.codegen.documents.relationships import relationships
from rot180.codegen.documents.sign_table import sign_table
from rot180.codegen.documents.source_map import source_tables
from rot180.codegen.documents.story import TITLE, story
from rot180.codegen.figures.networks import network_pictures
from rot180.codegen.figures.shapes import Picture
from rot180.derive.display.notations import NIELSEN, Symbols
from rot180.derive.display.terms_latex import escape
from rot180.derive.networks.network import network
from rot180.derive.theorems import claims


@dataclass(frozen=True)
class Chapter:
    """A chapter of the book.

    Attributes:
        title: its title, a text.
        introduction: a paragraph, a text.
        theorems: patterns of names, in order; a theorem is in the first chapter with a match.
        symbols: its notation, if that is not the notation of the book.
        pictures: patterns of names of theorems, each with the names of pictures of its layer.
        drawn: patterns of names of theorems whose pictures show another layer, with that layer:
            the outputs whose windows stay inside the input, where the theorem has all outputs.
        examples: patterns of names of theorems, each with the numbers of its worked example.
        opening: the pictures below the introduction, given the notation.
        sections: the sections after the theorems, given the notation.

    """

    title: str
    introduction: str
    theorems: tuple[str, ...] = ()
    symbols: Symbols | None = None
    pictures: tuple[tuple[str, str], ...] = ()
    drawn: tuple[tuple[str, str], ...] = ()
    examples: tuple[tuple[str, ExampleNumbers], ...] = ()
    opening: Callable[[Symbols], Iterable[Picture]] = lambda _: ()
    sections: Callable[[Symbols], Iterable[Section]] = lambda _: ()


NETWORK = (
    "conv2d 1->2 3x3; sigmoid; conv2d 2->3 3x3; sigmoid; flatten; linear 10; sigmoid; squared_error"
)
"""The network of the chapter on the five steps."""


def _steps(symbols: Symbols) -> Iterator[Section]:
    yield from five_steps(network(NETWORK), symbols)


CHAPTERS = (
    Chapter(
        TITLE,
        "An explanation, with one example from the first page to the last.",
        sections=lambda _: story(),
    ),
    Chapter(
        "A dense layer sends gradients back through its transpose",
        "A dense layer multiplies a row of inputs by a matrix of weights. Each weight is a "
        "connection, and a gradient travels back along it: forward the layer reads the columns of "
        "the matrix, backward its rows. So both gradients of $Z = X W$ are matrix products with a "
        "transposed factor. Everything else in this book follows from these two, because a "
        "convolution is a dense layer with some connections cut and the other weights shared.",
        ("dense_*",),
        DIFFERENTIALS,
        examples=(("dense_input", ROW),),
    ),
    Chapter(
        "The perceptron learns by four equations",
        "Layers alone do not make a network: between two of them there is an activation. With it, "
        "the delta of a layer is the delta of the next layer, multiplied by the transposed weights "
        "and by the derivative of the activation. The four equations give the delta of the "
        "output, the delta of each layer from that of the next, and from the delta the gradients "
        "of bias and weight.",
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
        "A convolution is a dense layer, cut and shared",
        "Take a dense layer, cut all connections but those to a few neighbours, and let the others "
        "share their weights from output to output. What is left is a convolution. Its matrix is "
        "the Toeplitz matrix of the kernel: each row has the same weights, one place further on. "
        "The transposed matrix gives the input gradient, and there the rotation of the kernel can "
        "be seen before any index is written.",
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
        "The input gradient rotates the kernel",
        "This is the theorem after which the book is named. A window that moves to the right meets "
        "an input first with its last tap and last with its first, so the input collects the "
        "output gradients in the opposite order. Hence the input gradient of a correlation is the "
        "full correlation of the output gradient with the kernel rotated by 180 degrees, and that "
        "of a convolution is the full convolution with the rotated kernel.",
        (
            "rot180_correlation_[123]d",
            "rot180_convolution_[123]d",
            "rot180_is_a_shifted_flip_*",
        ),
        pictures=(
            ("rot180_correlation_1d", "connections delta forward backward"),
            ("rot180_correlation_2d", "delta forward backward"),
            ("rot180_convolution_1d", "connections delta forward backward"),
            ("rot180_convolution_2d", "forward backward"),
        ),
        drawn=(
            ("rot180_convolution_1d", "y[p] = sum[k] x[p-k+K-1] * w[k]"),
            ("rot180_convolution_2d", "y[p,q] = sum[k,l] x[p-k+K-1,q-l+L-1] * w[k,l]"),
        ),
        examples=(("rot180_correlation_1d", LINE), ("rot180_correlation_2d", SQUARE)),
    ),
    Chapter(
        "Eight statements, four of them true",
        "There are eight candidate statements about the input gradient: the forward pass and the "
        "backward pass can each be a correlation or a convolution, and the filter rotated or not. "
        "Four are theorems and four are false, because a convolution with a filter is a "
        "correlation with the rotated filter. Each false one is refuted by a counterexample.",
        sections=sign_table,
    ),
    Chapter(
        "Valid forward, full backward",
        "Where does the window start, and where does it end? A forward pass without padding is "
        "valid: no window leaves the input. The backward pass is full: every window that overlaps "
        "the output gradient counts, so the result has the size of the input again.",
        ("full_convolution_*", "valid_convolution", "full_restores_valid"),
    ),
    Chapter(
        "A stride puts zeros between the gradients",
        "With a stride the forward pass skips positions. The backward pass puts zeros at the "
        "skipped positions. If the sum is split into the phases of the stride, no zero is stored "
        "or multiplied.",
        ("rot180_*_strided_*", "phases_*"),
        pictures=(
            ("rot180_correlation_strided_1d", "connections-2 zeros-2 backward-2"),
            ("rot180_correlation_strided_2d", "zeros-2 backward-2"),
            ("rot180_convolution_strided_1d", "forward-2 backward-2"),
        ),
        drawn=(("rot180_convolution_strided_1d", "y[p] = sum[k] x[s*p-k+K-1] * w[k]"),),
        examples=(("rot180_correlation_strided_1d", STRIDED),),
    ),
    Chapter(
        "The rotation survives dilation, padding, channels and groups",
        "The layer as frameworks have it: any stride, dilation and padding (also negative), with a "
        "batch, channels and groups. A dilation moves the taps apart and a padding moves the start "
        "of the window; channels and groups add sums and no rotation. So the formulas grow, and "
        "their shape stays.",
        ("rot180_*_general_[123]d", "rot180_*_channels_*", "rot180_*_grouped_*"),
    ),
    Chapter(
        "For the weights, stride and dilation change places",
        "A weight meets one input for each output, as many steps apart as the stride. In the "
        "gradient with respect to the weights, stride and dilation are exchanged, and the "
        "remainder of the input is not read. The gradient with respect to the bias is a sum.",
        ("weight_c*", "bias_*"),
        examples=(("weight_correlation_general_1d", STRIDED),),
    ),
    Chapter(
        "Sizes, and the remainder that is easily forgotten",
        "The number of windows that fit, and the remainder of the input. Code that ignores the "
        "remainder returns gradients of the wrong size, or wrong gradients of the right size.",
        ("output_size", "input_remainder", "weight_remainder", "weight_size", "transposed_size"),
        pictures=(("weight_remainder", "remainder-2"),),
    ),
    Chapter(
        "What the frameworks compute",
        "A framework has no symbols, only arguments: SAME, an output padding, an output shape. "
        "Each stands for a padding at the two ends of an axis, computed with formulas that are "
        "written nowhere but in code. They are theorems. JAX dilates both operands, so that its "
        "gradients are convolutions of its own kind; SAME is the least padding, and its adjoint "
        "cuts off as much. Where the stride leaves no choice the remainder appears again, under "
        "the name of output padding.",
        ("jax_*", "same_*", "transposed_output_shape"),
        sections=relationships,
    ),
    Chapter(
        "An activation multiplies the delta by its slope",
        "If the input of a layer is an activation, the gradient is multiplied by the derivative of "
        "the activation. This gives the delta of a layer from the delta of the next, by the chain "
        "rule or by composition of theorems.",
        ("activated_*", "delta_*", "adjoint_activation_*"),
    ),
    Chapter(
        "The derivation of the textbooks, for true convolutions",
        "The delta of a layer with an activation, in the notation of texts on multilayer "
        "perceptrons: $z^{l}$ are the weighted inputs, $\\delta^{l} = \\partial C / \\partial "
        "z^{l}$, and the forward pass is a true convolution. The zero components vanish in the "
        "step that puts $a = x' - x$ and $b = y' - y$.",
        ("backpropagated_[12]d", "backpropagated_strided_*", "backpropagated_*"),
        NIELSEN,
    ),
    Chapter(
        "Pooling shares or selects, flattening renames",
        "Between convolutions a network makes its images smaller, and at the end it makes them "
        "rows. Average pooling distributes a gradient evenly over its window. Maximum pooling "
        "passes it to the entry that was selected. Flattening only renames indices.",
        ("avg_pool_*", "max_pool_*", "adaptive_avg_pool_*", "lp_pool_*", "flatten_*"),
    ),
    Chapter(
        "Losses, where the first delta comes from",
        "Backpropagation needs a delta to start with, and the loss gives it. The gradients of the "
        "squared error and of the cross-entropy, with respect to the output "
        "and with respect to the input of its activation.",
        ("squared_error*", "softmax_cross_entropy*", "cross_entropy_*"),
    ),
    Chapter(
        "Softmax, normalization and attention look at a whole row",
        "In these layers each output depends on all inputs of its row, so each gradient has a sum "
        "over the row. Their forward pass takes several definitions, one after the other, and the "
        "backward pass goes through them in the opposite order. The gradient by an intermediate "
        "has a name, and its definition is part of the theorem.",
        ("softmax_*", "log_softmax_*", "attention_*", "*_attention_*", "*_norm_*"),
    ),
    Chapter(
        "A gate is a product, and a product has two gradients",
        "A gate multiplies what passes by a number between zero and one that the input chooses "
        "itself. The gradient goes back on both ways, through what passes and through the gate. "
        "Distances and the cosine are products, too, of vectors with themselves or one another.",
        (
            "glu_*",
            "swiglu_*",
            "geglu_*",
            "squeeze_excite_*",
            "cosine_similarity_*",
            "pairwise_distance_*",
        ),
    ),
    Chapter(
        "Filters that differ from place to place, or from sample to sample",
        "A convolution has one filter for all places, channels and samples. These layers give up a "
        "part of that, and in the gradient by the weights the sum over that part is missing.",
        (
            "causal_conv_*",
            "circular_conv_*",
            "depthwise_*",
            "local_*",
            "dynamic_conv_*",
            "involution_*",
            "correlation_layer_*",
        ),
    ),
    Chapter(
        "In a sum of products, leave out one operand",
        "A layer that is one sum of products has the same sum for each gradient, with the output "
        "gradient in place of the operand. Bilinear, tensor-train and Kronecker layers are such.",
        ("bilinear_*", "tensor_train_*", "kronecker_*"),
    ),
    Chapter(
        "What only moves entries is undone by its adjoint",
        "Unfold, shuffle, upsampling, embedding and rotation read each output from some inputs, "
        "with weights that do not depend on them. The gradient adds up, with the same weights, the "
        "outputs that an input was read for.",
        (
            "unfold_*",
            "fold_*",
            "pixel_*",
            "upsample_*",
            "embedding_*",
            "rotary_embedding_*",
        ),
    ),
    Chapter(
        "The adjoint, also called transposed convolution",
        "The backward pass is the adjoint of the forward pass. What frameworks call a transposed "
        "convolution is this adjoint with a given output size.",
        ("adjoint_*", "transposed_*"),
    ),
    Chapter(
        "Gradients of gradients need no new kernel",
        "The derivative of a gradient is again a forward pass, an input gradient or a weight "
        "gradient, with other operands. So double backward needs no new kernel.",
        ("double_backward_*",),
    ),
    Chapter(
        "Filters with fewer products",
        "The Toom-Cook identity computes $m$ neighbouring outputs of a filter with $r$ taps with "
        "$m + r - 1$ products; the rest is additions and products with the numbers in three small "
        "tables. Applied along each axis, it is the Winograd form of a layer and of its input "
        "gradient. A filter of any size is cut into blocks of $r$ taps: the products of all blocks "
        "are added before a tile is transformed. If $m = r$, the inputs of the next block are "
        "those of the next tile, so they are transformed once. A long line is treated as an image: "
        "its place $r i + j$ is row $i$, column $j$. Both sides are multiplied by a number that "
        "makes the tables integers. The first tables are shown in full; the others are stated "
        "without the proof, which is the same.",
        ("toom_cook_*", "winograd_*"),
    ),
    Chapter(
        "The algorithm in five steps",
        f"For the network \\texttt{{{escape(NETWORK)}}}, with any sizes and numbers of channels: "
        "each line is proved by the chain rule, from the loss back; beside it is the theorem that "
        "says the same of its layer alone.",
        sections=_steps,
    ),
    Chapter(
        "The source documents, item by item",
        "This book goes back to two texts. The tables list what they say, and where it is proved.",
        sections=lambda _: source_tables(),
    ),
)
"""The table of chapters."""


def theorems_by_chapter(chapters: Sequence[Chapter] = CHAPTERS) -> dict[str, tuple[str, ...]]:
    """Return the names of the theorems of each chapter, by the title of the chapter.

    Raises:
        ValueError: a registered theorem is in no chapter of the whole book.

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
    """Return the common part of the names of theorems that differ only in the dimensions."""
    return re.sub(r"_[123]d$|(?<!_\d)_\d$", "", name)


BRIEF = (
    "*_3d",
    "dense_written_out_2",
    "toom_cook_4_?",
    "toom_cook_3_2",
    "winograd_4_?_[12]d",
    "winograd_4_?_input_[12]d",
    "winograd_4_4_input_nested_1d",
)
"""Patterns of theorems without a proof in the book: it is like that of the theorem before."""


def is_brief(name: str) -> bool:
    """Say whether a theorem is stated without its proof."""
    return any(fnmatchcase(name, pattern) for pattern in BRIEF)
