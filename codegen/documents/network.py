"""The five steps of backpropagation through a network, one section each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from rot180.codegen.documents.layer import checked, replay_theorem, theorem_blocks, title
from rot180.codegen.documents.model import Block, Document, Prose, Section
from rot180.derive.display.equations import Display, EquationLine
from rot180.derive.display.letters import letters
from rot180.derive.display.notations import DEEP_LEARNING, Symbols, in_network
from rot180.derive.display.terms_latex import Letters, escape
from rot180.derive.display.theorem_latex import box, definitions, listed, subject
from rot180.derive.gradients.cost import derivative
from rot180.derive.kernel.proof import Theorem
from rot180.derive.language.spelling import unfold_operators
from rot180.derive.language.terms import Tensor
from rot180.derive.networks.network import PARAMETER, Network, Stage, StageEntry


def network_document(
    network: Network, detail: str = "short", symbols: Symbols = DEEP_LEARNING
) -> Document:
    """Return the document of a network: the five steps, then the theorems of its layers.

    Args:
        network: a sequence of layers; the last one is the loss.
        detail: which view of a proof paper shows, "short" or "full".
        symbols: the notation.

    Raises:
        ProofError: a proof does not follow.

    """
    sections = [*five_steps(network, symbols)]
    for number, given in enumerate(network.cited, 1):
        found = replay_theorem(given)
        blocks = (*theorem_blocks(found, (), detail, symbols), checked(found))
        name = f"\\texttt{{{escape(found.name)}}}"
        sections.append(Section(f"layer-{number}", f"{name}: {title(found, symbols)}", blocks))
    return Document("Backpropagation through a network", str(network), tuple(sections))


def five_steps(network: Network, symbols: Symbols = DEEP_LEARNING) -> Iterator[Section]:
    """Yield a section for each step.

    Args:
        network: a sequence of layers; the last one is the loss.
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
    if free := [said for e in stage.entries for said in _boxed(e, style)]:
        yield Prose((f"Given: {listed(free)}.",))
    if lines := tuple(line for e in stage.entries for line in _lines(e, symbols)):
        yield Prose((lines,))
    proved = [e.statement for e in stage.entries if isinstance(e.statement, Theorem)]
    yield from map(checked, proved)


def _boxed(entry: StageEntry, style: Letters) -> Iterator[str]:
    """Say what a free tensor is: its box, and what it stands for unless it is a parameter."""
    t = entry.statement
    if isinstance(t, Tensor) and t.definition is None:
        size = f" with the box ${box(t, style)}$" if t.shape else ", a number"
        why = "" if entry.reason == PARAMETER else f" ({escape(entry.reason)})"
        yield f"${style.tensor(t)}${size}{why}"


def _lines(entry: StageEntry, symbols: Symbols) -> Display:
    """Return the equations of an entry, each with its reason."""
    said = escape(entry.reason)
    if isinstance(entry.statement, Theorem):
        said = re.sub(r"[^ ]+(?= and |$)", r"\\texttt{\g<0>}", said)  # the theorems
        style = _barred(letters(entry.statement, symbols), entry.name)
        left, wrt = subject(entry.statement, style), derivative(entry.statement).wrt
        if entry.name != wrt.tensor.name and not style.gradient(wrt.tensor.name):
            left = f"{style.named(entry.name)}{style.index(wrt.index, ())} = {left}"
        right = entry.statement.rhs
        if (plain := unfold_operators(right)) != right:
            return EquationLine(left, right, "", style), EquationLine("", plain, said, style)
        return (EquationLine(left, right, said, style),)
    if entry.statement.definition is None:
        return ()
    said = f"\\texttt{{{said}}}"
    style = Letters(entry.statement.definition.formals, symbols=symbols)
    (line,) = definitions([entry.statement], style)
    return (EquationLine(line.left, line.right, said, line.style),)


def _barred(style: Letters, name: str) -> Letters:
    """Write dC/dp as p with a bar in every line, also where it is the only such gradient."""
    names = dict.fromkeys((*(n for n, _ in style.tensors), name))
    given = [n.removeprefix("grad_") for n in names if n.startswith("grad_")]
    barred = ((f"grad_{n}", re.sub(r"^[^_^]+", r"\\bar{\g<0>}", style.tensor(n))) for n in given)
    return replace(style, tensors=(*style.tensors, *barred))
