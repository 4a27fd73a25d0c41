"""The errors of the kernel, and how their messages print terms.

``require(condition, holds, message)`` checks a named side condition; ``show`` prints terms.
"""

from __future__ import annotations

from rot180.derive.language.terms import Expression, Tensor, Term, tensors


class RuleError(ValueError):
    """A rule does not apply; the message says what was found and what the rule needs."""


class ProofError(ValueError):
    """A step of a proof does not follow."""


def require(condition: str, holds: bool, message: str) -> None:
    """Raise RuleError, which names the side condition, unless it holds."""
    if not holds:
        raise RuleError(f"{message} [side condition: {condition}]")


def show(expression: Expression) -> str:
    """Return an expression in the notation, for messages."""
    return " + ".join(map(str, expression)).replace("+ -", "- ") or "0"


def defined(tensor: Tensor) -> str:
    """Return a tensor with its sizes and its definition, for messages."""
    sizes = ", ".join("Z" if n is None else str(n) for n in tensor.shape)
    if tensor.definition is None:
        return f"{tensor.name} of size ({sizes})"
    index = ", ".join(v.name for v in tensor.definition.formals)
    return f"{tensor.name}[{index}] = {show(tensor.definition.body)} of size ({sizes})"


def difference(a: Expression, b: Expression) -> str:
    """Describe the first subterm in which two expressions differ."""
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
    """Return the two definitions of the first tensor by which terms that look the same differ."""
    pairs = zip(tensors((t,)), tensors((u,)), strict=False)
    return next(((defined(a), defined(b)) for a, b in pairs if a != b), (str(t), str(u)))
