"""The sum of one entry, written out: in symbols, as products of numbers, and its value."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sympy as sp
from sympy import Symbol

from rot180.codegen.documents.example_data import Example
from rot180.codegen.documents.matrices import number, product_of, sum_rows
from rot180.codegen.documents.model import TEXT_WIDTH, Formula
from rot180.derive.display.letters import layer_letters, letters
from rot180.derive.display.notations import DEEP_LEARNING, Symbols
from rot180.derive.display.terms_latex import Letters
from rot180.derive.display.theorem_latex import latex_expression
from rot180.derive.display.width import width
from rot180.derive.gradients.gradient import gradient
from rot180.derive.kernel.proof import Theorem, Variables
from rot180.derive.language.layers import Layer
from rot180.derive.language.polynomial import normal
from rot180.derive.language.spelling import unfold_operators
from rot180.derive.language.substitute import substitute
from rot180.derive.language.terms import Access, Apply, Equal, Expression, Factor, Range, Term, term
from rot180.derive.semantics.evaluate import evaluate, points

PRODUCTS = 30
"""The largest number of products of a sum that are written out."""

SYMBOLS = 4
"""The largest number of products with which all entries are also written out in symbols."""


def example_letters(layer: Layer, symbols: Symbols) -> Letters:
    """Return the letters of the layer, with those of the output gradient."""
    own = layer_letters(layer, symbols)
    name = layer.tensors[0].name
    tensors = letters(gradient(layer, name), symbols).tensors
    return Letters(own.variables, tensors, (), own.names, symbols)


def point(variables: Variables, at: tuple[int, ...]) -> dict[Symbol, int]:
    """Return the values of the free indices at an entry."""
    return {v: i for (v, _), i in zip(variables, at, strict=True)}


def entry_rows(
    case: Example,
    style: Letters,
    variables: Variables,
    left: Expression,
    right: Expression,
    at: tuple[int, ...],
    symbolic: bool,
) -> list[str]:
    """Write the sum of one entry out, in symbols as well if `symbolic`."""
    where = point(variables, at)
    entry = {v: sp.Integer(i) for v, i in where.items()}
    head = latex_expression(tuple(substitute(t, entry) for t in left), style)
    products = list(_products(case, right, where))
    chain = list(_chain(products[:PRODUCTS], case, style, symbolic))
    if len(products) > PRODUCTS:
        chain = [[*parts, "\\cdots"] for parts in chain]
    value = evaluate(right, case.model, where)
    return _rows(head, [*chain, [number(value)]])


def products_at(
    case: Example, right: Expression, variables: Variables, at: tuple[int, ...]
) -> int:
    """Return the number of products of one entry."""
    return sum(1 for _ in _products(case, right, point(variables, at)))


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
    where = point(theorem.variables, at)
    value, direct = (evaluate(side, case.model, where) for side in (right, theorem.lhs))
    if value != direct:
        raise ArithmeticError(f"{theorem.name} at {at}: found {value}, expected {direct}")
    style = letters(theorem, symbols)
    rows = entry_rows(case, style, theorem.variables, theorem.lhs, right, at, True)
    return Formula(tuple(rows))


def output_in_numbers(
    case: Example, at: tuple[int, ...], symbols: Symbols = DEEP_LEARNING
) -> Formula:
    """Write out one entry of the output: in symbols, in numbers, and its value."""
    y = case.layer.output
    assert y.definition is not None
    variables = tuple(zip(y.definition.formals, y.shape, strict=True))
    left: Expression = (term(y[y.definition.formals]),)
    style, right = example_letters(case.layer, symbols), y.definition.body
    return Formula(tuple(entry_rows(case, style, variables, left, right, at, True)))


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
