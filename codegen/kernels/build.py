"""Runs the machine's C compiler on what every layer is linked with, and on a layer's kernels."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rot180.codegen.system import files

OBJECT, LIBRARY = "support.o", "rot180_layer"
"""What is linked with every layer; the name by which Python imports the result."""

SHIPPED = "rot180.generated.cython_kernels"
"""The module that lends its sums of products to layers, if it is built."""

ENDING = sysconfig.get_config_var("EXT_SUFFIX") or ".so"
"""The ending of the files that this Python imports: it names the interpreter and the platform."""

_SUPPORT_FLAGS = ("-O3", "-g0", "-w", "-fPIC", "-fvisibility=hidden")
_LOOP_FLAGS = ("-fopenmp-simd", "-fno-math-errno")  # vectors where a loop asks for them
_LAYER_FLAGS = ("-O2", *_LOOP_FLAGS, "-g0", "-w", "-fPIC", "-fvisibility=hidden")
_LINKED = {
    "darwin": ("-bundle", "-undefined", "dynamic_lookup"),
}
_NAMES = ("cc", "gcc", "clang")

PATIENCE = 600
"""Seconds that the compiler has."""


class BuildError(RuntimeError):
    """There is no C compiler, or it refuses the kernels."""


@dataclass(frozen=True)
class Compiler:
    """A C compiler, with the flags of the environment.

    Attributes:
        command: the program and what `CC` says behind it.
        flags: what `CFLAGS` and `CPPFLAGS` say.
        linked: what `LDFLAGS` says.

    """

    command: tuple[str, ...]
    flags: tuple[str, ...]
    linked: tuple[str, ...]

    @property
    def identity(self) -> tuple[str, ...]:
        """Return texts that differ where what it makes may differ."""
        program = Path(self.command[0]).resolve()
        found = program.stat()
        known = (str(program), str(found.st_size), str(found.st_mtime_ns), *self.command[1:])
        ours = (*_SUPPORT_FLAGS, *_LAYER_FLAGS, *self.flags, *self.linked)
        return (*known, "flags", *ours, sys.version, ENDING, sysconfig.get_platform())

    def support(self, sources: Mapping[str, str], name: str) -> bytes:
        """Compile what every layer is linked with.

        Args:
            sources: its files, by name.
            name: the file to compile, which includes the others.

        Raises:
            BuildError: the compiler refuses it.

        """
        include = f"-I{sysconfig.get_path('include')}"
        given = [*_SUPPORT_FLAGS, *self.flags, include, "-c", name, "-o", OBJECT]
        return self._run(sources, given, OBJECT)

    def library(self, sources: Mapping[str, str], name: str, support: bytes) -> bytes:
        """Compile and link a layer's kernels.

        Args:
            sources: its files, by name.
            name: the file to compile, which includes the others.
            support: what `support` made.

        Raises:
            BuildError: the compiler refuses it.

        """
        shared = _LINKED.get(sys.platform, ("-shared",))
        out = f"{LIBRARY}.so"
        given = [*_LAYER_FLAGS, *self.flags, *shared, name, OBJECT, "-o", out]
        given += [*self.linked, "-lm", "-pthread"]
        return self._run({**sources, OBJECT: support}, given, out)

    def _run(self, texts: Mapping[str, str | bytes], given: Sequence[str], out: str) -> bytes:
        # it imports what starts processes, which a run that finds its kernels compiled need not do
        from rot180.codegen.system.programs import run, workplace

        try:
            with workplace() as folder:
                files.write(folder, texts)
                ran = run([*self.command, *given], folder, PATIENCE, {"LC_ALL": "C"})
                if not ran.code:
                    return files.contents(folder / out)
        except OSError as error:  # also where the disk is full
            raise BuildError(f"the C compiler failed: {error}") from error
        command = " ".join([*self.command, *given])
        raise BuildError(f"{command} ended with code {ran.code}: {_reason(ran.output)}")


def find_compiler() -> Compiler:
    """Return the C compiler: that of ``CC`` in the environment, of this Python, or of the system.

    Raises:
        BuildError: there is none.

    """
    if sys.platform == "win32":
        raise BuildError("found Windows, expected Linux or macOS: kernels are compiled there")
    named = shlex.split(os.environ.get("CC", ""))
    built = shlex.split(sysconfig.get_config_var("CC") or "")[:1]
    tried = [named] if named else [built, *([name] for name in _NAMES)]
    for command in filter(None, tried):
        program = shutil.which(command[0])
        if program is not None:
            flags = [*_flags("CPPFLAGS"), *_flags("CFLAGS")]
            return Compiler((program, *command[1:]), tuple(flags), tuple(_flags("LDFLAGS")))
    found = f"CC={named[0]!r}" if named else f"none of {', '.join(_NAMES)}"
    raise BuildError(f"{found} is a program on PATH, expected a C compiler: install gcc or clang")


def _flags(variable: str) -> list[str]:
    return shlex.split(os.environ.get(variable, ""))


def _reason(output: str) -> str:
    """Return the first line of a compiler's output that says what is wrong."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    wrong = [line for line in lines if "error" in line]
    cure = "; install Python's headers (python3-dev)" if "Python.h" in output else ""
    return f"{[*wrong, *lines, 'it said nothing'][0]}{cure}"
