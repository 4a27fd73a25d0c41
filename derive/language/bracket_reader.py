"""Parses brackets: equations, and ranges with two sides or one."""

from __future__ import annotations

from typing import TypeAlias

import sympy as sp
from sympy import Expr

from rot180.derive.language.index_reader import IndexReader
from rot180.derive.language.one_sided import joined
from rot180.derive.language.polynomial import normal
from rot180.derive.language.terms import Equal
from rot180.derive.language.tokens import RawBound, RawFactor, Token

Parts: TypeAlias = list[tuple[Expr, tuple[RawFactor, ...]]]
"""A sum of numbers times factors."""

_LESS, _GREATER = ("<", "<="), (">", ">=")


class BracketReader(IndexReader):
    """Parses ``[a == b]``, ``[a != b]``, ``[a < b]`` and ``[a <= e < b]``."""

    def _bracket(self) -> Parts:
        """Parse a bracket; ``[a != b]`` is ``1 - [a == b]``."""
        opened, first = self._take(), self._now
        sides, signs = [self._index()], list[str]()
        while self._now.text in ("==", "!=", *_LESS, *_GREATER):
            signs.append(self._take().text)
            sides.append(self._index())
        whole = self._since(first)
        ordered = {s[0] for s in signs}
        chain = len(signs) == 2 and ordered in ({"<"}, {">"})
        if len(signs) != 1 and not chain:
            cure = "join two brackets by *" if signs else "compare two indices"
            self.fail(
                "a bracket states an equation or a range",
                whole if signs else None,
                "[a == b], [a != b], [a < b] or [a <= e < b]",
                cure="write == inside a bracket" if self._now.text == "=" else cure,
            )
        self._expect("]", "after the bracket", opened)
        one, equal = sp.Integer(1), Equal(sides[0] - sides[1])
        if signs == ["=="]:
            return [(one, (equal,))]
        if signs == ["!="]:
            always = equal.value.is_number and equal.value != 0
            return [(one, ())] if always else [(one, ()), (-one, (equal,))]
        pairs = zip(sides, sides[1:], signs, strict=False)
        bounds = [_bound(whole, a, b, sign) for a, b, sign in pairs]
        return [(one, joined(bounds[::-1] if ordered == {">"} else bounds, self._scope))]


def _bound(at: Token, a: Expr, b: Expr, sign: str) -> RawBound:
    low, high = (b, a) if sign in _GREATER else (a, b)
    return RawBound(at, low, normal(high - int(sign in ("<", ">"))))
