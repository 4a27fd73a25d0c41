"""Tables of numbers: tensors that are sums of ``c [i = row] [j = column]``."""

from __future__ import annotations

from functools import lru_cache

from sympy import Expr, Integer, Symbol

from rot180.derive.language.polynomial import coefficient, normal, symbols_of
from rot180.derive.language.terms import Equal, Tensor


@lru_cache(maxsize=64)
def table(t: Tensor) -> tuple[tuple[Expr, ...], ...]:
    """Return the rows of a table of numbers, a sum of ``c [i = row] [j = column]``; else ()."""
    if t.definition is None:
        return ()
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
    """Return the value that an equation gives to its only index."""
    return normal(v - f.value / coefficient(f.value, v))
