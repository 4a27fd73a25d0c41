"""Names of tensors when a theorem is cited: in a certificate each name is one tensor.

Tensors that differ from those of the theorem get new names, and tensors of the cited proof are
renamed if the certificate uses their names for other tensors.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import lru_cache
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
        image = instantiate_tensor(t, symbols, out)
        if image == t:
            continue
        own = table.get(t.name)
        equal = [u for u in table.values() if u.definition and replace(u, name=t.name) == image]
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
    taken = {*table, *(t.name for t in own)}
    for t in own:
        moved = _tensor(t, names)
        if _same(table.get(moved.name, moved), moved):
            continue
        equal = (u.name for u in table.values() if _same(replace(u, name=t.name), moved))
        names[t.name] = next((n for n in equal if _COPY.sub("", n) == t.name), "")
        names[t.name] = names[t.name] or _copy_name(t.name, taken)
        taken.add(names[t.name])
    return names


def _same(t: Tensor, u: Tensor) -> bool:
    return t == u and bound_names(t) == bound_names(u)


def rename_tensors(proof: Proof, names: Mapping[str, str]) -> Proof:
    """Return a proof with its tensors renamed, cited proofs included."""
    return _rename_tensors(proof, tuple(sorted(names.items()))) if names else proof


@lru_cache(maxsize=512)
def _rename_tensors(proof: Proof, names: tuple[tuple[str, str], ...]) -> Proof:
    new = dict(names)
    steps = tuple(
        replace(
            s,
            arguments=tuple((k, _argument(k, v, new)) for k, v in s.arguments),
            result=None if s.result is None else _expression(s.result, new),
        )
        for s in proof.steps
    )
    return replace(proof, start=_expression(proof.start, new), steps=steps)


def _argument(key: str, value: Any, names: Mapping[str, str]) -> Any:
    if key == "tensors":
        return tuple((names.get(old, old), _tensor(t, names)) for old, t in value)
    if isinstance(value, Proof):
        return rename_tensors(value, names)
    if isinstance(value, Tensor):
        return _tensor(value, names)
    if isinstance(value, tuple) and key in ("factors", "add"):
        return tuple(f if isinstance(f, int) else _factor(f, names) for f in value)
    return value


def _expression(e: Expression, names: Mapping[str, str]) -> Expression:
    return tuple(
        Term(t.coefficient, t.variables, tuple(_factor(f, names) for f in t.factors)) for t in e
    )


def _tensor(t: Tensor, names: Mapping[str, str]) -> Tensor:
    body = t.definition
    if body is not None:
        body = Definition(body.formals, _expression(body.body, names))
    return replace(t, name=names.get(t.name, t.name), definition=body)


def _factor(f: Factor, names: Mapping[str, str]) -> Factor:
    if isinstance(f, Access):
        return Access(_tensor(f.tensor, names), f.index)
    if isinstance(f, Apply):
        at = f.argument
        return replace(f, argument=Access(_tensor(at.tensor, names), at.index))
    if isinstance(f, Derivative):
        wrt = Access(_tensor(f.wrt.tensor, names), f.wrt.index)
        return Derivative(tuple(_factor(g, names) for g in f.factors), wrt)
    return f
