"""Tactics for the rules that cite a theorem; the cited theorem is a module of the script."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sympy import Expr, Integer, Symbol

from rot180.codegen.rocq.identifiers import ScriptError
from rot180.codegen.rocq.index_bounds import IndexBounds
from rot180.codegen.rocq.lemma_proof import (
    CitedModule,
    LemmaProof,
    Support,
    descend,
    permute,
    pull,
    typed,
)
from rot180.codegen.rocq.printer import Printer, boxes_of
from rot180.codegen.rocq.supports_of_both import supports_of_both
from rot180.derive.kernel.citing import instantiate
from rot180.derive.kernel.obligations import Nonzero, Obligation
from rot180.derive.kernel.place import Place
from rot180.derive.kernel.proof import Proof
from rot180.derive.language.polynomial import normal, symbols_of
from rot180.derive.language.substitute import apart, substitute, substitute_condition
from rot180.derive.language.terms import (
    Access,
    Derivative,
    Factor,
    Tensor,
    Term,
    factor_symbols,
    tensors,
)


@dataclass(frozen=True)
class _Unfolded(Printer):
    """A printer that unfolds every defined tensor but one.

    Attributes:
        kept: the tensor that is not unfolded.
        entry: writes an entry of it.
        avoid: variables that no unfolded sum may bind.

    """

    kept: Tensor | None = None
    entry: Callable[[Printer, Access], str] | None = None
    avoid: frozenset[Symbol] = frozenset()

    def factor(self, f: Factor) -> str:
        """Write a factor."""
        if isinstance(f, Access) and f.tensor == self.kept and self.entry:
            return self.entry(Printer(self.names, self.wrt[:-1]), f)
        if isinstance(f, Access) and f.tensor.definition is not None:
            index = dict(zip(f.tensor.definition.formals, f.index, strict=True))
            bodies = [substitute(apart(b, self.avoid), index) for b in f.tensor.definition.body]
            found = frozenset().union(*(b.symbols for b in bodies))
            inner = _Unfolded(
                self.names.with_variables(found), self.wrt, self.kept, self.entry, self.avoid
            )
            return f"({inner.boxed(boxes_of(f.tensor, f.index), bodies)})"
        return super().factor(f)


def lemma(
    proof: LemmaProof,
    place: Place,
    dst: Sequence[Term],
    theorem: Proof,
    symbols: tuple[tuple[Symbol, Expr], ...],
    tensors: tuple[tuple[str, Tensor], ...],
    bound: tuple[Symbol, ...],
    factors: tuple[int, ...],
) -> None:
    """Prove a step that rewrites by a theorem, with the other factors outside its sums."""
    t, plain, cited = place.term, proof.plain, proof.cited[theorem]
    by = {v: normal(e) for v, e in symbols}
    left, right = (instantiate(e, by, tensors) for e in (cited.theorem.lhs, cited.theorem.rhs))
    kept = tuple(v for v in t.variables if v not in bound)
    rest = place.others(*factors)
    quotient = normal(t.coefficient / left[0].coefficient)
    used = Term(left[0].coefficient, bound, tuple(place.factor(n) for n in factors))
    sides = [
        Term(r.coefficient, u.variables[len(kept) :], u.factors[len(rest) :])
        for r, u in zip(right, dst, strict=True)
    ]
    permute(proof, t, Term(t.coefficient, (*kept, *bound), t.factors))
    descend(proof, kept, len(dst))
    around = typed(proof, plain.product(rest, quotient), rest)
    proof.add(f"transitivity ({around} [*] ({plain.term(used)})).")
    proof.add("{ symmetry.")
    pull(proof, Term(quotient, (), rest), rest, (used,))
    proof.add("}")
    proof.add(f"transitivity ({around} [*] ({plain.expression(sides)})).")
    proof.add("{")
    wanted = _wanted(cited, by, place, rest)
    supports = proof.supports(rest)
    splits = proof.needed(wanted, supports, ())
    try:
        _bring_near(proof, cited, by, kept, supports, splits)
    except ScriptError:
        both = supports_of_both(proof, used, sides)
        _bring_near(proof, cited, by, kept, [*supports, *both], splits)
    proof.add("apply f_equal2; [reflexivity |].")
    _apply(proof, cited, by, dict(tensors), wanted, [*used.factors, *_factors(sides)])
    proof.add("}")
    pull(proof, Term(quotient, (), rest), rest, sides)


def compose(
    proof: LemmaProof,
    place: Place,
    dst: Sequence[Term],
    factor: int,
    theorem: Proof,
    symbols: tuple[tuple[Symbol, Expr], ...],
    tensors: tuple[tuple[str, Tensor], ...],
    inner: Tensor,
) -> None:
    """Prove a step by the chain rule; the theorem gives the derivative of the outer function."""
    t, plain, cited = place.term, proof.plain, proof.cited[theorem]
    pending, by = place.factor(factor), {v: normal(e) for v, e in symbols}
    assert isinstance(pending, Derivative)
    if inner.definition is None:
        raise ScriptError(f"{inner.name} has no definition, the chain rule needs one")
    (known,) = cited.theorem.lhs[0].factors
    assert isinstance(known, Derivative)
    swap = {**dict(tensors), known.wrt.tensor.name: inner}
    right = instantiate(cited.theorem.rhs, by, tuple(swap.items()))
    index = tuple(v for e in known.wrt.index if isinstance(v := e.xreplace(by), Symbol))
    moved = Derivative((Access(inner, index),), pending.wrt)
    rest, first = place.others(factor), len(t.variables) + len(index)
    last = len(t.factors) - factor
    sides = [
        Term(r.coefficient, u.variables[first:], u.factors[factor : len(u.factors) - last])
        for r, u in zip(right, dst, strict=True)
    ]
    bodies = [Term(s.coefficient, (*index, *s.variables), (*s.factors, moved)) for s in sides]
    slope = plain.factor(moved)
    descend(proof, t.variables, len(dst))
    proof.add(f"assert (E : {plain.factor(pending)} = {plain.expression(bodies)}).")
    proof.add("{")
    _chain_rule(proof, pending, inner, index, place.taken.union(index))
    descend(proof, index, len(bodies))
    proof.add(f"transitivity (({plain.expression(sides)}) [*] ({slope})).")
    proof.add("{")
    boxes = boxes_of(inner, index)
    inside = [Support(b, proof.label("in")) for b in boxes]
    for b, s in zip(boxes, inside, strict=True):
        off = f"rewrite (off {' '.join(map(plain.argument, index))} ltac:(lia)); void"
        proof.add(f"destruct ({proof.bracket(b)[2]}) as [{s.name} | {s.name}]; [| {off}].")
    wanted = _wanted(cited, by, place, (*rest, moved), index)
    supports = [*inside, *proof.supports(rest)]
    splits = proof.needed(wanted, supports, ())
    _bring_near(proof, cited, by, (*t.variables, *index), supports, splits)
    proof.add("apply f_equal2; [| reflexivity].")
    _apply(proof, cited, by, swap, wanted, [pending, *_factors(sides)])
    proof.add("}")
    pull(proof, Term(Integer(1), (), (moved,)), (moved,), sides)
    proof.add("}")
    proof.add("rewrite E; clear E.")
    pull(proof, t, rest, bodies)


def _factors(terms: Sequence[Term]) -> list[Factor]:
    return [f for t in terms for f in t.factors]


def _chain_rule(
    proof: LemmaProof,
    pending: Derivative,
    inner: Tensor,
    index: tuple[Symbol, ...],
    avoid: frozenset[Symbol],
) -> None:
    """Turn ``dT'/dz`` into the sum over i of ``dT/dx[i]`` times ``da[i]/dz``, at x = a."""
    plain, ring = proof.plain, proof.plain.ring
    dual = plain.under(pending.wrt)
    (outer,) = pending.factors
    names = " ".join(map(plain.variable, index))
    head, value = dual.tensor(inner), proof.value_lemma(inner, pending.wrt.tensor)
    slope = plain.factor(Derivative((Access(inner, index),), pending.wrt))
    entries = [f"e{n + 1}" for n in range(len(index))]
    family, at, parts = _family(ring, entries)

    def moving(inside: Printer, a: Access) -> str:
        return " ".join([head, *map(inside.argument, a.index)])

    def one_of_family(inside: Printer, a: Access) -> str:
        _, at, _ = _family(ring, list(map(inside.argument, a.index)))
        return f"(({inside.factor(a)}, delta {ring} {family} {at} z9) : dual {ring})"

    def one_moving(inside: Printer, a: Access) -> str:
        pairs = zip(map(inside.argument, a.index), map(plain.variable, index), strict=True)
        deltas = " [*] ".join(f"point ({e} - {i})" for e, i in pairs) or "one"
        return f"(({inside.factor(a)}, {deltas}) : dual {ring})"

    whole = _Unfolded(proof.names, dual.wrt, inner, moving, avoid).factor(outer)
    member = _Unfolded(proof.names, dual.wrt, inner, one_of_family, avoid).factor(outer)
    single = _Unfolded(proof.names, dual.wrt, inner, one_moving, avoid).factor(outer)
    opened = "z1" if index else "z9"
    for n in range(1, len(index)):
        opened = f"[{opened} z{n + 1}]"
    lambda_, given = (f"fun {names} => ", " ".join(parts)) if index else ("", "")
    if index:
        _slope_is_zero_outside(proof, inner, index, slope)
    proof.add(f"assert (chained : follows {family} (fun z9 => ({lambda_}{slope}) {given})")
    proof.add(f"  ({whole})")
    proof.add(f"  (fun z9 => {member})).")
    pattern = " ".join([head, *(f"?{e}" for e in entries)])
    proof.add(f"{{ cbv beta. follow; (match goal with |- follows _ _ ({pattern}) _ =>")
    proof.add(f"    apply (follows_entry {ring} {family} _ _ _ {at}) end;")
    proof.add(f"    [apply {value} | cbn [fst snd]; reflexivity | intros {opened} out]).")
    end = "cbn in out; cbn [fst snd]; apply off; unfold enough in *; lia"
    proof.add(f"  all: {end if index else 'contradiction'}. }}")
    proof.add(f"transitivity (slope ({whole})).")
    proof.add(f"{{ apply f_equal. {_unfolding(proof, [outer], ())} congruent. }}")
    sums = plain.sums(index, f"slope ({single}) [*] {slope}")
    proof.add(f"transitivity ({sums}).")
    proof.add("{ destruct chained as [_ ->]. cbn [gather delta both along alone fst snd].")
    proof.add("  reflexivity. }")
    proof.add("clear chained.")


def _slope_is_zero_outside(
    proof: LemmaProof, inner: Tensor, index: tuple[Symbol, ...], slope: str
) -> None:
    """Prove that the derivative of a defined tensor's entry is zero outside the tensor's box."""
    plain, boxes = proof.plain, boxes_of(inner, index)
    for b in boxes:
        proof.premises[f"Z.abs {plain.argument(b.size)}"] = None
    names = " ".join(map(plain.variable, index))
    box = " /\\ ".join(map(plain.condition, boxes))
    proof.add(f"assert (off : forall {names}, ~ ({box}) -> {slope} = zero).")
    proof.add(f"{{ intros {names} out. unfold {proof.names.tensors[inner.name]}.")
    proof.add("  rewrite ?slope_bracket.")
    for b in boxes:
        _, arguments, decide, outside, _ = proof.bracket(b)
        proof.add(f"  destruct ({decide}) as [? | far];")
        proof.add(f"  [| rewrite ({outside} _ {arguments} far); void].")
    proof.add("  exfalso; apply out; repeat split; lia. }")


def _family(ring: str, entries: Sequence[str]) -> tuple[str, str, list[str]]:
    """Return the family of a tensor's entries, one index, and the components of an index z9."""
    if not entries:
        return f"(@alone {ring})", "tt", []
    family, at, parts = f"(@along {ring} bound)", entries[0], ["z9"]
    for e in entries[1:]:
        family, at = f"(both {family} (@along {ring} bound))", f"({at}, {e})"
        parts = [*(p.replace("z9", "(fst z9)") for p in parts), "(snd z9)"]
    return family, at, parts


def _wanted(
    cited: CitedModule,
    by: dict[Symbol, Expr],
    place: Place,
    rest: Sequence[Factor],
    index: Sequence[Symbol] = (),
) -> list[Obligation]:
    """Return the conditions of the theorem as obligations at this place."""
    wanted = [substitute_condition(c, by) for c in cited.theorem.conditions]
    context = place.context(rest, [*index, *(v for c in wanted for v in factor_symbols(c))])
    return [Obligation(context, c) for c in wanted]


def _arguments(
    proof: LemmaProof, cited: CitedModule, by: dict[Symbol, Expr]
) -> tuple[list[str], list[str]]:
    """Return the arguments for the theorem's parameters and for its free variables."""
    plain = proof.plain
    try:
        return (
            [plain.argument(by.get(v, v)) for v in cited.parameters],
            [plain.argument(by.get(v, v)) for v, _ in cited.theorem.variables],
        )
    except KeyError as error:
        raise ScriptError(
            f"{error} occurs in the cited theorem {cited.theorem.name} only"
        ) from error


def _bring_near(
    proof: LemmaProof,
    cited: CitedModule,
    by: dict[Symbol, Expr],
    bound: Sequence[Symbol],
    supports: Sequence[Support],
    splits: Sequence[str],
) -> None:
    """Prove that the bound of the sums is large enough for the theorem, at all bound variables.

    Args:
        proof: the proof of the lemma.
        cited: the theorem.
        by: the expressions that replace its symbols.
        bound: the variables that are bound here.
        supports: conditions that hold here, or where the product is nonzero.
        splits: tactics that leave the case where the product is nonzero.

    """
    parameters, variables = _arguments(proof, cited, by)
    least = " ".join([f"{cited.module}.far", *parameters, *variables])
    used = {u for v in cited.variables for u in symbols_of(by.get(v, v))}
    bound = (*proof.outer, *bound)
    search = IndexBounds(proof, frozenset(bound), supports)
    text, steps = least, list[str]()
    for v in reversed([v for v in bound if v in used]):
        reached, fact = search.of(v)
        name = proof.plain.variable(v)
        found = f"({reached}) (fun {name} => {text})"
        steps.append(f"eapply Z.le_trans; [apply (farthest_le {found} {name} {fact}) |].")
        text = f"farthest {found}"
    proof.premises[text] = None
    more = (s.split for s in search.used if s.split)
    for tactic in (*dict.fromkeys((*splits, *more)), *search.tactics):
        proof.add(tactic)
    proof.add(f"assert (close : enough ({least}) bound).")
    proof.add(f"{{ unfold enough in *. {' '.join(steps)} assumption. }}")


def _apply(
    proof: LemmaProof,
    cited: CitedModule,
    by: dict[Symbol, Expr],
    swap: dict[str, Tensor],
    wanted: Sequence[Obligation],
    factors: Sequence[Factor],
) -> None:
    """Prove an equation that is the theorem's, with its tensors replaced."""
    plain = proof.plain
    parameters, variables = _arguments(proof, cited, by)
    operands = [swap.get(u.name, u) for u in cited.operands]
    if proof.wrt and cited.relations:
        raise ScriptError("a theorem that assumes a relation is cited inside a derivative")
    parts = [*parameters, plain.ring]
    parts += [plain.function(f, n) for f, n in cited.functions]
    parts += [plain.relation(f, n)[0] for f, n in cited.relations]
    parts += [f"({plain.tensor(u)})" for u in operands]
    parts += [f"({proof.outside(u)})" for u in operands if u.shape]
    for o in wanted:
        assert not isinstance(o.goal, Nonzero)
        proof.add(f"assert ({proof.label('fact')} : {plain.condition(o.goal)}).")
        proof.add(f"{{ {' '.join(proof.solve(o))} }}")
    facts = ["ltac:(lia)"] * len(wanted)
    hypotheses = len(cited.theorem.hypotheses)
    parts += [*facts[:hypotheses], *variables, *facts[hypotheses:]]
    proof.add(f"pose proof ({cited.module}.whole {' '.join(parts)} bound close) as told.")
    proof.add("refine (eq_trans _ (eq_trans told _)).")
    proof.add(f"all: {_unfolding(proof, factors, cited.definitions)} congruent; still.")


def _unfolding(proof: LemmaProof, factors: Sequence[Factor], more: Sequence[str]) -> str:
    """Return the tactic that unfolds the defined tensors of some factors."""
    names: dict[str, None] = {}
    for u in tensors((Term(Integer(1), (), tuple(factors)),)):
        if u.definition is not None:
            names[proof.names.tensors[u.name]] = None
    names.update(dict.fromkeys((*proof.perturbed, *more)))
    return f"cbv beta delta [{' '.join(names)}];" if names else ""
