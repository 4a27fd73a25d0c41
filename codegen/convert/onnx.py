"""The layers of ONNX, as data."""

from __future__ import annotations

from rot180.codegen.convert.layer_data import (
    BELOW,
    HALF,
    REST,
    SAME,
    AxisArgument,
    FrameworkLayer,
    Variant,
    natural,
    positive,
)

_SHAPE = AxisArgument("kernel_shape", ("k",))
_STRIDES = AxisArgument("strides", ("s",), default=1)
_DILATIONS = AxisArgument("dilations", ("d",), default=1)
_PADS = AxisArgument("pads", ("before", "after"), "ends", default=0)
_ONNX = positive(("k", "kernel_shape"), ("s", "strides"), ("d", "dilations"))
_ONNX_CONV = (_SHAPE, _STRIDES, _DILATIONS)
_ONNX_TRANSPOSE = (*_ONNX_CONV, AxisArgument("output_padding", ("op",), default=0))
_ONNX_T = (*_ONNX, *natural(("op", "output_padding")), ("max(s, d) - 1 - op", BELOW))
_OUTPUT = AxisArgument("output_shape", ("out",), sized=True)
_UNSHARED = (
    "total",
    "the padding, s (i - 1) + output_padding + d (k - 1) + 1 - output_shape, is not negative; of a "
    "negative one, implementations of ONNX take different shares",
)


def _onnx_transpose(auto_pad: str, out: str | None) -> Variant:
    """Return a variant with a given output size, or with an `output_shape` as argument."""
    start, end = (HALF, REST) if auto_pad == "SAME_UPPER" else (REST, HALF)
    return Variant(
        _ONNX_TRANSPOSE if out else (*_ONNX_TRANSPOSE, _OUTPUT),
        before=f"e - 1 - ({start})",
        after=f"e - 1 - ({end}) + op",
        words={"auto_pad": auto_pad},
        stride="1",
        input_dilation="s",
        defined={"total": f"s*(i - 1) + op + e - {out or 'out'}"},
        demands=(*_ONNX_T, _UNSHARED),
    )


ONNX = (
    FrameworkLayer(
        "onnx",
        "conv",
        'onnx.helper.make_node("Conv", ["x", "w"], ["y"], {arguments})',
        (
            Variant(
                (*_ONNX_CONV, _PADS),
                before="before",
                after="after",
                words={"auto_pad": "NOTSET"},
                demands=(*_ONNX, *natural(("before", "pads"), ("after", "pads"))),
            ),
            *(
                Variant(
                    _ONNX_CONV,
                    before=before,
                    after=after,
                    words={"auto_pad": word},
                    defined=SAME,
                    demands=_ONNX,
                )
                for word, before, after in (("SAME_UPPER", HALF, REST), ("SAME_LOWER", REST, HALF))
            ),
            Variant(_ONNX_CONV, before="0", after="0", words={"auto_pad": "VALID"}, demands=_ONNX),
        ),
        weight="(g o) i k",
        channels="first",
        defaults={"auto_pad": "NOTSET"},
        groups="group",
        brackets="[]",
        source="onnx.ai/onnx/operators/onnx__Conv.html",
    ),
    FrameworkLayer(
        "onnx",
        "conv_transpose",
        'onnx.helper.make_node("ConvTranspose", ["x", "w"], ["y"], {arguments})',
        (
            Variant(
                (*_ONNX_TRANSPOSE, _PADS),
                before="e - 1 - before",
                after="e - 1 - after + op",
                words={"auto_pad": "NOTSET"},
                stride="1",
                input_dilation="s",
                demands=(*_ONNX_T, *natural(("before", "pads"), ("after", "pads"))),
            ),
            *(_onnx_transpose(word, None) for word in ("NOTSET", "SAME_UPPER", "SAME_LOWER")),
            *(_onnx_transpose(word, "i*s") for word in ("SAME_UPPER", "SAME_LOWER")),
            Variant(
                _ONNX_TRANSPOSE,
                before="e - 1",
                after="e - 1 + op",
                words={"auto_pad": "VALID"},
                stride="1",
                input_dilation="s",
                demands=_ONNX_T,
            ),
        ),
        weight="(g i) o k",
        channels="first",
        defaults={"auto_pad": "NOTSET"},
        groups="group",
        flip=True,
        brackets="[]",
        source="onnx.ai/onnx/operators/onnx__ConvTranspose.html",
    ),
)
