"""A table of the eight statements about the input gradient: which are true, which are false."""

from __future__ import annotations

from collections.abc import Iterator

from rot180.codegen.documents.model import Section, Table
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
    rows = tuple(_row(one, styles[one.forward]) for one in judged)
    table = Table(("Forward pass", "Input gradient", "Verdict"), rows, (16, 46, 38))
    yield Section("eight-statements", "Eight statements, four theorems", (table,))


def _row(one: SignConvention, style: Letters) -> tuple[str, str, str]:
    window = "with the rotated filter" if one.rotated else "with the unrotated filter"
    gradient = f"full {one.backward} {window}: ${latex_expression(one.right, style)}$"
    proved, refuted = one.verdict.theorem, one.verdict.counterexample
    if proved is not None:
        return one.forward, gradient, f"\\textbf{{true}}, proved in {len(proved.proof.steps)} steps"
    return one.forward, gradient, _refutation(refuted, style) if refuted else str(one.verdict)


def _refutation(found: Counterexample, style: Letters) -> str:
    """Say for which numbers the two sides differ."""
    where = [f"${style.polynomial(v)} = {n}$" for v, n in {**found.sizes, **found.index}.items()]
    entries = (text.split(" = ") for text in found.model.entries_text())
    arrays = [f"${style.tensor(name)} = {values}$" for name, values in entries]
    return (
        f"false: ${found.left} \\ne {found.right}$ for {', '.join(where)}, {', '.join(arrays)}"
    )
