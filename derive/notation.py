"""Text to terms and back: ``y[n,o,p] = sum[c,k] x[n,c,s*p+d*k-lo] * w[o,c,k] + bias[o]``.

A layer's text is declarations ``x[N,C,H];`` (optional), a left side that names the output's
indices, and a sum of products of tensor entries, Iverson brackets ``[t == s*p + d*k - lo]`` and
``[0 <= e < n]``, activations ``sigma(z[i])``, numbers and scalar parameters. ``sum[k]`` binds the
product that follows it, up to the next ``+`` or ``-``.

A name inside an index is a free index (it is on the left), a bound one (it is summed), a size, or
else a parameter. Sizes that are not declared get names: an axis that some index addresses alone
takes the declared size of another such axis, else the index in upper case (n gives N); every other
axis takes, in order of appearance, the next of H, V, U, H1, H2, ... that the text does not use.
"""

from __future__ import annotations

import itertools
import keyword
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import sympy as sp
from sympy import Expr, Symbol
from sympy.polys.matrices import DomainMatrix

from rot180.derive.polynomial import monomials, normal, ordered, symbol, text
from rot180.derive.reader import MOST_DIGITS, Entry, NotationError, Raw, Reader, Token
from rot180.derive.terms import (
    Access,
    Apply,
    Equal,
    Expression,
    Factor,
    Range,
    Tensor,
    Term,
    accesses_and_brackets,
    define,
    fresh,
    indices,
    supports,
    term,
)
from rot180.derive.writer import write, write_factor, write_term

__all__ = [
    "Layer",
    "NotationError",
    "activation",
    "make_layer",
    "parse_expression",
    "parse_layer",
    "write",
    "write_factor",
    "write_layer",
    "write_term",
]


@dataclass(frozen=True)
class Layer:
    """A forward definition.

    Attributes:
        name: its catalogue name, or "".
        output: the defined tensor; its definition's body is over free tensors.
        tensors: the free tensors, in order of appearance.
        parameters: the symbols in coefficients and indices that are no sizes, in that order.
        text: its canonical notation.

    """

    name: str = field(compare=False)
    output: Tensor
    tensors: tuple[Tensor, ...]
    parameters: tuple[Symbol, ...]
    text: str

    def __str__(self) -> str:
        return self.text


def _refuse_clashes(reader: Reader, declared: Mapping[str, Token], sizes: set[str]) -> None:
    """Check that each name has one role, and that each index is free or summed."""
    index = {v.name for v in reader.free} | reader.summed.keys()
    for token, alone in reader.outside:
        if token.text in reader.summed:
            reader.fail(
                f"the index {token.text} is neither free nor summed here",
                token,
                cure=f"put the term under sum[{token.text}], or rename the index",
            )
        if alone:
            reader.fail(
                f"the index {token.text} is neither free nor summed",
                token,
                "an index of the left side or of a sum",
                f"did you mean sum[{token.text}]?",
            )
    for token in reader.scalars:
        if token.text in index:
            reader.fail(
                f"the index {token.text} is a factor",
                token,
                "a tensor entry, a number or a parameter",
                "an index may stand inside [ ] only",
            )
    parameters = {t.text for t, _ in reader.outside} | {t.text for t in reader.scalars}
    for name, token in declared.items():
        if name in index:
            reader.fail(
                f"{name} names a size and an index", token, cure="rename the index or the size"
            )
    for name, (token, _) in reader.heads.items():
        role = (
            "an index" if name in index
            else "a size" if name in sizes
            else "a parameter" if name in parameters
            else "a function" if name in reader.functions
            else ""
        )
        if role:
            reader.fail(f"{name} names a tensor and {role}", token, cure="rename one of them")
    for name, token in reader.functions.items():
        if name in index | sizes | parameters:
            reader.fail(f"{name} names a function and something else", token, cure="rename it")


def _name_sizes(
    entries: Sequence[tuple[str, tuple[Expr, ...]]],
    declared: Mapping[str, tuple[Expr | None, ...]],
    index: Iterable[str],
    names: set[str],
) -> dict[str, tuple[Expr, ...]]:
    """Give every axis of every tensor a size; the module's docstring states the rule.

    Args:
        entries: (tensor, indices) in order of appearance.
        declared: the sizes that are given; None for an axis that is left to the rule.
        index: the names of the free and the bound indices.
        names: every name that is no size.

    """
    index = set(index)
    alone: dict[tuple[str, int], str] = {}
    for name, places in entries:
        for axis, e in enumerate(places):
            if isinstance(e, Symbol) and e.name in index:
                alone.setdefault((name, axis), e.name)
    given = {(n, i): e for n, shape in declared.items() for i, e in enumerate(shape) if e is not None}
    of: dict[str, Expr] = {}
    for axis, v in alone.items():
        if axis in given:
            of.setdefault(v, given[axis])
    taken = names | {v.name for e in given.values() for v in e.free_symbols}
    upper = {e.name for e in of.values() if isinstance(e, Symbol)}
    for v in alone.values():
        if v not in of and v.upper() not in index | upper | {n for n, _ in entries}:
            of[v] = symbol(v.upper())
            upper.add(v.upper())
    free = itertools.chain("HVU", (f"H{n}" for n in itertools.count(1)))
    generic = (symbol(name) for name in free if name not in taken | upper)
    for name, places in entries:
        for axis in ((name, i) for i in range(len(places))):
            v = alone.get(axis, "")
            if v and v not in of:
                of[v] = next(generic)
            if axis not in given:
                given[axis] = of[v] if v else next(generic)
    return {n: tuple(given[n, i] for i in range(len(places))) for n, places in entries}


def activation(function: str, order: int, z: Tensor) -> Tensor:
    """Return the tensor ``sigma(z)[i] := [i in the box of z] * sigma(z[i])``."""
    formals: list[Symbol] = []
    for _ in z.shape:
        formals.append(fresh("i", z.parameters | set(formals)))
    body = (term(Apply(function, order, z[tuple(formals)])),)
    return define(f"{function}{chr(39) * order}({z.name})", z.shape, tuple(formals), body)


def _applied(t: Tensor) -> Apply | None:
    """Return what an activation applies, None for any other tensor."""
    if t.definition is None or len(t.definition.body) != 1:
        return None
    (factor, *more) = t.definition.body[0].factors or (None,)
    if more or not isinstance(factor, Apply):
        return None
    return factor if activation(factor.function, factor.order, factor.argument.tensor) == t else None


def _is_bounded(term: Term, free: Iterable[Symbol]) -> bool:
    """Say whether the supports fix every bound variable, for generic parameters."""
    if not term.variables:
        return True
    taken = {*term.symbols, *free}
    found = supports(term.factors, taken)
    own = set().union(*(b.value.free_symbols for b in found)) - taken
    columns = (*term.variables, *sorted(own, key=lambda v: v.name))
    rows = [[normal(b.value).coeff(v) for v in columns] for b in found]
    if len(rows) < len(columns):
        return False
    return int(DomainMatrix.from_list_sympy(len(rows), len(columns), rows).to_field().rank()) == len(
        columns
    )


def _build(
    reader: Reader,
    raws: Sequence[Raw],
    shapes: Mapping[str, tuple[Expr, ...]],
    known: Mapping[str, Tensor],
) -> Expression:
    """Turn raw terms into terms, now that each tensor has its sizes."""

    def made(factor: Entry | Equal | Range) -> Factor:
        if not isinstance(factor, Entry):
            return factor
        name = factor.name.text
        t = known[name] if name in known else Tensor(name, shapes[name])
        if factor.function:
            function = factor.function.rstrip("'")
            t = activation(function, len(factor.function) - len(function), t)
        return t[factor.index]

    out = []
    for raw in raws:
        if raw.coefficient == 0:
            reader.fail("a term is zero", raw.at, cure="drop the term")
        try:
            built = Term(raw.coefficient, raw.variables, tuple(made(f) for f in raw.factors))
        except ValueError as error:
            reader.fail(str(error), raw.at)
        if not _is_bounded(built, reader.free):
            v = next(
                (v for v in raw.variables if not any(v in b.value.free_symbols for b in
                 supports(built.factors, built.symbols))),
                raw.variables[0],
            )
            reader.fail(
                f"the sum over {v} is unbounded",
                reader.summed[v.name],
                f"a tensor entry or a bracket that leaves finitely many values of {v}",
                f"drop {v} from the sum, or add a bracket such as [0 <= {v} < n]",
            )
        if len(monomials(raw.coefficient)) == 1:
            out.append(built)
            continue
        for m, c in ordered(raw.coefficient):
            part = normal(c * math.prod(symbol(n) ** k for n, k in m))
            out.append(Term(part, built.variables, built.factors))
    return tuple(out)


def _entries(raws: Iterable[Raw]) -> Iterator[tuple[str, tuple[Expr, ...]]]:
    for raw in raws:
        for factor in raw.factors:
            if isinstance(factor, Entry):
                yield factor.name.text, factor.index


def parse_expression(
    source: str, tensors: Iterable[Tensor] = (), variables: Sequence[Symbol] = ()
) -> Expression:
    """Read an expression over given tensors (others get sizes by the rule) and free indices.

    Raises:
        NotationError: the text is not in the notation.

    """
    reader = Reader(source, tuple(variables))
    if not reader.now.text:
        reader.fail("an empty expression", None, "at least one term")
    raws = reader.expression()
    if reader.now.text:
        reader.fail("unexpected token", None, "+, -, *, / or the end of the text")
    known = {t.name: t for t in tensors}
    for name, (token, rank) in reader.heads.items():
        if name in known and len(known[name].shape) != rank:
            reader.fail(f"{name} is used with two ranks", token, f"{len(known[name].shape)} indices")
    sizes = {v.name for t in known.values() for v in t.parameters}
    declared = {n: t.shape for n, t in known.items()}
    shapes = _name_sizes([*_entries(raws)], declared, _index(reader), _names(reader))
    _refuse_clashes(reader, {}, sizes)
    return _build(reader, raws, shapes, known)


def _index(reader: Reader) -> set[str]:
    return {v.name for v in reader.free} | reader.summed.keys()


def _names(reader: Reader) -> set[str]:
    """Return every name in the text."""
    return {t.text.rstrip("'") for t in reader.tokens if t.is_name}


def parse_layer(
    source: str, name: str = "", sizes: Mapping[str, tuple[Expr | None, ...]] | None = None
) -> Layer:
    """Read a layer; `sizes` declares more sizes, None leaves an axis to the rule.

    >>> parse_layer("y[p] = sum[k] x[s*p + k]*w[k]").output.definition.formals
    (p,)

    Raises:
        NotationError: the text is not in the notation; the message has a caret under the fault.

    """
    reader = Reader(source)
    if not reader.now.text:
        reader.fail("an empty expression", None, "y[p] = sum[k] x[p+k] * w[k], for example")
    declared: dict[str, tuple[Expr, ...]] = {}
    size_tokens: dict[str, Token] = {}
    while True:
        head = reader.now
        left, inside = _left(reader)
        if not reader.accept(";"):
            break
        if left.text in declared:
            reader.fail(f"{left.text} is declared twice", left, cure="drop one declaration")
        declared[left.text] = tuple(_size(reader, inside))
        size_tokens |= {t.text: t for group in inside for t in group if t.is_name}
    reader.expect("=", "after the left side" if head.text else "")
    reader.free = reader.scope = tuple(_formals(reader, inside))
    if left.text in declared and len(declared[left.text]) != len(reader.free):
        reader.fail(
            f"{left.text} is used with two ranks", left, f"{len(declared[left.text])} indices"
        )
    if not reader.now.text:
        reader.fail("an empty expression", None, "at least one term after =")
    ranks = {n: len(e) for n, e in declared.items()}
    reader.heads = {n: (t, ranks[n]) for n, (t, _) in reader.heads.items() if n in ranks}
    raws = reader.expression()
    if reader.now.text:
        unbalanced = reader.now.text in ")]"
        reader.fail(
            "unbalanced bracket" if unbalanced else "unexpected token",
            None,
            "+, -, *, / or the end of the text",
        )
    used = [*_entries(raws)]
    _refuse_output(reader, left, raws, declared.keys() - {n for n, _ in used})
    entries = [(left.text, reader.free), *used]
    shapes = _name_sizes(entries, {**(sizes or {}), **declared}, _index(reader), _names(reader))
    reader.heads[left.text] = (left, len(reader.free))
    named = {v.name for shape in shapes.values() for e in shape for v in e.free_symbols}
    _refuse_clashes(reader, size_tokens, named)
    body = _build(reader, raws, shapes, {})
    return make_layer(define(left.text, shapes[left.text], reader.free, body), name)


def _left(reader: Reader) -> tuple[Token, list[list[Token]]]:
    """Read ``y[n,o,p]`` or ``x[N,C,3]`` as the tokens between the commas."""
    token = reader.name("the output, such as y[p]")
    reader.heads.setdefault(token.text, (token, 0))
    opened = reader.expect("[", f"after {token.text}")
    groups: list[list[Token]] = [[]]
    while reader.now.text not in ("]", "", ";", "=", "["):
        if reader.accept(","):
            groups.append([])
        else:
            groups[-1].append(reader.take())
    closing = reader.expect("]", "or ',' after the index", opened)
    if groups == [[]]:
        return token, []
    for group in groups:
        if not group:
            reader.fail("an index is missing", closing, "a name between the commas")
    return token, groups


def _whole(reader: Reader, group: Sequence[Token]) -> Token:
    last = group[-1]
    return Token(reader.source[group[0].at : last.at + len(last.text)], group[0].at)


def _size(reader: Reader, inside: list[list[Token]]) -> Iterator[Expr]:
    for group in inside:
        whole = _whole(reader, group)
        if len(group) == 1 and re.fullmatch(f"[0-9]{{1,{MOST_DIGITS}}}", whole.text):
            yield sp.Integer(whole.text)
        elif len(group) == 1 and whole.is_name and not whole.text.endswith("'"):
            _refuse_reserved(reader, whole)
            yield symbol(whole.text)
        else:
            reader.fail("a size is a name or a number", whole, "a declaration such as x[N,C,3]")


def _formals(reader: Reader, inside: list[list[Token]]) -> Iterator[Symbol]:
    seen: set[str] = set()
    for group in inside:
        whole = _whole(reader, group)
        if len(group) != 1 or not whole.is_name or whole.text.endswith("'"):
            reader.fail(
                "an index of the left side is composite",
                whole,
                "one name for each axis of the output",
                "write y[t] = ... * [t == 2*p], summed over p",
            )
        if whole.text in seen:
            reader.fail(
                "an index of the left side is repeated",
                whole,
                "a name of its own for each axis of the output",
                "write y[p,q] = ... * [p == q]",
            )
        _refuse_reserved(reader, whole)
        seen.add(whole.text)
        yield symbol(whole.text)


def _refuse_reserved(reader: Reader, token: Token) -> None:
    if token.text == "sum" or keyword.iskeyword(token.text):
        reader.fail("reserved word", token, "another name")


def _refuse_output(
    reader: Reader, left: Token, raws: Sequence[Raw], unused: Iterable[str]
) -> None:
    found = [f.name for raw in raws for f in raw.factors if isinstance(f, Entry)]
    if not found:
        reader.fail("the right side names no tensor", raws[0].at, "at least one entry such as x[p]")
    for token in found:
        if token.text == left.text:
            reader.fail("the output is used on the right", token, "another tensor", "rename it")
        if token.text == f"grad_{left.text}":
            reader.fail(
                "the name is reserved for the gradient of the output", token, cure="rename it"
            )
    for name in sorted(set(unused) - {left.text}):
        reader.fail(f"{name} is declared but not used", reader.heads[name][0], cure="drop it")


# -- layers from terms ---------------------------------------------------------------------------
def make_layer(output: Tensor, name: str = "") -> Layer:
    """Return the layer of a defined tensor, with its operands, parameters and canonical text.

    Raises:
        ValueError: the tensor has no definition.

    """
    if output.definition is None:
        raise ValueError(f"{output.name} has no definition, so it is no layer's output")
    tensors: dict[Tensor, None] = {}
    found: dict[Symbol, None] = {}
    formals = output.definition.formals
    for t in output.definition.body:
        order = (*formals, *t.variables)
        exprs = [t.coefficient]
        for factor in accesses_and_brackets(t.factors):
            exprs += indices(factor)
            if isinstance(factor, Access):
                applied = _applied(factor.tensor)
                tensors[applied.argument.tensor if applied else factor.tensor] = None
            elif isinstance(factor, Range):
                exprs.append(factor.size)
        for e in exprs:
            for m, _ in ordered(e, order):
                found |= {symbol(n): None for n, _ in m if symbol(n) not in order}
    boxes = [e for t in (output, *tensors) for e in t.shape if e is not None]
    sizes = set().union(*(e.free_symbols for e in boxes))
    parameters = tuple(v for v in found if v not in sizes)
    return Layer(name, output, tuple(tensors), parameters, _layer_text(output, tuple(tensors)))


def _layer_text(output: Tensor, tensors: tuple[Tensor, ...]) -> str:
    definition = output.definition
    assert definition is not None
    entries: list[tuple[str, tuple[Expr, ...]]] = [(output.name, definition.formals)]
    index, names = {v.name for v in definition.formals}, {t.name for t in (output, *tensors)}
    body = []
    for t in definition.body:
        index |= {v.name for v in t.variables}
        names |= {v.name for v in t.coefficient.free_symbols}
        factors: list[Factor] = []
        for factor in t.factors:
            applied = _applied(factor.tensor) if isinstance(factor, Access) else None
            if isinstance(factor, Access):
                named = applied.argument.tensor if applied else factor.tensor
                entries.append((named.name, factor.index))
                if applied:
                    names.add(applied.function)
                    factor = Apply(applied.function, applied.order, Access(named, factor.index))
            factors.append(factor)
            for part in accesses_and_brackets((factor,)):
                names |= {v.name for e in indices(part) for v in e.free_symbols}
                names |= {v.name for v in getattr(part, "size", sp.Integer(0)).free_symbols}
        body.append(replace(t, factors=tuple(factors)))
    line = f"{output.name}[{','.join(v.name for v in definition.formals)}] = {write(tuple(body), definition.formals)}"
    plain = _name_sizes(entries, {}, index, names)
    if all(plain[t.name] == t.shape for t in (output, *tensors)):
        return line
    given = [f"{t.name}[{','.join(text(n) for n in t.shape if n is not None)}]; " for t in (*tensors, output)]
    return "".join(given) + line


def write_layer(layer: Layer) -> str:
    """Return the canonical text of a layer."""
    return layer.text
