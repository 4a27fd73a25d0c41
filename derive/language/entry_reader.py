"""Parses tensor entries, and scalar functions of them.

An index of an entry may be a quotient, a remainder or a boundary mode; an entry is then a sum of
entries times brackets, in the term language.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import NoReturn

import sympy as sp
from sympy import Symbol

from rot180.derive.language.boundaries import MODES, Place, places
from rot180.derive.language.function_reader import FunctionReader
from rot180.derive.language.polynomial import size_of
from rot180.derive.language.tokens import RawEntry, RawFactor, RawTerm, Token, reserved


class EntryReader(FunctionReader):
    """Parses entries.

    Attributes:
        tensors: tensor to its first token and its rank; `entries` has every token.

    """

    def __init__(self, source: str, scope: tuple[Symbol, ...], functions: Iterable[str]) -> None:
        super().__init__(source, scope, functions)
        self.tensors: dict[str, tuple[Token, int]] = {}
        self.entries: list[Token] = []

    def refuse_rank(self, token: Token, rank: int, why: str) -> NoReturn:
        """Raise the error for a tensor that has a different number of indices elsewhere."""
        cure = f"give {token.text} the same number of indices everywhere"
        expected = f"{rank} indices, {why}"
        self.fail(f"{token.text} is used with two ranks", token, expected, cure=cure)

    def _entry(self) -> RawEntry:
        """Parse ``x[n,c,s*p+k]``, an entry without quotients and boundary modes."""
        first = self._now
        terms = self._read()
        (entry, *rest), (t, *others) = terms[0].factors, terms
        if others or rest or t.variables or not isinstance(entry, RawEntry):
            what = "an index with a division or a boundary mode"
            self.fail(what, self._since(first), "an affine index", cure="use a plain index here")
        return entry

    def _read(self) -> list[RawTerm]:
        """Parse an entry; return a sum of products of one entry and brackets."""
        token = self._name("the name of a tensor")
        axes = tuple(self._listed(self._expect("[", f"after {token.text}"), token))
        self.entries.append(token)
        first, rank = self.tensors.setdefault(token.text, (token, len(axes)))
        if rank != len(axes):
            self.refuse_rank(token, rank, f"as at character {first.at + 1}")
        out = []
        for chosen in itertools.product(*axes):
            entry = RawEntry(token, tuple(e for e, _ in chosen))
            brackets = tuple(f for _, given in chosen for f in given)
            out.append(RawTerm(token, sp.Integer(1), (), (entry, *brackets)))
        return self._with_quotients(out)

    def _listed(self, opened: Token, of: Token) -> Iterator[tuple[Place, ...]]:
        if self._accept("]"):
            return
        for axis in itertools.count():
            mode = self._now
            if mode.text in MODES and self._next == "(":
                self._take()
                self._expect("(", f"after {mode.text}")
                e = self._index()
                self._expect(")", "after the index", mode)
                yield places(mode.text, e, size_of(of.text, axis), self._since(mode))
            else:
                yield ((self._index(entry=True), ()),)
            if not self._accept(","):
                break
        self._expect("]", "or ',' after the index", opened)

    def _activation(self) -> list[RawTerm]:
        """Parse ``sigma(z[i])``."""
        token = self._function()
        opened = self._expect("(", "after the function")
        terms = self._argument(token)
        self._expect(")", "after the argument", opened)
        return applied(token.text, terms)

    def _argument(self, function: Token) -> list[RawTerm]:
        """Parse the argument of a function: an entry, which may be a sum of entries in brackets."""
        found = None
        if self._now.is_name and self._next == "[" and not reserved(self._now):
            found = self._read()
        if found is None or self._now.text not in (")", ""):
            self.fail(
                f"the argument of {function.text} is not a tensor entry",
                None,
                "one entry, such as z[i]",
                cure="define the argument in a layer of its own",
            )
        return found


def applied(function: str, terms: Iterable[RawTerm]) -> list[RawTerm]:
    """Apply a function to the entries in some terms; their brackets stay as they are."""

    def of(f: RawFactor) -> RawFactor:
        return replace(f, function=function) if isinstance(f, RawEntry) else f

    return [replace(t, factors=tuple(map(of, t.factors))) for t in terms]
