"""Parses tensor entries, and scalar functions of them.

An index of an entry may be a quotient, a remainder or a boundary mode; an entry is then a sum of
entries times brackets, in the term language.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NoReturn, TypeAlias

import sympy as sp
from sympy import Expr, Symbol

from rot180.derive.language.boundaries import MODES, Place, places
from rot180.derive.language.function_reader import FunctionReader
from rot180.derive.language.polynomial import size_of
from rot180.derive.language.tokens import RawEntry, RawFactor, RawTerm, Token, reserved

Axis: TypeAlias = tuple[Place, ...] | RawEntry
"""The places on an axis whose entries are added, or an entry of an array of indices."""


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
        places_of = tuple(self._listed(self._expect("[", f"after {token.text}"), token))
        self._occurs(token, len(places_of))
        token, axes = self._gathered(token, places_of)
        out = []
        for chosen in itertools.product(*axes):
            entry = RawEntry(token, tuple(e for e, _ in chosen))
            brackets = tuple(f for _, given in chosen for f in given)
            out.append(RawTerm(token, sp.Integer(1), (), (entry, *brackets)))
        return self._with_quotients(out)

    def _occurs(self, token: Token, rank: int) -> None:
        """Keep the name and the rank of a tensor."""
        self.entries.append(token)
        first, known = self.tensors.setdefault(token.text, (token, rank))
        if known != rank:
            self.refuse_rank(token, known, f"as at character {first.at + 1}")

    def _gathered(
        self, token: Token, axes: Sequence[Axis]
    ) -> tuple[Token, tuple[tuple[Place, ...], ...]]:
        """Return the tensor that is read, and the places on its axes; a program gathers."""
        for axis in axes:
            if isinstance(axis, RawEntry):
                self.fail(
                    "a tensor entry inside an index",
                    axis.name,
                    "names and numbers",
                    cure="close the bracket before it, or move the entry out of it; an array of "
                    "indices is for programs: x[idx[n],c]",
                )
        return token, tuple(axis for axis in axes if not isinstance(axis, RawEntry))

    def _listed(self, opened: Token, of: Token) -> Iterator[Axis]:
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
            elif mode.is_name and self._next == "[" and not reserved(mode):
                yield self._array_entry()
            else:
                yield ((self._index(entry=True), ()),)
            if not self._accept(","):
                break
        self._expect("]", "or ',' after the index", opened)

    def _array_entry(self) -> RawEntry:
        """Parse ``idx[n]`` as an index."""
        token = self._take()
        opened, index = self._take(), list[Expr]()
        while not self._accept("]"):
            index.append(self._index(entry=True))
            if self._now.text != "]":
                self._expect(",", "or ']' after the index", opened)
        if self._now.text not in (",", "]", ";", "=", ""):
            self.fail(
                "an entry of an array of indices is not the whole index",
                self._since(token),
                f"one entry as an index, x[{token.text}[...]]",
                cure="gather in a definition of its own, and read that at an offset",
            )
        return RawEntry(token, tuple(index))

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
