"""The lemma of one step: the rule's tactic, at a term of the line or inside a derivative."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from rot180.codegen.rocq.identifiers import ScriptError
from rot180.codegen.rocq.lemma_proof import LemmaProof, descend, pull, typed
from rot180.codegen.rocq.printer import boxes_of
from rot180.codegen.rocq.tactics import TACTICS, WHOLE
from rot180.derive.kernel.obligations import Obligation, evident
from rot180.derive.kernel.place import RULES, Place
from rot180.derive.kernel.proof import Proof
from rot180.derive.kernel.replay import replay_cited
from rot180.derive.language.terms import (
    Access,
    Derivative,
    Expression,
    Tensor,
    Term,
)


def prove_step(proof: LemmaProof, place: Place, after: Expression) -> None:
    """Prove that a line is equal to the next one.

    Args:
        proof: the proof of the lemma; its tactics are added.
        place: the term of the line to which the rule is applied.
        after: the next line.

    Raises:
        ScriptError: scripts do not cover the step.

    """
    step, before = proof.step, place.expression
    assert step is not None
    if step.rule not in TACTICS:
        raise ScriptError("there is no tactic for this rule")
    count = len(after) - len(before) + 1
    dst = after[step.at : step.at + count]
    if len(before) > 1 and (step.rule not in WHOLE or step.inside is not None):
        _at(proof, place, dst)
    if step.inside is None:
        TACTICS[step.rule](proof, place, dst, **dict(step.arguments))
    else:
        _under(proof, place, dst, step.inside)


def _at(proof: LemmaProof, place: Place, dst: Sequence[Term]) -> None:
    """Reduce the goal to one term of the line; the other terms are equal."""
    one, some = proof.plain.term(place.term), proof.plain.expression(dst)
    inner, step_in = "exact E", f"apply (f_equal2 (@add {proof.plain.ring}))"
    if place.at > 0:
        inner = f"{step_in}; [reflexivity | {inner}]"
    for _ in place.expression[max(place.at, 1) + (place.at > 0) :]:
        inner = f"{step_in}; [{inner} | reflexivity]"
    left = typed(proof, one, place.term.factors)
    proof.add(f"cut ({left} = {some}); [intros E; etransitivity; [{inner} | ring] |].")


def _under(proof: LemmaProof, place: Place, dst: Sequence[Term], number: int) -> None:
    """Prove a step inside a derivative: equal products of dual numbers have equal slopes."""
    step, t = proof.step, place.term
    pending, rest = place.expect(Derivative, number), place.others(number)
    assert step is not None
    inner = _rewritten(place, number, proof)
    sides = [Term(u.coefficient, u.variables, (Derivative(u.factors, pending.wrt),)) for u in inner]
    around = proof.plain.product(rest, t.coefficient)
    descend(proof, t.variables, len(dst))
    proof.add(f"transitivity (({around}) [*] ({proof.plain.factor(pending)})).")
    proof.add("{ ring. }")
    proof.add(f"transitivity (({around}) [*] ({proof.plain.expression(sides)})).")
    proof.add("{")
    known = []
    for s in proof.supports(rest):
        if s.split:
            proof.add(s.split)
            known.append((s.condition, s.name))
    proof.add("apply f_equal2; [reflexivity |].")
    _equal_slopes(proof, place, number, inner, known, sides)
    proof.add("}")
    pull(proof, Term(t.coefficient, (), rest), rest, sides)


def _rewritten(place: Place, number: int, proof: LemmaProof) -> Expression:
    """Return the terms into which the rule rewrites the product inside the derivative."""
    assert proof.step is not None
    arguments: dict[str, Any] = {
        name: replay_cited(value) if isinstance(value, Proof) else value
        for name, value in proof.step.arguments
    }
    inner, _ = RULES[proof.step.rule](place.inside(number), **arguments)
    return inner


def _equal_slopes(
    proof: LemmaProof,
    place: Place,
    number: int,
    inner: Expression,
    known: Sequence[tuple[Any, str]],
    sides: Sequence[Term],
) -> None:
    """Prove ``slope F = c slope G + ...`` from ``F = c G + ...`` over the dual numbers."""
    step, pending = proof.step, place.expect(Derivative, number)
    assert step is not None
    under = replace(
        proof,
        wrt=proof.plain.under(pending.wrt).wrt,
        outer=(*proof.outer, *place.term.variables),
        known=(*proof.known, *known),
        tactics=[],
        boxed={},
    )
    TACTICS[step.rule](under, place.inside(number), inner, **dict(step.arguments))
    proof.labels, proof.names = under.labels, under.names
    for t, name in under.boxed.items():
        _zero_outside(proof, under, t, name, pending.wrt)
    proof.add(f"transitivity (slope ({under.plain.expression(inner)} : {under.plain.ring})).")
    proof.add("{ apply f_equal.")
    proof.tactics += under.tactics
    proof.add("}")
    add = "rewrite ?slope_add. " if len(sides) > 1 else ""
    each = "repeat (apply slope_total; intro); reflexivity || apply slope_const"
    proof.add(f"{add}congruent; {each}.")


def _zero_outside(proof: LemmaProof, under: LemmaProof, t: Tensor, name: str, wrt: Access) -> None:
    """Prove that a perturbed operand is zero outside its box: the perturbed entry is inside."""
    plain, index = proof.plain, [f"z{n + 1}" for n in range(len(t.shape))]
    at = " ".join(index)
    box = " /\\ ".join(
        f"0 <= {i} < {plain.index(n)}" for i, n in zip(index, t.shape, strict=True) if n is not None
    )
    word = proof.names.tensors[t.name]
    head = under.plain.operand(t)
    entry = f"{head} {at} = (zero : {under.plain.ring})"
    proof.add(f"assert ({name} : forall {at}, ~ ({box}) -> {entry}).")
    proof.add(f"{{ intros {at} out. unfold {head.split(' ', 1)[0]}. rewrite ({word}_box {at} out).")
    if t == wrt.tensor:
        conditions = tuple(c for c, _ in under.given())
        for b in boxes_of(t, wrt.index):
            if not evident(Obligation(conditions, b)):
                raise ScriptError(
                    f"inside the derivative {t.name} must be zero outside its box, but the "
                    f"derivative is by an entry of {t.name} that may be outside"
                )
        for i, e in zip(index, wrt.index, strict=True):
            off = f"({i} - {plain.argument(e)})"
            proof.add(f"  destruct (Z.eq_dec {off} 0) as [? | away];")
            proof.add(f"  [| rewrite (point_off _ {off} away); void].")
        proof.add("  exfalso; apply out; repeat split; lia. }")
    else:
        proof.add("  reflexivity. }")
