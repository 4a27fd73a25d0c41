"""Operations as custom operators of PyTorch, whose gradients are custom operators in turn."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from threading import RLock
from typing import Any

import sympy as sp

from rot180.codegen.adapters.arguments import arguments
from rot180.codegen.adapters.frameworks import framework
from rot180.codegen.adapters.operation import Operation, documented, forward
from rot180.derive.language.layers import Layer

DTYPES = "float32", "float64"

_defining = RLock()


def torch_layer(layer: str | Layer | sp.Equality, backend: str) -> Callable[..., Any]:
    """Do what `as_torch` says.

    Raises:
        MissingFrameworkError, ValueError: as `as_torch` raises them.

    """
    tensors = (framework("torch").Tensor,)
    operation = forward(layer, backend)
    known = arguments(operation)
    op = operator_of(operation)

    def apply(*operands: Any, **others: Any) -> Any:
        arrays, values = known.read(operands, others, tensors)
        return op(*arrays, values)

    return documented(apply, operation, known.signature, "tensor")


def operator_of(operation: Operation) -> Any:
    """Return the custom operator of an operation: its tensors, then the values of its symbols."""
    with _defining:  # PyTorch lets an operator be defined once
        return _defined(operation)


@cache
def _defined(operation: Operation) -> Any:
    torch = framework("torch")
    tensors = [f"Tensor t{n}" for n in range(len(operation.arrays))]
    schema = f"({', '.join(tensors)}, SymInt[] values) -> Tensor"
    words = [t.name for t in operation.arrays]

    def kernel(*inputs: Any) -> Any:
        arrays = [_array(torch, *pair) for pair in zip(words, inputs, strict=False)]
        return torch.from_numpy(operation.run(arrays, inputs[-1]))

    def fake(*inputs: Any) -> Any:
        return inputs[0].new_empty(operation.box(*inputs[-1]))

    def keep(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.save_for_backward(*inputs[:-1])
        ctx.values = inputs[-1]

    def backward(ctx: Any, upstream: Any) -> Any:
        needed = enumerate(ctx.needs_input_grad[: len(words)])
        return (*(by(ctx, upstream, n) if need else None for n, need in needed), None)

    def by(ctx: Any, upstream: Any, number: int) -> Any:
        gradient = operation.gradient(number)
        if gradient is None:
            return None
        arrays, values = gradient.inputs(upstream, ctx.saved_tensors, ctx.values)
        return operator_of(gradient.operation)(*arrays, values)

    def mapped(info: Any, axes: Any, *inputs: Any) -> Any:
        def entry(n: int) -> Any:
            pairs = zip(inputs[:-1], axes[:-1], strict=True)
            return op(*(t if a is None else t.select(a, n) for t, a in pairs), inputs[-1])

        return torch.stack([entry(n) for n in range(info.batch_size)]), 0

    op = torch.library.custom_op(
        f"rot180::{operation.key}", kernel, mutates_args=(), schema=schema
    )
    op.register_fake(fake)
    op.register_autograd(backward, setup_context=keep)
    op.register_vmap(mapped)
    return op


def _array(torch: Any, word: str, t: Any) -> Any:
    """Return the memory of a tensor as an array.

    Raises:
        TypeError: it is not on the CPU, not dense, or its dtype has no kernel.

    """
    found = str(t.dtype).removeprefix("torch.")
    if t.device.type != "cpu":
        raise TypeError(f"{word}: found a tensor on {t.device}, expected one on the CPU: .cpu()")
    if t.layout is not torch.strided:
        raise TypeError(f"{word}: found the layout {t.layout}, expected a dense one: .to_dense()")
    if found not in DTYPES:
        raise TypeError(f"{word}: found dtype {found}, expected {' or '.join(DTYPES)}: .double()")
    return t.detach().resolve_neg().numpy()
