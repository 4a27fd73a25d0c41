"""The proof of one lemma as a list of tactics, and building blocks that all tactics share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sympy import Expr, Symbol

from rot180.codegen.rocq.identifiers import Names, ScriptError
from rot180.codegen.rocq.printer import Printer, boxes_of, named
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
from rot180.derive.kernel.proof import Proof, Step, Theorem
from rot180.derive.language.polynomial import normal
from rot180.derive.language.terms import (
    Access,
    AtLeast,
    Bracket,
    Condition,
    Derivative,
    Equal,
    Factor,
    Range,
    Tensor,
    Term,
)


def _sources(obligation: Obligation, certificate: Certificate) -> Iterator[Condition]:
    """Yield the conditions of the context that the proof of a goal uses."""
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
    """Yield the one condition that makes a goal evident."""
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


@dataclass(frozen=True)
class CitedModule:
    """A theorem that a proof cites, as a module of its script.

    Attributes:
        module: the module's name.
        theorem: the theorem.
        parameters: its sizes and parameters, in the order of the module's lemma.
        functions: its scalar functions with their orders.
        relations: the derivatives whose relation it assumes.
        operands: its free tensors.
        definitions: the names, in the module, of the definitions that its two sides use.

    """

    module: str
    theorem: Theorem
    parameters: tuple[Symbol, ...]
    functions: tuple[tuple[str, int], ...]
    relations: tuple[tuple[str, int], ...]
    operands: tuple[Tensor, ...]
    definitions: tuple[str, ...]

    @property
    def variables(self) -> tuple[Symbol, ...]:
        """Return the arguments of the module's lemma: parameters and free variables."""
        return (*self.parameters, *(v for v, _ in self.theorem.variables))


@dataclass(frozen=True)
class Support:
    """A condition that holds where a product is nonzero.

    Attributes:
        condition: the condition.
        name: the name of the fact.
        decide: what decides the condition; empty if it always holds.
        zero: the proof that a factor is zero where it does not hold.

    """

    condition: Condition
    name: str
    decide: str = ""
    zero: str = ""

    @property
    def split(self) -> str:
        """Return the tactic that leaves only the case in which the condition holds, if any.

        In the other case the product is zero.
        """
        if not self.decide:
            return ""
        cases = f"destruct ({self.decide}) as [{self.name} | {self.name}]"
        return f"{cases}; [| rewrite ({self.zero}); void]."


def outside(names: Names, t: Tensor) -> str:
    """Name the fact that a tensor is zero outside its box; for a defined tensor it is a lemma."""
    return f"{names.tensors[t.name]}_box" + (" bound" if t.definition else "")


@dataclass
class LemmaProof:
    """The proof of one lemma: its tactics, and the bounds that they need.

    Attributes:
        theorem: the theorem whose proof the lemma is a part of.
        names: the identifiers.
        step: the step that the lemma proves.
        obligations: the obligations of the step.
        cited: the theorems that the proof cites.
        perturbed: the identifiers of the operands over the dual numbers.
        pairs: the defined tensors that are differentiated, each with the tensor of the variable.
        wrt: the entry that is perturbed, if the lemma is about a product under a derivative.
        outer: the variables that are bound around that derivative.
        known: the conditions that hold around it, with the names of the facts.
        boxed: for each of its operands, the fact that it is zero outside its box.
        premises: lower limits for the bound of the sums.
        tactics: the tactics so far.
        labels: how many facts have a numbered name.

    """

    theorem: Theorem
    names: Names
    step: Step | None = None
    obligations: tuple[Obligation, ...] = ()
    cited: Mapping[Proof, CitedModule] = field(default_factory=dict)
    perturbed: tuple[str, ...] = ()
    pairs: tuple[tuple[Tensor, Tensor], ...] = ()
    wrt: tuple[Access, ...] = ()
    outer: tuple[Symbol, ...] = ()
    known: tuple[tuple[Condition, str], ...] = ()
    boxed: dict[Tensor, str] = field(default_factory=dict)
    premises: dict[str, None] = field(default_factory=dict)
    tactics: list[str] = field(default_factory=list)
    labels: int = 0

    @classmethod
    def for_step(
        cls,
        theorem: Theorem,
        names: Names,
        number: int,
        cited: Mapping[Proof, CitedModule],
        perturbed: tuple[str, ...],
        pairs: tuple[tuple[Tensor, Tensor], ...],
    ) -> LemmaProof:
        """Return the empty proof for a step, by its number from 1."""
        step, obligations = theorem.proof.steps[number - 1], theorem.obligations[number - 1]
        return cls(theorem, names, step, obligations, cited, perturbed, pairs)

    @property
    def plain(self) -> Printer:
        """Return the printer for the ring of the lemma."""
        return Printer(self.names, self.wrt)

    def given(self) -> Iterator[tuple[Condition, str]]:
        """Yield the conditions that hold throughout, with the names of the facts."""
        yield from named(self.theorem.variables, self.theorem.hypotheses, self.plain)
        yield from self.known

    def value_lemma(self, t: Tensor, by: Tensor) -> str:
        """Name the lemma that the value of a tensor over the dual numbers is the tensor itself."""
        others = list(dict.fromkeys(u for _, u in self.pairs))
        number = f"'{others.index(by) + 1}" if len(others) > 1 else ""
        return f"value_{self.names.tensors[t.name]}{number}"

    def outside(self, t: Tensor) -> str:
        """Name the fact that a tensor is zero outside its box."""
        if t.definition is None and self.wrt:
            return self.boxed.setdefault(t, f"boxed_{len(self.boxed) + 1}")
        return outside(self.names, t)

    def add(self, tactic: str) -> None:
        """Add a tactic."""
        self.tactics.append(tactic)

    def label(self, hint: str) -> str:
        """Return a new name for a fact."""
        self.labels += 1
        return f"{hint}_{self.labels}"

    def supports(self, factors: Sequence[Factor]) -> list[Support]:
        """List what holds throughout, and what holds where the factors are nonzero."""
        out = [Support(c, name) for c, name in self.given()]
        for f in factors:
            if isinstance(f, Range | Equal):
                out.append(self._split_bracket(f))
            elif isinstance(f, Access):
                boxes = boxes_of(f.tensor, f.index)
                for axis, b in enumerate(boxes):
                    out.append(self._split_access(f, boxes, axis, b))
            elif isinstance(f, Derivative) and len(f.factors) == 1:
                out += self._split_derivative(f)
        return out

    def _split_bracket(self, f: Bracket) -> Support:
        name, arguments, decide, outside, _ = self.bracket(f)
        return Support(f, name, decide, f"{outside} _ {arguments} {name}")

    def _split_access(self, f: Access, boxes: Sequence[Range], axis: int, b: Range) -> Support:
        name = self.label("in")
        zero = self._zero(f, boxes, axis, name)
        if f.tensor.definition is not None:
            zero += f" : {self.plain.factor(f)} = (zero : {self.plain.ring})"
        return Support(b, name, self.bracket(b)[2], zero)

    def _split_derivative(self, f: Derivative) -> Iterator[Support]:
        """Yield the box of a defined tensor that is differentiated: outside, its slope is zero."""
        (entry,) = f.factors
        if not isinstance(entry, Access) or entry.tensor.definition is None:
            return
        boxes, dual = boxes_of(entry.tensor, entry.index), self.plain.under(f.wrt)
        for axis, b in enumerate(boxes):
            name = self.label("in")
            zero = f"{self._zero(entry, boxes, axis, name)} : {dual.factor(entry)} = "
            zero = f"f_equal slope ({zero}(zero : {dual.ring}))"
            zero += f" : {self.plain.factor(f)} = (zero : {self.plain.ring})"
            yield Support(b, name, self.bracket(b)[2], zero)

    def _zero(self, f: Access, boxes: Sequence[Range], axis: int, name: str) -> str:
        """Write the proof that an entry is zero, from a fact about an axis."""
        part = "all"
        if len(boxes) > 1:
            for _ in range(min(axis, len(boxes) - 1)):
                part = f"(proj2 {part})"
            part = part if axis == len(boxes) - 1 else f"(proj1 {part})"
        index = " ".join(map(self.plain.argument, f.index))
        return f"{self.outside(f.tensor)} {index} (fun all => {name} {part})"

    def bracket(self, f: Bracket) -> tuple[str, str, str, str, str]:
        """Return a new name, the arguments, the decision and the two lemmas of a bracket."""
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
        """Return the splits that provide the conditions which some goals need."""
        wanted: dict[Condition, None] = {}
        for o in obligations:
            wanted.update((c, None) for c in _sources(o, self.certificate(o)))
        out = []
        for c in wanted:
            if c in known:
                continue
            found = next((s for s in supports if s.condition == c), None)
            if found is None:
                raise ScriptError("a goal needs the support of a defined tensor")
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


def descend(proof: LemmaProof, variables: Sequence[Symbol], terms: int = 1) -> None:
    """Enter the outer sums on both sides of an equation between a term and some terms."""
    for v in map(proof.plain.variable, variables):
        if terms > 1:
            proof.add("rewrite <- ?total_add.")
        proof.add(f"apply {'total_ext' if terms else 'total_zero'}; intro {v}.")


def inside(proof: LemmaProof, variables: Sequence[Symbol]) -> str:
    """Enter the sums of a term that is zero."""
    return "".join(f"apply total_zero; intro {proof.plain.variable(v)}. " for v in variables)


def typed(proof: LemmaProof, text: str, factors: Sequence[Factor]) -> str:
    """Put a product in parentheses, with its type if its factors do not determine it."""
    plain = all(isinstance(f, Equal | Range) for f in factors)
    return f"({text} : {proof.plain.ring})" if plain else f"({text})"


def pull(proof: LemmaProof, t: Term, around: Sequence[Factor], bodies: Sequence[Term]) -> None:
    """Prove ``A * (sum F + ...) * C = sum A F C + ...``: move factors into each sum."""
    split, ring = "", "ring"
    for b in bodies:
        if 1 not in (t.coefficient, b.coefficient):
            product = normal(t.coefficient * b.coefficient)
            c, d, e = map(proof.plain.argument, (t.coefficient, b.coefficient, product))
            if product == 1:  # one side has no constant that could be rewritten
                unit = f"(const_mul {proof.plain.ring} 1 {c} {d} ltac:(ring))"
                ring = f"ring [(eq_trans (eq_sym {unit}) (const_one {proof.plain.ring}))]"
                continue
            split += f"rewrite ?(const_mul _ {e} {c} {d} ltac:(ring)); "
    if not any(b.variables for b in bodies):
        proof.add(f"{split}{ring}.")
        return
    c, written = proof.plain.product(around, t.coefficient), [proof.plain.term(b) for b in bodies]
    proof.add(f"transitivity ({' [+] '.join(f'({c}) [*] ({w})' for w in written)}); [ring |].")
    inner = [
        "".join(f"apply total_scale; intro {proof.plain.variable(v)}; " for v in b.variables)
        + f"{split}{ring}"
        for b in bodies
    ]
    nested = inner[0]
    for one in inner[1:]:
        nested = f"apply f_equal2; [{nested} | {one}]"
    proof.add(f"{nested}.")


def permute(proof: LemmaProof, before: Term, after: Term) -> None:
    """Change the order of a term's sums, by exchanging two neighbours at a time."""
    order = list(before.variables)
    if tuple(order) == after.variables:
        return
    proof.add(f"transitivity ({proof.plain.term(after)}).")
    proof.add("{")
    for place, wanted in enumerate(after.variables):
        for n in range(order.index(wanted), place, -1):
            under = "".join(
                f"apply total_ext; intro {proof.plain.variable(v)}; " for v in order[: n - 1]
            )
            proof.add(f"etransitivity; [{under}apply total_swap |].")
            order[n - 1], order[n] = order[n], order[n - 1]
    proof.add("congruent. }")
