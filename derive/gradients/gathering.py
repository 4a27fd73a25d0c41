"""Gathers all terms with a derivative of one definition T: ``grad_T[j] * dT[j]/dx[h]``.

``grad_T`` is a tensor that is defined as the sum of what the derivatives are multiplied by.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import sympy as sp
from sympy import Expr, Symbol

from rot180.derive.gradients.naming import name_sum
from rot180.derive.kernel.place import RULES, Place
from rot180.derive.language.polynomial import normal, symbol
from rot180.derive.language.substitute import fresh, substitute_factor
from rot180.derive.language.terms import (
    Access,
    Derivative,
    Equal,
    Expression,
    Factor,
    Range,
    Tensor,
    Term,
    define,
    term,
)
from rot180.derive.search.derivation import Derivation, factors_of
from rot180.derive.search.rewriting import drop_implied, sift


def derivative_places(e: Expression, t: Tensor) -> list[tuple[int, int]]:
    """Return the numbers of the terms and factors that are derivatives of a tensor's entries."""
    return [
        (at, n)
        for at, n, f in factors_of(e, Derivative)
        if isinstance(f, Derivative) and _entry(f).tensor == t
    ]


def _entry(f: Factor) -> Access:
    assert isinstance(f, Derivative)
    (entry,) = f.factors
    assert isinstance(entry, Access)
    return entry


def _place(u: Term, t: Tensor) -> int:
    return derivative_places((u,), t)[0][1]


def gather(
    d: Derivation,
    t: Tensor,
    name: str,
    gradients: Sequence[Tensor],
    consumers: Mapping[Tensor, Tensor] | None = None,
) -> Tensor | None:
    """Rewrite the terms with a derivative of a definition as one term.

    Args:
        d: a derivation whose line has no derivative but of entries.
        t: the definition.
        name: the name of the gradient by it.
        gradients: the gradients by later definitions; their dilations stay visible.
        consumers: each of them with its definition, if operators are to be named.

    Returns:
        the gradient by the definition; None if nothing depends on it, or if another gradient
        serves as this one.

    """
    here = [at for at, _ in derivative_places(d.current, t)]
    if not here:
        return None
    rest = [n for n in range(len(d.current)) if n not in here]
    if here != list(range(len(here))):
        d.apply("arrange", order=(*here, *rest))
    for at in range(len(here)):
        _point(d, at, t, gradients)
    drop_implied(d, range(len(here)))
    if len(here) == 1 and _is_copy(d.current[0], t, gradients):
        return None
    taken = {v for g in gradients for v in g.parameters}
    return _fold(d, t, name, len(here), taken, consumers or {})


def _is_copy(u: Term, t: Tensor, gradients: Collection[Tensor]) -> bool:
    """Say whether a term is already one gradient times the derivative at the same index."""
    n = _place(u, t)
    others = [f for m, f in enumerate(u.factors) if m != n]
    index = _entry(u.factors[n]).index
    plain = u.coefficient == 1 and len(others) == 1 and set(u.variables) == set(index)
    same = [f for f in others if isinstance(f, Access) and f.tensor in gradients]
    return plain and bool(same) and same[0].index == index and same[0].tensor.shape == t.shape


def _point(d: Derivation, at: int, t: Tensor, gradients: Sequence[Tensor]) -> None:
    """Give the differentiated entry summed indices, a different one on each axis."""
    n = _place(d.current[at], t)
    for axis in range(len(t.shape)):
        now, index = d.current[at], _entry(d.current[at].factors[n]).index
        if index[axis] not in now.variables or index[axis] in index[:axis]:
            _introduce(d, at, n, axis)
    sift(d, gradients, at=at, fixed=_entry(d.current[at].factors[n]).index)


def _introduce(d: Derivation, at: int, n: int, axis: int) -> None:
    """Give an axis of a differentiated entry an index of its own, equal to the old one."""
    t, place = d.current[at], Place(d.current, at, d.statement.facts)
    f = t.factors[n]
    assert isinstance(f, Derivative)
    entry = _entry(f)
    assert entry.tensor.definition is not None
    v = fresh(entry.tensor.definition.formals[axis], place.taken)
    index = (*entry.index[:axis], v, *entry.index[axis + 1 :])
    moved = Derivative((entry.tensor[index],), f.wrt)
    factors = (*t.factors[:n], moved, *t.factors[n + 1 :], Equal(v - entry.index[axis]))
    wider = Term(t.coefficient, (*t.variables, v), factors)
    d.apply_backwards("sift", place.replace(wider), at, factor=len(t.factors), variable=v)


def _fold(
    d: Derivation,
    t: Tensor,
    name: str,
    count: int,
    taken: set[Symbol],
    consumers: Mapping[Tensor, Tensor],
) -> Tensor | None:
    """Fold the first terms of the line into a gradient times one derivative."""
    assert t.definition is not None
    formals = t.definition.formals
    terms = _bodies(d.current[:count], t, {*taken, *t.parameters})
    kept = tuple(u for u in terms if u.coefficient != 0)
    if not kept:
        return None
    whole = define(name, t.shape, formals, kept)
    free = {v for v, _ in d.statement.variables}.union(taken, t.parameters)
    new = list[Symbol]()
    for v in formals:
        new.append(fresh(v, free.union(new)))
    index, (first, *_) = tuple(new), d.current
    f = first.factors[_place(first, t)]
    assert isinstance(f, Derivative)
    moved, rest = Derivative((t[index],), f.wrt), d.current[count:]
    # the terms that cancel are aligned too, and then they are combined to nothing
    every = define(whole.name, t.shape, formals, terms)
    line = (term(every[index], moved, over=index), *rest)
    made = RULES["definition"](Place(line, 0, d.statement.facts), factor=0)[0]
    for at in range(count):
        _align(d, at, t, made[: len(terms)])
    if count != len(kept):
        d.apply("collect")
    named = tuple(_named(d, at, index, t, consumers) or u for at, u in enumerate(kept))
    whole = define(whole.name, t.shape, formals, named)
    line = (term(whole[index], moved, over=index), *rest)
    made = RULES["definition"](Place(line, 0, d.statement.facts), factor=0)[0]
    for at in range(len(kept)):
        if d.current[at].factors != made[at].factors:
            d.apply("reorder", at, factors=made[at].factors)
    d.apply_backwards("definition", line, 0, factor=0)
    return whole


def _named(
    d: Derivation,
    at: int,
    index: tuple[Symbol, ...],
    t: Tensor,
    consumers: Mapping[Tensor, Tensor],
) -> Term | None:
    """Name the operator in a term; return what the definition has for it, None if there is none."""
    assert t.definition is not None
    formals, now, n = t.definition.formals, d.current[at], _place(d.current[at], t)
    numbers = [m for m, f in enumerate(now.factors) if m != n and not isinstance(f, Range)]
    variables = tuple(zip(formals, t.shape, strict=True))
    name_sum(d, at, numbers, index, variables, consumers)
    if d.current[at] == now:
        return None
    back = dict(zip(index, formals, strict=True))
    kept = [f for f in d.current[at].factors if not isinstance(f, Range | Derivative)]
    return Term(now.coefficient, (), tuple(substitute_factor(f, back) for f in kept))


def _bodies(line: Expression, t: Tensor, taken: set[Symbol]) -> tuple[Term, ...]:
    """Return the terms of the definition of a gradient: the others factors of each derivative."""
    assert t.definition is not None
    formals = t.definition.formals
    found: dict[tuple[tuple[Symbol, ...], tuple[Factor, ...]], Expr] = {}
    taken = taken.union(*(u.symbols - set(u.variables) for u in line))
    for u in line:
        n = _place(u, t)
        names: dict[Expr, Symbol] = dict(zip(_entry(u.factors[n]).index, formals, strict=True))
        summed = tuple(v for v in u.variables if v not in names)
        for v in summed:
            plain = symbol(v.name.rstrip("0123456789") or v.name)
            names[v] = fresh(plain, taken.union(formals, names.values()))
        by = {v: w for v, w in names.items() if isinstance(v, Symbol)}
        factors = tuple(substitute_factor(f, by) for m, f in enumerate(u.factors) if m != n)
        key = tuple(names[v] for v in summed), factors
        found[key] = normal(found.get(key, sp.Integer(0)) + u.coefficient)
    return tuple(Term(c, variables, factors) for (variables, factors), c in found.items())


def _align(d: Derivation, at: int, t: Tensor, goals: Expression) -> None:
    """Rename and reorder the sums and factors of a term, so that it is like one of some terms."""
    now = d.current[at]
    n = _place(now, t)
    index = _entry(now.factors[n]).index
    order = (*index, *(v for v in now.variables if v not in index))
    for goal in goals:
        if len(now.variables) != len(goal.variables):
            continue
        by = {v: w for v, w in zip(order, goal.variables, strict=True) if isinstance(v, Symbol)}
        factors = [substitute_factor(f, by) for m, f in enumerate(now.factors) if m != n]
        boxes = goal.factors[: len(goal.factors) - 1 - len(factors)]
        if (*boxes, *factors) != goal.factors[:-1]:
            continue
        if now.variables != goal.variables or any(v != w for v, w in by.items()):
            mapping = tuple((v, by[v]) for v in now.variables)
            d.apply("reindex", at, variables=goal.variables, mapping=mapping)
        if boxes:
            d.apply("bracket", at, drop=(), add=boxes)
        if d.current[at].factors != goal.factors:
            d.apply("reorder", at, factors=goal.factors)
        return
    raise AssertionError(f"found no term like {now}")
