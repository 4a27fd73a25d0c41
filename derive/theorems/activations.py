"""Layers behind an activation, by the theorems about the layers alone.

With a = sigma(z) for the layer's input, the delta of z is the input gradient at a, times sigma'(z):
the chain rule through a, then the theorem about the input gradient. Each claim names what its
proof is to cite; certificates and scripts carry the cited theorem with its own proof.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from rot180.derive.gradients.gradient import operand
from rot180.derive.kernel.citing import instantiate
from rot180.derive.language.terms import Tensor, tensors
from rot180.derive.theorems.adjoint import activated, adjointness
from rot180.derive.theorems.convolutions import Sweep
from rot180.derive.theorems.registry import Claim, claim


def delta(sweep: Sweep) -> Claim:
    """State delta = (full sweep of the next delta with rot180(w)) * sigma'(z), by composition."""
    return replace(activated(sweep), cites=(f"rot180_{sweep.name}",))


def loss_of_activation(sweep: Sweep) -> Claim:
    """State <y(a), g> = <a, dx(g)> for a = sigma(z), by the theorem for every x."""
    known = adjointness(sweep)
    x = operand(sweep.layer(), "x")
    swap = ((x.name, _activation(sweep)),)
    return replace(
        known,
        lhs=instantiate(known.lhs, {}, swap),
        rhs=instantiate(known.rhs, {}, swap),
        words="the loss is the pairing of the activation with the input gradient",
        cites=(f"adjoint_{sweep.name}",),
    )


def _activation(sweep: Sweep) -> Tensor:
    """Return sigma(z), as it stands in the layer."""
    definition = sweep.layer(activated=True).output.definition
    assert definition is not None
    return next(t for t in tensors(definition.body) if t.definition is not None)


_SWEEPS = [
    Sweep(n, true, general=True, channels=channels)
    for channels in (False, True)
    for true in (False, True)
    for n in (1, 2)
]
for _sweep in _SWEEPS:
    claim(f"delta_{_sweep.name}", partial(delta, _sweep))
for _sweep in _SWEEPS[:4]:
    claim(f"adjoint_activation_{_sweep.name}", partial(loss_of_activation, _sweep))
