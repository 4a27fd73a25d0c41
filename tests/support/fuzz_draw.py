"""Random layers of the language: everything that a sum may contain, in any combination."""

from __future__ import annotations

import random
from collections.abc import Sequence
from fractions import Fraction

from tests.support.fuzz_layers import (
    Entry,
    Factor,
    FuzzLayer,
    Index,
    Inside,
    Monomial,
    Power,
    Same,
    Term,
    entries_of,
)

FREE, BOUND = "npqij", "klmr"
STRIDES, SHIFTS, SCALARS = ("s", "d", "t"), ("lo", "a"), ("alpha", "beta")
FUNCTIONS = ("relu", "sigma")


def draw(seed: int) -> FuzzLayer:
    """Draw a layer."""
    return _Draw(random.Random(seed)).layer()


class _Draw:
    """Draws the parts of one layer; an operand has the same rank wherever it occurs.

    Half of the layers are *calm*, as people write them: an entry has another index on each axis,
    and at most one axis has a window.
    """

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.calm = rng.random() < 0.5
        self.ranks: dict[str, int] = {}
        self.operands = "xwvu"[: rng.choice((1, 2, 2, 2, 3, 4))]

    def layer(self) -> FuzzLayer:
        count = self.rng.choice((0, 1, 1, 1, 2, 2, 3))
        formals = tuple(FREE[:count])
        terms = [self.term(formals) for _ in range(self.rng.choice((1, 1, 1, 2, 2, 3)))]
        used = {e.tensor for t in terms for e in entries_of(t)}
        if not used:
            terms.append(Term(Fraction(1), (), (), (self.power("x", formals),)))
        if self.rng.random() < 0.25:
            some = tuple(v for v in formals if self.rng.random() < 0.6)
            bias = Power((Entry("bias", tuple(Index(((1, (), v),)) for v in some)),), 1)
            terms.append(Term(Fraction(1), (), (), (bias,)))
        if self.rng.random() < 0.08:
            scalar = self.rng.choice(((), ("alpha",)))
            terms.append(Term(Fraction(self.rng.choice((1, 5, -2))), scalar, (), ()))
        return FuzzLayer("y", formals, tuple(terms))

    def term(self, formals: Sequence[str]) -> Term:
        rng = self.rng
        count = rng.choice((0, 1, 1, 1, 2, 2, 3)) if len(formals) < 3 else rng.choice((0, 1, 1, 2))
        bound = tuple(BOUND[:count])
        scope = (*formals, *bound)
        factors: list[Factor] = []
        for _ in range(rng.choice((1, 2, 2, 2, 2, 3, 4))):
            factors.append(self.power(rng.choice(self.operands), scope))
        if rng.random() < 0.2:
            factors.append(self.bracket(scope))
        for v in bound:
            if not any(self.holds(f, v) for f in factors) and rng.random() < 0.9:
                factors.append(self.between(v))
        sign = Fraction(rng.choice((1, 1, 1, 1, 2, -1, -3)), rng.choice((1, 1, 1, 1, 1, 2)))
        scalars = (rng.choice(SCALARS),) if rng.random() < 0.1 else ()
        return Term(sign, scalars, bound, tuple(factors))

    def power(self, tensor: str, scope: Sequence[str]) -> Power:
        entries = [self.entry(tensor, scope)]
        exponent = self.rng.choice((1,) * 12 + (2, 2, 3))
        if self.rng.random() < 0.06:
            entries.append(self.entry(self.rng.choice(self.operands), scope))
            exponent = self.rng.choice((1, 2))
        return Power(tuple(entries), exponent)

    def entry(self, tensor: str, scope: Sequence[str]) -> Entry:
        rank = self.ranks.setdefault(tensor, self.rng.choice((0, 1, 1, 1, 2, 2, 2, 3, 4)))
        function = self.rng.choice(FUNCTIONS) if self.rng.random() < 0.06 else ""
        if function and rank <= len(scope) and self.rng.random() < 0.8:
            # entries that are never outside their array
            own = self.rng.sample(list(scope), rank)
            return Entry(tensor, tuple(Index(((1, (), v),)) for v in own), function)
        if self.calm and rank:
            own = self.rng.sample(list(scope), min(rank, len(scope)))
            index = [Index(((1, (), v),)) for v in own]
            index += [self.index(scope) for _ in range(rank - len(own))]
            if self.rng.random() < 0.4:
                index[self.rng.randrange(rank)] = self.index(scope)
            return Entry(tensor, tuple(index), function)
        return Entry(tensor, tuple(self.index(scope) for _ in range(rank)), function)

    def index(self, scope: Sequence[str]) -> Index:
        rng = self.rng
        if not scope or rng.random() < 0.04:
            constant = rng.choice(((0, (), ""), (1, (), ""), (2, (), "")))
            return Index((constant,))
        if rng.random() < 0.6:
            return Index(((1, (), rng.choice(scope)),))
        used = rng.sample(list(scope), min(len(scope), rng.choice((1, 2, 2, 2, 3))))
        parts: list[Monomial] = [self.slope(v) for v in used]
        if rng.random() < 0.4:
            parts.append(self.shift())
        return Index(tuple(parts))

    def slope(self, v: str) -> Monomial:
        names = (self.rng.choice(STRIDES),) if self.rng.random() < 0.3 else ()
        number = 1 if names else self.rng.choice((1, 1, 1, 2, 3))
        return (number if self.rng.random() < 0.75 else -number, names, v)

    def shift(self) -> Monomial:
        if self.rng.random() < 0.4:
            return (self.rng.choice((1, -1)), (self.rng.choice(SHIFTS),), "")
        return (self.rng.choice((1, 2, 3, -1, -2)), (), "")

    def bracket(self, scope: Sequence[str]) -> Factor:
        if self.rng.random() < 0.5:
            sign = self.rng.choice(("==", "==", "==", "!=", "<", "<="))
            return Same(self.index(scope), self.index(scope), sign)
        zero = Index(((0, (), ""),))
        return Inside(zero, self.index(scope), self.size())

    def between(self, v: str) -> Inside:
        return Inside(Index(((0, (), ""),)), Index(((1, (), v),)), self.size())

    def size(self) -> Index:
        number: Monomial = (self.rng.choice((1, 2, 3)), (), "")
        return Index((self.rng.choice((number, number, (1, ("d",), ""))),))

    @staticmethod
    def holds(f: Factor, v: str) -> bool:
        """Say whether a factor bounds an index by itself."""
        if isinstance(f, Inside):
            return f.value.variables == {v}
        return isinstance(f, Power) and any(
            e.variables == {v} and not e.parts[0][1] for entry in f.entries for e in entry.index
        )
