"""SymPy equations in, SymPy expressions out."""

from __future__ import annotations

import sympy as sp

from rot180.derive.notation import Layer


def from_sympy(equation: sp.Equality) -> Layer:
    """Return the layer that an equation between indexed objects states."""
    raise ValueError(f"{equation}: not read yet")
