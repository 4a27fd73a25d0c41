"""Commands in processes of their own: started, sent signals, and searched for what they leave."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

MARK = "ROT180_TEST_MARK"
"""The variable by which the processes that a command started are found."""

ROT180 = (sys.executable, "-m", "rot180.codegen.cli")
PROC = Path("/proc")
WAIT = 60.0
"""Seconds after which a test gives up waiting; it has failed long before."""


@dataclass(frozen=True)
class Ended:
    """How a command ended after a signal.

    Attributes:
        code: its exit code.
        delay: seconds from the signal to the end.
        output: what it wrote to the standard output.
        errors: the lines that it wrote to the standard error.
        left: the processes it left, and the files in its temporary folder.

    """

    code: int
    delay: float
    output: str
    errors: list[str]
    left: list[str]


class Command:
    """A command that runs, in a session and with a temporary folder of its own."""

    def __init__(self, words: Sequence[str], folder: Path, **environment: str) -> None:
        self.mark, self.temporary = uuid4().hex, folder / "temporary"
        self.temporary.mkdir(exist_ok=True)
        self.output, self.errors = folder / "output.txt", folder / "errors.txt"
        own = {MARK: self.mark, "TMPDIR": str(self.temporary)}
        before = [
            (signal.SIGINT, signal.signal(signal.SIGINT, signal.default_int_handler)),
            (signal.SIGHUP, signal.signal(signal.SIGHUP, signal.SIG_DFL)),
        ]
        try:
            # a shell may have started the tests with these ignored, which would be inherited
            with self.output.open("w") as output, self.errors.open("w") as errors:
                self.process = subprocess.Popen(
                    words,
                    cwd=folder,
                    env=os.environ | own | environment,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=errors,
                    start_new_session=True,
                )
        finally:
            for number, handler in before:
                signal.signal(number, handler)

    def wait_until_it_answers(self) -> None:
        """Wait until SIGTERM, the last of the signals, is caught; Python itself does not."""
        status, bit = PROC / str(self.process.pid) / "status", 1 << (signal.SIGTERM - 1)
        self.wait_for(
            lambda: bool(int(status.read_text().split("SigCgt:")[1].split()[0], 16) & bit)
        )

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition holds."""
        last = time.monotonic() + WAIT
        while not condition():
            if self.process.poll() is not None or time.monotonic() > last:
                self.process.kill()
                self.process.wait()
                raise AssertionError(f"the condition did not come true: {self.errors.read_text()}")
            time.sleep(0.01)

    def runs_for(self, seconds: float) -> bool:
        """Wait, and say whether the command still runs."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return True
        return False

    def ended_by(self, *signals: signal.Signals) -> Ended:
        """Send signals one after another and wait until the command has ended."""
        begin = time.monotonic()
        for number in signals:
            self.process.send_signal(number)
        code = self.process.wait(WAIT)
        delay = time.monotonic() - begin
        left = self.processes() + [str(path) for path in self.temporary.rglob("*")]
        return Ended(
            code, delay, self.output.read_text(), self.errors.read_text().splitlines(), left
        )

    def nothing_is_left(self) -> bool:
        """Say whether the processes that it started end soon after it."""
        last = time.monotonic() + WAIT
        while self.processes() and time.monotonic() < last:
            time.sleep(0.01)
        return not self.processes()

    def processes(self) -> list[str]:
        """Return the command lines of the processes that carry the mark."""
        found = []
        for folder in PROC.glob("[0-9]*"):
            try:
                if f"{MARK}={self.mark}".encode() in (folder / "environ").read_bytes():
                    found.append((folder / "cmdline").read_text().replace("\0", " "))
            except OSError:
                continue  # it has ended, or belongs to another user
        return found
