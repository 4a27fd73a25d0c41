"""The numbers of a worked example: the arrays of a layer, and the sizes that follow from them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sympy import Expr, Symbol

from rot180.derive.gradients.gradient import output_gradient
from rot180.derive.language.layers import Layer
from rot180.derive.language.polynomial import (
    coefficient,
    monomials,
    normal,
    symbol,
    symbols_of,
    text,
)
from rot180.derive.language.terms import Access, Equal, Tensor, Term, accesses_and_brackets, indices
from rot180.derive.semantics.evaluate import evaluate
from rot180.derive.semantics.model import GivenModel, Model

LARGEST = 1000
"""The largest number of entries of an array in a worked example."""


@dataclass(frozen=True)
class Example:
    """A layer with numbers.

    Attributes:
        layer: the forward pass.
        model: sizes, parameters, and the entries of operands and output gradient, exactly.
        whole: whether all arrays that were given hold integers.
        zero: the operands that were not given.
        drawn: whether the output gradient was not given, but chosen.

    """

    layer: Layer
    model: GivenModel
    whole: bool
    zero: tuple[str, ...]
    drawn: bool


def example(
    layer: Layer, arrays: Mapping[str, NDArray[Any]], parameters: Mapping[str, int]
) -> Example:
    """Match arrays to the tensors of a layer.

    An operand that is not given is zero if its sizes follow from the others; an output gradient
    that is not given consists of small integers. A parameter that is not given is 1 if it is a
    factor (a stride, a dilation) and 0 if it is a summand (a padding). An output size that is not
    given is the largest for which the last window overhangs no further than the first.

    Args:
        layer: the forward pass.
        arrays: tensor name, or ``grad_<output>``, to integers or floats.
        parameters: parameter or size to value.

    Raises:
        ValueError: a name is unknown, or a shape or an entry does not fit.

    """
    incoming = output_gradient(layer)
    tensors = {t.name: t for t in (*layer.tensors, incoming)}
    for name in arrays:
        if name not in tensors:
            raise ValueError(f"arrays: found {name!r}, expected one of {', '.join(tensors)}")
    given = {name: _exact(name, np.asarray(array)) for name, array in arrays.items()}
    sizes = _sizes(layer, {tensors[n]: a.shape for n, a in given.items()}, parameters)
    whole = all(np.asarray(a).dtype.kind in "iu" for a in arrays.values())
    shapes = {t.name: _shape(t, sizes) for t in tensors.values()}
    for name, found in given.items():
        if found.shape != shapes[name]:
            raise ValueError(f"{name}: found the shape {found.shape}, expected {shapes[name]}")
    zero = tuple(t.name for t in layer.tensors if t.name not in given)
    for name in zero:
        given[name] = np.full(shapes[name], 0, object)
    drawn = incoming.name not in given
    if drawn:
        given[incoming.name] = _small(incoming.name, shapes[incoming.name])
    model = GivenModel({symbol(n): v for n, v in sizes.items()}, arrays=given)
    return Example(layer, model, whole, zero, drawn)


def _exact(name: str, array: NDArray[Any]) -> NDArray[Any]:
    """Return an array of exact integers and fractions."""
    if array.dtype.kind not in "iuf":
        raise ValueError(f"{name}: found the dtype {array.dtype}, expected integers or floats")
    _small_enough(name, array.size)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError(f"{name}: found an entry that is not finite, expected finite numbers")
    out = np.empty(array.shape, object)
    for at in np.ndindex(array.shape):
        value = Fraction(array[at].item())
        out[at] = value.numerator if value.denominator == 1 else value
    return out


def _small_enough(name: str, entries: int) -> None:
    if entries > LARGEST:
        raise ValueError(
            f"{name}: found {entries} entries, expected at most {LARGEST}: a worked example "
            "is small"
        )


def _small(name: str, shape: tuple[int, ...]) -> NDArray[Any]:
    """Return integers from -3 to 3 without 0, the same on every machine."""
    drawn = Model({}, limit=6).entries(name, shape)
    return np.where(drawn > 3, drawn - 3, drawn - 4)


def _sizes(
    layer: Layer, shapes: Mapping[Tensor, tuple[int, ...]], parameters: Mapping[str, int]
) -> dict[str, int]:
    tensors = (*layer.tensors, layer.output)
    letters = {v.name for t in tensors for n in t.shape if n is not None for v in symbols_of(n)}
    names = [v.name for v in layer.parameters]
    for name, value in parameters.items():
        if name not in letters and name not in names:
            known = ", ".join([*names, *sorted(letters)])
            raise ValueError(f"parameters: found {name!r}, expected one of {known}")
        if not isinstance(value, int) or isinstance(value, bool):
            raise ValueError(f"parameters: {name}: found {value!r}, expected an integer")
        if abs(value) > LARGEST:
            raise ValueError(
                f"parameters: {name}: found {value}, expected {-LARGEST} to {LARGEST}: a worked "
                "example is small"
            )
    sizes = dict(parameters)
    where = dict.fromkeys(sizes, "the parameters")
    for t, shape in shapes.items():
        if len(shape) != len(t.shape):
            axes = ", ".join(text(n) for n in t.shape if n is not None)
            raise ValueError(
                f"{t.name}: found {len(shape)} axes, expected {len(t.shape)}: [{axes}]"
            )
        for axis, (size, found) in enumerate(zip(t.shape, shape, strict=True)):
            if not isinstance(size, Symbol):
                continue
            if sizes.setdefault(size.name, found) != found:
                raise ValueError(
                    f"{t.name}, axis {axis}: found the size {found}, expected "
                    f"{size.name} = {sizes[size.name]} as in {where[size.name]}"
                )
            where.setdefault(size.name, f"{t.name}, axis {axis}")
    for v in layer.parameters:
        sizes.setdefault(v.name, int(_multiplies(layer, v)))
    for v, end in _output_sizes(layer, sizes):
        sizes.setdefault(v.name, end)
    missing = sorted(letters - sizes.keys())
    if missing:
        raise ValueError(
            f"sizes: found no array that has {', '.join(missing)}, expected one, or a value such "
            f"as {missing[0]}=3 among the parameters"
        )
    return sizes


def _multiplies(layer: Layer, v: Symbol) -> bool:
    """Say whether a parameter is a factor: of a term, or of an index variable."""
    definition = layer.output.definition
    assert definition is not None
    for t in definition.body:
        variables = {u.name for u in (*definition.formals, *t.variables)}
        for part in accesses_and_brackets(t.factors):
            for m in (m for e in indices(part) for m in monomials(e)):
                names = {name for name, _ in m}
                if v.name in names and names & variables:
                    return True
        if v in symbols_of(t.coefficient):
            return True
    return False


def _shape(t: Tensor, sizes: Mapping[str, int]) -> tuple[int, ...]:
    shape = tuple(_value(n, sizes) for n in t.shape if n is not None)
    if any(n < 0 for n in shape):
        raise ValueError(f"{t.name}: found the shape {shape}, expected sizes of 0 or more")
    _small_enough(t.name, math.prod(shape))
    return shape


def _value(e: Expr, env: Mapping[str, int]) -> int:
    model = Model({symbol(n): v for n, v in env.items()}, limit=1)
    return int(evaluate((Term(e, (), ()),), model, {}))


def _output_sizes(layer: Layer, sizes: Mapping[str, int]) -> Iterator[tuple[Symbol, int]]:
    """Yield each size of the output that follows from the windows."""
    definition = layer.output.definition
    assert definition is not None
    for p, n in zip(definition.formals, layer.output.shape, strict=True):
        found = [end for t in definition.body for end in _ends(t, p, sizes)]
        if isinstance(n, Symbol) and found:
            yield n, max(min(found), 0)


def _ends(t: Term, p: Symbol, sizes: Mapping[str, int]) -> Iterator[int]:
    """Yield the number of outputs that fit, for each index in which the output's index occurs."""
    taps = {
        v: n
        for f in accesses_and_brackets(t.factors)
        if isinstance(f, Access)
        for v, n in zip(f.index, f.tensor.shape, strict=True)
        if v in t.variables and n is not None and symbols_of(n) <= set(map(symbol, sizes))
    }
    for part in accesses_and_brackets(t.factors):
        axes = part.tensor.shape if isinstance(part, Access) else (None,)
        for e, n in zip(indices(part), axes, strict=True):
            inner = symbols_of(e) & set(t.variables)
            if p not in symbols_of(e) or not inner <= taps.keys():
                continue
            sign = _value(coefficient(e, p), sizes)
            others = [v for v in symbols_of(e) if v != p and v not in inner]
            if any(v.name not in sizes for v in others) or not sign:
                continue
            e = normal(-e) if isinstance(part, Equal) and sign > 0 else e
            low, high = _span(e.subs(p, 0), {v: _value(taps[v], sizes) for v in inner}, sizes)
            if isinstance(part, Equal) and abs(sign) == 1:
                yield high + 1 + min(low, 0)
            elif n is not None and sign > 0:
                yield math.floor((_value(n, sizes) - 1 - low - high) / sign) + 1


def _span(e: Expr, taps: Mapping[Symbol, int], sizes: Mapping[str, int]) -> tuple[int, int]:
    """Return the smallest and the largest value of an index over the taps."""
    corners = product(*({0, max(n - 1, 0)} for n in taps.values()))
    names = [v.name for v in taps]
    values = [_value(e, {**sizes, **dict(zip(names, c, strict=True))}) for c in corners]
    return min(values), max(values)
