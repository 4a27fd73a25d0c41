"""A sum written out at concrete sizes, product by product, with the entries that each one reads.

Pictures and the stepper show what is found here in the terms of a layer or of a theorem; nothing
here depends on the operation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import product

from sympy import Expr, Symbol

from rot180.derive.language.polynomial import coefficient, normal, number, symbol, symbols_of
from rot180.derive.language.substitute import apart, substitute
from rot180.derive.language.terms import Access, Apply, Equal, Factor, Range, Tensor, Term

Env = Mapping[str, int]
Index = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TensorEntry:
    """An entry of a free tensor, or a scalar function of it.

    Attributes:
        tensor: the tensor's name.
        index: its index.
        function: the function's name, or "".
        order: which derivative of the function.

    """

    tensor: str
    index: Index
    function: str = ""
    order: int = 0


@dataclass(frozen=True, slots=True)
class Read:
    """What a factor of a product reads: an index, and the entry there; None is a zero."""

    index: Index
    entry: TensorEntry | None


@dataclass(frozen=True, slots=True)
class Product:
    """One product of a sum.

    Attributes:
        at: the values of the bound variables, by name.
        coefficient: its numerical factor.
        reads: what its factors read, in the order of the term, without the brackets, which hold.

    """

    at: Mapping[str, int]
    coefficient: Fraction
    reads: tuple[Read, ...]

    @property
    def is_zero(self) -> bool:
        """Say whether a factor reads a zero."""
        return any(read.entry is None for read in self.reads)


def integer(e: Expr, env: Env) -> int:
    """Return the value of an index or a size at named integers.

    Raises:
        ValueError: a name has no value, or the value is not an integer.

    """
    try:
        found = number(e, env)
    except KeyError as error:
        raise ValueError(f"{e}: {error.args[0]} has no value in {dict(env)}") from None
    if found.denominator != 1:
        raise ValueError(f"{e} is {found} at {dict(env)}, expected an integer")
    return int(found)


def accesses(t: Term) -> tuple[Access, ...]:
    """Return the entries that a term multiplies, without the scalar functions of them.

    Raises:
        ValueError: a derivative is pending.

    """
    found = []
    for f in t.factors:
        if isinstance(f, Apply):
            found.append(f.argument)
        elif isinstance(f, Access):
            found.append(f)
        elif not isinstance(f, Equal | Range):
            raise ValueError("expected a sum of products of entries, found a pending derivative")
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Limit:
    """``0 <= factor * v + rest < size``: a bound that an entry puts on a summed index v."""

    factor: Expr
    rest: Expr
    size: Expr


@lru_cache(maxsize=1024)
def limits(t: Term, v: Symbol, free: frozenset[Symbol]) -> tuple[Limit, ...]:
    """Return the bounds of a summed index: boxes and brackets in which no other index occurs.

    Args:
        t: the sum.
        v: one of its variables.
        free: the free indices.

    Raises:
        ValueError: there is no such box or bracket.

    """
    found = dict.fromkeys(_limits(t, v, free | set(t.variables)))
    if not found:
        raise ValueError(
            f"the summed index {v} never occurs alone in an index, so its range is unknown; write "
            f"the sum with an entry such as w[{v}], or with [0 <= {v} < n]"
        )
    return tuple(found)


def _limits(t: Term, v: Symbol, known: frozenset[Symbol]) -> Iterator[Limit]:
    pairs = [(f.value, f.size) for f in t.factors if isinstance(f, Range)]
    for a in accesses(t):
        pairs += [(e, n) for e, n in zip(a.index, a.tensor.shape, strict=True) if n is not None]
        inner = a.tensor.definition
        for body in inner.body if inner else ():
            by = dict(zip(inner.formals, a.index, strict=True)) if inner else {}
            body = substitute(apart(body, known), by)
            yield from _limits(body, v, known | set(body.variables))
    for e, n in pairs:
        if symbols_of(e) & known == {v}:
            factor = coefficient(e, v)
            yield Limit(factor, normal(e - factor * v), n)


def span(found: tuple[Limit, ...], env: Env) -> range:
    """Return the integers that satisfy all limits."""
    low, high = [], []
    for limit in found:
        factor, rest, size = (integer(e, env) for e in (limit.factor, limit.rest, limit.size))
        ends = (-rest, size - 1 - rest) if factor > 0 else (rest - size + 1, rest)
        low.append(-(-ends[0] // abs(factor)))
        high.append(ends[1] // abs(factor))
    return range(max(low), min(high) + 1)


def products(t: Term, env: Env, point: Env) -> Iterator[Product]:
    """Write a sum out: a product for each value of its bound variables at which all brackets hold.

    Args:
        t: the sum.
        env: the sizes and parameters.
        point: the free variables, and those bound ones that are fixed.

    Raises:
        ValueError: the bounds of the sum cannot be read off it, or a defined tensor in it does
            more than rearrange entries.

    """
    loops = [v for v in t.variables if v.name not in point]
    free = frozenset(symbol(name) for name in point)
    ranges = [span(limits(t, v, free), env) for v in loops]
    for values in product(*ranges):
        at = dict(zip((v.name for v in loops), values, strict=True))
        here = {**env, **point, **at}
        if all(holds(f, here) for f in t.factors):
            factors = (f for f in t.factors if isinstance(f, Access | Apply))
            reads = tuple(read(f, here, env) for f in factors)
            yield Product(at, number(t.coefficient, here), reads)


def holds(f: Factor, env: Env) -> bool:
    """Return False for a bracket that does not hold, and True for every other factor."""
    if isinstance(f, Equal):
        return integer(f.value, env) == 0
    return not isinstance(f, Range) or 0 <= integer(f.value, env) < integer(f.size, env)


def read(f: Access | Apply, here: Env, env: Env) -> Read:
    """Return what a factor reads.

    Args:
        f: the factor.
        here: the sizes, the parameters and the indices.
        env: the sizes and the parameters.

    """
    access = f.argument if isinstance(f, Apply) else f
    index = tuple(integer(e, here) for e in access.index)
    found = entry(access.tensor, index, env)
    if isinstance(f, Apply) and found is not None:
        found = TensorEntry(found.tensor, found.index, f.function, f.order)
    return Read(index, found)


def entry(tensor: Tensor, index: Index, env: Env) -> TensorEntry | None:
    """Return the entry of a free tensor that a tensor has at an index, by its definition.

    Returns:
        None where the tensor is zero: outside its box, or between the entries of a dilated one.

    Raises:
        ValueError: the definition does more than rearrange entries.

    """
    for at, n in zip(index, tensor.shape, strict=True):
        if n is not None and not 0 <= at < integer(n, env):
            return None
    if tensor.definition is None:
        return TensorEntry(tensor.name, index)
    formals = (v.name for v in tensor.definition.formals)
    point = dict(zip(formals, index, strict=True))
    found = [p for t in tensor.definition.body for p in products(t, env, point) if not p.is_zero]
    if not found:
        return None
    if len(found) > 1 or len(found[0].reads) != 1 or found[0].coefficient != 1:
        raise ValueError(f"{tensor.name} is not a rearrangement of the entries of one tensor")
    return found[0].reads[0].entry
