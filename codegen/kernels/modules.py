"""Rendering: theorems in, the text of a module out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rot180.codegen.kernels.cython_backend import AXES, LOOPS, bits, small_sums
from rot180.codegen.kernels.printers import KernelText, interface, kernel_text
from rot180.codegen.kernels.scalar_functions import function_lines, functions_of
from rot180.codegen.kernels.scalar_loops import SmallLoops
from rot180.codegen.kernels.targets import TARGETS
from rot180.codegen.kernels.tiles import APART, DOTS, SLIDES, SPREADS, TILES, TRANSPOSES
from rot180.codegen.plans.lower import lower
from rot180.codegen.plans.plan import Box
from rot180.codegen.system.templates import template
from rot180.derive.kernel.proof import Theorem
from rot180.derive.language.layers import Layer

HEADER = "contraction.h"
"""The C file that compiled kernels include."""


@dataclass(frozen=True)
class ModuleText:
    """A module, ready for the template.

    Attributes:
        header: the comment lines at the top.
        layer: the forward pass in the notation.
        kernels: the functions.
        bits: how many bits an integer argument of a compiled kernel may have.
        arrays: how many arrays a kernel has at most.
        functions: the scalar functions that are known by name, as definitions.
        normal: whether one of them needs the normal distribution.
        tests: whether a factor of a kernel is 1 in a box and 0 outside.
        small: the small sums of compiled kernels.
        most_loops: how many loops the C part has room for in a sum.
        most_axes: how many axes it has room for in an array.

    """

    header: tuple[str, ...]
    layer: str
    kernels: tuple[KernelText, ...]
    bits: int
    arrays: int
    functions: tuple[tuple[str, ...], ...]
    normal: bool
    tests: bool
    small: tuple[SmallLoops, ...] = ()
    most_loops: int = LOOPS
    most_axes: int = AXES


def render_module(
    layer: Layer, kernels: Sequence[tuple[str, Theorem]], target: str, header: str
) -> str:
    """Write a module of kernels.

    Args:
        layer: the forward pass.
        kernels: function name and kernel theorem of each function.
        target: "numpy" (Python text) or "cython" (a .pyx).
        header: what the comment at the top says.

    Raises:
        LoweringError: a theorem cannot be lowered.
        ValueError: there is no such target.

    """
    if target not in TARGETS:
        raise ValueError(f"target: found {target!r}, expected one of {', '.join(TARGETS)}")
    module = module_text(layer, kernels, target, header)
    return template("kernels", TARGETS[target].template).render(module=module)


def module_text(
    layer: Layer,
    kernels: Sequence[tuple[str, Theorem]],
    target: str,
    header: str = "",
    prefix: str = "",
) -> ModuleText:
    """Return what a module says, ready for a template; `prefix` begins each function's name."""
    reserved = {t.name for t in (*layer.tensors, layer.output)}
    reserved |= {f"grad_{word}" for word in reserved}
    plans = [lower(t, reserved) for _, t in kernels]
    named = [
        (f"{prefix}{word}", t, plan) for (word, t), plan in zip(kernels, plans, strict=True)
    ]
    functions = tuple(function_lines(word, order) for word, order in functions_of(plans))
    texts = [kernel_text(word, layer, t, plan, TARGETS[target].body) for word, t, plan in named]
    return ModuleText(
        tuple(header.splitlines()),
        layer.text,
        tuple(texts),
        bits(plans),
        max(len(t.arrays) for t in texts),
        functions,
        any("_upper(" in line for lines in functions for line in lines),
        any(isinstance(f, Box) for plan in plans for nest in plan.nests for f in nest.factors),
        tuple(
            loops
            for word, t, plan in named
            for loops in small_sums(word, interface(layer, t, plan), plan)
            if loops is not None
        ),
    )


def render_contraction() -> str:
    """Write the C file that computes sums of products over affine index maps."""
    return template("kernels", f"{HEADER}.jinja").render(
        tiles=TILES,
        slides=SLIDES,
        dots=DOTS,
        transposes=TRANSPOSES,
        spreads=SPREADS,
        aparts=APART,
        most_apart=max(APART),
        loops=LOOPS,
        axes=AXES,
    )
