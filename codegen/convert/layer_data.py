"""What a framework's layer is, as data: its arguments, and its common form as expressions of them.

In expressions, ``i`` is the number of inputs, ``k`` that of taps, ``s`` the stride, ``d`` the
dilation, ``e = d (k - 1) + 1`` the extent of the kernel; other names are arguments or defined by
the variant.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

DEFINED = {"e": "d*(k - 1) + 1"}
"""What every variant defines."""


@dataclass(frozen=True)
class AxisArgument:
    """An argument that holds integers for each axis.

    Attributes:
        name: as the framework spells it.
        parts: the names of its integers in expressions.
        order: ``axes``: one integer for each axis; ``ends``: all first parts, then all second ones;
            ``pairs``: a pair for each axis; ``framed``: pairs, with (0, 0) for batch and channels;
            ``shape``: a shape with batch and channels.
        default: the value of each part if the argument is not given.
        sized: whether it may depend on the size of the input.

    """

    name: str
    parts: tuple[str, ...]
    order: str = "axes"
    default: int | None = None
    sized: bool = False


@dataclass(frozen=True)
class Variant:
    """One way to call a layer: what its words and integers mean.

    Attributes:
        arguments: the arguments that it takes.
        words: the arguments that are words, with their values.
        before, after: the number of zeros before and after the inputs.
        stride, input_dilation, dilation: s, r, d of the common form.
        defined: further names in expressions, in order.
        demands: expressions that must be at least 0, each with a sentence that says so.
        overall: the same for the largest integers of all axes.
        axes: the numbers of axes that it has.

    """

    arguments: tuple[AxisArgument, ...]
    before: str
    after: str
    words: Mapping[str, str] = field(default_factory=dict)
    stride: str = "s"
    input_dilation: str = "1"
    dilation: str = "d"
    defined: Mapping[str, str] = field(default_factory=dict)
    demands: tuple[tuple[str, str], ...] = ()
    overall: tuple[tuple[str, str], ...] = ()
    axes: tuple[int, ...] = (1, 2, 3)

    @property
    def parts(self) -> tuple[str, ...]:
        """Return the names of the integers of an axis."""
        return tuple(part for one in self.arguments for part in one.parts)

    @property
    def sized(self) -> frozenset[str]:
        """Return the names of the integers of an axis that may depend on the size of the input."""
        return frozenset(part for one in self.arguments if one.sized for part in one.parts)

    @property
    def definitions(self) -> Mapping[str, str]:
        """Return the names that are defined, with their expressions, in order."""
        return {**DEFINED, **self.defined}


@dataclass(frozen=True)
class FrameworkLayer:
    """A layer of a framework.

    Attributes:
        framework: the name of the framework.
        name: ``conv`` or ``conv_transpose``.
        call: how it is called, with ``{n}`` for the number of axes and ``{arguments}``.
        variants: the ways to call it.
        defaults: the words that it takes if none is given.
        groups: the argument that is the number of groups; None if there is none.
        grouped: whether it has groups at all; the weight's shape says how many if no argument does.
        weight: the axes of its weight: g groups, o outputs and i inputs of a group, k taps.
        channels: ``first`` or ``last``.
        flip: whether the kernel is reversed, against a correlation with the dilated input.
        shaped: the arguments that the call leaves to the weight's shape.
        brackets: what it writes around several integers.
        source: where the framework says so.

    """

    framework: str
    name: str
    call: str
    variants: tuple[Variant, ...]
    weight: str
    channels: str
    source: str
    defaults: Mapping[str, str] = field(default_factory=dict)
    groups: str | None = None
    grouped: bool = True
    flip: bool = False
    shaped: tuple[str, ...] = ()
    brackets: str = "()"

    def function(self, axes: int) -> str:
        """Return the name of the function, class or operator for a number of axes."""
        name, _, rest = self.call.format(n=axes, arguments="").partition("(")
        return rest.split('"')[1] if rest.startswith('"') else name

    @property
    def words(self) -> Mapping[str, tuple[str, ...]]:
        """Return the arguments that are words, with the values that they may have."""
        found: dict[str, tuple[str, ...]] = {}
        for one in self.variants:
            for name, word in one.words.items():
                found[name] = tuple(dict.fromkeys((*found.get(name, ()), word)))
        return found

    @property
    def arguments(self) -> Mapping[str, AxisArgument]:
        """Return the arguments that hold integers, by name."""
        return {a.name: a for one in self.variants for a in one.arguments}


KERNEL = AxisArgument("kernel_size", ("k",))
"""The kernel size; where a function has no such argument, the weight's shape says it."""

SAME = {"o": "-(-i // s)", "total": "max(0, (o - 1)*s + e - i)"}
"""SAME of TensorFlow, JAX, Keras and ONNX: the least padding that gives ceil(i / s) outputs."""

HALF, REST = "total // 2", "total - total // 2"
"""The smaller and the larger half of a padding."""

BELOW = "output_padding is less than the stride or less than the dilation"


def positive(*named: tuple[str, str]) -> tuple[tuple[str, str], ...]:
    """Return the demands that integers are at least 1, given the part and the name of each."""
    return tuple((f"{part} - 1", f"{name} is at least 1") for part, name in named)


def natural(*named: tuple[str, str]) -> tuple[tuple[str, str], ...]:
    """Return the demands that integers are not negative, given the part and the name of each."""
    return tuple((part, f"{name} is not negative") for part, name in named)
