"""The printed C of small sums, executed on polynomials: which entries its pointers reach.

Every integer and pointer is a polynomial in the sizes, strides, addresses and loop variables, the
ends of each clipped range symbols of their own. So what is read back holds for all sizes: it is a
proof, given what C's loops, assignments and `rot180_clip` do (`test_runtime_c.py` tests that), not
a sample. A pointer that starts at another range than its loop, or moves by another stride, keeps a
symbol that no plan has.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

import sympy as sp
from sympy import Expr, Symbol

from rot180.codegen.kernels.names import array_name, name
from rot180.codegen.kernels.scalar_loops import ScalarLoops
from rot180.codegen.plans.plan import Box, Nest, Operand, named
from rot180.derive.language.polynomial import normal, symbol, symbols_of
from tests.support.printed_plans import Entry, PrintedNest, inside, polynomial, renamed, total

Pair = tuple[Expr, Expr]
Condition = tuple[Expr, Expr, Expr]  # a slope, a rest, a size


def planned_pointers(nest: Nest, output: str) -> PrintedNest:
    """Return what the small form of a nest must be read back as."""
    order = sorted((loop.variable for loop in nest.loops), key=lambda v: v in nest.k)
    out = PrintedNest(
        steps=[("loop", name(v.name), "k" if v in nest.k else "") for v in order],
        output=(output, tuple(map(total, nest.output))),
        coefficient=renamed(nest.coefficient),
    )
    for b in (b for loop in nest.loops for b in loop.bounds):
        out.holds |= inside(total(b.value), renamed(b.size))
    entries = [out.output]
    for f in nest.factors:
        if isinstance(f, Box):
            out.holds |= inside(total(f.value), renamed(f.size))
        else:
            entries.append((array_name(f), tuple(map(total, f.index))))
    out.factors = entries[1:]
    for array, index in entries:
        for axis, e in enumerate(index):
            out.holds |= inside(e, symbol(f"_shape_{axis}_{array}"))
    return out


def read_pointers(small: ScalarLoops, nest: Nest, numbers: Sequence[str]) -> PrintedNest:
    """Execute a small sum.

    Args:
        small: the function, as printed.
        nest: the sum; it says the rank of each array, nothing else.
        numbers: the integers and real numbers that the C part names.

    """
    arrays = {array_name(f): len(f.index) for f in nest.factors if isinstance(f, Operand)}
    typed = [part.split()[-1].lstrip("*") for part in small.typed.split(", ")]
    given = [word for word in typed if word not in ("_sum", "_fresh")]
    assert small.passed[small.passed.index("_at_") :].split(", ") == given
    counted = {*numbers, *(name(v.name) for step in nest.outer for v in named(step))}
    machine = _Machine(
        arrays, {word: symbol(word) for word in counted & {*given}}, len(nest.output)
    )
    body = ast.parse(_python("\n".join(small.body))).body
    last = body.pop()
    assert isinstance(last, ast.Return) and ast.unparse(last) == "return True"
    machine.run(body, 0)
    assert machine.stores == machine.sums == 1
    return machine.out


def _python(text: str) -> str:
    """Write addresses, strides and shapes as names; casts and `&` say nothing of the values."""
    text = re.sub(r"<char \*>_at_(\w+)\.buf", r"_buffer_\1", text)
    text = re.sub(r"_at_(\w+)\.(strides|shape)\[(\d+)\]", r"_\2_\3_\1", text)
    return re.sub(r"<(real \*|real|double)>|&", "", text)


class _Machine:
    """Integers and pointers as polynomials.

    Attributes:
        out: the loops, conditions and entries found.
        env: the values.
        ranges: of each pair of ends, what is true between them, and nowhere else.
        stores: how many statements write.
        sums: how many statements add to the sum.
        summing: at which depth the sum began, while it is not yet written.

    """

    def __init__(self, arrays: dict[str, int], env: dict[str, Expr], rank: int) -> None:
        self.out, self.env, self.rank, self.arrays = PrintedNest(), env, rank, arrays
        self.ranges: dict[Pair, list[Condition]] = {}
        self.stores = self.sums = 0
        self.summing: int | None = None

    def value(self, node: ast.expr) -> Expr:
        """Evaluate a polynomial; every name has a value."""
        found = polynomial(node)
        new = {v: self.env[v.name] for v in symbols_of(found) if not _is_memory(v)}
        return normal(found.xreplace(new))

    def run(self, body: Sequence[ast.stmt], depth: int) -> None:
        """Run statements; after the first that moves a pointer, only such statements come."""
        for at, now in enumerate(body):
            if isinstance(now, ast.If):
                assert not depth and not now.orelse, "a function may only return before it writes"
                assert [ast.unparse(line) for line in now.body] == ["return False"]
                self.leave(now.test)
            elif isinstance(now, ast.Expr):
                self.clip(now.value)
            elif isinstance(now, ast.For):
                self.loop(now, depth)
            elif isinstance(now, ast.Assign):
                self.assign(now, depth)
            elif isinstance(now, ast.AugAssign) and ast.unparse(now.target) == "_sum":
                self.add(now)
            else:
                assert depth and all(isinstance(line, ast.AugAssign) for line in body[at:])
                return

    def leave(self, test: ast.expr) -> None:
        """Read a condition: where it does not hold, nothing was written."""
        assert not self.stores
        if isinstance(test, ast.Name):
            assert test.id == "_fresh"
            return
        assert isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)
        held = test.operand
        if isinstance(held, ast.Compare):
            assert [type(op) for op in held.ops] == [ast.LtE, ast.Lt]
            assert polynomial(held.left) == 0
            self.out.holds |= inside(*map(self.value, held.comparators))
        else:
            assert isinstance(held, ast.Call) and ast.unparse(held.func) == "rot180_small"

    def clip(self, call: ast.expr) -> None:
        """Give the ends of a range new values, between which a condition holds, too."""
        assert isinstance(call, ast.Call) and ast.unparse(call.func) == "rot180_clip"
        slope, rest, size = map(self.value, call.args[:3])
        first, stop = (_word(e) for e in call.args[3:])
        held = self.held((self.env[first], self.env[stop]))
        number = len(self.ranges)
        new = symbol(f"first#{number}"), symbol(f"stop#{number}")
        self.ranges[new] = [*held, (slope, rest, size)]
        self.env[first], self.env[stop] = new

    def held(self, ends: Pair) -> list[Condition]:
        """Return what is true between two ends."""
        if ends in self.ranges:
            return self.ranges[ends]
        if ends == (-symbol("ENDLESS"), symbol("ENDLESS")):
            return []
        assert ends[0] == 0, ends
        return [(sp.S.One, sp.S.Zero, ends[1])]

    def loop(self, now: ast.For, depth: int) -> None:
        """Run a loop once, for any value of its variable."""
        word, call = _word(now.target), now.iter
        assert isinstance(call, ast.Call) and ast.unparse(call.func) == "range"
        ends, v = [*map(self.value, call.args)], symbol(word)
        moved = {_word(m.target): self.value(m.value) for m in _moves(now.body)}
        assigned = {
            target.id
            for part in ast.walk(now)
            for target in getattr(part, "targets", [getattr(part, "target", None)])
            if isinstance(target, ast.Name)
        }
        if len(ends) == 1:
            found = [pair for pair in self.ranges if pair[1] - pair[0] == ends[0]]
            first, stop = found[0] if found else (sp.S.Zero, ends[0])
        else:
            first, stop = ends
        places = {p: normal(self.env[p] + (v - first) * by) for p, by in moved.items()}
        self.env = {word: e for word, e in self.env.items() if word not in assigned} | places
        self.env[word] = v if len(ends) == 2 else normal(v - first)
        for slope, rest, size in self.held((first, stop)):
            self.out.holds |= inside(slope * v + rest, size)
        self.out.steps.append(("loop", word, "" if self.summing is None else "k"))
        self.run(now.body, depth + 1)
        self.env = {word: e for word, e in self.env.items() if word not in assigned}

    def assign(self, now: ast.Assign, depth: int) -> None:
        """Give a name a value, or an entry of the output the sum."""
        (target,) = now.targets
        if isinstance(target, ast.Name) and target.id == "_sum":
            assert ast.unparse(now.value) == "0" and not self.sums
            self.summing = depth
            return
        if isinstance(target, ast.Name):
            self.env[target.id] = self.value(now.value)
            return
        assert self.sums and depth == self.summing, "a sum is written where it began"
        self.stores, self.summing = self.stores + 1, None
        place, added, given = ast.unparse(target), now.value, None
        if isinstance(added, ast.IfExp):
            assert ast.unparse(added.test) == "_fresh"
            given, added = ast.unparse(added.body), added.orelse
        assert isinstance(added, ast.BinOp) and isinstance(added.op, ast.Add)
        assert ast.unparse(added.left) == place
        assert given in (None, ast.unparse(added.right))
        self.out.output = self.entry(target)
        scale = polynomial(added.right)
        by = {v: self.env[v.name] for v in symbols_of(scale) if v.name != "_sum"}
        self.out.coefficient = normal(scale.xreplace({symbol("_sum"): sp.S.One, **by}))
        assert normal(scale - scale.xreplace({symbol("_sum"): sp.S.One}) * symbol("_sum")) == 0

    def add(self, now: ast.AugAssign) -> None:
        """Read a product that is added to the sum."""
        assert isinstance(now.op, ast.Add) and self.summing is not None
        self.sums += 1
        node = now.value
        while isinstance(node, ast.BinOp):
            assert isinstance(node.op, ast.Mult)
            self.out.factors.insert(0, self.entry(node.right))
            node = node.left
        if isinstance(node, ast.Subscript):
            self.out.factors.insert(0, self.entry(node))
        else:
            assert ast.unparse(node) == "1"

    def entry(self, node: ast.expr) -> Entry:
        """Read where a pointer points: an array, and the multiple of each of its strides."""
        assert isinstance(node, ast.Subscript) and ast.unparse(node.slice) == "0"
        place = self.env[_word(node.value)]
        (array,) = (v.name[8:] for v in symbols_of(place) if v.name.startswith("_buffer_"))
        rank = self.arrays.get(array, self.rank)
        strides = [symbol(f"_strides_{axis}_{array}") for axis in range(rank)]
        index = tuple(normal(sp.diff(sp.expand(place), stride)) for stride in strides)
        reached = sum((e * by for e, by in zip(index, strides, strict=True)), sp.S.Zero)
        assert normal(place - symbol(f"_buffer_{array}") - reached) == 0, place
        return array, index


def _is_memory(v: Symbol) -> bool:
    return bool(re.match(r"_(buffer|strides|shape)_|ENDLESS$", v.name))


def _word(node: ast.expr) -> str:
    assert isinstance(node, ast.Name)
    return node.id


def _moves(body: Sequence[ast.stmt]) -> list[ast.AugAssign]:
    found = [now for now in body if isinstance(now, ast.AugAssign)]
    moves = [now for now in found if ast.unparse(now.target) != "_sum"]
    assert all(isinstance(now.op, ast.Add) for now in moves)
    assert len({_word(now.target) for now in moves}) == len(moves)
    return moves
