"""What the kernel raises, and how it writes terms in messages.

``require(condition, holds, message)`` checks a side condition and names it; ``show`` writes terms.
"""

from __future__ import annotations

from rot180.derive.language.terms import Expression, Tensor, Term, tensors


class RuleError(ValueError):
    """A rule does not apply: what was found, what it needs."""


class ProofError(ValueError):
    """A step of a proof does not follow."""


def require(condition: str, holds: bool, message: str) -> None:
    """Raise RuleError unless a side condition holds; every side condition has a name."""
    if not holds:
        raise RuleError(f"{message} [side condition: {condition}]")


def show(expression: Expression) -> str:
    """Write an expression in the notation, for messages."""
    return " + ".join(map(str, expression)).replace("+ -", "- ") or "0"


def defined(tensor: Tensor) -> str:
    """Write a tensor with its sizes and what it is defined to be, for messages."""
    sizes = ", ".join("Z" if n is None else str(n) for n in tensor.shape)
    if tensor.definition is None:
        return f"{tensor.name} of size ({sizes})"
    index = ", ".join(v.name for v in tensor.definition.formals)
    return f"{tensor.name}[{index}] = {show(tensor.definition.body)} of size ({sizes})"


def difference(a: Expression, b: Expression) -> str:
    """Name the first subterm in which two expressions differ."""
    if len(a) != len(b):
        return f"{len(a)} terms against {len(b)}"
    for n, (t, u) in enumerate(zip(a, b, strict=True)):
        if t.coefficient != u.coefficient:
            return f"term {n}, coefficient {t.coefficient} against {u.coefficient}"
        if t.variables != u.variables:
            return f"term {n}, sum over {t.variables} against {u.variables}"
        if len(t.factors) != len(u.factors):
            return f"term {n}, {len(t.factors)} factors against {len(u.factors)}"
        for m, (f, g) in enumerate(zip(t.factors, u.factors, strict=True)):
            if f != g:
                one, other = (str(f), str(g)) if str(f) != str(g) else _definitions(t, u)
                return f"term {n}, factor {m}: {one} against {other}"
    return "none"


def _definitions(t: Term, u: Term) -> tuple[str, str]:
    """Write what the first tensor is that two terms of one look define differently."""
    pairs = zip(tensors((t,)), tensors((u,)), strict=False)
    return next(((defined(a), defined(b)) for a, b in pairs if a != b), (str(t), str(u)))
