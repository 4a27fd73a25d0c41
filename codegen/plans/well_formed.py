"""What printers take for granted about a plan, besides its value: each point has its message."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from sympy import Expr, Symbol

from rot180.codegen.plans.lift import polynomial, variables
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
    Solved,
    Step,
    named,
    polynomials,
)
from rot180.derive.kernel.obligations import Obligation, evident
from rot180.derive.language.polynomial import symbols_of
from rot180.derive.language.terms import AtLeast, Condition, Range, Tensor
from rot180.derive.search.farkas import certify


def require_well_formed(plan: Plan) -> None:
    """Check the names, loops, roles and divisors of a plan's nests.

    Raises:
        LoweringError: a nest is not well formed; the message names the loop, bound or phase.

    """
    for i in plan.intermediates:
        _require_nests(f"{i.tensor.name}, ", i.tensor.shape, i.nests, plan.hypotheses)
        if i.running:
            _require_running(i.tensor, i.running)
    _require_nests("", plan.shape, plan.nests, plan.hypotheses)


def _require_running(t: Tensor, r: Running) -> None:
    """Refuse a running sum along an axis that there is not, or in no direction."""
    axes = len(t.shape)
    if not 0 <= r.axis < axes or r.step not in (1, -1) or len({*r.index}) != axes:
        raise LoweringError(
            f"{t.name}: the running sum is along axis {r.axis} by {r.step} over {r.index}, "
            f"expected one of {axes} axes, 1 or -1, and a variable for each"
        )


def _require_nests(
    where: str,
    shape: Sequence[Expr | None],
    nests: Iterable[Nest],
    hypotheses: tuple[Condition, ...],
) -> None:
    for number, nest in enumerate(nests):
        try:
            _require_names(nest)
            _require_divisors(nest, hypotheses)
            _require_output(nest, shape)
            _require_roles(nest)
        except LoweringError as error:
            raise LoweringError(f"{where}nest {number}: {error}") from None


def _require_names(nest: Nest) -> None:
    """Refuse a variable that is defined twice, or used where it has no value yet."""
    every = variables(nest)
    for v in every:
        if every.count(v) > 1:
            raise LoweringError(f"{v} is defined twice")
    for at, step in enumerate(nest.outer):
        inner = {v for s in nest.outer[at:] for v in named(s)} | _loops(nest)
        for p in polynomials(step):
            _require_known(_name(step), p, inner)
        if isinstance(step, Box):
            _require_map(_name(step), step.value, (), every)
    for at, loop in enumerate(nest.loops):
        part, known = f"the loop {loop.variable}", [u.variable for u in nest.loops[: at + 1]]
        if not loop.bounds:
            raise LoweringError(f"{part} has no bound")
        for b in loop.bounds:
            if loop.variable not in b.loops:
                raise LoweringError(f"a bound of {part}, {polynomial(b.value)}, is not about it")
            _require_map(f"a bound of {part}", b.value, known, every)
            _require_known(f"the size of a bound of {part}", b.size, set(every))
    for axis, e in enumerate(nest.output):
        _require_map(f"axis {axis} of the output", e, _loops(nest), every)
    for f in nest.factors:
        part = f"the index of {f.tensor.name}" if isinstance(f, Operand) else "a condition"
        for e in f.index if isinstance(f, Operand) else (f.value,):
            _require_map(part, e, _loops(nest), every)
    _require_known("the coefficient", nest.coefficient, set(every))


def _loops(nest: Nest) -> set[Symbol]:
    return {loop.variable for loop in nest.loops}


def _name(step: Step) -> str:
    if isinstance(step, Box):
        return "a condition outside the loops"
    kinds = {Phase: "the phase", Solved: "the solved variable", Divided: "the division of"}
    return f"{kinds[type(step)]} {' and '.join(v.name for v in named(step))}"


def _require_known(part: str, e: Expr, inner: set[Symbol]) -> None:
    if wrong := sorted(v.name for v in symbols_of(e) & inner):
        raise LoweringError(f"{part} depends on {wrong[0]}, which is not fixed there")


def _require_map(
    part: str, e: Affine, loops: Collection[Symbol], every: Collection[Symbol]
) -> None:
    """Refuse a map of loops that are not around it, or whose coefficients are not fixed."""
    if wrong := sorted(v.name for v in set(e.loops) - set(loops)):
        raise LoweringError(f"{part} depends on {wrong[0]}, which is not a loop around it")
    _require_known(part, e.constant, set(loops))
    for _, c in e.coefficients:
        _require_known(part, c, set(every))


def _require_divisors(nest: Nest, hypotheses: tuple[Condition, ...]) -> None:
    """Refuse a divisor that may be less than 1 where the steps around it hold."""
    known = list(hypotheses)
    for step in nest.outer:
        if isinstance(step, Solved | Divided):
            positive = Obligation(tuple(known), AtLeast(step.divisor - 1))
            if not evident(positive) and certify(positive, degree=2) is None:
                raise LoweringError(
                    f"{_name(step)}: the divisor is {step.divisor}, expected one that the "
                    "hypotheses make at least 1"
                )
        elif isinstance(step, Phase):
            known += [Range(step.variable, n) for n in step.sizes]


def _require_output(nest: Nest, shape: Sequence[Expr | None]) -> None:
    """Refuse an entry outside the output: a loop or a condition must keep each axis inside."""
    if len(nest.output) != len(shape):
        raise LoweringError(f"it writes {len(nest.output)} axes, expected {len(shape)}")
    bounds = {loop.variable: loop.bounds for loop in nest.loops}
    phases = {(s.variable, n) for s in nest.outer if isinstance(s, Phase) for n in s.sizes}
    phases |= {(s.remainder, s.divisor) for s in nest.outer if isinstance(s, Divided)}
    for axis, (e, n) in enumerate(zip(nest.output, shape, strict=True)):
        if n is None:
            continue
        around = bounds.get(e.loops[0], ()) if len(e.loops) == 1 else ()
        inside = Box(e, n) in around or (not e.loops and Box(e, n) in nest.outer)
        if not inside and (e.loops or (e.constant, n) not in phases):
            loops = ", ".join(v.name for v in e.loops) or "no loop"
            raise LoweringError(
                f"axis {axis} of the output is {polynomial(e)}: no bound of {loops} keeps it "
                f"in 0 <= {polynomial(e)} < {n}"
            )


def _require_roles(nest: Nest) -> None:
    """Refuse a loop that is not batch, m, n or k as the output and the two sides say."""
    written = {v for e in nest.output for v in e.loops}
    left = {v for f in nest.left for v in f.loops}
    right = {v for f in nest.right for v in f.loops}
    given = {"batch": nest.batch, "m": nest.m, "n": nest.n, "k": nest.k}
    for v in dict.fromkeys((*(u.variable for u in nest.loops), *sum(given.values(), ()))):
        if v not in _loops(nest):
            expected = ""
        elif v not in written:
            expected = "k"
        elif v not in right:
            expected = "m"
        else:
            expected = "batch" if v in left else "n"
        found = [role for role, loops in given.items() for u in loops if u == v]
        if found != ([expected] if expected else []):
            raise LoweringError(
                f"the loop {v} is in {' and '.join(found) or 'no role'}, "
                f"expected {expected or 'none: there is no such loop'}"
            )
