"""Tactics: how the proof assistant is shown each step, one function for each rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sympy import Expr, Integer, Symbol

from rot180.codegen.rocq.case import Case, descend, inside, permute, pull, typed
from rot180.codegen.rocq.names import ScriptError
from rot180.codegen.rocq.printer import boxes_of
from rot180.codegen.rocq.reach import vanish
from rot180.derive.kernel.obligations import Obligation
from rot180.derive.kernel.place import Place
from rot180.derive.kernel.rules import related_terms
from rot180.derive.language.polynomial import coefficient, normal, symbols_of
from rot180.derive.language.substitute import apart, fresh, substitute, substitute_factor
from rot180.derive.language.terms import (
    Access,
    Apply,
    AtLeast,
    Bracket,
    Derivative,
    Equal,
    Factor,
    Range,
    Tensor,
    Term,
    factor_symbols,
)

# One tactic for each rule. Each proves that a term of the line before is the sum of some terms.


def _bodies(place: Place, access: Access) -> list[Term]:
    """Return the terms of a definition at an index, as the rules unfold it."""
    definition = access.tensor.definition
    assert definition is not None
    index = dict(zip(definition.formals, access.index, strict=True))
    taken = place.taken | set(definition.formals)
    return [substitute(apart(b, taken), index) for b in definition.body]


def _definition(case: Case, place: Place, dst: Sequence[Term], factor: int) -> None:
    access = place.factor(factor)
    assert isinstance(access, Access)
    bodies, boxes = _bodies(place, access), boxes_of(access.tensor, access.index)
    descend(case, place.term.variables, len(dst))
    unfolded = case.plain.boxed(boxes, bodies)
    name = case.names.tensors[access.tensor.name]
    case.say(f"assert (E : {case.plain.factor(access)} = {unfolded}).")
    case.say(f"{{ unfold {name}. congruent. }}")
    # a function of the same entry stays as it is
    same = [f for f in place.around(factor) if isinstance(f, Apply) and f.argument == access]
    for n, f in enumerate(dict.fromkeys(same)):
        case.say(f"set (aside_{n} := {case.plain.factor(f)}).")
    case.say("rewrite E; clear E.")
    for n, _ in enumerate(dict.fromkeys(same)):
        case.say(f"subst aside_{n}.")
    pull(case, place.term, (*place.around(factor), *boxes), bodies)


def _linearity(case: Case, place: Place, dst: Sequence[Term], factor: int) -> None:
    pending = place.factor(factor)
    assert isinstance(pending, Derivative)
    access, wrt = pending.factors[0], pending.wrt
    assert isinstance(access, Access)
    bodies, boxes = _bodies(place, access), boxes_of(access.tensor, access.index)
    slopes = [Term(b.coefficient, b.variables, (Derivative(b.factors, wrt),)) for b in bodies]
    dual = case.plain.under(wrt)
    name = case.names.tensors[access.tensor.name]
    descend(case, place.term.variables, len(dst))
    case.say(f"assert (E : {case.plain.factor(pending)} = {case.plain.boxed(boxes, slopes)}).")
    case.say(f"{{ transitivity (slope ({dual.boxed(boxes, bodies)})).")
    case.say(f"  {{ apply f_equal. unfold {name}. congruent. }}")
    case.say("  rewrite ?slope_bracket.")
    nested = "repeat (apply slope_total; intro); reflexivity || apply slope_const"
    case.say(f"  {'rewrite ?slope_add. ' if len(bodies) > 1 else ''}congruent; {nested}. }}")
    case.say("rewrite E; clear E.")
    pull(case, place.term, (*place.around(factor), *boxes), slopes)


def _leibniz(case: Case, place: Place, dst: Sequence[Term], factor: int) -> None:
    pending = place.factor(factor)
    assert isinstance(pending, Derivative)
    dual = case.plain.under(pending.wrt)
    descend(case, place.term.variables, len(dst))
    case.say("rewrite ?slope_mul, ?value_mul, ?slope_box, ?value_box, ?slope_point, ?value_point.")
    for f in pending.factors:
        if isinstance(f, Access) and f.tensor.definition is not None:
            case.say(f"rewrite ?{case.value(f.tensor, pending.wrt.tensor)}.")
        elif isinstance(f, Apply) and f.argument.tensor.definition is not None:
            known = _value(case, f.argument, pending.wrt.tensor)
            case.say(f"rewrite ?(value_lifted _ _ _ _ _ {known}).")
        elif isinstance(f, Access | Apply):
            case.say(f"change (value ({dual.factor(f)})) with ({case.plain.factor(f)}).")
    case.say("ring.")


def _entry(case: Case, place: Place, dst: Sequence[Term], factor: int) -> None:
    pending = place.factor(factor)
    assert isinstance(pending, Derivative)
    access, wrt = pending.factors[0], pending.wrt
    assert isinstance(access, Access)
    slope = case.plain.factor(pending)
    descend(case, place.term.variables, len(dst))
    if not dst:
        case.say(f"change ({slope}) with (@zero {case.plain.ring}). void.")
        return
    deltas = [Equal(a - b) for a, b in zip(access.index, wrt.index, strict=True)]
    moved = f"moved_{case.names.tensors[wrt.tensor.name]}"
    case.say(f"assert (E : {slope} = {case.plain.product(deltas)}).")
    case.say(f"{{ unfold {moved}, slope; cbn [snd]. congruent. }}")
    case.say("rewrite E; ring.")


def _chain(case: Case, place: Place, dst: Sequence[Term], factor: int) -> None:
    pending = place.factor(factor)
    assert isinstance(pending, Derivative)
    applied = pending.factors[0]
    assert isinstance(applied, Apply)
    outer = Apply(applied.function, applied.order + 1, applied.argument)
    inner = Derivative((applied.argument,), pending.wrt)
    descend(case, place.term.variables, len(dst))
    slope, product = case.plain.factor(pending), case.plain.product((outer, inner))
    shown = "reflexivity"
    if applied.argument.tensor.definition is not None:
        shown = f"(apply slope_lifted; exact {_value(case, applied.argument, pending.wrt.tensor)})"
    case.say(f"assert (E : {slope} = {product}) by {shown}.")
    case.say("rewrite E; ring.")


def _value(case: Case, access: Access, by: Tensor) -> str:
    """Name the fact that the value of a defined tensor over the dual numbers is its own."""
    index = " ".join(map(case.plain.argument, access.index))
    return f"({case.value(access.tensor, by)} bound {index})"


def _relate(case: Case, place: Place, dst: Sequence[Term], factor: int) -> None:
    applied = place.factor(factor)
    assert isinstance(applied, Apply)
    if case.wrt:
        raise ScriptError("a relation is used under a derivative")
    name, _ = case.plain.relation(applied.function, applied.order)
    descend(case, place.term.variables, len(dst))
    case.say(f"rewrite ({name} ({case.plain.factor(applied.argument)})).")
    pull(case, place.term, place.around(factor), related_terms(applied))


def _sift(case: Case, place: Place, dst: Sequence[Term], factor: int, variable: Symbol) -> None:
    t, equation = place.term, place.factor(factor)
    assert isinstance(equation, Equal)
    e = normal(variable - coefficient(equation.value, variable) * equation.value)
    at = t.variables.index(variable)
    outer, inner = t.variables[:at], t.variables[at + 1 :]
    if symbols_of(e) & set(inner):
        order = (*outer, *inner, variable)
        moved = Term(t.coefficient, order, t.factors)
        permute(case, t, moved)
        outer, inner = (*outer, *inner), ()
    rest = dst[0].factors
    v = case.plain.variable(variable)
    descend(case, outer)
    case.say(f"apply (total_sift _ _ _ {case.plain.argument(e)}).")
    off = case.plain.argument(equation.value)
    case.say(
        f"{{ intros {v} off. {inside(case, inner)}rewrite (point_off _ {off}); [void | lia]. }}"
    )
    at_point = [*rest[:factor], Equal(Integer(0)), *rest[factor:]]
    body = case.plain.sums(inner, case.plain.product(at_point, t.coefficient))
    case.say(f"{{ transitivity {typed(case, body, at_point)}.")
    case.say("  { congruent. }")
    descend(case, inner)
    case.say("rewrite (point_at _ 0 eq_refl). ring. }")
    vanish(case, e, (*outer, *inner), inner, rest)


def _exchange(case: Case, place: Place, dst: Sequence[Term], order: tuple[int, ...]) -> None:
    permute(case, place.term, dst[0])
    case.say("congruent.")


def _reindex(
    case: Case,
    place: Place,
    dst: Sequence[Term],
    variables: tuple[Symbol, ...],
    mapping: tuple[tuple[Symbol, Expr], ...],
) -> None:
    """Rename, bring the sums into a triangular order, shift one after the other, reorder."""
    t = place.term
    same = {v: e for v, e in mapping if isinstance(e, Symbol)}
    shifted = {v: e for v, e in mapping if v not in same}
    # What is shifted steps aside, so that no new name meets an old one
    taken = set(t.symbols) | set(variables) | place.taken
    aside: dict[Symbol, Symbol] = {}
    for v in shifted:
        aside[v] = fresh(v, taken | set(aside.values()))
    old = {**same, **aside}
    moves: list[tuple[Symbol, Symbol, Expr]] = []
    ready = set(same.values())
    left = dict(shifted)
    while left:
        for v, e in left.items():
            new = [u for u in symbols_of(e) & set(variables) if u not in ready]
            if len(new) == 1 and coefficient(e, new[0]) in (1, -1):
                moves.append((aside[v], new[0], e))
                ready.add(new[0])
                del left[v]
                break
        else:
            raise ScriptError(f"the change of variables {mapping} is not triangular")
    case.names = case.names.with_variables(aside.values())
    first = (*(e for e in same.values() if isinstance(e, Symbol)), *(v for v, _, _ in moves))
    factors = tuple(substitute_factor(f, old) for f in t.factors)
    start = Term(t.coefficient, tuple(old[v] for v in t.variables), factors)
    current = Term(t.coefficient, first, factors)
    permute(case, start, current)
    for v, u, e in moves:
        at = current.variables.index(v)
        moved = Term(
            t.coefficient,
            tuple(u if w == v else w for w in current.variables),
            tuple(substitute_factor(f, {v: e}) for f in current.factors),
        )
        outer, inner = current.variables[:at], current.variables[at + 1 :]
        back = normal(u + coefficient(e, u) * (v - e))
        old_name, new_name = case.plain.variable(v), case.plain.variable(u)
        case.say(f"transitivity ({case.plain.term(moved)}).")
        case.say("{")
        descend(case, outer)
        go, come = case.plain.index(e), case.plain.index(back)
        case.say(f"apply (total_move _ _ _ _ (fun {new_name} => {go}) (fun {old_name} => {come})).")
        case.say("{ intros; ring. } { intros; ring. } { intros; congruent. }")
        for w, terms in ((v, current), (u, moved)):
            case.say(f"{{ intros {case.plain.variable(w)}.")
            vanish(case, w, (*outer, w, *inner), inner, terms.factors)
            case.say("}")
        case.say("}")
        current = moved
    permute(case, current, dst[0])
    case.say("congruent.")


def _euclid(
    case: Case, place: Place, dst: Sequence[Term], value: Expr, modulus: Expr, variable: Symbol
) -> None:
    t, plain = place.term, case.plain
    descend(case, t.variables)
    u, m, e = plain.variable(variable), plain.argument(modulus), plain.argument(value)
    product = plain.product(t.factors, t.coefficient)
    case.say(f"transitivity (sum[bound] {u}, {product} [*] box ({e} - {m} * {u}) {m}).")
    case.say("{ apply total_euclid. { lia. }")
    vanish(case, value, t.variables, (), t.factors)
    case.say("}")
    case.say("congruent.")


def _bracket(
    case: Case, place: Place, dst: Sequence[Term], drop: tuple[int, ...], add: tuple[Bracket, ...]
) -> None:
    rest = place.around(*drop)
    old = [f for n in drop if isinstance(f := place.factor(n), Equal | Range)]
    context = place.context(rest, [v for f in add for v in factor_symbols(f)])
    removed = [Obligation((*context, *add), f) for f in old]
    added = [Obligation((*context, *old), f) for f in add]
    descend(case, place.term.variables)
    supports = case.supports(rest)
    splits = [*case.needed(removed, supports, add), *case.needed(added, supports, old)]
    for split in dict.fromkeys(splits):
        case.say(split)
    names = []
    # a bracket that stands twice is gone when it is rewritten again
    again = {f: "?" if [*old, *add].count(f) > 1 else "" for f in (*old, *add)}
    for f, obligation in zip(add, added, strict=True):
        name, arguments, decide, outside, _ = case.bracket(f)
        names.append(name)
        case.say(f"destruct ({decide}) as [{name} | {name}].")
        case.say(f"2: {{ rewrite ({outside} _ {arguments} {name}).")
        for g in old:
            other, theirs, decide, outside, _ = case.bracket(g)
            case.say(f"destruct ({decide}) as [{other} | {other}];")
            case.say(f"[| rewrite {again[g]}({outside} _ {theirs} {other}); void].")
        case.say(f"exfalso; apply {name}.")
        for tactic in case.solve(obligation):
            case.say(tactic)
        case.say("}")
    for f, name in zip(add, names, strict=True):
        _, arguments, _, _, holds = case.bracket(f)
        case.say(f"rewrite {again[f]}({holds} _ {arguments} {name}).")
    for f, obligation in zip(old, removed, strict=True):
        name, arguments, _, _, holds = case.bracket(f)
        case.say(f"assert ({name} : {case.plain.condition(f)}).")
        case.say(f"{{ {' '.join(case.solve(obligation))} }}")
        case.say(f"rewrite {again[f]}({holds} _ {arguments} {name}).")
    case.say("ring.")


def _split(case: Case, place: Place, dst: Sequence[Term], factor: int, first: Expr) -> None:
    t, plain, whole = place.term, case.plain, place.factor(factor)
    assert isinstance(whole, Range)
    low, high = Range(whole.value, first), Range(whole.value - first, whole.size - first)
    rest = place.around(factor)
    context = place.context(rest, symbols_of(first))
    needed = [Obligation(context, AtLeast(part.size)) for part in (low, high)]
    descend(case, t.variables, len(dst))
    around = plain.product(rest, t.coefficient)
    parts = f"{plain.factor(low)} [+] {plain.factor(high)}"
    case.say(f"transitivity (({around}) [*] ({plain.factor(whole)})); [ring |].")
    case.say(f"transitivity (({around}) [*] ({parts})); [| ring].")
    for split in dict.fromkeys(case.needed(needed, case.supports(rest), ())):
        case.say(split)
    names = []
    for part, obligation in zip((low, high), needed, strict=True):
        names.append(case.label("fact"))
        case.say(f"assert ({names[-1]} : 0 <= {plain.index(part.size)}).")
        case.say(f"{{ {' '.join(case.solve(obligation))} }}")
    said = " ".join(plain.argument(e) for f in (whole, low, high) for e in (f.value, f.size))
    case.say("apply f_equal2; [reflexivity |].")
    case.say(f"apply (box_split _ {said}); first [ring | lia].")


def _reorder(case: Case, place: Place, dst: Sequence[Term], factors: tuple[Factor, ...]) -> None:
    descend(case, place.term.variables)
    for f in factors:
        if isinstance(f, Equal) and f not in place.term.factors:
            new, old = case.plain.argument(f.value), case.plain.argument(normal(-f.value))
            case.say(f"rewrite (point_opp _ {old} {new} ltac:(ring)).")
    case.say("ring.")


def _collect(case: Case, place: Place, dst: Sequence[Term]) -> None:
    """Add up the like terms one kind after the other."""
    kinds: dict[tuple[tuple[Symbol, ...], tuple[Factor, ...]], list[Term]] = {}
    for t in place.expression:
        kinds.setdefault((t.variables, t.factors), []).append(t)
    sums = [case.plain.expression(terms) for terms in kinds.values()]
    case.say(f"transitivity ({' [+] '.join(f'({s})' for s in sums)}); [ring |].")
    for terms, added in zip(kinds.values(), sums, strict=True):
        _add(case, terms, added)
    case.say("ring.")


def _add(case: Case, terms: Sequence[Term], added: str) -> None:
    """Rewrite a sum of like terms."""
    t, plain = terms[0], case.plain
    c = normal(sum(u.coefficient for u in terms))
    never = [f for f in t.factors if isinstance(f, Equal) and f.value.is_number and f.value != 0]
    if len(terms) == 1 and c != 0 and not never:
        return
    product = plain.product(t.factors)
    once = plain.sums(t.variables, f"const {plain.argument(c)} [*] ({product})")
    case.say(f"assert (E : ({added}) = ({once})).")
    case.say("{ symmetry.")
    descend(case, t.variables, len(terms))
    left = c
    for u in terms[:-1]:
        rest = normal(left - u.coefficient)
        split = " ".join(map(plain.argument, (left, u.coefficient, rest)))
        case.say(f"rewrite (const_add _ {split} ltac:(ring)).")
        left = rest
    case.say("rewrite ?const_one; ring. }")
    case.say("rewrite E; clear E.")
    if c == 0 or never:
        case.say(f"assert (E : ({once}) = zero).")
        off = (
            f"(point_off _ {plain.argument(never[0].value)} ltac:(lia))" if never else "const_zero"
        )
        case.say(f"{{ {inside(case, t.variables)}rewrite {off}; void. }}")
        case.say("rewrite E; clear E.")
    elif c == 1:
        case.say(f"assert (E : ({once}) = ({plain.sums(t.variables, product)})).")
        case.say("{")
        descend(case, t.variables)
        case.say("rewrite const_one; ring. }")
        case.say("rewrite E; clear E.")


def _whole(case: Case, place: Place, dst: Sequence[Term], **_: object) -> None:
    """Compare whole expressions: the order of terms."""
    case.say("ring.")


TACTICS: Mapping[str, Callable[..., None]] = {
    "definition": _definition,
    "linearity": _linearity,
    "leibniz": _leibniz,
    "entry": _entry,
    "chain": _chain,
    "relate": _relate,
    "sift": _sift,
    "exchange": _exchange,
    "reindex": _reindex,
    "bracket": _bracket,
    "euclid": _euclid,
    "split": _split,
    "reorder": _reorder,
    "collect": _collect,
    "arrange": _whole,
}

WHOLE = ("collect", "arrange")
"""The rules that look at all terms."""
