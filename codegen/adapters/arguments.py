"""What a layer is called with: its operands, its parameters, and the shape of its output."""

from __future__ import annotations

import inspect
import numbers
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rot180.codegen.adapters.operation import Operation
from rot180.codegen.kernels.names import name, shape_name
from rot180.derive.language.polynomial import symbols_of
from rot180.derive.language.terms import Tensor

DTYPES = "float32", "float64"


@dataclass(frozen=True)
class SizedAxis:
    """An axis whose size is a symbol: the number of the axis, and of the symbol."""

    number: int
    symbol: int


@dataclass(frozen=True)
class Arguments:
    """The arguments of a layer.

    Attributes:
        operands: the name of each operand, its rank, and the axes that give sizes.
        indices: the names of those that are arrays of indices.
        parameters: the name of each parameter, the number of its symbol, and whether it may be
            real.
        output: the argument with the output's shape, its rank, and the axes that give sizes.
        given: whether that argument must be given.
        symbols: the names of all sizes and parameters.

    """

    operands: tuple[tuple[str, int, tuple[SizedAxis, ...]], ...]
    indices: tuple[str, ...]
    parameters: tuple[tuple[str, int, bool], ...]
    output: tuple[str, int, tuple[SizedAxis, ...]]
    given: bool
    symbols: tuple[str, ...]

    @property
    def signature(self) -> inspect.Signature:
        """Return the signature of the layer as a function."""
        kind = inspect.Parameter
        shape = kind.empty if self.given else None
        return inspect.Signature(
            [
                *(kind(word, kind.POSITIONAL_OR_KEYWORD) for word, _, _ in self.operands),
                *(kind(word, kind.KEYWORD_ONLY) for word, *_ in self.parameters),
                kind(self.output[0], kind.KEYWORD_ONLY, default=shape),
            ]
        )

    def read(
        self, positional: Sequence[Any], keywords: Mapping[str, Any], kinds: tuple[type, ...]
    ) -> tuple[list[Any], list[Any]]:
        """Return the operands, and the values of the symbols.

        Args:
            positional: the operands, or the first of them.
            keywords: the other arguments.
            kinds: the types of the framework's arrays.

        Raises:
            TypeError: an argument is missing, unknown, no array or not an integer.
            ValueError: an operand has another rank, or two arguments disagree about a size.

        """
        names = [word for word, _, _ in self.operands]
        if len(positional) > len(names):
            raise TypeError(
                f"operands: found {len(positional)}, expected {', '.join(names)}; "
                "parameters and shapes are passed by keyword"
            )
        given = dict(keywords)
        for word, one in zip(names, positional, strict=False):
            if word in given:
                raise TypeError(f"{word}: found twice, by position and by keyword")
            given[word] = one
        required = [*names, *(word for word, *_ in self.parameters)]
        required += [self.output[0]] if self.given else []
        for word in required:
            if word not in given:
                raise TypeError(f"{word}: missing, expected {', '.join(required)}")
        for word in given:
            if word not in required and word != self.output[0]:
                raise TypeError(f"{word}: unknown, expected {', '.join(required)}")
        for word in names:
            if not isinstance(given[word], kinds):
                found, kind = type(given[word]).__name__, kinds[0].__name__.rpartition(".")[2]
                raise TypeError(f"{word}: found {found}, expected {kind}")
        return [given[word] for word in names], self._values(given)

    def _values(self, given: Mapping[str, Any]) -> list[Any]:
        values: list[Any] = [None] * len(self.symbols)
        shapes = [(word, given[word].shape, rank, axes) for word, rank, axes in self.operands]
        word, rank, axes = self.output
        if given.get(word) is not None:
            if not isinstance(given[word], Sequence):
                expected = f"a tuple of {rank} integers"
                raise TypeError(f"{word}: found {given[word]!r}, expected {expected}")
            whole = tuple(_integer(word, n) for n in given[word])
            shapes.append((word, whole, rank, axes))
        for word, shape, rank, axes in shapes:
            if len(shape) != rank:
                raise ValueError(f"{word}: found {len(shape)} axes, expected {rank}")
            for axis in axes:
                size, known = shape[axis.number], values[axis.symbol]
                if known is not None and known != size:
                    raise ValueError(
                        f"{word}: found size {size} on axis {axis.number}, expected {known}, "
                        f"which is {self.symbols[axis.symbol]} in another argument"
                    )
                values[axis.symbol] = size
        for word, n, real in self.parameters:
            values[n] = _real(word, given[word]) if real else _integer(word, given[word])
        return values


def _real(word: str, value: Any) -> float:
    """Return a real number as Python's.

    Raises:
        TypeError: it is none.

    """
    if isinstance(value, numbers.Real) and not isinstance(value, bool):
        return float(value)
    expected = "a real number that is known before the call"
    raise TypeError(f"{word}: found {value!r}, expected {expected}")


def _integer(word: str, value: Any) -> Any:
    """Return an integer as it is if it is Python's or a symbolic one, else as Python's."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    try:
        return operator.index(value)
    except TypeError as error:
        raise TypeError(
            f"{word}: found {value!r}, expected integers that are known before the call"
        ) from error


def arguments(operation: Operation) -> Arguments:
    """Return the arguments of the forward pass of a layer.

    Raises:
        ValueError: no argument determines a size.

    """
    layer, symbols = operation.layer, operation.symbols
    known_as = {word: n for n, word in enumerate(symbols)}

    def axes(t: Tensor) -> tuple[SizedAxis, ...]:
        plain = [(n, str(size)) for n, size in enumerate(t.shape)]
        return tuple(SizedAxis(n, known_as[size]) for n, size in plain if size in known_as)

    given = (*layer.tensors, *operation.indices)
    operands = tuple((name(t.name), len(t.shape), axes(t)) for t in given)
    read = {axis.symbol for _, _, known in operands for axis in known}
    places = [known_as[v.name] for v in layer.parameters]
    parameters = tuple((name(symbols[n]), n, operation.real[n]) for n in places)
    whole = {known_as[v.name] for n in layer.output.shape if n is not None for v in symbols_of(n)}
    output = (shape_name(layer.output), len(layer.output.shape), axes(layer.output))
    known = read | {axis.symbol for axis in output[2]} | {*places}
    if lost := [word for word, n in known_as.items() if n not in known]:
        raise ValueError(f"layer: no argument determines the size {lost[0]}")
    indices = tuple(name(t.name) for t in operation.indices)
    return Arguments(operands, indices, parameters, output, not whole <= read, symbols)


def require_dtypes(given: Sequence[tuple[str, Any]]) -> None:
    """Refuse arrays whose dtype has no kernel: what a kernel raises comes too late.

    Raises:
        TypeError: naming the argument.

    """
    first, other = given[0]
    for word, array in given:
        if str(array.dtype) not in DTYPES:
            expected = " or ".join(DTYPES)
            raise TypeError(f"{word}: found dtype {array.dtype}, expected {expected}: .astype(...)")
        if array.dtype != other.dtype:
            raise TypeError(
                f"{word}: found dtype {array.dtype}, expected {other.dtype}, the dtype of {first}"
            )
