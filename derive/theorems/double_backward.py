"""Double backward: the gradients of the gradients are correlations and convolutions again."""

from __future__ import annotations

from functools import partial

from rot180.derive.kernel.citing import instantiate
from rot180.derive.kernel.proof import Variables
from rot180.derive.language.terms import Derivative, Expression, Tensor, define, term
from rot180.derive.theorems.convolutions import Convolution
from rot180.derive.theorems.input_gradient import input_gradient
from rot180.derive.theorems.registry import Claim, claim
from rot180.derive.theorems.weight_and_bias import weight_gradient


def _pairing(first: Claim, direction: Tensor, name: str) -> Tensor:
    """Return M := <direction, gradient>, with the gradient as a defined tensor."""
    places = tuple(v for v, _ in first.variables)
    gradient = define(name, direction.shape, places, first.rhs)
    return define("M", (), (), (term(direction[places], gradient[places], over=places),))


def _goal(pairing: Tensor, wrt: Tensor, variables: Variables) -> Expression:
    return (term(Derivative((pairing[()],), wrt[tuple(v for v, _ in variables)])),)


def by_output_gradient(conv: Convolution) -> Claim:
    """State d<u, dx>/dg = y(u): the forward pass of u."""
    x, _, g = conv.operands()
    u = Tensor("u", x.shape)
    forward = conv.layer().output.definition
    assert forward is not None
    variables = tuple(zip(forward.formals, g.shape, strict=True))
    lhs = _goal(_pairing(input_gradient(conv), u, "dx"), g, variables)
    rhs = instantiate(forward.body, {}, (("x", u),))
    return Claim(variables, lhs, rhs, (), "the forward pass of u")


def by_weight(conv: Convolution) -> Claim:
    """State d<u, dx>/dw = dw(u): the weight gradient with u for x."""
    x, w, _ = conv.operands()
    u = Tensor("u", x.shape)
    of_weight = weight_gradient(conv, u)
    lhs = _goal(_pairing(input_gradient(conv), u, "dx"), w, of_weight.variables)
    return Claim(of_weight.variables, lhs, of_weight.rhs, (), "the weight gradient with u for x")


def by_input(conv: Convolution) -> Claim:
    """State d<omega, dw>/dx: the input gradient with omega for w."""
    x, w, _ = conv.operands()
    v = Tensor("omega", w.shape)
    of_input = input_gradient(conv, v)
    lhs = _goal(_pairing(weight_gradient(conv), v, "dw"), x, of_input.variables)
    return Claim(of_input.variables, lhs, of_input.rhs, (), "the input gradient with omega for w")


for _conv in (
    Convolution(1, general=True),
    Convolution(1, true=True, general=True),
    Convolution(2, general=True, channels=True, groups=True),
):
    claim(f"double_backward_output_{_conv.name}", partial(by_output_gradient, _conv))
    claim(f"double_backward_weight_{_conv.name}", partial(by_weight, _conv))
    claim(f"double_backward_input_{_conv.name}", partial(by_input, _conv))
