"""Names of tensors when a theorem is cited: in a certificate each name is one tensor.

Tensors that differ from those of the theorem get new names, and tensors of the cited proof are
renamed if the certificate uses their names for other tensors.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import lru_cache, partial
from itertools import count
from typing import Any

from sympy import Expr, Symbol

from rot180.derive.kernel.citing import instantiate
from rot180.derive.kernel.proof import Proof, Theorem, bound_names
from rot180.derive.kernel.replay import replay_cited
from rot180.derive.language.polynomial import symbol
from rot180.derive.language.terms import (
    Access,
    Apply,
    Definition,
    Derivative,
    Expression,
    Factor,
    Tensor,
    Term,
    tensors,
    term,
)

Table = dict[str, Tensor]

Known = dict[int, tuple[Tensor, Tensor]]
"""Tensors by identity, each with its image; equal ones may have different bound names."""

Image = Callable[[Tensor], Tensor]
"""The image of a tensor."""

_COPY = re.compile(r"_[0-9]+$")


def complete_citation(arguments: Mapping[str, Any], table: Table) -> dict[str, Any]:
    """Return the arguments of `lemma` or `compose`, completed and without clashes of names.

    Args:
        arguments: those of the rule; `tensors` may omit the images of defined tensors.
        table: the tensors of the certificate so far, by name; those of the citation are added.

    """
    theorem, given = replay_cited(arguments["theorem"]), dict(arguments["tensors"])
    inner, symbols = arguments.get("inner"), dict(arguments["symbols"])
    x = theorem.lhs[0].factors[0].wrt.tensor.name if inner is not None else ""  # type: ignore[union-attr]
    for t in (*given.values(), *((inner,) if inner is not None else ())):
        table.update((u.name, u) for u in tensors((term(t[fresh_index(t)]),)))
    through = given if inner is None else {**given, x: inner}
    table_of = images(theorem, symbols, through, table)
    names = _new_names(theorem.tensors, table)
    cited = rename_tensors(theorem.proof, names)
    table.update((t.name, t) for t in replay_cited(cited).tensors)
    swaps = ((names.get(old, old), t) for old, t in table_of.items() if inner is None or old != x)
    return {**arguments, "theorem": cited, "tensors": tuple(swaps)}


def images(
    theorem: Theorem, symbols: Mapping[Symbol, Expr], given: Mapping[str, Tensor], table: Table
) -> Table:
    """Return the image of each tensor of a theorem that changes, by the name of the tensor.

    Args:
        theorem: the cited theorem.
        symbols: the images of its symbols.
        given: the images of some of its tensors.
        table: the known tensors by name; an image takes the name of one with the same definition.

    """
    out = dict(given)
    for t in tensors((*theorem.lhs, *theorem.rhs)):
        if t.name in out:
            continue
        image = instantiate_tensor(t, symbols, {})
        # inner tensors come first, so their images are known
        if any(u.name in out for u in _inside(t)):
            image = _with_body(image, lambda u: out.get(u.name, u))
        if image is t or image == t:
            continue
        own = table.get(t.name)
        equal = [u for u in table.values() if u.definition and _alike(u, image)]
        if own is None or own in equal:
            found = own or image
        elif equal:
            found = equal[0]
        else:
            found = replace(
                image, name=_copy_name(t.name, {*table, *(u.name for u in theorem.tensors)})
            )
        out[t.name] = table[found.name] = found
    return out


def instantiate_tensor(
    t: Tensor, symbols: Mapping[Symbol, Expr], given: Mapping[str, Tensor]
) -> Tensor:
    """Return a tensor with symbols and tensors replaced in its box and definition."""
    (found,) = instantiate((term(t[fresh_index(t)]),), symbols, tuple(given.items()))
    (access,) = found.factors
    assert isinstance(access, Access)
    return access.tensor


def fresh_index(t: Tensor) -> tuple[Symbol, ...]:
    """Return fresh symbols for the indices of a tensor."""
    return tuple(symbol(f"_{n}") for n in range(len(t.shape)))


def _copy_name(name: str, taken: Collection[str]) -> str:
    """Return a name for a copy: y_1, y_2, ...; not y1, which a user may choose."""
    base = _COPY.sub("", name)
    return next(f"{base}_{n}" for n in count(1) if f"{base}_{n}" not in taken)


def _new_names(own: tuple[Tensor, ...], table: Table) -> dict[str, str]:
    """Return new names for the tensors of a proof whose names are taken in a table."""
    names: dict[str, str] = {}
    known = Known()
    taken = {*table, *(t.name for t in own)}
    for t in own:
        moved = _renamed(t, names, known)
        if _same(table.get(moved.name, moved), moved):
            continue
        equal = (u.name for u in table.values() if _alike(u, moved) and _bound(u) == _bound(moved))
        names[t.name] = next((n for n in equal if _COPY.sub("", n) == t.name), "")
        names[t.name] = names[t.name] or _copy_name(t.name, taken)
        taken.add(names[t.name])
        known.pop(id(t))  # what contains it comes later
    return names


def _same(t: Tensor, u: Tensor) -> bool:
    return t is u or (t.name == u.name and _alike(t, u) and bound_names(t) == bound_names(u))


def _alike(t: Tensor, u: Tensor) -> bool:
    """Say whether two tensors are equal but for their names."""
    a, b = t.definition, u.definition
    return t.shape == u.shape and hash(a) == hash(b) and a == b


def _bound(t: Tensor) -> tuple[object, ...]:
    body = t.definition
    return (body.formals, *(b.variables for b in body.body)) if body else ()


def rename_tensors(proof: Proof, names: Mapping[str, str]) -> Proof:
    """Return a proof with its tensors renamed, cited proofs included.

    A proof without these names is returned as it is, so that it is not replayed again: in a chain
    of theorems, each of which cites the one before, only a few of the names change.
    """
    used = {t.name for t in replay_cited(proof).tensors}
    new = tuple(sorted((old, name) for old, name in names.items() if old in used))
    return _rename_tensors(proof, new) if new else proof


@lru_cache(maxsize=512)
def _rename_tensors(proof: Proof, names: tuple[tuple[str, str], ...]) -> Proof:
    image = partial(_renamed, names=dict(names), known=Known())
    for t in replay_cited(proof).tensors:  # inner ones first, so that no call is deep
        image(t)
    steps = tuple(
        replace(
            s,
            arguments=tuple((k, _argument(k, v, dict(names), image)) for k, v in s.arguments),
            result=None if s.result is None else _expression(s.result, image),
        )
        for s in proof.steps
    )
    return replace(proof, start=_expression(proof.start, image), steps=steps)


def _argument(key: str, value: Any, names: Mapping[str, str], image: Image) -> Any:
    if key == "tensors":
        return tuple((names.get(old, old), image(t)) for old, t in value)
    if isinstance(value, Proof):
        return rename_tensors(value, names)
    if isinstance(value, Tensor):
        return image(value)
    if isinstance(value, tuple) and key in ("factors", "add"):
        return tuple(f if isinstance(f, int) else _factor(f, image) for f in value)
    return value


def _renamed(t: Tensor, names: Mapping[str, str], known: Known) -> Tensor:
    """Rename a tensor and those in its definition; each object once."""
    if id(t) not in known:
        image = partial(_renamed, names=names, known=known)
        inner = any(u.name in names for u in _inside(t))
        new = _with_body(t, image) if inner else t
        known[id(t)] = t, replace(new, name=names[t.name]) if t.name in names else new
    return known[id(t)][1]


def _inside(t: Tensor) -> tuple[Tensor, ...]:
    return tensors(t.definition.body) if t.definition else ()


def _with_body(t: Tensor, image: Image) -> Tensor:
    """Return a tensor with others in its definition."""
    assert t.definition is not None
    body = Definition(t.definition.formals, _expression(t.definition.body, image))
    return replace(t, definition=body)


def _expression(e: Expression, image: Image) -> Expression:
    return tuple(
        Term(t.coefficient, t.variables, tuple(_factor(f, image) for f in t.factors)) for t in e
    )


def _factor(f: Factor, image: Image) -> Factor:
    if isinstance(f, Access):
        return Access(image(f.tensor), f.index)
    if isinstance(f, Apply):
        at = f.argument
        return replace(f, argument=Access(image(at.tensor), at.index))
    if isinstance(f, Derivative):
        wrt = Access(image(f.wrt.tensor), f.wrt.index)
        return Derivative(tuple(_factor(g, image) for g in f.factors), wrt)
    return f
