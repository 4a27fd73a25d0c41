"""Layers as data, written as text: no part of the engine reads, writes or evaluates them here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import product

Monomial = tuple[int, tuple[str, ...], str]
"""A number, parameters or sizes, and an index or "": (2, ("s",), "p") is 2*s*p."""


@dataclass(frozen=True)
class Index:
    """A sum of monomials, affine in the indices."""

    parts: tuple[Monomial, ...]

    @property
    def variables(self) -> set[str]:
        """Return the indices in it."""
        return {v for _, _, v in self.parts if v}

    def __str__(self) -> str:
        out = ""
        for n, names, v in self.parts:
            words = [*([str(abs(n))] if abs(n) != 1 or not (names or v) else []), *names]
            text = "*".join([*words, *([v] if v else [])])
            sign = "-" if n < 0 else "+"
            out += f" {sign} {text}" if out else text if n >= 0 else f"-{text}"
        return out


@dataclass(frozen=True)
class Entry:
    """``function(tensor[index])``."""

    tensor: str
    index: tuple[Index, ...]
    function: str = ""

    def __str__(self) -> str:
        entry = f"{self.tensor}[{','.join(map(str, self.index))}]"
        return f"{self.function}({entry})" if self.function else entry


@dataclass(frozen=True)
class Power:
    """``(a + b)^n``, or ``a^n``."""

    entries: tuple[Entry, ...]
    exponent: int

    def __str__(self) -> str:
        inner = " + ".join(map(str, self.entries))
        raised = f"^{self.exponent}" if self.exponent > 1 else ""
        return f"({inner}){raised}" if len(self.entries) > 1 else f"{inner}{raised}"


@dataclass(frozen=True)
class Inside:
    """``[low <= value < high]``; the bounds have no index in them."""

    low: Index
    value: Index
    high: Index

    def __str__(self) -> str:
        return f"[{self.low} <= {self.value} < {self.high}]"


@dataclass(frozen=True)
class Same:
    """``[left == right]``, or with another sign: ``!=``, ``<``, ``<=``."""

    left: Index
    right: Index
    sign: str = "=="

    def __str__(self) -> str:
        return f"[{self.left} {self.sign} {self.right}]"


Factor = Power | Inside | Same


@dataclass(frozen=True)
class Term:
    """``coefficient * scalars * sum[variables] factors``; without factors, a constant."""

    coefficient: Fraction
    scalars: tuple[str, ...]
    variables: tuple[str, ...]
    factors: tuple[Factor, ...]

    def __str__(self) -> str:
        size = abs(self.coefficient)
        words = [*([str(size)] if size != 1 or not (self.scalars or self.factors) else [])]
        words += self.scalars
        inner = " * ".join(map(str, self.factors))
        summed = f"sum[{','.join(self.variables)}] " if self.variables else ""
        return " * ".join([*words, *([summed + inner] if inner else [])])


@dataclass(frozen=True)
class FuzzLayer:
    """``output[formals] = terms``."""

    output: str
    formals: tuple[str, ...]
    terms: tuple[Term, ...]

    def __str__(self) -> str:
        used = {e.function for t in self.terms for e in entries_of(t)}
        declared = "sigma: function; " if "sigma" in used else ""
        out = f"{declared}{self.output}[{','.join(self.formals)}] ="
        for n, t in enumerate(self.terms):
            sign = "-" if t.coefficient < 0 else "+" if n else ""
            out += f" {sign} {t}" if sign else f" {t}"
        return out

    @property
    def names(self) -> set[str]:
        """Return its parameters, and the sizes in its indices and brackets."""
        out = {name for t in self.terms for name in t.scalars}
        for e in indices(self):
            out |= {name for _, names, _ in e.parts for name in names}
        return out


def entries_of(t: Term) -> list[Entry]:
    """Return the entries of a term."""
    return [e for f in t.factors if isinstance(f, Power) for e in f.entries]


def indices(layer: FuzzLayer) -> Iterator[Index]:
    """Yield all indices and sides of brackets."""
    for t in layer.terms:
        for f in t.factors:
            if isinstance(f, Power):
                yield from (e for entry in f.entries for e in entry.index)
            elif isinstance(f, Inside):
                yield from (f.low, f.value, f.high)
            else:
                yield from (f.left, f.right)


def multiplied_out(t: Term) -> Iterator[tuple[Entry, ...]]:
    """Yield the products of entries into which a term's powers multiply out."""
    powers = [f for f in t.factors if isinstance(f, Power)]
    choices = [f.entries for f in powers for _ in range(f.exponent)]
    yield from product(*choices)


def smaller(layer: FuzzLayer) -> Iterator[FuzzLayer]:
    """Yield layers that are simpler by one step: a term, a factor, an index or a number less."""
    for n, t in enumerate(layer.terms):
        if len(layer.terms) > 1:
            yield replace(layer, terms=layer.terms[:n] + layer.terms[n + 1 :])
        for new in _smaller_terms(t):
            yield replace(layer, terms=(*layer.terms[:n], new, *layer.terms[n + 1 :]))
    used = {v for e in indices(layer) for v in e.variables}
    for v in layer.formals:
        if v not in used:
            yield replace(layer, formals=tuple(w for w in layer.formals if w != v))


def _smaller_terms(t: Term) -> Iterator[Term]:
    if t.scalars:
        yield replace(t, scalars=())
    if t.coefficient != 1:
        yield replace(t, coefficient=Fraction(1))
    for n, f in enumerate(t.factors):
        rest = t.factors[:n] + t.factors[n + 1 :]
        yield replace(t, factors=rest)
        for new in _smaller_factors(f):
            yield replace(t, factors=(*t.factors[:n], new, *t.factors[n + 1 :]))
    used = {v for f in t.factors for e in _of_factor(f) for v in e.variables}
    for v in t.variables:
        if v not in used:
            yield replace(t, variables=tuple(w for w in t.variables if w != v))


def _of_factor(f: Factor) -> tuple[Index, ...]:
    if isinstance(f, Power):
        return tuple(e for entry in f.entries for e in entry.index)
    return (f.low, f.value, f.high) if isinstance(f, Inside) else (f.left, f.right)


def _smaller_factors(f: Factor) -> Iterator[Factor]:
    if isinstance(f, Power):
        if f.exponent > 1:
            yield replace(f, exponent=f.exponent - 1)
        for n, entry in enumerate(f.entries):
            around = f.entries[:n], f.entries[n + 1 :]
            if len(f.entries) > 1:
                yield replace(f, entries=around[0] + around[1])
            if entry.function:
                yield replace(f, entries=(*around[0], replace(entry, function=""), *around[1]))
            for axis, e in enumerate(entry.index):
                for new in _smaller_indices(e):
                    index = (*entry.index[:axis], new, *entry.index[axis + 1 :])
                    yield replace(f, entries=(*around[0], replace(entry, index=index), *around[1]))
    elif isinstance(f, Inside):
        for new in _smaller_indices(f.value):
            yield replace(f, value=new)
        for new in _smaller_indices(f.high):
            yield replace(f, high=new)
    else:
        for new in _smaller_indices(f.left):
            yield replace(f, left=new)
        for new in _smaller_indices(f.right):
            yield replace(f, right=new)


def _smaller_indices(e: Index) -> Iterator[Index]:
    for n, (number, names, v) in enumerate(e.parts):
        rest = e.parts[:n] + e.parts[n + 1 :]
        if rest:
            yield Index(rest)
        if names:
            yield Index((*e.parts[:n], (number, names[1:], v), *e.parts[n + 1 :]))
        if number != 1:
            yield Index((*e.parts[:n], (1, names, v), *e.parts[n + 1 :]))
