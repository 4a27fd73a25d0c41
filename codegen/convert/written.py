"""Expressions of a call as a reader sees them, with its integers put in."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from rot180.codegen.convert.expressions import Number, evaluate
from rot180.codegen.convert.forms import AxisCall, first_failure, period


def constant(call: AxisCall, expression: str, given: int | None = None) -> int | None:
    """Return the value of an expression at a size, or at all sizes; None if it depends on them."""

    def at(size: Number) -> Number:
        return evaluate(expression, call.values(size))

    value = at(given or 1)
    assert isinstance(value, int)
    if given is None and first_failure(lambda size: at(size) == value, period(call)) is not None:
        return None
    return value


def written(call: AxisCall, expression: str, names: Mapping[str, str]) -> str:
    """Return an expression with its integers put in.

    Args:
        call: the call whose expression it is.
        expression: the expression.
        names: what is written for other names; a defined name without an entry is written out.

    """
    known = {name: str(value) for name, value in call.parts.items()}
    known |= {
        name: str(value)
        for name in call.variant.definitions
        if (value := constant(call, name)) is not None
    }
    known |= {name: text for name, text in names.items() if name not in known}
    for name, definition in call.variant.definitions.items():
        if name not in known:
            known[name] = _put_in(definition, known)
    return _put_in(expression, known)


def definitions(call: AxisCall, size: str, axis: int) -> list[str]:
    """Return assignments to the names that a call defines and that depend on the size.

    Args:
        call: the call.
        size: what is written for the size.
        axis: the number that ends the names.

    """
    lines, names = [], {"i": size}
    for name, definition in call.variant.defined.items():
        if constant(call, name) is None:
            lines.append(f"{name}{axis} = {written(call, definition, names)}")
            names[name] = f"{name}{axis}"
    return lines


class _WrittenNames(ast.NodeTransformer):
    def __init__(self, known: Mapping[str, str]) -> None:
        self.known = known

    def visit_Name(self, node: ast.Name) -> ast.expr:
        found = self.known.get(node.id)
        return node if found is None else ast.parse(found, mode="eval").body


def _put_in(expression: str, known: Mapping[str, str]) -> str:
    return ast.unparse(_WrittenNames(known).visit(ast.parse(expression, mode="eval").body))
