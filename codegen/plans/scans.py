"""Scans: sums up to a bound that moves with an index, as running sums.

In ``y[i] = sum[j] x[j] * [0 <= i - j < n]`` each entry has one product more than the one before it.
What is proposed here is an intermediate that is summed in that order::

    T[i] = T[i-1] + x[i]                                     O(N), not O(N^2)

Operands that the summed index is in, and the brackets about them, are summed to it; the others are
multiplied afterwards, so ``sum[j,d] q[i,d] * k[j,d] * v[j,e] * [0 <= i - j < n]`` is a sum over d
of ``q[i,d] * T[i,d,e]``. In gradients the bracket is reversed, and the sum runs from the end.
Whether the recurrence holds is not asked here: `running_sums` proves it, or there is no such plan.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from sympy import Expr, S, Symbol

from rot180.codegen.plans.contraction_cost import products, supports
from rot180.codegen.plans.contractions import Contraction, Order, Variables
from rot180.codegen.plans.plan import Running
from rot180.derive.language.polynomial import coefficient, normal, symbol, symbols_of
from rot180.derive.language.substitute import fresh, substitute_factor
from rot180.derive.language.terms import (
    Access,
    Apply,
    Factor,
    Range,
    Tensor,
    Term,
    factor_symbols,
    tensors,
)


@dataclass(frozen=True)
class _Moving:
    """A bracket ``0 <= value < size`` with two indices, one of which is summed over.

    Attributes:
        bracket: the bracket, or the same read from its other side.
        index: the index that it moves with; its coefficient is 1 or -1.
        summed: the index that is summed over; its coefficient is the opposite.

    """

    bracket: Range
    index: Symbol
    summed: Symbol

    @property
    def step(self) -> int:
        """Return 1 if the sum grows with the index, -1 if it shrinks."""
        return int(coefficient(self.bracket.value, self.index))

    @property
    def last(self) -> Expr:
        """Return the summed index at which the bracket begins: there its value is 0."""
        return normal(self.summed + self.step * self.bracket.value)

    def is_open(self, size: Expr) -> bool:
        """Say whether the bracket has one side where the index that grows is below a size."""
        constant = self.bracket.value.xreplace({self.index: S.Zero, self.summed: S.Zero})
        room = normal(self.bracket.size - size - constant)
        return bool(room.is_number) and room >= 0


def scan(variables: Variables, term: Term, taken: Collection[Symbol] = ()) -> Order | None:
    """Return a running sum, and the sum that reads it; None if no bracket moves with an index.

    Args:
        variables: the free variables, each with its size.
        term: a term over free tensors.
        taken: names that the running sum may not have.

    """
    for bracket, moving in _moving([v for v, _ in variables], term):
        found = _scanned(variables, term, bracket, moving, taken)
        if found is not None:
            return found
    return None


def _moving(free: Sequence[Symbol], term: Term) -> Iterator[tuple[Range, _Moving]]:
    """Yield the brackets with two indices, each from both sides."""
    every = [*free, *term.variables]
    for f in term.factors:
        inside = [v for v in every if isinstance(f, Range) and v in symbols_of(f.value)]
        if not isinstance(f, Range) or len(inside) != 2:
            continue
        for i, j in (inside, inside[::-1]):
            slope = coefficient(f.value, i)
            if j in term.variables and slope in (1, -1) and coefficient(f.value, j) == -slope:
                yield f, _Moving(f, i, j)
                yield f, _Moving(Range(normal(f.size - 1 - f.value), f.size), i, j)


def _scanned(
    variables: Variables, term: Term, bracket: Range, moving: _Moving, taken: Collection[Symbol]
) -> Order | None:
    """Sum the factors with the summed index; None if one of them has the other index, too."""
    i, j = moving.index, moving.summed
    every = (*(v for v, _ in variables), *term.variables)
    operands = [f for f in term.factors if isinstance(f, Access | Apply)]
    own = [f for f in operands if j in factor_symbols(f)]
    known = frozenset().union(*map(factor_symbols, own))
    about = [f for f in term.factors if f not in operands and f != bracket]
    inside = [f for f in about if factor_symbols(f) & {j} or _closed(f, known, every)]
    within = [*own, *inside]
    if not own or any(i in factor_symbols(f) for f in within):
        return None
    used = frozenset().union(*map(factor_symbols, within))
    others = [f for f in term.factors if f not in within and f != bracket]
    needed = frozenset((i,)).union(*map(factor_symbols, others))
    summed = tuple(v for v in term.variables if v in used and (v == j or v not in needed))
    axes = _axes(variables, term, within, {*used} - {*summed}, moving)
    if axes is None or not moving.is_open(dict(axes)[i]):
        return None
    index = tuple(v for v, _ in axes)
    total = Term(S.One, summed, (*within, moving.bracket))
    by = {j: moving.last}
    added = Term(
        S.One, tuple(v for v in summed if v != j), tuple(substitute_factor(f, by) for f in within)
    )
    names = {*taken, *term.symbols, *(symbol(t.name) for t in tensors((term,)))}
    t = Tensor(fresh("S", names).name, tuple(n for _, n in axes))
    left = tuple(v for v in term.variables if v not in summed)
    last = Term(term.coefficient, left, (Access(t, index), *others))
    sizes = frozenset().union(*(symbols_of(n) for _, n in axes))
    cost = products(axes, added, sizes)
    if cost is None:
        return None
    running = Running(index.index(i), moving.step, index, total)
    return Order((Contraction(t, axes, added, running),), last, cost)


def _closed(f: Factor, known: Collection[Symbol], every: Collection[Symbol]) -> bool:
    """Say whether a bracket has indices of some operands, and no other index."""
    inside = factor_symbols(f) & {*every}
    return bool(inside) and inside <= {*known}


def _axes(
    variables: Variables,
    term: Term,
    within: Sequence[Factor],
    kept: Collection[Symbol],
    moving: _Moving,
) -> Variables | None:
    """Return the axes of a running sum, each with its size; None if one has no box.

    Below the first index nothing is summed: the axis has the index's box. A sum from the end begins
    at the last index of what is summed.
    """
    boxes = [*supports(within), *variables, *supports(term.factors)]
    every = [*(v for v, _ in variables), *term.variables]
    found: list[tuple[Symbol, Expr]] = []
    for v in every:
        if v not in kept and v != moving.index:
            continue
        wanted = moving.summed if v == moving.index and moving.step < 0 else v
        size = next((n for e, n in boxes if e == wanted), None)
        if size is None:
            return None
        found.append((v, size))
    return tuple(found)
