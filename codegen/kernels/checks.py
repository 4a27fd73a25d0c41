"""What the public functions check: one table for each function, printed into every backend.

The ranks and the relations between axes are those of the layer's tensors; the sizes of outputs are
those of the size theorems; the ranges of parameters are the entry's, and must imply the hypotheses
of the theorems.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sympy import Expr, Symbol

from rot180.codegen.kernels.public_api import (
    Argument,
    AxisRule,
    Parameter,
    PublicFunction,
    WindowRules,
)
from rot180.codegen.kernels.public_shapes import GROUPS, public_box, sizes_of
from rot180.derive.kernel.proof import Theorem
from rot180.derive.language.layers import Layer, axis_letters
from rot180.derive.language.polynomial import coefficient, normal, symbol, symbols_of, text
from rot180.derive.language.terms import AtLeast, Condition
from rot180.derive.theorems import theorem


@dataclass(frozen=True)
class ArrayCheck:
    """An argument is an array of that rank; all arrays of a call have one supported dtype."""

    argument: str
    rank: int
    optional: bool


@dataclass(frozen=True)
class SizeCheck:
    """An argument is the shape of an array that may exist: integers >= 0, not too large."""

    argument: str
    rank: int


@dataclass(frozen=True)
class Binding:
    """An axis fixes a size: ``size = axis / divisor``, without a remainder."""

    size: Symbol
    argument: str
    axis: int
    divisor: Expr


@dataclass(frozen=True)
class AxisCheck:
    """An axis has a size that is fixed already.

    Attributes:
        argument: whose axis it is.
        axis: which.
        size: the size.
        words: what determines the size, for errors.

    """

    argument: str
    axis: int
    size: Expr
    words: str


@dataclass(frozen=True)
class Geometry:
    """What the functions of a sliding window check together: input, weight and parameters.

    Attributes:
        kind: the layers' name without the number of axes.
        bindings: the sizes that the first two axes of input and weight fix.
        axes: what else they must satisfy.
        parameters: the parameters with their ranges.
        rules: what must hold on each axis.
        size: the theorem that fixes the size of the output.
        output: what that theorem calls it.
        input: what the layer calls the size of the input.
        taps: what it calls the number of taps.
        roles: what it calls the batch, the groups, and a group's input and output channels.
        channels: the public sizes of an output without its spatial axes.

    """

    kind: str
    bindings: tuple[Binding, ...]
    axes: tuple[AxisCheck, ...]
    parameters: tuple[Parameter, ...]
    rules: tuple[AxisRule, ...]
    size: Theorem
    output: str
    input: str
    taps: str
    roles: tuple[Expr, Expr, Expr, Expr]
    channels: tuple[Expr, ...]

    @property
    def per_axis(self) -> dict[str, str]:
        """Return the parameters with one integer >= least for each axis: names and letters."""
        found = (p for p in self.parameters if p.least is not None and symbol(p.letter) != GROUPS)
        return {p.name: p.letter for p in found}


@dataclass(frozen=True)
class FunctionChecks:
    """What a public function checks, in order.

    Attributes:
        function: the function.
        arrays: its arrays.
        sizes: its shapes.
        geometry: whether a geometry is checked, of `input` and `weight`.
        bindings: the sizes that its arguments fix.
        axes: what their axes must satisfy.

    """

    function: PublicFunction
    arrays: tuple[ArrayCheck, ...]
    sizes: tuple[SizeCheck, ...]
    geometry: bool
    bindings: tuple[Binding, ...]
    axes: tuple[AxisCheck, ...]


def checks_of(function: PublicFunction) -> FunctionChecks:
    """Return the checks of a function.

    Raises:
        ValueError: no argument fixes a size.

    """
    arguments = [(a.name, a.box) for a in function.arguments]
    bindings: tuple[Binding, ...] = ()
    if function.window:
        rest = [a for a in function.arguments if a not in _operands(function)]
        axes = relations([(a.name, a.box) for a in rest], _fixed_by_window(function))
    else:
        bindings, known = bound(function.name, arguments, {})
        axes = relations(arguments, known, bindings)
    return FunctionChecks(
        function,
        tuple(ArrayCheck(a.name, len(a.box), a.optional) for a in function.arrays),
        tuple(SizeCheck(a.name, len(a.box)) for a in function.sizes),
        function.window is not None,
        bindings,
        axes,
    )


def _fixed_by_window(function: PublicFunction) -> Mapping[Expr, str]:
    """Return the sizes that a geometry determines, each with the axis that determines it."""
    fixed: dict[Expr, str] = {}
    for a in _operands(function):
        for axis, size in enumerate(a.box):
            fixed.setdefault(size, f"axis {axis} of {a.name}")
    for size in _output_box(function):
        plain = len(symbols_of(size)) == 1
        fixed.setdefault(size, "the output size" if plain else "the output channels")
    return fixed


def _operands(function: PublicFunction) -> list[Argument]:
    """Return input and weight of a function with a window, or what stands for them."""
    return [a for a in function.arguments if a.tensor.name in ("x", "w")]


def _output_box(function: PublicFunction) -> tuple[Expr, ...]:
    if function.kernel == "forward":
        return function.box
    return next(a.box for a in function.arguments if a.name == "grad_output")


def bound(
    about: str, arguments: Sequence[tuple[str, Sequence[Expr]]], known: Mapping[Expr, str]
) -> tuple[tuple[Binding, ...], dict[Expr, str]]:
    """Return which axes fix sizes, and all that is then fixed, in words.

    Args:
        about: whose arguments they are.
        arguments: name and box of each argument, in order.
        known: what is fixed already.

    Raises:
        ValueError: an axis fixes no size by itself: that of another must.

    """
    fixed, found = dict(known), []
    for name, box in arguments:
        for axis, size in enumerate(box):
            unknown = [v for v in sorted(symbols_of(size), key=str) if v not in fixed]
            place = f"axis {axis} of {name}"
            if len(unknown) == 1:
                divisor = coefficient(size, unknown[0])
                if normal(divisor * unknown[0] - size) != 0:
                    raise ValueError(
                        f"{about}: found {place} of size {text(size)}, expected one "
                        "unknown size, or one times sizes that earlier axes determine"
                    )
                found.append(Binding(unknown[0], name, axis, divisor))
                by = "" if divisor == 1 else f" / {fixed.get(divisor, text(divisor))}"
                fixed[unknown[0]] = place + by
            elif unknown:
                sizes = ", ".join(v.name for v in unknown)
                raise ValueError(f"{about}: {place} needs {sizes}, which no earlier axis gives")
            fixed.setdefault(size, place)
    return tuple(found), fixed


def relations(
    arguments: Sequence[tuple[str, Sequence[Expr]]],
    fixed: Mapping[Expr, str],
    bindings: Sequence[Binding] = (),
) -> tuple[AxisCheck, ...]:
    """Return the checks of the axes that do not determine a size themselves."""
    fixing = {(b.argument, b.axis) for b in bindings}
    return tuple(
        AxisCheck(name, axis, size, _words(size, fixed))
        for name, box in arguments
        for axis, size in enumerate(box)
        if (name, axis) not in fixing
    )


def size_words(size: Expr) -> str:
    """Write a size, the groups first: ``G*C``."""
    return text(size, symbols_of(size) - {GROUPS})


def _words(size: Expr, fixed: Mapping[Expr, str]) -> str:
    if size.is_Integer:
        return "the definition"
    if size in fixed:
        return f"{size_words(size)} = {fixed[size]}"
    parts = (f"{v.name} is {fixed[v]}" for v in sorted(symbols_of(size), key=str))
    return f"{size_words(size)}, where {' and '.join(parts)}"


def geometry_of(
    function: PublicFunction, layer: Layer, hypotheses: Sequence[Condition]
) -> Geometry:
    """Return the geometry that a window's functions check.

    Args:
        function: the forward pass of the layer with one spatial axis.
        layer: that layer.
        hypotheses: what the theorems of its kernels ask.

    Raises:
        ValueError: the ranges of the parameters do not imply the hypotheses.

    """
    window = function.window
    assert window is not None
    proved = theorem(window.size)
    least = _least(window)
    for c in (*hypotheses, *proved.hypotheses):
        if isinstance(c, AtLeast) and not _implied(c, least):
            raise ValueError(f"{function.layer.name}: no parameter has a range that implies {c}")
    x, w = _operands(function)
    pairs = [(a.name, a.box[:2]) for a in (x, w)]
    batch, groups, channels, *_ = sizes_of(x.tensor)
    bindings, fixed = bound(window.kind, pairs, {GROUPS: "groups"})
    return Geometry(
        window.kind,
        bindings,
        relations(pairs, fixed, bindings),
        window.parameters,
        window.rules,
        proved,
        window.output,
        str(x.box[2]),
        str(w.box[2]),
        (batch, groups, channels, sizes_of(layer.output)[2]),
        public_box(layer.output, True)[:2],
    )


def _least(window: WindowRules) -> dict[str, int]:
    """Return the least value of each parameter, by its letter on each axis."""
    found = {p.letter: p.least for p in window.parameters if p.least is not None}
    for axis in axis_letters(window.rank):
        found |= {axis.stride: found["s"], axis.dilation: found["d"]}
    return found


def _implied(c: AtLeast, least: Mapping[str, int]) -> bool:
    """Say whether the least value of one parameter implies ``value >= 0``."""
    rests = ((n, normal(c.value - symbol(letter))) for letter, n in least.items())
    return any(rest.is_Integer and n + int(rest) >= 0 for n, rest in rests)
