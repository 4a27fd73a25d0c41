"""The plugin of pytest: a marked test is an audit, with one test for each configuration.

    @pytest.mark.rot180(layer="conv2d", wrt="weight")
    def test_weight_gradient(audit):
        audit(my_weight_gradient)

SymPy is imported when a marked test is collected, not before.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from rot180.codegen.audit.layer_call import LayerCall

MARK = "rot180"
"""The marker, and the property of a report that it is of an audit."""

BUDGET = 40
"""How many configurations a marked test has by default."""

_CONFIGURATION = "_rot180_configuration"
_judged = pytest.StashKey[bool]()
_known = pytest.StashKey[dict[str, dict[str, str]]]()


@dataclass(frozen=True)
class Asked:
    """What a marker asks for.

    Attributes:
        layer: a shipped layer, a name of the catalogue, or a text.
        wrt: the operand whose gradient is judged; "" for the forward pass.
        dtypes: those of the arrays, and of sums if wider: "float16:float32".
        seed: draws other configurations and numbers.
        budget: how many configurations; None for that of the command line.
        supports: says of a configuration whether it is tried.

    """

    layer: str
    wrt: str = ""
    dtypes: Sequence[str] = ("float64", "float32")
    seed: int = 0
    budget: int | None = None
    supports: Callable[[LayerCall], bool] | None = None


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that says how many configurations each test has."""
    said = f"configurations of each test that is marked rot180 (default: {BUDGET})"
    group = parser.getgroup("rot180", "audits of layers")
    group.addoption("--rot180-budget", type=_positive, metavar="N", help=said)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"--rot180-budget: found {text!r}, expected an integer >= 1")
    return int(text)


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    said = 'rot180(layer, wrt="", dtypes=..., seed=0, budget=40, supports=None): judge a function'
    config.addinivalue_line("markers", said)
    config.stash[_known] = {}
    config.pluginmanager.register(AuditTally(), "rot180-tally")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make a test of each configuration."""
    marker = metafunc.definition.get_closest_marker(MARK)
    if marker is None:
        return
    from rot180.codegen.audit.runs import separating

    try:
        asked = Asked(*marker.args, **marker.kwargs)
        budget = metafunc.config.getoption("--rot180-budget") or asked.budget or BUDGET
        found = separating(asked.layer, asked.wrt, budget, asked.seed, asked.supports)
    except (TypeError, ValueError) as error:
        pytest.fail(f"@pytest.mark.rot180: {error}", pytrace=False)
    metafunc.fixturenames.append(_CONFIGURATION)
    metafunc.parametrize(_CONFIGURATION, found, ids=[one.label for one in found])


@pytest.fixture
def audit(request: pytest.FixtureRequest) -> Callable[[Callable[..., Any]], None]:
    """Return a function that judges a function at the configuration of a marked test.

    The function is called with arrays of NumPy and keywords, by the names of rot180's public
    functions. It raises `NotImplementedError` where it does not support a call; the test is then
    skipped.
    """
    if _of(request.node) is None:
        pytest.fail(
            "audit: found no marker, expected @pytest.mark.rot180(layer=..., wrt=...)",
            pytrace=False,
        )
    return functools.partial(_judge, request.node)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, Any, Any]:
    """Judge what a marked test returns, if it returns a function."""
    if _of(pyfuncitem) is None:
        return (yield)
    test = pyfuncitem.obj

    @functools.wraps(test)
    def judged(**given: Any) -> None:
        returned = test(**given)
        if returned is not None:
            _judge(pyfuncitem, returned)
        if not pyfuncitem.stash.get(_judged, False):
            said = "found a marked test that judged nothing, expected audit(function)"
            pytest.fail(f"@pytest.mark.rot180: {said} or return function", pytrace=False)

    pyfuncitem.obj = judged
    try:
        return (yield)
    finally:
        pyfuncitem.obj = test


def _of(item: pytest.Item) -> LayerCall | None:
    callspec = getattr(item, "callspec", None)
    return None if callspec is None else callspec.params.get(_CONFIGURATION)


def _judge(item: pytest.Function, function: Callable[..., Any]) -> None:
    from rot180.codegen.audit.runs import fault
    from rot180.codegen.audit.targets import UnsupportedCallError

    configuration, marker = _of(item), item.get_closest_marker(MARK)
    assert configuration is not None and marker is not None
    asked = Asked(*marker.args, **marker.kwargs)
    if not callable(function):
        said = f"found {type(function).__name__}, expected a function"
        pytest.fail(f"audit: {said}", pytrace=False)
    item.stash[_judged] = True
    item.user_properties.append((MARK, f"{asked.layer} {asked.wrt}".strip()))
    known = item.config.stash[_known].setdefault(item.nodeid.partition("[")[0], {})
    try:
        text = fault(configuration, function, asked.dtypes, asked.seed, known)
    except UnsupportedCallError as error:
        pytest.skip(f"not supported: {error}")
    if text:
        pytest.fail(text, pytrace=False)


@dataclass(eq=False)  # pytest hashes its plugins
class AuditTally:
    """Counts what was judged: a test all of whose configurations are unsupported shows nothing.

    Attributes:
        judged: how many configurations of each test were judged.
        skipped: how many it does not support.

    """

    judged: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a report."""
        if report.when == "call" and MARK in dict(report.user_properties):
            into = self.skipped if report.skipped else self.judged
            into[report.nodeid.partition("[")[0]] += 1

    @property
    def silent(self) -> list[str]:
        """Return the tests that judged nothing."""
        return sorted(self.skipped.keys() - self.judged.keys())

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Let the run fail if a test judged nothing."""
        if self.silent and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Name the tests that judged nothing."""
        for name in self.silent:
            terminalreporter.write_line(
                f"rot180: {name} supports none of {self.skipped[name]} configurations, expected "
                "some: raise --rot180-budget, or choose them with supports=",
                red=True,
            )
