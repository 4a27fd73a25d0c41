"""How the proof assistant is shown a product of tables of numbers: point by point."""

from __future__ import annotations

from collections.abc import Sequence

from sympy import Expr, Symbol

from rot180.codegen.rocq.case import Case, Support
from rot180.codegen.rocq.names import ScriptError
from rot180.derive.kernel.obligations import Obligation
from rot180.derive.kernel.place import Place
from rot180.derive.language.terms import Access, Bracket, Range, Term


def exhaust(
    case: Case,
    place: Place,
    dst: Sequence[Term],
    sizes: tuple[tuple[Symbol, Expr], ...],
    scale: Expr,
    factors: tuple[Bracket, ...],
) -> None:
    """Show a step that multiplies tables: outside the box both sides are 0, inside one computes."""
    t, plain, box = place.term, case.plain, dict(sizes)
    if len(t.variables) != 1:
        raise ScriptError(f"{len(t.variables)} sums of tables, scripts cover one")
    (summed,) = t.variables
    free = [v for v in box if v != summed]
    tables = dict.fromkeys(f.tensor for f in t.factors if isinstance(f, Access))
    left, right = (place.context(fs, box) for fs in (t.factors, factors))
    given = dict(case.given())
    inside = []
    for v in free:
        within = Range(v, box[v])
        if within in given:
            inside.append(given[within])
            continue
        name = case.label("in")
        inside.append(name)
        case.say(f"destruct (within {plain.variable(v)} {box[v]}) as [{name} | {name}].")
        case.say(f"2: {{ transitivity (@zero {plain.ring}).")
        case.say(f"  {{ apply total_zero; intro {plain.variable(summed)}.")
        _absurd(case, Obligation(left, within), case.supports(t.factors), name)
        case.say("}")
        case.say("  symmetry.")
        _absurd(case, Obligation(right, within), case.supports(factors), name)
        case.say("}")
    n, at = box[summed], plain.variable(summed)
    case.premises[str(n)] = None
    body, heads = plain.product(t.factors, t.coefficient), map(plain.tensor, tables)
    left_side = f"first (Z.to_nat {n}) (fun {at} => {body})"
    right_side = plain.product(factors, scale)
    case.say(f"transitivity ({left_side} : {plain.ring}).")
    case.say("{ apply total_few; [lia | assumption |]. intros " + f"{at} out.")
    within = Range(summed, n)
    _absurd(case, Obligation(left, within), case.supports(t.factors), "out")
    case.say("}")
    names = ", ".join(head.split(" ", 1)[0] for head in heads)
    case.say(f"transitivity (@const {plain.ring} ({left_side} : integers)).")
    case.say(f"{{ unfold {names}. integer. }}")
    case.say(f"symmetry. transitivity (@const {plain.ring} ({right_side} : integers)).")
    case.say("{ integer. }")
    case.say("apply f_equal.")
    for name, v in zip(inside, free, strict=True):
        case.say(f"generalize ({name} : {plain.condition(Range(v, box[v]))}).")
    written = [plain.variable(v) for v in free]
    case.say(f"generalize {' '.join(written)}. clear. intros {' '.join(written)}.")
    case.say(f"intros {' '.join(f'at_{v}' for v in reversed(written))}.")
    for name, size in zip(written, (int(box[v]) for v in free), strict=True):
        points = " \\/ ".join(f"{name} = {n}" for n in range(size))
        pattern = " | ".join(["[->"] * (size - 1) + ["->"]) + "]" * (size - 1)
        case.say(f"all: assert ({points}) as {pattern} by lia; clear at_{name}.")
    case.say("all: vm_compute; reflexivity.")


def _absurd(case: Case, obligation: Obligation, supports: Sequence[Support], out: str) -> None:
    """Prove that a product is zero, where it being nonzero contradicts a fact."""
    for split in case.needed((obligation,), supports, ()):
        case.say(split)
    case.say(f"exfalso; apply {out}.")
    for tactic in case.solve(obligation):
        case.say(tactic)
