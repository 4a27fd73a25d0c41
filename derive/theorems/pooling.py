"""Pooling and flattening, backwards: who gets a share of an output's gradient."""

from __future__ import annotations

from functools import partial

from rot180.derive.gradients.gradient import chain_goal, operand, output_gradient
from rot180.derive.language.layers import AxisLetters, axis_letters, layer
from rot180.derive.language.polynomial import symbol
from rot180.derive.language.terms import Bracket, Equal, Range, term
from rot180.derive.theorems.registry import Claim, claim

_LEAD = symbol("n"), symbol("c")


def average(n: int) -> Claim:
    """State dx[h] = sum_p mean g[p] [0 <= h + lo - s p < K]: equal shares for what a window saw."""
    forward = layer(f"avg_pool{n}d")
    variables, lhs = chain_goal(forward, operand(forward, "x"))
    outs = tuple(symbol(a.window) for a in axis_letters(n))
    seen = [_saw(a) for a in axis_letters(n)]
    g = output_gradient(forward)
    right = (term(g[(*_LEAD, *outs)], operand(forward, "mean")[()], *seen, over=outs),)
    words = "each input gets the mean's share of every window that saw it"
    return Claim(variables, lhs, right, (), words)


def maximum(n: int) -> Claim:
    """State dx[h] = sum_{p,k} sel[p,k] g[p] [s p + d k - lo = h]: all of it to the selected one."""
    forward = layer(f"max_pool{n}d")
    variables, lhs = chain_goal(forward, operand(forward, "x"))
    outs = tuple(symbol(a.window) for a in axis_letters(n))
    taps = tuple(symbol(a.tap) for a in axis_letters(n))
    g, sel = output_gradient(forward), operand(forward, "sel")
    right = (
        term(
            sel[(*_LEAD, *outs, *taps)],
            g[(*_LEAD, *outs)],
            *(_meets(a) for a in axis_letters(n)),
            over=(*outs, *taps),
        ),
    )
    words = "each window's gradient goes to the input that it selected"
    return Claim(variables, lhs, right, (), words)


def flattened(n: int) -> Claim:
    """State dx[n,c,h] = sum_o g[n,o] w[o,c,h]: the matrix product with w, nothing renumbered."""
    forward = layer(f"flatten_linear{n}d")
    variables, lhs = chain_goal(forward, operand(forward, "x"))
    o, (sample, *rest) = symbol("o"), [v for v, _ in variables]
    g, w = output_gradient(forward), operand(forward, "w")
    right = (term(g[sample, o], w[(o, *rest)], over=(o,)),)
    return Claim(variables, lhs, right, (), "the weights, each times the gradient of its output")


def _saw(a: AxisLetters) -> Bracket:
    s, p, lo, h = map(symbol, (a.stride, a.window, a.low, a.position))
    return Range(h + lo - s * p, symbol(a.tap.upper()))


def _meets(a: AxisLetters) -> Bracket:
    s, p, d, k, lo = map(symbol, (a.stride, a.window, a.dilation, a.tap, a.low))
    return Equal(s * p + d * k - lo - symbol(a.position))


for _n in (1, 2):
    claim(f"avg_pool_{_n}d", partial(average, _n))
    claim(f"max_pool_{_n}d", partial(maximum, _n))
    claim(f"flatten_{_n}d", partial(flattened, _n))
