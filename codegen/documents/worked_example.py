"""Worked examples: the formula of each theorem, the same with numbers, and the result.

No convolution routine is used: each entry is the sum in the theorem, evaluated exactly, term by
term, and compared with the chain rule applied to the numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray
from sympy import Expr

from rot180.codegen.documents.example_data import Example, example
from rot180.codegen.documents.matrices import matrices, number
from rot180.codegen.documents.model import TEXT_WIDTH, Block, Formula, Prose, Section
from rot180.codegen.documents.sums_in_numbers import (
    PRODUCTS,
    SYMBOLS,
    entry_rows,
    example_letters,
    point,
    products_at,
)
from rot180.derive.display.letters import letters
from rot180.derive.display.notations import DEEP_LEARNING, Symbols
from rot180.derive.display.terms_latex import Letters
from rot180.derive.display.theorem_latex import latex_expression, listed
from rot180.derive.display.width import width
from rot180.derive.gradients.gradient import gradient, output_gradient
from rot180.derive.kernel.proof import Theorem, Variables
from rot180.derive.language.layers import Layer
from rot180.derive.language.spelling import unfold_operators
from rot180.derive.language.terms import (
    Access,
    Derivative,
    Expression,
    Tensor,
    Term,
    term,
)
from rot180.derive.semantics.evaluate import evaluate, table

ENTRIES = 9
"""The largest number of entries of a result that are written out."""


@dataclass(frozen=True)
class Worked:
    """One quantity of a worked example.

    Attributes:
        title: what it is, a text.
        formula: the sum that is evaluated; rows of mathematics, aligned at the first ``&``.
        operands: the arrays in it, and the named paddings, as such rows.
        numbers: the sum of each entry in symbols, in numbers, and its value, as such rows.
        shown: the result as a matrix, as such rows.
        result: all entries; integers if all that was given are integers, else floats.
        remark: what was left out and what was checked, a text.

    """

    title: str
    formula: tuple[str, ...]
    operands: tuple[str, ...]
    numbers: tuple[str, ...]
    shown: tuple[str, ...]
    result: NDArray[Any]
    remark: str = ""


def worked(
    layer: Layer,
    arrays: Mapping[str, NDArray[Any]],
    parameters: Mapping[str, int],
    symbols: Symbols = DEEP_LEARNING,
    wrt: Sequence[str] | None = None,
) -> list[Worked]:
    """Work out a layer and its gradients for small arrays.

    Args:
        layer: the forward pass.
        arrays: operand to integers or floats; ``grad_<output>`` to the output gradient.
        parameters: stride, dilation and padding by the layer's names; see `example` for the
            defaults.
        symbols: the notation.
        wrt: the operands whose gradients are worked out; None for all that are given.

    Returns:
        the given numbers, the forward pass, and each gradient by its theorem.

    Raises:
        ValueError: a name is unknown, or a shape or an entry does not fit.

    """
    case = example(layer, arrays, parameters)
    given = [t.name for t in layer.tensors if t.name in arrays]
    proved = [gradient(layer, name) for name in (given if wrt is None else wrt)]
    return [_given(case, symbols), _forward(case, symbols)] + [
        _gradient(case, theorem, symbols) for theorem in proved
    ]


def section(found: Sequence[Worked]) -> Section:
    """Return worked examples as a section of a document."""
    blocks: list[Block] = []
    for one in found:
        blocks.append(Prose((f"\\emph{{{one.title}.}}",)))
        blocks += [
            Formula(rows) for rows in (one.formula, one.operands, one.numbers, one.shown) if rows
        ]
        blocks += [Prose((one.remark,))] if one.remark else []
    return Section("worked", "A worked example", tuple(blocks))


def _given(case: Example, symbols: Symbols) -> Worked:
    """Return the given numbers of an example."""
    style = example_letters(case.layer, symbols)
    sizes = case.model.sizes
    incoming = output_gradient(case.layer).name
    values = ",\\quad ".join(f"{style.symbol(v.name)} = {sizes[v]}" for v in case.layer.parameters)
    shown = [t.name for t in case.layer.tensors if t.name not in case.zero]
    rows = [
        row
        for name in (*shown, incoming)
        for row in matrices(style.tensor(name), case.model.arrays[name], _entry(style))
    ]
    said = [f"${style.tensor(name)} = 0$, as none is given" for name in case.zero]
    if case.drawn:
        said.append(f"${style.tensor(incoming)}$ has small integers, as none is given")
    remark = f"Here {listed(said)}." if said else ""
    if not case.whole:
        remark += " Decimals are shown with six digits; the sums are exact."
    whole = np.array([], np.int64)
    formula = (values,) if values else ()
    return Worked("The numbers", formula, tuple(rows), (), (), whole, remark.strip())


def _forward(case: Example, symbols: Symbols) -> Worked:
    style = example_letters(case.layer, symbols)
    y = case.layer.output
    assert y.definition is not None
    variables = tuple(zip(y.definition.formals, y.shape, strict=True))
    left: Expression = (term(y[y.definition.formals]),)
    result = _values(case, variables, left)
    numbers, more = _written_out(case, style, variables, left, y.definition.body, result)
    formula = _equation(left, y.definition.body, style)
    shown = tuple(matrices(style.tensor(y), result, _entry(style)))
    return Worked("The forward pass", formula, (), numbers, shown, _plain(result, case), more)


def _equation(left: Expression, right: Expression, style: Letters) -> tuple[str, ...]:
    """Return an equation in rows that fit the page."""
    head = latex_expression(left, style)
    first, *rest = style.rows(right, TEXT_WIDTH - width(head) - width("="))
    return (f"{head} &= {first}", *(f"&\\qquad {row}" for row in rest))


def _gradient(case: Example, theorem: Theorem, symbols: Symbols) -> Worked:
    """Work out a gradient by the right side of its theorem, and compare it with the left side."""
    style = letters(theorem, symbols)
    right = unfold_operators(theorem.rhs)
    result = _values(case, theorem.variables, right)
    where = ",\\quad ".join(
        f"{style.symbol(c.name)} = {_size(e, case)}" for c, e in style.constants
    )
    operands = [row for t in _operators(right) for row in _table(case, t, style)]
    numbers, more = _written_out(case, style, theorem.variables, theorem.lhs, right, result)
    for at in _places(result.shape):
        direct = evaluate(theorem.lhs, case.model, point(theorem.variables, at))
        if direct != result[at]:
            raise ArithmeticError(
                f"{theorem.name} at {at}: the theorem gives {result[at]}, the chain rule {direct}"
            )
    name = _whole(theorem, style)
    return Worked(
        f"The gradient ${name}$",
        _equation(theorem.lhs, right, style),
        ((where,) if where else ()) + tuple(operands),
        numbers,
        tuple(matrices(name, result, f"({{}}){_entry(style)[2:]}")),
        _plain(result, case),
        f"{more} The chain rule, applied to the numbers, gives the same result.".strip(),
    )


def _whole(theorem: Theorem, style: Letters) -> str:
    """Return the name of a gradient as a tensor, in the notation of its theorem."""
    head = theorem.lhs[0].factors[0]
    assert isinstance(head, Derivative) and isinstance(head.factors[0], Access)
    loss, wrt = (style.tensor(a.tensor) for a in (head.factors[0], head.wrt))
    return f"\\partial {loss} / \\partial {wrt}"


def _entry(style: Letters, t: Tensor | str = "") -> str:
    """Return a pattern for an entry of a tensor: of its symbol and an index."""
    symbol = "({})" if style.named(t).startswith("(") else "{}"
    return symbol + ("_{{{}}}" if style.symbols.subscripts else "[{}]")


def _size(e: Expr, case: Example) -> str:
    return number(evaluate((Term(e, (), ()),), case.model, {}))


def _operators(right: Expression) -> list[Tensor]:
    """Return the tensors in a sum that an operator makes: dilated ones, rotated ones."""
    accesses = (f for t in right for f in t.factors if isinstance(f, Access))
    return list(dict.fromkeys(a.tensor for a in accesses if a.tensor.definition is not None))


def _table(case: Example, t: Tensor, style: Letters) -> Iterator[str]:
    found = table(t, case.model)
    if found is not None:
        first, entries = found
        yield from matrices(style.tensor(t), entries, _entry(style, t))
        if any(first):
            start = style.index(tuple(map(sp.Integer, first)), ())
            yield f"& \\text{{where the first entry is }} {style.named(t)}{start}"


def _values(case: Example, variables: Variables, expression: Expression) -> NDArray[Any]:
    """Evaluate an expression at every entry of its box."""
    shape = [int(_size(n, case)) for _, n in variables if n is not None]
    out = np.zeros(shape, object)
    for at in np.ndindex(*shape):
        out[at] = evaluate(expression, case.model, point(variables, at))
    return out


def _places(shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Return the entries that are written out: the first ones of the array."""
    return list(islice(np.ndindex(*shape), ENTRIES))


def _plain(values: NDArray[Any], case: Example) -> NDArray[Any]:
    """Return machine numbers, integers if all that was given are integers; exact if too large."""
    whole = case.whole and all(Fraction(v).denominator == 1 for v in values.flat)
    try:
        return values.astype(np.int64 if whole else np.float64)
    except OverflowError:
        return values


def _written_out(
    case: Example,
    style: Letters,
    variables: Variables,
    left: Expression,
    right: Expression,
    result: NDArray[Any],
) -> tuple[tuple[str, ...], str]:
    """Write out the sums of some entries, and say what is left out."""
    rows: list[str] = []
    places = _places(result.shape)
    lengths = [products_at(case, right, variables, at) for at in places]
    longest = max(lengths, default=0)
    # in symbols too: all entries if they are short, else the first of the longest
    short = longest <= SYMBOLS
    for n, at in enumerate(places):
        symbolic = short or n == lengths.index(longest)
        rows += entry_rows(case, style, variables, left, right, at, symbolic)
    said = []
    if result.size > ENTRIES:
        said.append(f"{result.size - ENTRIES} more entries are left out.")
    if longest > PRODUCTS:
        said.append(f"The dots stand for up to {longest - PRODUCTS} more products.")
    return tuple(rows), " ".join(said)
