"""The layers of TensorFlow, as data. The kernel size and the groups are those of the shapes."""

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

_STRIDE = AxisArgument("stride", ("s",))
_STRIDES = AxisArgument("strides", ("s",))
_DILATIONS = AxisArgument("dilations", ("d",), default=1)
_CONV = (KERNEL, _STRIDES, _DILATIONS)
_CALLS = (((KERNEL, _STRIDE, _DILATIONS), (1,)), (_CONV, (2, 3)))
"""tf.nn.conv1d spells its stride in its own way."""

_PADDING = AxisArgument("padding", ("before", "after"), "framed")
_DEMANDS = positive(("k", "kernel_size"), ("s", "strides"), ("d", "dilations"))
_PADS = natural(("before", "padding"), ("after", "padding"))
_OUTPUT = AxisArgument("output_shape", ("out",), "shape", sized=True)


def _outputs(expression: str) -> tuple[str, str]:
    """Return the demand that the forward pass of the output has the inputs as its outputs."""
    said = "a convolution of an input of the size output_shape has as many outputs as there are"
    return f"min({expression} - i, i - ({expression}))", f"{said} inputs"


def _transpose(padding: str, total: str, outputs: str) -> Variant:
    """Return the adjoint of a convolution with a padding, of a size that `output_shape` gives."""
    return Variant(
        (KERNEL, _OUTPUT, _STRIDES, _DILATIONS),
        before=f"e - 1 - {HALF}",
        after=f"out - s*(i - 1) - 1 + {HALF}",
        words={"padding": padding},
        stride="1",
        input_dilation="s",
        defined={"total": total},
        demands=(*_DEMANDS, _outputs(outputs)),
    )


TENSORFLOW = (
    FrameworkLayer(
        "tensorflow",
        "conv",
        "tf.nn.conv{n}d(x, w, {arguments})",
        (
            *(
                Variant(
                    arguments,
                    before=before,
                    after=after,
                    words={"padding": word},
                    defined=SAME,
                    demands=_DEMANDS,
                    axes=axes,
                )
                for word, before, after in (("VALID", "0", "0"), ("SAME", HALF, REST))
                for arguments, axes in _CALLS
            ),
            Variant(
                (*_CONV, _PADDING),
                before="before",
                after="after",
                demands=(*_DEMANDS, *_PADS),
                axes=(2,),
            ),
        ),
        weight="k i (g o)",
        channels="last",
        shaped=("kernel_size",),
        brackets="[]",
        source="tf.nn.conv2d",
    ),
    FrameworkLayer(
        "tensorflow",
        "conv_transpose",
        "tf.nn.conv{n}d_transpose(x, w, {arguments})",
        (
            _transpose("VALID", "0", "(out - e) // s + 1"),
            _transpose("SAME", "max(0, (i - 1)*s + e - out)", "-(-out // s)"),
            Variant(
                (KERNEL, _OUTPUT, _STRIDES, _DILATIONS, _PADDING),
                before="e - 1 - before",
                after="out - s*(i - 1) - 1 + before",
                stride="1",
                input_dilation="s",
                demands=(*_DEMANDS, *_PADS, _outputs("(out + before + after - e) // s + 1")),
                axes=(2,),
            ),
        ),
        weight="k o i",
        channels="last",
        grouped=False,
        flip=True,
        shaped=("kernel_size",),
        brackets="[]",
        source="tf.nn.conv2d_transpose",
    ),
)
