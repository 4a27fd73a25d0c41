"""The letters of a theorem or a layer: how each name is written, without two of the same letter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from types import MappingProxyType

import sympy as sp
from sympy import Expr, Symbol

from rot180.derive.display.definitions import every_tensor
from rot180.derive.display.notations import DEEP_LEARNING, Symbols, Table
from rot180.derive.display.statement import as_padding, sizes_of
from rot180.derive.display.terms_latex import Letters, letter, primed
from rot180.derive.kernel.proof import Theorem
from rot180.derive.language.notation import Layer
from rot180.derive.language.polynomial import (
    monomials,
    normal,
    symbol,
    symbols_of,
)
from rot180.derive.language.programs import Program
from rot180.derive.language.spelling import application, unfold_operators
from rot180.derive.language.terms import (
    Access,
    Expression,
    Tensor,
    accesses_and_brackets,
    indices,
    tensors,
    term,
)


@lru_cache(maxsize=64)
def letters(theorem: Theorem, symbols: Symbols = DEEP_LEARNING) -> Letters:
    """Choose the letters of a theorem and its proof: the loss, g = dL/dy, pi for paddings.

    Args:
        theorem: the theorem.
        symbols: the notation.

    """
    known = every_tensor(*theorem.lines)
    symbols = _for_windows(symbols, [*theorem.lines, *map(body_of, known)])
    free = tuple(v for v, _ in theorem.variables)
    lines = (*theorem.lines, unfold_operators(theorem.rhs))
    bound = tuple(dict.fromkeys(v for line in lines for t in line for v in t.variables))
    used = {v.name for v in bound}.union(*map(_names, lines))
    values = () if "pi" in used else tuple(dict.fromkeys(_paddings(theorem)))
    names = ["\\pi"] if len(values) == 1 else [f"\\pi_{{{n + 1}}}" for n in range(len(values))]
    style = Letters(
        _forward_order(known, free),
        _tensor_letters(known, {t.name for t in known} | used, symbols),
        tuple((symbol(n), e) for n, e in zip(names, values, strict=True)),
        _index_letters([v.name for v in (*free, *bound)], used, symbols),
        symbols,
        free,
        tuple(sorted(used - {v.name for v in (*free, *bound)})),
    )
    return replace(style, bare=_alike(known, style))


def _alike(known: Iterable[Tensor], style: Letters) -> frozenset[Tensor]:
    """Return the tensors whose symbols would equal those of another one."""
    looks: dict[str, set[Tensor]] = {}
    for t in known:
        looks.setdefault(style.tensor(t), set()).add(t)
    return frozenset(t for same in looks.values() if len(same) > 1 for t in same)


def layer_letters(layer: Layer | Program, symbols: Symbols = DEEP_LEARNING) -> Letters:
    """Choose the letters for the definition of a layer."""
    inside = tensors((term(layer.output[formals_of(layer.output)]),))
    symbols = _for_windows(symbols, map(body_of, inside))
    variables = _index_variables(layer.output)
    used = {v.name for v in layer.output.parameters} | {v.name for v in variables}
    return Letters(
        variables,
        _tensor_letters(inside, {t.name for t in inside} | used, symbols),
        (),
        _index_letters([v.name for v in variables], used, symbols),
        symbols,
        formals_of(layer.output),
    )


def _for_windows(symbols: Symbols, expressions: Iterable[Expression]) -> Symbols:
    """Use the letters of windows only if windows slide, that is, if an entry has a sum of indices.

    So k is written a if it is a tap, and k if it is an input of a dense layer.
    """
    if not symbols.windows:
        return symbols
    names = dict(symbols.windows)
    sliding: set[str] = set()
    for t in (t for e in expressions for t in e):
        for part in accesses_and_brackets(t.factors):
            for e in indices(part) if isinstance(part, Access) else ():
                inside = {v.name.rstrip("0123456789") for v in symbols_of(e)} & names.keys()
                sliding |= inside if len(inside) > 1 else set()
    chosen = tuple(symbols.windows) if sliding else ()
    return replace(symbols, indices=(*symbols.indices, *chosen))


def formals_of(t: Tensor) -> tuple[Symbol, ...]:
    """Return the indices of a definition; () for a free tensor."""
    return t.definition.formals if t.definition else ()


def body_of(t: Tensor) -> Expression:
    """Return the body of a definition; () for a free tensor."""
    return t.definition.body if t.definition else ()


def _index_variables(t: Tensor) -> tuple[Symbol, ...]:
    """Return the indices of a definition, those of the left side first."""
    return tuple(dict.fromkeys((*formals_of(t), *(v for u in body_of(t) for v in u.variables))))


def _names(expression: Expression) -> set[str]:
    return {v.name for t in expression for v in t.symbols}


def _forward_order(known: Sequence[Tensor], free: tuple[Symbol, ...]) -> tuple[Symbol, ...]:
    """Order index variables as in the layer, after the free ones that are not in it."""
    operands = {pair[1] for t in known if (pair := incoming_gradient(t))}
    operands = operands or {t.name for t in known if application(t) is None}
    forward = [v for t in known if t.name in operands for v in _index_variables(t)]
    return (*(v for v in free if v not in forward), *dict.fromkeys(forward))


def _tensor_letters(known: Sequence[Tensor], used: set[str], symbols: Symbols) -> Table:
    """Return the symbols of tensors; if the notation gives two the same one, one keeps its name."""
    incoming = [t.name for t in known if t.name.startswith("grad_")]
    plain = len(incoming) == 1 and symbols.gradient not in used
    own, gradients = dict(symbols.tensors), dict(symbols.gradients)
    out: dict[str, str] = {}
    for t in known:
        name = t.name
        if incoming_gradient(t):
            out[name] = symbols.loss
        elif name in incoming:
            y = name.removeprefix("grad_")
            shown = own.get(y, letter(y))
            accent = "overline" if "\\mathit" in shown else "bar"
            other = symbols.gradient if plain else f"\\{accent}{{{shown}}}"
            out[name] = gradients.get(y, other)
        elif name in own:
            out[name] = own[name] if own[name] not in out.values() else letter(name)
    return tuple(out.items())


def _index_letters(
    variables: Sequence[str],
    used: set[str],
    symbols: Symbols,
    fixed: Mapping[str, str] = MappingProxyType({}),
) -> Table:
    """Give each index its letter in the notation, with primes until no other name has it.

    Indices are served in order; ``h1`` takes the letter of ``h``. So no renaming captures a name in
    any line of a proof. The letters in `fixed` do not change.
    """
    letters, out = dict(symbols.indices), dict(fixed)

    def chosen(name: str) -> str | None:
        return letters.get(name) or letters.get(name.rstrip("0123456789"))

    taken = {letter(name) for name in used if chosen(name) is None} | set(fixed.values())
    for name in dict.fromkeys((*variables, *sorted(used))):
        if name not in fixed and (shown := chosen(name)) is not None:
            while shown in taken:
                shown = primed(shown)
            taken.add(shown)
            out[name] = shown
    return tuple(out.items())


def _paddings(theorem: Theorem) -> Iterator[Expr]:
    """Yield the parts of indices without variables that are shorter with a name.

    They have three monomials, or two if they are a padding of the right side; ``K - 1`` gets no
    name. The sign is that of the padding of the backward pass, in which sizes are positive.
    """
    free = tuple(v for v, _ in theorem.variables)
    named = [(free, t) for t in unfold_operators(theorem.rhs)]
    for f in (f for t in theorem.rhs for f in t.factors if isinstance(f, Access)):
        named += [(formals_of(f.tensor), t) for t in body_of(f.tensor)]
    shown = every_tensor(*theorem.lines)
    shape, sizes = {n for t in shown for n in t.shape}, sizes_of(shown)
    lines = [(free, t) for line in theorem.lines for t in line]
    for n, (fixed, t) in enumerate([*named, *lines]):
        gone = dict.fromkeys((*fixed, *t.variables), sp.Integer(0))
        for part in accesses_and_brackets(t.factors):
            for e in indices(part):
                rest = normal(e.xreplace(gone))
                value, long = as_padding(rest, sizes), len(monomials(rest))
                short = n < len(named) and long == 2 and normal(value + 1) not in shape
                if long >= 3 or short:
                    yield value


def inside_definition(t: Tensor, style: Letters) -> Letters:
    """Return the letters in a definition: new ones for its indices, the same for parameters."""
    variables = _index_variables(t)
    own = {v.name for v in variables}
    names = {*style.parameters, *(v.name for v in t.parameters)} - own
    fixed = tuple((n, shown) for n, shown in style.names if n in names)
    letters = _index_letters([v.name for v in variables], own | names, style.symbols, dict(fixed))
    return replace(style, variables=variables, names=letters)


def losses(theorem: Theorem) -> tuple[Tensor, ...]:
    """Return the losses of the form sum of g times y, for an output y."""
    return tuple(t for t in every_tensor(*theorem.lines) if incoming_gradient(t))


def incoming_gradient(loss: Tensor) -> tuple[str, str] | None:
    """Return the names of g and y if a loss is the sum of g times y, where g is grad_y."""
    if loss.definition is None or loss.shape or len(loss.definition.body) != 1:
        return None
    (u,) = loss.definition.body
    parts = [f for f in u.factors if isinstance(f, Access)]
    if len(u.factors) != 2 or len(parts) != 2 or u.coefficient != 1:
        return None
    g, y = parts
    whole = g.index == y.index == u.variables and g.tensor.shape == y.tensor.shape
    named = g.tensor.name == f"grad_{y.tensor.name}" and g.tensor.definition is None
    return (g.tensor.name, y.tensor.name) if whole and named else None
