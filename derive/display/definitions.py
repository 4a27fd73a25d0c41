"""The definitions in a statement: of every tensor in it, down to free tensors."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from sympy import Symbol

from rot180.derive.language.number_tables import table
from rot180.derive.language.polynomial import symbols_of, text
from rot180.derive.language.printer import write
from rot180.derive.language.scalar_functions import FUNCTIONS
from rot180.derive.language.spelling import application, display_name
from rot180.derive.language.substitute import fresh, substitute
from rot180.derive.language.terms import (
    Access,
    Apply,
    Derivative,
    Expression,
    Tensor,
    accesses_and_brackets,
    define,
    tensors,
    term,
)


def every_tensor(*expressions: Expression) -> tuple[Tensor, ...]:
    """Return the tensors of expressions, each once, after those in its definition."""
    return tuple(dict.fromkeys(t for e in expressions for t in tensors(e)))


def every_function(*expressions: Expression) -> tuple[str, ...]:
    """Return the names of the scalar functions in expressions, including those in definitions."""
    bodies = (t.definition.body for t in every_tensor(*expressions) if t.definition is not None)
    return tuple(sorted({name for e in (*expressions, *bodies) for name in _functions(e)}))


def _functions(expression: Expression) -> Iterator[str]:
    for t in expression:
        for f in t.factors:
            if isinstance(f, Apply):
                yield f.function
            elif isinstance(f, Derivative):
                yield from _functions((term(*f.factors),))


def write_definitions(
    expressions: Sequence[Expression],
    free: Sequence[Symbol],
    bare: frozenset[Tensor] = frozenset(),
    most: int | None = None,
    known: Collection[Tensor] = (),
) -> list[str]:
    """Return a statement's definitions as text: tensors, operators, functions, free tensors.

    Args:
        expressions: the sides of the statement.
        free: the indices of the statement, to name those of operators.
        bare: tensors that are written by their bare names.
        most: how many terms of a definition are written; all of them by default.
        known: tensors that the reader has seen already; they are left out.

    """
    shown = [t for t in every_tensor(*expressions) if t not in known]
    bodies = (t.definition.body for t in shown if t.definition is not None)
    functions = sorted({name for e in (*expressions, *bodies) for name in _functions(e)})
    defined = [t for t in shown if t.definition is not None]
    operators = [t for t in defined if t not in bare and application(t) is not None]
    out = []
    for title, given in (
        ("where", [t for t in defined if t not in operators]),
        ("by the operators", operators),
    ):
        out += [title] if given else []
        out += [f"  {write_definition(readable(t, free), bare, most)}" for t in given]
    boxes = [
        f"{t.name}[{','.join(text(n) for n in t.shape if n is not None)}]" if t.shape else t.name
        for t in shown
        if t.definition is None
    ]
    rules = (FUNCTIONS[name].rule for name in functions if name in FUNCTIONS)
    said = [rule for rule in rules if rule.split(" = ")[0] != rule.split(" = ")[1]]
    out += [f"with {', '.join(said)}"] if said else []
    boxes += [f"function {name}" for name in functions if name not in FUNCTIONS]
    return [*out, f"for any {', '.join(boxes)}"] if boxes else out


def write_definition(
    t: Tensor, bare: frozenset[Tensor] = frozenset(), most: int | None = None
) -> str:
    """Return a definition with its box: ``y[p] = sum[k] x[p+k] * w[k], 0 <= p < P``.

    Args:
        t: a defined tensor.
        bare: tensors that are written by their bare names.
        most: how many terms are written; all of them by default.

    """
    assert t.definition is not None
    formals = t.definition.formals
    if rows := table(t):
        return f"{t.name} = [{', '.join(str([*map(int, row)]) for row in rows)}], indices from 0 on"
    index = f"[{','.join(v.name for v in formals)}]" if formals else ""
    boxes = zip(formals, t.shape, strict=True)
    said = [f"0 <= {v.name} < {text(n)}" for v, n in boxes if n is not None]
    head = f"{display_name(t, bare)}{index} = {write(t.definition.body, formals, (), bare, most)}"
    return ", ".join([head, *said])


def readable(t: Tensor, free: Sequence[Symbol] = ()) -> Tensor:
    """Rename the indices ``i0``, ``i1``, ... of an operator's definition to readable letters.

    Indices that somebody else named, as those of a layer, stay.

    An index takes the lower-case letter of the size of the axis that it indexes, such as k for K,
    or else the letter of the index of the theorem on that axis.

    Args:
        t: a defined tensor.
        free: the indices of the theorem.

    """
    assert t.definition is not None
    if application(t) is None:
        return t
    formals, body = t.definition.formals, t.definition.body
    taken = set(t.parameters).union(*(u.symbols for u in body)) - set(formals)
    axes = {
        v: n
        for u in body
        for f in accesses_and_brackets(u.factors)
        if isinstance(f, Access)
        for e, n in zip(f.index, f.tensor.shape, strict=True)
        for v in symbols_of(e) & set(formals)
    }
    names: dict[Symbol, Symbol] = {}
    for at, v in enumerate(formals):
        size = axes.get(v)
        hint = size.name.lower() if isinstance(size, Symbol) else ""
        if not hint and len(free) > at:
            hint = free[at].name
        if re.fullmatch(r"i\d*", v.name) and hint:
            names[v] = fresh(hint, taken | set(names.values()))
    new = tuple(names.get(v, v) for v in formals)
    renamed = tuple(substitute(u, dict(zip(formals, new, strict=True))) for u in body)
    return define(t.name, t.shape, new, renamed)
