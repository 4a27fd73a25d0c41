"""Ctrl-C and requests to terminate: the process ends within a second, with one line.

A thread answers, not an exception: an exception would be raised anywhere, could be swallowed, and
would have to wait while C code runs, as in Z3. Programs and temporary folders are cleared away by
the functions given to `at_end`. Work that must not be interrupted halfway runs in a `whole`
section.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

ANSWERS = {"SIGINT": "interrupted", "SIGHUP": "hung up", "SIGTERM": "terminated"}
"""The signals that end the process, and what it says."""

PATIENCE = 0.6
"""Seconds that a `whole` section has to end."""

_ERRORS = 2
"""The file descriptor of the standard error."""


class _State:
    """What the threads of this process share."""

    def __init__(self) -> None:
        self.section = threading.RLock()
        self.inside = 0  # how many whole sections the main thread is in
        self.pending = False
        self.clean_ups: list[Callable[[], None]] = []


_STATE = _State()


def answer() -> None:
    """From now on, have a thread end the process when one of `ANSWERS` arrives.

    A signal that is ignored, as SIGHUP is under ``nohup``, stays so.
    """
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    words = _words()
    # the thread's arguments keep both sockets open
    arguments = (reader, writer, words)
    threading.Thread(target=_watch, args=arguments, name="interrupts", daemon=True).start()
    for number in words:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _stop)


def work_is_done() -> None:
    """From now on, ignore `ANSWERS`: only the interpreter is still to be shut down."""
    for number in _words():
        signal.signal(number, signal.SIG_IGN)


def leave_to_parent() -> None:
    """In a process of a pool, ignore Ctrl-C, which the process that started it answers."""
    signal.set_wakeup_fd(-1)
    for number in _words():
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def end_after(wait: Callable[[], None]) -> None:
    """End this process, whatever it does, when a function returns; a thread calls the function."""

    def end() -> None:
        wait()
        os._exit(1)

    threading.Thread(target=end, daemon=True).start()


def at_end(clean_up: Callable[[], None]) -> None:
    """Have a function called before the process is ended; it runs in another thread.

    Args:
        clean_up: takes less than 0.3 s and needs no lock.

    """
    _STATE.clean_ups.append(clean_up)


@contextmanager
def whole() -> Iterator[None]:
    """Let a short section end before a signal is answered, but not longer than `PATIENCE`."""
    main = threading.current_thread() is threading.main_thread()
    if main:
        _STATE.inside += 1
    try:
        # never released to others once the process is being ended
        with _STATE.section:
            yield
    finally:
        if main:
            _STATE.inside -= 1
            if _STATE.pending and not _STATE.inside:
                _sleep()


def check() -> None:
    """Leave a `whole` section that may be long, by an exception, if a signal waits for its end.

    Raises:
        KeyboardInterrupt: a signal waits.

    """
    if _STATE.pending:
        raise KeyboardInterrupt


def _words() -> dict[int, str]:
    """Return the signals of this system that are answered, by number, and what is said."""
    return {getattr(signal, name): word for name, word in ANSWERS.items() if hasattr(signal, name)}


def _stop(number: int, frame: FrameType | None) -> None:
    """Stop the main thread, in which Python calls this; the other thread ends the process."""
    signal.signal(number, signal.SIG_IGN)
    _STATE.pending = True
    if not _STATE.inside:
        _sleep()


def _sleep() -> None:
    while True:
        time.sleep(60)


def _watch(reader: socket.socket, writer: socket.socket, words: dict[int, str]) -> None:
    """Wait for a signal, whose number Python writes to a socket at once, and end the process."""
    number = 0
    while number not in words:
        number = reader.recv(1)[0]
    try:
        _STATE.pending = True
        _STATE.section.acquire(timeout=PATIENCE)
        for clean_up in _STATE.clean_ups:
            clean_up()
        with suppress(OSError):
            os.write(_ERRORS, f"rot180: {words[number]}\n".encode())
    finally:
        os._exit(128 + number)
