"""Writes a proof as JSON text, always the same bytes; `derive.certificates.reader` reads it."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from sympy import Expr, Symbol

from rot180.derive.certificates.reader import FORMAT
from rot180.derive.kernel.obligations import Certificate
from rot180.derive.kernel.proof import Proof, Step, tensors_of
from rot180.derive.language.polynomial import text
from rot180.derive.language.terms import (
    Access,
    Apply,
    Condition,
    Derivative,
    Equal,
    Expression,
    Factor,
    Range,
    Tensor,
    tensors,
)


def dumps(proof: Proof) -> str:
    """Return a proof as JSON text; equal proofs give equal bytes."""
    return indented(proof_data(proof)) + "\n"


def digest(proof: Proof) -> str:
    """Return the hash of a proof: SHA-256 of its text, 16 digits."""
    return hashlib.sha256(dumps(proof).encode()).hexdigest()[:16]


def indented(data: Any, ascii_only: bool = True) -> str:
    """Return what ``json.dumps(data, indent=1)`` returns, also of deep data in linear time.

    Args:
        data: objects, lists and what JSON writes; the keys are strings.
        ascii_only: whether other characters are escaped.

    >>> data = {"a": [1, {}, "b"], "c": None}
    >>> indented(data) == json.dumps(data, indent=1)
    True

    """
    out: list[str] = []
    leaf = json.JSONEncoder(ensure_ascii=ascii_only).encode

    def write(data: Any, line: str) -> None:
        if not data or not isinstance(data, dict | list | tuple):
            out.append(leaf(data))
            return
        keys = [f"{leaf(key)}: " for key in data] if isinstance(data, dict) else [""] * len(data)
        before = "{" if isinstance(data, dict) else "["
        for key, value in zip(keys, data.values() if isinstance(data, dict) else data, strict=True):
            out.append(f"{before}{line} {key}")
            write(value, f"{line} ")
            before = ","
        out.append(f"{line}{'}' if isinstance(data, dict) else ']'}")

    write(data, "\n")
    return "".join(out)


def proof_data(proof: Proof) -> dict[str, Any]:
    """Return a proof as what its JSON text says."""
    own = (p for s in proof.steps for k, v in s.arguments if k != "theorem" for p in tensors_of(v))
    lines = (proof.start, *(s.result for s in proof.steps if s.result is not None))
    table = {t.name: t for t in (*(t for e in lines for t in tensors(e)), *own)}
    return {
        "format": FORMAT,
        "name": proof.name,
        "variables": [[v.name, None if n is None else text(n)] for v, n in proof.variables],
        "hypotheses": [_condition(c) for c in proof.hypotheses],
        "tensors": [_tensor(t) for t in table.values()],
        "start": _expression(proof.start),
        "steps": [_step(s) for s in proof.steps],
    }


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
        raise TypeError(f"found {value!r}, expected an argument of a rule")
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
        return {"proof": proof_data(value)}
    if isinstance(value, Access | Apply | Derivative | Equal | Range):
        return _factor(value)
    raise TypeError(f"found a {type(value).__name__}, expected an argument of a rule")


def _step(step: Step) -> dict[str, Any]:
    out: dict[str, Any] = {"rule": step.rule, "at": step.at}
    if step.inside is not None:
        out["inside"] = step.inside
    if step.arguments:
        out["arguments"] = {k: _value(v) for k, v in step.arguments}
    if step.result is not None:
        out["backwards_from"] = _expression(step.result)
    if step.certificates:
        out["certificates"] = [_certificate(c) for c in step.certificates]
    return out


def _certificate(certificate: Certificate) -> list[Any]:
    return [
        {
            "products": [[text(m), list(numbers)] for m, numbers in r.products],
            "multiples": [[text(q), n] for q, n in r.multiples],
        }
        for r in certificate
    ]
