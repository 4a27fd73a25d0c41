"""Registers the views that display proofs and theorems; the kernel does not depend on them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp

from rot180.derive.certificates.writer import digest
from rot180.derive.display.mathml import shown
from rot180.derive.display.notations import DEEP_LEARNING, Symbols
from rot180.derive.display.proof_latex import latex_proof, proof_lines
from rot180.derive.display.statement import write_theorem
from rot180.derive.display.theorem_latex import latex_theorem, statement
from rot180.derive.kernel.proof import VIEWS, Proof, Theorem
from rot180.derive.kernel.replay import replay
from rot180.derive.language.sympy_bridge import to_sympy

PAGE = 455.0
"""Points that a row takes at most, unless it is said: A4 paper with margins of 25 mm."""


def register(**more: Callable[..., Any]) -> None:
    """Register every view.

    Args:
        more: further views, by name.

    """
    VIEWS.update(
        more,
        text=_text,
        latex=_latex,
        _repr_latex_=_notebook_latex,
        _repr_html_=_notebook_html,
        _digest=digest,
        sympy=_sympy,
    )


def _text(one: Theorem | Proof) -> str:
    return repr(one) if isinstance(one, Proof) else write_theorem(one)


def _latex(
    one: Theorem | Proof, symbols: Symbols = DEEP_LEARNING, page: float = PAGE
) -> str:
    """Return statement and proof as LaTeX, in the notation of `symbols`, as wide as a page."""
    proved = replay(one) if isinstance(one, Proof) else one
    stated = latex_theorem(proved, symbols=symbols, page=page)
    return stated + "\n" + latex_proof(proved, symbols=symbols, page=page)


def _notebook_latex(one: Theorem | Proof) -> str:
    if isinstance(one, Proof):
        return latex_proof(replay(one), page=PAGE)
    return latex_theorem(one, page=PAGE)


def _notebook_html(one: Theorem | Proof) -> str:
    """Return the lines of a proof or the statement of a theorem as MathML if possible."""
    parts = [proof_lines(replay(one))] if isinstance(one, Proof) else statement(one)
    return shown(parts, PAGE)


def _sympy(one: Theorem) -> sp.Eq:
    """Return the statement of a theorem as an unevaluated SymPy equation."""
    left, right = (to_sympy(side, one.variables) for side in (one.lhs, one.rhs))
    return sp.Eq(left, right, evaluate=False)
