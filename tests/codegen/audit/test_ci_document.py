"""docs/ci.md, followed from top to bottom on an empty repository; hooks, action and reports."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest

from rot180.codegen.cli.main import main
from rot180.codegen.kernels import committed
from rot180.codegen.system import files

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
SECTIONS = {part.partition("\n")[0]: part for part in re.split(r"^## ", PAGE, flags=re.M)[1:]}
HOOKS = (ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8")
ACTION = (ROOT / "action.yml").read_text(encoding="utf-8")
EXAMPLES = ROOT / "docs" / "ci"
SECONDS = 600.0


@dataclass(frozen=True)
class Block:
    """A block of a page.

    Attributes:
        before: the paragraph before it.
        kind: its language.
        text: what is in it.

    """

    before: str
    kind: str
    text: str

    @property
    def file(self) -> str:
        """Return the file that the paragraph before it names; "" if none."""
        found = re.search(r"`([\w./-]+)`:$", self.before)
        return found[1] if found else ""


def blocks(section: str) -> Iterator[Block]:
    """Yield the blocks of a section in order."""
    parts = re.split(r"^```(\w*)\n(.*?)^```\n", SECTIONS[section], flags=re.M | re.S)
    for before, kind, text in zip(parts[::3], parts[1::3], parts[2::3], strict=False):
        yield Block(before.strip().rpartition("\n\n")[2].replace("\n", " "), kind, text)


class Repository:
    """An empty repository, with commands that call this checkout of rot180.

    Args:
        folder: where it is.

    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.output, self.code = folder / "work", "", 0
        self.folder.mkdir()
        commands = folder / "bin"
        commands.mkdir()
        program = "from rot180.codegen.cli.main import main; raise SystemExit(main())"
        for name, line in (
            ("rot180", f'exec {shlex.quote(sys.executable)} -c "{program}" "$@"'),
            ("python", f'exec {shlex.quote(sys.executable)} "$@"'),
        ):
            (commands / name).write_text(f"#!/bin/sh\n{line}\n")
            (commands / name).chmod(0o755)
        paths = [str(plugin(folder)), *filter(None, sys.path)]
        self.environment = {
            **{name: value for name, value in os.environ.items() if name != "NO_COLOR"},
            "PATH": f"{commands}:{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join(paths),
            "PYTEST_ADDOPTS": "-p no:cacheprovider -p no:xdist",
        }
        self.run("git init -q")

    def run(self, script: str, **environment: str) -> None:
        """Run a script of the shell; `code` and `output` are what came of it."""
        ended = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", script],
            cwd=self.folder,
            env={**self.environment, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
        )
        self.code, self.output = ended.returncode, ended.stdout

    def follow(self, section: str) -> None:
        """Do what a section says: write its files, run its commands, compare what they print."""
        for block in blocks(section):
            if block.kind == "sh" and "pip install" not in block.text:
                self.run(block.text)
                expected = 1 if "exit code 1" in block.before else 0
                assert self.code == expected, self.output
            elif block.kind == "text":
                page = block.text.rstrip()
                assert shown(page, page) in shown(self.output, page), self.output
            elif block.file:
                path = self.folder / block.file
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(block.text)


def shown(text: str, page: str) -> str:
    """Return a text as it is compared: where a page has a drawn call, without its numbers."""
    if "smallest call" not in page:
        return text
    return re.sub(r"-?\d+", "0", re.sub(r"\[\[.*\]\]", "[[]]", text))


def plugin(folder: Path) -> Path:
    """Return a folder that declares the plugin as pip would."""
    installed = folder / "installed"
    info = installed / "rot180_plugin-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: rot180-plugin\nVersion: 1\n")
    entry = "[pytest11]\nrot180 = rot180.codegen.audit.plugin\n"
    (info / "entry_points.txt").write_text(entry)
    return installed


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """Follow the first section in a repository."""
    there = Repository(tmp_path_factory.mktemp("ci"))
    there.follow("In five minutes")
    return there


def test_in_five_minutes(followed: Repository) -> None:
    """The commands ran; one exit code was 1, red with the mistake and green without."""
    said = [b.before for b in blocks("In five minutes") if b.kind == "sh"]
    assert sum("exit code 1" in text for text in said) == 1 and len(said) == 4
    assert (followed.folder / ".github/workflows/audit.yml").is_file()


def action_environment(inputs: dict[str, str]) -> dict[str, str]:
    """Return the variables of the action's last step for some inputs."""
    declared = re.findall(r"^  (\w+):\n((?:    .*\n)+)", ACTION.partition("\nruns:")[0], re.M)
    known = {name: re.search(r'default: "?(.*?)"?\n', text) for name, text in declared}
    assert inputs.keys() <= known.keys()
    values = {name: found[1] if found else "" for name, found in known.items()} | inputs
    wanted = re.findall(r"^        (\w+): \$\{\{ inputs\.(\w+) \}\}$", ACTION, re.M)
    assert {name for _, name in wanted} == known.keys()
    return {variable: values[name] for variable, name in wanted}


def test_the_action_does_what_the_workflow_asks(followed: Repository) -> None:
    """Its last step runs with the inputs of the page, right and with the mistake brought back."""
    workflow = next(b.text for b in blocks("In five minutes") if b.kind == "yaml")
    given = re.search(r"uses: OWNER/rot180@COMMIT\n        with:\n((?:          .*\n)+)", workflow)
    assert given is not None
    inputs = dict(line.strip().split(": ", 1) for line in given[1].splitlines())
    script = ACTION.rpartition("      run: |\n")[2].replace("\n        ", "\n").strip()
    small = {**inputs, "configurations": "6"}
    followed.run(script, **action_environment(small))
    assert followed.code == 0, followed.output
    report = json.loads((followed.folder / "rot180.sarif").read_text())
    assert report["runs"][0]["results"] == []
    assert "sarif_file: rot180.sarif" in workflow
    followed.run("git apply -R remainder.patch")
    followed.run(script, **action_environment({**small, "report": "junit", "output": "a.xml"}))
    assert followed.code == 1 and "remainder ignored" in followed.output
    assert "remainder ignored" in (followed.folder / "a.xml").read_text()
    followed.run("git apply remainder.patch")


@pytest.mark.parametrize("section", ["Assertions and Hypothesis", "Adapters", "Reports"])
def test_the_other_sections(followed: Repository, section: str) -> None:
    if section == "Reports":  # which needs a file of the section before
        for block in blocks("Adapters"):
            if block.file:
                (followed.folder / block.file).write_text(block.text)
    followed.follow(section)


MINIMAL = {
    "type": "object",
    "required": ["$schema", "version", "runs"],
    "properties": {
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["tool", "results"],
                "additionalProperties": False,
                "properties": {
                    "tool": {
                        "type": "object",
                        "required": ["driver"],
                        "properties": {
                            "driver": {
                                "type": "object",
                                "required": ["name", "rules"],
                                "properties": {
                                    "rules": {
                                        "type": "array",
                                        "items": {
                                            "type": "object",
                                            "required": [
                                                "id",
                                                "shortDescription",
                                                "fullDescription",
                                                "help",
                                            ],
                                        },
                                    }
                                },
                            }
                        },
                    },
                    "results": {"type": "array", "items": {"$ref": "#/$defs/result"}},
                },
            },
        },
    },
    "$defs": {
        "result": {
            "type": "object",
            "required": ["ruleId", "level", "message", "locations", "partialFingerprints"],
            "properties": {
                "level": {"enum": ["none", "note", "warning", "error"]},
                "message": {"type": "object", "required": ["text"]},
                "partialFingerprints": {"additionalProperties": {"type": "string"}},
                "locations": {
                    "type": "array",
                    "minItems": 1,
                    "items": {
                        "type": "object",
                        "required": ["physicalLocation"],
                        "properties": {
                            "physicalLocation": {
                                "type": "object",
                                "required": ["artifactLocation", "region"],
                                "properties": {
                                    "region": {
                                        "properties": {
                                            "startLine": {"type": "integer", "minimum": 1}
                                        },
                                        "required": ["startLine"],
                                    },
                                    "artifactLocation": {
                                        "properties": {"uri": {"pattern": "^[^/:]+(/[^/:]+)*$"}},
                                        "required": ["uri"],
                                    },
                                },
                            }
                        },
                    },
                },
            },
        }
    },
}
"""What SARIF 2.1.0 requires, and GitHub of what it shows, of the parts that are used."""


def test_the_examples_of_reports(followed: Repository, request: pytest.FixtureRequest) -> None:
    """They are those of the mistake of the page; `pytest --update-golden` writes them."""
    followed.run("git apply -R remainder.patch")
    command = "rot180 audit test_audit_conv2d_input.py:adapter --layer conv2d --wrt input"
    for form, name in (("junit", "audit.xml"), ("sarif", "audit.sarif")):
        followed.run(f"{command} --report {form} --output {name}")
        assert followed.code == 1, followed.output
        found = (followed.folder / name).read_text(encoding="utf-8")
        if request.config.getoption("--update-golden"):
            files.write(EXAMPLES, {name: found})
        assert (EXAMPLES / name).read_text(encoding="utf-8") == found
    followed.run("git apply remainder.patch")
    report = json.loads((EXAMPLES / "audit.sarif").read_text(encoding="utf-8"))
    jsonschema.validate(report, MINIMAL)
    (result,) = report["runs"][0]["results"]
    place = result["locations"][0]["physicalLocation"]
    adapter = (followed.folder / "test_audit_conv2d_input.py").read_text().splitlines()
    assert place["artifactLocation"]["uri"] == "test_audit_conv2d_input.py"
    assert adapter[place["region"]["startLine"] - 1].startswith("def adapter")
    (suite,) = [ElementTree.parse(EXAMPLES / "audit.xml").getroot()]
    assert suite.tag == "testsuite" and suite.attrib["failures"] == "1"
    assert [case.tag for case in suite] == ["testcase"] and suite[0][0].tag == "failure"


def hook(name: str) -> dict[str, str]:
    """Return the keys of a hook."""
    (text,) = [one for one in HOOKS.split("\n- ")[1:] if one.startswith(f"id: {name}\n")]
    return dict(line.strip().split(": ", 1) for line in text.splitlines())


def test_the_hooks_are_those_of_the_page() -> None:
    page = SECTIONS["Pre-commit"]
    assert re.findall(r"- id: (\S+)", page) == re.findall(r"^- id: (\S+)", HOOKS, re.M)
    verify = hook("rot180-verify")
    for path in ("certificate.json", "out/certificate.json", "generated/certificates/a_1.json"):
        assert re.search(verify["files"], path), path
    for path in ("package.json", "my_certificate.json", "certificates/a/b.json"):
        assert not re.search(verify["files"], path), path
    honest = files.generated_folder() / files.CERTIFICATES / "dense_input.json"
    command = shlex.split(verify["entry"])
    assert command.pop(0) == "rot180"
    assert main([*command, str(honest)]) == 0


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)


def test_drift_counts_untracked_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = {"numpy_a.py": "a = 1\n", "certificates/a.json": "{}\n"}
    monkeypatch.setattr(committed, "generated", lambda progress: texts)
    check = hook("rot180-generate-check")
    words = [*shlex.split(check["entry"])[1:], *check["args"].strip("[]").split(", ")]
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "generated"
    files.write(folder, texts)
    assert main(words) == 2  # no repository
    assert "--tracked: found" in capsys.readouterr().err
    git(tmp_path, "init", "-q")
    assert main(words) == 1
    assert capsys.readouterr().out.count("git does not track it") == 2
    git(tmp_path, "add", "generated")
    assert main(words) == 0
    (folder / "numpy_old.py").write_text("left over\n")  # untracked, and no longer generated
    assert main(words) == 1
    assert "numpy_old.py: on disk, but no longer generated" in capsys.readouterr().out
    (folder / "numpy_old.py").unlink()
    (folder / "numpy_a.py").write_text("a = 2\n")
    assert main(words) == 1
    assert "+a = 1" in capsys.readouterr().out
    assert main(["generate", "--tracked", "-o", "generated"]) == 2
    assert "--tracked: found no --check, expected both" in capsys.readouterr().err
