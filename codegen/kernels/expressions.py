"""Names, polynomials and conditions as text that all targets share, in an order of our own."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from math import lcm

from sympy import Expr, Integer, Symbol

from rot180.codegen.kernels.names import array_name, name
from rot180.codegen.plans.plan import (
    Affine,
    Box,
    Divided,
    Intermediate,
    Loop,
    LoweringError,
    Nest,
    Operand,
    Phase,
    Solved,
)
from rot180.derive.language.polynomial import monomials, normal, symbol, symbols_of, text

TAB = "    "

WIDTH = 100
"""Characters in a line of what is generated."""


def definition(
    head: str, parameters: Sequence[str], tail: str, indent: str = ""
) -> tuple[str, ...]:
    """Write the head of a function, or a call: on one line, or with its parameters wrapped.

    Args:
        head: what precedes the parameters.
        parameters: the parameters, each of which stays on one line.
        tail: what follows them.
        indent: what the first line begins with.

    """
    line = f"{indent}{head}({', '.join(parameters)}){tail}"
    if len(line) <= WIDTH:
        return (line,)
    inside = indent + TAB
    rows = filled([f"{p}," for p in parameters], WIDTH - len(inside))
    rows = rows if len(rows) > 1 else [rows[0].removesuffix(",")]
    return (f"{indent}{head}(", *(inside + row for row in rows), f"{indent}){tail}")


def filled(words: Sequence[str], width: int) -> list[str]:
    """Write words in rows, as many in each as fit."""
    rows = [words[0]]
    for word in words[1:]:
        if len(rows[-1]) + 1 + len(word) <= width:
            rows[-1] += f" {word}"
        else:
            rows.append(word)
    return rows


def size_tuple(sizes: Sequence[Expr]) -> str:
    """Write a shape as a tuple."""
    return written_tuple([number(n) for n in sizes])


def written_tuple(items: Sequence[str]) -> str:
    """Write a tuple of expressions."""
    return f"({items[0]},)" if len(items) == 1 else f"({', '.join(items)})"


def number(e: Expr) -> str:
    """Write a polynomial with integer coefficients."""
    new = {v: symbol(name(v.name)) for v in symbols_of(e) if name(v.name) != v.name}
    return text(normal(e.xreplace(new))).replace("^", "**")


def index_text(e: Affine) -> str:
    """Write an affine map, its loops first."""
    loops = [v for v, _ in e.coefficients]
    whole = e.constant + sum(c * v for v, c in e.coefficients)
    new = {v: symbol(name(v.name)) for v in symbols_of(whole) if name(v.name) != v.name}
    ranked = [new.get(v, v) for v in loops]
    return text(normal(whole.xreplace(new)), ranked).replace("^", "**")


def fraction(e: Expr) -> tuple[str, int]:
    """Write a polynomial as an integer polynomial and its denominator."""
    denominator = lcm(*(int(c.q) for c in monomials(e).values()))
    return number(normal(e * denominator)), denominator


def least(sizes: Sequence[Expr]) -> str:
    """Write the least of some polynomials.

    >>> from rot180.derive.language.polynomial import symbol
    >>> least([symbol("s"), symbol("K")])
    'min(s, K)'
    """
    first, *others = map(number, sizes)
    return f"min({', '.join([first, *others])})" if others else first


def loop_size(loop: Loop) -> Expr | None:
    """Return n where the loop is ``0 <= v < n`` and nothing else."""
    (bound, *more) = loop.bounds
    slopes = [(loop.variable, Integer(1))]
    alone = bound.value.constant == 0 and [*bound.value.coefficients] == slopes
    return bound.size if alone and not more else None


def extents(shape: Sequence[Expr], sizes: Collection[Symbol]) -> str:
    """Write the shape of an intermediate: a size that may be negative is an empty axis.

    Args:
        shape: its size on each axis.
        sizes: symbols that are sizes of arguments, which are not negative.

    """
    known = (n in sizes or (n.is_Integer and n >= 0) for n in shape)
    words = [
        number(n) if sure else f"max(0, {number(n)})" for n, sure in zip(shape, known, strict=True)
    ]
    return written_tuple(words)


def cost(e: Expr) -> str:
    """Write a number of products so that it is computed in floating point."""
    parts = []
    for m, c in sorted(monomials(e).items()):
        powers = (f"{name(v)}**{k}" if k > 1 else name(v) for v, k in m)
        parts.append(" * ".join([repr(float(c)), *powers]))
    return " + ".join(parts).replace("+ -", "- ") or "0.0"


def opening(nest: Nest, output: str) -> tuple[list[str], str]:
    """Write what encloses a nest's sum: a comment, the phases, the conditions.

    Args:
        nest: the sum.
        output: the array it is added to.

    Returns:
        the lines, and the indent of the sum.

    """
    lines, tab, inside = [f"# {write_sum(nest, output)}"], "", False
    for step in nest.outer:
        if isinstance(step, Phase):
            lines.append(f"{tab}for {name(step.variable.name)} in range({least(step.sizes)}):")
            tab, inside = tab + TAB, True
            continue
        if isinstance(step, Divided):
            both = f"{name(step.quotient.name)}, {name(step.remainder.name)}"
            lines.append(f"{tab}{both} = divmod({number(step.value)}, {number(step.divisor)})")
            continue
        holds, fails = _condition(step)
        lines.append(f"{tab}if {fails if inside else holds}:")
        if inside:
            lines.append(f"{tab}{TAB}continue")
        else:
            tab += TAB
        if isinstance(step, Solved):
            value, by = number(step.value), number(step.divisor)
            lines.append(f"{tab}{name(step.variable.name)} = ({value}) // {_divisor(by)}")
    return lines, tab


def write_sum(nest: Nest, output: str) -> str:
    """Write a nest's sum in the notation of layers."""

    def entry(head: str, index: Sequence[Affine]) -> str:
        return f"{head}[{', '.join(map(_index, index))}]"

    factors = [
        entry(array_name(f), f.index)
        if isinstance(f, Operand)
        else f"[0 <= {_index(f.value)} < {text(f.size)}]"
        for f in nest.factors
    ]
    summed = f"sum[{', '.join(v.name for v in nest.k)}] " if nest.k else ""
    scale = [] if nest.coefficient == 1 and factors else [text(nest.coefficient)]
    if len(monomials(nest.coefficient)) > 1 and scale:
        scale = [f"({scale[0]})"]
    return f"{entry(output, nest.output)} += {summed}{' * '.join([*scale, *factors])}"


def write_running_sum(i: Intermediate) -> str:
    """Write what a running sum adds to each entry, and in which order.

    Raises:
        LoweringError: the intermediate is no running sum.

    """
    if i.running is None:
        raise LoweringError(f"{i.tensor.name} is no running sum")
    array, v = i.tensor.name, i.running.index[i.running.axis]
    at, before = (", ".join(map(text, e)) for e in (i.running.index, i.running.before))
    order = "in order" if i.running.step > 0 else "from the last"
    return f"{array}[{at}] += {array}[{before}] for each {v} {order}"


def _index(e: Affine) -> str:
    """Write an affine map in the notation of layers."""
    loops = [v for v, _ in e.coefficients]
    return text(normal(e.constant + sum(c * v for v, c in e.coefficients)), loops)


def _condition(step: Solved | Box) -> tuple[str, str]:
    """Write a condition and its negation."""
    if isinstance(step, Box):
        holds = f"0 <= {number(step.value.constant)} < {number(step.size)}"
        return holds, f"not {holds}"
    rest = f"({number(step.value)}) % {_divisor(number(step.divisor))}"
    return f"{rest} == 0", f"{rest} != 0"


def _divisor(code: str) -> str:
    return code if code.isidentifier() or code.isdigit() else f"({code})"
