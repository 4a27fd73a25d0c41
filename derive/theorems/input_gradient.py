"""Why the kernel is rotated by 180 degrees.

The input gradient of a forward correlation is the full correlation, that of a forward convolution
the full convolution, of the zero-dilated output gradient with ``rot180(weight)``. Swapping one
word makes a false statement.
"""

from __future__ import annotations

from functools import partial

from rot180.derive.language.operators import dilate, rot180, size
from rot180.derive.language.polynomial import symbol
from rot180.derive.language.spelling import display_name
from rot180.derive.language.terms import Tensor
from rot180.derive.theorems.convolutions import GENERAL, PLAIN, STRIDED, Convolution
from rot180.derive.theorems.registry import Claim, claim


def input_gradient(conv: Convolution, weight: Tensor | None = None) -> Claim:
    """State dx[h] = sum_j dilate(g, s)[h +- (d j - pi)] rot180(w)[j], pi = +-(d (K - 1)) - lo.

    Args:
        conv: the forward pass.
        weight: a tensor that replaces w on the right side.

    """
    variables, lhs = conv.goal("x")
    _, w, g = conv.operands()
    w = weight or w
    _, lead_w, lead_y = conv.lead()
    places = [v for v, _ in variables][len(variables) - conv.axes :]
    taps = [symbol("j" + str(a or "")) for a in range(conv.axes)]
    factors, index = {}, []
    for a in range(conv.axes):
        s, d, lo = conv.parameters(a)
        axis_w, axis_g = len(lead_w) + a, len(lead_y) + a
        if s != 1:
            factors[axis_g] = s
        padding = conv.sign * d * (size(w, axis_w) - 1) - lo
        index.append(places[a] + conv.sign * d * taps[a] - padding)
    spatial = [len(lead_w) + a for a in range(conv.axes)]
    main = dilate(g, factors) if factors else g
    window = rot180(w, spatial)
    rhs = conv.sliding_product(main[(*lead_y, *index)], window[(*lead_w, *taps)], variables)
    words = f"the full {conv.word} of {display_name(main)} with {display_name(window)}"
    return Claim(variables, lhs, rhs, (), words)


for _conv in (*PLAIN, *STRIDED, *GENERAL):
    claim(f"rot180_{_conv.name}", partial(input_gradient, _conv))
