"""The side conditions of each step, computed independently of the rules.

The kernel says which obligations a step has, and in which context. If a context were wrong, a
solver that is asked whether it implies the goal would be misled. So goals and contexts are computed
here a second time, from the inference figures and the lines, arguments and hypotheses of the proof,
and then compared with those of the kernel.

A context has the conditions that hold where some factors of a term are nonzero: the box of each
tensor and, for a tensor defined by a single term, the context of the factors of that term, where
its bound variables are named ``exists1, exists2, ...``.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sympy import Expr, Symbol

from rot180.derive.kernel.obligations import Goal, Nonzero, Obligation, show_goal
from rot180.derive.kernel.proof import Proof, Step, Theorem
from rot180.derive.language.polynomial import normal, symbol
from rot180.derive.language.terms import (
    Access,
    AtLeast,
    Condition,
    Derivative,
    Equal,
    Expression,
    Factor,
    Range,
    Term,
    factor_symbols,
)


@dataclass(frozen=True)
class Requirement:
    """Goals that a step requires, wherever some factors are nonzero and further conditions hold."""

    factors: tuple[Factor, ...]
    goals: tuple[Goal, ...]
    assumed: tuple[Condition, ...] = ()


def side_conditions(theorem: Theorem) -> list[tuple[Obligation, ...]]:
    """Return the obligations of each step of a theorem, computed independently of the kernel.

    Args:
        theorem: a theorem; the proofs that it cites are ignored.

    """
    return [
        tuple(_obligations(theorem.proof, line if step.result is None else step.result, step))
        for step, line in zip(theorem.proof.steps, theorem.lines, strict=False)
    ]


def _obligations(proof: Proof, source: Expression, step: Step) -> Iterator[Obligation]:
    term, outer = source[step.at], tuple[Factor, ...]()
    if step.inside is not None:
        pending = term.factors[step.inside]
        assert isinstance(pending, Derivative)
        outer = _without(term.factors, (step.inside,))
        term = Term(term.coefficient * 0 + 1, (), pending.factors)
    facts = (*proof.hypotheses, *_boxes(proof))
    for rest in _requirements(term, step):
        context = (*facts, *known((*outer, *rest.factors)), *rest.assumed)
        yield from (Obligation(context, goal) for goal in rest.goals)


def _boxes(proof: Proof) -> tuple[Range, ...]:
    return tuple(Range(v, n) for v, n in proof.variables if n is not None)


def _without(factors: Sequence[Factor], numbers: Iterable[int]) -> tuple[Factor, ...]:
    gone = set(numbers)
    return tuple(f for n, f in enumerate(factors) if n not in gone)


def _requirements(term: Term, step: Step) -> Iterator[Requirement]:
    """Yield the requirements of a step, from the inference figure of its rule."""
    given: dict[str, Any] = dict(step.arguments)
    factors = term.factors
    if step.rule == "entry":
        yield from _entry(factors, given["factor"])
    elif step.rule == "bracket":
        others = _without(factors, given["drop"])
        old = tuple(f for n in given["drop"] if isinstance(f := factors[n], Equal | Range))
        yield Requirement(others, old, given["add"])
        yield Requirement(others, given["add"], old)
    elif step.rule == "split":
        whole = factors[given["factor"]]
        assert isinstance(whole, Range)
        parts = AtLeast(given["first"]), AtLeast(whole.size - given["first"])
        yield Requirement(_without(factors, (given["factor"],)), parts)
    elif step.rule == "count":
        counted = factors[given["factor"]]
        assert isinstance(counted, Range)
        yield Requirement(_without(factors, (given["factor"],)), (AtLeast(counted.size),))
    elif step.rule == "invert":
        entry = factors[given["factor"]]
        assert isinstance(entry, Access)
        sides = zip(entry.index, entry.tensor.shape, strict=True)
        rest = _without(factors, (given["factor"], given["inverse"]))
        yield Requirement(rest, tuple(Range(e, n) for e, n in sides if n is not None))
    elif step.rule == "euclid":
        yield Requirement(factors, (AtLeast(given["modulus"] - 1),))
    elif step.rule == "exhaust":
        yield Requirement(factors, tuple(Range(v, n) for v, n in given["sizes"]))
        free = tuple(Range(v, n) for v, n in given["sizes"] if v not in term.variables)
        yield Requirement(given["factors"], free)
    elif step.rule == "lemma":
        yield Requirement(_without(factors, given["factors"]), _instantiated(given))
    elif step.rule == "compose":
        (left,) = given["theorem"].start[0].factors
        by = dict(given["symbols"])
        inner = Access(given["inner"], tuple(_substitute(e, by) for e in left.wrt.index))
        yield Requirement((*_without(factors, (given["factor"],)), inner), _instantiated(given))


def _entry(factors: Sequence[Factor], number: int) -> Iterator[Requirement]:
    pending = factors[number]
    assert isinstance(pending, Derivative)
    (entry,) = pending.factors
    if isinstance(entry, Access) and entry.tensor == pending.wrt.tensor:
        sides = zip(entry.index, pending.wrt.index, strict=True)
        boxes = zip(pending.wrt.index, pending.wrt.tensor.shape, strict=True)
        yield Requirement(
            _without(factors, (number,)),
            tuple(Range(h, n) for h, n in boxes if n is not None),
            tuple(Equal(normal(e - h)) for e, h in sides),
        )


def _instantiated(given: dict[str, Any]) -> tuple[Condition, ...]:
    """Return the hypotheses and boxes of a cited theorem, instantiated."""
    cited, by = given["theorem"], dict(given["symbols"])
    return tuple(_condition(c, by) for c in (*cited.hypotheses, *_boxes(cited)))


def _substitute(e: Expr, by: dict[Symbol, Expr]) -> Expr:
    return normal(e.xreplace(by))


def _condition(c: Condition, by: dict[Symbol, Expr]) -> Condition:
    if isinstance(c, Range):
        return Range(_substitute(c.value, by), _substitute(c.size, by))
    return type(c)(_substitute(c.value, by))


def known(factors: Iterable[Factor]) -> tuple[Condition, ...]:
    """Return the conditions that hold wherever none of these factors is zero."""
    fresh = (symbol(f"exists{n}") for n in itertools.count(1))
    return tuple(_known(factors, {}, fresh))


def _known(
    factors: Iterable[Factor], by: dict[Symbol, Expr], fresh: Iterator[Symbol]
) -> Iterator[Condition]:
    """Yield them; `by` maps the formals and sums of an enclosing definition."""
    for f in factors:
        if isinstance(f, Equal | Range):
            yield _condition(f, by)
        elif isinstance(f, Derivative):
            yield from _known(f.factors, by, fresh)
        elif isinstance(f, Access):
            index = [_substitute(e, by) for e in f.index]
            for e, n in zip(index, f.tensor.shape, strict=True):
                if n is not None:
                    yield Range(e, n)
            definition = f.tensor.definition
            if definition is not None and len(definition.body) == 1:
                (body,) = definition.body
                own = dict(zip(definition.formals, index, strict=True))
                own |= {v: next(fresh) for v in body.variables}
                yield from _known(body.factors, own, fresh)


def nontrivial(obligations: Iterable[Obligation]) -> list[Obligation]:
    """Return the obligations whose goal is not already implied by one condition of the context."""
    return [o for o in dict.fromkeys(obligations) if not _is_trivial(o)]


def _is_trivial(obligation: Obligation) -> bool:
    goal, facts = obligation.goal, [*map(AtLeast, _at_least(obligation.context))]
    if goal in obligation.context:
        return True
    if isinstance(goal, Range):
        parts = AtLeast(goal.value), AtLeast(goal.size - 1 - goal.value)
        return all(_follows(part, facts) for part in parts)
    if isinstance(goal, AtLeast):
        return _follows(goal, facts)
    return bool(goal.value.is_number) and (goal.value == 0) == isinstance(goal, Equal)


def _at_least(context: Iterable[Condition]) -> Iterator[Expr]:
    yield normal(0)
    for c in context:
        if isinstance(c, Range):
            yield from (c.value, normal(c.size - 1 - c.value))
        elif isinstance(c, AtLeast):
            yield c.value


def _follows(goal: AtLeast, facts: Iterable[AtLeast]) -> bool:
    differences = (normal(goal.value - fact.value) for fact in facts)
    return any(d.is_number and d >= 0 for d in differences)


def discrepancies(theorem: Theorem) -> list[str]:
    """Return messages about obligations in which the kernel and this module disagree.

    Each context of the kernel must be part of one computed here, in the same order, up to the names
    of existential variables; and each goal computed here must be a goal of the kernel.

    Args:
        theorem: a theorem; the proofs that it cites are ignored.

    """
    found = []
    own = side_conditions(theorem)
    for number, (step, needed) in enumerate(zip(theorem.proof.steps, own, strict=True), 1):
        where = f"step {number} ({step.rule})"
        engine = theorem.obligations[number - 1]
        goals = {o.goal for o in engine}
        found += [
            f"{where}: the goal {show_goal(o.goal)} is missing"
            for o in needed
            if o.goal not in goals
        ]
        for obligation in engine:
            if not any(
                _part_of(obligation.context, context, names)
                for context, names in _contexts(theorem, number, obligation, needed)
            ):
                known_of = ", ".join(map(show_goal, obligation.context)) or "nothing"
                goal = show_goal(obligation.goal)
                found.append(f"{where}: that {goal} cannot be shown from {known_of}")
    return found


def _contexts(
    theorem: Theorem, number: int, obligation: Obligation, own: Sequence[Obligation]
) -> Iterator[tuple[tuple[Condition, ...], frozenset[Symbol]]]:
    """Yield the possible contexts of a goal, each with the names that are not existential."""
    facts = (*theorem.hypotheses, *_boxes(theorem.proof))
    step = theorem.proof.steps[number - 1]
    fixed = frozenset().union(*(factor_symbols(c) for c in facts))
    if isinstance(obligation.goal, Nonzero):
        # the obligation that a sum is finite may use the brackets of its term
        for t in theorem.lines[number]:
            yield (*facts, *_brackets(t)), fixed | t.symbols
        return
    place = theorem.lines[number - 1] if step.result is None else step.result
    for o in own:
        if o.goal == obligation.goal:
            named = place[step.at].symbols.union(fixed, *(factor_symbols(c) for c in o.context))
            yield o.context, named


def _brackets(t: Term) -> Iterator[Condition]:
    return (f for f in t.factors if isinstance(f, Equal | Range))


def _part_of(
    engine: Sequence[Condition], own: Sequence[Condition], names: frozenset[Symbol]
) -> bool:
    """Say whether one context is the other with some conditions omitted."""
    renamed: dict[Symbol, Symbol] = {}
    rest = iter(own)
    for c in engine:
        for other in rest:
            more = _same(c, other, renamed, names)
            if more is not None:
                renamed |= more
                break
        else:
            return False
    return True


def _same(
    c: Condition, other: Condition, renamed: dict[Symbol, Symbol], names: frozenset[Symbol]
) -> dict[Symbol, Symbol] | None:
    """Return a renaming that maps one condition to the other, or None."""
    if type(c) is not type(other):
        return None
    free = sorted(factor_symbols(c) - names - renamed.keys(), key=lambda v: v.name)
    new = factor_symbols(other) - factor_symbols(c) - set(renamed.values())
    for chosen in itertools.permutations(sorted(new, key=lambda v: v.name), len(free)):
        more = dict(zip(free, chosen, strict=True))
        if _condition(c, {**renamed, **more}) == other:
            return more
    return None
