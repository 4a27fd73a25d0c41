"""Two sentences about each theorem on the frameworks' formulas."""

FRAMEWORKS = (
    (
        "jax_input_1d",
        "If a convolution dilates its input and its kernel, the input gradient is such a "
        "convolution too, where the dilation of the input becomes the stride, and the stride the "
        "dilation of what is read.",
        "It is the rule by which JAX differentiates every convolution, transposed ones included.",
    ),
    (
        "jax_weight_1d",
        "The gradient of the kernel correlates the dilated input with the output gradient, and "
        "stride and kernel dilation change places.",
        "So one operation with two dilations is its own backward pass, by either operand.",
    ),
    (
        "jax_input_size",
        "With the padding that JAX computes, the input gradient has one entry for each input.",
        "The formula has the size of the input in it, so no remainder can be forgotten.",
    ),
    (
        "jax_input_padding",
        "The padding that JAX puts after the output gradient is that of the backward pass, longer "
        "by the remainder.",
        "Two formulas that look different are one, and frameworks that ask for an output padding "
        "ask for what JAX computes.",
    ),
    (
        "jax_weight_size",
        "With the padding that JAX computes, the gradient of the kernel has one entry for each "
        "tap.",
        "Its padding may be negative: inputs behind the last window are cut off.",
    ),
    (
        "jax_weight_padding",
        "The padding that JAX puts after the input is that of the forward pass, shorter by the "
        "remainder.",
        "What the forward pass left over takes no part in the gradient of the kernel.",
    ),
    (
        "same_size",
        "The padding called SAME gives as many outputs as the inputs divided by the stride, "
        "rounded up.",
        "TensorFlow, JAX, Keras and ONNX share this formula; it depends on the size of the input.",
    ),
    (
        "same_size_unpadded",
        "Where the stride is longer than the kernel, SAME may need no padding, and still has as "
        "many outputs.",
        "The maximum with zero in its formula changes no size.",
    ),
    (
        "same_remainder",
        "Where SAME pads, no input is left over behind the last window.",
        "So its backward pass works without a remainder, until there is nothing to pad.",
    ),
    (
        "same_transposed",
        "What a transposed SAME cuts off is the padding of a SAME convolution with as many inputs "
        "as it has outputs.",
        "So transposed layers of ONNX, Keras and TensorFlow are adjoints of their convolutions.",
    ),
    (
        "same_transposed_halves",
        "The larger half of one padding, rounded up, is what is left beside the smaller half of "
        "the other, rounded down.",
        "JAX computes the one and TensorFlow the other, and they start at the same output.",
    ),
    (
        "transposed_output_shape",
        "A transposed convolution has the output shape that was asked for, if the padding is what "
        "the full size exceeds it by.",
        "ONNX computes its padding so, and only the share of each side is a convention.",
    ),
)
