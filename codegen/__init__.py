"""Write kernels, documents and certificates from replayed theorems."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

    from rot180.codegen.kernels.compile import Source

__all__ = ["compile"]


def compile(layer: Source, backend: str = "auto") -> ModuleType:
    """Return a module with the kernels of a layer or a program.

    They are ``forward``, ``grad_x`` for each operand x, ``vjp``, which returns all gradients and
    computes once what several of them need, and ``jvp``, the derivative in a direction, which is
    derived when it is first used.

    A gradient that is proved in several forms is computed in the one that reads the fewest entries;
    its docstring says so.

    At the first call the kernels are derived, proved, and compiled by the machine's C compiler.
    Later calls, in other processes too, load what was compiled: it is kept in ``ROT180_CACHE``, or
    else in the platform's folder for caches.

    Args:
        layer: a layer or a program in the notation, its name in the catalogue, a `Layer`, a
            `Program`, a SymPy equation, or a list of them.
        backend: "compiled", "numpy", or "auto": compiled where there is a C compiler, else NumPy
            with a warning.

    Raises:
        ValueError: there is no such backend, or the layer cannot be read.
        rot180.codegen.kernels.build.BuildError: nothing can be compiled, and `backend` is
            "compiled".

    >>> import numpy as np
    >>> module = compile("y[p] = sum[k] x[s*p+k] * w[k]", backend="numpy")
    >>> module.forward(np.arange(7), np.array([1, 10]), s=2, y_shape=(3,))
    array([10, 32, 54])

    """
    from rot180.codegen.kernels.compile import layer_module

    return layer_module(layer, backend)
