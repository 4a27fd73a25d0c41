"""Parses indices: polynomials in index variables and parameters."""

from __future__ import annotations

import sympy as sp
from sympy import Expr, Symbol

from rot180.derive.language.polynomial import degree, normal, symbol
from rot180.derive.language.tokens import Scanner, Token


class IndexReader(Scanner):
    """Parses indices, and records the names in them that are not index variables.

    Attributes:
        outside: names in indices that are neither free nor summed there, each with whether the
            name is the whole index.

    """

    def __init__(self, source: str, scope: tuple[Symbol, ...]) -> None:
        super().__init__(source)
        self.outside: list[tuple[Token, bool]] = []
        self._scope = scope

    def _index(self, *, entry: bool = False) -> Expr:
        """Parse an index of an entry, or one side of a bracket."""
        first, known = self._now, len(self.outside)
        value = self._index_sum()
        whole = self._since(first)
        if entry and whole == first:
            self.outside[known:] = [(token, True) for token, _ in self.outside[known:]]
        if degree(value, self._scope) > 1:
            names = ", ".join(v.name for v in self._scope if v in value.free_symbols)
            self.fail(
                f"the index is not affine in {names}",
                whole,
                "index variables to the first power, times numbers and parameters",
                cure="do not multiply an index by an index",
            )
        return value

    def _index_sum(self) -> Expr:
        self._deeper()
        first, total, sign = self._now, sp.Integer(0), self._accept("+", "-")
        while True:
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
        while self._now.text in ("*", "/"):
            if self._now.text == "/":
                self.fail(
                    "a division in an index",
                    None,
                    "a polynomial with integer coefficients",
                    cure="write the relation as a bracket: [2*p == h]",
                )
            self._take()
            product = self._small(normal(product * self._index_atom()), first)
        return product

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
                    cure="write the relation as a bracket: [2*p == h]",
                )
            if value not in self._scope:
                self.outside.append((token, False))
        out = value
        for _ in range(self._power() - 1):
            out = self._small(normal(out * value), first)
        return out
