"""Complete LaTeX documents: a layer, its gradients, and a proof of each."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from jinja2 import Environment, PackageLoader, StrictUndefined

from rot180.derive.gradients import loss, output_gradient
from rot180.derive.latex import (
    box,
    definitions,
    latex_proof,
    latex_theorem,
    layer_letters,
    letters,
    listed,
)
from rot180.derive.layers import Layer
from rot180.derive.proof import Theorem, replay, tensors
from rot180.derive.symbols import DEEP_LEARNING, Symbols
from rot180.derive.terms import Access, Derivative, term
from rot180.derive.typeset import Letters, escape


@dataclass(frozen=True)
class Part:
    """A theorem as the template lays it out: title, statement, proof, and where it comes from."""

    title: str
    statement: str
    proof: str
    steps: int
    digest: str


def environment() -> Environment:
    r"""Return a Jinja environment for LaTeX: ``\VAR{name}``, ``\BLOCK{for ...}``."""
    return Environment(
        block_start_string="\\BLOCK{",
        block_end_string="}",
        variable_start_string="\\VAR{",
        variable_end_string="}",
        comment_start_string="\\NOTE{",
        comment_end_string="}",
        loader=PackageLoader("rot180.codegen"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )


def proof_document(
    layer: Layer,
    theorems: Sequence[Theorem],
    detail: str = "short",
    symbols: Symbols = DEEP_LEARNING,
) -> str:
    """Return a complete LaTeX document: the layer and its theorems, each with its proof.

    Args:
        layer: the forward pass.
        theorems: its gradients; every proof is replayed first.
        detail: "short", or "full" for every step.
        symbols: the notation.

    Raises:
        ProofError: a proof does not follow.

    """
    total = loss(layer)
    inside = [t for t in tensors((term(total[()]),)) if t.definition is not None]
    forward = [layer.output, *(t for t in inside if t not in (layer.output, total))]
    known = [t.name for t in inside]
    own = layer_letters(layer, symbols)
    style = letters(theorems[0], symbols) if theorems else own
    return environment().get_template("proof.tex.jinja").render(
        source=escape(layer.text),
        forward=definitions(forward, own),
        output=own.tensor(layer.output.name),
        given=_given(layer, own),
        incoming=style.tensor(output_gradient(layer).name),
        loss=style.tensor(total.name),
        sum=definitions([total], replace(own, tensors=style.tensors)),
        parts=[part(t, known, detail, symbols) for t in theorems],
    )


def _given(layer: Layer, style: Letters) -> str:
    """Say what the names of a layer stand for."""
    said = []
    for t in layer.tensors:
        size = f"has the box ${box(t, style)}$" if t.shape else "is a number"
        said.append(f"${style.tensor(t.name)}$ {size}")
    if layer.parameters:
        names = listed([f"${style.symbol(v.name)}$" for v in layer.parameters])
        said.append(names + (" are any integers" if names.count("$") > 2 else " is any integer"))
    return listed(said)


def fragment(
    theorem: Theorem, detail: str = "short", symbols: Symbols = DEEP_LEARNING
) -> str:
    """Return statement and proof of one theorem, to be put into a document of one's own.

    Raises:
        ProofError: the proof does not follow.

    """
    found = part(theorem, (), detail, symbols)
    return f"{found.statement}\n\n{found.proof}\n"


def part(
    theorem: Theorem,
    known: Collection[str],
    detail: str = "short",
    symbols: Symbols = DEEP_LEARNING,
) -> Part:
    """Replay a theorem and return what a document shows of it.

    Args:
        theorem: what is stated and proved.
        known: names of defined tensors that the document has introduced.
        detail: "short" or "full", see `latex_proof`.
        symbols: the notation.

    Raises:
        ProofError: the proof does not follow.

    """
    theorem = replace(replay(theorem.proof), words=theorem.words)
    head = theorem.lhs[0].factors[0] if len(theorem.lhs) == 1 else None
    title = escape(theorem.name)
    if isinstance(head, Derivative) and isinstance(head.factors[0], Access):
        style = letters(theorem, symbols)
        parts = (style.tensor(a.tensor.name) for a in (head.factors[0], head.wrt))
        title = "The gradient $\\partial {} / \\partial {}$".format(*parts)
    return Part(
        title=title,
        statement=latex_theorem(theorem, known, symbols),
        proof=latex_proof(theorem, detail, symbols),
        steps=len(theorem.proof.steps),
        digest=theorem.proof.digest,
    )
