"""The statement of a theorem in the notation, for terminals and docstrings."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sympy import Expr, Symbol

from rot180.derive.display.definitions import every_tensor, write_definitions
from rot180.derive.kernel.proof import Theorem
from rot180.derive.language.notation import write
from rot180.derive.language.polynomial import (
    Monomial,
    coefficient,
    factored,
    monomials,
    normal,
    symbol,
    symbols_of,
    text,
)
from rot180.derive.language.spelling import ambiguous, unfold_operators
from rot180.derive.language.substitute import fresh
from rot180.derive.language.terms import (
    Access,
    AtLeast,
    Condition,
    Derivative,
    Equal,
    Expression,
    Tensor,
    Term,
    tensors,
    term,
)


def write_condition(condition: Condition) -> str:
    """Return a condition as text: ``s >= 1``, ``0 <= h < H``, ``a = b``."""
    if isinstance(condition, AtLeast):
        value = condition.value
        constant = value.as_coeff_Add()[0]
        return f"{text(value - constant)} >= {text(-constant)}"
    if isinstance(condition, Equal):
        constant = condition.value.as_coeff_Add()[0]
        return f"{text(condition.value - constant)} = {text(-constant)}"
    return f"0 <= {text(condition.value)} < {text(condition.size)}"


def divisor_entries(theorem: Theorem) -> Expression:
    """Return an entry of each tensor that a theorem assumes to have no entry 0, as a term."""
    found = []
    for t in theorem.divisors:
        index = t.definition.formals if t.definition else _letters(len(t.shape))
        found.append(term(t[index], over=index))
    return tuple(found)


def _letters(count: int) -> tuple[Symbol, ...]:
    """Return names for the indices of a free tensor."""
    return tuple(symbol(f"i{n + 1}" if count > 1 else "i") for n in range(count))


def sizes_of(shown: Iterable[Tensor]) -> set[str]:
    """Return the names in the shapes of tensors."""
    return {v.name for t in shown for n in t.shape if n is not None for v in symbols_of(n)}


def as_padding(e: Expr, sizes: Collection[str]) -> Expr:
    """Return a polynomial or its negative, whichever has positive sizes.

    Args:
        e: an expanded polynomial.
        sizes: the names of sizes.

    """

    def weight(m: Monomial) -> tuple[object, ...]:
        return (any(name in sizes for name, _ in m), sum(k for _, k in m), m)

    found = monomials(e)
    return e if not found or found[max(found, key=weight)] > 0 else normal(-e)


def name_paddings(
    expression: Expression, free: tuple[Symbol, ...]
) -> tuple[Expression, list[tuple[Symbol, Expr]]]:
    """Name the long parameter parts of indices: pi, pi1, ...

    The sign is that of the padding of the backward pass.

    Returns:
        the shortened expression, and the names with their values.

    """
    names: dict[Expr, Symbol] = {}
    sizes = sizes_of(tensors(expression))
    taken = set(free).union(*(t.symbols for t in expression))

    def shorten(e: Expr, variables: set[Symbol]) -> Expr:
        moving = normal(sum(coefficient(e, v) * v for v in symbols_of(e) & variables))
        fixed = normal(e - moving)
        if moving == 0 or len(monomials(fixed)) < 3:
            return e
        padding = as_padding(fixed, sizes)
        if padding not in names:
            names[padding] = fresh("pi", taken | set(names.values()))
        return normal(moving + (names[padding] if padding == fixed else -names[padding]))

    out = []
    for t in expression:
        variables = {*free, *t.variables}
        factors = tuple(
            Access(f.tensor, tuple(shorten(e, variables) for e in f.index))
            if isinstance(f, Access)
            else f
            for f in t.factors
        )
        out.append(Term(t.coefficient, t.variables, factors))
    return tuple(out), [(v, e) for e, v in names.items()]


def write_subject(
    expression: Expression, free: tuple[Symbol, ...], bare: frozenset[Tensor] = frozenset()
) -> str:
    """Return a left side as text; the derivative of a scalar as ``dL/dx[h]``."""
    if len(expression) == 1 and len(expression[0].factors) == 1:
        head, scale = expression[0].factors[0], text(expression[0].coefficient)
        if isinstance(head, Derivative) and len(head.factors) == 1:
            inner = head.factors[0]
            if isinstance(inner, Access) and not inner.index:
                times = "" if scale == "1" else f"{scale} * "
                return f"{times}d{inner.tensor.name}/d{write((term(head.wrt),), free, (), bare)}"
    return write(expression, free, (), bare)


def write_theorem(
    theorem: Theorem, most: int | None = None, known: Collection[Tensor] = ()
) -> str:
    """Return the statement with all definitions, down to free tensors.

    Args:
        theorem: the theorem.
        most: how many terms of a line are written; all of them by default.
        known: tensors whose definitions the reader has seen already.

    """
    free = tuple(v for v, _ in theorem.variables)
    sides = theorem.lhs, _right(theorem), divisor_entries(theorem)
    lines = write_definitions(sides, free, ambiguous(every_tensor(*sides)), most, known)
    return "\n".join([write_statement(theorem, most), *(f"  {line}" for line in lines)])


def _right(theorem: Theorem) -> Expression:
    """Return the right side as it is printed: as a sum if words name the operator."""
    return unfold_operators(theorem.rhs) if theorem.words else theorem.rhs


def write_statement(theorem: Theorem, most: int | None = None) -> str:
    """Return the statement without definitions: equation, words, box, hypotheses.

    Args:
        theorem: the theorem.
        most: how many terms of the right side are written; all of them by default.

    """
    free, right = tuple(v for v, _ in theorem.variables), _right(theorem)
    bare = ambiguous(every_tensor(theorem.lhs, right))
    left = write_subject(theorem.lhs, free, bare)
    shown, names = name_paddings(right, free) if theorem.words else (right, [])
    lines = [f"{left} = {write(shown, free, (), bare, most)}"]
    if names:
        lines.append("  where " + ", ".join(f"{v.name} = {factored(e)}" for v, e in names))
    if theorem.words:
        lines.append(f"  ({theorem.words})")
    boxes = [f"0 <= {v.name} < {text(n)}" for v, n in theorem.variables if n is not None]
    unbounded = [v.name for v, n in theorem.variables if n is None]
    if boxes or unbounded:
        lines.append("  for all " + ", ".join([*boxes, *unbounded]))
    given = [write_condition(c) for c in theorem.hypotheses]
    for t in divisor_entries(theorem):
        given.append(f"{write((term(*t.factors),), t.variables, (), bare)} != 0")
    if given:
        lines.append("  if " + ", ".join(given))
    return "\n".join(lines)
