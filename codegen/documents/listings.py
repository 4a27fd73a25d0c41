"""Listings of the generated kernels of theorems."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from rot180.codegen.documents.layer import anchor
from rot180.codegen.documents.model import Block, Listing, Note, reference
from rot180.codegen.kernels.modules import lowered
from rot180.codegen.kernels.plain_backend import PlainKernel, plain_functions
from rot180.derive.display.terms_latex import escape
from rot180.derive.gradients.gradient import kernel_theorem
from rot180.derive.kernel.proof import Theorem
from rot180.derive.language.layers import Layer
from rot180.derive.language.notation import make_layer
from rot180.derive.language.spelling import application
from rot180.derive.language.terms import Access, Derivative, tensors
from rot180.derive.theorems import Claim


def layer_and_operand(theorem: Theorem | Claim) -> tuple[Layer, str] | None:
    """Return the layer and the operand whose gradient a theorem states; None for other theorems.

    A program is no layer. A claim that is still to be proved states the same.
    """
    head = theorem.lhs[0].factors[0] if len(theorem.lhs) == 1 else None
    if not isinstance(head, Derivative) or not isinstance(head.factors[0], Access):
        return None
    total = head.factors[0].tensor
    inside = total.definition.body[0].factors if total.definition else ()
    found = [f.tensor for f in inside if isinstance(f, Access)]
    if len(found) != 2 or found[0].name != f"grad_{found[1].name}":
        return None
    body = found[1].definition.body if found[1].definition else ()
    if any(t.definition is not None and application(t) is None for t in tensors(body)):
        return None  # a program: the output uses other definitions
    layer, wrt = make_layer(found[1]), head.wrt.tensor.name
    return (layer, wrt) if wrt in (t.name for t in layer.tensors) else None


def function_text(layer: Layer, wrt: str) -> str:
    """Return the plain Python function that computes a gradient.

    Raises:
        LoweringError: the theorem cannot be lowered.

    """
    (kernel,) = lowered(layer, [(f"grad_{wrt}", kernel_theorem(layer, wrt))], PlainKernel)
    return plain_functions([kernel]).rstrip()


@dataclass(frozen=True)
class Kernels:
    """The kernels that a document has shown; each is shown once, and linked from then on.

    Attributes:
        shown: the theorem beside which a kernel is, by layer and operand.

    """

    shown: dict[tuple[str, str], str] = field(default_factory=dict)

    def listing(self, theorem: Theorem) -> Iterator[Block]:
        """Yield the kernel of the gradient that a theorem states, or a link to it."""
        found = layer_and_operand(theorem)
        if found is None:
            return
        layer, wrt = found
        before = self.shown.setdefault((layer.text, wrt), theorem.name)
        if before != theorem.name:
            link = reference(anchor(before), escape(before))
            yield Note("The kernel.", f"The same as for {link}.")
            return
        equation = layer.text.rpartition("; ")[2]  # the theorem says what is declared
        title = f"The loops of the kernel of \\texttt{{{escape(equation)}}}"
        yield Listing(title, function_text(layer, wrt))
