"""The only module that starts programs."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


class ToolError(OSError):
    """A program is missing or did not end in time."""


@dataclass(frozen=True)
class ProgramResult:
    """The result of a program that ended.

    Attributes:
        code: its exit code.
        output: what it wrote, first to the standard output, then to the standard error.
        seconds: how long it ran.

    """

    code: int
    output: str
    seconds: float


def installed(program: str) -> bool:
    """Say whether a program is installed.

    Args:
        program: its name.

    """
    return shutil.which(program) is not None


def run(command: Sequence[str], folder: Path, timeout: float) -> ProgramResult:
    """Run a program in a folder and wait until it ends.

    Args:
        command: the program's name and its arguments.
        folder: where it runs.
        timeout: seconds after which it is killed.

    Raises:
        ToolError: the program is not installed, or did not end in time.

    """
    program = shutil.which(command[0])
    if program is None:
        raise ToolError(f"{command[0]} is not installed, or not on PATH")
    begin = time.monotonic()
    try:
        done = subprocess.run(
            [program, *command[1:]],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ToolError(f"{command[0]} did not end within {timeout:g} s") from error
    return ProgramResult(done.returncode, done.stdout + done.stderr, time.monotonic() - begin)
