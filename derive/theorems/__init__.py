"""The claims that rot180 proves. These modules state claims; they contain no proof steps.

The command line, the book and CI iterate over the registry.
"""

from rot180.derive.theorems import (
    activations,
    adjoint,
    backpropagation,
    catalogued,
    catalogued_rows,
    dense,
    double_backward,
    frameworks,
    input_gradient,
    losses,
    output_sizes,
    perceptrons,
    polyphase,
    pooling,
    programs,
    weight_and_bias,
    winograd,
)
from rot180.derive.theorems.registry import Claim, claims, theorem, theorems

__all__ = [
    "Claim",
    "activations",
    "adjoint",
    "backpropagation",
    "catalogued",
    "catalogued_rows",
    "claims",
    "dense",
    "double_backward",
    "frameworks",
    "input_gradient",
    "losses",
    "output_sizes",
    "perceptrons",
    "polyphase",
    "pooling",
    "programs",
    "theorem",
    "theorems",
    "weight_and_bias",
    "winograd",
]
