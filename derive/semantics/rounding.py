"""How far a kernel may be from a theorem: the rounding of a sum of products, entry by entry.

A kernel adds the n products of an entry in some order. If an operation returns its exact value
times ``1 + d``, where ``|d|`` is at most its unit roundoff, then

    |computed - exact| <= e/(1 - e) * (the sum of the absolute values of the products),

where e is the sum of the unit roundoffs on the longest way from a product to the result: n - 1 for
additions, one for each multiplication, one if the result is rounded once more. The theorem is
`rounding` in ``codegen/rocq/rounding.v``. The number of products and the sum of their absolute
values are those of the sum that a theorem states: nothing here is written for one layer.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property

import sympy as sp

from rot180.derive.kernel.proof import Theorem
from rot180.derive.kernel.tables import is_table
from rot180.derive.language.printer import write
from rot180.derive.language.terms import (
    Access,
    Apply,
    Equal,
    Expression,
    Factor,
    Range,
    Tensor,
    Term,
    tensors,
)
from rot180.derive.semantics.rounding_stages import (
    SummationStage,
    accesses,
    computed_first,
    expanded,
    multiplications,
    stages,
)


@dataclass(frozen=True)
class RoundingTheorem:
    """What rounding does to the sum of products that a theorem states.

    Attributes:
        theorem: the theorem.
        value: the sum, in operands, brackets and tables of numbers.
        computed: the sum as it is computed, with sums that are computed first.
        stages: those sums and the last one, if there are any.

    """

    theorem: Theorem
    value: Expression
    computed: Expression
    stages: tuple[SummationStage, ...] = ()

    @property
    def left(self) -> Expression:
        """Return the left side of the theorem, without the factor that makes tables integers."""
        if not self.stages:
            return self.theorem.lhs
        return tuple(Term(sp.Integer(1), t.variables, t.factors) for t in self.theorem.lhs)

    @property
    def tables(self) -> tuple[Tensor, ...]:
        """Return the tables of numbers in the sum."""
        return tuple(filter(is_table, tensors(self.value)))

    @cached_property
    def inside(self) -> tuple[tuple[Factor, ...], ...]:
        """Return for each term the brackets that say where all its operands are in their boxes."""
        known = frozenset(self.theorem.conditions)
        return tuple(_inside(t, known) for t in self.value)

    @cached_property
    def addends(self) -> Expression:
        """Return how many products the sum of an entry has: those inside all boxes.

        Of several stages, it is one more than there are additions on the longest way.
        """
        if self.stages:
            counts = [s.addends for s in self.stages]
            fixed = sp.Add(*(t.coefficient for t in counts if not t.variables), 1 - len(counts))
            return (*(t for t in counts if t.variables), Term(fixed, (), ()))
        found = Counter(zip((t.variables for t in self.value), self.inside, strict=True))
        return tuple(Term(sp.Integer(n), *inside) for inside, n in found.items())

    @cached_property
    def magnitude(self) -> Expression:
        """Return the sum of the absolute values of the products."""
        return tuple(
            Term(abs(t.coefficient), t.variables, tuple(map(_absolute, t.factors)))
            for t in self.value
        )

    @cached_property
    def products(self) -> int:
        """Return how many multiplications there are in the longest product, with constants."""
        if self.stages:
            return sum(s.products for s in self.stages)
        return max(map(multiplications, self.value), default=0)


def rounding(theorem: Theorem) -> RoundingTheorem:
    """Return what rounding does to the sum that a theorem states.

    Of the lines of the proof, which are all equal, the shortest is taken that consists of operands
    and brackets.

    A theorem with sums that are computed first, as Winograd's form has, is expanded to operands and
    tables of numbers; both sides are divided by the coefficient of the left one.

    Raises:
        ValueError: the theorem states no sum of products of operands.

    """
    if any(map(computed_first, tensors(theorem.rhs))):
        return _in_stages(theorem)
    plain = [line for line in theorem.lines if _is_plain(line) and any(map(accesses, line))]
    if not plain:
        found = write(theorem.rhs, tuple(v for v, _ in theorem.variables))
        raise ValueError(
            f"rounding: found {found} in {theorem.name}, expected a sum of products of operands "
            "with numbers as coefficients"
        )
    value = min(plain, key=_length)
    return RoundingTheorem(theorem, value, value)


def _in_stages(theorem: Theorem) -> RoundingTheorem:
    found = tuple(stages(theorem.rhs, [v for v, _ in theorem.variables]))
    scale = theorem.lhs[0].coefficient
    right = tuple(Term(t.coefficient / scale, t.variables, t.factors) for t in theorem.rhs)
    rounded = RoundingTheorem(theorem, tuple(map(expanded, right)), right, found)
    if scale != 1 and not rounded.tables:  # numbers in tables are divided by it, and rounded
        raise ValueError(
            f"rounding: found the factor {scale} on the left of {theorem.name} and no table of "
            "numbers, expected the factor 1"
        )
    return rounded


def _is_plain(line: Expression) -> bool:
    return all(
        t.coefficient.is_number
        and all(
            isinstance(f, Equal | Range) or (isinstance(f, Access) and f.tensor.definition is None)
            for f in t.factors
        )
        for t in line
    )


def _length(line: Expression) -> tuple[int, int]:
    return len(line), sum(len(t.variables) + len(t.factors) for t in line)


def _inside(t: Term, known: frozenset[object]) -> tuple[Factor, ...]:
    """Return the brackets of a term, and those that say that its indices are inside the boxes."""
    found = [f for f in t.factors if not isinstance(f, Access)]
    for access in accesses(t):
        for e, n in zip(access.index, access.tensor.shape, strict=True):
            assert n is not None, "operands have boxes"
            found.append(Range(e, n))
    return tuple(f for f in dict.fromkeys(found) if f not in known)


def _absolute(f: Factor) -> Factor:
    return Apply("abs", 0, f) if isinstance(f, Access) else f
