"""Folds products and functions into the definitions of a program that have these values.

``g[i] * e[i] * reciprocal(s[])`` is ``g[i] * y[i]`` where ``y[i] = e[i] * reciprocal(s[])`` is a
definition, and a sum of products is folded too. Gradients are shorter so, and what the forward pass
computes is not computed again from its parts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sympy import Expr, Symbol

from rot180.derive.kernel.obligations import Obligation, evident
from rot180.derive.kernel.place import RULES, Place
from rot180.derive.language.operators import activation
from rot180.derive.language.polynomial import quotient, symbols_of
from rot180.derive.language.terms import (
    Access,
    Apply,
    Factor,
    Range,
    Tensor,
    Term,
    factor_symbols,
    indices,
    replace_symbols,
    term,
)
from rot180.derive.search.derivation import Derivation, factors_of


def fold_definitions(d: Derivation, definitions: Sequence[Tensor]) -> None:
    """Fold what the line has of definitions, as far as their boxes are evident.

    Args:
        d: what to rewrite.
        definitions: the definitions, each after those that it uses.

    """
    names, used = _values(definitions)
    while found := next(_functions(d, used), None):
        at, n, applied = found
        z = applied.argument
        known = activation(applied.function, applied.order, z.tensor)
        owners = [known, *([names[known]] if known in names else [])]
        for t in owners:
            fold(d, at, (n,), t[z.index])
            n = len(d.current[at].factors) - 1
    products = [t for t in reversed(definitions) if _factors(t) > 1]
    while any(_fold_product(d, at, t) for at in range(len(d.current)) for t in products):
        pass


def _values(definitions: Sequence[Tensor]) -> tuple[dict[Tensor, Tensor], set[Tensor]]:
    """Return the definitions that are one function of entries, by it, and all such functions."""
    names: dict[Tensor, Tensor] = {}
    used: set[Tensor] = set()
    for t in definitions:
        assert t.definition is not None
        body, formals = t.definition.body, t.definition.formals
        used |= {f.tensor for u in body for f in u.factors if isinstance(f, Access)}
        if len(body) == 1 and len(body[0].factors) == 1 and body[0] == term(*body[0].factors):
            (f,) = body[0].factors
            if isinstance(f, Access) and f.index == formals and f.tensor.shape == t.shape:
                names[f.tensor] = t
    return names, used


def _functions(d: Derivation, used: set[Tensor]) -> Iterator[tuple[int, int, Apply]]:
    """Yield the functions of entries inside their boxes that definitions use as tensors."""
    for at, n, f in factors_of(d.current, Apply):
        assert isinstance(f, Apply)
        z = f.argument
        if activation(f.function, f.order, z.tensor) in used and _inside(d, at, (n,), z):
            yield at, n, f


def _inside(d: Derivation, at: int, numbers: Sequence[int], entry: Access) -> bool:
    """Say whether other factors make it evident that an entry is inside its box."""
    return not open_boxes(d, at, numbers, entry)


def open_boxes(
    d: Derivation, at: int, numbers: Sequence[int], entry: Access
) -> tuple[Range, ...]:
    """Return the sides of an entry's box that other factors of a term do not make evident.

    Args:
        d: the derivation.
        at: the number of the term.
        numbers: the numbers of the factors that do not count.
        entry: the entry.

    """
    place = Place(d.current, at, d.statement.facts)
    context = place.context(place.others(*numbers))
    return tuple(box for box in _boxes(entry) if not evident(Obligation(context, box)))


def _boxes(entry: Access) -> tuple[Range, ...]:
    sides = zip(entry.index, entry.tensor.shape, strict=True)
    return tuple(Range(e, n) for e, n in sides if n is not None)


def _factors(t: Tensor) -> int:
    """Return how many factors a definition has, 0 if it is no single product of entries."""
    assert t.definition is not None
    body = t.definition.body
    if len(body) != 1 or not all(isinstance(f, Access | Apply) for f in body[0].factors):
        return 0
    return len(body[0].factors)


@dataclass(frozen=True)
class _Match:
    """Factors of a term that are the body of a definition.

    Attributes:
        numbers: the factors, in the order of the body.
        by: the images of the formals and of the summed indices of the body.

    """

    numbers: tuple[int, ...] = ()
    by: Mapping[Symbol, Expr] = field(default_factory=dict)


def _fold_product(d: Derivation, at: int, t: Tensor) -> bool:
    """Fold a product in a term into a definition; say whether there is one."""
    return any(fold(d, at, *found) for found in list(folds(d.current[at], t)))


def folds(u: Term, t: Tensor) -> Iterator[tuple[tuple[int, ...], Access, tuple[Expr, ...]]]:
    """Yield factors of a term that are the body of a definition, its entry there, and its sums.

    Args:
        u: the term.
        t: a definition of one term.

    """
    assert t.definition is not None
    (body,) = t.definition.body
    for found in _matches(u, t, _Match()):
        entry = t[tuple(found.by[v] for v in t.definition.formals)]
        yield found.numbers, entry, tuple(found.by[v] for v in body.variables)


def _matches(t: Term, definition: Tensor, found: _Match) -> Iterator[_Match]:
    assert definition.definition is not None
    (body,) = definition.definition.body
    variables = {*definition.definition.formals, *body.variables}
    if len(found.numbers) < len(body.factors):
        pattern = body.factors[len(found.numbers)]
        for n, f in enumerate(t.factors):
            by = None if n in found.numbers else _unified(pattern, f, variables, found.by)
            if by is not None:
                yield from _matches(t, definition, _Match((*found.numbers, n), by))
        return
    if variables - found.by.keys() or not _agrees(t, body, found):
        return
    summed = [found.by[v] for v in body.variables]
    others = [f for n, f in enumerate(t.factors) if n not in found.numbers]
    outside = {v for f in others for v in factor_symbols(f)}
    outside |= {v for u in definition.definition.formals for v in symbols_of(found.by[u])}
    plain = all(v in t.variables for v in summed) and len(set(summed)) == len(summed)
    if plain and not outside & set(summed):
        yield found


def _unified(
    pattern: Factor, f: Factor, variables: set[Symbol], by: Mapping[Symbol, Expr]
) -> dict[Symbol, Expr] | None:
    """Return the images of variables for which a pattern can be a factor; None if it cannot."""
    one, other = (g.argument if isinstance(g, Apply) else g for g in (pattern, f))
    if type(pattern) is not type(f) or not isinstance(one, Access) or not isinstance(other, Access):
        return None
    names = [(g.function, g.order) for g in (pattern, f) if isinstance(g, Apply)]
    if len(set(names)) > 1 or one.tensor != other.tensor:
        return None
    found = dict(by)
    for p, e in zip(one.index, other.index, strict=True):
        if isinstance(p, Symbol) and p in variables and found.setdefault(p, e) != e:
            return None
    return found


def _agrees(t: Term, body: Term, found: _Match) -> bool:
    """Say whether indices that are sums of variables agree, too."""
    for pattern, n in zip(body.factors, found.numbers, strict=True):
        one, other = (g.argument if isinstance(g, Apply) else g for g in (pattern, t.factors[n]))
        assert isinstance(one, Access) and isinstance(other, Access)
        if tuple(replace_symbols(e, found.by) for e in indices(one)) != other.index:
            return False
    return True


def fold(
    d: Derivation, at: int, numbers: Sequence[int], entry: Access, summed: Sequence[Expr] = ()
) -> bool:
    """Fold some factors into an entry, which becomes the last factor; undo all if that fails."""
    definition = entry.tensor.definition
    assert definition is not None
    (body,) = definition.body
    now, kept = d.current[at], len(d.steps)
    scale = quotient(now.coefficient, body.coefficient)
    if scale is None or not _inside(d, at, (), entry):
        return False
    rest = tuple(f for n, f in enumerate(now.factors) if n not in numbers)
    free = tuple(v for v in now.variables if v not in summed)
    line = (*d.current[:at], Term(scale, free, (*rest, entry)), *d.current[at + 1 :])
    made = RULES["definition"](Place(line, at, d.statement.facts), factor=len(rest))[0][at]
    try:
        if boxes := _boxes(entry):
            d.apply("bracket", at, drop=(), add=boxes)
        order = (*free, *summed)
        by = dict(zip(order, made.variables, strict=True))
        if order != now.variables or any(v != w for v, w in by.items()):
            mapping = tuple((v, by[v]) for v in now.variables)
            d.apply("reindex", at, variables=made.variables, mapping=mapping)
        if d.current[at].factors != made.factors:
            d.apply("reorder", at, factors=made.factors)
        d.apply_backwards("definition", line, at, factor=len(rest))
    except ValueError:
        d.undo(kept)
        return False
    return True
