"""The order in which the operands of a sum are contracted.

A sum over three operands or more visits every combination of its variables. Where a variable is in
some of the operands only, these can be summed over it first, for multiplication distributes over
addition::

    sum[j,k] A[i,j] * B[j,k] * C[k,l]  =  sum[k] T1[i,k] * C[k,l],  T1[i,k] = sum[j] A[i,j] * B[j,k]

An axis of an intermediate is a variable that is needed further out or, where variables are in one
index alone, as in ``x[s*p + k]``, that index. Each has the size of a box outside which the whole
term is zero: of an operand's axis, a bracket, or the output. An order is proposed where it
saves products by `contraction_cost`; element-wise products, say, have no better order.

Operands that are read along diagonals, as in the input gradient of a locally connected layer, are
multiplied before the taps are summed, whatever that costs in products::

    sum[o,i] g[o,h-i] * w[o,h-i,i]  =  sum[i] T1[h-i,i],  T1[p,i] = sum[o] g[o,p] * w[o,p,i]

Then each operand is read along its axes, not along a diagonal.

A sum up to a bound that moves with an index, ``sum[j] x[j] * [0 <= i - j < n]``, is a running sum,
which comes before anything else: see `scans`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from sympy import Expr, S, Symbol

from rot180.codegen.plans.contraction_axes import axes, moved, on_diagonals
from rot180.codegen.plans.contraction_cost import chosen, growth, products, supports
from rot180.codegen.plans.contractions import Contraction, Order, Variables
from rot180.codegen.plans.scans import scan
from rot180.derive.language.polynomial import normal, symbols_of
from rot180.derive.language.terms import (
    Access,
    Apply,
    Bracket,
    Equal,
    Expression,
    Factor,
    Range,
    Tensor,
    Term,
    factor_symbols,
)

MOST_OPERANDS = 5
"""How many operands are tried in all orders; of more, the best pair is contracted, repeatedly."""

MOST_KEPT = 6
"""How many ways to contract the same operands are kept while orders are built."""


def orders(
    variables: Variables,
    expression: Expression,
    taken: Collection[Symbol] = (),
    scanned: bool = True,
) -> list[tuple[Order, ...]]:
    """Return the orders that a kernel should have, one `Order` for each term.

    The first is the best by degree. There are more where none is best for all sizes.

    Args:
        variables: the free variables, each with its size.
        expression: terms over free tensors, no two with the same bound variables as free ones.
        taken: names that no new variable may have, besides those of its term.
        scanned: whether an intermediate may be a running sum.

    """
    found = [_orders(variables, t, taken, scanned) for t in expression]
    sizes = frozenset().union(*(_sizes(variables, t) for t in expression))
    best: list[tuple[Order, ...]] = [()]
    for terms in found:  # an order that is worse for some terms is worse for all of them
        longer = [(*c, o) for c in best for o in terms]
        costs = [normal(sum((o.products for o in c), S.Zero)) for c in longer]
        best = [longer[i] for i in chosen(costs, sizes)]
    return best


def _orders(
    variables: Variables, term: Term, taken: Collection[Symbol], scanned: bool
) -> list[Order]:
    """Return the orders of a term, those with running sums first."""
    found = _Contractions(variables, term, taken).orders()
    first = scan(variables, term, taken) if scanned else None
    if first is None:
        return found
    later = _orders(variables, first.term, taken, scanned)
    return [*(o.after(first) for o in later), *found]


def _sizes(variables: Variables, term: Term) -> frozenset[Symbol]:
    shapes = [n for f in _operands(term) for n in _entry(f).tensor.shape if n is not None]
    return frozenset().union(*(symbols_of(n) for n in (*shapes, *(n for _, n in variables))))


def _operands(term: Term) -> list[Access | Apply]:
    return [f for f in term.factors if isinstance(f, Access | Apply)]


def _entry(f: Access | Apply) -> Access:
    return f.argument if isinstance(f, Apply) else f


def _set_partitions(mask: int) -> Iterator[list[int]]:
    """Yield the ways to divide a set of bits into sets."""
    if not mask:
        yield []
        return
    first = mask & -mask
    rest = mask & ~first
    subset = rest
    while True:
        for blocks in _set_partitions(rest & ~subset):
            yield [first | subset, *blocks]
        if not subset:
            return
        subset = (subset - 1) & rest


@dataclass(frozen=True)
class _Block:
    """Some operands of a term as one factor.

    Attributes:
        mask: which operands, a bit for each.
        factor: the operand, or an intermediate's entry.
        intermediates: what has to be computed for it.
        products: how many products that takes.

    """

    mask: int
    factor: Access | Apply
    intermediates: tuple[Contraction, ...] = ()
    products: Expr = S.Zero


class _Contractions:
    """Contracts the operands of a term.

    Attributes:
        operands: its operands.
        brackets: its brackets.

    """

    def __init__(self, variables: Variables, term: Term, taken: Collection[Symbol] = ()) -> None:
        self.free, self.term, self.taken = variables, term, {*taken, *term.symbols}
        self.operands = _operands(term)
        self.brackets = [f for f in term.factors if isinstance(f, Equal | Range)]
        self.every = (*(v for v, _ in variables), *term.variables)
        self.sizes = _sizes(variables, term)
        self.known: dict[int, list[_Block]] = {}
        self.all = (1 << len(self.operands)) - 1

    def orders(self) -> list[Order]:
        """Return orders for the term: as it is, and those with fewer products."""
        flat = products(self.free, self.term, self.sizes)
        once = Order((), self.term, flat or S.Zero)
        if flat is None or len(self.operands) < 2 or len(self._plain()) < len(self.term.factors):
            return [once]
        if len(self.operands) > MOST_OPERANDS:
            found = [self._greedily()]
        else:
            found = [self._last(parts) for parts in self._partitions(self.all)]
        limit, first = growth(flat, self.sizes), self._gathered() or once
        better = [o for o in found if o and growth(o.products, self.sizes) < limit]
        return [first, *sorted(better, key=lambda o: o.growth(self.sizes))]

    def _gathered(self) -> Order | None:
        """Multiply operands that are read along diagonals before the taps are summed."""
        entries = [f for f in self.operands if isinstance(f, Access)]
        free = [v for v, _ in self.free]
        if len(entries) < len(self.term.factors):
            return None
        mixed = [e for f in entries for e in f.index if symbols_of(e) & {*free}]
        taps = {v for v in self.term.variables if any(v in symbols_of(e) for e in mixed)}
        summed = tuple(v for v in self.term.variables if v not in taps)
        if not summed or not on_diagonals(free, self.term.variables, entries):
            return None
        found = axes(self.every, summed, entries, self._boxes(entries), self.taken, True)
        if found is None:
            return None
        variables = tuple((a.formal, a.size) for a in found)
        kept = [v for v in self.every if v not in summed]
        term = Term(S.One, summed, tuple(moved(f, found, kept) for f in entries))
        t = Tensor("T", tuple(n for _, n in variables))
        left = tuple(v for v in self.term.variables if v in taps)
        last = Term(self.term.coefficient, left, (Access(t, tuple(a.index for a in found)),))
        costs = products(variables, term, self.sizes), products(self.free, last, self.sizes)
        if costs[0] is None or costs[1] is None:
            return None
        return Order((Contraction(t, variables, term),), last, normal(costs[0] + costs[1]), True)

    def _plain(self) -> list[Factor]:
        return [*self.operands, *self.brackets]

    def _variables(self, f: Factor) -> frozenset[Symbol]:
        return frozenset(self.every) & factor_symbols(f)

    def _inside(self, mask: int) -> list[Bracket]:
        """Return the brackets that contain variables of some operands and no other variable."""
        own = frozenset().union(*(self._variables(f) for f in self._chosen(mask)))
        return [b for b in self.brackets if (v := self._variables(b)) and v <= own]

    def _chosen(self, mask: int) -> list[Access | Apply]:
        return [f for i, f in enumerate(self.operands) if mask >> i & 1]

    def _summed(self, mask: int) -> list[Symbol]:
        """Return the variables that only these operands have: the sum over them may come first."""
        inside = self._inside(mask)
        others = [*self._chosen(self.all & ~mask), *(b for b in self.brackets if b not in inside)]
        needed = frozenset().union(*(self._variables(f) for f in others))
        own = frozenset().union(*(self._variables(f) for f in self._chosen(mask)))
        return [v for v in self.term.variables if v in own and v not in needed]

    def _parts(self, mask: int) -> list[_Block]:
        """Return ways to make some operands one factor."""
        if mask not in self.known:
            single = [_Block(mask, f) for f in self._chosen(mask)][: mask.bit_count() == 1]
            found: list[_Block] = []
            if mask != self.all and self._summed(mask):
                ways = [single] if single else self._partitions(mask)
                found = [p for parts in ways if (p := self._contracted(mask, parts))]
            found.sort(key=lambda p: growth(p.products, self.sizes))
            self.known[mask] = [*single, *found[:MOST_KEPT]]
        return self.known[mask]

    def _partitions(self, mask: int) -> Iterator[list[_Block]]:
        """Yield ways to make some operands the factors of one sum."""
        for blocks in _set_partitions(mask):
            if blocks != [mask]:
                yield from map(list, product(*map(self._parts, blocks)))

    def _included(self, mask: int) -> list[Bracket]:
        """Return the brackets that belong to an intermediate: inside, and of use there.

        One that contains no variable of its sum would only make axes of its variables, unless it
        is the box of a function's argument.
        """
        summed, inside = {*self._summed(mask)}, self._inside(mask)
        boxes = self._boxes_of_functions(self._chosen(mask))
        kept = (isinstance(b, Equal) or b in boxes or self._variables(b) & summed for b in inside)
        return [b for b, keep in zip(inside, kept, strict=True) if keep]

    def _boxes_of_functions(self, factors: Iterable[Factor]) -> list[Bracket]:
        """Return the boxes of functions of entries, which have no support of their own."""
        return [Range(e, n) for e, n in supports(f for f in factors if isinstance(f, Apply))]

    def _factors(self, mask: int, parts: Sequence[_Block]) -> tuple[Factor, ...]:
        """Return the factors of a sum, with the brackets that no intermediate contains."""
        within = self.brackets if mask == self.all else self._included(mask)
        used = [b for p in parts if p.intermediates for b in self._included(p.mask)]
        # the box of a function's argument may come from an operand that is contracted elsewhere
        functions = [p.factor for p in parts] if used or mask != self.all else []
        boxes = self._boxes_of_functions(functions)
        left = [b for b in within if b not in used and b not in boxes]
        return (*(p.factor for p in parts), *left, *dict.fromkeys(boxes))

    def _last(self, parts: Sequence[_Block]) -> Order | None:
        """Return the order in which these parts are the factors of the term."""
        factors = self._factors(self.all, parts)
        gone = {v for p in parts if p.intermediates for v in self._summed(p.mask)}
        left = tuple(v for v in self.term.variables if v not in gone)
        term = Term(self.term.coefficient, left, factors)
        cost = products(self.free, term, self.sizes)
        if cost is None:
            return None
        total = normal(sum((p.products for p in parts), cost))
        return Order(tuple(i for p in parts for i in p.intermediates), term, total)

    def _contracted(self, mask: int, parts: Sequence[_Block]) -> _Block | None:
        """Return an intermediate that some parts are contracted to; None if an axis has no box."""
        factors = self._factors(mask, parts)
        gone = {v for p in parts if p.intermediates for v in self._summed(p.mask)}
        summed = tuple(v for v in self._summed(mask) if v not in gone)
        found = axes(self.every, summed, factors, self._boxes(factors), self.taken)
        if found is None or not summed:
            return None
        kept = [v for v in self.every if v not in summed]
        variables = tuple((a.formal, a.size) for a in found)
        term = Term(S.One, summed, tuple(moved(f, found, kept) for f in factors))
        cost = products(variables, term, self.sizes)
        if cost is None:
            return None
        t = Tensor(f"T{mask}", tuple(n for _, n in variables))
        total = normal(sum((p.products for p in parts), cost))
        before = tuple(i for p in parts for i in p.intermediates)
        factor = Access(t, tuple(a.index for a in found))
        return _Block(mask, factor, (*before, Contraction(t, variables, term)), total)

    def _boxes(self, factors: Iterable[Factor]) -> list[tuple[Expr, Expr]]:
        """Return the boxes outside which the term is zero, those of some factors first."""
        found = [*supports(factors), *supports(self.brackets), *self.free]
        return [*found, *supports(self.operands)]

    def _greedily(self) -> Order | None:
        """Contract the best pair of factors until no pair saves products."""
        parts = [_Block(1 << i, f) for i, f in enumerate(self.operands)]
        best = self._last(parts)
        while best is not None:
            found = [(o, new) for new in self._pairs(parts) if (o := self._last(new))]
            if not found:
                break
            order, parts = min(found, key=lambda pair: pair[0].growth(self.sizes))
            if order.growth(self.sizes) >= best.growth(self.sizes):
                break
            best = order
        return best

    def _pairs(self, parts: Sequence[_Block]) -> Iterator[list[_Block]]:
        """Yield the parts with two of them contracted."""
        for i, a in enumerate(parts):
            for b in parts[i + 1 :]:
                mask = a.mask | b.mask
                if mask != self.all and self._summed(mask):
                    pair = self._contracted(mask, [a, b])
                    if pair is not None:
                        yield [pair if p is a else p for p in parts if p is not b]
