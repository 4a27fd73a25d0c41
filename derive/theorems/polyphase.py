"""The polyphase form of the strided input gradient, without divisions and inserted zeros."""

from __future__ import annotations

from functools import partial

from sympy import Expr, Symbol

from rot180.derive.language.polynomial import symbol
from rot180.derive.language.terms import AtLeast, Condition, Equal, Expression, Factor, Range, term
from rot180.derive.theorems.convolutions import Convolution
from rot180.derive.theorems.registry import Claim, claim


def phases(conv: Convolution) -> Claim:
    """Sum by remainders: ``h + lo = s u + phi``, ``k = s q + r``, ``phi - d r = s m``.

    dx[h] = sum_{r, m} [phi = d r + s m] sum_q g[u - d q + m] w[s q + r]
    """
    variables, lhs = conv.goal("x")
    _, w, g = conv.operands()
    _, lead_w, lead_y = conv.lead()
    places = [v for v, _ in variables][len(variables) - conv.axes :]
    brackets: list[Factor] = []
    hypotheses: list[Condition] = []
    over: list[Symbol] = []
    index_g: list[Expr] = []
    index_w: list[Expr] = []
    for a in range(conv.axes):
        s, d, lo = conv.parameters(a)
        d = conv.sign * d
        u, m, q, r = (symbol(f"{letter}{a + 1}") for letter in ("a", "m", "b", "r"))
        rest = places[a] + lo - s * u
        brackets += [Range(rest, s), Range(r, s), Equal(rest - d * r - s * m)]
        index_g.append(u - d * q + m)
        index_w.append(s * q + r)
        over += [u, m, q, r]
        hypotheses.append(AtLeast(s - 1))
    summed = tuple(v for v in (*lead_y, *lead_w) if v not in {f for f, _ in variables})
    rhs: Expression = (
        term(
            g[(*lead_y, *index_g)],
            w[(*lead_w, *index_w)],
            *brackets,
            over=(*dict.fromkeys(summed), *over),
        ),
    )
    return Claim(variables, lhs, rhs, tuple(hypotheses), "a sum over the phases of the stride")


for _axes in (1, 2):
    _conv = Convolution(_axes, general=True, channels=True)
    claim(f"phases_{_conv.name}", partial(phases, _conv))
