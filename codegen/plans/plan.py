"""Plans: what a kernel computes, as data that no target's code has entered yet.

A plan computes ``output[e] += coefficient * product of factors`` over nests of loops. All index
maps are affine in the loops; their coefficients are polynomials in the parameters and sizes, known
when the kernel runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from sympy import Expr, Integer, S, Symbol

from rot180.derive.language.polynomial import coefficient, normal, symbols_of
from rot180.derive.language.terms import Condition, Tensor, Term, factor_symbols


class LoweringError(ValueError):
    """A theorem or term that no kernel can be made of."""


@dataclass(frozen=True, slots=True)
class Affine:
    """``constant + sum of coefficient * loop``, the loops in the order of the nest."""

    constant: Expr
    coefficients: tuple[tuple[Symbol, Expr], ...]

    @property
    def loops(self) -> tuple[Symbol, ...]:
        """Return the loops it depends on."""
        return tuple(v for v, _ in self.coefficients)


def affine(e: Expr, loops: Iterable[Symbol]) -> Affine:
    """Split a polynomial that is affine in `loops`."""
    parts = tuple((v, coefficient(e, v)) for v in loops if v in symbols_of(e))
    return Affine(normal(e - sum(c * v for v, c in parts)), parts)


@dataclass(frozen=True, slots=True)
class Box:
    """``0 <= value < size``: a bound of a loop, or a factor that is one or zero."""

    value: Affine
    size: Expr

    @property
    def loops(self) -> tuple[Symbol, ...]:
        """Return the loops it depends on."""
        return self.value.loops


@dataclass(frozen=True, slots=True)
class Operand:
    """An entry of an array; zero outside the array's box.

    Attributes:
        tensor: whose array it is.
        index: one map per axis.
        function: the scalar function applied to the array first, or "".
        order: which derivative of the function.

    """

    tensor: Tensor
    index: tuple[Affine, ...]
    function: str = ""
    order: int = 0

    @property
    def loops(self) -> tuple[Symbol, ...]:
        """Return the loops it depends on, each once."""
        return tuple(dict.fromkeys(v for e in self.index for v in e.loops))


Factor: TypeAlias = Operand | Box


@dataclass(frozen=True, slots=True)
class Phase:
    """An outer loop, ``0 <= variable < size``; its variable is a constant further in.

    Attributes:
        variable: what it is called.
        size: the size of its bracket.
        most: sizes that the term implies: of each n there is a bracket or an operand's box
            ``0 <= size*q + variable < n``, or ``-size*q``, with a loop q. Where the variable is n
            or more, no q is inside, and the term is zero: the loop stops at the least size.

    """

    variable: Symbol
    size: Expr
    most: tuple[Expr, ...] = ()

    @property
    def sizes(self) -> tuple[Expr, ...]:
        """Return what it stays below: its own size, then those that the term implies."""
        return (self.size, *self.most)


@dataclass(frozen=True, slots=True)
class Solved:
    """``variable = value / divisor``; where that is not an integer, the term is left out."""

    variable: Symbol
    value: Expr
    divisor: Expr


@dataclass(frozen=True, slots=True)
class Divided:
    """``quotient, remainder = divmod(value, divisor)``: both are constants further in.

    That is ``[value = divisor*quotient + remainder] * [0 <= remainder < divisor]``, summed over
    both variables. The divisor is at least 1.
    """

    quotient: Symbol
    remainder: Symbol
    value: Expr
    divisor: Expr


Step: TypeAlias = Phase | Solved | Divided | Box
"""What encloses the loops of a nest: each step names constants, or is a condition."""


def named(step: Step) -> tuple[Symbol, ...]:
    """Return the variables that a step names."""
    if isinstance(step, Box):
        return ()
    return (step.quotient, step.remainder) if isinstance(step, Divided) else (step.variable,)


def polynomials(step: Step) -> tuple[Expr, ...]:
    """Return the polynomials in a step."""
    if isinstance(step, Phase):
        return step.sizes
    if isinstance(step, Solved | Divided):
        return step.value, step.divisor
    return step.value.constant, step.size


@dataclass(frozen=True, slots=True)
class Loop:
    """A loop over the integers that satisfy all its bounds.

    A bound may depend on earlier loops; it then holds for some value of each of them.
    """

    variable: Symbol
    bounds: tuple[Box, ...]


@dataclass(frozen=True, slots=True)
class Nest:
    """The loops of one term. Each is batch, m, n or k, by the operands that it indexes.

    Attributes:
        coefficient: a polynomial in parameters and sizes.
        outer: phases, solved and divided variables, conditions without a loop, outermost first.
        loops: the loops, in an order in which their bounds can be computed.
        left: factors on one side of the contraction.
        right: factors on the other side; empty where the term is not a product of matrices.
        batch: loops in the output and on both sides.
        m: loops in the output, not on the right.
        n: loops in the output and on the right alone.
        k: loops that are summed over: those that are not in the output.
        output: the entry that is added to, one map per axis.

    """

    coefficient: Expr
    outer: tuple[Step, ...]
    loops: tuple[Loop, ...]
    left: tuple[Factor, ...]
    right: tuple[Factor, ...]
    batch: tuple[Symbol, ...]
    m: tuple[Symbol, ...]
    n: tuple[Symbol, ...]
    k: tuple[Symbol, ...]
    output: tuple[Affine, ...]

    @property
    def factors(self) -> tuple[Factor, ...]:
        """Return the factors of both sides."""
        return (*self.left, *self.right)

    @property
    def symbols(self) -> frozenset[Symbol]:
        """Return the parameters and sizes that its code needs."""
        found = [self.coefficient, *(e for step in self.outer for e in polynomials(step))]
        maps = list(self.output)
        for f in (*self.factors, *(b for loop in self.loops for b in loop.bounds)):
            maps += f.index if isinstance(f, Operand) else [f.value]
            found += [] if isinstance(f, Operand) else [f.size]
        for e in maps:
            found += [e.constant, *(c for _, c in e.coefficients)]
        local = {v for step in self.outer for v in named(step)}
        return frozenset().union(*(symbols_of(e) for e in found)) - local


Ones: TypeAlias = tuple[tuple[Expr, ...], ...] | None
"""Polynomials, of each group of which the least must be 1; None if no condition is known."""


@dataclass(frozen=True, slots=True)
class Running:
    """A running sum along an axis: to each entry the one before it is added, in order.

    Attributes:
        axis: the axis.
        step: 1 if the entry before is the one at the index less 1; -1 if plus 1, from the end.
        index: a variable for each axis.
        total: what an entry is in the end, as a sum; that it is so, is a theorem.

    """

    axis: int
    step: int
    index: tuple[Symbol, ...]
    total: Term

    @property
    def before(self) -> tuple[Expr, ...]:
        """Return the index of the entry that is added."""
        return tuple(
            normal(v - self.step) if at == self.axis else v for at, v in enumerate(self.index)
        )


@dataclass(frozen=True, slots=True)
class Intermediate:
    """An array that is computed before it is read: zeros, to which the nests add.

    Attributes:
        tensor: its name and shape; a later nest reads it as an operand.
        nests: what is added to it.
        running: the running sum that then replaces it, if there is one.

    """

    tensor: Tensor
    nests: tuple[Nest, ...]
    running: Running | None = None

    @property
    def shape(self) -> tuple[Expr, ...]:
        """Return its size on each axis."""
        return tuple(n for n in self.tensor.shape if n is not None)


@dataclass(frozen=True, slots=True)
class Plan:
    """A kernel: an array of zeros of the given shape, to which the nests add.

    Attributes:
        shape: the output's size on each axis.
        hypotheses: what the parameters must satisfy.
        nests: one for each term.
        intermediates: arrays that are computed first, each from arguments and earlier ones.
        products: how many products it computes at most, or about, where orders are compared.
        alternatives: plans of the same theorem by other orders of contraction, for other sizes.
        along_diagonals: whether operands would be read along diagonals without its intermediates.

    """

    shape: tuple[Expr, ...]
    hypotheses: tuple[Condition, ...]
    nests: tuple[Nest, ...]
    intermediates: tuple[Intermediate, ...] = ()
    products: Expr = S.Zero
    alternatives: tuple[Plan, ...] = ()
    along_diagonals: bool = False

    @property
    def all_nests(self) -> tuple[Nest, ...]:
        """Return the nests in the order in which they run, those of the intermediates first."""
        return (*(nest for i in self.intermediates for nest in i.nests), *self.nests)

    @property
    def operands(self) -> tuple[Operand, ...]:
        """Return the entries of arguments that it reads; intermediates are not arguments."""
        found: list[Operand] = []
        for plan in self.orders:
            own = {i.tensor for i in plan.intermediates}
            factors = (f for nest in plan.all_nests for f in nest.factors)
            found += [f for f in factors if isinstance(f, Operand) and f.tensor not in own]
        return tuple(found)

    @property
    def symbols(self) -> frozenset[Symbol]:
        """Return the parameters and sizes that the kernel needs."""
        shapes = (self.shape, *(i.shape for i in self.intermediates))
        found = frozenset().union(*(symbols_of(n) for shape in shapes for n in shape))
        if self.alternatives:
            found = found.union(*(p.symbols | symbols_of(p.products) for p in self.orders))
        for c in self.hypotheses:
            found |= factor_symbols(c)
        return found.union(*(nest.symbols for nest in self.all_nests))

    @property
    def orders(self) -> tuple[Plan, ...]:
        """Return the plans to choose from by the sizes of a call, this one first."""
        return (replace(self, alternatives=()), *self.alternatives)

    @property
    def ones(self) -> Ones:
        """Return of what the least must be 1 for the first nest to visit each entry once.

        None if that cannot be seen: then entries are added to zeros.
        """
        found, *others = (visited_once(p.nests, self.shape) for p in self.orders)
        return found if all(other == found for other in others) else None


def visited_once(nests: Sequence[Nest], shape: Sequence[Expr]) -> Ones:
    """Return of what the least must be 1 for the first nest to visit each entry of an array once.

    Args:
        nests: what is added to the array.
        shape: the array's size on each axis.

    """
    if not nests or not nests[0].right:
        return None
    nest, seen = nests[0], set()
    found: list[tuple[Expr, ...]] = []
    bounds = {loop.variable: loop.bounds for loop in nest.loops}
    for step in nest.outer:
        if isinstance(step, Box):
            return None
        found.append(step.sizes if isinstance(step, Phase) else (step.divisor,))
    for e, size in zip(nest.output, shape, strict=True):
        if len(e.loops) != 1 or e.loops[0] in seen or bounds[e.loops[0]] != (Box(e, size),):
            return None
        seen.add(e.loops[0])
        found.append((e.coefficients[0][1],))
    return tuple(dict.fromkeys(sizes for sizes in found if Integer(1) not in sizes))
