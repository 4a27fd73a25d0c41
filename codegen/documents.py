"""Complete LaTeX documents: a layer, its gradients, and a proof of each."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from jinja2 import Environment, PackageLoader, StrictUndefined

from rot180.derive.gradients import loss, output_gradient
from rot180.derive.latex import (
    aligned,
    box,
    definitions,
    latex_proof,
    latex_theorem,
    letters,
    listed,
)
from rot180.derive.layers import Layer
from rot180.derive.proof import Theorem, replay, tensors
from rot180.derive.terms import Access, Derivative, term
from rot180.derive.typeset import Letters, escape, letter


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


def proof_document(layer: Layer, theorems: Sequence[Theorem], detail: str = "short") -> str:
    """Return a complete LaTeX document: the layer and its theorems, each with its proof.

    Args:
        layer: the forward pass.
        theorems: its gradients; every proof is replayed first.
        detail: "short", or "full" for every step.

    Raises:
        ProofError: a proof does not follow.

    """
    total = loss(layer)
    inside = [t for t in tensors((term(total[()]),)) if t.definition is not None]
    forward = [layer.output, *(t for t in inside if t not in (layer.output, total))]
    known = [t.name for t in inside]
    style = letters(theorems[0]) if theorems else Letters()
    return environment().get_template("proof.tex.jinja").render(
        source=escape(layer.text),
        forward=aligned(definitions(forward, Letters())),
        output=letter(layer.output.name),
        given=_given(layer),
        incoming=style.tensor(output_gradient(layer).name),
        loss=style.tensor(total.name),
        sum=aligned(definitions([total], style)),
        parts=[part(t, known, detail) for t in theorems],
    )


def _given(layer: Layer) -> str:
    """Say what the names of a layer stand for."""
    style = Letters()
    said = []
    for t in layer.tensors:
        size = f"has the box ${box(t, style)}$" if t.shape else "is a number"
        said.append(f"${style.tensor(t.name)}$ {size}")
    if layer.parameters:
        names = listed([f"${letter(v.name)}$" for v in layer.parameters])
        said.append(names + (" are any integers" if names.count("$") > 2 else " is any integer"))
    return listed(said)


def fragment(theorem: Theorem, detail: str = "short") -> str:
    """Return statement and proof of one theorem, to be put into a document of one's own.

    Raises:
        ProofError: the proof does not follow.

    """
    found = part(theorem, (), detail)
    return f"{found.statement}\n\n{found.proof}\n"


def part(theorem: Theorem, known: Collection[str], detail: str) -> Part:
    """Replay a theorem and return what a document shows of it.

    Args:
        theorem: what is stated and proved.
        known: names of defined tensors that the document has introduced.
        detail: "short" or "full", see `latex_proof`.

    Raises:
        ProofError: the proof does not follow.

    """
    theorem = replace(replay(theorem.proof), words=theorem.words)
    head = theorem.lhs[0].factors[0] if len(theorem.lhs) == 1 else None
    title = escape(theorem.name)
    if isinstance(head, Derivative) and isinstance(head.factors[0], Access):
        style = letters(theorem)
        parts = (style.tensor(a.tensor.name) for a in (head.factors[0], head.wrt))
        title = "The gradient $\\partial {} / \\partial {}$".format(*parts)
    return Part(
        title=title,
        statement=latex_theorem(theorem, known),
        proof=latex_proof(theorem, detail),
        steps=len(theorem.proof.steps),
        digest=theorem.proof.digest,
    )
