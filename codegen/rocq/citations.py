"""Tactics for the rules that cite a theorem, which stands before as a module of the script."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sympy import Expr, Integer, Symbol

from rot180.codegen.rocq.case import Case, Cited, Support, descend, permute, pull
from rot180.codegen.rocq.names import ScriptError
from rot180.codegen.rocq.printer import Printer, boxes_of
from rot180.codegen.rocq.reach import Reach
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
    """Texts in which every defined tensor but one is unfolded.

    Attributes:
        kept: the tensor that is not unfolded.
        entry: how its entries are written.
        avoid: names that no unfolded sum may bind.

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
    case: Case,
    place: Place,
    dst: Sequence[Term],
    theorem: Proof,
    symbols: tuple[tuple[Symbol, Expr], ...],
    tensors: tuple[tuple[str, Tensor], ...],
    bound: tuple[Symbol, ...],
    factors: tuple[int, ...],
) -> None:
    """Show a step that uses an equation: its sums go inside, and what stands around outside."""
    t, plain, cited = place.term, case.plain, case.cited[theorem]
    by = {v: normal(e) for v, e in symbols}
    left, right = (instantiate(e, by, tensors) for e in (cited.theorem.lhs, cited.theorem.rhs))
    kept = tuple(v for v in t.variables if v not in bound)
    rest = place.around(*factors)
    quotient = normal(t.coefficient / left[0].coefficient)
    used = Term(left[0].coefficient, bound, tuple(place.factor(n) for n in factors))
    sides = [
        Term(r.coefficient, u.variables[len(kept) :], u.factors[len(rest) :])
        for r, u in zip(right, dst, strict=True)
    ]
    permute(case, t, Term(t.coefficient, (*kept, *bound), t.factors))
    descend(case, kept, len(dst))
    around = plain.product(rest, quotient)
    case.say(f"transitivity (({around}) [*] ({plain.term(used)})).")
    case.say("{ symmetry.")
    pull(case, Term(quotient, (), rest), rest, (used,))
    case.say("}")
    case.say(f"transitivity (({around}) [*] ({plain.expression(sides)})).")
    case.say("{")
    wanted = _wanted(cited, by, place, rest)
    supports = case.supports(rest)
    _bring_near(case, cited, by, kept, supports, case.needed(wanted, supports, ()))
    case.say("apply f_equal2; [reflexivity |].")
    _apply(case, cited, by, dict(tensors), wanted, [*used.factors, *_factors(sides)])
    case.say("}")
    pull(case, Term(quotient, (), rest), rest, sides)


def compose(
    case: Case,
    place: Place,
    dst: Sequence[Term],
    factor: int,
    theorem: Proof,
    symbols: tuple[tuple[Symbol, Expr], ...],
    tensors: tuple[tuple[str, Tensor], ...],
    inner: Tensor,
) -> None:
    """Show a step by the chain rule: the outer derivative moves one entry, the theorem knows it."""
    t, plain, cited = place.term, case.plain, case.cited[theorem]
    pending, by = place.factor(factor), {v: normal(e) for v, e in symbols}
    assert isinstance(pending, Derivative)
    if inner.definition is None:
        raise ScriptError(f"{inner.name} is no defined tensor")
    (known,) = cited.theorem.lhs[0].factors
    assert isinstance(known, Derivative)
    swap = {**dict(tensors), known.wrt.tensor.name: inner}
    right = instantiate(cited.theorem.rhs, by, tuple(swap.items()))
    index = tuple(v for e in known.wrt.index if isinstance(v := e.xreplace(by), Symbol))
    moved = Derivative((Access(inner, index),), pending.wrt)
    rest, first = place.around(factor), len(t.variables) + len(index)
    last = len(t.factors) - factor
    sides = [
        Term(r.coefficient, u.variables[first:], u.factors[factor : len(u.factors) - last])
        for r, u in zip(right, dst, strict=True)
    ]
    bodies = [Term(s.coefficient, (*index, *s.variables), (*s.factors, moved)) for s in sides]
    slope = plain.factor(moved)
    descend(case, t.variables, len(dst))
    case.say(f"assert (E : {plain.factor(pending)} = {plain.expression(bodies)}).")
    case.say("{")
    _chain_rule(case, pending, inner, index, place.taken.union(index))
    descend(case, index, len(bodies))
    case.say(f"transitivity (({plain.expression(sides)}) [*] ({slope})).")
    case.say("{")
    boxes = boxes_of(inner, index)
    inside = [Support(b, case.label("in"), "") for b in boxes]
    for b, s in zip(boxes, inside, strict=True):
        off = f"rewrite (off {' '.join(map(plain.argument, index))} ltac:(lia)); void"
        case.say(f"destruct ({case.bracket(b)[2]}) as [{s.name} | {s.name}]; [| {off}].")
    wanted = _wanted(cited, by, place, (*rest, moved), index)
    supports = [*inside, *case.supports(rest)]
    splits = case.needed(wanted, supports, ())
    _bring_near(case, cited, by, (*t.variables, *index), supports, splits)
    case.say("apply f_equal2; [| reflexivity].")
    _apply(case, cited, by, swap, wanted, [pending, *_factors(sides)])
    case.say("}")
    pull(case, Term(Integer(1), (), (moved,)), (moved,), sides)
    case.say("}")
    case.say("rewrite E; clear E.")
    pull(case, t, rest, bodies)


def _factors(terms: Sequence[Term]) -> list[Factor]:
    return [f for t in terms for f in t.factors]


def _chain_rule(
    case: Case,
    pending: Derivative,
    inner: Tensor,
    index: tuple[Symbol, ...],
    avoid: frozenset[Symbol],
) -> None:
    """Turn ``dT'/dz`` into the sum over i of ``dT/dx[i]`` times ``da[i]/dz``, at x = a."""
    plain, ring = case.plain, case.plain.ring
    dual = plain.under(pending.wrt)
    (outer,) = pending.factors
    names = " ".join(map(plain.variable, index))
    head, value = dual.tensor(inner), case.value(inner, pending.wrt.tensor)
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

    whole = _Unfolded(case.names, dual.wrt, inner, moving, avoid).factor(outer)
    member = _Unfolded(case.names, dual.wrt, inner, one_of_family, avoid).factor(outer)
    single = _Unfolded(case.names, dual.wrt, inner, one_moving, avoid).factor(outer)
    opened = "z1" if index else "z9"
    for n in range(1, len(index)):
        opened = f"[{opened} z{n + 1}]"
    lambda_, given = (f"fun {names} => ", " ".join(parts)) if index else ("", "")
    boxes = boxes_of(inner, index)
    for b in boxes:
        case.premises[f"Z.abs {plain.argument(b.size)}"] = None
    box = " /\\ ".join(map(plain.condition, boxes))
    if index:
        case.say(f"assert (off : forall {names}, ~ ({box}) -> {slope} = zero).")
        case.say(f"{{ intros {names} out. unfold {case.names.tensors[inner.name]}.")
        case.say("  rewrite ?slope_bracket.")
        for b in boxes:
            _, arguments, decide, outside, _ = case.bracket(b)
            case.say(f"  destruct ({decide}) as [? | far];")
            case.say(f"  [| rewrite ({outside} _ {arguments} far); void].")
        case.say("  exfalso; apply out; repeat split; lia. }")
    case.say(f"assert (chained : follows {family} (fun z9 => ({lambda_}{slope}) {given})")
    case.say(f"  ({whole})")
    case.say(f"  (fun z9 => {member})).")
    pattern = " ".join([head, *(f"?{e}" for e in entries)])
    case.say(f"{{ cbv beta. follow; (match goal with |- follows _ _ ({pattern}) _ =>")
    case.say(f"    apply (follows_entry {ring} {family} _ _ _ {at}) end;")
    case.say(f"    [apply {value} | cbn [fst snd]; reflexivity | intros {opened} out]).")
    end = "cbn in out; cbn [fst snd]; apply off; unfold enough in *; lia"
    case.say(f"  all: {end if index else 'contradiction'}. }}")
    case.say(f"transitivity (slope ({whole})).")
    case.say(f"{{ apply f_equal. {_unfolding(case, [outer], ())} congruent. }}")
    sums = plain.sums(index, f"slope ({single}) [*] {slope}")
    case.say(f"transitivity ({sums}).")
    case.say("{ destruct chained as [_ ->]. cbn [gather delta both along alone fst snd].")
    case.say("  reflexivity. }")
    case.say("clear chained.")


def _family(ring: str, entries: Sequence[str]) -> tuple[str, str, list[str]]:
    """Return the family of a tensor's entries, the index of one, and the parts of an index z9."""
    if not entries:
        return f"(@alone {ring})", "tt", []
    family, at, parts = f"(@along {ring} bound)", entries[0], ["z9"]
    for e in entries[1:]:
        family, at = f"(both {family} (@along {ring} bound))", f"({at}, {e})"
        parts = [*(p.replace("z9", "(fst z9)") for p in parts), "(snd z9)"]
    return family, at, parts


def _wanted(
    cited: Cited,
    by: dict[Symbol, Expr],
    place: Place,
    rest: Sequence[Factor],
    index: Sequence[Symbol] = (),
) -> list[Obligation]:
    """Return what the theorem supposes, as the rules ask for it."""
    wanted = [substitute_condition(c, by) for c in cited.theorem.conditions]
    context = place.context(rest, [*index, *(v for c in wanted for v in factor_symbols(c))])
    return [Obligation(context, c) for c in wanted]


def _arguments(case: Case, cited: Cited, by: dict[Symbol, Expr]) -> tuple[list[str], list[str]]:
    """Return what stands for the theorem's parameters and for its free variables."""
    plain = case.plain
    try:
        return (
            [plain.argument(by.get(v, v)) for v in cited.parameters],
            [plain.argument(by.get(v, v)) for v, _ in cited.theorem.variables],
        )
    except KeyError as error:
        raise ScriptError(f"{error} stands in {cited.theorem.name} alone") from error


def _bring_near(
    case: Case,
    cited: Cited,
    by: dict[Symbol, Expr],
    bound: Sequence[Symbol],
    supports: Sequence[Support],
    splits: Sequence[str],
) -> None:
    """Show that the bound is large enough for the theorem, whatever the bound variables are.

    Args:
        case: the lemma.
        cited: the theorem.
        by: what its symbols stand for.
        bound: the variables that are bound here.
        supports: what holds here, or where the product is not zero.
        splits: tactics that leave the case where the product is not zero.

    """
    parameters, variables = _arguments(case, cited, by)
    least = " ".join([f"{cited.module}.far", *parameters, *variables])
    used = {u for v in cited.variables for u in symbols_of(by.get(v, v))}
    bound = (*case.outer, *bound)
    search = Reach(case, frozenset(bound), supports)
    text, steps = least, list[str]()
    for v in reversed([v for v in bound if v in used]):
        reached, fact = search.of(v)
        name = case.plain.variable(v)
        found = f"({reached}) (fun {name} => {text})"
        steps.append(f"eapply Z.le_trans; [apply (farthest_le {found} {name} {fact}) |].")
        text = f"farthest {found}"
    case.premises[text] = None
    more = (s.split for s in search.used if s.split)
    for tactic in (*dict.fromkeys((*splits, *more)), *search.tactics):
        case.say(tactic)
    case.say(f"assert (close : enough ({least}) bound).")
    case.say(f"{{ unfold enough in *. {' '.join(steps)} assumption. }}")


def _apply(
    case: Case,
    cited: Cited,
    by: dict[Symbol, Expr],
    swap: dict[str, Tensor],
    wanted: Sequence[Obligation],
    shown: Sequence[Factor],
) -> None:
    """Prove an equation that is the theorem's, its tensors replaced."""
    plain = case.plain
    parameters, variables = _arguments(case, cited, by)
    operands = [swap.get(u.name, u) for u in cited.operands]
    if case.wrt and cited.relations:
        raise ScriptError("a theorem that supposes a relation is cited under a derivative")
    parts = [*parameters, plain.ring]
    parts += [plain.function(f, n) for f, n in cited.functions]
    parts += [plain.relation(f, n)[0] for f, n in cited.relations]
    parts += [f"({plain.tensor(u)})" for u in operands]
    parts += [f"({case.outside(u)})" for u in operands if u.shape]
    for o in wanted:
        assert not isinstance(o.goal, Nonzero)
        case.say(f"assert ({case.label('fact')} : {plain.condition(o.goal)}).")
        case.say(f"{{ {' '.join(case.solve(o))} }}")
    facts = ["ltac:(lia)"] * len(wanted)
    hypotheses = len(cited.theorem.hypotheses)
    parts += [*facts[:hypotheses], *variables, *facts[hypotheses:]]
    case.say(f"pose proof ({cited.module}.whole {' '.join(parts)} bound close) as told.")
    case.say("refine (eq_trans _ (eq_trans told _)).")
    case.say(f"all: {_unfolding(case, shown, cited.definitions)} congruent; still.")


def _unfolding(case: Case, shown: Sequence[Factor], more: Sequence[str]) -> str:
    """Return the tactic that unfolds what some factors are made from."""
    names: dict[str, None] = {}
    for u in tensors((Term(Integer(1), (), tuple(shown)),)):
        if u.definition is not None:
            names[case.names.tensors[u.name]] = None
    names.update(dict.fromkeys((*case.perturbed, *more)))
    return f"cbv beta delta [{' '.join(names)}];" if names else ""
