"""The tactic for a product of tables of numbers: compute every entry."""

from __future__ import annotations

from collections.abc import Sequence

from sympy import Expr, Symbol

from rot180.codegen.rocq.identifiers import ScriptError
from rot180.codegen.rocq.lemma_proof import LemmaProof, Support
from rot180.derive.kernel.obligations import Obligation
from rot180.derive.kernel.place import Place
from rot180.derive.language.terms import Access, Bracket, Range, Term


def exhaust(
    proof: LemmaProof,
    place: Place,
    dst: Sequence[Term],
    sizes: tuple[tuple[Symbol, Expr], ...],
    scale: Expr,
    factors: tuple[Bracket, ...],
) -> None:
    """Prove a product of tables: both sides are 0 outside the box and are computed inside."""
    t, plain, box = place.term, proof.plain, dict(sizes)
    if len(t.variables) != 1:
        raise ScriptError(f"{len(t.variables)} sums in a product of tables, expected one")
    (summed,) = t.variables
    free = [v for v in box if v != summed]
    tables = dict.fromkeys(f.tensor for f in t.factors if isinstance(f, Access))
    left, right = (place.context(fs, box) for fs in (t.factors, factors))
    given = dict(proof.given())
    inside = []
    for v in free:
        within = Range(v, box[v])
        if within in given:
            inside.append(given[within])
            continue
        name = proof.label("in")
        inside.append(name)
        proof.add(f"destruct (within {plain.variable(v)} {box[v]}) as [{name} | {name}].")
        proof.add(f"2: {{ transitivity (@zero {plain.ring}).")
        proof.add(f"  {{ apply total_zero; intro {plain.variable(summed)}.")
        _absurd(proof, Obligation(left, within), proof.supports(t.factors), name)
        proof.add("}")
        proof.add("  symmetry.")
        _absurd(proof, Obligation(right, within), proof.supports(factors), name)
        proof.add("}")
    n, at = box[summed], plain.variable(summed)
    proof.premises[str(n)] = None
    body, heads = plain.product(t.factors, t.coefficient), map(plain.tensor, tables)
    left_side = f"first (Z.to_nat {n}) (fun {at} => {body})"
    right_side = plain.product(factors, scale)
    proof.add(f"transitivity ({left_side} : {plain.ring}).")
    proof.add("{ apply total_few; [lia | assumption |]. intros " + f"{at} out.")
    within = Range(summed, n)
    _absurd(proof, Obligation(left, within), proof.supports(t.factors), "out")
    proof.add("}")
    names = ", ".join(head.split(" ", 1)[0] for head in heads)
    proof.add(f"transitivity (@const {plain.ring} ({left_side} : integers)).")
    proof.add(f"{{ unfold {names}. integer. }}")
    proof.add(f"symmetry. transitivity (@const {plain.ring} ({right_side} : integers)).")
    proof.add("{ integer. }")
    proof.add("apply f_equal.")
    for name, v in zip(inside, free, strict=True):
        proof.add(f"generalize ({name} : {plain.condition(Range(v, box[v]))}).")
    written = [plain.variable(v) for v in free]
    proof.add(f"generalize {' '.join(written)}. clear. intros {' '.join(written)}.")
    proof.add(f"intros {' '.join(f'at_{v}' for v in reversed(written))}.")
    for name, size in zip(written, (int(box[v]) for v in free), strict=True):
        points = " \\/ ".join(f"{name} = {n}" for n in range(size))
        pattern = " | ".join(["[->"] * (size - 1) + ["->"]) + "]" * (size - 1)
        proof.add(f"all: assert ({points}) as {pattern} by lia; clear at_{name}.")
    proof.add("all: vm_compute; reflexivity.")


def _absurd(
    proof: LemmaProof, obligation: Obligation, supports: Sequence[Support], out: str
) -> None:
    """Prove that a product is zero because it could only be nonzero against a fact."""
    for split in proof.needed((obligation,), supports, ()):
        proof.add(split)
    proof.add(f"exfalso; apply {out}.")
    for tactic in proof.solve(obligation):
        proof.add(tactic)
