"""A theorem's statement in the notation, as people read it in a terminal or a docstring."""

from __future__ import annotations

from rot180.derive.notation import write
from rot180.derive.polynomial import text
from rot180.derive.proof import Theorem
from rot180.derive.terms import Access, AtLeast, Condition, Equal, Expression, substitute


def write_condition(condition: Condition) -> str:
    """Write a condition: ``s >= 1``, ``0 <= h < H``, ``a = b``."""
    if isinstance(condition, AtLeast):
        value = condition.value
        constant = value.as_coeff_Add()[0]
        return f"{text(value - constant)} >= {text(-constant)}"
    if isinstance(condition, Equal):
        constant = condition.value.as_coeff_Add()[0]
        return f"{text(condition.value - constant)} = {text(-constant)}"
    return f"0 <= {text(condition.value)} < {text(condition.size)}"


def reading(expression: Expression) -> Expression:
    """Unfold an operator's name at the top, so that its sum is seen: ``correlate(...)[h]``."""
    if len(expression) == 1 and len(expression[0].factors) == 1:
        head = expression[0].factors[0]
        if isinstance(head, Access) and head.tensor.definition is not None:
            definition = head.tensor.definition
            index = dict(zip(definition.formals, head.index, strict=True))
            return tuple(substitute(t, index) for t in definition.body)
    return expression


def write_statement(theorem: Theorem) -> str:
    """Write the statement: equation, words, box, hypotheses."""
    free = tuple(v for v, _ in theorem.variables)
    left = write(theorem.lhs, free)
    right = write(reading(theorem.rhs), free)
    lines = [f"{left} = {right}"]
    if theorem.words:
        lines.append(f"  ({theorem.words})")
    boxes = [f"0 <= {v.name} < {text(n)}" for v, n in theorem.variables if n is not None]
    unbounded = [v.name for v, n in theorem.variables if n is None]
    if boxes or unbounded:
        lines.append("  for all " + ", ".join([*boxes, *unbounded]))
    if theorem.hypotheses:
        lines.append("  if " + ", ".join(write_condition(c) for c in theorem.hypotheses))
    return "\n".join(lines)
