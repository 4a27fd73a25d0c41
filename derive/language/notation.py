"""Text to terms and back: ``y[n,o,p] = sum[c,k] x[n,c,s*p+d*k-lo] * w[o,c,k] + bias[o]``.

The text of a layer has declarations ``x[N,C,H];`` and ``sigma: function;`` (of functions that are
not known by name), a left side that names the indices of the output, and a right side: a sum of
products of tensor entries, Iverson brackets, functions of entries ``sigma(z[i])``, numbers and
scalar parameters. ``sum[k]`` binds the product after it, up to the next ``+`` or ``-``. Brackets
are ``[t == s*p + d*k - lo]``, ``[i != j]``, ``[0 <= e < n]``, and ``[j < i]``, which gets a second
side from the sizes of axes.

An index may have quotients ``p // s`` and remainders ``p % s``, and be ``circular(e)``,
``reflect(e)`` or ``replicate(e)``: `index_reader` and `boundaries` say what they abbreviate.

A name in an index is a free index (if it is on the left side), a bound index (if it is summed), a
size, or else a parameter. A name that is the whole index of an entry is never read as a parameter,
because that is what a forgotten ``sum`` looks like: write ``x[s+0]``.

Sizes that are not declared get names. An axis with an index of its own takes the declared size of
another such axis, else the index in upper case (n gives N). Every other axis takes, in order of
appearance, the next of H, V, U, H1, H2, ... that the text does not use. Indices of the same axis,
as in ``A[i,j] + A[j,i]``, share the size of the first of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sympy import Expr, Integer, Symbol

from rot180.derive.language.axis_sizes import name_sizes, names_in
from rot180.derive.language.builder import Builder
from rot180.derive.language.parser import Reader
from rot180.derive.language.polynomial import ordered, symbol, symbols_of, text
from rot180.derive.language.printer import on_one_line, write, write_factor, write_term
from rot180.derive.language.scalar_functions import FUNCTIONS
from rot180.derive.language.spelling import application
from rot180.derive.language.terms import (
    Access,
    Apply,
    Expression,
    Factor,
    Range,
    Tensor,
    Term,
    accesses_and_brackets,
    define,
    indices,
    tensors,
    term,
)
from rot180.derive.language.tokens import NotationError, RawDerivative, RawEntry, RawFactor, RawTerm

__all__ = [
    "Layer",
    "NotationError",
    "make_layer",
    "parse_definition",
    "parse_expression",
    "parse_layer",
    "unfold_activation",
    "write",
    "write_factor",
    "write_layer",
    "write_term",
]


@dataclass(frozen=True, repr=False)
class Layer:
    """A forward definition.

    Attributes:
        name: its catalogue name, or "".
        output: the tensor that is defined, in terms of free tensors.
        tensors: the free tensors, in order of appearance.
        parameters: the symbols in coefficients and indices that are not sizes, in that order.
        text: its canonical notation.

    """

    name: str = field(compare=False)
    output: Tensor
    tensors: tuple[Tensor, ...]
    parameters: tuple[Symbol, ...]
    text: str

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return on_one_line("Layer", self.text)


def refuse_clashes(reader: Reader, sizes: set[str]) -> None:
    """Refuse a name with two roles, and an index that is neither free nor summed."""
    for token, alone in reader.outside:
        if token.text in reader.summed:
            reader.fail(
                f"the index {token.text} is neither free nor summed here",
                token,
                cure=f"put the term under sum[{token.text}], or rename the index",
            )
        if alone:
            v = token.text
            layer = bool(reader.output.text)
            said = "" if layer else f", or {v} < {v.upper()} before the colon of a claim"
            reader.fail(
                f"the index {v} is neither free nor summed",
                token,
                "an index of the left side or of a sum" if layer else "a free or a summed index",
                cure=f"did you mean sum[{v}]{said}? (write {v}+0 for a parameter)",
            )
    roles: dict[str, str] = dict.fromkeys(reader.index, "an index")
    for token in reader.scalars:
        if token.text in roles:
            reader.fail(
                f"the index {token.text} is a factor",
                token,
                "a tensor entry, a number or a parameter",
                cure="an index may appear inside [ ] only",
            )
    for name, token in reader.sizes.items():
        if name in roles:
            reader.fail(f"{name} names a size and an index", token, cure="rename one of them")
    roles |= {token.text: "a parameter" for token, _ in reader.outside}
    roles |= {token.text: "a parameter" for token in reader.scalars}
    roles |= dict.fromkeys(sizes, "a size")
    for name, (token, _) in reader.tensors.items():
        if name in roles:
            reader.fail(
                f"{name} names a tensor and {roles[name]}", token, cure="rename one of them"
            )
        roles[name] = "a tensor"
    for name, token in reader.functions.items():
        if name in roles:
            reader.fail(
                f"{name} names a function and {roles[name]}", token, cure="rename one of them"
            )


def unfold_activation(factor: Factor) -> Factor:
    """Return ``sigma(z[e])`` for an entry of an activation, and any other factor as it is."""
    found = application(factor.tensor) if isinstance(factor, Access) else None
    if isinstance(factor, Access) and found is not None and found.entrywise:
        (z,) = found.arguments
        assert isinstance(z, Tensor)
        return Apply(found.operator, found.order, z[factor.index])
    return factor


def refuse_ranks(reader: Reader, known: Mapping[str, Tensor]) -> None:
    for name, (token, rank) in reader.tensors.items():
        if name in known and len(known[name].shape) != rank:
            reader.refuse_rank(token, len(known[name].shape), "as it was given")


def entries_of(raws: Iterable[RawTerm]) -> Iterator[tuple[str, tuple[Expr, ...]]]:
    for raw in raws:
        yield from raw_entries(raw.factors)


def raw_entries(
    factors: Iterable[RawFactor],
) -> Iterator[tuple[str, tuple[Expr, ...]]]:
    for factor in factors:
        if isinstance(factor, RawEntry):
            yield factor.name.text, factor.index
        elif isinstance(factor, RawDerivative):
            yield from raw_entries((*factor.factors, factor.by))


def parse_expression(
    source: str,
    tensors: Iterable[Tensor] = (),
    variables: Sequence[Symbol] = (),
    sizes: Mapping[str, Expr] | None = None,
    functions: Iterable[str] = (),
) -> Expression:
    """Parse an expression; tensors that are not given get their sizes by the rule above.

    Args:
        source: the text; ``0`` is the empty sum.
        tensors: tensors that the text may use, by their names.
        variables: the free indices.
        sizes: the sizes of free indices, by name, where they are known.
        functions: functions that the text may use besides the known ones.

    Raises:
        NotationError: the text is not in the notation.

    """
    if source.strip() == "0":
        return ()
    reader = Reader(source, variables, functions=functions)
    raws = reader.expression()
    known = {t.name: t for t in tensors}
    refuse_ranks(reader, known)
    declared = {n: t.shape for n, t in known.items()}
    shapes = name_sizes([*entries_of(raws)], declared, reader.index, reader.names, sizes)
    refuse_clashes(reader, {n for t in known.values() for n in names_in(t.shape)})
    return Builder(reader, shapes, known, sizes or {}).expression(raws)


def parse_definition(
    source: str,
    tensors: Iterable[Tensor] = (),
    sizes: Mapping[str, Expr] | None = None,
    functions: Iterable[str] = (),
) -> Tensor:
    """Parse the definition of a tensor, ``L[] = sum[i] x[i]*x[i]``, or a free tensor, ``x[N]``.

    Args:
        source: the text.
        tensors: tensors that the text may use, by their names; a free tensor with the name that is
            defined gives its sizes.
        sizes: the sizes of indices, by name, where they are known.
        functions: functions that the text may use besides the known ones.

    Raises:
        NotationError: the text is not in the notation.

    """
    reader = Reader(source, functions=functions)
    known = {t.name: t for t in tensors}
    if "=" not in source:
        name, shape = reader.declaration()
        if name in known:
            reader.fail(f"{name} is declared twice", cure="drop one declaration")
        return Tensor(name, shape)
    raws = reader.layer()
    output = reader.output.text
    if output in known and known[output].definition is not None:
        reader.fail(f"{output} is defined twice", reader.output, cure="rename it")
    refuse_ranks(reader, known)
    entries = [(output, reader.free), *entries_of(raws)]
    declared = {**{n: t.shape for n, t in known.items()}, **reader.declared}
    shapes = name_sizes(entries, declared, reader.index, reader.names, sizes)
    refuse_clashes(reader, {n for t in known.values() for n in names_in(t.shape)})
    own = {v.name: n for v, n in zip(reader.free, shapes[output], strict=True)}
    body = Builder(reader, shapes, known, own).expression(raws)
    return define(output, shapes[output], reader.free, body)


def parse_function(source: str, functions: Iterable[str] = ()) -> str:
    """Parse the declaration of a function, ``sigma: function``, and return its name.

    Args:
        source: the text.
        functions: functions that are declared already.

    Raises:
        NotationError: the text is not such a declaration.

    """
    reader = Reader(source, functions=functions)
    name = reader.function()
    reader.end("the end of the declaration")
    return name


def parse_layer(
    source: str, name: str = "", sizes: Mapping[str, tuple[Expr | None, ...]] | None = None
) -> Layer:
    """Parse a layer; `sizes` declares further sizes, or None for an axis sized by the rule above.

    >>> parse_layer("y[p] = sum[k] x[s*p + k]*w[k]").output.definition.formals
    (p,)

    Raises:
        NotationError: the text is not in the notation; a caret in the message marks the error.

    """
    reader = Reader(source, derivatives=False)
    raws = reader.layer()
    output = reader.output.text
    entries = [(output, reader.free), *entries_of(raws)]
    declared = {**(sizes or {}), **reader.declared}
    shapes = name_sizes(entries, declared, reader.index, reader.names)
    refuse_clashes(reader, {n for shape in shapes.values() for n in names_in(shape)})
    own = {v.name: n for v, n in zip(reader.free, shapes[output], strict=True)}
    body = Builder(reader, shapes, {}, own).expression(raws)
    return make_layer(define(output, shapes[output], reader.free, body), name)


def make_layer(output: Tensor, name: str = "") -> Layer:
    """Return the layer of a defined tensor: its operands, parameters and canonical text.

    Raises:
        ValueError: the tensor has no definition, or one that the notation cannot express.

    """
    if output.definition is None:
        raise ValueError(f"{output.name} has no definition, expected the output of a layer")
    formals, body = output.definition.formals, unfolded_body(output)
    tensors = dict.fromkeys(a.tensor for t in body for a in _accesses(t))
    names = scalar_names(output)
    sizes = names_in(e for t in (output, *tensors) for e in t.shape)
    parameters = tuple(symbol(n) for n in names if n not in sizes)
    applied = (f.function for t in body for f in t.factors if isinstance(f, Apply))
    functions = "".join(f"{n}: function; " for n in dict.fromkeys(applied) if n not in FUNCTIONS)
    left = f"{output.name}[{','.join(v.name for v in formals)}]"
    line = f"{left} = {write(body, formals, map(symbol, names))}"
    line = functions + _sizes(functions + line, output, tuple(tensors)) + line
    return Layer(name, output, tuple(tensors), parameters, line)


def unfolded_body(output: Tensor) -> Expression:
    """Return the body of a definition, with functions in place of activations."""
    return tuple(
        replace(t, factors=tuple(unfold_activation(f) for f in t.factors))
        for t in (output.definition.body if output.definition else ())
    )


def only_in_coefficients(output: Tensor) -> frozenset[Symbol]:
    """Return the parameters that no index, bracket or size contains: what holds is true of reals.

    >>> only_in_coefficients(parse_layer("y[p] = c * x[s*p+a] + c*a*b[]").output)
    frozenset({c})
    """
    whole = (term(output[tuple(Integer(0) for _ in output.shape)]),)
    bodies = [t.definition.body for t in tensors(whole) if t.definition is not None]
    terms = [t for body in bodies for t in body]
    placed = frozenset().union(*(symbols_of(n) for t in tensors(whole) for n in t.shape if n))
    for t in terms:
        for f in accesses_and_brackets(t.factors):
            placed = placed.union(*map(symbols_of, indices(f)))
            placed |= symbols_of(f.size) if isinstance(f, Range) else frozenset()
    return frozenset().union(*(symbols_of(t.coefficient) for t in terms)) - placed


def scalar_names(output: Tensor) -> dict[str, None]:
    """Return the names in coefficients and indices that are no indices, in order."""
    names: dict[str, None] = {}
    formals = output.definition.formals if output.definition else ()
    for t in unfolded_body(output):
        order = (*formals, *t.variables)
        polynomials = [t.coefficient]
        for factor in accesses_and_brackets(t.factors):
            polynomials += indices(factor)
            polynomials += [factor.size] if isinstance(factor, Range) else []
        names |= {n: None for e in polynomials for m, _ in ordered(e, order) for n, _ in m}
        names = {n: None for n in names if symbol(n) not in order}
    return names


def _accesses(t: Term) -> Iterator[Access]:
    return (a for a in accesses_and_brackets(t.factors) if isinstance(a, Access))


def _sizes(line: str, output: Tensor, tensors: tuple[Tensor, ...]) -> str:
    """Return the declarations of sizes; "" if the rule gives the sizes the same names."""
    reader = Reader(line)
    entries = [*entries_of(reader.layer())]
    entries.insert(0, (output.name, reader.free))
    plain = name_sizes(entries, {}, reader.index, reader.names)
    if all(plain[t.name] == t.shape for t in (output, *tensors)):
        return ""
    shapes = ((t.name, [text(e) for e in t.shape if e is not None]) for t in (*tensors, output))
    return "".join(f"{name}[{','.join(shape)}]; " for name, shape in shapes)


def write_layer(layer: Layer) -> str:
    """Return the canonical text of a layer."""
    return layer.text
