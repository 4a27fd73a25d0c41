"""Steps of a program that one pass over their entries computes.

A step is fused where each of its sums has an array that all loops of the sum index: then the pass
reads every entry of that array once, and nothing is left that a matrix product could use again. A
product of matrices has no such array; the contraction computes it.

A scalar function is evaluated once for each entry that it is applied to, or outside the innermost
loop: a step is not fused where each row would evaluate it again.

The *domain* of a pass is the shape of its widest array. The first axes of the domain, the outer
ones, are loops around all steps; so each step has the same outer indices in whatever it reads of
the others. A step that reads another one at other inner indices follows when the row is complete.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sympy import Expr, Integer, Symbol

from rot180.codegen.plans.plan import Nest, Operand, Plan, affine
from rot180.derive.gradients.program_steps import AnyStep, ProgramStep, SelectionStep
from rot180.derive.language.scalar_functions import FUNCTIONS
from rot180.derive.language.terms import Tensor

Axes = tuple[int, ...]
"""The axes of a domain along which the axes of an array lie."""


@dataclass(frozen=True)
class FusedRead:
    """An array that a pass reads, with the function of its entries that is needed."""

    tensor: Tensor
    axes: Axes
    function: str = ""
    order: int = 0


@dataclass(frozen=True)
class FusedTerm:
    """A sum in a pass.

    Attributes:
        coefficient: a polynomial in parameters and sizes.
        axes: its loops, in the order of the domain.
        reads: its factors.

    """

    coefficient: Expr
    axes: Axes
    reads: tuple[FusedRead, ...]


@dataclass(frozen=True)
class FusedStep:
    """A step in a pass.

    Attributes:
        tensor: what it computes.
        axes: where the axes of the tensor lie.
        terms: the sums that it adds, none for a selection.
        step: the step itself.

    """

    tensor: Tensor
    axes: Axes
    terms: tuple[FusedTerm, ...]
    step: AnyStep

    @property
    def loops(self) -> Axes:
        """Return the loops of all its sums."""
        return tuple(sorted({a for t in self.terms for a in t.axes}.union(self.axes)))

    @property
    def reads(self) -> tuple[FusedRead, ...]:
        """Return what it reads."""
        return tuple(r for t in self.terms for r in t.reads)

    @property
    def summed(self) -> Axes:
        """Return the loops that it sums over, or selects along."""
        return tuple(a for a in self.loops if a not in self.axes)


@dataclass(frozen=True)
class FusedPass:
    """Steps that one pass computes.

    Attributes:
        domain: the sizes of the loops.
        outer: how many loops are around all steps.
        steps: the steps, in order.

    """

    domain: tuple[Expr, ...]
    outer: int
    steps: tuple[FusedStep, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Return what it computes."""
        return tuple(s.tensor.name for s in self.steps)

    def inner(self, axes: Axes) -> Axes:
        """Return those of some axes that are no outer loops."""
        return tuple(a for a in axes if a >= self.outer)

    def is_spread(self, s: FusedStep) -> bool:
        """Say whether a step is a sum over rows: every row adds to it."""
        return any(a < self.outer for a in s.summed)

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """Return the arrays that it is given."""
        made = set(self.names)
        found = (r.tensor for s in self.steps for r in s.reads if r.tensor.name not in made)
        return tuple({t.name: t for t in found}.values())


Lowered = tuple[AnyStep, Plan | None]
"""A step and its plan; a selection has none."""


def fused(steps: Sequence[Lowered]) -> Iterator[FusedPass | Lowered]:
    """Yield the steps in order, those that one pass computes as a pass.

    Args:
        steps: the steps, each after those that it reads.

    """
    waiting: list[Lowered] = []
    now: FusedPass | None = None
    for one in steps:
        more = _pass([*waiting, one])
        if more is None or (now is not None and not (more.outer >= min(now.outer, 1))):
            yield from _passed(now, waiting)
            waiting, more = [one], _pass([one])
        else:
            waiting.append(one)
        now = more
        if more is None:
            yield one
            waiting = []
    yield from _passed(now, waiting)


def _passed(found: FusedPass | None, steps: Sequence[Lowered]) -> Iterator[FusedPass | Lowered]:
    """Yield a pass, or its steps where the contraction is as good: one sum without a function."""
    if found is None or not found.inputs:
        yield from steps
        return
    (first, *others) = found.steps
    simple = not others and len(first.terms) == 1 and not any(r.function for r in first.reads)
    if simple:
        yield from steps
    else:
        yield found


def _pass(steps: Sequence[Lowered]) -> FusedPass | None:
    """Return the pass that computes some steps, with as many outer loops as possible."""
    domain: tuple[Expr, ...] = ()
    for step, plan in steps:
        own = _widest(step, plan)
        if own is None:
            return None
        longer, shorter = (own, domain) if len(own) > len(domain) else (domain, own)
        if longer[: len(shorter)] != shorter:
            return None
        domain = longer
    found = [_aligned(step, plan, domain) for step, plan in steps]
    made = [s for s in found if s is not None]
    if len(made) < len(found) or len({s.tensor.name for s in made}) < len(made):
        return None
    for outer in range(max(len(domain) - 1, 0), -1, -1):
        if all(_fits(s, made[:at], outer) for at, s in enumerate(made)):
            return FusedPass(domain, outer, tuple(made))
    return None


def _widest(step: AnyStep, plan: Plan | None) -> tuple[Expr, ...] | None:
    """Return the shape that has all loops of a step, None if a sum has no array with them."""
    if isinstance(step, SelectionStep) and step.selection.kind in ("max", "min"):
        return _shape(step.selection.source)
    if plan is None:
        return None
    if plan.hypotheses or plan.intermediates or plan.alternatives or not plan.nests:
        return None
    widest: tuple[Expr, ...] = ()
    for nest in plan.nests:
        found = [loops for loops in _indices(nest) if set(loops) == _variables(nest)]
        if not (_is_plain(nest, plan) and found):
            return None
        sizes = {loop.variable: loop.bounds[0].size for loop in nest.loops}
        own = tuple(sizes[v] for v in found[0])
        widest = max(widest, own, key=len)
    return widest


def _shape(t: Tensor) -> tuple[Expr, ...]:
    return tuple(n for n in t.shape if n is not None)


def _variables(nest: Nest) -> set[Symbol]:
    return {loop.variable for loop in nest.loops}


def _indices(nest: Nest) -> Iterator[tuple[Symbol, ...]]:
    """Yield the loops of each array of a sum that has no loop twice, the output's first."""
    for index in (nest.output, *(f.index for f in nest.factors if isinstance(f, Operand))):
        loops = tuple(v for e in index for v in e.loops)
        if len(set(loops)) == len(loops):
            yield loops


def _is_plain(nest: Nest, plan: Plan) -> bool:
    """Say whether loops are whole axes, and every index is one loop: nothing is out of a box."""
    sizes = {}
    for loop in nest.loops:
        (bound, *more) = loop.bounds
        if more or bound.value != affine(loop.variable, (loop.variable,)):
            return False
        sizes[loop.variable] = bound.size
    known = all(not f.function or f.function in FUNCTIONS for f in _operands(nest))
    if nest.outer or not known or len(_operands(nest)) < len(nest.factors):
        return False
    shapes = [(nest.output, plan.shape), *((f.index, _shape(f.tensor)) for f in _operands(nest))]
    return all(
        len(e.loops) == 1 and e == affine(e.loops[0], e.loops) and sizes[e.loops[0]] == n
        for index, shape in shapes
        for e, n in zip(index, shape, strict=True)
    )


def _operands(nest: Nest) -> list[Operand]:
    return [f for f in nest.factors if isinstance(f, Operand)]


def _aligned(step: AnyStep, plan: Plan | None, domain: tuple[Expr, ...]) -> FusedStep | None:
    """Return a step with its loops as axes of a domain."""
    if plan is None:
        assert isinstance(step, SelectionStep)
        return _selected(step)
    assert isinstance(step, ProgramStep)
    terms, axes = [], set()
    for nest in plan.nests:
        at = next(_placed(nest, domain), None)
        if at is None:
            return None
        axes.add(tuple(at[e.loops[0]] for e in nest.output))
        reads = (
            FusedRead(f.tensor, tuple(at[e.loops[0]] for e in f.index), f.function, f.order)
            for f in _operands(nest)
        )
        terms.append(FusedTerm(nest.coefficient, tuple(sorted(at.values())), tuple(reads)))
    return FusedStep(step.layer.output, axes.pop(), tuple(terms), step) if len(axes) == 1 else None


def _placed(nest: Nest, domain: tuple[Expr, ...]) -> Iterator[dict[Symbol, int]]:
    """Yield the ways in which an array of a sum has its loops along the axes of a domain."""
    sizes = {loop.variable: loop.bounds[0].size for loop in nest.loops}
    for loops in _indices(nest):
        own = tuple(sizes[v] for v in loops)
        if set(loops) == _variables(nest) and own == domain[: len(own)]:
            yield {v: at for at, v in enumerate(loops)}


def _selected(step: SelectionStep) -> FusedStep:
    """Return a selection: a value keeps the axes along which it does not select."""
    s = step.selection
    whole = tuple(range(len(s.source.shape)))
    read = FusedTerm(Integer(1), whole, (FusedRead(s.source, whole),))
    if not step.is_value:
        return FusedStep(s.tensor, whole, (read,), step)
    axes = tuple(a for a in whole if a not in s.axes)
    value = Tensor(s.value, tuple(s.source.shape[a] for a in axes))
    return FusedStep(value, axes, (read,), step)


def _fits(s: FusedStep, before: Sequence[FusedStep], outer: int) -> bool:
    """Say whether a step can be computed for each value of the outer loops by itself."""
    known = {t.tensor.name: t for t in before}
    around = set(range(outer))
    if isinstance(s.step, SelectionStep):
        along = set(s.step.selection.axes)
        rows = set(s.loops) - around == along  # what is selected along is all of a row
        made = known.get(s.step.selection.source.name)
        whole = rows and (made is None or made.axes == s.axes)  # a row lies in one piece
        if around & along or not (s.step.is_value or whole):
            return False
    spread = bool(around & set(s.summed))  # a sum over rows
    if spread and any(set(t.axes) == set(s.axes) for t in s.terms):
        return False
    if not all(around <= set(t.axes) for t in s.terms):  # else a term would be added several times
        return False
    if not (spread or around <= set(s.axes)):
        return False
    return all(_readable(r, t, known.get(r.tensor.name), around) for t in s.terms for r in t.reads)


def _readable(r: FusedRead, t: FusedTerm, made: FusedStep | None, around: set[int]) -> bool:
    """Say whether what is read is complete, and no function is evaluated in vain."""
    if r.function and t.axes[-1:] and t.axes[-1] in r.axes and set(r.axes) != set(t.axes):
        return False
    if made is None:
        return True
    same = all(a == b for a, b in zip(made.axes, r.axes, strict=True) if around & {a, b})
    return same and not around & set(made.summed)


def all_reads(passes: Iterable[FusedPass]) -> set[tuple[str, int]]:
    """Return the scalar functions that passes evaluate, each with its order."""
    return {(r.function, r.order) for p in passes for s in p.steps for r in s.reads if r.function}
