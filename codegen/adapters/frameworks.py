"""Imports a framework, or says how it is installed."""

from __future__ import annotations

import importlib
from typing import Any


class MissingFrameworkError(ImportError):
    """A framework is not installed; the message names the extra that installs it."""


def framework(name: str) -> Any:
    """Return the module of a framework.

    Args:
        name: its name, which is that of the extra, too.

    Raises:
        MissingFrameworkError: it is not installed.

    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise MissingFrameworkError(
            f"as_{name}: {name} is not installed; pip install 'rot180[{name}]'", name=name
        ) from error
