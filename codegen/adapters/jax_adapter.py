"""Operations as functions of JAX, whose derivatives are operations in turn."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from rot180.codegen.adapters.arguments import arguments, require_dtypes
from rot180.codegen.adapters.frameworks import framework
from rot180.codegen.adapters.operation import Gradient, Operation, backward, documented, forward

if TYPE_CHECKING:
    from rot180.codegen.kernels.compile import Source


def jax_layer(layer: Source, backend: str) -> Callable[..., Any]:
    """Do what `as_jax` says.

    Raises:
        MissingFrameworkError, ValueError: as `as_jax` raises them.

    """
    kinds = (framework("jax").Array, np.ndarray)
    operation = forward(layer, backend)
    known = arguments(operation)

    def apply(*operands: Any, **others: Any) -> Any:
        arrays, values = known.read(operands, others, kinds)
        pairs = zip((word for word, _, _ in known.operands), arrays, strict=True)
        require_dtypes([(word, a) for word, a in pairs if word not in known.indices])
        return _function(operation, tuple(values))(*arrays)[0]

    return documented(apply, operation, known.signature, "array")


@cache
def _function(operation: Operation, values: tuple[int, ...]) -> Any:
    """Return an operation, for given values of its symbols, as a function of its arrays."""
    jax = framework("jax")
    zeros = jax.custom_derivatives.SymbolicZero

    def kernel(*arrays: Any) -> Any:
        return operation.run([np.asarray(a) for a in arrays], values)

    @jax.custom_vjp  # type: ignore[untyped-decorator]
    def call(*arrays: Any) -> Any:
        dtype = arrays[0].dtype
        results = tuple(jax.ShapeDtypeStruct(box(*values), dtype) for box in operation.boxes)
        return jax.pure_callback(kernel, results, *arrays, vmap_method="sequential")

    saving = operation.saving

    def keep(*inputs: Any) -> Any:
        arrays = tuple(one.value for one in inputs)
        # what is constant is known before the call: () is a tree without leaves, None another one
        flags = tuple(() if one.perturbed else None for one in inputs)
        results = (call if saving == operation else _function(saving, values))(*arrays)
        read = results if saving.saves else ()
        return results[: len(operation.boxes)], (arrays, read, flags)

    def differentiate(kept: Any, upstream: Any) -> Any:
        arrays, results, flags = kept

        def apply(gradient: Gradient, g: Any) -> Any:
            inputs, numbers = gradient.inputs(g, (*arrays, *results), values)
            return _function(gradient.operation, tuple(numbers))(*inputs)

        needed = [n for n, flag in enumerate(flags) if flag is not None]
        given = [None if isinstance(g, zeros) else g for g in upstream[: len(operation.boxes)]]
        if saving.saves:
            given = given[:1]  # what is saved is no result of the layer
        found = backward(saving, given, needed, apply)
        return tuple(found)  # None says that there is no gradient

    call.defvjp(keep, differentiate, symbolic_zeros=True)
    return call
