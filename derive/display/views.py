"""Registers the views of layers, proofs and theorems; what they display does not depend on them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp

from rot180.derive.certificates.writer import digest
from rot180.derive.display.equations import Display, aligned
from rot180.derive.display.letters import layer_letters
from rot180.derive.display.mathml import shown
from rot180.derive.display.notations import DEEP_LEARNING, Symbols
from rot180.derive.display.proof_latex import latex_proof, proof_lines
from rot180.derive.display.statement import write_statement, write_subject, write_theorem
from rot180.derive.display.theorem_latex import boxed, definitions, latex_theorem, listed, statement
from rot180.derive.kernel.proof import VIEWS, Proof, Theorem, Viewable
from rot180.derive.kernel.replay import replay
from rot180.derive.language.notation import Layer
from rot180.derive.language.printer import on_one_line
from rot180.derive.language.sympy_sums import to_sympy

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
    # `repr` does not look into the table of views, and layers are below the kernel, which has it
    for kind, name, view in (
        (Viewable, "__repr__", _line),
        (Layer, "_repr_latex_", _layer_latex),
        (Layer, "_repr_html_", _layer_html),
    ):
        setattr(kind, name, view)


def _text(one: Theorem | Proof) -> str:
    return repr(one) if isinstance(one, Proof) else write_theorem(one)


def _line(one: Theorem | Proof) -> str:
    """Return what `repr` shows."""
    if isinstance(one, Proof):
        count = len(one.steps)
        free = tuple(v for v, _ in one.variables)
        left = write_subject(one.start, free)
        return on_one_line("Proof", f"{one.name}: {count} step{'s' * (count != 1)} from {left}")
    return on_one_line("Theorem", f"{one.name}: {write_statement(one).splitlines()[0]}")


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


def _layer(one: Layer) -> list[str | Display]:
    """Return the definition of a layer, and the boxes of its operands."""
    style = layer_letters(one)
    free = listed([boxed(t, style) for t in one.tensors])
    return [definitions((one.output,), style), *([f"Here {free}."] if free else [])]


def _layer_latex(one: Layer) -> str:
    parts = _layer(one)
    return "\n".join(part if isinstance(part, str) else aligned(part, PAGE) for part in parts)


def _layer_html(one: Layer) -> str:
    return shown(_layer(one), PAGE)


def _sympy(one: Theorem) -> sp.Eq:
    """Return the statement of a theorem as an unevaluated SymPy equation."""
    left, right = (to_sympy(side, one.variables) for side in (one.lhs, one.rhs))
    return sp.Eq(left, right, evaluate=False)
