"""Two sentences about each theorem on a layer or a program of the catalogue."""

CATALOGUE = (
    (
        "causal_conv_input",
        "The input gradient of a causal convolution is a convolution that looks ahead.",
        "What the present may not see in the forward pass, it may not reach in the backward pass.",
    ),
    (
        "causal_conv_weight",
        "The weight gradient of a causal convolution is the output gradient times earlier inputs.",
        "No padding is stored, since an input before the first one is zero.",
    ),
    (
        "circular_conv_input",
        "The input gradient of a circular convolution is a full pass that wraps around as well.",
        "Code that wraps around forward and pads with zeros backward is wrong at both ends.",
    ),
    (
        "depthwise_input_*",
        "The input gradient of a depthwise convolution goes back through each channel by itself.",
        "There is no sum over channels, so the backward pass is as cheap as the forward pass.",
    ),
    (
        "local_input_*",
        "The input gradient of a locally connected layer uses at each place the filter of the "
        "output that saw it.",
        "Without shared weights nothing can be rotated, and the sum over windows is what is left.",
    ),
    (
        "local_weight_*",
        "The weight gradient of a locally connected layer is a sum over the batch alone.",
        "The sum over places, which a convolution has here, is the price of sharing weights.",
    ),
    (
        "dynamic_conv_input",
        "The input gradient of a dynamic convolution is the full pass with the mixed filter.",
        "So the filters may be mixed first, once for each sample, in both passes.",
    ),
    (
        "involution_input",
        "The input gradient of an involution takes each filter from the place of the output.",
        "The filter that is read is that of the output and not of the input, which is easily "
        "confused.",
    ),
    (
        "correlation_layer_first",
        "The gradient by the first image is the second one, displaced and weighted by the output "
        "gradient.",
        "It costs as much as the forward pass and reads the same entries.",
    ),
    (
        "bilinear_input",
        "The input gradient of a bilinear layer is a bilinear form of the output gradient and the "
        "other input.",
        "Attention, gates and feature products are all built from this layer.",
    ),
    (
        "bilinear_weight",
        "The weight gradient of a bilinear layer is a product of output gradient and both inputs.",
        "It has three factors for each sample, so the order in which they are multiplied matters.",
    ),
    (
        "tensor_train_input",
        "The input gradient of a tensor train is the train with its cores transposed.",
        "The large matrix that the train stands for is never formed, also not backward.",
    ),
    (
        "kronecker_input",
        "The input gradient of a Kronecker layer is the Kronecker product of the transposed "
        "factors.",
        "A transposed Kronecker product is the product of the transposed, so nothing large is "
        "formed.",
    ),
    (
        "unfold_input_*",
        "The gradient of unfold is fold.",
        "Frameworks that copy windows into a matrix have to add them up again, and this is how.",
    ),
    (
        "fold_input_*",
        "The gradient of fold is unfold.",
        "The two are adjoint, so each is the backward pass of the other one.",
    ),
    (
        "pixel_shuffle_input",
        "The gradient of a pixel shuffle is the shuffle back.",
        "A rearrangement has its inverse for a gradient, because it loses and repeats nothing.",
    ),
    (
        "pixel_unshuffle_input",
        "The gradient of the inverse shuffle is a pixel shuffle.",
        "Pixels that no block of channels has read, at the edge, get no gradient.",
    ),
    (
        "upsample_nearest_*",
        "The gradient of a repetition is the sum over what was repeated.",
        "It is average pooling without the division, with windows that touch.",
    ),
    (
        "upsample_linear_*",
        "The gradient of an interpolation adds up what was interpolated, with the same weights.",
        "At the border an entry counts more often, since places outside are moved to it.",
    ),
    (
        "embedding_table",
        "The gradient by a row of a table is the sum of the output gradients at all places that "
        "name it.",
        "Equal indices add up, and code that writes instead of adding loses gradients.",
    ),
    (
        "rotary_embedding_input",
        "The gradient of a rotation is the rotation back.",
        "Lengths stay what they are, so no gradient grows or vanishes here.",
    ),
    (
        "max_pool_windows_*",
        "The gradient of maximum pooling goes to the largest entry of each window.",
        "This is the program as it is run, windows and maximum; at a tie the first entry gets "
        "everything.",
    ),
    (
        "lp_pool_input",
        "The gradient of LP pooling is the output times the share of the entry in the sum of "
        "powers, over the entry.",
        "Large powers give the share of the largest entry alone, as maximum pooling does.",
    ),
    (
        "adaptive_avg_pool_*",
        "The gradient of adaptive average pooling is an equal share from each window, which may "
        "overlap.",
        "Windows differ in size, so the share has to be divided by the size of its own window.",
    ),
    (
        "cross_entropy_logits",
        "The gradient of cross-entropy is softmax times the sum of the targets, less the target.",
        "It is the program that is run, with the largest logit subtracted; targets may have any "
        "sum.",
    ),
    (
        "group_norm_scale",
        "The gradient by the scale of group normalization is the output gradient times the "
        "normalized input, summed over batch and places.",
        "The scale belongs to a channel and the mean to a group, so the two sums differ.",
    ),
    (
        "batch_norm_scale",
        "The gradient by the scale of batch normalization is the output gradient times the "
        "normalized input, summed over batch and places.",
        "It and the gradient by the shift are all that is needed of a batch for the third one.",
    ),
    (
        "causal_attention_query",
        "The gradient by the queries of causal attention is the masked gradient by the scores "
        "times the keys.",
        "The mask is kept by the weights themselves, and later keys get nothing.",
    ),
    (
        "relative_attention_bias",
        "The gradient by a relative bias is the gradient by the scores, summed along a diagonal.",
        "A bias is shared by all pairs at one distance, as the weight of a convolution is.",
    ),
    (
        "linear_attention_query",
        "The gradient by the queries of linear attention reads the summed keys and values, and no "
        "single key.",
        "So its cost grows with the number of queries and not with its square.",
    ),
    (
        "causal_linear_attention_value",
        "The gradient by the values of causal linear attention is a sum over the queries that come "
        "later.",
        "It is a running sum from the end, as the forward pass is one from the beginning.",
    ),
    (
        "glu_input",
        "The gradient of a gated linear unit is the gate times the output gradient in one half, "
        "and the slope of the gate in the other.",
        "The first half is linear as long as the gate is open, so deep stacks still learn.",
    ),
    (
        "swiglu_input",
        "The input gradient of a SwiGLU layer goes back through both of its matrices.",
        "Two products with transposed matrices are needed, and their results are added.",
    ),
    (
        "geglu_input",
        "The input gradient of a GeGLU layer goes back through both of its matrices.",
        "Only the slope of the gate differs from that of SwiGLU.",
    ),
    (
        "squeeze_excite_input",
        "The input gradient of squeeze-and-excite is the gated output gradient, plus a share of "
        "what reaches the means.",
        "The share is the same for all pixels of a channel, so it is one number for each channel.",
    ),
    (
        "cosine_similarity_input",
        "The gradient of the cosine is the other vector, less its part along the first, over the "
        "lengths.",
        "A vector's length does not change its cosine, so the gradient does not lengthen it.",
    ),
    (
        "pairwise_distance_input",
        "The gradient of the distance is the difference, times twice the slope of the root.",
        "At distance zero the root has no slope, which is why a small number is added below it.",
    ),
)
