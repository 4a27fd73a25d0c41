"""The only module that opens files: it writes all files or none, and compares them by diffs."""

from __future__ import annotations

import difflib
import os
import tempfile
from collections.abc import Mapping
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

from rot180.codegen.system import interrupts

CERTIFICATES, SCRIPTS = "certificates", "rocq"
"""Folders in ``rot180.generated``: each theorem's proof as a certificate, and as a Rocq script."""


class WriteError(OSError):
    """The files could not be written; none was changed."""


def read(path: Path) -> str:
    """Return the text of a file.

    Raises:
        OSError: the file cannot be read.

    """
    return contents(path).decode("utf-8")


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


def expect_folder(folder: Path) -> None:
    """Refuse a folder, which need not exist yet, if nothing could be written into it.

    Raises:
        WriteError: there is a file in its place, or no permission to write.

    """
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if not there.is_dir():
        raise WriteError(f"-o: found {there}, a file; expected a folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise WriteError(
            f"-o: found {there}, without permission to write; expected a writable folder"
        )


@interrupts.whole()
def write(folder: Path, texts: Mapping[str, str | bytes]) -> list[Path]:
    """Write files into a folder, created if it is missing, and return their paths.

    All files are first written under temporary names and then moved into place, so that an error
    leaves the old files as they were.

    Args:
        folder: where to write.
        texts: file name, relative to the folder, to contents.

    Raises:
        WriteError: the folder or a file cannot be written.

    """
    paths = {folder / name: text for name, text in texts.items()}
    made = [p for path in paths for p in _missing(path.parent)]
    temporary: dict[Path, Path] = {}
    try:
        for path, text in paths.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.is_dir():
                raise IsADirectoryError(f"{path} is a folder")
            handle, draft = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
            temporary[path] = Path(draft)
            with os.fdopen(handle, "wb") as file:
                file.write(text.encode("utf-8") if isinstance(text, str) else text)
            temporary[path].chmod(0o666 & ~_umask())
        for path, draft_path in temporary.items():
            draft_path.replace(path)
    except OSError as error:
        for draft_path in temporary.values():
            draft_path.unlink(missing_ok=True)
        for parent in sorted(set(made), key=lambda p: -len(p.parts)):
            if parent.is_dir() and not any(parent.iterdir()):
                parent.rmdir()
        raise WriteError(f"cannot write to {folder}: {error}") from error
    return list(temporary)


def drift(folder: Path, texts: Mapping[str, str], generated: tuple[str, ...] = ()) -> list[str]:
    """Return the differences between a folder and the texts that it should contain, as diffs.

    Args:
        folder: the folder.
        texts: file name to text.
        generated: patterns of files that must not exist unless they are in `texts`.

    """
    found = []
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


def generated_folder() -> Path:
    """Return the folder of `rot180.generated` without importing it.

    Raises:
        FileNotFoundError: rot180 is not installed.

    """
    spec = find_spec("rot180.generated")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("rot180.generated is not installed; pip install rot180")
    return Path(spec.origin).parent


def _ended(line: str) -> str:
    return line if line.endswith("\n") else line + "\n\\ No newline at end of file\n"


def _missing(folder: Path) -> list[Path]:
    """Return the folders that writing to `folder` creates, innermost first."""
    return [p for p in (folder, *folder.parents) if not p.exists()]


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
