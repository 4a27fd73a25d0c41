"""A fused pass is accepted only if its loop nests compute what its steps compute."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from functools import cache
from itertools import permutations, product

import pytest

from rot180.codegen.kernels import program_passes
from rot180.codegen.kernels.program_derivation import program_module, prove_program
from rot180.codegen.plans import pass_agreement
from rot180.codegen.plans.fusion import FusedPass
from rot180.codegen.plans.interpreter import Functions
from rot180.codegen.plans.pass_agreement import require_agreement
from rot180.codegen.plans.pass_nests import FusedNest, pass_nests
from rot180.codegen.plans.plan import LoweringError, Plan
from rot180.derive.language.polynomial import number, symbol, symbols_of
from rot180.derive.language.programs import parse_program
from rot180.derive.language.terms import AtLeast
from tests.codegen.kernels.test_fused import EXACT
from tests.support import pass_loops
from tests.support.pass_loops import Entries, PassLoops, UnsetError, one_by_one
from tests.support.plan_mutants import mutants

MORE = {
    "function": "e[n,j] = exp(x[n,j]); s[n] = sum[j] e[n,j]*v[j]; y[n,j] = tanh(e[n,j]) + s[n]",
    "three axes": "a[n,j,k] = x[n,j,k]*w[n]; s[n,j] = sum[k] a[n,j,k]; y[n,j,k] = a[n,j,k]*s[n,j]",
    "square": "x[N,N]; a[i,j] = x[i,j] + x[j,i]; m[i] = max[j] a[i,j]; y[i,j] = a[i,j] - m[j]",
    "diagonal": "x[N,N]; a[i,j] = x[i,i]*x[i,j]; s[i] = sum[j] a[i,j]; y[i,j] = s[i]*a[i,j]",
}
Pass = tuple[FusedPass, tuple[Plan | None, ...]]


@cache
def passes(text: str) -> tuple[Pass, ...]:
    """Return the passes of a program's functions, with the plans of their steps."""
    found: dict[tuple[str, ...], Pass] = {}

    def record(p: FusedPass, plans: list[Plan | None]) -> None:
        require_agreement(p, plans)
        found[p.names] = p, tuple(plans)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(program_passes, "require_agreement", record)
        program_module(prove_program(parse_program(text)), "cython", joint=True, fused=True)
    return tuple(found.values())


def functions(found: FusedPass) -> Functions:
    """Return integer functions in place of the scalar functions of a pass."""
    reads = (r for s in found.steps for r in s.reads)
    names = sorted({(r.function, r.order) for r in reads})

    def function(a: int):  # type: ignore[no-untyped-def]
        return lambda value: a * value * value - value + a

    return {name: function(at + 2) for at, name in enumerate(names)}


def agrees(found: FusedPass, plans: tuple[Plan | None, ...], order: tuple[int, ...]) -> bool:
    """Say whether a pass computes its steps, the plans of which run in a given order."""
    rng = random.Random(str(found.names))
    steps = list(zip(found.steps, plans, strict=True))
    sizes_of = {v for n in found.domain for v in symbols_of(n)}
    terms = [t for s in found.steps for t in s.terms]
    others = {v for t in terms for v in symbols_of(t.coefficient)} - sizes_of
    for counts in [(2, 3, 2), (1, 2, 4), (3, 1, 2), (2, 0, 1), (0, 2, 2)]:
        names = sorted(v.name for v in sizes_of)
        sizes = dict(zip(names, counts, strict=False)) | {v.name: 3 for v in others}
        values: dict[str, Entries] = {}
        for t in found.inputs:
            shape = [range(int(number(n, sizes))) for n in t.shape if n is not None]
            values[t.name] = {at: Fraction(rng.randint(-4, 4)) for at in product(*shape)}
        known = functions(found)
        try:
            one = PassLoops(found, sizes, values, known).run()
        except (UnsetError, KeyError, IndexError):
            return False
        if one != one_by_one([steps[at] for at in order], sizes, values, known):
            return False
    return True


def changed(found: FusedPass, plans: tuple[Plan | None, ...]) -> Iterator[tuple[str, Pass]]:
    """Yield passes that differ in one place."""
    rank = len(found.domain)
    for outer in range(rank + 1):
        yield f"{outer} outer loops", (replace(found, outer=outer), plans)
    for at, s in enumerate(found.steps):
        def new(what: str, changed: object, at: int = at) -> tuple[str, Pass]:
            steps = (*found.steps[:at], changed, *found.steps[at + 1 :])
            return what, (replace(found, steps=steps), plans)  # type: ignore[arg-type]

        for axes in permutations(range(rank), len(s.axes)):
            yield new(f"axes {axes} of {s.tensor.name}", replace(s, axes=axes))
        for n, t in enumerate(s.terms):
            others = (*s.terms[:n], *s.terms[n + 1 :])
            yield new(f"a sum of {s.tensor.name} less", replace(s, terms=others))
            yield new(f"a sum of {s.tensor.name} twice", replace(s, terms=(*s.terms, t)))
            terms = [replace(t, coefficient=t.coefficient + 1)]
            some = (a for k in range(rank + 1) for a in permutations(range(rank), k))
            terms += [replace(t, axes=a) for a in some]
            for m, r in enumerate(t.reads):
                reads = [replace(r, axes=a) for a in permutations(range(rank), len(r.axes))]
                reads += [replace(r, order=r.order + 1)] if r.function else []
                terms += [replace(t, reads=(*t.reads[:m], q, *t.reads[m + 1 :])) for q in reads]
            for u in terms:
                yield new(f"{u}", replace(s, terms=(*s.terms[:n], u, *s.terms[n + 1 :])))


@pytest.mark.parametrize("name", [*EXACT, *MORE])
def test_passes_compute_their_steps(name: str) -> None:
    found = passes((EXACT | MORE)[name])
    assert found or name == "products"
    for p, plans in found:
        assert agrees(p, plans, tuple(range(len(plans))))


@pytest.mark.parametrize("name", [*EXACT, *MORE])
def test_an_accepted_mutant_computes_the_same(name: str) -> None:
    refused = 0
    for p, plans in passes((EXACT | MORE)[name]):
        for what, (mutant, own) in changed(p, plans):
            try:
                require_agreement(mutant, own)
            except LoweringError as error:
                refused += 1
                assert "the pass does not compute" in str(error)
            else:
                assert agrees(mutant, own, tuple(range(len(own)))), what
    assert refused >= 10 or name == "products"


@pytest.mark.parametrize("name", [*EXACT, *MORE])
def test_steps_in_another_order_are_refused_or_compute_the_same(name: str) -> None:
    for p, plans in passes((EXACT | MORE)[name]):
        for order in list(permutations(range(len(plans))))[1:]:
            mutant = replace(p, steps=tuple(p.steps[at] for at in order))
            own = tuple(plans[at] for at in order)
            back = tuple(order.index(at) for at in range(len(order)))
            try:
                require_agreement(mutant, own)
            except LoweringError:
                continue
            assert agrees(mutant, own, back), order


def other_nests(nests: tuple[FusedNest, ...]) -> Iterator[tuple[FusedNest, ...]]:
    """Yield nests of which one is gone, moved or repeated, or a part is of another kind."""
    for at, nest in enumerate(nests):
        before, after = nests[:at], nests[at + 1 :]
        yield (*before, *after)
        yield (*before, nest, nest, *after)
        yield (*after, *before, nest)
        yield (nest, *before, *after)
        yield (*before, FusedNest(nest.loops[1:], nest.parts), *after)
        yield (*before, FusedNest((*nest.loops, *nest.loops), nest.parts), *after)
        for n, part in enumerate(nest.parts):
            for kind in ("set", "zero", "add", "begin", "extreme"):
                parts = [*nest.parts[:n], replace(part, kind=kind), *nest.parts[n + 1 :]]
                yield (*before, FusedNest(nest.loops, parts), *after)
            for parts in ([*nest.parts[:n], *nest.parts[n + 1 :]], nest.parts[::-1]):
                yield (*before, FusedNest(nest.loops, parts), *after)


@pytest.mark.parametrize("name", [*EXACT, *MORE])
def test_other_loop_nests_are_refused_or_compute_the_same(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = 0
    for p, plans in passes((EXACT | MORE)[name]):
        for nests in other_nests(pass_nests(p)):
            given = tuple(
                FusedNest(nest.loops, [replace(q, loops=nest.loops) for q in nest.parts])
                for nest in nests
                if nest.parts
            )
            for module in (pass_agreement, pass_loops):
                monkeypatch.setattr(module, "pass_nests", lambda found, given=given: given)
            try:
                require_agreement(p, plans)
            except LoweringError:
                refused += 1
            else:
                assert agrees(p, plans, tuple(range(len(plans)))), given
            monkeypatch.undo()
    assert refused >= 10 or name == "products"


@pytest.mark.parametrize("name", [*EXACT, *MORE])
def test_other_plans_are_refused_or_compute_the_same(name: str) -> None:
    refused = 0
    for p, plans in passes((EXACT | MORE)[name]):
        for at, plan in enumerate(plans):
            for _, other in mutants(plan) if plan else ():
                own = (*plans[:at], other, *plans[at + 1 :])
                try:
                    require_agreement(p, own)
                except LoweringError:
                    refused += 1
                else:
                    assert agrees(p, own, tuple(range(len(own)))), other
    assert refused >= 10 or name == "products"


def test_plans_that_are_more_than_sums_are_refused() -> None:
    ((found, plans),) = (p for p in passes(EXACT["rows"]) if p[0].names == ("a", "s", "y"))
    plan = plans[0]
    assert plan is not None
    for other, said in [
        (None, "it has no plan"),
        (replace(plan, alternatives=(plan,)), "more than sums"),
        (replace(plan, hypotheses=(AtLeast(symbol("c")),)), "more than sums"),
    ]:
        with pytest.raises(LoweringError, match=f"compute a: .*{said}"):
            require_agreement(found, (other, *plans[1:]))


def test_a_sum_that_rows_would_add_several_times_is_named() -> None:
    text = EXACT["a sum over one of two outer loops"]
    (found, plans), *_ = (p for p in passes(text) if "s" in p[0].names)
    wrong = replace(found, outer=2, steps=found.steps[:1])
    assert [p.kind for nest in pass_nests(wrong) for p in nest.parts] == ["add"]
    with pytest.raises(LoweringError, match="compute s: a sum is added several times"):
        require_agreement(wrong, plans[:1])
