"""Steps that read entries at arrays of indices, or add up what was read there, back again.

A term of a definition that contains ``onehot_idx[n,v]`` is such a step: it gathers where v is
summed over, as in ``sum[v] onehot_idx[n,v] * x[v,c]``, and scatters where n is, as in the gradient
``sum[n] onehot_idx[n,v] * grad_y[n,c]``. Either costs what its entries cost, however long the axis.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import sympy as sp
from sympy import Expr, Symbol

from rot180.derive.language.computed import Gather, gathers_in
from rot180.derive.language.polynomial import symbols_of
from rot180.derive.language.programs import definition_line
from rot180.derive.language.spelling import application
from rot180.derive.language.substitute import fresh
from rot180.derive.language.terms import (
    Access,
    Apply,
    Factor,
    Tensor,
    Term,
    define,
    factor_symbols,
    reindexed,
    term,
)


@dataclass(frozen=True)
class IndexRead:
    """An array of indices in a step.

    Attributes:
        gather: the array.
        index: the indices at which it is read.
        place: the index that its entries are.

    """

    gather: Gather
    index: tuple[Symbol, ...]
    place: Symbol

    @property
    def lengths(self) -> dict[Symbol, Expr]:
        """Return its indices and the place, each with its size."""
        return _lengths((self.gather.tensor[(*self.index, self.place)],))


@dataclass(frozen=True)
class GatherStep:
    """Entries at arrays of indices, or sums of what was read there; no theorem computes them.

    Attributes:
        name: the name of the tensor that is computed.
        text: what is computed, in the notation.
        source: the tensor that is read.
        words: its indices.
        formals: the indices of the result.
        shape: the sizes of the result.
        reads: the arrays of indices.

    """

    name: str
    text: str
    source: Tensor
    words: tuple[Symbol, ...]
    formals: tuple[Symbol, ...]
    shape: tuple[Expr, ...]
    reads: tuple[IndexRead, ...]

    @property
    def scatters(self) -> bool:
        """Say whether what was read is added up, instead of read."""
        return self.reads[0].place in self.formals


Part: TypeAlias = Tensor | GatherStep


def parts_of(
    t: Tensor, gathers: Sequence[Gather], text: str, taken: set[str]
) -> tuple[Part, ...]:
    """Take the gathers out of a definition.

    Args:
        t: the defined tensor.
        gathers: those of the program.
        text: the definition, in the notation.
        taken: names that no new tensor may have; those of the new ones are added.

    Returns:
        the steps, and definitions without gathers, each after what it reads; the last computes t.

    """
    assert t.definition is not None
    body, formals = t.definition.body, t.definition.formals
    shape = tuple(n for n in t.shape if n is not None)
    sizes = dict(zip(formals, shape, strict=True))
    out: list[Part] = []
    summed, others = list[Term](), list[Term]()
    for n, given in enumerate(body, 1):
        u, reads = given, _together(given, gathers, sizes)
        while reads is None:
            index, box, inner, left = _split(u, gathers, sizes)
            part = define(_new(f"{t.name}_part{n}", taken), box, index, (inner,))
            out += parts_of(part, gathers, definition_line(part), taken)
            u = left(Tensor(part.name, box))
            reads = _together(u, gathers, sizes)
        if not reads:
            others.append(u)
            continue
        lengths = sizes | {v: k for r in reads for v, k in r.lengths.items()}
        rest = tuple(f for f in u.factors if f not in [f for _, f in gathers_in(u, gathers)])
        entry = _plain(u, rest, reads, lengths, formals)
        if entry is None:
            made = _remainder(_new(f"{t.name}_read{n}", taken), u, rest, reads, formals, lengths)
            out.append(made)
            assert made.definition is not None
            entry = Tensor(made.name, made.shape)[made.definition.formals]
        # what is read at the entries of an array is summed over the array's indices afterwards
        over = [v for r in reads for v in r.index if v in u.variables and r.place not in formals]
        whole = len(body) == 1 and not over
        name = t.name if whole else _new(f"{t.name}_term{n}", taken)
        words = tuple(v for v in entry.index if isinstance(v, Symbol))
        index = (*formals, *dict.fromkeys(over))
        box = (*shape, *(lengths[v] for v in index[len(formals) :]))
        same = whole and u == given
        said = text if same else _line(name, box, index, u, entry, gathers)
        out.append(GatherStep(name, said, entry.tensor, words, index, box, reads))
        if whole:
            return tuple(out)
        summed.append(term(Tensor(name, box)[index], over=index[len(formals) :]))
    return (*out, define(t.name, t.shape, formals, (*summed, *others)))


def _together(
    u: Term, gathers: Sequence[Gather], sizes: Mapping[Symbol, Expr]
) -> tuple[IndexRead, ...] | None:
    """Return the arrays of indices in a term; None if not one step reads or writes at all of them.

    Args:
        u: the term.
        gathers: those of the program.
        sizes: the indices of the result, each with its size.

    """
    lengths, reads = dict(sizes), list[IndexRead]()
    for g, f in gathers_in(u, gathers):
        own = _own_index(f, u, lengths)
        if own != f.index:
            return None
        reads.append(IndexRead(g, own[:-1], own[-1]))
        lengths |= reads[-1].lengths
    places = {r.place for r in reads}
    rest = [f for f in u.factors if f not in [f for _, f in gathers_in(u, gathers)]]
    inside = frozenset[Symbol]().union(*map(factor_symbols, rest))
    apart = len(places) == len(reads) and not places & {v for r in reads for v in r.index}
    one_way = not places & sizes.keys() or places <= sizes.keys() - inside
    return tuple(reads) if apart and one_way else None


def _own_index(f: Access, u: Term, lengths: Mapping[Symbol, Expr]) -> tuple[Symbol, ...]:
    """Return different indices for the axes of a factor, its own where these have its sizes.

    Args:
        f: the factor.
        u: its term.
        lengths: the indices of the result and others, each with its size.

    """
    own = list[Symbol]()
    taken = {*u.symbols, *lengths}.union(*map(symbols_of, lengths.values()))
    for e, size in zip(f.index, f.tensor.shape, strict=True):
        if (
            isinstance(e, Symbol)
            and e not in own
            and (e in u.variables or e in lengths)
            and (e not in lengths or lengths[e] == size)
        ):
            own.append(e)
        else:
            own.append(fresh("k", taken.union(own)))
    return tuple(own)


Split: TypeAlias = tuple[
    tuple[Symbol, ...], tuple[Expr, ...], Term, Callable[[Tensor], Term]
]
"""A tensor's indices and sizes, the term that it is, and what is left with it in the place."""


def _split(u: Term, gathers: Sequence[Gather], sizes: Mapping[Symbol, Expr]) -> Split:
    """Take one gather of a term out: that for which the least has to be kept."""
    reads = [n for n, f in enumerate(u.factors) if f in [f for _, f in gathers_in(u, gathers)]]
    (first, *others) = reads
    f = u.factors[first]
    assert isinstance(f, Access)
    if not others and _own_index(f, u, sizes) == f.index:
        return _read_and_written(u, first, sizes)
    return min((_taken_out(u, n, reads, sizes) for n in reads), key=lambda found: len(found[0]))


def _read_and_written(u: Term, n: int, sizes: Mapping[Symbol, Expr]) -> Split:
    """Read at the place first where a term reads and writes there.

    ``onehot[n,j] * x[n,j]`` is ``onehot[n,j] * sum[v] onehot[n,v] * x[n,v]``.
    """
    f = u.factors[n]
    assert isinstance(f, Access)
    place = f.index[-1]
    assert isinstance(place, Symbol)
    by = {place: fresh(place, {*u.symbols, *sizes})}
    factors = tuple(reindexed(h, by) for h in u.factors)
    over = (*(v for v in u.variables if v not in f.index), by[place])
    inner = Term(u.coefficient, over, factors)
    known = {**sizes, **_lengths((f,))}
    index = tuple(v for v in known if v in inner.symbols and v != place)
    outer = tuple(v for v in u.variables if v in f.index)
    box = tuple(known[v] for v in index)
    return index, box, inner, lambda made: term(f, made[index], over=outer)


def _taken_out(
    u: Term, n: int, reads: Collection[int], sizes: Mapping[Symbol, Expr]
) -> Split:
    """Take a gather out, with the factors that have an index which only it and they have.

    ``sum[n,q] x[n] * onehot[n,r+s*q]`` becomes ``sum[q] part[r+s*q]``, where
    ``part[k] = sum[n] x[n] * onehot[n,k]``.

    Args:
        u: the term.
        n: the number of the factor that is taken out.
        reads: the numbers of all such factors.
        sizes: the indices of the result, each with its size.

    """
    f = u.factors[n]
    assert isinstance(f, Access)
    own = _own_index(f, u, sizes)
    read = f.tensor[own]
    moved = {e: v for e, v in zip(f.index, own, strict=True) if e != v}
    held = {*sizes}.union(*map(symbols_of, moved))
    held = held.union(*(factor_symbols(u.factors[m]) for m in reads if m != n))
    inner = {*own} & {*u.variables} - held
    near = [m for m, h in enumerate(u.factors) if m not in reads and factor_symbols(h) & inner]
    for numbers in (near, []):
        factors = (read, *(_moved(u.factors[m], moved) for m in numbers))
        left = tuple(h for m, h in enumerate(u.factors) if m != n and m not in numbers)
        inside = frozenset[Symbol]().union(*map(factor_symbols, factors))
        outside = held.union(*map(factor_symbols, left))
        over = tuple(v for v in u.variables if v in inside and v not in outside)
        known = {**_lengths(factors), **sizes}
        known |= _lengths((read,))
        index = tuple(v for v in known if v in inside and v not in over)
        index = tuple(sorted(index, key=lambda v: v != own[-1]))  # sums by rows are faster
        if inside & {*u.variables} <= {*index, *over}:
            break
    box, back = tuple(known[v] for v in index), {v: e for e, v in moved.items()}
    at = tuple(back.get(v, v) for v in index)
    outer = tuple(v for v in u.variables if v not in over)
    return (
        index, box, term(*factors, over=over),
        lambda made: Term(u.coefficient, outer, (*left, made[at])),
    )  # fmt: skip


def _lengths(factors: Iterable[Factor]) -> dict[Symbol, Expr]:
    """Return the indices outside whose sizes entries are zero."""
    return {
        v: n
        for f in factors
        if isinstance(f, Access)
        for v, n in zip(f.index, f.tensor.shape, strict=True)
        if isinstance(v, Symbol) and n is not None
    }


def _moved(f: Factor, by: Mapping[Expr, Symbol]) -> Factor:
    """Replace indices by others that have their values."""
    if isinstance(f, Apply):
        return Apply(f.function, f.order, f.argument.tensor[_at(f.argument, by)])
    return f.tensor[_at(f, by)] if isinstance(f, Access) else f


def _at(f: Access, by: Mapping[Expr, Symbol]) -> tuple[Expr, ...]:
    return tuple(by.get(e, e) for e in f.index)


def _line(
    name: str,
    shape: tuple[Expr, ...],
    formals: tuple[Symbol, ...],
    u: Term,
    entry: Access,
    gathers: Sequence[Gather],
) -> str:
    """Return a step that computes a term of a definition, in the notation."""
    reads = tuple(f for _, f in gathers_in(u, gathers))
    inside = {v for f in (entry, *reads) for v in f.index} - {*formals}
    over = tuple(v for v in u.variables if v in inside)
    alone = Term(sp.Integer(1), over, (entry, *reads))
    return definition_line(define(name, shape, formals, (alone,)))


def _plain(
    u: Term,
    rest: Sequence[Factor],
    reads: Sequence[IndexRead],
    lengths: Mapping[Symbol, Expr],
    formals: Sequence[Symbol],
) -> Access | None:
    """Return the entry that is read, if a term is nothing else and all sizes are the same."""
    entry = rest[0] if len(rest) == 1 and u.coefficient == 1 else None
    if not isinstance(entry, Access):
        return None
    words = {v for v in entry.index if isinstance(v, Symbol)}
    inner = {v for r in reads for v in r.index}
    places = {r.place for r in reads}
    known = inner | places | set(formals)
    fits = len(words) == len(entry.index) and words <= known
    fits = fits and all(lengths[v] == n for v, n in _lengths((entry,)).items())
    whole = {*formals} - places <= words | inner and _is_one_way(places, formals, words)
    return entry if fits and whole and application(entry.tensor) is None else None


def _is_one_way(
    places: Collection[Symbol], formals: Collection[Symbol], words: Collection[Symbol]
) -> bool:
    """Say whether all places are read, or all written, and no index is both."""
    read, written = ({v for v in places if v in some} for some in (words, formals))
    return {*places} in (read, written) and not (read and written)


def _remainder(
    name: str,
    u: Term,
    rest: tuple[Factor, ...],
    reads: Sequence[IndexRead],
    formals: Sequence[Symbol],
    lengths: dict[Symbol, Expr],
) -> Tensor:
    """Define what a term multiplies its gathers by."""
    places = [r.place for r in reads]
    inside = Term(u.coefficient, (), rest).symbols
    kept = [v for r in reads for v in r.index] + [v for v in formals if v not in places]
    kept += [v for v in places if v in u.variables]
    inner = {v for r in reads for v in r.index}
    index = tuple(v for v in dict.fromkeys(kept) if v in inside or v not in inner)
    over = tuple(v for v in u.variables if v in inside and v not in index)
    shape = tuple(lengths[v] for v in index)
    return define(name, shape, index, (Term(u.coefficient, over, rest),))


def _new(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    taken.add(name)
    return name
