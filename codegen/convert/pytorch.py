"""The layers of PyTorch, as data."""

from __future__ import annotations

from rot180.codegen.convert.layer_data import (
    BELOW,
    HALF,
    KERNEL,
    REST,
    AxisArgument,
    FrameworkLayer,
    Variant,
    natural,
    positive,
)

_STRIDE = AxisArgument("stride", ("s",), default=1)
_DILATION = AxisArgument("dilation", ("d",), default=1)
_TORCH = positive(("k", "kernel_size"), ("s", "stride"), ("d", "dilation"))

PYTORCH = (
    FrameworkLayer(
        "pytorch",
        "conv",
        "torch.nn.Conv{n}d(in_channels, out_channels, {arguments})",
        (
            Variant(
                (KERNEL, _STRIDE, AxisArgument("padding", ("p",), default=0), _DILATION),
                before="p",
                after="p",
                demands=(*_TORCH, *natural(("p", "padding"))),
            ),
            Variant(
                (KERNEL, _STRIDE, _DILATION),
                before=HALF,
                after=REST,
                words={"padding": "same"},
                defined={"total": "d*(k - 1)"},
                demands=(*_TORCH, ("1 - s", "the stride is 1 where padding is 'same'")),
            ),
            Variant(
                (KERNEL, _STRIDE, _DILATION),
                before="0",
                after="0",
                words={"padding": "valid"},
                demands=_TORCH,
            ),
        ),
        weight="(g o) i k",
        channels="first",
        groups="groups",
        source="torch.nn.Conv2d",
    ),
    FrameworkLayer(
        "pytorch",
        "conv_transpose",
        "torch.nn.ConvTranspose{n}d(in_channels, out_channels, {arguments})",
        (
            Variant(
                (
                    KERNEL,
                    _STRIDE,
                    AxisArgument("padding", ("p",), default=0),
                    AxisArgument("output_padding", ("op",), default=0),
                    _DILATION,
                ),
                before="e - 1 - p",
                after="e - 1 - p + op",
                stride="1",
                input_dilation="s",
                demands=(
                    *_TORCH,
                    *natural(("p", "padding"), ("op", "output_padding")),
                    ("max(s, d) - 1 - op", BELOW),
                ),
            ),
        ),
        weight="(g i) o k",
        channels="first",
        groups="groups",
        flip=True,
        source="torch.nn.ConvTranspose2d",
    ),
)
