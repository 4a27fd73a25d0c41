"""An entry of the museum: a backward pass that shipped, as the expression that it computed.

The expression is in the notation. It uses the operands of the layer, the output by its name, and
``grad_y`` for the gradient by an output y. Entries outside an array are 0, as everywhere. Where the
code returned an array of another size, or used a number that it had computed, that size or number
has a name, and `derived` says what it is.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

__all__ = ["Entry", "configuration", "number"]

Number = int | Fraction

DEFAULTS = "N=1 C=1 O=1 s=1 d=1 lo=0"
"""Sizes and parameters that a configuration does not name."""

OPERATORS: Mapping[type[ast.operator], Callable[[Number, Number], Number]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: Fraction,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
FUNCTIONS: Mapping[str, Callable[..., Number]] = {"max": max, "min": min}


@dataclass(frozen=True)
class Entry:
    """A wrong backward pass.

    Attributes:
        key: a name for it.
        project: the project that shipped it.
        issue: the number of the issue or the pull request.
        year: when it was reported.
        references: addresses; the first is that of the issue.
        layer: a name of the catalogue, or a layer or a program in the notation.
        operand: by which operand the gradient is; "" for a forward pass.
        wrong: the definition of what the code computed, in the notation.
        summary: what was wrong.
        fails: configurations where it is wrong, the smallest first; sizes of one axis.
        agrees: configurations where it is right.
        derived: sizes and numbers that the code computed: name to formula.
        outcome: what users saw: "values", "shape" (an array of another size) or "error".
        basis: where the expression comes from: "code" of that time, or the "thread" alone.

    """

    key: str
    project: str
    issue: int
    year: int
    references: tuple[str, ...]
    layer: str
    operand: str
    wrong: str
    summary: str
    fails: tuple[str, ...]
    agrees: tuple[str, ...] = ()
    derived: tuple[tuple[str, str], ...] = ()
    outcome: str = "values"
    basis: str = "code"


def configuration(entry: Entry, text: str) -> dict[str, Number]:
    """Return the sizes and parameters of a configuration, those that the code computed included.

    >>> from rot180.codegen.audit.museum_entries import ENTRIES
    >>> configuration(ENTRIES[0], "H=32 K=5 s=2 P=14")["W"]
    31

    Args:
        entry: the entry, for what is derived.
        text: the configuration, as ``H=6 K=3``.

    """
    words = (word.partition("=") for word in f"{DEFAULTS} {text}".split())
    values: dict[str, Number] = {name: int(value) for name, _, value in words}
    for name, formula in entry.derived:
        values[name] = number(formula, values)
    return values


def number(formula: str, values: Mapping[str, Number]) -> Number:
    """Evaluate a formula of whole numbers, with ``//``, ``%``, ``max`` and ``min`` as in Python.

    >>> number("max(0, -(-H // s) - P)", {"H": 7, "s": 2, "P": 3})
    1

    Args:
        formula: the formula; ``/`` gives a fraction.
        values: what its names stand for.

    Raises:
        ValueError: the formula has another operation, or a name that is not given.

    """
    return _evaluated(ast.parse(formula, mode="eval").body, values)


def _evaluated(node: ast.expr, values: Mapping[str, Number]) -> Number:
    match node:
        case ast.Constant(value=int() as value):
            return value
        case ast.Name(id=name) if name in values:
            return values[name]
        case ast.UnaryOp(op=ast.USub(), operand=of):
            return -_evaluated(of, values)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
            return OPERATORS[type(op)](_evaluated(left, values), _evaluated(right, values))
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in FUNCTIONS:
            return FUNCTIONS[name](*(_evaluated(a, values) for a in args))
    raise ValueError(
        f"formula: found {ast.unparse(node)}, expected + - * / // %, max, min, whole numbers and "
        f"{', '.join(values)}"
    )
