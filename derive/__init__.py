"""Derive, prove and typeset the gradients of layers written as indexed sums."""

from rot180.derive.gradients.gradient import gradient, kernel_theorem, kernel_theorems
from rot180.derive.kernel.certificates import dumps, loads
from rot180.derive.kernel.proof import Proof, ProofError, Step, Theorem, axioms, replay
from rot180.derive.language.layers import Layer, layer
from rot180.derive.search.tactics import NotProvedError, prove
from rot180.derive.theorems import theorem, theorems

__all__ = [
    "Layer",
    "NotProvedError",
    "Proof",
    "ProofError",
    "Step",
    "Theorem",
    "axioms",
    "dumps",
    "gradient",
    "kernel_theorem",
    "kernel_theorems",
    "layer",
    "loads",
    "prove",
    "replay",
    "theorem",
    "theorems",
]
