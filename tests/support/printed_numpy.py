"""Printed NumPy, read back into nests with Python's own parser.

Arrays read at an index are zero outside, so their indices are inside. Slices are taken as they
are: their indices have to be inside by the loops' bounds, or the plan is another one.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from sympy import Expr

from rot180.codegen.kernels.expressions import loop_size
from rot180.codegen.kernels.names import array_name, name
from rot180.codegen.kernels.numpy_backend import NumpyKernel
from rot180.codegen.plans.plan import Nest, Operand
from rot180.derive.language.polynomial import normal, symbol, symbols_of
from tests.support.printed_plans import (
    Printed,
    PrintedNest,
    inside,
    planned,
    polynomial,
    read_shape,
    read_steps,
    renamed,
    running,
    word_of,
)

Shapes = Mapping[str, Sequence[Expr]]
Entry = tuple[str, tuple[Expr, ...]]
SUMS = {"add_product", "add_spread", "add_taps"}


def planned_numpy(kernel: NumpyKernel) -> list[list[Printed]]:
    """Return of each order of contraction which arrays must be made, and which nests printed."""
    orders: list[list[Printed]] = []
    for plan in kernel.plan.orders:
        orders.append([])
        for i in plan.intermediates:
            word = name(i.tensor.name)
            orders[-1].append((word, tuple(map(renamed, i.shape))))
            orders[-1] += [_planned(nest, word) for nest in i.nests]
            if i.running:
                orders[-1].append(running(word, i.running.axis, i.running.step))
        orders[-1] += [_planned(nest, kernel.output) for nest in plan.nests]
    return orders


def _planned(nest: Nest, output: str) -> PrintedNest:
    """Return what a nest must be printed as: loops in any order, those of no array as factors."""
    out = planned(nest, output, "plain")
    factors = [f for f in nest.factors if isinstance(f, Operand)]
    pairs = zip(factors, out.factors, strict=True)
    out.factors = _sorted((array_name(f), index) for f, (_, index) in pairs)
    used = {v for f in nest.factors for v in f.loops} | {v for e in nest.output for v in e.loops}
    out.steps, inner = out.steps[: len(out.steps) - len(nest.loops)], []
    for loop in nest.loops:
        v, size = name(loop.variable.name), loop_size(loop)
        if loop.variable not in used:
            extent = symbol(f"len_{v}") if size is None else renamed(size)
            out.coefficient = normal(out.coefficient * extent)
        if loop.variable in used or size is None:
            inner.append(("loop", v, "k" if loop.variable in nest.k else ""))
        else:
            out.holds -= inside(symbol(v), renamed(size))
    out.steps += sorted(inner)
    return out


def _sorted(factors: Iterable[Entry]) -> list[Entry]:
    return sorted(factors, key=str)


def equal(found: Sequence[Sequence[Printed]], wanted: Sequence[Sequence[Printed]]) -> bool:
    """Say whether two prints are the same; loops without names are named by their axes."""
    return [len(order) for order in found] == [len(order) for order in wanted] and all(
        a == (_unnamed(b) if isinstance(a, PrintedNest) and _is_unnamed(a) else b)
        for one, other in zip(found, wanted, strict=True)
        for a, b in zip(one, other, strict=True)
    )


def _is_unnamed(nest: PrintedNest) -> bool:
    return any(step[0] == "loop" and step[1].startswith("_") for step in nest.steps)


def _unnamed(nest: Printed) -> PrintedNest:
    assert isinstance(nest, PrintedNest)
    ((array, index),) = nest.factors
    names = {e: symbol(f"_f{axis}") for axis, e in enumerate(index)}
    names |= {e: symbol(f"_o{axis}") for axis, e in enumerate(nest.output[1])}
    names = {v: new for v, new in names.items() if v.is_Symbol}
    word = {str(v): str(new) for v, new in names.items()}
    outer = [step for step in nest.steps if step[1] not in word]
    inner = [("loop", word[step[1]], *step[2:]) for step in nest.steps if step[1] in word]
    return replace(
        nest,
        steps=outer + sorted(inner),
        holds={normal(e.xreplace(names)) for e in nest.holds},
        factors=[(array, tuple(e.xreplace(names) for e in index))],
        output=(nest.output[0], tuple(e.xreplace(names) for e in nest.output[1])),
    )


def read_numpy(kernel: NumpyKernel, lines: Sequence[str]) -> list[list[Printed]]:
    """Read the statements of a kernel.

    Args:
        kernel: it says the shapes of its arrays, nothing else.
        lines: the statements.

    """
    shapes: dict[str, Sequence[Expr]] = {}
    for f in kernel.plan.operands:
        shapes[array_name(f)] = [renamed(n) for n in f.tensor.shape if n is not None]
    shapes[kernel.output] = [*map(renamed, kernel.plan.shape)]
    body = ast.parse("\n".join(lines)).body
    if not (body and ast.unparse(body[0]).startswith("_order = ")):
        return [_read_order(body, shapes)]
    orders: list[list[Printed]] = []
    choice = body[1:]
    while choice:
        (now,) = choice
        assert isinstance(now, ast.If) and ast.unparse(now.test) == f"_order == {len(orders)}"
        orders.append(_read_order(now.body, shapes))
        choice = now.orelse
    return orders


def _read_order(body: Sequence[ast.stmt], shapes: Shapes) -> list[Printed]:
    out: list[Printed] = []
    known, waiting = dict(shapes), list[ast.stmt]()
    for now in body:
        if isinstance(now, ast.Assign) and ast.unparse(now.value).startswith("zeros("):
            assert isinstance(now.value, ast.Call) and not waiting
            word, shape = word_of(now.targets[0]), read_shape(now.value.args[1])
            assert ast.literal_eval(now.value.args[0]) == word
            known[word] = shape
            out.append((word, shape))
            continue
        if ast.unparse(now).startswith("np.cumsum("):
            assert isinstance(now, ast.Expr) and not waiting
            out.append(_running(now.value))
            continue
        waiting.append(now)
        if not isinstance(now, ast.Assign):
            nest = PrintedNest()
            read_steps(waiting, nest, _Sum(known))
            out.append(nest)
            waiting = []
    assert not waiting
    return out


def _running(call: ast.expr) -> Printed:
    """Read ``np.cumsum(T[:, ::-1], 1, dtype, T[:, ::-1])``, or the same of all of an array."""
    assert isinstance(call, ast.Call) and not call.keywords
    view, axis, dtype, out = call.args
    assert ast.unparse(view) == ast.unparse(out) and word_of(dtype) == "dtype"
    along = int(polynomial(axis))
    if isinstance(view, ast.Name):
        return running(view.id, along, 1)
    assert isinstance(view, ast.Subscript)
    assert [ast.unparse(e) for e in _elements(view.slice)] == [*[":"] * along, "::-1"]
    return running(word_of(view.value), along, -1)


@dataclass
class _Sum:
    """Reads what is innermost: loops, the choice of a function, a call or an addition."""

    shapes: Shapes

    def __call__(self, body: Sequence[ast.stmt], into: PrintedNest) -> None:
        """Read statements into a nest."""
        *before, last = body
        self.into, self.printed, self.chosen = into, list[str](), set[str]()
        for now in before:
            assert isinstance(now, ast.Assign), ast.unparse(now)
            self._assign(now)
        if isinstance(last, ast.AugAssign):
            assert isinstance(last.op, ast.Add) and not before
            self._one_array(last)
        else:
            assert isinstance(last, ast.Expr) and isinstance(last.value, ast.Call)
            self._call(last.value)

    def _assign(self, now: ast.Assign) -> None:
        """Read loops, or a choice of a function."""
        (target,) = now.targets
        if isinstance(target, ast.Name) and target.id == "add":
            self.chosen |= {*_choices(now.value)}
            assert self.chosen <= SUMS
            return
        targets = target.elts if isinstance(target, ast.Tuple) else [target]
        words = [*map(word_of, targets)]
        self.printed += words
        if isinstance(now.value, ast.Call) and word_of(now.value.func) == "loops":
            assert isinstance(target, ast.Tuple)
            for v, n in zip(words, now.value.args, strict=True):
                self.into.holds |= inside(symbol(v), polynomial(n))
            return
        values = _elements(now.value)
        for v, call in zip(words, values, strict=True):
            assert isinstance(call, ast.Call) and word_of(call.func) == "span"
            for bound in call.args:
                assert isinstance(bound, ast.Tuple)
                step, rest, size = map(polynomial, bound.elts)
                self.into.holds |= inside(step * symbol(v) + rest, size)

    def _call(self, call: ast.Call) -> None:
        """Read ``add_product(out, "i k, k j -> i j", a, b, scale=2, over=3)``."""
        out, subscripts, *operands = call.args
        called = {word_of(call.func)} if word_of(call.func) in SUMS else self.chosen
        assert called and (word_of(call.func) in SUMS or word_of(call.func) == "add")
        if called != {"add_product"}:
            far, near = operands
            assert _is_call(far, "windows") and not _is_call(near, "windows")
        inputs, output = ast.literal_eval(subscripts).split("->")
        parts = inputs.split(",") if operands else []
        words = [[name(w) for w in part.split()] for part in parts]
        written = [name(w) for w in output.split()]
        assert not isinstance(out, ast.Call) or ast.unparse(out.func).endswith(".read")
        made = (
            out.func.value
            if isinstance(out, ast.Call) and isinstance(out.func, ast.Attribute)
            else out
        )
        self.into.output = self._entry(made, written, True)
        entries = [self._entry(e, w, False) for e, w in zip(operands, words, strict=True)]
        self.into.factors = _sorted(entry for entry in entries if entry[0])
        for keyword in call.keywords:
            assert keyword.arg in ("scale", "over")
            value = _scale(keyword.value)
            by = value if keyword.arg == "scale" else 1 / value
            self.into.coefficient = normal(self.into.coefficient * by)
        loops = {*written, *self.printed, *(w for part in words for w in part)}
        self.into.steps += sorted(("loop", v, "" if v in written else "k") for v in loops)

    def _entry(self, node: ast.expr, words: Sequence[str], written: bool) -> Entry:
        """Read an array, slices of it, or an array read at an index."""
        if _is_call(node, "windows"):
            assert isinstance(node, ast.Call)
            return self._windows(node.args, words, written)
        array, places = self._places(node)
        index, rest = list[Expr](), list(words)
        for e, size in zip(places, self.shapes[array], strict=True):
            if e is None:
                index.append(symbol(rest.pop(0)))
                self.into.holds |= inside(index[-1], size)
            elif isinstance(e, ast.Call):
                assert word_of(e.func) == "at"
                index.append(polynomial(e.args[0]))
                used = {v.name for v in symbols_of(index[-1])} & {*self.printed}
                assert used == {rest.pop(0)}
            else:
                index.append(polynomial(e))
        assert not rest
        return array, tuple(index)

    def _places(self, node: ast.expr) -> tuple[str, list[ast.expr | None]]:
        """Read a subscript: for each axis what is taken, None for all of it."""
        if isinstance(node, ast.Name):
            return node.id, [None] * len(self.shapes[node.id])
        assert isinstance(node, ast.Subscript)
        array = word_of(node.value)
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if parts and ast.unparse(parts[-1]) == "...":
            parts = parts[:-1]
        found = [None if isinstance(e, ast.Slice) else e for e in parts]
        assert all(ast.unparse(e) == ":" for e in parts if isinstance(e, ast.Slice))
        return array, [*found, *[None] * (len(self.shapes[array]) - len(found))]

    def _windows(self, parts: Sequence[ast.expr], words: Sequence[str], written: bool) -> Entry:
        """Read an array, whole on some axes, at an index on the others."""
        source, *places = parts
        if _is_call(source, "ones"):
            assert isinstance(source, ast.Call)
            array, shape = "", [polynomial(source.args[0])]
        else:
            array = word_of(source)
            shape = [*self.shapes[array]]
        dots = bool(places) and ast.unparse(places[0]) == "..."
        rest = [polynomial(e) for e in places[dots:]]
        whole = len(shape) - len(rest)
        assert dots or not whole
        named = re.findall(r"\w+", " ".join(ast.unparse(e) for e in places[dots:]))
        loops = dict.fromkeys(word for word in named if word in self.printed)
        assert [*words[whole:]] == [*loops]
        index = (*map(symbol, words[:whole]), *rest)
        for axis, (e, size) in enumerate(zip(index, shape, strict=True)):
            self.into.holds |= inside(e, size) if axis < whole or not written else set()
        return array, index

    def _one_array(self, now: ast.AugAssign) -> None:
        """Read ``y += x.sum(0, dtype)[:, None]``; loops are named by their axes."""
        value, spread, summed = now.value, None, list[int]()
        if isinstance(value, ast.Subscript) and not isinstance(value.value, ast.Name):
            spread, value = _elements(value.slice), value.value
        if isinstance(value, ast.Call):
            assert isinstance(value.func, ast.Attribute) and value.func.attr == "sum"
            axes, value = value.args[:1], value.func.value
            summed = [int(polynomial(e)) for node in axes for e in _elements(node)] or [-1]
        if isinstance(value, ast.Subscript) and "None" in ast.unparse(value.slice):
            spread = _elements(value.slice)
            value = value.value
        (_, places), (_, to) = self._places(value), self._places(now.target)
        free = [axis for axis, e in enumerate(places) if e is None]
        summed = free if summed == [-1] else [free[axis] for axis in summed]
        kept = [axis for axis in free if axis not in summed]
        outer = [axis for axis, e in enumerate(to) if e is None]
        shown = spread or [ast.Slice()] * len(kept)
        words, rest = {axis: f"_f{axis}" for axis in summed}, list(kept)
        for axis, e in zip(outer[len(outer) - len(shown) :], shown, strict=True):
            if isinstance(e, ast.Slice):
                words[rest.pop(0)] = f"_o{axis}"
            else:
                assert ast.unparse(e) == "None"
        assert not rest
        written = [f"_o{axis}" for axis in outer]
        self.into.output = self._entry(now.target, written, True)
        self.into.factors = [self._entry(value, [words[axis] for axis in free], False)]
        loops = {*written, *words.values()}
        self.into.steps += sorted(("loop", v, "" if v in written else "k") for v in loops)


def _elements(node: ast.expr) -> list[ast.expr]:
    return node.elts if isinstance(node, ast.Tuple) else [node]


def _is_call(node: ast.expr, function: str) -> bool:
    return (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == function
    )


def _choices(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.IfExp):
        yield from (*_choices(node.body), *_choices(node.orelse))
    else:
        yield word_of(node)


def _scale(node: ast.expr) -> Expr:
    """Read a factor: ``len(v)`` says how often a loop runs, and so does ``max(n, 0)``."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        return normal(_scale(node.left) * _scale(node.right))
    if isinstance(node, ast.Call) and word_of(node.func) == "len":
        return symbol(f"len_{word_of(node.args[0])}")
    if isinstance(node, ast.Call):
        assert word_of(node.func) == "max" and ast.unparse(node.args[1]) == "0"
        return polynomial(node.args[0])
    return polynomial(node)
