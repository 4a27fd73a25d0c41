"""Rendering: theorems in, the text of a module out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from rot180.codegen.kernels.interface import kernel_interface
from rot180.codegen.kernels.kernel import Kernel, Module
from rot180.codegen.kernels.names import derived_names
from rot180.codegen.kernels.targets import TARGETS
from rot180.codegen.plans.lower import ProvedPlan, proved_plan
from rot180.codegen.system.templates import template
from rot180.derive.kernel.proof import Theorem
from rot180.derive.language.layers import Layer

AnyKernel = TypeVar("AnyKernel", bound=Kernel)


def render_module(
    layer: Layer,
    kernels: Sequence[tuple[str, Theorem]],
    target: str,
    header: str,
    shared: bool = False,
) -> str:
    """Write a module of kernels.

    Args:
        layer: the forward pass.
        kernels: function name and kernel theorem of each function.
        target: "numpy" (Python text) or "cython" (a .pyx).
        header: what the comment at the top says.
        shared: whether a module in NumPy imports what kernels share from `rot180.generated`.

    Raises:
        LoweringError: a theorem cannot be lowered.
        ValueError: there is no such target.

    """
    return rendered(layer_module(layer, kernels, target, header, shared), target)


def layer_module(
    layer: Layer,
    kernels: Sequence[tuple[str, Theorem]],
    target: str,
    header: str,
    shared: bool = False,
) -> Module:
    """Return a module of kernels, as `render_module` writes it."""
    if target not in TARGETS:
        raise ValueError(f"target: found {target!r}, expected one of {', '.join(TARGETS)}")
    found = TARGETS[target]
    written = lowered(layer, kernels, found.kernel)
    return found.module(tuple(header.splitlines()), layer.text, written, shared)


def rendered(module: Module, target: str) -> str:
    """Return the text of a module."""
    found = TARGETS[target]
    return template("kernels", found.template).render(module=module, target=found)


def lowered(
    layer: Layer, kernels: Sequence[tuple[str, Theorem]], kind: type[AnyKernel], prefix: str = ""
) -> tuple[AnyKernel, ...]:
    """Lower the theorems that a layer's kernels compute.

    Args:
        layer: the forward pass.
        kernels: function name and kernel theorem of each function.
        kind: the kernels of a target.
        prefix: what each function's name begins with.

    Raises:
        LoweringError: a theorem cannot be lowered.

    """
    found = []
    for (word, theorem), proved in zip(kernels, proved_plans(layer, kernels), strict=True):
        interface = kernel_interface(layer, theorem, proved.plan)
        found.append(kind(f"{prefix}{word}", theorem, interface, proved.plan))
    return tuple(found)


def proved_plans(layer: Layer, kernels: Sequence[tuple[str, Theorem]]) -> tuple[ProvedPlan, ...]:
    """Lower the theorems of a layer's kernels, and return the proofs of the plans too.

    Raises:
        LoweringError: a theorem cannot be lowered.

    """
    reserved = {t.name for t in (*layer.tensors, layer.output)} | derived_names(layer).keys()
    return tuple(proved_plan(theorem, reserved) for _, theorem in kernels)
