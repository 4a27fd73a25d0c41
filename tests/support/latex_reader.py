"""A parser of exactly the LaTeX that documents contain: lines are read back to terms."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

import pytest
import sympy as sp
from sympy import Expr

from rot180.derive.language.polynomial import normal, symbol
from rot180.derive.language.terms import (
    Access,
    Apply,
    Derivative,
    Equal,
    Expression,
    Factor,
    Range,
    Tensor,
    Term,
)

T = TypeVar("T")


def must(found: T | None) -> T:
    """Return a value that must not be None."""
    assert found is not None
    return found


class Reader:
    """A parser for exactly the LaTeX that is emitted, and nothing else."""

    NAME = re.compile(r"\\mathit\{((?:\\_|\w)+)\}|(\\[A-Za-z]+|[A-Za-z])(?:_\{(\d+)\})?")

    def __init__(
        self, source: str, tensors: Mapping[str, Tensor], constants: Mapping[str, Expr]
    ) -> None:
        """Read `source`, given the tensors and named constants by their LaTeX."""
        self.source, self.at = " ".join(source.split()), 0
        self.tensors = dict(sorted(tensors.items(), key=lambda i: -len(i[0])))
        self.constants = constants

    def take(self, *words: str) -> str | None:
        """Take the first of the words that comes next; skip spaces."""
        while self.source.startswith((" ", "\\,"), self.at):
            self.at += 1 if self.source[self.at] == " " else 2
        for word in words:
            if self.source.startswith(word, self.at):
                self.at += len(word)
                return word
        return None

    def need(self, word: str) -> None:
        """Take a word that must come next."""
        if self.take(word) is None:
            pytest.fail(f"expected {word!r} at {self.source[self.at : self.at + 40]!r}")

    def name(self) -> Any:
        """Take an index, size, parameter or named constant."""
        self.take()
        found = self.NAME.match(self.source, self.at)
        if found is None or found[2] in ("\\sum", "\\frac", "\\times", "\\operatorname"):
            return None
        if self.source.startswith(("(", "'"), found.end()):
            return None
        self.at = found.end()
        if found[0] in self.constants:
            return self.constants[found[0]]
        word = found[1] or found[2].removeprefix("\\") + (found[3] or "")
        return symbol(word.replace("\\_", "_"))

    def monomial(self) -> Expr:
        """Take a product of numbers, names and powers."""
        product, at = sp.Integer(1), None
        while at != self.at:
            at = self.at
            self.take()
            if number := re.compile(r"\d+").match(self.source, self.at):
                self.at = number.end()
                product *= int(number[0])
            elif self.take("\\tfrac{"):
                p, q = self.upto("}{"), self.upto("}")
                product *= sp.Rational(int(p), int(q))
            elif self.tensor_next():
                break
            elif self.take("("):
                product *= self.polynomial()
                self.need(")")
            elif (name := self.name()) is not None:
                product *= name ** (int(self.upto("}")) if self.take("^{") else 1)
            else:
                self.at = at
        return normal(product)

    def polynomial(self) -> Expr:
        """Take a sum of monomials."""
        total = -self.monomial() if self.take("-") else self.monomial()
        while sign := self.take("+", "-"):
            total += self.monomial() * (1 if sign == "+" else -1)
        return normal(total)

    def upto(self, end: str) -> str:
        """Take everything before `end`."""
        start, self.at = self.at, self.source.index(end, self.at) + len(end)
        return self.source[start : self.at - len(end)]

    def tensor_next(self) -> Tensor | None:
        """Say which tensor comes next, without taking it."""
        for head, found in self.tensors.items():
            after = self.source[self.at + len(head) :]
            if self.source.startswith(head, self.at):
                if found.shape and after.startswith("["):
                    return found
                if not found.shape and not re.match(r"[\[({_A-Za-z]", after):
                    return found
        return None

    def access(self) -> Access | None:
        """Take an entry of a tensor."""
        self.take()
        found = self.tensor_next()
        if found is None:
            return None
        self.take(*self.tensors)
        index: list[Expr] = []
        if found.shape:
            self.need("[")
            index.append(self.polynomial())
            while self.take(","):
                index.append(self.polynomial())
            self.need("]")
        return Access(found, tuple(index))

    def some_factor(self) -> Factor:
        """Take a factor that must come next."""
        found = self.factor()
        assert found is not None
        return found

    def factor(self) -> Factor | None:
        """Take one factor."""
        self.take("\\times")
        if self.take("\\frac{\\partial}{\\partial "):
            wrt = must(self.access())
            self.need("}(")
            inside = []
            while not self.take(")"):
                inside.append(self.some_factor())
            return Derivative(tuple(inside), wrt)
        if self.take("\\frac{\\partial "):
            inside = [] if self.take("1") else [self.some_factor()]
            self.need("}{\\partial ")
            wrt = must(self.access())
            self.need("}")
            return Derivative(tuple(inside), wrt)
        if self.take("[0 \\le"):
            value = self.polynomial()
            self.need("<")
            size = self.polynomial()
            self.need("]")
            return Range(value, size)
        if self.take("["):
            left = self.polynomial()
            self.need("=")
            right = self.polynomial()
            self.need("]")
            return Equal(left - right)
        if (access := self.access()) is not None:
            return access
        applied = re.compile(r"\\?(?:operatorname\{((?:\\_|\w)+)\}|([A-Za-z]+))('*)\(")
        if found := applied.match(self.source, self.at):
            self.at = found.end()
            argument = must(self.access())
            self.need(")")
            name = (found[1] or found[2]).replace("\\_", "_")
            return Apply(name, len(found[3]), argument)
        return None

    def term(self, sign: int) -> Term:
        """Take a term after its sign."""
        coefficient = sign * self.monomial()
        variables = []
        if self.take("\\sum_{"):
            variables.append(must(self.name()))
            while self.take(","):
                variables.append(must(self.name()))
            self.need("}")
        factors = []
        while (factor := self.factor()) is not None:
            factors.append(factor)
        return Term(coefficient, tuple(variables), tuple(factors))

    def expression(self) -> Expression:
        """Take everything."""
        if self.source == "0":
            return ()
        terms = [self.term(-1 if self.take("-") else 1)]
        while sign := self.take("{}", "+", "-"):
            if sign != "{}":
                terms.append(self.term(1 if sign == "+" else -1))
        assert self.at == len(self.source), f"not read: {self.source[self.at :]}"
        return tuple(terms)


HALF = r"\operatorname{half\_square}"
"""What is read where the notation spells a function out."""

BEGIN, END = r"\\begin\{align(?:at)?\*\}(?:\{2\})?", r"\\end\{align(?:at)?\*\}"
REASON = r" (?:\\tag\*|&\\quad& \\text)\{\\small "


def displays(text: str) -> list[tuple[str, str]]:
    """Split an ``align*`` into pairs of left side and right side, with rows joined."""
    inside = re.fullmatch(f"{BEGIN}\n(.*)\n{END}", text, re.DOTALL)
    assert inside is not None
    joined = inside[1].replace(" \\\\\n  &\\qquad ", " ")
    joined = joined.replace("(\\tfrac{1}{2} u^{2})", HALF)
    half_square = r"\\tfrac\{1\}\{2\} (\S+?\[[^]]*\])\^\{2\}"
    joined = re.sub(half_square, lambda found: f"{HALF}({found[1]})", joined)
    joined = joined.replace(r"(\frac{1}{u})'", r"\operatorname{reciprocal}'")
    entry = r"((?:(?!\}\))\S)+?\[[^]]*\])"
    number = r"(?<!\()\\frac\{1\}\{(\\mathit\{(?:\\_|\w)+\}|\w)\}"
    joined = re.sub(number, r"\\operatorname{reciprocal}(\1)", joined)
    joined = re.sub(rf"\\frac\{{1\}}\{{{entry}\}}", r"\\operatorname{reciprocal}(\1)", joined)
    out = []
    for line in joined.split(" \\\\\n"):
        left, right = line.split("  &= ")
        out.append((left, re.sub(rf"{REASON}.*\}}$", "", right)))
    return out
