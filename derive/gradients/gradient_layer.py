"""The gradient of a layer as a layer, which has gradients in turn."""

from __future__ import annotations

from collections.abc import Collection

from rot180.derive.gradients.gradient import chain_goal, operand, output_gradient
from rot180.derive.kernel.replay import replay
from rot180.derive.language.layers import Layer
from rot180.derive.language.notation import make_layer
from rot180.derive.language.polynomial import symbol
from rot180.derive.language.substitute import fresh, substitute_tensors
from rot180.derive.language.terms import Expression, Tensor, define
from rot180.derive.search.derivation import Derivation
from rot180.derive.search.rewriting import normalise


def gradient_layer(layer: Layer, wrt: str) -> tuple[Layer, str]:
    """Derive dL/d(operand) as a layer over the gradient by the output and the operands.

    Args:
        layer: a forward pass.
        wrt: the name of an operand.

    Returns:
        the layer, and the name that the gradient by the output has there. All other operands keep
        their names; those that the gradient does not depend on are not among them.

    Raises:
        ValueError: the layer has no such operand.

    >>> from rot180.derive.language.layers import layer
    >>> gradient_layer(layer("y[n,o] = sum[c] x[n,c] * w[o,c]"), "w")
    (<Layer v[o,c] = sum[n] g[n,o] * x[n,c]>, 'g')

    """
    x, upstream = operand(layer, wrt), output_gradient(layer)
    variables, goal = chain_goal(layer, x)
    d = Derivation(f"{layer.name or 'layer'}.grad_{wrt}.layer", variables, (), goal)
    normalise(d, upstream)
    proved = replay(d.proof()).rhs
    index = tuple(v for v, _ in variables)
    taken = _names(layer, proved) | {v.name for v in index}
    # short names, because grad_x of grad_x would be a name of its own operand
    g = Tensor(_fresh("g", taken), upstream.shape)
    body = tuple(substitute_tensors(t, {upstream.name: g}) for t in proved)
    return make_layer(define(_fresh("v", taken), x.shape, index, body)), g.name


def _names(layer: Layer, expression: Expression) -> set[str]:
    every = (*layer.tensors, layer.output)
    symbols = {v for t in expression for v in t.symbols} | {v for t in every for v in t.parameters}
    return {v.name for v in symbols} | {t.name for t in every}


def _fresh(name: str, taken: Collection[str]) -> str:
    return fresh(name, {symbol(word) for word in taken}).name

