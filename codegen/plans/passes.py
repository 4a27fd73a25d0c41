"""Passes: from a term of the language to a nest of loops, one rewriting at a time.

Each pass maps a `Draft` to a `Draft` with the same value for all sizes; the last one arranges the
result as a `Nest`. No pass knows what a term computes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from sympy import Expr, Integer, Symbol, gcd

from rot180.codegen.plans.plan import (
    Affine,
    Box,
    Factor,
    Loop,
    Nest,
    Operand,
    Phase,
    Solved,
    affine,
)
from rot180.derive.language.polynomial import coefficient, normal, symbols_of
from rot180.derive.language.substitute import fresh
from rot180.derive.language.terms import Access, Apply, AtLeast, Condition, Equal, Range, Term


class LoweringError(ValueError):
    """A theorem or term that no kernel can be made of."""


@dataclass(frozen=True)
class Draft:
    """A term on its way to a nest.

    Attributes:
        coefficient: its coefficient.
        variables: the variables that are summed or run over, output first.
        output: the index that is written.
        accesses: the operands.
        ranges: brackets ``[0 <= e < n]``, the output's box among them.
        equations: brackets ``[e = 0]``.
        outer: phases and solved variables found so far.
        hypotheses: what is known of the parameters.
        taken: names that are in use elsewhere.

    """

    coefficient: Expr
    variables: tuple[Symbol, ...]
    output: tuple[Expr, ...]
    accesses: tuple[Access | Apply, ...]
    ranges: tuple[Range, ...]
    equations: tuple[Expr, ...]
    hypotheses: tuple[Condition, ...]
    taken: frozenset[Symbol] = frozenset()
    outer: tuple[Phase | Solved, ...] = ()

    @property
    def constants(self) -> frozenset[Symbol]:
        """Return the variables that are fixed outside the loops."""
        return frozenset(o.variable for o in self.outer)

    @property
    def loops(self) -> tuple[Symbol, ...]:
        """Return the variables that are loops: those of the output first, axis by axis."""
        inside = [v for v in self.variables if v not in self.constants]
        first = [v for e in self.output for v in inside if v in symbols_of(e)]
        return tuple(dict.fromkeys((*first, *inside)))


def draft(
    variables: Sequence[tuple[Symbol, Expr]],
    term: Term,
    hypotheses: tuple[Condition, ...] = (),
    taken: frozenset[Symbol] = frozenset(),
) -> Draft:
    """Start from a term over free tensors.

    Raises:
        LoweringError: the term has a defined tensor or a pending derivative in it, or a scalar
            function of an entry that may be outside its tensor's box.

    """
    ranges = [Range(v, n) for v, n in variables]
    accesses: list[Access | Apply] = []
    equations: list[Expr] = []
    for f in term.factors:
        if isinstance(f, Range):
            ranges.append(f)
        elif isinstance(f, Equal):
            equations.append(f.value)
        elif isinstance(f, Access | Apply):
            if _entry(f).tensor.definition is not None:
                raise LoweringError(f"{_entry(f).tensor.name} is a defined tensor: unfold it first")
            accesses.append(f)
        else:
            raise LoweringError("a derivative is still pending: only a finished sum can be lowered")
    inside = {*ranges, *(r for a in accesses if isinstance(a, Access) for r in _box(a))}
    for a in accesses:
        if not set(_box(a)) <= inside:
            raise LoweringError(
                f"a scalar function of {_entry(a).tensor.name} is used outside its box: "
                "multiply it by the bracket of the box"
            )
    free = tuple(v for v, _ in variables)
    return Draft(
        term.coefficient,
        (*free, *term.variables),
        free,
        tuple(accesses),
        tuple(dict.fromkeys(ranges)),
        tuple(equations),
        hypotheses,
        taken,
    )


def _entry(a: Access | Apply) -> Access:
    return a.argument if isinstance(a, Apply) else a


def _box(a: Access | Apply) -> tuple[Range, ...]:
    entry = _entry(a)
    return tuple(
        Range(e, n) for e, n in zip(entry.index, entry.tensor.shape, strict=True) if n is not None
    )


def _substitute(d: Draft, by: Mapping[Symbol, Expr]) -> Draft:
    def new(e: Expr) -> Expr:
        return normal(e.xreplace(dict(by)))

    def entry(a: Access) -> Access:
        return Access(a.tensor, tuple(new(e) for e in a.index))

    return replace(
        d,
        variables=tuple(v for v in d.variables if v not in by),
        output=tuple(new(e) for e in d.output),
        accesses=tuple(
            Apply(a.function, a.order, entry(a.argument)) if isinstance(a, Apply) else entry(a)
            for a in d.accesses
        ),
        ranges=tuple(dict.fromkeys(Range(new(r.value), r.size) for r in d.ranges)),
        equations=tuple(new(e) for e in d.equations),
    )


def _symbols(d: Draft) -> set[Symbol]:
    found = {*d.variables, *symbols_of(d.coefficient), *d.taken}
    for r in (*d.ranges, *(r for a in d.accesses for r in _box(a))):
        found |= symbols_of(r.value) | symbols_of(r.size)
    return found.union(*(symbols_of(e) for e in d.equations))


def name_remainders(d: Draft) -> Draft:
    """Replace v by its remainder phi, where a bracket is ``[0 <= v + e - s*u < s]``.

    ``phi = v + e - s*u`` is one to one in v for each u, so ``v = phi + s*u - e`` everywhere.
    What is a remainder already, ``[0 <= v < s]``, keeps its name.
    """
    for r in d.ranges:
        e = r.value
        inside = [v for v in d.variables if v in symbols_of(e)]
        for u in inside:
            if normal(coefficient(e, u) ** 2 - r.size**2) != 0:
                continue
            for v in inside:
                if v != u and coefficient(e, v) in (1, -1) and Range(v, r.size) not in d.ranges:
                    phi = fresh("phi", _symbols(d))
                    value = normal(v + coefficient(e, v) * (phi - e))
                    new = _substitute(d, {v: value})
                    at = d.variables.index(v)
                    rest = [w for w in d.variables if w != v]
                    rest.insert(at, phi)
                    return name_remainders(replace(new, variables=tuple(rest)))
    return d


def positive(e: Expr, hypotheses: Iterable[Condition]) -> bool:
    """Say whether a polynomial is known to be at least 1."""
    if e.is_Integer:
        return bool(e > 0)
    return any(isinstance(h, AtLeast) and normal(h.value - e + 1) == 0 for h in hypotheses)


def _size(d: Draft, v: Symbol) -> Expr | None:
    """Return n where ``[0 <= v < n]`` is a factor."""
    sizes = [r.size for r in d.ranges if r.value == v]
    return sizes[0] if len(sizes) == 1 else None


def solve_by_phases(d: Draft) -> Draft:
    """Solve ``[c*m + e = 0]`` for m where all other variables are remainders modulo c.

    The remainders become phases: few values, known outside the loops; m is then a number, and no
    zero is ever multiplied.
    """
    for e in d.equations:
        inside = [v for v in d.variables if v in symbols_of(e)]
        for m in inside:
            if m in d.output or m in d.constants:
                continue
            c = coefficient(e, m)
            divisor = c if positive(c, d.hypotheses) else normal(-c)
            if not positive(divisor, d.hypotheses):
                continue
            others = [v for v in inside if v != m and v not in d.constants]
            if any(_size(d, v) != divisor for v in others):
                continue
            rest = normal(e - c * m)
            value = normal(-rest) if c == divisor else rest
            phases: list[Phase | Solved] = [Phase(v, divisor) for v in others]
            outer = (*phases, Solved(m, value, divisor))
            new = replace(
                d,
                outer=(*d.outer, *outer),
                equations=tuple(f for f in d.equations if f != e),
                ranges=tuple(r for r in d.ranges if r.value not in others),
            )
            return solve_by_phases(new)
    return d


def fix_remainders(d: Draft) -> Draft:
    """Make remainders phases until every axis of the output has one loop at most.

    Raises:
        LoweringError: an axis of the output has two loops that are no remainders.

    """
    for e in d.output:
        inside = [v for v in d.loops if v in symbols_of(e)]
        if len(inside) > 1:
            for v in inside:
                if (n := _size(d, v)) is not None:
                    ranges = tuple(r for r in d.ranges if r.value != v)
                    return fix_remainders(
                        replace(d, outer=(*d.outer, Phase(v, n)), ranges=ranges)
                    )
            raise LoweringError(f"the output index {e} has two loops in it")
    return d


def sift(d: Draft) -> Draft:
    """Use ``[+-v + e = 0]`` to remove a variable v that the output does not contain."""
    for e in d.equations:
        for v in d.variables:
            written = any(v in symbols_of(o) for o in d.output)
            if not written and v not in d.constants and coefficient(e, v) in (1, -1):
                value = normal(v - coefficient(e, v) * e)
                rest = replace(d, equations=tuple(f for f in d.equations if f != e))
                return sift(_substitute(rest, {v: value}))
    return d


PASSES: tuple[Callable[[Draft], Draft], ...] = (
    name_remainders,
    solve_by_phases,
    sift,
    fix_remainders,
)
"""The passes, in order; what they leave of an equation is tested point by point."""


def arrange(d: Draft) -> Nest:
    """Give every loop its bounds and its class.

    Raises:
        LoweringError: nothing bounds a loop.

    """
    loops = d.loops
    ranges = [Box(affine(r.value, loops), r.size) for r in d.ranges]
    supports = [Box(affine(r.value, loops), r.size) for a in d.accesses for r in _box(a)]
    conditions = [*ranges, *(Box(affine(e, loops), Integer(1)) for e in d.equations)]
    fixed = [b for b in conditions if not b.loops]
    tests = [b for b in conditions if len(b.loops) > 1 and b not in supports]
    bounds = list(dict.fromkeys((*conditions, *supports)))
    operands = [_operand(a, loops) for a in d.accesses]
    output = tuple(affine(e, loops) for e in d.output)
    left, right = _sides([*operands, *tests], {v for e in output for v in e.loops})
    written = [v for v in loops if any(v in e.loops for e in output)]
    on_left = {v for f in left for v in f.loops}
    on_right = {v for f in right for v in f.loops}
    return Nest(
        coefficient=d.coefficient,
        outer=(*d.outer, *fixed),
        loops=_bounded(loops, bounds, d.hypotheses),
        left=tuple(left),
        right=tuple(right),
        batch=tuple(v for v in written if v in on_left and v in on_right),
        m=tuple(v for v in written if v not in on_right),
        n=tuple(v for v in written if v in on_right and v not in on_left),
        k=tuple(v for v in loops if v not in written),
        output=output,
    )


def _operand(a: Access | Apply, loops: Sequence[Symbol]) -> Operand:
    entry = _entry(a)
    index = tuple(affine(e, loops) for e in entry.index)
    if isinstance(a, Apply):
        return Operand(entry.tensor, index, a.function, a.order)
    return Operand(entry.tensor, index)


def _bounded(
    loops: Sequence[Symbol], boxes: list[Box], hypotheses: tuple[Condition, ...]
) -> tuple[Loop, ...]:
    """Order the loops so that each is bounded by boxes with earlier loops alone in them."""
    boxes = [*boxes, *_combined([b for b in boxes if len(b.loops) > 1])]
    known: list[Loop] = []

    def usable(v: Symbol, earlier: set[Symbol], certain: bool) -> tuple[Box, ...]:
        found = [b for b in boxes if v in b.loops and set(b.loops) <= {*earlier, v}]
        if any(_certain(b, v, hypotheses) for b in found) or (found and not certain):
            return tuple(found)
        return ()

    waiting = list(loops)
    while waiting:
        done = {loop.variable for loop in known}
        for earlier, certain in ((set(), True), (done, True), (done, False)):
            found = [(v, b) for v in waiting if (b := usable(v, earlier, certain))]
            if found:
                break
        else:
            names = ", ".join(v.name for v in waiting)
            raise LoweringError(f"nothing bounds the loops over {names}")
        for v, bounds in found[: 1 if earlier else None]:
            known.append(Loop(v, _simplest(v, bounds, hypotheses)))
            waiting.remove(v)
    return tuple(known)


def _certain(b: Box, v: Symbol, hypotheses: tuple[Condition, ...]) -> bool:
    c = dict(b.value.coefficients)[v]
    return positive(c, hypotheses) or positive(normal(-c), hypotheses)


def _simplest(
    v: Symbol, bounds: tuple[Box, ...], hypotheses: tuple[Condition, ...]
) -> tuple[Box, ...]:
    """Drop the boxes with other loops where those without will do."""
    alone = tuple(b for b in bounds if b.loops == (v,))
    return alone if any(_certain(b, v, hypotheses) for b in alone) else bounds


def _combined(boxes: list[Box]) -> list[Box]:
    """Eliminate variables between boxes with numbers as coefficients: Fourier and Motzkin's step.

    ``x[p + k] * w[p - k]`` bounds neither index directly, but ``2*p`` and ``2*k`` are bounded.
    """
    out = [b for b in boxes if all(c.is_Integer for _, c in b.value.coefficients)]
    rounds = len({v for b in out for v in b.loops}) - 1
    found: list[Box] = []
    for _ in range(rounds):
        new = []
        for a, b in combinations(out, 2):
            for v in set(a.loops) & set(b.loops):
                new += [c for c in _eliminate(v, a, b) if c not in found and c not in new]
        found += new
        out = [*out, *new]
    return sorted(found, key=lambda b: [v.name for v in b.loops])


def _eliminate(v: Symbol, a: Box, b: Box) -> list[Box]:
    in_a, in_b = dict(a.value.coefficients), dict(b.value.coefficients)
    common = gcd(in_a[v], in_b[v])
    left, right = in_b[v] / common, -in_a[v] / common
    loops = tuple(dict.fromkeys((*a.loops, *b.loops)))
    coefficients = {w: left * in_a.get(w, 0) + right * in_b.get(w, 0) for w in loops}
    kept = tuple((w, c) for w, c in coefficients.items() if c != 0)
    if not kept:
        return []
    sides = ((left, a.size), (right, b.size))
    low = sum(c * (n - 1) for c, n in sides if c < 0)
    size = normal(sum(abs(c) * (n - 1) for c, n in sides) + 1)
    constant = normal(left * a.value.constant + right * b.value.constant - low)
    return [Box(Affine(constant, kept), size)]


def _sides(factors: Sequence[Factor], written: set[Symbol]) -> tuple[list[Factor], list[Factor]]:
    """Part the factors into two sides with output loops of their own, or leave them on one.

    Two sides make a matrix product; best is the parting with the fewest loops on both sides and
    in the output, then the one whose larger side has the fewest loops.
    """
    best: tuple[tuple[int, int], list[Factor], list[Factor]] | None = None
    for count in range(1, len(factors)):
        for chosen in combinations(range(len(factors)), count):
            left = [f for i, f in enumerate(factors) if i in chosen]
            right = [f for i, f in enumerate(factors) if i not in chosen]
            on_left = {v for f in left for v in f.loops}
            on_right = {v for f in right for v in f.loops}
            if not (on_left - on_right) & written or not (on_right - on_left) & written:
                continue
            cost = (len(on_left & on_right & written), max(len(on_left), len(on_right)))
            if 0 in chosen and (best is None or cost < best[0]):
                best = (cost, left, right)
    return (best[1], best[2]) if best else (list(factors), [])
