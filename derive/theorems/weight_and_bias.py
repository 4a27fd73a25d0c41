"""Weight and bias gradients; in the weight gradient, stride and dilation swap."""

from __future__ import annotations

from functools import partial

from rot180.derive.gradients.gradient import chain_goal, operand, output_gradient
from rot180.derive.language.layers import axis_letters, layer
from rot180.derive.language.operators import rot180, size
from rot180.derive.language.polynomial import symbol
from rot180.derive.language.spelling import display_name
from rot180.derive.language.terms import Tensor, term
from rot180.derive.theorems.convolutions import GENERAL, Convolution
from rot180.derive.theorems.registry import Claim, claim


def weight_gradient(conv: Convolution, signal: Tensor | None = None) -> Claim:
    """State dw[k] = sum_p x[d k + s p - lo] g[p]; for a convolution x is rotated.

    Args:
        conv: the forward pass.
        signal: a tensor that replaces x on the right side.

    """
    variables, lhs = conv.goal("w")
    x, _, g = conv.operands()
    x = signal or x
    lead_x, _, lead_y = conv.lead()
    taps = [v for v, _ in variables][len(variables) - conv.axes :]
    outs = [symbol(a.window) for a in axis_letters(conv.axes)]
    index = []
    for a in range(conv.axes):
        s, d, lo = conv.parameters(a)
        last = size(x, len(lead_x) + a) - 1
        index.append(
            d * taps[a] - s * outs[a] + last + lo if conv.true else d * taps[a] + s * outs[a] - lo
        )
    main = rot180(x, [len(lead_x) + a for a in range(conv.axes)]) if conv.true else x
    rhs = conv.sliding_product(main[(*lead_x, *index)], g[(*lead_y, *outs)], variables)
    words = f"the {conv.word} of {display_name(main)} with {g.name}, "
    words += "where stride and dilation are swapped"
    return Claim(variables, lhs, rhs, (), words)


def bias_gradient(axes: int) -> Claim:
    """State db[o] = the sum of g over batch and space."""
    forward = layer(f"conv{axes}d")
    variables, lhs = chain_goal(forward, operand(forward, "bias"))
    g = output_gradient(forward)
    n, o = symbol("n"), symbol("o")
    outs = [symbol(a.window) for a in axis_letters(axes)]
    rhs = (term(g[(n, o, *outs)], over=(n, *outs)),)
    return Claim(variables, lhs, rhs, (), f"the sum of {g.name} over batch and space")


for _conv in GENERAL:
    claim(f"weight_{_conv.name}", partial(weight_gradient, _conv))
for _axes in (1, 2, 3):
    claim(f"bias_{_axes}d", partial(bias_gradient, _axes))
