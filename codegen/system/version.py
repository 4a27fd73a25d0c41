"""The version of the product."""

from __future__ import annotations

from importlib import metadata


def version() -> str:
    """Return the version of the installed distribution, or a word where there is none."""
    try:
        return metadata.version("rot180")
    except metadata.PackageNotFoundError:
        return "(not installed)"
