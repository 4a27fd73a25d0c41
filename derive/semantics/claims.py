"""Claims of users: proved, refuted at the smallest sizes, undecided or vacuous.

A claim is written ``h < H, c < C: left = right if s >= 1, K = 3``: first the free indices (those
without a size range over all integers), then the equation in the notation, then hypotheses.
Definitions and declarations may precede it:
``x[N]; L[] = sum[i] x[i]*x[i]; j < N: d L[]/d x[j] = 2*x[j]``. A function that is not known is
declared: ``f: function; i: f(x[i]) = f(x[i])``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

from sympy import Expr, Symbol

from rot180.derive.kernel.proof import Proof, Theorem, Variables
from rot180.derive.kernel.replay import replay
from rot180.derive.language.notation import parse_definition, parse_expression, parse_function
from rot180.derive.language.polynomial import parse, symbol
from rot180.derive.language.terms import (
    AtLeast,
    Condition,
    Equal,
    Expression,
    Tensor,
    tensors,
    term,
)
from rot180.derive.search.derivation import NotProvedError
from rot180.derive.search.prove import prove
from rot180.derive.semantics.check import Counterexample
from rot180.derive.semantics.counterexample import counterexample, refute
from rot180.derive.semantics.hypotheses import Vacuous, vacuous
from rot180.derive.semantics.model import EvaluationError
from rot180.derive.semantics.search_space import BOUND, Equation, tried


@dataclass(frozen=True)
class Verdict:
    """The outcome of a claim.

    Attributes:
        word: ``proved``, ``refuted``, ``undecided`` or ``vacuous``.
        theorem: the theorem, if proved.
        counterexample: sizes, index, entries and both values, if refuted; its `scope` says in which
            sense it is the smallest.
        bound: the largest distance from the simplest sizes that was searched.
        tried: other sizes around which a counterexample was searched.
        vacuous: why the hypotheses are vacuous, if they are.

    """

    word: str
    theorem: Theorem | None
    counterexample: Counterexample | None
    bound: int
    tried: tuple[int, ...] = ()
    vacuous: Vacuous | None = None

    def __str__(self) -> str:
        if self.theorem is not None:
            return f"proved\n\n{self.theorem}"
        if self.counterexample is not None:
            said = self.counterexample.describe("the left side", "the right side")
            return f"refuted: {said}\n    {self.counterexample.scope()}"
        if self.vacuous is not None:
            return str(self.vacuous)
        said = f"undecided up to the bound {self.bound}"
        if self.tried:
            said += f" and at some sizes around {', '.join(map(str, self.tried))}"
        return f"{said}: no proof and no counterexample was found"


def judge(claim: str, bound: int = BOUND) -> Verdict:
    """Try to refute a claim at random models, then to prove it, then all models up to a bound.

    Args:
        claim: a claim as in the docstring of this module.
        bound: the largest distance from the simplest sizes to search.

    Raises:
        ValueError: the claim is not in the notation, or a sum in it is not finite.

    """
    return judge_equation(*parse_claim(claim), bound)


def judge_equation(
    variables: Variables,
    lhs: Expression,
    rhs: Expression,
    hypotheses: tuple[Condition, ...] = (),
    bound: int = BOUND,
) -> Verdict:
    """Try to refute an equation at small random models, then to prove it, then larger models.

    Args:
        variables: the free indices with their sizes (None: all integers).
        lhs: the left side.
        rhs: the right side.
        hypotheses: conditions on the parameters.
        bound: the largest distance from the simplest sizes to search.

    Raises:
        ValueError: a sum is not finite.

    """
    # an infinite sum has no value to compare
    replay(Proof("claim", variables, hypotheses, lhs, ()))
    equation = Equation(variables, hypotheses, (lhs, rhs))
    if nothing := vacuous(variables, hypotheses):
        return Verdict("vacuous", None, None, bound, vacuous=nothing)
    found = _refuted(equation, bound, far=False)
    if found is None:
        try:
            return Verdict("proved", prove(lhs, rhs, variables, hypotheses), None, bound)
        except NotProvedError:
            found = _refuted(equation, bound, far=True)
            found = found or counterexample(lhs, rhs, variables, hypotheses, bound)
    if found is not None:
        return Verdict("refuted", None, found, bound)
    return Verdict("undecided", None, None, bound, tried(equation))


def _refuted(equation: Equation, bound: int, far: bool) -> Counterexample | None:
    try:
        return refute(equation, bound=bound, far=far)
    except EvaluationError:
        return None


Question: TypeAlias = tuple[Variables, Expression, Expression, tuple[Condition, ...]]
"""What a claim asks: its free indices, both sides, and its hypotheses."""


def parse_claim(claim: str) -> Question:
    """Parse a claim: definitions, free indices, both sides, hypotheses."""
    *before, claim = claim.split(";")
    head, _, rest = claim.rpartition(":")
    equation, _, conditions = rest.partition(" if ")
    sides = re.split(r"(?<![<>=])=(?!=)", _hide_brackets(equation))
    if len(sides) != 2:
        raise ValueError(f"claim: found {len(sides) - 1} equality signs, expected 'left = right'")
    variables = tuple(_variable(part) for part in head.split(",")) if head.strip() else ()
    free = [v for v, _ in variables]
    left, right = equation[: len(sides[0])], equation[len(sides[0]) + 1 :]
    sizes = {v.name: n for v, n in variables if n is not None}
    known: dict[str, Tensor] = {}
    functions: list[str] = []
    for one in before:
        if ":" in one:
            functions.append(parse_function(one, functions))
            continue
        given = parse_definition(one, known.values(), sizes, functions)
        known |= {t.name: t for t in (*tensors((term(given[_index(given)]),)), given)}
    lhs = parse_expression(left, known.values(), free, sizes, functions)
    known |= {t.name: t for t in tensors(lhs)}
    rhs = parse_expression(right, known.values(), free, sizes, functions)
    hypotheses = tuple(_condition(part) for part in conditions.split(",")) if conditions else ()
    return variables, lhs, rhs, hypotheses


def _index(t: Tensor) -> tuple[Symbol, ...]:
    return tuple(symbol(f"_{n}") for n in range(len(t.shape)))


def _hide_brackets(text: str) -> str:
    """Replace everything in square brackets by spaces, so that positions do not change."""
    out, depth = [], 0
    for c in text:
        depth += c == "["
        out.append(" " if depth else c)
        depth -= c == "]"
    return "".join(out)


def _variable(part: str) -> tuple[Symbol, Expr | None]:
    name, less, size = (s.strip() for s in part.partition("<"))
    if not name.isidentifier() or (less and not size):
        raise ValueError(f"claim: found the free index {part.strip()!r}, expected 'h < H' or 'h'")
    return symbol(name), parse(size) if less else None


def _condition(part: str) -> Condition:
    found = re.fullmatch(r"(.+?)(>=|<=|==?|<|>)(.+)", part)
    if not found:
        raise ValueError(f"claim: found the hypothesis {part.strip()!r}, expected 's >= 1'")
    left, sign, right = parse(found[1]), found[2], parse(found[3])
    if sign in ("=", "=="):
        return Equal(left - right)
    if sign in ("<", "<="):
        left, right = right, left
    return AtLeast(left - right - int(sign in ("<", ">")))
