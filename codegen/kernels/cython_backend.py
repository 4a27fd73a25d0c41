"""Plans as Cython: the lines that fill in a sum's loops and index maps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sympy import Expr, Integer, Symbol

from rot180.codegen.kernels.printers import (
    Interface,
    arguments,
    array,
    fraction,
    name,
    number,
    opening,
    plain,
)
from rot180.codegen.kernels.scalar_loops import SmallLoops, near, small_loops
from rot180.codegen.plans.passes import LoweringError
from rot180.codegen.plans.plan import Affine, Factor, Loop, Nest, Operand, Phase, Plan, Solved
from rot180.derive.language.polynomial import monomials

LOOPS, AXES = 32, 20
"""How many loops a sum may have in C, and how many axes an array."""

_MOST_BITS = 40
_ROLES = ("batch", "rows", "columns", "reduction")


def bits(plans: Iterable[Plan]) -> int:
    """Return how many bits arguments may have so that 62 hold every polynomial of the plans."""
    found = {e for plan in plans for nest in plan.nests for e in _polynomials(nest)}
    b = _MOST_BITS
    while b > 1 and any(_largest(e, b) >= 2**62 for e in found):
        b -= 1
    return b


def _largest(e: Expr, b: int) -> int:
    return sum(
        abs(int(c)) * int(2 ** (b * sum(power for _, power in m))) for m, c in monomials(e).items()
    )


def _polynomials(nest: Nest) -> Iterator[Expr]:
    for step in nest.outer:
        if isinstance(step, Phase):
            yield step.size
        elif isinstance(step, Solved):
            yield from (step.value, step.divisor)
        else:
            yield from (step.value.constant, step.size)
    maps: list[Affine] = list(nest.output)
    for f in nest.factors:
        maps += f.index if isinstance(f, Operand) else [f.value]
    for bound in (b for loop in nest.loops for b in loop.bounds):
        maps.append(bound.value)
        yield bound.size
    for e in maps:
        yield from (e.constant, *(c for _, c in e.coefficients))


def kernel_lines(word: str, found: Interface, plan: Plan) -> list[str]:
    """Write the body of a kernel's C part.

    Raises:
        LoweringError: a sum has more loops, or an array more axes, than the C part has room for.

    """
    for nest in plan.nests:
        ranks = [len(f.index) for f in nest.factors if isinstance(f, Operand)]
        found_sizes = len(nest.loops), max(len(nest.output), *ranks, 0)
        if found_sizes[0] > LOOPS or found_sizes[1] > AXES:
            raise LoweringError(
                f"found a sum with (loops, axes) {found_sizes}, expected at most {(LOOPS, AXES)}"
            )
    _, integers = arguments(found, plan)
    output = name(found.output)
    most = max((len(nest.factors) for nest in plan.nests), default=0)
    lines = ["cdef Nest _nest", f"cdef Entry[{max(1, most)}] _factors"]
    if integers:
        lines.append(f"cdef bint _near = 0 <= ({' | '.join(integers)}) < {2 ** near(plan)}")
    else:
        lines.append("cdef bint _near = True")
    if variables := list(dict.fromkeys(v for nest in plan.nests for v in _variables(nest))):
        lines.append(f"cdef Py_ssize_t {', '.join(variables)}")
    fresh = _fresh(word, plan, integers)
    for nest, small in zip(plan.nests, small_sums(word, found, plan), strict=True):
        lines += nest_lines(nest, output, small, fresh)
        fresh = ""
    return lines


def _fresh(word: str, plan: Plan, integers: Iterable[str]) -> str:
    return f"_{word}_whole({', '.join(integers)})" if plan.ones is not None else ""


def small_sums(word: str, found: Interface, plan: Plan) -> list[SmallLoops | None]:
    """Write a function for each sum of a kernel where it is small, or None where there is none."""
    _, integers = arguments(found, plan)
    fresh = _fresh(word, plan, integers)
    return [
        small_loops(f"_{word}_{at}", nest, name(found.output), integers, "" if at else fresh)
        for at, nest in enumerate(plan.nests)
    ]


def _variables(nest: Nest) -> Iterator[str]:
    for step in nest.outer:
        if isinstance(step, Phase | Solved):
            yield name(step.variable.name)
    for loop in nest.loops:
        yield name(loop.variable.name)


def nest_lines(
    nest: Nest, output: str, small: SmallLoops | None, fresh: str
) -> list[str]:
    """Write one nest: its phases, its loops, the maps of the output and of each factor.

    Args:
        nest: the sum.
        output: the array it is added to.
        small: the function that computes it where it is small.
        fresh: when nothing is in the output yet, or "".

    """
    lines, tab = opening(nest, output)
    top, bottom = fraction(nest.coefficient)
    scale = f"<double>({top}) / {bottom}" if nest.coefficient != 1 else "1"
    sides = f"{len(nest.left)}, {len(nest.right)}"
    body = [f"_begin(&_nest, _at_{output}.itemsize, _factors, {sides}, {scale})"]
    if fresh:
        body.append(f"_nest.fresh = {fresh}")
    for loop in nest.loops:
        body += _loop(nest, loop)
    body += [f"_entry(&_nest.out, _at_{output})", *_maps("_nest.out", nest.output)]
    for at, factor in enumerate(nest.factors):
        body += _factor(f"_factors[{at}]", factor)
    body.append("_run(&_nest)")
    if small:
        body = [
            "if not _near or not (",
            f"    {small.name}(<float>0, {small.passed}) if _at_{output}.itemsize == 4",
            f"    else {small.name}(<double>0, {small.passed})",
            "):",
            *(f"    {line}" for line in body),
        ]
    if len(nest.factors) == 1 and isinstance(nest.factors[0], Operand):
        given = f"if _at_{array(nest.factors[0])} is not NULL:  # else zeros"
        body = [given, *(f"    {line}" for line in body)]
    return lines + [tab + line for line in body]


def _loop(nest: Nest, loop: Loop) -> list[str]:
    v = name(loop.variable.name)
    role = next(r for r in _ROLES if loop.variable in getattr(nest, r))
    role = "over" if role == "reduction" else role
    size = plain(loop)
    if size is not None:
        return [f"{v} = _range(&_nest, {role.upper()}, {number(size)})"]
    lines = [f"{v} = _loop(&_nest, {role.upper()})"]
    for b in loop.bounds:
        lines.append(_map("_nest.constant", "_nest.slope[{}]", b.value))
        lines.append(f"_bound(&_nest, {v}, {number(b.size)})")
    return [line for line in lines if line]


def _factor(entry: str, factor: Factor) -> list[str]:
    if isinstance(factor, Operand):
        return [f"_entry(&{entry}, _at_{array(factor)})", *_maps(entry, factor.index)]
    return [f"_inside(&{entry}, {number(factor.size)})", *_maps(entry, (factor.value,))]


def _maps(entry: str, index: Iterable[Affine]) -> list[str]:
    lines = (
        _map(f"{entry}.constant[{axis}]", f"{entry}.slope[{axis}][{{}}]", e)
        for axis, e in enumerate(index)
    )
    return [line for line in lines if line]


def _map(constant: str, slope: str, e: Affine) -> str:
    parts = [f"{slope.format(name(v.name))} = {number(c)}" for v, c in _slopes(e)]
    if e.constant != 0:
        parts.append(f"{constant} = {number(e.constant)}")
    return "; ".join(parts)


def _slopes(e: Affine) -> Iterator[tuple[Symbol, Expr]]:
    return ((v, c) for v, c in e.coefficients if c != Integer(0))
