"""Printed loops, read back with Python's own parser, and what a plan says in the same form.

A range, a guard and a bound of a loop are read as polynomials that are at least 0: `0 <= e < n` is
`e` and `n - 1 - e`, and `range(-(e // c), ...)` is `e + c*v`. Nothing here prints.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import sympy as sp
from sympy import Expr

from rot180.codegen.kernels.expressions import array_name, function_name, name
from rot180.codegen.plans.plan import Affine, Box, Divided, Nest, Operand, Phase, Solved
from rot180.derive.language.polynomial import normal, symbol, symbols_of

ROLES = {"batch": "BATCH", "m": "ROWS", "n": "COLUMNS", "k": "REDUCTION"}
Entry = tuple[str, tuple[Expr, ...]]


@dataclass
class PrintedNest:
    """A nest as it is printed.

    Attributes:
        steps: its loops, phases among them, each with its role if that is printed; divisions and
            solved variables; outermost first.
        holds: the polynomials that are at least 0 where a term is added.
        factors: arrays with their indices, and boxes with their sizes, left before right.
        sides: how many factors are on each side, if that is printed.
        output: what is added to.
        coefficient: what the product is multiplied by.

    """

    steps: list[tuple[Any, ...]] = field(default_factory=list)
    holds: set[Expr] = field(default_factory=set)
    factors: list[Entry] = field(default_factory=list)
    sides: tuple[int, int] = (0, 0)
    output: Entry = ("", ())
    coefficient: Expr = sp.S.One


def inside(value: Expr, size: Expr) -> set[Expr]:
    """Return the polynomials that are at least 0 where 0 <= value < size."""
    return {normal(value), normal(size - 1 - value)}


def planned(nest: Nest, output: str, style: str) -> PrintedNest:
    """Return what a nest must be printed as, in the style "plain" or "cython"."""
    plain = style == "plain"
    of = {v: ROLES[r] for r in ROLES for v in getattr(nest, r)}
    out = PrintedNest(
        sides=(0, 0) if plain else (len(nest.left), len(nest.right)),
        output=(
            output,
            tuple(map(total, nest.output)) if plain else _shown(map(total, nest.output)),
        ),
        coefficient=renamed(nest.coefficient),
    )
    for step in nest.outer:
        _add_step(step, out)
    for loop in nest.loops:
        out.steps.append(("loop", name(loop.variable.name), "" if plain else of[loop.variable]))
        for b in loop.bounds:
            out.holds |= inside(total(b.value), renamed(b.size))
    for f in nest.factors:
        if isinstance(f, Operand):
            index, shape = tuple(map(total, f.index)), f.tensor.shape
            whole = (_array(f), index) if plain else (array_name(f), _shown(index))
            out.factors.append(whole)
            for e, n in zip(index, shape, strict=True) if plain else ():
                assert n is not None
                out.holds |= inside(e, renamed(n))
        elif plain:
            out.holds |= inside(total(f.value), renamed(f.size))
        else:
            out.factors.append(("", (total(f.value), renamed(f.size))))
    return out


def _shown(index: Iterable[Expr]) -> tuple[Expr, ...]:
    """Return an index without the zeros at its end, of which tables say nothing."""
    out = list(index)
    while out and out[-1] == 0:
        out.pop()
    return tuple(out)


def _array(f: Operand) -> str:
    word = name(f.tensor.name)
    return f"{function_name(f.function, f.order)}({word})" if f.function else word


def _add_step(step: Phase | Divided | Solved | Box, out: PrintedNest) -> None:
    if isinstance(step, Phase):
        v = name(step.variable.name)
        out.steps.append(("loop", v, ""))
        for size in step.sizes:
            out.holds |= inside(symbol(v), renamed(size))
    elif isinstance(step, Divided):
        words = name(step.quotient.name), name(step.remainder.name)
        out.steps.append(("divided", *words, renamed(step.value), renamed(step.divisor)))
    elif isinstance(step, Solved):
        value, by = renamed(step.value), renamed(step.divisor)
        out.steps.append(("solved", name(step.variable.name), value, by))
    else:
        out.holds |= inside(renamed(step.value.constant), renamed(step.size))


def renamed(e: Expr) -> Expr:
    """Return a polynomial with the names that are printed."""
    return normal(e.xreplace({v: symbol(name(v.name)) for v in symbols_of(e)}))


def total(e: Affine) -> Expr:
    """Return an affine map as a polynomial."""
    return renamed(normal(e.constant + sum(c * v for v, c in e.coefficients)))


def polynomial(node: ast.expr) -> Expr:
    """Read a polynomial."""
    if isinstance(node, ast.Constant):
        assert isinstance(node.value, int)
        return normal(sp.Integer(node.value))
    if isinstance(node, ast.Name):
        return symbol(node.id)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return normal(-polynomial(node.operand))
    assert isinstance(node, ast.BinOp), ast.unparse(node)
    left, right = polynomial(node.left), polynomial(node.right)
    if isinstance(node.op, ast.Pow):
        return normal(left**right)
    if isinstance(node.op, ast.Div):
        return normal(left / right)
    signs: dict[type, Expr] = {ast.Add: left + right, ast.Sub: left - right, ast.Mult: left * right}
    return normal(signs[type(node.op)])


def read_plain(text: str) -> list[PrintedNest]:
    """Read the nests of one function of plain Python loops."""
    tree = ast.parse(text)
    (function,) = (n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name != "_span")
    out: list[PrintedNest] = []
    for n, statement in enumerate(function.body):
        if isinstance(statement, ast.For | ast.If | ast.AugAssign):
            out.append(PrintedNest())
            before = function.body[n - 1]
            divided = [before] if isinstance(before, ast.Assign) and _divides(before) else []
            _read([*divided, statement], out[-1])
    return out


def _divides(now: ast.Assign) -> bool:
    call = now.value
    return (
        isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "divmod"
    )


def _read(body: Sequence[ast.stmt], into: PrintedNest) -> None:
    """Read statements, each of which encloses or precedes the next."""
    rest = list(body)
    while rest:
        now = rest.pop(0)
        if isinstance(now, ast.Assign) and _divides(now):
            assert isinstance(now.targets[0], ast.Tuple) and isinstance(now.value, ast.Call)
            words = [v.id for v in now.targets[0].elts if isinstance(v, ast.Name)]
            into.steps.append(("divided", *words, *map(polynomial, now.value.args)))
        elif isinstance(now, ast.If) and _is_given(now.test):
            assert not rest, "a sum of one array is left out where there is none"
            rest = list(now.body)
        elif isinstance(now, ast.If) and isinstance(now.body[0], ast.Continue):
            _read_condition(now.test, True, rest, into)
        elif isinstance(now, ast.If):
            assert not rest
            rest = list(now.body)
            _read_condition(now.test, False, rest, into)
        elif isinstance(now, ast.For):
            assert not rest
            rest = list(now.body)
            _read_loop(now, into)
        elif isinstance(now, ast.AugAssign):
            assert not rest and isinstance(now.op, ast.Add)
            _read_sum(now, into)
        else:
            _read_tables([now, *rest], into)
            return


def _is_given(test: ast.expr) -> bool:
    """Say whether a test is whether an array is given, or whether a sum is large."""
    return "NULL" in ast.unparse(test) or "_near" in ast.unparse(test)


def _read_condition(test: ast.expr, fails: bool, rest: list[ast.stmt], into: PrintedNest) -> None:
    """Read ``rest % by == 0`` and the assignment after it, or ``0 <= e < n and ...``."""
    if isinstance(test, ast.Compare) and isinstance(test.left, ast.BinOp):
        left = test.left
        assert isinstance(left.op, ast.Mod)
        assert isinstance(test.ops[0], ast.NotEq if fails else ast.Eq)
        solved = rest.pop(0)
        assert isinstance(solved, ast.Assign) and isinstance(solved.targets[0], ast.Name)
        assert isinstance(solved.value, ast.BinOp) and isinstance(solved.value.op, ast.FloorDiv)
        both = polynomial(left.left), polynomial(left.right)
        assert both == (polynomial(solved.value.left), polynomial(solved.value.right))
        into.steps.append(("solved", solved.targets[0].id, *both))
        return
    if fails:
        assert isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)
        test = test.operand
    for one in test.values if isinstance(test, ast.BoolOp) else [test]:
        assert isinstance(one, ast.Compare)
        into.holds |= _compared(one)


def _compared(test: ast.Compare) -> set[Expr]:
    assert [type(op) for op in test.ops] == [ast.LtE, ast.Lt]
    assert polynomial(test.left) == 0
    return inside(*map(polynomial, test.comparators))


def _read_loop(now: ast.For, into: PrintedNest) -> None:
    assert isinstance(now.iter, ast.Call)
    targets = now.target.elts if isinstance(now.target, ast.Tuple) else [now.target]
    names = [v.id for v in targets if isinstance(v, ast.Name)]
    into.steps += [("loop", v, "") for v in names]
    if isinstance(now.iter.func, ast.Attribute):
        for v, size in zip(names, now.iter.args, strict=True):
            into.holds |= inside(symbol(v), polynomial(size))
    else:
        into.holds |= _ranged(symbol(names[0]), now.iter)


def _read_sum(now: ast.AugAssign, into: PrintedNest) -> None:
    into.output = _entry(now.target)
    for factor in _product(now.value):
        if isinstance(factor, ast.Subscript | ast.Call):
            into.factors.append(_entry(factor))
        else:
            into.coefficient = normal(into.coefficient * polynomial(factor))


def _product(node: ast.expr) -> Iterator[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        yield from (*_product(node.left), *_product(node.right))
    else:
        yield node


def _entry(node: ast.expr) -> Entry:
    if isinstance(node, ast.Call):
        assert isinstance(node.func, ast.Name)
        word, index = _entry(node.args[0])
        return f"{node.func.id}({word})", index
    assert isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name)
    places = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    return node.value.id, tuple(map(polynomial, places))


def _name(node: ast.expr) -> str:
    assert isinstance(node, ast.Name)
    return node.id


def _ranged(v: Expr, call: ast.Call) -> set[Expr]:
    """Read a range as polynomials that are at least 0."""
    assert isinstance(call.func, ast.Name)
    if call.func.id == "_span":
        by, start, size = map(polynomial, call.args)
        return inside(by * v + start, size)
    first, stop = call.args if len(call.args) == 2 else (ast.Constant(0), call.args[0])
    out: set[Expr] = set()
    for one in _each("max", first):
        negative = isinstance(one, ast.UnaryOp) and isinstance(one.op, ast.USub)
        inner = one.operand if isinstance(one, ast.UnaryOp) and negative else None
        if inner is not None and _is_quotient(inner):
            out.add(normal(by_of(inner) * v + polynomial_of(inner)))
        else:
            out.add(normal(v - polynomial(one)))
    for one in _each("min", stop):
        if isinstance(one, ast.BinOp) and _is_quotient(one.left):
            assert isinstance(one.op, ast.Add) and polynomial(one.right) == 1
            out.add(normal(polynomial_of(one.left) - by_of(one.left) * v))
        else:
            out.add(normal(polynomial(one) - 1 - v))
    return out


def _is_quotient(node: ast.expr) -> bool:
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.FloorDiv)


def polynomial_of(quotient: ast.expr) -> Expr:
    """Read what is divided."""
    assert isinstance(quotient, ast.BinOp)
    return polynomial(quotient.left)


def by_of(quotient: ast.expr) -> Expr:
    """Read what it is divided by."""
    assert isinstance(quotient, ast.BinOp)
    return polynomial(quotient.right)


def _each(function: str, node: ast.expr) -> Iterable[ast.expr]:
    if isinstance(node, ast.Call):
        assert isinstance(node.func, ast.Name) and node.func.id == function
        return node.args
    return [node]


def read_cython(lines: Sequence[str]) -> list[PrintedNest]:
    """Read the nests of a kernel's C part: what fills in each sum."""
    chunks: list[list[str]] = []
    for line in lines:
        if line.startswith("#"):
            chunks.append([])
        elif chunks:
            chunks[-1].append(re.sub(r"<(double|float)>|&", "", line))
    out = [PrintedNest() for _ in chunks]
    for nest, chunk in zip(out, chunks, strict=True):
        _read(ast.parse("\n".join(chunk)).body, nest)
    return out


def _read_tables(body: Sequence[ast.stmt], into: PrintedNest) -> None:
    """Read the calls that add loops and bounds, and the assignments that fill in maps."""
    maps: dict[str, dict[tuple[str, int], Expr]] = {}
    entries: list[tuple[str, str, Expr]] = []
    for now in body:
        if isinstance(now, ast.Assign) and not isinstance(now.targets[0], ast.Name):
            _fill(now, maps)
            continue
        call = now.value if isinstance(now, ast.Assign | ast.Expr) else None
        if not isinstance(call, ast.Call):
            assert "fresh" in ast.unparse(now) or isinstance(now, ast.If), ast.unparse(now)
            continue
        called = _name(call.func)
        if called in ("_range", "_loop"):
            assert isinstance(now, ast.Assign)
            v = _name(now.targets[0])
            into.steps.append(("loop", v, _name(call.args[1])))
            if called == "_range":
                into.holds |= inside(symbol(v), polynomial(call.args[2]))
        elif called == "_bound":
            into.holds |= inside(_map(maps.pop("_nest", {}), 0), polynomial(call.args[2]))
        elif called == "_begin":
            left, right = (int(polynomial(a)) for a in call.args[3:5])
            into.sides, into.coefficient = (left, right), polynomial(call.args[5])
        elif called == "_entry":
            entries.append((ast.unparse(call.args[0]), _name(call.args[1])[4:], sp.Integer(0)))
        elif called == "_inside":
            entries.append((ast.unparse(call.args[0]), "", polynomial(call.args[1])))
    ranks = {key: 1 + max((axis for _, axis in m), default=-1) for key, m in maps.items()}
    for key, array, size in entries:
        index = tuple(_map(maps.get(key, {}), axis) for axis in range(ranks.get(key, 0)))
        if key == "_nest.out":
            into.output = (array, _shown(index))
        else:
            into.factors.append(
                (array, _shown(index) if array else (_map(maps.get(key, {}), 0), size))
            )


def _fill(now: ast.Assign, maps: dict[str, dict[tuple[str, int], Expr]]) -> None:
    """Read ``entry.slope[axis][v] = c`` or ``entry.constant[axis] = c``; ``_nest`` has one map."""
    target: ast.expr = now.targets[0]
    places: list[ast.expr] = []
    while isinstance(target, ast.Subscript):
        places.insert(0, target.slice)
        target = target.value
    assert isinstance(target, ast.Attribute)
    key = ast.unparse(target.value)
    if target.attr == "fresh":
        return
    v = _name(places.pop()) if target.attr == "slope" else ""
    axis = int(polynomial(places[0])) if places else 0
    found = maps.setdefault(key, {})
    assert (v, axis) not in found
    found[v, axis] = polynomial(now.value)


def _map(of: dict[tuple[str, int], Expr], axis: int) -> Expr:
    return normal(
        sum((c * (symbol(v) if v else 1) for (v, a), c in of.items() if a == axis), sp.Integer(0))
    )
