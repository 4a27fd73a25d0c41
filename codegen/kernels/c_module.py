"""A layer's compiled kernels for `rot180.codegen.compile`: C functions, and Python around them.

The Python part has the signatures, the docstrings and the checks; the C part computes. What no
layer changes is compiled once on a machine and linked: `support_sources`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rot180.codegen.kernels.c_runtime import HEADER, RUNNING_HEADER, render_contraction
from rot180.codegen.kernels.c_text import c_function, c_name
from rot180.codegen.kernels.cython_backend import CythonKernel, CythonModule
from rot180.codegen.kernels.fused_kernel import fused_functions
from rot180.codegen.kernels.targets import CYTHON
from rot180.codegen.kernels.window_kernel import HEADER as WINDOWS_HEADER
from rot180.codegen.kernels.window_kernel import WindowKernel, window_functions
from rot180.codegen.system.files import resource
from rot180.codegen.system.templates import template

KERNEL_HEADER, LOOPS_HEADER, SUPPORT, LAYER = "kernel.h", "loops.h", "support.c", "layer.c"
"""What a layer's C file includes, what is linked to it, and that file."""


@dataclass(frozen=True)
class CompiledSources:
    """The texts that a layer's compiled module is built from.

    Attributes:
        python: the module, whose functions call those in C.
        c: the files to compile, by name; `LAYER` is the one that includes the others.

    """

    python: str
    c: dict[str, str]


def compiled_sources(module: CythonModule, packaged: bool = False) -> CompiledSources:
    """Write the kernels of a module in C, and the Python module around them.

    Args:
        module: the module.
        packaged: whether the Python module imports the compiled one, which is beside it.

    Raises:
        LoweringError: a sum has more loops, or an array more axes, than C has room for.

    """
    python = template("kernels", "module_compiled.jinja").render(
        module=module, target=CYTHON, packaged=packaged
    )
    headers = [KERNEL_HEADER, *([LOOPS_HEADER] if module.passes else [])]
    over_windows = [p for p in module.passes if isinstance(p, WindowKernel)]
    headers += [WINDOWS_HEADER] if over_windows else []
    headers += [RUNNING_HEADER] if module.running_sums else []
    parts = ["\n".join(f'#include "{header}"' for header in headers), *_functions(module)]
    parts += [*fused_functions([p for p in module.passes if p not in over_windows])]
    parts += [*window_functions(over_windows), _table(module)]
    c = {LAYER: "\n\n".join(parts) + "\n", HEADER: _interface()}
    return CompiledSources(python, c | {n: _extension(n) for n in headers})


def support_sources(lent: str = "") -> dict[str, str]:
    """Return the files of what is linked to every layer, by name; `SUPPORT` includes the others.

    Args:
        lent: the name by which an imported module lends the sums of products; if there is none,
            they are compiled too.

    """
    found = {SUPPORT: _extension(SUPPORT), KERNEL_HEADER: _extension(KERNEL_HEADER)}
    if not lent:
        return {**found, HEADER: render_contraction()}
    return {**found, HEADER: f'#define ROT180_LENT "{lent}"\n{_interface()}'}


def _interface() -> str:
    """Return the header of the sums of products, without their functions."""
    return resource("kernels", f"runtime/c/{HEADER}")


def _extension(name: str) -> str:
    return resource("kernels", f"runtime/extension/{name}")


def _functions(module: CythonModule) -> Iterator[str]:
    """Write the functions in C, each after those that it calls."""
    for kernel in module.kernels:
        if kernel.whole:
            yield c_function(f"_whole_{kernel.name}", kernel.counted, [f"return {kernel.whole}"])
    for small in module.small:
        declared = {"Py_ssize_t": (small.variables, small.integers), "Place": (small.pointers,)}
        lines = [f"cdef {kind} {w}" for kind, words in declared.items() for w in words if w]
        for real in ("float", "double"):
            yield c_function(f"{small.name}_{real}", small.typed, [*lines, *small.body], real)
    for kernel in module.kernels:
        yield c_function(f"_{kernel.name}", kernel.typed, kernel.body)
        yield _called(kernel)


def _called(kernel: CythonKernel) -> str:
    """Write the function that unpacks a kernel's arguments."""
    arrays = (f"&arrays[{at}]" for at in range(len(kernel.arrays)))
    integers = (f"integers[{at}]" for at in range(len(kernel.integers)))
    reals = (f"reals[{at}]" for at in range(len(kernel.reals)))
    given = ", ".join([*arrays, *integers, *reals])
    taken = "View *arrays, const Int *integers, const double *reals"
    return (
        f"static int call_{kernel.name}({taken}) {{\n"
        f"    return {c_name('_' + kernel.name)}({given});\n}}"
    )


def _table(module: CythonModule) -> str:
    """Write the table of the functions in C."""
    rows = [
        f'    {{"{k.name}", call_{k.name}, {len(k.arrays)}, {len(k.integers)}, {len(k.reals)}, 1}},'
        for k in module.kernels
    ]
    rows += [kernel.row for kernel in module.passes]
    return "\n".join(
        ["const Kernel rot180_kernels[] = {", *rows, "    {NULL, NULL, 0, 0, 0, 0},", "};"]
    )
