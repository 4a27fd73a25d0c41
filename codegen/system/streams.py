"""The standard streams: closed, full, or without a reader."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TextIO

from rot180.codegen.system import terminal


class ClosedOutputError(OSError):
    """There is no standard output."""


def ensure_open() -> None:
    """Open what is closed of the standard input, output and error, so that no file takes its place.

    Otherwise the first file that is opened would have the number of the standard error, and
    messages would be written into it.

    Raises:
        ClosedOutputError: the standard output is closed.

    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # has the smallest free number, which is this one
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w")
    if sys.stdout is None:
        raise ClosedOutputError(
            "the standard output is closed; redirect it to a file, or to /dev/null"
        )


def say(text: str) -> None:
    """Write a line to the standard error; a message that cannot be written is lost."""
    try:
        terminal.say(f"rot180: {text}", error=True)
    except OSError:
        silence(sys.stderr)


def close() -> None:
    """Discard what cannot be written any more, so that Python does not complain at its end."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            silence(stream)


def silence(stream: TextIO) -> None:
    """Discard whatever is still written to a stream, so that closing it cannot fail."""
    with suppress(OSError, ValueError):  # a stream that is no file, or was closed
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
