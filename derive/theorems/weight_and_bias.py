"""Weight and bias gradients: stride and dilation trade places."""

from __future__ import annotations

from functools import partial

from rot180.derive.gradients.gradient import chain_goal, operand, output_gradient
from rot180.derive.language.layers import layer
from rot180.derive.language.operators import rot180, size
from rot180.derive.language.polynomial import symbol
from rot180.derive.language.spelling import spelled
from rot180.derive.language.terms import Tensor, term
from rot180.derive.theorems.convolutions import GENERAL, LETTERS, Sweep
from rot180.derive.theorems.registry import Claim, claim


def weight_gradient(sweep: Sweep, signal: Tensor | None = None) -> Claim:
    """State dw[k] = sum_p x[d k + s p - lo] g[p]; for a convolution x is rotated.

    Args:
        sweep: the forward pass.
        signal: another tensor to stand for x on the right side.

    """
    variables, lhs = sweep.goal("w")
    x, _, g = sweep.operands()
    x = signal or x
    lead_x, _, lead_y = sweep.lead()
    taps = [v for v, _ in variables][len(variables) - sweep.axes :]
    outs = [symbol(LETTERS[a][0]) for a in range(sweep.axes)]
    index = []
    for a in range(sweep.axes):
        s, d, lo = sweep.parameters(a)
        last = size(x, len(lead_x) + a) - 1
        index.append(
            d * taps[a] - s * outs[a] + last + lo if sweep.true else d * taps[a] + s * outs[a] - lo
        )
    main = rot180(x, [len(lead_x) + a for a in range(sweep.axes)]) if sweep.true else x
    rhs = sweep.swept(main[(*lead_x, *index)], g[(*lead_y, *outs)], variables)
    words = f"the {sweep.word} of {spelled(main)} with {g.name}, "
    words += "stride and dilation trading places"
    return Claim(variables, lhs, rhs, (), words)


def bias_gradient(axes: int) -> Claim:
    """State db[o] = the sum of g over batch and space."""
    forward = layer(f"conv{axes}d")
    variables, lhs = chain_goal(forward, operand(forward, "bias"))
    g = output_gradient(forward)
    n, o = symbol("n"), symbol("o")
    outs = [symbol(LETTERS[a][0]) for a in range(axes)]
    rhs = (term(g[(n, o, *outs)], over=(n, *outs)),)
    return Claim(variables, lhs, rhs, (), f"the sum of {g.name} over batch and space")


for _sweep in GENERAL:
    claim(f"weight_{_sweep.name}", partial(weight_gradient, _sweep))
for _axes in (1, 2, 3):
    claim(f"bias_{_axes}d", partial(bias_gradient, _axes))
