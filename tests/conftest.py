"""Options of the test suite."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let golden files be rewritten: read the difference before committing it."""
    parser.addoption("--update-golden", action="store_true", help="rewrite tests/golden")
