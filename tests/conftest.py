"""Options of the test suite."""

from __future__ import annotations

import json
from collections import Counter

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let golden files be rewritten: read the difference before committing it."""
    parser.addoption("--update-golden", action="store_true", help="rewrite tests/golden")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many forged certificates were tried, and with what results."""
    seeds: set[str] = set()
    count: Counter[str] = Counter()
    for reports in terminalreporter.stats.values():
        for one in reports:
            for key, value in getattr(one, "user_properties", ()):
                if key == "forgeries" and getattr(one, "when", "") == "call":
                    data = json.loads(value)
                    seeds.add(data.pop("seed"))
                    count.update(data)
    if count:
        known = ("refused", "refused, one for its form", "true", "no model", "no value")
        refused, form, true, vacuous, none = (count[k] for k in known)
        terminalreporter.write_line(
            f"forgeries (seed {', '.join(sorted(seeds))}): {count.total()} tried, "
            f"{refused + form} refused by both ({form} by one of them for their form), "
            f"{true} accepted by both and true at 60 models, {vacuous} accepted that have no small "
            f"model, {none} that have no value, disagreements {count['disagreed']}, "
            f"crashes {count['crashed']}, accepted and false {count['false']}"
        )
