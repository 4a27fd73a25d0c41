"""Output sizes and the remainder, as equivalences of brackets.

``Ke = d (K - 1) + 1`` is the extent of the filter. The output has P entries if and only if
``H + lo + hi - Ke = s (P - 1) + rho`` with ``0 <= rho < s``, which is the floor formula as a
relation.
"""

from __future__ import annotations

from sympy import Expr

from rot180.derive.gradients.gradient import chain_goal, operand, output_gradient
from rot180.derive.language.layers import layer
from rot180.derive.language.operators import correlate, pad
from rot180.derive.language.polynomial import symbol
from rot180.derive.language.terms import AtLeast, Condition, Equal, Range, term
from rot180.derive.theorems.registry import Claim, claim

H, K, P, S, D = (symbol(n) for n in ("H", "K", "P", "s", "d"))
LO, HI, RHO = (symbol(n) for n in ("lo", "hi", "rho"))
EXTENT: Expr = D * (K - 1) + 1
FLOOR: tuple[Condition, ...] = (
    AtLeast(S - 1),
    Equal(H + LO + HI - EXTENT - S * (P - 1) - RHO),
    Range(RHO, S),
)
"""P = floor((H + lo + hi - Ke) / s) + 1, and rho is the remainder."""


def output_size() -> Claim:
    """State that a window lies inside the padded input exactly for 0 <= p < P."""
    p = symbol("p")
    inside = Range(S * p, H + LO + HI - EXTENT + 1)
    words = "the windows that fit into the padded input are the outputs"
    return Claim(((p, None),), (term(Range(p, P)),), (term(inside),), FLOOR, words)


def input_remainder() -> Claim:
    """State that the backward pass has H outputs if the trailing padding grows by rho.

    The window slides over the dilated gradient of size s (P - 1) + 1, padded by Ke-1-lo and
    Ke-1-hi+rho.
    """
    h = symbol("h")
    padded = S * (P - 1) + 1 + (EXTENT - 1 - LO) + (EXTENT - 1 - HI + RHO)
    words = "the backward pass needs the remainder as trailing padding"
    return Claim(
        ((h, None),), (term(Range(h, H)),), (term(Range(h, padded - EXTENT + 1)),), FLOOR, words
    )


def weight_remainder() -> Claim:
    """State that the weight gradient does not read the last rho entries of the padded input."""
    forward = layer("x[H]; y[p] = sum[k] x[s*p + d*k - lo] * w[k]")
    variables, lhs = chain_goal(forward, operand(forward, "w"))
    k, p = variables[0][0], symbol("p")
    g = output_gradient(forward)
    padded = pad(operand(forward, "x"), {0: (LO, HI - RHO)})
    form = correlate(padded[D * k + S * p], g[p], (k,), (p,))
    words = "the weight gradient reads pad(x, lo, hi - rho), never the remainder"
    return Claim(
        variables, lhs, (term(form[k]),), (*FLOOR, AtLeast(D - 1)), words
    )


def weight_size() -> Claim:
    """State that this correlation, with stride d and dilation s, has exactly K outputs."""
    k = symbol("k")
    fits = Range(D * k, H + LO + HI - RHO - (S * (P - 1) + 1) + 1)
    words = "the weight gradient has as many entries as the filter"
    return Claim(
        ((k, None),),
        (term(Range(k, K)),),
        (term(fits),),
        (*FLOOR, AtLeast(D - 1)),
        words,
    )


def transposed_size() -> Claim:
    """State the size of a transposed convolution before padding crops it.

    It is ``s (P - 1) + Ke = H + lo + hi - op``, where op is the output padding.
    """
    p, k, op = symbol("p"), symbol("k"), symbol("op")
    products = (Range(p, P), Range(k, K))
    lands = Range(S * p + D * k, H + LO + HI - op)
    size = Equal(H + LO + HI - EXTENT - S * (P - 1) - op)
    return Claim(
        ((p, None), (k, None)),
        (term(*products),),
        (term(*products, lands),),
        (AtLeast(S - 1), AtLeast(D - 1), size),
        "every product lands inside the output before padding crops it",
    )


claim("output_size", output_size)
claim("input_remainder", input_remainder)
claim("weight_remainder", weight_remainder)
claim("weight_size", weight_size)
claim("transposed_size", transposed_size)
