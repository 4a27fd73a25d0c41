"""The functions of a program: Python that checks the arguments and computes step by step.

A gradient computes the intermediates that it needs again, so no function needs what another one
computed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sympy import Symbol

from rot180.codegen.kernels.expressions import TAB, definition, size_tuple
from rot180.codegen.kernels.interface import Interface, plain_axes, result, symbols_in
from rot180.codegen.kernels.kernel import Kernel, argument_checks, docstring, signature, typed_head
from rot180.codegen.kernels.names import name, shape_name
from rot180.codegen.plans.plan import LoweringError
from rot180.derive.gradients.program_steps import (
    AnyStep,
    ProgramFunction,
    ProgramStep,
    SelectionStep,
)
from rot180.derive.language.programs import Program, definition_line
from rot180.derive.language.terms import Tensor

STEP = "_step"
"""What the names of the functions begin with that compute one definition."""


@dataclass(frozen=True)
class ProgramKernel:
    """A function of a program in Python, which calls the kernels of its steps.

    Attributes:
        program: the definitions.
        function: what it computes.
        interface: what it takes.
        calls: each step, with its kernel if it has one.
        typed: whether its definition has types.

    """

    program: Program
    function: ProgramFunction
    interface: Interface
    calls: tuple[tuple[AnyStep, Kernel | None], ...]
    typed: bool

    @property
    def name(self) -> str:
        """Return the function's name."""
        return self.function.name

    @property
    def head(self) -> tuple[str, ...]:
        """Return the lines of its definition."""
        if self.typed:
            return typed_head(self.name, self.interface)
        return definition(f"def {self.name}", signature(self.interface).split(", "), ":")

    @property
    def docstring(self) -> list[str]:
        """Return the theorem, what must hold, and what the arguments are, in lines."""
        lines = [f"    {_said(step)}" for step, _ in self.calls]
        said = ["", "Computed in this order:", *lines] if len(self.calls) > 1 else []
        if needed := self.program.hypotheses:
            said += ["", "Required; elsewhere values are NaN or infinite, as IEEE 754 says:"]
            said += [f"    {condition}" for condition in needed]
        return docstring(self.interface, self.function.theorem, said)

    @property
    def checks(self) -> list[str]:
        """Return the statements that check the arguments and name the sizes."""
        return argument_checks(self.interface)

    @property
    def body(self) -> list[str]:
        """Return the statements that compute the steps."""
        lines: list[str] = []
        for step, kernel in self.calls:
            call = definition(
                f"{name(step.name)} = {_called(step, kernel)}", _arguments(step, kernel), "", TAB
            )
            lines += [line.removeprefix(TAB) for line in call]
        return lines

    @property
    def output(self) -> str:
        """Return the array that is returned."""
        return name(self.calls[-1][0].name)


def _said(step: AnyStep) -> str:
    return definition_line(step.layer.output) if isinstance(step, ProgramStep) else step.text


def _called(step: AnyStep, kernel: Kernel | None) -> str:
    if isinstance(step, ProgramStep):
        assert kernel is not None
        return kernel.name
    return "_extreme" if step.is_value else "_first_extreme"


def _arguments(step: AnyStep, kernel: Kernel | None) -> list[str]:
    if isinstance(step, SelectionStep):
        s = step.selection
        return [name(s.source.name), str(s.axes), f"largest={s.kind == 'max'}"]
    assert kernel is not None
    found = kernel.interface
    arrays = [name(t.name) for t in found.arrays]
    others = [*found.callables, *(name(v.name) for v in found.parameters)]
    shapes = [f"{shape_name(t)}={size_tuple(_sizes(t))}" for t, given in found.shapes if given]
    return [*arrays, *(f"{word}={word}" for word in others), *shapes]


def _sizes(t: Tensor) -> tuple[Symbol, ...]:
    return tuple(n for n in t.shape if n is not None)  # type: ignore[misc]


def program_kernels(
    program: Program,
    functions: Sequence[ProgramFunction],
    kernels: Iterable[tuple[ProgramStep, Kernel]],
    typed: bool,
) -> tuple[ProgramKernel, ...]:
    """Return the functions of a program.

    Args:
        program: the definitions.
        functions: its theorems and steps.
        kernels: the kernel of each step.
        typed: whether the definitions have types.

    Raises:
        LoweringError: no argument of a function determines a size that it needs.

    """
    made = dict(kernels)
    out = []
    for f in functions:
        calls = tuple(
            (step, made[step] if isinstance(step, ProgramStep) else None) for step in f.steps
        )
        out.append(ProgramKernel(program, f, _interface(program, f, calls), calls, typed))
    return tuple(out)


def _interface(
    program: Program, f: ProgramFunction, calls: Sequence[tuple[AnyStep, Kernel | None]]
) -> Interface:
    """Find out what a function of a program must be given."""
    computed = {step.name for step, _ in calls}
    own = [t.name for t in program.tensors]
    kernels = [k for _, k in calls if k is not None]
    every = [t for k in kernels for t in k.interface.arrays]
    every += [step.selection.source for step, _ in calls if isinstance(step, SelectionStep)]
    read = {t.name: t for t in every if t.name not in computed}
    upstream = [read[n] for n in sorted(read) if n not in own]
    arrays = (*upstream, *(t for t in program.tensors if t.name in read))
    functions = dict.fromkeys(g for k in kernels for g in k.interface.functions)
    made = (t for k in kernels for t, given in k.interface.shapes if given)
    wanted = symbols_in(made)
    scalars = dict.fromkeys(v for k in kernels for v in k.interface.parameters)
    wanted |= {v for v in scalars if v not in program.parameters}
    box, output = result(f.theorem)
    known = {v for t in arrays for v in plain_axes(t)}
    shapes = [(box, not symbols_in([box]) <= known)]
    known |= set(plain_axes(box))
    for t in (program.output, *program.tensors, *program.definitions):
        if (wanted - known) & set(plain_axes(t)):
            shapes.append((t, True))
            known |= set(plain_axes(t))
    if lost := wanted - known:
        names = ", ".join(sorted(v.name for v in lost))
        raise LoweringError(f"no argument determines {names}: no axis has exactly that size")
    parameters = tuple(v for v in program.parameters if v in scalars)
    sources = (*arrays, *(t for t, _ in shapes))
    sizes = dict.fromkeys(v for t in sources for v in plain_axes(t) if v in wanted)
    reals = {v for v in parameters if all(v not in k.interface.integers for k in kernels)}
    return Interface(
        box, output, arrays, tuple(functions), parameters, tuple(shapes), tuple(sizes),
        frozenset(reals),
    )  # fmt: skip
