"""Two sentences about each theorem on dense layers, convolutions, their sizes and weights."""

DENSE = (
    (
        "dense_input",
        "The input gradient of a dense layer is the output gradient times the transposed weights.",
        "An input reaches the outputs through one row of the weights, and its gradient comes back "
        "through the same row.",
    ),
    (
        "dense_weight",
        "The weight gradient of a dense layer is the transposed input times the output gradient.",
        "A weight joins one input to one output, so its gradient needs nothing but these two, "
        "summed over the samples.",
    ),
    (
        "dense_written_out_*",
        "For two inputs and two outputs, the gradient of an input is a sum of two products.",
        "It shows without an index that the backward pass reads a row of the weights where the "
        "forward pass reads a column.",
    ),
    (
        "perceptron_output",
        "The delta of the output layer is the derivative of the cost by the activation, times the "
        "slope of the activation.",
        "Backpropagation starts here, and only this equation depends on the cost.",
    ),
    (
        "perceptron_input",
        "The derivative of the cost by an activation is the sum of the next layer's deltas, each "
        "times the weight of its connection.",
        "Errors travel back along the same connections as the activations, with the same weights.",
    ),
    (
        "perceptron_delta",
        "The delta of a neuron is the weighted sum of the next layer's deltas, times the slope of "
        "its own activation.",
        "So the deltas of all layers follow one after another from those of the last layer.",
    ),
    (
        "perceptron_bias",
        "The gradient of a bias is the delta of its neuron.",
        "A bias is added to the weighted input, so a small change of either has the same effect on "
        "the cost.",
    ),
    (
        "perceptron_weight",
        "The gradient of a weight is the activation that enters the connection, times the delta at "
        "its end.",
        "So a weight learns slowly where its input or its delta is near zero.",
    ),
    (
        "perceptron_two_layers",
        "In a network of two layers, the gradient of a weight of the first layer is its input "
        "times the delta that comes back through the second.",
        "It checks by one direct computation that the equations may be applied layer after layer.",
    ),
    (
        "cut_and_shared_*",
        "A dense layer with most connections cut, and with the others sharing a few weights, is a "
        "convolution.",
        "What holds for dense layers holds for convolutions too, once the sharing is counted.",
    ),
    (
        "toeplitz_correlation_*",
        "A correlation is the product of its input with a matrix whose rows repeat the kernel, "
        "moved by the stride from row to row.",
        "So a layer with a sliding window is linear, and its backward pass is the transposed "
        "matrix.",
    ),
    (
        "toeplitz_convolution_*",
        "A convolution is the product of its input with a matrix whose rows repeat the reversed "
        "kernel, moved by the stride from row to row.",
        "So a layer with a sliding window is linear, and its backward pass is the transposed "
        "matrix.",
    ),
    (
        "toeplitz_transpose_*",
        "The input gradient is the transposed matrix of the layer times the output gradient.",
        "No rotation is mentioned, because transposing the matrix reverses the order of the taps.",
    ),
    (
        "transposed_flip_*",
        "The transposed matrix of a kernel is the matrix of the flipped kernel.",
        "It is the shortest reason why the kernel is rotated in the backward pass.",
    ),
    (
        "shared_weights_*",
        "The gradient of a shared weight is the sum of the gradients that its copies would have in "
        "a dense layer.",
        "So the weight gradient of a convolution is that of a dense layer, and a sum.",
    ),
)

INPUT = (
    (
        "rot180_correlation_[123]d",
        "The input gradient of a correlation is the full correlation of the output gradient with "
        "the rotated kernel.",
        "This answers the question of the book: seen from an input, the windows pass in the "
        "opposite order, and so do the taps.",
    ),
    (
        "rot180_convolution_[123]d",
        "The input gradient of a convolution is the full convolution of the output gradient with "
        "the rotated kernel.",
        "The kernel is rotated here as well; it stays as it is only if one of the two passes is a "
        "correlation and the other a convolution.",
    ),
    (
        "rot180_is_a_shifted_flip_*",
        "The kernel rotated inside its box is the kernel rotated about the origin, and moved by "
        "its size less one.",
        "Texts that count from the centre and programs that count from zero mean the same kernel; "
        "only their offsets differ.",
    ),
    (
        "full_convolution_*",
        "A full convolution has as many entries as its two operands together, less one, on each "
        "axis.",
        "Outside of these it is zero, so a program may stop there.",
    ),
    (
        "valid_convolution",
        "The window lies inside the input at the size of the input less that of the kernel, plus "
        "one, positions.",
        "It is the size of a forward pass without padding.",
    ),
    (
        "full_restores_valid",
        "A full backward pass after a valid forward pass has the size of the input again.",
        "The input gradient has one entry for each input, so the sizes must agree before the "
        "values can.",
    ),
    (
        "rot180_correlation_strided_*",
        "With a stride, zeros are put between the entries of the output gradient, and the rest is "
        "the full correlation with the rotated kernel.",
        "The zeros stand at the positions that the window skipped, so the backward pass of a "
        "stride is a full pass, too.",
    ),
    (
        "rot180_convolution_strided_*",
        "With a stride, zeros are put between the entries of the output gradient, and the rest is "
        "the full convolution with the rotated kernel.",
        "The zeros stand at the positions that the window skipped, so the backward pass of a "
        "stride is a full pass, too.",
    ),
    (
        "phases_*",
        "The input gradient of a layer with a stride is a sum over the phases of the stride, in "
        "which no inserted zero occurs.",
        "Kernels compute it in this form, so they multiply none of the zeros that the stride puts "
        "in.",
    ),
    (
        "rot180_correlation_general_[123]d",
        "With any stride, dilation and padding, the input gradient of a correlation is a full "
        "correlation with the rotated kernel.",
        "One formula covers the settings that frameworks offer, negative padding included.",
    ),
    (
        "rot180_convolution_general_[123]d",
        "With any stride, dilation and padding, the input gradient of a convolution is a full "
        "convolution with the rotated kernel.",
        "One formula covers the settings that frameworks offer, negative padding included.",
    ),
    (
        "rot180_correlation_general_channels_*",
        "With a batch and channels, the input gradient of a correlation is the full correlation "
        "with the rotated kernel, summed over the output channels.",
        "Forward the sum is over the input channels, backward over the output channels; only the "
        "spatial axes are rotated.",
    ),
    (
        "rot180_convolution_general_channels_*",
        "With a batch and channels, the input gradient of a convolution is the full convolution "
        "with the rotated kernel, summed over the output channels.",
        "Forward the sum is over the input channels, backward over the output channels; only the "
        "spatial axes are rotated.",
    ),
    (
        "rot180_correlation_general_grouped_*",
        "With groups, the input gradient of a correlation is the full correlation with the rotated "
        "kernel inside each group.",
        "No gradient crosses from one group to another, and a depthwise layer is the case of one "
        "channel for each group.",
    ),
    (
        "rot180_convolution_general_grouped_*",
        "With groups, the input gradient of a convolution is the full convolution with the rotated "
        "kernel inside each group.",
        "No gradient crosses from one group to another, and a depthwise layer is the case of one "
        "channel for each group.",
    ),
)

WEIGHTS = (
    (
        "weight_correlation_general_[123]d",
        "The gradient of the kernel is the correlation of the input with the output gradient, in "
        "which stride and dilation change places.",
        "The output gradient is the window now, and its entries lie as far apart as the forward "
        "window stepped.",
    ),
    (
        "weight_convolution_general_[123]d",
        "The gradient of the kernel is the convolution of the rotated input with the output "
        "gradient, in which stride and dilation change places.",
        "In a convolution the kernel runs against the input, and so does the output gradient that "
        "takes its place.",
    ),
    (
        "weight_*_channels_*",
        "With a batch and channels, each pair of an input and an output channel has such a "
        "gradient of its kernel, summed over the batch.",
        "Nothing is summed over channels, because every pair of them has a kernel of its own.",
    ),
    (
        "weight_*_grouped_*",
        "With groups, the kernels of a group have their gradients from the input and the output "
        "gradient of that group alone.",
        "So groups can be computed one by one, without a sum between them.",
    ),
    (
        "bias_*",
        "The gradient of the bias is the sum of the output gradient over the batch and over all "
        "positions.",
        "The bias is added at every position of every sample, so each of them counts.",
    ),
    (
        "output_size",
        "The windows that fit into the padded input are exactly the outputs, if their number is "
        "computed by the usual formula with a floor.",
        "What this formula rounds away is the remainder, which a backward pass must not forget.",
    ),
    (
        "input_remainder",
        "The backward pass has an entry for every input if its padding at the end is longer by the "
        "remainder.",
        "Code without it returns a gradient with too few entries.",
    ),
    (
        "weight_remainder",
        "The gradient of the kernel never reads the inputs behind the last window.",
        "They took no part in the forward pass, so they are cut off.",
    ),
    (
        "weight_size",
        "The correlation that gives the gradient of the kernel has as many entries as the kernel, "
        "once the remainder is cut off.",
        "Without the cut it can have more, and the surplus would be taken for weights.",
    ),
    (
        "transposed_size",
        "Every product of a transposed convolution lands inside an array with as many entries as "
        "the stride times the number of its inputs less one, plus the extent of the kernel.",
        "A program has to reserve this size, and the output padding chooses among the sizes that a "
        "stride allows.",
    ),
)
