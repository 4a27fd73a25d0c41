"""A layer or a program as a package of its own, which `pip` builds without rot180."""

from __future__ import annotations

import keyword
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rot180.codegen.kernels.build import LIBRARY
from rot180.codegen.kernels.c_module import LAYER, SUPPORT, compiled_sources, support_sources
from rot180.codegen.kernels.cython_backend import CythonModule
from rot180.codegen.kernels.derivation import (
    CERTIFICATE,
    PLAIN,
    Progress,
    ProvedLayer,
    certificates,
    plain_file,
    quiet,
)
from rot180.codegen.kernels.expressions import number, size_tuple
from rot180.codegen.kernels.interface import Interface, symbols_in
from rot180.codegen.kernels.kernel import Kernel, Module
from rot180.codegen.kernels.modules import rendered
from rot180.codegen.kernels.names import function_name, gradient_name, name, shape_name
from rot180.codegen.kernels.program_derivation import (
    ProvedProgram,
    joint_module,
    plain_program_file,
    program_certificates,
)
from rot180.codegen.kernels.program_functions import ProgramKernel
from rot180.codegen.kernels.scalar_functions import python_name
from rot180.codegen.system.files import resource
from rot180.codegen.system.templates import template
from rot180.derive.display.statement import write_theorem
from rot180.derive.gradients.program_steps import TableStep
from rot180.derive.kernel.proof import Theorem
from rot180.derive.language.scalar_functions import FUNCTIONS
from rot180.derive.language.terms import Tensor

MOST_LETTERS = 64
"""How long the name of a package may be."""

_TAKEN = ("rot180", "numpy", "setuptools", "pip", "pkg_resources", "wheel", "c", "tests", "build")
"""Names that a package needs itself, or that are folders of it."""
_DEVICES = frozenset(
    ("con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10)))
)
"""Names that no file can have on Windows."""

_FILES = (
    "pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE", "c/layer/layer.c",
    "c/layer/kernel.h", "c/layer/contraction.h", "c/support/support.c", "c/support/kernel.h",
    "c/support/contraction.h",
)  # fmt: skip
_MODULES = (
    "__init__.py", "__main__.py", "_case.py", "checking.py", "numpy_kernels.py", PLAIN,
    "compiled_kernels.py", CERTIFICATE,
)  # fmt: skip
_MANIFEST = "recursive-include c *.c *.h\nrecursive-include tests *.py\n"

AnyProved = ProvedLayer | ProvedProgram


def checked_name(word: str) -> str:
    """Return the name of a package, if it can be imported, installed and told from others.

    Args:
        word: the name.

    Raises:
        ValueError: it cannot.

    """
    why = ""
    if not re.fullmatch(r"[A-Za-z]\w*(?<!_)", word, re.ASCII):
        why = "a letter, then letters, digits and underscores, the last not an underscore"
    elif len(word) > MOST_LETTERS:
        why = f"at most {MOST_LETTERS} letters"
    elif keyword.iskeyword(word) or keyword.issoftkeyword(word):
        why = "no keyword of Python"
    elif word.lower() in {m.lower() for m in (*sys.stdlib_module_names, *sys.builtin_module_names)}:
        why = "no module of Python's library, which it would hide"
    elif word.lower() in _TAKEN:
        why = "no package or folder that it needs itself"
    elif word.lower() in _DEVICES:
        why = "no name of a device on Windows"
    if why:
        raise ValueError(f"--package: found {word!r}, expected {why}; such as my_layer")
    return word


def package_names(word: str) -> list[str]:
    """Return the names of the files that `package_files` writes."""
    return [*_FILES, *(f"{word}/{file}" for file in _MODULES), f"tests/test_{word}.py"]


@dataclass(frozen=True)
class _Case:
    """What `checking.py` draws, as text."""

    functions: Sequence[str]
    gradients: Mapping[str, str]
    upstream: str
    sizes: Sequence[str]
    integers: Sequence[str]
    reals: Sequence[str]
    known: Mapping[str, str]
    unknown: Sequence[str]
    exact: bool
    arrays: Sequence[tuple[str, str]]
    extents: Sequence[tuple[str, str]]
    indices: Sequence[tuple[str, str, str]]

    @property
    def numbers(self) -> str:
        return ", ".join((*self.sizes, *self.integers, *self.reals)) or "**_"


def package_files(word: str, proved: AnyProved, progress: Progress = quiet) -> dict[str, str]:
    """Return file name → text of a package with the kernels of a layer or a program.

    Args:
        word: the name of the package.
        proved: the layer or program and its theorems.
        progress: called with what is being done.

    Raises:
        LoweringError: a theorem cannot be lowered.

    """
    progress("writing the numpy kernels")
    in_numpy = joint_module(proved, "numpy")
    progress("writing the compiled kernels")
    compiled = joint_module(proved, "cython")
    assert isinstance(compiled, CythonModule)
    sources = compiled_sources(compiled, packaged=True)
    support = support_sources()
    progress("writing the package")
    files = {
        "README.md": _readme(word, proved, in_numpy),
        "LICENSE": resource("kernels", "runtime/package/LICENSE"),
        "MANIFEST.in": _MANIFEST,
        **{f"c/layer/{file}": text for file, text in sources.c.items()},
        **{f"c/support/{file}": text for file, text in support.items()},
    }
    headers = [file for file in files if file.endswith(".h")]
    made = {"name": word, "library": LIBRARY, "headers": headers}
    functions = [*_functions(in_numpy), "vjp"]
    said = {"layer": _lines(proved), "functions": functions, "case": _case(proved, in_numpy)}
    for file, text in _RENDERED.items():
        files[file.format(word)] = template("kernels", text).render(**made, **said)
    modules = {
        "checking.py": resource("kernels", "runtime/package/checking.py"),
        "numpy_kernels.py": rendered(in_numpy, "numpy"),
        "compiled_kernels.py": sources.python,
    }
    if isinstance(proved, ProvedProgram):
        modules |= plain_program_file(proved) | {CERTIFICATE: program_certificates(proved)}
    else:
        modules |= plain_file(proved) | {CERTIFICATE: certificates(proved)}
    assert LAYER in sources.c and SUPPORT in support
    return files | {f"{word}/{file}": text for file, text in modules.items()}


_RENDERED = {
    "pyproject.toml": "package_pyproject.toml.jinja",
    "setup.py": "package_setup.py.jinja",
    "tests/test_{}.py": "package_test.py.jinja",
    "{}/__init__.py": "package_init.py.jinja",
    "{}/__main__.py": "package_main.py.jinja",
    "{}/_case.py": "package_case.py.jinja",
}
"""File to the template that it is written by."""


def _lines(proved: AnyProved) -> list[str]:
    text = proved.text if isinstance(proved, ProvedProgram) else proved.layer.text
    return text.split("; ")


def _functions(module: Module) -> dict[str, Kernel | ProgramKernel]:
    """Return the functions that compute the output and the gradients, by name."""
    wholes = [w for w in module.programs if isinstance(w, ProgramKernel)]
    return {k.name: k for k in wholes or module.kernels}


def _readme(word: str, proved: AnyProved, module: Module) -> str:
    theorems = dict(proved.gradients)
    if isinstance(proved, ProvedLayer):
        theorems = dict([proved.kernels[0], *proved.gradients])
    calls = []
    for function, found in _functions(module).items():
        arguments = ", ".join(_shown(found.interface))
        result = "y" if function == "forward" else function
        calls.append(f"{result} = {word}.{function}({arguments})")
    return template("kernels", "package_readme.md.jinja").render(
        name=word,
        layer=_lines(proved),
        calls=calls,
        theorems=[(f, _statement(t)) for f, t in theorems.items()],
        regenerate=f"Written by `{_command(proved, word)}`.",
    )


def _command(proved: AnyProved, word: str) -> str:
    return f"{proved.command.removesuffix(' -o out')} --package {word} -o out"


def _statement(theorem: Theorem) -> list[str]:
    return write_theorem(theorem).splitlines()


def _shown(found: Interface) -> Iterable[str]:
    """Return the arguments that a call must have."""
    yield from (name(t.name) for t in (*found.arrays, *found.index_arrays))
    words = [*found.callables, *(name(v.name) for v in found.parameters)]
    words += [shape_name(t) for t, given in found.shapes if given]
    yield from (f"{w}={w}" for w in words)


def _case(proved: AnyProved, module: Module) -> _Case:
    forward = proved.program if isinstance(proved, ProvedProgram) else proved.layer
    found = _functions(module)
    interfaces = [f.interface for f in found.values()]
    upstream = gradient_name(forward.output)
    arrays = {name(t.name): t for i in interfaces for t in i.arrays}
    arrays = {upstream: forward.output, **arrays}
    extents = {shape_name(t): t for i in interfaces for t, _ in i.shapes}
    plans = [k.plan for k in module.kernels]
    used = {(f.function, f.order) for p in plans for f in p.operands if f.function}
    parameters = dict.fromkeys(v for i in interfaces for v in i.parameters)
    reals = [v for v in parameters if all(v not in i.integers for i in interfaces)]
    places = {name(t.name): (t, n) for i in interfaces for t, n in i.places}
    every = (*arrays.values(), *extents.values(), *(t for t, _ in places.values()))
    sizes = symbols_in(every)
    integers = {v for v in parameters if v not in reals}
    integers |= {v for v in forward.parameters if v in sizes}
    whole = all(n.coefficient.is_Integer for p in plans for n in p.all_nests)
    steps = [s for w in found.values() if isinstance(w, ProgramKernel) for s, _ in w.calls]
    whole = whole and not any(isinstance(s, TableStep) for s in steps)
    return _Case(
        functions=[*found],
        gradients={g: name(t.name) for t in forward.tensors if (g := gradient_name(t)) in found},
        upstream=repr(upstream),
        sizes=sorted(name(v.name) for v in sizes - integers),
        integers=sorted(name(v.name) for v in integers),
        reals=sorted(name(v.name) for v in reals),
        known={function_name(f, n): python_name(f, n) for f, n in sorted(used) if f in FUNCTIONS},
        unknown=sorted(function_name(f, n) for f, n in used if f not in FUNCTIONS),
        exact=whole and not used,
        arrays=[(word, _shape(t)) for word, t in arrays.items()],
        extents=[(word, _shape(t)) for word, t in extents.items()],
        indices=[(word, _shape(t), number(n)) for word, (t, n) in places.items()],
    )


def _shape(t: Tensor) -> str:
    return size_tuple([n for n in t.shape if n is not None])
