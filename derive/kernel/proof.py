"""A proof is data; checking it is replaying it.

`replay` reruns every rule and returns the `Theorem`, or raises `ProofError`. Python cannot hide a
constructor, so trust comes from replay: everything downstream replays first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, TypeAlias, cast

import sympy as sp
from sympy import Expr, Symbol

from rot180.derive.display.notations import DEEP_LEARNING, Symbols
from rot180.derive.kernel.obligations import (
    Certificate,
    Goal,
    Nonzero,
    Obligation,
    certifies,
    evident,
)
from rot180.derive.kernel.rules import RULES, Place, RuleError, finiteness
from rot180.derive.language import polynomial
from rot180.derive.language.scalar_functions import assumption, fact
from rot180.derive.language.terms import (
    Access,
    Apply,
    AtLeast,
    Condition,
    Equal,
    Expression,
    Range,
    Tensor,
    Term,
    accesses_and_brackets,
    factor_symbols,
)

if TYPE_CHECKING:
    from rot180.derive.semantics.check import Report

Variables: TypeAlias = tuple[tuple[Symbol, Expr | None], ...]


class ProofError(ValueError):
    """A step of a proof does not follow."""


@dataclass(frozen=True)
class Step:
    """One use of a rule.

    Attributes:
        rule: the rule's name.
        at: the number of the term it is applied to.
        arguments: the rule's arguments by name, sorted.
        result: for a step backwards, the expression that the rule turns into the current one.
        certificates: one for each obligation that is not evident, in order; None leaves it open.

    """

    rule: str
    at: int
    arguments: tuple[tuple[str, object], ...] = ()
    result: Expression | None = None
    certificates: tuple[Certificate | None, ...] = ()

    @property
    def reverse(self) -> bool:
        """Say whether the rule is used from right to left."""
        return self.result is not None

    def argument(self, name: str) -> object:
        """Return an argument by name."""
        return dict(self.arguments)[name]


@dataclass(frozen=True)
class Proof:
    """A statement's left side and the steps that lead to its right side.

    Attributes:
        name: the theorem's name.
        variables: the free index variables, each with the size of its axis (0 <= v < size), or
            None where it runs over all integers.
        hypotheses: conditions on the parameters.
        start: the left side.
        steps: what is done to it.

    """

    name: str
    variables: Variables
    hypotheses: tuple[Condition, ...]
    start: Expression
    steps: tuple[Step, ...]

    @cached_property
    def facts(self) -> tuple[Condition, ...]:
        """Return the hypotheses and the boxes of the free variables."""
        boxes = tuple(Range(v, n) for v, n in self.variables if n is not None)
        return (*self.hypotheses, *boxes)

    def _repr_latex_(self) -> str:
        """Show the proof in a notebook, as LaTeX."""
        from rot180.derive.display.proof_latex import latex_proof

        return latex_proof(replay(self))

    def _repr_html_(self) -> str:
        """Show the proof in a notebook, as MathML where it can be written."""
        from rot180.derive.display.mathml import shown
        from rot180.derive.display.proof_latex import proof_lines

        return shown([proof_lines(replay(self))])

    @cached_property
    def digest(self) -> str:
        """Return the proof's hash (SHA-256 of its certificate text), 16 digits."""
        from rot180.derive.kernel.certificates import dumps

        return hashlib.sha256(dumps(self).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Theorem:
    """What a replayed proof states: for all variables, under the hypotheses, lhs = rhs.

    Attributes:
        proof: where it comes from.
        lines: the expressions, first to last; line 0 is the left side.
        obligations: per step, what the step rests on.
        open: obligations that are neither evident nor certified.
        words: the right side in words, for documents; no meaning.

    """

    proof: Proof
    lines: tuple[Expression, ...]
    obligations: tuple[tuple[Obligation, ...], ...]
    open: tuple[Obligation, ...]
    words: str = field(default="", compare=False)

    @property
    def name(self) -> str:
        """Return the theorem's name."""
        return self.proof.name

    @property
    def variables(self) -> Variables:
        """Return the free variables with their sizes."""
        return self.proof.variables

    @property
    def hypotheses(self) -> tuple[Condition, ...]:
        """Return the conditions on the parameters."""
        return self.proof.hypotheses

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """Return hypotheses and boxes."""
        return self.proof.facts

    @property
    def lhs(self) -> Expression:
        """Return the left side."""
        return self.lines[0]

    @property
    def rhs(self) -> Expression:
        """Return the right side."""
        return self.lines[-1]

    def __str__(self) -> str:
        """Write the statement in the notation."""
        from rot180.derive.display.statement import write_statement

        return write_statement(self)

    def latex(self, symbols: Symbols = DEEP_LEARNING) -> str:
        """Write statement and proof as LaTeX, in the notation of `symbols`."""
        from rot180.derive.display.proof_latex import latex_proof, latex_theorem

        statement = latex_theorem(self, symbols=symbols)
        return statement + "\n" + latex_proof(self, symbols=symbols)

    def _repr_latex_(self) -> str:
        """Show the statement in a notebook, as LaTeX."""
        from rot180.derive.display.proof_latex import latex_theorem

        return latex_theorem(self)

    def _repr_html_(self) -> str:
        """Show the statement in a notebook, as MathML where it can be written."""
        from rot180.derive.display.mathml import shown
        from rot180.derive.display.proof_latex import statement

        return shown(statement(self))

    def sympy(self) -> sp.Eq:
        """Return the statement as a SymPy equation of sums."""
        from rot180.derive.language.sympy_bridge import theorem_to_sympy

        return theorem_to_sympy(self)

    def check(self) -> Report:
        """Evaluate every line of the proof exactly at small sizes."""
        from rot180.derive.semantics.check import check

        return check(self)


def replay(proof: Proof) -> Theorem:
    """Rerun every step and return what is then proved.

    Raises:
        ProofError: a step does not follow; the message names the step, the rule, both terms and
            the first difference.

    """
    if len({v for v, _ in proof.variables}) != len(proof.variables):
        raise ProofError(f"{proof.name}: a free variable is named twice")
    try:
        _well_formed(proof.start, (), proof)
        _evidently_finite(proof.start, proof.facts, "the left side")
    except RuleError as error:
        raise ProofError(f"{proof.name}: {error}") from error
    lines = [proof.start]
    table = {t.name: t for t in tensors(proof.start)}
    obligations: list[tuple[Obligation, ...]] = []
    still_open: list[Obligation] = []
    for number, step in enumerate(proof.steps, 1):
        try:
            line, needed = follow(proof, lines[-1], step)
            missing = _settle(step, needed)
            for t in tensors(line):
                if table.setdefault(t.name, t) != t:
                    raise RuleError(f"the name {t.name} stands for two different tensors")
        except (ValueError, TypeError, AttributeError) as error:
            raise ProofError(_complaint(proof, number, step, lines[-1], str(error))) from error
        still_open += missing
        lines.append(line)
        obligations.append(needed)
    return Theorem(proof, tuple(lines), tuple(obligations), tuple(still_open))


def follow(
    proof: Proof, line: Expression, step: Step
) -> tuple[Expression, tuple[Obligation, ...]]:
    """Apply one step to a line; return the next line and the obligations of the step."""
    rule = RULES.get(step.rule)
    if rule is None:
        raise RuleError(f"there is no rule {step.rule!r}; the rules are {', '.join(RULES)}")
    source = line if step.result is None else step.result
    arguments = dict(step.arguments)
    if len(arguments) != len(step.arguments):
        raise RuleError("an argument is given twice")
    for pair in cast(tuple[tuple[object, object], ...], arguments.get("symbols", ())):
        if not isinstance(pair[0], Symbol):
            raise RuleError(f"symbols: found {pair[0]}, expected a symbol for a key")
    if "theorem" in arguments:
        cited = arguments["theorem"]
        if not isinstance(cited, Proof):
            raise RuleError(f"a theorem is cited by its proof, found a {type(cited).__name__}")
        arguments["theorem"] = theorem = _replayed(cited)
        if theorem.open:
            raise RuleError(f"{theorem.name} has an open obligation and cannot be cited")
    expression, needed = rule(Place(source, step.at, proof.facts), **arguments)
    if step.result is not None and expression != line:
        raise RuleError(
            f"read backwards, the rule gives\n    {show(expression)}\n  but the line is\n"
            f"    {show(line)}\n  first difference: {difference(expression, line)}"
        )
    new = expression if step.result is None else step.result
    needed = tuple(dict.fromkeys((*needed, *_finite(new, line, proof.facts))))
    _well_formed(new, line, proof)
    return new, needed


@lru_cache(maxsize=512)
def _replayed(cited: Proof) -> Theorem:
    """Replay what is cited, once: a chain of theorems would replay its end for every link."""
    return replay(cited)


def _finite(
    new: Expression, old: Expression, facts: tuple[Condition, ...]
) -> Iterator[Obligation]:
    for t in new:
        if t not in old:
            found = finiteness(t, facts)
            if found is None:
                raise RuleError(f"the sum has infinitely many terms: {show((t,))}")
            yield from found


def _well_formed(new: Expression, old: Expression, proof: Proof) -> None:
    """Refuse one name for two things, and a definition that is infinite or has a free variable."""
    one_name_one_tensor(new)
    free = {v for v, _ in proof.variables}
    fixed = free.union(*(factor_symbols(c) for c in proof.facts))
    for u in new:
        if both := sorted(v.name for v in fixed.intersection(u.variables)):
            raise RuleError(f"{both[0]} is bound by a sum, and free in the statement")
    known = tensors(old)
    for t in tensors(new):
        if t in known:
            continue
        if t.parameters & free:
            raise RuleError(f"{t.name} depends on a free variable")
        if t.definition is not None:
            # what is known of a free variable says nothing about an index of the same name
            own = {*t.definition.formals, *(v for b in t.definition.body for v in b.variables)}
            facts = tuple(c for c in proof.facts if not factor_symbols(c) & own)
            _evidently_finite(t.definition.body, facts, f"the definition of {t.name}")


def _evidently_finite(
    expression: Expression, facts: tuple[Condition, ...], what: str
) -> None:
    for obligation in _finite(expression, (), facts):
        if not evident(obligation):
            raise RuleError(f"{what} is finite only if {show_goal(obligation.goal)}")


def _settle(step: Step, needed: tuple[Obligation, ...]) -> list[Obligation]:
    hard = [o for o in needed if not evident(o)]
    given = step.certificates
    if len(given) > len(hard):
        raise RuleError(f"{len(given)} certificates for {len(hard)} obligations")
    still_open = hard[len(given) :]
    for certificate, obligation in zip(given, hard, strict=False):
        if certificate is None:
            still_open.append(obligation)
        elif not certifies(certificate, obligation):
            raise RuleError(f"the certificate does not show that {show_goal(obligation.goal)}")
    return still_open


def tensors(expression: Expression) -> tuple[Tensor, ...]:
    """Return the tensors of an expression, definitions unfolded, inner ones first."""
    found: dict[Tensor, None] = {}

    def visit(e: Expression) -> None:
        for t in e:
            for f in accesses_and_brackets(t.factors):
                if isinstance(f, Access) and f.tensor not in found:
                    if f.tensor.definition is not None:
                        visit(f.tensor.definition.body)
                    found[f.tensor] = None

    visit(expression)
    return tuple(found)


def one_name_one_tensor(expression: Expression) -> None:
    """Refuse an expression in which one name stands for two tensors."""
    names: dict[str, Tensor] = {}
    for t in tensors(expression):
        if names.setdefault(t.name, t) != t:
            raise RuleError(f"the name {t.name} stands for two different tensors")


def axioms(theorem: Theorem) -> tuple[str, ...]:
    """List everything a theorem rests on: the rules it uses, what they assume, what it cites."""
    rules: dict[str, None] = {}
    functions: dict[str, None] = {}
    facts: dict[str, None] = {}
    lemmas = cited(theorem.proof)
    for proof in (theorem.proof, *lemmas):
        rules.update((step.rule, None) for step in proof.steps)
        lines = replay(proof).lines
        for t in (t for line in lines for t in line):
            for f in t.factors:
                if isinstance(f, Apply) and f.order > 0:
                    functions[f.function] = None
        for step, before, after in zip(proof.steps, lines, lines[1:], strict=False):
            if step.rule == "relate":
                used = (after if step.reverse else before)[step.at].factors
                f = used[cast(int, step.argument("factor"))]
                assert isinstance(f, Apply)
                facts[fact(f.function, f.order)] = None
    return (
        "the values form a commutative ring; the indices are the integers, an ordered ring",
        "every tensor is zero outside its box; every sum has finite support (checked)",
        *(f"rule {name}" for name in RULES if name in rules),
        *(assumption(name) for name in sorted(functions)),
        *sorted(facts),
        *(f"theorem {p.name}, proof {p.digest} (replayed)" for p in lemmas),
    )


def cited(proof: Proof) -> tuple[Proof, ...]:
    """Return the theorems that a proof cites, and those that they cite, each once."""
    found: dict[Proof, None] = {}

    def visit(one: Proof) -> None:
        for step in one.steps:
            inner = dict(step.arguments).get("theorem")
            if isinstance(inner, Proof) and inner not in found:
                visit(inner)
                found[inner] = None

    visit(proof)
    return tuple(found)


def show(expression: Expression) -> str:
    """Write an expression in the notation, for messages."""
    from rot180.derive.language.notation import write

    return write(expression, ())


def show_goal(goal: Goal) -> str:
    """Write a goal for messages."""
    if isinstance(goal, Range):
        return f"0 <= {polynomial.text(goal.value)} < {polynomial.text(goal.size)}"
    sign = {Equal: "=", AtLeast: ">=", Nonzero: "!="}[type(goal)]
    return f"{polynomial.text(goal.value)} {sign} 0"


def difference(a: Expression, b: Expression) -> str:
    """Name the first subterm in which two expressions differ."""
    if len(a) != len(b):
        return f"{len(a)} terms against {len(b)}"
    for n, (t, u) in enumerate(zip(a, b, strict=True)):
        if t.coefficient != u.coefficient:
            return f"term {n}, coefficient {t.coefficient} against {u.coefficient}"
        if t.variables != u.variables:
            return f"term {n}, sum over {t.variables} against {u.variables}"
        if len(t.factors) != len(u.factors):
            return f"term {n}, {len(t.factors)} factors against {len(u.factors)}"
        for m, (f, g) in enumerate(zip(t.factors, u.factors, strict=True)):
            if f != g:
                one = show((Term(sp.Integer(1), (), (f,)),))
                other = show((Term(sp.Integer(1), (), (g,)),))
                if one == other:
                    one, other = _definitions((t, u))
                return f"term {n}, factor {m}: {one} against {other}"
    return "none"


def _definitions(pair: tuple[Term, Term]) -> tuple[str, str]:
    """Write what the first tensor is that two terms of one look define differently."""
    for one, other in zip(*(tensors((t,)) for t in pair), strict=False):
        if one != other:
            return _defined(one), _defined(other)
    return show(pair[:1]), show(pair[1:])


def _defined(tensor: Tensor) -> str:
    """Write a tensor with its sizes and what it is defined to be, for messages."""
    sizes = ", ".join("Z" if n is None else polynomial.text(n) for n in tensor.shape)
    if tensor.definition is None:
        return f"{tensor.name} of size ({sizes})"
    index = ", ".join(v.name for v in tensor.definition.formals)
    return f"{tensor.name}[{index}] = {show(tensor.definition.body)} of size ({sizes})"


def _complaint(proof: Proof, number: int, step: Step, line: Expression, why: str) -> str:
    way = "backwards" if step.reverse else "forwards"
    return (
        f"{proof.name}, step {number} ({step.rule}, {way}, term {step.at}): {why}\n"
        f"  the line before is\n    {show(line)}\n"
        "  mend the step, or derive the proof anew with `prove`"
    )
