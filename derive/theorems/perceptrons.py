"""The four equations of backpropagation, for layers z1[j] = sum_k w[j,k] sigma(z[k]) + b[j].

In every layer a = sigma(z) and delta = dC/dz; C enters only through its gradient g, which is held
fixed. The equations are (BP1) to (BP4) in chapter 2 of Nielsen's book.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from rot180.derive.gradients.gradient import chain_goal, operand, output_gradient
from rot180.derive.language.layers import Layer, layer
from rot180.derive.language.operators import activation
from rot180.derive.language.polynomial import symbol
from rot180.derive.language.terms import (
    Apply,
    Derivative,
    Tensor,
    define,
    tensor,
    term,
)
from rot180.derive.theorems.registry import Claim, claim

OUTPUT = "sigma: function; a[j] = sigma(z[j])"
PLAIN = "z1[j] = sum[k] w[j,k] * x[k] + b[j]"
ACTIVATED = "sigma: function; z1[j] = sum[k] w[j,k] * sigma(z[k]) + b[j]"
j, k = symbol("j"), symbol("k")


def _goal(forward: Layer, wrt: str) -> tuple[Claim, Tensor, Tensor]:
    """Return a claim without a right side, the operand, and the output gradient."""
    of = operand(forward, wrt)
    variables, lhs = chain_goal(forward, of)
    return Claim(variables, lhs, ()), of, output_gradient(forward)


def output_delta() -> Claim:
    """(BP1) delta = dC/da * sigma'(z) in the last layer."""
    start, z, g = _goal(layer(OUTPUT), "z")
    right = (term(g[j], Apply("sigma", 1, z[j])),)
    return Claim(start.variables, start.lhs, right, (), "the gradient of C by a, times sigma'(z)")


def input_gradient() -> Claim:
    """State dC/dx[k] = sum_j w[j,k] delta[j]: the transposed weights times the delta."""
    forward = layer(PLAIN)
    start, _, g = _goal(forward, "x")
    right = (term(operand(forward, "w")[j, k], g[j], over=(j,)),)
    return Claim(start.variables, start.lhs, right, (), "the transposed weights times the delta")


def inner_delta() -> Claim:
    """(BP2) delta[k] = (sum_j w[j,k] delta1[j]) sigma'(z[k]), by composition."""
    forward = layer(ACTIVATED)
    start, z, g = _goal(forward, "z")
    right = (term(operand(forward, "w")[j, k], g[j], Apply("sigma", 1, z[k]), over=(j,)),)
    words = "the transposed weights times the next delta, times sigma'(z)"
    cites = ("perceptron_input",)
    return Claim(start.variables, start.lhs, right, (), words, cites)


def bias_gradient() -> Claim:
    """(BP3) dC/db[j] = delta[j]."""
    start, _, g = _goal(layer(ACTIVATED), "b")
    return Claim(start.variables, start.lhs, (term(g[j]),), (), "the delta")


def weight_gradient() -> Claim:
    """(BP4) dC/dw[j,k] = sigma(z[k]) delta[j]: the input activation times the output delta."""
    forward = layer(ACTIVATED)
    start, _, g = _goal(forward, "w")
    right = (term(activation("sigma", 0, operand(forward, "z"))[k], g[j]),)
    words = "the input activation times the delta"
    return Claim(start.variables, start.lhs, right, (), words)


def two_layers() -> Claim:
    """State the weight gradient of the first of two layers: x[k] delta[j], the delta by (BP2)."""
    i = symbol("i")
    w, v, b, c = tensor("w", "J", "K"), tensor("v", "I", "J"), tensor("b", "J"), tensor("c", "I")
    x, g = tensor("x", "K"), tensor("grad_z2", "I")
    first = (term(w[j, k], x[k], over=(k,)), term(b[j]))
    z1 = define("z1", (symbol("J"),), (j,), first)
    second = (term(v[i, j], activation("sigma", 0, z1)[j], over=(j,)), term(c[i]))
    z2 = define("z2", (symbol("I"),), (i,), second)
    loss = define("L", (), (), (term(g[i], z2[i], over=(i,)),))
    body = (term(v[i, j], g[i], Apply("sigma", 1, z1[j]), over=(i,)),)
    delta = define("delta", (symbol("J"),), (j,), body)
    left = (term(Derivative((loss[()],), w[j, k])),)
    right = (term(x[k], delta[j]),)
    variables = ((j, symbol("J")), (k, symbol("K")))
    return Claim(variables, left, right, (), "the input times the delta of the first layer")


def written_out(entry: int) -> Claim:
    """State one entry of dX = dZ W^T for a row X of two entries and a 2 x 2 matrix W, in scalars.

    ``dX_1 = dZ_1 w_11 + dZ_2 w_12`` and ``dX_2 = dZ_1 w_21 + dZ_2 w_22``.

    Args:
        entry: 1 or 2.

    """
    both = range(2)
    x, g = ([tensor(f"{name}{n + 1}")[()] for n in both] for name in ("X", "dZ"))
    w = [[tensor(f"w{row + 1}{column + 1}")[()] for column in both] for row in both]
    z = [
        define(f"Z{o + 1}", (), (), tuple(term(x[i], w[i][o]) for i in both))[()] for o in both
    ]
    loss = define("L", (), (), tuple(term(g[o], z[o]) for o in both))
    left = (term(Derivative((loss[()],), x[entry - 1])),)
    right = tuple(term(g[o], w[entry - 1][o]) for o in both)
    words = f"row {entry} of W, multiplied by the row dZ: the product with W transposed"
    return Claim((), left, right, (), words)


_CLAIMS: dict[str, Callable[[], Claim]] = {
    "perceptron_output": output_delta,
    "perceptron_input": input_gradient,
    "perceptron_delta": inner_delta,
    "perceptron_bias": bias_gradient,
    "perceptron_weight": weight_gradient,
    "perceptron_two_layers": two_layers,
    "dense_written_out_1": partial(written_out, 1),
    "dense_written_out_2": partial(written_out, 2),
}
for _name, _state in _CLAIMS.items():
    claim(_name, _state)
