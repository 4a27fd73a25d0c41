"""What rot180 claims. A module states claims; no step of a proof stands here.

The registry is the list that the command line, the book and CI walk over.
"""

from rot180.derive.theorems import (
    activations,
    adjoint,
    backpropagation,
    dense,
    double_backward,
    input_gradient,
    losses,
    output_sizes,
    perceptrons,
    polyphase,
    pooling,
    weight_and_bias,
    winograd,
)
from rot180.derive.theorems.registry import Claim, claims, theorem, theorems

__all__ = [
    "Claim",
    "activations",
    "adjoint",
    "backpropagation",
    "claims",
    "dense",
    "double_backward",
    "input_gradient",
    "losses",
    "output_sizes",
    "perceptrons",
    "polyphase",
    "pooling",
    "theorem",
    "theorems",
    "weight_and_bias",
    "winograd",
]
