"""Calls of the frameworks' convolutions: drawn at random, computed by definition, and run.

Arrays are of integers, inputs (N, G*I, spatial); a kernel is (G, O, I, taps) until `laid_out` gives
it the layout of a framework.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rot180.codegen.convert.common_form import products
from rot180.codegen.convert.conversion import axis_calls, check_call
from rot180.codegen.convert.forms import AxisCall
from rot180.codegen.convert.layer_data import FrameworkLayer, Variant
from rot180.codegen.convert.report import call_text
from rot180.codegen.convert.spelling import Call

Array = NDArray[Any]


def draw_call(
    rng: random.Random, layer: FrameworkLayer, variant: Variant, axes: int, size: int
) -> Call | None:
    """Draw a call that its framework admits at a size; None if none was found."""
    for _ in range(20):
        columns = [_draw_axis(rng, layer, variant, size) for _ in range(axes)]
        groups = rng.choice((1, 1, 2)) if layer.grouped and layer.groups else 1
        call = Call(layer, variant, tuple(columns), groups)
        try:
            check_call(call, (size,) * axes)
        except ValueError:
            continue
        return call
    return None


def _draw_axis(
    rng: random.Random, layer: FrameworkLayer, variant: Variant, size: int
) -> dict[str, int]:
    """Draw the integers of an axis, if possible such that the framework admits them at a size."""
    parts: dict[str, int] = {}
    for _ in range(300):
        parts = {name: rng.randrange(name in "ksdr", 4) for name in variant.parts}
        parts |= {"k": rng.randrange(1, 5)}
        parts |= {"out": rng.randrange(1, 12)} if "out" in parts else {}
        call = AxisCall(layer, variant, parts)
        if call.broken(size) is None and call.form(size).outputs > 0:  # type: ignore[operator]
            break
    return parts


def draw_arrays(rng: random.Random, call: Call, size: int) -> tuple[Array, Array]:
    """Draw an input and a kernel of small integers."""
    axes, numbers = len(call.axes), np.random.default_rng(rng.randrange(2**32))
    taps = [one["k"] for one in call.axes]
    x = numbers.integers(-4, 5, (2, call.groups * 2, *[size] * axes))
    return x, numbers.integers(-4, 5, (call.groups, 3, 2, *taps))


def laid_out(kernel: Array, layout: str) -> Array:
    """Return a kernel in the layout of a framework."""
    g, o, i, *taps = kernel.shape
    last = tuple(range(3, kernel.ndim))
    match layout:
        case "(g o) i k":
            return kernel.reshape(g * o, i, *taps)
        case "(g i) o k":
            return kernel.swapaxes(1, 2).reshape(g * i, o, *taps)
        case "k i (g o)":
            return kernel.transpose(*last, 2, 0, 1).reshape(*taps, i, g * o)
        case "k o i":
            return np.asarray(kernel[0].transpose(*(n - 1 for n in last), 0, 1))
    assert layout == "k i o", layout
    return np.asarray(kernel[0].transpose(*(n - 1 for n in last), 1, 0))


def defined(call: Call, x: Array, kernel: Array) -> Array:
    """Return the output of a layer, product by product."""
    batch, groups = len(x), call.groups
    forms = [one.form(size) for one, size in zip(axis_calls(call), x.shape[2:], strict=True)]
    rows = [
        [(p, k, h) for p, row in enumerate(products(form, size)) for k, h in row]
        for form, size in zip(forms, x.shape[2:], strict=True)
    ]
    inputs = x.reshape(batch, groups, -1, *x.shape[2:])
    shape = [form.outputs for form in forms]
    y = np.zeros((batch, groups, kernel.shape[1], *shape), int)
    for product in itertools.product(*rows):
        p, k, h = zip(*product, strict=True)
        y[..., *p] += np.einsum("ngi,goi->ngo", inputs[..., *h], kernel[..., *k])
    return y.reshape(batch, -1, *y.shape[3:])


def _torch(text: str, x: Array, w: Array, outputs: int) -> Array:
    torch: Any = import_module("torch")

    inputs = x.shape[1]
    module = eval(text, {"torch": torch, "in_channels": inputs, "out_channels": outputs})
    with torch.no_grad():
        module.weight.copy_(torch.from_numpy(w.astype(np.float32)))
        module.bias.zero_()
        return np.asarray(module(torch.from_numpy(x.astype(np.float32))).numpy())


def _jax(text: str, x: Array, w: Array, outputs: int) -> Array:
    jax: Any = import_module("jax")

    x, w = (jax.numpy.asarray(one, jax.numpy.float32) for one in (x, w))
    return np.asarray(eval(text, {"jax": jax, "x": x, "w": w}))


def _onnx(text: str, x: Array, w: Array, outputs: int) -> Array:
    onnx: Any = import_module("onnx")
    onnxruntime: Any = import_module("onnxruntime")

    given = {"x": x.astype(np.float32), "w": w.astype(np.float32)}
    kind = onnx.TensorProto.FLOAT
    info = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [eval(text, {"onnx": onnx})],
        "layer",
        [info(name, kind, list(array.shape)) for name, array in given.items()],
        [info("y", kind, None)],
    )
    versions = [onnx.helper.make_opsetid("", 17)]
    model = onnx.helper.make_model(graph, opset_imports=versions, ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return np.asarray(session.run(None, given)[0])


def _tensorflow(text: str, x: Array, w: Array, outputs: int) -> Array:
    tf: Any = import_module("tensorflow")

    known = {"tf": tf, "n": len(x), "o": outputs}
    x, w = tf.constant(x, tf.float32), tf.constant(w, tf.float32)
    return np.asarray(eval(text, {**known, "x": x, "w": w}))


def _keras(text: str, x: Array, w: Array, outputs: int) -> Array:
    keras: Any = import_module("keras")

    layer = eval(text, {"keras": keras, "filters": outputs})
    layer.build(x.shape)
    layer.set_weights([w.astype(np.float32), np.zeros(outputs, np.float32)])
    return np.asarray(layer(x.astype(np.float32)))


RUN: Mapping[str, tuple[str, Callable[[str, Array, Array, int], Array]]] = {
    "pytorch": ("torch", _torch),
    "jax": ("jax", _jax),
    "onnx": ("onnxruntime", _onnx),
    "tensorflow": ("tensorflow", _tensorflow),
    "keras": ("keras", _keras),
}
"""The module of each framework, and what runs a call of it in its own layout."""


def run(
    call: Call,
    x: Array,
    weight: Array,
    outputs: int,
    before: Sequence[str] = (),
    after: Sequence[str] = (),
) -> Array:
    """Return the output of a call as its framework computes it, channels first.

    Args:
        call: the call.
        x: the input, channels first.
        weight: the weight in the framework's layout.
        outputs: the number of output channels.
        before: lines of Python that change x first.
        after: lines of Python that change y.

    """
    text = call_text(call.layer, call.variant, axis_calls(call), call.groups)
    last = call.layer.channels == "last"
    module, runner = RUN[call.layer.framework]
    given = as_framework(module, np.moveaxis(x, 1, -1) if last else x)
    known: dict[str, Any] = {module: import_module(module), "x": given}
    exec("\n".join(before), known)
    known["y"] = as_framework(module, runner(text, np.asarray(known["x"]), weight, outputs))
    exec("\n".join(after), known)
    y = np.asarray(known["y"])
    return np.moveaxis(y, -1, 1) if last else y


def as_framework(module: str, array: Array) -> Any:
    """Return an array as the lines of a cure take it."""
    return import_module(module).tensor(array) if module == "torch" else array


def variants(layers: tuple[FrameworkLayer, ...]) -> Iterator[tuple[FrameworkLayer, Variant]]:
    """Yield every way to call every layer."""
    for layer in layers:
        for variant in layer.variants:
            yield layer, variant
