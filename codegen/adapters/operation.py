"""A kernel as any framework needs it: its arrays, the numbers that fix all shapes, its gradients.

The gradient by an operand is a layer too, so its gradients are derived by the same engine. An
operation is the forward pass of a layer or one of its gradients; its gradients are operations.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import ModuleType
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from rot180.codegen.kernels.compile import layer_module
from rot180.codegen.kernels.names import gradient_name, name, shape_name
from rot180.derive.gradients.gradient import operand, output_gradient
from rot180.derive.gradients.gradient_layer import gradient_layer
from rot180.derive.language.layers import Layer
from rot180.derive.language.layers import layer as read_layer
from rot180.derive.language.notation import unfold_activation
from rot180.derive.language.polynomial import symbol, symbols_of
from rot180.derive.language.scalar_functions import FUNCTIONS
from rot180.derive.language.terms import Apply, Tensor

Shape = tuple[int, ...]
Array = NDArray[Any]


@dataclass(frozen=True)
class Operation:
    """A kernel of a layer.

    Attributes:
        text: the text of the layer.
        wrt: the operand that the kernel differentiates by; "" for the forward pass.
        backend: the backend of the kernels.

    """

    text: str
    wrt: str
    backend: str

    @cached_property
    def key(self) -> str:
        """Return a name of its own."""
        digest = hashlib.sha256(f"{self.backend} {self.text}".encode()).hexdigest()
        return f"{self.word}_{digest[:16]}"

    @cached_property
    def word(self) -> str:
        """Return the name of the kernel."""
        return gradient_name(operand(self.layer, self.wrt)) if self.wrt else "forward"

    @cached_property
    def layer(self) -> Layer:
        """Return the layer."""
        return read_layer(self.text)

    @cached_property
    def module(self) -> ModuleType:
        """Return the kernels of the layer."""
        return layer_module(self.text, self.backend)

    @cached_property
    def kernel(self) -> Callable[..., Any]:
        """Return the kernel."""
        kernel: Callable[..., Any] = getattr(self.module, self.word)
        return kernel

    @cached_property
    def _arguments(self) -> tuple[str, ...]:
        return tuple(inspect.signature(self.kernel).parameters)

    @cached_property
    def arrays(self) -> tuple[Tensor, ...]:
        """Return the tensors whose values the kernel reads, in the order of its arguments."""
        known = {name(t.name): t for t in (output_gradient(self.layer), *self.layer.tensors)}
        return tuple(known[word] for word in self._arguments if word in known)

    @cached_property
    def symbols(self) -> tuple[str, ...]:
        """Return the sizes and parameters of the layer, in the order of their values."""
        every = (*self.layer.tensors, self.layer.output)
        symbols = {v for t in every for n in t.shape if n is not None for v in symbols_of(n)}
        return tuple(sorted({v.name for v in (*symbols, *self.layer.parameters)}))

    @cached_property
    def box(self) -> Callable[..., Shape]:
        """Return the shape of the output as a function of the values of the symbols."""
        return self._shape(operand(self.layer, self.wrt) if self.wrt else self.layer.output)

    def _shape(self, t: Tensor) -> Callable[..., Shape]:
        function: Callable[..., Shape] = sp.lambdify(
            [symbol(word) for word in self.symbols], t.shape, modules=[]
        )
        return function

    @cached_property
    def _others(self) -> tuple[tuple[str, Callable[..., Any]], ...]:
        """Return the arguments of the kernel besides arrays, as functions of the values."""
        every = (*self.layer.tensors, self.layer.output)
        known: dict[str, Callable[..., Any]] = {shape_name(t): self._shape(t) for t in every}
        for n, word in enumerate(self.symbols):
            known[name(word)] = lambda *values, n=n: values[n]
        read = {name(t.name) for t in self.arrays}
        return tuple((word, known[word]) for word in self._arguments if word not in read)

    def run(self, arrays: Sequence[Array], values: Sequence[int]) -> Array:
        """Call the kernel.

        Args:
            arrays: those of `arrays`.
            values: those of `symbols`.

        Raises:
            TypeError, ValueError: naming the argument, with what was found.

        """
        others = {word: function(*values) for word, function in self._others}
        return np.asarray(self.kernel(*arrays, **others), order="C")

    def gradient(self, number: int) -> Gradient | None:
        """Return the gradient by an array; None if the kernel's sum does not depend on it.

        Raises:
            ValueError: the layer of the gradient cannot be derived or compiled.

        """
        if number not in self._found:
            self._found[number] = self._gradient(number)
        return self._found[number]

    @cached_property
    def _found(self) -> dict[int, Gradient | None]:
        """Return the gradients that were asked for so far."""
        return {}

    def _gradient(self, number: int) -> Gradient | None:
        definition, short = self._definition
        renamed = {short: output_gradient(self.layer).name} if self.wrt else {}
        here = {renamed.get(t.name, t.name): t.name for t in definition.tensors}
        wrt = here.get(self.arrays[number].name)
        if wrt is None:
            return None
        found = Operation(definition.text, wrt, self.backend)
        mine = [t.name for t in self.arrays]
        upstream = output_gradient(found.layer).name
        sources = [
            None if t.name == upstream else mine.index(renamed.get(t.name, t.name))
            for t in found.arrays
        ]
        values = tuple(self.symbols.index(word) for word in found.symbols)
        return Gradient(found, tuple(sources), values)

    @cached_property
    def _definition(self) -> tuple[Layer, str]:
        """Return the layer that the kernel computes, and its name of the output's gradient."""
        return gradient_layer(self.layer, self.wrt) if self.wrt else (self.layer, "")


@dataclass(frozen=True)
class Gradient:
    """A gradient of an operation, and where its arguments come from.

    Attributes:
        operation: computes it.
        sources: the number of the operation's array that each of its arrays is; None for the
            gradient by the operation's output.
        values: the number of the operation's symbol that each of its symbols is.

    """

    operation: Operation
    sources: tuple[int | None, ...]
    values: tuple[int, ...]

    def inputs(
        self, upstream: Any, arrays: Sequence[Any], values: Sequence[Any]
    ) -> tuple[list[Any], list[Any]]:
        """Return the arrays and the values that the gradient is computed from.

        Args:
            upstream: the gradient by the operation's output.
            arrays: the operation's arrays.
            values: the values of the operation's symbols.

        """
        read = [upstream if n is None else arrays[n] for n in self.sources]
        return read, [values[n] for n in self.values]


def forward(layer: str | Layer | sp.Equality, backend: str) -> Operation:
    """Return the forward pass of a layer.

    Raises:
        ValueError: there is no such backend, or the layer cannot be read, has no operand, or takes
            a function as an argument.

    """
    found = layer if isinstance(layer, Layer) else read_layer(layer)
    if not found.tensors:
        raise ValueError(f"layer: found {found.text}, expected one with an operand")
    assert found.output.definition is not None
    factors = [f for t in found.output.definition.body for f in t.factors]
    applied = [f.function for f in map(unfold_activation, factors) if isinstance(f, Apply)]
    if unknown := [word for word in applied if word not in FUNCTIONS]:
        raise ValueError(
            f"layer: found the function {unknown[0]}, which would be an argument; expected "
            f"functions that are known by name: {', '.join(FUNCTIONS)}"
        )
    operation = Operation(found.text, "", backend)
    operation.module  # noqa: B018
    return operation


def documented(
    function: Callable[..., Any], operation: Operation, signature: inspect.Signature, what: str
) -> Callable[..., Any]:
    """Give a function the name, the signature and the docstring of a layer.

    Args:
        function: the function.
        operation: the forward pass of the layer.
        signature: the signature.
        what: what the framework's arrays are called.

    """
    said = inspect.cleandoc(operation.kernel.__doc__ or "").replace("array", what)
    about: Any = function
    about.__name__ = about.__qualname__ = operation.layer.output.name
    about.__doc__, about.__signature__, about.layer = said, signature, operation.text
    return function
