"""The products of which each entry of an array is the sum, at concrete sizes, by definition.

A layer that is a sum of products determines them, and so the products of its gradients: those in
which the operand occurs, with its entry as the place and the gradient by the output as a factor.
All that is exact about a kernel follows: values, how many products an entry sums, and the sum of
their absolute values.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sympy import Expr, Symbol

from rot180.derive.language.terms import Access, Equal, Factor, Range, Tensor, Term
from rot180.derive.semantics.model import Model, affine, integer
from rot180.derive.semantics.supports import Points, Row, Scope, rows_of, solutions

Array: TypeAlias = NDArray[Any]

UPSTREAM = "grad_{}"
"""What the gradient by the output is called."""


class NotASumError(ValueError):
    """A layer is not a sum of products of entries."""


@dataclass(frozen=True)
class ProductBlock:
    """Products with the same factors.

    Attributes:
        scale: the number before each of them.
        places: the entry of the result to which each is added, counted along its axes.
        factors: the arrays that are multiplied, and the entry of each.

    """

    scale: Fraction
    places: Array
    factors: tuple[tuple[str, Array], ...]


@dataclass(frozen=True)
class Products:
    """The products of which an array is the sum.

    Attributes:
        shape: the shape of the array.
        blocks: the products.

    """

    shape: tuple[int, ...]
    blocks: tuple[ProductBlock, ...]

    def sum(self, arrays: Mapping[str, Array]) -> Array:
        """Return the array, in the arithmetic of the operands: exact for integers."""
        out: Array = np.zeros(math.prod(self.shape), np.int64)
        for block, part in self._parts(arrays):
            sums = np.zeros(len(out), part.dtype)
            np.add.at(sums, block.places, part)
            # dividing last, which rounds once
            out = out + (sums if block.scale.denominator == 1 else sums / block.scale.denominator)
        return out.reshape(self.shape)

    def last(self, arrays: Mapping[str, Array]) -> Array:
        """Return the array in which each product overwrites those before it, unless it is 0."""
        out: Array = np.zeros(math.prod(self.shape), np.int64)
        for block, part in self._parts(arrays):
            written, values = part != 0, part / block.scale.denominator
            out = out.astype(np.result_type(out, values))
            out[block.places[written]] = values[written]
        return out.reshape(self.shape)

    def _parts(self, arrays: Mapping[str, Array]) -> Iterator[tuple[ProductBlock, Array]]:
        """Yield the products of each block, times the numerator of its number."""
        flat = {name: a.reshape(-1) for name, a in arrays.items()}
        for block in self.blocks:
            kinds = [flat[name].dtype for name, _ in block.factors]
            kind = np.result_type(*kinds) if kinds else np.int64
            part: Array = np.full(len(block.places), block.scale.numerator, kind)
            for name, at in block.factors:
                part = part * flat[name][at]
            yield block, part

    def absolute(self, arrays: Mapping[str, Array]) -> Array:
        """Return the sum of the absolute values of the products of each entry."""
        blocks = tuple(ProductBlock(abs(b.scale), b.places, b.factors) for b in self.blocks)
        return Products(self.shape, blocks).sum({name: np.abs(a) for name, a in arrays.items()})

    @property
    def multiplications(self) -> int:
        """Return the most multiplications in a product."""
        scaled = (len(b.factors) - 1 + (abs(b.scale) != 1) for b in self.blocks)
        return max(scaled, default=0)

    def count(self) -> Array:
        """Return how many products each entry sums."""
        out: Array = np.zeros(math.prod(self.shape), np.int64)
        for block in self.blocks:
            np.add.at(out, block.places, 1)
        return out.reshape(self.shape)


@dataclass(frozen=True)
class Sum:
    """A definition as products of entries, the gradient by the output being one of them.

    Attributes:
        upstream: the entry of the gradient by the output.
        indices: the indices of the output.
        box: the sizes of the output.
        terms: the coefficient of each term, the indices that it sums over, and its factors.

    """

    upstream: Access
    indices: tuple[Symbol, ...]
    box: tuple[Expr, ...]
    terms: tuple[Term, ...]

    def products(self, env: Mapping[str, int], wrt: str = "") -> Products:
        """Return the products of the output, or of the gradient by an operand.

        Args:
            env: the sizes and parameters.
            wrt: the operand; "" for the output itself.

        Raises:
            EvaluationError: a symbol has no value, or nothing bounds a sum.

        """
        blocks, shape = [], shape_of(self.upstream.tensor, env)
        for term in self.terms:
            count, points = self._points(term, env)
            accesses = tuple(f for f in term.factors if isinstance(f, Access))
            scale = Fraction(affine(term.coefficient, env)[0])
            if not wrt:
                blocks.append(_block(scale, self.upstream, accesses, env, points, count))
            for n, access in enumerate(accesses):
                if wrt and access.tensor.name == wrt:
                    rest = (self.upstream, *accesses[:n], *accesses[n + 1 :])
                    blocks.append(_block(scale, access, rest, env, points, count))
                    shape = shape_of(access.tensor, env)
        return Products(shape, tuple(blocks))

    def changed(self, change: Callable[[Factor], Factor | None]) -> Sum:
        """Return the sum with each factor replaced, the gradient by the output among them.

        Args:
            change: what a factor becomes; None where it is left out.

        """
        upstream = change(self.upstream)
        assert isinstance(upstream, Access)
        terms = (
            Term(t.coefficient, t.variables, tuple(f for f in map(change, t.factors) if f))
            for t in self.terms
        )
        return Sum(upstream, self.indices, self.box, tuple(terms))

    def _points(self, term: Term, env: Mapping[str, int]) -> tuple[int, Points]:
        """Return all indices of a term inside the boxes of its tensors."""
        loops = [*(v.name for v in self.indices), *(v.name for v in term.variables)]
        box: Iterator[Row] = (
            ({v.name: 1}, 0, max(0, integer(n, env)) - 1)
            for v, n in zip(self.indices, self.box, strict=True)
        )
        rows = rows_of((self.upstream, *term.factors), Scope(Model({}), env), loops)
        return solutions([*box, *rows], loops)


def sum_of(output: Tensor) -> Sum:
    """Return a layer's definition as a sum of products of entries.

    Args:
        output: the layer's output.

    Raises:
        NotASumError: it is none.

    """
    definition = output.definition
    assert definition is not None
    for term in definition.body:
        for f in term.factors:
            entry = isinstance(f, Access) and f.tensor.definition is None
            if not entry and not isinstance(f, (Equal, Range)):
                raise NotASumError("layer: found a function of entries, expected a sum of products")
    upstream = Access(Tensor(UPSTREAM.format(output.name), output.shape), definition.formals)
    box = tuple(n for n in output.shape if n is not None)
    return Sum(upstream, definition.formals, box, definition.body)


def shape_of(t: Tensor, env: Mapping[str, int]) -> tuple[int, ...]:
    """Return the sizes of a tensor."""
    return tuple(max(0, integer(n, env)) for n in t.shape if n is not None)


def _block(
    scale: Fraction,
    place: Access,
    factors: Sequence[Factor],
    env: Mapping[str, int],
    points: Points,
    count: int,
) -> ProductBlock:
    return ProductBlock(
        scale,
        _entries(place, env, points, count),
        tuple(
            (f.tensor.name, _entries(f, env, points, count))
            for f in factors
            if isinstance(f, Access)
        ),
    )


def _entries(access: Access, env: Mapping[str, int], points: Points, count: int) -> Array:
    """Return the entries of a tensor at all points, counted along its axes."""
    out: Array = np.zeros(count, np.int64)
    for e, n in zip(access.index, shape_of(access.tensor, env), strict=True):
        constant, slopes = affine(e, env, points)
        at: Array = np.full(count, int(constant), np.int64)
        for v, c in slopes.items():
            at += int(c) * points[v]
        out = out * n + at
    return out


SHORT = 32
"""The number of entries up to which drawn integers might be the same in both directions."""


def small_integers(rng: np.random.Generator, shape: tuple[int, ...], largest: int = 4) -> Array:
    """Draw integers, none of them 0, whose products add up exactly.

    In short arrays neighbours differ, so that the order of two taps shows.

    Args:
        rng: draws them.
        shape: the shape of the array.
        largest: the largest absolute value.

    """
    drawn: Array = rng.integers(1, largest + 1, shape) * rng.choice([-1, 1], shape)
    flat = drawn.reshape(-1)
    for n in range(1, flat.size if flat.size <= SHORT else 0):
        if flat[n] == flat[n - 1]:
            flat[n] *= -1
    return drawn
