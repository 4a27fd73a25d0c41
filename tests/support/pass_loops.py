"""The meaning of a fused pass: its loop nests run in exact numbers, and its steps one by one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from functools import reduce
from itertools import product
from operator import mul

from rot180.codegen.plans.fusion import FusedPass, FusedRead, FusedStep, FusedTerm
from rot180.codegen.plans.interpreter import Functions, Point, interpret
from rot180.codegen.plans.pass_nests import FusedNest, FusedPart, pass_nests
from rot180.codegen.plans.plan import Plan
from rot180.derive.gradients.program_steps import SelectionStep
from rot180.derive.language.polynomial import number

Entries = dict[Point, Fraction]


class UnsetError(Exception):
    """An entry is read before it has a value."""


class PassLoops:
    """Runs the nests of a pass; what a row computes is forgotten when the next row begins."""

    def __init__(
        self,
        found: FusedPass,
        sizes: Mapping[str, int],
        values: Mapping[str, Entries],
        functions: Functions,
    ) -> None:
        self.found, self.sizes, self.values, self.functions = found, sizes, values, functions
        self.domain = [int(number(n, sizes)) for n in found.domain]
        self.made = {s.tensor.name: s for s in found.steps}
        self.rows: dict[str, Entries] = {}

    def run(self) -> dict[str, Entries]:
        """Return the entries of each step.

        Raises:
            UnsetError: an entry is read or added to before it has a value.

        """
        results: dict[str, Entries] = {n: {} for n in self.made}
        spread = {n for n, s in self.made.items() if self.found.is_spread(s)}
        for n in spread:
            shape = self.made[n].tensor.shape
            points = product(*(range(int(number(size, self.sizes))) for size in shape if size))
            results[n] = dict.fromkeys(points, Fraction(0))
        for outer in product(*map(range, self.domain[: self.found.outer])):
            self.rows = {n: results[n] if n in spread else {} for n in self.made}
            for n, s in self.made.items():
                if not self.found.inner(s.axes) and n not in spread:
                    self.rows[n] = {tuple(outer[a] for a in s.axes): Fraction(0)}
            for nest in pass_nests(self.found):
                self._nest(nest, outer)
            for n in self.made:
                results[n].update(self.rows[n])
        return results

    def _nest(self, nest: FusedNest, outer: Point) -> None:
        if nest.parts[0].kind == "first":
            self._first(nest.parts[0], outer)
            return
        seen: set[tuple[str, Point]] = set()
        for inner in product(*(range(self.domain[a]) for a in nest.loops)):
            env = dict(enumerate(outer)) | dict(zip(nest.loops, inner, strict=True))
            for part in nest.parts:
                self._part(part, env, seen)

    def _part(self, part: FusedPart, env: Mapping[int, int], seen: set[tuple[str, Point]]) -> None:
        row, at = self.rows[part.name], tuple(env[a] for a in part.step.axes)
        if part.kind in ("zero", "begin"):
            row[at] = Fraction(0)
            return
        value = sum((self._term(t, env) for t in part.terms), Fraction(0))
        if part.kind == "set":
            row[at] = value
        elif at not in row:
            raise UnsetError
        elif part.kind == "add":
            row[at] += value
        else:
            assert isinstance(part.step.step, SelectionStep)
            better = max if part.step.step.selection.kind == "max" else min
            row[at] = better(row[at], value) if (part.name, at) in seen else value
            seen.add((part.name, at))

    def _term(self, t: FusedTerm, env: Mapping[int, int]) -> Fraction:
        return reduce(mul, (self._read(r, env) for r in t.reads), number(t.coefficient, self.sizes))

    def _read(self, r: FusedRead, env: Mapping[int, int]) -> int | Fraction:
        at = tuple(env[a] for a in r.axes)
        known = self.rows.get(r.tensor.name, self.values.get(r.tensor.name, {}))
        if at not in known:
            raise UnsetError
        return self.functions[r.function, r.order](known[at]) if r.function else known[at]

    def _first(self, part: FusedPart, outer: Point) -> None:
        assert isinstance(part.step.step, SelectionStep)
        source = part.step.step.selection.source.name
        known = self.rows.get(source, self.values.get(source, {}))
        inner = product(*(range(self.domain[a]) for a in part.loops))
        points = [(*outer, *at) for at in inner]
        if any(at not in known for at in points):
            raise UnsetError
        better = max if part.step.step.selection.kind == "max" else min
        row = self.rows[part.name]
        row.update(dict.fromkeys(points, Fraction(0)))
        if points:
            row[better(points, key=lambda at: known[at])] = Fraction(1)


def one_by_one(
    steps: Sequence[tuple[FusedStep, Plan | None]],
    sizes: Mapping[str, int],
    values: Mapping[str, Entries],
    functions: Functions,
) -> dict[str, Entries]:
    """Return the entries of each step, each from arguments and the steps before it."""
    known = dict(values)
    for s, plan in steps:
        if plan is None:
            known[s.tensor.name] = _selected(s, sizes, known)
        else:
            known[s.tensor.name] = interpret(plan, sizes, known, functions)
    return {s.tensor.name: known[s.tensor.name] for s, _ in steps}


def _selected(s: FusedStep, sizes: Mapping[str, int], known: Mapping[str, Entries]) -> Entries:
    assert isinstance(s.step, SelectionStep)
    of = s.step.selection
    shape = [int(number(n, sizes)) for n in of.source.shape if n is not None]
    kept = [a for a in range(len(shape)) if a not in of.axes]
    source, better = known[of.source.name], max if of.kind == "max" else min
    out: Entries = {}
    for at in product(*(range(shape[a]) for a in kept)):
        group = [p for p in _points(shape) if all(p[a] == i for a, i in zip(kept, at, strict=True))]
        if s.step.is_value:
            out[at] = better((source[p] for p in group), default=Fraction(0))
        else:
            out |= dict.fromkeys(group, Fraction(0))
            if group:
                out[better(group, key=lambda p: source[p])] = Fraction(1)
    return out


def _points(shape: Sequence[int]) -> Iterator[Point]:
    return product(*map(range, shape))
