"""The workflows of GitHub run what is fixed: actions by commit, tools by hash; jobs have an end."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
REQUIREMENTS = ROOT / ".github" / "requirements"


def jobs(text: str) -> list[str]:
    """Return the text of each job of a workflow."""
    return re.split(r"^  (?=[\w-]+:$)", text.partition("\njobs:\n")[2], flags=re.MULTILINE)[1:]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda p: p.name)
def test_actions_are_fixed_and_jobs_end(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    used = re.findall(r"uses: (.*)", text)
    assert used
    for action in used:
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v[\d.]+", action), action
    assert len(jobs(text)) >= 2
    for job in jobs(text):
        assert re.search(r"^    timeout-minutes: \d+$", job, re.MULTILINE), job
    assert "\npermissions:\n  contents: read\n" in text
    assert text.count("persist-credentials: false") == text.count("uses: actions/checkout@")


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda p: p.name)
def test_only_the_job_that_publishes_pages_may_write(path: Path) -> None:
    """It runs one action, and nothing of this repository."""
    for job in jobs(path.read_text(encoding="utf-8")):
        if "permissions:" in job or "write" in job:
            assert re.findall(r"[\w-]+: write", job) == ["pages: write", "id-token: write"]
            assert [name.split("@")[0] for name in re.findall(r"uses: (.*)", job)] == [
                "actions/deploy-pages"
            ]
            assert "run:" not in job


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda p: p.name)
def test_pip_installs_by_hash(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for command in re.findall(r"pip install (.*)", text):
        assert command.startswith("--require-hashes") or "dist/" in command, command


def test_each_tool_has_hashes() -> None:
    text = (REQUIREMENTS / "build.txt").read_text(encoding="utf-8")
    assert "://" not in text
    tools = re.split(r"\n(?=[a-z])", text)[1:]
    assert len(tools) >= 10
    for tool in tools:
        assert re.match(r"[a-z-]+==[\w.]+.* \\\n    --hash=sha256:[0-9a-f]{64}", tool), tool


def test_the_oldest_versions_are_those_of_the_project() -> None:
    """A wheel is tested with them, after it was tested with the newest."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    oldest = (REQUIREMENTS / "oldest.txt").read_text(encoding="utf-8")
    for requirement in project["project"]["dependencies"]:
        name, version = requirement.split(">=")
        assert re.search(rf"^{name}=={re.escape(version)}\.0\b", oldest, re.MULTILINE), requirement
    check, install, again = project["tool"]["cibuildwheel"]["test-command"]
    assert check == again == "python {project}/tests/support/wheel_check.py"
    assert install.endswith("{project}/.github/requirements/oldest.txt")


def test_wheels_are_built_on_each_processor_they_are_for() -> None:
    """Each on a machine that runs what it built; no option names a processor."""
    text = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    (machines,) = re.findall(r"os: \[(.*)\]", text)
    linux, macos = ("ubuntu-latest", "ubuntu-24.04-arm"), ("macos-latest", "macos-15-intel")
    assert machines.split(", ") == [*linux, *macos, "windows-latest"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    for module in project["tool"]["setuptools"]["ext-modules"]:
        assert not [o for o in module["extra-compile-args"] if o.startswith("-m")]
    assert "-m" not in (ROOT / "setup.py").read_text(encoding="utf-8")


def test_pyodide_is_of_one_version() -> None:
    """What is tested is published, and what the documentation says to get."""
    script = (ROOT / ".ci" / "pyodide").read_text(encoding="utf-8")
    (version,) = re.findall(r"npm pack pyodide@([\d.]+)", script)
    assert f"archive=pyodide-{version}.tgz\nhash=" in script
    assert f"npm pack pyodide@{version} " in (ROOT / "docs" / "usage.md").read_text("utf-8")
    for user in (".ci/stages/system.sh", ".github/workflows/pages.yml"):
        text = (ROOT / user).read_text(encoding="utf-8")
        assert ".ci/pyodide" in text and "npm pack" not in text
