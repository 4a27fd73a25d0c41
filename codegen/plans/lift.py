"""Lifting: a plan is read back as the expression that its loops compute.

What is read is what a printer prints: every outer step, every bound of every loop, every factor,
and the entry that is written. No pass is trusted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sympy import Expr, Symbol

from rot180.codegen.plans.draft import box
from rot180.codegen.plans.plan import (
    Affine,
    Box,
    Divided,
    LoweringError,
    Nest,
    Operand,
    Phase,
    Plan,
    Running,
    named,
)
from rot180.derive.language.polynomial import normal
from rot180.derive.language.substitute import fresh, substitute_factor
from rot180.derive.language.terms import (
    Access,
    Apply,
    Bracket,
    Definition,
    Equal,
    Expression,
    Factor,
    Range,
    Tensor,
    Term,
)

T = TypeVar("T")


@dataclass(frozen=True)
class LiftedNest:
    """A nest as a term.

    Attributes:
        term: what it adds to the output's entry at the free variables, if a loop visits all points
            at which the bounds on it alone hold.
        parts: for each factor of the term, the part of the nest that it was read from.
        hull: the bounds that contain other loops as well, and that no factor states. A loop is cut
            to where such a bound holds for some value of the other loops.

    """

    term: Term
    parts: tuple[str, ...]
    hull: tuple[Bracket, ...]

    @property
    def cut(self) -> Term:
        """Return the term where each loop visits only the points at which all bounds hold."""
        t = self.term
        return Term(t.coefficient, t.variables, (*t.factors, *self.hull))


@dataclass(frozen=True)
class LiftedIntermediate:
    """An intermediate as a defined tensor.

    Attributes:
        free: the tensor that nests read.
        tensor: the same with its definition; of a running sum, the whole sum.
        added: what its nests add, over the formals of the definition.
        running: the running sum that it is, if it is one.

    """

    free: Tensor
    tensor: Tensor
    added: Expression
    running: Running | None


def lift(plan: Plan, index: Sequence[Symbol]) -> Expression:
    """Read a plan as an expression over the free variables of its output.

    Args:
        plan: the plan.
        index: the free variables, one for each axis of the output.

    Raises:
        LoweringError: a nest is no term.

    """
    return tuple(nest.cut for nest in lifted_nests(plan, index))


def in_order_of(t: Term, other: Term) -> Term:
    """Return a term with what it shares with another in that order: variables and factors."""

    def first(ours: Iterable[T], theirs: Sequence[T]) -> tuple[T, ...]:
        return tuple(sorted(ours, key=lambda e: theirs.index(e) if e in theirs else len(theirs)))

    variables, factors = first(t.variables, other.variables), first(t.factors, other.factors)
    return Term(t.coefficient, variables, factors)


def same_but_for_order(a: Expression, b: Expression) -> bool:
    """Say whether terms are the same, except for the order of their sums and of their factors."""

    def parts(t: Term) -> tuple[object, ...]:
        return t.coefficient, set(t.variables), Counter(t.factors)

    return [*map(parts, a)] == [*map(parts, b)]


def lifted_nests(plan: Plan, index: Sequence[Symbol]) -> tuple[LiftedNest, ...]:
    """Read each nest of a plan as a term; intermediates are defined tensors.

    Raises:
        LoweringError: a nest is no term.

    """
    known = {t.free: t.tensor for t in lifted_intermediates(plan)}
    return tuple(_lifted(nest, plan.shape, index, known) for nest in plan.nests)


def lifted_intermediates(plan: Plan) -> tuple[LiftedIntermediate, ...]:
    """Read the intermediates of a plan as defined tensors, each with what its nests add.

    Raises:
        LoweringError: a nest is no term.

    """
    found: list[LiftedIntermediate] = []
    for i in plan.intermediates:
        known = {t.free: t.tensor for t in found}
        formals = i.running.index if i.running else _formals(i.tensor, i.nests)
        lifted = [_lifted(nest, i.tensor.shape, formals, known) for nest in i.nests]
        if any(nest.hull for nest in lifted):
            raise LoweringError(f"a bound of a loop of {i.tensor.name} contains another loop")
        added = tuple(nest.term for nest in lifted)
        body = (_defined(i.running.total, known),) if i.running else added
        tensor = Tensor(i.tensor.name, i.tensor.shape, Definition(formals, body))
        found.append(LiftedIntermediate(i.tensor, tensor, added, i.running))
    return tuple(found)


def _defined(t: Term, known: Mapping[Tensor, Tensor]) -> Term:
    """Return a term in which intermediates are defined tensors."""

    def entry(f: Access) -> Access:
        return Access(known.get(f.tensor, f.tensor), f.index)

    def new(f: Factor) -> Factor:
        if isinstance(f, Apply):
            return Apply(f.function, f.order, entry(f.argument))
        return entry(f) if isinstance(f, Access) else f

    return Term(t.coefficient, t.variables, tuple(map(new, t.factors)))


def _formals(t: Tensor, nests: Sequence[Nest]) -> tuple[Symbol, ...]:
    """Name the axes of an intermediate after the loops of its first nest, where they are single."""
    taken = {v for nest in nests for v in (*variables(nest), *nest.symbols)} | t.parameters
    out: list[Symbol] = []
    for axis in range(len(t.shape)):
        e = polynomial(nests[0].output[axis]) if nests else None
        if isinstance(e, Symbol) and e in variables(nests[0]) and e not in out:
            out.append(e)
        else:
            out.append(fresh("i", {*taken, *out}))
    return tuple(out)


def variables(nest: Nest) -> tuple[Symbol, ...]:
    """Return the variables of a nest: those of its outer steps, then its loops."""
    outer = (v for step in nest.outer for v in named(step))
    return (*outer, *(loop.variable for loop in nest.loops))


def polynomial(e: Affine) -> Expr:
    """Return an affine map as a polynomial."""
    return normal(e.constant + sum(c * v for v, c in e.coefficients))


def bracket(b: Box) -> Bracket:
    """Return the bracket of a box; a box of size 1 is an equation."""
    return Equal(polynomial(b.value)) if b.size == 1 else Range(polynomial(b.value), b.size)


def _lifted(
    nest: Nest,
    shape: Sequence[Expr | None],
    index: Sequence[Symbol],
    known: Mapping[Tensor, Tensor],
) -> LiftedNest:
    """Read a nest as a term.

    A loop that has the name of a free variable, and is the index of the output on its axis, is
    that free variable; any other loop is summed over.
    """
    every = variables(nest)
    written = dict(zip(index, map(polynomial, nest.output), strict=True))
    free = {v for v, e in written.items() if e == v and v in every}
    names: dict[Symbol, Symbol] = {}
    for v in every:
        if v in index and v not in free:
            names[v] = fresh(v, {*index, *every, *nest.symbols, *names.values()})
    said = {Range(v, n) for v, n in zip(index, shape, strict=True) if v in free and n is not None}
    parts = list(_entries(nest, known))
    said |= {r for f, _ in parts if isinstance(f, Access) for r in box(f)}
    brackets: dict[Bracket, str] = {}
    for b, part in (*_boxes(parts), *_tests(nest), *_outer(nest), *_bounds(nest)):
        if b not in said:
            brackets.setdefault(b, part)
    hull = [b for b in _hull(nest) if b not in said and b not in brackets]
    parts += brackets.items()
    try:
        moved = [(substitute_factor(f, names), part) for f, part in parts]
        for axis, (v, e) in enumerate(written.items()):
            if v not in free:
                moved.append((Equal(v - e.xreplace(names)), f"axis {axis} of the output"))
        over = tuple(names.get(v, v) for v in every if v not in free)
        t = Term(nest.coefficient, over, tuple(f for f, _ in moved))
        cut = [substitute_factor(b, names) for b in hull]
    except (ValueError, TypeError) as error:
        raise LoweringError(f"a nest is no term: {error}") from error
    return LiftedNest(
        t,
        tuple(part for _, part in moved),
        tuple(dict.fromkeys(b for b in cut if isinstance(b, Equal | Range))),
    )


def _entries(nest: Nest, known: Mapping[Tensor, Tensor]) -> Iterator[tuple[Factor, str]]:
    """Yield what the operands read."""
    for f in nest.factors:
        if isinstance(f, Operand):
            entry = Access(known.get(f.tensor, f.tensor), tuple(map(polynomial, f.index)))
            applied = Apply(f.function, f.order, entry) if f.function else entry
            yield applied, f"the index of {f.tensor.name}"


def _boxes(entries: Iterable[tuple[Factor, str]]) -> Iterator[tuple[Bracket, str]]:
    """Yield the boxes of the arrays that a scalar function is applied to: zero outside them."""
    for f, part in entries:
        if isinstance(f, Apply):
            yield from ((r, part) for r in box(f))


def _tests(nest: Nest) -> Iterator[tuple[Bracket, str]]:
    for f in nest.factors:
        if isinstance(f, Box):
            yield bracket(f), "a condition among the factors"


def _outer(nest: Nest) -> Iterator[tuple[Bracket, str]]:
    for step in nest.outer:
        if isinstance(step, Phase):
            for n in step.sizes:
                yield Range(step.variable, n), f"the phase {step.variable}"
        elif isinstance(step, Box):
            yield bracket(step), "a condition outside the loops"
        elif isinstance(step, Divided):
            part = f"the division of {step.quotient} and {step.remainder}"
            whole = step.divisor * step.quotient + step.remainder
            yield Equal(whole - step.value), part
            yield Range(step.remainder, step.divisor), part
        else:
            part = f"the solved variable {step.variable}"
            yield Equal(step.divisor * step.variable - step.value), part


def _bounds(nest: Nest) -> Iterator[tuple[Bracket, str]]:
    for loop in nest.loops:
        for b in loop.bounds:
            if b.loops == (loop.variable,):
                yield bracket(b), f"a bound of the loop {loop.variable}"


def _hull(nest: Nest) -> Iterator[Bracket]:
    for loop in nest.loops:
        yield from (bracket(b) for b in loop.bounds if b.loops != (loop.variable,))
