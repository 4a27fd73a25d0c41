"""Layers at home in other frameworks; no framework is imported before its adapter is called."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rot180.codegen.adapters.frameworks import MissingFrameworkError, framework

if TYPE_CHECKING:
    from rot180.codegen.adapters.dask_adapter import DaskLayer
    from rot180.codegen.kernels.compile import Source

__all__ = ["MissingFrameworkError", "as_dask", "as_jax", "as_torch"]


def as_torch(layer: Source, backend: str = "auto") -> Callable[..., Any]:
    """Return a layer or a program as a function of PyTorch tensors, for any number of ``backward``.

    The operands are passed in their order or by name, parameters and shapes by keyword, as to
    ``forward`` of `rot180.codegen.compile`. Tensors are on the CPU, float32 or float64; their
    memory is read where it is. A gradient is the kernel of its theorem; the gradients of a gradient
    are derived and compiled when they are first asked for.

    Args:
        layer: as for `rot180.codegen.compile`.
        backend: as for `rot180.codegen.compile`.

    Raises:
        MissingFrameworkError: PyTorch is not installed.
        ValueError: there is no such backend, the layer cannot be read, has no operand, or needs a
            function as an argument.

    """
    from rot180.codegen.adapters.torch_adapter import torch_layer

    return torch_layer(layer, backend)


def as_jax(layer: Source, backend: str = "auto") -> Callable[..., Any]:
    """Return a layer or a program as a function of JAX arrays, for ``jit`` and ``grad``.

    The arguments are those of `as_torch`; under ``jit``, parameters and shapes must be static. The
    kernels run on the CPU, called by ``jax.pure_callback``.

    Args:
        layer: as for `rot180.codegen.compile`.
        backend: as for `rot180.codegen.compile`.

    Raises:
        MissingFrameworkError: JAX is not installed.
        ValueError: as `as_torch` raises it.

    """
    from rot180.codegen.adapters.jax_adapter import jax_layer

    return jax_layer(layer, backend)


def as_dask(layer: Source, backend: str = "auto") -> DaskLayer:
    """Return a layer or a program as a function of Dask arrays, block by block, and its gradients.

    The operands are Dask arrays, arrays in stores such as Zarr's and `numpy.memmap`, or NumPy
    arrays, float32 or float64, by position or by name; parameters and shapes are passed by keyword.
    Where an operand has several chunks along an axis, the output or the sum is divided there; what
    a block reads is a theorem, which is proved at the first call. A program is computed step by
    step; a maximum or a product is not divided along the axes that it runs over. Nothing is
    computed before ``.compute()``. ``vjp(grad_output, *operands, **others)`` returns the gradient
    by each operand.

    Args:
        layer: as for `rot180.codegen.compile`; a program without arrays of indices and tables.
        backend: as for `rot180.codegen.compile`.

    Raises:
        MissingFrameworkError: Dask is not installed.
        ValueError: as `as_torch` raises it, or a program reads at an array of indices or a table.

    """
    framework("dask")
    from rot180.codegen.adapters.dask_adapter import DaskLayer
    from rot180.codegen.adapters.dask_programs import DaskProgram
    from rot180.codegen.adapters.operation import forward
    from rot180.derive.language.layers import Layer

    operation = forward(layer, backend)
    return (DaskLayer if isinstance(operation.layer, Layer) else DaskProgram)(operation)
