"""The layers of JAX, as data. The kernel size is that of the weight's shape."""

from __future__ import annotations

from rot180.codegen.convert.layer_data import (
    HALF,
    KERNEL,
    REST,
    SAME,
    AxisArgument,
    FrameworkLayer,
    Variant,
    positive,
)

_JAX_CONV = (
    KERNEL,
    AxisArgument("window_strides", ("s",)),
    AxisArgument("lhs_dilation", ("r",), default=1),
    AxisArgument("rhs_dilation", ("d",), default=1),
)
_JAX_PLAIN = (*_JAX_CONV[:2], _JAX_CONV[3])
_JAX_P = positive(("k", "kernel_size"), ("s", "window_strides"), ("d", "rhs_dilation"))
_JAX = positive(
    ("k", "kernel_size"), ("s", "window_strides"), ("r", "lhs_dilation"), ("d", "rhs_dilation")
)
_JAX_TRANSPOSE = (
    KERNEL,
    AxisArgument("strides", ("s",)),
    AxisArgument("rhs_dilation", ("d",), default=1),
)
_JAX_T = positive(("k", "kernel_size"), ("s", "strides"), ("d", "rhs_dilation"))
_PAIRS = AxisArgument("padding", ("before", "after"), "pairs")


def _jax_transposes(transposed: str) -> tuple[Variant, ...]:
    word = {"transpose_kernel": transposed}
    total = {"total": "e + s - 2"}
    # the whole kernel reaches the first input where the stride is at least as long as the kernel
    same = "min(e - 1, total - total // 2)"
    return (
        Variant(
            (*_JAX_TRANSPOSE, _PAIRS),
            before="before",
            after="after",
            words=word,
            stride="1",
            input_dilation="s",
            demands=_JAX_T,
        ),
        Variant(
            _JAX_TRANSPOSE,
            before=same,
            after=f"total - {same}",
            words={"padding": "SAME", **word},
            stride="1",
            input_dilation="s",
            defined=total,
            demands=_JAX_T,
        ),
        Variant(
            _JAX_TRANSPOSE,
            before="e - 1",
            after="max(e, s) - 1",
            words={"padding": "VALID", **word},
            stride="1",
            input_dilation="s",
            demands=_JAX_T,
        ),
    )


_JAX_CALL = "jax.lax.conv_transpose(x, w, {arguments})"

JAX = (
    FrameworkLayer(
        "jax",
        "conv",
        "jax.lax.conv_general_dilated(x, w, {arguments})",
        (
            Variant(
                (*_JAX_CONV[:2], _PAIRS, *_JAX_CONV[2:]),
                before="before",
                after="after",
                input_dilation="r",
                demands=_JAX,
            ),
            # JAX takes no word for the padding of a dilated input
            Variant(
                _JAX_PLAIN,
                before=HALF,
                after=REST,
                words={"padding": "SAME"},
                defined=SAME,
                demands=_JAX_P,
            ),
            Variant(
                _JAX_PLAIN,
                before=REST,
                after=HALF,
                words={"padding": "SAME_LOWER"},
                defined=SAME,
                demands=_JAX_P,
            ),
            Variant(
                _JAX_PLAIN,
                before="0",
                after="0",
                words={"padding": "VALID"},
                demands=_JAX_P,
            ),
        ),
        weight="(g o) i k",
        channels="first",
        groups="feature_group_count",
        shaped=("kernel_size",),
        source="jax.lax.conv_general_dilated",
    ),
    FrameworkLayer(
        "jax",
        "conv_transpose",
        _JAX_CALL,
        _jax_transposes("True"),
        weight="k o i",
        channels="last",
        defaults={"transpose_kernel": "False"},
        grouped=False,
        flip=True,
        shaped=("kernel_size",),
        source="jax.lax.conv_transpose",
    ),
    FrameworkLayer(
        "jax",
        "conv_transpose",
        _JAX_CALL,
        _jax_transposes("False"),
        weight="k i o",
        channels="last",
        defaults={"transpose_kernel": "False"},
        grouped=False,
        shaped=("kernel_size",),
        source="jax.lax.conv_transpose",
    ),
)
