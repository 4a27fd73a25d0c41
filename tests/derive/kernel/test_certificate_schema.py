"""The JSON schema of certificates: the committed ones are valid; what it refuses is malformed."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from rot180.derive.certificates.reader import MalformedError, loads
from rot180.derive.kernel.place import ARGUMENTS
from tests.support.forger import committed, forge

FORMAT = json.loads((Path(__file__).parents[3] / "docs/certificate.schema.json").read_text())
SCHEMA = Draft202012Validator(FORMAT)


def admitted(text: str) -> bool:
    try:
        return bool(SCHEMA.is_valid(json.loads(text)))
    except ValueError:
        return False


def readable(text: str) -> bool:
    try:
        loads(text)
    except MalformedError:
        return False
    return True


@pytest.mark.parametrize("path", committed(), ids=lambda p: p.stem)
def test_committed_certificates_are_valid(path: Path) -> None:
    SCHEMA.validate(json.loads(path.read_text()))


def test_the_schema_has_the_arguments_of_every_rule() -> None:
    Draft202012Validator.check_schema(FORMAT)
    step = FORMAT["$defs"]["step"]
    assert sorted(step["properties"]["rule"]["enum"]) == sorted(ARGUMENTS)
    found: dict[str, list[str]] = {"collect": []}
    for case in step["allOf"][1:]:
        rules = case["if"]["properties"]["rule"]
        arguments = case["then"]["properties"]["arguments"]
        if "$ref" in arguments:
            arguments = FORMAT["$defs"][arguments["$ref"].rpartition("/")[2]]
        for rule in rules.get("enum", [rules.get("const")]):
            found[rule] = sorted(arguments.get("properties", {}))
    assert found == {rule: sorted(kinds) for rule, kinds in ARGUMENTS.items()}


def test_what_the_schema_refuses_is_malformed() -> None:
    """It cannot see what is in scope, nor what depends on two places: it may accept more."""
    count: Counter[tuple[bool, bool]] = Counter()
    for number in range(1500):
        text = forge("schema", number)
        valid, read = admitted(text), readable(text)
        assert valid or not read, text
        count[valid, read] += 1
    assert min(count[False, False], count[True, True]) > 300, count
