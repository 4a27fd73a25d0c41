"""Entries of the museum as claims, and the smallest sizes at which the engine refutes them.

An entry claims that its expression is the gradient by the definition. It does so for the values,
at every index of the operand, and for the size of each axis: an array has an entry at h if 0 <= h
and h is less than its size, so that the claim is ``[0 <= h < H] = [0 <= h < W]``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
from sympy import Symbol

from rot180.codegen.audit.museum import Entry, completed, number, varied
from rot180.derive.gradients.gradient import chain_goal, operand
from rot180.derive.kernel.proof import Variables
from rot180.derive.language.layers import Layer
from rot180.derive.language.polynomial import symbol
from rot180.derive.language.programs import Program, read
from rot180.derive.language.substitute import free_tensors, substitute_tensors
from rot180.derive.language.terms import Expression, Range, Tensor, term
from rot180.derive.semantics.check import Counterexample
from rot180.derive.semantics.counterexample import counterexample, table_of
from rot180.derive.semantics.model import Array, GivenModel, Model, hashed, integer
from rot180.derive.semantics.search_space import FreeSizes

LEAST_ONE = ("H", "P", "W")
"""Sizes of axes that have at least one entry."""

LARGEST = 9
"""The largest number that is drawn."""

FARTHEST = 9
"""The largest distance from the simplest sizes that is searched."""

DRAWS = 6
"""How often numbers are drawn until they show all entries that are wrong."""

NOISE = Fraction(1, 10**9)
"""Less than what two values differ by, and more than the error of exp and log."""


@dataclass(frozen=True)
class WrongClaim:
    """What an entry claims.

    Attributes:
        entry: the entry.

    """

    entry: Entry

    @cached_property
    def layer(self) -> Layer | Program:
        """Return the layer."""
        return read(self.entry.layer)

    @cached_property
    def wrong(self) -> Tensor:
        """Return the array that the code computed, with its definition."""
        return read(self.entry.wrong).output

    @cached_property
    def _goal(self) -> tuple[Variables, Expression]:
        if self.entry.operand:
            return chain_goal(self.layer, operand(self.layer, self.entry.operand))
        y = self.layer.output
        assert y.definition is not None
        formals = y.definition.formals
        return tuple(zip(formals, y.shape, strict=True)), (term(y[formals]),)

    @property
    def variables(self) -> Variables:
        """Return the indices of the right array, with its sizes."""
        return self._goal[0]

    @property
    def right(self) -> Expression:
        """Return an entry of the right array: a derivative that is not worked out."""
        return self._goal[1]

    @cached_property
    def computed(self) -> Expression:
        """Return an entry of the array that the code computed; the outputs it reads are defined."""
        entry = term(self.wrong[tuple(v for v, _ in self.variables)])
        known = {self.layer.output.name: self.layer.output} if self.entry.operand else {}
        return (substitute_tensors(entry, known),)

    def claims(self) -> Iterator[tuple[str, Variables, Expression, Expression]]:
        """Yield all that is claimed: a word for it, the free indices, and both sides."""
        for (v, size), other in zip(self.variables, self.wrong.shape, strict=True):
            assert size is not None and other is not None
            if size != other:
                sides = ((term(Range(v, size)),), (term(Range(v, other)),))
                yield "sizes", ((v, None),), *sides
        yield "values", self.variables, self.right, self.computed

    def refuted(self) -> RefutedClaim:
        """Return the counterexample at the smallest sizes; of two there, that of the values.

        Raises:
            ValueError: there is none.

        """
        found = list[RefutedClaim]()
        for word, variables, right, computed in self.claims():
            bound = min((r.distance for r in found), default=FARTHEST)
            smallest = counterexample(right, computed, variables, (), bound, self._free)
            if smallest is not None:
                found.append(RefutedClaim(self, word, smallest))
        if not found:
            raise ValueError(f"{self.entry.key}: found no sizes at which it is wrong")
        return found[-1]

    @property
    def _free(self) -> FreeSizes:
        """Return what the search moves: the sizes and parameters that the entry names."""
        start = {symbol(v): n for v, n in varied(self.entry).items()}

        def others(moved: Mapping[Symbol, int]) -> Mapping[Symbol, int] | None:
            if any(n < start[v] for v, n in moved.items()):
                return None
            sizes = self.sizes({v.name: n for v, n in moved.items()})
            fit = all(sizes[symbol(v)] >= 1 for v in LEAST_ONE if symbol(v) in sizes)
            values = {v.name: n for v, n in sizes.items()}
            fit &= all(number(limit, values) >= 0 for limit in self.entry.limits)
            return sizes if fit else None

        return FreeSizes(start, others)

    def sizes(self, given: Mapping[str, Any]) -> dict[Symbol, Any]:
        """Return all sizes and parameters, given some, in the order in which they are shown."""
        return {symbol(v): n for v, n in completed(self.entry, given).items()}

    def at(self, sizes: Mapping[Symbol, Any], draws: int = DRAWS) -> Shown:
        """Return both arrays, for numbers that show all entries that are wrong, if possible.

        Args:
            sizes: all sizes and parameters.
            draws: how often numbers are drawn.

        """
        drawn = (self._drawn(sizes, seed) for seed in range(draws))
        return max(drawn, key=lambda shown: len(shown.wrong))

    def _drawn(self, sizes: Mapping[Symbol, int], seed: int) -> Shown:
        env = {v.name: n for v, n in sizes.items()}
        free = free_tensors((*self.right, *self.computed))
        arrays = {name: self._array(t, env, seed) for name, t in free.items()}
        model = GivenModel(sizes, arrays=arrays)
        names = [v.name for v, _ in self.variables]

        def table(e: Expression, shape: tuple[Any, ...]) -> Array:
            box = [range(max(0, integer(n, env))) for n in shape]
            return table_of(e, model, dict(zip(names, box, strict=True)))

        right = table(self.right, tuple(n for _, n in self.variables))
        return Shown(right, table(self.computed, self.wrong.shape), arrays)

    def _array(self, t: Tensor, env: Mapping[str, int], seed: int) -> Array:
        shape = tuple(max(0, integer(n, env)) for n in t.shape if n is not None)
        if t.name not in self.entry.masks:
            return Model({}, seed, LARGEST).entries(t.name, shape)
        out = np.zeros(shape, object)
        for at in np.ndindex(shape[:-1]):
            out[(*at, hashed(f"{seed} {t.name} {at}") % shape[-1])] = 1
        return out


@dataclass(frozen=True)
class Shown:
    """Two arrays with the same indices; their sizes may differ.

    Attributes:
        right: that of the definition.
        computed: that of the code.
        given: the arrays that were read.

    """

    right: Array
    computed: Array
    given: Mapping[str, Array]

    def value(self, which: Array, at: tuple[int, ...]) -> Any:
        """Return an entry; None outside the array."""
        inside = all(i < n for i, n in zip(at, which.shape, strict=True))
        return which[at] if inside else None

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the sizes of the smallest array that contains both."""
        return tuple(max(ends) for ends in zip(self.right.shape, self.computed.shape, strict=True))

    @cached_property
    def wrong(self) -> tuple[tuple[int, ...], ...]:
        """Return the indices at which the values differ, or only one of both has an entry."""
        return tuple(at for at in np.ndindex(self.shape) if self._differs(at))

    def _differs(self, at: tuple[int, ...]) -> bool:
        right, computed = (self.value(a, at) for a in (self.right, self.computed))
        if right is None or computed is None:
            return True
        return bool(abs(Fraction(right) - Fraction(computed)) > NOISE)


@dataclass(frozen=True)
class RefutedClaim:
    """A counterexample to what an entry claims, at the smallest sizes.

    Attributes:
        claim: what is claimed.
        of: "values" or "sizes".
        found: the counterexample.

    """

    claim: WrongClaim
    of: str
    found: Counterexample

    @property
    def distance(self) -> int:
        """Return how far its sizes and parameters are from the simplest ones."""
        return self.found.searched + 1
