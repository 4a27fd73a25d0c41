"""The types of rule arguments, for replay, which checks them, and for the certificate reader.

``check(kinds, arguments)`` raises unless the arguments are as declared; rules do not check again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sympy import Expr, Symbol

from rot180.derive.kernel.errors import RuleError
from rot180.derive.kernel.proof import Proof
from rot180.derive.language.polynomial import NAME, integral, rational, symbol
from rot180.derive.language.terms import Access, Apply, Derivative, Equal, Range, Tensor


@dataclass(frozen=True)
class Kind:
    """A type of argument.

    Attributes:
        description: the type in messages, such as "a number >= 0".
        holds: whether a value has this type; for a tuple, whether the tuple itself is well formed.
        parts: the types of the entries of a tuple: one for all entries, or one for each.

    """

    description: str
    holds: Callable[[object], bool]
    parts: tuple[Kind, ...] = ()


def _polynomial(canonical: Callable[[Expr], Expr]) -> Callable[[object], bool]:
    def holds(value: object) -> bool:
        try:
            return isinstance(value, Expr) and canonical(value) == value
        except (ValueError, TypeError):
            return False

    return holds


NUMBER = Kind("a number >= 0", lambda v: type(v) is int and v >= 0)
SYMBOL = Kind("a symbol", lambda v: isinstance(v, Symbol) and v == symbol(v.name))
INTEGRAL = Kind("a polynomial with integer coefficients", _polynomial(integral))
RATIONAL = Kind("a polynomial", _polynomial(rational))
BRACKET = Kind("a bracket", lambda v: type(v) in (Equal, Range))
FACTOR = Kind("a factor", lambda v: type(v) in (Access, Equal, Range, Apply, Derivative))
TENSOR = Kind("a tensor", lambda v: type(v) is Tensor)
NAME_OF = Kind("a name", lambda v: isinstance(v, str) and NAME.fullmatch(v) is not None)
THEOREM = Kind("a proof", lambda v: type(v) is Proof)


def many(kind: Kind) -> Kind:
    """Return the type of tuples of any length."""
    return Kind(f"a tuple, each entry {kind.description}", lambda v: isinstance(v, tuple), (kind,))


def mapping(key: Kind, value: Kind) -> Kind:
    """Return the type of tuples of pairs whose keys are distinct."""
    pair = Kind(f"a pair of {key.description} and {value.description}", _is_pair, (key, value))

    def holds(v: object) -> bool:
        pairs = isinstance(v, tuple) and all(map(_is_pair, v))
        return pairs and len({k for k, _ in v}) == len(v)  # type: ignore[attr-defined, arg-type]

    return Kind(f"{pair.description} with distinct keys", holds, (pair,))


def _is_pair(value: object) -> bool:
    return isinstance(value, tuple) and len(value) == 2


def check(kinds: Mapping[str, Kind], arguments: Mapping[str, object]) -> None:
    """Raise RuleError unless exactly these arguments are given, each of its declared type."""
    if missing := sorted(kinds.keys() - arguments.keys()):
        raise RuleError(
            f"the argument {missing[0]} is missing, expected {kinds[missing[0]].description}"
        )
    if extra := sorted(arguments.keys() - kinds.keys()):
        raise RuleError(f"there is no argument {extra[0]}, expected {', '.join(kinds) or 'none'}")
    for name, kind in kinds.items():
        _check(kind, arguments[name], name)


def _check(kind: Kind, value: object, where: str) -> None:
    entries = value if kind.parts and isinstance(value, tuple) else ()
    each = kind.parts if len(kind.parts) == len(entries) > 1 else kind.parts[:1] * len(entries)
    for n, (part, entry) in enumerate(zip(each, entries, strict=True)):
        _check(part, entry, f"{where}[{n}]")
    if not kind.holds(value):
        raise RuleError(f"{where}: found {value}, expected {kind.description}")
