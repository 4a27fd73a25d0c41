"""Worked examples: the formula of each theorem, the same with numbers, and the result.

No convolution routine is used: each entry is the sum in the theorem, evaluated exactly, term by
term, and compared with the chain rule applied to the numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray
from sympy import Expr, Symbol

from rot180.codegen.documents.example_data import Example, example
from rot180.codegen.documents.matrices import matrices, number, product_of, sum_rows
from rot180.codegen.documents.model import TEXT_WIDTH, Block, Formula, Prose, Section
from rot180.derive.display.letters import layer_letters, letters
from rot180.derive.display.notations import DEEP_LEARNING, Symbols
from rot180.derive.display.terms_latex import Letters
from rot180.derive.display.theorem_latex import latex_expression, listed
from rot180.derive.display.width import width
from rot180.derive.gradients.gradient import gradient, output_gradient
from rot180.derive.kernel.proof import Theorem, Variables
from rot180.derive.language.layers import Layer
from rot180.derive.language.polynomial import normal
from rot180.derive.language.spelling import unfold_operators
from rot180.derive.language.substitute import substitute
from rot180.derive.language.terms import (
    Access,
    Apply,
    Derivative,
    Equal,
    Expression,
    Factor,
    Range,
    Tensor,
    Term,
    term,
)
from rot180.derive.semantics.evaluate import evaluate, points, table

ENTRIES = 9
"""The largest number of entries of a result that are written out."""

PRODUCTS = 30
"""The largest number of products of a sum that are written out."""

SYMBOLS = 4
"""The largest number of products for which every entry is also written out in symbols."""


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
    style = _letters(case.layer, symbols)
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


def _letters(layer: Layer, symbols: Symbols) -> Letters:
    """Return the letters of the layer, with those of the output gradient."""
    own = layer_letters(layer, symbols)
    name = layer.tensors[0].name
    tensors = letters(gradient(layer, name), symbols).tensors
    return Letters(own.variables, tensors, (), own.names, symbols)


def _forward(case: Example, symbols: Symbols) -> Worked:
    style = _letters(case.layer, symbols)
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
        direct = evaluate(theorem.lhs, case.model, _point(theorem.variables, at))
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


def _point(variables: Variables, at: tuple[int, ...]) -> dict[Symbol, int]:
    return {v: i for (v, _), i in zip(variables, at, strict=True)}


def _values(case: Example, variables: Variables, expression: Expression) -> NDArray[Any]:
    """Evaluate an expression at every entry of its box."""
    shape = [int(_size(n, case)) for _, n in variables if n is not None]
    out = np.zeros(shape, object)
    for at in np.ndindex(*shape):
        out[at] = evaluate(expression, case.model, _point(variables, at))
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
    longest = 0
    for n, at in enumerate(_places(result.shape)):
        found, length = _entry_rows(case, style, variables, left, right, at, n == 0)
        longest = max(longest, length)
        rows += found
    said = []
    if result.size > ENTRIES:
        said.append(f"{result.size - ENTRIES} more entries are left out.")
    if longest > PRODUCTS:
        said.append(f"The dots stand for up to {longest - PRODUCTS} more products.")
    return tuple(rows), " ".join(said)


def _entry_rows(
    case: Example,
    style: Letters,
    variables: Variables,
    left: Expression,
    right: Expression,
    at: tuple[int, ...],
    symbolic: bool,
) -> tuple[list[str], int]:
    """Write the sum of one entry out, and return the number of its products as well."""
    where = _point(variables, at)
    entry = {v: sp.Integer(i) for v, i in where.items()}
    head = latex_expression(tuple(substitute(t, entry) for t in left), style)
    products = list(_products(case, right, where))
    chain = list(_chain(products[:PRODUCTS], case, style, symbolic or len(products) <= SYMBOLS))
    if len(products) > PRODUCTS:
        chain = [[*parts, "\\cdots"] for parts in chain]
    value = evaluate(right, case.model, where)
    return _rows(head, [*chain, [number(value)]]), len(products)


def entry_in_numbers(
    case: Example, theorem: Theorem, at: tuple[int, ...], symbols: Symbols = DEEP_LEARNING
) -> Formula:
    """Write out one entry of the right side of a theorem: in symbols, in numbers, and its value.

    Args:
        case: the numbers.
        theorem: what is evaluated.
        at: the values of its free indices.
        symbols: the notation.

    Raises:
        ArithmeticError: the left side of the theorem has another value.

    """
    right = unfold_operators(theorem.rhs)
    where = _point(theorem.variables, at)
    value, direct = (evaluate(side, case.model, where) for side in (right, theorem.lhs))
    if value != direct:
        raise ArithmeticError(f"{theorem.name} at {at}: found {value}, expected {direct}")
    style = letters(theorem, symbols)
    return Formula(tuple(_entry_rows(case, style, theorem.variables, theorem.lhs, right, at, True)[0]))


def output_in_numbers(
    case: Example, at: tuple[int, ...], symbols: Symbols = DEEP_LEARNING
) -> Formula:
    """Write out one entry of the output: in symbols, in numbers, and its value."""
    y = case.layer.output
    assert y.definition is not None
    variables = tuple(zip(y.definition.formals, y.shape, strict=True))
    left: Expression = (term(y[y.definition.formals]),)
    style, right = _letters(case.layer, symbols), y.definition.body
    return Formula(tuple(_entry_rows(case, style, variables, left, right, at, True)[0]))


def _rows(head: str, chain: Sequence[Sequence[str]]) -> list[str]:
    """Return ``head = sum = sum = value`` in as few rows as fit the page."""
    room = TEXT_WIDTH - width(head) - width("=") - width("\\qquad")
    rows: list[str] = []
    last = ""
    for parts in chain:
        first, *rest = sum_rows(parts, room)
        if [first] == [last]:
            continue
        last = first
        if rows and not rest and width(f"{rows[-1]} = {first}") < room + width("="):
            rows[-1] += f" = {first}"
        else:
            rows += [f"&= {first}", *(f"&\\qquad {row}" for row in rest)]
    return [f"{head} {rows[0]}", *rows[1:]]


Product = list[tuple[Factor | None, Any]]
"""The factors of a product with their values; None stands for its coefficient."""


def _products(case: Example, right: Expression, where: Mapping[Symbol, int]) -> Iterator[Product]:
    """Yield the products of a sum at one entry, without those that a box or a bracket excludes."""
    for t in right:
        scale = evaluate((Term(t.coefficient, (), ()),), case.model, {})
        for point in points(t, case.model, where):
            here = {**where, **point}
            found: Product = [(None, scale)] if scale != 1 else []
            for f in t.factors:
                if not isinstance(f, Equal | Range):
                    one = _at(f, {**case.model.sizes, **here})
                    found.append((one, evaluate((term(one),), case.model, {})))
            yield found


def _at(f: Factor, env: Mapping[Symbol, int]) -> Factor:
    """Replace the symbols in the index of a factor by numbers, not those in its tensor."""
    if isinstance(f, Access):
        numbers = {v: sp.Integer(n) for v, n in env.items()}
        return Access(f.tensor, tuple(normal(e.xreplace(numbers)) for e in f.index))
    assert isinstance(f, Apply)
    inner = _at(f.argument, env)
    assert isinstance(inner, Access)
    return Apply(f.function, f.order, inner)


def _chain(
    products: list[Product], case: Example, style: Letters, symbolic: bool
) -> Iterator[list[str]]:
    """Yield the sum at one entry: in symbols, as products of numbers, as numbers."""
    if symbolic:
        moved = [[(_moved(f, case), v) for f, v in one] for one in products]
        for view in (products, moved)[: 1 + (moved != products)]:
            yield ["\\,".join(_symbol(f, v, style) for f, v in one) for one in view]
    if any(len(one) > 1 for one in products):
        yield [product_of([v for _, v in one]) for one in products]
    if len(products) > 1:
        yield [number(math.prod(v for _, v in one)) for one in products]


def _moved(f: Factor | None, case: Example) -> Factor | None:
    """Return the entry of the operand that an operator moves here, such as that of a filter."""
    definition = f.tensor.definition if isinstance(f, Access) else None
    if not isinstance(f, Access) or definition is None:
        return f
    (body, *more), places = definition.body, dict(zip(definition.formals, f.index, strict=True))
    inner = body.factors[0] if len(body.factors) == 1 and not (more or body.variables) else None
    if not isinstance(inner, Access):
        return f
    sizes = {v: sp.Integer(n) for v, n in case.model.sizes.items()}
    index = (normal(e.xreplace(sizes | places)) for e in inner.index)
    return _moved(Access(inner.tensor, tuple(index)), case)


def _symbol(f: Factor | None, value: Any, style: Letters) -> str:
    return number(value) if f is None else style.factor(f)
