"""The input gradients of pooling and of flattening."""

from __future__ import annotations

from functools import partial

from rot180.derive.gradients.gradient import chain_goal, operand, output_gradient
from rot180.derive.language.layers import AxisLetters, axis_letters, layer
from rot180.derive.language.polynomial import symbol
from rot180.derive.language.terms import Bracket, Equal, Range, term
from rot180.derive.theorems.registry import Claim, claim

_LEAD = symbol("n"), symbol("c")


def average(n: int) -> Claim:
    """State dx[h] = sum_p mean g[p] [0 <= h + lo - s p < K], an equal share for each input."""
    forward = layer(f"avg_pool{n}d")
    variables, lhs = chain_goal(forward, operand(forward, "x"))
    outs = tuple(symbol(a.window) for a in axis_letters(n))
    seen = [_contains(a) for a in axis_letters(n)]
    g = output_gradient(forward)
    right = (term(g[(*_LEAD, *outs)], operand(forward, "mean")[()], *seen, over=outs),)
    words = "each input gets an equal share of the gradient of every window that contains it"
    return Claim(variables, lhs, right, (), words)


def maximum(n: int) -> Claim:
    """State dx[h] = sum_{p,k} sel[p,k] g[p] [s p + d k - lo = h], all to the selected input."""
    forward = layer(f"selected_pool{n}d")
    variables, lhs = chain_goal(forward, operand(forward, "x"))
    outs = tuple(symbol(a.window) for a in axis_letters(n))
    taps = tuple(symbol(a.tap) for a in axis_letters(n))
    g, sel = output_gradient(forward), operand(forward, "sel")
    right = (
        term(
            sel[(*_LEAD, *outs, *taps)],
            g[(*_LEAD, *outs)],
            *(_reads(a) for a in axis_letters(n)),
            over=(*outs, *taps),
        ),
    )
    words = "the gradient of each window goes to the input that it selects"
    return Claim(variables, lhs, right, (), words)


def flattened(n: int) -> Claim:
    """State dx[n,c,h] = sum_o g[n,o] w[o,c,h], the matrix product with w."""
    forward = layer(f"flatten_linear{n}d")
    variables, lhs = chain_goal(forward, operand(forward, "x"))
    o, (sample, *rest) = symbol("o"), [v for v, _ in variables]
    g, w = output_gradient(forward), operand(forward, "w")
    right = (term(g[sample, o], w[(o, *rest)], over=(o,)),)
    return Claim(variables, lhs, right, (), "the sum of the weights times the output gradients")


def _contains(a: AxisLetters) -> Bracket:
    s, p, lo, h = map(symbol, (a.stride, a.window, a.low, a.position))
    return Range(h + lo - s * p, symbol(a.tap.upper()))


def _reads(a: AxisLetters) -> Bracket:
    s, p, d, k, lo = map(symbol, (a.stride, a.window, a.dilation, a.tap, a.low))
    return Equal(s * p + d * k - lo - symbol(a.position))


for _n in (1, 2):
    claim(f"avg_pool_{_n}d", partial(average, _n))
    claim(f"max_pool_{_n}d", partial(maximum, _n))
    claim(f"flatten_{_n}d", partial(flattened, _n))
