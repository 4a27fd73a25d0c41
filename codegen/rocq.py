"""Proof scripts: every step of a proof as a lemma that `coqc` checks.

The statement is printed from the theorem's variables, hypotheses and two sides alone; the lemmas
are printed from the proof's steps, one tactic per rule; the last theorem has the statement as its
type. Sums run over -bound .. bound in the script, and an equation holds from some bound on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sympy import Expr, Symbol

from rot180.codegen.render import environment
from rot180.derive.obligations import (
    Certificate,
    Nonzero,
    Obligation,
    Refutation,
    evident,
    facts,
    open_parts,
    parts,
)
from rot180.derive.polynomial import coefficient, normal, text
from rot180.derive.proof import Step, Theorem, tensors
from rot180.derive.rules import Place
from rot180.derive.terms import (
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
    apart,
    factor_symbols,
    fresh,
    substitute,
    substitute_factor,
)

LIBRARY = "finite_sums"
RESERVED = frozenset(
    "as at cofix else end exists exists2 fix for forall fun if in let match mod return then using "
    "where with Prop Set Type SProp Z nat bool Ring scalar scalars zero one add mul sub opp laws "
    "first total within box point agree dual value slope lifted statement bound least fst snd "
    "sum left right".split()
)


class ScriptError(ValueError):
    """A proof uses what scripts do not cover."""


@dataclass(frozen=True)
class Lemma:
    """One step, as the template lays it out."""

    number: int
    title: str
    before: int
    premises: tuple[str, ...]
    tactics: tuple[str, ...]


@dataclass(frozen=True)
class Script:
    """A theorem, as the template lays it out; every field is text of the proof language."""

    name: str
    header: tuple[str, ...]
    library: str
    parameters: str
    perturbed: tuple[str, ...]
    definitions: tuple[str, ...]
    functions: tuple[str, ...]
    operands: tuple[str, ...]
    boxes: tuple[tuple[str, str], ...]
    hypotheses: tuple[tuple[str, str], ...]
    variables: tuple[str, ...]
    ranges: tuple[tuple[str, str], ...]
    left: str
    right: str
    projections: tuple[tuple[str, str, str], ...]
    lines: tuple[str, ...]
    lemmas: tuple[Lemma, ...]
    stable: Lemma
    premises: tuple[str, ...]
    least: str
    forward: tuple[int, ...]
    backward: tuple[int, ...]
    last: int


def script(theorem: Theorem) -> str:
    """Return the text of the proof script of a theorem.

    Args:
        theorem: a replayed proof without open obligations.

    Raises:
        ScriptError: an obligation is open, or a step is beyond what scripts cover.

    """
    if theorem.open:
        raise ScriptError(f"{theorem.name} has an open obligation")
    return environment().get_template("proof.v.jinja").render(script=_script(theorem))


@dataclass(frozen=True)
class Names:
    """The identifiers of a script: symbols keep their names, tensors get new ones if need be."""

    symbols: Mapping[str, str]
    tensors: Mapping[str, str]

    def extended(self, variables: Iterable[Symbol]) -> Names:
        """Name some more variables."""
        used = RESERVED | set(self.tensors.values())
        new = {v.name: _identifier(v.name, used) for v in variables}
        return Names({**self.symbols, **new}, self.tensors)

    @classmethod
    def of(cls, theorem: Theorem) -> Names:
        """Name everything that occurs in a proof."""
        found: set[Symbol] = set()
        used: dict[str, None] = {}
        for condition in theorem.conditions:
            found |= factor_symbols(condition)
        for line in theorem.lines:
            found = found.union(*(t.symbols for t in line))
            for t in tensors(line):
                used[t.name] = None
                if t.definition is not None:
                    found |= set(t.definition.formals)
                    found = found.union(*(b.symbols for b in t.definition.body))
            used.update((_function(f, n), None) for f, n in _functions(line))
        symbols = {v.name: _identifier(v.name, RESERVED) for v in found}
        taken = RESERVED | set(symbols.values())
        names: dict[str, str] = {}
        for name in used:
            names[name] = _identifier(re.sub(r"\W+", "_", name).strip("_"), taken)
            taken |= {names[name]}
        return cls(symbols, names)


def _identifier(name: str, taken: frozenset[str] | set[str]) -> str:
    while name in taken:
        name += "'"
    return name


def _function(name: str, order: int) -> str:
    return f"{name}_{order}" if order else name


def _functions(expression: Expression) -> Iterator[tuple[str, int]]:
    """List the scalar functions of an expression with their orders, definitions unfolded."""

    def walk(factors: Iterable[Factor], pending: int) -> Iterator[tuple[str, int]]:
        for f in factors:
            if isinstance(f, Apply):
                yield from ((f.function, f.order + n) for n in range(pending + 1))
            elif isinstance(f, Derivative):
                yield from walk(f.factors, pending + 1)
            elif isinstance(f, Access) and f.tensor.definition is not None:
                for t in f.tensor.definition.body:
                    yield from walk(t.factors, pending)

    for t in expression:
        yield from walk(t.factors, 0)


@dataclass(frozen=True)
class Printer:
    """Texts of expressions in the proof language.

    Attributes:
        names: the identifiers.
        wrt: for an expression over the dual numbers, the entry that is perturbed.

    """

    names: Names
    wrt: Access | None = None

    def index(self, e: Expr) -> str:
        """Write a polynomial; powers as the language has them."""
        return re.sub(r"[A-Za-z_]\w*", self._rename, text(e))

    def _rename(self, found: re.Match[str]) -> str:
        return self.names.symbols[found.group()]

    def variable(self, v: Symbol) -> str:
        """Write a variable."""
        return self.names.symbols[v.name]

    def argument(self, e: Expr) -> str:
        """Write a polynomial as an argument."""
        written = self.index(e)
        return written if re.fullmatch(r"[\w']+", written) else f"({written})"

    def operand(self, t: Tensor) -> str:
        """Write a free tensor, lifted to the dual numbers if need be."""
        name = self.names.tensors[t.name]
        if self.wrt is None:
            return name
        if t == self.wrt.tensor:
            return f"(moved_{name} {name} {' '.join(map(self.argument, self.wrt.index))})"
        return f"(fixed_{name} {name})"

    def function(self, name: str, order: int) -> str:
        """Write a scalar function."""
        plain = self.names.tensors[_function(name, order)]
        if self.wrt is None:
            return plain
        return f"(lifted {plain} {self.names.tensors[_function(name, order + 1)]})"

    def tensor(self, t: Tensor) -> str:
        """Write a tensor; a defined one with everything it is made from."""
        if t.definition is None:
            return self.operand(t)
        parts = [self.names.tensors[t.name], "bound"]
        parts += [self.function(f, n) for f, n in made_with(t)]
        return " ".join([*parts, *map(self.operand, made_from(t))])

    def factor(self, f: Factor) -> str:
        """Write a factor."""
        if isinstance(f, Access):
            return " ".join([self.tensor(f.tensor), *map(self.argument, f.index)])
        if isinstance(f, Range):
            return f"box {self.argument(f.value)} {self.argument(f.size)}"
        if isinstance(f, Equal):
            return f"point {self.argument(f.value)}"
        if isinstance(f, Apply):
            return f"{self.function(f.function, f.order)} ({self.factor(f.argument)})"
        if self.wrt is not None:
            raise ScriptError("a derivative of a derivative")
        return f"slope ({Printer(self.names, f.wrt).product(f.factors)})"

    def product(self, factors: Sequence[Factor]) -> str:
        """Write a product."""
        return " [*] ".join(map(self.factor, factors)) or "one"

    def term(self, t: Term) -> str:
        """Write a term."""
        if t.coefficient != 1:
            raise ScriptError(f"the coefficient {t.coefficient}")
        return self.sums(t.variables, self.product(t.factors))

    def sums(self, variables: Sequence[Symbol], body: str) -> str:
        """Write the sums of a body."""
        return "".join(f"sum[bound] {self.variable(v)}, " for v in variables) + body

    def expression(self, terms: Sequence[Term]) -> str:
        """Write a sum of terms."""
        written = [self.term(t) for t in terms]
        if len(written) == 1:
            return written[0]
        return " [+] ".join(f"({t})" for t in written) or "zero"

    def condition(self, c: Condition) -> str:
        """Write a condition as a proposition."""
        if isinstance(c, Range):
            return f"0 <= {self.index(c.value)} < {self.index(c.size)}"
        return f"{self.index(c.value)} = 0" if isinstance(c, Equal) else f"0 <= {self.index(c.value)}"

    def boxed(self, boxes: Sequence[Range], terms: Sequence[Term]) -> str:
        """Write a defined tensor's value: brackets times the sum that defines it."""
        body = self.expression(terms)
        for b in reversed(boxes):
            body = f"{self.factor(b)} [*] ({body})"
        return body


def made_from(t: Tensor) -> list[Tensor]:
    """Return the free tensors that a tensor is made from."""
    if t.definition is None:
        return [t]
    return [u for u in tensors(t.definition.body) if u.definition is None]


def made_with(t: Tensor) -> list[tuple[str, int]]:
    """Return the scalar functions that a tensor is made with."""
    return list(dict.fromkeys(_functions(t.definition.body))) if t.definition else []


def _boxes(t: Tensor, index: Sequence[Expr]) -> tuple[Range, ...]:
    return tuple(Range(e, n) for e, n in zip(index, t.shape, strict=True) if n is not None)


def _sources(obligation: Obligation, certificate: Certificate) -> Iterator[Condition]:
    """List the conditions of the context that the proof of a goal uses."""
    origin: dict[Expr, Condition] = {}
    for c in obligation.context:
        for e in (e for found in facts((c,)) for e in found):
            origin.setdefault(e, c)
    nonnegative, zero = facts(obligation.context)
    hard = open_parts(obligation)
    for part in parts(obligation.goal):
        if part not in hard:
            yield from _spare(part, origin, obligation)
    for refutation in certificate:
        for _, numbers in refutation.products:
            yield from (origin[nonnegative[n]] for n in numbers if n < len(nonnegative))
        yield from (origin[zero[n]] for _, n in refutation.multiples)


def _spare(
    part: AtLeast | Nonzero, origin: Mapping[Expr, Condition], obligation: Obligation
) -> Iterator[Condition]:
    """Find the one condition that makes a goal evident."""
    if part.value.is_number:
        return
    for e, c in origin.items():
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
        split: the tactic that leaves only the case where it holds, for a product that is zero
            otherwise; empty for what always holds.

    """

    condition: Condition
    split: str


@dataclass
class Case:
    """The tactics of one lemma, and the bounds they need."""

    theorem: Theorem
    names: Names
    step: Step | None = None
    obligations: tuple[Obligation, ...] = ()
    premises: dict[str, None] = field(default_factory=dict)
    tactics: list[str] = field(default_factory=list)
    labels: int = 0

    @property
    def plain(self) -> Printer:
        """Return the printer of the scalars."""
        return Printer(self.names)

    def say(self, tactic: str) -> None:
        """Add a tactic."""
        self.tactics.append(tactic)

    def label(self, hint: str) -> str:
        """Return a new name for a fact."""
        self.labels += 1
        return f"{hint}_{self.labels}"

    def supports(self, factors: Sequence[Factor], finish: str = "void") -> list[Support]:
        """List what holds throughout and where these factors are nonzero."""
        out = [Support(c, "") for c in self.theorem.conditions]
        for f in factors:
            if isinstance(f, Range | Equal):
                out.append(Support(f, self._split_bracket(f, finish)))
            elif isinstance(f, Access) and f.tensor.definition is None:
                boxes = _boxes(f.tensor, f.index)
                for axis, b in enumerate(boxes):
                    out.append(Support(b, self._split_access(f, boxes, axis, finish)))
        return out

    def _split_bracket(self, f: Bracket, finish: str) -> str:
        name = self.label("in")
        decide = "Z.eq_dec" if isinstance(f, Equal) else "within"
        lemma = "point_off" if isinstance(f, Equal) else "box_out"
        arguments = self.plain.factor(f).split(" ", 1)[1]
        zero = " 0" if isinstance(f, Equal) else ""
        return (
            f"destruct ({decide} {arguments}{zero}) as [{name} | {name}]; "
            f"[| rewrite ({lemma} _ {arguments} {name}); {finish}]."
        )

    def _split_access(self, f: Access, boxes: Sequence[Range], axis: int, finish: str) -> str:
        name, b, plain = self.label("in"), boxes[axis], self.plain
        part = "all"
        if len(boxes) > 1:
            for _ in range(min(axis, len(boxes) - 1)):
                part = f"(proj2 {part})"
            part = part if axis == len(boxes) - 1 else f"(proj1 {part})"
        tensor, index = plain.operand(f.tensor), " ".join(map(plain.argument, f.index))
        outside = f"({tensor}_box {index} (fun all => {name} {part}))"
        return (
            f"destruct (within {plain.argument(b.value)} {plain.argument(b.size)}) "
            f"as [{name} | {name}]; [| rewrite {outside}; {finish}]."
        )

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

    def _refute(self, part: Condition, refutation: Refutation, obligation: Obligation) -> list[str]:
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
        """Return the tactics that refute ``bound < |e|``; the bound becomes a premise."""
        steps: list[str] = []
        used: list[Support] = []
        known: dict[Symbol, tuple[str, str]] = {}
        variables = set(bound)

        def size(rest: Expr) -> str:
            """Return a bound of an expression in known variables; prove what it needs."""
            parts = []
            for v in sorted(rest.free_symbols & variables, key=lambda v: v.name):
                c = coefficient(rest, v)
                rest = normal(rest - c * v)
                reached, fact = known[v]
                if c in (1, -1):
                    parts.append(reached)
                    steps.append(f"pose proof {fact}.")
                else:
                    written = self.plain.argument(c)
                    steps.append(f"pose proof (reach_mul {written} {self.plain.variable(v)} _ {fact}).")
                    parts.append(f"Z.abs {written} * ({reached})")
            if rest != 0:
                parts.append(f"Z.abs {self.plain.argument(rest)}")
            return " + ".join(parts) or "0"

        def conclude(goal: str, reached: str, facts: list[str]) -> str:
            name = self.label("reach")
            ready = " ".join(facts)
            steps.append(f"assert ({name} : Z.abs {goal} <= {reached}).")
            steps.append(f"{{ {ready} lia. }}")
            return name

        def measure(goal: Expr, s: Support, written: str) -> tuple[str, str] | None:
            """Bound an expression by one condition in which it stands up to sign."""
            value = s.condition.value
            for sign in (1, -1):
                rest = normal(sign * value - goal)
                if rest.free_symbols & variables <= known.keys():
                    mark = len(steps)
                    parts = [p for p in (size(rest),) if p != "0"]
                    ready, steps[mark:] = steps[mark:], []
                    if isinstance(s.condition, Range):
                        parts.insert(0, f"Z.abs {self.plain.argument(s.condition.size)}")
                    reached = " + ".join(parts) or "0"
                    used.append(s)
                    return reached, conclude(written, reached, ready)
            return None

        usable = [s for s in supports if isinstance(s.condition, Range | Equal)]
        moduli = [c.value + 1 for c in self.theorem.hypotheses if isinstance(c, AtLeast)]
        found = next(
            (m for s in usable if (m := measure(e, s, self.plain.argument(e)))), None
        ) if e.free_symbols & variables else None
        progress = True
        while found is None and progress and not e.free_symbols & variables <= known.keys():
            progress = False
            for s in usable:
                for v in sorted(s.condition.value.free_symbols & variables, key=lambda v: v.name):
                    c = coefficient(s.condition.value, v)
                    unit = c in (1, -1)
                    positive = next((m for m in moduli if m in (c, normal(-c))), None)
                    if v in known or not (unit or positive is not None):
                        continue
                    goal = v if unit else normal(positive * v)
                    measured = measure(goal, s, self.plain.argument(goal))
                    if measured is None:
                        continue
                    reached, fact = measured
                    if not unit:
                        name = self.label("reach")
                        m = self.plain.argument(positive)
                        steps.append(
                            f"pose proof (reach_div {m} {self.plain.variable(v)} _ "
                            f"ltac:(lia) {fact}) as {name}."
                        )
                        fact = name
                    known[v] = (reached, fact)
                    progress = True
        if found is None:
            if not e.free_symbols & variables <= known.keys():
                raise ScriptError(f"no bound found for {e}")
            mark = len(steps)
            reached = size(e)
            ready, steps[mark:] = steps[mark:], []
            found = reached, conclude(self.plain.argument(e), reached, ready)
        self.premises[found[0]] = None
        splits = [s.split for s in dict.fromkeys(used) if s.split]
        return [*splits, *steps, f"exfalso; apply (unreachable far {found[1]}); assumption."]



# One tactic for each rule. Each proves that a term of the line before is the sum of some terms.


def _descend(case: Case, variables: Sequence[Symbol], terms: int = 1) -> None:
    """Go under the outer sums of an equation between a term and some terms."""
    for v in map(case.plain.variable, variables):
        if terms > 1:
            case.say("rewrite <- ?total_add.")
        case.say(f"apply {'total_ext' if terms else 'total_zero'}; intro {v}.")


def _inside(case: Case, variables: Sequence[Symbol]) -> str:
    return "".join(f"apply total_zero; intro {case.plain.variable(v)}. " for v in variables)


def _pull(case: Case, around: Sequence[Factor], bodies: Sequence[Term]) -> None:
    """Prove ``A * (sum F + ...) * C = sum A F C + ...``: the factors around go into each sum."""
    if not any(b.variables for b in bodies):
        case.say("ring.")
        return
    c, written = case.plain.product(around), [case.plain.term(b) for b in bodies]
    case.say(f"transitivity ({' [+] '.join(f'({c}) [*] ({w})' for w in written)}); [ring |].")
    inner = [
        "".join(f"apply total_scale; intro {case.plain.variable(v)}; " for v in b.variables)
        + "ring"
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
    bodies, boxes = _bodies(place, access), _boxes(access.tensor, access.index)
    _descend(case, place.term.variables, len(dst))
    unfolded = case.plain.boxed(boxes, bodies)
    name = case.names.tensors[access.tensor.name]
    case.say(f"assert (E : {case.plain.factor(access)} = {unfolded}).")
    case.say(f"{{ unfold {name}. congruent. }}")
    case.say("rewrite E; clear E.")
    _pull(case, (*place.around(factor), *boxes), bodies)


def _linearity(case: Case, place: Place, dst: Sequence[Term], factor: int) -> None:
    pending = place.factor(factor)
    assert isinstance(pending, Derivative)
    access, wrt = pending.factors[0], pending.wrt
    assert isinstance(access, Access)
    bodies, boxes = _bodies(place, access), _boxes(access.tensor, access.index)
    slopes = [Term(b.coefficient, b.variables, (Derivative(b.factors, wrt),)) for b in bodies]
    dual = Printer(case.names, wrt)
    name = case.names.tensors[access.tensor.name]
    _descend(case, place.term.variables, len(dst))
    case.say(f"assert (E : {case.plain.factor(pending)} = {case.plain.boxed(boxes, slopes)}).")
    case.say(f"{{ transitivity (slope ({dual.boxed(boxes, bodies)})).")
    case.say(f"  {{ apply f_equal. unfold {name}. congruent. }}")
    case.say("  rewrite ?slope_bracket.")
    nested = "repeat (apply slope_total; intro); reflexivity"
    case.say(f"  {'rewrite ?slope_add. ' if len(bodies) > 1 else ''}congruent; {nested}. }}")
    case.say("rewrite E; clear E.")
    _pull(case, (*place.around(factor), *boxes), slopes)


def _leibniz(case: Case, place: Place, dst: Sequence[Term], factor: int) -> None:
    pending = place.factor(factor)
    assert isinstance(pending, Derivative)
    dual = Printer(case.names, pending.wrt)
    _descend(case, place.term.variables, len(dst))
    case.say("rewrite ?slope_mul, ?value_mul, ?slope_box, ?value_box, ?slope_point, ?value_point.")
    for f in pending.factors:
        if isinstance(f, Access) and f.tensor.definition is not None:
            case.say(f"rewrite ?value_{case.names.tensors[f.tensor.name]}.")
        elif isinstance(f, Access | Apply):
            case.say(f"change (value ({dual.factor(f)})) with ({case.plain.factor(f)}).")
    case.say("ring.")


def _entry(case: Case, place: Place, dst: Sequence[Term], factor: int) -> None:
    pending = place.factor(factor)
    assert isinstance(pending, Derivative)
    access, wrt = pending.factors[0], pending.wrt
    assert isinstance(access, Access)
    slope = case.plain.factor(pending)
    _descend(case, place.term.variables, len(dst))
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
    _descend(case, place.term.variables, len(dst))
    slope, product = case.plain.factor(pending), case.plain.product((outer, inner))
    case.say(f"assert (E : {slope} = {product}) by reflexivity.")
    case.say("rewrite E; ring.")


def _sift(
    case: Case, place: Place, dst: Sequence[Term], factor: int, variable: Symbol
) -> None:
    t, equation = place.term, place.factor(factor)
    assert isinstance(equation, Equal)
    e = normal(variable - coefficient(equation.value, variable) * equation.value)
    at = t.variables.index(variable)
    outer, inner = t.variables[:at], t.variables[at + 1 :]
    if e.free_symbols & set(inner):
        order = (*outer, *inner, variable)
        moved = Term(t.coefficient, order, t.factors)
        _permute(case, t, moved)
        outer, inner = (*outer, *inner), ()
    rest = dst[0].factors
    v = case.plain.variable(variable)
    _descend(case, outer)
    case.say(f"apply (total_sift _ _ _ {case.plain.argument(e)}).")
    off = case.plain.argument(equation.value)
    case.say(
        f"{{ intros {v} off. {_inside(case, inner)}"
        f"rewrite (point_off _ {off}); [void | lia]. }}"
    )
    at_point = [*rest[:factor], Equal(normal(0 * e)), *rest[factor:]]
    body = case.plain.sums(inner, case.plain.product(at_point))
    case.say(f"{{ transitivity ({body}).")
    case.say("  { congruent. }")
    _descend(case, inner)
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


def _permute(case: Case, before: Term, after: Term) -> None:
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
    case.say("reflexivity. }")


def _exchange(case: Case, place: Place, dst: Sequence[Term], order: tuple[int, ...]) -> None:
    _permute(case, place.term, dst[0])
    case.say("reflexivity.")


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
            new = [u for u in e.free_symbols & set(variables) if u not in ready]
            if len(new) == 1 and coefficient(e, new[0]) in (1, -1):
                moves.append((aside[v], new[0], e))
                ready.add(new[0])
                del left[v]
                break
        else:
            raise ScriptError(f"the change of variables {mapping} is not triangular")
    case.names = case.names.extended(aside.values())
    first = (*(e for e in same.values() if isinstance(e, Symbol)), *(v for v, _, _ in moves))
    factors = tuple(substitute_factor(f, old) for f in t.factors)
    start = Term(t.coefficient, tuple(old[v] for v in t.variables), factors)
    current = Term(t.coefficient, first, factors)
    _permute(case, start, current)
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
        _descend(case, outer)
        go, come = case.plain.index(e), case.plain.index(back)
        case.say(f"apply (total_move _ _ _ _ (fun {old_name} => {come}) (fun {new_name} => {go})).")
        case.say("{ intros; ring. } { intros; ring. } { intros; congruent. }")
        for w, terms in ((v, current), (u, moved)):
            case.say(f"{{ intros {case.plain.variable(w)}.")
            _vanish(case, w, (*outer, w, *inner), inner, terms.factors)
            case.say("}")
        case.say("}")
        current = moved
    _permute(case, current, dst[0])
    case.say("congruent.")


def _euclid(
    case: Case, place: Place, dst: Sequence[Term], value: Expr, modulus: Expr, variable: Symbol
) -> None:
    t, plain = place.term, case.plain
    _descend(case, t.variables)
    u, m, e = plain.variable(variable), plain.argument(modulus), plain.argument(value)
    product = plain.product(t.factors)
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
    _descend(case, place.term.variables)
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


def _reorder(
    case: Case, place: Place, dst: Sequence[Term], factors: tuple[Factor, ...]
) -> None:
    _descend(case, place.term.variables)
    for f in factors:
        if isinstance(f, Equal) and f not in place.term.factors:
            new, old = case.plain.argument(f.value), case.plain.argument(normal(-f.value))
            case.say(f"rewrite (point_opp _ {old} {new} ltac:(ring)).")
    case.say("ring.")


def _whole(case: Case, place: Place, dst: Sequence[Term], **_: object) -> None:
    case.say("ring.")


TACTICS: Mapping[str, Callable[..., None]] = {
    "definition": _definition,
    "linearity": _linearity,
    "leibniz": _leibniz,
    "entry": _entry,
    "chain": _chain,
    "sift": _sift,
    "exchange": _exchange,
    "reindex": _reindex,
    "bracket": _bracket,
    "euclid": _euclid,
    "reorder": _reorder,
    "collect": _whole,
    "arrange": _whole,
}


def _lemma(theorem: Theorem, names: Names, number: int) -> Lemma:
    step = theorem.proof.steps[number - 1]
    before, after = theorem.lines[number - 1], theorem.lines[number]
    if step.rule not in TACTICS:
        raise ScriptError(f"{theorem.name}, step {number}: no tactic for the rule {step.rule}")
    if step.reverse:
        before, after = after, before
    case = Case(theorem, names, step, theorem.obligations[number - 1])
    place = Place(before, step.at, theorem.conditions)
    case.say(f"unfold line_{number - 1}, line_{number}.")
    if step.reverse:
        case.say("symmetry.")
    count = len(after) - len(before) + 1
    dst = after[step.at : step.at + count]
    if len(before) > 1 and TACTICS[step.rule] is not _whole:
        one, some = case.plain.term(place.term), case.plain.expression(dst)
        case.say(f"cut (({one}) = {some}); [intros E; rewrite E; ring |].")
    TACTICS[step.rule](case, place, dst, **dict(step.arguments))
    title = step.rule + (", from right to left" if step.reverse else "")
    return Lemma(number, title, number - 1, tuple(case.premises), tuple(case.tactics))


def _stable(theorem: Theorem, names: Names) -> Lemma:
    """Show that one line is a finite sum: a larger bound adds nothing."""
    problems = []
    for number, line in enumerate(theorem.lines):
        case = Case(theorem, names)
        try:
            _finite(case, number, line)
        except ScriptError as error:
            problems.append(str(error))
            continue
        return Lemma(number, "", number, tuple(case.premises), tuple(case.tactics))
    raise ScriptError(f"{theorem.name}: no line is plainly finite: {problems}")


def _finite(case: Case, number: int, line: Expression) -> None:
    case.say(f"unfold line_{number}.")
    for left in range(len(line) - 1, 0, -1):
        case.say("apply f_equal2." if left else "")
    for t in line:
        plain = all(
            isinstance(f, Equal | Range | Apply)
            or (isinstance(f, Access) and f.tensor.definition is None)
            for f in t.factors
        )
        if not plain:
            raise ScriptError("a factor is defined or pending")
        case.say("{")
        for n, v in enumerate(t.variables):
            inner = t.variables[n + 1 :]
            case.say("apply total_more; [lia | |].")
            case.say(f"{{ intros {case.plain.variable(v)}.")
            _vanish(case, v, t.variables, inner, t.factors)
            case.say("}")
            case.say(f"intro {case.plain.variable(v)}.")
        case.say("reflexivity. }")


def _script(theorem: Theorem) -> Script:
    names = Names.of(theorem)
    plain = Printer(names)
    sides = (*theorem.lhs, *theorem.rhs)
    free = [t for t in _mentioned(theorem.lines) if t.definition is None]
    defined = [t for t in _mentioned(theorem.lines) if t.definition is not None]
    functions = list(dict.fromkeys(f for line in theorem.lines for f in _functions(line)))
    variables = {v for v, _ in theorem.variables}
    parameters: set[Symbol] = set()
    for c in theorem.conditions:
        parameters |= factor_symbols(c)
    for t in sides:
        parameters |= t.symbols - set(t.variables)
    parameters -= variables
    pending = _pending(theorem.lhs)
    inside = tensors(theorem.lhs)
    lemmas = tuple(_lemma(theorem, names, n + 1) for n in range(len(theorem.proof.steps)))
    stable = _stable(theorem, names)
    premises = list(dict.fromkeys(p for x in (*lemmas, stable) for p in x.premises))
    least = "0"
    for p in reversed(premises):
        least = f"Z.max ({p}) ({least})"
    last = len(theorem.lines) - 1
    return Script(
        name=names_of_file(theorem.name),
        header=(f"theorem {theorem.name}, proof {theorem.proof.digest}",),
        library=LIBRARY,
        parameters=" ".join(plain.variable(v) for v in sorted(parameters, key=lambda v: v.name)),
        perturbed=tuple(_perturbed(plain, t, pending) for t in inside if t.definition is None)
        if pending
        else (),
        definitions=tuple(_defined(names, t) for t in defined),
        functions=tuple(names.tensors[_function(f, n)] for f, n in functions),
        operands=tuple(f"{names.tensors[t.name]} : {'Z -> ' * len(t.shape)}scalars" for t in free),
        boxes=tuple(_boxed(plain, t) for t in free if t.shape),
        hypotheses=tuple(
            (f"given_{n + 1}", plain.condition(c)) for n, c in enumerate(theorem.hypotheses)
        ),
        variables=tuple(plain.variable(v) for v, _ in theorem.variables),
        ranges=tuple(
            (f"range_{plain.variable(v)}", f"0 <= {plain.variable(v)} < {plain.index(n)}")
            for v, n in theorem.variables
            if n is not None
        ),
        left=plain.expression(theorem.lhs),
        right=plain.expression(theorem.rhs),
        projections=tuple(_projection(names, t, pending) for t in inside if t.definition)
        if pending
        else (),
        lines=tuple(map(plain.expression, theorem.lines)),
        lemmas=lemmas,
        stable=stable,
        premises=tuple(premises),
        least=least,
        forward=tuple(range(1, stable.number + 1)),
        backward=tuple(range(last, stable.number, -1)),
        last=last,
    )


def names_of_file(name: str) -> str:
    """Return the name of a theorem as an identifier, and of its file without the ending."""
    return re.sub(r"\W", "_", name)


def _mentioned(lines: Iterable[Expression]) -> list[Tensor]:
    return list(dict.fromkeys(t for line in lines for t in tensors(line)))


def _pending(expression: Expression) -> Access | None:
    """Return the entry by which an expression is differentiated."""
    found = [f.wrt for t in expression for f in t.factors if isinstance(f, Derivative)]
    return found[0] if found else None


def _perturbed(plain: Printer, t: Tensor, wrt: Access) -> str:
    name, rank = plain.names.tensors[t.name], len(t.shape)
    at = [f"at{n + 1}" for n in range(rank)]
    kind = "Z -> " * rank
    arguments = "".join(f" i{n + 1}" for n in range(rank))
    lambda_ = f"fun{arguments} => " if rank else ""
    entry = f"{name}{arguments}"
    if t == wrt.tensor:
        delta = " [*] ".join(f"point (i{n + 1} - at{n + 1})" for n in range(rank)) or "one"
        return (
            f"moved_{name} {{A : Ring}} ({name} : {kind}A) {' '.join(at)} : {kind}dual A :=\n"
            f"  {lambda_}({entry}, {delta})"
        )
    return f"fixed_{name} {{A : Ring}} ({name} : {kind}A) : {kind}dual A :=\n  {lambda_}({entry}, zero)"


def _defined(names: Names, t: Tensor) -> str:
    plain, definition = Printer(names), t.definition
    assert definition is not None
    parts = [names.tensors[t.name], "{A : Ring}", "(bound : Z)"]
    for f, n in made_with(t):
        parts.append(f"({names.tensors[_function(f, n)]} : A -> A)")
    for u in made_from(t):
        parts.append(f"({names.tensors[u.name]} : {'Z -> ' * len(u.shape)}A)")
    if definition.formals:
        parts.append(f"({' '.join(map(plain.variable, definition.formals))} : Z)")
    body = plain.boxed(_boxes(t, definition.formals), definition.body)
    return f"{' '.join(parts)} : A :=\n  {body}"


def _boxed(plain: Printer, t: Tensor) -> tuple[str, str]:
    name = plain.names.tensors[t.name]
    index = [f"i{n + 1}" for n in range(len(t.shape))]
    inside = " /\\ ".join(
        f"0 <= {i} < {plain.index(n)}"
        for i, n in zip(index, t.shape, strict=True)
        if n is not None
    )
    return f"{name}_box", f"forall {' '.join(index)}, ~ ({inside}) -> {name} {' '.join(index)} = zero"


def _projection(names: Names, t: Tensor, wrt: Access) -> tuple[str, str, str]:
    plain, dual = Printer(names), Printer(names, wrt)
    assert t.definition is not None
    index = "".join(f" i{n + 1}'" for n in range(len(t.shape)))
    inner = "".join(
        f"rewrite ?value_{names.tensors[u.name]}; "
        for u in tensors(t.definition.body)
        if u.definition is not None
    )
    claim = f"value ({dual.tensor(t)}{index}) = {plain.tensor(t)}{index}"
    return names.tensors[t.name], f"forall bound{index}, {claim}", f"project; {inner}reflexivity"
