"""Operations as functions of JAX, whose derivatives are operations in turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
import sympy as sp

from rot180.codegen.adapters.arguments import arguments
from rot180.codegen.adapters.frameworks import framework
from rot180.codegen.adapters.operation import Operation, documented, forward
from rot180.derive.language.layers import Layer

DTYPES = "float32", "float64"

def jax_layer(layer: str | Layer | sp.Equality, backend: str) -> Callable[..., Any]:
    """Do what `as_jax` says.

    Raises:
        MissingFrameworkError, ValueError: as `as_jax` raises them.

    """
    kinds = (framework("jax").Array, np.ndarray)
    operation = forward(layer, backend)
    known = arguments(operation)

    def apply(*operands: Any, **others: Any) -> Any:
        arrays, values = known.read(operands, others, kinds)
        _require_dtypes([word for word, _, _ in known.operands], arrays)
        return _function(operation, tuple(values))(*arrays)

    return documented(apply, operation, known.signature, "array")


def _require_dtypes(words: Sequence[str], arrays: Sequence[Any]) -> None:
    """Refuse arrays whose dtype has no kernel: what a kernel raises comes back as JAX's own error.

    Raises:
        TypeError: naming the argument.

    """
    for word, array in zip(words, arrays, strict=True):
        if str(array.dtype) not in DTYPES:
            expected = " or ".join(DTYPES)
            raise TypeError(f"{word}: found dtype {array.dtype}, expected {expected}: .astype(...)")
        if array.dtype != arrays[0].dtype:
            raise TypeError(
                f"{word}: found dtype {array.dtype}, expected {arrays[0].dtype}, "
                f"the dtype of {words[0]}"
            )


@cache
def _function(operation: Operation, values: tuple[int, ...]) -> Any:
    """Return an operation, for given values of its symbols, as a function of its arrays."""
    jax = framework("jax")

    def kernel(*arrays: Any) -> Any:
        return operation.run([np.asarray(a) for a in arrays], values)

    @jax.custom_vjp  # type: ignore[untyped-decorator]
    def call(*arrays: Any) -> Any:
        result = jax.ShapeDtypeStruct(operation.box(*values), arrays[0].dtype)
        return jax.pure_callback(kernel, result, *arrays, vmap_method="sequential")

    def keep(*arrays: Any) -> Any:
        return call(*arrays), arrays

    def backward(arrays: Any, upstream: Any) -> Any:
        return tuple(by(arrays, upstream, n) for n in range(len(arrays)))

    def by(arrays: Any, upstream: Any, number: int) -> Any:
        gradient = operation.gradient(number)
        if gradient is None:
            return jax.numpy.zeros_like(arrays[number])
        inputs, numbers = gradient.inputs(upstream, arrays, values)
        return _function(gradient.operation, tuple(numbers))(*inputs)

    call.defvjp(keep, backward)
    return call
