"""Tactics: how the proof assistant is shown each step, one function for each rule."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sympy import Expr, Integer, Symbol

from rot180.codegen.rocq_printer import Names, Printer, ScriptError, boxes_of, named
from rot180.derive.kernel.obligations import (
    Certificate,
    Nonzero,
    Obligation,
    Refutation,
    evident,
    facts,
    open_parts,
    parts,
)
from rot180.derive.kernel.place import Place
from rot180.derive.kernel.proof import Proof, Step, Theorem
from rot180.derive.kernel.rules import related_terms
from rot180.derive.language.polynomial import coefficient, normal, symbol, symbols_of
from rot180.derive.language.substitute import apart, fresh, substitute, substitute_factor
from rot180.derive.language.terms import (
    Access,
    Apply,
    AtLeast,
    Bracket,
    Condition,
    Derivative,
    Equal,
    Expression,
    Factor,
    Range,
    Tensor,
    Term,
    accesses_and_brackets,
    factor_symbols,
)

if TYPE_CHECKING:
    from rot180.codegen.rocq_citations import Cited


def _sources(obligation: Obligation, certificate: Certificate) -> Iterator[Condition]:
    """List the conditions of the context that the proof of a goal uses."""
    at_least: dict[Expr, Condition] = {}
    equal: dict[Expr, Condition] = {}
    for c in obligation.context:
        for origin, found in zip((at_least, equal), facts((c,)), strict=True):
            for e in found:
                origin.setdefault(e, c)
    nonnegative, zero = facts(obligation.context)
    hard = open_parts(obligation)
    for part in parts(obligation.goal):
        if part not in hard:
            yield from _spare(part, (*at_least.items(), *equal.items()))
    for refutation in certificate:
        for _, numbers in refutation.products:
            yield from (at_least[nonnegative[n]] for n in numbers if n < len(nonnegative))
        yield from (equal[zero[n]] for _, n in refutation.multiples)


def _spare(
    part: AtLeast | Nonzero, origin: Sequence[tuple[Expr, Condition]]
) -> Iterator[Condition]:
    """Find the one condition that makes a goal evident."""
    if part.value.is_number and (isinstance(part, Nonzero) or bool(part.value >= 0)):
        return
    for e, c in origin:
        if isinstance(c, Equal):
            found = e in (part.value, normal(-part.value))
        else:
            rest = normal(part.value - e)
            found = bool(rest.is_number and rest >= 0)
        if found:
            yield c
            return


# Where the factors of a product can be nonzero.


@dataclass(frozen=True)
class Support:
    """A condition that holds where a product is nonzero.

    Attributes:
        condition: the condition.
        name: the name of the fact.
        split: the tactic that leaves only the case where it holds, for a product that is zero
            otherwise; empty for what always holds.

    """

    condition: Condition
    name: str
    split: str


@dataclass
class Case:
    """The tactics of one lemma, and the bounds they need.

    Attributes:
        theorem: what is proved.
        names: the identifiers.
        step: the step that is shown.
        obligations: what the step rests on.
        cited: the theorems that the proof cites.
        perturbed: the names of the operands over the dual numbers.
        premises: what the bound must not be less than.
        tactics: what has been said.
        labels: how many facts were named.

    """

    theorem: Theorem
    names: Names
    step: Step | None = None
    obligations: tuple[Obligation, ...] = ()
    cited: Mapping[Proof, Cited] = field(default_factory=dict)
    perturbed: tuple[str, ...] = ()
    premises: dict[str, None] = field(default_factory=dict)
    tactics: list[str] = field(default_factory=list)
    labels: int = 0

    @property
    def plain(self) -> Printer:
        """Return the printer of the scalars."""
        return Printer(self.names)

    def given(self) -> Iterator[tuple[Condition, str]]:
        """Yield what the statement supposes, with the names of the facts."""
        return named(self.theorem.variables, self.theorem.hypotheses, self.plain)

    def say(self, tactic: str) -> None:
        """Add a tactic."""
        self.tactics.append(tactic)

    def label(self, hint: str) -> str:
        """Return a new name for a fact."""
        self.labels += 1
        return f"{hint}_{self.labels}"

    def supports(
        self, factors: Sequence[Factor], boxed: Collection[Tensor] = ()
    ) -> list[Support]:
        """List what holds throughout and where these factors are nonzero.

        Args:
            factors: the factors.
            boxed: defined tensors of which it was shown that they are zero outside their box.

        """
        out = [Support(c, name, "") for c, name in self.given()]
        for f in factors:
            if isinstance(f, Range | Equal):
                out.append(self._split_bracket(f))
            elif isinstance(f, Access) and (f.tensor.definition is None or f.tensor in boxed):
                boxes = boxes_of(f.tensor, f.index)
                for axis, b in enumerate(boxes):
                    out.append(self._split_access(f, boxes, axis, b))
        return out

    def _split_bracket(self, f: Bracket) -> Support:
        name, arguments, decide, outside, _ = self.bracket(f)
        split = (
            f"destruct ({decide}) as [{name} | {name}]; "
            f"[| rewrite ({outside} _ {arguments} {name}); void]."
        )
        return Support(f, name, split)

    def _split_access(self, f: Access, boxes: Sequence[Range], axis: int, b: Range) -> Support:
        name, part = self.label("in"), "all"
        if len(boxes) > 1:
            for _ in range(min(axis, len(boxes) - 1)):
                part = f"(proj2 {part})"
            part = part if axis == len(boxes) - 1 else f"(proj1 {part})"
        tensor, index = self.plain.operand(f.tensor), " ".join(map(self.plain.argument, f.index))
        split = (
            f"destruct ({self.bracket(b)[2]}) as [{name} | {name}]; "
            f"[| rewrite ({tensor}_box {index} (fun all => {name} {part})); void]."
        )
        return Support(b, name, split)

    def bracket(self, f: Bracket) -> tuple[str, str, str, str, str]:
        """Return a name, the arguments, the decision and the two lemmas of a bracket."""
        arguments = self.plain.factor(f).split(" ", 1)[1]
        if isinstance(f, Equal):
            return self.label("at"), arguments, f"Z.eq_dec {arguments} 0", "point_off", "point_at"
        return self.label("at"), arguments, f"within {arguments}", "box_out", "box_in"

    def certificate(self, obligation: Obligation) -> Certificate:
        """Return the certificate that the step carries for an obligation."""
        if self.step is None:
            return ()
        hard = [o for o in self.obligations if not evident(o)]
        found = dict(zip(hard, self.step.certificates, strict=True)).get(obligation)
        return found or ()

    def needed(
        self,
        obligations: Sequence[Obligation],
        supports: Sequence[Support],
        known: Sequence[Condition],
    ) -> list[str]:
        """Return the splits that give the conditions which some goals rest on."""
        wanted: dict[Condition, None] = {}
        for o in obligations:
            wanted.update((c, None) for c in _sources(o, self.certificate(o)))
        out = []
        for c in wanted:
            if c in known:
                continue
            found = next((s for s in supports if s.condition == c), None)
            if found is None:
                raise ScriptError("a goal rests on the support of a defined tensor")
            if found.split:
                out.append(found.split)
        return out

    def solve(self, obligation: Obligation) -> list[str]:
        """Return the tactics that prove a goal from its context."""
        out = []
        certificate = self.certificate(obligation)
        if certificate:
            for part, refutation in zip(open_parts(obligation), certificate, strict=True):
                out += self._refute(part, refutation, obligation)
        return [*out, "lia."]

    def _refute(
        self, part: AtLeast | Nonzero, refutation: Refutation, obligation: Obligation
    ) -> list[str]:
        nonnegative, zero = facts(obligation.context)
        pool = (*nonnegative, normal(-part.value - 1))
        inner = []
        for _, numbers in refutation.products:
            if len(numbers) > 1:
                product = " * ".join(f"({self.plain.index(pool[n])})" for n in numbers)
                inner.append(f"assert (0 <= {product}) by (repeat apply Z.mul_nonneg_nonneg; lia).")
        for multiplier, n in refutation.multiples:
            if not multiplier.is_number:
                m, e = self.plain.index(multiplier), self.plain.index(zero[n])
                inner.append(f"assert (({m}) * ({e}) = 0) by (apply Z.eq_mul_0; right; lia).")
        name, value = self.label("goal"), self.plain.index(part.value)
        return [
            f"assert ({name} : 0 <= {value}).",
            f"{{ destruct (Z_lt_ge_dec ({value}) 0); [exfalso | lia]. {' '.join(inner)} lia. }}",
        ]

    # How far from 0 an index can be.

    def reach(self, e: Expr, bound: Sequence[Symbol], supports: Sequence[Support]) -> list[str]:
        """Return the tactics that refute ``bound < |e|``; how far e reaches becomes a premise.

        Args:
            e: the index.
            bound: the variables that are bound where it stands.
            supports: what holds there.

        Raises:
            ScriptError: nothing bounds the index.

        """
        search = Reach(self, frozenset(bound), supports)
        reached, fact = search.of(e)
        self.premises[reached] = None
        splits = [s.split for s in dict.fromkeys(search.used) if s.split]
        end = f"exfalso; apply (unreachable far {fact}); assumption."
        return [*splits, *search.tactics, end]


class Reach:
    """Bounds of indices, one from the other: ``near e u`` says ``|e| <= u``."""

    def __init__(
        self, case: Case, variables: frozenset[Symbol], supports: Sequence[Support]
    ) -> None:
        self.case, self.variables = case, variables
        self.supports = [s for s in supports if isinstance(s.condition, Range | Equal)]
        hypotheses = case.theorem.hypotheses
        self.moduli = [normal(c.value + 1) for c in hypotheses if isinstance(c, AtLeast)]
        self.known: dict[Symbol, tuple[str, str]] = {}
        self.used: list[Support] = []
        self.tactics: list[str] = []

    def of(self, e: Expr) -> tuple[str, str]:
        """Return a bound of an index, and the name of the fact; prove it on the way."""
        plain = self.case.plain
        if symbols_of(e) & self.variables:
            for s in self.supports:
                if found := self._by(e, s, plain.argument(e)):
                    return found
        progress = True
        while progress and not self._ready(e):
            progress = any(
                self._variable(v, s)
                for s in self.supports
                for v in sorted(symbols_of(s.condition.value), key=lambda v: v.name)
                if v in self.variables and v not in self.known
            )
        if not self._ready(e):
            raise ScriptError(f"no bound found for {e}")
        return self._conclude(plain.argument(e), *self._size(e), None)

    def _ready(self, e: Expr) -> bool:
        return symbols_of(e) & self.variables <= self.known.keys()

    def _variable(self, v: Symbol, s: Support) -> bool:
        """Bound a variable by a condition in which it alone is not yet bounded."""
        plain, c = self.case.plain, coefficient(s.condition.value, v)
        name = plain.variable(v)
        if c in (1, -1):
            if found := self._by(v, s, name):
                self.known[v] = found
            return found is not None
        modulus = next((m for m in self.moduli if m in (c, normal(-c))), None)
        if modulus is None:
            return False
        m = plain.argument(modulus)
        found = self._by(normal(modulus * v), s, f"({m} * {name})")
        if found is None:
            return False
        fact = self.case.label("reach")
        self.tactics.append(f"pose proof (near_div {m} {name} _ ltac:(lia) {found[1]}) as {fact}.")
        self.known[v] = (found[0], fact)
        return True

    def _by(self, goal: Expr, s: Support, written: str) -> tuple[str, str] | None:
        """Bound an expression by one condition in which it stands up to sign."""
        for sign in (1, -1):
            rest = normal(sign * s.condition.value - goal)
            if self._ready(rest):
                parts, facts_ = self._size(rest)
                if isinstance(s.condition, Range):
                    parts.insert(0, f"Z.abs {self.case.plain.argument(s.condition.size)}")
                self.used.append(s)
                return self._conclude(written, parts, facts_, s)
        return None

    def _size(self, e: Expr) -> tuple[list[str], list[tuple[str, str]]]:
        """Return what bounds the parts of an expression, and the facts that say so."""
        plain = self.case.plain
        parts, used = [], []
        for v in sorted(symbols_of(e) & self.variables, key=lambda v: v.name):
            c = coefficient(e, v)
            e = normal(e - c * v)
            reached, fact = self.known[v]
            if c in (1, -1):
                parts.append(reached)
                used.append((fact, ""))
            else:
                written = plain.argument(c)
                parts.append(f"Z.abs {written} * ({reached})")
                name = plain.variable(v)
                used.append((fact, f"pose proof (near_mul {written} {name} _ {fact}); "))
        if e != 0:
            parts.append(f"Z.abs {plain.argument(e)}")
        return parts, used

    def _conclude(
        self, goal: str, parts: list[str], used: list[tuple[str, str]], s: Support | None
    ) -> tuple[str, str]:
        name, reached = self.case.label("reach"), " + ".join(parts) or "0"
        keep = [fact for fact, _ in used] + ([s.name] if s else [])
        more = "".join(tactic for _, tactic in used)
        self.tactics.append(f"assert ({name} : near {goal} ({reached})).")
        clear = f"clear - {' '.join(keep)}" if keep else "clear"
        self.tactics.append(f"{{ {clear}; {more}unfold near in *; lia. }}")
        return reached, name


# One tactic for each rule. Each proves that a term of the line before is the sum of some terms.


def descend(case: Case, variables: Sequence[Symbol], terms: int = 1) -> None:
    """Go under the outer sums of an equation between a term and some terms."""
    for v in map(case.plain.variable, variables):
        if terms > 1:
            case.say("rewrite <- ?total_add.")
        case.say(f"apply {'total_ext' if terms else 'total_zero'}; intro {v}.")


def _inside(case: Case, variables: Sequence[Symbol]) -> str:
    return "".join(f"apply total_zero; intro {case.plain.variable(v)}. " for v in variables)


def typed(text: str, factors: Sequence[Factor]) -> str:
    """Put a product in brackets; one of brackets alone does not tell its type."""
    plain = all(isinstance(f, Equal | Range) for f in factors)
    return f"({text} : scalars)" if plain else f"({text})"


def pull(case: Case, t: Term, around: Sequence[Factor], bodies: Sequence[Term]) -> None:
    """Prove ``A * (sum F + ...) * C = sum A F C + ...``: the factors around go into each sum."""
    split = ""
    for b in bodies:
        if 1 not in (t.coefficient, b.coefficient):
            product = normal(t.coefficient * b.coefficient)
            c, d, e = map(case.plain.argument, (t.coefficient, b.coefficient, product))
            split += f"rewrite ?(const_mul _ {e} {c} {d} ltac:(ring)); "
    if not any(b.variables for b in bodies):
        case.say(f"{split}ring.")
        return
    c, written = case.plain.product(around, t.coefficient), [case.plain.term(b) for b in bodies]
    case.say(f"transitivity ({' [+] '.join(f'({c}) [*] ({w})' for w in written)}); [ring |].")
    inner = [
        "".join(f"apply total_scale; intro {case.plain.variable(v)}; " for v in b.variables)
        + f"{split}ring"
        for b in bodies
    ]
    nested = inner[0]
    for one in inner[1:]:
        nested = f"apply f_equal2; [{nested} | {one}]"
    case.say(f"{nested}.")


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
    dual = Printer(case.names, wrt)
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
    dual = Printer(case.names, pending.wrt)
    descend(case, place.term.variables, len(dst))
    case.say("rewrite ?slope_mul, ?value_mul, ?slope_box, ?value_box, ?slope_point, ?value_point.")
    for f in pending.factors:
        if isinstance(f, Access) and f.tensor.definition is not None:
            case.say(f"rewrite ?value_{case.names.tensors[f.tensor.name]}.")
        elif isinstance(f, Apply) and f.argument.tensor.definition is not None:
            case.say(f"rewrite ?(value_lifted _ _ _ _ _ {_value(case, f.argument)}).")
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
        case.say(f"change ({slope}) with (@zero scalars). void.")
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
        shown = f"(apply slope_lifted; exact {_value(case, applied.argument)})"
    case.say(f"assert (E : {slope} = {product}) by {shown}.")
    case.say("rewrite E; ring.")


def _value(case: Case, access: Access) -> str:
    """Name the fact that the value of a defined tensor over the dual numbers is its own."""
    index = " ".join(map(case.plain.argument, access.index))
    return f"(value_{case.names.tensors[access.tensor.name]} bound {index})"


def _relate(case: Case, place: Place, dst: Sequence[Term], factor: int) -> None:
    applied = place.factor(factor)
    assert isinstance(applied, Apply)
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
        f"{{ intros {v} off. {_inside(case, inner)}rewrite (point_off _ {off}); [void | lia]. }}"
    )
    at_point = [*rest[:factor], Equal(Integer(0)), *rest[factor:]]
    body = case.plain.sums(inner, case.plain.product(at_point, t.coefficient))
    case.say(f"{{ transitivity {typed(body, at_point)}.")
    case.say("  { congruent. }")
    descend(case, inner)
    case.say("rewrite (point_at _ 0 eq_refl). ring. }")
    _vanish(case, e, (*outer, *inner), inner, rest)


def _vanish(
    case: Case,
    e: Expr,
    variables: Sequence[Symbol],
    inner: Sequence[Symbol],
    factors: Sequence[Factor],
) -> None:
    """Prove that a product under some sums is zero where e is out of reach."""
    case.say(f"{{ intros far. {_inside(case, inner)}")
    for tactic in case.reach(e, variables, case.supports(factors)):
        case.say(tactic)
    case.say("}")


def permute(case: Case, before: Term, after: Term) -> None:
    """Bring the sums of a term into another order, two neighbours at a time."""
    order = list(before.variables)
    if tuple(order) == after.variables:
        return
    case.say(f"transitivity ({case.plain.term(after)}).")
    case.say("{")
    for place, wanted in enumerate(after.variables):
        for n in range(order.index(wanted), place, -1):
            under = "".join(
                f"apply total_ext; intro {case.plain.variable(v)}; " for v in order[: n - 1]
            )
            case.say(f"etransitivity; [{under}apply total_swap |].")
            order[n - 1], order[n] = order[n], order[n - 1]
    case.say("congruent. }")


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
            _vanish(case, w, (*outer, w, *inner), inner, terms.factors)
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
    _vanish(case, value, t.variables, (), t.factors)
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
    for f, obligation in zip(add, added, strict=True):
        name, arguments, decide, outside, _ = case.bracket(f)
        names.append(name)
        case.say(f"destruct ({decide}) as [{name} | {name}].")
        case.say(f"2: {{ rewrite ({outside} _ {arguments} {name}).")
        for g in old:
            other, theirs, decide, outside, _ = case.bracket(g)
            case.say(f"destruct ({decide}) as [{other} | {other}];")
            case.say(f"[| rewrite ({outside} _ {theirs} {other}); void].")
        case.say(f"exfalso; apply {name}.")
        for tactic in case.solve(obligation):
            case.say(tactic)
        case.say("}")
    for f, name in zip(add, names, strict=True):
        _, arguments, _, _, holds = case.bracket(f)
        case.say(f"rewrite ({holds} _ {arguments} {name}).")
    for f, obligation in zip(old, removed, strict=True):
        name, arguments, _, _, holds = case.bracket(f)
        case.say(f"assert ({name} : {case.plain.condition(f)}).")
        case.say(f"{{ {' '.join(case.solve(obligation))} }}")
        case.say(f"rewrite ({holds} _ {arguments} {name}).")
    case.say("ring.")


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
        case.say(f"{{ {_inside(case, t.variables)}rewrite {off}; void. }}")
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
    "reorder": _reorder,
    "collect": _collect,
    "arrange": _whole,
}

WHOLE = ("collect", "arrange")
"""The rules that look at all terms."""


def finite(case: Case, number: int, line: Expression) -> None:
    """Show that the sums of a line are finite: a larger bound adds nothing.

    Raises:
        ScriptError: a factor is defined or pending, or nothing bounds an index.

    """
    applied = (f.argument.tensor for u in line for f in u.factors if isinstance(f, Apply))
    for argument in dict.fromkeys(applied):
        if _is_summed(argument):
            _steady(case, argument)
    case.say(f"unfold line_{number}.")
    for _ in line[1:]:
        case.say("apply f_equal2.")
    for t in line:
        plain = all(
            isinstance(f, Equal | Range | Apply)
            or (isinstance(f, Access) and f.tensor.definition is None)
            for f in t.factors
        )
        if not plain:
            raise ScriptError("a factor is defined or pending")
        _more(case, t, t.factors)
        inside = [f.argument.tensor for f in t.factors if isinstance(f, Apply)]
        again = "".join(f"rewrite ?{_steadiness(case, u)}; " for u in inside if _is_summed(u))
        case.say(f"{again}reflexivity. }}")


def _more(case: Case, t: Term, factors: Sequence[Factor], unfolding: str = "") -> None:
    """Open a case in which the sums of a term reach no further than the smaller bound."""
    case.say("{")
    for n, v in enumerate(t.variables):
        inner = t.variables[n + 1 :]
        case.say("apply total_more; [lia | |].")
        case.say(f"{{ intros {case.plain.variable(v)}. {unfolding}".rstrip())
        _vanish(case, v, t.variables, inner, factors)
        case.say("}")
        case.say(f"intro {case.plain.variable(v)}.")


def _is_summed(t: Tensor) -> bool:
    """Say whether there is a sum in a tensor's definition."""
    return any(
        u.variables or any(_is_summed(a.tensor) for a in _accesses(u.factors))
        for u in (t.definition.body if t.definition else ())
    )


def _accesses(factors: Sequence[Factor]) -> list[Access]:
    return [f for f in accesses_and_brackets(factors) if isinstance(f, Access)]


def _apart(case: Case, t: Tensor) -> tuple[list[Term], list[Symbol]]:
    """Return the terms of a definition with indices and sums that are new, and those indices."""
    assert t.definition is not None
    taken = {symbol(word) for word in case.names.symbols}
    index: list[Symbol] = []
    for v in t.definition.formals:
        index.append(fresh(v, taken | set(index)))
    new = dict(zip(t.definition.formals, index, strict=True))
    taken |= set(index)
    return [apart(substitute(b, new), taken) for b in t.definition.body], index


def _steadiness(case: Case, t: Tensor) -> str:
    return f"steady_{case.names.tensors[t.name]}"


def _steady(case: Case, t: Tensor) -> None:
    """Show that a defined tensor is a finite sum at each index: a larger bound adds nothing."""
    name, bodies, index = case.names.tensors[t.name], *_apart(case, t)
    case.names = case.names.with_variables(v for u in bodies for v in u.symbols)
    inside = [a.tensor for u in bodies for a in _accesses(u.factors)]
    defined = [u for u in dict.fromkeys(inside) if u.definition is not None]
    for inner in defined:
        if _is_summed(inner):
            _steady(case, inner)
    at = "".join(f" {case.plain.variable(v)}" for v in index)
    whole = case.plain.tensor(t)
    less = whole.replace(f"{name} bound", f"{name} least", 1)
    intros = f"intros{at}. " if at else ""
    forall = f"forall{at}, " if at else ""
    case.say(f"assert ({_steadiness(case, t)} : {forall}{whole}{at} = {less}{at}).")
    case.say(f"{{ {intros}unfold {name}.")
    for _ in boxes_of(t, index):
        case.say("apply f_equal2; [reflexivity |].")
    for _ in bodies[1:]:
        case.say("apply f_equal2.")
    unfolding = "".join(f"unfold {case.names.tensors[u.name]}. " for u in defined)
    again = "".join(f"rewrite ?{_steadiness(case, u)}; " for u in defined if _is_summed(u))
    for u in bodies:
        boxes = [b for f in u.factors if isinstance(f, Access) and f.tensor in defined
                 for b in boxes_of(f.tensor, f.index)]  # fmt: skip
        _more(case, u, (*boxes, *u.factors), unfolding)
        case.say(f"{again}reflexivity. }}")
    case.say("}")
