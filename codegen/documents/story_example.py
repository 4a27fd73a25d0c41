"""The running example of the opening chapter: one image, one kernel, and their first rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rot180.codegen.documents.example_data import Example, example
from rot180.codegen.documents.example_numbers import DISTINCT, SQUARE
from rot180.codegen.documents.matrices import matrix
from rot180.codegen.documents.model import Figure, Formula
from rot180.codegen.documents.passes import marked
from rot180.codegen.documents.sums_in_numbers import entry_in_numbers, output_in_numbers, point
from rot180.codegen.documents.worked_example import worked
from rot180.codegen.figures.figures import pictures
from rot180.codegen.figures.numbers import in_numbers
from rot180.codegen.figures.sample import SampledLayer, sampled_layer
from rot180.codegen.figures.shapes import Picture
from rot180.derive.display.definitions import every_tensor
from rot180.derive.display.letters import layer_letters, letters
from rot180.derive.display.notations import DEEP_LEARNING, Symbols
from rot180.derive.display.theorem_latex import definitions, latex_expression, subject
from rot180.derive.gradients.gradient import chain_goal, gradient, operand, output_gradient
from rot180.derive.kernel.proof import Theorem
from rot180.derive.language.layers import Layer, layer
from rot180.derive.language.notation import make_layer, parse_expression
from rot180.derive.language.operators import correlate
from rot180.derive.language.polynomial import symbol
from rot180.derive.language.spelling import display_name, unfold_operators
from rot180.derive.language.terms import Access, define, term
from rot180.derive.search.prove import prove
from rot180.derive.semantics.evaluate import evaluate, table
from rot180.derive.semantics.model import GivenModel

SYMBOLS = replace(
    DEEP_LEARNING,
    name="story",
    subscripts=True,
    loss="C",
    gradient=r"\delta",
    gradients=(("x", r"\mathrm{d}x"), ("w", r"\mathrm{d}w"), ("y", r"\delta")),
    indices=(("l", "m"), ("L", "M")),
)
"""The notation: indices below, delta for the derivative by an output, dx for that by the input.

The layers of a network are numbered l = 1 to L, so a tap has other letters.
"""

OTHER = np.array(DISTINCT)
"""A kernel whose taps are all different and none of them zero."""

IMAGE, KERNEL, DELTAS = (np.array(SQUARE.arrays[name]) for name in ("x", "w", "grad_y"))


@dataclass(frozen=True)
class Numbers:
    """A layer with numbers: operands and output gradient, and all that follows from them.

    Attributes:
        text: the forward pass, in the notation.
        arrays: operands and output gradient by name.
        parameters: stride and the like, by name.

    """

    text: str
    arrays: Mapping[str, NDArray[Any]]
    parameters: Mapping[str, int]

    @cached_property
    def layer(self) -> Layer:
        """Return the forward pass."""
        return layer(self.text)

    @cached_property
    def case(self) -> Example:
        """Return the layer with exact numbers."""
        return example(self.layer, self.arrays, self.parameters)

    @cached_property
    def sample(self) -> SampledLayer:
        """Return the layer at its sizes, for pictures."""
        return sampled_layer(self.layer, self.sizes, symbols=SYMBOLS)

    @cached_property
    def sizes(self) -> Mapping[str, int]:
        """Return sizes and parameters by name."""
        return {v.name: n for v, n in self.case.model.sizes.items()}

    @cached_property
    def results(self) -> Mapping[str, NDArray[Any]]:
        """Return every array: what is given, the output, and the gradients, by their theorems."""
        names = [t.name for t in self.layer.tensors]
        _, forward, *back = worked(self.layer, self.arrays, self.parameters, SYMBOLS)
        found = {f"grad_{n}": one.result for n, one in zip(names, back, strict=True)}
        return {**self.arrays, self.layer.output.name: forward.result, **found}

    def picture(self, name: str) -> Figure:
        """Return a picture of the layer, with the numbers in its cells.

        Args:
            name: the end of its name, such as "forward".

        """
        return self.numbered(self._drawn(name))

    def lettered(self, name: str) -> Figure:
        """Return a picture of the layer, with symbols in its cells."""
        return Figure(self._drawn(name))

    def _drawn(self, name: str) -> Picture:
        return next(p for p in self._pictures if p.name.endswith(name))

    @cached_property
    def _pictures(self) -> list[Picture]:
        return pictures(self.layer, self.sizes, SYMBOLS)

    def numbered(self, picture: Picture) -> Figure:
        """Return a picture with the numbers in its cells."""
        return Figure(in_numbers(picture, self.sample, self.results))

    def forward(self) -> Formula:
        """Return the forward pass as a formula."""
        y = self.layer.output
        assert y.definition is not None
        style = layer_letters(self.layer, SYMBOLS)
        left = latex_expression((term(y[y.definition.formals]),), style)
        return Formula((f"{left} &= {latex_expression(y.definition.body, style)}",))

    def starred(self) -> Formula:
        """Return the forward pass, a correlation without a stride, by its sign and as a sum.

        Raises:
            ValueError: it is no correlation.

        """
        y = self.layer.output
        assert y.definition is not None
        (only,), formals = y.definition.body, y.definition.formals
        slid, window = (f for f in only.factors if isinstance(f, Access))
        found = (term(correlate(slid, window, formals, only.variables)[formals]),)
        style = layer_letters(self.layer, marked(SYMBOLS, found))
        rows = (found, y.definition.body)
        left, first, second = (latex_expression(e, style) for e in ((term(y[formals]),), *rows))
        return Formula((f"{left} &= {first}", f"&= {second}"))

    def value(self, right: str, *at: int) -> Any:
        """Return the value of an entry of what is written here, a gradient by the input or not."""
        variables, _ = chain_goal(self.layer, operand(self.layer, "x"))
        own = self.layer
        known = [*own.tensors, own.output, output_gradient(own)]
        found = parse_expression(right, known, [v for v, _ in variables])
        return evaluate(found, self.case.model, point(variables, at))

    def stated(self, wrt: str, right: str) -> Theorem:
        """Prove that a gradient is what is written here.

        Args:
            wrt: the operand.
            right: the right side, in the notation; ``grad_y`` is the output gradient.

        Raises:
            NotProvedError: it is something else.

        """
        own, x = self.layer, operand(self.layer, wrt)
        variables, goal = chain_goal(own, x)
        known = [*own.tensors, own.output, output_gradient(own)]
        return prove(goal, parse_expression(right, known, [v for v, _ in variables]), variables)

    def entry(self, theorem: Theorem, *at: int) -> Formula:
        """Write out one entry of a gradient in symbols and in numbers."""
        return entry_in_numbers(self.case, theorem, at, SYMBOLS)

    def output(self, *at: int) -> Formula:
        """Write out one entry of the output in symbols and in numbers."""
        return output_in_numbers(self.case, at, SYMBOLS)

    def shown(self, *names: str) -> Formula:
        """Return arrays as matrices."""
        return Formula(tuple(f"{self.letter(n)} &= {matrix(self.results[n])}" for n in names))

    def in_text(self, name: str) -> str:
        """Return an array, an index, a size or a parameter as a text."""
        style = letters(self.gradient, SYMBOLS)
        found = self.letter(name) if name in self.results else style.symbol(name)
        return f"${found}$"

    def letter(self, name: str) -> str:
        """Return the symbol of an array."""
        return self.sample.tensor(name)

    @cached_property
    def gradient(self) -> Theorem:
        """Return the gradient with respect to the input."""
        return gradient(self.layer, "x")


def equation(theorem: Theorem, symbols: Symbols = SYMBOLS) -> Formula:
    """Return the equation of a theorem."""
    style = letters(theorem, symbols)
    return Formula((f"{subject(theorem, style)} &= {latex_expression(theorem.rhs, style)}",))


def named(theorem: Theorem, symbols: Symbols = SYMBOLS) -> Formula:
    """Return the equation of a theorem, by its sign and as a sum."""
    style = letters(theorem, marked(symbols, theorem.rhs))
    plain = unfold_operators(theorem.rhs)
    rows = dict.fromkeys(latex_expression(one, style) for one in (theorem.rhs, plain))
    first, *more = rows
    return Formula(
        (f"{subject(theorem, style)} &= {first}", *(f"&= {one}" for one in more))
    )


def defined(theorem: Theorem, *names: str, symbols: Symbols = SYMBOLS) -> Formula:
    """Return the definitions of tensors of a theorem, by their names in the language."""
    style = letters(theorem, symbols)
    known = {display_name(t): t for t in every_tensor(*theorem.lines)}
    lines = definitions([known[name] for name in names], style)
    return Formula(
        tuple(f"{one.left} &= {latex_expression(one.right, one.style)}" for one in lines)
    )


def joined(formulas: Iterable[Formula]) -> Formula:
    """Return formulas below each other, aligned."""
    return Formula(tuple(row for one in formulas for row in one.rows))


def inline(formula: Formula) -> str:
    """Return a formula of one row as a text."""
    (only,) = formula.rows
    return f"${only.replace('&', '')}$"


def table_of(theorem: Theorem, name: str, numbers: Numbers) -> NDArray[Any]:
    """Return the entries of a defined tensor for the numbers of the example.

    Args:
        theorem: a theorem in which the tensor is defined.
        name: the tensor.
        numbers: the numbers; parameters that they do not have are those of a plain window.

    """
    known = {display_name(t): t for t in every_tensor(*theorem.lines)}
    plain = {"s": 1, "d": 1, "lo": 0}
    sizes = {symbol(n): v for n, v in {**plain, **numbers.sizes}.items()}
    found = table(known[name], GivenModel(sizes, arrays=numbers.case.model.arrays))
    assert found is not None
    return np.array(found[1])


def row(kernel: NDArray[Any] = KERNEL) -> Numbers:
    """Return the first row of the image under the first row of a kernel."""
    arrays = {"x": IMAGE[0], "w": kernel[0], "grad_y": DELTAS[0]}
    return Numbers("y[p] = sum[k] x[p+k] * w[k]", arrays, {})


def image(kernel: NDArray[Any] = KERNEL) -> Numbers:
    """Return the image under a kernel."""
    arrays = {"x": IMAGE, "w": kernel, "grad_y": DELTAS}
    return Numbers("y[p,q] = sum[k,l] x[p+k,q+l] * w[k,l]", arrays, {})


def strided() -> Numbers:
    """Return the row, with one more entry, under a window that jumps by two."""
    longer = np.append(IMAGE[0], IMAGE[0][-1] + 1)
    arrays = {"x": longer, "w": OTHER[0], "grad_y": DELTAS[0][:2]}
    return Numbers("y[p] = sum[k] x[s*p+k] * w[k]", arrays, {"s": 2})


def weighing(numbers: Numbers) -> Numbers:
    """Return the gradient by the kernel as a layer, whose window is the output gradient."""
    proved, w = gradient(numbers.layer, "w"), operand(numbers.layer, "w")
    index = tuple(v for v, _ in proved.variables)
    output = define(f"grad_{w.name}", w.shape, index, unfold_operators(proved.rhs))
    found = make_layer(output)
    return Numbers(found.text, {t.name: numbers.arrays[t.name] for t in found.tensors}, {})
