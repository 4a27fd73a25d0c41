"""Parses entries at arrays of indices, ``x[idx[n],c]``: each becomes a definition of its own."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import sympy as sp
from sympy import Expr, Symbol

from rot180.derive.language.boundaries import Place
from rot180.derive.language.entry_reader import Axis
from rot180.derive.language.parser import Reader
from rot180.derive.language.polynomial import NAME, normal, symbol
from rot180.derive.language.substitute import fresh
from rot180.derive.language.tokens import RawEntry, RawTerm, Token

LONGEST = 24
"""The most characters of a name that is made of what an intermediate contains."""


@dataclass(frozen=True)
class RawDefinition:
    """An expression in a function or under a division, as a definition of its own.

    Attributes:
        at: the expression in the text.
        name: the name of the tensor.
        formals: its indices.
        terms: the expression.
        extreme: max, min or prod, if it is one; the first term is then a tensor that is held fixed
            times an entry.
        group: whether it is a sum in parentheses, which could be multiplied out.
        alone: whether it takes the name of a definition that is nothing else.
        gathers: the entries of arrays of indices in it, each with the tensor that is 1 at them.

    """

    at: Token
    name: str
    formals: tuple[Symbol, ...]
    terms: tuple[RawTerm, ...]
    extreme: str = ""
    group: bool = False
    alone: bool = False
    gathers: tuple[tuple[RawEntry, RawEntry], ...] = ()

    @property
    def fixed(self) -> set[str]:
        """Return the names of the tensors that are held fixed."""
        words = {f.name.text for t in self.terms[1:] for f in t.factors if isinstance(f, RawEntry)}
        return words | {self.selected[0].name.text} if self.extreme else set()

    def sized(self, shapes: Mapping[str, tuple[Expr, ...]]) -> tuple[RawTerm, ...]:
        """Return the terms; the product of n factors is added 1 - n times.

        Args:
            shapes: the sizes of each tensor.

        """
        if self.extreme != "prod":
            return self.terms
        first, rest = self.terms
        entry = self.selected[1]
        sides = zip(entry.index, shapes[entry.name.text], strict=True)
        offset = normal(1 - sp.Mul(*(n for e, n in sides if e in first.variables)))
        return (first, replace(rest, coefficient=offset)) if offset != 0 else (first,)

    @property
    def selected(self) -> tuple[RawEntry, RawEntry]:
        """Return the entry of the selection and that of the tensor it selects from."""
        one, other = self.terms[0].factors
        assert isinstance(one, RawEntry) and isinstance(other, RawEntry)
        return one, other


class GatherReader(Reader):
    """Parses entries at arrays of indices, and keeps the definitions that they become.

    Attributes:
        intermediates: the definitions that come before the one that is parsed, in order.
        arrays: the entries of arrays of indices.

    """

    def __init__(self, source: str, functions: Iterable[str], taken: Collection[str]) -> None:
        super().__init__(source, functions=functions, derivatives=False)
        self.intermediates: list[RawDefinition] = []
        self.arrays: list[RawEntry] = []
        self._taken = set(taken)
        self._known_gathers: dict[object, tuple[str, tuple[tuple[Place, ...], ...]]] = {}

    def _gathered(
        self, token: Token, axes: Sequence[Axis]
    ) -> tuple[Token, tuple[tuple[Place, ...], ...]]:
        """Define a gather where an axis is read at an array of indices.

        ``x[idx[n],p+k]`` is ``x_at_idx[n,p+k]``, where
        ``x_at_idx[n,h] = sum[v] onehot_idx[n,v] * x[v,h]``.
        """
        if not any(isinstance(axis, RawEntry) for axis in axes):
            return super()._gathered(token, axes)
        key = token.text, tuple(
            (a.name.text, a.index) if isinstance(a, RawEntry) else a for a in axes
        )
        if key not in self._known_gathers:
            self._known_gathers[key] = self._new_gather(token, axes)
        name, places = self._known_gathers[key]
        return Token(name, token.at), places

    def _new_gather(
        self, token: Token, axes: Sequence[Axis]
    ) -> tuple[str, tuple[tuple[Place, ...], ...]]:
        """Define a gather; return its name, and the places on its axes that are read."""
        places: dict[Symbol, tuple[Place, ...]] = {}
        index, found = list[Symbol](), list[tuple[RawEntry, RawEntry]]()
        for axis in axes:
            if isinstance(axis, RawEntry):
                self._occurs(axis.name, len(axis.index))
                own = list[Symbol]()
                for e in axis.index:
                    own.append(self._formal_of(e, own, "i", axis.name))
                    places.setdefault(own[-1], ((e, ()),))
                index.append(self._new_index("v", axis.name))
                word = self._new_name(f"onehot_{axis.name.text}")
                chosen = RawEntry(Token(word, axis.name.at), (*own, index[-1]))
                array = RawEntry(axis.name, tuple(own))
                found.append((chosen, array))
                self.arrays.append(array)
            else:
                e = axis[0][0] if len(axis) == 1 else sp.Integer(0)
                index.append(self._formal_of(e, index, "h", token))
                places.setdefault(index[-1], axis)
        over = tuple(v for v, axis in zip(index, axes, strict=True) if isinstance(axis, RawEntry))
        entry = RawEntry(token, tuple(index))
        inside = RawTerm(token, sp.Integer(1), over, (*(chosen for chosen, _ in found), entry))
        arrays = "_".join(dict.fromkeys(array.name.text for _, array in found))
        name = self._new_name(f"{token.text}_at_{arrays}")
        formals, body, gathers = tuple(places), (inside,), tuple(found)
        made = RawDefinition(token, name, formals, body, alone=True, gathers=gathers)
        self.intermediates.append(made)
        return name, tuple(places.values())

    def _formal_of(self, e: Expr, others: Collection[Symbol], hint: str, at: Token) -> Symbol:
        """Return the index for an axis: the one that is read there, if it is free for that."""
        if isinstance(e, Symbol) and e in self._moving and e not in others:
            return e
        return self._new_index(hint, at)

    def _new_index(self, hint: str, at: Token) -> Symbol:
        taken = {symbol(n) for n in self._taken_names() | self.summed.keys()}
        v = fresh(hint, taken.union(self._moving))
        self.summed[v.name] = at
        return v

    def _taken_names(self) -> set[str]:
        return super()._taken_names() | self._taken

    def _new_name(self, hint: str, short: str = "") -> str:
        base = hint if len(hint) <= LONGEST and NAME.fullmatch(hint) else short
        base = base or f"{self.output.text}_part"
        name, n = base, 1
        while name in self._taken:
            n += 1
            name = f"{base}{n}"
        self._taken.add(name)
        return name
