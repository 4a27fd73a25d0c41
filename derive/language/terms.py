"""The language: total tensors, brackets, pending derivatives, and sums of products of them.

A tensor is a function on all of Z^n that is zero outside its box, so padding, cropping, clipped
windows and remainders need no case distinctions. An expression is a tuple of terms; a term is
``c * sum over Z^m of a product of factors``; indices are affine in the bound variables with
polynomial coefficients in the parameters.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import combinations
from typing import ClassVar, TypeAlias

import sympy as sp
from sympy import Expr, Symbol

from rot180.derive.language.polynomial import (
    degree,
    door,
    integral,
    normal,
    rational,
    symbol,
    symbols_of,
)


@dataclass(frozen=True)
class Tensor:
    """A named total function on Z^rank; `shape` is its box.

    Attributes:
        name: a letter, then letters, digits and _.
        shape: one size per axis; None where the axis has no box (only with a definition).
        definition: what the tensor is, for a defined tensor; part of its identity.

    """

    name: str
    shape: tuple[Expr | None, ...]
    definition: Definition | None = None
    # an access T[0], T[1], ... never ends: a tensor is no sequence
    __iter__: ClassVar[None] = None

    def __post_init__(self) -> None:
        shape = tuple(None if n is None else integral(n) for n in self.shape)
        object.__setattr__(self, "shape", shape)
        if self.definition is None and None in self.shape:
            raise ValueError(f"tensor {self.name}: an axis without a size needs a definition")
        if self.definition is not None and len(self.definition.formals) != len(self.shape):
            raise ValueError(
                f"tensor {self.name}: {len(self.shape)} axes, but its definition has "
                f"{len(self.definition.formals)} indices"
            )

    @cached_property
    def _hash(self) -> int:
        return hash((self.name, self.shape, self.definition))

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def parameters(self) -> frozenset[Symbol]:
        """Return the symbols the box and the definition depend on."""
        sizes = frozenset().union(*(symbols_of(n) for n in self.shape if n is not None))
        return sizes | (self.definition.parameters if self.definition else frozenset())

    def __getitem__(self, index: Expr | int | tuple[Expr | int, ...]) -> Access:
        entries = index if isinstance(index, tuple) else (index,)
        return Access(self, tuple(normal(e) for e in entries))


def tensor(name: str, *shape: Expr | int | str) -> Tensor:
    """Return a free tensor; sizes may be given as names.

    >>> tensor("x", "N", 3).shape
    (N, 3)
    """
    return Tensor(name, tuple(symbol(n) if isinstance(n, str) else door(n) for n in shape))


@dataclass(frozen=True, slots=True)
class Access:
    """``T[e_1, ..., e_n]``."""

    tensor: Tensor
    index: tuple[Expr, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "index", tuple(integral(e) for e in self.index))
        if len(self.index) != len(self.tensor.shape):
            raise ValueError(
                f"{self.tensor.name} has {len(self.tensor.shape)} axes, found {len(self.index)} "
                "indices"
            )


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
    """``value >= 0``, as a condition only."""

    value: Expr

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", integral(self.value))


@dataclass(frozen=True, slots=True)
class Apply:
    """A scalar function (or its derivative of some order) of an access: ``sigma'(z[e])``.

    It has no support: sigma(0) need not be 0.
    """

    function: str
    order: int
    argument: Access


@dataclass(frozen=True, slots=True)
class Derivative:
    """A pending derivative ``d(product of factors) / d wrt``."""

    factors: tuple[Factor, ...]
    wrt: Access


Factor: TypeAlias = Access | Equal | Range | Apply | Derivative
Bracket: TypeAlias = Equal | Range
Condition: TypeAlias = Equal | Range | AtLeast


@dataclass(frozen=True)
class Term:
    """``coefficient * sum_{variables in Z^m} product of factors``."""

    coefficient: Expr
    variables: tuple[Symbol, ...]
    factors: tuple[Factor, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "coefficient", rational(self.coefficient))
        bound = frozenset(self.variables)
        if len(bound) != len(self.variables):
            raise ValueError(f"a bound variable is named twice: {self.variables}")
        if symbols_of(self.coefficient) & bound:
            raise ValueError(f"coefficient {self.coefficient} contains a bound variable")
        for factor in accesses_and_brackets(self.factors):
            fixed = factor.tensor.parameters if isinstance(factor, Access) else frozenset()
            if isinstance(factor, Range):
                fixed = symbols_of(factor.size)
            if fixed & bound:
                raise ValueError(f"a box or bound contains a bound variable: {factor}")
            for e in indices(factor):
                if symbols_of(e) & bound and degree(e, bound) > 1:
                    raise ValueError(f"index {e} is not affine in {self.variables}")

    @cached_property
    def _hash(self) -> int:
        return hash((self.coefficient, self.variables, self.factors))

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def symbols(self) -> frozenset[Symbol]:
        """Return every symbol in it, bound or free, those inside tensors included."""
        found = set(self.variables) | symbols_of(self.coefficient)
        for factor in accesses_and_brackets(self.factors):
            found |= factor_symbols(factor)
        return frozenset(found)


Expression: TypeAlias = tuple[Term, ...]


@dataclass(frozen=True)
class Definition:
    """``T[formals] := [formals in the box of T] * body``; identity is up to bound names."""

    formals: tuple[Symbol, ...] = field(compare=False)
    body: Expression = field(compare=False)
    canonical: Expression = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if len(set(self.formals)) != len(self.formals):
            raise ValueError(f"a definition names an index twice: {self.formals}")
        for term in self.body:
            if set(term.variables) & set(self.formals):
                raise ValueError("a definition sums over one of its own indices")
            for factor in accesses_and_brackets(term.factors):
                fixed = factor.tensor.parameters if isinstance(factor, Access) else frozenset()
                if isinstance(factor, Range):
                    fixed = symbols_of(factor.size)
                if fixed & set(self.formals):
                    raise ValueError(f"a box or bound in a definition has its index: {factor}")
        if odd := [v.name for v in self.parameters if v.name.startswith("_")]:
            raise ValueError(f"a parameter must not begin with an underscore: {min(odd)}")
        places = {v: symbol(f"_i{n}") for n, v in enumerate(self.formals)}
        body = tuple(rename(substitute(t, places), "_b") for t in self.body)
        object.__setattr__(self, "canonical", body)

    @cached_property
    def _hash(self) -> int:
        return hash(self.canonical)

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def parameters(self) -> frozenset[Symbol]:
        """Return the symbols that are neither formals nor bound."""
        free: set[Symbol] = set()
        for term in self.body:
            free |= term.symbols - set(term.variables)
        return frozenset(free - set(self.formals))


def define(
    name: str,
    shape: tuple[Expr | None, ...],
    formals: tuple[Symbol, ...],
    body: Expression,
) -> Tensor:
    """Return the tensor ``name[formals] := [formals in shape] * body``."""
    return Tensor(name, shape, Definition(formals, body))


def term(
    *factors: Factor, over: tuple[Symbol, ...] = (), coefficient: Expr | int = 1
) -> Term:
    """Return ``coefficient * sum over `over` of the factors``."""
    return Term(sp.sympify(coefficient), over, factors)


def accesses_and_brackets(
    factors: Iterable[Factor],
) -> Iterator[Access | Equal | Range]:
    """Walk through applications and derivatives down to accesses and brackets."""
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
    """Return every symbol of a factor, those inside its tensor included."""
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


def fresh(hint: Symbol | str, taken: Collection[Symbol]) -> Symbol:
    """Return a symbol named after `hint` that is not in `taken`: h, h1, h2, ...

    >>> fresh("h", {symbol("h"), symbol("h1")})
    h2
    """
    base = (hint if isinstance(hint, str) else hint.name).rstrip("0123456789") or "v"
    names = {v.name for v in taken}
    name, n = (hint if isinstance(hint, str) else hint.name), 0
    while name in names:
        n += 1
        name = f"{base}{n}"
    return symbol(name)


Substitution: TypeAlias = Mapping[Symbol, Expr]


def _replace(e: Expr, by: Substitution) -> Expr:
    return normal(e.xreplace(dict(by))) if symbols_of(e) & by.keys() else e


def substitute_factor(factor: Factor, by: Substitution) -> Factor:
    """Replace symbols in a factor, inside its tensors too."""
    if not factor_symbols(factor) & by.keys():
        return factor
    if isinstance(factor, Access):
        return Access(
            substitute_tensor(factor.tensor, by), tuple(_replace(e, by) for e in factor.index)
        )
    if isinstance(factor, Equal):
        return Equal(_replace(factor.value, by))
    if isinstance(factor, Range):
        return Range(_replace(factor.value, by), _replace(factor.size, by))
    if isinstance(factor, Apply):
        argument = substitute_factor(factor.argument, by)
        assert isinstance(argument, Access)
        return Apply(factor.function, factor.order, argument)
    wrt = substitute_factor(factor.wrt, by)
    assert isinstance(wrt, Access)
    return Derivative(tuple(substitute_factor(f, by) for f in factor.factors), wrt)


def substitute_condition(condition: Condition, by: Substitution) -> Condition:
    """Replace symbols in a condition."""
    if isinstance(condition, AtLeast):
        return AtLeast(_replace(condition.value, by))
    out = substitute_factor(condition, by)
    assert isinstance(out, Equal | Range)
    return out


def substitute_tensor(t: Tensor, by: Substitution) -> Tensor:
    """Replace parameters in a tensor's box and definition."""
    if not t.parameters & by.keys():
        return t
    shape = tuple(None if n is None else _replace(n, by) for n in t.shape)
    definition = None
    if t.definition:
        formals = t.definition.formals
        taken = frozenset().union(*(symbols_of(e) for e in by.values())) | by.keys()
        used = taken | t.parameters | set(formals)
        new: dict[Symbol, Symbol] = {}
        for v in formals:
            if v in taken:
                new[v] = fresh(v, used | set(new.values()))
        body = tuple(substitute(substitute(b, new), by) for b in t.definition.body)
        definition = Definition(tuple(new.get(v, v) for v in formals), body)
    return Tensor(t.name, shape, definition)


def substitute(t: Term, by: Substitution) -> Term:
    """Replace free symbols in a term; bound variables step aside, so nothing is captured."""
    bound = set(t.variables)
    by = {v: e for v, e in by.items() if v not in bound and v in t.symbols}
    if not by:
        return t
    incoming = frozenset().union(*(symbols_of(e) for e in by.values()))
    aside: dict[Symbol, Symbol] = {}
    for v in t.variables:
        if v in incoming:
            aside[v] = fresh(v, t.symbols | incoming | set(aside.values()))
    full = {**by, **aside}
    return Term(
        _replace(t.coefficient, by),
        tuple(aside.get(v, v) for v in t.variables),
        tuple(substitute_factor(f, full) for f in t.factors),
    )


def rename_bound(t: Term, names: Mapping[Symbol, Symbol]) -> Term:
    """Rename bound variables; the new names must be new to the term.

    Raises:
        ValueError: a new name is already in the term, or is given twice.

    """
    names = {v: n for v, n in names.items() if v != n}
    new = set(names.values())
    if len(new) != len(names) or new & (t.symbols - names.keys()):
        raise ValueError(f"renaming {names} would capture a name")
    return Term(
        t.coefficient,
        tuple(names.get(v, v) for v in t.variables),
        tuple(substitute_factor(f, names) for f in t.factors),
    )


def rename(t: Term, prefix: str) -> Term:
    """Rename the bound variables to prefix0, prefix1, ... in their order."""
    return rename_bound(t, {v: symbol(f"{prefix}{n}") for n, v in enumerate(t.variables)})


def apart(t: Term, taken: Collection[Symbol]) -> Term:
    """Rename bound variables that are in `taken`."""
    names: dict[Symbol, Symbol] = {}
    for v in t.variables:
        if v in taken:
            names[v] = fresh(v, set(taken) | t.symbols | set(names.values()))
    return rename_bound(t, names) if names else t


def contradictory(t: Term) -> bool:
    """Say whether two equations give one index two numbers: the term will be found to be zero."""
    values = [f.value for f in t.factors if isinstance(f, Equal)]
    apart = (normal(a - sign * b) for a, b in combinations(values, 2) for sign in (1, -1))
    return any(e.is_number and e != 0 for e in apart)


def supports(factors: Iterable[Factor], taken: Collection[Symbol]) -> tuple[Bracket, ...]:
    """Return brackets that hold wherever the product can be nonzero.

    A free tensor gives its box; a defined one its box and, if its body is a single term, the
    supports of that term, its bound variables as new (existential) names outside `taken`. A
    pending derivative of a product vanishes wherever the product is identically zero.
    """
    out: list[Bracket] = []
    names = set(taken)
    for factor in factors:
        if isinstance(factor, Equal | Range):
            out.append(factor)
        elif isinstance(factor, Derivative):
            out += supports(factor.factors, names)
        elif isinstance(factor, Access):
            for e, n in zip(factor.index, factor.tensor.shape, strict=True):
                if n is not None:
                    out.append(Range(e, n))
            definition = factor.tensor.definition
            if definition is not None and len(definition.body) == 1:
                body = apart(definition.body[0], names | factor_symbols(factor))
                names |= set(body.variables)
                body = substitute(body, dict(zip(definition.formals, factor.index, strict=True)))
                out += supports(body.factors, names)
        for bracket in out:
            names |= factor_symbols(bracket)
    return tuple(out)
