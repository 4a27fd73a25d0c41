"""The five steps of backpropagation for a network, as a section each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from rot180.codegen.blocks import Block, Note, Prose, Section
from rot180.derive.backpropagation import derivative
from rot180.derive.latex import (
    Display,
    Line,
    box,
    definitions,
    letters,
    listed,
    subject,
)
from rot180.derive.network import Entry, Network, Stage
from rot180.derive.proof import Theorem
from rot180.derive.statement import reading
from rot180.derive.symbols import DEEP_LEARNING, Symbols, in_network
from rot180.derive.terms import Tensor
from rot180.derive.typeset import Letters, escape


def five_steps(network: Network, symbols: Symbols = DEEP_LEARNING) -> Iterator[Section]:
    """Yield a section for each step.

    Args:
        network: layers in a row, the last of which is the loss.
        symbols: the notation.

    """
    symbols = in_network(symbols)
    for number, stage in enumerate(network.steps(), 1):
        blocks = tuple(_blocks(stage, symbols))
        yield Section(f"step-{number}", f"Step {number}: {_lower(stage.title)}", blocks)


def _lower(title: str) -> str:
    return title[:1].lower() + title[1:]


def _blocks(stage: Stage, symbols: Symbols) -> Iterator[Block]:
    style = Letters(symbols=symbols)
    given = [e.statement for e in stage.entries if isinstance(e.statement, Tensor)]
    free = [t for t in given if t.definition is None]
    if free:
        yield Prose((f"Given are {listed([_boxed(t, style) for t in free])}.",))
    if lines := tuple(line for e in stage.entries for line in _lines(e, symbols)):
        yield Prose((lines,))
    proved = [e.statement for e in stage.entries if isinstance(e.statement, Theorem)]
    if proved:
        each = (f"{len(t.proof.steps)} (\\texttt{{{t.proof.digest}}})" for t in proved)
        yield Note("How it was checked.", f"Steps, and the proof's hash: {listed([*each])}.")


def _boxed(t: Tensor, style: Letters) -> str:
    return f"${style.tensor(t.name)}$ of the box ${box(t, style)}$"


def _lines(entry: Entry, symbols: Symbols) -> Display:
    """Return the equations of an entry, each with its reason."""
    said = escape(entry.reason)
    if isinstance(entry.statement, Theorem):
        style = _barred(letters(entry.statement, symbols))
        left, wrt = subject(entry.statement, style), derivative(entry.statement).wrt
        if entry.name != wrt.tensor.name and not style.gradient(wrt.tensor.name):
            left = f"{style.named(entry.name)}{style.index(wrt.index, ())} = {left}"
        right = entry.statement.rhs
        if (plain := reading(right)) != right:
            return Line(left, right, "", style), Line("", plain, said, style)
        return (Line(left, right, said, style),)
    if entry.statement.definition is None:
        return ()
    said = f"\\texttt{{{said}}}"
    style = Letters(entry.statement.definition.formals, symbols=symbols)
    (line,) = definitions([entry.statement], style)
    return (Line(line.left, line.right, said, line.style),)


def _barred(style: Letters) -> Letters:
    """Write dC/dp with a bar over p in every line, also where it is the only such gradient."""
    given = [n.removeprefix("grad_") for n, _ in style.tensors if n.startswith("grad_")]
    barred = ((f"grad_{n}", re.sub(r"^[^_^]+", r"\\bar{\g<0>}", style.tensor(n))) for n in given)
    return replace(style, tensors=(*style.tensors, *barred))
