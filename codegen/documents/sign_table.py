"""A table of the eight statements about the input gradient: which are true, which are false."""

from __future__ import annotations

from collections.abc import Iterator

from rot180.codegen.documents.model import Section, Table
from rot180.codegen.documents.passes import reach
from rot180.derive.display.definitions import every_tensor
from rot180.derive.display.letters import letters
from rot180.derive.display.notations import Symbols
from rot180.derive.display.terms_latex import Letters
from rot180.derive.display.theorem_latex import latex_expression
from rot180.derive.semantics.check import Counterexample
from rot180.derive.semantics.sign_conventions import SignConvention, sign_conventions


def sign_table(symbols: Symbols) -> Iterator[Section]:
    """Yield a section with the table: each statement is proved or refuted."""
    judged = sign_conventions()
    styles = {
        one.forward: letters(one.verdict.theorem, symbols)
        for one in judged
        if one.rotated and one.verdict.theorem
    }
    forward = {
        one.forward: reach(definition.body)
        for one in judged
        if one.verdict.theorem
        for t in every_tensor(*one.verdict.theorem.lines)
        if t.name == "y" and (definition := t.definition)
    }
    rows = tuple(_row(one, forward[one.forward], styles[one.forward]) for one in judged)
    table = Table(("Forward pass", "Input gradient", "Verdict"), rows, (16, 46, 38))
    yield Section("eight-statements", "Eight statements, four theorems", (table,))


def _row(one: SignConvention, forward: str, style: Letters) -> tuple[str, str, str]:
    window = "with the rotated filter" if one.rotated else "with the unrotated filter"
    backward = f"{reach(one.right)} {one.backward}".strip()
    gradient = f"{backward} {window}: ${latex_expression(one.right, style)}$"
    refuted = one.verdict.counterexample
    verdict = _refutation(refuted, style) if refuted else "\\textbf{true}"
    return f"{forward} {one.forward}".strip(), gradient, verdict


def _refutation(found: Counterexample, style: Letters) -> str:
    """Say for which numbers the gradient and the statement differ."""
    where = [f"${style.polynomial(v)} = {n}$" for v, n in {**found.sizes, **found.index}.items()]
    entries = (text.split(" = ") for text in found.model.entries_text())
    arrays = [f"${style.tensor(name)} = {values}$" for name, values in entries]
    return (
        f"false: the gradient is ${found.left}$ and the statement gives ${found.right}$ "
        f"for {', '.join(where)}, {', '.join(arrays)}"
    )
