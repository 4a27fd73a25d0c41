"""JAX: `jax.lax.conv_general_dilated`, and its gradients by `jax.vjp`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from rot180.codegen.adapters.frameworks import framework
from rot180.codegen.audit.adapters.shipped import shipped
from rot180.codegen.audit.questions import Question


def function(question: Question) -> Callable[..., Any]:
    """Return the forward pass or a gradient."""
    jax = framework("jax")
    jax.config.update("jax_enable_x64", True)  # else float64 becomes float32
    shipped("jax", question, ("conv1d", "conv2d", "conv3d", "linear"))
    entry = question.entry
    assert entry is not None

    def layer(arrays: dict[str, Any], window: dict[str, Any]) -> Any:
        if question.name == "linear":
            y = arrays["input"] @ arrays["weight"].T
            return y + arrays["bias"] if "bias" in arrays else y
        y = jax.lax.conv_general_dilated(
            arrays["input"],
            arrays["weight"],
            window["stride"],
            window["padding"],
            rhs_dilation=window["dilation"],
            feature_group_count=window["groups"],
        )
        bias = arrays.get("bias")
        return y if bias is None else y + bias.reshape(-1, *[1] * (y.ndim - 2))

    def call(**given: Any) -> Any:
        arrays = {k: jax.numpy.array(a) for k, a in given.items() if isinstance(a, np.ndarray)}
        window = {k: v for k, v in given.items() if k not in arrays}
        if any(low < 0 or high < 0 for low, high in window.get("padding", ())):
            raise NotImplementedError("negative padding")
        upstream = arrays.pop("grad_output", None)
        if upstream is None:
            return np.asarray(layer(arrays, window))
        wanted = entry.arguments[question.wrt]
        size = window.get(f"{wanted}_size", (upstream.shape[1],))
        if wanted == "bias":
            _, back = jax.vjp(
                lambda b: _broadcast(upstream, b), jax.numpy.zeros(size, upstream.dtype)
            )
        else:
            zeros = jax.numpy.zeros(size, upstream.dtype)
            _, back = jax.vjp(lambda a: layer({**arrays, wanted: a}, window), zeros)
        return np.asarray(back(upstream)[0])

    return call


def _broadcast(upstream: Any, bias: Any) -> Any:
    return 0 * upstream + bias.reshape(-1, *[1] * (upstream.ndim - 2))
