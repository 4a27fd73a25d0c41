"""The four equations of backpropagation, for layers z1[j] = sum_k w[j,k] sigma(z[k]) + b[j].

With a = sigma(z) and delta = dC/dz for every layer; C enters by its gradient g alone, which is held
fixed. Chapter 2 of Nielsen's book numbers the equations (BP1) to (BP4).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from sympy import Integer

from rot180.derive.gradients import chain_goal, operand, output_gradient
from rot180.derive.layers import Layer, layer
from rot180.derive.notation import activation
from rot180.derive.polynomial import symbol
from rot180.derive.terms import (
    Apply,
    Derivative,
    Equal,
    Tensor,
    define,
    tensor,
    term,
)
from rot180.derive.theorems.registry import Claim, claim

OUTPUT = "a[j] = sigma(z[j])"
PLAIN = "z1[j] = sum[k] w[j,k] * x[k] + b[j]"
ACTIVATED = "z1[j] = sum[k] w[j,k] * sigma(z[k]) + b[j]"
TWO = Integer(2)
j, k = symbol("j"), symbol("k")


def _goal(forward: Layer, wrt: str) -> tuple[Claim, Tensor, Tensor]:
    """Return a claim without its right side, the operand, and the output's gradient."""
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
    """(BP4) dC/dw[j,k] = sigma(z[k]) delta[j]: what goes in, times the delta that comes back."""
    forward = layer(ACTIVATED)
    start, _, g = _goal(forward, "w")
    right = (term(activation("sigma", 0, operand(forward, "z"))[k], g[j]),)
    words = "the activation that goes in, times the delta"
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
    return Claim(variables, left, right, (), "the input, times the first layer's delta")


def written_out(entry: int) -> Claim:
    """State one entry of dX = dZ W^T for a row X of two and a 2 x 2 matrix W, every entry named.

    ``dX_1 = dZ_1 w_11 + dZ_2 w_12`` and ``dX_2 = dZ_1 w_21 + dZ_2 w_22``.

    Args:
        entry: 1 or 2.

    """
    i, o, both = symbol("i"), symbol("o"), range(2)
    x, g = ([tensor(f"{name}{n + 1}") for n in both] for name in ("x", "dZ"))
    w = [[tensor(f"w{row + 1}{column + 1}") for column in both] for row in both]
    row = define("X", (TWO,), (i,), tuple(term(x[n][()], Equal(i - n)) for n in both))
    slope = define("dZ", (TWO,), (o,), tuple(term(g[n][()], Equal(o - n)) for n in both))
    entries = (term(w[n][m][()], Equal(i - n), Equal(o - m)) for n in both for m in both)
    matrix = define("W", (TWO, TWO), (i, o), tuple(entries))
    product = define("Z", (TWO,), (o,), (term(row[i], matrix[i, o], over=(i,)),))
    loss = define("L", (), (), (term(slope[o], product[o], over=(o,)),))
    left = (term(Derivative((loss[()],), x[entry - 1][()])),)
    right = tuple(term(g[m][()], w[entry - 1][m][()]) for m in both)
    words = f"row {entry} of W times dZ, since W is transposed"
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
