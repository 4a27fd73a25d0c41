"""Runs the kernels of programs: arrays for their operands, and what a function takes besides."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rot180.codegen.kernels.modules import rendered
from rot180.codegen.kernels.program_derivation import ProvedProgram, joint_module, user_module
from rot180.derive.language.programs import Program

Array = NDArray[Any]
SIZES = {"N": 2, "I": 3, "J": 4, "D": 5, "F": 2, "C": 4, "O": 3, "K": 3, "P": 4, "H": 9, "U": 4}
PARAMETERS = {"c": 2, "s": 2, "lo": 1, "r": 0.75}


def numpy_module(source: str | ProvedProgram) -> types.ModuleType:
    """Return the NumPy kernels of a program, from the text that is written for users."""
    if isinstance(source, ProvedProgram):
        module = joint_module(source, "numpy")
    else:
        module = user_module(source, "numpy")
    found = types.ModuleType("program")
    exec(rendered(module, "numpy"), found.__dict__)
    return found


def shape(program: Program, name: str) -> tuple[int, ...]:
    """Return the sizes of a tensor."""
    every = (*program.definitions, *program.tensors, *program.arrays)
    (t,) = (t for t in every if t.name == name.removeprefix("grad_"))
    return tuple(SIZES.get(str(n), 3) for n in t.shape)


def sizes(program: Program) -> dict[str, int]:
    """Return the size that each name stands for."""
    computed = [*(g.tensor for g in program.gathers), *(t.tensor for t in program.tables)]
    every = (*program.definitions, *program.tensors, *program.arrays, *computed)
    return {v.name: SIZES.get(v.name, 3) for t in every for v in t.parameters}


def drawn(program: Program, seed: int = 0) -> dict[str, Array]:
    """Return arrays for the operands and for the output gradient; positive, for quotients."""
    random = np.random.default_rng(seed)
    names = [*(t.name for t in program.tensors), f"grad_{program.output.name}"]
    return {n: random.uniform(0.5, 1.5, shape(program, n)) for n in names}


def drawn_indices(program: Program, seed: int = 0) -> dict[str, Array]:
    """Return the arrays of indices, each inside the axes that it points to."""
    random = np.random.default_rng(seed)
    least: dict[str, int] = {}
    for g in program.gathers:
        size = SIZES.get(str(g.tensor.shape[-1]), 3)
        least[g.array.name] = min(size, least.get(g.array.name, size))
    return {n: random.integers(0, size, shape(program, n)) for n, size in least.items()}


def call(program: Program, function: Callable[..., Any], arrays: Mapping[str, Array]) -> Array:
    """Call a function with what it takes."""
    wanted = inspect.signature(function).parameters
    needed = wanted.keys() - arrays.keys()
    keywords: dict[str, Any] = {n: v for n, v in PARAMETERS.items() if n in needed}
    keywords |= {"sigma": np.tanh} if "sigma" in wanted else {}
    keywords |= {"sigma_prime": lambda t: 1 - np.tanh(t) ** 2} if "sigma_prime" in wanted else {}
    for n, p in wanted.items():
        if n.endswith("_shape") and p.default is inspect.Parameter.empty:
            keywords[n] = shape(program, n.removesuffix("_shape"))
    found: Array = function(*(arrays[n] for n in wanted if n in arrays), **keywords)
    return found
