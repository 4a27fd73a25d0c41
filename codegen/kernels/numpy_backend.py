"""Plans as NumPy: each sum is one call of the contraction, with its loops and index maps."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sympy import Symbol

from rot180.codegen.kernels.expressions import (
    TAB,
    array_name,
    definition,
    fraction,
    loop_size,
    name,
    number,
    opening,
)
from rot180.codegen.kernels.interface import shape_name
from rot180.codegen.kernels.kernel import Kernel, Module
from rot180.codegen.kernels.numpy_runtime import imports, sums
from rot180.codegen.plans.plan import Affine, Factor, Nest, Operand


@dataclass(frozen=True)
class NumpyKernel(Kernel):
    """A function in NumPy."""

    @property
    def head(self) -> tuple[str, ...]:
        """Return the lines of its definition, with types."""
        found = self.interface
        shapes = [f"{shape_name(t)}: Sequence[int]" for t, given in found.shapes if given]
        spare = [f"{shape_name(t)}: Sequence[int] | None" for t, given in found.shapes if not given]
        parameters = (
            *(f"{name(t.name)}: Array" for t in found.arrays),
            "*",
            *(f"{word}: Callable[[Array], object]" for word in found.callables),
            *(f"{name(v.name)}: int" for v in found.parameters),
            *shapes,
            *(f"{shape} = None" for shape in spare),
        )
        return definition(f"def {self.name}", parameters, " -> Array:")

    @property
    def body(self) -> list[str]:
        """Return the statements that compute the output."""
        return [line for nest in self.plan.nests for line in _nest_lines(nest, self.output)]

    @property
    def text(self) -> str:
        """Return the function without its docstring."""
        lines = [*self.checks, *self.body, f"return {self.output}"]
        return "\n".join(
            (f"def {self.name}({self.signature}):", *(f"{TAB}{line}" for line in lines))
        )


@dataclass(frozen=True)
class NumpyModule(Module):
    """A module in NumPy."""

    @property
    def runtime(self) -> str:
        """Return the code that computes the sums."""
        return sums()

    @property
    def imports(self) -> list[str]:
        """Return the lines that import what kernels share."""
        parts = (line for kernel in self.kernels for line in (*kernel.checks, *kernel.body))
        return imports("\n".join(("if True:", *(f"{TAB}{line}" for line in parts), "Array")))


def _nest_lines(nest: Nest, output: str) -> list[str]:
    """Write one nest: its phases, the ranges of its loops, the call of the contraction."""
    lines, tab = opening(nest, output)
    lines += [f"{tab}{line}" for line in _ranges(nest)]
    arguments = [f"{output}, [{', '.join(map(_index_map, nest.output))}], loops"]
    roles = (("batch", nest.batch), ("m", nest.m), ("n", nest.n), ("k", nest.k))
    arguments.append(", ".join(f'{role}="{_words(loops)}"' for role, loops in roles if loops))
    arguments.append(f"left=[{', '.join(map(_factor, nest.left))}]" if nest.left else "")
    arguments.append(f"right=[{', '.join(map(_factor, nest.right))}]" if nest.right else "")
    if nest.coefficient != 1:
        top, bottom = fraction(nest.coefficient)
        arguments.append(f"scale=({top}, {bottom})")
    lines.append(f"{tab}_accumulate(")
    lines += [f"{tab}{TAB}{argument}," for argument in arguments if argument]
    lines.append(f"{tab})")
    return lines


def _ranges(nest: Nest) -> list[str]:
    """Write the ranges of a nest's loops: those that are 0 <= v < n together, then the others."""
    known, others = [], []
    for loop in nest.loops:
        v, size = f'"{loop.variable.name}"', loop_size(loop)
        if size is not None:
            known.append(f"{v}: (0, {number(size)})")
        else:
            bounds = ", ".join(f"({_index_map(b.value)}, {number(b.size)})" for b in loop.bounds)
            others.append(f"loops[{v}] = _span({v}, loops, {bounds})")
    return [f"loops = {{{', '.join(known)}}}", *others]


def _factor(factor: Factor) -> str:
    """Write a factor as an argument of the contraction."""
    if isinstance(factor, Operand):
        return f"_entry({', '.join([array_name(factor), *map(_index_map, factor.index)])})"
    return f"_inside({_index_map(factor.value)}, {number(factor.size)})"


def _index_map(e: Affine) -> str:
    """Write an affine map: ``{"p": s, "k": d, "": -lo}``."""
    parts = [f'"{v.name}": {number(c)}' for v, c in e.coefficients]
    if e.constant != 0:
        parts.append(f'"": {number(e.constant)}')
    return "{" + ", ".join(parts) + "}"


def _words(variables: Iterable[Symbol]) -> str:
    return " ".join(v.name for v in variables)
