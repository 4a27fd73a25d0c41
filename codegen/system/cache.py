"""What is kept from run to run: texts and binaries, in a folder that only their owner can write to.

An entry is a JSON file with texts, and perhaps a binary file whose name is its digest. Each file is
replaced as a whole, and the JSON file, which names both digests, comes last: a run that is killed
at any time leaves the old entry or the new one, and a file that was damaged is no entry.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from rot180.codegen.system import files
from rot180.codegen.system.journal import held

VARIABLE = "ROT180_CACHE"
"""The environment variable that names the folder."""

PATIENCE = 600
"""Seconds to wait for another process that makes the same entry."""


@dataclass(frozen=True)
class CacheEntry:
    """What is kept under a key.

    Attributes:
        texts: name to text.
        binary: the path of the binary, or None if there is none.

    """

    texts: Mapping[str, str]
    binary: Path | None


def folder() -> Path:
    """Return the folder of the cache, which need not exist.

    It is ``ROT180_CACHE`` in the environment, or else the platform's folder for caches.

    Raises:
        OSError: nothing names a folder.

    """
    if named := os.environ.get(VARIABLE):
        return Path(named).expanduser().absolute()
    try:
        home = Path.home()
    except RuntimeError as error:
        raise OSError(f"found no home folder, expected a folder in {VARIABLE}") from error
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
        return base / "rot180" / "cache"
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "rot180"
    named = os.environ.get("XDG_CACHE_HOME", "")
    # a path that is not absolute is ignored, as the specification of these folders says
    return (Path(named) if named.startswith("/") else home / ".cache") / "rot180"


def key_of(*parts: str) -> str:
    """Return the key of an entry that depends on some texts."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:40]


def load(key: str) -> CacheEntry | None:
    """Return the entry of a key; None if there is none, or if it was damaged.

    Raises:
        OSError: the folder is not one that only this user can write to.

    """
    place = folder()
    if not place.exists():
        return None
    files.expect_own(place)
    try:
        record = json.loads(files.own_contents(place / f"{key}.json"))
        digest, texts, binary = record["digest"], record["texts"], record["binary"]
        if digest != _digest(texts, binary):
            return None
        if binary is None:
            return CacheEntry(texts, None)
        name, wanted = binary
        found = hashlib.sha256(files.own_contents(place / name)).hexdigest()
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return CacheEntry(texts, place / name) if found == wanted else None


def save(
    key: str, texts: Mapping[str, str], binary: bytes | None = None, ending: str = ""
) -> CacheEntry:
    """Keep an entry, in the place of an older one, and return it.

    Args:
        key: its key.
        texts: name to text.
        binary: the contents of its binary.
        ending: the ending of the binary's name.

    Raises:
        OSError: the folder cannot be written, or another user can write to it.

    """
    return save_in(_made(), key, texts, binary, ending)


def save_in(
    place: Path, key: str, texts: Mapping[str, str], binary: bytes | None, ending: str
) -> CacheEntry:
    """Keep an entry in a folder of one's own.

    Raises:
        OSError: the folder cannot be written.

    """
    named, path = None, None
    if binary is not None:
        wanted = hashlib.sha256(binary).hexdigest()
        named, path = [f"{wanted[:40]}{ending}", wanted], place / f"{wanted[:40]}{ending}"
        files.publish(path, binary)
    record = {"texts": {**texts}, "binary": named, "digest": _digest({**texts}, named)}
    files.publish(place / f"{key}.json", json.dumps(record).encode())
    return CacheEntry({**texts}, path)


@contextmanager
def making(key: str) -> Iterator[None]:
    """Make an entry while no other process does; where the folder cannot be written, do so anyway.

    Args:
        key: the entry's key; look for it again inside.

    """
    with ExitStack() as stack:
        with suppress(OSError):
            stack.enter_context(held(_made() / f"{key}.lock", PATIENCE))
        yield


def _made() -> Path:
    """Return the folder, made if it is missing."""
    place = folder()
    files.make_own(place)
    return place


def _digest(texts: object, binary: object) -> str:
    return hashlib.sha256(json.dumps([texts, binary], sort_keys=True).encode()).hexdigest()
