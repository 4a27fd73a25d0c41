"""Options of the test suite."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let golden files be rewritten: read the difference before committing it."""
    parser.addoption("--update-golden", action="store_true", help="rewrite tests/golden")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many certificates, layers and sums were tried, and with what results."""
    _say_forgeries(terminalreporter)
    _say_layers(terminalreporter)
    _say_names(terminalreporter)
    _, count = _counted(terminalreporter, "contract", "part")
    if count:
        terminalreporter.write_line(f"the contraction's contract: {count.total():,} cases")
    faults = _recorded(terminalreporter, "seeded")
    if faults:
        runs = ", ".join(f"{one['fault']} {one['runs']}" for one in faults)
        terminalreporter.write_line(f"a product 1e-5 too large is found after drawn sums: {runs}")
    delays = _recorded(terminalreporter, "interrupt")
    if delays:
        terminalreporter.write_line(
            f"Ctrl-C (seed {', '.join(sorted({one['seed'] for one in delays}))}): "
            f"{len(delays)} moments, the slowest end after "
            f"{max(one['seconds'] for one in delays):.2f} s, on a machine that also runs the tests"
        )


def _recorded(terminalreporter: pytest.TerminalReporter, name: str) -> list[dict[str, Any]]:
    """Return the data that tests recorded under a name."""
    return [
        json.loads(value)
        for reports in terminalreporter.stats.values()
        for one in reports
        for key, value in getattr(one, "user_properties", ())
        if key == name and getattr(one, "when", "") == "call"
    ]


def _counted(
    terminalreporter: pytest.TerminalReporter, name: str, seed: str
) -> tuple[set[str], Counter[str]]:
    """Return the seeds and the sums of the counts that tests recorded under a name."""
    seeds: set[str] = set()
    count: Counter[str] = Counter()
    for data in _recorded(terminalreporter, name):
        seeds.add(data.pop(seed))
        count.update(data)
    return seeds, count


def _say_layers(terminalreporter: pytest.TerminalReporter) -> None:
    seeds, count = _counted(terminalreporter, "layers", "seeds")
    if count:
        terminalreporter.write_line(
            f"random layers (seeds {', '.join(sorted(seeds))}): {count.total()} drawn, "
            f"{count['derived']} derived and exact, {count['refused']} refused with a cure, "
            f"{count['faulty']} faulty"
        )


def _say_names(terminalreporter: pytest.TerminalReporter) -> None:
    _, count = _counted(terminalreporter, "names", "part")
    if count:
        terminalreporter.write_line(
            f"reserved names, each in a role: {count.total():,} tried, {count['right']:,} right in "
            f"NumPy and in plain loops, {count['compiled']:,} right when compiled, "
            f"{count['refused']:,} refused with a cure, {count['wrong']} wrong"
        )


def _say_forgeries(terminalreporter: pytest.TerminalReporter) -> None:
    seeds, count = _counted(terminalreporter, "forgeries", "seed")
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
