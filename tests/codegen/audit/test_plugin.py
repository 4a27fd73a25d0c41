"""The plugin of pytest, run by pytest on small test files."""

from __future__ import annotations

import os
import sys
import tomllib
from pathlib import Path

import pytest

import rot180.codegen.audit.runs  # noqa: F401  so that each run inside finds it imported

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[3]
PLUGIN = ("-p", "no:rot180", "-p", "rot180.codegen.audit.plugin", "-p", "no:cacheprovider")

RIGHT = """
    import pytest
    from naive_layers import conv1d_weight

    @pytest.mark.rot180(layer="conv1d", wrt="weight", dtypes=["float64"])
    def test_weight(audit):
        audit(conv1d_weight)

    @pytest.mark.rot180("conv1d", "weight", supports=lambda one: one.symmetric, budget=3)
    def test_returned(tmp_path):
        return conv1d_weight
"""

WRONG = """
    import pytest
    from naive_layers import conv1d_weight

    @pytest.mark.rot180(layer="conv1d", wrt="weight")
    def test_weight(audit):
        audit(lambda stride, **given: conv1d_weight(stride=(1,), **given))
"""


@pytest.fixture(autouse=True)
def _layers(pytester: pytest.Pytester) -> None:
    """Put the functions that are judged beside the tests, where workers find them too."""
    pytester.makepyfile(naive_layers=(ROOT / "tests/support/naive_layers.py").read_text("utf-8"))


def test_one_test_for_each_configuration(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(RIGHT)
    ran = pytester.runpytest_inprocess(*PLUGIN, "--rot180-budget", "6", "--strict-markers", "-v")
    ran.assert_outcomes(passed=12)
    names = [line.split()[0] for line in ran.outlines if "::" in line]
    assert len(set(names)) == 12
    again = pytester.runpytest_inprocess(*PLUGIN, "--rot180-budget", "6", "--co", "-q")
    assert [line for line in again.outlines if "::" in line] == names
    default = pytester.runpytest_inprocess(*PLUGIN, "--co", "-q")
    count = sum("::" in line for line in default.outlines)
    assert count == 40 + 3


def test_the_message_is_the_diagnosis(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(WRONG)
    ran = pytester.runpytest_inprocess(*PLUGIN, "--rot180-budget", "12")
    assert ran.ret == pytest.ExitCode.TESTS_FAILED
    ran.stdout.fnmatch_lines(
        [
            "*gradient by weight of conv1d is wrong",
            "    mistake: stride ignored",
            "    smallest call, in float64:",
            "        stride = (2,)",
            "    result*found *, expected *",
            "    here, in float64: result*",
            "    in <conv1d: input=*stride=*",
        ]
    )
    assert "Traceback" not in ran.stdout.str()


def test_workers_agree_on_the_tests(pytester: pytest.Pytester) -> None:
    pytest.importorskip("xdist")
    pytester.makepyfile(RIGHT)
    ran = pytester.runpytest_inprocess(*PLUGIN, "--rot180-budget", "3", "-n", "2")
    ran.assert_outcomes(passed=6)


def test_unsupported_calls_are_skipped_and_all_of_them_is_a_failure(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(
        """
        import pytest
        from naive_layers import conv1d_weight

        def strided(stride, **given):
            if stride[0] > 1:
                raise NotImplementedError("strides")
            return conv1d_weight(stride=stride, **given)

        @pytest.mark.rot180(layer="conv1d", wrt="weight")
        def test_some(audit):
            audit(strided)

        def above(one):
            return one.keywords["stride"][0] > 1

        @pytest.mark.rot180(layer="conv1d", wrt="weight", supports=above)
        def test_none(audit):
            audit(strided)
        """
    )
    ran = pytester.runpytest_inprocess(*PLUGIN, "--rot180-budget", "8", "-rs")
    found = ran.parseoutcomes()
    assert found["skipped"] > 8 and found["passed"] + found["skipped"] == 16
    assert ran.ret == pytest.ExitCode.TESTS_FAILED
    said = ["rot180: *::test_none supports none of 8*", "*not supported: strides"]
    ran.stdout.fnmatch_lines(said)
    assert "test_some supports" not in ran.stdout.str()


@pytest.mark.parametrize(
    "mark, body, said",
    [
        ('layer="conv9d"', "audit(print)", "conv9d"),
        ('layer="conv1d", operand="x"', "audit(print)", "unexpected keyword argument 'operand'"),
        ('"conv1d", supports=lambda _: False', "audit(print)", "no configuration that it accepts"),
        ('layer="conv1d"', "pass", "judged nothing, expected audit(function) or return function"),
        ('layer="conv1d"', "audit(3)", "found int, expected a function"),
    ],
)
def test_mistakes_in_a_test_are_said(
    pytester: pytest.Pytester, mark: str, body: str, said: str
) -> None:
    pytester.makepyfile(
        f"import pytest\n@pytest.mark.rot180({mark})\ndef test_it(audit):\n    {body}\n"
    )
    ran = pytester.runpytest_inprocess(*PLUGIN, "--rot180-budget", "1")
    assert ran.ret != 0
    assert said in ran.stdout.str() and "Traceback" not in ran.stdout.str()


def test_audit_needs_the_marker_and_the_budget_a_number(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(audit):\n    audit(print)\n")
    ran = pytester.runpytest_inprocess(*PLUGIN)
    ran.assert_outcomes(errors=1)
    assert "expected @pytest.mark.rot180" in ran.stdout.str()
    ran = pytester.runpytest_inprocess(*PLUGIN, "--rot180-budget", "0")
    assert ran.ret == pytest.ExitCode.USAGE_ERROR


def test_the_plugin_is_installed_and_imports_no_sympy(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As pip installs it: by the entry point of pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    (name, module), *rest = project["entry-points"]["pytest11"].items()
    assert not rest
    folder = pytester.mkdir("installed") / "rot180_plugin-1.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: rot180-plugin\nVersion: 1\n")
    (folder / "entry_points.txt").write_text(f"[pytest11]\n{name} = {module}\n")
    paths = [str(folder.parent), *sys.path]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    pytester.makepyfile(
        """
        import sys

        def test_it(pytestconfig):
            assert pytestconfig.getoption("--rot180-budget") is None
            assert not {"sympy", "jinja2", "numpy"} & set(sys.modules)
        """
    )
    ran = pytester.runpytest_subprocess("-p", "no:xdist", "-p", "no:cacheprovider")
    ran.assert_outcomes(passed=1)


def test_folders_with_a_conftest_of_their_own(pytester: pytest.Pytester) -> None:
    """There pytest looks for the plugins of a folder, by their hashes."""
    for folder in ("one", "two"):
        pytester.mkdir(folder).joinpath("conftest.py").write_text("x = 1\n", "utf-8")
        text = "def test_nothing():\n    pass\n"
        pytester.path.joinpath(folder, f"test_{folder}.py").write_text(text, "utf-8")
    ran = pytester.runpytest_inprocess(*PLUGIN)
    ran.assert_outcomes(passed=2)
