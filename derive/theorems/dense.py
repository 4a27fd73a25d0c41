"""The dense layer ``Z = X W``: ``dX = dZ W^T`` and ``dW = X^T dZ``."""

from __future__ import annotations

from rot180.derive.gradients.gradient import chain_goal, operand, output_gradient
from rot180.derive.language.layers import layer
from rot180.derive.language.operators import matmul, transpose
from rot180.derive.language.spelling import display_name
from rot180.derive.language.terms import term
from rot180.derive.theorems.registry import Claim, claim

DENSE = "z[n,o] = sum[c] x[n,c] * w[c,o]"


def input_gradient() -> Claim:
    """DX = dZ W^T."""
    forward = layer(DENSE)
    variables, lhs = chain_goal(forward, operand(forward, "x"))
    free = tuple(v for v, _ in variables)
    form = matmul(output_gradient(forward), transpose(operand(forward, "w")))
    return Claim(
        variables, lhs, (term(form[free]),), (), f"the matrix product {display_name(form)}"
    )


def weight_gradient() -> Claim:
    """DW = X^T dZ."""
    forward = layer(DENSE)
    variables, lhs = chain_goal(forward, operand(forward, "w"))
    free = tuple(v for v, _ in variables)
    form = matmul(transpose(operand(forward, "x")), output_gradient(forward))
    return Claim(
        variables, lhs, (term(form[free]),), (), f"the matrix product {display_name(form)}"
    )


claim("dense_input", input_gradient)
claim("dense_weight", weight_gradient)
