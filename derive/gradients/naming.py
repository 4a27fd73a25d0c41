"""Names the sums in the gradients of a program that are instances of an operator.

The gradient by the input of a convolution is found as a sum. It is an instance of the full
correlation of the dilated gradient by the output with the rotated kernel; that is proved for any
tensors in place of these, and cited.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from sympy import Expr, Integer, Symbol

from rot180.derive.gradients.named_form import name_form
from rot180.derive.kernel.proof import Proof, Variables
from rot180.derive.language.polynomial import is_integral
from rot180.derive.language.spelling import display_name
from rot180.derive.language.substitute import substitute
from rot180.derive.language.terms import (
    Access,
    Factor,
    Tensor,
    Term,
    factor_symbols,
    tensors,
    term,
)
from rot180.derive.search.derivation import Derivation, NotProvedError
from rot180.derive.search.matching import join
from rot180.derive.search.rewriting import normalise


def name_sum(
    d: Derivation,
    at: int,
    factors: Sequence[int],
    index: Sequence[Expr],
    variables: Variables,
    consumers: Mapping[Tensor, Tensor],
) -> str:
    """Rewrite the sum in a term as an operator's entry, if it is an instance of one.

    Factors without a summed index, such as the slope of an activation, stay beside it.

    Args:
        d: what to rewrite.
        at: the number of the term.
        factors: the numbers of the factors that may be used.
        index: the indices at which the sum is taken, one for each variable.
        variables: the indices of the operator, each with its size.
        consumers: each gradient, with the definition that it is the gradient by.

    Returns:
        the whole term in words, "" if there are none. A plain sum has words, and is not rewritten.

    """
    t = d.current[at]
    by = {e: v for e, (v, _) in zip(index, variables, strict=True) if isinstance(e, Symbol)}
    summed = tuple(v for v in t.variables if v not in by)
    used = [n for n in factors if factor_symbols(t.factors[n]) & set(summed)]
    inside = [t.factors[n] for n in used]
    uses = [f.tensor for f in inside if isinstance(f, Access)]
    upstream = [u for u in uses if u in consumers]
    if len(by) < len(variables) or not upstream or not is_integral(t.coefficient):
        return ""
    free = {u: Tensor(u.name, u.shape) for u in uses}
    plain = Term(Integer(1), summed, tuple(_of_free_tensors(f, free) for f in inside))
    found = _operator(
        f"{d.statement.name}.operator{len(d.steps)}", variables, substitute(plain, by),
        free[upstream[0]], consumers[upstream[0]],
    )  # fmt: skip
    if found is None:
        return ""
    proof, words = found
    names = {u.name: display_name(u) for u in uses}
    words = re.sub(r"[A-Za-z_]\w*", lambda m: names.get(m[0], m[0]), words)
    words = words if len(used) == len(factors) else ""
    if proof is None:
        return words
    kept = len(d.steps)
    try:
        d.apply(
            "lemma", at, theorem=proof, symbols=tuple((v, e) for e, v in by.items()),
            tensors=tuple((u.name, u) for u in free), bound=summed, factors=tuple(used),
        )  # fmt: skip
    except ValueError:  # another tensor has the name of the operator
        d.undo(kept)
        return ""
    return words


def _of_free_tensors(f: Factor, free: Mapping[Tensor, Tensor]) -> Factor:
    return free[f.tensor][f.index] if isinstance(f, Access) else f


def _operator(
    name: str, variables: Variables, line: Term, g: Tensor, forward: Tensor
) -> tuple[Proof | None, str] | None:
    """Prove that a sum is an operator's entry; return the proof, if any, and words for it."""
    form, words = name_form(forward, g, (line,), tuple(v for v, _ in variables))
    if form is None:
        return None, words
    used = tensors((line, term(form)))
    if len({t.name for t in used}) < len(used):
        return None
    left, right = (Derivation(name, variables, (), e) for e in ((line,), (term(form),)))
    try:
        normalise(left, g)
        normalise(right, g)
        return join(left, right), words
    except NotProvedError:
        return None
