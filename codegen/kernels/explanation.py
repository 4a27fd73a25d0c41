"""Explains how compiled kernels compute the sums of a layer or a program, in words.

Each loop of a sum is batch, m, n or k by the operands that it indexes; a sum without a second side
is element-wise. What one fused pass computes is said, and the order in which operands are
contracted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rot180.codegen.kernels.expressions import write_sum
from rot180.codegen.kernels.kernel import Kernel, Module, computed_steps, running_note, write_step
from rot180.codegen.kernels.program_derivation import user_module
from rot180.codegen.plans.plan import Intermediate, Nest, Operand, named
from rot180.derive.language.polynomial import text

_ROLES = {
    "batch": "in the output and on both sides",
    "m": "in the output, on the left",
    "n": "in the output, on the right alone",
    "k": "summed",
}
"""The roles of loops, and what makes a loop one."""


@dataclass(frozen=True)
class KernelExplanation:
    """How one function computes.

    Attributes:
        name: the function.
        lines: what is said of it.

    """

    name: str
    lines: tuple[str, ...]


def explanations(spec: str) -> tuple[KernelExplanation, ...]:
    """Return how each compiled kernel of a layer or a program computes.

    Args:
        spec: a name of the catalogue, a layer or a program in the notation.

    Raises:
        ValueError, LoweringError: it cannot be read, derived or lowered.

    """
    return module_explanations(user_module(spec, "cython", fused=True))


def module_explanations(module: Module) -> tuple[KernelExplanation, ...]:
    """Return how each kernel of a module computes, fused passes first."""
    passes = (KernelExplanation(p.name, tuple(p.explained)) for p in module.passes)
    kernels = (KernelExplanation(k.name, tuple(_kernel(k))) for k in module.kernels)
    return (*passes, *kernels)


def _kernel(kernel: Kernel) -> list[str]:
    plans = kernel.plan.orders
    lines: list[str] = []
    if len(plans) > 1:
        lines.append("the order with the fewest products at the sizes of the call:")
    for plan in plans:
        if len(plans) > 1:
            lines.append(f"{text(plan.products)} products:")
        elif plan.intermediates:
            lines.append(
                f"contracted in this order, with {text(plan.products)} products, for no other "
                "order has fewer:"
            )
        for step in computed_steps(plan, kernel.output):
            lines += [write_step(step)] if isinstance(step, Intermediate) else _sum(*step[::-1])
    return [*lines, *running_note(kernel.plan)]


def _sum(nest: Nest, output: str) -> list[str]:
    phases = [v.name for step in nest.outer for v in named(step)]
    each = f"for each {', '.join(phases)}: " if phases else ""
    lines = [f"{each}{write_sum(nest, output)}"]
    if not nest.right:
        if not nest.k:
            return [*lines, f"    element-wise: {_names(v.name for v in nest.m)}"]
        lines.append("    no matrix product: one operand has all loops, or there is one operand")
        lines.append(f"    in the output: {_names(v.name for v in nest.m)}")
        return [*lines, f"    summed: {_names(v.name for v in nest.k)}"]
    sides = (_operands(nest.left), _operands(nest.right))
    product = "a matrix product, m x k by k x n" if nest.k else "a product without a sum, m by n"
    lines.append(f"    {product}; left {sides[0]}, right {sides[1]}")
    for role, why in _ROLES.items():
        if loops := getattr(nest, role):
            lines.append(f"    {role}: {_names(v.name for v in loops)} ({why})")
    return lines


def _operands(factors: Sequence[object]) -> str:
    return _names(dict.fromkeys(f.tensor.name for f in factors if isinstance(f, Operand)))


def _names(words: Iterable[str]) -> str:
    return ", ".join(words) or "none"
