"""The only module that starts processes: a program in a group of its own, which ends with it.

All processes end when this one is ended by a signal.
"""

from __future__ import annotations

import math
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from rot180.codegen.system import interrupts
from rot180.codegen.system.journal import make_scratch, remove_scratch

GRACE = 0.2
"""Seconds that a program has to end by itself before it is killed."""

if sys.platform == "linux":
    import resource

Given = TypeVar("Given")
Result = TypeVar("Result")

_NO_CHANGES: Mapping[str, str] = MappingProxyType({})

_running: set[subprocess.Popen[str]] = set()
_folders: set[Path] = set()
"""The programs that run, and the folders of `workplace`."""


class ToolError(OSError):
    """A program is missing or did not end in time, or a process was ended from outside."""


class TimeLimitError(ToolError):
    """A program did not end in time and was ended."""


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


@contextmanager
def workplace() -> Iterator[Path]:
    """Make a temporary folder in which programs run; it is removed, also after Ctrl-C.

    That of a run that was killed is removed by the next.
    """
    with interrupts.whole():
        folder, lock = make_scratch()
        _folders.add(folder)
    try:
        yield folder
    finally:
        with interrupts.whole():
            lock.close()
            remove_scratch(folder)
            _folders.discard(folder)


def run(
    command: Sequence[str],
    folder: Path,
    timeout: float,
    environment: Mapping[str, str] = _NO_CHANGES,
) -> ProgramResult:
    """Run a program in a folder and wait until it ends; the programs that it started end with it.

    Args:
        command: the program's name and its arguments.
        folder: where it runs.
        timeout: seconds after which it is ended.
        environment: variables to set, besides those of this process.

    Raises:
        ToolError: the program is not installed.
        TimeLimitError: it did not end in time.

    """
    program = shutil.which(command[0])
    if program is None:
        raise ToolError(f"{command[0]} is not installed, or not on PATH")
    begin = time.monotonic()
    with interrupts.whole():
        started = _start([program, *command[1:]], folder, {**os.environ, **environment})
        _running.add(started)
    _limit(started, timeout)
    try:
        output, errors = started.communicate(timeout=timeout)
    except subprocess.TimeoutExpired as error:
        raise TimeLimitError(f"{command[0]} did not end within {timeout:g} s") from error
    finally:
        _end([started])
        _running.discard(started)
        for stream in (started.stdout, started.stderr):
            if stream is not None:
                stream.close()
    return ProgramResult(started.returncode, output + errors, time.monotonic() - begin)


def in_processes(function: Callable[[Given], Result], inputs: Iterable[Given]) -> Iterator[Result]:
    """Call a function on each input, in several processes at a time, and return the results.

    Args:
        function: a function of a module.
        inputs: the inputs, in the order of the results.

    Raises:
        ToolError: a process was ended from outside.

    """
    try:
        with ProcessPoolExecutor(initializer=_follow_parent) as pool:
            with interrupts.whole():
                results = pool.map(function, inputs)
            yield from results
    except BrokenProcessPool as error:
        raise ToolError(
            "a process was ended from outside, as by the system where memory runs out"
        ) from error


def _follow_parent() -> None:
    """In a process of a pool: leave signals to the process that started it, and end with it."""
    interrupts.leave_to_parent()
    parent = multiprocessing.parent_process()
    if parent is not None:
        interrupts.end_after(parent.join)


def _start(
    command: Sequence[str], folder: Path, environment: Mapping[str, str]
) -> subprocess.Popen[str]:
    group: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        group = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        **group,
    )


def _limit(program: subprocess.Popen[str], seconds: float) -> None:
    """On Linux, end a program that computes for so long even if this process was killed."""
    if sys.platform == "linux":
        limits = math.ceil(seconds), math.ceil(seconds) + 1
        with suppress(OSError, ValueError):  # it has ended, or has a smaller limit
            resource.prlimit(program.pid, resource.RLIMIT_CPU, limits)


def _end(programs: Collection[subprocess.Popen[str]]) -> None:
    """End programs with their groups: they are asked to, and after `GRACE` killed."""
    for program in programs:
        _send(program, kill=False)
    last = time.monotonic() + GRACE
    while any(program.poll() is None for program in programs) and time.monotonic() < last:
        time.sleep(0.01)
    for program in programs:
        # also where it has ended, for the programs that it started
        _send(program, kill=True)
    for program in programs:
        with suppress(subprocess.TimeoutExpired):
            program.wait(GRACE)


def _send(program: subprocess.Popen[str], kill: bool) -> None:
    """Ask the group of a program to end, or kill it; on Windows, the program alone."""
    if sys.platform == "win32":
        program.kill()
    else:
        # no such process: the group has ended; no permission: macOS, where only a zombie is left
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(program.pid, signal.SIGKILL if kill else signal.SIGTERM)


def _clear_away() -> None:
    """End all processes and remove all temporary folders."""
    processes = multiprocessing.active_children()
    for process in processes:
        process.kill()
    for process in processes:
        process.join(GRACE)
    _end([*_running])
    for folder in [*_folders]:
        remove_scratch(folder)


interrupts.at_end(_clear_away)
