"""Operands of a program that are computed from their definitions, and never differentiated.

A gather ``x[idx[n],c]``, where idx is an array of integers, is ``sum[v] onehot_idx[n,v] * x[v,c]``:
theorems hold for any tensor in the place of onehot_idx, and kernels read the entries of x instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rot180.derive.language.polynomial import text
from rot180.derive.language.terms import Access, Tensor, Term


@dataclass(frozen=True)
class Selection:
    """What ``max[j]`` or ``min[j]`` selects, or the other factors in ``prod[j]``.

    Attributes:
        tensor: it, with the indices of the source: ones at the first extreme entries, else zeros;
            for a product the products of all other entries.
        kind: max, min or prod.
        value: the name of the definition that has the extreme entries, or the products.
        source: the tensor that it selects from, free or defined.
        axes: the axes of the source along which it selects, in their order.
        fixed: the products as a tensor that is held fixed; None if there is none.

    """

    tensor: Tensor
    kind: str
    value: str
    source: Tensor
    axes: tuple[int, ...]
    fixed: Tensor | None = None


@dataclass(frozen=True)
class Gather:
    """An array of indices, and the tensor that is 1 at them.

    Attributes:
        tensor: 1 where its last index is the entry of the array at the others, else 0.
        array: the array of integers, whose entries must be indices of the last axis.

    """

    tensor: Tensor
    array: Tensor

    @property
    def convention(self) -> str:
        """Return what the tensor is, as text."""
        rank = len(self.array.shape)
        letters = ["i"] if rank == 1 else [f"i{n}" for n in range(1, rank + 1)]
        at = ",".join(letters)
        entry = f"{self.tensor.name}[{','.join([*letters, 'v'])}]"
        return f"{entry} is 1 where v == {self.array.name}[{at}], else 0; it is held fixed"


def gathers_in(t: Term, gathers: Iterable[Gather]) -> Iterator[tuple[Gather, Access]]:
    """Yield the gathers whose tensors are factors of a term, each with the factor."""
    of = {g.tensor: g for g in gathers}
    for f in t.factors:
        if isinstance(f, Access) and f.tensor in of:
            yield of[f.tensor], f


def is_gather(t: Tensor, gathers: Iterable[Gather]) -> bool:
    """Say whether a definition reads entries at arrays of indices."""
    of = {g.tensor for g in gathers}
    body = t.definition.body if t.definition else ()
    return any(isinstance(f, Access) and f.tensor in of for u in body for f in u.factors)


def gather_line(t: Tensor, gathers: Iterable[Gather]) -> str:
    """Return a definition that is only a gather as text, ``y[n,c] = x[idx[n],c]``.

    Args:
        t: the defined tensor.
        gathers: those of the program.

    """
    assert t.definition is not None
    (u,) = t.definition.body
    found = {f.index[-1]: (g, f) for g, f in gathers_in(u, gathers)}
    reads = [f for _, f in found.values()]
    (entry,) = (f for f in u.factors if isinstance(f, Access) and f not in reads)
    words = []
    for e in entry.index:
        if e in found:
            g, f = found[e]
            words.append(f"{g.array.name}[{','.join(text(i) for i in f.index[:-1])}]")
        else:
            words.append(text(e))
    left = ",".join(v.name for v in t.definition.formals)
    return f"{t.name}[{left}] = {entry.tensor.name}[{','.join(words)}]"
