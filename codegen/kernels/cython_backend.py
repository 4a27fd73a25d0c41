"""Plans as Cython: the lines that fill in a sum's loops and index maps."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from sympy import Expr, Integer, Symbol

from rot180.codegen.kernels.algorithms import (
    ALGORITHMS,
    AUTOMATIC,
    REASONS,
    REQUESTS,
    Algorithm,
    Reason,
)
from rot180.codegen.kernels.c_runtime import running_sums
from rot180.codegen.kernels.expressions import (
    TAB,
    cost,
    extents,
    fraction,
    least,
    loop_size,
    number,
    opening,
    write_running_sum,
)
from rot180.codegen.kernels.kernel import Kernel, Module
from rot180.codegen.kernels.names import array_name, name
from rot180.codegen.kernels.scalar_loops import ScalarLoops, near, parameters, scalar_loops
from rot180.codegen.plans.plan import (
    Affine,
    Box,
    Factor,
    Intermediate,
    Loop,
    LoweringError,
    Nest,
    Ones,
    Operand,
    Phase,
    Plan,
    named,
    polynomials,
    visited_once,
)
from rot180.derive.language.polynomial import monomials

LOOPS, AXES = 32, 20
"""How many loops a sum may have in C, and how many axes an array."""

MOST_BITS, ANY_BITS = 40, 61
"""How many bits an integer argument of a compiled kernel may have at most; how many a size has."""

_ROLES = {"batch": "BATCH", "m": "ROWS", "n": "COLUMNS", "k": "REDUCTION"}
"""The classes of a nest's loops, as C calls them."""


@dataclass(frozen=True)
class ArraySum:
    """A nest in the order in which it is computed.

    Attributes:
        array: what it is added to.
        nest: the sum.
        fresh: when the array is still zero and each entry is visited once; or "".
        ends: the intermediate that becomes a running sum after it, if one does.

    """

    array: str
    nest: Nest
    fresh: str
    ends: Intermediate | None = None


def _ones(ones: Ones) -> str:
    """Write that the least of each group is 1, or "" where no condition is known."""
    if ones is None:
        return ""
    return " and ".join(f"{least(sizes)} == 1" for sizes in ones) or "True"


@dataclass(frozen=True)
class CythonKernel(Kernel):
    """A function in Cython: checks in Python, and a C part that the sums are computed by."""

    @property
    def body(self) -> list[str]:
        """Return the statements of the C part.

        Raises:
            LoweringError: a sum has more loops, or an array more axes, than C has room for.

        """
        return _body(self)

    @property
    def operands(self) -> list[Operand]:
        """Return what the sums read."""
        return [*self.plan.operands]

    @property
    def arrays(self) -> list[str]:
        """Return the arrays that the C part needs, the output first."""
        return [self.output, *dict.fromkeys(map(array_name, self.operands))]

    @property
    def integers(self) -> list[str]:
        """Return the integers that the C part needs."""
        known = (*self.interface.integers, *self.interface.sizes)
        return [name(v.name) for v in known if v in self.plan.symbols]

    @property
    def reals(self) -> list[str]:
        """Return the real numbers that the C part needs."""
        found = self.interface
        return [name(v.name) for v in found.parameters if v in found.reals & self.plan.symbols]

    @property
    def whole(self) -> str:
        """Return when the first nest visits each entry of the output once, or ""."""
        return _ones(self.plan.ones)

    @property
    def fresh(self) -> str:
        """Return the call that says so, or ""."""
        return f"_whole_{self.name}({', '.join(self.integers)})" if self.whole else ""

    @property
    def small(self) -> list[ScalarLoops | None]:
        """Return for each sum the function that computes it where it is small, if there is one."""
        sums = [s for plan in self.plan.orders for s in self.sums(plan)]
        return [
            scalar_loops(
                f"_small_{at}_{self.name}", s.nest, s.array, self.integers, s.fresh, self.reals
            )
            for at, s in enumerate(sums)
        ]

    def sums(self, plan: Plan) -> list[ArraySum]:
        """Return the sums of one order of contraction, those of intermediates first."""
        found = []
        for i in plan.intermediates:
            fresh = _ones(visited_once(i.nests, i.shape))
            last = len(i.nests) - 1 if i.running else -1
            found += [
                ArraySum(i.tensor.name, nest, "" if at else fresh, i if at == last else None)
                for at, nest in enumerate(i.nests)
            ]
        found += [
            ArraySum(self.output, nest, "" if at else self.fresh)
            for at, nest in enumerate(plan.nests)
        ]
        return found

    @property
    def counted(self) -> str:
        """Return its integers as parameters of a C function."""
        return parameters((), self.integers)

    @property
    def passed(self) -> str:
        """Return the arguments of the C part; the arrays stay alive during the call."""
        held = (f"_held.view({a}, {a == self.output})" for a in self.arrays)
        return ", ".join((*held, *self.integers, *self.reals))

    @property
    def given(self) -> str:
        """Return the arguments of the C part where that takes the arrays themselves."""
        return ", ".join((*self.arrays, *self.integers, *self.reals))

    @property
    def typed(self) -> str:
        """Return the parameters of the C part."""
        return parameters(self.arrays, self.integers, self.reals)


@dataclass(frozen=True)
class CythonModule(Module):
    """A module in Cython."""

    kernels: tuple[CythonKernel, ...]
    most_loops: int = LOOPS
    most_axes: int = AXES
    algorithms: tuple[Algorithm, ...] = ALGORITHMS
    reasons: tuple[Reason, ...] = REASONS
    requests: tuple[str, ...] = REQUESTS
    automatic: str = AUTOMATIC

    @property
    def bits(self) -> int:
        """Return how many bits an integer argument may have."""
        return bits(self.plans)

    @property
    def arrays(self) -> int:
        """Return how many arrays a kernel has at most."""
        return max(len(kernel.arrays) for kernel in self.kernels)

    @property
    def tests(self) -> bool:
        """Say whether a factor of a kernel is 1 in a box and 0 outside."""
        nests = (nest for plan in self.plans for nest in plan.all_nests)
        return any(isinstance(f, Box) for nest in nests for f in nest.factors)

    @property
    def plans(self) -> list[Plan]:
        """Return the plans of all kernels, for each order of contraction one."""
        return [plan for kernel in self.kernels for plan in kernel.plan.orders]

    @property
    def intermediates(self) -> bool:
        """Say whether a kernel computes an array before it computes its output."""
        return any(plan.intermediates for plan in self.plans)

    @property
    def running_sums(self) -> str:
        """Return the C function that makes an array a running sum, if a kernel calls it."""
        made = (i for plan in self.plans for i in plan.intermediates)
        return running_sums() if any(i.running for i in made) else ""

    @property
    def small(self) -> list[ScalarLoops]:
        """Return the functions that compute small sums."""
        return [loops for kernel in self.kernels for loops in kernel.small if loops is not None]


def bits(plans: Collection[Plan], most: int = MOST_BITS) -> int:
    """Return how many bits (or `most`) arguments may have so that 62 hold every polynomial."""
    found = {e for plan in plans for nest in plan.all_nests for e in _polynomials(nest)}
    found = found.union(*(i.shape for plan in plans for i in plan.intermediates))
    b = most
    while b > 1 and any(_largest(e, b) >= 2**62 for e in found):
        b -= 1
    return b


def _largest(e: Expr, b: int) -> int:
    return sum(
        abs(int(c)) * int(2 ** (b * sum(power for _, power in m))) for m, c in monomials(e).items()
    )


def _polynomials(nest: Nest) -> Iterator[Expr]:
    for step in nest.outer:
        yield from polynomials(step)
    maps: list[Affine] = list(nest.output)
    for f in nest.factors:
        maps += f.index if isinstance(f, Operand) else [f.value]
    for bound in (b for loop in nest.loops for b in loop.bounds):
        maps.append(bound.value)
        yield bound.size
    for e in maps:
        yield from (e.constant, *(c for _, c in e.coefficients))


def _body(kernel: CythonKernel) -> list[str]:
    plan, integers = kernel.plan, kernel.integers
    nests = [nest for p in plan.orders for nest in p.all_nests]
    for nest in nests:
        ranks = [len(f.index) for f in nest.factors if isinstance(f, Operand)]
        found = len(nest.loops), max(len(nest.output), *ranks, 0)
        if found[0] > LOOPS or found[1] > AXES:
            raise LoweringError(
                f"found a sum with (loops, axes) {found}, expected at most {(LOOPS, AXES)}"
            )
    most = max((len(nest.factors) for nest in nests), default=0)
    lines = ["cdef Nest _nest", f"cdef Entry[{max(1, most)}] _factors"]
    if integers:
        bits_ = min(map(near, plan.orders))
        lines.append(f"cdef bint _near = 0 <= ({' | '.join(integers)}) < {2**bits_}")
    else:
        lines.append("cdef bint _near = True")
    if variables := list(dict.fromkeys(v for nest in nests for v in _variables(nest))):
        lines.append(f"cdef Py_ssize_t {', '.join(variables)}")
    for word in sorted({i.tensor.name for p in plan.orders for i in p.intermediates}):
        lines += [f"cdef _Intermediate _{word}", f"cdef Py_buffer *_at_{word}"]
    small = iter(kernel.small)
    bodies = [_order_lines(kernel, p, small) for p in plan.orders]
    if len(bodies) == 1:
        return [*lines, *bodies[0]]
    lines += [f"cdef double[{len(bodies)}] _products", "cdef int _order = 0"]
    lines += [f"_products[{at}] = {cost(p.products)}" for at, p in enumerate(plan.orders)]
    for at in range(1, len(bodies)):
        lines += [f"if _products[{at}] < _products[_order]:", f"{TAB}_order = {at}"]
    for at, body in enumerate(bodies):
        word = "elif" if at else "if"
        lines += [f"{word} _order == {at}:", *(f"{TAB}{line}" for line in body)]
    return lines


def _order_lines(
    kernel: CythonKernel, plan: Plan, small: Iterator[ScalarLoops | None]
) -> list[str]:
    """Write the sums of one order of contraction; each intermediate is made before its first."""
    shapes = {i.tensor.name: i.shape for i in plan.intermediates}
    lines: list[str] = []
    for s in kernel.sums(plan):
        shape = shapes.pop(s.array, None)
        if shape is not None:
            found = f"_at_{kernel.output}.itemsize, {extents(shape, kernel.interface.sizes)}"
            lines.append(f'_{s.array} = _Intermediate("{s.array}", {found})')
            lines.append(f"_at_{s.array} = &_{s.array}.view")
        lines += _nest_lines(s, next(small))
        lines += _running_sum(s.ends) if s.ends else []
    return lines


def _running_sum(made: Intermediate) -> list[str]:
    """Write the call that makes an intermediate a running sum."""
    assert made.running is not None
    at, along = f"_at_{made.tensor.name}", f"{made.running.axis}, {made.running.step}"
    array = f"<char *>{at}.buf, {at}.itemsize, {at}.shape, {at}.ndim"
    return [f"# {write_running_sum(made)}", f"rot180_running_sum({array}, {along})"]


def _variables(nest: Nest) -> Iterator[str]:
    for step in nest.outer:
        yield from (name(v.name) for v in named(step))
    for loop in nest.loops:
        yield name(loop.variable.name)


def _nest_lines(s: ArraySum, small: ScalarLoops | None) -> list[str]:
    """Write one nest: its phases, its loops, the maps of the output and of each factor.

    Args:
        s: the sum.
        small: the function that computes it where it is small.

    """
    nest, output = s.nest, s.array
    lines, tab = opening(nest, output)
    top, bottom = fraction(nest.coefficient)
    scale = f"<double>({top}) / {bottom}" if nest.coefficient != 1 else "1"
    sides = f"{len(nest.left)}, {len(nest.right)}"
    body = [f"_begin(&_nest, _at_{output}.itemsize, _factors, {sides}, {scale})"]
    if s.fresh:
        body.append(f"_nest.fresh = {s.fresh}")
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
        given = f"if _at_{array_name(nest.factors[0])} is not NULL:  # else zeros"
        body = [given, *(f"    {line}" for line in body)]
    if any(isinstance(step, Phase) for step in nest.outer):
        body = ["_check_signals()", *body]
    return lines + [tab + line for line in body]


def _loop(nest: Nest, loop: Loop) -> list[str]:
    v = name(loop.variable.name)
    role = next(c for r, c in _ROLES.items() if loop.variable in getattr(nest, r))
    size = loop_size(loop)
    if size is not None:
        return [f"{v} = _range(&_nest, {role}, {number(size)})"]
    lines = [f"{v} = _loop(&_nest, {role})"]
    for b in loop.bounds:
        lines.append(_map("_nest.constant", "_nest.slope[{}]", b.value))
        lines.append(f"_bound(&_nest, {v}, {number(b.size)})")
    return [line for line in lines if line]


def _factor(entry: str, factor: Factor) -> list[str]:
    if isinstance(factor, Operand):
        return [f"_entry(&{entry}, _at_{array_name(factor)})", *_maps(entry, factor.index)]
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
