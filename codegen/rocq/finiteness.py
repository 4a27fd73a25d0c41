"""The last lemma of a script: the sums are finite, and a larger bound adds nothing."""

from __future__ import annotations

from collections.abc import Sequence

from sympy import Symbol

from rot180.codegen.rocq.case import Case
from rot180.codegen.rocq.names import ScriptError
from rot180.codegen.rocq.printer import boxes_of
from rot180.codegen.rocq.reach import vanish
from rot180.derive.language.polynomial import symbol
from rot180.derive.language.substitute import apart, fresh, substitute
from rot180.derive.language.terms import (
    Access,
    Apply,
    Equal,
    Expression,
    Factor,
    Range,
    Tensor,
    Term,
    accesses_and_brackets,
)


def finite(case: Case, number: int, line: Expression) -> None:
    """Show that the sums of a line are finite: a larger bound adds nothing.

    Raises:
        ScriptError: a factor is defined or pending, or nothing bounds an index.

    """
    applied = (f.argument.tensor for u in line for f in u.factors if isinstance(f, Apply))
    done: set[Tensor] = set()
    for argument in dict.fromkeys(applied):
        _steady(case, argument, done)
    case.say(f"unfold line_{number}.")
    for _ in line[1:]:
        case.say("apply f_equal2.")
    for t in line:
        plain = all(
            isinstance(f, Equal | Range | Apply)
            or (isinstance(f, Access) and f.tensor.definition is None)
            for f in t.factors
        )
        if not plain:
            raise ScriptError("a factor is defined or pending")
        _more(case, t, t.factors)
        inside = [f.argument.tensor for f in t.factors if isinstance(f, Apply)]
        again = "".join(f"rewrite ?{_steadiness(case, u)}; " for u in inside if _is_summed(u))
        case.say(f"{again}reflexivity. }}")


def _more(case: Case, t: Term, factors: Sequence[Factor]) -> None:
    """Open a case in which the sums of a term reach no further than the smaller bound."""
    case.say("{")
    for n, v in enumerate(t.variables):
        inner = t.variables[n + 1 :]
        case.say("apply total_more; [lia | |].")
        case.say(f"{{ intros {case.plain.variable(v)}.")
        vanish(case, v, t.variables, inner, factors)
        case.say("}")
        case.say(f"intro {case.plain.variable(v)}.")


def _is_summed(t: Tensor) -> bool:
    """Say whether there is a sum in a tensor's definition."""
    return any(
        u.variables or any(_is_summed(a.tensor) for a in _accesses(u.factors))
        for u in (t.definition.body if t.definition else ())
    )


def _accesses(factors: Sequence[Factor]) -> list[Access]:
    return [f for f in accesses_and_brackets(factors) if isinstance(f, Access)]


def _apart(case: Case, t: Tensor) -> tuple[list[Term], list[Symbol]]:
    """Return the terms of a definition with indices and sums that are new, and those indices."""
    assert t.definition is not None
    taken = {symbol(word) for word in case.names.symbols}
    index: list[Symbol] = []
    for v in t.definition.formals:
        index.append(fresh(v, taken | set(index)))
    new = dict(zip(t.definition.formals, index, strict=True))
    taken |= set(index)
    return [apart(substitute(b, new), taken) for b in t.definition.body], index


def _steadiness(case: Case, t: Tensor) -> str:
    return f"steady_{case.names.tensors[t.name]}"


def _steady(case: Case, t: Tensor, done: set[Tensor]) -> None:
    """Show, once, that a tensor is a finite sum at each index: a larger bound adds nothing."""
    if t in done or not _is_summed(t):
        return
    done.add(t)
    name, bodies, index = case.names.tensors[t.name], *_apart(case, t)
    case.names = case.names.with_variables(v for u in bodies for v in u.symbols)
    inside = [a.tensor for u in bodies for a in _accesses(u.factors)]
    defined = [u for u in dict.fromkeys(inside) if u.definition is not None]
    for inner in defined:
        _steady(case, inner, done)
    at = "".join(f" {case.plain.variable(v)}" for v in index)
    whole = case.plain.tensor(t)
    less = whole.replace(f"{name} bound", f"{name} least", 1)
    intros = f"intros{at}. " if at else ""
    forall = f"forall{at}, " if at else ""
    case.say(f"assert ({_steadiness(case, t)} : {forall}{whole}{at} = {less}{at}).")
    case.say(f"{{ {intros}unfold {name}.")
    outer, known = case.outer, case.known
    case.outer = (*outer, *index)
    for box in boxes_of(t, index):
        fact, arguments, decide, outside, _ = case.bracket(box)
        out = f"rewrite ?({outside} _ {arguments} {fact})"
        case.say(f"destruct ({decide}) as [{fact} | {fact}]; [| {out}; void].")
        case.say("apply f_equal2; [reflexivity |].")
        case.known = (*case.known, (box, fact))
    for _ in bodies[1:]:
        case.say("apply f_equal2.")
    again = "".join(f"rewrite ?{_steadiness(case, u)}; " for u in defined if _is_summed(u))
    for u in bodies:
        _more(case, u, u.factors)
        case.say(f"{again}reflexivity. }}")
    case.say("}")
    case.outer, case.known = outer, known
