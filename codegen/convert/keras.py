"""The layers of Keras, as data."""

from __future__ import annotations

from rot180.codegen.convert.layer_data import (
    HALF,
    KERNEL,
    REST,
    SAME,
    AxisArgument,
    FrameworkLayer,
    Variant,
    natural,
    positive,
)

_STRIDES = AxisArgument("strides", ("s",), default=1)
_DILATION = AxisArgument("dilation_rate", ("d",), default=1)
_CONV = (KERNEL, _STRIDES, _DILATION)
_OUTPUT_PADDING = AxisArgument("output_padding", ("op",))
_DEMANDS = positive(("k", "kernel_size"), ("s", "strides"), ("d", "dilation_rate"))
_ONE = (("1 - min(s, d)", "all strides or all dilation_rate are 1"),)
_PADDED = (
    *_DEMANDS,
    *natural(("op", "output_padding")),
    ("s - 1 - op", "output_padding is less than the stride"),
)


def _transpose(padding: str, total: str, before: str, given: bool) -> Variant:
    """Return a transposed convolution, with or without an `output_padding`."""
    return Variant(
        (*_CONV, _OUTPUT_PADDING) if given else _CONV,
        before=before,
        after=f"total - ({before})",
        words={"padding": padding},
        stride="1",
        input_dilation="s",
        defined={"odd": "e - e // 2*2", "total": total},
        demands=_PADDED if given else _DEMANDS,
        overall=_ONE,
    )


_SAME = "min(total - total // 2, e - 1)"

KERAS = (
    FrameworkLayer(
        "keras",
        "conv",
        "keras.layers.Conv{n}D(filters, {arguments})",
        (
            Variant(
                _CONV,
                before="0",
                after="0",
                words={"padding": "valid"},
                demands=_DEMANDS,
                overall=_ONE,
            ),
            Variant(
                _CONV,
                before=HALF,
                after=REST,
                words={"padding": "same"},
                defined=SAME,
                demands=_DEMANDS,
                overall=_ONE,
            ),
            Variant(
                _CONV,
                before="d*(k - 1)",
                after="0",
                words={"padding": "causal"},
                demands=_DEMANDS,
                overall=_ONE,
                axes=(1,),
            ),
        ),
        weight="k i (g o)",
        channels="last",
        defaults={"padding": "valid"},
        groups="groups",
        source="keras.layers.Conv2D",
    ),
    FrameworkLayer(
        "keras",
        "conv_transpose",
        "keras.layers.Conv{n}DTranspose(filters, {arguments})",
        (
            _transpose("valid", "e - 2 + max(e, s)", "e - 1", given=False),
            _transpose("same", "s + e - 2", _SAME, given=False),
            _transpose("valid", "2*e - 2 + op", "e - 1", given=True),
            _transpose("same", "e + odd - 2 + op", _SAME, given=True),
        ),
        weight="k o i",
        channels="last",
        defaults={"padding": "valid"},
        grouped=False,
        flip=True,
        source="keras.layers.Conv2DTranspose",
    ),
)
