"""What the engine provides for the opening chapter: formulas, numbers and pictures, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from numpy.typing import NDArray

from rot180.codegen.documents.example_numbers import DIFFERENTIALS
from rot180.codegen.documents.layer import anchor, theorem_blocks
from rot180.codegen.documents.matrices import matrix
from rot180.codegen.documents.model import Block, Figure, Formula, reference
from rot180.codegen.documents.passes import star
from rot180.codegen.documents.sign_table import sign_table
from rot180.codegen.documents.story_example import (
    OTHER,
    SYMBOLS,
    Numbers,
    defined,
    equation,
    image,
    inline,
    joined,
    named,
    row,
    strided,
    table_of,
    weighing,
)
from rot180.codegen.documents.story_indices import bracket, divided, read, renamed
from rot180.codegen.documents.story_layer import LAYER, middle_layer
from rot180.codegen.documents.story_tables import kernels_compared, letters_compared, sizes
from rot180.codegen.figures.networks import cut, deltas, shared
from rot180.codegen.figures.sample import sampled_layer
from rot180.codegen.figures.survivors import survivors
from rot180.derive.display.definitions import every_tensor
from rot180.derive.display.letters import letters
from rot180.derive.display.notations import NIELSEN
from rot180.derive.display.terms_latex import escape
from rot180.derive.gradients.gradient import gradient
from rot180.derive.kernel.proof import Theorem
from rot180.derive.language.layers import layer
from rot180.derive.language.polynomial import coefficient, normal, symbol
from rot180.derive.language.spelling import display_name
from rot180.derive.theorems import theorem

DENSE = replace(DIFFERENTIALS, loss=SYMBOLS.loss)
"""The notation of the dense layer."""

LAST = replace(
    NIELSEN,
    name="last",
    tensors=(("z", "z^{L}"), ("a", r"\sigma(z^{L})")),
    gradients=(("z", r"\delta^{L}"), ("a", r"(\partial C / \partial \sigma(z^{L}))")),
)
"""The notation of the last layer, which has the number L."""

NUMERALS = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen"),
)


@dataclass(frozen=True)
class Parts:
    """What the words of the chapter refer to.

    Attributes:
        texts: formulas, numbers and references inside sentences, by name.
        blocks: displayed formulas and pictures, by name.

    """

    texts: Mapping[str, str]
    blocks: Mapping[str, tuple[Block, ...]]

    def __or__(self, other: Parts) -> Parts:
        """Return what either has."""
        return Parts({**self.texts, **other.texts}, {**self.blocks, **other.blocks})


def parts() -> Parts:
    """Return everything that the chapter shows.

    Raises:
        ProofError: a proof does not follow.

    """
    line, plane, jumps = row(), image(), strided()
    collapsed = line.stated("x", "sum[p] grad_y[p] * w[h-p]")
    found = _theorems() | _network(line) | _forward(line, plane)
    found |= _fingers(line, plane, collapsed) | _double_sum(line, plane, collapsed)
    found |= _full(plane, image(OTHER)) | _stride(jumps) | _matrices(row(OTHER))
    return found | _textbook() | _weights(plane) | _steps()


def said(count: int) -> str:
    """Return a small number as a word."""
    return NUMERALS[count] if count < len(NUMERALS) else str(count)


def _cited(*names: str) -> str:
    found = (reference(anchor(name), escape(name)) for name in names)
    return "theorem " + " and ".join(found)


def _theorems() -> Parts:
    """Return the references to theorems."""
    return Parts(
        {
            "perceptron_theorem": _cited("perceptron_delta"),
            "cut_and_shared": _cited("cut_and_shared_1d"),
            "rot180_1d": _cited("rot180_correlation_1d"),
            "rot180_2d": _cited("rot180_correlation_2d"),
            "full_theorem": _cited("full_restores_valid"),
            "strided_theorem": _cited("rot180_correlation_strided_1d"),
            "dense_theorem": _cited("dense_input"),
            "toeplitz_theorem": _cited("toeplitz_transpose_correlation_general_1d"),
            "weight_theorem": _cited("weight_correlation_general_2d"),
            "textbook_theorem": _cited("backpropagated_2d"),
            "textbook_weight_theorem": _cited("backpropagated_weight_flip_2d"),
            "size_theorem": _cited("output_size"),
            "general_theorem": _cited("rot180_correlation_general_2d"),
            "channels_theorem": _cited("rot180_correlation_general_channels_2d"),
            "about_zero_theorem": _cited("rot180_is_a_shifted_flip_2d"),
            "bias_theorem": _cited("bias_2d"),
        },
        {},
    )


def _network(line: Numbers) -> Parts:
    """Return the dense layer, its connections cut, and its weights shared."""
    dense = Numbers("y[o] = sum[c] x[c] * w[o,c] + b[o]", {}, {})
    sizes = {"C": line.sizes["H"], "O": line.sizes["P"]}
    wide = sampled_layer(dense.layer, sizes, symbols=SYMBOLS)
    return Parts(
        {
            "delta": f"${SYMBOLS.gradient}$",
            "sigma": f"${letters(theorem('perceptron_delta'), SYMBOLS).function('sigma', 0)}$",
            "dense_weights": said(sizes["C"] * sizes["O"]),
        },
        {
            "dense_forward": (dense.forward(),),
            "dense_picture": (Figure(deltas(wide)),),
            "dense_delta": (equation(dense.gradient),),
            "cut_picture": (Figure(cut(wide, line.sample)),),
            "shared_picture": (line.numbered(shared(line.sample)),),
        },
    )


def _forward(line: Numbers, plane: Numbers) -> Parts:
    """Return the forward pass, of the row and of the image."""
    rows, columns = plane.arrays["x"].shape
    letter = line.in_text
    return Parts(
        {
            **{name: letter(name) for name in ("x", "w", "p", "k")},
            "image_indices": f"{plane.in_text('h')} and {plane.in_text('v')}",
            "image_steps": f"{plane.in_text('p')} and {plane.in_text('q')}",
            "image_taps": f"{plane.in_text('k')} and {plane.in_text('l')}",
            "tap_count": letter("K"),
            "tap_sizes": f"{plane.in_text('K')} by {plane.in_text('L')}",
            "input_count": letter("H"),
            "gradient_letter": f"${letters(line.gradient, SYMBOLS).symbols.gradients[0][1]}$",
            "valid_star": f"${star('valid')}$",
            "outputs": sizes(line)["outputs"],
            "rows": said(rows),
            "columns": said(columns),
            "taps": said(plane.arrays["w"].shape[0]),
            "windows": said(plane.results["y"].size),
        },
        {
            "example": (plane.shown("x", "w"),),
            "row_forward": (
                joined((line.starred(), *(line.output(n) for n in range(line.sizes["P"])))),
            ),
            "image_forward": (plane.starred(),),
            "first_patch": (plane.output(0, 0),),
            "feature_map": (plane.shown("y"),),
            "image_forward_picture": (plane.picture("forward"),),
        },
    )


def _fingers(line: Numbers, plane: Numbers, collapsed: Theorem) -> Parts:
    """Return the outputs that an entry contributes to."""
    at = line.sample.chosen()
    fed = [y for x, y, _ in line.sample.links if x == at]
    return Parts(
        {"row_feeds": said(len(fed))},
        {
            "row_delta_picture": (line.picture("delta"),),
            "row_delta": (Formula((line.sample.delta(at).strip("$").replace("=", "&=", 1),)),),
            "row_delta_numbers": (line.entry(collapsed, *at),),
            "row_delta_edge": (line.entry(collapsed, 0),),
            "image_delta_picture": (plane.lettered("delta"),),
        },
    )


def _double_sum(line: Numbers, plane: Numbers, collapsed: Theorem) -> Parts:
    """Return the chain rule, and what is left of it."""
    chain = line.stated("x", "sum[p] grad_y[p] * d y[p]/d x[h]")
    double = line.stated("x", "sum[p,k] grad_y[p] * w[k] * d x[p+k]/d x[h]")
    brackets = line.stated("x", "sum[p,k] grad_y[p] * w[k] * [p+k == h]")
    products = len(line.sample.links)
    found, style = bracket(brackets), letters(brackets, SYMBOLS)
    tap = symbol("k")
    solved = normal(tap - found.value * coefficient(found.value, tap))
    return Parts(
        {
            "loss": f"${SYMBOLS.loss}$",
            "row_products": said(products),
            "bracket": f"${style.factor(found)}$",
            "solved": f"${style.symbol('k')} = {style.polynomial(solved)}$",
            "position": f"${style.symbol('p')} = {read(line.gradient, style)}$",
            "renamed": renamed(line.gradient, solved, style),
            "full_star": f"${star('full')}$",
            "reversed_kernel": inline(defined(line.gradient, "rot180(w)")),
        },
        {
            "chain": (equation(chain),),
            "double_sum": (equation(double),),
            "survivors": (Figure(survivors(line.sample)),),
            "brackets": (equation(brackets),),
            "collapsed": (equation(collapsed),),
            "rotated": (named(line.gradient),),
            "rotated_numbers": (line.entry(line.gradient, *line.sample.chosen()),),
            "rotated_image": (named(plane.gradient),),
        },
    )


def _full(plane: Numbers, other: Numbers) -> Parts:
    """Return the backward pass of the image, and that of another kernel."""
    summed = plane.stated("x", "sum[p,q] grad_y[p,q] * w[h-p,v-q]")
    middle = plane.sample.chosen()
    corner = (0,) * len(middle)
    shapes = [_shape(plane.results[name]) for name in ("x", "y", "grad_x")]
    return Parts(
        {
            "valid_sizes": f"{shapes[0]} becomes {shapes[1]}",
            "full_sizes": f"{shapes[1]} becomes {shapes[2]}",
        },
        {
            "image_backward_picture": (plane.picture("backward"),),
            "deltas": (plane.shown("grad_y"),),
            "image_gradient_corner": (plane.entry(plane.gradient, *corner),),
            "image_gradient_middle": (plane.entry(summed, *middle),),
            "image_gradient": (plane.shown("grad_x"),),
            "other_kernel": (other.shown("w"),),
            "kernels_compared": (kernels_compared(plane, other),),
        },
    )


def _stride(jumps: Numbers) -> Parts:
    """Return the row under a window with a stride."""
    brackets = jumps.stated("x", "sum[p,k] grad_y[p] * w[k] * [s*p+k == h]")
    given, made = (jumps.results[name].size for name in ("x", "y"))
    return Parts(
        {
            "stride": said(jumps.parameters["s"]),
            "stride_letter": jumps.in_text("s"),
            "strided_outputs": sizes(jumps)["outputs"],
            "left_over": sizes(jumps)["left_over"],
            "reached": sizes(jumps)["reached"],
            "strided_solved": divided(brackets),
            "zeros_between": inline(defined(jumps.gradient, "dilate(grad_y, s)")),
            "strided_bracket": f"${letters(brackets, SYMBOLS).factor(bracket(brackets))}$",
            "strided_sizes": (
                f"{said(made)} outputs come from {said(given)} inputs, "
                f"but also from {said(given - 1)}"
            ),
        },
        {
            "strided_forward": (joined((jumps.forward(), jumps.shown("x", "w", "grad_y"))),),
            "strided_picture": (jumps.picture("forward"),),
            "strided_brackets": (equation(brackets),),
            "strided_zeros_picture": (jumps.picture("zeros"),),
            "strided_backward_picture": (jumps.picture("backward"),),
            "strided_rotated": (named(jumps.gradient),),
            "strided_gradient": (jumps.shown("grad_x"),),
        },
    )


def _matrices(line: Numbers) -> Parts:
    """Return the dense layer and the convolution as products with a matrix."""
    forward = theorem("toeplitz_correlation_general_1d")
    backward = theorem("toeplitz_transpose_correlation_general_1d")
    written = [theorem(f"dense_written_out_{n}") for n in (1, 2)]
    entries, name = table_of(backward, "T", line), letters(backward, SYMBOLS).tensor("T")
    return Parts(
        {"dense_inputs": said(len(written))},
        {
            "dense_written": (defined(written[0], "Z1", "Z2", symbols=DENSE),),
            "dense_written_back": (joined(equation(t, DENSE) for t in written),),
            "toeplitz": (joined((equation(forward), _matrix(name, entries))),),
            "toeplitz_transposed": (
                joined((equation(backward), _matrix(f"{name}^{{\\top}}", entries.T))),
            ),
        },
    )


def _textbook() -> Parts:
    """Return the derivation for a true convolution, in the letters of the textbooks."""
    proved = theorem("backpropagated_2d")
    _, proof = theorem_blocks(proved, (), "short", NIELSEN)
    put = next(line.remark for line in proof.short if line.remark.startswith("put"))
    known = {display_name(t): t for t in every_tensor(*proved.lines)}
    style = letters(proved, NIELSEN)
    return Parts(
        {
            "image_sizes": f"${style.symbol('H')}$ by ${style.symbol('V')}$",
            "z_letter": f"${style.tensor(known['z'])}$",
            "sigma_z": f"${style.tensor(known['sigma(z)'])}$",
            "layer_letter": "$l$",
            "convolution_sign": "$*$",
            "textbook_put": put.removeprefix("put "),
            "textbook_rotated": inline(defined(proved, "flip(w)", symbols=NIELSEN)),
        },
        {
            "letters_compared": (letters_compared(proved),),
            "textbook_forward": (defined(proved, "z1", symbols=NIELSEN),),
            "textbook_proof": (proof,),
            "textbook_weight": (named(theorem("backpropagated_weight_flip_2d"), NIELSEN),),
            "signs": tuple(b for s in sign_table(SYMBOLS) for b in s.blocks),
        },
    )


def _steps() -> Parts:
    """Return the formulas of the algorithm, for a layer that is a correlation."""
    back, weight = middle_layer()
    bias = gradient(layer(LAYER), "b")
    return Parts(
        {"last_layer": "$L$"},
        {
            "step_forward": (defined(back, "z1", symbols=NIELSEN),),
            "step_output": (equation(theorem("perceptron_output"), LAST),),
            "step_back": (named(back, NIELSEN),),
            "step_gradient": (joined((named(weight, NIELSEN), equation(bias, NIELSEN))),),
        },
    )


def _weights(plane: Numbers) -> Parts:
    """Return the gradients of the kernel."""
    proved = gradient(plane.layer, "w")
    seen = weighing(plane).picture("forward").picture
    title = "The image, seen through a window of deltas"
    return Parts(
        {"bias_value": f"${int(plane.arrays['grad_y'].sum())}$"},
        {
            "weight_gradient": (named(proved),),
            "weight_corner": (plane.entry(proved, 0, 0),),
            "weight_numbers": (plane.shown("grad_w"),),
            "weight_picture": (Figure(replace(seen, title=title)),),
        },
    )


def _matrix(name: str, entries: NDArray[Any]) -> Formula:
    return Formula((f"{name} &= {matrix(entries)}",))


def _shape(array: NDArray[Any]) -> str:
    return "$" + " \\times ".join(map(str, array.shape)) + "$"
