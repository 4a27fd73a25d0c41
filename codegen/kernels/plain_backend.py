"""Plans as plain Python loops: to be read beside a formula, and runnable as printed.

The arrays are NumPy's, scalar functions are arguments, and nothing is checked. An entry that may be
outside its array has a guard.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sympy import Expr, Symbol

from rot180.codegen.kernels.expressions import (
    TAB,
    WIDTH,
    extents,
    fraction,
    index_text,
    loop_size,
    number,
    opening,
)
from rot180.codegen.kernels.interface import Interface
from rot180.codegen.kernels.kernel import Kernel
from rot180.codegen.kernels.names import function_name, name, shape_name
from rot180.codegen.plans.bounds import positive
from rot180.codegen.plans.plan import Affine, Box, Intermediate, Loop, Nest, Operand, Running
from rot180.derive.display.statement import write_condition
from rot180.derive.language.polynomial import normal
from rot180.derive.language.terms import Condition

SPAN = '''
def _span(by, start, size):
    """Return the v with 0 <= by*v + start < size."""
    if by < 0:
        by, start = -by, size - 1 - start
    return range(-(start // by), (size - 1 - start) // by + 1)
'''
"""The function that plain loops call where the sign of a coefficient is not known."""


@dataclass(frozen=True)
class PlainKernel(Kernel):
    """A function of plain Python loops."""

    @property
    def arguments(self) -> tuple[str, ...]:
        """Return its arguments: arrays, scalar functions, parameters, shapes."""
        return arguments(self.interface)

    @property
    def body(self) -> list[str]:
        """Return the statements that compute the output."""
        lines: list[str] = []
        for made in self.plan.intermediates:
            shape = extents(made.shape, self.interface.sizes)
            lines.append(f"{name(made.tensor.name)} = np.zeros({shape})")
            lines += self._nests(made.nests, name(made.tensor.name))
            lines += _running_sum(made, made.running) if made.running else []
        zeros = f"{self.output} = {_zeros(self.plan.shape)}"
        return [*lines, zeros, *self._nests(self.plan.nests, self.output)]

    @property
    def text(self) -> str:
        """Return the function."""
        held = [write_condition(c) for c in self.plan.hypotheses]
        comment = f"  # for {', '.join(held)}" if held else ""
        head = f"def {self.name}({', '.join(self.arguments)}):"
        apart = len(head + comment) > WIDTH
        lines = [f"# {comment[4:]}"] if apart and held else []
        lines += [*size_lines(self.interface, self.body), *self.body, f"return {self.output}"]
        top = head if apart else head + comment
        return "\n".join((top, *(f"{TAB}{line}" for line in lines))) + "\n"

    def _nests(self, nests: Iterable[Nest], output: str) -> Iterator[str]:
        for nest in nests:
            yield from _nest_lines(nest, output, self.plan.hypotheses)


def arguments(found: Interface) -> tuple[str, ...]:
    """Return the arguments of plain loops: arrays, scalar functions, parameters, shapes."""
    functions = dict.fromkeys(function_name(f, order) for f, order, _ in found.functions)
    return (
        *(name(t.name) for t in (*found.arrays, *found.index_arrays)),
        *functions,
        *(name(v.name) for v in found.parameters),
        *(shape_name(t) for t, given in found.shapes if given),
    )


def size_lines(found: Interface, body: Iterable[str]) -> list[str]:
    """Name the sizes that a body uses, each once, on one line if it is not too long."""
    waiting = set(re.findall(r"\w+", "\n".join(body)))
    sources = [(f"{name(t.name)}.shape", t) for t in (*found.arrays, *found.index_arrays)]
    sources += [(shape_name(t), t) for t, given in found.shapes if given]
    pairs: list[tuple[str, str]] = []
    for shape, tensor in sources:
        words = [name(n.name) if isinstance(n, Symbol) else "_" for n in tensor.shape]
        words = [word if word in waiting else "_" for word in words]
        if waiting & {*words}:
            pairs.append((f"({words[0]},)" if len(words) == 1 else ", ".join(words), shape))
        waiting -= {*words}
    left = ", ".join(words if words.endswith(",)") else f"({words})" for words, _ in pairs)
    line = f"{left} = {', '.join(shape for _, shape in pairs)}"
    if len(pairs) > 1 and len(line) <= WIDTH - len(TAB):
        return [line]
    return [f"{words} = {shape}" for words, shape in pairs]


def plain_module(header: Sequence[str], kernels: Sequence[PlainKernel]) -> str:
    """Return the text of a file of plain loops, after some lines of comment."""
    top = [*(f"# {line}" for line in header), "import numpy as np"]
    return "\n".join([*top, "\n", plain_functions(kernels)])


def plain_functions(kernels: Sequence[PlainKernel]) -> str:
    """Return functions of plain loops, and the function that they call."""
    functions = [kernel.text for kernel in kernels]
    helper = [SPAN.lstrip()] if any(" _span(" in one for one in functions) else []
    return "\n\n".join([*helper, *functions])


def _nest_lines(nest: Nest, output: str, hypotheses: tuple[Condition, ...]) -> Iterator[str]:
    """Write one nest: its phases, its loops, the guard, the sum."""
    (_, *lines), tab = opening(nest, output)
    yield from lines
    ranges = [_LoopRange(loop, hypotheses) for loop in nest.loops]
    ranges.sort(key=lambda one: one.size is None)  # those depend on no other loop
    for line in _together(ranges):
        yield f"{tab}{line}"
        tab += TAB
    exact = {b for one in ranges for b in one.exact}
    tests = dict.fromkeys(b for one in ranges for b in one.loop.bounds if b not in exact)
    for f in nest.factors:
        boxes = (Box(e, n) for e, n in _axes(f)) if isinstance(f, Operand) else (f,)
        tests |= dict.fromkeys(b for b in boxes if b not in exact)
    guard = f"{tab}if {' and '.join(map(_test, tests))}:"
    for line in [guard] if len(guard) < WIDTH - len(TAB) else [f"if {_test(b)}:" for b in tests]:
        if tests:
            yield f"{tab}{line.strip()}"
            tab += TAB
    factors = _scaled(nest, [_entry(f) for f in nest.factors if isinstance(f, Operand)])
    left = f"{tab}{_place(output, nest.output)} +="
    line = f"{left} {' * '.join(factors)}"
    if len(line) < WIDTH - len(TAB) or len(factors) == 1:
        yield line
    else:
        yield f"{left} ("
        yield f"{tab}{TAB}{factors[0]}"
        yield from (f"{tab}{TAB}* {factor}" for factor in factors[1:])
        yield f"{tab})"


def _running_sum(made: Intermediate, running: Running) -> list[str]:
    """Write a running sum: to each slice along an axis, the one before it is added."""
    word, v, n = name(made.tensor.name), running.index[running.axis], made.shape[running.axis]
    first = [":"] * running.axis
    at, before = (
        f"{word}[{', '.join([*first, number(e[running.axis])])}]"
        for e in (running.index, running.before)
    )
    stop = number(normal(n - 1))
    order = f"range(1, {number(n)})" if running.step > 0 else f"reversed(range({stop}))"
    return [f"for {name(v.name)} in {order}:", f"{TAB}{at} += {before}"]


def _axes(f: Operand) -> Iterator[tuple[Affine, Expr]]:
    both = zip(f.index, f.tensor.shape, strict=True)
    return ((e, n) for e, n in both if n is not None)


class _LoopRange:
    """The range of a loop, and the bounds that it makes sure of."""

    def __init__(self, loop: Loop, hypotheses: tuple[Condition, ...]) -> None:
        self.loop, self.size = loop, loop_size(loop)
        ends = {b: _ends(b, loop.variable, hypotheses) for b in loop.bounds}
        known = {b: both for b, both in ends.items() if both}
        self.exact = (*known,) or loop.bounds[:1]
        if self.size is not None:
            self.text = f"range({number(self.size)})"
        elif known:
            first, stop = (list(dict.fromkeys(side)) for side in zip(*known.values(), strict=True))
            self.text = f"range({_of('max', first)}, {_of('min', stop)})"
        else:
            slope, rest = _split(loop.bounds[0].value, loop.variable)
            self.text = f"_span({number(slope)}, {index_text(rest)}, {number(loop.bounds[0].size)})"


def _ends(b: Box, v: Symbol, hypotheses: tuple[Condition, ...]) -> tuple[str, str] | None:
    """Write the first v with ``0 <= c*v + e < n``, and the one after the last; None if c may be 0.

    For c > 0, v is at least -e / c, rounded up, and at most (n - 1 - e) / c, rounded down.
    """
    c, rest = _split(b.value, v)
    opposite = Affine(normal(b.size - 1 - rest.constant), _negated(rest))
    if positive(c, hypotheses):
        low, high, by = rest, opposite, c
    elif positive(normal(-c), hypotheses):
        low, high, by = opposite, rest, normal(-c)
    else:
        return None
    if by == 1:
        first = Affine(normal(-low.constant), _negated(low))
        return index_text(first), index_text(Affine(normal(high.constant + 1), high.coefficients))
    return f"-({_quotient(low, by)})", f"{_quotient(high, by)} + 1"


def _negated(e: Affine) -> tuple[tuple[Symbol, Expr], ...]:
    return tuple((v, normal(-c)) for v, c in e.coefficients)


def _split(e: Affine, v: Symbol) -> tuple[Expr, Affine]:
    others = tuple((w, c) for w, c in e.coefficients if w != v)
    return dict(e.coefficients)[v], Affine(e.constant, others)


def _quotient(e: Affine, by: Expr) -> str:
    return f"{_operand(index_text(e))} // {_operand(number(by))}"


def _operand(code: str) -> str:
    return code if code.isidentifier() or code.isdigit() else f"({code})"


def _of(function: str, values: Sequence[str]) -> str:
    return values[0] if len(values) == 1 else f"{function}({', '.join(values)})"


def _together(ranges: Sequence[_LoopRange]) -> Iterator[str]:
    """Write loops, those from 0 to a size that follow each other on one line."""
    waiting: list[_LoopRange] = []
    for one in (*ranges, None):
        if one is not None and one.size is not None:
            waiting.append(one)
            continue
        names = ", ".join(name(w.loop.variable.name) for w in waiting)
        if len(waiting) == 1:
            yield f"for {names} in {waiting[0].text}:"
        elif waiting:
            sizes = ", ".join(number(w.size) for w in waiting if w.size is not None)
            yield f"for {names} in np.ndindex({sizes}):"
        waiting = []
        if one is not None:
            yield f"for {name(one.loop.variable.name)} in {one.text}:"


def _test(b: Box) -> str:
    return f"0 <= {index_text(b.value)} < {number(b.size)}"


def _place(array: str, index: Sequence[Affine]) -> str:
    return f"{array}[{', '.join(map(index_text, index)) or '()'}]"


def _entry(f: Operand) -> str:
    entry = _place(name(f.tensor.name), f.index)
    return f"{function_name(f.function, f.order)}({entry})" if f.function else entry


def _scaled(nest: Nest, factors: list[str]) -> list[str]:
    top, bottom = fraction(nest.coefficient)
    if nest.coefficient == 1:
        return factors or ["1"]
    return [f"{_operand(top)} / {bottom}" if bottom != 1 else _operand(top), *factors]


def _zeros(sizes: Sequence[Expr]) -> str:
    words = [number(n) for n in sizes]
    return f"np.zeros({words[0]})" if len(words) == 1 else f"np.zeros(({', '.join(words)}))"
