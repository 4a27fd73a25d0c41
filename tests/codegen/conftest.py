"""Fixtures that several modules of tests share."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from rot180.codegen.rocq import check
from rot180.codegen.rocq.script import LIBRARY, library
from rot180.codegen.system import files
from rot180.codegen.system.programs import ProgramResult


@pytest.fixture(scope="session")
def compiled_library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Compile the library of the scripts once; later checks get a copy of the compiled file."""
    folder, compiled = tmp_path_factory.mktemp("library"), check._compile
    ran: list[ProgramResult] = []

    def compile_or_copy(into: Path, name: str, timeout: float) -> ProgramResult:
        if name != LIBRARY:
            return compiled(into, name, timeout)
        if not ran:
            files.write(folder, {f"{LIBRARY}.v": library()})
            ran.append(compiled(folder, name, timeout))
        assert files.read(into / f"{LIBRARY}.v") == library()
        shutil.copy(folder / f"{LIBRARY}.vo", into)
        return ran[0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(check, "_compile", compile_or_copy)
        yield
