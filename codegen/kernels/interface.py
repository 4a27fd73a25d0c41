"""What a kernel takes: the arrays that it reads, its parameters, the shapes that fix the rest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sympy import Expr, Symbol

from rot180.codegen.kernels.names import function_name, gradient_name, name, shape_name
from rot180.codegen.plans.plan import LoweringError, Plan
from rot180.derive.kernel.proof import Theorem
from rot180.derive.language.layers import Layer
from rot180.derive.language.notation import only_in_coefficients
from rot180.derive.language.polynomial import symbols_of
from rot180.derive.language.scalar_functions import FUNCTIONS
from rot180.derive.language.terms import Access, Derivative, Tensor


@dataclass(frozen=True)
class Interface:
    """What a kernel takes.

    Attributes:
        box: the tensor whose box the output has.
        output: the output's name.
        arrays: the tensors whose values are needed.
        functions: the scalar functions, each with its order and its tensor.
        parameters: the numbers that are not sizes.
        reals: those of them that may be real numbers; the others are integers.
        shapes: tensors of which only the sizes are needed, and whether these must be given.
        sizes: the sizes that the kernel uses.
        places: arrays of indices, each with the size of an axis that it is used for.

    """

    box: Tensor
    output: str
    arrays: tuple[Tensor, ...]
    functions: tuple[tuple[str, int, Tensor], ...]
    parameters: tuple[Symbol, ...]
    shapes: tuple[tuple[Tensor, bool], ...]
    sizes: tuple[Symbol, ...]
    reals: frozenset[Symbol] = frozenset()
    places: tuple[tuple[Tensor, Expr], ...] = ()

    @property
    def index_arrays(self) -> tuple[Tensor, ...]:
        """Return the arrays of indices, each once."""
        return tuple(dict.fromkeys(t for t, _ in self.places))

    @property
    def integers(self) -> tuple[Symbol, ...]:
        """Return the parameters that are integers."""
        return tuple(v for v in self.parameters if v not in self.reals)

    @property
    def callables(self) -> tuple[str, ...]:
        """Return the functions that are arguments: those that are not known by name."""
        unknown = [(f, order) for f, order, _ in self.functions if f not in FUNCTIONS]
        return tuple(dict.fromkeys(function_name(f, order) for f, order in unknown))

    @property
    def arguments(self) -> tuple[str, ...]:
        """Return the names of all arguments."""
        return (
            *(name(t.name) for t in (*self.arrays, *self.index_arrays)),
            *self.callables,
            *(name(v.name) for v in self.parameters),
            *(shape_name(t) for t, _ in self.shapes),
        )


def kernel_interface(layer: Layer, theorem: Theorem, plan: Plan) -> Interface:
    """Find out what a kernel must be given.

    Args:
        layer: the forward pass.
        theorem: what the kernel computes.
        plan: the theorem, lowered.

    Raises:
        LoweringError: a size is not the whole size of any axis.

    """
    box, output = result(theorem)
    operands = plan.operands
    used = {f.tensor.name: f.tensor for f in operands}
    own = {t.name for t in layer.tensors}
    upstream = [used[n] for n in sorted(used) if n not in own]
    arrays = (*upstream, *(t for t in layer.tensors if t.name in used))
    functions = dict.fromkeys((f.function, f.order, f.tensor) for f in operands if f.function)

    sizes = symbols_in((*layer.tensors, layer.output))
    needed = plan.symbols | symbols_in(t for t in arrays if len(plain_axes(t)) < len(t.shape))
    known = {v for t in arrays for v in plain_axes(t)}
    shapes = [(box, not symbols_in([box]) <= known)]
    known |= set(plain_axes(box))
    for t in (layer.output, *layer.tensors):
        if (needed & sizes - known) & set(plain_axes(t)):
            shapes.append((t, True))
            known |= set(plain_axes(t))
    parameters = tuple(v for v in layer.parameters if v in needed and v not in known)
    if lost := needed - known - set(parameters):
        names = ", ".join(sorted(v.name for v in lost))
        raise LoweringError(f"no argument determines {names}: no axis has exactly that size")
    ordered_sizes = dict.fromkeys(
        v for t in (*arrays, *(t for t, _ in shapes)) for v in plain_axes(t) if v in needed
    )
    reals = only_in_coefficients(layer.output).intersection(parameters)
    return Interface(
        box, output, arrays, tuple(functions), parameters, tuple(shapes), tuple(ordered_sizes),
        reals,
    )  # fmt: skip


def result(theorem: Theorem) -> tuple[Tensor, str]:
    """Return the tensor whose box a result has, and the name of the result."""
    (factor,) = theorem.lhs[0].factors
    if isinstance(factor, Derivative):
        return factor.wrt.tensor, gradient_name(factor.wrt.tensor)
    assert isinstance(factor, Access)
    return factor.tensor, factor.tensor.name


def plain_axes(t: Tensor) -> list[Symbol]:
    """Return the sizes of axes that are names."""
    return [n for n in t.shape if isinstance(n, Symbol)]


def symbols_in(tensors: Iterable[Tensor]) -> set[Symbol]:
    """Return the symbols in the sizes of tensors."""
    return {v for t in tensors for n in t.shape if n is not None for v in symbols_of(n)}
