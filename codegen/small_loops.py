"""Plans as plain nested loops, which small sums run in: indices, tests and products alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sympy import Expr, Symbol

from rot180.codegen.plan import Affine, Box, Nest, Operand, Plan, Solved
from rot180.codegen.printers import array, fraction, name, number, parameters
from rot180.derive.polynomial import monomials, normal

TAB = "    "
MOST_BITS = 20


@dataclass(frozen=True)
class SmallLoops:
    """The small sums of one nest as a C function, ready for the template.

    Attributes:
        name: the function's name.
        typed: its parameters.
        pointers: its places in the arrays.
        ends: the ends of its loops' ranges.
        variables: its loops' variables.
        body: its statements.

    """

    name: str
    typed: str
    pointers: tuple[str, ...]
    ends: tuple[str, ...]
    variables: str
    body: tuple[str, ...]


def small_name(word: str, at: int) -> str:
    """Return the name of the function for small sums of a kernel's nest."""
    return f"_{word}_{at}"


def arrays_of(nest: Nest, output: str) -> tuple[str, ...]:
    """Return the arrays of a nest, output first, each once."""
    operands = [f for f in nest.factors if isinstance(f, Operand)]
    return tuple(dict.fromkeys((output, *map(array, operands))))


def integers_of(nest: Nest, integers: Sequence[str]) -> tuple[str, ...]:
    """Return the integers of a nest: a kernel's, and what its phases count and solve for."""
    steps = (step for step in nest.outer if not isinstance(step, Box))
    return (*integers, *(name(step.variable.name) for step in steps))


def near(plan: Plan) -> int:
    """Return how many bits all integers may have so that 62 hold every index of the loops."""
    indices = [e for nest in plan.nests for e in _indices(nest)]
    bits = MOST_BITS
    while bits > 1 and any(_largest(e, bits) >= 2**62 for e in indices):
        bits -= 1
    return bits


def _indices(nest: Nest) -> Iterator[Expr]:
    """Yield each index, what was solved for put in: its divisor is an integer >= 1."""
    solved = {s.variable: s.value for s in nest.outer if isinstance(s, Solved)}
    yield nest.coefficient
    for f in nest.factors:
        for e in f.index if isinstance(f, Operand) else (f.value,):
            yield _value(e).xreplace(solved)
    for e in nest.output:
        yield _value(e).xreplace(solved)


def _largest(e: Expr, bits: int) -> int:
    terms = monomials(normal(e)).items()
    return sum(int(abs(c) + 1) * int(2 ** (bits * sum(k for _, k in m))) for m, c in terms)


def _value(e: Affine) -> Expr:
    return normal(e.constant + sum(c * v for v, c in e.coefficients))


def small_loops(word: str, nest: Nest, output: str, integers: Sequence[str]) -> SmallLoops:
    """Write a nest as loops over the ranges in ``_nest``.

    Before a loop begins, its range is clipped to where each index that it decides is inside its
    axis: no map is trusted, and no entry is tested by itself.

    Args:
        word: the function's name.
        nest: the sum.
        output: the array it is added to.
        integers: the kernel's parameters and sizes.

    """
    number_of = {loop.variable: at for at, loop in enumerate(nest.loops)}
    order = sorted(number_of, key=lambda v: (v in nest.reduction, number_of[v]))
    outer = len(order) - len(nest.reduction)
    entries = [(output, nest.output)]
    entries += [(array(f), f.index) for f in nest.factors if isinstance(f, Operand)]
    tests = [(e, f"_at_{a}.shape[{axis}]") for a, index in entries for axis, e in enumerate(index)]
    tests += [(f.value, number(f.size)) for f in nest.factors if not isinstance(f, Operand)]
    places = [f"<char *>_at_{a}.buf" for a, _ in entries]
    pointers: list[str] = []
    spans = {v: (f"_nest.first[{at}]", f"_nest.stop[{at}]") for v, at in number_of.items()}
    ends: list[str] = []
    lines: list[str] = []
    for depth in range(len(order) + 1):
        tab = TAB * depth
        if depth:
            v = order[depth - 1]
            lines.append(f"{TAB * (depth - 1)}for {name(v.name)} in range({', '.join(spans[v])}):")
        lines += [f"{tab}_sum = 0"] if depth == outer else []
        for last, test in _tests(tests, order, depth):
            if last is None:
                lines += [f"{tab}if not {test}:", f"{tab}{TAB}{'continue' if depth else 'return'}"]
                continue
            at = number_of[last]
            span = (f"_first_{at}_{depth}", f"_stop_{at}_{depth}")
            if spans[last] != span:
                lines += [f"{tab}{new} = {old}" for new, old in zip(span, spans[last], strict=True)]
                spans[last] = span
                ends += span
            lines.append(f"{tab}rot180_clip({test}, &{span[0]}, &{span[1]})")
        for at, (a, index) in enumerate(entries):
            steps = [_step(e, axis, a, order, depth) for axis, e in enumerate(index)]
            if steps := [step for step in steps if step]:
                pointers.append(f"_place_{at}_{depth}")
                lines.append(f"{tab}{pointers[-1]} = {' + '.join([places[at], *steps])}")
                places[at] = pointers[-1]
    values = [f"(<real *>{place})[0]" for place in places]
    lines.append(f"{TAB * len(order)}_sum += {' * '.join(values[1:]) or '1'}")
    lines.append(f"{TAB * outer}{values[0]} += {_scaled(nest)}")
    typed = parameters(arrays_of(nest, output), integers_of(nest, integers))
    return SmallLoops(
        word,
        f"real _sum, Nest *_nest, {typed}",
        tuple(pointers),
        tuple(ends),
        ", ".join(name(v.name) for v in order),
        tuple(lines),
    )


def _tests(
    tests: Iterable[tuple[Affine, str]], order: Sequence[Symbol], depth: int
) -> Iterator[tuple[Symbol | None, str]]:
    """Yield the tests of indices that so many loops decide but for one, and that last loop."""
    for e, size in tests:
        last = max(e.loops, key=order.index, default=None)
        others = tuple((v, c) for v, c in e.coefficients if v != last)
        if max((order.index(v) + 1 for v, _ in others), default=0) != depth:
            continue
        rest = number(_value(Affine(e.constant, others)))
        if last is None:
            yield None, f"0 <= {rest} < {size}"
        else:
            yield last, f"{number(dict(e.coefficients)[last])}, {rest}, {size}"


def _step(e: Affine, axis: int, a: str, order: Sequence[Symbol], depth: int) -> str:
    """Write how far a loop moves along an axis, and once, at the start, how far the constant."""
    if depth == 0:
        return f"({number(e.constant)}) * _at_{a}.strides[{axis}]" if e.constant != 0 else ""
    v = order[depth - 1]
    slope = dict(e.coefficients).get(v, 0)
    moved = normal(v * slope)
    return f"({number(moved)}) * _at_{a}.strides[{axis}]" if moved != 0 else ""


def _scaled(nest: Nest) -> str:
    top, bottom = fraction(nest.coefficient)
    return "_sum" if nest.coefficient == 1 else f"<real>(<double>({top}) / {bottom}) * _sum"
