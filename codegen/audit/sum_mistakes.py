"""Mistakes in what is summed: too little, too much, over the wrong axis, or a mean of it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from fractions import Fraction
from functools import partial

import sympy as sp
from sympy import Expr, Symbol

from rot180.codegen.audit.mistake import Mistake, public_name
from rot180.codegen.audit.products import Sum
from rot180.codegen.audit.questions import Env, Question
from rot180.derive.language.polynomial import normal, symbol, symbols_of
from rot180.derive.language.substitute import fresh
from rot180.derive.language.terms import Access, Equal, Factor, Range, Tensor, Term
from rot180.derive.semantics.model import integer

MEAN = "mean_{}"
"""One over the number of values of the indices with these names."""


def sum_mistakes(question: Question) -> Iterator[Mistake]:
    """Yield the mistakes in what is summed."""
    if not question.wrt:
        yield from _terms(question)
        return
    for v, size in summed(question):
        word = _word(v)
        yield Mistake(f"{word} not summed: only the first", _only(question.sum, v, normal(v)))
        last = _only(question.sum, v, normal(v - size + 1))
        yield Mistake(f"{word} not summed: only the last", last)
    for some in _averaged(question):
        words = " and ".join(_word(v) for v, _ in some)
        yield Mistake(f"the mean over {words} taken, not the sum", question.sum, _mean(some))
    overwritten = "products overwrite each other: only the last is kept"
    yield Mistake(overwritten, question.sum, last=True)
    upstream = question.sum.upstream.tensor.name
    name = f"{public_name(question, upstream)} taken for 1 everywhere"
    yield Mistake(name, question.sum, ones=upstream)
    yield from _other_axes(question)
    yield from _first_entries(question)
    yield from _whole_axes(question)
    yield from _more_windows(question)


def summed(question: Question) -> list[tuple[Symbol, Expr]]:
    """Return the indices of the output that an entry of the operand does not have, and sizes."""
    own = _inside(question)
    pairs = zip(question.sum.indices, question.sum.box, strict=True)
    return [(v, size) for v, size in pairs if v not in own]


def means(question: Question, env: Env) -> dict[str, Fraction]:
    """Return the factors that turn sums into means; 0 where nothing is summed."""
    out = {}
    for some in _averaged(question):
        count = math.prod(integer(n, env) for _, n in some)
        out[str(_mean(some))] = Fraction(1, count) if count > 0 else Fraction(0)
    return out


def _averaged(question: Question) -> list[list[tuple[Symbol, Expr]]]:
    """Return the sets of indices over which a mean may be taken: each alone, and all."""
    over = summed(question) if question.wrt else []
    return [[one] for one in over] + ([over] if len(over) > 1 else [])


def _mean(some: list[tuple[Symbol, Expr]]) -> Symbol:
    return symbol(MEAN.format("_".join(v.name for v, _ in some)))


def _word(v: Symbol) -> str:
    return "batch" if v.name == "n" else f"axis {v}"


def _entries(question: Question) -> Iterator[Access]:
    """Yield the entries of the operand in the definition."""
    for f in (f for t in question.sum.terms for f in t.factors):
        if isinstance(f, Access) and f.tensor.name == question.wrt:
            yield f


def _inside(question: Question) -> set[Symbol]:
    """Return the symbols in the indices of the operand, alone or in a sum."""
    return {v for a in _entries(question) for e in a.index for v in symbols_of(e)}


def _only(s: Sum, v: Symbol, e: Expr) -> Sum:
    terms = (Term(t.coefficient, t.variables, (*t.factors, Equal(e))) for t in s.terms)
    return Sum(s.upstream, s.indices, s.box, tuple(terms))


def _other_axes(question: Question) -> Iterator[Mistake]:
    """Keep another axis of the output than that of the operand, and sum over that."""
    found = next(_entries(question), None)
    if found is None or len(found.index) != 1 or not isinstance(v := found.index[0], Symbol):
        return
    for u, size in zip(question.sum.indices, question.sum.box, strict=True):
        if u != v:
            at = Access(Tensor(question.wrt, (size,)), (u,))
            changed = question.sum.changed(partial(_replaced, found, at))
            yield Mistake(f"axis {u} kept and axis {v} summed", changed)


def _replaced(old: Access, new: Access, f: Factor) -> Factor:
    return new if f == old else f


def _first_entries(question: Question) -> Iterator[Mistake]:
    """Read one entry of an array for all along an axis."""
    for t in question.layer.tensors:
        for axis, size in enumerate(t.shape):
            if t.name == question.wrt or (t.name, str(size)) == ("w", "G"):
                continue

            def change(f: Factor, t: Tensor = t, axis: int = axis) -> Factor:
                if not isinstance(f, Access) or f.tensor.name != t.name:
                    return f
                return Access(f.tensor, (*f.index[:axis], sp.Integer(0), *f.index[axis + 1 :]))

            public = public_name(question, t.name)
            yield Mistake(
                f"{public}: entry 0 on axis {axis} used for all", question.sum.changed(change)
            )


def _whole_axes(question: Question) -> Iterator[Mistake]:
    """Run over two axes of the output as if they were one, and read on in memory elsewhere."""
    s, own = question.sum, {v for a in _entries(question) for v in a.index}
    inside = _inside(question)
    pairs = list(zip(s.indices, s.box, strict=True))
    for (i, _), (j, size) in itertools.pairwise(pairs):
        if i not in own or j in inside:
            continue
        a = fresh(i, {*s.indices, *(v for t in s.terms for v in t.variables)})
        at = Access(s.upstream.tensor, tuple(a if e == i else e for e in s.upstream.index))
        terms = (
            Term(
                t.coefficient,
                (*t.variables, a),
                tuple(part for f in t.factors for part in _read_on(f, j, normal(j + size * a))),
            )
            for t in s.terms
        )
        word = "groups ignored: the channels of all groups are summed"
        name = word if str(i) == "g" else f"axis {i} ignored: all its entries are summed"
        yield Mistake(name, Sum(at, s.indices, s.box, tuple(terms)))


def _more_windows(question: Question) -> Iterator[Mistake]:
    """Take one window too many on the last axis: in memory it is the first of the next row."""
    s = question.sum
    inside = _inside(question)
    own = {v for a in _entries(question) for v in a.index}
    if len(s.indices) < 2 or s.indices[-1] not in inside - own:
        return
    (r, rows), (p, size) = list(zip(s.indices, s.box, strict=True))[-2:]
    at = s.upstream
    flat = Tensor(at.tensor.name, (*at.tensor.shape[:-2], normal(rows * size)))
    upstream = Access(flat, (*at.index[:-2], normal(r * size + p)))
    more = Sum(upstream, s.indices, (*s.box[:-1], normal(size + 1)), s.terms)
    yield Mistake("one window too many: its gradient is the first of the next row", more)


def _read_on(f: Factor, j: Symbol, e: Expr) -> tuple[Factor, ...]:
    """Read an array in memory order, with one index that runs beyond its axis."""
    if not isinstance(f, Access) or j not in f.index:
        return (f,)
    flat, count, others = sp.Integer(0), sp.Integer(1), list[Factor]()
    for here, n in zip(f.index, f.tensor.shape, strict=True):
        assert n is not None
        flat, count = normal(flat * n + (e if here == j else here)), normal(count * n)
        others += [Range(here, n)] if here != j else []
    return Access(Tensor(f.tensor.name, (count,)), (flat,)), *others


def _terms(question: Question) -> Iterator[Mistake]:
    """Leave out a term of the definition, or most of a sum in it."""
    s = question.sum
    for n, t in enumerate(s.terms):
        others = s.terms[:n], s.terms[n + 1 :]

        def by(name: str, *new: Term, others: tuple[tuple[Term, ...], ...] = others) -> Mistake:
            terms = (*others[0], *new, *others[1])
            return Mistake(name, Sum(s.upstream, s.indices, s.box, terms))

        if len(s.terms) > 1:
            yield by(f"term {n} left out")
        for i in t.variables:
            for j in s.indices:
                kept = Term(t.coefficient, t.variables, (*t.factors, Equal(normal(i - j))))
                yield by(f"of the sum over {i}, only the term {i} = {j}", kept)
            inside = [f for f in t.factors if isinstance(f, Access) and i in f.index]
            if len(inside) == 1 and len(t.factors) > 1:
                rest = (*(f for f in t.factors if f is not inside[0]), Equal(i))
                public = public_name(question, inside[0].tensor.name)
                for value in (1, -1):
                    new = Term(normal(t.coefficient * value), t.variables, rest)
                    yield by(f"the sum of {public} over {i} taken for {value}", new)
