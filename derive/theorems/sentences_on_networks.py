"""Two sentences about each theorem on activations, pooling, losses, adjoints and tiles."""

ACTIVATIONS = (
    (
        "activated_*",
        "With an activation before the layer, the input gradient is multiplied by the slope of the "
        "activation.",
        "So a layer and the activation before it pass a gradient on in one step.",
    ),
    (
        "delta_*",
        "The delta of a layer is the input gradient of the next one, times the slope of the "
        "activation.",
        "The proof cites the theorem about the input gradient and adds the chain rule, as one does "
        "on paper.",
    ),
    (
        "adjoint_activation_*",
        "If the input is an activation, the inner product of the output with its gradient is that "
        "of the activation with the input gradient.",
        "What holds for all inputs holds for this one, and the proof does no more than say so.",
    ),
    (
        "backpropagated_[12]d",
        "The delta of a layer is the full convolution of the next delta with the rotated kernel, "
        "times the slope of the activation.",
        "It is the equation that textbooks have for perceptrons, with a convolution for the matrix "
        "product.",
    ),
    (
        "backpropagated_strided_*",
        "With a stride, zeros are put between the entries of the next delta before it is convolved "
        "with the rotated kernel.",
        "The rest of the equation stays as it was without a stride.",
    ),
    (
        "backpropagated_weight_flip_*",
        "The gradient of the kernel is the convolution of the delta with the flipped activation.",
        "So the forward pass, the delta and this gradient are convolutions, all three.",
    ),
    (
        "backpropagated_weight_rot180_*",
        "The gradient of the kernel is the convolution of the delta with the activation rotated "
        "inside its box, read from a later entry on.",
        "The rotation that programs have brings an offset, which a rotation about the origin does "
        "not.",
    ),
    (
        "backpropagated_weight_*",
        "The gradient of a weight is the sum of the deltas, each times the activation that the "
        "weight was multiplied by.",
        "All positions share the weight, so each position adds its part.",
    ),
    (
        "backpropagated_bias_*",
        "The gradient of the bias is the sum of the delta over all positions.",
        "The bias is added at every position, so every delta has a part in its gradient.",
    ),
)

OTHERS = (
    (
        "avg_pool_*",
        "Average pooling gives each input an equal share of the gradient of every window that "
        "contains it, the number mean, which is one over the number of entries of a window.",
        "It is a layer with equal weights, so only the windows matter, and not the values.",
    ),
    (
        "max_pool_*",
        "Maximum pooling sends the gradient of each window to the input that the window selected, "
        "the only entry of the window at which sel is one and not zero.",
        "So a program has to remember the selection of its forward pass.",
    ),
    (
        "flatten_*",
        "The input gradient of a dense layer behind a flattened image is the sum of its output "
        "gradients, each times its weight.",
        "Flattening only renames indices, so no gradient has to be moved for it.",
    ),
    (
        "squared_error",
        "The gradient of the squared error is the output minus the target.",
        "The factor one half in the error is there to make it so.",
    ),
    (
        "squared_error_delta",
        "With an activation before the squared error, the output minus the target is multiplied by "
        "the slope of the activation.",
        "So an output that is wrong but saturated hardly learns, which is a reason for another "
        "loss.",
    ),
    (
        "softmax_cross_entropy",
        "The gradient of the cross-entropy of a softmax is the softmax minus the target.",
        "No slope is left in it, so an output learns the faster, the more it is wrong.",
    ),
    (
        "softmax_cross_entropy_weighted",
        "For targets with any sum, the gradient is the softmax times that sum, minus the target.",
        "It covers samples with weights, and targets that are not probabilities.",
    ),
    (
        "softmax_cross_entropy_shift",
        "The derivative of the cross-entropy by the number that is subtracted from the logits is "
        "zero.",
        "So a program may subtract the largest logit, and no exponential overflows.",
    ),
    (
        "adjoint_*",
        "The inner product of the output with its gradient is that of the input with the input "
        "gradient.",
        "It characterizes the backward pass of a linear layer, and tests one without a derivative.",
    ),
    (
        "transposed_*",
        "A transposed convolution is the input gradient of a correlation.",
        "So one kernel serves both, and the output padding only says which size the input had.",
    ),
    (
        "double_backward_output_*",
        "The derivative of the input gradient by the output gradient, along a direction, is the "
        "forward pass of that direction.",
        "So the gradient of a gradient needs no new kernel here.",
    ),
    (
        "double_backward_weight_*",
        "The derivative of the input gradient by the kernel, along a direction, is the weight "
        "gradient with the direction in place of the input.",
        "So a penalty on gradients is trained with the kernels that are there already.",
    ),
    (
        "double_backward_input_*",
        "The derivative of the weight gradient by the input, along a direction, is the input "
        "gradient with the direction in place of the kernel.",
        "With the other two this closes the circle: derivatives of any order are among the same "
        "three passes.",
    ),
    (
        "toom_cook_*",
        "Neighbouring outputs of a short kernel need only as many products as there are inputs "
        "under their windows.",
        "The definition has a product for each output and each tap, which is more.",
    ),
    (
        "winograd_*_nested_*",
        "A line is computed as an image, and the Toom-Cook identity is applied along its rows and "
        "its columns.",
        "So a long filter needs as few products for a tap as a square one does.",
    ),
    (
        "winograd_*_input_*",
        "The input gradient is computed in tiles as well, from the output gradient and the rotated "
        "kernel.",
        "So one kernel with few products serves both directions.",
    ),
    (
        "winograd_*",
        "The outputs of a layer are computed in tiles, and its filter in blocks, by the Toom-Cook "
        "identity along each axis.",
        "It is proved for all sizes, so a kernel that uses it differs from the definition by "
        "rounding alone.",
    ),
)
