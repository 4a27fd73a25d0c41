"""Write kernels, documents and certificates from replayed theorems."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

    from rot180.codegen.kernels.compile import Source
    from rot180.derive.blocks import LayerBlock

__all__ = ["blocks", "compile"]


def blocks(layer: str, index: str, wrt: str = "", order: Sequence[str] = ()) -> LayerBlock:
    """Return what a block of a layer, or of a gradient of it, reads of each operand.

    Args:
        layer: a layer in the notation, or its name in the catalogue.
        index: the index that is divided into blocks: one of the output, or a summed one, which
            gives summands of the output.
        wrt: the operand by which the layer is differentiated first; "" for the layer itself. The
            indices of a gradient are those that ``blocks(...).layer`` has.
        order: names of operands; where a bracket links axes of two of them, that of the first is
            cut, and the other operand is read whole.

    Returns:
        the windows, the parameters that change, and the theorem, for all sizes and blocks.

    Raises:
        ValueError: the layer cannot be read or is a program; nothing can be cut along the index.
        rot180.derive.search.derivation.NotProvedError: the theorem was not proved.

    >>> found = blocks("y[p] = sum[k] x[s*p+d*k-lo] * w[k]", "p")
    >>> found.at(first=10, count=5, s=2, d=1, lo=1, K=3, H=100, P=50)
    ({('x', 0): range(19, 30)}, {'lo': 0})

    """
    from rot180.derive.blocks import block
    from rot180.derive.gradients.gradient_layer import gradient_layer
    from rot180.derive.language.layers import Layer
    from rot180.derive.language.programs import read

    found = read(layer)
    if wrt:
        made = gradient_layer(found, wrt)
        if made is None:
            raise ValueError(f"wrt: found {wrt!r}, by which the gradient is 0")
        found, _ = made
    if not isinstance(found, Layer):
        raise ValueError(f"layer: found a program, {found}, expected one definition")
    made_block = block(found, index, order)
    made_block.theorem  # noqa: B018 -- no proof, no plan
    return made_block


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
