"""What the arguments of rules are, in Python and in a certificate, and what they are not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
import sympy as sp

from rot180.derive.certificates.writer import dumps
from rot180.derive.kernel import arguments as kinds
from rot180.derive.kernel.arguments import Kind
from rot180.derive.language.polynomial import symbol
from rot180.derive.language.terms import (
    Apply,
    AtLeast,
    Derivative,
    Equal,
    Range,
    Tensor,
    define,
    tensor,
    term,
)
from tests.support.proofs import proof, step, symbols

h, k, p, t = symbols("h k p t")
N = symbol("N")
x = tensor("x", "N")
KNOWN = proof((term(x[h]),), variables=((h, None),), name="known")

DECLARED: dict[str, dict[str, Any]] = {
    "definition": {"factor": "number"},
    "linearity": {"factor": "number"},
    "leibniz": {"factor": "number"},
    "entry": {"factor": "number"},
    "chain": {"factor": "number"},
    "relate": {"factor": "number"},
    "sift": {"factor": "number", "variable": "symbol"},
    "exchange": {"order": ["number"]},
    "reindex": {"variables": ["symbol"], "mapping": {"symbol": "integral"}},
    "bracket": {"drop": ["number"], "add": ["bracket"]},
    "split": {"factor": "number", "first": "integral"},
    "count": {"factor": "number"},
    "invert": {"factor": "number", "inverse": "number", "divisor": "tensor"},
    "euclid": {"value": "integral", "modulus": "integral", "variable": "symbol"},
    "exhaust": {"sizes": {"symbol": "integral"}, "scale": "rational", "factors": ["bracket"]},
    "reorder": {"factors": ["factor"]},
    "collect": {},
    "arrange": {"order": ["number"]},
    "lemma": {
        "theorem": "proof", "symbols": {"symbol": "integral"}, "tensors": {"name": "tensor"},
        "bound": ["symbol"], "factors": ["number"],
    },
    "compose": {
        "factor": "number", "theorem": "proof", "symbols": {"symbol": "integral"},
        "tensors": {"name": "tensor"}, "inner": "tensor",
    },
}  # fmt: skip
"""What the rules take: a type, a list of a type, or pairs of two with different first entries."""

PLAIN: dict[str, Kind] = {
    "number": kinds.NUMBER,
    "symbol": kinds.SYMBOL,
    "integral": kinds.INTEGRAL,
    "rational": kinds.RATIONAL,
    "bracket": kinds.BRACKET,
    "factor": kinds.FACTOR,
    "tensor": kinds.TENSOR,
    "name": kinds.NAME_OF,
    "proof": kinds.THEOREM,
}

GOOD: dict[str, tuple[object, ...]] = {
    "number": (0, 7),
    "symbol": (h,),
    "integral": (sp.Integer(-3), 2 * h * t - 1),
    "rational": (sp.Rational(1, 2), h / 2 + t),
    "bracket": (Equal(h), Range(h, N)),
    "factor": (x[h], Apply("sigma", 0, x[h]), Derivative((x[h],), x[t])),
    "tensor": (x, define("y", (None,), (h,), (term(x[h]),))),
    "name": ("T", "grad_y_1"),
    "proof": (KNOWN,),
}
"""Values that are of a type and of no other, but for those of `ALSO`."""

ALSO = {
    "integral": ("symbol",),
    "rational": ("symbol", "integral"),
    "factor": ("bracket",),
}
"""Types whose values are of another type too."""


class _Number(IntEnum):
    ONE = 1


@dataclass(frozen=True)
class _Odd(Tensor):
    """A tensor that might do anything."""


NOTHING: tuple[object, ...] = (
    None, True, False, -1, 1.0, 0.5, sp.Float(1), sp.nan, sp.oo, sp.zoo, sp.I, sp.pi, sp.true,
    sp.sqrt(2), sp.sqrt(h), 1 / h, 2**h, sp.floor(h / 2), sp.Abs(t), sp.Function("f")(h),
    sp.Eq(h, 1), h < 1, sp.Symbol("h"), sp.Symbol("h", positive=True), sp.Dummy("h"),
    sp.Dummy("h", integer=True), sp.Wild("h"), sp.Add(2, -2, evaluate=False),
    sp.Mul(h, 2, evaluate=False), sp.Mul(h, h + 1, evaluate=False), sp.Pow(h, -1),
    sp.Matrix([h]), "", "two words", "2 * x", "h-1", "\u0627", "_b0", "h\n", b"T",
    AtLeast(h), term(x[h]), (term(x[h]),), step("collect"), object(), Tensor, sp.Integer, [0],
    [h], {0}, {}, {h: t}, range(2), _Number.ONE, np.int64(1), np.array([0, 1]), _Odd("x", (N,)),
)  # fmt: skip
"""What is of no type at all."""


def kind(declared: Any) -> Kind:
    """Return a declared type."""
    if isinstance(declared, str):
        return PLAIN[declared]
    if isinstance(declared, list):
        return kinds.many(kind(declared[0]))
    assert isinstance(declared, dict)
    ((key, value),) = declared.items()
    return kinds.mapping(kind(key), kind(value))


def layout(one: Kind) -> object:
    """Return what can be compared of a type: words and parts."""
    return one.description, tuple(map(layout, one.parts))


def values(declared: Any) -> Iterator[object]:
    """Yield values of a declared type."""
    if isinstance(declared, str):
        for name in (declared, *ALSO.get(declared, ())):
            yield from GOOD[name]
    elif isinstance(declared, list):
        one = tuple(values(declared[0]))
        yield from ((), one[:1], one, one[::-1], one * 2)
    else:
        assert isinstance(declared, dict)
        ((key, value),) = declared.items()
        keys = dict.fromkeys(values(key))
        for entry in values(value):
            yield tuple((key, entry) for key in keys)
        yield ()


def wrong(declared: Any) -> Iterator[object]:
    """Yield values that are not of a declared type."""
    if isinstance(declared, str):
        for name in GOOD.keys() - {declared, *ALSO.get(declared, ())}:
            for value in GOOD[name]:
                yield value
        yield from NOTHING
        yield from ((), tuple(values(declared)))
        return
    right = next(values(next(iter(declared))))
    yield right
    yield from (v for v in NOTHING if not isinstance(v, tuple))
    if isinstance(declared, list):
        good = next(values(declared[0]))
        for bad in wrong(declared[0]):
            yield from ((bad,), (good, bad), (bad, good))
        yield [good]
        return
    assert isinstance(declared, dict)
    ((left, of),) = declared.items()
    key, value = next(values(left)), next(values(of))
    other = symbol("other") if left == "symbol" else "other"
    for bad in wrong(left):
        yield ((bad, value),)
        yield ((key, value), (bad, value))
    for bad in wrong(of):
        yield ((key, bad),)
        yield ((key, value), (other, bad))
    yield from ((key, value), ((key, value), (key, value)), ((key,),), ((key, value, value),))
    yield from (((key, value), (other,)), ([key, value],), {key: value}, ((),), ("hx",), (key,))


# How they are written in a certificate.

WRITTEN: dict[str, tuple[Any, ...]] = {
    "number": (0, 7),
    "symbol": ({"symbol": "h"},),
    "integral": ({"polynomial": "2*h - 1"}, {"symbol": "h"}),
    "rational": ({"polynomial": "1/2*h"}, {"symbol": "h"}),
    "bracket": ({"equal": "h"}, {"range": ["h", "N"]}),
    "factor": (
        {"access": ["x", ["h"]]}, {"apply": ["f", 0, ["x", ["h"]]]}, {"equal": "h"},
        {"derivative": [[{"access": ["x", ["h"]]}], ["x", ["h"]]]},
    ),
    "tensor": ({"tensor": "x"},),
    "name": ("T",),
    "proof": ({"proof": json.loads(dumps(KNOWN))},),
}  # fmt: skip
"""How values are written in a certificate."""

JUNK: tuple[Any, ...] = (
    None, True, -1, 1.0, 1e400, "", "two words", "\u0663", [], [[]], {},
    {"symbol": "h", "tensor": "x"}, {"symbol": "h - 1"}, {"symbol": 1}, {"symbol": ""},
    {"symbol": "_h"}, {"polynomial": 1}, {"polynomial": ""}, {"polynomial": "h/2"},
    {"polynomial": "(h)"}, {"polynomial": "h h"}, {"polynomial": "h**2"},
    {"polynomial": "1.5"}, {"polynomial": "2^3"}, {"polynomial": "h^0"},
    {"polynomial": "1/0"}, {"polynomial": "h\n"}, {"polynomial": "\u0663"}, {"tensor": "y"},
    {"tensor": {"name": "x"}}, {"at_least": "h"}, {"range": ["h"]}, {"equal": ["h"]},
    {"access": ["x", []]}, {"access": ["x", "h"]}, {"access": ["y", ["h"]]},
    {"apply": ["f", -1, ["x", ["h"]]]}, {"apply": ["f", True, ["x", ["h"]]]},
    {"apply": ["f g", 0, ["x", ["h"]]]}, {"proof": {}}, {"proof": None},
    {"theorem": json.loads(dumps(KNOWN))}, {"number": 0}, {"name": "T"},
)  # fmt: skip
"""What is written of no type."""


def written(declared: Any) -> Any:
    """Return how a value of a declared type is written."""
    if isinstance(declared, str):
        return WRITTEN[declared][0]
    if isinstance(declared, list):
        return [written(declared[0])]
    assert isinstance(declared, dict)
    return [[written(part) for part in next(iter(declared.items()))]]


def miswritten(declared: Any) -> Iterator[Any]:
    """Yield what is not how a value of a declared type is written."""
    if isinstance(declared, str):
        also = (v for other in ALSO.get(declared, ()) for v in WRITTEN[other])
        right = [json.dumps(v) for v in (*WRITTEN[declared], *also)]
        for value in (*JUNK, *(v for some in WRITTEN.values() for v in some)):
            if json.dumps(value) not in right:
                yield value
        yield [written(declared)]
        return
    yield from (v for v in JUNK if v not in ([], [[]]))
    if isinstance(declared, list):
        for bad in miswritten(declared[0]):
            yield from ([bad], [written(declared[0]), bad])
        yield written(declared[0])
        return
    assert isinstance(declared, dict)
    ((left, of),) = declared.items()
    pair = [written(left), written(of)]
    for bad in miswritten(left):
        yield [[bad, pair[1]]]
    for bad in miswritten(of):
        yield [[pair[0], bad]]
    yield from (pair, [pair[:1]], [[*pair, pair[1]]], [[]], {"h": pair[1]})
