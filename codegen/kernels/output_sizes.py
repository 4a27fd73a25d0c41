"""The sizes that the theorems about output sizes relate, as each backend computes them."""

from __future__ import annotations

from rot180.codegen.kernels.expressions import number
from rot180.derive.kernel.proof import Theorem
from rot180.derive.language.polynomial import coefficient, normal, symbol, text
from rot180.derive.language.terms import Equal, Range

FLOORS = {"numpy": "({}) // {}", "cython": "_floor({}, {})", "words": "floor(({}) / {})"}
"""How the floor of a quotient is written, by backend, and in docstrings."""


def size_text(theorem: Theorem, unknown: str, backend: str) -> str:
    """Write the size that a theorem's hypotheses fix: a polynomial, or the floor of a quotient.

    ``a - s*P - rho == 0`` with ``0 <= rho < s`` says ``P = floor(a / s)``.

    Args:
        theorem: a theorem with one equation among its hypotheses.
        unknown: the size that is computed.
        backend: "numpy", "cython", or "words" for the notation.

    Raises:
        ValueError: the hypotheses do not fix it.

    """
    write = text if backend == "words" else number
    size = symbol(unknown)
    (value,) = (c.value for c in theorem.hypotheses if isinstance(c, Equal))
    slope = coefficient(value, size)
    rest = normal(value - slope * size)
    if slope in (1, -1):
        return write(normal(-slope * rest))
    for c in theorem.hypotheses:
        if isinstance(c, Range) and c.size == -slope and coefficient(rest, c.value) == -1:
            by = write(c.size)
            by = by if by.isidentifier() or backend == "cython" else f"({by})"
            return FLOORS[backend].format(write(normal(rest + c.value)), by)
    raise ValueError(f"{theorem.name}: its hypotheses do not fix {unknown}")
