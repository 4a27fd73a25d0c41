"""Why the kernel is rotated by 180 degrees.

The input gradient of a forward correlation is the full correlation, that of a forward convolution
the full convolution, of the zero-dilated output gradient with ``rot180(weight)``. Swapping one
word makes a false statement.
"""

from __future__ import annotations

from functools import partial

from rot180.derive.language.operators import dilate, rot180, size
from rot180.derive.language.polynomial import symbol
from rot180.derive.language.spelling import spelled
from rot180.derive.language.terms import Tensor
from rot180.derive.theorems.convolutions import GENERAL, PLAIN, STRIDED, Sweep
from rot180.derive.theorems.registry import Claim, claim


def input_gradient(sweep: Sweep, weight: Tensor | None = None) -> Claim:
    """State dx[h] = sum_j dilate(g, s)[h +- (d j - pi)] rot180(w)[j], pi = +-(d (K - 1)) - lo.

    Args:
        sweep: the forward pass.
        weight: another tensor to stand for w on the right side.

    """
    variables, lhs = sweep.goal("x")
    _, w, g = sweep.operands()
    w = weight or w
    _, lead_w, lead_y = sweep.lead()
    places = [v for v, _ in variables][len(variables) - sweep.axes :]
    taps = [symbol("j" + str(a or "")) for a in range(sweep.axes)]
    factors, index = {}, []
    for a in range(sweep.axes):
        s, d, lo = sweep.parameters(a)
        axis_w, axis_g = len(lead_w) + a, len(lead_y) + a
        if s != 1:
            factors[axis_g] = s
        padding = sweep.sign * d * (size(w, axis_w) - 1) - lo
        index.append(places[a] + sweep.sign * d * taps[a] - padding)
    spatial = [len(lead_w) + a for a in range(sweep.axes)]
    main = dilate(g, factors) if factors else g
    window = rot180(w, spatial)
    rhs = sweep.swept(main[(*lead_y, *index)], window[(*lead_w, *taps)], variables)
    words = f"the full {sweep.word} of {spelled(main)} with {spelled(window)}"
    return Claim(variables, lhs, rhs, (), words)


for _sweep in (*PLAIN, *STRIDED, *GENERAL):
    claim(f"rot180_{_sweep.name}", partial(input_gradient, _sweep))
