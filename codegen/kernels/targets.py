"""What kernels are written in: one table, with all that differs from target to target."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rot180.codegen.kernels.c_runtime import HEADER, render_contraction
from rot180.codegen.kernels.cython_backend import CythonKernel, CythonModule
from rot180.codegen.kernels.kernel import Kernel, Module
from rot180.codegen.kernels.numpy_backend import NumpyKernel, NumpyModule


@dataclass(frozen=True)
class Target:
    """A language that kernels are written in.

    Attributes:
        name: what it is called, and what the names of its files begin with.
        ending: the ending of its files.
        dtypes: the dtypes that its kernels take.
        dtypes_in_words: the same, as messages and docstrings say it.
        kernel: its kernels.
        module: its modules.
        template: lays a module out.
        runtime: the files that its modules need beside them: name to what writes the text.

    """

    name: str
    ending: str
    dtypes: tuple[str, ...]
    dtypes_in_words: str
    kernel: type[Kernel]
    module: Callable[[tuple[str, ...], str, tuple[Any, ...], bool], Module]
    template: str
    runtime: Mapping[str, Callable[[], str]]

    @property
    def file(self) -> str:
        """Return the name of the file with the kernels of a layer."""
        return f"{self.name}_kernels{self.ending}"


NUMPY = Target(
    name="numpy",
    ending=".py",
    # the same as in runtime/numpy/checks.py, which is not imported: writing needs no NumPy
    dtypes=(
        *("complex128", "complex64", "float32", "float64", "int16", "int32", "int64", "int8"),
        *("uint16", "uint32", "uint64", "uint8"),
    ),
    dtypes_in_words="float32, float64, an integer dtype, complex64 or complex128",
    kernel=NumpyKernel,
    module=NumpyModule,
    template="module_numpy.jinja",
    runtime={},  # a module holds all that it needs
)
CYTHON = Target(
    name="cython",
    ending=".pyx",
    dtypes=("float32", "float64"),
    dtypes_in_words="float32 or float64",
    kernel=CythonKernel,
    module=CythonModule,
    template="module_cython.jinja",
    runtime={HEADER: render_contraction},
)

TARGETS = {target.name: target for target in (NUMPY, CYTHON)}
"""Each target by its name."""
