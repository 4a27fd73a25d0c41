"""Mutants of plans: each changes one number, name, bound, role or factor of a nest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from sympy import Expr, Symbol

from rot180.codegen.plans.draft import Draft, access
from rot180.codegen.plans.plan import (
    Affine,
    Box,
    Divided,
    Factor,
    Loop,
    Nest,
    Phase,
    Plan,
    Solved,
    Step,
)
from rot180.derive.language.polynomial import coefficient, normal
from rot180.derive.language.terms import Access, Apply, Range, Tensor

Mutant = tuple[str, Nest]
"""What was changed, by the words that an error must contain one of, and the result."""


def mutants(plan: Plan) -> Iterator[tuple[str, Plan]]:
    """Yield mutants of a plan, each with a word for what was changed."""
    for at, nest in enumerate(plan.nests):
        for what, new in nest_mutants(nest):
            nests = (*plan.nests[:at], new, *plan.nests[at + 1 :])
            yield what, replace(plan, nests=nests)
    yield "nests", replace(plan, nests=(*plan.nests, *plan.nests[-1:]))
    yield "terms", replace(plan, nests=plan.nests[:-1])
    for axis in range(len(plan.shape)):
        shape = list(plan.shape)
        shape[axis] = normal(shape[axis] + 1)
        yield "shape", replace(plan, shape=tuple(shape))


def nest_mutants(nest: Nest) -> Iterator[Mutant]:
    """Yield mutants of a nest."""
    yield "coefficient", replace(nest, coefficient=normal(nest.coefficient + 1))
    yield "coefficient", replace(nest, coefficient=normal(-nest.coefficient))
    for at, step in enumerate(nest.outer):
        rest = nest.outer[:at], nest.outer[at + 1 :]
        for what, new in step_mutants(step):
            yield what, replace(nest, outer=(*rest[0], *new, *rest[1]))
    yield from loop_mutants(nest)
    yield from factor_mutants(nest)
    for axis, e in enumerate(nest.output):
        for changed in map_mutants(e):
            maps = (*nest.output[:axis], changed, *nest.output[axis + 1 :])
            yield "axis", replace(nest, output=maps)
    yield from role_mutants(nest)


def step_mutants(step: Step) -> Iterator[tuple[str, tuple[Step, ...]]]:
    """Yield the mutants of an outer step."""
    if isinstance(step, Phase):
        yield step.variable.name, ()
        yield step.variable.name, (replace(step, size=normal(step.size + 1)),)
        yield step.variable.name, (replace(step, size=normal(step.size - 1)),)
        for n in step.most:
            yield step.variable.name, (replace(step, most=(normal(n - 1),)),)
    elif isinstance(step, Solved):
        yield step.variable.name, ()
        yield step.variable.name, (replace(step, value=normal(step.value + 1)),)
        yield step.variable.name, (replace(step, value=normal(-step.value)),)
        yield step.variable.name, (replace(step, divisor=normal(step.divisor + 1)),)
    elif isinstance(step, Divided):
        yield step.quotient.name, ()
        yield step.quotient.name, (replace(step, value=normal(step.value + 1)),)
        yield step.quotient.name, (replace(step, value=normal(-step.value)),)
        yield step.quotient.name, (replace(step, divisor=normal(step.divisor + 1)),)
        swapped = replace(step, quotient=step.remainder, remainder=step.quotient)
        yield step.quotient.name, (swapped,)
    else:
        yield "condition", ()
        yield "condition", (replace(step, size=normal(step.size + 1)),)


def map_mutants(e: Affine) -> Iterator[Affine]:
    """Yield maps that are shifted by one, mirrored, or have other coefficients."""
    yield replace(e, constant=normal(e.constant + 1))
    for at, (v, c) in enumerate(e.coefficients):
        for new in (normal(c + 1), normal(-c)):
            changed = (*e.coefficients[:at], (v, new), *e.coefficients[at + 1 :])
            yield replace(e, coefficients=changed)
    if len(e.coefficients) == 2:
        # stride for dilation
        (v, c), (w, d) = e.coefficients
        yield replace(e, coefficients=((v, d), (w, c)))


def loop_mutants(nest: Nest) -> Iterator[Mutant]:
    """Yield nests in which a bound of a loop is dropped, shifted, or of another size."""
    for at, loop in enumerate(nest.loops):

        def changed(bounds: tuple[Box, ...], at: int = at, loop: Loop = loop) -> Nest:
            new = replace(loop, bounds=bounds)
            return replace(nest, loops=(*nest.loops[:at], new, *nest.loops[at + 1 :]))

        for number, b in enumerate(loop.bounds):
            rest = loop.bounds[:number], loop.bounds[number + 1 :]
            yield loop.variable.name, changed((*rest[0], *rest[1]))
            for size in (normal(b.size - 1), normal(b.size + 1)):
                yield loop.variable.name, changed((*rest[0], replace(b, size=size), *rest[1]))
            for e in map_mutants(b.value):
                yield loop.variable.name, changed((*rest[0], replace(b, value=e), *rest[1]))


def factor_mutants(nest: Nest) -> Iterator[Mutant]:
    """Yield nests in which an operand is left out, read elsewhere, or of another array."""
    for at, f in enumerate(nest.factors):

        def changed(*new: Factor, at: int = at) -> Nest:
            if at < len(nest.left):
                return replace(nest, left=(*nest.left[:at], *new, *nest.left[at + 1 :]))
            n = at - len(nest.left)
            return replace(nest, right=(*nest.right[:n], *new, *nest.right[n + 1 :]))

        if isinstance(f, Box):
            yield "condition", changed()
            yield "condition", changed(replace(f, size=normal(f.size + 1)))
            continue
        name = f.tensor.name
        yield f"{name}|loop", changed()
        yield name, changed(replace(f, tensor=Tensor(f"{name}_2", f.tensor.shape)))
        for axis, e in enumerate(f.index):
            for new in map_mutants(e):
                index = (*f.index[:axis], new, *f.index[axis + 1 :])
                yield f"{name}|loop", changed(replace(f, index=index))


def role_mutants(nest: Nest) -> Iterator[Mutant]:
    """Yield nests in which a loop has another role, or none."""
    given = {"batch": nest.batch, "m": nest.m, "n": nest.n, "k": nest.k}
    for role, loops in given.items():
        for v in loops:
            left = {**given, role: tuple(u for u in loops if u != v)}
            yield f"loop {v}", _with_roles(nest, left)
            for other in given.keys() - {role}:
                yield f"loop {v}", _with_roles(nest, {**left, other: (*left[other], v)})
    if nest.left and nest.right:
        yield "loop", replace(nest, left=nest.right, right=nest.left)


def _with_roles(nest: Nest, roles: dict[str, tuple[Symbol, ...]]) -> Nest:
    return replace(nest, batch=roles["batch"], m=roles["m"], n=roles["n"], k=roles["k"])


def draft_mutants(d: Draft) -> Iterator[Draft]:
    """Yield mutants of a draft: what a pass would return if one thing in it were wrong."""
    yield replace(d, coefficient=normal(d.coefficient + 1))
    for at, e in enumerate(d.output):
        for new in _moved(e, d.variables):
            yield replace(d, output=(*d.output[:at], new, *d.output[at + 1 :]))
    for at, a in enumerate(d.accesses):
        entry = access(a)
        for axis, e in enumerate(entry.index):
            for new in _moved(e, d.variables):
                index = (*entry.index[:axis], new, *entry.index[axis + 1 :])
                moved: Access | Apply = Access(entry.tensor, index)
                if isinstance(a, Apply):
                    moved = Apply(a.function, a.order, Access(entry.tensor, index))
                yield replace(d, accesses=(*d.accesses[:at], moved, *d.accesses[at + 1 :]))
    for at, r in enumerate(d.ranges):
        rest = d.ranges[:at], d.ranges[at + 1 :]
        sizes = [Range(r.value, normal(r.size + by)) for by in (-1, 1)]
        others = [Range(e, r.size) for e in _moved(r.value, d.variables)]
        yield replace(d, ranges=(*rest[0], *rest[1]))
        for new_range in (*sizes, *others):
            yield replace(d, ranges=(*rest[0], new_range, *rest[1]))
    for at, e in enumerate(d.equations):
        before, after = d.equations[:at], d.equations[at + 1 :]
        yield replace(d, equations=(*before, *after))
        for new in _moved(e, d.variables):
            yield replace(d, equations=(*before, new, *after))
    for at, step in enumerate(d.outer):
        for _, steps in step_mutants(step):
            found = [s for s in steps if not isinstance(s, Box)]
            yield replace(d, outer=(*d.outer[:at], *found, *d.outer[at + 1 :]))


def _moved(e: Expr, variables: Sequence[Symbol]) -> Iterator[Expr]:
    """Yield an index shifted by one, and with another coefficient or sign of each variable."""
    yield normal(e + 1)
    for v in variables:
        if (c := coefficient(e, v)) != 0:
            yield normal(e + v)
            yield normal(e - 2 * c * v)
