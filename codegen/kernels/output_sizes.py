"""The sizes that the theorems about output sizes relate, as C computes them."""

from __future__ import annotations

from rot180.codegen.kernels.expressions import number
from rot180.derive.kernel.proof import Theorem
from rot180.derive.language.polynomial import coefficient, normal, symbol
from rot180.derive.language.terms import Equal, Range


def size_in_c(theorem: Theorem, unknown: str) -> str:
    """Return the size that a theorem's hypotheses fix: a polynomial, or the floor of a quotient.

    ``a - s*P - rho == 0`` with ``0 <= rho < s`` says ``P = floor(a / s)``.

    Args:
        theorem: a theorem with one equation among its hypotheses.
        unknown: the size that is computed.

    Raises:
        ValueError: the hypotheses do not fix it.

    """
    size = symbol(unknown)
    (value,) = (c.value for c in theorem.hypotheses if isinstance(c, Equal))
    slope = coefficient(value, size)
    rest = normal(value - slope * size)
    if slope in (1, -1):
        return number(normal(-slope * rest))
    for c in theorem.hypotheses:
        if isinstance(c, Range) and c.size == -slope and coefficient(rest, c.value) == -1:
            return f"_floor({number(normal(rest + c.value))}, {number(c.size)})"
    raise ValueError(f"{theorem.name}: its hypotheses do not fix {unknown}")
