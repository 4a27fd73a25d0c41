"""A layer and its gradients, evaluated by plain loops over the definition.

This reads the terms of a layer's definition and nothing else: no rule, no theorem, no plan.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from itertools import product

import sympy as sp

from rot180.derive.language.notation import Layer
from rot180.derive.language.polynomial import symbols_of
from rot180.derive.language.terms import Access, Apply, Equal, Range, Tensor, Term

Point = tuple[int, ...]
Values = Mapping[str, Mapping[Point, int]]
Function = Callable[[str, int, int], int]


def number(e: sp.Expr, env: Mapping[str, int]) -> int:
    """Evaluate an index or a size."""
    return int(sp.Rational(e.xreplace({v: sp.Integer(env[v.name]) for v in symbols_of(e)})))


def points(tensor: Tensor, sizes: Mapping[str, int]) -> Iterator[Point]:
    """Walk through a tensor's box."""
    return product(*(range(number(n, sizes)) for n in tensor.shape if n is not None))


class _Code:
    """An index expression as a Python function of the environment: SymPy is slow in loops."""

    def __init__(self, e: sp.Expr) -> None:
        self.code = eval("lambda e: " + _source(e))

    def __call__(self, env: Mapping[str, int]) -> int:
        value: int = self.code(env)
        return value


def _source(e: sp.Expr) -> str:
    if isinstance(e, sp.Symbol):
        return f"e[{e.name!r}]"
    if e.is_Integer:
        return f"({int(e)})"
    if isinstance(e, sp.Pow):
        return f"({_source(sp.sympify(e.base))})**{int(e.exp)}"
    joint = " + " if e.is_Add else " * "
    return f"({joint.join(_source(a) for a in e.args if isinstance(a, sp.Expr))})"


def _span(t: Term, v: sp.Symbol, env: Mapping[str, int], reach: int) -> range:
    for f in t.factors:
        if isinstance(f, Access):
            for e, n in zip(f.index, f.tensor.shape, strict=True):
                if e == v and n is not None:
                    return range(number(n, env))
    return range(-reach, reach + 1)


def terms(
    layer: Layer, sizes: Mapping[str, int], reach: int
) -> Iterator[tuple[Point, Fraction, list[tuple[str, str, int, Point]]]]:
    """Yield (output index, coefficient, entries (tensor, function, order, index)) of each summand.

    Bound variables that are alone on no axis run over -reach ... reach.
    """
    definition = layer.output.definition
    assert definition is not None
    for t in definition.body:
        scale = Fraction(
            str(
                t.coefficient.xreplace(
                    {v: sp.Integer(sizes[v.name]) for v in symbols_of(t.coefficient)}
                )
            )
        )
        tests: list[tuple[_Code, sp.Expr]] = []
        entries: list[tuple[str, str, int, list[_Code], list[int]]] = []
        for f in t.factors:
            if isinstance(f, Range):
                tests.append((_Code(f.value), f.size))
            elif isinstance(f, Equal):
                tests.append((_Code(f.value), sp.Integer(1)))
            else:
                assert isinstance(f, Access)
                entries.append(_entry(f, sizes))
        spans = [_span(t, v, sizes, reach) for v in t.variables]
        names = [v.name for v in (*definition.formals, *t.variables)]
        for at in points(layer.output, sizes):
            for bound in product(*spans):
                env = {**sizes, **dict(zip(names, (*at, *bound), strict=True))}
                if not all(0 <= e(env) < number(n, sizes) for e, n in tests):
                    continue
                found = []
                for name, function, order, index, shape in entries:
                    where = tuple(e(env) for e in index)
                    if not all(0 <= i < n for i, n in zip(where, shape, strict=True)):
                        break
                    found.append((name, function, order, where))
                else:
                    yield at, scale, found


def _entry(f: Access, sizes: Mapping[str, int]) -> tuple[str, str, int, list[_Code], list[int]]:
    tensor, function, order = f.tensor, "", 0
    if tensor.definition is not None:
        (inner,) = tensor.definition.body[0].factors
        assert isinstance(inner, Apply)
        tensor, function, order = inner.argument.tensor, inner.function, inner.order
    shape = [number(n, sizes) for n in tensor.shape if n is not None]
    return tensor.name, function, order, [_Code(e) for e in f.index], shape


def forward(
    layer: Layer, sizes: Mapping[str, int], values: Values, apply: Function, reach: int
) -> dict[Point, Fraction]:
    """Evaluate the layer."""
    out = {at: Fraction(0) for at in points(layer.output, sizes)}
    for at, scale, entries in terms(layer, sizes, reach):
        for name, function, order, where in entries:
            value = values[name][where]
            scale *= apply(function, order, value) if function else value
        out[at] += scale
    return out


def gradient(
    layer: Layer,
    wrt: str,
    sizes: Mapping[str, int],
    values: Values,
    apply: Function,
    reach: int,
) -> dict[Point, Fraction]:
    """Evaluate d(sum of grad_output * output) / d(operand): each factor in turn is perturbed."""
    (operand,) = (t for t in layer.tensors if t.name == wrt)
    out = {at: Fraction(0) for at in points(operand, sizes)}
    upstream = values[f"grad_{layer.output.name}"]
    for at, scale, entries in terms(layer, sizes, reach):
        for i, (name, function, order, where) in enumerate(entries):
            if name != wrt:
                continue
            part = scale * upstream[at]
            if function:
                part *= apply(function, order + 1, values[name][where])
            for j, (other, f, n, there) in enumerate(entries):
                if j != i:
                    value = values[other][there]
                    part *= apply(f, n, value) if f else value
            out[where] += part
    return out


def draw(layer: Layer, seed: int) -> tuple[dict[str, int], dict[str, dict[Point, int]]]:
    """Draw sizes (0 among them), parameters (negative padding too) and entries of every tensor."""
    rng = random.Random(seed)
    tensors = [*layer.tensors, layer.output]
    names = {v.name for t in tensors for n in t.shape if n is not None for v in symbols_of(n)}
    env = {n: rng.choice((0, 1, 1, 2, 3, 4, 5)) for n in sorted(names)}
    for v in layer.parameters:
        shift = v.name in ("lo", "lp", "lq", "a")
        env[v.name] = rng.randint(-2, 4) if shift else rng.randint(1, 3)
    values = {}
    for t in tensors:
        word = t.name if t is not layer.output else f"grad_{t.name}"
        values[word] = {at: rng.randint(-4, 4) for at in points(t, env)}
    return env, values


def everything(
    layer: Layer, env: Mapping[str, int], values: Values, apply: Function, reach: int = 40
) -> dict[str, dict[Point, Fraction]]:
    """Evaluate the layer and all its gradients, by kernel name."""
    out = {"forward": forward(layer, env, values, apply, reach)}
    for t in layer.tensors:
        out[f"grad_{t.name}"] = gradient(layer, t.name, env, values, apply, reach)
    return out
