"""Proofs that a plan computes its theorem: the right side equals the lifted plan.

The search uses nothing of the passes but the names that they kept: both sides are sifted until
they sum over the same variables; then brackets are replaced by brackets.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import islice, product

from sympy import Expr, Symbol

from rot180.codegen.plans.changes import (
    Change,
    changes,
    entries_of,
    numbers_first,
    parameters_of,
)
from rot180.codegen.plans.differences import differences, unlike
from rot180.codegen.plans.draft import box
from rot180.codegen.plans.implied import implied_by
from rot180.codegen.plans.lift import LiftedNest, in_order_of, lifted_nests
from rot180.codegen.plans.plan import Divided, LoweringError, Plan
from rot180.derive.kernel.obligations import Goal, evident
from rot180.derive.kernel.place import RULES, Place
from rot180.derive.kernel.proof import Proof, Theorem
from rot180.derive.language.polynomial import coefficient, is_integral, normal, quotient, symbols_of
from rot180.derive.language.substitute import apart
from rot180.derive.language.terms import (
    Access,
    Apply,
    Bracket,
    Equal,
    Expression,
    Factor,
    Range,
    Term,
    factor_symbols,
)
from rot180.derive.search.derivation import Derivation, NotProvedError, entry_index
from rot180.derive.search.farkas import certify
from rot180.derive.search.matching import operand_key
from rot180.derive.search.rewriting import rename_index, unfold

CHOICES = 64
"""How many ways to sift a term, and to change its variables, are tried."""


def plan_proof(theorem: Theorem, plan: Plan, taken: Collection[Symbol] = ()) -> Proof:
    """Continue the proof of a theorem to what a plan computes.

    Args:
        theorem: what the plan was lowered from.
        plan: a well-formed plan.
        taken: names that the plan's variables avoid.

    Raises:
        LoweringError: no proof was found; the message names what differs.

    """
    nests = lifted_nests(plan, tuple(v for v, _ in theorem.variables))
    wide = tuple(nest.term for nest in nests)
    if len(wide) == len(theorem.rhs):
        wide = tuple(map(in_order_of, wide, theorem.rhs))
    divisions = (s for nest in plan.all_nests for s in nest.outer if isinstance(s, Divided))
    flips = {s.quotient for s in divisions}
    try:
        return _proof(theorem, nests, wide, flips, taken)
    except NotProvedError as error:
        # which coefficients must not be 0, so that a sum is finite, depends on the order of factors
        arranged = tuple(replace(t, factors=numbers_first(t)) for t in wide)
        try:
            return _proof(theorem, nests, arranged, flips, taken, ordered=True)
        except NotProvedError as missing:
            raise LoweringError(str(missing)) from missing
        except LoweringError:
            raise LoweringError(str(error)) from error


def _proof(
    theorem: Theorem,
    nests: Sequence[LiftedNest],
    wide: Expression,
    flips: set[Symbol],
    taken: Collection[Symbol],
    ordered: bool = False,
) -> Proof:
    """Continue the proof of a theorem to the nests; keep brackets with numbers first if `ordered`.

    Raises:
        NotProvedError: a certificate is missing.
        LoweringError: no proof was found.

    """
    name = f"{theorem.name.removesuffix('.kernel')}.plan"
    left = Derivation.continuing(theorem, name, wide)
    left.table |= {t.name: t for t in theorem.tensors}
    right = Derivation(name, theorem.variables, theorem.hypotheses, wide)
    right.table = left.table
    unfold(right)
    if len(left.current) != len(right.current):
        found, expected = len(right.current), len(left.current)
        raise LoweringError(f"the nests have {found} terms, the theorem has {expected}")
    for at in range(len(left.current)):
        _avoid(left, at, taken)
        for d in (left, right) if ordered else ():
            _bound_by_numbers(d, at)
        try:
            _meet(left, right, at, nests, flips)
        except NotProvedError as error:
            where = unlike(theorem.rhs[at], nests[at].term, nests[at].parts)
            raise NotProvedError(f"nest {at}: {where and f'{where}: '}{error}") from error
    left.retrace(right)
    for at, nest in enumerate(nests):
        if nest.hull and (cut := _replace(left, at, (), nest.hull)):
            bounds = ", ".join(map(str, cut))
            raise LoweringError(f"nest {at}: bounds with several loops cut the sum: {bounds}")
    return left.proof()


def _bound_by_numbers(d: Derivation, at: int) -> None:
    """State the boxes of axes without parameters among their coefficients, and put them first."""
    t = d.current[at]
    boxes = (r for f in t.factors if isinstance(f, Access) for r in box(f))
    new = [r for r in boxes if r not in t.factors and not parameters_of(t, r.value)]
    if new:
        d.apply("bracket", at, drop=(), add=tuple(dict.fromkeys(new)))
    d.apply("reorder", at, factors=numbers_first(d.current[at]))


def _avoid(d: Derivation, at: int, taken: Collection[Symbol]) -> None:
    """Rename the variables of a term that have the name of something else in the kernel."""
    t = d.current[at]
    new = apart(t, taken).variables
    if new != t.variables:
        mapping = tuple(zip(t.variables, new, strict=True))
        d.apply("reindex", at, variables=new, mapping=mapping)


def _meet(
    left: Derivation, right: Derivation, at: int, nests: Sequence[LiftedNest], flips: set[Symbol]
) -> None:
    """Rewrite two terms until they are equal; the signs of some variables may differ."""
    parts = _parts(nests, right.current[at])
    _equate(left, at)
    _equate(right, at, parts)
    _sift(right, at, left.current[at].variables, parts)
    _drop_phase_sizes(right, at, parts)
    first = ""
    target = right.current[at]
    for same in (True, False):
        tried: set[Term] = set()
        for _ in islice(_ways(left, at, target), CHOICES):
            if left.current[at] in tried:
                continue
            tried.add(left.current[at])
            failed = _matched(left, at, target, flips, same)
            if failed is None:
                return
            first = first or differences(left.current[at], target, parts, failed)
    if not first:
        over, wanted = (", ".join(map(str, d.current[at].variables)) for d in (left, right))
        raise NotProvedError(f"found a sum over {wanted or 'nothing'}, expected one over {over}")
    raise LoweringError(f"nest {at}: {first}")


def _matched(
    d: Derivation, at: int, target: Term, flips: set[Symbol], same: bool
) -> list[Goal] | None:
    """Rewrite a term to another; if that is impossible, return the brackets that do not follow.

    Unless both read the same entries, equations must make their indices equal.
    """
    failed: list[Goal] = []
    kept = len(d.steps)
    for change in islice(changes(d.current[at], target, flips, same), CHOICES):
        failed = _carry_over(d, at, change, target)
        if d.current[at] == target:
            return None
        d.undo(kept)
    return failed


def _ways(d: Derivation, at: int, target: Term) -> Iterator[None]:
    """Rewrite a term in each way that may make it sum over the variables of another."""
    for _ in _sifted(d, at, target.variables):
        _divide(d, at, target)
        yield from _split(d, at, target)


def _split(d: Derivation, at: int, target: Term) -> Iterator[None]:
    """Write variables as ``s*q + r`` with a quotient and a remainder of the target."""
    over = d.current[at].variables
    yield
    gone = [v for v in over if v not in target.variables]
    new = [v for v in target.variables if v not in over]
    if len(new) <= len(gone):
        return
    moduli = {f.value: f.size for f in target.factors if isinstance(f, Range)}
    for v, r, q in product(gone, new, new):
        if r == q or r not in moduli:
            continue
        steps, s = len(d.steps), moduli[r]
        with suppress(ValueError):
            d.apply("euclid", at, value=v, modulus=s, variable=q)
            mapping = (*((w, normal(s * q + r) if w == v else w) for w in over), (q, q))
            names = (*(r if w == v else w for w in over), q)
            d.apply("reindex", at, variables=names, mapping=mapping)
            yield from _split(d, at, target)
        d.undo(steps)


def _equate(d: Derivation, at: int, parts: list[str] | None = None) -> None:
    """Replace ranges of size 1 by equations."""
    for f in d.current[at].factors:
        if isinstance(f, Range) and f.size == 1:
            number = d.current[at].factors.index(f)
            _replace(d, at, (number,), (Equal(f.value),))
            if parts is not None:
                parts.append(parts.pop(number))


def _sifted(d: Derivation, at: int, kept: Collection[Symbol]) -> Iterator[None]:
    """Sift out the variables that are not kept, by each choice of equations.

    A variable without such an equation may be 0: the quotient of a remainder.
    """
    t, steps = d.current[at], len(d.steps)
    gone = [v for v in t.variables if v not in kept]
    v = next((v for v in gone if _units(t, v)), None)
    if v is None:
        yield
        d.undo(steps)
        zeros = ((v, e) for v in gone for e in (v, *_quotients(t, v)))
        v = next((v for v, e in zeros if not _replace(d, at, (), (Equal(e),))), None)
    zero = len(d.steps)
    for number in _units(d.current[at], v) if v is not None else ():
        with suppress(ValueError):
            d.apply("sift", at, factor=number, variable=v)
            yield from _sifted(d, at, kept)
        d.undo(zero)
    d.undo(steps)


def _quotients(t: Term, v: Symbol) -> Iterator[Expr]:
    """Yield what is 0 because ``0 <= n*q < n``, where a variable is alone in q."""
    for f in t.factors:
        q = quotient(f.value, f.size) if isinstance(f, Range) else None
        if q is not None and is_integral(q) and coefficient(q, v) in (1, -1):
            yield q


def _divide(d: Derivation, at: int, target: Term) -> None:
    """Insert the quotients that only the target sums over: they are unique."""
    ranges = [f for f in target.factors if isinstance(f, Range)]
    for u in (u for u in target.variables if u not in d.current[at].variables):
        over = d.current[at].variables
        for f in ranges:
            c = coefficient(f.value, u)
            rest = normal(f.value - c * u)
            closed = symbols_of(rest) & set(target.variables) <= set(over)
            if c in (f.size, normal(-f.size)) and closed:
                d.apply("euclid", at, value=rest, modulus=f.size, variable=u)
                if c == f.size:
                    mapping = (*((v, v) for v in over), (u, -u))
                    d.apply("reindex", at, variables=(*over, u), mapping=mapping)
                break


def _units(t: Term, v: Symbol) -> list[int]:
    """Return the equations of a term in which the coefficient of a variable is 1 or -1."""
    equations = ((n, f) for n, f in enumerate(t.factors) if isinstance(f, Equal))
    return [n for n, f in equations if coefficient(f.value, v) in (1, -1)]


def _parts(nests: Sequence[LiftedNest], t: Term) -> list[str]:
    """Return for each factor of a term the part of the plan that it was read from."""
    known = {f: p for nest in nests for f, p in zip(nest.term.factors, nest.parts, strict=True)}
    return [known.get(f, "an intermediate") for f in t.factors]


def _sift(d: Derivation, at: int, kept: Collection[Symbol], parts: list[str]) -> None:
    """Sift out the variables that are not kept, and follow where the factors were read from.

    An equation that gives an entry of the output is the last one with its variable.
    """
    while True:
        t = d.current[at]
        found = ((v, n) for v in t.variables if v not in kept for n in _units(t, v)[-1:])
        v, number = next(found, (None, 0))
        if v is None:
            return
        through = parts.pop(number)
        others = (f for n, f in enumerate(t.factors) if n != number)
        for n, f in enumerate(others):
            if v in factor_symbols(f):
                parts[n] += f" with {v} from {through}"
        d.apply("sift", at, factor=number, variable=v)


def _drop_phase_sizes(d: Derivation, at: int, parts: list[str]) -> None:
    """Drop the sizes of phases that a loop implies.

    With ``0 <= v < s`` and c >= 1, ``0 <= c*(s*q + v) < n`` implies ``0 <= s*q + v < n``, so
    ``0 <= q < n``, and so ``v < n``.
    """
    for f in d.current[at].factors:
        for chain in implied_by(d.current[at], f):
            kept, number = len(d.steps), d.current[at].factors.index(f)
            added = sum(not _replace(d, at, (), (new,)) for new in chain)
            if added == len(chain) and not _replace(d, at, (number,), ()):
                for _ in chain:
                    _replace(d, at, (len(d.current[at].factors) - 1,), ())
                parts.pop(number)
                break
            d.undo(kept)


def _carry_over(d: Derivation, at: int, change: Change, target: Term) -> list[Goal]:
    """Rewrite a term to another if possible; return the brackets that do not follow."""
    t = d.current[at]
    try:
        if t.variables != target.variables or any(e != v for v, e in change.items()):
            mapping = tuple((v, change[v]) for v in t.variables)
            d.apply("reindex", at, variables=target.variables, mapping=mapping)
        _use_equations(d, at, target)
        t = d.current[at]
        ours, theirs = ({g for f in u.factors for g in _signs(f)} for u in (t, target))
        mine = [n for n, f in enumerate(t.factors) if isinstance(f, Equal | Range)]
        drop = tuple(n for n in mine if t.factors[n] not in {*theirs} - {*t.factors[:n]})
        add = tuple(f for f in target.factors if isinstance(f, Equal | Range) and f not in ours)
        if (drop or add) and (failed := _replace(d, at, drop, add)):
            return failed
        if d.current[at].factors != target.factors:
            d.apply("reorder", at, factors=target.factors)
    except ValueError:
        pass
    return []


def _use_equations(d: Derivation, at: int, target: Term) -> None:
    """Replace the indices of entries by those of the target, which equations make equal."""
    wanted = [f for f in target.factors if isinstance(f, Access | Apply)]
    missing = list((Counter(wanted) - entries_of(d.current[at].factors)).elements())
    for number, f in enumerate(d.current[at].factors):
        if not isinstance(f, Access | Apply) or f in wanted:
            continue
        alike = next((g for g in missing if operand_key(g) == operand_key(f)), None)
        if isinstance(alike, Access | Apply):
            missing.remove(alike)
            for axis, (old, new) in enumerate(zip(*map(entry_index, (f, alike)), strict=True)):
                if old != new:
                    rename_index(d, at, number, axis, new)


def _replace(d: Derivation, at: int, drop: tuple[int, ...], add: tuple[Bracket, ...]) -> list[Goal]:
    """Replace brackets if both products imply each other; return those that do not follow."""
    place = Place(d.current, at, d.statement.facts)
    _, needed = RULES["bracket"](place, drop, add)
    failed: list[Goal] = []
    for obligation in needed:
        if evident(obligation) or obligation in d.certified:
            continue
        certificate = certify(obligation)
        if certificate is None:
            failed.append(obligation.goal)
        else:
            d.certified[obligation] = certificate
    if not failed:
        d.apply("bracket", at, drop=drop, add=add)
    return failed


def _signs(f: Factor) -> tuple[Factor, ...]:
    return (f, Equal(-f.value)) if isinstance(f, Equal) else (f,)
