"""What a layer and its gradients are, by the definition: exact, slow, and without the engine.

Every term is multiplied out into products of entries. All values of all indices at which no bracket
is zero and no entry outside its array are visited one by one. A gradient is the sum of upstream *
coefficient * the product of the other entries, over every place of the entry in every product.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import prod
from typing import Any

import numpy as np

from tests.support.fuzz_layers import Entry, FuzzLayer, Index, Inside, Same, Term, multiplied_out

Point = tuple[int, ...]
Sizes = Mapping[str, int]
Shapes = Mapping[str, tuple[int, ...]]
Arrays = Mapping[str, "np.ndarray[Any, Any]"]
Apply = Callable[[str, int, int], int]

FAR = 300
"""No index of a finite sum over small arrays is as large."""

VAST = FAR**3
"""No value of an index is as large."""


class EndlessError(ValueError):
    """At these parameters the sum has infinitely many terms."""


@dataclass(frozen=True)
class Condition:
    """``0 <= constant + sum of slope * index < size``."""

    slopes: tuple[tuple[str, int], ...]
    constant: int
    size: int


def values(e: Index, sizes: Sizes) -> tuple[dict[str, int], int]:
    """Return the slopes and the constant of an index at these sizes."""
    slopes: dict[str, int] = defaultdict(int)
    constant = 0
    for number, names, v in e.parts:
        value = number * prod(sizes[name] for name in names)
        if v:
            slopes[v] += value
        else:
            constant += value
    return {v: c for v, c in slopes.items() if c}, constant


def _condition(e: Index, low: int, high: int, sizes: Sizes) -> Condition:
    slopes, constant = values(e, sizes)
    return Condition(tuple(slopes.items()), constant - low, high - low)


def _conditions(t: Term, used: Sequence[Entry], sizes: Sizes, shapes: Shapes) -> list[Condition]:
    out = []
    for f in t.factors:
        if isinstance(f, Inside):
            low, high = (values(e, sizes)[1] for e in (f.low, f.high))
            out.append(_condition(f.value, low, high, sizes))
        elif isinstance(f, Same):
            negative = tuple((-n, names, v) for n, names, v in f.left.parts)
            least, most = {"==": (0, 0), "<": (1, VAST), "<=": (0, VAST)}.get(f.sign, (-VAST, VAST))
            difference = Index((*f.right.parts, *negative))
            out.append(_condition(difference, least, most + 1, sizes))
    for entry in used:
        for e, size in zip(entry.index, shapes[entry.tensor], strict=True):
            out.append(_condition(e, 0, size, sizes))
    return out


def solutions(
    variables: Sequence[str], conditions: Sequence[Condition]
) -> Iterator[dict[str, int]]:
    """Yield all values of the variables at which the conditions hold.

    Raises:
        EndlessError: there are infinitely many.

    """
    spans = dict.fromkeys(variables, (-FAR, FAR))
    yield from _solutions(spans, conditions)


def _solutions(
    spans: dict[str, tuple[int, int]], conditions: Sequence[Condition]
) -> Iterator[dict[str, int]]:
    found = _tightened(spans, conditions)
    if found is None:
        return
    open_ones = [v for v, (low, high) in found.items() if low != high]
    if not open_ones:
        point = {v: low for v, (low, _) in found.items()}
        if any(abs(value) == FAR for value in point.values()):
            raise EndlessError(str(point))
        yield point
        return
    v = min(open_ones, key=lambda v: found[v][1] - found[v][0])
    for value in range(found[v][0], found[v][1] + 1):
        yield from _solutions({**found, v: (value, value)}, conditions)


def _tightened(
    spans: Mapping[str, tuple[int, int]], conditions: Sequence[Condition]
) -> dict[str, tuple[int, int]] | None:
    """Narrow the span of each variable by each condition until none gets narrower."""
    out, narrower = dict(spans), True
    while narrower:
        narrower = False
        for c in conditions:
            ends = {v: sorted((s * out[v][0], s * out[v][1])) for v, s in c.slopes}
            low = c.constant + sum(e[0] for e in ends.values())
            high = c.constant + sum(e[1] for e in ends.values())
            if high < 0 or low >= c.size:
                return None
            for v, s in c.slopes:
                # -(constant + the others' largest) <= s*v < size - (constant + their smallest)
                least, most = ends[v][1] - high, c.size - 1 - low + ends[v][0]
                first, last = (least, most) if s > 0 else (-most, -least)
                by = abs(s)
                new = max(out[v][0], -(-first // by)), min(out[v][1], last // by)
                if new[0] > new[1]:
                    return None
                if new != out[v]:
                    out[v], narrower = new, True
                    break
            if narrower:
                break
    return out


Products = list[tuple[Point, Fraction, list[tuple[Entry, Point]]]]


def products(layer: FuzzLayer, sizes: Sizes, shapes: Shapes) -> Products:
    """Return each product of entries: the output's index, its coefficient, its entries.

    Raises:
        EndlessError: there are infinitely many.

    """
    out: Products = []
    box = zip(layer.formals, shapes[layer.output], strict=True)
    inside = [Condition(((v, 1),), 0, n) for v, n in box]
    for t in layer.terms:
        apart = [f for f in t.factors if isinstance(f, Same) and f.sign == "!="]
        scale = t.coefficient * prod(sizes[name] for name in t.scalars)
        for used in multiplied_out(t):
            conditions = [*inside, *_conditions(t, used, sizes, shapes)]
            for at in solutions((*layer.formals, *t.variables), conditions):
                if any(_equal(f, at, sizes) for f in apart):
                    continue
                entries = [(e, _place(e, at, sizes)) for e in used]
                out.append((tuple(at[v] for v in layer.formals), scale, entries))
    return out


def _place(entry: Entry, at: Mapping[str, int], sizes: Sizes) -> Point:
    return tuple(_value(e, at, sizes) for e in entry.index)


def _value(e: Index, at: Mapping[str, int], sizes: Sizes) -> int:
    slopes, constant = values(e, sizes)
    return constant + sum(c * at[v] for v, c in slopes.items())


def _equal(f: Same, at: Mapping[str, int], sizes: Sizes) -> bool:
    return _value(f.left, at, sizes) == _value(f.right, at, sizes)


def meaning(
    layer: FuzzLayer, sizes: Sizes, arrays: Arrays, apply: Apply
) -> dict[str, dict[Point, Fraction]]:
    """Evaluate the layer and its gradient by each operand, by the names of the kernels.

    Args:
        layer: the layer.
        sizes: its parameters.
        arrays: the operands, and the upstream gradient under the output's name.
        apply: returns the value of a function, or of its first derivative, at a number.

    """
    shapes = {name: a.shape for name, a in arrays.items()}
    operands = [name for name in arrays if name != layer.output]
    out: dict[str, dict[Point, Fraction]] = {
        word: {at: Fraction(0) for at in product(*map(range, shapes[name]))}
        for word, name in (
            ("forward", layer.output),
            *((f"grad_{name}", name) for name in operands),
        )
    }
    for at, scale, entries in products(layer, sizes, shapes):
        numbers = [int(arrays[e.tensor][place]) for e, place in entries]
        factors = [
            apply(e.function, 0, n) if e.function else n
            for (e, _), n in zip(entries, numbers, strict=True)
        ]
        out["forward"][at] += scale * prod(factors)
        upstream = scale * int(arrays[layer.output][at])
        for i, (e, place) in enumerate(entries):
            slope = apply(e.function, 1, numbers[i]) if e.function else 1
            others = prod(f for j, f in enumerate(factors) if j != i)
            out[f"grad_{e.tensor}"][place] += upstream * slope * others
    return out
