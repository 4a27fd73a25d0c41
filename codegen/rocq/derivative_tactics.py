"""Tactics for the rules about definitions and derivatives: one function for each rule.

Each proves that a term of the line before is equal to the terms ``dst`` that replace it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import lcm

from sympy import Integer

from rot180.codegen.rocq.identifiers import ScriptError
from rot180.codegen.rocq.lemma_proof import LemmaProof, descend, pull
from rot180.codegen.rocq.printer import boxes_of, in_ring
from rot180.derive.kernel.place import Place
from rot180.derive.kernel.rules import related_terms
from rot180.derive.language.polynomial import denominator, is_integral, normal
from rot180.derive.language.substitute import apart, substitute
from rot180.derive.language.terms import (
    Access,
    Apply,
    Derivative,
    Equal,
    Tensor,
    Term,
)


def _bodies(place: Place, access: Access) -> list[Term]:
    """Return the terms of a definition at an index, as the rules unfold it."""
    definition = access.tensor.definition
    assert definition is not None
    index = dict(zip(definition.formals, access.index, strict=True))
    taken = place.taken | set(definition.formals)
    return [substitute(apart(b, taken), index) for b in definition.body]


def definition(proof: LemmaProof, place: Place, dst: Sequence[Term], factor: int) -> None:
    """Unfold the definition of a tensor."""
    access = place.factor(factor)
    assert isinstance(access, Access)
    bodies, boxes = _bodies(place, access), boxes_of(access.tensor, access.index)
    descend(proof, place.term.variables, len(dst))
    unfolded = proof.plain.boxed(boxes, bodies)
    name = proof.names.tensors[access.tensor.name]
    ring = in_ring(access.tensor)
    proof.add(f"assert (E : {proof.plain.factor(access)} = {unfolded}{ring}).")
    proof.add(f"{{ unfold {name}. congruent. }}")
    # a function of the same entry is not unfolded
    same = [f for f in place.others(factor) if isinstance(f, Apply) and f.argument == access]
    for n, f in enumerate(dict.fromkeys(same)):
        proof.add(f"set (aside_{n} := {proof.plain.factor(f)}).")
    if access in place.others(factor):  # one of equal factors is unfolded
        proof.add(f"pattern ({proof.plain.factor(access)}) at 1.")
        proof.add("refine (eq_ind_r _ _ E); clear E; cbv beta.")
    else:
        proof.add("rewrite E; clear E.")
    for n, _ in enumerate(dict.fromkeys(same)):
        proof.add(f"subst aside_{n}.")
    pull(proof, place.term, (*place.others(factor), *boxes), bodies)


def linearity(proof: LemmaProof, place: Place, dst: Sequence[Term], factor: int) -> None:
    """Differentiate a defined tensor term by term."""
    pending = place.factor(factor)
    assert isinstance(pending, Derivative)
    access, wrt = pending.factors[0], pending.wrt
    assert isinstance(access, Access)
    bodies, boxes = _bodies(place, access), boxes_of(access.tensor, access.index)
    slopes = [Term(b.coefficient, b.variables, (Derivative(b.factors, wrt),)) for b in bodies]
    dual = proof.plain.under(wrt)
    name = proof.names.tensors[access.tensor.name]
    descend(proof, place.term.variables, len(dst))
    proof.add(f"assert (E : {proof.plain.factor(pending)} = {proof.plain.boxed(boxes, slopes)}).")
    proof.add(f"{{ transitivity (slope ({dual.boxed(boxes, bodies)})).")
    proof.add(f"  {{ apply f_equal. unfold {name}. congruent. }}")
    proof.add("  rewrite ?slope_bracket.")
    nested = "repeat (apply slope_total; intro); reflexivity || apply slope_const"
    proof.add(f"  {'rewrite ?slope_add. ' if len(bodies) > 1 else ''}congruent; {nested}. }}")
    proof.add("rewrite E; clear E.")
    pull(proof, place.term, (*place.others(factor), *boxes), slopes)


def leibniz(proof: LemmaProof, place: Place, dst: Sequence[Term], factor: int) -> None:
    """Differentiate a product factor by factor."""
    pending = place.factor(factor)
    assert isinstance(pending, Derivative)
    dual = proof.plain.under(pending.wrt)
    descend(proof, place.term.variables, len(dst))
    proof.add("rewrite ?slope_mul, ?value_mul, ?slope_box, ?value_box, ?slope_point, ?value_point.")
    if not pending.factors:  # the slope of a constant
        proof.add(f"change ({proof.plain.factor(pending)}) with (@zero scalars).")
    for f in pending.factors:
        if isinstance(f, Access) and f.tensor.definition is not None:
            proof.add(f"rewrite ?{proof.value_lemma(f.tensor, pending.wrt.tensor)}.")
        elif isinstance(f, Apply) and f.argument.tensor.definition is not None:
            known = _value(proof, f.argument, pending.wrt.tensor)
            proof.add(f"rewrite ?(value_lifted _ _ _ _ _ {known}).")
        elif isinstance(f, Access | Apply):
            proof.add(f"change (value ({dual.factor(f)})) with ({proof.plain.factor(f)}).")
    proof.add("ring.")


def entry(proof: LemmaProof, place: Place, dst: Sequence[Term], factor: int) -> None:
    """Differentiate an entry by an entry."""
    pending = place.factor(factor)
    assert isinstance(pending, Derivative)
    access, wrt = pending.factors[0], pending.wrt
    assert isinstance(access, Access)
    slope = proof.plain.factor(pending)
    descend(proof, place.term.variables, len(dst))
    if not dst:
        proof.add(f"change ({slope}) with (@zero {proof.plain.ring}). void.")
        return
    deltas = [Equal(a - b) for a, b in zip(access.index, wrt.index, strict=True)]
    moved = f"moved_{proof.names.tensors[wrt.tensor.name]}"
    proof.add(f"assert (E : {slope} = {proof.plain.product(deltas)}).")
    proof.add(f"{{ unfold {moved}, slope; cbn [snd]. congruent. }}")
    proof.add("rewrite E; ring.")


def chain(proof: LemmaProof, place: Place, dst: Sequence[Term], factor: int) -> None:
    """Differentiate a scalar function of an entry."""
    pending = place.factor(factor)
    assert isinstance(pending, Derivative)
    applied = pending.factors[0]
    assert isinstance(applied, Apply)
    outer = Apply(applied.function, applied.order + 1, applied.argument)
    inner = Derivative((applied.argument,), pending.wrt)
    descend(proof, place.term.variables, len(dst))
    slope, product = proof.plain.factor(pending), proof.plain.product((outer, inner))
    tactic = "reflexivity"
    if applied.argument.tensor.definition is not None:
        tactic = (
            f"(apply slope_lifted; exact {_value(proof, applied.argument, pending.wrt.tensor)})"
        )
    proof.add(f"assert (E : {slope} = {product}) by {tactic}.")
    proof.add("rewrite E; ring.")


def _value(proof: LemmaProof, access: Access, by: Tensor) -> str:
    """Name the fact that over the dual numbers the value of an entry is the entry itself."""
    index = " ".join(map(proof.plain.argument, access.index))
    return f"({proof.value_lemma(access.tensor, by)} bound {index})"


def relate(proof: LemmaProof, place: Place, dst: Sequence[Term], factor: int) -> None:
    """Replace the derivative of a scalar function by the polynomial that it is equal to."""
    applied = place.factor(factor)
    assert isinstance(applied, Apply)
    if proof.wrt:
        raise ScriptError("a relation is used inside a derivative")
    t, rest, plain, related = place.term, place.others(factor), proof.plain, related_terms(applied)
    name, _ = plain.relation(applied.function, applied.order)
    scale = lcm(*(denominator(u.coefficient) for u in related))
    left = normal(t.coefficient / scale)
    if not is_integral(left):
        raise ScriptError(f"1/{scale} in the relation of {applied.function}' does not cancel")
    descend(proof, t.variables, len(dst))
    if scale != 1:
        part = f"({plain.product(rest)}) [*] (const {scale} [*] {plain.factor(applied)})"
        part = part if left == 1 else f"const {plain.argument(left)} [*] ({part})"
        both = " ".join(map(plain.argument, (t.coefficient, left, Integer(scale))))
        by = "" if left == 1 else f"rewrite (const_mul _ {both} ltac:(ring)); "
        proof.add(f"transitivity ({part}); [{by}ring |].")
    proof.add(f"rewrite ({name} ({plain.factor(applied.argument)})).")
    bodies = [replace(u, coefficient=normal(scale * u.coefficient)) for u in related]
    pull(proof, Term(left, (), t.factors), rest, bodies)
