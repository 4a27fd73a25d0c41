"""Tactics for the rules about sums and brackets: one function for each rule.

Each proves that a term of the line before is equal to the terms ``dst`` that replace it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sympy import Expr, Integer, Symbol

from rot180.codegen.rocq.identifiers import ScriptError
from rot180.codegen.rocq.index_bounds import vanish
from rot180.codegen.rocq.lemma_proof import LemmaProof, descend, inside, permute, typed
from rot180.derive.kernel.obligations import Obligation
from rot180.derive.kernel.place import Place
from rot180.derive.language.polynomial import coefficient, normal, symbols_of
from rot180.derive.language.substitute import fresh, substitute_factor
from rot180.derive.language.terms import (
    Access,
    AtLeast,
    Bracket,
    Equal,
    Range,
    Tensor,
    Term,
    factor_symbols,
)


def sift(
    proof: LemmaProof, place: Place, dst: Sequence[Term], factor: int, variable: Symbol
) -> None:
    """Eliminate the sum over a variable that a bracket fixes."""
    t, equation = place.term, place.factor(factor)
    assert isinstance(equation, Equal)
    e = normal(variable - coefficient(equation.value, variable) * equation.value)
    at = t.variables.index(variable)
    outer, inner = t.variables[:at], t.variables[at + 1 :]
    if symbols_of(e) & set(inner):
        order = (*outer, *inner, variable)
        moved = Term(t.coefficient, order, t.factors)
        permute(proof, t, moved)
        outer, inner = (*outer, *inner), ()
    rest = dst[0].factors
    v = proof.plain.variable(variable)
    descend(proof, outer)
    proof.add(f"apply (total_sift _ _ _ {proof.plain.argument(e)}).")
    off = proof.plain.argument(equation.value)
    proof.add(
        f"{{ intros {v} off. {inside(proof, inner)}rewrite (point_off _ {off}); [void | lia]. }}"
    )
    at_point = [*rest[:factor], Equal(Integer(0)), *rest[factor:]]
    body = proof.plain.sums(inner, proof.plain.product(at_point, t.coefficient))
    proof.add(f"{{ transitivity {typed(proof, body, at_point)}.")
    proof.add("  { congruent. }")
    descend(proof, inner)
    proof.add("rewrite (point_at _ 0 eq_refl). ring. }")
    vanish(proof, e, (*outer, *inner), inner, rest)


def exchange(proof: LemmaProof, place: Place, dst: Sequence[Term], order: tuple[int, ...]) -> None:
    """Change the order of the sums."""
    permute(proof, place.term, dst[0])
    proof.add("congruent.")


def reindex(
    proof: LemmaProof,
    place: Place,
    dst: Sequence[Term],
    variables: tuple[Symbol, ...],
    mapping: tuple[tuple[Symbol, Expr], ...],
) -> None:
    """Change the variables: rename, make the order of the sums triangular, shift each, reorder."""
    t = place.term
    same = {v: e for v, e in mapping if isinstance(e, Symbol)}
    shifted = {v: e for v, e in mapping if v not in same}
    # shifted variables get temporary names first, so that no new name captures an old one
    taken = set(t.symbols) | set(variables) | place.taken
    aside: dict[Symbol, Symbol] = {}
    for v in shifted:
        aside[v] = fresh(v, taken | set(aside.values()))
    old = {**same, **aside}
    shifts = [(aside[v], u, e) for v, u, e in _triangular(shifted, variables, set(same.values()))]
    proof.names = proof.names.with_variables(aside.values())
    first = (*(e for e in same.values() if isinstance(e, Symbol)), *(v for v, _, _ in shifts))
    factors = tuple(substitute_factor(f, old) for f in t.factors)
    start = Term(t.coefficient, tuple(old[v] for v in t.variables), factors)
    current = Term(t.coefficient, first, factors)
    permute(proof, start, current)
    for v, u, e in shifts:
        current = _shift(proof, current, v, u, e)
    permute(proof, current, dst[0])
    proof.add("congruent.")


def _triangular(
    shifted: Mapping[Symbol, Expr], variables: Sequence[Symbol], ready: set[Expr]
) -> Iterator[tuple[Symbol, Symbol, Expr]]:
    """Yield old variable, new variable and expression, so that each adds one new variable."""
    rest = dict(shifted)
    while rest:
        for v, e in rest.items():
            new = [u for u in symbols_of(e) & set(variables) if u not in ready]
            if len(new) == 1 and coefficient(e, new[0]) in (1, -1):
                yield v, new[0], e
                ready.add(new[0])
                del rest[v]
                break
        else:
            changes = ", ".join(f"{v} = {e}" for v, e in shifted.items())
            raise ScriptError(f"the change of variables is not triangular: {changes}")


def _shift(proof: LemmaProof, current: Term, v: Symbol, u: Symbol, e: Expr) -> Term:
    """Replace the sum over v by a sum over u, where ``v = e(u)``, and return the new term."""
    at = current.variables.index(v)
    moved = Term(
        current.coefficient,
        tuple(u if w == v else w for w in current.variables),
        tuple(substitute_factor(f, {v: e}) for f in current.factors),
    )
    outer, inner = current.variables[:at], current.variables[at + 1 :]
    back = normal(u + coefficient(e, u) * (v - e))
    old_name, new_name = proof.plain.variable(v), proof.plain.variable(u)
    proof.add(f"transitivity ({proof.plain.term(moved)}).")
    proof.add("{")
    descend(proof, outer)
    go, come = proof.plain.index(e), proof.plain.index(back)
    proof.add(f"apply (total_move _ _ _ _ (fun {new_name} => {go}) (fun {old_name} => {come})).")
    proof.add("{ intros; ring. } { intros; ring. } { intros; congruent. }")
    for w, terms in ((v, current), (u, moved)):
        proof.add(f"{{ intros {proof.plain.variable(w)}.")
        vanish(proof, w, (*outer, w, *inner), inner, terms.factors)
        proof.add("}")
    proof.add("}")
    return moved


def euclid(
    proof: LemmaProof,
    place: Place,
    dst: Sequence[Term],
    value: Expr,
    modulus: Expr,
    variable: Symbol,
) -> None:
    """Introduce the quotient and the remainder of a division."""
    t, plain = place.term, proof.plain
    descend(proof, t.variables)
    u, m, e = plain.variable(variable), plain.argument(modulus), plain.argument(value)
    product = plain.product(t.factors, t.coefficient)
    rest = f"box ({e} - {m} * {u}) {m}"
    proof.add(f"transitivity (sum[bound] {u}, {product} [*] {rest}).")
    proof.add("{ apply total_euclid. { lia. }")
    vanish(proof, value, t.variables, (), t.factors)
    proof.add("}")
    if t.coefficient != 1:
        rest_of_division = Range(value - modulus * variable, modulus)
        whole = plain.product((*t.factors, rest_of_division), t.coefficient)
        proof.add(f"transitivity (sum[bound] {u}, {whole}).")
        proof.add(f"{{ apply total_ext; intro {u}; ring. }}")
    proof.add("congruent.")


def bracket(
    proof: LemmaProof,
    place: Place,
    dst: Sequence[Term],
    drop: tuple[int, ...],
    add: tuple[Bracket, ...],
) -> None:
    """Replace brackets by brackets that are equivalent in their context."""
    rest = place.others(*drop)
    old = [f for n in drop if isinstance(f := place.factor(n), Equal | Range)]
    context = place.context(rest, [v for f in add for v in factor_symbols(f)])
    removed = [Obligation((*context, *add), f) for f in old]
    added = [Obligation((*context, *old), f) for f in add]
    descend(proof, place.term.variables)
    supports = proof.supports(rest)
    splits = [*proof.needed(removed, supports, add), *proof.needed(added, supports, old)]
    for split in dict.fromkeys(splits):
        proof.add(split)
    names = []
    # a bracket that occurs twice may be gone when it is rewritten a second time
    again = {f: "?" if [*old, *add].count(f) > 1 else "" for f in (*old, *add)}
    for f, obligation in zip(add, added, strict=True):
        name, arguments, decide, outside, _ = proof.bracket(f)
        names.append(name)
        proof.add(f"destruct ({decide}) as [{name} | {name}].")
        proof.add(f"2: {{ rewrite ({outside} _ {arguments} {name}).")
        for g in old:
            other, theirs, decide, outside, _ = proof.bracket(g)
            proof.add(f"destruct ({decide}) as [{other} | {other}];")
            proof.add(f"[| rewrite {again[g]}({outside} _ {theirs} {other}); void].")
        proof.add(f"exfalso; apply {name}.")
        for tactic in proof.solve(obligation):
            proof.add(tactic)
        proof.add("}")
    for f, name in zip(add, names, strict=True):
        _, arguments, _, _, holds = proof.bracket(f)
        proof.add(f"rewrite {again[f]}({holds} _ {arguments} {name}).")
    for f, obligation in zip(old, removed, strict=True):
        name, arguments, _, _, holds = proof.bracket(f)
        proof.add(f"assert ({name} : {proof.plain.condition(f)}).")
        proof.add(f"{{ {' '.join(proof.solve(obligation))} }}")
        proof.add(f"rewrite {again[f]}({holds} _ {arguments} {name}).")
    proof.add("ring.")


def count(proof: LemmaProof, place: Place, dst: Sequence[Term], factor: int) -> None:
    """Count the points of a range."""
    t, plain, over = place.term, proof.plain, place.factor(factor)
    assert isinstance(over, Range) and isinstance(over.value, Symbol)
    rest, size, last = place.others(factor), over.size, over.value
    outer = tuple(u for u in t.variables if u != last)
    permute(proof, t, Term(t.coefficient, (*outer, last), t.factors))
    needed = Obligation(place.context(rest, symbols_of(size)), AtLeast(size))
    descend(proof, outer)
    v, n = plain.variable(last), plain.argument(size)
    around = plain.product(rest, t.coefficient)
    proof.add(f"transitivity (({around}) [*] (sum[bound] {v}, box {v} {n})).")
    proof.add(f"{{ symmetry. apply total_scale; intro {v}. ring. }}")
    for one in dict.fromkeys(proof.needed([needed], proof.supports(rest), ())):
        proof.add(one)
    fact = proof.label("fact")
    proof.add(f"assert ({fact} : 0 <= {plain.index(size)}).")
    proof.add(f"{{ {' '.join(proof.solve(needed))} }}")
    proof.premises[plain.index(size)] = None
    reached = "ltac:(unfold enough in *; lia)"
    proof.add(f"rewrite (total_count _ bound {n} {fact} {reached}).")
    c, product = t.coefficient, dst[0].coefficient
    if 1 not in (c, product):
        split = " ".join(map(plain.argument, (product, c, size)))
        proof.add(f"rewrite (const_mul _ {split} ltac:(ring)).")
    proof.add(f"{'rewrite ?const_one; ' if size == 1 else ''}ring.")


def invert(
    proof: LemmaProof,
    place: Place,
    dst: Sequence[Term],
    factor: int,
    inverse: int,
    divisor: Tensor,
) -> None:
    """Cancel an entry and its reciprocal, by the hypothesis about its tensor."""
    t, plain, entry = place.term, proof.plain, place.factor(factor)
    assert isinstance(entry, Access)
    rest = place.others(factor, inverse)
    sides = [Range(e, n) for e, n in zip(entry.index, divisor.shape, strict=True) if n is not None]
    needed = [Obligation(place.context(rest), side) for side in sides]
    descend(proof, t.variables)
    around = plain.product(rest, t.coefficient)
    pair = f"{plain.factor(entry)} [*] {plain.factor(place.factor(inverse))}"
    proof.add(f"transitivity (({around}) [*] ({pair})); [ring |].")
    for one in dict.fromkeys(proof.needed(needed, proof.supports(rest), ())):
        proof.add(one)
    facts = []
    for side, obligation in zip(sides, needed, strict=True):
        facts.append(proof.label("fact"))
        proof.add(f"assert ({facts[-1]} : {plain.condition(side)}).")
        proof.add(f"{{ {' '.join(proof.solve(obligation))} }}")
    name = proof.names.tensors[divisor.name]
    proof.premises[f"{name}_from"] = None
    at = " ".join(map(plain.argument, entry.index))
    known = f"{name}_unit bound ltac:(unfold enough in *; lia) {at} {' '.join(facts)}"
    proof.add(f"rewrite ({known}). ring.")


def split(proof: LemmaProof, place: Place, dst: Sequence[Term], factor: int, first: Expr) -> None:
    """Split a range in two."""
    t, plain, whole = place.term, proof.plain, place.factor(factor)
    assert isinstance(whole, Range)
    low, high = Range(whole.value, first), Range(whole.value - first, whole.size - first)
    rest = place.others(factor)
    context = place.context(rest, symbols_of(first))
    needed = [Obligation(context, AtLeast(part.size)) for part in (low, high)]
    descend(proof, t.variables, len(dst))
    around = plain.product(rest, t.coefficient)
    parts = f"{plain.factor(low)} [+] {plain.factor(high)}"
    proof.add(f"transitivity (({around}) [*] ({plain.factor(whole)})); [ring |].")
    proof.add(f"transitivity (({around}) [*] ({parts})); [| ring].")
    for split in dict.fromkeys(proof.needed(needed, proof.supports(rest), ())):
        proof.add(split)
    names = []
    for part, obligation in zip((low, high), needed, strict=True):
        names.append(proof.label("fact"))
        proof.add(f"assert ({names[-1]} : 0 <= {plain.index(part.size)}).")
        proof.add(f"{{ {' '.join(proof.solve(obligation))} }}")
    arguments = " ".join(plain.argument(e) for f in (whole, low, high) for e in (f.value, f.size))
    proof.add("apply f_equal2; [reflexivity |].")
    proof.add(f"apply (box_split _ {arguments}); first [ring | lia].")
