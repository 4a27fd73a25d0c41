"""The statements of a program's functions: calls of the kernels of steps, and of passes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TypeAlias

from sympy import Symbol

from rot180.codegen.kernels.computed_steps import gather_arguments, table_arguments
from rot180.codegen.kernels.expressions import TAB, definition, size_tuple
from rot180.codegen.kernels.fused_kernel import FusedKernel, steps_of
from rot180.codegen.kernels.kernel import Kernel
from rot180.codegen.kernels.names import name, shape_name
from rot180.derive.gradients.gather_steps import GatherStep
from rot180.derive.gradients.program_steps import AnyStep, ProgramStep, SelectionStep, TableStep
from rot180.derive.language.terms import Tensor

Call: TypeAlias = tuple[AnyStep, Kernel | None]
"""A step, with its kernel if it has one."""


def read_of(
    calls: Sequence[Call], passes: Sequence[FusedKernel], results: Collection[str]
) -> dict[str, set[str]]:
    """Return what is read of each pass by steps outside of it, by its name.

    Args:
        calls: the steps of a function.
        passes: the kernels that compute several of them each.
        results: what the function returns.

    """
    found = {}
    for p in passes:
        own = steps_of(p.found)
        read = {t.name for step, k in calls if step not in own for t in inputs(step, k)}
        found[p.name] = read.union(results)
    return found


def calls_lines(
    calls: Iterable[tuple[str, AnyStep, Kernel | None, Mapping[str, str]]],
    passes: Sequence[FusedKernel],
    read: Mapping[str, set[str]],
    saved: Collection[str] = (),
) -> list[str]:
    """Write the calls of steps, and those of passes in the places of their last steps.

    Args:
        calls: the steps, each with the arguments of `call_lines`.
        passes: the kernels that compute several of them each.
        read: what others read of each pass.
        saved: what is needed besides where `save` is true.

    """
    within = {step: p for p in passes for step in steps_of(p.found)}
    variables: dict[str, str] = {}
    lines: list[str] = []
    for variable, step, kernel, names in calls:
        p = within.get(step)
        if p is None:
            lines += call_lines(variable, step, kernel, names)
            continue
        variables |= {step.name: variable}
        if step == steps_of(p.found)[-1]:
            known = {**names, **variables}
            wanted = [n for n in p.outputs if n in read[p.name]]
            more = [n for n in p.outputs if n in saved and n not in read[p.name]]
            lines += p.called(wanted, more, known)
    return lines


def call_lines(
    variable: str, step: AnyStep, kernel: Kernel | None, names: Mapping[str, str] | None = None
) -> list[str]:
    """Write the call that computes a step.

    Args:
        variable: what the result is assigned to.
        step: the step.
        kernel: its kernel, if it has one.
        names: the variables that have the tensors; by default those of their own names.

    """
    arguments = step_arguments(step, kernel, names or {})
    call = definition(f"{variable} = {called(step, kernel)}", arguments, "", TAB)
    lines = [line.removeprefix(TAB) for line in call]
    if kernel is not None and not kernel.interface.arrays:  # which would fix the dtype
        lines.append(f"{variable} = {variable}.astype(dtype)")
    return lines


def called(step: AnyStep, kernel: Kernel | None) -> str:
    """Return the name of the function that computes a step."""
    if isinstance(step, ProgramStep):
        assert kernel is not None
        return kernel.name
    if isinstance(step, TableStep):
        return "_table"
    if isinstance(step, GatherStep):
        return "_scattered" if step.scatters else "_gathered"
    if step.selection.kind == "prod":
        return "_product" if step.is_value else "_other_factors"
    return "_extreme" if step.is_value else "_first_extreme"


def inputs(step: AnyStep, kernel: Kernel | None) -> tuple[Tensor, ...]:
    """Return the tensors that a step reads."""
    if isinstance(step, SelectionStep):
        return (step.selection.source,)
    if isinstance(step, GatherStep):
        return (step.source,)
    if isinstance(step, TableStep):
        return ()
    assert kernel is not None
    return kernel.interface.arrays


def step_arguments(step: AnyStep, kernel: Kernel | None, names: Mapping[str, str]) -> list[str]:
    """Write what the function of a step is called with."""
    arrays = [names.get(t.name, name(t.name)) for t in inputs(step, kernel)]
    if isinstance(step, SelectionStep):
        s = step.selection
        option = [] if s.kind == "prod" else [f"largest={s.kind == 'max'}"]
        return [*arrays, str(s.axes), *option]
    if isinstance(step, TableStep):
        return table_arguments(step.table)
    if isinstance(step, GatherStep):
        return [*arrays, *gather_arguments(step)]
    assert kernel is not None
    found = kernel.interface
    others = [*found.callables, *(name(v.name) for v in found.parameters)]
    shapes = [f"{shape_name(t)}={size_tuple(plain_sizes(t))}" for t, given in found.shapes if given]
    return [*arrays, *(f"{word}={word}" for word in others), *shapes]


def plain_sizes(t: Tensor) -> tuple[Symbol, ...]:
    """Return the sizes of a tensor's axes."""
    return tuple(n for n in t.shape if n is not None)  # type: ignore[misc]
