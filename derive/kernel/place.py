"""Where a rule is applied, and how rules are declared.

``@rule(latex, argument=KIND, ...)`` registers a function under its name; a ``Place`` is a term of
an expression together with the facts that hold there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import sympy as sp
from sympy import Symbol

from rot180.derive.kernel.arguments import Kind
from rot180.derive.kernel.errors import RuleError
from rot180.derive.kernel.obligations import Obligation
from rot180.derive.language.substitute import supports
from rot180.derive.language.terms import (
    Condition,
    Derivative,
    Expression,
    Factor,
    Term,
    factor_symbols,
)

_F = TypeVar("_F")


@dataclass(frozen=True)
class Place:
    """Where a rule is applied: a term of an expression, and the facts that hold there.

    Attributes:
        expression: the whole expression.
        at: the number of the term.
        facts: hypotheses of the statement and boxes of its free variables.
        names: names that are in use outside the expression.

    """

    expression: Expression
    at: int
    facts: tuple[Condition, ...]
    names: frozenset[Symbol] = frozenset()

    @property
    def term(self) -> Term:
        """Return the term that the rule is applied to."""
        if not 0 <= self.at < len(self.expression):
            count = len(self.expression)
            raise RuleError(f"found no term {self.at}: the line has {count}, numbered from 0")
        return self.expression[self.at]

    @property
    def taken(self) -> frozenset[Symbol]:
        """Return the names that a new bound variable must avoid."""
        return self.term.symbols.union(self.names, *(factor_symbols(c) for c in self.facts))

    def factor(self, number: int) -> Factor:
        """Return a factor of the term."""
        if not 0 <= number < len(self.term.factors):
            count = len(self.term.factors)
            raise RuleError(f"found no factor {number}: the term has {count}, numbered from 0")
        return self.term.factors[number]

    def expect(self, kind: type[_F], number: int) -> _F:
        """Return a factor of the term; raise RuleError unless it has this type."""
        found, name = self.factor(number), kind.__name__
        if not isinstance(found, kind):
            raise RuleError(f"factor {number} is {found}, expected {name} [side condition: {name}]")
        return found

    def others(self, *numbers: int) -> tuple[Factor, ...]:
        """Return the factors of the term except those with these numbers."""
        return tuple(f for n, f in enumerate(self.term.factors) if n not in numbers)

    def context(
        self, factors: Sequence[Factor], names: Iterable[Symbol] = ()
    ) -> tuple[Condition, ...]:
        """Return what holds wherever the product of these factors is nonzero.

        Args:
            factors: some factors.
            names: symbols of the goal; the existential variables of supports avoid them.

        """
        return (*self.facts, *supports(factors, self.taken.union(names)))

    def replace(self, *terms: Term) -> Expression:
        """Return the expression with the term replaced by others."""
        return (*self.expression[: self.at], *terms, *self.expression[self.at + 1 :])

    def distribute(self, number: int, *terms: Term) -> Expression:
        """Return the expression with one factor replaced by a sum of terms.

        ``F = sum_j c_j sum_v G_j`` wherever the other factors A are not zero
        -------------------------------------------------------------------------
        ``a sum_u A F = sum_j a c_j sum_{u, v} A G_j``
        """
        t, new = self.term, []
        for u in terms:
            factors = (*t.factors[:number], *u.factors, *t.factors[number + 1 :])
            new.append(Term(t.coefficient * u.coefficient, t.variables + u.variables, factors))
        return self.replace(*new)

    def inside(self, number: int) -> Place:
        """Return the product under a derivative, with the facts that the other factors imply.

        Supports with existential variables are left out: a rule could reuse such a name inside.
        """
        product = Term(sp.Integer(1), (), self.expect(Derivative, number).factors)
        known = self.context(self.others(number))
        facts = tuple(c for c in known if factor_symbols(c) <= self.taken)
        return Place((product,), 0, facts, self.taken)

    def distribute_inside(self, number: int, inner: Expression) -> Expression:
        """Return the expression with the product under a derivative replaced by a sum.

        ``F = sum_j c_j sum_v G_j`` wherever the other factors A are not zero
        -----------------------------------------------------------------------
        ``A dF/dx = sum_j c_j sum_v A dG_j/dx``
        """
        by = self.expect(Derivative, number).wrt
        under = (Term(u.coefficient, u.variables, (Derivative(u.factors, by),)) for u in inner)
        return self.distribute(number, *under)


Result: TypeAlias = tuple[Expression, tuple[Obligation, ...]]
Rule: TypeAlias = Callable[..., Result]
RULES: dict[str, Rule] = {}
REASONS: dict[str, str] = {}
ARGUMENTS: dict[str, dict[str, Kind]] = {}
_R = TypeVar("_R", bound=Rule)


def rule(latex: str, **kinds: Kind) -> Callable[[_R], _R]:
    """Register a rule under the name of its function.

    Args:
        latex: the reason that documents print for a step by this rule.
        kinds: the type of each argument.

    """

    def register(function: _R) -> _R:
        name = function.__name__
        if name in RULES:
            raise ValueError(f"the rule {name} is declared twice")
        RULES[name], REASONS[name], ARGUMENTS[name] = function, latex, kinds
        return function

    return register
