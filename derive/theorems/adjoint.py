"""Adjointness, transposed convolution, Toeplitz matrices: three forms of one identity."""

from __future__ import annotations

from functools import partial

from sympy import Symbol

from rot180.derive.gradients.gradient import chain_goal, operand, output_gradient
from rot180.derive.language.layers import axis_letters, layer
from rot180.derive.language.operators import convolve, flip
from rot180.derive.language.polynomial import symbol
from rot180.derive.language.spelling import display_name
from rot180.derive.language.terms import Access, Apply, Equal, Expression, Tensor, define, term
from rot180.derive.theorems.convolutions import Convolution
from rot180.derive.theorems.input_gradient import input_gradient
from rot180.derive.theorems.registry import Claim, claim


def adjointness(conv: Convolution) -> Claim:
    """State <y(x), g> = <x, dx(g)>."""
    forward = conv.layer()
    assert forward.output.definition is not None
    outs = forward.output.definition.formals
    g, x = output_gradient(forward), operand(forward, "x")
    left: Expression = (term(forward.output[outs], g[outs], over=outs),)
    named = input_gradient(conv)
    places = tuple(v for v, _ in named.variables)
    dx = define("dx", x.shape, places, named.rhs)
    right: Expression = (term(x[places], dx[places], over=places),)
    return Claim((), left, right, (), "the input gradient is the adjoint of the forward pass")


def transposed(axes: int) -> Claim:
    """State that transposed convolution is the input gradient of a correlation.

    The output size is a free parameter (output padding selects it), so this holds for every H.
    """
    conv = Convolution(axes, general=True, channels=True, groups=True)
    variables, lhs = conv.goal("x")
    _, w, g = conv.operands()
    _, lead_w, lead_y = conv.lead()
    places = [v for v, _ in variables][len(variables) - axes :]
    outs = [symbol(a.window) for a in axis_letters(axes)]
    taps = [symbol(a.tap) for a in axis_letters(axes)]
    brackets = []
    for a in range(axes):
        s, d, lo = conv.parameters(a)
        brackets.append(Equal(places[a] - s * outs[a] - d * taps[a] + lo))
    free = tuple(v for v, _ in variables)
    summed = tuple(v for v in (*lead_y, *outs, *taps) if v not in free)
    body = term(g[(*lead_y, *outs)], w[(*lead_w, *taps)], *brackets, over=summed)
    shape = tuple(n for _, n in variables)
    y = define(f"conv_transpose{axes}d", shape, free, (body,))
    words = "transposed convolution is the input gradient"
    return Claim(variables, lhs, (term(y[free]),), (), words)


def _toeplitz(conv: Convolution) -> tuple[Tensor, tuple[Symbol, ...], tuple[Symbol, ...]]:
    """Return T[p, h] := sum_k w[k] [h = s p + d k - lo], with its row and column indices."""
    x, w, g = conv.operands()
    outs = tuple(symbol(a.window) for a in axis_letters(conv.axes))
    taps = tuple(symbol(a.tap) for a in axis_letters(conv.axes))
    places = tuple(symbol(a.position) for a in axis_letters(conv.axes))
    brackets = []
    for a in range(conv.axes):
        s, d, lo = conv.parameters(a)
        brackets.append(Equal(places[a] - s * outs[a] - conv.sign * d * taps[a] + lo))
    body = (term(w[taps], *brackets, over=taps),)
    return define("T", (*g.shape, *x.shape), (*outs, *places), body), outs, places


def matrix(conv: Convolution) -> Claim:
    """State y = T x with the (doubly block) Toeplitz matrix T of the filter."""
    t, outs, places = _toeplitz(conv)
    y, x = conv.layer().output, conv.operands()[0]
    variables = tuple(zip(outs, y.shape, strict=True))
    right = (term(t[(*outs, *places)], x[places], over=places),)
    words = f"the forward {conv.word} is the product of T with x"
    return Claim(variables, (term(y[outs]),), right, (), words)


def matrix_transpose(conv: Convolution) -> Claim:
    """State dx = T^T g."""
    t, outs, _ = _toeplitz(conv)
    variables, lhs = conv.goal("x")
    index = tuple(v for v, _ in variables)
    g = conv.operands()[2]
    right = (term(t[(*outs, *index)], g[outs], over=outs),)
    return Claim(variables, lhs, right, (), "the input gradient is the transposed matrix times g")


def shared_weights(conv: Convolution) -> Claim:
    """State that the gradient of a dense layer, masked and shared, is the gradient of the filter.

    dw[k] = sum_{p, h} dW[p, h] [h = s p + d k - lo], with the dense gradient dW[p, h] = g[p] x[h].
    """
    variables, lhs = conv.goal("w")
    x, _, g = conv.operands()
    outs = tuple(symbol(a.window) for a in axis_letters(conv.axes))
    places = tuple(symbol(a.position) for a in axis_letters(conv.axes))
    dense = define("dW", (*g.shape, *x.shape), (*outs, *places), (term(g[outs], x[places]),))
    brackets = []
    for a, (k, _) in enumerate(variables):
        s, d, lo = conv.parameters(a)
        brackets.append(Equal(places[a] - s * outs[a] - conv.sign * d * k + lo))
    right = (term(dense[(*outs, *places)], *brackets, over=(*outs, *places)),)
    words = "the gradient of shared weights is the sum of the dense layer's gradients"
    return Claim(variables, lhs, right, (), words)


def activated(conv: Convolution) -> Claim:
    """State delta = (full product of the next delta with rot180(w)) * sigma'(z)."""
    forward = conv.layer(activated=True)
    z = operand(forward, "z")
    variables, lhs = chain_goal(forward, z)
    free = tuple(v for v, _ in variables)
    form = input_gradient(conv).rhs[0].factors[0]
    assert isinstance(form, Access)
    right = (term(form, Apply("sigma", 1, z[free])),)
    return Claim(variables, lhs, right, (), f"{display_name(form.tensor)} times sigma'(z)")


def backpropagated(axes: int) -> Claim:
    """State delta = (next delta * flip(w)) sigma'(z) for z1 = w * a + b.

    This is the true convolution in the derivations for multilayer perceptrons, with a = sigma(z).
    There indices count from the centre of w, and flip(w) is the rotation about the index 0.
    """
    letters = axis_letters(axes)
    outs, taps, places = (",".join(a[n] for a in letters) for n in range(3))
    inside = ",".join(f"{p}-{k}" for p, k, *_ in letters)
    forward = layer(
        f"sigma: function; z[{places.upper()}]; "
        f"z1[{outs}] = sum[{taps}] w[{taps}] * sigma(z[{inside}]) + b[]"
    )
    z, w, g = operand(forward, "z"), operand(forward, "w"), output_gradient(forward)
    variables, lhs = chain_goal(forward, z)
    free = tuple(v for v, _ in variables)
    summed = tuple(symbol(p) for p in outs.split(","))
    rotated = flip(w)
    offset = tuple(v - p for v, p in zip(free, summed, strict=True))
    form = convolve(g[summed], rotated[offset], free, summed)
    right = (term(form[free], Apply("sigma", 1, z[free])),)
    words = f"the full convolution of {g.name} with {display_name(rotated)}, times sigma'(z)"
    return Claim(variables, lhs, right, (), words, kept=g)


_GENERAL = [Convolution(n, true, general=True) for true in (False, True) for n in (1, 2)]
for _conv in _GENERAL:
    claim(f"adjoint_{_conv.name}", partial(adjointness, _conv))
    claim(f"toeplitz_{_conv.name}", partial(matrix, _conv))
    claim(f"toeplitz_transpose_{_conv.name}", partial(matrix_transpose, _conv))
    claim(f"shared_weights_{_conv.name}", partial(shared_weights, _conv))
    claim(f"activated_{_conv.name}", partial(activated, _conv))
for _axes in (1, 2):
    claim(f"backpropagated_{_axes}d", partial(backpropagated, _axes))
_GROUPED = Convolution(2, general=True, channels=True, groups=True)
claim(f"adjoint_{_GROUPED.name}", partial(adjointness, _GROUPED))
for _axes in (1, 2, 3):
    claim(f"transposed_{_axes}d", partial(transposed, _axes))
