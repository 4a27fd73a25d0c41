"""ONNX Runtime's Conv and ConvTranspose: `rot180 audit examples/audit/onnxruntime_conv.py:...`."""

import numpy as np
import onnxruntime
from onnx import TensorProto, helper

REFUSALS = onnxruntime.capi.onnxruntime_pybind11_state
TYPES = {"float32": TensorProto.FLOAT, "float64": TensorProto.DOUBLE}


def conv(**given):
    """Return the correlation."""
    return run("Conv", given)


def conv_transpose(**given):
    """Return the transposed convolution."""
    return run("ConvTranspose", given)


def run(kind, given):
    """Convolve."""
    pads = given["padding"]
    low, high = zip(*pads, strict=True)
    if min(low + high) < 0:
        raise NotImplementedError("negative padding")
    attributes = {
        "strides": given["stride"],
        "dilations": given["dilation"],
        "group": given["groups"],
        "pads": [*low, *high],
    }
    if "output_padding" in given:
        attributes["output_padding"] = given["output_padding"]
    arrays = {word: np.array(given[word]) for word in ("input", "weight", "bias")}
    kind_of = TYPES[str(arrays["input"].dtype)]
    node = helper.make_node(kind, list(arrays), ["y"], **attributes)
    inputs = [helper.make_tensor_value_info(w, kind_of, a.shape) for w, a in arrays.items()]
    output = helper.make_tensor_value_info("y", kind_of, [None] * arrays["input"].ndim)
    graph = helper.make_graph([node], "one", inputs, [output])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(model.SerializeToString(), options)
        return session.run(None, arrays)[0]
    except (REFUSALS.NotImplemented, REFUSALS.InvalidArgument) as error:
        raise NotImplementedError("refused by ONNX Runtime") from error
