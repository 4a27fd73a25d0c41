"""The tactic of each rule, in one table, and the tactics that reorder or collect."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sympy import Symbol

from rot180.codegen.rocq.citations import compose, lemma
from rot180.codegen.rocq.derivative_tactics import (
    chain,
    definition,
    entry,
    leibniz,
    linearity,
    relate,
)
from rot180.codegen.rocq.lemma_proof import LemmaProof, descend, inside
from rot180.codegen.rocq.sum_tactics import (
    bracket,
    count,
    euclid,
    exchange,
    invert,
    reindex,
    sift,
    split,
)
from rot180.codegen.rocq.tables import exhaust
from rot180.derive.kernel.place import Place
from rot180.derive.language.polynomial import normal
from rot180.derive.language.terms import (
    Equal,
    Factor,
    Term,
)


def _reorder(
    proof: LemmaProof, place: Place, dst: Sequence[Term], factors: tuple[Factor, ...]
) -> None:
    """Change the order of the factors."""
    descend(proof, place.term.variables)
    for f in factors:
        if isinstance(f, Equal) and f not in place.term.factors:
            new, old = proof.plain.argument(f.value), proof.plain.argument(normal(-f.value))
            proof.add(f"rewrite (point_opp _ {old} {new} ltac:(ring)).")
    proof.add("ring.")


def _collect(proof: LemmaProof, place: Place, dst: Sequence[Term]) -> None:
    """Add like terms, one group after the other."""
    groups: dict[tuple[tuple[Symbol, ...], tuple[Factor, ...]], list[Term]] = {}
    for t in place.expression:
        groups.setdefault((t.variables, t.factors), []).append(t)
    sums = [proof.plain.expression(terms) for terms in groups.values()]
    proof.add(f"transitivity ({' [+] '.join(f'({s})' for s in sums)}); [ring |].")
    for terms, added in zip(groups.values(), sums, strict=True):
        _add(proof, terms, added)
    proof.add("ring.")


def _add(proof: LemmaProof, terms: Sequence[Term], added: str) -> None:
    """Rewrite the sum of one group of like terms."""
    t, plain = terms[0], proof.plain
    c = normal(sum(u.coefficient for u in terms))
    never = [f for f in t.factors if isinstance(f, Equal) and f.value.is_number and f.value != 0]
    if len(terms) == 1 and c != 0 and not never:
        return
    product = plain.product(t.factors)
    once = plain.sums(t.variables, f"const {plain.argument(c)} [*] ({product})")
    proof.add(f"assert (E : ({added}) = ({once})).")
    proof.add("{ symmetry.")
    descend(proof, t.variables, len(terms))
    left = c
    for u in terms[:-1]:
        rest = normal(left - u.coefficient)
        split = " ".join(map(plain.argument, (left, u.coefficient, rest)))
        proof.add(f"rewrite (const_add _ {split} ltac:(ring)).")
        left = rest
    proof.add("rewrite ?const_one; ring. }")
    proof.add("rewrite E; clear E.")
    if c == 0 or never:
        proof.add(f"assert (E : ({once}) = zero).")
        off = (
            f"(point_off _ {plain.argument(never[0].value)} ltac:(lia))" if never else "const_zero"
        )
        proof.add(f"{{ {inside(proof, t.variables)}rewrite {off}; void. }}")
        proof.add("rewrite E; clear E.")
    elif c == 1:
        proof.add(f"assert (E : ({once}) = ({plain.sums(t.variables, product)})).")
        proof.add("{")
        descend(proof, t.variables)
        proof.add("rewrite const_one; ring. }")
        proof.add("rewrite E; clear E.")


def _arrange(proof: LemmaProof, place: Place, dst: Sequence[Term], **_: object) -> None:
    """Compare whole expressions, which differ in the order of terms."""
    proof.add("ring.")


TACTICS: Mapping[str, Callable[..., None]] = {
    "definition": definition,
    "linearity": linearity,
    "leibniz": leibniz,
    "entry": entry,
    "chain": chain,
    "relate": relate,
    "sift": sift,
    "exchange": exchange,
    "reindex": reindex,
    "bracket": bracket,
    "euclid": euclid,
    "split": split,
    "count": count,
    "invert": invert,
    "reorder": _reorder,
    "collect": _collect,
    "arrange": _arrange,
    "lemma": lemma,
    "compose": compose,
    "exhaust": exhaust,
}
"""Each rule's tactic; it takes the lemma's proof, the place, the new terms, the arguments."""

WHOLE = ("collect", "arrange")
"""The rules that apply to all terms of a line."""
