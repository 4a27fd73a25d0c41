"""The tables that printed Cython fills in for the contraction, read back into nests."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from textwrap import dedent

import sympy as sp
from sympy import Expr

from rot180.derive.language.polynomial import normal, symbol
from tests.support.printed_plans import (
    Printed,
    PrintedNest,
    inside,
    polynomial,
    read_shape,
    read_steps,
    running,
    shown,
    word_of,
)


def read_cython(lines: Sequence[str]) -> list[list[Printed]]:
    """Read the C part of a kernel: of each order of contraction, its arrays and sums."""
    orders: list[list[Printed]] = [[]]
    chunks: list[tuple[PrintedNest, list[str]]] = []
    waiting = ""
    for line in lines:
        text = line.strip()
        order = re.fullmatch(r"(?:el)?if _order == (\d+):", text)
        made = re.fullmatch(r"(_\w+) = _Intermediate\((.*)\)", text)
        if order:
            orders += [[]] if chunks else []
            assert len(orders) == int(order.group(1)) + 1
        elif made:
            call = ast.parse(f"f({made.group(2)})", mode="eval").body
            assert isinstance(call, ast.Call)
            word = ast.literal_eval(call.args[0])
            assert made.group(1) == f"_{word}"
            orders[-1].append((word, read_shape(call.args[2])))
            waiting = f"_at{made.group(1)} = &{made.group(1)}.view"
        elif waiting:
            assert text == waiting
            waiting = ""
        elif text.startswith("rot180_running_sum("):
            word = text.split("_at_")[1].split(".")[0]
            parts = (f"_at_{word}.{part}" for part in ("buf", "itemsize", "shape", "ndim"))
            array = f"<char *>{', '.join(parts)}"
            called = re.fullmatch(rf"rot180_running_sum\({re.escape(array)}, (\d+), (-?1)\)", text)
            assert called and chunks.pop() == (orders[-1].pop(), [])  # the comment above it
            orders[-1].append(running(word, *map(int, called.groups())))
        elif text.startswith("#"):
            chunks.append((PrintedNest(), []))
            orders[-1].append(chunks[-1][0])
        elif chunks and text != "_check_signals()":
            chunks[-1][1].append(re.sub(r"<(double|float)>|&", "", line))
    for nest, chunk in chunks:
        read_steps(ast.parse(dedent("\n".join(chunk))).body, nest, _read_tables)
    return orders


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
        called = word_of(call.func)
        if called in ("_range", "_loop"):
            assert isinstance(now, ast.Assign)
            v = word_of(now.targets[0])
            into.steps.append(("loop", v, word_of(call.args[1])))
            if called == "_range":
                into.holds |= inside(symbol(v), polynomial(call.args[2]))
        elif called == "_bound":
            into.holds |= inside(_map(maps.pop("_nest", {}), 0), polynomial(call.args[2]))
        elif called == "_begin":
            left, right = (int(polynomial(a)) for a in call.args[3:5])
            into.sides, into.coefficient = (left, right), polynomial(call.args[5])
        elif called == "_entry":
            entries.append((ast.unparse(call.args[0]), word_of(call.args[1])[4:], sp.Integer(0)))
        elif called == "_inside":
            entries.append((ast.unparse(call.args[0]), "", polynomial(call.args[1])))
    ranks = {key: 1 + max((axis for _, axis in m), default=-1) for key, m in maps.items()}
    for key, array, size in entries:
        index = tuple(_map(maps.get(key, {}), axis) for axis in range(ranks.get(key, 0)))
        if key == "_nest.out":
            into.output = (array, shown(index))
        else:
            into.factors.append(
                (array, shown(index) if array else (_map(maps.get(key, {}), 0), size))
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
    v = word_of(places.pop()) if target.attr == "slope" else ""
    axis = int(polynomial(places[0])) if places else 0
    found = maps.setdefault(key, {})
    assert (v, axis) not in found
    found[v, axis] = polynomial(now.value)


def _map(of: dict[tuple[str, int], Expr], axis: int) -> Expr:
    return normal(
        sum((c * (symbol(v) if v else 1) for (v, a), c in of.items() if a == axis), sp.Integer(0))
    )
