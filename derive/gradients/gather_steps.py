"""Steps that read entries at arrays of indices, or add up what was read there, back again.

A term of a definition that contains ``onehot_idx[n,v]`` is such a step: it gathers where v is
summed over, as in ``sum[v] onehot_idx[n,v] * x[v,c]``, and scatters where n is, as in the gradient
``sum[n] onehot_idx[n,v] * grad_y[n,c]``. Either costs what its entries cost, however long the axis.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import sympy as sp
from sympy import Expr, Symbol

from rot180.derive.language.computed import Gather, gathers_in
from rot180.derive.language.programs import definition_line
from rot180.derive.language.spelling import application
from rot180.derive.language.terms import Access, Factor, Tensor, Term, define


class GatherError(ValueError):
    """A term contains an entry at an array of indices in a way that no step computes."""


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


@dataclass(frozen=True)
class GatherParts:
    """A definition with gathers, in parts.

    Attributes:
        before: definitions that the gathers read.
        gathers: the steps.
        after: the definition in terms of these steps; None if it is one of them.

    """

    before: tuple[Tensor, ...]
    gathers: tuple[GatherStep, ...]
    after: Tensor | None


def parts_of(
    t: Tensor, gathers: Sequence[Gather], text: str, taken: Collection[str]
) -> GatherParts:
    """Take the gathers out of a definition.

    Args:
        t: the defined tensor.
        gathers: those of the program.
        text: the definition, in the notation.
        taken: names that no new tensor may have.

    Raises:
        GatherError: a term has another form.

    """
    assert t.definition is not None
    body, formals = t.definition.body, t.definition.formals
    shape = tuple(n for n in t.shape if n is not None)
    before: list[Tensor] = []
    steps: list[GatherStep] = []
    others: list[Term] = []
    for n, u in enumerate(body, 1):
        reads = tuple(_read(t, g, f) for g, f in gathers_in(u, gathers))
        if not reads:
            others.append(u)
            continue
        lengths = dict(zip(formals, shape, strict=True))
        for r in reads:
            axes = zip((*r.index, r.place), r.gather.tensor.shape, strict=True)
            lengths |= {v: size for v, size in axes if size is not None}
        rest = tuple(f for f in u.factors if f not in [f for _, f in gathers_in(u, gathers)])
        entry = _plain(u, rest, reads, formals)
        if entry is None:
            word = _new(f"{t.name}_read{n}", taken)
            made = _remainder(word, u, rest, reads, formals, lengths)
            before.append(made)
            assert made.definition is not None
            entry = made[made.definition.formals]
        # what is read at the entries of an array is summed over the array's indices afterwards
        over = [v for r in reads for v in r.index if v in u.variables and r.place not in formals]
        whole = len(body) == 1 and not over
        name = t.name if whole else _new(f"{t.name}_term{n}", taken)
        words = tuple(v for v in entry.index if isinstance(v, Symbol))
        index = (*formals, *dict.fromkeys(over))
        box = (*shape, *(lengths[v] for v in index[len(formals) :]))
        said = text if whole else _line(name, box, index, u, entry, gathers)
        steps.append(GatherStep(name, said, entry.tensor, words, index, box, reads))
    if [s.name for s in steps] == [t.name]:
        return GatherParts(tuple(before), tuple(steps), None)
    summed = (
        Term(sp.Integer(1), s.formals[len(formals) :], (Tensor(s.name, s.shape)[s.formals],))
        for s in steps
    )
    after = define(t.name, t.shape, formals, (*summed, *others))
    return GatherParts(tuple(before), tuple(steps), after)


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


def _read(t: Tensor, g: Gather, f: Access) -> IndexRead:
    index = tuple(v for v in f.index if isinstance(v, Symbol))
    if len(set(index)) < len(f.index):
        raise GatherError(
            f"{t.name}: found {g.array.name} at an index of several variables, "
            "expected different ones; gather in a definition of its own"
        )
    return IndexRead(g, index[:-1], index[-1])


def _plain(
    u: Term, rest: Sequence[Factor], reads: Iterable[IndexRead], formals: Sequence[Symbol]
) -> Access | None:
    """Return the entry that is read, if a term is nothing else."""
    entry = rest[0] if len(rest) == 1 and u.coefficient == 1 else None
    if not isinstance(entry, Access):
        return None
    words = {v for v in entry.index if isinstance(v, Symbol)}
    inner = {v for r in reads for v in r.index}
    places = {r.place for r in reads}
    known = inner | places | set(formals)
    fits = len(words) == len(entry.index) and words <= known
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


def _new(name: str, taken: Collection[str]) -> str:
    while name in taken:
        name += "_"
    return name
