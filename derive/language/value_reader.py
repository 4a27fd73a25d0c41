"""Parses what the term language has no word for: ``max(a, b)``, powers, products of sums.

``max(a[i], b[i])`` is ``heaviside(a[i] - b[i]) * a[i] + heaviside(b[i] - a[i]) * b[i]``: at a tie
each of the two is taken half, so each gets half of the gradient, as in PyTorch. A power with a
negative, broken or unknown exponent is made of reciprocal, sqrt, rsqrt, or of exp and log.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import sympy as sp
from sympy import Expr

from rot180.derive.language.known_names import REDUCTIONS
from rot180.derive.language.limits import most
from rot180.derive.language.polynomial import normal, symbol
from rot180.derive.language.program_reader import (
    ProgramReader,
    is_sum,
    one_entry,
    plain_entry,
)
from rot180.derive.language.tokens import RawEntry, RawTerm, Token


class ValueReader(ProgramReader):
    """Parses the definition in a part of the text of a program."""

    def _factor(self) -> list[RawTerm]:
        if self._now.text in ("max", "min") and self._next == "(":
            first = self._now
            return self._raised([one_entry(first, self._larger())], first)
        return super()._factor()

    def _larger(self) -> RawEntry:
        """Parse ``max(a[i], b[i])``, which is ``heaviside(a - b) * a + heaviside(b - a) * b``."""
        token = self._take()
        opened = self._expect("(", f"after {token.text}")
        found, said = self._side()
        while comma := self._accept(","):
            other, words = self._side()
            sides = ((found, said, other, words), (other, words, found, said))
            terms = [t for side in sides for t in self._chosen(comma, token.text, *side)]
            whole = f"{token.text}({said},{words})"
            names = [f.name.text for t in (*found, *other) for f in _entries(t)]
            name = f"{token.text}_{'_'.join(names)}"
            entry = self._defined(Token(whole, token.at), terms, name, alone=True)
            found, said = [one_entry(token, entry)], whole
        self._expect(")", "or ',' after the argument", opened)
        if len(found[0].factors) != 1 or "," not in said:
            what = f"{token.text} of one argument"
            self.fail(what, token, "two arguments or more", cure=REDUCTIONS[token.text])
        return entry

    def _side(self) -> tuple[list[RawTerm], str]:
        """Parse an argument: a number times at most one entry, or an entry that stands for it."""
        first, outer = self._now, self._shadowed
        self._shadowed = frozenset(self._scope) - set(self.free)
        terms = self._terms()
        self._shadowed = outer
        whole = self._since(first)
        (t, *others) = terms
        inside = [f for f in t.factors if not isinstance(f, RawEntry) or f.function]
        if others or inside or t.variables or len(t.factors) > 1:
            terms = [one_entry(first, self._defined(whole, terms))]
        return terms, whole.text

    def _chosen(
        self, at: Token, word: str, one: list[RawTerm], said: str, other: list[RawTerm], words: str
    ) -> list[RawTerm]:
        """Return the first of two terms where it is chosen: all of it, half of it at a tie."""
        if one[0].coefficient == 0:
            return []
        ahead, behind = (one, other) if word == "max" else (other, one)
        whole = f"{said} - {words}" if word == "max" else f"{words} - {said}"
        rest = [replace(t, coefficient=-t.coefficient) for t in behind]
        terms = [t for t in (*ahead, *rest) if t.coefficient != 0]
        place = Token(whole, at.at)
        entry = plain_entry(terms, self._scope) or self._defined(place, terms)
        self.functions.setdefault("heaviside", at)
        return self._times([one_entry(at, replace(entry, function="heaviside"))], one, at)

    def _times(self, left: list[RawTerm], right: list[RawTerm], at: Token) -> list[RawTerm]:
        """Multiply; a sum over an index that is summed already becomes a definition of its own."""
        summed = {v for t in left for v in t.variables}
        if summed & {v for t in right for v in t.variables}:
            right = [one_entry(at, self._defined(self._since(at), right))]
        return super()._times(left, right, at)

    def _raised(self, base: list[RawTerm], at: Token) -> list[RawTerm]:
        """Parse an optional power, with any exponent."""
        whole = self._since(at)
        if not self._accept("^", "**"):
            return base
        first = self._now
        exponent = self._exponent()
        power = normal(sum((t.coefficient for t in exponent), sp.Integer(0)))
        if any(t.factors for t in exponent) or not power.is_Rational:
            return [one_entry(at, self._exponential(whole, base, exponent))]
        if power == 0 or abs(power) > most("degree"):
            cure = "write 1, or a product of powers"
            self.fail("exponent", first, f"at most {most('degree')}, and not 0", cure=cure)
        if power.is_Integer and power > 0:
            return self._whole_power(whole, base, int(power))
        if not (2 * power).is_Integer:
            return [one_entry(at, self._exponential(whole, base, exponent))]
        return self._half_power(whole, base, power)

    def _exponent(self) -> list[RawTerm]:
        """Parse what follows ``^``: a number, a name, an entry or an expression in parentheses."""
        first, sign = self._now, -1 if self._accept("-") else 1
        token = self._now
        if token.is_number:
            terms = [RawTerm(token, self._number())]
        elif self._accept("("):
            terms = self._terms()
            self._expect(")", "after the exponent", token)
        elif token.is_name and self._next == "[":
            terms = self._read()
        else:
            self.scalars.append(self._name("a number, a parameter, an entry or (...)"))
            terms = [RawTerm(token, symbol(token.text))]
        if self._now.text in ("^", "**"):
            self.fail("a power of a power", first, cure="write parentheses")
        return [replace(t, coefficient=sign * t.coefficient) for t in terms]

    def _whole_power(self, at: Token, base: list[RawTerm], power: int) -> list[RawTerm]:
        lifted = self._groups and is_sum(base)
        if power > 1 and (lifted or any(t.variables for t in base)):
            base = [one_entry(at, self._defined(at, base, group=lifted))]
        out = base
        for _ in range(power - 1):
            out = self._times(out, base, at)
        return out

    def _half_power(self, at: Token, base: list[RawTerm], power: Expr) -> list[RawTerm]:
        """Return ``u^(n+1/2)``, or a power with a negative whole or half exponent."""
        entry = self._value(at, base)
        halves = abs(2 * power)
        names = ["reciprocal" if power < 0 else ""] * int(halves // 2)
        names += ["rsqrt" if power < 0 else "sqrt"] * int(halves % 2)
        self.functions |= {name: at for name in names if name and name not in self.functions}
        factors = tuple(replace(entry, function=name) for name in names)
        return [RawTerm(at, sp.Integer(1), (), factors)]

    def _exponential(self, at: Token, base: list[RawTerm], exponent: list[RawTerm]) -> RawEntry:
        """Return ``exp(p * log(u))``."""
        entry = self._value(at, base)
        for name in ("log", "exp"):
            self.functions.setdefault(name, at)
        log = [one_entry(at, replace(entry, function="log"))]
        whole = Token(f"log({at.text}) * {self._since(exponent[0].at).text}", at.at)
        terms = self._times(exponent, log, at)
        made = self._defined(whole, terms, f"exponent_of_{entry.name.text}")
        return replace(made, function="exp")

    def _value(self, at: Token, terms: list[RawTerm]) -> RawEntry:
        """Return the entry that is some terms, or that stands for them."""
        return plain_entry(terms, self._scope) or self._defined(at, terms)


def _entries(t: RawTerm) -> Iterator[RawEntry]:
    return (f for f in t.factors if isinstance(f, RawEntry))
