"""Equations between the indices of the opening chapter, read off its theorems."""

from __future__ import annotations

from sympy import Expr

from rot180.codegen.documents.story_example import SYMBOLS
from rot180.derive.display.letters import letters
from rot180.derive.display.terms_latex import Letters
from rot180.derive.kernel.proof import Theorem
from rot180.derive.language.operators import sign_of
from rot180.derive.language.polynomial import coefficient, normal, symbol
from rot180.derive.language.spelling import unfold_operators
from rot180.derive.language.terms import Access, Equal


def read(proved: Theorem, style: Letters) -> str:
    """Return the output that a tap of the backward pass reads."""
    return style.polynomial(_place(proved), tuple(unfold_operators(proved.rhs)[0].variables))


def renamed(proved: Theorem, solved: Expr, style: Letters) -> str:
    """Return the tap of the backward pass by the tap that survives."""
    tap, step, place = symbol("k"), symbol("p"), _place(proved)
    found = normal(tap - coefficient(place, tap) * (place - step))
    last = normal(found + solved)
    return f"${style.polynomial(last)} - ({style.polynomial(solved)})$"


def _place(proved: Theorem) -> Expr:
    """Return the index of the output gradient in a theorem's right side."""
    (only,) = unfold_operators(proved.rhs)
    return next(f.index[0] for f in only.factors if isinstance(f, Access) and len(f.index) == 1)


def divided(brackets: Theorem) -> str:
    """Return the output of a pair of input and tap: the equation in the bracket, divided."""
    found, style, step = bracket(brackets).value, letters(brackets, SYMBOLS), symbol("p")
    by = coefficient(found, step)
    way = -sign_of(by)
    rest, stride = (style.polynomial(normal(way * e)) for e in (found - by * step, -by))
    return f"${style.symbol('p')} = ({rest}) / {stride}$"


def bracket(proved: Theorem) -> Equal:
    """Return the equation in a theorem's right side."""
    return next(f for f in proved.rhs[0].factors if isinstance(f, Equal))
