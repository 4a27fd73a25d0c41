"""The search for a proof: both sides are reduced to normal forms and matched term by term."""

from __future__ import annotations

from collections.abc import Sequence

from sympy import Symbol

from rot180.derive.kernel.errors import RuleError
from rot180.derive.kernel.proof import Proof, Theorem, Variables
from rot180.derive.kernel.replay import replay
from rot180.derive.kernel.tables import is_table
from rot180.derive.language.substitute import supports
from rot180.derive.language.terms import Access, Condition, Expression, Range, Tensor
from rot180.derive.search.citing import cite_inside
from rot180.derive.search.derivation import Derivation, NotProvedError
from rot180.derive.search.matching import combine_like_terms, join
from rot180.derive.search.pieces import cut_to_fit
from rot180.derive.search.quotients import reduce
from rot180.derive.search.remainders import split_equations
from rot180.derive.search.rewriting import normalise, relate, tidy


def prove(
    lhs: Expression,
    rhs: Expression,
    variables: Variables = (),
    hypotheses: tuple[Condition, ...] = (),
    name: str = "claim",
    lemmas: Sequence[Theorem] = (),
    kept: Tensor | None = None,
) -> Theorem:
    """Prove that two expressions are equal for all values of the variables and parameters.

    If lemmas are given, the proof cites each of them, on the left side if possible, and keeps named
    tensors folded as far as possible.

    Args:
        lhs: the left side.
        rhs: the right side.
        variables: the free indices with their sizes (None: all integers).
        hypotheses: conditions on the parameters.
        name: the theorem's name.
        lemmas: theorems that the proof is to cite.
        kept: a tensor whose indices stay summed where an equation leaves the choice.

    Raises:
        NotProvedError: no proof was found, which does not refute the claim.

    """
    left = Derivation(name, variables, hypotheses, lhs, rhs)
    right = Derivation(name, variables, hypotheses, rhs)
    right.table = left.table
    try:
        found = _found(left, right, lemmas, kept)
    except RuleError as error:
        raise NotProvedError(f"{name}: the search failed at a rule: {error}") from error
    return replay(found)


def _found(
    left: Derivation, right: Derivation, lemmas: Sequence[Theorem], kept: Tensor | None
) -> Proof:
    """Search for a proof that the starts of two derivations are equal."""
    if lemmas:
        for one in lemmas:
            try:
                cite_inside(left, one)
            except NotProvedError:
                cite_inside(right, one)
        tidy(left)
        relate(left, right.current)
        try:
            return join(left, right)
        except NotProvedError:
            pass
    elif tabulate(left, right.current):
        return left.proof()
    normalise(left, kept=kept)
    normalise(right, kept=kept)
    relate(left, right.current)
    relate(right, left.current)
    try:
        return join(left, right)
    except NotProvedError as error:
        return _harder(left, right, error)


def _harder(left: Derivation, right: Derivation, error: NotProvedError) -> Proof:
    """Continue where normal forms differ: split by remainders, reduce quotients, split terms."""
    kept = len(left.steps), len(right.steps)
    # one side may already be split by remainders, so split both
    if [*split_equations(left), *split_equations(right)]:
        try:
            return join(left, right)
        except NotProvedError as second:
            error = second
            left.undo(kept[0])
            right.undo(kept[1])
    for d in (left, right):
        reduce(d)
        combine_like_terms(d)
    cut_to_fit(left, right)
    try:
        return join(left, right)
    except NotProvedError:
        raise error from None


def tabulate(d: Derivation, target: Expression) -> bool:
    """Replace a product of tables of numbers by brackets; return False if it is no such product.

    Raises:
        NotProvedError: the two differ at some point.

    """
    if len(d.current) != 1 or len(target) != 1 or target[0].variables:
        return False
    t, sizes = d.current[0], dict(d.statement.variables)
    for f in (*supports(t.factors, t.symbols), *target[0].factors):
        if isinstance(f, Range) and isinstance(f.value, Symbol) and f.size.is_Integer:
            # take the smaller of two sizes; a symbolic size cannot be compared
            known = sizes.get(f.value)
            smaller = known is None or not known.is_Integer or f.size < known
            sizes[f.value] = f.size if smaller else known
    read = [f.tensor for f in t.factors if isinstance(f, Access)]
    if None in sizes.values() or not read or not all(map(is_table, read)):
        return False
    try:
        d.apply(
            "exhaust", 0, sizes=tuple(sizes.items()),
            scale=target[0].coefficient, factors=target[0].factors,
        )  # fmt: skip
    except ValueError as error:
        raise NotProvedError(f"{d.statement.name}: {error}") from error
    return True
