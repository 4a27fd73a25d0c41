"""docs/certificates.md is correct: its JSON, its rules, its fields and its Python."""

from __future__ import annotations

import contextlib
import inspect
import io
import json
import re
from pathlib import Path

import pytest

from rot180.derive.certificates.reader import FORMAT
from rot180.derive.certificates.writer import dumps
from rot180.derive.kernel.place import RULES
from rot180.derive.language.scalar_functions import RELATIONS
from rot180.derive.theorems import theorem

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "certificates.md").read_text(encoding="utf-8")
SHOWN = re.findall(r"<!-- (\w+) ?(\S*) -->\n```json\n(.*?)```", PAGE, re.DOTALL)
CODE = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize(("name", "path", "text"), SHOWN)
def test_what_is_shown_is_in_the_file(name: str, path: str, text: str) -> None:
    found = json.loads((ROOT / "generated" / "certificates" / f"{name}.json").read_text())
    for key in path.split("/") if path else ():
        found = found[int(key) if isinstance(found, list) else key]
    assert found == json.loads(text)


def test_every_example_is_compared() -> None:
    assert len(SHOWN) == PAGE.count("```json") >= 5


def test_the_rules_are_those_of_the_source() -> None:
    rows = re.findall(r"^\| `(\w+)` \| ([^|]*) \| [^|]* \|$", PAGE, re.MULTILINE)
    said = {name: set(re.findall(r"`(\w+)`", arguments)) for name, arguments in rows}
    found = {name: set(inspect.signature(r).parameters) - {"place"} for name, r in RULES.items()}
    assert said == found


def test_the_fields_are_those_of_the_format() -> None:
    text = dumps(theorem("delta_correlation_general_1d").proof)
    data = json.loads(text)
    fields = re.findall(r"^\| `(\w+)` \| [^|]* \|$", PAGE, re.MULTILINE)
    steps = {"rule", "at", "arguments", "backwards_from", "certificates", "inside"}
    assert set(fields) == data.keys() | steps
    assert data["format"] == FORMAT == 1


@pytest.mark.parametrize("code", CODE)
def test_the_python_runs(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(code, "docs/certificates.md", "exec"), {})


def test_the_relations_are_those_of_the_table() -> None:
    found = re.findall(r"(\w+)' = ((?:[-+*/^ ]|\w)+?)(?:  |\n)", PAGE)
    assert {name: text.strip() for name, text in found if name in RELATIONS} == RELATIONS
