"""The steps of a program and of its gradients: each is one definition in terms of free tensors.

A step is a layer whose operands are the tensors computed before it. What is proved about it holds
for any tensors in their place, so for those that the earlier steps compute.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace

from rot180.derive.gradients.gradient import kernel_theorem
from rot180.derive.gradients.program_gradient import program_gradient
from rot180.derive.kernel.proof import Theorem
from rot180.derive.kernel.replay import replay
from rot180.derive.language.layers import Layer
from rot180.derive.language.operators import activation
from rot180.derive.language.programs import Program, definition_line, entries_in
from rot180.derive.language.spelling import application
from rot180.derive.language.terms import (
    Access,
    Apply,
    Derivative,
    Factor,
    Tensor,
    define,
    tensors,
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
class ProgramFunction:
    """The forward pass of a program, or a gradient: a theorem, and steps that compute it.

    Attributes:
        name: forward or grad_x.
        theorem: about the whole program.
        steps: the steps, in order; the last computes the result.

    """

    name: str
    theorem: Theorem
    steps: tuple[ProgramStep, ...]


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
    steps = tuple(_step(program, t, program.definitions, known) for t in program.definitions)
    out = [ProgramFunction("forward", forward_theorem(program), steps)]
    for name in [t.name for t in program.tensors if wrt in (None, t.name)]:
        progress(f"deriving the gradient by {name}")
        theorem = program_gradient(program, name)
        out.append(ProgramFunction(f"grad_{name}", theorem, _backward(program, theorem, known)))
    return tuple(out)


def forward_theorem(program: Program) -> Theorem:
    """Prove that an entry of the output is what its definition says."""
    y = program.output
    assert y.definition is not None
    index = y.definition.formals
    variables = tuple(zip(index, y.shape, strict=True))
    name = f"{program.name or 'program'}.forward"
    d = Derivation(name, variables, (), (term(y[index]),))
    d.apply("definition", factor=0)
    drop_implied(d)
    return replay(d.proof())


def _backward(
    program: Program, theorem: Theorem, known: dict[Tensor, ProgramStep]
) -> tuple[ProgramStep, ...]:
    """Return the steps to a gradient: the forward steps that it needs, and those back."""
    (pending,) = theorem.lhs[0].factors
    assert isinstance(pending, Derivative)
    x = pending.wrt.tensor
    names = {t.name for t in program.definitions}
    names |= {f"grad_{name}" for name in names}
    defined = [t for t in tensors(theorem.rhs) if t.definition is not None and t.name in names]
    index = tuple(v for v, _ in theorem.variables)
    last = define(f"grad_{x.name}", x.shape, index, theorem.rhs)
    return tuple(_step(program, t, defined, known) for t in (*defined, last))


def _step(
    program: Program, t: Tensor, defined: Collection[Tensor], known: dict[Tensor, ProgramStep]
) -> ProgramStep:
    made = _cut(t, {u: Tensor(u.name, u.shape) for u in defined})
    if made not in known:
        operands = tuple(dict.fromkeys(a.tensor for a in entries_in(made)))
        symbols = {*program.parameters}.union(*(u.parameters for u in (made, *operands)))
        parameters = tuple(sorted(symbols, key=lambda v: v.name))
        layer = Layer(t.name, made, operands, parameters, definition_line(made))
        gradients = [u for u in operands if u.name.startswith("grad_")]
        known[made] = ProgramStep(t.name, layer, kernel_theorem(layer, None, gradients))
    return known[made]


def _cut(t: Tensor, free: Mapping[Tensor, Tensor]) -> Tensor:
    """Return a definition in terms of free tensors in place of the defined ones."""

    def of(access: Access) -> Access:
        u = access.tensor
        if u in free:
            return free[u][access.index]
        applied = application(u)
        if applied is not None and applied.entrywise:
            (z,) = applied.arguments
            assert isinstance(z, Tensor)
            made = activation(applied.operator, applied.order, free.get(z, z))
            return made[access.index]
        return access

    def factor(f: Factor) -> Factor:
        if isinstance(f, Access):
            return of(f)
        return Apply(f.function, f.order, of(f.argument)) if isinstance(f, Apply) else f

    assert t.definition is not None
    terms = (replace(u, factors=tuple(map(factor, u.factors))) for u in t.definition.body)
    return define(t.name, t.shape, t.definition.formals, tuple(terms))
