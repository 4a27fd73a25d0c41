"""Known mistakes in programs: a definition or a step of the backward pass that is another one.

Three kinds of changes cover them: a definition is changed, and all is derived again; a definition
is held fixed, as if nothing had to be differentiated through it; or a parameter has another value,
in the backward pass alone or everywhere. All are made by the engine, so they work for any program.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import sympy as sp
from sympy import Expr

from rot180.codegen.audit.expectations import ProgramExpectation
from rot180.codegen.audit.questions import Env, Question, stated
from rot180.derive.language.notation import unfold_activation
from rot180.derive.language.polynomial import normal
from rot180.derive.language.printer import write
from rot180.derive.language.programs import Program, applications, with_tensors
from rot180.derive.language.terms import (
    Access,
    Apply,
    Expression,
    Factor,
    Range,
    Tensor,
    Term,
    define,
)
from rot180.derive.semantics.program_values import Variables, chosen

Stated: TypeAlias = tuple[Expression, Variables]
"""A right side, and its indices with their sizes."""

Change = Callable[[Env], ProgramExpectation]
"""What a function with a mistake returns, at sizes and parameters."""


@dataclass(frozen=True)
class ProgramMistake:
    """A way to be wrong.

    Attributes:
        name: what it is called.
        expected: what a function with this mistake returns.

    """

    name: str
    expected: Change


def program_mistakes(question: Question) -> Iterator[ProgramMistake]:
    """Yield the known mistakes in a program or its gradient, frequent ones first."""
    yield from _ties(question)
    yield from _held(question)
    yield from _missing(question)
    yield from _parameters(question)
    yield from _roots(question)
    yield from _brackets(question)
    yield from _counts(question)
    yield from _scales(question)


def right(question: Question, env: Env) -> ProgramExpectation:
    """Return what a right function returns."""
    return ProgramExpectation(_program(question), *question.theorem, question.values(env))


def _program(question: Question) -> Program:
    assert isinstance(question.layer, Program)
    return question.layer


def _ties(question: Question) -> Iterator[ProgramMistake]:
    body, program = question.theorem[0], _program(question)
    if any(s.tensor.name in chosen(body, s) for s in program.selections):
        for ties in ("last", "all"):

            def change(env: Env, ties: str = ties) -> ProgramExpectation:
                return replace(right(question, env), ties=ties)

            word = {"last": "the last one is", "all": "all are"}[ties]
            yield ProgramMistake(
                f"ties: of equal extreme entries {word} taken, not the first", change
            )


def _held(question: Question) -> Iterator[ProgramMistake]:
    """Differentiate as if a definition did not depend on the operand."""
    if not question.wrt:
        return
    for t in _program(question).definitions[:-1]:
        made = replaced(_program(question), {t: Tensor(t.name, t.shape)})
        body, variables = stated(made, question.wrt)

        def change(
            env: Env, t: Tensor = t, made: Program = made, there: Stated = (body, variables)
        ) -> ProgramExpectation:
            origin = right(question, env)
            return ProgramExpectation(made, *there, origin.sizes, fixed=(t,), origin=origin)

        yield ProgramMistake(f"no gradient through {t.name}, as if it were constant", change)


def _missing(question: Question) -> Iterator[ProgramMistake]:
    """Leave out a term of the result, or of a definition."""
    body, variables = question.theorem
    for n, t in enumerate(body if len(body) > 1 else ()):
        rest = (*body[:n], *body[n + 1 :])
        said = write((t,), tuple(v for v, _ in variables))
        yield ProgramMistake(f"a term is missing: {said}", _instead(question, rest))
    for made in _program(question).definitions:
        assert made.definition is not None
        terms = made.definition.body
        for n, one in enumerate(terms if len(terms) > 1 else ()):
            rest = (*terms[:n], *terms[n + 1 :])
            said = f"{write((one,), made.definition.formals)} of {made.name}"
            yield from _redefined(question, f"a term is missing: {said}", {made: _with(made, rest)})


def _parameters(question: Question) -> Iterator[ProgramMistake]:
    """Give parameters the values at which they have no effect."""
    for v in (v.name for v in _program(question).parameters):
        one, zero = (8, 0) if v in question.reals else (1, 0)
        for n, word in ((one, "1"), (zero, "0")):

            def everywhere(env: Env, v: str = v, n: int = n) -> ProgramExpectation:
                return right(question, {**env, v: n})

            def backwards(env: Env, v: str = v, n: int = n) -> ProgramExpectation:
                return _backward(question, env, {**env, v: n})

            if question.wrt and v in question.reals:
                said = f"{v} is forgotten in the backward pass alone: taken as {word}"
                yield ProgramMistake(said, backwards)
            yield ProgramMistake(f"{v} is forgotten: taken as {word}", everywhere)


def _backward(question: Question, env: Env, other: Env) -> ProgramExpectation:
    """Evaluate a gradient with other parameters, but with the right values of all definitions."""
    program, origin = _program(question), right(question, env)
    fixed = {t.name: Tensor(t.name, t.shape) for t in program.definitions}
    chosen_there = [t for s in program.selections for t in (s.tensor, s.fixed) if t is not None]
    body = _freed(origin.body, fixed)
    held = (*program.definitions, *chosen_there)
    return ProgramExpectation(
        program, body, origin.variables, question.values(other), fixed=held, origin=origin
    )


def _freed(body: Expression, fixed: Mapping[str, Tensor]) -> Expression:
    """Return an expression with free tensors in the place of definitions, at any depth."""

    def access(a: Access) -> Access:
        t = a.tensor
        if t.definition is not None:
            formals = t.definition.formals
            t = fixed.get(t.name) or define(
                t.name, t.shape, formals, _freed(t.definition.body, fixed)
            )
        return Access(t, a.index)

    def factor(f: Factor) -> Factor:
        f = unfold_activation(f)
        if isinstance(f, Apply):
            return Apply(f.function, f.order, access(f.argument))
        return access(f) if isinstance(f, Access) else f

    return tuple(replace(t, factors=tuple(map(factor, t.factors))) for t in body)


def _roots(question: Question) -> Iterator[ProgramMistake]:
    """Add a constant to a root that should be added under it."""
    program = _program(question)
    for t in program.definitions:
        for applied in applications(t):
            z = applied.argument.tensor
            if applied.function not in ("sqrt", "rsqrt") or z not in program.definitions:
                continue
            assert z.definition is not None and t.definition is not None
            body, formals = z.definition.body, z.definition.formals
            constant = tuple(u for u in body if not _entries((u,)))
            if not constant or len(constant) == len(body):
                continue
            under = _with(z, tuple(u for u in body if u not in constant))
            root = Term(sp.Integer(1), (), (Apply("sqrt", 0, under[formals]),))
            over = define(f"root_{z.name}", z.shape, formals, (root, *constant))
            at = Access(over, applied.argument.index)
            outer = _other(
                t, applied, at if applied.function == "sqrt" else Apply("reciprocal", 0, at)
            )
            said = f"{write(constant, formals)} outside the root of {t.name}"
            yield from _redefined(question, said, {z: under, t: outer}, {z: (over,)})


def _entries(body: Expression) -> bool:
    return any(isinstance(f, Access | Apply) for t in body for f in t.factors)


def _other(t: Tensor, applied: Apply, image: Factor) -> Tensor:
    """Return a definition with another factor in the place of a function."""

    def factor(f: Factor) -> Factor:
        return image if unfold_activation(f) == applied else f

    assert t.definition is not None
    return _with(
        t, tuple(replace(u, factors=tuple(map(factor, u.factors))) for u in t.definition.body)
    )


def _brackets(question: Question) -> Iterator[ProgramMistake]:
    """Leave out the conditions of a definition, or move them by one."""
    for t in _program(question).definitions:
        assert t.definition is not None
        body = t.definition.body
        if not any(isinstance(f, Range) for u in body for f in u.factors):
            continue
        for said, step in (("is ignored", None), ("begins too late", 1), ("ends too late", -1)):

            def factor(f: Factor, step: int | None = step) -> Iterator[Factor]:
                if not isinstance(f, Range):
                    yield f
                elif step is not None:
                    yield Range(normal(f.value - step), normal(f.size - step))

            terms = (
                replace(u, factors=tuple(g for f in u.factors for g in factor(f))) for u in body
            )
            yield from _redefined(
                question, f"the condition of {t.name} {said}", {t: _with(t, tuple(terms))}
            )


def _counts(question: Question) -> Iterator[ProgramMistake]:
    """Divide by a size that should not be divided by, or the other way round; less one."""
    for v in question.letters:
        if v in {p.name for p in _program(question).parameters}:
            continue
        for word, sign in (("divided by", -1), ("multiplied by", 1)):

            def change(env: Env, v: str = v, sign: int = sign) -> ProgramExpectation:
                return _scaled(right(question, env), sp.Integer(max(env[v], 1)) ** sign)

            yield ProgramMistake(f"{word} {v} once too often", change)
    for t in _program(question).definitions:
        for applied in applications(t):
            z = applied.argument.tensor
            if applied.function != "reciprocal" or z.definition is None:
                continue
            counted, formals = z.definition.body, z.definition.formals
            if z not in _program(question).definitions or _entries(counted):
                continue
            one = Term(sp.Integer(-1), (), ())
            less = define(f"{z.name}_less_1", z.shape, formals, (*counted, one))
            outer = _other(t, applied, Apply("reciprocal", 0, Access(less, applied.argument.index)))
            said = f"{t.name} is divided by {write(counted, ())} - 1"
            yield from _redefined(question, said, {t: outer}, {z: (less,)})


def _scales(question: Question) -> Iterator[ProgramMistake]:
    names = {"the wrong sign": "-1", "counted twice": "2", "half of it": "1/2"}
    for said, number in names.items():

        def change(env: Env, number: str = number) -> ProgramExpectation:
            return _scaled(right(question, env), sp.Rational(number))

        yield ProgramMistake(said, change)


def _scaled(one: ProgramExpectation, scale: Expr) -> ProgramExpectation:
    terms = (replace(t, coefficient=normal(t.coefficient * scale)) for t in one.body)
    return replace(one, body=tuple(terms))


def _instead(question: Question, body: Expression) -> Change:
    return lambda env: replace(right(question, env), body=body)


def _with(t: Tensor, body: Expression) -> Tensor:
    assert t.definition is not None
    return define(t.name, t.shape, t.definition.formals, body)


def _redefined(
    question: Question,
    name: str,
    images: Mapping[Tensor, Tensor],
    new: Mapping[Tensor, Sequence[Tensor]] | None = None,
) -> Iterator[ProgramMistake]:
    """Yield the mistake that some definitions are others, from which all is derived again."""
    made = replaced(_program(question), images, new or {})
    if question.wrt not in ("", *(t.name for t in made.tensors)):
        return
    there = stated(made, question.wrt)
    yield ProgramMistake(name, lambda env: ProgramExpectation(made, *there, question.values(env)))


def replaced(
    program: Program,
    images: Mapping[Tensor, Tensor],
    new: Mapping[Tensor, Sequence[Tensor]] | None = None,
) -> Program:
    """Return a program with other definitions, in terms of which the later ones are.

    Args:
        program: the program.
        images: what definitions become; one without a definition becomes an operand.
        new: definitions that follow the image of a definition.

    """
    known: dict[Tensor, Tensor] = {}
    made, free = list[Tensor](), list(program.tensors)
    for t in program.definitions:
        image = images.get(t, t)
        known[t] = with_tensors(image, known) if image.definition else image
        (made if known[t].definition else free).append(known[t])
        made += new.get(t, ()) if new else ()
    selections = (replace(s, source=known.get(s.source, s.source)) for s in program.selections)
    return replace(
        program, definitions=tuple(made), tensors=tuple(free), selections=tuple(selections)
    )
