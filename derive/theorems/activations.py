"""Layers after an activation, from the theorems about the layers themselves.

If the input of a layer is a = sigma(z), the delta of z is the input gradient at a, times sigma'(z).
The proof applies the chain rule through a, then the theorem about the input gradient. Each claim
names the theorems to cite; certificates and scripts contain them with their own proofs.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from rot180.derive.gradients.gradient import operand
from rot180.derive.kernel.citing import instantiate
from rot180.derive.language.terms import Tensor, tensors
from rot180.derive.theorems.adjoint import activated, adjointness
from rot180.derive.theorems.convolutions import Convolution
from rot180.derive.theorems.registry import Claim, claim


def delta(conv: Convolution) -> Claim:
    """State delta = (full product of the next delta with rot180(w)) * sigma'(z), by composition."""
    return replace(activated(conv), cites=(f"rot180_{conv.name}",))


def loss_of_activation(conv: Convolution) -> Claim:
    """State <y(a), g> = <a, dx(g)> for a = sigma(z), from the theorem for all x."""
    known = adjointness(conv)
    x = operand(conv.layer(), "x")
    swap = ((x.name, _activation(conv)),)
    return replace(
        known,
        lhs=instantiate(known.lhs, {}, swap),
        rhs=instantiate(known.rhs, {}, swap),
        words="the loss is the inner product of the activation and the input gradient",
        cites=(f"adjoint_{conv.name}",),
    )


def _activation(conv: Convolution) -> Tensor:
    """Return the tensor sigma(z) of the layer."""
    definition = conv.layer(activated=True).output.definition
    assert definition is not None
    return next(t for t in tensors(definition.body) if t.definition is not None)


_CONVOLUTIONS = [
    Convolution(n, true, general=True, channels=channels)
    for channels in (False, True)
    for true in (False, True)
    for n in (1, 2)
]
for _conv in _CONVOLUTIONS:
    claim(f"delta_{_conv.name}", partial(delta, _conv))
for _conv in _CONVOLUTIONS[:4]:
    claim(f"adjoint_activation_{_conv.name}", partial(loss_of_activation, _conv))
