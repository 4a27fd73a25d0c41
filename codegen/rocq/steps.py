"""One step of a proof as tactics: at its term of the line, or for a product under a derivative."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from rot180.codegen.rocq.case import Case, descend, pull, typed
from rot180.codegen.rocq.citations import compose, lemma
from rot180.codegen.rocq.names import ScriptError
from rot180.codegen.rocq.printer import boxes_of
from rot180.codegen.rocq.tables import exhaust
from rot180.codegen.rocq.tactics import TACTICS, WHOLE
from rot180.derive.kernel.obligations import Obligation, evident
from rot180.derive.kernel.place import RULES, Place
from rot180.derive.kernel.proof import Proof
from rot180.derive.kernel.replay import replayed
from rot180.derive.language.terms import (
    Access,
    Derivative,
    Expression,
    Tensor,
    Term,
)

_TACTICS: Mapping[str, Callable[..., None]] = {
    **TACTICS,
    "lemma": lemma,
    "compose": compose,
    "exhaust": exhaust,
}


def show(case: Case, place: Place, after: Expression) -> None:
    """Prove that a line is the next one.

    Args:
        case: the lemma.
        place: the term of the line to which the rule is applied.
        after: the next line.

    Raises:
        ScriptError: the step is beyond what scripts cover.

    """
    step, before = case.step, place.expression
    assert step is not None
    if step.rule not in _TACTICS:
        raise ScriptError("there is no tactic for this rule")
    count = len(after) - len(before) + 1
    dst = after[step.at : step.at + count]
    if len(before) > 1 and (step.rule not in WHOLE or step.inside is not None):
        _at(case, place, dst)
    if step.inside is None:
        _TACTICS[step.rule](case, place, dst, **dict(step.arguments))
    else:
        _under(case, place, dst, step.inside)


def _at(case: Case, place: Place, dst: Sequence[Term]) -> None:
    """Leave the equation of one term and what it becomes; the other terms stay."""
    one, some = case.plain.term(place.term), case.plain.expression(dst)
    inner, step_in = "exact E", f"apply (f_equal2 (@add {case.plain.ring}))"
    if place.at > 0:
        inner = f"{step_in}; [reflexivity | {inner}]"
    for _ in place.expression[max(place.at, 1) + (place.at > 0) :]:
        inner = f"{step_in}; [{inner} | reflexivity]"
    said = typed(case, one, place.term.factors)
    case.say(f"cut ({said} = {some}); [intros E; etransitivity; [{inner} | ring] |].")


def _under(case: Case, place: Place, dst: Sequence[Term], number: int) -> None:
    """Show a step under a derivative: equal products of dual numbers have equal slopes."""
    step, t = case.step, place.term
    pending, rest = place.the(Derivative, number), place.around(number)
    assert step is not None
    inner = _made(place, number, case)
    sides = [Term(u.coefficient, u.variables, (Derivative(u.factors, pending.wrt),)) for u in inner]
    around = case.plain.product(rest, t.coefficient)
    descend(case, t.variables, len(dst))
    case.say(f"transitivity (({around}) [*] ({case.plain.factor(pending)})).")
    case.say("{ ring. }")
    case.say(f"transitivity (({around}) [*] ({case.plain.expression(sides)})).")
    case.say("{")
    known = []
    for s in case.supports(rest):
        if s.split:
            case.say(s.split)
            known.append((s.condition, s.name))
    case.say("apply f_equal2; [reflexivity |].")
    _equal_slopes(case, place, number, inner, known, sides)
    case.say("}")
    pull(case, Term(t.coefficient, (), rest), rest, sides)


def _made(place: Place, number: int, case: Case) -> Expression:
    """Return what the rule makes of the product under the derivative."""
    assert case.step is not None
    arguments: dict[str, Any] = {
        name: replayed(value) if isinstance(value, Proof) else value
        for name, value in case.step.arguments
    }
    inner, _ = RULES[case.step.rule](place.inside(number), **arguments)
    return inner


def _equal_slopes(
    case: Case,
    place: Place,
    number: int,
    inner: Expression,
    known: Sequence[tuple[Any, str]],
    sides: Sequence[Term],
) -> None:
    """Prove ``slope F = c slope G + ...`` from ``F = c G + ...`` over the dual numbers."""
    step, pending = case.step, place.the(Derivative, number)
    assert step is not None
    under = replace(
        case,
        wrt=case.plain.under(pending.wrt).wrt,
        outer=(*case.outer, *place.term.variables),
        known=(*case.known, *known),
        tactics=[],
        boxed={},
    )
    _TACTICS[step.rule](under, place.inside(number), inner, **dict(step.arguments))
    case.labels, case.names = under.labels, under.names
    for t, name in under.boxed.items():
        _zero_outside(case, under, t, name, pending.wrt)
    case.say(f"transitivity (slope ({under.plain.expression(inner)} : {under.plain.ring})).")
    case.say("{ apply f_equal.")
    case.tactics += under.tactics
    case.say("}")
    add = "rewrite ?slope_add. " if len(sides) > 1 else ""
    each = "repeat (apply slope_total; intro); reflexivity || apply slope_const"
    case.say(f"{add}congruent; {each}.")


def _zero_outside(case: Case, under: Case, t: Tensor, name: str, wrt: Access) -> None:
    """Prove that an operand over the dual numbers is zero outside its box: what moves is inside."""
    plain, index = case.plain, [f"z{n + 1}" for n in range(len(t.shape))]
    at = " ".join(index)
    box = " /\\ ".join(
        f"0 <= {i} < {plain.index(n)}" for i, n in zip(index, t.shape, strict=True) if n is not None
    )
    word = case.names.tensors[t.name]
    head = under.plain.operand(t)
    entry = f"{head} {at} = (zero : {under.plain.ring})"
    case.say(f"assert ({name} : forall {at}, ~ ({box}) -> {entry}).")
    case.say(f"{{ intros {at} out. unfold {head.split(' ', 1)[0]}. rewrite ({word}_box {at} out).")
    if t == wrt.tensor:
        conditions = tuple(c for c, _ in under.given())
        for b in boxes_of(t, wrt.index):
            if not evident(Obligation(conditions, b)):
                raise ScriptError(
                    f"it needs that {t.name} is zero outside its box under the derivative, and the "
                    f"derivative is by an entry of {t.name} that may be outside"
                )
        for i, e in zip(index, wrt.index, strict=True):
            off = f"({i} - {plain.argument(e)})"
            case.say(f"  destruct (Z.eq_dec {off} 0) as [? | away];")
            case.say(f"  [| rewrite (point_off _ {off} away); void].")
        case.say("  exfalso; apply out; repeat split; lia. }")
    else:
        case.say("  reflexivity. }")
