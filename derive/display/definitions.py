"""What a statement rests on: the definition of every tensor in it, down to free tensors."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sympy import Expr, Integer, Symbol

from rot180.derive.language.polynomial import coefficient, normal, symbols_of, text
from rot180.derive.language.printer import write
from rot180.derive.language.spelling import application, spelled
from rot180.derive.language.substitute import fresh, substitute
from rot180.derive.language.terms import (
    Access,
    Equal,
    Expression,
    Tensor,
    accesses_and_brackets,
    define,
    tensors,
)


def every_tensor(*expressions: Expression) -> tuple[Tensor, ...]:
    """Return the tensors of expressions, each once, those inside definitions before them."""
    return tuple(dict.fromkeys(t for e in expressions for t in tensors(e)))


def write_definitions(
    shown: Sequence[Tensor], free: Sequence[Symbol], bare: frozenset[Tensor] = frozenset()
) -> list[str]:
    """Write what tensors are: those that are defined, then operators by name, then the free ones.

    Args:
        shown: the tensors of a statement, see `every_tensor`.
        free: the statement's own indices, for the indices of operators.
        bare: tensors that are written by their bare names.

    """
    defined = [t for t in shown if t.definition is not None]
    operators = [t for t in defined if t not in bare and application(t) is not None]
    out = []
    for title, given in (
        ("where", [t for t in defined if t not in operators]),
        ("by the operators", operators),
    ):
        out += [title] if given else []
        out += [f"  {write_definition(readable(t, free), bare)}" for t in given]
    boxes = [
        f"{t.name}[{','.join(text(n) for n in t.shape if n is not None)}]" if t.shape else t.name
        for t in shown
        if t.definition is None
    ]
    return [*out, f"for any {', '.join(boxes)}"] if boxes else out


def write_definition(t: Tensor, bare: frozenset[Tensor] = frozenset()) -> str:
    """Write a definition with its box: ``y[p] = sum[k] x[p+k] * w[k], 0 <= p < P``."""
    assert t.definition is not None
    formals = t.definition.formals
    if rows := table(t):
        return f"{t.name} = [{', '.join(str([*map(int, row)]) for row in rows)}], indices from 0 on"
    index = f"[{','.join(v.name for v in formals)}]" if formals else ""
    boxes = zip(formals, t.shape, strict=True)
    said = [f"0 <= {v.name} < {text(n)}" for v, n in boxes if n is not None]
    head = f"{spelled(t, bare)}{index} = {write(t.definition.body, formals, (), bare)}"
    return ", ".join([head, *said])


def table(t: Tensor) -> tuple[tuple[Expr, ...], ...]:
    """Return the rows of a table of numbers, a sum of ``c [i = row] [j = column]``; else none."""
    assert t.definition is not None
    formals, entries = t.definition.formals, dict[tuple[Expr, ...], Expr]()
    for u in t.definition.body:
        at = {v: _solution(f, v) for f in u.factors for v in formals if isinstance(f, Equal)
              and symbols_of(f.value) == {v}}
        if u.variables or len(u.factors) != 2 or len(at) != 2 or not u.coefficient.is_Integer:
            return ()
        place = tuple(at[v] for v in formals)
        entries[place] = entries.get(place, Integer(0)) + u.coefficient
    if len(t.shape) != 2 or not entries or not all(n and n.is_Integer for n in t.shape):
        return ()
    rows, columns = (range(int(n)) for n in t.shape if n is not None)
    zero = Integer(0)
    return tuple(tuple(entries.get((Integer(i), Integer(j)), zero) for j in columns) for i in rows)


def _solution(f: Equal, v: Symbol) -> Expr:
    """Return the value of the only index in an equation."""
    return normal(v - f.value / coefficient(f.value, v))


def readable(t: Tensor, free: Sequence[Symbol] = ()) -> Tensor:
    """Rename the indices ``i0``, ``i1``, ... of an operator's definition as a reader would.

    An index takes the lower-case letter of the size of the axis that it runs over, as k of K;
    where it runs over none of them, the letter of the theorem's own index on that axis.

    Args:
        t: a defined tensor.
        free: the theorem's own indices.

    """
    assert t.definition is not None
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
