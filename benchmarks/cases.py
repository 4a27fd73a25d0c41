"""The layers that are measured, in classes, and the goal of each class."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from benchmarks.operations import FORWARD, INPUT, WEIGHT
from benchmarks.user_cases import USER_CASES, UserCase


@dataclass(frozen=True, slots=True)
class Case:
    """One layer at one size.

    Attributes:
        category: the class of the case, a key of `GOALS`.
        name: the network that has such a layer, or what is special about it.
        layer: the public function: `conv2d`, `conv_transpose2d`, `linear` …
        batch, channels, outputs: N, C and O.
        size: the spatial sizes of the input; empty for `linear`.
        taps: the spatial sizes of the filter.
        stride, padding, dilation: the same on each axis.
        groups: the number of groups of channels.
        dtype: `float32` or `float64`.
        accuracy: the argument `accuracy` of the kernels, or empty for the default.
        quick: whether `--quick` measures it.

    """

    category: str
    name: str
    layer: str
    batch: int
    channels: int
    outputs: int
    size: tuple[int, ...] = ()
    taps: tuple[int, ...] = ()
    stride: int = 1
    padding: int = 0
    dilation: int = 1
    groups: int = 1
    dtype: str = "float32"
    accuracy: str = ""
    quick: bool = False

    @property
    def transposed(self) -> bool:
        """Return whether the layer is a transposed convolution."""
        return self.layer.startswith("conv_transpose")

    @property
    def input_size(self) -> tuple[int, ...]:
        """Return the shape of the input."""
        return (self.batch, self.channels, *self.size)

    @property
    def weight_size(self) -> tuple[int, ...]:
        """Return the shape of the weight, as PyTorch lays it out."""
        if self.transposed:
            return (self.channels, self.outputs // self.groups, *self.taps)
        return (self.outputs, self.channels // self.groups, *self.taps)

    @property
    def output_size(self) -> tuple[int, ...]:
        """Return the shape of the output."""
        spatial = []
        for n, k in zip(self.size, self.taps, strict=True):
            extent = self.dilation * (k - 1) + 1
            if self.transposed:
                spatial.append(self.stride * (n - 1) + extent - 2 * self.padding)
            else:
                spatial.append((n + 2 * self.padding - extent) // self.stride + 1)
        return (self.batch, self.outputs, *spatial)

    @property
    def flops(self) -> int:
        """Return the additions and multiplications of each operation, padding included."""
        places = self.size if self.transposed else self.output_size[2:]
        pairs = self.channels * self.outputs // self.groups
        return 2 * self.batch * pairs * math.prod(places) * math.prod(self.taps)

    @property
    def inside(self) -> float:
        """Return the share of all products that read no padding, the same for each operation."""
        shares = []
        result = self.output_size[2:]
        for n, m, k in zip(self.size, result, self.taps, strict=True):
            places, reach = (n, m) if self.transposed else (m, n)
            index = [
                self.stride * p + self.dilation * t - self.padding
                for p in range(places)
                for t in range(k)
            ]
            shares.append(sum(0 <= i < reach for i in index) / max(len(index), 1))
        return math.prod(shares)

    def terms(self, operation: str) -> int:
        """Return about how many products are summed for one entry of a result."""
        taps = math.prod(self.taps)
        places = math.prod(self.size if self.transposed else self.output_size[2:])
        return {
            FORWARD: self.channels // self.groups * taps,
            INPUT: self.outputs // self.groups * taps,
            WEIGHT: self.batch * places,
        }[operation]

    @property
    def keywords(self) -> dict[str, int]:
        """Return the stride, padding, dilation and groups as keyword arguments."""
        if self.layer == "linear":
            return {}
        names = ("stride", "padding", "dilation", "groups")
        return {name: getattr(self, name) for name in names}

    def __str__(self) -> str:
        """Return the name and the shapes, for a table."""
        shape = "x".join(map(str, self.input_size))
        taps = f", {'x'.join(map(str, self.taps))}" if self.taps else ""
        more = "".join(
            f", {name} {value}"
            for name, value, usual in (
                ("stride", self.stride, 1),
                ("padding", self.padding, 0),
                ("dilation", self.dilation, 1),
                ("groups", self.groups, 1),
                ("", self.dtype, "float32"),
            )
            if value != usual
        ).replace(",  ", ", ")
        return f"{self.name}: {shape} to {self.outputs}{taps}{more}"


@dataclass(frozen=True, slots=True)
class Goal:
    """The goals of a class, as a library's time / the compiled kernels' time; 0 for no goal.

    Attributes:
        torch: the geometric mean against PyTorch.
        fastest: the geometric mean of the forward pass against the fastest library of each case.
        gradients: the same for each gradient.
        every: the ratio of the worst case against its fastest library.

    """

    torch: float
    fastest: float
    gradients: float
    every: float


GOALS = {
    "wide": Goal(0, 1.15, 1.25, 1.0),
    "fast": Goal(0, 1.7, 1.7, 1.2),
    "large": Goal(0, 2, 2, 1.2),
    "few": Goal(2.5, 1.5, 1.5, 1.0),
    "3d": Goal(10, 5, 5, 3),
    "image": Goal(30, 6, 6, 1.5),
    "teaching": Goal(15, 3, 3, 1.2),
    "float64": Goal(0, 0, 0, 0),
    "other": Goal(0, 0, 0, 0),
    "neighbours": Goal(0, 0, 0, 0),
    "users": Goal(0, 1, 1, 0.7),
}
"""The classes, in the order of the tables."""

TITLES = {
    "wide": "64 channels or more",
    "fast": '3x3, stride 1, accuracy="fast"',
    "large": '4x4 taps or more, stride 1, accuracy="fast"',
    "few": "few channels, grouped, depthwise, first layer",
    "3d": "3-D",
    "image": "one large image",
    "teaching": "small, as in teaching",
    "float64": "float64",
    "other": "transposed convolution, linear",
    "neighbours": "odd sizes, remainders, other numbers of channels",
    "users": "layers of one's own, compiled",
}


def _square(
    category: str,
    name: str,
    channels: int,
    outputs: int,
    side: int,
    taps: int,
    *,
    batch: int = 1,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    groups: int = 1,
    quick: bool = False,
) -> Case:
    """Return a two-dimensional convolution of a square image with a square filter."""
    return Case(
        category, name, "conv2d", batch, channels, outputs, (side,) * 2, (taps,) * 2,
        stride, padding, dilation, groups, quick=quick,
    )  # fmt: skip


_RESNET = (
    _square("few", "ResNet-50 first", 3, 64, 224, 7, stride=2, padding=3),
    _square("wide", "ResNet-50 3x3 @56", 64, 64, 56, 3, padding=1, quick=True),
    _square("wide", "ResNet-50 3x3 s2", 128, 128, 56, 3, stride=2, padding=1),
    _square("wide", "ResNet-50 3x3 @14", 256, 256, 14, 3, padding=1, quick=True),
    _square("wide", "ResNet-50 1x1", 256, 64, 56, 1, quick=True),
    _square("wide", "ResNet-50 3x3 @7", 512, 512, 7, 3, padding=1),
)
_MORE = (
    _square("wide", "VGG", 64, 64, 224, 3, padding=1),
    _square("wide", "dilated", 256, 256, 28, 3, padding=2, dilation=2),
    Case("wide", "1-D", "conv1d", 8, 64, 64, (4096,), (9,), padding=4),
    _square("few", "depthwise", 144, 144, 56, 3, padding=1, groups=144, quick=True),
    _square("few", "depthwise", 144, 144, 56, 3, batch=8, padding=1, groups=144),
    _square("few", "grouped", 128, 128, 56, 3, padding=1, groups=32),
    _square("few", "grouped", 128, 128, 56, 3, batch=8, padding=1, groups=32),
    Case("3d", "3-D", "conv3d", 1, 16, 16, (32,) * 3, (3,) * 3, padding=1, quick=True),
    _square("image", "image 3x3", 1, 1, 2048, 3, quick=True),
    _square("image", "image 11x11", 1, 1, 2048, 11),
    _square("teaching", "worked example", 1, 1, 5, 3, quick=True),
    _square("teaching", "one digit", 1, 1, 28, 5, quick=True),
    _square("teaching", "LeNet", 1, 20, 28, 5, batch=8, quick=True),
)
_LARGE = (
    _square("large", "4x4", 64, 64, 57, 4, padding=2),
    _square("large", "5x5 @56", 64, 64, 56, 5, padding=2),
    _square("large", "5x5 @27", 48, 128, 27, 5, batch=8, padding=2),
    _square("large", "GoogLeNet 5x5", 32, 96, 28, 5, padding=2),
    _square("large", "7x7 @56", 64, 64, 56, 7, batch=8, padding=3),
    _square("large", "7x7 @28", 128, 128, 28, 7, padding=3),
    _square("large", "9x9 @112", 32, 32, 112, 9, padding=4),
    _square("large", "11x11 @56", 64, 64, 56, 11, padding=5),
    Case("large", "1-D", "conv1d", 8, 64, 64, (4096,), (9,), padding=4),
    Case("large", "1-D, 31 taps", "conv1d", 1, 64, 64, (4096,), (31,), padding=15),
    Case("large", "1-D, 64 taps", "conv1d", 4, 16, 16, (8000,), (64,), padding=31),
    Case("large", "wav2vec", "conv1d", 1, 768, 768, (500,), (128,), padding=64, groups=16),
)
_OTHER = (
    Case("other", "transposed", "conv_transpose2d", 1, 64, 32, (28, 28), (4, 4), 2, 1, quick=True),
    Case("other", "transposed", "conv_transpose2d", 8, 64, 32, (28, 28), (4, 4), 2, 1),
    Case("other", "linear", "linear", 64, 1024, 1024, quick=True),
)
_NEIGHBOURS = (
    _square("neighbours", "odd channels", 67, 61, 29, 3, padding=1, quick=True),
    _square("neighbours", "remainder", 96, 80, 30, 3, batch=3, stride=2, padding=1),
    _square("neighbours", "even taps", 40, 72, 33, 4, batch=2, padding=2),
    _square("neighbours", "stride 3", 24, 48, 50, 5, stride=3, padding=2),
    _square("neighbours", "stride beyond taps", 64, 128, 57, 1, batch=2, stride=2),
    _square("neighbours", "two per group", 90, 90, 27, 3, padding=1, groups=45),
    _square("neighbours", "depthwise 5x5 s2", 99, 99, 31, 5, stride=2, padding=2, groups=99),
    Case("neighbours", "oblong image", "conv2d", 1, 1, 1, (701, 1203), (7, 3), padding=1),
    Case("neighbours", "odd 1-D", "conv1d", 3, 37, 41, (1001,), (7,), 2, 3),
    Case("neighbours", "odd 3-D", "conv3d", 1, 5, 9, (17, 19, 23), (3, 2, 3), padding=1),
)


def _cases() -> tuple[Case | UserCase, ...]:
    """Return all cases, ordered by class."""
    plain = [replace(c, batch=n, quick=c.quick and n == 1) for c in _RESNET for n in (1, 8)]
    plain += [*_MORE, *_OTHER, *_NEIGHBOURS]
    large = [replace(c, accuracy="fast") for c in _LARGE]
    fast = [
        replace(c, category="fast", accuracy="fast", quick=False)
        for c in plain
        if c.category == "wide" and c.layer == "conv2d" and c.taps == (3, 3)
        if c.stride == c.dilation == 1 and (c.batch >= 8 or c.size[0] >= 112)
    ]
    quick = ("ResNet-50 3x3 @56", "LeNet")
    third = {*quick, "ResNet-50 1x1", "ResNet-50 first", "depthwise", "3-D", "image 3x3"}
    third.add("worked example")
    double = [
        replace(c, category="float64", dtype="float64", quick=c.name in quick)
        for c in plain
        if c.name in third and (c.batch == 1 or c.name == "LeNet")
    ]
    found = [*plain, *fast, *large, *double]
    ordered = (c for category in GOALS for c in found if c.category == category)
    return (*ordered, *USER_CASES)


CASES = _cases()
"""All cases, ordered by class."""


def select(categories: list[str], text: str, quick: bool) -> list[Case | UserCase]:
    """Return the cases of these classes (of all if empty) whose line contains the text."""
    return [
        case
        for case in CASES
        if (not categories or case.category in categories)
        and text in str(case)
        and (case.quick or not quick)
    ]
