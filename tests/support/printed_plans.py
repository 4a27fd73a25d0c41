"""Printed loops, read back with Python's own parser, and what a plan says in the same form.

A range, a guard and a bound of a loop are read as polynomials that are at least 0: `0 <= e < n` is
`e` and `n - 1 - e`, and `range(-(e // c), ...)` is `e + c*v`. Nothing here prints.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import sympy as sp
from sympy import Expr

from rot180.codegen.kernels.expressions import loop_size
from rot180.codegen.kernels.kernel import Kernel
from rot180.codegen.kernels.names import array_name, function_name, name
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


Printed: TypeAlias = PrintedNest | tuple[str, tuple[Expr, ...]]
"""A nest, an array of zeros that is made, with its shape, or what `running` returns."""


def running(array: str, axis: int, step: int) -> Printed:
    """Return what stands for a running sum of an array."""
    return f"running sum of {array}", (sp.Integer(axis), sp.Integer(step))


def inside(value: Expr, size: Expr) -> set[Expr]:
    """Return the polynomials that are at least 0 where 0 <= value < size."""
    return {normal(value), normal(size - 1 - value)}


def planned_orders(kernel: Kernel, style: str) -> list[list[Printed]]:
    """Return of each order of contraction which arrays must be made, and which nests printed."""
    orders: list[list[Printed]] = []
    for plan in kernel.plan.orders:
        orders.append([])
        for i in plan.intermediates:
            word = name(i.tensor.name)
            orders[-1].append((word, tuple(map(renamed, i.shape))))
            orders[-1] += [planned(nest, word, style) for nest in i.nests]
            if i.running:
                orders[-1].append(running(word, i.running.axis, i.running.step))
        if style == "plain":
            orders[-1].append((kernel.output, tuple(map(renamed, plan.shape))))
        orders[-1] += [planned(nest, kernel.output, style) for nest in plan.nests]
    return orders


def planned(nest: Nest, output: str, style: str) -> PrintedNest:
    """Return what a nest must be printed as, in the style "plain" or "cython"."""
    plain = style == "plain"
    of = {v: ROLES[r] for r in ROLES for v in getattr(nest, r)}
    out = PrintedNest(
        sides=(0, 0) if plain else (len(nest.left), len(nest.right)),
        output=(
            output,
            tuple(map(total, nest.output)) if plain else shown(map(total, nest.output)),
        ),
        coefficient=renamed(nest.coefficient),
    )
    for step in nest.outer:
        _add_step(step, out)
    for loop in sorted(nest.loops, key=lambda loop: plain and loop_size(loop) is None):
        out.steps.append(("loop", name(loop.variable.name), "" if plain else of[loop.variable]))
        for b in loop.bounds:
            out.holds |= inside(total(b.value), renamed(b.size))
    for f in nest.factors:
        if isinstance(f, Operand):
            index, shape = tuple(map(total, f.index)), f.tensor.shape
            whole = (_array(f), index) if plain else (array_name(f), shown(index))
            out.factors.append(whole)
            for e, n in zip(index, shape, strict=True) if plain else ():
                assert n is not None
                out.holds |= inside(e, renamed(n))
        elif plain:
            out.holds |= inside(total(f.value), renamed(f.size))
        else:
            out.factors.append(("", (total(f.value), renamed(f.size))))
    return out


def shown(index: Iterable[Expr]) -> tuple[Expr, ...]:
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


def read_plain(text: str) -> list[Printed]:
    """Read the arrays and nests of one function of plain Python loops."""
    tree = ast.parse(text)
    (function,) = (n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name != "_span")
    out: list[Printed] = []
    for n, statement in enumerate(function.body):
        if isinstance(statement, ast.For) and _is_running(statement):
            out.append(_read_running(statement, out))
        elif isinstance(statement, ast.For | ast.If | ast.AugAssign):
            nest, before = PrintedNest(), function.body[n - 1]
            divided = [before] if isinstance(before, ast.Assign) and _divides(before) else []
            read_steps([*divided, statement], nest, _read_sum)
            out.append(nest)
        elif isinstance(statement, ast.Assign) and "np.zeros" in ast.unparse(statement.value):
            assert isinstance(statement.value, ast.Call)
            out.append((word_of(statement.targets[0]), read_shape(statement.value.args[0])))
    return out


def _is_running(now: ast.For) -> bool:
    """Say whether slices of an array are added to others of it."""
    inner = now.body[-1]
    if not isinstance(inner, ast.AugAssign):
        return False
    sides = [side for side in (inner.target, inner.value) if isinstance(side, ast.Subscript)]
    return len(sides) == 2 and len({word_of(side.value) for side in sides}) == 1


def _read_running(now: ast.For, made: Sequence[Printed]) -> Printed:
    """Read ``for i in range(1, n): T[:, i] += T[:, i - 1]``, or the same from the end."""
    (inner,) = now.body
    assert isinstance(inner, ast.AugAssign) and isinstance(inner.op, ast.Add)
    assert isinstance(inner.target, ast.Subscript) and isinstance(inner.value, ast.Subscript)
    array, v = word_of(inner.target.value), symbol(word_of(now.target))
    places = []
    for side in (inner.target, inner.value):
        parts = side.slice.elts if isinstance(side.slice, ast.Tuple) else [side.slice]
        assert all(ast.unparse(e) == ":" for e in parts[:-1])
        places.append((len(parts) - 1, polynomial(parts[-1])))
    (axis, at), (other, before) = places
    assert axis == other and at == v
    (shape,) = [one[1] for one in made if isinstance(one, tuple) and one[0] == array]
    step, n = int(at - before), renamed(shape[axis])
    call, ends = now.iter, [sp.Integer(1), n]
    if step < 0:
        assert isinstance(call, ast.Call) and word_of(call.func) == "reversed"
        call, ends = call.args[0], [normal(n - 1)]
    assert isinstance(call, ast.Call) and word_of(call.func) == "range"
    assert [polynomial(e) for e in call.args] == ends
    return running(array, axis, step)


def read_shape(node: ast.expr) -> tuple[Expr, ...]:
    """Read a shape; a size may have a least value of 0."""
    parts = node.elts if isinstance(node, ast.Tuple) else [node]
    for part in parts:
        if isinstance(part, ast.Call):
            assert word_of(part.func) == "max" and ast.unparse(part.args[0]) == "0"
    inner = [part.args[1] if isinstance(part, ast.Call) else part for part in parts]
    return tuple(map(polynomial, inner))


def _divides(now: ast.Assign) -> bool:
    call = now.value
    return (
        isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "divmod"
    )


def read_steps(
    body: Sequence[ast.stmt],
    into: PrintedNest,
    sums: Callable[[Sequence[ast.stmt], PrintedNest], None],
) -> None:
    """Read statements, each of which encloses or precedes the next; `sums` reads the innermost."""
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
            read = {
                part.id for line in rest for part in ast.walk(line) if isinstance(part, ast.Name)
            }
            asked = {part.id for part in ast.walk(now.test) if isinstance(part, ast.Name)}
            assert ".any()" not in ast.unparse(now.test) or asked <= read
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
        else:
            sums([now, *rest], into)
            return


def _is_given(test: ast.expr) -> bool:
    """Say whether a test is whether an array is given or not zero, or whether a sum is large."""
    return any(word in ast.unparse(test) for word in ("NULL", "_near", ".any()"))


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


def _read_sum(body: Sequence[ast.stmt], into: PrintedNest) -> None:
    (now,) = body
    assert isinstance(now, ast.AugAssign) and isinstance(now.op, ast.Add)
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


def word_of(node: ast.expr) -> str:
    """Read a name."""
    assert isinstance(node, ast.Name), ast.unparse(node)
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
