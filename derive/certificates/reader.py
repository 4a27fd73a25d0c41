"""Reads certificates, the JSON texts of proofs, strictly. ``loads(source)`` returns the proof.

An object must have exactly the expected keys, and an argument of a rule its declared type;
`docs/certificates.md` defines the format.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection
from typing import Any

from sympy import Expr, Symbol

import rot180.derive.kernel.arguments as kinds
from rot180.derive.kernel.obligations import Certificate, Refutation
from rot180.derive.kernel.place import ARGUMENTS
from rot180.derive.kernel.proof import NAMES, Proof, Step
from rot180.derive.language import terms
from rot180.derive.language.limits import MONOMIAL, STEP, LimitError, cure, metered, most, spend
from rot180.derive.language.polynomial import NAME, parse, symbol

FORMAT = 1

CHARACTERS = 10_000_000
"""The longest text that is read."""

SHOWN = 80
"""How much of a value a message quotes."""


class MalformedError(ValueError):
    """A text is not in the format of certificates."""


def loads(source: str) -> Proof:
    """Read a proof from JSON text.

    Raises:
        MalformedError: the text is not JSON, a key is missing or unknown, a value has the wrong
            type, a tensor is used before it is listed, or listed but never used, or the proof is
            longer than the limit `work`.

    """
    data = plain_data(source)
    try:
        with metered():
            return _read_proof(data)
    except MalformedError:
        raise
    except LimitError as error:
        said = f"found more than {most('work')} factors, where a step counts {STEP} and a product"
        said = f"{said} of a polynomial {MONOMIAL}; expected a shorter proof, or {cure('work')}"
        raise MalformedError(f"certificate: {said}") from error
    except RecursionError as error:
        raise MalformedError("certificate: found values nested too deeply") from error
    except (ValueError, TypeError) as error:
        raise MalformedError(f"certificate: {error}") from error


def plain_data(source: str) -> Any:
    """Return the value of a JSON text without fractions and without repeated keys.

    Raises:
        MalformedError: the text is not JSON, too long or nested too deeply, a number is not an
            integer, a key is given twice, or a string has half of a surrogate pair.

    """
    if len(source) > CHARACTERS:
        raise MalformedError(f"found {len(source)} characters, expected at most {CHARACTERS}")
    try:
        data = json.loads(
            source, object_pairs_hook=_object, parse_float=_integer, parse_constant=_integer
        )
        if SURROGATE.search(source):
            json.dumps(data, ensure_ascii=False).encode()
    except MalformedError:
        raise
    except RecursionError as error:
        raise MalformedError("found values nested too deeply") from error
    except UnicodeEncodeError as error:
        raise MalformedError("found half of a surrogate pair, expected Unicode text") from error
    except json.JSONDecodeError as error:
        raise MalformedError(f"not JSON: {error}") from error
    except ValueError as error:
        raise MalformedError("found a number with thousands of digits") from error
    return data


SURROGATE = re.compile(r"\\u[dD][89a-fA-F]|[\ud800-\udfff]")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) != len(pairs):
        twice = next(key for n, (key, _) in enumerate(pairs) if key in dict(pairs[:n]))
        raise MalformedError(f"found the key {_quoted(twice)} twice in an object, expected it once")
    return data


def _integer(text: str) -> int:
    raise MalformedError(f"found the number {_quoted(text)}, expected an integer")


def _quoted(value: object) -> str:
    """Quote the beginning of a value in ASCII."""
    return ascii(value if isinstance(value, str) else str(value))[: SHOWN + 2]


def _fail(what: str, found: object, expected: str) -> MalformedError:
    return MalformedError(f"{what}: found {_quoted(found)}, expected {expected}")


def _keys(data: Any, what: str, needed: set[str], optional: Collection[str] = ()) -> Any:
    if not isinstance(data, dict):
        raise _fail(what, data, "an object")
    if missing := needed - data.keys():
        raise MalformedError(f"{what}: missing {', '.join(sorted(missing))}")
    if extra := data.keys() - needed - {*optional}:
        raise MalformedError(f"{what}: unknown {_quoted(', '.join(sorted(extra)))[1:-1]}")
    return data


def _list(data: Any, what: str, length: int | None = None) -> Any:
    if not isinstance(data, list) or (length is not None and len(data) != length):
        raise _fail(what, data, "a list" if length is None else f"a list of {length}")
    return data


def _single(data: Any, what: str) -> tuple[str, Any]:
    if not isinstance(data, dict) or len(data) != 1:
        raise _fail(what, data, "an object with one key")
    return next(iter(data.items()))


def _only(key: str, read: Callable[[Any], object]) -> Callable[[Any], object]:
    def value(data: Any) -> object:
        found, inner = _single(data, key)
        if found != key:
            raise _fail("argument", data, f"a {key}")
        return read(inner)

    return value


def _name(data: Any, what: str = "name", pattern: re.Pattern[str] = NAME) -> str:
    if not isinstance(data, str) or not pattern.fullmatch(data):
        raise _fail(what, data, "a letter, then letters, digits, underscores")
    return data


def _symbol(data: Any) -> Symbol:
    return symbol(_name(data, "symbol"))


def _number(data: Any) -> int:
    if type(data) is not int or data < 0:
        raise _fail("number", data, "an integer >= 0")
    return data


def _polynomial(data: Any) -> Expr:
    if not isinstance(data, str):
        raise _fail("polynomial", data, "a string")
    spend(MONOMIAL * (data.count("+") + data.count("-")))
    return parse(data)


def _polynomial_argument(data: Any) -> Expr:
    kind, value = _single(data, "polynomial")
    if kind not in ("symbol", "polynomial"):
        raise _fail("argument", kind, "polynomial or symbol")
    return _symbol(value) if kind == "symbol" else _polynomial(value)


def _bracket(data: Any) -> terms.Bracket:
    kind, value = _single(data, "bracket")
    if kind == "equal":
        return terms.Equal(_polynomial(value))
    if kind != "range":
        raise _fail("bracket", kind, "equal or range")
    e, n = _list(value, "range", 2)
    return terms.Range(_polynomial(e), _polynomial(n))


def _condition(data: Any) -> terms.Condition:
    kind, value = _single(data, "condition")
    return terms.AtLeast(_polynomial(value)) if kind == "at_least" else _bracket(data)


def _certificate(data: Any) -> Certificate:
    out = []
    for item in _list(data, "certificate"):
        d = _keys(item, "refutation", {"products", "multiples"})
        pairs = (_list(p, "product", 2) for p in _list(d["products"], "products"))
        products = ((_polynomial(m), tuple(map(_number, _list(n, "facts")))) for m, n in pairs)
        pairs = (_list(p, "multiple", 2) for p in _list(d["multiples"], "multiples"))
        multiples = ((_polynomial(q), _number(n)) for q, n in pairs)
        out.append(Refutation(tuple(products), tuple(multiples)))
    return tuple(out)


class _CertificateReader:
    """Reads everything that refers to tensors by name; keeps the table of the tensors so far."""

    def __init__(self) -> None:
        self.table: dict[str, terms.Tensor] = {}
        self.unused: dict[str, None] = {}
        self.arguments: dict[kinds.Kind, Callable[[Any], object]] = {
            kinds.NUMBER: _number,
            kinds.NAME_OF: _name,
            kinds.SYMBOL: _only("symbol", _symbol),
            kinds.INTEGRAL: _polynomial_argument,
            kinds.RATIONAL: _polynomial_argument,
            kinds.TENSOR: _only("tensor", self.named),
            kinds.THEOREM: _only("proof", _read_proof),
            kinds.BRACKET: _bracket,
            kinds.FACTOR: self.factor,
        }

    def named(self, data: Any) -> terms.Tensor:
        if _name(data, "tensor") not in self.table:
            raise MalformedError(f"tensor {data} is used before it is listed")
        self.unused.pop(data, None)
        return self.table[data]

    def tensor(self, data: Any) -> None:
        defined = isinstance(data, dict) and ("formals" in data or "body" in data)
        d = _keys(data, "tensor", {"name", "shape"} | ({"formals", "body"} if defined else set()))
        name, definition = _name(d["name"], "tensor"), None
        if name in self.table:
            raise MalformedError(f"tensor {name} is listed twice")
        shape = tuple(None if n is None else _polynomial(n) for n in _list(d["shape"], "shape"))
        if defined:
            formals = tuple(map(_symbol, _list(d["formals"], "formals")))
            definition = terms.Definition(formals, self.expression(d["body"]))
            terms.tensors(definition.body)  # kept, so that a chain of them is not followed at once
        self.table[name], self.unused[name] = terms.Tensor(name, shape, definition), None

    def expression(self, data: Any) -> terms.Expression:
        out = []
        for item in _list(data, "expression"):
            d = _keys(item, "term", {"coefficient", "sum", "factors"})
            over = tuple(map(_symbol, _list(d["sum"], "sum")))
            factors = tuple(map(self.factor, _list(d["factors"], "factors")))
            out.append(terms.Term(_polynomial(d["coefficient"]), over, factors))
        return tuple(out)

    def access(self, data: Any) -> terms.Access:
        name, index = _list(data, "access", 2)
        return terms.Access(self.named(name), tuple(map(_polynomial, _list(index, "index"))))

    def factor(self, data: Any) -> terms.Factor:
        spend(1)
        kind, value = _single(data, "factor")
        if kind == "access":
            return self.access(value)
        if kind == "apply":
            name, order, at = _list(value, "apply", 3)
            return terms.Apply(_name(name, "function"), _number(order), self.access(at))
        if kind == "derivative":
            factors, wrt = _list(value, "derivative", 2)
            inside = tuple(map(self.factor, _list(factors, "derivative")))
            return terms.Derivative(inside, self.access(wrt))
        return _bracket(data)

    def value(self, kind: kinds.Kind, data: Any) -> object:
        """Read an argument of a declared type."""
        if not kind.parts:
            return self.arguments[kind](data)
        entries = _list(data, kind.description, 2 if len(kind.parts) == 2 else None)
        parts = kind.parts if len(kind.parts) == 2 else kind.parts * len(entries)
        return tuple(self.value(k, v) for k, v in zip(parts, entries, strict=True))

    def step(self, data: Any) -> Step:
        spend(STEP)
        optional = {"arguments", "backwards_from", "certificates", "inside"}
        d = _keys(data, "step", {"rule", "at"}, optional)
        if not isinstance(d["rule"], str) or d["rule"] not in ARGUMENTS:
            raise _fail("rule", d["rule"], f"one of {', '.join(ARGUMENTS)}")
        declared = ARGUMENTS[d["rule"]]
        given = _keys(d.get("arguments", {}), "arguments", set(declared))
        return Step(
            d["rule"],
            _number(d["at"]),
            tuple((k, self.value(declared[k], v)) for k, v in sorted(given.items())),
            self.expression(d["backwards_from"]) if "backwards_from" in d else None,
            tuple(map(_certificate, _list(d.get("certificates", []), "certificates"))),
            _number(d["inside"]) if "inside" in d else None,
        )


def _read_proof(data: Any) -> Proof:
    keys = {"format", "name", "variables", "hypotheses", "tensors", "start", "steps"}
    d, reader, steps = _keys(data, "certificate", keys), _CertificateReader(), []
    if _number(d["format"]) != FORMAT:
        raise _fail("format", d["format"], str(FORMAT))
    name = _name(d["name"], "name", NAMES)
    for t in _list(d["tensors"], "tensors"):
        reader.tensor(t)
    variables = [_list(p, "variable", 2) for p in _list(d["variables"], "variables")]
    hypotheses = tuple(map(_condition, _list(d["hypotheses"], "hypotheses")))
    start = reader.expression(d["start"])
    for number, one in enumerate(_list(d["steps"], "steps"), 1):
        try:
            steps.append(reader.step(one))
        except (ValueError, TypeError) as error:
            rule = one.get("rule") if isinstance(one, dict) else None
            rule = rule if isinstance(rule, str) and rule in ARGUMENTS else "no rule"
            raise MalformedError(f"{name}, step {number} ({rule}): {error}") from error
    if reader.unused:
        raise MalformedError(f"tensor {next(iter(reader.unused))} is listed, but never used")
    sizes = tuple((_symbol(v), None if n is None else _polynomial(n)) for v, n in variables)
    return Proof(name, sizes, hypotheses, start, tuple(steps))
