"""Known mistakes, as changes of the definition: what a wrong kernel computes instead.

Each is the definition with an index, a parameter, a layout or a factor changed, so the list works
for every layer. A changed definition that reads outside an array reads zeros, as the right one.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import sympy as sp
from sympy import Expr, Symbol

from rot180.codegen.audit.expectations import SumExpectation
from rot180.codegen.audit.products import Products, Sum
from rot180.codegen.audit.questions import Env, Question
from rot180.derive.language.layers import axis_letters
from rot180.derive.language.polynomial import normal, symbol, symbols_of
from rot180.derive.language.terms import (
    Access,
    Equal,
    Factor,
    Range,
    Tensor,
    Term,
    reindexed,
)

REMAINDER = "rho_{}"
"""How many positions at the high end no window reaches, on the axis with that low padding."""


@dataclass(frozen=True)
class Mistake:
    """A way to be wrong.

    Attributes:
        name: what it is called.
        sum: the changed definition.
        scale: a number by which all is multiplied.

    """

    name: str
    sum: Sum
    scale: Expr = sp.S.One

    def products(self, env: Env, wrt: str) -> Products:
        """Return what it computes, with the shape of the right result."""
        scaled = tuple(
            Term(normal(t.coefficient * self.scale), t.variables, t.factors) for t in self.sum.terms
        )
        changed = Sum(self.sum.upstream, self.sum.indices, self.sum.box, scaled)
        return changed.products(env, wrt)

    def expected(self, env: Env, wrt: str) -> SumExpectation:
        """Return what a function with this mistake returns."""
        return SumExpectation(self.products(env, wrt))


def mistakes(question: Question) -> Iterator[Mistake]:
    """Yield the known mistakes that a kernel could make, frequent ones first."""
    yield from _rotations(question)
    yield from _remainders(question)
    yield from _parameters(question)
    yield from _layouts(question)
    yield from _missing_sums(question)
    yield Mistake("the wrong sign", question.sum, sp.Integer(-1))
    yield Mistake("counted twice", question.sum, sp.Integer(2))
    yield Mistake("half of it", question.sum, sp.Rational(1, 2))


def with_remainders(question: Question, env: Env) -> dict[str, int]:
    """Add the remainders on all axes, of which some mistakes depend."""
    window = question.entry.window if question.entry else None
    out = dict(env)
    if window is not None:
        boxes = {t.name: t.shape for t in (*question.layer.tensors, question.layer.output)}
        for a, one in enumerate(axis_letters(window.rank)):
            many, few = ("x", "y") if window.output == "P" else ("y", "x")
            size, windows = env[str(boxes[many][3 + a])], env[str(boxes[few][3 + a])]
            taps, d = env[str(boxes["w"][3 + a])], env[one.dilation]
            padded = size + env[one.low] + env[f"hi_{one.low}"]
            used = env[one.stride] * (windows - 1) + d * (taps - 1) + 1
            out[REMAINDER.format(one.low)] = padded - used
    return out


def _rotations(question: Question) -> Iterator[Mistake]:
    """Read an operand backwards along the axes on which the window slides."""
    sliding = _sliding(question)
    for t in (*question.layer.tensors, question.sum.upstream.tensor):
        index = (v for access in _accesses(question.sum, t.name) for v in access.index)
        axes = {v for v in index if isinstance(v, Symbol) and v in sliding}
        if axes:
            yield Mistake(_rotation(question, t.name), question.sum.changed(_reflected(t, axes)))


def _rotation(question: Question, name: str) -> str:
    if name == "w":
        if not question.wrt:
            return "convolution for correlation: the kernel is rotated"
        if question.wrt == "w":
            return "the gradient is rotated by 180 degrees"
        return "kernel not rotated"
    return f"{_public(question, name)} rotated by 180 degrees"


def _reflected(t: Tensor, axes: set[Symbol]) -> Callable[[Factor], Factor]:
    def change(f: Factor) -> Factor:
        if not isinstance(f, Access) or f.tensor.name != t.name:
            return f
        pairs = zip(f.index, f.tensor.shape, strict=True)
        back = (normal(n - 1 - e) if e in axes and n is not None else e for e, n in pairs)
        return Access(f.tensor, tuple(back))

    return change


def _sliding(question: Question) -> set[Symbol]:
    """Return the indices that stand alone at an axis and with another one elsewhere."""
    moving = {*question.sum.indices}
    for t in question.sum.terms:
        moving |= {*t.variables}
    mixed = set[Symbol]()
    for t in question.sum.terms:
        for f in t.factors:
            for e in f.index if isinstance(f, Access) else (_value(f),):
                here = symbols_of(e) & moving
                mixed |= here if len(here) > 1 else set()
    return mixed


def _value(f: Factor) -> Expr:
    assert isinstance(f, (Equal, Range))
    return f.value


def _accesses(s: Sum, name: str) -> Iterator[Access]:
    for f in (s.upstream, *(f for t in s.terms for f in t.factors)):
        if isinstance(f, Access) and f.tensor.name == name:
            yield f


def _remainders(question: Question) -> Iterator[Mistake]:
    """Forget the positions that no window reaches."""
    window = question.entry.window if question.entry else None
    if window is None or not question.wrt:
        return
    axes = axis_letters(window.rank)
    if window.output != "P":
        return
    shifts = {symbol(a.low): symbol(a.low) - symbol(REMAINDER.format(a.low)) for a in axes}
    cut = [(3 + n, REMAINDER.format(a.low)) for n, a in enumerate(axes)]
    yield Mistake(
        "remainder ignored: the zeros are at the wrong end",
        _restricted(question, cut).changed(
            lambda f: reindexed(f, shifts) if isinstance(f, Access) else f
        ),
    )
    yield Mistake(
        "remainder ignored: the last entries are left at zero",
        _restricted(question, cut),
    )


def _restricted(question: Question, cut: Sequence[tuple[int, str]]) -> Sum:
    """Leave out the last positions of the input."""

    def shortened(t: Term) -> Term:
        brackets = []
        for f in t.factors:
            if isinstance(f, Access) and f.tensor.name == "x":
                for axis, word in cut:
                    size = f.tensor.shape[axis]
                    assert size is not None
                    brackets.append(Range(f.index[axis], normal(size - symbol(word))))
        return Term(t.coefficient, t.variables, (*t.factors, *brackets))

    s = question.sum
    return Sum(s.upstream, s.indices, s.box, tuple(map(shortened, s.terms)))


def _parameters(question: Question) -> Iterator[Mistake]:
    """Replace parameters by others, by 0 or 1, or by one more or less."""
    window = question.entry.window if question.entry else None
    if window is None:
        yield from _plain_parameters(question)
        return
    axes = axis_letters(window.rank)
    zero, one = sp.Integer(0), sp.Integer(1)
    s, d, lo = (
        [symbol(v) for v in vs]
        for vs in zip(*((a.stride, a.dilation, a.low) for a in axes), strict=True)
    )
    hi = [symbol(f"hi_{a.low}") for a in axes]
    taps = [
        n for t in question.layer.tensors if t.name == "w" for n in t.shape[3:] if n is not None
    ]

    def by(name: str, pairs: Iterable[tuple[Symbol, Expr]]) -> Mistake:
        return _renamed(question, name, dict(pairs))

    yield by(
        "stride and dilation swapped", iter([*zip(s, d, strict=True), *zip(d, s, strict=True)])
    )
    yield by("dilation ignored", zip(d, [one] * len(d), strict=True))
    yield by("stride ignored", zip(s, [one] * len(s), strict=True))
    yield by("padding ignored", zip(lo, [zero] * len(lo), strict=True))
    yield by("low and high padding swapped", zip(lo, hi, strict=True))
    yield by("padding too small by one", ((v, v - 1) for v in lo))
    yield by("padding too large by one", ((v, v + 1) for v in lo))
    full = [normal(e * (k - 1) - v) for e, k, v in zip(d, taps, lo, strict=True)]
    yield by("padding not mirrored: d*(K - 1) - lo and lo confused", zip(lo, full, strict=True))
    if any(p.letter == "op" for p in window.parameters):
        more = [symbol(f"op_{a.low}") for a in axes]
        yield by(
            "output padding taken for padding", ((v, v + m) for v, m in zip(lo, more, strict=True))
        )
        yield by(
            "output padding at the low end", ((v, v - m) for v, m in zip(lo, more, strict=True))
        )
    for i, j in itertools.combinations(range(len(axes)), 2):
        for word, of in (("strides", s), ("dilations", d), ("paddings", lo)):
            pairs = [(of[i], of[j]), (of[j], of[i])]
            yield by(f"{word} of axes {i} and {j} swapped", pairs)


def _plain_parameters(question: Question) -> Iterator[Mistake]:
    known = list(question.layer.parameters)
    for v in known:
        for value in (sp.Integer(0), sp.Integer(1), v + 1, v - 1, -v):
            yield _renamed(question, f"{v} taken for {value}", {v: normal(value)})
    for v, w in itertools.combinations(known, 2):
        yield _renamed(question, f"{v} and {w} swapped", {v: w, w: v})


def _renamed(question: Question, name: str, change: Mapping[Symbol, Expr]) -> Mistake:
    return Mistake(name, question.sum.changed(lambda f: reindexed(f, change)))


def _layouts(question: Question) -> Iterator[Mistake]:
    """Read an array as if two neighbouring axes had changed places in memory."""
    for t in (*question.layer.tensors, question.sum.upstream.tensor):
        found = next(_accesses(question.sum, t.name), None)
        if found is None:
            continue
        for axis in range(len(t.shape) - 1):
            i, j = found.index[axis], found.index[axis + 1]
            yield Mistake(
                _layout(question, t.name, str(i), str(j)),
                question.sum.changed(_exchanged(t.name, axis)),
            )
    if "G" in question.letters and question.wrt != "w":
        name = "groups ignored: all use the first group's filter"
        yield Mistake(name, question.sum.changed(_at_first_group))


def _layout(question: Question, name: str, i: str, j: str) -> str:
    public = _public(question, name)
    if "g" in (i, j):
        return (
            f"groups interleaved with channels in {public}"
            if "n" not in (i, j)
            else f"groups before the batch in {public}"
        )
    if name == "w" and {i, j} == {"o", "c"}:
        return "channels not swapped: the weight's layout is transposed"
    return f"axes {i} and {j} of {public} transposed"


def _exchanged(name: str, axis: int) -> Callable[[Factor], Factor]:
    def change(f: Factor) -> Factor:
        if not isinstance(f, Access) or f.tensor.name != name:
            return f
        order = list(range(len(f.index)))
        order[axis], order[axis + 1] = axis + 1, axis
        shape = tuple(f.tensor.shape[n] for n in order)
        return Access(Tensor(name, shape), tuple(f.index[n] for n in order))

    return change


def _at_first_group(f: Factor) -> Factor:
    if not isinstance(f, Access) or f.tensor.name != "w":
        return f
    pairs = zip(f.index, f.tensor.shape, strict=True)
    return Access(f.tensor, tuple(sp.Integer(0) if str(n) == "G" else e for e, n in pairs))


def _missing_sums(question: Question) -> Iterator[Mistake]:
    """Take one term of a sum over an index for the whole."""
    if not question.wrt:
        return
    own = {v for a in _accesses(question.sum, question.wrt) for e in a.index for v in symbols_of(e)}
    for v, size in zip(question.sum.indices, question.sum.box, strict=True):
        if v in own:
            continue
        word = "batch" if str(v) == "n" else f"axis {v}"
        yield Mistake(f"{word} not summed: only the first", _only(question, v, normal(v)))
        yield Mistake(f"{word} not summed: only the last", _only(question, v, normal(v - size + 1)))


def _only(question: Question, v: Symbol, e: Expr) -> Sum:
    s = question.sum
    terms = (Term(t.coefficient, t.variables, (*t.factors, Equal(e))) for t in s.terms)
    return Sum(s.upstream, s.indices, s.box, tuple(terms))


def _public(question: Question, name: str) -> str:
    if name == question.sum.upstream.tensor.name:
        return question.array_name(question.layer.output)
    return next(question.array_name(t) for t in question.layer.tensors if t.name == name)
