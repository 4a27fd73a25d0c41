"""The version and the authors of the product, and the date of what it writes."""

from __future__ import annotations

import os
import tomllib
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from rot180.codegen.system import files

EPOCH = "SOURCE_DATE_EPOCH"
"""The variable with the date of a reproducible build, in seconds since 1970."""

_PROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"


def version() -> str:
    """Return the version: of the installed distribution, of this checkout, or a word."""
    try:
        return metadata.version("rot180")
    except metadata.PackageNotFoundError:
        found: str = _declared().get("version", "(not installed)")
        return found


def authors() -> str:
    """Return the authors: of the installed distribution, or of this checkout; "" for none."""
    try:
        return metadata.metadata("rot180")["Author"] or ""
    except metadata.PackageNotFoundError:
        return ", ".join(one["name"] for one in _declared().get("authors", ()))


def date() -> str:
    """Return the date that `EPOCH` names, as in "26 November 2026"; "" without it.

    A document never has the date of the day on which it was written: its bytes would differ.

    Raises:
        ValueError: the variable is no number of seconds.

    """
    given = os.environ.get(EPOCH, "")
    if not given:
        return ""
    try:
        day = datetime.fromtimestamp(int(given), UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise ValueError(
            f"{EPOCH}: found {given!r}, expected a number of seconds since 1970"
        ) from error
    return f"{day.day} {day:%B %Y}"


def _declared() -> dict[str, Any]:
    """Return what the project file of this checkout declares; nothing where there is none."""
    try:
        found: dict[str, Any] = tomllib.loads(files.read(_PROJECT))["project"]
    except OSError:
        return {}
    return found
