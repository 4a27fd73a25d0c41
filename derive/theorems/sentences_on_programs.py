"""Two sentences about each theorem on softmax, normalization and attention."""

PROGRAMS = (
    (
        "softmax_input",
        "The input gradient of softmax is softmax times the amount by which the output gradient "
        "exceeds its mean, weighted by softmax.",
        "So one sum over a row is enough, and no matrix of slopes is ever stored.",
    ),
    (
        "softmax_shift",
        "The gradient of softmax by the shift of a row is zero.",
        "A shift changes nothing, so the largest entry may be subtracted before any exponential.",
    ),
    (
        "log_softmax_input",
        "The input gradient of the logarithm of softmax is the output gradient, minus softmax "
        "times the sum of the output gradient over the row.",
        "With a target for the output gradient it is the delta of the cross-entropy.",
    ),
    (
        "attention_query",
        "The gradient by the queries is the gradient by the scores times the keys.",
        "The gradient by the scores is that of softmax, row by row, and is shared with the keys.",
    ),
    (
        "attention_key",
        "The gradient by the keys is the gradient by the scores, transposed, times the queries.",
        "Queries and keys enter the scores alike, so their gradients differ by a transpose alone.",
    ),
    (
        "attention_value",
        "The gradient by the values is the matrix of weights, transposed, times the output "
        "gradient.",
        "For the values the weights are constants, and attention is a matrix product.",
    ),
    (
        "rms_norm_input",
        "The input gradient of the normalization by the root mean square is the scaled output "
        "gradient over the root, less its part along the input.",
        "Longer inputs have the same output, so the gradient has no use for the direction of the "
        "input.",
    ),
    (
        "rms_norm_scale",
        "The gradient by the scale is the output gradient times the normalized input, summed over "
        "the rows.",
        "The root is computed once a row, in the forward pass, and used in both gradients.",
    ),
    (
        "layer_norm_input",
        "The input gradient of layer normalization is the scaled output gradient, less its mean "
        "and less its part along the normalized input, over the root.",
        "Two sums over a row are enough, and what shifts a row leaves the output as it is.",
    ),
    (
        "layer_norm_scale",
        "The gradient by the scale of layer normalization is the output gradient times the centred "
        "input over its root, summed over the rows.",
        "It is the weight gradient of a product, with the normalized input for the input.",
    ),
    (
        "layer_norm_shift",
        "The gradient by the shift of layer normalization is the output gradient, summed over the "
        "rows.",
        "A shift is a bias, whatever is normalized before it.",
    ),
)
