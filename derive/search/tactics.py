"""Search: normalise, match, prove. Nothing here is trusted; every step goes through the rules."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from itertools import combinations, permutations, product

from sympy import Expr, Symbol

from rot180.derive.kernel.citing import instantiate
from rot180.derive.kernel.errors import show
from rot180.derive.kernel.obligations import Certificate, Obligation, evident, show_goal
from rot180.derive.kernel.place import Place
from rot180.derive.kernel.proof import Proof, Step, Theorem, Variables
from rot180.derive.kernel.replay import follow, replay
from rot180.derive.kernel.tables import is_table
from rot180.derive.language.polynomial import coefficient, monomials, normal, symbols_of
from rot180.derive.language.scalar_functions import relation
from rot180.derive.language.substitute import fresh, rename_bound, substitute_factor, supports
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
    Term,
    tensors,
)
from rot180.derive.search.citation import images, prepared
from rot180.derive.search.farkas import certify


class NotProvedError(ValueError):
    """No proof was found; the message shows both normal forms."""


class Derivation:
    """An expression being rewritten, and the steps so far."""

    def __init__(
        self,
        name: str,
        variables: Variables,
        hypotheses: tuple[Condition, ...],
        start: Expression,
        other: Expression = (),
        trial: bool = False,
    ) -> None:
        """Start from an expression under hypotheses.

        Args:
            name: the name of the theorem.
            variables: the free indices with their sizes.
            hypotheses: conditions on the parameters.
            start: the left side.
            other: what will stand beside it, whose names are in use.
            trial: go on where no certificate is found; what is done is then no proof.

        """
        self.statement = Proof(name, variables, hypotheses, start, ())
        self.lines = [start]
        self.steps: list[Step] = []
        self.trial = trial
        self.table = {t.name: t for t in tensors((*start, *other))}

    @property
    def current(self) -> Expression:
        """Return the last line."""
        return self.lines[-1]

    def apply(self, rule: str, at: int = 0, **arguments: object) -> None:
        """Apply a rule, and find the certificates it needs.

        Raises:
            NotProvedError: no certificate was found for an obligation.
            ValueError: the rule does not apply.

        """
        if "theorem" in arguments:
            arguments = prepared(arguments, self.table)
        self._take(Step(rule, at, tuple(sorted(arguments.items()))))

    def apply_inside(self, number: int, rule: str, at: int, **arguments: object) -> None:
        """Apply a rule to the product under a derivative, a factor of a term."""
        self._take(Step(rule, at, tuple(sorted(arguments.items())), inside=number))

    def _take(self, step: Step) -> None:
        line, needed = follow(self.statement, self.current, step)
        found: list[Certificate] = []
        for obligation in needed:
            if not evident(obligation):
                certificate = certify(obligation)
                if certificate is None and self.trial:
                    continue
                if certificate is None:
                    name, goal = self.statement.name, show_goal(obligation.goal)
                    raise NotProvedError(f"{name}: no certificate found for {goal}")
                found.append(certificate)
        self.table |= {t.name: t for t in tensors(line)}
        self.lines.append(line)
        self.steps.append(replace(step, certificates=tuple(found)))

    def apply_backwards(self, rule: str, result: Expression, at: int, **arguments: object) -> None:
        """Move to a result that a rule turns into the current line."""
        step = Step(rule, at, tuple(sorted(arguments.items())), result)
        follow(self.statement, self.current, step)
        self.lines.append(result)
        self.steps.append(step)

    def proof(self) -> Proof:
        """Return what has been done as a proof."""
        s = self.statement
        return Proof(s.name, s.variables, s.hypotheses, s.start, tuple(self.steps))

    def implied(self, at: int, number: int) -> bool:
        """Say whether the other factors of a term imply a bracket, as far as a quick look tells."""
        place = Place(self.current, at, self.statement.facts)
        goal = place.factor(number)
        assert isinstance(goal, Equal | Range)
        obligation = Obligation(place.context(place.around(number)), goal)
        if evident(obligation):
            return True
        return isinstance(goal, Range) and certify(obligation, degree=1) is not None


def _find(e: Expression, kind: type | tuple[type, ...]) -> Iterator[tuple[int, int, Factor]]:
    for at, t in enumerate(e):
        for n, f in enumerate(t.factors):
            if isinstance(f, kind):
                yield at, n, f


def differentiate(d: Derivation) -> None:
    """Carry out every pending derivative; those of free tensors first, as most are zero."""
    while places := sorted(_find(d.current, Derivative), key=_haste):
        at, n, f = places[0]
        assert isinstance(f, Derivative)
        inside = f.factors[0] if len(f.factors) == 1 else None
        if isinstance(inside, Access) and inside.tensor.definition is not None:
            d.apply("linearity", at, factor=n)
        elif isinstance(inside, Access):
            d.apply("entry", at, factor=n)
        elif isinstance(inside, Apply):
            d.apply("chain", at, factor=n)
        else:
            d.apply("leibniz", at, factor=n)


def _haste(place: tuple[int, int, Factor]) -> tuple[bool, int, int]:
    at, n, f = place
    assert isinstance(f, Derivative)
    inside = f.factors[0] if len(f.factors) == 1 else None
    free = isinstance(inside, Access) and inside.tensor.definition is None
    return (not free, at, n)


def unfold(d: Derivation) -> None:
    """Unfold every defined tensor."""
    while True:
        found = (
            (at, n)
            for at, n, f in _find(d.current, Access)
            if isinstance(f, Access) and f.tensor.definition is not None
        )
        place = next(found, None)
        if place is None:
            return
        d.apply("definition", place[0], factor=place[1])


def sift(d: Derivation, swept: Tensor | None = None, kept: Tensor | None = None) -> None:
    """Carry out the sums that an equation with a unit coefficient reduces to a point.

    An equation ``s p + k = h`` is kept where p is an index of the swept tensor: it says that the
    tensor is dilated, while ``sum_p g[p] w[h - s p]`` would hide it.

    Args:
        d: what to rewrite.
        swept: the tensor whose dilation is to stay visible.
        kept: a tensor whose indices are to stay summed, where an equation leaves the choice.

    """
    while place := next(_siftable(d.current, swept, kept), None):
        at, n, v = place
        d.apply("sift", at, factor=n, variable=v)


def _siftable(
    e: Expression, swept: Tensor | None, kept: Tensor | None
) -> Iterator[tuple[int, int, Symbol]]:
    for at, n, f in _find(e, Equal):
        assert isinstance(f, Equal)
        t = e[at]
        if _never(t):
            continue
        places, staying = (
            {i for a in t.factors if isinstance(a, Access) and a.tensor == one for i in a.index}
            for one in (swept, kept)
        )
        variables = sorted(t.variables, key=lambda v: v in staying)
        in_equation = [(v, coefficient(f.value, v)) for v in variables]
        if any(v in places and c not in (0, 1, -1) for v, c in in_equation):
            continue
        for v, c in in_equation:
            if c in (1, -1):
                yield at, n, v


def use_equations(d: Derivation) -> None:
    """Write a free variable for the index that an equation makes equal to it.

    ``F(s p + d k) [s p + d k = h]`` becomes ``F(h) [s p + d k = h]``: the index is named by a new
    variable, the equation is used on that name, and the name is sifted out again.
    """
    while found := next(_rewritable(d), None):
        at, n, axis, other = found
        t = d.current[at]
        place = Place(d.current, at, d.statement.facts)
        v = fresh("v", place.taken)
        factor = t.factors[n]
        old = _index(factor)[axis]
        named = _at_axis(factor, axis, v)
        factors = (*t.factors[:n], named, *t.factors[n + 1 :], Equal(v - old))
        wider = Term(t.coefficient, (*t.variables, v), factors)
        last = len(t.factors)
        d.apply_backwards("sift", place.put(wider), at, factor=last, variable=v)
        d.apply("bracket", at, drop=(last,), add=(Equal(v - other),))
        d.apply("sift", at, factor=last, variable=v)


def _rewritable(d: Derivation) -> Iterator[tuple[int, int, int, Expr]]:
    free = [v for v, _ in d.statement.variables]
    for at, _, equation in _find(d.current, Equal):
        assert isinstance(equation, Equal)
        bound = set(d.current[at].variables)
        for h in free:
            c = coefficient(equation.value, h)
            if c not in (1, -1) or not symbols_of(equation.value) & bound:
                continue
            value = normal(h - c * equation.value)
            for n, f in enumerate(d.current[at].factors):
                for axis, e in enumerate(_index(f)) if isinstance(f, Access | Apply) else ():
                    other = normal(e - value + h)
                    if symbols_of(e) & bound and not symbols_of(other) & bound:
                        yield at, n, axis, other


def _at_axis(f: Factor, axis: int, e: Expr) -> Factor:
    if isinstance(f, Apply):
        inner = _at_axis(f.argument, axis, e)
        assert isinstance(inner, Access)
        return Apply(f.function, f.order, inner)
    assert isinstance(f, Access)
    return Access(f.tensor, (*f.index[:axis], e, *f.index[axis + 1 :]))


def drop_implied(d: Derivation) -> None:
    """Drop, one by one, the brackets that the other factors imply."""
    at = 0
    while at < len(d.current):
        implied = (
            n
            for n, f in enumerate(d.current[at].factors)
            if isinstance(f, Equal | Range) and d.implied(at, n)
        )
        n = None if contradictory(d.current[at]) else next(implied, None)
        if n is None:
            at += 1
        else:
            d.apply("bracket", at, drop=(n,), add=())


def _never(t: Term) -> bool:
    """Say whether a term has an equation of two numbers that differ."""
    values = [f.value for f in t.factors if isinstance(f, Equal)]
    return any(e.is_number and e != 0 for e in values)


def contradictory(t: Term) -> bool:
    """Say whether two equations give one index two numbers: the term will be found to be zero."""
    values = [f.value for f in t.factors if isinstance(f, Equal)]
    apart = (normal(a - sign * b) for a, b in combinations(values, 2) for sign in (1, -1))
    return any(e.is_number and e != 0 for e in apart)


def tidy(d: Derivation) -> None:
    """Carry out derivatives and sums; leave every defined tensor that is not differentiated."""
    differentiate(d)
    sift(d)
    drop_implied(d)


def cite(d: Derivation, theorem: Theorem) -> None:
    """Use a theorem on the first term it fits, with a tensor of that term for one of its own.

    A gradient is used under the chain rule: ``dL/dz`` through a, where L is the theorem's loss
    with a for its x. Another equation is used on the factors that are its left side.

    Raises:
        NotProvedError: it fits nowhere.

    """
    for at, t in enumerate(d.current):
        for rule, arguments in (*_compositions(d, at, theorem), *_uses(d, t, theorem)):
            try:
                return d.apply(rule, at, theorem=theorem.proof, **arguments)
            except ValueError:
                continue
    raise NotProvedError(f"{theorem.name} fits nowhere in\n  {show(d.current)}")


def _compositions(
    d: Derivation, at: int, theorem: Theorem
) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield ways to differentiate through a tensor by a theorem about the outer derivative."""
    known = theorem.lhs[0].factors[0] if len(theorem.lhs) == 1 and theorem.lhs[0].factors else None
    if not isinstance(known, Derivative):
        return
    t, taken = d.current[at], set(Place(d.current, at, d.statement.facts).taken)
    new: list[tuple[Symbol, Expr]] = []
    for v in known.wrt.index:
        if isinstance(v, Symbol):
            new.append((v, fresh(v, taken | {e for _, e in new if isinstance(e, Symbol)})))
    for n, f in enumerate(t.factors):
        for inner in tensors((Term(t.coefficient, (), (f,)),)) if isinstance(f, Derivative) else ():
            if inner.shape == known.wrt.tensor.shape:
                yield "compose", {
                    "factor": n, "symbols": tuple(new), "tensors": (), "inner": inner,
                }  # fmt: skip


def _uses(d: Derivation, t: Term, theorem: Theorem) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield ways to read factors of a term as the left side of a theorem."""
    if len(theorem.lhs) != 1 or any(isinstance(f, Derivative) for f in theorem.lhs[0].factors):
        return
    have = tensors((t,))
    own = [u for u in tensors(theorem.lhs) if u.definition is None]
    choices = [[u] if u in have else [v for v in have if v.shape == u.shape] for u in own]
    for chosen in product(*choices):
        swap = tuple((u.name, v) for u, v in zip(own, chosen, strict=True) if u != v)
        made = images(theorem, {}, dict(swap), dict(d.table))
        (pattern,) = instantiate(theorem.lhs, {}, tuple(made.items()))
        free = [v for v, _ in theorem.variables]
        for numbers, at in _occurrences(t, pattern, free):
            bound = tuple(at[v] for v in pattern.variables)
            if len(set(bound)) == len(bound) and set(bound) <= set(t.variables):
                yield "lemma", {
                    "symbols": tuple((v, at[v]) for v in free if at.get(v, v) != v),
                    "tensors": swap, "bound": bound, "factors": numbers,
                }  # fmt: skip


def _occurrences(
    t: Term, pattern: Term, free: Sequence[Symbol]
) -> Iterator[tuple[tuple[int, ...], dict[Symbol, Expr]]]:
    """Yield factors of a term that are those of a pattern, and what its variables are there."""
    variables = {*free, *pattern.variables}
    found: list[tuple[tuple[int, ...], dict[Symbol, Expr]]] = [((), {})]
    for f in pattern.factors:
        found = [
            ((*numbers, n), both)
            for numbers, at in found
            for n, g in enumerate(t.factors)
            if n not in numbers and (both := _unify(f, g, at, variables)) is not None
        ]
    return (one for one in found if set(pattern.variables) <= one[1].keys())


def _unify(
    f: Factor, g: Factor, at: dict[Symbol, Expr], variables: Collection[Symbol]
) -> dict[Symbol, Expr] | None:
    """Extend values of variables so that one factor becomes another."""
    if isinstance(f, Access) and isinstance(g, Access) and f.tensor == g.tensor:
        new = dict(at)
        for a, b in zip(f.index, g.index, strict=True):
            if isinstance(a, Symbol) and a in variables:
                new.setdefault(a, b)
        at = new
    return at if substitute_factor(f, at) == g else None


def cite_inside(d: Derivation, theorem: Theorem) -> None:
    """Use a theorem; if it fits nowhere, unfold what may hide its left side.

    Raises:
        NotProvedError: it fits nowhere; the derivation is as it was.

    """
    kept, own = len(d.steps), tensors(theorem.lhs)
    while True:
        try:
            return cite(d, theorem)
        except NotProvedError:
            hidden = (
                (at, n)
                for at, n, f in _find(d.current, Access)
                if isinstance(f, Access) and f.tensor.definition and f.tensor not in own
            )
            place = next(hidden, None)
            if place is None:
                del d.steps[kept:], d.lines[kept + 1 :]
                raise
            d.apply("definition", place[0], factor=place[1])


def normalise(
    d: Derivation, swept: Tensor | None = None, kept: Tensor | None = None
) -> None:
    """Reduce to sums of products of free tensors, with as few brackets and sums as possible.

    Args:
        d: what to rewrite.
        swept: a tensor whose dilation is to stay visible, as in `sift`.
        kept: a tensor whose indices are to stay summed, as in `sift`.

    """
    differentiate(d)
    unfold(d)
    drop_implied(d)
    sift(d, swept, kept)
    if any(map(_never, d.current)):
        d.apply("collect")
    use_equations(d)
    drop_implied(d)
    _collect(d)


def relate(d: Derivation, other: Expression) -> None:
    """Write derivatives by relations where they do not stand in the other expression."""
    kept = {(f.function, f.order) for _, _, f in _find(other, Apply) if isinstance(f, Apply)}
    while True:
        found = (
            (at, n)
            for at, n, f in _find(d.current, Apply)
            if isinstance(f, Apply)
            and (f.function, f.order) not in kept
            and relation(f.function, f.order) is not None
        )
        place = next(found, None)
        if place is None:
            break
        d.apply("relate", place[0], factor=place[1])
    if any(step.rule == "relate" for step in d.steps):
        unfold(d)
        drop_implied(d)
        _collect(d)


def _collect(d: Derivation) -> None:
    """Add up like terms, and leave out those that are zero, if there are any."""
    keys = [(t.variables, t.factors) for t in d.current]
    like = len(set(keys)) != len(keys)
    if like or any(t.coefficient == 0 or _never(t) for t in d.current):
        d.apply("collect")


def match(d: Derivation, at: int, target: Term) -> bool:
    """Turn a term into the target by an affine bijection of its bound variables, if one is found.

    The steps are kept only on success.
    """
    kept = len(d.steps)
    for mapping in _bijections(d.current[at], target):
        try:
            _carry_over(d, at, mapping, target)
        except ValueError:
            pass
        else:
            if d.current[at] == target:
                return True
        del d.steps[kept:], d.lines[kept + 1 :]
    return False


def _carry_over(
    d: Derivation, at: int, mapping: dict[Symbol, Expr], target: Term
) -> None:
    t = d.current[at]
    if t.variables != target.variables or any(mapping[v] != v for v in t.variables):
        ordered = tuple((v, mapping[v]) for v in t.variables)
        d.apply("reindex", at, variables=target.variables, mapping=ordered)
    t = d.current[at]
    signed = [f for f in t.factors if isinstance(f, Equal)]
    both = {*signed, *(Equal(-f.value) for f in signed)}
    have = [n for n, f in enumerate(t.factors) if isinstance(f, Equal | Range)]
    drop = tuple(
        n
        for n in have
        if t.factors[n] not in target.factors
        and not (isinstance(f := t.factors[n], Equal) and Equal(-f.value) in target.factors)
    )
    add = tuple(
        f
        for f in target.factors
        if isinstance(f, Equal | Range) and f not in t.factors and f not in both
    )
    if drop or add:
        d.apply("bracket", at, drop=drop, add=add)
    if d.current[at].factors != target.factors:
        d.apply("reorder", at, factors=target.factors)


def _bijections(t: Term, target: Term) -> Iterator[dict[Symbol, Expr]]:
    """Yield affine maps of the variables of `t` that make its accesses those of the target."""
    if len(t.variables) != len(target.variables) or t.coefficient != target.coefficient:
        return
    ours = [f for f in t.factors if isinstance(f, Access | Apply)]
    theirs = [f for f in target.factors if isinstance(f, Access | Apply)]
    if sorted(map(_head, ours)) != sorted(map(_head, theirs)):
        return
    # the target's names must not meet ours while equations are solved
    aside: dict[Symbol, Symbol] = {}
    for v in target.variables:
        taken = t.symbols | target.symbols | set(aside.values())
        aside[v] = fresh("_" + v.name, taken)
    back = {u: v for v, u in aside.items()}
    away = rename_bound(target, aside)
    theirs = [f for f in away.factors if isinstance(f, Access | Apply)]
    for pairing in permutations(theirs):
        if list(map(_head, ours)) != list(map(_head, pairing)):
            continue
        equations = [
            normal(a - b)
            for f, g in zip(ours, pairing, strict=True)
            for a, b in zip(_index(f), _index(g), strict=True)
        ]
        for extra in _bracket_pairings(t, away):
            solved = _propagate([*equations, *extra], set(t.variables))
            if solved is not None:
                yield {v: normal(solved[v].xreplace(back)) for v in t.variables}


def _bracket_pairings(t: Term, target: Term) -> Iterator[list[Expr]]:
    """Yield equations that make brackets of one term those of the other: none, then all."""
    yield []
    ours, theirs = (
        [f for f in u.factors if isinstance(f, Equal | Range)] for u in (t, target)
    )
    if not ours or len(ours) != len(theirs) or len(ours) > 6:
        return
    for order in permutations(theirs):
        kinds = [
            f.size == g.size
            if isinstance(f, Range) and isinstance(g, Range)
            else type(f) is type(g)
            for f, g in zip(ours, order, strict=True)
        ]
        if not all(kinds):
            continue
        flippable = [n for n, f in enumerate(ours) if isinstance(f, Equal)]
        for signs in product((1, -1), repeat=len(flippable)):
            sign = dict(zip(flippable, signs, strict=True))
            yield [
                normal(f.value - sign.get(n, 1) * g.value)
                for n, (f, g) in enumerate(zip(ours, order, strict=True))
            ]


def _head(f: Access | Apply) -> tuple[str, int, str]:
    if isinstance(f, Apply):
        return f.function, f.order, f.argument.tensor.name
    return "", 0, f.tensor.name


def _index(f: Factor) -> tuple[Expr, ...]:
    assert isinstance(f, Access | Apply)
    return f.argument.index if isinstance(f, Apply) else f.index


def _propagate(equations: list[Expr], unknown: set[Symbol]) -> dict[Symbol, Expr] | None:
    """Solve equations for the unknowns; a coefficient must divide the rest of its equation."""
    solved: dict[Symbol, Expr] = {}
    progress = True
    while progress and len(solved) < len(unknown):
        progress = False
        for e in equations:
            e = normal(e.xreplace(solved))
            open_ = sorted(symbols_of(e) & unknown - solved.keys(), key=lambda v: v.name)
            if len(open_) != 1:
                continue
            v = open_[0]
            c = coefficient(e, v)
            value = _quotient(normal(c * v - e), c) if len(monomials(c)) == 1 else None
            if value is not None:
                solved = {u: normal(s.xreplace({v: value})) for u, s in solved.items()}
                solved[v] = value
                progress = True
    return solved if len(solved) == len(unknown) else None


def join(left: Derivation, right: Derivation) -> Proof:
    """Chain left start -> common line -> right start, matching term by term.

    Raises:
        NotProvedError: some term of the left normal form has no partner.

    """
    if len(left.current) != len(right.current):
        raise NotProvedError(_both(left, right))
    free, order = list(range(len(right.current))), []
    for at in range(len(left.current)):
        partner = next((n for n in free if match(left, at, right.current[n])), None)
        if partner is None:
            raise NotProvedError(_both(left, right))
        free.remove(partner)
        order.append(partner)
    if order != sorted(order):
        left.apply("arrange", 0, order=tuple(order.index(n) for n in range(len(order))))
    steps = list(left.steps)
    for before, step in reversed(list(zip(right.lines, right.steps, strict=False))):
        steps.append(Step(step.rule, step.at, step.arguments, before, step.certificates))
    s = left.statement
    return Proof(s.name, s.variables, s.hypotheses, s.start, tuple(steps))


def _both(left: Derivation, right: Derivation) -> str:
    return (
        f"{left.statement.name}: no proof found; the normal forms are\n"
        f"  left:  {show(left.current)}\n  right: {show(right.current)}"
    )


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

    With lemmas the proof uses each of them, on the left side if it fits there, and leaves the
    named tensors folded as far as it can.

    Args:
        lhs: the left side.
        rhs: the right side.
        variables: the free indices with their sizes (None: all integers).
        hypotheses: conditions on the parameters.
        name: the theorem's name.
        lemmas: theorems that the proof is to cite.
        kept: a tensor whose indices the proof is to go on summing over, where there is a choice.

    Raises:
        NotProvedError: no proof was found; that refutes nothing.

    """
    left = Derivation(name, variables, hypotheses, lhs, rhs)
    right = Derivation(name, variables, hypotheses, rhs)
    right.table = left.table
    return replay(_found(left, right, lemmas, kept))


def _found(
    left: Derivation, right: Derivation, lemmas: Sequence[Theorem], kept: Tensor | None
) -> Proof:
    """Search for a proof that one start equals the other."""
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
    except NotProvedError:
        # one side may be split by remainders: split both
        if not [*split_equations(left), *split_equations(right)]:
            raise
        return join(left, right)


def tabulate(d: Derivation, target: Expression) -> bool:
    """Turn a product of tables of numbers into a product of brackets; say if there is one.

    Raises:
        NotProvedError: they differ at some point.

    """
    if len(d.current) != 1 or len(target) != 1 or target[0].variables:
        return False
    t, sizes = d.current[0], dict(d.statement.variables)
    for f in (*supports(t.factors, t.symbols), *target[0].factors):
        if isinstance(f, Range) and isinstance(f.value, Symbol) and f.size.is_Integer:
            # of two sizes the smaller one; a size that is a name is no number to compare with
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


def split_equations(d: Derivation) -> list[Expr]:
    """Split every equation by remainder that can be; return the moduli."""
    moduli: list[Expr] = []
    for at in range(len(d.current)):
        while (m := split_by_remainder(d, at)) is not None:
            moduli.append(m)
    return moduli


def split_by_remainder(d: Derivation, at: int) -> Expr | None:
    """Apply Euclid to the first equation it helps with; return the modulus, None if there is none.

    With ``s p = e + sum_i b_i v_i``, quotients ``e = s u + phi`` and ``v_i = s q_i + r_i`` turn
    ``p`` into ``u + sum_i b_i q_i + m`` where ``phi + sum_i b_i r_i = s m``: no division is left
    but that of remainders.
    """
    t = d.current[at]
    for f in t.factors:
        if not isinstance(f, Equal):
            continue
        p = next((v for v in t.variables if _divides_only(t, f, v)), None)
        if p is not None:
            _split(d, at, f, p)
            return modulus(f, p)[0]
    return None


def _divides_only(t: Term, f: Equal, p: Symbol) -> bool:
    """Say whether p is in this equation alone, with a modulus of one monomial, not yet split."""
    c = coefficient(f.value, p)
    others = [g for g in t.factors if isinstance(g, Equal | Range) and g != f]
    if c == 0 or len(monomials(c)) != 1 or any(p in symbols_of(g.value) for g in others):
        return False
    return any(isinstance(g, Access) and p in g.index for g in t.factors)


def modulus(f: Equal, p: Symbol) -> tuple[Expr, Expr]:
    """Return (s, R) with the equation written ``s p = R`` and the sign of s positive."""
    c = coefficient(f.value, p)
    rest = normal(f.value - c * p)
    negative = next(iter(monomials(c).values())) < 0
    return (normal(-c), rest) if negative else (c, normal(-rest))


def _split(d: Derivation, at: int, f: Equal, p: Symbol) -> None:
    s, value = modulus(f, p)
    t = d.current[at]
    inner = [v for v in t.variables if v != p and coefficient(value, v) != 0]
    outer = normal(value - sum(coefficient(value, v) * v for v in inner))
    place = Place(d.current, at, d.statement.facts)
    used = set(place.taken)

    def new(hint: str) -> Symbol:
        v = fresh(hint, used)
        used.add(v)
        return v

    u = new("u")
    d.apply("euclid", at, value=outer, modulus=s, variable=u)
    total: Expr = u
    change: dict[Symbol, Expr] = {}
    names: dict[Symbol, Symbol] = {}
    for v in inner:
        b = coefficient(value, v)
        quotient = _quotient(b, s)
        if quotient is not None:
            total += quotient * v
            continue
        q, r = new("q"), new("r")
        d.apply("euclid", at, value=v, modulus=s, variable=q)
        change[v], names[v] = s * q + r, r
        total += b * q
    m = new("m")
    change[p], names[p] = normal(total + m), m
    bound = d.current[at].variables
    mapping = tuple((v, normal(change.get(v, v))) for v in bound)
    d.apply("reindex", at, variables=tuple(names.get(v, v) for v in bound), mapping=mapping)


def _quotient(b: Expr, s: Expr) -> Expr | None:
    """Return b / s where every monomial of b is a multiple of the monomial s."""
    q = normal((b / s).expand())
    return q if all(k > 0 for m in monomials(q) for _, k in m) and _integral(q) else None


def _integral(e: Expr) -> bool:
    return all(c.q == 1 for c in monomials(e).values())

