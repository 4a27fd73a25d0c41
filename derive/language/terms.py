"""The term language: total tensors, brackets, pending derivatives, and sums of their products.

A tensor is a function on all of Z^n, zero outside its box. An expression is a tuple of terms; a
term is ``c * sum over Z^m of a product of factors``. Indices are affine in the bound variables.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import ClassVar, TypeAlias

import sympy as sp
from sympy import Expr, Symbol

from rot180.derive.language.polynomial import (
    NAME,
    SPELLED,
    canonical,
    degree,
    integral,
    normal,
    rational,
    symbol,
    symbols_of,
)

HIGHEST_ORDER, DEEPEST = 100, 8
"""The highest order of the derivative of a scalar function; the deepest nesting of derivatives."""


def _require(holds: bool, what: str, found: object, expected: str) -> None:
    if not holds:
        raise TypeError(f"{what}: found {found!r}, a {type(found).__name__}; expected {expected}")


@dataclass(frozen=True)
class Tensor:
    """A named total function on Z^rank; `shape` is its box.

    Attributes:
        name: a letter, then letters, digits and _.
        shape: the size of each axis; None for an axis without a box (defined tensors only).
        definition: the definition of a defined tensor, which is part of its identity; else None.

    """

    name: str
    shape: tuple[Expr | None, ...]
    definition: Definition | None = None
    # a tensor is not a sequence: iterating over T[0], T[1], ... would never end
    __iter__: ClassVar[None] = None

    def __post_init__(self) -> None:
        named = isinstance(self.name, str) and NAME.fullmatch(self.name) is not None
        _require(named, "name", self.name, "a letter, then letters, digits, underscores")
        _require(isinstance(self.shape, tuple), "shape", self.shape, "a tuple of sizes")
        known = type(self.definition) in (Definition, type(None))
        _require(known, "definition", self.definition, "a definition or None")
        shape = tuple(n if n is None else integral(n) for n in self.shape)
        object.__setattr__(self, "shape", shape)
        formals = frozenset(self.definition.formals if self.definition else ())
        if any(symbols_of(n) & formals for n in self.shape if n is not None):
            raise ValueError(f"tensor {self.name}: its box contains an index of its definition")
        if self.definition is None and None in self.shape:
            raise ValueError(f"tensor {self.name}: an axis without a size needs a definition")
        if self.definition is not None and len(self.definition.formals) != len(self.shape):
            given = len(self.definition.formals)
            said = f"{len(self.shape)} axes, but its definition has {given} indices"
            raise ValueError(f"tensor {self.name}: {said}")

    @cached_property
    def _hash(self) -> int:
        return hash((self.name, self.shape, self.definition))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        # tensors found equal share a mark: comparing chains of definitions takes no time twice
        if not isinstance(other, Tensor) or self._mark is other._mark:
            return isinstance(other, Tensor)
        same = self.name == other.name and self._hash == other._hash
        if same := same and (self.shape, self.definition) == (other.shape, other.definition):
            other.__dict__["_mark"] = self._mark
        return same

    @cached_property
    def _mark(self) -> object:
        return object()

    @cached_property
    def parameters(self) -> frozenset[Symbol]:
        """Return the symbols that the box and the definition depend on."""
        sizes = frozenset().union(*(symbols_of(n) for n in self.shape if n is not None))
        return sizes | (self.definition.parameters if self.definition else frozenset())

    def __getitem__(self, index: Expr | int | tuple[Expr | int, ...]) -> Access:
        entries = index if isinstance(index, tuple) else (index,)
        return Access(self, tuple(normal(e) for e in entries))


def tensor(name: str, *shape: Expr | int | str) -> Tensor:
    """Return a free tensor; sizes may be given by name.

    >>> tensor("x", "N", 3).shape
    (N, 3)
    """
    return Tensor(name, tuple(symbol(n) if isinstance(n, str) else canonical(n) for n in shape))


@dataclass(frozen=True, slots=True)
class Access:
    """``T[e_1, ..., e_n]``."""

    tensor: Tensor
    index: tuple[Expr, ...]

    def __post_init__(self) -> None:
        _require(type(self.tensor) is Tensor, "access", self.tensor, "a tensor")
        object.__setattr__(self, "index", tuple(integral(e) for e in self.index))
        if (found := len(self.index)) != (rank := len(self.tensor.shape)):
            raise ValueError(f"{self.tensor.name} has {rank} axes, found {found} indices")


@dataclass(frozen=True, slots=True)
class Equal:
    """``[value = 0]``, as a factor or as a condition."""

    value: Expr

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", integral(self.value))


@dataclass(frozen=True, slots=True)
class Range:
    """``[0 <= value < size]``, as a factor or as a condition."""

    value: Expr
    size: Expr

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", integral(self.value))
        object.__setattr__(self, "size", integral(self.size))


@dataclass(frozen=True, slots=True)
class AtLeast:
    """``value >= 0``; a condition, never a factor."""

    value: Expr

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", integral(self.value))


@dataclass(frozen=True, slots=True)
class Apply:
    """A scalar function, or a derivative of it, at an access: ``sigma'(z[e])``.

    It has no support, because sigma(0) need not be 0.
    """

    function: str
    order: int
    argument: Access

    def __post_init__(self) -> None:
        named = isinstance(self.function, str) and NAME.fullmatch(self.function) is not None
        _require(named, "function", self.function, "the name of a function")
        small = type(self.order) is int and 0 <= self.order <= HIGHEST_ORDER
        _require(small, "order", self.order, f"a number from 0 to {HIGHEST_ORDER}")
        _require(type(self.argument) is Access, "argument", self.argument, "an access")


@dataclass(frozen=True, slots=True)
class Derivative:
    """A pending derivative ``d(product of factors) / d wrt``."""

    factors: tuple[Factor, ...]
    wrt: Access

    def __post_init__(self) -> None:
        _require_factors(self.factors)
        _require(type(self.wrt) is Access, "derivative", self.wrt, "an access to differentiate by")
        if self.wrt.tensor.definition is not None:
            raise ValueError(f"a derivative by {self.wrt.tensor.name}, expected a free tensor")
        if self.depth > DEEPEST:
            raise ValueError(f"a derivative is nested inside {DEEPEST} others, expected fewer")

    @property
    def depth(self) -> int:
        """Return the depth to which derivatives are nested, starting from 1."""
        return 1 + max((f.depth for f in self.factors if isinstance(f, Derivative)), default=0)


def _require_factors(factors: object) -> None:
    _require(isinstance(factors, tuple), "factors", factors, "a tuple of factors")
    for f in factors if isinstance(factors, tuple) else ():
        kind = type(f) in (Access, Equal, Range, Apply, Derivative)
        _require(kind, "factor", f, "an access, a bracket, a function or a derivative")


Factor: TypeAlias = Access | Equal | Range | Apply | Derivative
Bracket: TypeAlias = Equal | Range
Condition: TypeAlias = Equal | Range | AtLeast


def _require_symbols(what: str, symbols: object) -> None:
    _require(isinstance(symbols, tuple), what, symbols, "a tuple of symbols")
    assert isinstance(symbols, tuple)
    for v in symbols:
        plain = isinstance(v, Symbol) and v == symbol(v.name) and SPELLED.fullmatch(v.name)
        _require(bool(plain), what, v, "a symbol made by `symbol`")
    if len(set(symbols)) != len(symbols):
        raise ValueError(f"{what}: a variable is listed twice: {symbols}")


def _require_affine(factors: tuple[Factor, ...], moving: Collection[Symbol]) -> None:
    """Refuse a box or bound that contains one of the variables, and an index not affine in them."""
    bound = frozenset(moving)
    for factor in accesses_and_brackets(factors):
        fixed = factor.tensor.parameters if isinstance(factor, Access) else frozenset()
        if isinstance(factor, Range):
            fixed = symbols_of(factor.size)
        if fixed & bound:
            raise ValueError(f"a box or bound contains a bound variable: {factor}")
        for e in indices(factor):
            if symbols_of(e) & bound and degree(e, bound) > 1:
                raise ValueError(f"index {e} is not affine in {tuple(moving)}")


@dataclass(frozen=True)
class Term:
    """``coefficient * sum_{variables in Z^m} product of factors``."""

    coefficient: Expr
    variables: tuple[Symbol, ...]
    factors: tuple[Factor, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "coefficient", rational(self.coefficient))
        _require_symbols("sum", self.variables)
        _require_factors(self.factors)
        if symbols_of(self.coefficient) & frozenset(self.variables):
            raise ValueError(f"coefficient {self.coefficient} contains a bound variable")
        _require_affine(self.factors, self.variables)

    @cached_property
    def _hash(self) -> int:
        return hash((self.coefficient, self.variables, self.factors))

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def symbols(self) -> frozenset[Symbol]:
        """Return every symbol in it, bound or free, including those in tensors."""
        parts = map(factor_symbols, accesses_and_brackets(self.factors))
        return symbols_of(self.coefficient).union(self.variables, *parts)

    @cached_property
    def tensors(self) -> tuple[Tensor, ...]:
        """Return every tensor in it, including those in definitions, inner ones first."""
        used = [f.tensor for f in accesses_and_brackets(self.factors) if isinstance(f, Access)]
        return _once((*(tensors(t.definition.body) if t.definition else ()), t) for t in used)


Expression: TypeAlias = tuple[Term, ...]


@dataclass(frozen=True)
class Definition:
    """``T[formals] := [formals in the box of T] * body``; equality is up to bound names."""

    formals: tuple[Symbol, ...] = field(compare=False)
    body: Expression = field(compare=False)
    canonical: Expression = field(init=False, repr=False)

    def __post_init__(self) -> None:
        _require_symbols("formals", self.formals)
        require_expression("body", self.body)
        tensors(self.body)  # kept: what is inside was made before, so that no call is deep
        if {v for t in self.body for v in t.variables} & set(self.formals):
            raise ValueError("a definition sums over one of its own indices")
        for t in self.body:
            if symbols_of(t.coefficient) & set(self.formals):
                raise ValueError(f"coefficient {t.coefficient} contains an index of the definition")
            _require_affine(t.factors, (*self.formals, *t.variables))
        if odd := [v.name for v in self.parameters if v.name.startswith("_")]:
            raise ValueError(f"a parameter must not begin with an underscore: {min(odd)}")
        object.__setattr__(self, "canonical", tuple(map(self._nameless, self.body)))

    def _nameless(self, t: Term) -> Term:
        """Return a term of the body with numbered formals and sums, so that names do not matter."""
        new: dict[Symbol, Expr] = {v: symbol(f"_i{n}") for n, v in enumerate(self.formals)}
        variables = tuple(symbol(f"_b{n}") for n in range(len(t.variables)))
        new |= zip(t.variables, variables, strict=True)
        return Term(t.coefficient, variables, tuple(reindexed(f, new) for f in t.factors))

    @cached_property
    def _hash(self) -> int:
        return hash(self.canonical)

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def parameters(self) -> frozenset[Symbol]:
        """Return the symbols that are neither formals nor bound."""
        return free_symbols(self.body) - frozenset(self.formals)


def require_expression(what: str, expression: object) -> None:
    """Raise TypeError unless the argument is a tuple of terms."""
    whole = isinstance(expression, tuple) and all(type(t) is Term for t in expression)
    _require(whole, what, expression, "a tuple of terms")


def reindexed(factor: Factor, by: Mapping[Symbol, Expr]) -> Factor:
    """Replace symbols in the indices of a factor, simultaneously, but not in tensors and bounds."""

    def at(access: Access) -> Access:
        return Access(access.tensor, tuple(replace_symbols(e, by) for e in access.index))

    if isinstance(factor, Access):
        return at(factor)
    if isinstance(factor, Equal):
        return Equal(replace_symbols(factor.value, by))
    if isinstance(factor, Range):
        return Range(replace_symbols(factor.value, by), factor.size)
    if isinstance(factor, Apply):
        return Apply(factor.function, factor.order, at(factor.argument))
    return Derivative(tuple(reindexed(f, by) for f in factor.factors), at(factor.wrt))


def replace_symbols(e: Expr, by: Mapping[Symbol, Expr]) -> Expr:
    """Replace symbols in a polynomial, simultaneously."""
    return normal(e.xreplace(dict(by))) if symbols_of(e) & by.keys() else e


def define(
    name: str, shape: tuple[Expr | None, ...], formals: tuple[Symbol, ...], body: Expression
) -> Tensor:
    """Return the tensor ``name[formals] := [formals in shape] * body``."""
    return Tensor(name, shape, Definition(formals, body))


def term(*factors: Factor, over: tuple[Symbol, ...] = (), coefficient: Expr | int = 1) -> Term:
    """Return ``coefficient * (the sum over `over` of the product of the factors)``."""
    return Term(sp.sympify(coefficient), over, factors)


def accesses_and_brackets(factors: Iterable[Factor]) -> Iterator[Access | Equal | Range]:
    """Yield the accesses and brackets in factors, including those in functions and derivatives."""
    for factor in factors:
        if isinstance(factor, Apply):
            yield factor.argument
        elif isinstance(factor, Derivative):
            yield from accesses_and_brackets(factor.factors)
            yield factor.wrt
        else:
            yield factor


def indices(factor: Access | Condition) -> tuple[Expr, ...]:
    """Return the index expressions of an access, a bracket or a condition."""
    return factor.index if isinstance(factor, Access) else (factor.value,)


@lru_cache(maxsize=1 << 16)
def factor_symbols(factor: Factor | Condition) -> frozenset[Symbol]:
    """Return every symbol of a factor, including those in its tensor."""
    if isinstance(factor, AtLeast):
        return frozenset(symbols_of(factor.value))
    found: set[Symbol] = set()
    for part in accesses_and_brackets((factor,)):
        found.update(*(symbols_of(e) for e in indices(part)))
        if isinstance(part, Access):
            found |= part.tensor.parameters
        elif isinstance(part, Range):
            found |= symbols_of(part.size)
    return frozenset(found)


def free_symbols(expression: Expression) -> frozenset[Symbol]:
    """Return the symbols of an expression that no sum binds."""
    return frozenset().union(*(t.symbols - set(t.variables) for t in expression))


def tensors(expression: Expression) -> tuple[Tensor, ...]:
    """Return the tensors of an expression, including those in definitions, inner ones first."""
    return expression[0].tensors if len(expression) == 1 else _once(t.tensors for t in expression)


def _once(parts: Iterable[Iterable[Tensor]]) -> tuple[Tensor, ...]:
    """Return the first of equal tensors; one that is met again takes no comparison."""
    return tuple(dict.fromkeys({id(t): t for part in parts for t in part}.values()))
