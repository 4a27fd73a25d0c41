"""A kernel as any framework needs it: its arrays, the numbers that fix all shapes, its gradients.

The gradient by an operand is a layer too, so its gradients are derived by the same engine. An
operation is the forward pass of a layer or a program, one of its gradients, or all of them; its
gradients are operations.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from rot180.codegen.kernels.compile import layer_module, read_source
from rot180.codegen.kernels.names import gradient_name, name, shape_name
from rot180.codegen.kernels.program_functions import forward_tensors
from rot180.derive.gradients.gradient import operand, output_gradient
from rot180.derive.gradients.gradient_layer import gradient_layer
from rot180.derive.language.layers import Layer
from rot180.derive.language.notation import only_in_coefficients
from rot180.derive.language.polynomial import symbol, symbols_of
from rot180.derive.language.programs import Program, applications, read
from rot180.derive.language.scalar_functions import FUNCTIONS
from rot180.derive.language.terms import Tensor

if TYPE_CHECKING:
    from rot180.codegen.kernels.compile import Source

Shape = tuple[int, ...]
Array = NDArray[Any]


@dataclass(frozen=True)
class Operation:
    """A function of a layer's or a program's module.

    Attributes:
        text: the layer or the program.
        wrt: the operands that it differentiates by; () for the forward pass.
        backend: the backend of the kernels.
        saves: whether the forward pass returns, besides the output, what gradients read of it; and
            whether a gradient is given that.

    """

    text: str
    wrt: tuple[str, ...]
    backend: str
    saves: bool = False

    @cached_property
    def key(self) -> str:
        """Return a name of its own."""
        digest = hashlib.sha256(f"{self.backend} {self.text}".encode()).hexdigest()
        return f"{self.word}{'_saved' * self.saves}_{digest[:16]}"

    @cached_property
    def saving(self) -> Operation:
        """Return the forward pass that returns what gradients read of it; itself if they do not."""
        found = replace(self, saves=True)
        return found if not self.wrt and found.saved else self

    @cached_property
    def saved(self) -> tuple[Tensor, ...]:
        """Return what the forward pass saves for gradients, and these read."""
        words = getattr(self.module, "SAVED", ()) if self.saves else ()
        made = forward_tensors(self.layer) if isinstance(self.layer, Program) else ()
        known = {name(t.name): t for t in made}
        return tuple(known[word] for word in words)

    @cached_property
    def _returned(self) -> tuple[Tensor, ...]:
        """Return what the forward pass saves besides the output."""
        return tuple(t for t in self.saved if t.name != self.layer.output.name)

    @cached_property
    def word(self) -> str:
        """Return the name of the function."""
        if len(self.wrt) == 1:
            return gradient_name(operand(self.layer, *self.wrt))
        return "vjp" if self.wrt else "forward"

    @cached_property
    def layer(self) -> Layer | Program:
        """Return the layer."""
        return read(self.text)

    @cached_property
    def module(self) -> ModuleType:
        """Return the kernels of the layer."""
        return layer_module(self.text, self.backend)

    @cached_property
    def kernel(self) -> Callable[..., Any]:
        """Return the function."""
        kernel: Callable[..., Any] = getattr(self.module, self.word)
        return kernel

    @cached_property
    def _arguments(self) -> tuple[str, ...]:
        return tuple(inspect.signature(self.kernel).parameters)

    @cached_property
    def arrays(self) -> tuple[Tensor, ...]:
        """Return the tensors whose values the function reads, in the order of its arguments.

        Those that the forward pass saved come last.
        """
        every = (output_gradient(self.layer), *self.layer.tensors, *self.indices)
        known = {name(t.name): t for t in every}
        read = tuple(known[word] for word in self._arguments if word in known)
        return (*read, *self.saved) if self.wrt else read

    @cached_property
    def indices(self) -> tuple[Tensor, ...]:
        """Return the operands that are arrays of indices."""
        return self.layer.arrays if isinstance(self.layer, Program) else ()

    @cached_property
    def symbols(self) -> tuple[str, ...]:
        """Return the sizes and parameters of the layer, in the order of their values."""
        sizes = (n for t in (*self._tensors, *self.indices) for n in t.shape if n is not None)
        symbols = {v for n in sizes for v in symbols_of(n)}.union(self.layer.parameters)
        return tuple(sorted(v.name for v in symbols))

    @cached_property
    def real(self) -> tuple[bool, ...]:
        """Say which symbols may be real numbers, because they are in coefficients alone."""
        known = {v.name for v in only_in_coefficients(self.layer.output)}
        return tuple(word in known for word in self.symbols)

    @property
    def _tensors(self) -> tuple[Tensor, ...]:
        found = self.layer
        made = found.definitions if isinstance(found, Program) else (found.output,)
        return (*found.tensors, *made)

    @cached_property
    def boxes(self) -> tuple[Callable[..., Shape], ...]:
        """Return the shapes of the results as functions of the values of the symbols."""
        results = [operand(self.layer, word) for word in self.wrt]
        results = results or [self.layer.output, *self._returned]
        return tuple(map(self._shape, results))

    def _shape(self, t: Tensor) -> Callable[..., Shape]:
        function: Callable[..., Shape] = sp.lambdify(
            [symbol(word) for word in self.symbols], t.shape, modules=[]
        )
        return function

    @cached_property
    def _others(self) -> tuple[tuple[str, Callable[..., Any]], ...]:
        """Return the arguments of the function besides arrays, as functions of the values."""
        known: dict[str, Callable[..., Any]] = {}
        known |= {shape_name(t): self._shape(t) for t in self._tensors}
        for n, word in enumerate(self.symbols):
            known[name(word)] = lambda *values, n=n: values[n]
        read = {"saved", *(name(t.name) for t in self.arrays)}
        words = (word for word in self._arguments if word in known and word not in read)
        return tuple((word, known[word]) for word in words)

    def keywords(self, values: Sequence[float]) -> dict[str, Any]:
        """Return the arguments of the function besides arrays.

        Args:
            values: those of `symbols`.

        """
        return {word: function(*values) for word, function in self._others}

    def run(self, arrays: Sequence[Array], values: Sequence[float]) -> tuple[Array, ...]:
        """Call the function; return its results.

        Args:
            arrays: those of `arrays`.
            values: those of `symbols`.

        Raises:
            TypeError, ValueError: naming the argument, with what was found.

        """
        others = self.keywords(values)
        if self.saves and self.wrt:
            count = len(arrays) - len(self.saved)
            pairs = zip(self.saved, arrays[count:], strict=True)
            others["saved"] = {name(t.name): a for t, a in pairs}
            arrays = arrays[:count]
        elif self.saves:
            y, kept = self.kernel(*arrays, **others, save=True)
            results = (y, *(kept[name(t.name)] for t in self._returned))
            return tuple(np.asarray(one, order="C") for one in results)
        found = self.kernel(*arrays, **others)
        results = found if self.word == "vjp" else (found,)
        return tuple(np.asarray(one, order="C") for one in results)

    def gradients(self, needed: Sequence[int], result: int = 0) -> tuple[Gradient, ...]:
        """Return how a loss that depends on one result is differentiated by some arrays.

        Args:
            needed: the numbers of the arrays; those that the result does not depend on are in no
                gradient.
            result: the number of the result.

        Raises:
            ValueError: a gradient cannot be derived or compiled.

        """
        key = (*needed, result)
        if key not in self._found:
            self._found[key] = tuple(self._gradients(needed, result))
        return self._found[key]

    @cached_property
    def _found(self) -> dict[tuple[int, ...], tuple[Gradient, ...]]:
        """Return the gradients that were asked for so far."""
        return {}

    def _gradients(self, needed: Sequence[int], result: int) -> Iterator[Gradient]:
        if result not in self._definitions:
            derived = gradient_layer(self.layer, self.wrt[result]) if self.wrt else (self.layer, "")
            self._definitions[result] = derived
        definition = self._definitions[result]
        if definition is None:
            return
        layer, short = definition
        renamed = {short: output_gradient(self.layer).name} if self.wrt else {}
        mine = {t.name: n for n, t in enumerate(self.arrays)}
        numbers = {t.name: mine[renamed.get(t.name, t.name)] for t in layer.tensors}
        chosen = tuple(word for word, n in numbers.items() if n in needed)
        # all of them in one call; a part of them would compute the others in vain
        joint = len(chosen) == len(numbers) > 1
        for wrt in [chosen] if joint else [(word,) for word in chosen]:
            found = Operation(layer.text, wrt, self.backend, self.saves and not self.wrt)
            upstream = output_gradient(found.layer).name
            read = numbers | {t.name: mine[t.name] for t in found.indices}
            kept = (self.layer.output, *self._returned)
            read |= {t.name: n for n, t in enumerate(kept, len(self.arrays)) if t in found.saved}
            sources = [None if t.name == upstream else read[t.name] for t in found.arrays]
            values = tuple(self.symbols.index(word) for word in found.symbols)
            yield Gradient(found, tuple(numbers[word] for word in wrt), tuple(sources), values)

    @cached_property
    def _definitions(self) -> dict[int, tuple[Layer | Program, str] | None]:
        """Return what computes each result, and its name of the gradient by the output."""
        return {}


@dataclass(frozen=True)
class Gradient:
    """Gradients of an operation by some of its arrays, and where their arguments come from.

    Attributes:
        operation: computes them.
        targets: the number of the array that each result is the gradient by.
        sources: the number of the operation's array that each of its arrays is, where results of
            the operation have the numbers after those of its arrays; None for the gradient by the
            operation's result.
        values: the number of the operation's symbol that each of its symbols is.

    """

    operation: Operation
    targets: tuple[int, ...]
    sources: tuple[int | None, ...]
    values: tuple[int, ...]

    def inputs(
        self, upstream: Any, arrays: Sequence[Any], values: Sequence[Any]
    ) -> tuple[list[Any], list[Any]]:
        """Return the arrays and the values that the gradients are computed from.

        Args:
            upstream: the gradient by the operation's result.
            arrays: the operation's arrays, then its results.
            values: the values of the operation's symbols.

        """
        read = [upstream if n is None else arrays[n] for n in self.sources]
        return read, [values[n] for n in self.values]


def backward(
    operation: Operation,
    upstream: Sequence[Any],
    needed: Sequence[int],
    call: Callable[[Gradient, Any], Sequence[Any]],
) -> list[Any]:
    """Return the gradients by all arrays of an operation; None where there is none.

    Args:
        operation: the operation.
        upstream: the gradients by its results, None where the loss does not depend on one.
        needed: the numbers of the arrays to differentiate by.
        call: calls the operation of a gradient, given the gradient by one result.

    """
    found: list[Any] = [None] * len(operation.arrays)
    for result, g in enumerate(upstream):
        for gradient in () if g is None else operation.gradients(needed, result):
            for n, part in zip(gradient.targets, call(gradient, g), strict=True):
                found[n] = part if found[n] is None else found[n] + part
    return found


def forward(layer: Source, backend: str) -> Operation:
    """Return the forward pass of a layer or a program.

    Raises:
        ValueError: there is no such backend, or the layer cannot be read, has no operand, or takes
            a function as an argument.

    """
    found = read_source(layer)
    if not found.tensors:
        raise ValueError(f"layer: found {found.text}, expected one with an operand")
    operation = Operation(found.text, (), backend)
    applied = (f.function for t in operation._tensors for f in applications(t))
    if unknown := [word for word in applied if word not in FUNCTIONS]:
        raise ValueError(
            f"layer: found the function {unknown[0]}, which would be an argument; expected "
            f"functions that are known by name: {', '.join(FUNCTIONS)}"
        )
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
