"""Derive, prove and typeset the gradients of layers written as indexed sums."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rot180.derive.certificates.reader import loads
from rot180.derive.certificates.writer import dumps
from rot180.derive.display import views
from rot180.derive.display.axioms import axioms
from rot180.derive.gradients.gradient import gradient, kernel_theorem, kernel_theorems
from rot180.derive.gradients.program_gradient import compact_gradient, program_gradient
from rot180.derive.kernel.errors import ProofError
from rot180.derive.kernel.proof import Proof, Step, Theorem
from rot180.derive.kernel.replay import replay
from rot180.derive.language.layers import Layer, layer
from rot180.derive.language.programs import Program, program
from rot180.derive.search.derivation import NotProvedError
from rot180.derive.search.prove import prove
from rot180.derive.theorems import theorem, theorems

if TYPE_CHECKING:
    from rot180.derive.semantics.check import Report


def _check(proved: Theorem, count: int = 6, seed: int = 0) -> Report:
    # models need NumPy, which takes long to import and which no proof needs
    from rot180.derive.semantics.check import check

    return check(proved, count, seed)


views.register(check=_check)

__all__ = [
    "Layer",
    "NotProvedError",
    "Program",
    "Proof",
    "ProofError",
    "Step",
    "Theorem",
    "axioms",
    "compact_gradient",
    "dumps",
    "gradient",
    "kernel_theorem",
    "kernel_theorems",
    "layer",
    "loads",
    "program",
    "program_gradient",
    "prove",
    "replay",
    "theorem",
    "theorems",
]
