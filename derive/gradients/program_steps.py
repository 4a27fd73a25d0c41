"""The steps of a program and of its gradients: each is one definition in terms of free tensors.

A step is a layer whose operands are the tensors computed before it. What is proved about it holds
for any tensors in their place, so for those that the earlier steps compute.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from rot180.derive.gradients.directional import tangents
from rot180.derive.gradients.gather_steps import GatherStep, parts_of
from rot180.derive.gradients.gradient import divisor_hypotheses, kernel_theorem, operand
from rot180.derive.gradients.gradient_layer import used_definitions
from rot180.derive.gradients.program_gradient import program_gradient
from rot180.derive.gradients.short_form import entries_read, short_form
from rot180.derive.kernel.proof import Theorem
from rot180.derive.kernel.replay import replay
from rot180.derive.language.computed import Selection, gather_line, is_gather
from rot180.derive.language.formulas import FormulaTable
from rot180.derive.language.layers import Layer
from rot180.derive.language.limits import LimitError, metered
from rot180.derive.language.programs import (
    Program,
    convention,
    definition_line,
    entries_in,
    extreme_line,
    with_tensors,
)
from rot180.derive.language.terms import (
    Tensor,
    define,
    term,
)
from rot180.derive.search.derivation import Derivation
from rot180.derive.search.rewriting import drop_implied


@dataclass(frozen=True)
class ProgramStep:
    """A definition that is computed from arrays.

    Attributes:
        name: the name of the tensor that is computed.
        layer: its definition; the tensors that earlier steps compute are operands.
        theorem: what its kernel computes.

    """

    name: str
    layer: Layer
    theorem: Theorem


@dataclass(frozen=True)
class SelectionStep:
    """Extreme entries or products along axes, or their derivatives; no theorem computes them.

    Attributes:
        name: the name of the tensor that is computed.
        selection: the selection.
        text: what is computed, in the notation.

    """

    name: str
    selection: Selection
    text: str

    @property
    def is_value(self) -> bool:
        """Say whether the values are computed, and not their derivatives."""
        return self.name == self.selection.value


@dataclass(frozen=True)
class TableStep:
    """A function of indices, from its formula; no theorem computes it.

    Attributes:
        name: the name of the tensor that is computed.
        table: the formula.

    """

    name: str
    table: FormulaTable

    @property
    def text(self) -> str:
        """Return what is computed, in the notation."""
        return self.table.convention


AnyStep: TypeAlias = ProgramStep | SelectionStep | GatherStep | TableStep


JVP = "jvp"
"""The name of the function that is the derivative in a direction."""


@dataclass(frozen=True)
class ProgramFunction:
    """The forward pass of a program, or a gradient: a theorem, and steps that compute it.

    Attributes:
        name: forward, grad_x or jvp.
        theorem: about the whole program.
        steps: the steps, in order; the last computes the result.
        short: what the steps compute, where that is a shorter form than the theorem.

    """

    name: str
    theorem: Theorem
    steps: tuple[AnyStep, ...]
    short: Theorem | None = None

    @property
    def computed(self) -> Theorem:
        """Return the form of the theorem that the steps compute."""
        return self.short or self.theorem

    @property
    def is_forward(self) -> bool:
        """Say whether it is the forward pass."""
        return self.name == "forward"


def program_functions(
    program: Program, wrt: str | None = None, progress: Callable[[str], None] = lambda _: None
) -> tuple[ProgramFunction, ...]:
    """Prove the gradients of a program, and what each step of its functions computes.

    Args:
        program: the definitions.
        wrt: the one operand to differentiate by; None for every operand.
        progress: called with what is being done.

    Raises:
        ValueError: the program has no such operand.

    """
    known: dict[Tensor, ProgramStep] = {}
    steps = _steps(program, program.definitions, known)
    out = [ProgramFunction("forward", forward_theorem(program), steps)]
    for name in [t.name for t in program.tensors if wrt in (None, t.name)]:
        progress(f"deriving the gradient by {name}")
        with metered():  # each proof may be as long as those of a layer
            theorem = program_gradient(program, name)
        short, order = _cheapest(program, name, theorem)
        steps = _steps(program, order, known)
        out.append(ProgramFunction(f"grad_{name}", theorem, steps, short))
    return tuple(out)


def tangent_function(program: Program) -> ProgramFunction:
    """Prove the derivative of a program in a direction, and what each step of it computes.

    Args:
        program: the definitions.

    """
    found = tangents(program)
    made = [t.tensor for t in found]
    every = tuple(u for t in made if t.definition for u in t.definition.body)
    order = (*used_definitions(program, every), *made)
    return ProgramFunction(JVP, found[-1].theorem, _steps(program, order, {}))


def forward_theorem(program: Program) -> Theorem:
    """Prove that an entry of the output is what its definition says."""
    y = program.output
    assert y.definition is not None
    index = y.definition.formals
    variables = tuple(zip(index, y.shape, strict=True))
    name = f"{program.name or 'program'}.forward"
    needed = divisor_hypotheses(program.definitions)
    d = Derivation(name, variables, needed, (term(y[index]),))
    d.apply("definition", factor=0)
    drop_implied(d)
    return replay(d.proof())


def _cheapest(
    program: Program, wrt: str, theorem: Theorem
) -> tuple[Theorem | None, tuple[Tensor, ...]]:
    """Return the short form of a gradient if it is cheaper, and what is computed, in order."""
    chain = _back(program, wrt, theorem)
    try:
        with metered():
            found = short_form(program, wrt, theorem)
    except LimitError:
        found = None
    if found is None:
        return None, chain
    short, sums = found
    order = _back(program, wrt, short, sums)
    costs = [
        entries_read(t for t in each if t not in program.definitions) for each in (order, chain)
    ]
    return (short, order) if costs[0] < costs[1] else (None, chain)


def _back(
    program: Program, wrt: str, theorem: Theorem, sums: Sequence[Tensor] = ()
) -> tuple[Tensor, ...]:
    """Return what a gradient is computed from, and the gradient, in order."""
    index = tuple(v for v, _ in theorem.variables)
    shape = operand(program, wrt).shape
    last = define(f"grad_{wrt}", shape, index, theorem.rhs)
    return (*used_definitions(program, theorem.rhs), *sums, last)


def _steps(
    program: Program, order: Sequence[Tensor], known: dict[Tensor, ProgramStep]
) -> tuple[AnyStep, ...]:
    """Return the steps that compute some definitions, each after those that it needs."""
    extremes = {s.value: s for s in program.selections}
    out: list[AnyStep] = []
    for t in order:
        out += _table_steps(program, t, out)
        if t.name in extremes:
            s = extremes[t.name]
            out.append(SelectionStep(t.name, s, extreme_line(t, s)))
            continue
        gathers = is_gather(t, program.gathers)
        new = _gather_steps if gathers else _plain_steps
        steps = new(program, t, order, known)
        read = {u for step in steps for u in _read(step)}
        made = {step.name for step in out}
        for s in program.selections:
            if s.tensor in read and s.tensor.name not in made:
                said = convention(s, program.definitions)
                out.append(SelectionStep(s.tensor.name, s, said))
        out += steps
    return tuple(out)


def _table_steps(program: Program, t: Tensor, before: Sequence[AnyStep]) -> list[TableStep]:
    """Return the steps that compute the tables in a definition that no step before computes."""
    made = {step.name for step in before}
    inside = {a.tensor for a in entries_in(t)}
    return [
        TableStep(table.tensor.name, table)
        for table in program.tables
        if table.tensor in inside and table.tensor.name not in made
    ]


def _read(step: AnyStep) -> tuple[Tensor, ...]:
    """Return the tensors that a step reads."""
    if isinstance(step, ProgramStep):
        return step.layer.tensors
    return (step.source,) if isinstance(step, GatherStep) else ()


def _plain_steps(
    program: Program, t: Tensor, order: Sequence[Tensor], known: dict[Tensor, ProgramStep]
) -> list[AnyStep]:
    return [_step(program, t, order, known)]


def _gather_steps(
    program: Program, t: Tensor, order: Sequence[Tensor], known: dict[Tensor, ProgramStep]
) -> list[AnyStep]:
    """Return the steps that compute a definition with entries at arrays of indices."""
    one = t in program.definitions
    line = gather_line(t, program.gathers) if one else definition_line(t, frozenset(order))
    taken = {u.name for u in (*order, *program.definitions, *program.tensors, *program.arrays)}
    return [
        part if isinstance(part, GatherStep) else _step(program, part, order, known)
        for part in parts_of(t, program.gathers, line, taken)
    ]


def _step(
    program: Program, t: Tensor, defined: Collection[Tensor], known: dict[Tensor, ProgramStep]
) -> ProgramStep:
    made = with_tensors(t, {u: Tensor(u.name, u.shape) for u in defined})
    if made not in known:
        operands = tuple(dict.fromkeys(a.tensor for a in entries_in(made)))
        symbols = {*program.parameters}.union(*(u.parameters for u in (made, *operands)))
        parameters = tuple(sorted(symbols, key=lambda v: v.name))
        layer = Layer(t.name, made, operands, parameters, definition_line(made))
        gradients = [u for u in operands if u.name.startswith("grad_")]
        with metered():
            known[made] = ProgramStep(t.name, layer, kernel_theorem(layer, None, gradients))
    return known[made]
