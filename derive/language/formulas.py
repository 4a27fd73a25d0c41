"""Functions of indices, ``cos(2*pi*k*t/T)``: tables that are computed from their formulas.

A formula has indices, parameters, sizes, numbers, pi, the signs ``+ - * / ^`` and the functions of
`OF_INDICES`. In a definition it is an entry of a tensor that is held fixed, such as
``cos_k_t[k,t]``: theorems hold for any tensor in its place.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import sympy as sp
from sympy import Symbol

from rot180.derive.language.gather_reader import GatherReader
from rot180.derive.language.limits import most
from rot180.derive.language.polynomial import symbol
from rot180.derive.language.terms import Tensor
from rot180.derive.language.tokens import RawEntry, RawTerm, Token

OF_INDICES = ("cos", "sin", "tan", "exp", "log", "sqrt", "abs", "cosh", "sinh", "tanh")
"""The functions of formulas; each is a function of NumPy of that name."""

PI = "pi"
"""The name in a formula that is a number."""


@dataclass(frozen=True)
class FormulaTable:
    """A tensor that is computed from the formula of its entries.

    Attributes:
        tensor: it.
        formals: its indices.
        formula: the tokens of the formula.

    """

    tensor: Tensor
    formals: tuple[Symbol, ...]
    formula: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Return the parameters and sizes in the formula."""
        formals = {v.name for v in self.formals}
        words = (w for w in self.formula if w[0].isalpha() and w not in (*OF_INDICES, PI))
        return tuple(dict.fromkeys(w for w in words if w not in formals))

    @property
    def convention(self) -> str:
        """Return what it is, as text."""
        at = ",".join(v.name for v in self.formals)
        return f"{self.tensor.name}[{at}] = {spelled(self.formula)}"


def spelled(formula: Iterable[str], by: Mapping[str, str] | None = None) -> str:
    """Return a formula as text; `by` says what is written for a token."""
    words = [(by or {}).get(w, w) for w in formula]
    text = ""
    for before, w in zip(["(", *words], words, strict=False):
        binary = w in ("+", "-") and before not in ("(", "*", "/", "^", "**", "+", "-")
        text += f" {w} " if binary else w
    return text


def with_formulas(line: str, tables: Iterable[FormulaTable]) -> str:
    """Return a definition as text, with formulas in place of the entries of tables."""
    for t in tables:

        def written(found: re.Match[str], t: FormulaTable = t) -> str:
            index = [e if e.isalnum() else f"({e})" for e in found[1].split(",")]
            by = dict(zip((v.name for v in t.formals), index, strict=True))
            return spelled(t.formula, by)

        line = re.sub(rf"\b{t.tensor.name}\[([^][]*)\]", written, line)
    return line


class FormulaReader(GatherReader):
    """Parses functions of indices.

    Attributes:
        formulas: the entry that stands for each function, and the tokens of its formula.

    """

    def __init__(self, source: str, functions: Iterable[str], taken: Iterable[str]) -> None:
        super().__init__(source, functions, set(taken))
        self.formulas: dict[tuple[str, ...], RawEntry] = {}

    def _activation(self) -> list[RawTerm]:
        first = self._now
        if first.text not in OF_INDICES or not self._is_of_indices():
            return super()._activation()
        words: list[str] = []
        self._formula_atom(words)
        formula = tuple(words)
        if formula not in self.formulas:
            used = {symbol(w) for w in formula}
            formals = tuple(v for v in dict.fromkeys(self._scope) if v in used)
            name = self._new_name("_".join([first.text, *(v.name for v in formals)]))
            self._occurs(Token(name, first.at), len(formals))
            self.formulas[formula] = RawEntry(Token(name, first.at), formals)
        entry = self.formulas[formula]
        return [RawTerm(first, sp.Integer(1), (), (entry,))]

    def _is_of_indices(self) -> bool:
        """Say whether the argument of a function has an index in it, and no entry."""
        depth, inside = 0, False
        names = {v.name for v in self._scope}
        for token in self._tokens[self._i + 1 :]:
            depth += (token.text == "(") - (token.text == ")")
            if token.text == "[":
                return False
            inside = inside or token.text in names
            if depth == 0:
                break
        return inside

    def _formula(self, out: list[str]) -> None:
        """Parse a sum of products, and append its tokens."""
        self._deeper()
        while True:
            if sign := self._accept("+", "-"):
                out.append(sign.text)
            self._formula_power(out)
            while sign := self._accept("*", "/"):
                out.append(sign.text)
                if sign.text == "/" and self._now.is_number and float(self._now.text) == 0:
                    self.fail("a division by 0", cure="drop it")
                self._formula_power(out)
            if self._now.text not in ("+", "-"):
                break
        self._depth -= 1

    def _formula_power(self, out: list[str]) -> None:
        self._formula_atom(out)
        if self._accept("^", "**"):
            out.append("^")
            if sign := self._accept("-"):
                out.append(sign.text)
            self._formula_atom(out)

    def _formula_atom(self, out: list[str]) -> None:
        token = self._now
        if len(out) > most("terms"):
            self.fail("a formula is too long", token, cure="pass its values as an operand")
        if token.is_number:
            self._number()
            out.append(token.text)
        elif self._accept("("):
            out.append("(")
            self._formula(out)
            self._expect(")", "after the group", token)
            out.append(")")
        else:
            self._name("an index, a parameter, a size, a number or pi")
            out.append(token.text)
            if token.text in OF_INDICES:
                opened = self._expect("(", f"after {token.text}")
                out.append("(")
                self._formula(out)
                self._expect(")", "after the argument", opened)
                out.append(")")
            elif self._now.text == "(":
                known = ", ".join(OF_INDICES)
                cure = "pass its values as an operand"
                self.fail(f"{token.text} is no function of indices", token, known, cure=cure)
            elif token.text != PI and symbol(token.text) not in self._scope:
                self.scalars.append(token)
