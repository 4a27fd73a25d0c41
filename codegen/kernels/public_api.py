"""The public functions: one table of layers, and what each function of a layer takes.

To ship a layer is to add one entry to `LAYERS`. Its modules, its public functions in each backend
with their checks, sizes and docstrings, and the stubs follow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sympy import Expr, Symbol

from rot180.codegen.kernels.cython_backend import ANY_BITS, CythonKernel, bits
from rot180.codegen.kernels.derivation import ProvedLayer
from rot180.codegen.kernels.public_shapes import batch_of, public_box
from rot180.derive.display.statement import write_statement
from rot180.derive.language.layers import catalogue
from rot180.derive.language.notation import Layer
from rot180.derive.language.polynomial import symbols_of
from rot180.derive.language.terms import Access, Tensor


@dataclass(frozen=True)
class Parameter:
    """A parameter of the functions of a sliding window, besides the arrays.

    Attributes:
        name: what it is called.
        letter: what theorems call it; of a padding, the low one.
        annotation: its type.
        default: its default.
        least: the least value; None where any integer is allowed.
        words: what the docstring says.

    """

    name: str
    letter: str
    annotation: str
    default: int
    least: int | None
    words: str


@dataclass(frozen=True)
class AxisRule:
    """What must hold on each spatial axis of a window.

    Attributes:
        holds: a comparison in the theorem's letters, as Python and C both write it.
        about: the operand or the parameter that an error names.
        expected: what an error says.

    """

    holds: str
    about: str
    expected: str


@dataclass(frozen=True)
class WindowRules:
    """What is known of a layer whose filter slides; its operands are x, w and bias.

    Attributes:
        kind: the name of the layer without the number of axes.
        rank: the number of spatial axes.
        parameters: the parameters of its functions, in order.
        size: the theorem that fixes the size of the output on an axis.
        output: what that theorem calls the size.
        rules: what must hold on each axis.
        fast: whether its forward pass and its input gradient have a form with fewer products.

    """

    kind: str
    rank: int
    parameters: tuple[Parameter, ...]
    size: str
    output: str
    rules: tuple[AxisRule, ...]
    fast: bool = False


@dataclass(frozen=True)
class PublicLayer:
    """A layer that is shipped.

    Attributes:
        name: the public name of its forward pass.
        layer: a name of the catalogue of `derive`, or a text in the notation.
        arguments: each operand of the layer and its public name, in the order of the call. The
            last may be left out where it is only added, as a bias is.
        returns: what the forward pass returns, in words.
        window: the rules of its window, if its filter slides.

    """

    name: str
    layer: str
    arguments: Mapping[str, str]
    returns: str = ""
    window: WindowRules | None = None

    @property
    def core(self) -> str:
        """Return the name of the module with its NumPy kernels."""
        return f"numpy_{self.layer if self.layer in catalogue() else self.name}"

    @property
    def module(self) -> str:
        """Return the name of the module with its public functions on these kernels."""
        return f"numpy_{self.name}_public"

    @property
    def functions(self) -> dict[str, str]:
        """Return the public functions: the name of each kernel and of its function."""
        gradients = {f"grad_{t}": f"{self.name}_{word}" for t, word in self.arguments.items()}
        return {"forward": self.name, **gradients}


_OPERANDS = {"x": "input", "w": "weight", "bias": "bias"}

_PER_AXIS = "PerAxis"
_STRIDE = Parameter("stride", "s", _PER_AXIS, 1, 1, "an integer >= 1, or one per axis.")
_DILATION = Parameter("dilation", "d", _PER_AXIS, 1, 1, "an integer >= 1, or one per axis.")
_GROUPS = Parameter("groups", "G", "int", 1, 1, "an integer >= 1 that divides the channels.")
_PADDING = Parameter(
    "padding",
    "lo",
    "Padding",
    0,
    None,
    "an integer, one integer per axis, or one (low, high) pair per axis (negative numbers crop); "
    '"valid" for no padding; "same" for an output of the size of the input (needs stride '
    "1; an odd total puts one more at the high end).",
)
_CROPPING = replace(
    _PADDING,
    words="how much is cropped from each end of the output: an integer, one integer per axis, or "
    'one (low, high) pair per axis (negative numbers extend the output); "valid" or "same" crops '
    "what a convolution with that word pads.",
)
_OUTPUT_PADDING = Parameter(
    "output_padding",
    "op",
    _PER_AXIS,
    0,
    0,
    "how much larger the output is at its high end: an integer >= 0, or one per axis, less than "
    "the stride or less than the dilation. It only sets the size of the output; it adds no zeros.",
)
_A_TAP = AxisRule("K >= 1", "w", "at least one tap on each axis")


def _convolution(rank: int) -> PublicLayer:
    fits = AxisRule("P >= 1", "x", "a padded size of at least dilation * (taps - 1) + 1")
    parameters = (_STRIDE, _PADDING, _DILATION, _GROUPS)
    return PublicLayer(
        f"conv{rank}d",
        f"conv{rank}d_grouped",
        _OPERANDS,
        f"the correlation of a padded {rank}-dimensional input with a filter, plus a bias",
        WindowRules("conv", rank, parameters, "output_size", "P", (_A_TAP, fits), fast=rank < 3),
    )


def _transposed(rank: int) -> PublicLayer:
    rules = (
        _A_TAP,
        AxisRule("P >= 1", "x", "at least one entry on each axis"),
        AxisRule(
            "op < max(s, d)", "output_padding", "less than the stride or less than the dilation"
        ),
        AxisRule("H >= 1", "padding", "a padding that leaves an output of size 1 or more"),
    )
    parameters = (_STRIDE, _CROPPING, _OUTPUT_PADDING, _GROUPS, _DILATION)
    return PublicLayer(
        f"conv_transpose{rank}d",
        f"conv_transpose{rank}d_grouped",
        _OPERANDS,
        f"the transposed convolution of a {rank}-dimensional input with a filter, plus a bias. "
        "Each entry of the input adds a scaled copy of the filter to the output. Without the "
        f"bias, and with output_padding less than the stride, it is the adjoint of `conv{rank}d`",
        WindowRules("conv_transpose", rank, parameters, "transposed_size", "H", rules),
    )


LAYERS: tuple[PublicLayer, ...] = (
    PublicLayer("linear", "linear", _OPERANDS, "``input @ weight.T + bias``"),
    *map(_convolution, (1, 2, 3)),
    *map(_transposed, (1, 2, 3)),
)
"""The layers that are shipped."""


@dataclass(frozen=True)
class Argument:
    """An array that a public function takes, or the shape of one.

    Attributes:
        name: what it is called.
        tensor: the tensor of the layer.
        box: its public shape, in the layer's sizes.
        is_size: whether the shape is given instead of the array.
        optional: whether it may be left out.

    """

    name: str
    tensor: Tensor
    box: tuple[Expr, ...]
    is_size: bool = False
    optional: bool = False


@dataclass(frozen=True)
class PublicFunction:
    """A public function.

    Attributes:
        name: what it is called.
        layer: whose function it is.
        definition: what that layer computes.
        kernel: the kernel that computes it: "forward", "grad_x".
        operand: the public name of what it is the gradient by; "" of a forward pass.
        statement: what it computes, in the notation.
        compiled: the kernel of the compiled functions.
        arguments: arrays and shapes, in order.
        result: the tensor whose box the output has.
        box: the shape of the output, in the layer's sizes.
        window: the window's geometry, where it needs one.
        batch: the names of the tensors whose first axis is the batch.

    """

    name: str
    layer: PublicLayer
    definition: Layer
    kernel: str
    operand: str
    statement: str
    compiled: CythonKernel
    arguments: tuple[Argument, ...]
    result: Tensor
    box: tuple[Expr, ...]
    window: WindowRules | None
    batch: frozenset[str]

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Return its parameters besides the arrays."""
        return self.window.parameters if self.window else ()

    @property
    def fast(self) -> bool:
        """Say whether it has a form with fewer products."""
        return self.window is not None and self.window.fast and self.kernel != "grad_w"

    @property
    def arrays(self) -> tuple[Argument, ...]:
        """Return the arguments that are arrays."""
        return tuple(a for a in self.arguments if not a.is_size)

    @property
    def batched(self) -> tuple[Argument, ...]:
        """Return the arguments whose first axis is the batch."""
        return tuple(a for a in self.arguments if a.tensor.name in self.batch)

    @property
    def sizes(self) -> tuple[Argument, ...]:
        """Return the arguments that are shapes."""
        return tuple(a for a in self.arguments if a.is_size)


def public_functions(layers: Sequence[PublicLayer] = LAYERS) -> dict[str, str]:
    """Return the names of the public kernels, each with what it returns."""
    return {
        name: _returned(layer, kernel)
        for layer in layers
        for kernel, name in layer.functions.items()
    }


def _returned(layer: PublicLayer, kernel: str) -> str:
    if kernel == "forward":
        return layer.returns.split(". ")[0].replace("`", "")
    return f"the gradient of {layer.name} by its {layer.arguments[kernel.removeprefix('grad_')]}"


def functions_of(
    entry: PublicLayer, proved: ProvedLayer, kernels: Sequence[CythonKernel]
) -> tuple[PublicFunction, ...]:
    """Return the public functions of a layer.

    Args:
        entry: the layer's entry.
        proved: the layer with its theorems.
        kernels: its kernels in their order, for the compiled functions.

    Raises:
        ValueError: the entry does not fit the layer, or the layer needs what public functions lack.

    """
    layer = proved.layer
    expected = {t.name for t in layer.tensors}
    if entry.arguments.keys() != expected:
        raise _refused(entry, "operands", ", ".join(entry.arguments), ", ".join(sorted(expected)))
    if layer.parameters and entry.window is None:
        found = ", ".join(v.name for v in layer.parameters)
        raise _refused(entry, "parameters", found, "none, or a window")
    statements = {"forward": layer.text}
    statements |= {name: write_statement(t) for name, t in proved.gradients}
    plans = [kernel.plan for kernel in kernels]
    if entry.window is None and bits(plans, ANY_BITS) < ANY_BITS:
        # nothing bounds the sizes of the arrays, so C could not compute it for all of them
        raise _refused(entry, "numbers", "computed from sizes", "sizes alone")
    by_name = {name: kernel for (name, _), kernel in zip(proved.kernels, kernels, strict=True)}
    return tuple(
        _function(entry, layer, name, statements[name], by_name[name]) for name in entry.functions
    )


def _refused(entry: PublicLayer, what: str, found: str, expected: str) -> ValueError:
    return ValueError(f"{entry.name}: found the {what} {found}, expected {expected}")


def _function(
    entry: PublicLayer, layer: Layer, kernel: str, statement: str, compiled: CythonKernel
) -> PublicFunction:
    operand = kernel.removeprefix("grad_") if kernel != "forward" else ""
    tensors = {t.name: t for t in layer.tensors}
    asked = {v.name for v in layer.parameters} & set(compiled.integers)
    window = entry.window if asked else None
    boxes = {t.name: public_box(t, asked != set()) for t in (*layer.tensors, layer.output)}
    read = compiled.arrays[1:]
    upstream = f"grad_{layer.output.name}"
    unknown = [word for word in read if word not in tensors and word != upstream]
    if unknown:
        raise _refused(entry, "factors", ", ".join(unknown), "operands, and no function of them")
    known = {v for word in read if word in tensors for n in boxes[word] for v in symbols_of(n)}
    known |= {v for n in boxes[layer.output.name] for v in symbols_of(n)} if operand else set()
    arguments = []
    for name, word in entry.arguments.items():
        t, box, spare = tensors[name], boxes[name], may_be_left_out(entry, layer, name)
        if name in read:
            arguments.append(Argument(word, t, box, optional=spare))
        elif name == operand and not (spare and _symbols(box) <= known):
            arguments.append(Argument(f"{word}_size", t, box, is_size=True))
    if upstream in read:
        arguments.append(Argument("grad_output", layer.output, boxes[layer.output.name]))
    result = tensors.get(operand, layer.output)
    word = entry.arguments.get(operand, "")
    return PublicFunction(
        entry.functions[kernel],
        entry,
        layer,
        kernel,
        word,
        statement,
        compiled,
        tuple(arguments),
        result,
        boxes[result.name],
        window,
        batch_of(layer),
    )


def _symbols(box: Sequence[Expr]) -> set[Symbol]:
    return {v for n in box for v in symbols_of(n)}


def may_be_left_out(entry: PublicLayer, layer: Layer, operand: str) -> bool:
    """Say whether an operand comes last and is only added, as a bias is."""
    definition = layer.output.definition
    assert definition is not None
    if operand != tuple(entry.arguments)[-1] or len(definition.body) == 1:
        return False
    for t in definition.body:
        names = [f.tensor.name for f in t.factors if isinstance(f, Access)]
        if operand in names and len(t.factors) > 1:
            return False
    return True
