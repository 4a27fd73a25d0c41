"""All gradients in one call: ``vjp`` computes once what several of them need."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from rot180.codegen.kernels.expressions import definition
from rot180.codegen.kernels.fused_kernel import FusedKernel, said
from rot180.codegen.kernels.interface import Interface, result
from rot180.codegen.kernels.kernel import (
    Kernel,
    Option,
    argument_checks,
    docstring,
    signature,
    typed_head,
)
from rot180.codegen.kernels.names import name
from rot180.codegen.kernels.program_calls import calls_lines, inputs, read_of
from rot180.codegen.kernels.program_functions import (
    assumed,
    forward_calls,
    forward_tensors,
    interface_of,
    read_back,
    saved_option,
    saved_or,
)
from rot180.derive.gradients.program_steps import AnyStep, ProgramFunction, ProgramStep
from rot180.derive.language.programs import Program
from rot180.derive.language.terms import Tensor

VJP = "vjp"
"""The name of the function."""


@dataclass(frozen=True)
class JointCall:
    """A step of several functions.

    Attributes:
        variable: what its result is assigned to.
        step: the step.
        kernel: its kernel, if it has one.
        names: the variables that have the tensors that earlier steps computed.

    """

    variable: str
    step: AnyStep
    kernel: Kernel | None
    names: Mapping[str, str]


@dataclass(frozen=True)
class JointKernel:
    """A function in Python that returns what several functions of a program return.

    Attributes:
        program: the definitions.
        functions: the functions, in the order of the results.
        interface: what it takes.
        calls: the steps of all functions, each once.
        results: the variables that are returned.
        typed: whether its definition has types.
        saved: the definitions that it reads where they were saved.
        passes: the kernels that compute several steps each.

    """

    program: Program
    functions: tuple[ProgramFunction, ...]
    interface: Interface
    calls: tuple[JointCall, ...]
    results: tuple[str, ...]
    typed: bool
    saved: tuple[Tensor, ...]
    passes: tuple[FusedKernel, ...] = ()

    @property
    def name(self) -> str:
        """Return the function's name."""
        return VJP

    @property
    def head(self) -> tuple[str, ...]:
        """Return the lines of its definition."""
        if self.typed:
            return typed_head(self.name, self.interface, self.option, "tuple[Array, ...]")
        parameters = signature(self.interface, self.option).split(", ")
        return definition(f"def {self.name}", parameters, ":")

    @property
    def option(self) -> Option | None:
        """Return the argument that says what was saved; None if there is nothing to save."""
        forward = forward_calls(self.program, [(c.step, c.kernel) for c in self.calls])
        return saved_option(forward, self.saved) if self.saved else None

    @property
    def docstring(self) -> list[str]:
        """Return the theorems, what must hold, and what the arguments are, in lines."""
        lines = [f"    {said(call.step)}" for call in self.calls]
        plain = len(self.calls) == len(self.functions)
        order = [] if plain else ["", "Computed in this order, each once:", *lines]
        order += assumed(self.program, lines)
        theorems = [f.computed for f in self.functions]
        boxes = [result(t)[0] for t in theorems]
        return docstring(self.interface, theorems, order, boxes, self.option)

    @property
    def checks(self) -> list[str]:
        """Return the statements that check the arguments and name the sizes."""
        return argument_checks(self.interface)

    @property
    def closing(self) -> list[str]:
        """Return nothing."""
        return []

    @cached_property
    def body(self) -> list[str]:
        """Return the statements that compute the steps, and return the results."""
        results = [f.steps[-1].name for f in self.functions]
        read = read_of([(c.step, c.kernel) for c in self.calls], self.passes, results)
        made = {t.name for t in forward_tensors(self.program)}
        calls = [(c.variable, c.step, c.kernel, c.names) for c in self.calls]
        forward = calls_lines([c for c in calls if c[1].name in made], self.passes, read)
        back = calls_lines([c for c in calls if c[1].name not in made], self.passes, read)
        output = ", ".join(self.results) + ("," if len(self.results) == 1 else "")
        return [*saved_or(forward, self.saved), *back, f"return {output}"]


def joint_kernel(
    program: Program,
    functions: Sequence[ProgramFunction],
    kernels: Iterable[tuple[ProgramStep, Kernel]],
    typed: bool,
    passes: Sequence[FusedKernel] = (),
) -> JointKernel:
    """Return the function that returns what several functions of a program return.

    Args:
        program: the definitions.
        functions: the functions.
        kernels: the kernel of each step.
        typed: whether the definition has types.
        passes: the kernels that compute several steps each.

    Raises:
        LoweringError: no argument determines a size that is needed.

    """
    made = dict(kernels)
    computed: dict[tuple[AnyStep, tuple[str, ...]], str] = {}
    calls: list[JointCall] = []
    results: list[str] = []
    for f in functions:
        names: dict[str, str] = {}
        for step in f.steps:
            kernel = made[step] if isinstance(step, ProgramStep) else None
            read = tuple(names.get(t.name, name(t.name)) for t in inputs(step, kernel))
            key = step, read
            if key not in computed:
                # the gradients by an intermediate may be written differently for two operands
                last = "_" if step is f.steps[-1] else ""
                computed[key] = _unused(f"{last}{name(step.name)}", computed.values())
                calls.append(JointCall(computed[key], step, kernel, dict(names)))
            names[step.name] = computed[key]
        results.append(names[f.steps[-1].name])
    every = [(c.step, c.kernel) for c in calls]
    saved = read_back(program, every, passes)
    boxes = [result(f.theorem) for f in functions]
    interface = interface_of(program, boxes, every, saved, passes)
    return JointKernel(
        program, tuple(functions), interface, tuple(calls), tuple(results), typed, saved,
        tuple(passes),
    )  # fmt: skip


def _unused(word: str, taken: Iterable[str]) -> str:
    found, n, known = word, 1, set(taken)
    while found in known:
        n += 1
        found = f"_{n}_{word}"
    return found
