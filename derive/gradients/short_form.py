"""The short form of a gradient as something to compute: each sum in it once, by a name.

``y[n,i] * g[n,i] - sum[j] g[n,j] * y[n,j] * y[n,i]`` would add up the sum again for each `i`. Here
it becomes ``y[n,i] * g[n,i] - dot_x[n] * y[n,i]``, with ``dot_x[n] = sum[j] g[n,j] * y[n,j]``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from sympy import Symbol

from rot180.derive.gradients.folding import fold, fold_definitions, open_boxes
from rot180.derive.gradients.program_gradient import compact_gradient
from rot180.derive.kernel.finiteness import finiteness
from rot180.derive.kernel.proof import Theorem
from rot180.derive.kernel.replay import replay
from rot180.derive.language.polynomial import symbol, symbols_of
from rot180.derive.language.programs import Program
from rot180.derive.language.substitute import fresh
from rot180.derive.language.terms import (
    Access,
    Apply,
    Equal,
    Range,
    Tensor,
    Term,
    define,
    factor_symbols,
    term,
)
from rot180.derive.search.derivation import Derivation


def short_form(
    program: Program, wrt: str, theorem: Theorem
) -> tuple[Theorem, tuple[Tensor, ...]] | None:
    """Prove a gradient without the gradients by definitions, each of its sums named.

    Args:
        program: the definitions.
        wrt: the operand.
        theorem: what `program_gradient` returned.

    Returns:
        the theorem and the sums, each after those that it uses; None if there is no short form.

    """
    compact = compact_gradient(program, theorem)
    if compact is None:
        return None
    d = Derivation.continuing(compact, f"{theorem.proof.name}.short")
    d.table |= {t.name: t for t in (*program.tensors, *program.definitions)}
    sums: list[Tensor] = []
    while found := next(_sums(d), None):
        at, variables, numbers = found
        numbers += _bounding(d, at, variables, numbers)
        made = _named(d, at, variables, numbers, f"dot_{wrt}")
        _keep_boxes(d, at, numbers)
        if not fold(d, at, numbers, made[made.definition.formals], variables):  # type: ignore[union-attr]
            return None
        sums.append(made)
        d.table[made.name] = made
        fold_definitions(d, sums)
    return replay(d.proof()), tuple(sums)


def _keep_boxes(d: Derivation, at: int, numbers: Sequence[int]) -> None:
    """Write the boxes of the arguments of functions that only factors of a sum make evident.

    Once the sum has a name, nothing else says that these entries are inside.
    """
    found: dict[Range, None] = {}
    for n, f in enumerate(d.current[at].factors):
        if isinstance(f, Apply) and n not in numbers:
            still = open_boxes(d, at, (n,), f.argument)
            hidden = open_boxes(d, at, (n, *numbers), f.argument)
            found |= dict.fromkeys(box for box in hidden if box not in still)
    if found:
        d.apply("bracket", at, drop=(), add=tuple(found))


def _sums(d: Derivation) -> Iterator[tuple[int, tuple[Symbol, ...], tuple[int, ...]]]:
    """Yield sums that do not depend on all free indices: the term, its indices, its factors."""
    free = {v for v, _ in d.statement.variables}
    for at, t in enumerate(d.current):
        for variables in _components(t):
            numbers = [n for n, f in enumerate(t.factors) if factor_symbols(f) & set(variables)]
            own = [t.factors[n] for n in numbers]
            depends = free.intersection(*[frozenset().union(*map(factor_symbols, own))])
            if depends < free and all(isinstance(f, Access | Apply) for f in own):
                yield at, variables, tuple(numbers)


def _bounding(
    d: Derivation, at: int, variables: tuple[Symbol, ...], numbers: Sequence[int]
) -> tuple[int, ...]:
    """Return the brackets without which a sum may be infinite: s >= 1 by ``[0 <= r < s]``.

    Args:
        d: the derivation.
        at: the number of the term.
        variables: the indices of the sum.
        numbers: the numbers of its factors.

    """
    t, free = d.current[at], {v for v, _ in d.statement.variables}
    own = tuple(t.factors[n] for n in numbers)
    if not finiteness(term(*own, over=variables), ()):
        return ()
    inside = free.intersection(frozenset().union(*map(factor_symbols, own)))
    brackets = [(n, symbols_of(f.value)) for n, f in enumerate(t.factors) if isinstance(f, Range)]
    others = free.union(t.variables) - inside
    return tuple(n for n, used in brackets if used & inside and not used & others)


def _components(t: Term) -> list[tuple[Symbol, ...]]:
    """Return the summed indices of a term, those together that a factor has together."""
    found = [{v} for v in t.variables]
    for f in t.factors:
        own = factor_symbols(f) & set(t.variables)
        joined = [part for part in found if part & own]
        if len(joined) > 1:
            found = [part for part in found if not part & own] + [set().union(*joined)]
    return [tuple(v for v in t.variables if v in part) for part in found]


def _named(
    d: Derivation, at: int, variables: tuple[Symbol, ...], numbers: Sequence[int], word: str
) -> Tensor:
    """Return a sum of some factors of a term as a definition."""
    factors = tuple(d.current[at].factors[n] for n in numbers)
    inside = frozenset().union(*map(factor_symbols, factors))
    index = [(v, n) for v, n in d.statement.variables if v in inside]
    taken = {symbol(name) for name in d.table} | {v for t in d.current for v in t.symbols}
    body = (term(*factors, over=variables),)
    name = fresh(word, taken).name
    return define(name, tuple(n for _, n in index), tuple(v for v, _ in index), body)


SIZE = 64
"""How many values each index is taken to have where two forms are compared."""


def entries_read(definitions: Iterable[Tensor]) -> int:
    """Return about how many entries are read to compute some definitions from each other."""
    return sum(
        SIZE ** max(len(t.shape) + len(u.variables) - _equations(u), 0) * len(u.factors)
        for t in definitions
        if t.definition is not None
        for u in t.definition.body
    )


def _equations(t: Term) -> int:
    return sum(isinstance(f, Equal) for f in t.factors)
