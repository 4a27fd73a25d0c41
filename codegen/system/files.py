"""Reads files, writes all files or none, and compares them by diffs.

With `journal`, on which it is built, and `streams` the only module that opens files.
"""

from __future__ import annotations

import difflib
import hashlib
import os
import secrets
import stat
import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

from rot180.codegen.system import interrupts
from rot180.codegen.system.journal import missing, remove_empty, replace_files, unfinished

CERTIFICATES, SCRIPTS = "certificates", "rocq"
"""Folders in ``rot180.generated``: each theorem's proof as a certificate, and as a Rocq script."""


STALE = 3600
"""Seconds after which a draft is one that a killed run left."""


class WriteError(OSError):
    """The files could not be written; none was changed."""


def read(path: Path) -> str:
    """Return the text of a file.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is not UTF-8.

    """
    try:
        return contents(path).decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path}: found byte {error.start} not to be UTF-8, expected text; save it as UTF-8"
        ) from error


def resource(package: str, name: str) -> str:
    """Return the text of a file that a package of `rot180.codegen` ships.

    Args:
        package: the package: "kernels".
        name: the file below the package's folder: "runtime/c/contraction.h".

    Raises:
        OSError: there is no such file.

    """
    return files(f"rot180.codegen.{package}").joinpath(name).read_text("utf-8")


def contents(path: Path) -> bytes:
    """Return the bytes of a file.

    Raises:
        OSError: the file cannot be read.

    """
    return path.read_bytes()


def expect_folder(option: str, folder: Path, names: Iterable[str] = ()) -> None:
    """Refuse a folder, which need not exist yet, if files could not be written into it.

    Args:
        option: the option that named it: "-o".
        folder: the folder.
        names: files that are to be written there, as far as they are known.

    Raises:
        WriteError: there is a file in its place, a folder in that of a file, no permission to
            write, or no folder can have that name.

    """
    there = _nearest(option, folder)
    if not there.exists():
        raise WriteError(f"{option}: found {there}, a link to nothing; expected a folder")
    if not there.is_dir():
        raise WriteError(f"{option}: found {there}, a file; expected a folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise WriteError(
            f"{option}: found {there}, without permission to write; expected a writable folder"
        )
    for name in names:
        if (folder / name).is_dir():
            raise WriteError(
                f"{option}: found {folder / name}, a folder; expected a file, or nothing there"
            )


def expect_file(option: str, path: Path) -> None:
    """Refuse the name of a file, which need not exist yet, if nothing could be written there.

    Args:
        option: the option that named it: "--junit".
        path: the file, or a pipe or device.

    Raises:
        WriteError: there is a folder in its place, or no permission to write.

    """
    _nearest(option, path)
    if path.is_dir():
        raise WriteError(f"{option}: found {path}, a folder; expected a file")
    if not _is_stream(path):
        expect_folder(option, path.parent)


@interrupts.whole()
def write(folder: Path, texts: Mapping[str, str | bytes]) -> list[Path]:
    """Write files into a folder, created if it is missing, and return their paths.

    Either all files are replaced or none. What an error interrupts is undone at once; what a
    killed run left is undone by the next call for this folder, even if that has no texts. Files
    that have the contents already stay. Pipes and devices are written to, not replaced.

    Args:
        folder: where to write.
        texts: file name, relative to the folder, to contents.

    Raises:
        WriteError: the folder or a file cannot be written.

    """
    data = {n: t.encode("utf-8") if isinstance(t, str) else t for n, t in texts.items()}
    made: list[Path] = []
    try:
        streams = [name for name in data if _is_stream(folder / name)]
        if not streams or len(streams) < len(data):
            made = missing(folder)
            folder.mkdir(parents=True, exist_ok=True)
            replace_files(folder, {n: d for n, d in data.items() if n not in streams})
        for name in streams:
            with (folder / name).open("wb") as stream:
                stream.write(data[name])
    except BaseException as error:
        remove_empty(made)
        if isinstance(error, OSError):
            raise WriteError(f"cannot write to {folder}: {error}{_left(folder)}") from error
        raise
    return [folder / name for name in data]


def drift(folder: Path, texts: Mapping[str, str], generated: tuple[str, ...] = ()) -> list[str]:
    """Return the differences between a folder and the texts that it should contain, as diffs.

    Args:
        folder: the folder.
        texts: file name to text.
        generated: patterns of files that must not exist unless they are in `texts`.

    """
    found = []
    if stale := unfinished(folder):
        found.append(f"{', '.join(stale)}: a run replaces them, or was killed when it did\n")
    for name, text in texts.items():
        path = folder / name
        old = read(path) if path.is_file() else ""
        if old != text or not path.is_file():
            diff = difflib.unified_diff(
                old.splitlines(keepends=True),
                text.splitlines(keepends=True),
                fromfile=f"{name} (on disk)",
                tofile=f"{name} (generated)",
            )
            found.append("".join(_ended(line) for line in diff))
    for pattern in generated:
        for path in sorted(folder.glob(pattern)):
            name = path.relative_to(folder).as_posix()
            if name not in texts:
                found.append(f"{name}: on disk, but no longer generated\n")
    return found


def publish(path: Path, data: bytes) -> None:
    """Write a file so that others see the old contents or the new ones, and nothing else.

    Args:
        path: the file, in an existing folder.
        data: its contents.

    Raises:
        OSError: it cannot be written.

    """
    for draft in path.parent.glob(f"{_DRAFT}*"):
        with suppress(OSError):
            if time.time() - draft.stat().st_mtime > STALE:
                draft.unlink()
    draft = path.with_name(f"{_DRAFT}{os.getpid()}-{secrets.token_hex(8)}")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def make_own(folder: Path) -> None:
    """Make a folder that only its owner may enter, if it is missing.

    Raises:
        OSError: it cannot be made, or another user owns it or can write to it.

    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    expect_own(folder)


def expect_own(path: Path) -> None:
    """Refuse a file or folder that another user owns or can write to.

    Raises:
        OSError: it is such a file or folder, or there is none.

    """
    found = path.stat()
    if sys.platform == "win32":  # where a folder of a user is that user's by default
        return
    if found.st_uid != os.geteuid():
        raise OSError(f"found {path}, which another user owns; expected one of your own")
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise OSError(
            f"found {path}, which other users can write to; expected one that only you can write "
            f"to: chmod go-w {path}"
        )


def own_contents(path: Path) -> bytes:
    """Return the bytes of a file that no other user can have written.

    Raises:
        OSError: the file cannot be read, is a link, or another user owns it or can write to it.

    """
    if path.is_symlink():
        raise OSError(f"found {path}, a link; expected a file")
    expect_own(path)
    return contents(path)


def sources_digest(*folders: str) -> str:
    """Return a hash of the files of rot180 in some folders, which changes when one of them does.

    Args:
        folders: folders of the package: "derive", "codegen/plans".

    """
    found = hashlib.sha256()
    for name in folders:
        room = Path(__file__).parents[2] / name
        for path in sorted(p for p in room.rglob("*") if p.suffix in _SOURCES):
            data = contents(path)
            found.update(f"{path.relative_to(room).as_posix()} {len(data)}\n".encode() + data)
    return found.hexdigest()


def generated_folder() -> Path:
    """Return the folder of `rot180.generated` without importing it.

    Raises:
        FileNotFoundError: rot180 is not installed.

    """
    spec = find_spec("rot180.generated")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("rot180.generated is not installed; pip install rot180")
    return Path(spec.origin).parent


_DRAFT = "draft-"
"""What the names of drafts begin with."""

_SOURCES = frozenset((".py", ".h", ".c", ".jinja"))
"""The endings of files that code is generated from."""


def _nearest(option: str, path: Path) -> Path:
    """Return a path, or the nearest folder above it that exists; a link to nothing exists."""
    whole = path.absolute()
    for there in (whole, *whole.parents):
        try:
            with suppress(FileNotFoundError, NotADirectoryError):
                there.lstat()
                return there
        except OSError as error:
            raise WriteError(
                f"{option}: found {path}, expected a path that can be written ({error.strerror})"
            ) from error
    return whole


def _is_stream(path: Path) -> bool:
    """Say whether a path, or what it links to, is a pipe or a device."""
    return path.exists() and not path.is_file() and not path.is_dir()


def _left(folder: Path) -> str:
    """Name the files that could not be brought back."""
    try:
        stale = unfinished(folder)
    except OSError as error:
        return f"; {error}"
    return f"; the next run brings back {', '.join(stale)}" if stale else ""


def _ended(line: str) -> str:
    return line if line.endswith("\n") else line + "\n\\ No newline at end of file\n"
