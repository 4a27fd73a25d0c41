"""Parses text into raw terms, by recursive descent over tokens."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NoReturn, cast

import sympy as sp
from sympy import Expr, Symbol

from rot180.derive.language.entry_reader import EntryReader
from rot180.derive.language.limits import cure as raising
from rot180.derive.language.limits import most
from rot180.derive.language.polynomial import NAME, normal, symbol
from rot180.derive.language.tokens import (
    RawDerivative,
    RawTerm,
    Token,
    collected,
    reserved,
)


class Reader(EntryReader):
    """Recursive-descent parser for one text; records where each name first occurs.

    Attributes:
        free: the free indices.
        output: the token of the tensor on the left side.
        declared: tensor to declared sizes; `sizes` has the token of each size.
        scalars: names that are factors.
        derivatives: whether the text may contain derivatives.

    """

    def __init__(
        self,
        source: str,
        free: Sequence[Symbol] = (),
        *,
        functions: Iterable[str] = (),
        derivatives: bool = True,
    ) -> None:
        super().__init__(source, tuple(free), functions)
        self.free = tuple(free)
        self.output = Token("", 0)
        self.declared: dict[str, tuple[Expr, ...]] = {}
        self.sizes: dict[str, Token] = {}
        self.scalars: list[Token] = []
        self.derivatives = derivatives
        self._shadowed = frozenset[Symbol]()  # summed indices that may be summed again

    @property
    def names(self) -> set[str]:
        """Return every name in the text."""
        return {t.text.rstrip("'") for t in self._tokens if t.is_name}

    @property
    def index(self) -> set[str]:
        """Return the name of every index, free or bound."""
        return {v.name for v in self.free} | self.summed.keys()

    def layer(self) -> list[RawTerm]:
        """Parse declarations, a left side and terms.

        Raises:
            NotationError: the text is not in the notation.

        """
        if not self._now.text:
            cure = "write a layer such as y[p] = sum[k] x[p+k] * w[k]"
            self.fail("an empty text", expected="a layer", cure=cure)
        while True:
            self._declared_functions()
            self.output, places = self._left()
            if not self._accept(";"):
                break
            name = self.output.text
            if name in self.declared:
                self.fail(f"{name} is declared twice", self.output, cure="drop one declaration")
            self.declared[name] = tuple(self._size(place) for place in places)
            self.tensors[name] = (self.output, len(places))
        self._expect("=", "after the left side", cure=f"write {self.output.text}[...] = ...")
        for place in places:
            self.free += (self._formal(place),)
        self._scope = self.free
        first, rank = self.tensors.setdefault(self.output.text, (self.output, len(places)))
        if rank != len(places):
            self.refuse_rank(self.output, rank, f"as at character {first.at + 1}")
        terms = self.expression()
        for token in self.entries:
            if token.text == self.output.text:
                self._refuse_recursion(token)
            if token.text == f"grad_{self.output.text}":
                what = "the name is reserved for the gradient of the output"
                self.fail(what, token, cure="rename it")
        used = {t.text for t in self.entries}
        for name in [n for n in self.declared if n not in {*used, self.output.text}]:
            self.fail(f"{name} is declared but not used", self.tensors[name][0], cure="drop it")
        self._refuse_unused_functions()
        return terms

    def declaration(self) -> tuple[str, tuple[Expr, ...]]:
        """Parse ``x[N,C,s*P+3]``: a name and sizes.

        Raises:
            NotationError: the text is not in the notation.

        """
        entry = self._entry()
        self.end("'=' or the end of the declaration")
        return entry.name.text, entry.index

    def expression(self) -> list[RawTerm]:
        """Parse terms up to the end of the text.

        Raises:
            NotationError: the text is not in the notation.

        """
        if not self._now.text:
            self.fail("an empty expression", expected="at least one term", cure="write a term")
        terms = self._terms()
        if self._now.text:
            cure = {")": "drop it", "]": "drop it", ";": "a text defines one layer: drop the rest"}
            cure |= dict.fromkeys(("//", "%"), "quotients and remainders are of indices: x[p // 2]")
            found = self._now.text
            self.fail(
                "unbalanced bracket" if found in ")]" else "unexpected token",
                expected="+, -, *, / or the end of the text",
                cure=cure.get(found, "a relation is a bracket, as [p < 3]; drop anything else"),
            )
        return terms

    def _refuse_recursion(self, token: Token) -> NoReturn:
        self.fail("the output is used on the right", token, "another tensor", cure="rename it")

    def _left(self) -> tuple[Token, list[Token]]:
        """Parse ``y[n,o,p]`` or ``x[N,C,3]``: the name, and the tokens between the commas."""
        token = self._name("the output, such as y[p]")
        cure = f"write {token.text}[p], or {token.text}[] for a number"
        opened = self._expect("[", f"after {token.text}", cure=cure)
        out: list[Token] = []
        while not self._accept("]"):
            first = self._now
            while self._now.text not in (",", "]", "[", ";", "=", ""):
                self._take()
            if self._now == first:
                cure = "drop the comma or write a name"
                self.fail("an axis without a name", None, "a name or a size", cure=cure)
            out.append(self._since(first))
            if self._now.text != "]":
                self._expect(",", "or ']' after the index", opened)
        return token, out

    def _size(self, place: Token) -> Expr:
        if re.fullmatch(f"[0-9]{{1,{most('digits')}}}", place.text):
            return cast(Expr, sp.Integer(int(place.text)))
        if not NAME.fullmatch(place.text) or reserved(place):
            expected = "a declaration such as x[N,C,3]"
            self.fail("a size is a name or a number", place, expected, cure="name the size")
        self.sizes.setdefault(place.text, place)
        return symbol(place.text)

    def _formal(self, place: Token) -> Symbol:
        if reserved(place):
            self.fail("reserved word", place, "the name of an index", cure="choose another name")
        if not NAME.fullmatch(place.text):
            self.fail(
                "an index of the left side is not a single name",
                place,
                "one name for each axis of the output",
                cure="write y[t] = sum[p] [t == 2*p] * ...",
            )
        if place.text in {v.name for v in self.free}:
            self.fail(
                "an index of the left side is repeated",
                place,
                "a different name for each axis of the output",
                cure="write y[p,q] = [p == q] * ...",
            )
        return symbol(place.text)

    def _terms(self) -> list[RawTerm]:
        """Parse terms joined by + and -."""
        self._deeper()
        out: list[RawTerm] = []
        sign = self._accept("+", "-")
        while True:
            terms = self._product()
            flip = sign is not None and sign.text == "-"
            out += [replace(t, coefficient=-t.coefficient) if flip else t for t in terms]
            self._limit(out)
            sign = self._accept("+", "-")
            if not sign:
                self._depth -= 1
                return out

    def _limit(self, terms: list[RawTerm]) -> None:
        if len(terms) > most("terms"):
            what = f"more than {most('terms')} terms after multiplying out"
            self.fail(what, terms[0].at, cure=f"use several layers, or {raising('terms')}")
        for t in terms[-1:]:
            if max(len(t.factors), len(t.variables)) > most("factors"):
                what = f"more than {most('factors')} factors or summed indices in a term"
                self.fail(what, t.at, cure=f"use several layers, or {raising('factors')}")

    def _product(self) -> list[RawTerm]:
        first, out = self._now, self._factor()
        while operator := self._accept("*", "/"):
            if operator.text == "*":
                out = self._times(out, self._factor(), operator)
                continue
            token = self._now
            if not token.is_number:
                out = self._times(out, self._divisor(), operator)
                continue
            value = self._number()
            if value == 0:
                self._refuse_divisor(token)
            parts = (self._small(normal(t.coefficient / value), token) for t in out)
            out = [replace(t, coefficient=c) for t, c in zip(out, parts, strict=True)]
        if self._now.is_name or self._now.is_number or self._now.text in ("(", "["):
            self._refuse_juxtaposed(self._since(first).text)
        return out

    def _divisor(self) -> list[RawTerm]:
        """Parse what is divided by, if it is no number; a program defines its reciprocal."""
        self._refuse_divisor(self._now)

    def _refuse_divisor(self, token: Token) -> NoReturn:
        entry = token.is_name and self._next == "["
        cure = "write x[p] * reciprocal(w[p])" if entry else "multiply by a number c[]"
        self.fail("division", token, "a number that is not 0", cure=cure)

    def _times(self, left: list[RawTerm], right: list[RawTerm], at: Token) -> list[RawTerm]:
        out = []
        for a, b in itertools.product(left, right):
            a, b = self._with_quotients_once(a, b)
            if twice := set(a.variables) & set(b.variables):
                self.fail(
                    f"two sums over {min(v.name for v in twice)} are multiplied",
                    at,
                    cure="rename the index in one of them",
                )
            both = self._small(normal(a.coefficient * b.coefficient), a.at)
            out.append(RawTerm(a.at, both, a.variables + b.variables, a.factors + b.factors))
            self._limit(out)
        return collected(out)

    def _factor(self) -> list[RawTerm]:
        token = self._now
        if token.text == "sum" and self._next != "(":
            return self._bound()
        if token.text == "[":
            brackets = [RawTerm(token, c, (), parts) for c, parts in self._bracket()]
            return self._with_quotients(brackets)
        if token.text in ("+", "-"):
            self._deeper()
            self._take()
            inner = self._factor()
            self._depth -= 1
            sign = -1 if token.text == "-" else 1
            return [replace(t, coefficient=sign * t.coefficient) for t in inner]
        if token.is_number:
            base = [RawTerm(token, self._number())]
        elif self._is_derivative():
            base = self._derivative()
        elif self._accept("("):
            base = self._terms()
            self._expect(")", "after the group", token)
        elif token.is_name and self._next == "(":
            base = self._activation()
        elif token.is_name and self._next == "[":
            base = self._read()
        else:
            role = "a tensor entry, a bracket, a number, a parameter, sum[...] or (...)"
            self.scalars.append(self._name(role))
            if self.is_function(token.text):
                cure = f"write {token.text}(x[p])"
                self.fail("a function without its argument", token, "an entry", cure=cure)
            base = [RawTerm(token, symbol(token.text))]
        return self._raised(base, token)

    def _raised(self, base: list[RawTerm], at: Token) -> list[RawTerm]:
        out = base
        for _ in range(self._power() - 1):
            out = self._times(out, base, at)
        return out

    def _bound(self) -> list[RawTerm]:
        """Parse ``sum[c,k]`` and the product that it binds."""
        self._take()
        opened = self._expect("[", "after sum", cure="write sum[k]")
        outer = self._scope
        variables: list[Symbol] = []
        while True:
            role = "the name of an index to sum over"
            token = self._name(role, "write sum[k], or drop the sum")
            v = symbol(token.text)
            if v in self.free:
                self.fail(
                    f"{v} is both summed and free",
                    token,
                    "an index that is not on the left side",
                    cure="rename the summed index",
                )
            if v in variables or v in set(outer) - self._shadowed:
                self.fail(f"{v} is summed twice", token, cure="drop it or rename one of them")
            variables.append(v)
            self.summed.setdefault(token.text, token)
            if not self._accept(","):
                break
        limits = f"name the index alone, and add its limits: sum[{v}] [0 <= {v} < n] * ..."
        self._expect("]", "or ',' after the index", opened, limits)
        self._scope = outer + tuple(variables)
        self._deeper()
        inner = self._product()
        self._depth -= 1
        self._scope = outer
        return [replace(t, variables=(*variables, *t.variables)) for t in inner]

    def _is_derivative(self) -> bool:
        """Say whether ``d y[i]/d x[h]`` or ``d(...)/d x[h]`` begins here; d may be a name too."""
        if self._now.text != "d" or self._next != "(":
            return self._now.text == "d" and self._next[:1].isalpha()
        following, depth = self._tokens[self._i + 1 :], 0
        for n, token in enumerate(following):
            depth += (token.text == "(") - (token.text == ")")
            if depth == 0:
                return [t.text for t in following[n + 1 : n + 3]] == ["/", "d"]
        return False

    def _derivative(self) -> list[RawTerm]:
        """Parse ``d y[i]/d x[h]`` or ``d(...)/d x[h]``; a sum gives a derivative for each term."""
        first = self._take()
        if not self.derivatives:
            cure = "derive the gradient instead"
            self.fail("a derivative", first, "sums of products", cure=cure)
        self._deeper()
        inner = self._factor()
        self._expect("/", "and the variable of the derivative")
        self._expect("d", "and a tensor entry")
        by = self._entry()
        self._depth -= 1
        return [replace(t, factors=(RawDerivative(t.factors, by),)) for t in inner]
