"""Drafts: a term while it is rewritten to a nest of loops."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from sympy import Expr, Symbol

from rot180.codegen.plans.plan import Divided, LoweringError, Phase, Solved, named
from rot180.derive.kernel.obligations import Obligation
from rot180.derive.language.polynomial import normal, symbols_of
from rot180.derive.language.terms import Access, Apply, Condition, Equal, Range, Term
from rot180.derive.search.farkas import certify

Outer: TypeAlias = Phase | Solved | Divided


@dataclass(frozen=True)
class Draft:
    """A term that passes rewrite until it is a nest of loops.

    Attributes:
        coefficient: the term's coefficient.
        variables: its free and its bound variables, the free ones first.
        output: the index of the entry that is written.
        accesses: the operands.
        ranges: brackets ``[0 <= e < n]``, the output's box among them.
        equations: brackets ``[e = 0]``.
        hypotheses: what is known of the parameters.
        taken: names that are in use elsewhere.
        outer: phases, solved and divided variables found so far.

    """

    coefficient: Expr
    variables: tuple[Symbol, ...]
    output: tuple[Expr, ...]
    accesses: tuple[Access | Apply, ...]
    ranges: tuple[Range, ...]
    equations: tuple[Expr, ...]
    hypotheses: tuple[Condition, ...]
    taken: frozenset[Symbol] = frozenset()
    outer: tuple[Outer, ...] = ()

    @property
    def constants(self) -> frozenset[Symbol]:
        """Return the variables that are fixed outside the loops."""
        return frozenset(v for step in self.outer for v in named(step))

    @property
    def loops(self) -> tuple[Symbol, ...]:
        """Return the variables that are loops: those of the output first, axis by axis."""
        inside = [v for v in self.variables if v not in self.constants]
        first = [v for e in self.output for v in inside if v in symbols_of(e)]
        return tuple(dict.fromkeys((*first, *inside)))

    @property
    def symbols(self) -> frozenset[Symbol]:
        """Return all names that are in use."""
        found = {*self.variables, *self.constants, *symbols_of(self.coefficient), *self.taken}
        for r in (*self.ranges, *(r for a in self.accesses for r in box(a))):
            found |= symbols_of(r.value) | symbols_of(r.size)
        return frozenset(found).union(*(symbols_of(e) for e in self.equations))

    def size(self, variable: Symbol) -> Expr | None:
        """Return n where ``[0 <= variable < n]`` is a factor."""
        sizes = [r.size for r in self.ranges if r.value == variable]
        return sizes[0] if len(sizes) == 1 else None

    def substituted(self, by: Mapping[Symbol, Expr]) -> Draft:
        """Return the draft with expressions in the place of some variables."""

        def new(e: Expr) -> Expr:
            return normal(e.xreplace(dict(by)))

        def moved(a: Access) -> Access:
            return Access(a.tensor, tuple(new(e) for e in a.index))

        return replace(
            self,
            variables=tuple(v for v in self.variables if v not in by),
            output=tuple(new(e) for e in self.output),
            accesses=tuple(
                Apply(a.function, a.order, moved(a.argument)) if isinstance(a, Apply) else moved(a)
                for a in self.accesses
            ),
            ranges=tuple(dict.fromkeys(Range(new(r.value), r.size) for r in self.ranges)),
            equations=tuple(new(e) for e in self.equations),
        )


def _follows(r: Range, ranges: Iterable[Range], equations: Sequence[Expr]) -> bool:
    """Say whether an entry is in a range because an equal or a larger one is, or by its size."""
    inside = [g.value for g in ranges if g.size == r.size]
    inside += [normal(v + sign * e) for v in inside for e in equations for sign in (1, -1)]
    if r.value in inside:
        return True
    if not r.value.is_Integer or r.value < 0:
        return False
    bounds = [v for v in (r.size - 1, *inside) if v.is_Integer]
    return any(r.value <= v for v in bounds)


def draft(
    variables: Sequence[tuple[Symbol, Expr]],
    term: Term,
    hypotheses: tuple[Condition, ...] = (),
    taken: frozenset[Symbol] = frozenset(),
) -> Draft:
    """Return the draft that lowering starts from.

    Args:
        variables: the free variables of the theorem, each with its size.
        term: a term over free tensors.
        hypotheses: what is known of the parameters.
        taken: names that no new variable may have.

    Raises:
        LoweringError: the term contains a defined tensor or a pending derivative, or a scalar
            function of an entry that may be outside its tensor's box.

    """
    ranges = [Range(v, n) for v, n in variables]
    accesses: list[Access | Apply] = []
    equations: list[Expr] = []
    for f in term.factors:
        if isinstance(f, Range):
            ranges.append(f)
        elif isinstance(f, Equal):
            equations.append(f.value)
        elif isinstance(f, Access | Apply):
            if access(f).tensor.definition is not None:
                raise LoweringError(f"{access(f).tensor.name} is a defined tensor: unfold it first")
            accesses.append(f)
        else:
            raise LoweringError("a derivative is still pending: only a finished sum can be lowered")
    inside = {*ranges, *(r for a in accesses if isinstance(a, Access) for r in box(a))}
    known = (*inside, *map(Equal, equations), *hypotheses)
    for a in accesses:
        outside = (r for r in box(a) if not (r in inside or _follows(r, inside, equations)))
        if any(certify(Obligation(known, r)) is None for r in outside):
            raise LoweringError(
                f"a scalar function of {access(a).tensor.name} is used outside its box: "
                "multiply it by the bracket of the box"
            )
    free = tuple(v for v, _ in variables)
    return Draft(
        term.coefficient,
        (*free, *term.variables),
        free,
        tuple(accesses),
        tuple(dict.fromkeys(ranges)),
        tuple(equations),
        hypotheses,
        taken,
    )


def access(factor: Access | Apply) -> Access:
    """Return the entry that a factor reads, without the scalar function around it."""
    return factor.argument if isinstance(factor, Apply) else factor


def box(factor: Access | Apply) -> tuple[Range, ...]:
    """Return the brackets of the box outside which the entry is zero."""
    entry = access(factor)
    axes = zip(entry.index, entry.tensor.shape, strict=True)
    return tuple(Range(e, n) for e, n in axes if n is not None)
