"""Orders of contraction as data: intermediates, then the sum that reads them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from math import prod

from sympy import Expr, S, Symbol

from rot180.codegen.plans.contraction_cost import Growth, growth
from rot180.codegen.plans.plan import Running
from rot180.derive.language.polynomial import normal, symbol
from rot180.derive.language.substitute import fresh
from rot180.derive.language.terms import Access, Factor, Tensor, Term

Variables = tuple[tuple[Symbol, Expr], ...]
"""Variables, each with its size."""


@dataclass(frozen=True)
class Contraction:
    """An intermediate: ``tensor[variables] := term`` in its box.

    Attributes:
        tensor: its name and box; a free tensor.
        variables: its axes, each with its size.
        term: what its entries are, or what a running sum adds at each.
        running: that running sum, if there is one.

    """

    tensor: Tensor
    variables: Variables
    term: Term
    running: Running | None = None


@dataclass(frozen=True)
class Order:
    """An order of contraction of one term.

    Attributes:
        intermediates: in the order in which they are computed.
        term: the term, in which intermediates stand for operands.
        products: how many products all sums compute.
        along_diagonals: whether operands are read along diagonals without the intermediates.

    """

    intermediates: tuple[Contraction, ...]
    term: Term
    products: Expr
    along_diagonals: bool = False

    def growth(self, sizes: Collection[Symbol]) -> tuple[Growth, Growth]:
        """Return what orders are compared by: products, then entries of intermediates."""
        return growth(self.products, sizes), growth(_entries(self.intermediates), sizes)

    def after(self, first: Order) -> Order:
        """Return the order after another one, whose term it contracts."""
        return replace(
            self,
            intermediates=(*first.intermediates, *self.intermediates),
            products=normal(first.products + self.products),
        )

    @property
    def symbols(self) -> frozenset[Symbol]:
        """Return every symbol in it."""
        return self.term.symbols.union(*(i.term.symbols for i in self.intermediates))

    def named(self, taken: Collection[Symbol]) -> Order:
        """Return the order with names for its intermediates that are not taken: T1, T2, ..."""
        names: dict[str, str] = {}
        for i in self.intermediates:
            known = {*taken, *map(symbol, names.values())}
            names[i.tensor.name] = fresh("T1", known).name
        renamed = tuple(
            Contraction(
                replace(i.tensor, name=names[i.tensor.name]),
                i.variables,
                _renamed(i.term, names),
                i.running and replace(i.running, total=_renamed(i.running.total, names)),
            )
            for i in self.intermediates
        )
        return replace(self, intermediates=renamed, term=_renamed(self.term, names))


def _entries(intermediates: Iterable[Contraction]) -> Expr:
    """Return how many entries intermediates have."""
    return normal(sum((prod(n for _, n in i.variables) for i in intermediates), S.Zero))


def _renamed(term: Term, names: dict[str, str]) -> Term:
    def new(f: Factor) -> Factor:
        if isinstance(f, Access) and f.tensor.name in names:
            return Access(replace(f.tensor, name=names[f.tensor.name]), f.index)
        return f

    return Term(term.coefficient, term.variables, tuple(map(new, term.factors)))
