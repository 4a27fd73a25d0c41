"""The files of the npm package pyodide, which the tests of the playground serve."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

VARIABLE = "ROT180_PYODIDE"
"""Names the folder: `npm pack pyodide`, unpacked."""


def pyodide_folder() -> Path:
    """Return the folder; the test is skipped if there is none."""
    given = os.environ.get(VARIABLE)
    if not given:
        pytest.skip(f"no Pyodide: {VARIABLE} is not set to a folder of the npm package pyodide")
    return Path(given)
