"""Replaces files of a folder, all or none, even if the run is killed; one run at a time."""

from __future__ import annotations

import errno
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from rot180.codegen.system import interrupts

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

JOURNAL, RECORD, LOCK = ".rot180-journal", "record.json", "lock"
"""A hidden folder beside the files that are being replaced: drafts, old files, the record of what
undoes the replacement, and the lock of the run that writes."""

PATIENCE = 60
"""Seconds to wait for another run that writes into the same folder."""


def replace_files(folder: Path, data: Mapping[str, bytes]) -> None:
    """Replace the files of a folder that differ from their contents: all of them, or none.

    An error is undone at once. What a killed run left is undone first, even if there are no data.

    Args:
        folder: an existing folder.
        data: file name, relative to the folder, to contents.

    Raises:
        OSError: a file cannot be written, or another run writes for too long.

    """
    journal = folder / JOURNAL
    with held(journal):
        _undo(folder, journal)
        try:
            _replace(folder, journal, data)
        finally:
            _undo(folder, journal)


def unfinished(folder: Path) -> list[str]:
    """Return the files of a folder that a run is replacing, or was when it was killed.

    Args:
        folder: the folder; `replace_files` undoes what a killed run left there.

    Raises:
        OSError: the record of that run cannot be read.

    """
    record = folder / JOURNAL / RECORD
    return list(_recorded(record)[0]) if record.is_file() else []


def make_scratch() -> tuple[Path, BinaryIO]:
    """Make a temporary folder, and remove those of runs that were killed.

    Returns:
        the folder, and its lock, which is to be closed before the folder is removed

    Raises:
        OSError: the folder cannot be made.

    """
    # on Windows, each user has a folder for temporary files
    user = "" if sys.platform == "win32" else f"-{os.getuid()}"
    root = Path(tempfile.gettempdir()) / f"rot180{user}"
    with held(root):
        for left in root.iterdir():
            if left.is_dir() and _free(left):
                shutil.rmtree(left, ignore_errors=True)
        folder = Path(tempfile.mkdtemp(dir=root))
        lock = (folder / LOCK).open("ab")
        _locked(lock.fileno())
    (folder / "files").mkdir()
    return folder / "files", lock


def remove_scratch(folder: Path) -> None:
    """Remove a folder that `make_scratch` made, with all that is in it."""
    shutil.rmtree(folder.parent, ignore_errors=True)
    remove_empty([folder.parent.parent])


@contextmanager
def held(folder: Path, patience: float | None = None) -> Iterator[None]:
    """Make a folder that only its owner may enter and lock it; afterwards it goes, if it is empty.

    Args:
        folder: the folder; a lock ends with its process.
        patience: seconds to wait for another run that holds it; None for `PATIENCE`.

    Raises:
        OSError: the folder cannot be made, is of another user, or another run holds it too long.

    """
    lock = _lock(folder, PATIENCE if patience is None else patience)
    try:
        yield
    finally:
        if sys.platform == "win32":
            lock.close()  # there, an open file cannot be removed
        # another run that waits here, and has made the lock anew, removes both
        with suppress(OSError):
            (folder / LOCK).unlink()
            folder.rmdir()
        lock.close()


def missing(folder: Path) -> list[Path]:
    """Return the folders that writing to `folder` creates, innermost first."""
    return [p for p in (folder, *folder.parents) if not p.exists()]


def remove_empty(folders: Iterable[Path]) -> None:
    """Remove those folders that are empty, the innermost first."""
    for folder in sorted(folders, key=lambda p: -len(p.parts)):
        with suppress(OSError):
            folder.rmdir()


def _lock(folder: Path, patience: float) -> BinaryIO:
    """Return the open and locked file of a folder."""
    path, until = folder / LOCK, time.monotonic() + patience
    while True:
        interrupts.check()
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        # the run before removes the file and then the folder, perhaps just now
        with suppress(FileNotFoundError):
            _expect_own(folder)
            lock = path.open("ab")
            try:
                held_now = _locked(lock.fileno())
                if held_now and os.path.samestat(os.fstat(lock.fileno()), path.stat()):
                    return lock
            except BaseException:
                lock.close()
                raise
            lock.close()
        if time.monotonic() > until:
            waited = f"held by another run for {patience:g} s"
            raise OSError(f"found {path}, {waited}; expected it to end")
        time.sleep(0.01)


def _expect_own(folder: Path) -> None:
    """Refuse a folder through which another user could lead this run elsewhere."""
    if folder.is_symlink():
        raise OSError(f"found {folder}, a link; expected a folder: remove it")
    if sys.platform != "win32" and os.geteuid() not in (0, folder.stat().st_uid):
        raise OSError(f"found {folder}, a folder of another user; expected one of your own")


def _free(folder: Path) -> bool:
    """Say whether no process holds the lock in a folder."""
    try:
        with (folder / LOCK).open("ab") as lock:
            return _locked(lock.fileno())
    except OSError:
        return False


def _locked(handle: int) -> bool:
    """Lock an open file unless another run has; where there are no locks, go without."""
    try:
        if sys.platform == "win32":
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in (errno.EAGAIN, errno.EACCES, errno.EDEADLK)
    return True


def _replace(folder: Path, journal: Path, data: Mapping[str, bytes]) -> None:
    """Replace the files of a folder that differ from their contents.

    First all drafts are written, and the old files get second names. From the record on, until it
    is removed, `_undo` brings the old files back.
    """
    places = {name: _place(folder, name) for name in data}
    for path in places.values():
        _expect_file(path)
    changed = {n: p for n, p in places.items() if not p.exists() or p.read_bytes() != data[n]}
    if not changed:
        return
    existed = {name: path.exists() for name, path in changed.items()}
    for number, (name, path) in enumerate(changed.items()):
        interrupts.check()
        _draft(journal / f"new{number}", data[name])
        if existed[name]:
            _keep(path, journal / f"old{number}")
    made = list(dict.fromkeys(p for path in changed.values() for p in missing(path.parent)))
    folders = [path.relative_to(folder).as_posix() for path in made]
    _draft(journal / "draft", json.dumps({"files": existed, "folders": folders}).encode())
    (journal / "draft").replace(journal / RECORD)
    for path in changed.values():
        path.parent.mkdir(parents=True, exist_ok=True)
    for number, path in enumerate(changed.values()):
        (journal / f"new{number}").replace(path)
    for path in {path.parent for path in changed.values()}:
        _sync_folder(path)
    (journal / RECORD).unlink()


def _undo(folder: Path, journal: Path) -> None:
    """Bring back the files that a journal records, if it does, and empty it; twice does no harm."""
    record = journal / RECORD
    if record.exists():
        existed, made = _recorded(record)
        for number, name in enumerate(existed):
            path, old = _place(folder, name), journal / f"old{number}"
            if old.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                old.replace(path)
            elif not existed[name] and path.is_file():
                path.unlink()
        remove_empty(_place(folder, name) for name in made)
        record.unlink()
    for path in journal.iterdir():
        if path.name != LOCK:
            with suppress(OSError):  # the next run removes it
                path.unlink()


def _recorded(record: Path) -> tuple[dict[str, bool], list[str]]:
    """Read a record: the files, each with whether it existed, and the folders that were made."""
    try:
        data = json.loads(record.read_text("utf-8"))
        return {str(n): bool(e) for n, e in data["files"].items()}, [*map(str, data["folders"])]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        cure = f"remove {record.parent}"
        raise OSError(f"found {record}, which no run of rot180 wrote; {cure}") from error


def _place(folder: Path, name: str) -> Path:
    """Return the path of a file in a folder; no link leads out of it."""
    parts = Path(name).parts
    if not parts or ".." in parts or Path(name).is_absolute():
        raise OSError(f"found the name {name!r}, expected one of a file in {folder}")
    for number in range(1, len(parts)):
        parent = folder.joinpath(*parts[:number])
        if parent.is_symlink() or (parent.exists() and not parent.is_dir()):
            raise OSError(f"found {parent}, a link or a file; expected a folder")
    return folder.joinpath(*parts)


def _expect_file(path: Path) -> None:
    """Refuse to replace what is no file, or may not be written."""
    if path.is_symlink():
        raise OSError(f"found {path}, a link to {path.readlink()}; expected a file: remove it")
    if path.is_dir():
        raise OSError(f"found {path}, a folder; expected a file")
    if path.exists() and not os.access(path, os.W_OK):
        raise OSError(f"found {path}, without permission to write; expected a writable file")


def _draft(path: Path, data: bytes) -> None:
    """Write a new file, and wait until it is on the disk."""
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        _sync(file.fileno())


def _keep(path: Path, old: Path) -> None:
    """Give a file a second name; a copy where the file system has no second names."""
    try:
        old.hardlink_to(path)
    except OSError:
        shutil.copy2(path, old)


def _sync(handle: int) -> None:
    """Wait until a file or folder is on the disk, where the file system can tell."""
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS):
            raise


def _sync_folder(folder: Path) -> None:
    if sys.platform != "win32":  # where a folder cannot be opened
        handle = os.open(folder, os.O_RDONLY)
        try:
            _sync(handle)
        finally:
            os.close(handle)
