"""Parses indices: polynomials in index variables and parameters, quotients and remainders.

Where ``e // s`` and ``e % s`` stand, the term is multiplied by
``sum[q,r] [e == s*q + r] * [0 <= r < s]`` with new indices, and they are ``q`` and ``r``. For
s >= 1, exactly one pair satisfies the brackets, as Euclid says, and the quotient is rounded down,
as in Python. For other s, none does, and the term is zero. Where r is not needed, the brackets are
``sum[q] [0 <= e - s*q < s]``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import sympy as sp
from sympy import Expr, Symbol

from rot180.derive.language.polynomial import degree, normal, symbol
from rot180.derive.language.substitute import fresh
from rot180.derive.language.terms import Equal, Range
from rot180.derive.language.tokens import RawFactor, RawTerm, Scanner, Token


@dataclass(frozen=True)
class Quotient:
    """A quotient and a remainder in an index.

    Attributes:
        quotient: the summed index that is the quotient.
        remainder: the summed index that is the remainder.
        value: what is divided.
        divisor: by what.

    """

    quotient: Symbol
    remainder: Symbol
    value: Expr
    divisor: Expr

    def over(self, rest: bool) -> tuple[Symbol, ...]:
        """Return what is summed over, the remainder only if it is needed."""
        return (self.quotient, self.remainder) if rest else (self.quotient,)

    def brackets(self, rest: bool) -> tuple[RawFactor, ...]:
        """Return the brackets that determine them, the remainder only if it is needed."""
        left = normal(self.value - self.divisor * self.quotient)
        if rest:
            return Equal(normal(left - self.remainder)), Range(self.remainder, self.divisor)
        return (Range(left, self.divisor),)


class IndexReader(Scanner):
    """Parses indices, and records the names in them that are not index variables.

    Attributes:
        outside: names in indices that are neither free nor summed there, each with whether the
            name is the whole index.
        summed: bound index to its first token.

    """

    def __init__(self, source: str, scope: tuple[Symbol, ...]) -> None:
        super().__init__(source)
        self.outside: list[tuple[Token, bool]] = []
        self.summed: dict[str, Token] = {}
        self._scope = scope
        self._quotients: dict[tuple[Expr, Expr], Quotient] = {}
        self._used: dict[Quotient, bool] = {}  # in the factor that is parsed; if with remainder

    def _index(self, *, entry: bool = False) -> Expr:
        """Parse an index of an entry, or one side of a bracket."""
        first, known = self._now, len(self.outside)
        value = self._index_sum()
        whole = self._since(first)
        if entry and whole == first:
            self.outside[known:] = [(token, True) for token, _ in self.outside[known:]]
        moving = self._moving
        if degree(value, moving) > 1:
            names = ", ".join(v.name for v in moving if v in value.free_symbols)
            self.fail(
                f"the index is not affine in {names}",
                whole,
                "index variables to the first power, times numbers and parameters",
                cure="do not multiply an index by an index",
            )
        return value

    def _index_sum(self) -> Expr:
        self._deeper()
        first, total, sign = self._now, sp.Integer(0), None
        while True:  # a sign in front is the first atom's, so that -7 // 2 is that of Python
            product = self._index_product()
            total += -product if sign and sign.text == "-" else product
            total = self._small(normal(total), first)
            sign = self._accept("+", "-")
            if not sign:
                self._depth -= 1
                return total

    def _index_product(self) -> Expr:
        first = self._now
        product = self._index_atom()
        while self._now.text in ("*", "/", "//", "%"):
            if self._now.text == "/":
                self.fail(
                    "a division in an index",
                    None,
                    "a polynomial with integer coefficients",
                    cure="write // for the quotient rounded down, or the relation as a bracket: "
                    "[2*p == h]",
                )
            sign = self._take().text
            at = self._now
            other = self._index_atom()
            if sign == "*":
                product = self._small(normal(product * other), first)
            else:
                self._refuse_divided(other, self._since(at))
                product = self._divided(product, other, sign == "%", self._since(first))
        return product

    def _refuse_divided(self, by: Expr, divisor: Token) -> None:
        if degree(by, self._moving) > 0 or (by.is_number and by < 1):
            self.fail(
                "a division by what is no positive number",
                divisor,
                "a whole number from 1 on, or a parameter, which must then be at least 1",
                cure="divide by a number or a parameter; for [2*p == h], write that bracket",
            )

    def _divided(self, e: Expr, by: Expr, rest: bool, whole: Token) -> Expr:
        """Return the quotient of two indices or the rest, a number or a summed index."""
        if by.is_number and (by == 1 or e.is_number):
            quotient, left = divmod(int(e), int(by)) if e.is_number else (e, 0)
            return normal(sp.sympify(left if rest else quotient))
        found = self._quotients.get((e, by))
        if found is None:
            taken = {symbol(n) for n in self._taken_names()}.union(self._moving)
            q, r = fresh("q", taken), fresh("r", taken)
            found = self._quotients[e, by] = Quotient(q, r, e, by)
        self.summed |= {v.name: whole for v in found.over(rest)}
        self._used[found] = self._used.get(found, False) or rest
        return found.remainder if rest else found.quotient

    @property
    def _moving(self) -> tuple[Symbol, ...]:
        """Return the indices, quotients among them."""
        return (*self._scope, *(v for q in self._quotients.values() for v in q.over(True)))

    def _taken_names(self) -> set[str]:
        """Return the names that no new index may have."""
        return {t.text.rstrip("'") for t in self._tokens if t.is_name}

    def _with_quotients(self, terms: Iterable[RawTerm]) -> list[RawTerm]:
        """Multiply terms by the sums over the quotients in the factor that was just parsed."""
        found, self._used = self._used, {}
        over = tuple(v for q, rest in found.items() for v in q.over(rest))
        brackets = tuple(f for q, rest in found.items() for f in q.brackets(rest))
        return [
            replace(t, variables=t.variables + over, factors=t.factors + brackets) for t in terms
        ]

    def _with_quotients_once(self, a: RawTerm, b: RawTerm) -> tuple[RawTerm, RawTerm]:
        """Leave out of two terms of a product the sums over quotients that both have."""
        both = set(a.variables) & set(b.variables)
        for q in self._quotients.values():
            if q.quotient in both:
                rests = [q.remainder in t.variables for t in (a, b)]
                if rests == [False, True]:
                    a = _without(a, q, False)
                else:
                    b = _without(b, q, rests[1])
        return a, b

    def _index_atom(self) -> Expr:
        first = self._now
        if self._now.is_number:
            value: Expr = sp.Integer(self._whole())
        elif opened := self._accept("("):
            value = self._index_sum()
            self._expect(")", "after the index", opened)
        elif sign := self._accept("+", "-"):
            self._deeper()
            value = self._index_atom()
            self._depth -= 1
            return normal(-value) if sign.text == "-" else value
        else:
            token = self._name("an index (a name, a number, or a sum of products of them)")
            value = symbol(token.text)
            if self._now.text == "[":
                self.fail(
                    "a tensor entry inside an index",
                    token,
                    "names and numbers",
                    cure="close the bracket before it, or move the entry out of it",
                )
            if self._now.text == "(":
                self.fail(
                    "a function inside an index",
                    token,
                    "names and numbers",
                    cure="write p // 2 for a quotient that is rounded down, p % 2 for the rest; "
                    "circular, reflect and replicate are of the whole index of an entry",
                )
            if value not in self._scope:
                self.outside.append((token, False))
        out = value
        for _ in range(self._power() - 1):
            out = self._small(normal(out * value), first)
        return out


def _without(t: RawTerm, q: Quotient, rest: bool) -> RawTerm:
    over, brackets = q.over(rest), q.brackets(rest)
    variables = tuple(v for v in t.variables if v not in over)
    return replace(
        t, variables=variables, factors=tuple(f for f in t.factors if f not in brackets)
    )
