"""A finite model: concrete sizes and parameters, and the entries of every free tensor.

Entries are pseudo-random elements of the field with `PRIME` elements, or small integers if people
are to read the values, or given by the caller.
"""

from __future__ import annotations

import hashlib
import math
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np
import sympy as sp
from numpy.typing import NDArray
from sympy import Expr, Symbol

from rot180.derive.language.polynomial import monomials
from rot180.derive.language.scalar_functions import FUNCTIONS, T, relation
from rot180.derive.language.terms import AtLeast, Condition, Equal, Tensor
from rot180.derive.semantics.balls import Ball

PRIME = 2**31 - 19

Array: TypeAlias = NDArray[Any]
"""Integers: of 64 bits, or exact if the entries of the model are small."""

Value: TypeAlias = int | Fraction


LARGEST = sp.Float(sys.float_info.max)
"""The largest value of a function that is rounded to a float."""


class EvaluationError(ValueError):
    """An expression has no value: a sum has no bounds, or a size is missing."""


class EmptyError(EvaluationError):
    """There is no model, or none with an index."""


@dataclass(frozen=True)
class Model:
    """Concrete sizes and parameters, and a seed for the entries of tensors.

    Attributes:
        sizes: the sizes and parameters.
        seed: the seed of the random entries.
        limit: if given, entries and values of functions are integers from 1 to `limit`, and
            expressions are evaluated exactly; if None, all are residues modulo `PRIME`.

    """

    sizes: Mapping[Symbol, int]
    seed: int = 0
    limit: int | None = None
    memo: dict[object, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def values(self, tensor: Tensor) -> Array:
        """Return the entries of a free tensor, in the shape of its box."""
        env = {v.name: n for v, n in self.sizes.items()}
        return self.entries(tensor.name, tuple(integer(n, env) for n in box_sizes(tensor)))

    def entries(self, name: str, shape: tuple[int, ...]) -> Array:
        """Return the entries of the free tensor of that name and box."""
        shape = tuple(max(n, 0) for n in shape)
        key = (name, shape)
        if key not in self.memo:
            at = np.arange(math.prod(shape), dtype=np.int64)
            self.memo[key] = self.draw(f"{self.seed} {name} {shape}", at).reshape(shape)
        out: Array = self.memo[key]
        return out

    def function(self, name: str, order: int, at: Array) -> Array:
        """Return values of a derivative of a function; they satisfy its relations."""
        known = relation(name, order)
        if known is not None:
            return self._polynomial(known, at)
        out = self.draw(f"{self.seed} {name} {order}", at)
        if (name, order) == ("reciprocal", 0):
            out = self._inverses(at, out)
        if self.limit is not None:
            primed = name + order * "'"
            self.memo.update({("function", primed, n): v for n, v in zip(at, out, strict=True)})
        return out

    def _polynomial(self, known: Expr, at: Array) -> Array:
        """Return values of a polynomial in t and in values of functions at t."""
        out = np.zeros_like(at)
        for powers, c in monomials(known).items():
            product = np.full_like(at, self.number(Fraction(int(c.p), int(c.q))))
            for word in (n for n, k in powers for _ in range(k)):
                value = at if word == "t" else self.function(word, 0, at)
                product = self.reduce(product * value)
            out = self.reduce(out + product)
        return out

    def _inverses(self, at: Array, otherwise: Array) -> Array:
        """Return the inverses of some values, and other values where they are 0."""
        out = otherwise.copy()
        for n, value in enumerate(at):
            if value != 0 and self.limit is None:
                out[n] = pow(int(value), -1, PRIME)
            elif value != 0:
                out[n] = Fraction(1) / Fraction(value)
        return out

    def draw(self, label: str, at: Array) -> Array:
        """Draw an entry, or a value of a function, for each position."""
        if self.limit is None:
            return _noise(label, at)
        out = np.zeros(len(at), object)
        out[:] = [1 + hashed(f"{label} {n}") % self.limit for n in at]
        return out

    def zeros(self, *shape: int) -> Array:
        """Return an array of zeros of the type of values."""
        return np.zeros(shape, np.int64 if self.limit is None else object)

    def number(self, c: Fraction) -> Value | Ball:
        """Return a rational number as a value."""
        if self.limit is None:
            return c.numerator * pow(c.denominator, -1, PRIME) % PRIME
        return c.numerator if c.denominator == 1 else c

    def reduce(self, values: Array) -> Array:
        """Reduce values modulo `PRIME`; exact values do not change."""
        out: Array = values % PRIME if self.limit is None else values
        return out

    def entries_text(self) -> tuple[str, ...]:
        """Return the entries that were used as text, ``w = [1, 2]``, ``sigma(3) = 1``."""
        if self.limit is None:
            return ()
        found = []
        for key, value in self.memo.items():
            if isinstance(key, tuple) and key[0] == "function" and len(key) == 3:
                found.append(f"{key[1]}({key[2]}) = {value}")
            elif isinstance(value, np.ndarray) and isinstance(key, tuple) and len(key) == 2:
                found.append(f"{key[0]} = {value.tolist()}")
        return tuple(sorted(found))


@dataclass(frozen=True)
class GivenModel(Model):
    """A model with given entries, integers or fractions, evaluated exactly.

    Attributes:
        arrays: the entries of each free tensor.

    """

    limit: int | None = 1
    arrays: Mapping[str, Array] = field(default_factory=dict)

    def entries(self, name: str, shape: tuple[int, ...]) -> Array:
        """Return the entries of the free tensor of that name.

        Raises:
            EvaluationError: the entries are missing, or have another shape.

        """
        found = self.arrays.get(name)
        if found is None or found.shape != shape:
            had = "no entries" if found is None else f"entries of the shape {found.shape}"
            raise EvaluationError(f"{name}: found {had}, expected the shape {shape}")
        return found

    def function(self, name: str, order: int, at: Array) -> Array:
        """Return values of a listed function: exact if they are rational, else to 17 digits.

        Raises:
            EvaluationError: the function is not listed, or has no finite real value there.

        """
        if name not in FUNCTIONS:
            raise EvaluationError(
                f"{name}: found a function without values, expected one of {', '.join(FUNCTIONS)}"
            )
        formula = FUNCTIONS[name].derivative(order)
        out = np.zeros(len(at), object)
        for n, argument in enumerate(at):
            value = formula.subs(T, sp.Rational(argument))
            rounded = value if value.is_Rational else value.evalf(30)
            if not rounded.is_finite or not rounded.is_real or abs(rounded) > LARGEST:
                what = f"found no finite real number as the value of {name} at {float(argument)}"
                raise EvaluationError(f"{what}, expected numbers at which it has one")
            exact = value if value.is_Rational else sp.Rational(float(rounded))
            out[n] = int(exact.p) if exact.q == 1 else Fraction(int(exact.p), int(exact.q))
        return out


def holds(condition: Condition, at: Mapping[Symbol, int]) -> bool:
    """Say whether a condition holds at concrete values."""
    env = {v.name: n for v, n in at.items()}
    value = integer(condition.value, env)
    if isinstance(condition, Equal):
        return value == 0
    if value < 0 or isinstance(condition, AtLeast):
        return value >= 0
    return value < integer(condition.size, env)


def affine(
    e: Expr, env: Mapping[str, int], loops: Iterable[str] = ()
) -> tuple[int | Fraction, dict[str, int | Fraction]]:
    """Split an index into a constant and the nonzero coefficients of the loop variables."""
    constant: int | Fraction = 0
    coefficients: dict[str, int | Fraction] = {}
    for monomial, c in monomials(e).items():
        value: int | Fraction = int(c.p) if c.q == 1 else Fraction(int(c.p), int(c.q))
        loop = ""
        for name, power in monomial:
            if name in loops:
                loop = name
            elif name in env:
                value *= env[name] ** power
            else:
                raise EvaluationError(f"{e}: {name} has no value in {dict(env)}")
        if loop:
            coefficients[loop] = coefficients.get(loop, 0) + value
        else:
            constant += value
    return constant, {v: c for v, c in coefficients.items() if c != 0}


def integer(e: Expr, env: Mapping[str, int]) -> int:
    """Return the value of a polynomial.

    Raises:
        EvaluationError: it is not an integer, or a symbol has no value.

    """
    value, _ = affine(e, env)
    if value != int(value):
        raise EvaluationError(f"{e} is {value}, not an integer")
    return int(value)


def box_sizes(tensor: Tensor) -> tuple[Expr, ...]:
    """Return the sizes of the axes that have one."""
    return tuple(n for n in tensor.shape if n is not None)


def hashed(label: str) -> int:
    """Return a 64-bit hash of a text, the same on every platform."""
    return int.from_bytes(hashlib.blake2b(label.encode(), digest_size=8).digest(), "little")


def _noise(label: str, at: Array) -> Array:
    """Hash integers to residues (splitmix64): the same on every platform."""
    z = at.astype(np.uint64) + np.uint64(1)
    z = z * np.uint64(0x9E3779B97F4A7C15) + np.uint64(hashed(label))
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((z ^ (z >> np.uint64(31))) % np.uint64(PRIME)).astype(np.int64)
