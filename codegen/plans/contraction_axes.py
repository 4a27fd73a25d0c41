"""The axes of an intermediate: what its factors depend on besides the variables of its sum."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from sympy import Expr, Integer, S, Symbol

from rot180.codegen.plans.contraction_cost import Growth, growth
from rot180.derive.language.polynomial import coefficient, normal, symbols_of
from rot180.derive.language.substitute import fresh
from rot180.derive.language.terms import (
    Access,
    Apply,
    Equal,
    Factor,
    Range,
    accesses_and_brackets,
    factor_symbols,
    indices,
)

Boxes = Sequence[tuple[Expr, Expr]]
"""Values and sizes: a term is zero unless ``0 <= value < size`` for each."""


@dataclass(frozen=True)
class Axis:
    """An axis of an intermediate.

    Attributes:
        formal: its variable in the definition.
        size: its size.
        linear: what it stands for: a variable, or a sum of multiples of variables.
        sign: 1 or -1.
        constant: the axis is read at ``sign * linear + constant``.

    """

    formal: Symbol
    size: Expr
    linear: Expr
    sign: int
    constant: Expr

    @property
    def index(self) -> Expr:
        """Return where the axis is read."""
        return normal(self.sign * self.linear + self.constant)

    @property
    def value(self) -> Expr:
        """Return `linear` in terms of the formal."""
        return normal(self.sign * (self.formal - self.constant))


def linear(e: Expr, variables: Iterable[Symbol]) -> Expr:
    """Return the part of an affine expression that depends on some variables."""
    inside = symbols_of(e)
    return _linear(e, tuple(v for v in variables if v in inside))


@lru_cache(maxsize=1 << 16)
def _linear(e: Expr, variables: tuple[Symbol, ...]) -> Expr:
    return normal(sum((coefficient(e, v) * v for v in variables), Integer(0)))


def axes(
    variables: Sequence[Symbol],
    summed: Sequence[Symbol],
    factors: Sequence[Factor],
    boxes: Boxes,
    known: Collection[Symbol] = (),
    by_index: bool = False,
) -> tuple[Axis, ...] | None:
    """Return the axes of the intermediate that some factors are summed to.

    Variables that occur in one combination alone, up to a constant, as in ``x[s*p + k]``, share an
    axis. If `by_index`, each index that the factors are read at is an axis, also where two of them
    have a variable in common.

    Args:
        variables: all variables.
        summed: those that it is summed over.
        factors: its factors.
        boxes: what holds wherever the whole term is not zero, the preferred ones first.
        known: names that no axis may have.
        by_index: whether each index is an axis, in the order of the factor with the most axes.

    Returns:
        the axes, or None if one has no box.

    """
    kept = [v for v in variables if v not in summed]
    parts = {
        part: None
        for f in accesses_and_brackets(factors)
        for e in indices(f)
        if (part := _unsigned(linear(e, kept), kept)) != 0
    }
    met = [v for part in parts for v in kept if v in symbols_of(part)]
    order = {v: i for i, v in reversed([*enumerate(met)])}
    taken = {*known, *variables}.union(*(factor_symbols(f) for f in factors))
    found: list[Axis] = []
    if by_index:
        longest = max(map(indices, accesses_and_brackets(factors)), key=len)
        last = [_unsigned(linear(e, kept), kept) for e in longest]
        for part in sorted(parts, key=lambda e: last.index(e) if e in last else -1):
            one = _axis(part, variables, boxes, taken)
            if one is None:
                return None
            found.append(one)
            taken.add(one.formal)
        return tuple(found)
    for group in _connected(list(parts)):
        inside = sorted(frozenset().union(*map(symbols_of, group)) & {*kept}, key=kept.index)
        apart = [_axis(v, variables, boxes, taken) for v in inside]
        together = _axis(group[0], variables, boxes, taken) if len(group) == 1 else None
        if together and (len(inside) > 1 or apart[0] is None):
            apart = [together]
        for a in apart:
            if a is None:
                return None
            found.append(a)
            taken.add(a.formal)
    return tuple(sorted(found, key=lambda a: min(order[v] for v in symbols_of(a.linear) & {*kept})))


def on_diagonals(
    free: Collection[Symbol], summed: Collection[Symbol], operands: Sequence[Access]
) -> bool:
    """Say whether operands are read along diagonals, as a and b are in ``a[h-i] * b[h-i,i]``.

    Then several of them are read where a free variable h meets a summed one, always in the same
    combination, and one of these has the summed variable in another index as well. For each h the
    entries of such an operand are scattered over all of it.
    """
    every = [*free, *summed]
    for h in free:
        met = [(x, e) for x in operands for e in x.index if h in symbols_of(e)]
        parts = {_unsigned(linear(e, every), every) for _, e in met}
        if len(met) < 2 or len(parts) != 1:
            continue
        taps = symbols_of(parts.pop()) & {*summed}
        if any(symbols_of(o) & taps for x, e in met for o in x.index if o is not e):
            return True
    return False


def _unsigned(e: Expr, variables: Iterable[Symbol]) -> Expr:
    """Return an expression or its opposite, such that its first variable has no minus sign."""
    first = next((c for v in variables if (c := coefficient(e, v)) != 0), S.One)
    return normal(-e) if first.could_extract_minus_sign() else e


def _connected(parts: list[Expr]) -> list[list[Expr]]:
    """Group expressions that have symbols in common, also through others."""
    groups: list[list[Expr]] = []
    for e in parts:
        near = [g for g in groups if any(symbols_of(e) & symbols_of(o) for o in g)]
        groups = [g for g in groups if g not in near]
        groups.append([*(o for g in near for o in g), e])
    return groups


def _axis(part: Expr, variables: Sequence[Symbol], boxes: Boxes, taken: set[Symbol]) -> Axis | None:
    """Return the axis with the smallest box that bounds an expression; None if there is none."""
    best: tuple[tuple[Growth, bool], Axis] | None = None
    for e, n in boxes:
        inside = linear(e, variables)
        if inside not in (part, normal(-part)):
            continue
        sign, constant = 1 if inside == part else -1, normal(e - inside)
        hint = part if isinstance(part, Symbol) else "t"
        plain = e == hint
        formal = part if e == part and isinstance(part, Symbol) else fresh(hint, taken)
        key = (growth(n, symbols_of(n)), not plain)
        if best is None or key < best[0]:
            best = key, Axis(formal, n, part, sign, constant)
    return best[1] if best else _between(part, variables, boxes, taken)


def _between(
    part: Expr, variables: Sequence[Symbol], boxes: Boxes, taken: set[Symbol]
) -> Axis | None:
    """Return the axis of a sum of several variables whose range follows from their boxes.

    If one of these boxes is empty, the whole term is zero, and the axis does not matter.
    """
    inside = [v for v in variables if v in symbols_of(part)]
    factors = [coefficient(part, v) for v in inside]
    if len(inside) < 2 or not all(c.is_Integer for c in factors):
        return None
    low, size = S.Zero, S.One
    for v, c in zip(inside, factors, strict=True):
        alone = _axis(v, variables, boxes, taken)
        if alone is None:
            return None
        ends = (
            alone.value.xreplace({alone.formal: S.Zero}),
            alone.value.xreplace({alone.formal: alone.size - 1}),
        )
        low += c * ends[(c > 0) != (alone.sign > 0)]
        size += abs(c) * (alone.size - 1)
    return Axis(fresh("t", taken), normal(size), part, 1, normal(-low))


def moved(f: Factor, found: Sequence[Axis], kept: Sequence[Symbol]) -> Factor:
    """Write a factor in terms of the axes' formals.

    Args:
        f: an entry, a function of one or a bracket.
        found: the axes of all variables that are kept.
        kept: the variables that are not summed over.

    """
    values = {normal(sign * a.linear): normal(sign * a.value) for a in found for sign in (1, -1)}
    alone = {a.linear: a.value for a in found if isinstance(a.linear, Symbol)}

    def new(e: Expr) -> Expr:
        part = linear(e, kept)
        value = values.get(part)
        return normal(e.xreplace(alone)) if value is None else normal(e - part + value)

    if isinstance(f, Access):
        return Access(f.tensor, tuple(map(new, f.index)))
    if isinstance(f, Apply):
        entry = f.argument
        return Apply(f.function, f.order, Access(entry.tensor, tuple(map(new, entry.index))))
    if isinstance(f, Equal):
        return Equal(new(f.value))
    assert isinstance(f, Range)
    return Range(new(f.value), f.size)
