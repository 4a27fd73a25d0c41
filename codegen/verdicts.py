"""Convolution or correlation, rotated or not: what became of each statement, as a table."""

from __future__ import annotations

from collections.abc import Iterator

from rot180.codegen.blocks import Section, Table
from rot180.derive.settled import settled
from rot180.derive.typeset import escape


def verdicts() -> Iterator[Section]:
    """Yield a table of the eight statements about the input gradient, each judged."""
    rows = []
    for one in settled():
        window = "\\texttt{rot180(w)}" if one.rotated else "\\texttt{w}"
        said = str(one.verdict).splitlines()[0].removeprefix("refuted: ")
        steps = len(one.verdict.theorem.proof.steps) if one.verdict.theorem else 0
        true = f"\\textbf{{true}}, proved in {steps} steps"
        verdict = true if steps else f"false: {escape(said)}"
        full = f"full {one.backward} with {window}, \\texttt{{{escape(one.formula)}}}"
        rows.append((one.forward, full, verdict))
    table = Table(("Forward pass", "Input gradient", "Verdict"), tuple(rows), (16, 42, 42))
    yield Section("eight-statements", "Eight statements, four theorems", (table,))
