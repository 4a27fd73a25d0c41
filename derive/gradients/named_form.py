"""The named form of a gradient: the operators of which its normal form is an instance."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations

from sympy import Expr, Symbol

from rot180.derive.language import operators
from rot180.derive.language.operators import sign_of
from rot180.derive.language.polynomial import coefficient, factored, normal, symbols_of
from rot180.derive.language.spelling import display_name
from rot180.derive.language.terms import Access, Equal, Expression, Tensor, Term
from rot180.derive.search.remainders import modulus


def name_form(
    forward: Tensor, g: Tensor, line: Expression, free: tuple[Symbol, ...]
) -> tuple[Access | None, str]:
    """Find operators of which a normal form is an instance, and describe it in words.

    The output gradient is tried first as the tensor that the window slides over. The index on a
    spatial axis is ``a * out + b * tap + c``, which gives stride, dilation and padding. The window
    is rotated on an axis where the tap has not the sign that it has in the forward pass.

    Args:
        forward: the output of the forward pass.
        g: the output gradient.
        line: the normal form of a gradient.
        free: its free indices.

    Returns:
        the operator applied, at the free indices, and its description; None where there is none.

    """
    if len(line) != 1 or line[0].coefficient != 1:
        return None, ""
    t = line[0]
    accesses = [f for f in t.factors if isinstance(f, Access)]
    equations = [f for f in t.factors if isinstance(f, Equal)]
    if len(accesses) + len(equations) != len(t.factors):
        return None, ""
    if len(accesses) == 1 and not equations:
        over = ", ".join(v.name for v in t.variables)
        return None, f"the sum of {accesses[0].tensor.name} over {over}" if over else ""
    if len(accesses) != 2:
        return None, ""
    accesses.sort(key=lambda a: a.tensor != g)
    for main, window in (accesses, accesses[::-1]):
        found = _matrix_product(t, main, window, free)
        if found is None and (axes := _read_axes(forward, t, equations, main, window, free)):
            found = axes.form(t, free, full=main.tensor == g)
        if found is not None:
            return found
    return None, ""


def _forward_sign(forward: Tensor) -> int:
    """Return 1 if every window of the forward pass is correlated, -1 if convolved, else 0.

    A window is an index ``a * out + b * tap``, or, of a transposed layer, an equation
    ``out == a * in + b * tap``; the sign is that of the product a b.
    """
    definition = forward.definition
    assert definition is not None
    signs = set()
    for t in definition.body:
        for f in t.factors:
            for e in f.index if isinstance(f, Access) else ():
                outs = [v for v in definition.formals if v in symbols_of(e)]
                taps = [v for v in t.variables if v in symbols_of(e)]
                for v in taps if outs else ():
                    signs.add(sign_of(coefficient(e, v)) * sign_of(coefficient(e, outs[0])))
            if isinstance(f, Equal):
                inside = [sign_of(coefficient(f.value, v)) for v in t.variables]
                signs |= {a * b for a, b in combinations([a for a in inside if a], 2)}
    return signs.pop() if len(signs) == 1 else 0


def _matrix_product(
    t: Term, left: Access, right: Access, free: tuple[Symbol, ...]
) -> tuple[Access, str] | None:
    """Read ``sum_k a[i, k] b[k, j]``, either factor transposed."""
    if len(t.factors) != 2 or len(t.variables) != 1 or len(free) != 2:
        return None
    k = t.variables[0]
    if set(left.index) != {free[0], k} or set(right.index) != {free[1], k}:
        left, right = right, left
    if set(left.index) != {free[0], k} or set(right.index) != {free[1], k}:
        return None
    a = left.tensor if left.index[1] == k else operators.transpose(left.tensor)
    b = right.tensor if right.index[0] == k else operators.transpose(right.tensor)
    form = operators.matmul(a, b)
    return form[free], f"the matrix product of {display_name(a)} with {display_name(b)}"


@dataclass
class _Axes:
    """The axes of a correlation (sign 1) or convolution (-1), as they are read one by one.

    Attributes:
        sign: the sign of the taps.
        main: the tensor that the window slides over.
        window: the window, at single variables.
        index: the indices of main, changed to those of its rotation and dilation.
        dilated: axis of main to the factor by which it is dilated.
        solved: the summed indices that a dilation replaces.
        flipped: the axes on which main is rotated.
        rotated: the axes on which the window is rotated.
        strides: the stride on each axis on which the window slides.
        dilations: the dilation of the window on each such axis.
        paddings: the low padding on each such axis.

    """

    sign: int
    main: Tensor
    window: Access
    index: list[Expr]
    dilated: dict[int, Expr] = field(default_factory=dict)
    solved: set[Expr] = field(default_factory=set)
    flipped: list[int] = field(default_factory=list)
    rotated: list[int] = field(default_factory=list)
    strides: list[Expr] = field(default_factory=list)
    dilations: list[Expr] = field(default_factory=list)
    paddings: list[Expr] = field(default_factory=list)

    def read(self, axis: int, e: Expr, out: Symbol, tap: Symbol) -> bool:
        """Read the index ``e = a * out + b * tap + c`` of an axis; say whether it is one."""
        if sign_of(coefficient(e, out)) < 0 and axis not in self.dilated:
            self.flipped.append(axis)
            e = normal(operators.size(self.main, axis) - 1 - e)
        stride, step = coefficient(e, out), coefficient(e, tap)
        if sign_of(stride) <= 0 or sign_of(step) == 0:
            return False
        if sign_of(step) != self.sign:
            other = self.window.index.index(tap)
            self.rotated.append(other)
            last = operators.size(self.window.tensor, other) - 1
            e = normal(e.xreplace({tap: last - tap}))
        self.index[axis] = e
        self.strides.append(stride)
        self.dilations.append(normal(self.sign * coefficient(e, tap)))
        self.paddings.append(normal(stride * out + coefficient(e, tap) * tap - e))
        return True

    def form(self, t: Term, free: tuple[Symbol, ...], full: bool) -> tuple[Access, str] | None:
        """Return the operator applied, at the free indices, and its description."""
        main, kernel = self.main, self.window.tensor
        if self.dilated:
            main = operators.dilate(main, self.dilated)
        if self.flipped:
            main = operators.rot180(main, self.flipped)
        if self.rotated:
            kernel = operators.rot180(kernel, self.rotated)
        summed = tuple(v for v in t.variables if v not in self.solved)
        operator = "correlate" if self.sign > 0 else "convolve"
        factors = Access(main, tuple(self.index)), Access(kernel, self.window.index)
        if operators.sliding_operator(*factors, free, summed) != operator:
            return None
        noun = "correlation" if self.sign > 0 else "convolution"
        words = f"the {'full ' if full and self.rotated else ''}{noun} of "
        words += f"{display_name(main)} with {display_name(kernel)}"
        for name, values, default in (
            ("stride", self.strides, 1),
            ("dilation", self.dilations, 1),
            ("padding", self.paddings if self.sign > 0 else [], 0),
        ):
            if any(e != default for e in values):
                words += f", {name} {' and '.join(factored(e) for e in values)}"
        if self.sign < 0 and any(self.paddings):
            # the place of a convolution's first entry; its negative is no padding to anybody
            first = " and ".join(factored(normal(-e)) for e in self.paddings)
            words += f", read from {first} on"
        return operators.sliding_product(operator, *factors, free, summed)[free], words


def _read_axes(
    forward: Tensor,
    t: Term,
    equations: list[Equal],
    main: Access,
    window: Access,
    free: tuple[Symbol, ...],
) -> _Axes | None:
    """Read a product of two entries as a correlation or convolution of main with window."""
    sign, taps = _forward_sign(forward), window.index
    if sign == 0 or len(set(taps)) != len(taps) or not all(isinstance(e, Symbol) for e in taps):
        return None
    axes, left = _Axes(sign, main.tensor, window, list(main.index)), list(equations)
    for a, v in enumerate(main.index):
        found = [f for f in left if v in symbols_of(f.value) and v in t.variables]
        if len(found) == 1 and isinstance(v, Symbol) and v not in taps:
            axes.dilated[a], axes.index[a] = modulus(found[0], v)
            axes.solved.add(v)
            left.remove(found[0])
    if left or any(symbols_of(e) & axes.solved for e in axes.index):
        return None
    for a, e in enumerate(axes.index):
        if isinstance(e, Symbol):
            continue
        outs = [v for v in free if v in symbols_of(e)]
        inner = [v for v in t.variables if v in symbols_of(e)]
        if len(outs) != 1 or len(inner) != 1 or inner[0] not in taps:
            return None
        if not axes.read(a, e, outs[0], inner[0]):
            return None
    return axes if axes.strides else None
