"""Converts raw terms to terms, once the sizes of every tensor are known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import TypeAlias

from sympy import Expr, Symbol
from sympy.polys.matrices import DomainMatrix

from rot180.derive.language.axis_sizes import names_in
from rot180.derive.language.one_sided import Intervals, intervals, joined, two_sided
from rot180.derive.language.operators import activation
from rot180.derive.language.parser import Reader
from rot180.derive.language.polynomial import coefficient, normal, size_of, symbols_of, text
from rot180.derive.language.printer import write_factor
from rot180.derive.language.spelling import application, display_name
from rot180.derive.language.substitute import supports
from rot180.derive.language.terms import (
    Access,
    Derivative,
    Equal,
    Expression,
    Factor,
    Range,
    Tensor,
    Term,
)
from rot180.derive.language.tokens import (
    RawBound,
    RawDerivative,
    RawEntry,
    RawFactor,
    RawTerm,
    raw_indices,
)

Shapes: TypeAlias = Mapping[str, tuple[Expr, ...]]


class Builder:
    """Converts the raw terms of one text.

    Args:
        reader: the reader of the text.
        shapes: the sizes of each tensor.
        known: tensors that are given, by their names.
        sizes: the sizes of free indices, where they are known.
        free: the free indices; by default, those of the text.

    """

    def __init__(
        self,
        reader: Reader,
        shapes: Shapes,
        known: Mapping[str, Tensor],
        sizes: Mapping[str, Expr | None],
        free: Sequence[Symbol] | None = None,
    ) -> None:
        self._reader = reader
        self._shapes = shapes
        self._known = known
        self._free = {v: sizes.get(v.name) for v in (reader.free if free is None else free)}
        self._applied = {t.name: t for t in known.values() if _named_by_operator(t)}

    def expression(self, raws: Iterable[RawTerm]) -> Expression:
        """Return the terms.

        Raises:
            NotationError: one of them is zero, infinite or not in the term language.

        """
        sized = (_sized(raw, self._of_sizes()) for raw in raws)
        terms = (self._term(raw) for raw in sized if raw is not None)
        return tuple(t for t in terms if t is not None)

    def _of_sizes(self) -> dict[Symbol, Expr]:
        """Return the size of each axis that occurs in an index."""
        shapes = {**{n: t.shape for n, t in self._known.items()}, **self._shapes}
        return {
            size_of(name, axis): n
            for name, shape in shapes.items()
            for axis, n in enumerate(shape)
            if n is not None
        }

    def _term(self, raw: RawTerm) -> Term | None:
        """Return a term; None if it is one of a boundary mode that reads nothing."""
        reader = self._reader
        if raw.coefficient == 0:
            reader.fail("a term is zero", raw.at, cure="drop the term")
        scope = (*self._free, *raw.variables)
        factors = self._product(raw.factors, scope, None)
        if any(map(_one_sided, raw.factors)):
            found = supports(factors, {*scope})
            known = intervals(found, self._free, raw.variables)
            modes = [f for f in raw.factors if isinstance(f, RawBound) and f.grows]
            if any(map(_never, chain.from_iterable(self._bound(f, known) for f in modes))):
                return None
            factors = self._product(raw.factors, scope, known)
        if reader.output.text and (never := next(filter(_never, factors), None)):
            what = f"the bracket {write_factor(never, scope)} is never true, so the term is zero"
            reader.fail(what, raw.at, "a bracket that is true somewhere", cure="drop the term")
        try:
            built = Term(raw.coefficient, raw.variables, factors)
        except ValueError as error:
            reader.fail(str(error), raw.at, cure="change this term")
        if not _is_bounded(built, self._free):
            used = names_in(b.value for b in supports(built.factors, built.symbols))
            v = min(raw.variables, key=lambda v: v.name in used)
            reader.fail(
                f"the sum over {v} is unbounded",
                reader.summed[v.name],
                f"a tensor entry or a bracket that leaves finitely many values of {v}",
                cure=f"drop {v} from the sum, or add a bracket such as [0 <= {v} < n]",
            )
        return built

    def _product(
        self, raws: Sequence[RawFactor], scope: Sequence[Symbol], known: Intervals | None
    ) -> tuple[Factor, ...]:
        """Convert factors; leave out one-sided brackets if the intervals are not known yet."""
        out: list[Factor] = []
        for raw in joined(raws, scope):
            if isinstance(raw, RawDerivative):
                by = self._entry(raw.by)
                out.append(Derivative(self._product(raw.factors, scope, known), by))
            elif isinstance(raw, RawEntry):
                out.append(self._entry(raw))
            elif not isinstance(raw, RawBound):
                out.append(raw)
            elif known is not None:
                out += self._bound(raw, known)
        return tuple(out)

    def _bound(self, raw: RawBound, known: Intervals) -> list[Range]:
        found = two_sided(raw, known)
        if isinstance(found, Range):
            return [found]
        if found is None:
            value = text(normal(raw.high - raw.low), known)
            self._reader.fail(
                "nothing bounds the other side of the bracket",
                raw.at,
                "indices of axes, with whole numbers as coefficients",
                cure=f"write both sides, such as [0 <= {value} < n]",
            )
        return []

    def _entry(self, raw: RawEntry) -> Access:
        name, reader = raw.name.text, self._reader
        t = self._known[name] if name in self._known else Tensor(name, self._shapes[name])
        if raw.function:
            function = raw.function.rstrip("'")
            t = activation(function, len(raw.function) - len(function), t)
            clash = self._applied.setdefault(t.name, t) != t or t.name in reader.tensors
        else:
            clash = name in self._applied
        if clash:
            other = display_name(self._applied[t.name])
            what = f"{t.name} names two tensors: {other} also gets this name"
            reader.fail(what, raw.name, "a different name for every tensor", cure="rename one")
        return t[raw.index]


def _sized(raw: RawTerm, sizes: Mapping[Symbol, Expr]) -> RawTerm | None:
    """Put sizes in their places in a term; None if a bracket of a boundary mode is empty then."""

    def new(e: Expr) -> Expr:
        return normal(e.xreplace(dict(sizes)))

    def of(f: RawFactor) -> RawFactor:
        if isinstance(f, RawEntry):
            return replace(f, index=tuple(map(new, f.index)))
        if isinstance(f, RawBound):
            return replace(f, low=new(f.low), high=new(f.high))
        if isinstance(f, RawDerivative):
            by = replace(f.by, index=tuple(map(new, f.by.index)))
            return RawDerivative(tuple(map(of, f.factors)), by)
        return Range(new(f.value), new(f.size)) if isinstance(f, Range) else Equal(new(f.value))

    if not any(v in sizes for e in raw_indices(raw.factors) for v in symbols_of(e)):
        return raw
    made = replace(raw, factors=tuple(map(of, raw.factors)))
    pairs = zip(raw.factors, made.factors, strict=True)
    return None if any(a != b and _never(b) for a, b in pairs if isinstance(b, Range)) else made


def _named_by_operator(t: Tensor) -> bool:
    """Say whether a tensor is an operator's value and has the name that the operator gives it."""
    found = application(t)
    return found is not None and t.name.startswith(f"{found.operator}_")


def _never(factor: Factor) -> bool:
    """Say whether a bracket is false whatever its names stand for."""
    if isinstance(factor, Range):
        empty = bool(factor.size.is_number and factor.size <= 0)
        if factor.value.is_number and factor.size.is_number:
            return empty or not 0 <= factor.value < factor.size
        return empty or bool(factor.value.is_number and factor.value < 0)
    return isinstance(factor, Equal) and bool(factor.value.is_number and factor.value != 0)


def _one_sided(factor: RawFactor) -> bool:
    inner = factor.factors if isinstance(factor, RawDerivative) else ()
    return isinstance(factor, RawBound) or any(map(_one_sided, inner))


def _is_bounded(t: Term, free: Iterable[Symbol]) -> bool:
    """Say whether the supports determine every bound variable, for generic parameters."""
    found = supports(t.factors, {*t.symbols, *free})
    rows = [[coefficient(b.value, v) for v in t.variables] for b in found]
    if not t.variables or not rows:
        return not t.variables
    matrix = DomainMatrix.from_list_sympy(len(rows), len(t.variables), rows)
    return bool(matrix.to_field().rank() == len(t.variables))
