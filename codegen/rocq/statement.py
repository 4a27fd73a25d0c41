"""The statement of a script, printed from variables, hypotheses and two sides alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from sympy import Symbol

from rot180.codegen.rocq.identifiers import (
    Names,
    ScriptError,
    function_name,
    functions_of,
    identifier,
)
from rot180.codegen.rocq.printer import (
    Printer,
    boxes_of,
    functions_in,
    named,
    operands_of,
    relations_of,
)
from rot180.derive.kernel.proof import Variables
from rot180.derive.language.polynomial import symbol
from rot180.derive.language.substitute import derivatives
from rot180.derive.language.terms import (
    Access,
    Apply,
    Condition,
    Derivative,
    Expression,
    Range,
    Tensor,
    Term,
    accesses_and_brackets,
    factor_symbols,
    tensors,
    term,
)


@dataclass(frozen=True)
class ScriptStatement:
    """A statement; every field is text of the script.

    What is assumed of a divisor is true from some bound of the sums on, which has a name.
    """

    parameters: str
    perturbed: tuple[str, ...]
    definitions: tuple[str, ...]
    functions: tuple[str, ...]
    relations: tuple[tuple[str, str], ...]
    operands: tuple[str, ...]
    boxes: tuple[tuple[str, str], ...]
    hypotheses: tuple[tuple[str, str], ...]
    divisors: tuple[tuple[str, str, str], ...]
    variables: tuple[str, ...]
    ranges: tuple[tuple[str, str], ...]
    left: str
    right: str


def state(
    variables: Variables,
    hypotheses: Sequence[Condition],
    lhs: Expression,
    rhs: Expression,
    divisors: Sequence[Tensor] = (),
) -> tuple[Names, ScriptStatement]:
    """Return a statement, and the identifiers in it.

    Args:
        variables: the free indices, each with the size of its axis or None.
        hypotheses: conditions on the parameters.
        lhs: the left side.
        rhs: the right side.
        divisors: the tensors that are assumed to have inverses.

    Raises:
        ScriptError: scripts do not cover the statement.

    """
    boxes, sides = [Range(v, n) for v, n in variables if n is not None], (lhs, rhs)
    everything = (*sides, inverted(divisors))
    names = Names.of(everything, (*hypotheses, *boxes)).with_variables(v for v, _ in variables)
    plain, stated = Printer(names), mentioned(everything)
    free = [t for t in stated if t.definition is None]
    functions = dict.fromkeys(f for e in everything for f in functions_of(e))
    given = [(name, plain.condition(c)) for c, name in named(variables, hypotheses, plain)]
    return names, ScriptStatement(
        parameters=" ".join(map(plain.variable, parameters(variables, hypotheses, *everything))),
        perturbed=tuple(map(LiftedOperand.text, lifts(names, sides))),
        definitions=tuple(defined(names, t) for t in stated if t.definition),
        functions=tuple(names.tensors[function_name(f, n)] for f, n in functions),
        relations=tuple(plain.relation(f, n) for f, n in relations_of(lhs, rhs)),
        operands=tuple(f"{names.tensors[t.name]} : {'Z -> ' * len(t.shape)}scalars" for t in free),
        boxes=tuple(_boxed(plain, t) for t in free if t.shape),
        hypotheses=tuple(given[: len(hypotheses)]),
        divisors=tuple(map(partial(_inverse, plain), inverted(divisors))),
        variables=tuple(plain.variable(v) for v, _ in variables),
        ranges=tuple(given[len(hypotheses) :]),
        left=plain.expression(lhs),
        right=plain.expression(rhs),
    )


def theorem_name(name: str, names: Names) -> str:
    """Return the identifier of a theorem, different from all names in its script."""
    return identifier(name, names.taken)


def mentioned(lines: Iterable[Expression]) -> list[Tensor]:
    """Return the tensors of some lines; those in a definition come before the defined tensor."""
    return list(dict.fromkeys(t for line in lines for t in tensors(line)))


def parameters(
    variables: Variables, hypotheses: Sequence[Condition], *sides: Expression
) -> tuple[Symbol, ...]:
    """Return the sizes and parameters of a statement, sorted by name."""
    boxes = [Range(v, n) for v, n in variables if n is not None]
    found: set[Symbol] = set().union(*(factor_symbols(c) for c in (*hypotheses, *boxes)))
    for t in (t for side in sides for t in side):
        found |= t.symbols - set(t.variables)
    return tuple(sorted(found - {v for v, _ in variables}, key=lambda v: v.name))


@dataclass(frozen=True)
class LiftedOperand:
    """The definition of a free tensor over the dual numbers: one entry is perturbed, or none.

    Attributes:
        name: the tensor's identifier.
        rank: how many axes it has.
        perturbed: whether an entry of it is the variable of the derivative.

    """

    name: str
    rank: int
    perturbed: bool

    @property
    def identifier(self) -> str:
        """Return the name of the definition."""
        return f"{'moved' if self.perturbed else 'fixed'}_{self.name}"

    def text(self) -> str:
        """Write the definition."""
        kind, arguments = "Z -> " * self.rank, "".join(f" z{n + 1}" for n in range(self.rank))
        lambda_ = f"fun{arguments} => " if self.rank else ""
        start = f"{self.identifier} {{A : Ring}} ({self.name} : {kind}A)"
        if not self.perturbed:
            return f"{start} : {kind}dual A :=\n  {lambda_}({self.name}{arguments}, zero)"
        at = "".join(f" at{n + 1}" for n in range(self.rank))
        deltas = [f"point (z{n + 1} - at{n + 1})" for n in range(self.rank)]
        delta = " [*] ".join(deltas) or "one"
        return f"{start}{at} : {kind}dual A :=\n  {lambda_}({self.name}{arguments}, {delta})"


def lifts(names: Names, lines: Iterable[Expression]) -> list[LiftedOperand]:
    """Return the operands over the dual numbers that occur in some lines."""
    lines, seen = list(lines), set[tuple[Tensor, tuple[Tensor, ...]]]()
    found = {pair for line in lines for pair in _lifted(line, (), seen)}
    return [
        LiftedOperand(names.tensors[t.name], len(t.shape), perturbed)
        for t in mentioned(lines)
        for perturbed in (False, True)
        if (t, perturbed) in found
    ]


def _lifted(
    line: Expression, around: tuple[Tensor, ...], seen: set[tuple[Tensor, tuple[Tensor, ...]]]
) -> Iterator[tuple[Tensor, bool]]:
    """Yield free tensors, and whether an entry is perturbed, under derivatives by some tensors.

    A tensor is read once under the same derivatives: `seen` has those that were.
    """
    for f in (f for t in line for f in t.factors):
        if isinstance(f, Derivative):
            yield from _lifted((term(*f.factors),), (*around, f.wrt.tensor), seen)
            continue
        for part in accesses_and_brackets((f,)):
            if not isinstance(part, Access) or (part.tensor, around) in seen:
                continue
            t = part.tensor
            seen.add((t, around))
            if t.definition is None:
                yield from ((t, t == by) for by in around)
            else:
                yield from _lifted(t.definition.body, around, seen)


def differentiated(lines: Iterable[Expression]) -> dict[tuple[Tensor, Tensor], None]:
    """Return each defined tensor that is differentiated, with the tensor of the variable.

    Raises:
        ScriptError: a derivative occurs in its definition.

    """
    found: dict[tuple[Tensor, Tensor], None] = {}
    for line in lines:
        for pending in derivatives(line):
            for t in tensors((term(*pending.factors),)):
                if t.definition is None:
                    continue
                if next(derivatives(t.definition.body), None) is not None:
                    raise ScriptError(f"{t.name} is differentiated, and defined by a derivative")
                found[t, pending.wrt.tensor] = None
    return found


def defined(names: Names, t: Tensor) -> str:
    """Write the definition of a tensor over any ring."""
    plain, definition = Printer(names), t.definition
    assert definition is not None
    parts = [names.tensors[t.name], "{A : Ring}", "(bound : Z)"]
    parts += [f"({names.tensors[function_name(f, n)]} : A -> A)" for f, n in functions_in(t)]
    for u in operands_of(t):
        parts.append(f"({names.tensors[u.name]} : {'Z -> ' * len(u.shape)}A)")
    if definition.formals:
        parts.append(f"({' '.join(map(plain.variable, definition.formals))} : Z)")
    body = plain.boxed(boxes_of(t, definition.formals), definition.body)
    return f"{' '.join(parts)} : A :=\n  {body}"


def inverted(divisors: Iterable[Tensor]) -> Expression:
    """Return the entries of divisors times their reciprocals, summed, so that no index is free."""
    found = []
    for t in divisors:
        index = tuple(symbol(f"i{n}") for n in range(len(t.shape)))
        entry = t[t.definition.formals if t.definition else index]
        over = tuple(v for v in entry.index if isinstance(v, Symbol))
        found.append(term(entry, Apply("reciprocal", 0, entry), over=over))
    return tuple(found)


def _inverse(plain: Printer, summed: Term) -> tuple[str, str, str]:
    """Write that entries have inverses: a name for the bound, one for the fact, and the fact."""
    entry, names = summed.factors[0], plain.names
    assert isinstance(entry, Access)
    name = names.tensors[entry.tensor.name]
    inside = [plain.condition(b) for b in boxes_of(entry.tensor, entry.index)]
    index = " ".join(map(plain.variable, summed.variables))
    head = f"forall {index} : Z, {''.join(f'{c} -> ' for c in inside)}" if index else ""
    fact = f"{head}{plain.product(summed.factors)} = one"
    return f"{name}_from", f"{name}_unit", f"forall bound, {name}_from <= bound -> {fact}"


def _boxed(plain: Printer, t: Tensor) -> tuple[str, str]:
    name = plain.names.tensors[t.name]
    index = [f"z{n + 1}" for n in range(len(t.shape))]
    inside = " /\\ ".join(
        f"0 <= {i} < {plain.index(n)}" for i, n in zip(index, t.shape, strict=True) if n is not None
    )
    at = " ".join(index)
    return f"{name}_box", f"forall {at}, ~ ({inside}) -> {name} {at} = zero"
