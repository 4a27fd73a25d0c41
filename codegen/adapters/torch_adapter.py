"""Operations as custom operators of PyTorch, whose gradients are custom operators in turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from threading import RLock
from typing import TYPE_CHECKING, Any

from rot180.codegen.adapters.arguments import arguments
from rot180.codegen.adapters.frameworks import framework
from rot180.codegen.adapters.operation import Gradient, Operation, backward, documented, forward

if TYPE_CHECKING:
    from rot180.codegen.kernels.compile import Source

DTYPES = "float32", "float64"

_defining = RLock()


def torch_layer(layer: Source, backend: str) -> Callable[..., Any]:
    """Do what `as_torch` says.

    Raises:
        MissingFrameworkError, ValueError: as `as_torch` raises them.

    """
    tensors = (framework("torch").Tensor,)
    operation = forward(layer, backend)
    known = arguments(operation)
    op, real = operator_of(operation), operation.real
    saving = operation.saving
    keeping = op if saving is operation else operator_of(saving)
    enabled = framework("torch").is_grad_enabled

    def apply(*operands: Any, **others: Any) -> Any:
        arrays, values = known.read(operands, others, tensors)
        if saving is not operation and enabled() and any(t.requires_grad for t in arrays):
            y, *_ = keeping(*arrays, *split(real, values))
            return y
        return op(*arrays, *split(real, values))

    return documented(apply, operation, known.signature, "tensor")


def split(real: Sequence[bool], values: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """Return the values of the symbols that are integers, and of those that may be real."""
    pairs = list(zip(real, values, strict=True))
    return [v for may, v in pairs if not may], [v for may, v in pairs if may]


def joined(real: Sequence[bool], integers: Sequence[Any], reals: Sequence[Any]) -> list[Any]:
    """Return the values of the symbols in their order; the inverse of `split`."""
    parts = iter(integers), iter(reals)
    return [next(parts[may]) for may in real]


def operator_of(operation: Operation) -> Any:
    """Return the custom operator of an operation: its tensors, then what `split` returns."""
    with _defining:  # PyTorch lets an operator be defined once
        return _defined(operation)


@cache
def _defined(operation: Operation) -> Any:
    torch = framework("torch")
    tensors = [f"Tensor t{n}" for n in range(len(operation.arrays))]
    several = len(operation.boxes) > 1
    results = ", ".join("Tensor" for _ in operation.boxes)
    numbers = "SymInt[] integers, float[] reals"
    schema = f"({', '.join(tensors)}, {numbers}) -> {f'({results})' if several else results}"
    words, real = [t.name for t in operation.arrays], operation.real
    integral = {t.name for t in operation.indices}

    def packed(found: Any) -> Any:
        return tuple(found) if several else next(iter(found))

    def kernel(*inputs: Any) -> Any:
        pairs = zip(words, inputs, strict=False)
        arrays = [_array(torch, word, t, word in integral) for word, t in pairs]
        return packed(map(torch.from_numpy, operation.run(arrays, joined(real, *inputs[-2:]))))

    def fake(*inputs: Any) -> Any:
        values = joined(real, *inputs[-2:])
        return packed(inputs[0].new_empty(box(*values)) for box in operation.boxes)

    def keep(ctx: Any, inputs: Any, output: Any) -> None:
        results = tuple(output) if several else (output,)
        read = operation.saves and not operation.wrt
        ctx.save_for_backward(*inputs[:-2], *(results if read else ()))
        if read:
            ctx.mark_non_differentiable(*results[1:])
        ctx.values = joined(real, *inputs[-2:])
        ctx.set_materialize_grads(False)

    def differentiate(ctx: Any, *upstream: Any) -> Any:
        def call(gradient: Gradient, g: Any) -> Any:
            arrays, values = gradient.inputs(g, ctx.saved_tensors, ctx.values)
            numbers = split(gradient.operation.real, values)
            found = operator_of(gradient.operation)(*arrays, *numbers)
            return found if len(gradient.targets) > 1 else (found,)

        needed = [n for n, need in enumerate(ctx.needs_input_grad[: len(words)]) if need]
        return (*backward(operation, upstream, needed, call), None, None)

    def mapped(info: Any, axes: Any, *inputs: Any) -> Any:
        def entry(n: int) -> Any:
            pairs = zip(inputs[:-2], axes[:-2], strict=True)
            return op(*(t if a is None else t.select(a, n) for t, a in pairs), *inputs[-2:])

        found = [entry(n) for n in range(info.batch_size)]
        if not several:
            return torch.stack(found), 0
        stacked = tuple(map(torch.stack, zip(*found, strict=True)))
        return stacked, (0,) * len(stacked)

    op = torch.library.custom_op(
        f"rot180::{operation.key}", kernel, mutates_args=(), schema=schema
    )
    op.register_fake(fake)
    op.register_autograd(differentiate, setup_context=keep)
    op.register_vmap(mapped)
    return op


def _array(torch: Any, word: str, t: Any, integral: bool) -> Any:
    """Return the memory of a tensor as an array; the kernel checks an array of indices itself.

    Raises:
        TypeError: it is not on the CPU, not dense, or its dtype has no kernel.

    """
    found = str(t.dtype).removeprefix("torch.")
    if t.device.type != "cpu":
        raise TypeError(f"{word}: found a tensor on {t.device}, expected one on the CPU: .cpu()")
    if t.layout is not torch.strided:
        raise TypeError(f"{word}: found the layout {t.layout}, expected a dense one: .to_dense()")
    if found not in DTYPES and not integral:
        raise TypeError(f"{word}: found dtype {found}, expected {' or '.join(DTYPES)}: .double()")
    return t.detach().resolve_neg().numpy()
