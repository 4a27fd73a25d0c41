"""How a tensor is displayed: as ``rot180(w)`` if it is that, else by its bare name.

A tensor does not store the operator that made it, only a name and a definition. The operator is
recognised from the definition: each operator proposes arguments and is applied to them; it is
accepted if the result has the box and the definition of the tensor. So neither a name nor a file
can make a tensor look like another one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

from sympy import Expr, Symbol

from rot180.derive.language.operators import (
    activation,
    dilate,
    flip,
    identifier,
    matmul,
    pad,
    rot180,
    sliding_operator,
    sliding_product,
    transpose,
)
from rot180.derive.language.polynomial import coefficient, normal, symbols_of, text
from rot180.derive.language.substitute import substitute
from rot180.derive.language.terms import Access, Apply, Equal, Expression, Tensor, Term, term


@dataclass(frozen=True)
class Application:
    """An operator applied to tensors and polynomials.

    Attributes:
        operator: the name of the operator, or of a scalar function applied to every entry.
        arguments: its arguments.
        order: the order of the derivative, for a scalar function.
        entrywise: whether it is a scalar function.

    """

    operator: str
    arguments: tuple[Tensor | Expr, ...]
    order: int = 0
    entrywise: bool = False

    @property
    def identifier(self) -> str:
        """Return the name of the tensor that the operator returns: ``rot180_w``."""
        return identifier(self.operator + "_prime" * self.order, *self.arguments)


Recognised: TypeAlias = tuple[Tensor, tuple[Tensor | Expr, ...]]
"""The result of an operator, and its arguments."""

_RECOGNISERS: dict[str, Callable[[Tensor], Recognised | None]] = {}


def recognises(
    operator: str,
) -> Callable[[Callable[[Tensor], Recognised | None]], Callable[[Tensor], Recognised | None]]:
    """Register the function that recognises an operator: it proposes arguments and applies it.

    Raises:
        ValueError: the operator is already registered.

    """

    def enter(
        recogniser: Callable[[Tensor], Recognised | None],
    ) -> Callable[[Tensor], Recognised | None]:
        if operator in _RECOGNISERS:
            raise ValueError(f"the operator {operator} is registered twice")
        _RECOGNISERS[operator] = recogniser
        return recogniser

    return enter


def is_operator(name: str) -> bool:
    """Say whether a name is that of an operator."""
    return name in _RECOGNISERS


def application(t: Tensor) -> Application | None:
    """Return the operator and the arguments that a tensor is; None if there is no such operator.

    Each tensor keeps its own: an equal one may have other names for its sums, and in a proof a name
    stands for one tensor with one spelling.

    >>> from rot180.derive.language.terms import tensor
    >>> application(rot180(tensor("w", "K"), [0])).operator
    'rot180'
    """
    kept: dict[str, Application | None] = t.__dict__
    if "_application" not in kept:
        kept["_application"] = _application(t)
    return kept["_application"]


def _application(t: Tensor) -> Application | None:
    if t.definition is None:
        return None
    for name, read in _RECOGNISERS.items():
        found = read(t)
        if found is not None and _same(found[0], t):
            return Application(name, found[1])
    u = _alone(t)
    if u is not None and not u.variables and len(u.factors) == 1:
        (f,) = u.factors
        if isinstance(f, Apply) and not is_operator(f.function):
            z = f.argument.tensor
            if _same(activation(f.function, f.order, z), t):
                return Application(f.function, (z,), f.order, True)
    return None


def display_name(t: Tensor, bare: frozenset[Tensor] = frozenset()) -> str:
    """Return how a tensor is displayed: ``rot180(w)`` if it is that, else its bare name.

    Args:
        t: the tensor.
        bare: tensors that are displayed by their bare names.

    >>> from rot180.derive.language.terms import tensor
    >>> display_name(rot180(tensor("w", "K"), [0])), display_name(tensor("rot180_w", "K"))
    ('rot180(w)', 'rot180_w')

    """
    found = None if t in bare else application(t)
    if found is None:
        return t.name
    said = (display_name(a, bare) if isinstance(a, Tensor) else text(a) for a in found.arguments)
    return f"{found.operator}{chr(39) * found.order}({', '.join(said)})"


def ambiguous(shown: Iterable[Tensor]) -> frozenset[Tensor]:
    """Return the tensors with the same display name as another one; bare names tell them apart."""
    found: dict[str, set[Tensor]] = {}
    for t in shown:
        found.setdefault(display_name(t), set()).add(t)
    return frozenset(t for same in found.values() if len(same) > 1 for t in same)


def unfold_operators(expression: Expression) -> Expression:
    """Unfold an operator at the top level, so that its sum is visible: ``correlate(...)[h]``."""
    if len(expression) == 1 and expression == (term(*expression[0].factors[:1]),):
        head = next(iter(expression[0].factors), None)
        if isinstance(head, Access) and head.tensor.definition is not None:
            definition = head.tensor.definition
            index = dict(zip(definition.formals, head.index, strict=True))
            return tuple(substitute(t, index) for t in definition.body)
    return expression


def _same(one: Tensor, other: Tensor) -> bool:
    return (one.shape, one.definition) == (other.shape, other.definition)


def _alone(t: Tensor) -> Term | None:
    """Return the term of a definition with a single term and coefficient 1, else None."""
    body = t.definition.body if t.definition else ()
    return body[0] if len(body) == 1 and body[0].coefficient == 1 else None


def _moved(t: Tensor) -> tuple[tuple[Symbol, ...], Access] | None:
    """Return the formals and the entry of a definition that is a single entry of equal rank."""
    u = _alone(t)
    if u is None or t.definition is None or u.variables or len(u.factors) != 1:
        return None
    (f,) = u.factors
    if not isinstance(f, Access) or len(f.index) != len(t.shape):
        return None
    return t.definition.formals, f


@recognises("rot180")
def _(t: Tensor) -> Recognised | None:
    if (found := _moved(t)) is None:
        return None
    formals, inner = found
    axes = [a for a, (v, e) in enumerate(zip(formals, inner.index, strict=True)) if e != v]
    if not axes or any(inner.tensor.shape[a] is None for a in axes):
        return None
    return rot180(inner.tensor, axes), (inner.tensor,)


@recognises("flip")
def _(t: Tensor) -> Recognised | None:
    found = _moved(t)
    return (flip(found[1].tensor), (found[1].tensor,)) if found and found[0] else None


@recognises("dilate")
def _(t: Tensor) -> Recognised | None:
    u = _alone(t)
    if u is None or t.definition is None or not u.variables:
        return None
    head, *equations = u.factors
    if not isinstance(head, Access) or len(head.index) != len(t.shape):
        return None
    factors: dict[int, Expr] = {}
    for a, (v, e) in enumerate(zip(t.definition.formals, head.index, strict=True)):
        if e != v:
            solved = [f for f in equations if isinstance(f, Equal) and e in symbols_of(f.value)]
            if e not in u.variables or len(solved) != 1:
                return None
            sign = coefficient(solved[0].value, v)
            factors[a] = normal(-sign * coefficient(solved[0].value, e))
    if not factors:
        return None
    return dilate(head.tensor, factors), (head.tensor, *factors.values())


@recognises("pad")
def _(t: Tensor) -> Recognised | None:
    if (found := _moved(t)) is None:
        return None
    formals, inner = found
    amounts: dict[int, tuple[Expr, Expr]] = {}
    for a, (v, e) in enumerate(zip(formals, inner.index, strict=True)):
        before, after = inner.tensor.shape[a], t.shape[a]
        if e == v and before == after:
            continue
        low = normal(v - e)
        if before is None or after is None or symbols_of(low) & {*formals}:
            return None
        amounts[a] = low, normal(after - before - low)
    if not amounts:
        return None
    return pad(inner.tensor, amounts), (inner.tensor, *(e for p in amounts.values() for e in p))


@recognises("transpose")
def _(t: Tensor) -> Recognised | None:
    found = _moved(t)
    if found is None or len(t.shape) < 2:
        return None
    return transpose(found[1].tensor), (found[1].tensor,)


@recognises("matmul")
def _(t: Tensor) -> Recognised | None:
    found = _product(t)
    if found is None or any(len(f.index) != 2 for f in found):
        return None
    a, b = (f.tensor for f in found)
    return matmul(a, b), (a, b)


def _product(t: Tensor) -> tuple[Access, Access] | None:
    """Return the factors of a definition that is a single sum of products of two entries."""
    u = _alone(t)
    if u is None or len(u.factors) != 2:
        return None
    a, b = u.factors
    return (a, b) if isinstance(a, Access) and isinstance(b, Access) else None


def _recognise_sliding_product(operator: str, t: Tensor) -> Recognised | None:
    found = _product(t)
    if found is None or t.definition is None:
        return None
    indices = t.definition.formals, t.definition.body[0].variables
    if sliding_operator(*found, *indices) != operator:
        return None
    return sliding_product(operator, *found, *indices), tuple(f.tensor for f in found)


@recognises("correlate")
def _(t: Tensor) -> Recognised | None:
    return _recognise_sliding_product("correlate", t)


@recognises("convolve")
def _(t: Tensor) -> Recognised | None:
    return _recognise_sliding_product("convolve", t)
