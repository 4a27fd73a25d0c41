"""Substitution of symbols and of tensors; bound variables are renamed, so nothing is captured.

``supports`` unfolds definitions by substitution, to find where a product can be nonzero.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TypeAlias

from sympy import Expr, Symbol

from rot180.derive.language.polynomial import symbol, symbols_of
from rot180.derive.language.terms import (
    Access,
    Apply,
    AtLeast,
    Bracket,
    Condition,
    Definition,
    Derivative,
    Equal,
    Expression,
    Factor,
    Range,
    Tensor,
    Term,
    factor_symbols,
    replace_symbols,
    tensors,
)


def fresh(hint: Symbol | str, taken: Collection[Symbol]) -> Symbol:
    """Return a symbol named after `hint` that is not in `taken`: h, h1, h2, ...

    >>> fresh("h", {symbol("h"), symbol("h1")})
    h2
    """
    base = (hint if isinstance(hint, str) else hint.name).rstrip("0123456789") or "v"
    names = {v.name for v in taken}
    name, n = (hint if isinstance(hint, str) else hint.name), 0
    while name in names:
        n += 1
        name = f"{base}{n}"
    return symbol(name)


Substitution: TypeAlias = Mapping[Symbol, Expr]


def substitute_factor(factor: Factor, by: Substitution) -> Factor:
    """Replace symbols in a factor, also inside its tensors."""
    if not factor_symbols(factor) & by.keys():
        return factor
    if isinstance(factor, Access):
        return Access(
            substitute_tensor(factor.tensor, by),
            tuple(replace_symbols(e, by) for e in factor.index),
        )
    if isinstance(factor, Equal):
        return Equal(replace_symbols(factor.value, by))
    if isinstance(factor, Range):
        return Range(replace_symbols(factor.value, by), replace_symbols(factor.size, by))
    if isinstance(factor, Apply):
        argument = substitute_factor(factor.argument, by)
        assert isinstance(argument, Access)
        return Apply(factor.function, factor.order, argument)
    wrt = substitute_factor(factor.wrt, by)
    assert isinstance(wrt, Access)
    return Derivative(tuple(substitute_factor(f, by) for f in factor.factors), wrt)


def substitute_condition(condition: Condition, by: Substitution) -> Condition:
    """Replace symbols in a condition."""
    if isinstance(condition, AtLeast):
        return AtLeast(replace_symbols(condition.value, by))
    out = substitute_factor(condition, by)
    assert isinstance(out, Equal | Range)
    return out


def substitute_tensor(t: Tensor, by: Substitution) -> Tensor:
    """Replace parameters in a tensor's box and definition."""
    if not t.parameters & by.keys():
        return t
    shape = tuple(None if n is None else replace_symbols(n, by) for n in t.shape)
    definition = None
    if t.definition:
        formals = t.definition.formals
        taken = frozenset().union(*(symbols_of(e) for e in by.values())) | by.keys()
        used = taken | t.parameters | set(formals)
        new: dict[Symbol, Symbol] = {}
        for v in formals:
            if v in taken:
                new[v] = fresh(v, used | set(new.values()))
        body = tuple(substitute(substitute(b, new), by) for b in t.definition.body)
        definition = Definition(tuple(new.get(v, v) for v in formals), body)
    return Tensor(t.name, shape, definition)


def substitute(t: Term, by: Substitution) -> Term:
    """Replace free symbols in a term; bound variables are renamed, so nothing is captured."""
    bound = set(t.variables)
    by = {v: e for v, e in by.items() if v not in bound and v in t.symbols}
    if not by:
        return t
    incoming = frozenset().union(*(symbols_of(e) for e in by.values()))
    renamed: dict[Symbol, Symbol] = {}
    for v in t.variables:
        if v in incoming:
            renamed[v] = fresh(v, t.symbols | incoming | set(renamed.values()))
    full = {**by, **renamed}
    return Term(
        replace_symbols(t.coefficient, by),
        tuple(renamed.get(v, v) for v in t.variables),
        tuple(substitute_factor(f, full) for f in t.factors),
    )


def rename_bound(t: Term, names: Mapping[Symbol, Symbol]) -> Term:
    """Rename bound variables; the new names must be new to the term.

    Raises:
        ValueError: a new name already occurs in the term, or is given twice.

    """
    names = {v: n for v, n in names.items() if v != n}
    new = set(names.values())
    if len(new) != len(names) or new & (t.symbols - names.keys()):
        raise ValueError(f"renaming {names} would capture a name")
    return Term(
        t.coefficient,
        tuple(names.get(v, v) for v in t.variables),
        tuple(substitute_factor(f, names) for f in t.factors),
    )


def rename(t: Term, prefix: str) -> Term:
    """Rename the bound variables to prefix0, prefix1, ... in their order."""
    return rename_bound(t, {v: symbol(f"{prefix}{n}") for n, v in enumerate(t.variables)})


def apart(t: Term, taken: Collection[Symbol]) -> Term:
    """Rename bound variables that are in `taken`."""
    names = _apart(t, taken)
    return rename_bound(t, names) if names else t


def _apart(t: Term, taken: Collection[Symbol]) -> dict[Symbol, Symbol]:
    """Return new names for the bound variables that are in `taken`."""
    names: dict[Symbol, Symbol] = {}
    for v in t.variables:
        if v in taken:
            names[v] = fresh(v, t.symbols.union(taken, names.values()))
    return names


def substitute_tensors(t: Term, new: Mapping[str, Tensor]) -> Term:
    """Replace tensors by name: a free one by one with the same box, a defined one by its copy.

    Raises:
        ValueError: a box or a definition differs.

    """
    known: Known = {}
    if any(u.name in new for u in t.tensors):
        for u in t.tensors:  # inner ones first, so that no call is deep
            _once(u, new, known)
    return _with_tensors(t, new, known)


Known: TypeAlias = dict[int, Tensor]
"""The images of tensors so far, by identity: equal ones may have different bound names."""


def _with_tensors(t: Term, new: Mapping[str, Tensor], known: Known) -> Term:
    def at(access: Access) -> Access:
        return Access(_once(access.tensor, new, known), access.index)

    def inside(f: Factor) -> Factor:
        if isinstance(f, Access):
            return at(f)
        if isinstance(f, Apply):
            return Apply(f.function, f.order, at(f.argument))
        if isinstance(f, Derivative):
            return Derivative(tuple(map(inside, f.factors)), at(f.wrt))
        return f

    if not any(u.name in new for u in t.tensors):
        return t
    return Term(t.coefficient, t.variables, tuple(map(inside, t.factors)))


def _once(old: Tensor, new: Mapping[str, Tensor], known: Known) -> Tensor:
    if id(old) not in known:
        known[id(old)] = _tensor(old, new, known)
    return known[id(old)]


def _tensor(old: Tensor, new: Mapping[str, Tensor], known: Known) -> Tensor:
    body = old.definition
    if body is not None:
        terms = tuple(_with_tensors(b, new, known) for b in body.body)
        same = all(a is b for a, b in zip(terms, body.body, strict=True))
        body = body if same else Definition(body.formals, terms)
    found = new.get(old.name)
    if found is None:
        return old if body is old.definition else Tensor(old.name, old.shape, body)
    if found.shape != old.shape:
        raise ValueError(f"{old.name} has the box {old.shape}, {found.name} {found.shape}")
    if body is not None and found.definition != body:
        raise ValueError(f"{found.name} and the instance of {old.name} have different definitions")
    return found


def free_tensors(expression: Expression) -> dict[str, Tensor]:
    """Return the free tensors by name, including those in definitions."""
    return {t.name: t for t in tensors(expression) if t.definition is None}


def derivatives(expression: Expression) -> Iterator[Derivative]:
    """Yield the pending derivatives, including those in definitions and in derivatives."""
    bodies = (t.definition.body for t in tensors(expression) if t.definition is not None)
    for e in (expression, *bodies):
        yield from _pending(f for t in e for f in t.factors)


def _pending(factors: Iterable[Factor]) -> Iterator[Derivative]:
    for f in factors:
        if isinstance(f, Derivative):
            yield f
            yield from _pending(f.factors)


MOST_SUPPORTS = 1000
"""The most brackets in the supports of a product, and the most definitions that are unfolded."""


def supports(factors: Iterable[Factor], taken: Collection[Symbol]) -> tuple[Bracket, ...]:
    """Return brackets that hold wherever the product can be nonzero.

    A free tensor gives its box. A defined tensor gives its box and, if its body is a single term,
    the supports of that term; its bound variables get new (existential) names outside `taken`.
    A pending derivative of a product vanishes wherever the product is identically zero.

    Raises:
        ValueError: there are more than `MOST_SUPPORTS`.

    """
    out: list[Bracket] = []
    _supports(factors, set(taken), out, [0])
    return tuple(out)


def _supports(
    factors: Iterable[Factor], names: set[Symbol], out: list[Bracket], unfolded: list[int]
) -> None:
    for factor in factors:
        if isinstance(factor, Equal | Range):
            _add(factor, names, out)
        elif isinstance(factor, Derivative):
            _supports(factor.factors, names, out, unfolded)
        elif isinstance(factor, Access):
            t = factor.tensor
            for bracket in _box(factor):
                _add(bracket, names, out)
            if t.definition is not None and len(t.definition.body) == 1:
                unfolded[0] += 1
                if unfolded[0] > MOST_SUPPORTS:
                    raise ValueError(_too_many("definitions in products of definitions"))
                body = t.definition.body[0]
                bound = body.variables
                if bound:
                    own = _apart(body, names | factor_symbols(factor))
                    bound = tuple(own.get(v, v) for v in bound)
                    names.update(bound)
                _supports(_inside(t, factor.index, bound), names, out, unfolded)


def _box(access: Access) -> tuple[Range, ...]:
    """Return the ranges of the indices of an access."""
    known: dict[object, tuple[Range, ...]] = access.tensor.__dict__.setdefault("_box", {})
    if access.index not in known:
        sides = zip(access.index, access.tensor.shape, strict=True)
        known[access.index] = tuple(Range(e, n) for e, n in sides if n is not None)
    return known[access.index]


def _inside(t: Tensor, index: tuple[Expr, ...], bound: tuple[Symbol, ...]) -> tuple[Factor, ...]:
    """Return the factors with supports in a definition of one term, at an index.

    They are kept with the tensor itself, because an equal one may have other bound names.
    """
    known: dict[object, tuple[Factor, ...]] = t.__dict__.setdefault("_inside", {})
    if (index, bound) not in known:
        assert t.definition is not None
        (body,) = t.definition.body
        old = (*t.definition.formals, *body.variables)
        by = {v: e for v, e in zip(old, (*index, *bound), strict=True) if v != e}
        factors = (f for f in body.factors if not isinstance(f, Apply))
        known[index, bound] = tuple(substitute_factor(f, by) for f in factors)
    return known[index, bound]


def _add(bracket: Bracket, names: set[Symbol], out: list[Bracket]) -> None:
    out.append(bracket)
    names |= factor_symbols(bracket)
    if len(out) > MOST_SUPPORTS:
        raise ValueError(_too_many("supports of a product"))


def _too_many(what: str) -> str:
    cure = "write identity(a[i]) for an entry a[i] that is defined by one product"
    return f"found more than {MOST_SUPPORTS} {what}\ncure: {cure}"
