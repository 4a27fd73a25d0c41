"""Kills a run at every point where it changes the disk, and looks at what the next run finds.

    python tests/support/kill_points.py derive book reports folders generate
    python tests/support/kill_points.py --every 4 generate

A point is a call that changes the disk: a folder or file is made, half of a file is written, it is
synced, linked, moved or removed. For each number k, a child process is killed at its k-th point; or
its k-th point is an error; or each point that needs space is one, from the k-th on. With --every 4,
k is 1, 5, 9 and so on. Then the folder
must have all old files or all new ones, and after the next run no others.
"""

from __future__ import annotations

import argparse
import errno
import io
import os
import shutil
import signal
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from unittest import mock

from rot180.codegen.system import files
from rot180.codegen.system.journal import JOURNAL

Texts = Mapping[str, bytes]

CHANGES = ("mkdir", "link", "replace", "rename", "unlink", "remove", "rmdir", "fsync")
"""Functions of `os` whose calls are points."""

SPACE = ("mkdir", "link", "fsync", "open", "write")
"""Points that fail on a full disk."""

KINDS = ("killed", "error", "disk full")

LAYER = "y[p] = sum[k] x[p+k] * w[k]"


class Fault:
    """What happens at a point: called at each, it counts them."""

    def __init__(self, kind: str, number: int) -> None:
        self.kind, self.number, self.seen, self.happened = kind, number, 0, False

    def __call__(self, point: str) -> None:
        self.seen += 1
        lasts = self.kind == "disk full" and self.seen > self.number and point in SPACE
        if self.seen != self.number and not lasts:
            return
        self.happened = True
        if self.kind == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.kind == "error" or point in SPACE:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class HalfWritten:
    """A file with a point in the middle of each write."""

    def __init__(self, file: Any, fault: Fault) -> None:
        self.file, self.fault = file, fault

    def write(self, data: bytes) -> None:
        self.file.write(data[: len(data) // 2])
        self.file.flush()
        self.fault("write")
        self.file.write(data[len(data) // 2 :])

    def __enter__(self) -> HalfWritten:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)


def call_at_points(fault: Fault) -> None:
    """Have this process call a fault at each point, from now on."""

    def before(point: str, change: Callable[..., Any]) -> Callable[..., Any]:
        def changed(*given: Any, **named: Any) -> Any:
            fault(point)
            return change(*given, **named)

        return changed

    opened = io.open

    def open_(path: Any, mode: str = "r", *given: Any, **named: Any) -> Any:
        if not set(mode) & set("wxa"):
            return opened(path, mode, *given, **named)
        fault("open")
        return HalfWritten(opened(path, mode, *given, **named), fault)

    for name in CHANGES:
        setattr(os, name, before(name, getattr(os, name)))
    setattr(io, "open", open_)  # noqa: B010 - mypy refuses the assignment


def ended(folder: Path, texts: Texts, fault: Fault) -> str:
    """Write files in a child process with a fault, and say how it ended.

    Returns:
        "killed", "refused", "done"; "without" if it ended before the fault could happen.

    """
    pid = os.fork()
    if pid == 0:
        code = 3
        try:
            call_at_points(fault)
            files.write(folder, texts)
            code = 1 if fault.happened else 2
        except files.WriteError:
            code = 0
        finally:
            os._exit(code)
    status = os.waitpid(pid, 0)[1]
    if os.WIFSIGNALED(status):
        return "killed"
    return ("refused", "done", "without")[os.WEXITSTATUS(status)]


def found(folder: Path) -> Texts:
    """Return the files of a folder, hidden ones and empty folders too."""
    everything: dict[str, bytes] = {}
    for path in folder.rglob("*"):
        if not path.is_dir():
            everything[path.relative_to(folder).as_posix()] = path.read_bytes()
        elif not any(path.iterdir()):
            everything[path.relative_to(folder).as_posix()] = b"a folder"
    return everything


def visible(folder: Path) -> Texts:
    """Return the files of a folder, without what a run that ended left in its journal."""
    return {n: data for n, data in found(folder).items() if not n.startswith(JOURNAL)}


def set_up(folder: Path, texts: Texts) -> None:
    """Make a folder with these files and no others; no folder if there are no files."""
    shutil.rmtree(folder, ignore_errors=True)
    for name, data in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def tried(folder: Path, old: Texts, new: Texts, kind: str, step: int) -> Counter[str]:
    """Try a fault at the points of a run that replaces old files by new ones.

    Args:
        folder: where.
        old: the files before.
        new: the files that the run writes.
        kind: the kind of fault.
        step: from one point to the next that is tried.

    """
    count: Counter[str] = Counter()
    set_up(folder, old)
    while True:
        after = {**old, **new}
        how = ended(folder, new, Fault(kind, step * count["points"] + 1))
        if how == "without":
            return count
        count["points"] += 1
        if how != "killed":  # an error is undone at once
            count["torn"] += visible(folder) != (old if how == "refused" else after)
        compare(folder, old, after, count)
        files.write(folder, new)
        now = found(folder)
        count["torn"] += any(now.get(name) != after[name] for name in after)
        count["left"] += len(now) != len(after)
        if old.keys() == new.keys():  # there and back is faster than to set up again
            old, new = new, old
        else:
            set_up(folder, old)


def tried_twice(folder: Path, old: Texts, new: Texts) -> Counter[str]:
    """Kill a run at every point, and the next one at every point of what it undoes."""
    count: Counter[str] = Counter()
    after, first = {**old, **new}, 0
    while True:
        first, second, how = first + 1, 0, ""
        while how != "without":
            second += 1
            set_up(folder, old)
            if ended(folder, new, Fault("killed", first)) == "without":
                return count
            how = ended(folder, {}, Fault("killed", second))
            count["points"] += how != "without"
            compare(folder, old, after, count)


def compare(folder: Path, old: Texts, after: Texts, count: Counter[str]) -> None:
    """Let a run without files undo what another left, and count what is neither old nor new."""
    if folder.exists():
        files.write(folder, {})
    known = visible(folder)
    count["torn"] += known not in (old, after)
    count["left"] += len(known) != len(found(folder))


def written(*command: str) -> list[Texts]:
    """Run a command and return the files of each time that it writes some."""
    from rot180.codegen.cli import main as cli

    sets: list[Texts] = []
    with (
        mock.patch.object(files, "replace_files", lambda _, data: sets.append(data)),
        mock.patch("sys.stdout", io.StringIO()),
        tempfile.TemporaryDirectory() as folder,
    ):
        assert cli.main([one.replace("OUT", folder) for one in command]) == 0
    return sets


def sets_of(command: str) -> list[Texts]:
    """Return the sets of files that a command writes, one after the other."""
    generated = files.generated_folder()
    if command == "derive":
        return written("derive", LAYER, "-o", "OUT", "--format", "tex,html")
    if command == "reports":
        certificate = str(generated / files.CERTIFICATES / "dense_input.json")
        return written("verify", certificate, "--junit", "OUT/a.xml", "--json", "OUT/a.json")
    if command == "book":  # the names of its files, with as much in them
        return [{f"book.{ending}": b"a theorem\n" * 300_000 for ending in ("tex", "html", "pdf")}]
    if command == "generate":
        kinds = ("*.py", "*.py[xi]", "*.h", "*.json", "py.typed", "*/*.json", "*/*.v")
        paths = [path for kind in kinds for path in generated.glob(kind)]
        return [{p.relative_to(generated).as_posix(): p.read_bytes() for p in paths}]
    if command == "folders":
        return [{"a": b"new", "one/b": b"new", "one/two/c": b"new"}]
    raise SystemExit(f"found {command!r}, expected derive, book, reports, folders or generate")


def rows(folder: Path, command: str, step: int) -> Iterator[tuple[str, Counter[str]]]:
    """Try the points of a command; yield what was there before, the fault, and the counts."""
    # another process imports all of rot180, because a small one forks faster
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        sets = pool.submit(sets_of, command).result()
    for new in sets:
        old = {name: b"old " + data[:100] for name, data in new.items()}
        some = {name: old[name] for name in list(old)[::2]} | {"mine": b"mine"}
        for before, texts in {"old files": old, "some files": some, "nothing": {}}.items():
            if before == "old files" or command in ("derive", "folders"):
                for kind in ("killed",) if command == "generate" else KINDS:
                    title = f"{command:9}{len(new):4} files, before: {before:11}{kind}"
                    yield title, tried(folder, texts, new, kind, step)
        if command in ("derive", "folders"):
            title = f"{command:9}{len(new):4} files, before: {'some files':11}killed twice"
            yield title, tried_twice(folder, some, new)


def main(words: list[str]) -> int:
    """Try points of some commands and print a table; the exit code is 1 if one is torn."""
    parser = argparse.ArgumentParser(prog="kill_points.py")
    parser.add_argument("commands", nargs="+", metavar="COMMAND")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="every N-th point")
    options = parser.parse_args(words)
    total: Counter[str] = Counter()
    fast = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=fast if fast.is_dir() else None) as name:
        for command in options.commands:
            for title, count in rows(Path(name) / "out", command, options.every):
                total.update(count)
                numbers = f"{count['points']:6} points{count['torn']:4} torn{count['left']:4} left"
                print(f"{title:55}{numbers}", flush=True)
    print(f"{total['points']} points tried, {total['torn']} torn, {total['left']} left")
    return 1 if total["torn"] or total["left"] else 0


if __name__ == "__main__":
    # NumPy has threads of its own, which a child does without
    warnings.filterwarnings("ignore", message=".*multi-threaded.*fork")
    raise SystemExit(main(sys.argv[1:]))
