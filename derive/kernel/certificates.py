"""A proof as a JSON text and back: versioned, byte-stable, strict.

Format 1: an object with the keys ``format``, ``name``, ``variables`` (pairs of name and size, or
null), ``hypotheses``, ``tensors`` (inner ones first; the others refer to them by name), ``start``
and ``steps``. Polynomials are strings in the notation of indices. In a step's arguments a symbol
is ``{"symbol": "p"}``, a polynomial ``{"polynomial": "s*p + 1"}``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from sympy import Expr, Symbol

from rot180.derive.kernel.obligations import Certificate, Refutation
from rot180.derive.kernel.proof import Proof, ProofError, Step, tensors
from rot180.derive.language.polynomial import parse, symbol, text
from rot180.derive.language.terms import (
    Access,
    Apply,
    AtLeast,
    Condition,
    Definition,
    Derivative,
    Equal,
    Expression,
    Factor,
    Range,
    Tensor,
    Term,
)

FORMAT = 1
_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_TENSOR = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


class MalformedError(ValueError):
    """A certificate is not of the format."""


def dumps(proof: Proof) -> str:
    """Write a proof as JSON text; equal proofs give equal bytes."""
    return json.dumps(_proof(proof), indent=1, ensure_ascii=True) + "\n"


def loads(source: str) -> Proof:
    """Read a proof from JSON text.

    Raises:
        MalformedError: the text is not JSON, a key is missing or unknown, a value is of another
            kind, or a tensor is used before it is listed.

    """
    try:
        data = json.loads(source, object_pairs_hook=_object)
        return _read_proof(data)
    except MalformedError:
        raise
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise MalformedError(f"certificate: {error}") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out = dict(pairs)
    if len(out) != len(pairs):
        raise MalformedError(f"a key is given twice: {', '.join(k for k, _ in pairs)}")
    return out


def _proof(proof: Proof) -> dict[str, Any]:
    table: dict[str, Tensor] = {}

    def note(t: Tensor) -> None:
        if table.setdefault(t.name, t) != t:
            raise ProofError(f"{proof.name}: the name {t.name} stands for two tensors")

    for expression in (proof.start, *(s.result for s in proof.steps if s.result is not None)):
        for t in tensors(expression):
            note(t)
    for step in proof.steps:
        for _, value in step.arguments:
            for t in _tensors_in(value):
                note(t)
    return {
        "format": FORMAT,
        "name": proof.name,
        "variables": [[v.name, None if n is None else text(n)] for v, n in proof.variables],
        "hypotheses": [_condition(c) for c in proof.hypotheses],
        "tensors": [_tensor(t) for t in table.values()],
        "start": _expression(proof.start),
        "steps": [_step(s) for s in proof.steps],
    }


def _tensors_in(value: object) -> tuple[Tensor, ...]:
    if isinstance(value, tuple):
        return tuple(t for v in value for t in _tensors_in(v))
    if isinstance(value, Tensor):
        inner = tensors(value.definition.body) if value.definition else ()
        return (*inner, value)
    if isinstance(value, Access | Apply | Derivative | Equal | Range):
        return tensors((Term(symbol("_one"), (), (value,)),))
    return ()


def _tensor(t: Tensor) -> dict[str, Any]:
    out: dict[str, Any] = {
        "name": t.name,
        "shape": [None if n is None else text(n) for n in t.shape],
    }
    if t.definition is not None:
        out["formals"] = [v.name for v in t.definition.formals]
        out["body"] = _expression(t.definition.body)
    return out


def _expression(expression: Expression) -> list[Any]:
    return [
        {
            "coefficient": text(t.coefficient),
            "sum": [v.name for v in t.variables],
            "factors": [_factor(f) for f in t.factors],
        }
        for t in expression
    ]


def _access(a: Access) -> list[Any]:
    return [a.tensor.name, [text(e) for e in a.index]]


def _factor(f: Factor) -> dict[str, Any]:
    if isinstance(f, Access):
        return {"access": _access(f)}
    if isinstance(f, Equal | Range):
        return _condition(f)
    if isinstance(f, Apply):
        return {"apply": [f.function, f.order, _access(f.argument)]}
    return {"derivative": [[_factor(g) for g in f.factors], _access(f.wrt)]}


def _condition(c: Condition) -> dict[str, Any]:
    if isinstance(c, Equal):
        return {"equal": text(c.value)}
    if isinstance(c, Range):
        return {"range": [text(c.value), text(c.size)]}
    return {"at_least": text(c.value)}


def _value(value: object) -> Any:
    if isinstance(value, bool) or value is None:
        raise TypeError(f"no argument of a rule is {value!r}")
    if isinstance(value, int | str):
        return value
    if isinstance(value, tuple):
        return [_value(v) for v in value]
    if isinstance(value, Symbol):
        return {"symbol": value.name}
    if isinstance(value, Expr):
        return {"polynomial": text(value)}
    if isinstance(value, Tensor):
        return {"tensor": value.name}
    if isinstance(value, Proof):
        return {"proof": _proof(value)}
    if isinstance(value, Access | Apply | Derivative | Equal | Range):
        return _factor(value)
    raise TypeError(f"an argument of a rule is a {type(value).__name__}")


def _step(step: Step) -> dict[str, Any]:
    out: dict[str, Any] = {"rule": step.rule, "at": step.at}
    if step.arguments:
        out["arguments"] = {k: _value(v) for k, v in step.arguments}
    if step.result is not None:
        out["backwards_from"] = _expression(step.result)
    if step.certificates:
        out["certificates"] = [None if c is None else _certificate(c) for c in step.certificates]
    return out


def _certificate(certificate: Certificate) -> list[Any]:
    return [
        {
            "products": [[text(m), list(numbers)] for m, numbers in r.products],
            "multiples": [[text(q), n] for q, n in r.multiples],
        }
        for r in certificate
    ]


# Reading. Every object is read by its exact keys.


def _keys(data: object, needed: set[str], optional: set[str], what: str) -> Mapping[str, Any]:
    if not isinstance(data, dict):
        raise MalformedError(f"{what}: found {type(data).__name__}, expected an object")
    if missing := needed - data.keys():
        raise MalformedError(f"{what}: missing {', '.join(sorted(missing))}")
    if extra := data.keys() - needed - optional:
        raise MalformedError(f"{what}: unknown {', '.join(sorted(extra))}")
    return data


def _text(data: object, what: str) -> str:
    if not isinstance(data, str) or not data:
        raise MalformedError(f"{what}: found {data!r}, expected a name")
    return data


def _symbol(data: object, what: str) -> Symbol:
    name = _text(data, what)
    if not _NAME.fullmatch(name):
        raise MalformedError(f"{what}: found {name!r}, expected letters, digits, underscores")
    return symbol(name)


def _number(data: object, what: str) -> int:
    if not isinstance(data, int) or isinstance(data, bool):
        raise MalformedError(f"{what}: found {data!r}, expected an integer")
    return data


def _list(data: object, what: str, length: int | None = None) -> list[Any]:
    if not isinstance(data, list) or (length is not None and len(data) != length):
        size = "" if length is None else f" of {length}"
        raise MalformedError(f"{what}: found {data!r}, expected a list{size}")
    return data


def _polynomial(data: object) -> Expr:
    return parse(_text(data, "polynomial"))


class _Reader:
    """Reads expressions against the table of tensors read so far."""

    def __init__(self) -> None:
        self.table: dict[str, Tensor] = {}

    def named(self, data: object) -> Tensor:
        name = _text(data, "tensor")
        if name not in self.table:
            raise MalformedError(f"tensor {name} is used before it is listed")
        return self.table[name]

    def tensor(self, data: object) -> None:
        d = _keys(data, {"name", "shape"}, {"formals", "body"}, "tensor")
        name = _text(d["name"], "tensor name")
        if not _TENSOR.fullmatch(name):
            raise MalformedError(f"tensor name: found {name!r}, expected letters, digits and _")
        if name in self.table:
            raise MalformedError(f"tensor {name} is listed twice")
        shape = tuple(None if n is None else _polynomial(n) for n in _list(d["shape"], "shape"))
        definition = None
        if ("formals" in d) != ("body" in d):
            raise MalformedError(f"tensor {name}: formals and body go together")
        if "body" in d:
            formals = tuple(_symbol(v, "formal") for v in _list(d["formals"], "formals"))
            definition = Definition(formals, self.expression(d["body"]))
        self.table[name] = Tensor(name, shape, definition)

    def expression(self, data: object) -> Expression:
        out = []
        for item in _list(data, "expression"):
            d = _keys(item, {"coefficient", "sum", "factors"}, set(), "term")
            over = tuple(_symbol(v, "sum") for v in _list(d["sum"], "sum"))
            factors = tuple(self.factor(f) for f in _list(d["factors"], "factors"))
            out.append(Term(_polynomial(d["coefficient"]), over, factors))
        return tuple(out)

    def access(self, data: object) -> Access:
        name, index = _list(data, "access", 2)
        return Access(self.named(name), tuple(_polynomial(e) for e in _list(index, "index")))

    def factor(self, data: object) -> Factor:
        if not isinstance(data, dict) or len(data) != 1:
            raise MalformedError(f"factor: found {data!r}")
        ((kind, value),) = data.items()
        if kind == "access":
            return self.access(value)
        if kind == "apply":
            name, order, argument = _list(value, "apply", 3)
            return Apply(
                _text(name, "function"), _number(order, "order"), self.access(argument)
            )
        if kind == "derivative":
            factors, wrt = _list(value, "derivative", 2)
            inside = tuple(self.factor(f) for f in _list(factors, "derivative"))
            return Derivative(inside, self.access(wrt))
        condition = _read_condition(data)
        if isinstance(condition, AtLeast):
            raise MalformedError("at_least is a condition, not a factor")
        return condition

    def value(self, data: object) -> object:
        if isinstance(data, list):
            return tuple(self.value(v) for v in data)
        if isinstance(data, str):
            return data
        if not isinstance(data, dict):
            return _number(data, "argument")
        readers: dict[str, Callable[[Any], object]] = {
            "symbol": lambda v: _symbol(v, "symbol"),
            "polynomial": _polynomial,
            "tensor": self.named,
            "proof": _read_proof,
        }
        if len(data) == 1 and (kind := next(iter(data))) in readers:
            return readers[kind](data[kind])
        return self.factor(data)

    def step(self, data: object) -> Step:
        d = _keys(data, {"rule", "at"}, {"arguments", "backwards_from", "certificates"}, "step")
        arguments = _keys(d.get("arguments", {}), set(), set(d.get("arguments", {})), "arguments")
        result = d.get("backwards_from")
        certificates = _list(d.get("certificates", []), "certificates")
        return Step(
            _text(d["rule"], "rule"),
            _number(d["at"], "at"),
            tuple(sorted((k, self.value(v)) for k, v in arguments.items())),
            None if result is None else self.expression(result),
            tuple(None if c is None else _read_certificate(c) for c in certificates),
        )


def _read_condition(data: object) -> Condition:
    if isinstance(data, dict) and len(data) == 1:
        ((kind, value),) = data.items()
        if kind == "equal":
            return Equal(_polynomial(value))
        if kind == "at_least":
            return AtLeast(_polynomial(value))
        if kind == "range":
            e, n = _list(value, "range", 2)
            return Range(_polynomial(e), _polynomial(n))
    raise MalformedError(f"condition: found {data!r}")


def _read_certificate(data: object) -> Certificate:
    out = []
    for item in _list(data, "certificate"):
        d = _keys(item, {"products", "multiples"}, set(), "certificate")
        products = tuple(
            (_polynomial(m), tuple(_number(n, "fact") for n in _list(numbers, "facts")))
            for m, numbers in (_list(p, "product", 2) for p in _list(d["products"], "products"))
        )
        multiples = tuple(
            (_polynomial(q), _number(n, "fact"))
            for q, n in (_list(p, "multiple", 2) for p in _list(d["multiples"], "multiples"))
        )
        out.append(Refutation(products, multiples))
    return tuple(out)


def _read_proof(data: object) -> Proof:
    keys = {"format", "name", "variables", "hypotheses", "tensors", "start", "steps"}
    d = _keys(data, keys, set(), "certificate")
    if _number(d["format"], "format") != FORMAT:
        raise MalformedError(f"format: found {d['format']!r}, expected {FORMAT}")
    reader = _Reader()
    for t in _list(d["tensors"], "tensors"):
        reader.tensor(t)
    variables = tuple(
        (_symbol(v, "variable"), None if n is None else _polynomial(n))
        for v, n in (_list(p, "variable", 2) for p in _list(d["variables"], "variables"))
    )
    return Proof(
        _text(d["name"], "name"),
        variables,
        tuple(_read_condition(c) for c in _list(d["hypotheses"], "hypotheses")),
        reader.expression(d["start"]),
        tuple(reader.step(s) for s in _list(d["steps"], "steps")),
    )
