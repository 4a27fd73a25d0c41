"""Headings of theorems, from their names."""

from __future__ import annotations

import re

from rot180.codegen.documents.chapters import family

_SUBJECTS = {
    "rot180": "Input gradient",
    "weight": "Weight gradient",
    "bias": "Bias gradient",
    "activated": "Through an activation",
    "dense written out": "The dense layer, written out",
    "perceptron output": "The delta of the output",
    "perceptron input": "The delta through the weights",
    "perceptron delta": "The delta from the next delta",
    "perceptron bias": "The gradient of the bias",
    "perceptron weight": "The gradient of the weights",
    "perceptron two layers": "Two layers",
    "avg pool": "Average pooling",
    "max pool": "Maximum pooling",
    "flatten": "Flattening, and a dense layer",
    "squared error": "Squared error",
    "squared error delta": "Squared error of an activation",
    "softmax cross entropy": "Cross-entropy of softmax",
    "softmax cross entropy weighted": "Cross-entropy, for targets with any sum",
    "softmax cross entropy shift": "Cross-entropy is invariant to a shift of the logits",
    "softmax input": "The gradient of softmax",
    "softmax shift": "Softmax is invariant to a shift",
    "log softmax input": "The gradient of the logarithm of softmax",
    "attention query": "The gradient of the queries",
    "attention key": "The gradient of the keys",
    "attention value": "The gradient of the values",
    "rms norm input": "The input gradient of RMS normalization",
    "rms norm scale": "The scale of RMS normalization",
    "layer norm input": "The input gradient of layer normalization",
    "layer norm scale": "The scale of layer normalization",
    "layer norm shift": "The shift of layer normalization",
    "causal conv input": "The input gradient of a causal convolution",
    "causal conv weight": "The weight gradient of a causal convolution",
    "circular conv input": "The input gradient of a circular convolution",
    "depthwise input": "The input gradient of a depthwise convolution",
    "local input": "The input gradient of a locally connected layer",
    "local weight": "The weight gradient of a locally connected layer",
    "dynamic conv input": "The input gradient of a dynamic convolution",
    "involution input": "The input gradient of an involution",
    "correlation layer first": "The first image of a correlation layer",
    "bilinear input": "The input gradient of a bilinear layer",
    "bilinear weight": "The weight gradient of a bilinear layer",
    "tensor train input": "The input gradient of a tensor train",
    "kronecker input": "The input gradient of a Kronecker layer",
    "unfold input": "The gradient of unfold",
    "fold input": "The gradient of fold",
    "pixel shuffle input": "The gradient of a pixel shuffle",
    "pixel unshuffle input": "The gradient of the inverse shuffle",
    "upsample nearest": "The gradient of nearest upsampling",
    "upsample linear": "The gradient of linear upsampling",
    "embedding table": "The table of an embedding",
    "rotary embedding input": "The gradient of a rotary embedding",
    "max pool windows": "Maximum pooling as a program",
    "lp pool input": "LP pooling",
    "adaptive avg pool": "Adaptive average pooling",
    "cross entropy logits": "Cross-entropy as a program",
    "group norm scale": "The scale of group normalization",
    "batch norm scale": "The scale of batch normalization",
    "causal attention query": "The queries of causal attention",
    "relative attention bias": "The bias of attention with distances",
    "linear attention query": "The queries of linear attention",
    "causal linear attention value": "The values of causal linear attention",
    "glu input": "The gradient of a gated linear unit",
    "swiglu input": "The input gradient of SwiGLU",
    "geglu input": "The input gradient of GeGLU",
    "squeeze excite input": "The input gradient of squeeze-and-excite",
    "cosine similarity input": "The gradient of the cosine",
    "pairwise distance input": "The gradient of the distance",
    "backpropagated strided": "The delta of a layer with a stride",
    "backpropagated weight": "The gradient of the weights, with an activation",
    "backpropagated weight flip": "The gradient of the weights, as a convolution",
    "backpropagated weight rot180": "The gradient of the weights, with the rotated activation",
    "backpropagated bias": "The gradient of the bias, with an activation",
    "cut and shared": "A dense layer with cut and shared connections is a convolution",
    "transposed flip": "The transposed matrix is that of the flipped filter",
    "rot180 is a shifted flip": "The rotation is a shifted flip",
    "full convolution": "The size of a full convolution",
    "valid convolution": "The entries of a valid convolution",
    "full restores valid": "Full after valid restores the size",
    "backpropagated": "The delta of a layer",
    "delta": "Delta, by composition",
    "adjoint": "Adjointness",
    "adjoint activation": "Adjointness, with an activation",
    "toeplitz": "Toeplitz matrix",
    "toeplitz transpose": "Transposed Toeplitz matrix",
    "transposed": "Transposed convolution",
    "dense input": "Input gradient of the dense layer",
    "dense weight": "Weight gradient of the dense layer",
    "toom cook": "The Toom-Cook identity",
    "winograd": "The Winograd form of a layer",
    "winograd input": "The Winograd form of the input gradient",
    "winograd nested": "The Winograd form of a long line",
    "winograd input nested": "The Winograd form of a long line's input gradient",
    "phases": "Phases of the stride",
    "jax input": "Input gradient, with both operands dilated",
    "jax weight": "Weight gradient, with both operands dilated",
    "jax input size": "The size of JAX's input gradient",
    "jax input padding": "The padding of JAX's input gradient",
    "jax weight size": "The size of JAX's weight gradient",
    "jax weight padding": "The padding of JAX's weight gradient",
    "same size": "The size of SAME",
    "same size unpadded": "The size of SAME without padding",
    "same remainder": "The remainder of SAME",
    "same transposed": "The padding of a transposed SAME",
    "same transposed halves": "The halves of a transposed SAME",
    "transposed output shape": "The padding of an output shape",
    "double backward output": "Double backward, by the output gradient",
    "double backward weight": "Double backward, by the weight",
    "double backward input": "Double backward, by the input",
}
_QUALITIES = {
    "correlation": "correlation",
    "convolution": "convolution",
    "strided": "stride",
    "general": "stride, dilation and padding",
    "channels": "channels",
    "grouped": "groups",
}


def heading(name: str) -> str:
    """Return the heading of a theorem, or of a family of theorems, from its name.

    >>> heading("rot180_correlation_strided")
    'Input gradient: correlation, stride'
    >>> heading("output_size")
    'Output size'
    >>> heading("winograd_2_3_input")
    'The Winograd form of the input gradient: F(2, 3)'
    """
    if name.replace("_", " ") in _SUBJECTS:
        return _SUBJECTS[name.replace("_", " ")]
    words = name.split("_")
    numbers = [word for word in words if word.isdigit()]
    words = [word for word in words if word not in numbers]
    subject = " ".join(word for word in words if word not in _QUALITIES)
    found = [_QUALITIES[word] for word in words if word in _QUALITIES]
    qualities = ", ".join([*found, f"F({', '.join(numbers)})"] if numbers else found)
    shown = _SUBJECTS.get(subject, subject[:1].upper() + subject[1:])
    return f"{shown}: {qualities}" if qualities else shown


def theorem_title(name: str) -> str:
    """Return the heading of a theorem in the book, with its number of axes.

    >>> theorem_title("rot180_correlation_strided_2d")
    'Input gradient: correlation, stride, 2-D'
    """
    axes = re.search(r"_([123]d)$", name)
    return heading(family(name)) + (f", {axes[1][0]}-D" if axes else "")
