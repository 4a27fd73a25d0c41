"""The common form of the frameworks' convolutions along one axis.

``y[p] = sum[j] dilate(x, r)[s p + d j - lo] w[j]`` for ``0 <= p < O``, with ``w`` reversed if
`flip`: a correlation with stride s, dilation d of the kernel, r - 1 zeros between inputs, and
``lo`` zeros before the first input. A transposed convolution has s = 1, its
stride as r, and `flip`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import gcd

from rot180.codegen.convert.expressions import Number


@dataclass(frozen=True)
class AxisForm:
    """A layer along one axis, at one size or at all sizes of a family.

    Attributes:
        taps: the number of taps of the kernel.
        stride: s.
        input_dilation: r.
        dilation: d.
        before: the number of zeros before the first input; negative numbers cut inputs off.
        outputs: O.
        flip: whether the kernel is reversed.

    """

    taps: int
    stride: int
    input_dilation: int
    dilation: int
    before: Number
    outputs: Number
    flip: bool

    @property
    def canonical(self) -> AxisForm:
        """Return the one form that all forms of the same layer have, but for a reversed kernel.

        A kernel can be reversed beforehand, so its direction is left out; the dilation of a kernel
        of one tap means nothing. A common divisor of s, r, d and ``lo`` changes no product.
        """
        one = replace(self, dilation=0 if self.taps == 1 else self.dilation, flip=False)
        if not isinstance(one.before, int):
            return one
        common = gcd(one.stride, one.input_dilation, one.dilation, one.before)
        return replace(
            one,
            stride=one.stride // common,
            input_dilation=one.input_dilation // common,
            dilation=one.dilation // common,
            before=one.before // common,
        )


def products(form: AxisForm, size: int) -> Iterator[list[tuple[int, int]]]:
    """Yield, for each output, the taps and the inputs that it multiplies: the definition itself.

    Args:
        form: the form at this size.
        size: the number of inputs.

    """
    assert isinstance(form.before, int)
    assert isinstance(form.outputs, int)
    for p in range(form.outputs):
        row = []
        for j in range(form.taps):
            place = form.stride * p + form.dilation * j - form.before
            h, between = divmod(place, form.input_dilation)
            if between == 0 and 0 <= h < size:
                row.append((form.taps - 1 - j if form.flip else j, h))
        yield row


def entries(form: AxisForm, x: Sequence[int], w: Sequence[int]) -> list[int]:
    """Return the output of a layer along one axis, by its definition.

    Args:
        form: the form at the size of x.
        x: the input.
        w: the kernel.

    """
    return [sum(w[k] * x[h] for k, h in row) for row in products(form, len(x))]
